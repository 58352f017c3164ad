"""Runs all suites against the built binary: `run.py [--binary PATH] [--load PATH] [SUITE[.TEST] …]`.

Prints one line per test and closes with `N passed, N failed`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
import time
from pathlib import Path

from harness.server import House
from harness.tests import run_one

SUITES = [
    "login_slixmpp",
    "messaging_slixmpp",
    "rooms_slixmpp",
    "omemo_slixmpp",
    "agent",
    "agent_omemo",
    "web",
    "web_rooms",
    "web_administration",
    "web_groups",
    "web_files",
    "web_devices",
    "web_shapes",
    "web_hostile",
    "web_previews",
    "encryption",
    "omemo_abroad",
    "pep_slixmpp",
    "sasl2",
    "websocket",
    "bosh",
    "host_meta",
    "proxies",
    "inbox",
    "operations",
    "backups",
    "upgrade",
    "packages",
    "audit",
    "rest",
    "ldap",
    "promises",
    "federation",
    "dane",
    "sharing",
    "gateway",
    "uploads",
    "uploads_access",
    "previews",
    "push",
    "links",
    "relays",
    "accounts_slixmpp",
    "portable",
    "rates",
    "abuse",
]
ROOT = Path(__file__).resolve().parents[2]


def built(name: str) -> Path:
    """A program of this workspace, as built last."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    candidates = [path for path in (target / "debug" / name, target / "release" / name) if path.exists()]
    if not candidates:
        return target / "debug" / name
    return max(candidates, key=lambda path: path.stat().st_mtime)


async def run(binary: Path, load: Path, wanted: list[str]) -> tuple[int, int]:
    passed, failures = 0, []
    # All of them before any runs: one that Python does not take is told at once.
    suites = {name: importlib.import_module(name).tests for name in SUITES}
    for name, tests in suites.items():
        chosen = [word for word in wanted if word.split(".")[0] == name]
        if wanted and not chosen:
            continue
        print(f"{name}: {tests.subject}", flush=True)
        house = House(binary, load, **tests.house)
        begin = time.monotonic()
        try:
            for function, longest in tests.list:
                full = f"{name}.{function.__name__}"
                if chosen and name not in chosen and not any(full.startswith(word) for word in chosen):
                    continue
                outcome = await run_one(function, house, longest)
                await house.tidy()
                print(f"  {'ok    ' if outcome.problem is None else 'FAILED'} {outcome.seconds:6.2f} s  {outcome.name}", flush=True)
                if outcome.problem is None:
                    passed += 1
                else:
                    failures.append((full, outcome.problem))
        finally:
            await house.close()
        print(f"  {time.monotonic() - begin:.1f} s", flush=True)
    for full, problem in failures:
        print(f"\n== {full}\n{problem}")
    return passed, len(failures)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--binary", type=Path, default=Path(os.environ.get("HAUSPOST_BIN") or built("hauspost")))
    arguments.add_argument("--load", type=Path, default=None, help="the load generator (default: beside the binary)")
    arguments.add_argument("--verbose", action="store_true", help="show what slixmpp logs")
    arguments.add_argument("tests", nargs="*")
    given = arguments.parse_args()
    binary = given.binary.resolve()
    if not binary.exists():
        print(f"{binary} is not there; build it: cargo build --package server --bin hauspost")
        print("0 passed, 1 failed")
        return 1
    load = (given.load or binary.with_name("load")).resolve()
    logging.basicConfig(level=logging.DEBUG if given.verbose else logging.CRITICAL)
    passed, failed = asyncio.run(run(binary, load, given.tests))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    raise SystemExit(main())
