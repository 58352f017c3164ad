"""A list of tests per file, and how they are run.

A test is a coroutine that takes a `House`; its name is the sentence that it proves. Nothing here waits for a while:
every wait ends with an event, and `PATIENCE` only bounds how long a broken server can hold up a run.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Iterator

# Seconds after which something that should have happened counts as not happening.
PATIENCE = 20.0
# Seconds after which a whole test has failed.
LONGEST_TEST = 90.0


@dataclass
class Outcome:
    """How one test went."""

    name: str
    seconds: float
    problem: str | None


class Tests:
    """The tests of one file, in order."""

    def __init__(self, subject: str, **house: Any) -> None:
        self.subject = subject
        # Keyword arguments for the server that the tests of this file share.
        self.house = house
        self.list: list[tuple[Callable[..., Awaitable[None]], float]] = []

    def __call__(self, function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        self.list.append((function, LONGEST_TEST))
        return function

    def taking(self, seconds: float) -> Callable[..., Any]:
        """For a test that may take longer than the others."""

        def add(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
            self.list.append((function, seconds))
            return function

        return add

    def each(self, cases: list[Any], longest: float = LONGEST_TEST) -> Callable[..., Any]:
        """One test per case; the case is the second argument, and it (of a tuple the first member) is part
        of the name."""

        def add(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
            for case in cases:

                async def one(house: Any, case: Any = case) -> None:
                    await function(house, case)

                name = case if isinstance(case, str) else case[0]
                one.__name__ = f"{function.__name__}[{name}]"
                self.list.append((one, longest))
            return function

        return add


async def run_one(function: Callable[..., Awaitable[None]], house: Any, longest: float) -> Outcome:
    """Runs a test; every failure becomes text."""
    start = time.monotonic()
    problem = None
    try:
        async with asyncio.timeout(longest):
            await function(house)
    except Exception:  # noqa: BLE001 - whatever a test raises is how it failed
        problem = traceback.format_exc()
    return Outcome(function.__name__, time.monotonic() - start, problem)


@contextlib.asynccontextmanager
async def patience(what: str, seconds: float = PATIENCE):
    """Bounds a wait, and names what did not come."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:g} s") from None


def check(holds: Any, words: str = "") -> None:
    """Like `assert`, with words, and never optimised away."""
    if not holds:
        raise AssertionError(words or "does not hold")


def says(text: str, *words: str) -> None:
    """Each of these words is in a text."""
    for word in words:
        check(word in text, f"{word!r} is not said in:\n{text}")


def equal(found: Any, expected: Any, words: str = "") -> None:
    """Fails with both values."""
    if found != expected:
        raise AssertionError(f"{words + ': ' if words else ''}found {found!r}, expected {expected!r}")


@contextlib.contextmanager
def refused(kind: type[BaseException] | tuple[type[BaseException], ...]) -> Iterator[list[BaseException]]:
    """What is inside must raise `kind`; the exception is then the list's only member."""
    caught: list[BaseException] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
        return
    raise AssertionError("was not refused")
