"""What strangers and rude users do, while others go on talking: `load abuse --assert`."""

from __future__ import annotations

import asyncio
import subprocess

from harness import Tests, check
from harness.tests import patience

tests = Tests("abuse")


@tests.taking(400)
async def abuse_is_borne(house):
    if not house.load.exists():
        # Tests of a workspace build its tests, not its programs.
        subprocess.run(["cargo", "build", "--package", "load", "--bin", "load"], check=True)
    process = await asyncio.create_subprocess_exec(
        str(house.load), "abuse", "--assert", "--seconds", "0.5", "--hauspost", str(house.binary), "--work", str(house.folder / "abuse"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with patience("the end of `load abuse`", 110):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    print("    " + out.decode().replace("\n", "\n    ").rstrip(), flush=True)
    check(process.returncode == 0, out.decode())
