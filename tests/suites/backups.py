"""Backups that the server makes by itself, going back to one of them, and the drill."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from operations import archive, chat
from uploads import files, uploaded

from harness import Tests, check, equal, http, patience, says, wire
from harness.server import Server
from harness.wire import Wire

tests = Tests("backups", people=["romeo", "juliet"])


def kept(folder: Path) -> list[Path]:
    """The backups that are whole, oldest first."""
    return sorted(path for path in folder.glob("*Z") if (path / "backup.json").exists())


async def made(folder: Path, count: int) -> Path:
    """Waits until there are so many backups, and gives the newest."""
    async with patience("a backup"):
        while len(kept(folder)) < count:
            await asyncio.sleep(0.05)
    return kept(folder)[-1]


async def begun(house, **more: object) -> tuple[Server, Path]:
    """A server with two people that makes backups, and their folder."""
    server = house.server({"backup": {"folder": "backups", **more}})
    await server.people("romeo", "juliet")
    return server, server.folder / "backups"


def renamed(backup: Path, time: str) -> Path:
    """As if it had been made at another time."""
    return backup.rename(backup.with_name(time))


async def back(server: Server, folder: Path, time: str) -> None:
    """Goes back under the running server, and starts it anew: its ports are others then."""
    (await server.command("restore", str(folder), "--at", time)).expect()
    await server.stop()
    await server.start()


async def romeo(house, server: Server) -> Wire:
    return await wire.logged_in(house, server, "romeo")


@tests
async def one_goes_back_to_any_of_them(house):
    server, folder = await begun(house)
    await server.start()
    first = await made(folder, 1)
    check(not list(folder.glob("*.part")), "something unfinished is left")
    body = b"a file of the first day" * 100
    slot = await uploaded(house, server, body, "plan.txt", "text/plain")
    await chat(await romeo(house, server), "juliet", ["on the first day"])
    await server.stop()
    # A day goes by for the server when its last backup is older than that.
    renamed(first, "2026-01-01T10-00-00Z")
    await server.start()
    second = renamed(await made(folder, 2), "2026-01-02T10-00-00Z")
    await chat(await romeo(house, server), "juliet", ["on the second day"])
    await server.stop()
    await server.start()
    third = await made(folder, 3)
    one, other = (list((backup / "objects" / "uploads").rglob("*")) for backup in (second, third))
    objects = [next(path for path in found if path.is_file()) for found in (one, other)]
    equal(objects[0].stat().st_ino, objects[1].stat().st_ino)

    ambiguous = await server.command("restore", str(folder))
    check(ambiguous.code != 0, "one of three was chosen")
    says(ambiguous.said, "3 backups", "2026-01-01T10:00:00Z", "--at")
    early = await server.command("restore", str(folder), "--at", "2025-12-31T00:00:00Z")
    check(early.code != 0, "a time before the first")
    says(early.said, "2026-01-01T10:00:00Z")
    says((await server.command("restore", str(folder), "--at", "yesterday")).said, "yesterday", "2026-11-24T09:30:00Z")

    await back(server, folder, "2026-01-03T00:00:00Z")
    equal([text for _, text in await archive(await romeo(house, server))], ["on the first day"])
    equal((await http.get(server, slot.path)).body, body)
    await back(server, folder, "2026-01-01T10:00:00Z")
    equal(await archive(await romeo(house, server)), [])
    (await server.command("restore", str(third))).expect()
    await server.stop()
    await server.start()
    equal([text for _, text in await archive(await romeo(house, server))], ["on the first day", "on the second day"])


@tests
async def as_many_stay_as_are_asked_for(house):
    server, folder = await begun(house, keep=2)
    await server.start()
    first = await made(folder, 1)
    await server.stop()
    for day in (1, 2, 3):
        shutil.copytree(first, folder / f"2026-01-0{day}T10-00-00Z")
    shutil.rmtree(first)
    # What was not finished, and what is nobody's backup.
    shutil.copytree(folder / "2026-01-01T10-00-00Z", folder / "2026-01-04T10-00-00Z.part")
    (folder / "notes").mkdir()
    await server.start()
    async with patience("what is too much to go"):
        while len(kept(folder)) != 2 or list(folder.glob("*.part")):
            await asyncio.sleep(0.05)
    equal(kept(folder)[0].name, "2026-01-03T10-00-00Z")
    check((folder / "notes").is_dir(), "a folder of somebody else is gone")


@tests
async def a_drill_tells_whether_all_would_come_back(house):
    server, folder = await begun(house)
    await server.start()
    first = await made(folder, 1)
    await uploaded(house, server, b"drawn by hand" * 1000, "plan.txt", "text/plain")
    await chat(await romeo(house, server), "juliet", ["kept"])
    await server.stop()
    renamed(first, "2026-01-01T10-00-00Z")
    await server.start()
    backup = await made(folder, 2)
    for running in (True, False):
        if not running:
            await server.stop()
        before = sorted(path.name for path in server.folder.iterdir())
        done = (await server.command("restore", str(folder), "--at", "latest", "--drill")).expect()
        says(done.out, "2 accounts", "2 kept messages", "1 files")
        equal(sorted(path.name for path in server.folder.iterdir()), before)
    file = next(path for path in (backup / "objects" / "uploads").rglob("*") if path.is_file())
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"!")
    spoilt = await server.command("restore", str(backup), "--drill")
    check(spoilt.code != 0, "a changed file was not noticed")
    says(spoilt.said, "plan.txt", "use another backup")
    file.unlink()
    lost = await server.command("restore", str(backup), "--drill")
    check(lost.code != 0, "a lost file was not noticed")
    says(lost.said, "plan.txt", "missing")
    file.write_bytes(whole)
    store = backup / "store.sqlite"
    held = bytearray(store.read_bytes())
    for at in range(len(held) // 2, len(held) // 2 + 4096):
        held[at] ^= 0x5A
    store.write_bytes(held)
    done = await server.command("restore", str(backup), "--drill")
    check(done.code != 0, "a damaged store was not noticed")
    equal(len(files(server)), 1)


@tests
async def check_and_metrics_say_how_old_the_newest_is(house):
    server, folder = await begun(house)
    says((await server.command("check")).out, "there is none in", "backup")
    await server.start()
    backup = await made(folder, 1)
    says((await server.command("check")).expect().out, "the newest of", "0 hours old")
    async with patience("the figure"):
        while True:
            lines = (await http.get(server, "/metrics")).body.decode().splitlines()
            [line] = [line for line in lines if line.startswith("hauspost_backup_newest_timestamp_seconds ")]
            if float(line.split()[1]) > 1_700_000_000:
                break
            await asyncio.sleep(0.05)
    await server.stop()
    renamed(backup, "2026-01-01T10-00-00Z")
    says((await server.command("check")).out, "warning", "2026-01-01T10:00:00Z", "backup")
    says((await house.server().command("check")).out, "the server makes none by itself")


@tests
async def a_folder_that_cannot_be_written_is_told_and_nothing_else_suffers(house):
    server, folder = await begun(house)
    folder.write_text("a file")
    await server.start()
    async with patience("the log to say so"):
        while "the backup could not be made" not in server.log():
            await asyncio.sleep(0.05)
    says(server.log(), str(folder))
    await chat(await romeo(house, server), "juliet", ["said all the same"])
