"""Stores that earlier versions have written, opened by this one; and the way back, which is refused.

`stores/schema-N.dump` is what the program of schema N had kept: made once with that program, never changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from operations import archive

from harness import Tests, check, equal, says, wire
from harness.server import DOMAIN, NotStarted, Server
from harness.tests import refused

tests = Tests("upgrades")

STORES = sorted(Path(__file__).with_name("stores").glob("*.dump"))


def store_of(server: Server) -> Path:
    return server.data / "store" / "hauspost.db"


def kept(house, dump: Path) -> Server:
    """A server over the store of an earlier version."""
    server = house.server()
    file = store_of(server)
    file.parent.mkdir(parents=True, mode=0o700)
    server.data.chmod(0o700)
    with sqlite3.connect(file) as connection:
        connection.executescript(dump.read_text())
    connection.close()
    return server


@tests.each([(dump.stem, dump) for dump in STORES])
async def everything_is_there_after_an_upgrade(house, case):
    server = kept(house, case[1])
    listed = (await server.command("user", "list")).expect().out
    line = next(line for line in listed.splitlines() if line.startswith("boss@"))
    equal(line.split("\t")[1:4], ["enabled", "owner", "The Boss"])
    check((await server.command("check", "--full")).code == 0, "the store is not sound")
    await server.start()
    boss = await wire.logged_in(house, server, "boss")
    equal(await archive(boss), [])
    (await server.command("user", "passwd", "anna", "--password-stdin", stdin="a new password\n")).expect()
    anna = await wire.logged_in(house, server, "anna", password="a new password")
    said = [text for _, text in await archive(anna)]
    check(len(said) > 3 and all(said), f"{said}")
    roster = await anna.iq("get", "<query xmlns='jabber:iq:roster'/>")
    check(f"ben@{DOMAIN}" in [item.get("jid") for item in roster.iter("{jabber:iq:roster}item")], "ben is no contact any more")
    rooms = await anna.iq("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=f"rooms.{DOMAIN}")
    check(list(rooms.iter("{http://jabber.org/protocol/disco#items}item")), "no room is left")
    # Once more: what was brought up to date stays so.
    await server.stop()
    await server.start()
    equal([text for _, text in await archive(await wire.logged_in(house, server, "anna", "again", password="a new password"))], said)


@tests
async def an_older_program_leaves_the_store_of_a_newer_one_alone(house):
    server = kept(house, STORES[-1])
    await server.start()
    await server.stop()
    with sqlite3.connect(store_of(server)) as connection:
        connection.execute("INSERT INTO migration (number, name, checksum) VALUES (9999, 'of tomorrow', 0)")
    connection.close()
    before = store_of(server).read_bytes()
    with refused(NotStarted) as caught:
        await server.start()
    says(str(caught[0]), "9999", "newer version", "backup")
    equal(store_of(server).read_bytes() == before, True)


@tests
async def an_upgrade_that_fails_changes_nothing(house):
    server = kept(house, STORES[0])
    with sqlite3.connect(store_of(server)) as connection:
        # Something stands where the newer version puts its audit log.
        connection.execute("CREATE TABLE audit (something TEXT)")
    connection.close()
    with refused(NotStarted):
        await server.start()
    with sqlite3.connect(store_of(server)) as connection:
        equal(connection.execute("SELECT max(number) FROM migration").fetchone(), (11,))
        connection.execute("DROP TABLE audit")
    connection.close()
    await server.start()
    await wire.logged_in(house, server, "boss")
