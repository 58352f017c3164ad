"""Who changed what: the audit log by command line and by clients, on a running and a stopped server; and that tampering shows."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import datetime, timezone

from harness import Tests, check, equal, says
from harness.server import DOMAIN, House, Server

tests = Tests("audit: who changed what, and that nobody can change that unseen")


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def entries(server: Server, *filters: str) -> list[dict]:
    exported = (await server.command("audit", "export", *filters)).expect().out
    return [json.loads(line) for line in exported.splitlines()]


async def history(server: Server) -> None:
    """Some people come, change and go."""
    for arguments in (
        ("user", "add", "anna", "--admin", "--password-stdin"),
        ("user", "add", "bert", "--role", "helpdesk", "--password-stdin"),
        ("user", "groups", "bert", "Sales", "Board"),
        ("user", "role", "bert", "auditor"),
        ("user", "disable", "bert"),
        ("user", "remove", "bert"),
    ):
        stdin = "a long password\n" if "--password-stdin" in arguments else ""
        (await server.command(*arguments, stdin=stdin)).expect()


@tests
async def what_the_command_line_does_is_told_whether_it_runs_or_not(house: House) -> None:
    for running in (False, True):
        server = house.server()
        if running:
            await server.start()
        await history(server)
        told = [(entry["actor"], entry["door"], entry["action"], entry["subject"], entry["detail"]) for entry in await entries(server)]
        anna, bert, console = address("anna"), address("bert"), ("console", "console")
        equal(told, [
            (*console, "account.created", anna, "owner"),
            (*console, "account.created", bert, "helpdesk"),
            (*console, "account.groups", bert, "Board, Sales in place of –"),
            (*console, "account.role", bert, "auditor in place of helpdesk"),
            (*console, "account.disabled", bert, ""),
            (*console, "account.removed", bert, ""),
        ])
        equal([entry["number"] for entry in await entries(server, "--subject", anna)], [1])
        equal([entry["number"] for entry in await entries(server, "--action", "account.role")], [4])
        newest = (await server.command("audit", "list", "--last", "2")).expect().out
        equal([line.split("\t")[4] for line in newest.splitlines()], ["account.disabled", "account.removed"])
        wrong = await server.command("audit", "list", "--since", "yesterday")
        check(wrong.code != 0, "no point in time was taken")
        says(wrong.said, "2026-11-23T08:00:00Z")
        if running:
            await server.stop()


@tests
async def digests_can_be_computed_by_others(house: House) -> None:
    server = house.server()
    await history(server)
    digest = bytes(32)
    for entry in await entries(server):
        at = datetime.fromisoformat(entry["at"].replace("Z", "+00:00"))
        since = at - datetime(1970, 1, 1, tzinfo=timezone.utc)
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        data = digest + entry["number"].to_bytes(8, "big") + micros.to_bytes(8, "big")
        for key in ("actor", "door", "action", "subject", "detail"):
            text = entry[key].encode()
            data += len(text).to_bytes(8, "big") + text
        digest = hashlib.sha256(data).digest()
        equal(entry["digest"], digest.hex())
    head = (await server.command("audit", "head")).expect().out.strip()
    equal(head, f"6:{digest.hex()}")


@tests.each([
    ("an actor", "UPDATE audit SET actor = 'somebody else' WHERE number = 2", "entry 2"),
    ("an entry in the middle", "DELETE FROM audit WHERE number = 3", "lacks its entries 3 to 3"),
    ("the last entry", "DELETE FROM audit WHERE number = 6", "cut off"),
])
async def what_is_changed_behind_the_servers_back_is_found(house: House, case: tuple[str, str, str]) -> None:
    _, tamper, expected = case
    server = house.server()
    await history(server)
    sound = await server.command("check")
    check("audit log" not in sound.said, sound.said)
    with sqlite3.connect(server.data / "store" / "hauspost.db") as database:
        database.execute("DROP TRIGGER audit_is_not_changed")
        database.execute("DROP TRIGGER audit_is_not_deleted")
        database.execute(tamper)
    database.close()
    found = await server.command("check")
    check(found.code != 0, "the check has passed")
    says(found.said, expected)


@tests
async def a_whole_new_log_is_not_the_one_that_was_noted(house: House) -> None:
    server = house.server()
    await history(server)
    head = (await server.command("audit", "head")).expect().out.strip()
    (await server.command("user", "add", "carl", "--password-stdin", stdin="a long password\n")).expect()
    same = await server.command("check", "--audit-head", head)
    check("audit log" not in same.said, same.said)
    other = house.server()
    await history(other)
    found = await other.command("check", "--audit-head", head)
    check(found.code != 0, "another log was taken for the one that was noted")
    says(found.said, "noted")
    wrong = await server.command("check", "--audit-head", "12:abc")
    check(wrong.code != 0, "no head was taken")
    says(wrong.said, "hauspost audit head")


@tests
async def nobody_rises_by_the_command_line_of_another_role(house: House) -> None:
    server = house.server()
    await history(server)
    wrong = await server.command("user", "role", "anna", "emperor")
    check(wrong.code != 0, "there is no such role")
    says(wrong.said, "administrator")
    equal((await server.command("user", "role", "anna")).expect().out, "owner\n")
