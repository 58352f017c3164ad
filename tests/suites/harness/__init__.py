"""What the suites share: the server under test, clients, certificates, and the list of tests."""

from .tests import Tests, check, equal, patience, says

__all__ = ["Tests", "check", "equal", "patience", "says"]
