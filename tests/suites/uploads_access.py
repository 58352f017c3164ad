"""Files (XEP-0363), asked for by those who are not entitled: strangers, removed and banned members, guests, people of other
servers, disabled accounts. Whoever has a file's address has the file; nobody learns an address, or that there is one."""

from __future__ import annotations

import os

from federation import MANTUA, VERONA
from federation import arrive as arrive_abroad
from federation import publish, two_houses
from harness import Tests, check, equal, http
from harness.people import NotLoggedIn, Person
from harness.server import DOMAIN, Server
from harness.tests import PATIENCE, refused
from rooms_slixmpp import ROOMS, address, configure, enter, gone, guest, make
from slixmpp import JID
from slixmpp.exceptions import IqError
from uploads import SERVICE, Slot, person, put, slot

tests = Tests("files, asked for by those who are not entitled", people=["romeo", "juliet", "tybalt", "nurse", "paris"])

GROUP, SQUARE = JID(f"watch@{ROOMS}"), JID(f"square@{ROOMS}")


async def shared(server: Server, who: Person, body: bytes, *rooms: JID) -> Slot:
    """Puts a file, and tells rooms its address."""
    to = await slot(who, len(body), "plan.bin")
    equal((await put(server, to, body)).status, 201)
    for room in rooms:
        who.send_message(room, server.url(to.path), mtype="groupchat")
    await who.settle()
    return to


async def archived(who: Person, room: JID) -> str:
    """All that a room's archive gives, or the condition."""
    try:
        answer = await who["xep_0313"].retrieve(jid=room, rsm={"max": 50})
    except IqError as error:
        return error.condition
    return "".join(str(item) for item in answer["mam"]["results"])


@tests
async def a_file_is_known_to_those_who_were_told_its_address_and_to_nobody_else(house):
    server = await house.shared()
    romeo, juliet, tybalt, nurse = [await guest(house, server, name) for name in ("romeo", "juliet", "tybalt", "nurse")]
    for one in (romeo, juliet, tybalt, nurse):
        one.register_plugin("xep_0363")
    stranger = await person(house, server, "paris")
    await make(romeo, GROUP, "Romeo")
    await configure(romeo, GROUP, hauspost__preset="group-chat")
    await make(romeo, SQUARE, "Romeo", publicroom=True)
    for name in ("juliet", "tybalt"):
        await romeo["xep_0045"].set_affiliation(GROUP, "member", jid=address(name), timeout=PATIENCE)
    await enter(juliet, GROUP, "Juliet")
    await enter(tybalt, GROUP, "Tybalt")
    await enter(nurse, SQUARE, "Nurse")
    old = await shared(server, romeo, b"known to members", GROUP)
    check(old.path in await archived(juliet, GROUP), "a member does not find the address")
    await romeo["xep_0045"].set_affiliation(GROUP, "none", jid=address("juliet"), timeout=PATIENCE)
    await romeo["xep_0045"].set_affiliation(GROUP, "outcast", jid=address("tybalt"), timeout=PATIENCE)
    await gone(juliet, "Juliet")
    await gone(tybalt, "Tybalt")
    new = await shared(server, romeo, b"not for them", GROUP)
    check(new.path in await archived(romeo, GROUP), "the owner does not find the address")
    for who in (juliet, tybalt, nurse, stranger):
        name = who.boundjid.user
        equal(await archived(who, GROUP), "item-not-found", name)
        if who in (juliet, tybalt, stranger):
            equal(await archived(who, SQUARE), "forbidden", name)
        # The service lists nothing, and knows nobody's files but by their addresses.
        items = await who["xep_0030"].get_items(SERVICE, timeout=PATIENCE)
        equal(items["disco_items"]["items"], set(), name)
        for node in (new.path, "romeo", f"romeo@{DOMAIN}"):
            with refused(IqError) as caught:
                await who["xep_0030"].get_items(SERVICE, node=node, timeout=PATIENCE)
            equal(caught[0].condition, "item-not-found", name)
        with refused(IqError) as caught:
            await who["xep_0030"].get_items(f"romeo@{SERVICE}", timeout=PATIENCE)
        equal(caught[0].condition, "service-unavailable", name)
        # A slot of one's own opens no file of another.
        own = await slot(who, 4, "plan.bin")
        equal((await http.exchange(server, "PUT", new.path, own.headers, b"mine")).status, 409, name)
        equal((await http.exchange(server, "DELETE", new.path, own.headers)).status, 405, name)
    # Who was told an address before still has that file: so it is with what one has been given.
    equal((await http.get(server, old.path)).body, b"known to members")
    equal((await http.get(server, new.path)).body, b"not for them")


@tests
async def guesses_are_answered_as_if_there_were_no_files_at_all(house):
    server = await house.shared()
    romeo = await person(house, server)
    kept = await shared(server, romeo, os.urandom(64))
    waiting = await slot(romeo, 64, "plan.bin")
    nowhere = await http.get(server, "/upload/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/plan.bin")
    equal(nowhere.status, 404)
    for case, path in {
        "a slot without its file": waiting.path,
        "another name": kept.path.replace("plan", "other"),
        "a letter more": kept.path.replace("/plan", "x/plan"),
        "a letter less": kept.path[: kept.path.index("/plan") - 1] + "/plan.bin",
        "other letters": kept.path.swapcase().replace("/UPLOAD/", "/upload/").replace("PLAN.BIN", "plan.bin"),
    }.items():
        answer = await http.get(server, path)
        equal((answer.status, answer.body), (nowhere.status, nowhere.body), case)
        varying = {"date"}
        equal({name: value for name, value in answer.headers.items() if name not in varying},
              {name: value for name, value in nowhere.headers.items() if name not in varying}, case)
    for path in ("/upload", "/upload/", kept.path.rsplit("/", 1)[0], kept.path.rsplit("/", 1)[0] + "/"):
        answer = await http.get(server, path)
        check(answer.status == 404 and b"plan" not in answer.body, f"{path}: {answer}")


@tests
async def people_of_other_servers_get_no_slots(house):
    here, there, dns = await two_houses(house)
    publish(dns, f"upload.{VERONA}", here)
    romeo = await arrive_abroad(house, there, "romeo", MANTUA)
    romeo.register_plugin("xep_0363")
    with refused(IqError) as caught:
        await romeo["xep_0363"].request_slot(f"upload.{VERONA}", "a.bin", 4, timeout=PATIENCE)
    equal(caught[0].condition, "forbidden")
    equal(list((here.data / "objects").rglob("*.bin")), [])


@tests
async def a_disabled_account_sends_nothing_more_and_loses_nothing(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    romeo = await person(house, server)
    kept = await shared(server, romeo, b"before")
    open_slot = await slot(romeo, 5)
    (await server.command("user", "disable", "romeo")).expect()
    await romeo.next("disconnected")
    equal((await put(server, open_slot, b"after")).status, 403)
    equal((await http.get(server, open_slot.path)).status, 404)
    with refused(NotLoggedIn):
        await person(house, server)
    # Those whom he sent it to still have it.
    equal((await http.get(server, kept.path)).body, b"before")
    (await server.command("user", "enable", "romeo")).expect()
    equal((await put(server, open_slot, b"after")).status, 201)
