"""What people of two servers share: rooms, what they publish, and files, each in both directions; Hauspost with itself, with
Prosody and with ejabberd."""

from __future__ import annotations

import os
from typing import Any
from xml.etree import ElementTree as ET

import aiohttp
from slixmpp import JID

from federation import MANTUA, VERONA, befriend, config, name_server, peer, publish, server_of
from harness import Tests, check, equal, patience
from harness.peers import Ejabberd, Prosody, free_port
from harness.people import PLUGINS, Person
from harness.server import LOOPBACK
from harness.tests import PATIENCE

tests = Tests("rooms, publishing and files between servers")

KINDS = ["Hauspost", "Prosody", "ejabberd"]
NICK = "http://jabber.org/protocol/nick"
PUBSUB = "http://jabber.org/protocol/pubsub"
MORE = ["xep_0045", "xep_0060", "xep_0066", "xep_0163", "xep_0249", "xep_0363", "xep_0421"]
EVENTS = ["groupchat_message", "groupchat_subject", "groupchat_invite", "groupchat_presence", "pubsub_publish", "pubsub_retract"]


def with_files() -> dict[str, dict[str, Any]]:
    """A door for HTTP whose address goes into the addresses of files."""
    port = free_port()
    return {"listen": {"http": [f"{LOOPBACK}:{port}"]}, "http": {"public_url": f"http://{LOOPBACK}:{port}"}}


async def neighbours(house: Any, kind: str) -> tuple[Person, Person]:
    """Juliet at Hauspost in Verona, and Romeo at another server in Mantua."""
    dns = await name_server(house)
    if kind == "ejabberd":
        # It takes no certificate of us that is for servers alone, as most are; we take its own.
        here_config = config(house, VERONA, dns, **with_files())
        certificate, key = house.authority.peer(VERONA, f"rooms.{VERONA}")
        here_config["tls"].update({"certificate": str(certificate), "key": str(key)})
        here = house.server(here_config)
        await here.people("juliet")
        await here.start()
        publish(dns, VERONA, here)
    else:
        here = await server_of(house, VERONA, dns, "juliet", **with_files())
    publish(dns, f"rooms.{VERONA}", here)
    there: Any
    if kind == "Hauspost":
        there = await server_of(house, MANTUA, dns, "romeo", **with_files())
    elif kind == "Prosody":
        there = await peer(house, Prosody, MANTUA)
        door = here.address("federation")
        await there.start(["romeo"], {VERONA: door, f"rooms.{VERONA}": door})
    else:
        there = await peer(house, Ejabberd, MANTUA)
        await there.start(["romeo"], dns)
    publish(dns, MANTUA, there)
    publish(dns, f"rooms.{MANTUA}", there)
    return await somebody(house, here, "juliet", VERONA), await somebody(house, there, "romeo", MANTUA)


async def somebody(house: Any, server: Any, name: str, domain: str) -> Person:
    """Somebody who knows rooms, files, and wants to hear of the nicknames of contacts."""
    person = Person(name, "slixmpp", domain=domain, plugins=[*PLUGINS, *MORE])
    for event in EVENTS:
        person._queue(event)
    house.at_end(person.leave)
    await person.go_in(server)
    await person.get_roster(timeout=PATIENCE)
    person["xep_0030"].add_feature(f"{NICK}+notify")
    await person["xep_0115"].update_caps(broadcast=False)
    person.send_presence()
    await person.settle()
    return person


async def said(person: Person, nick: str, words: str) -> None:
    async with patience(f"{words!r} at {person.boundjid}"):
        while True:
            message = await person.queues["groupchat_message"].get()
            if message["body"] == words:
                return equal(message["from"].resource, nick)


async def meet(host: Person, guest: Person) -> None:
    """The host makes a room at the own server; the guest is invited, talks, hears, and leaves."""
    room = JID(f"square@rooms.{host.boundjid.domain}")
    muc = host["xep_0045"]
    await muc.join_muc_wait(room, "Host", timeout=PATIENCE)
    form = await muc.get_room_config(room, timeout=PATIENCE)
    form["type"] = "submit"
    await muc.set_room_config(room, form, timeout=PATIENCE)
    muc.invite(room, guest.boundjid.bare, reason="Come!")
    invitation = await guest.next("groupchat_invite")
    equal(invitation["from"].bare, room.bare)
    entered = await guest["xep_0045"].join_muc_wait(room, "Guest", timeout=PATIENCE)
    equal({presence["from"].resource for presence in entered[2]}, {"Host", "Guest"})
    for person, nick in ((host, "Host"), (guest, "Guest")):
        for number in range(5):
            words = f"{nick} {number} <&> ü"
            person.send_message(room, words, mtype="groupchat")
            for listener in (host, guest):
                await said(listener, nick, words)
    host.send_message(room, None, msubject="Roses", mtype="groupchat")
    async with patience("the subject"):
        while (await guest.queues["groupchat_subject"].get())["subject"] != "Roses":
            pass
    # Alone with each other.
    for person, other, to in ((host, guest, "Guest"), (guest, host, "Host")):
        person.send_message(JID(f"{room}/{to}"), f"to {to}", mtype="chat")
        async with patience("a private message"):
            while (message := await other.next("message"))["body"] != f"to {to}":
                pass
        equal(message["from"].bare, room.bare)
    guest["xep_0045"].leave_muc(room, "Guest")
    async with patience("the guest to be gone"):
        while (presence := await host.queues["groupchat_presence"].get())["type"] != "unavailable":
            pass
    equal(presence["from"].resource, "Guest")


@tests.each(KINDS)
async def people_of_both_meet_in_rooms_of_both(house, kind):
    juliet, romeo = await neighbours(house, kind)
    await meet(juliet, romeo)
    await meet(romeo, juliet)


async def tells(one: Person, other: Person, words: str) -> None:
    """What one publishes is told to the other, who can also fetch it."""
    nick = ET.Element(f"{{{NICK}}}nick")
    nick.text = words
    await one["xep_0060"].publish(None, NICK, id="current", payload=nick, timeout=PATIENCE)
    async with patience(f"{words!r} at {other.boundjid}"):
        while True:
            event = (await other.queues["pubsub_publish"].get())
            if event["from"].bare == one.boundjid.bare and words in str(event):
                break
    equal(event["pubsub_event"]["items"]["node"], NICK)
    answer = await other["xep_0060"].get_items(one.boundjid.bare, NICK, timeout=PATIENCE)
    equal([node.text for node in answer.xml.iter(f"{{{NICK}}}nick")], [words])


@tests.each(KINDS)
async def what_contacts_publish_is_told_and_can_be_fetched(house, kind):
    juliet, romeo = await neighbours(house, kind)
    await befriend(juliet, romeo)
    for words in ("first", "second"):
        await tells(juliet, romeo, f"Jule {words}")
        await tells(romeo, juliet, f"Romy {words}")


async def hands(one: Person, other: Person, house: Any) -> None:
    """One uploads a file to the own server and sends where it is; the other fetches it."""
    file = house.folder / f"file-{one.boundjid.user}"
    file.write_bytes(os.urandom(300_000))
    url = await one["xep_0363"].upload_file(file, timeout=60)
    message = one.make_message(mto=other.boundjid.bare, mbody=url, mtype="chat")
    message["oob"]["url"] = url
    message.send()
    async with patience("the address of the file"):
        while not (came := await other.next("message"))["body"]:
            pass
    equal(came["oob"]["url"], url)
    async with aiohttp.ClientSession() as session, session.get(came["oob"]["url"]) as answer:
        equal(answer.status, 200)
        check(await answer.read() == file.read_bytes(), "not what was uploaded")


@tests.each(KINDS)
async def files_go_from_each_to_the_other(house, kind):
    juliet, romeo = await neighbours(house, kind)
    await hands(juliet, romeo, house)
    await hands(romeo, juliet, house)
