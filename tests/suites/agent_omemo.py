"""`hauspost-agent` and slixmpp-omemo, in both forms of OMEMO: between two and in groups, whoever starts, whoever is away, with
devices that come and go, with one-time keys that are used up, and with messages in any order."""

from __future__ import annotations

import random
from typing import Any
from xml.etree import ElementTree as ET

from agent import command, numbers
from harness import Tests, check, equal, patience
from harness.agent import Agent, Listener, Terminal
from harness.people import Person, arrive
from harness.peers import free_port
from harness.server import DOMAIN, House, Server
from harness.tests import PATIENCE
from omemo_slixmpp import FORMS, NEWER, ROOMS, RULES, Bundle, Device, element, enter, rids, rids_of
from slixmpp import JID

NAMES = [f"{name}{number}" for name in ("romeo", "juliet", "nurse") for number in range(40)]
MANY = 2_000

tests = Tests("hauspost-agent, with slixmpp-omemo", people=NAMES, certified=True, config=RULES)


class Cast:
    """People of one test: accounts that no other test has, so that each begins without keys."""

    count = 0

    def __init__(self, house: House, server: Server, form: str) -> None:
        self.house = house
        self.server = server
        # The one that those with slixmpp speak, and the agent therefore with them.
        self.form = form
        self.number = Cast.count
        Cast.count += 1

    def name(self, name: str) -> str:
        return f"{name}{self.number}"

    async def agent(self, name: str, device: str = "desk") -> Agent:
        return await Agent(self.house, self.server, self.name(name), device).login()

    async def slixmpp(self, name: str, resource: str = "slixmpp") -> Device:
        return await Device(self.house, self.server, self.name(name), resource, [self.form]).switch_on()


async def cast(house: House, form: str) -> Cast:
    return Cast(house, await house.shared(), form)


# Between two


@tests.each(FORMS)
async def the_other_one_starts(house, form):
    people = await cast(house, form)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "she starts", form)
    equal((await listener.hears("she starts"))["encrypted"], True)
    await romeo.says(juliet.name, "he answers")
    await reads(juliet, "he answers", form)
    await juliet.tells(romeo.name, "she goes on", form)
    await listener.hears("she goes on")


async def reads(device: Device, words: str, form: str) -> None:
    """The next message says this, and in this form it has a key for this device."""
    message = await device.next()
    equal(await device.opened(message), words)
    part = element(message, form)
    check(part is not None and device.number in rids_of(part), f"no key in {form} for {device.number}: {message}")


@tests.each(FORMS)
async def the_agent_starts(house, form):
    people = await cast(house, form)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    await romeo.says(juliet.name, "he starts")
    await reads(juliet, "he starts", form)
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "she answers", form)
    await listener.hears("she answers")
    await romeo.says(juliet.name, "he goes on")
    await reads(juliet, "he goes on", form)


@tests.each(FORMS)
async def one_is_away_and_then_the_other(house, form):
    people = await cast(house, form)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    for number in range(3):
        await juliet.tells(romeo.name, f"while he sleeps {number}", form)
    await juliet.person.settle()
    await juliet.switch_off()
    listener = await romeo.listens()
    for number in range(3):
        await listener.hears(f"while he sleeps {number}")
    for number in range(3):
        await romeo.says(juliet.name, f"while she sleeps {number}")
    await juliet.switch_on()
    for number in range(3):
        await reads(juliet, f"while she sleeps {number}", form)


@tests.each(FORMS)
async def both_write_for_the_first_time_while_the_other_is_away(house, form):
    server = house.server(house.certified(RULES))
    await server.people("romeo", "juliet")
    # Its address must stay, for the agent keeps it.
    server.configure(house.certified({**RULES, "listen": {"xmpp": [f"127.0.0.1:{free_port()}"]}}))
    await server.start()
    romeo = await Agent(house, server, "romeo").login()
    juliet = await Device(house, server, "juliet", "slixmpp", [form]).switch_on()
    # Each knows the keys of the other before anybody has written.
    await juliet.plugin.refresh_device_lists({JID(romeo.address)}, force_download=True)
    for number in range(3):
        await juliet.tells(romeo.name, f"hers {number}", form)
    await juliet.person.settle()
    await juliet.switch_off()
    await server.stop()
    for number in range(3):
        done = await romeo.run("send", "--timeout", "1", juliet.jid.bare, f"his {number}")
        done.expect(4)
    await server.start()
    # His wait here and hers there: neither had read anything of the other when it was written.
    listener = await romeo.listens()
    for number in range(3):
        await listener.hears(f"hers {number}")
    # She comes while the empty message that answers hers is on its way.
    await juliet.switch_on()
    for number in range(3):
        await reads(juliet, f"his {number}", form)
    # They have found one session.
    for number in range(3):
        await romeo.says(juliet.name, f"his again {number}")
        await reads(juliet, f"his again {number}", form)
        await juliet.tells(romeo.name, f"hers again {number}", form)
        await listener.hears(f"hers again {number}")


# Devices


@tests.each(FORMS)
async def a_new_device_on_either_side(house, form):
    people = await cast(house, form)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "one device", form)
    await listener.hears("one device")
    phone = await people.agent("romeo", "phone")
    beside = await phone.listens()
    tablet = await people.slixmpp("juliet", "tablet")
    await juliet.plugin.refresh_device_lists({juliet.jid}, force_download=True)
    told = await tablet.tells(romeo.name, "two devices", form)
    equal(told, {await romeo.number(), await phone.number(), juliet.number})
    for one in (listener, beside):
        await one.hears("two devices")
    await juliet.reads("two devices", numbers(juliet, tablet))
    await phone.says(juliet.name, "to both of yours")
    for device in (juliet, tablet):
        await reads(device, "to both of yours", form)
    equal((await romeo.history(juliet.jid.bare))[-1]["text"], "to both of yours")
    # The new one of his has nothing of what was said before, and says so.
    said = await phone.history(juliet.jid.bare)
    equal([message["text"] for message in said if message["unreadable"] is None], ["two devices", "to both of yours"])


@tests.each(FORMS)
async def a_lost_device_on_either_side(house, form):
    people = await cast(house, form)
    romeo, phone = await people.agent("romeo"), await people.agent("romeo", "phone")
    juliet, tablet = await people.slixmpp("juliet"), await people.slixmpp("juliet", "tablet")
    await romeo.says(juliet.name, "to all")
    for device in (juliet, tablet):
        await reads(device, "to all", form)
    # His phone.
    lost = await phone.number()
    (await romeo.run("devices", "--revoke", str(lost))).expect()
    equal([device["active"] for device in await romeo.devices() if device["device"] == lost], [False])
    await juliet.plugin.refresh_device_lists({JID(romeo.address)}, force_download=True)
    told = await juliet.tells(romeo.name, "not to the phone", form)
    check(lost not in told, f"written to the lost device {lost}: {told}")
    # Her tablet: she takes it from the list.
    await tablet.switch_off()
    await publish_devices(juliet, form)
    listener = await romeo.listens()
    await listener.hears("not to the phone")
    await juliet.tells(romeo.name, "look at my devices", form)
    await listener.hears("look at my devices")
    await romeo.says(juliet.name, "not to the tablet")
    await reads(juliet, "not to the tablet", form)
    active = {device["device"]: device["active"] for device in await romeo.devices(juliet.name)}
    equal(active, {juliet.number: True, tablet.number: False})
    found = await archived_at(people.server, juliet.name, house)
    check(found and tablet.number not in found[-1], f"written to the lost device {tablet.number}: {found[-1]}")


async def publish_devices(device: Device, form: str) -> None:
    """The list of this account has this device alone."""
    if form == NEWER:
        listed = ET.Element(f"{{{form}}}devices")
        node = f"{form}:devices"
    else:
        listed = ET.Element(f"{{{form}}}list")
        node = f"{form}.devicelist"
    ET.SubElement(listed, f"{{{form}}}device", {"id": str(device.number)})
    await device.person["xep_0060"].publish(None, node, id="current", payload=listed, timeout=PATIENCE)


async def archived_at(server: Server, name: str, house: House) -> list[set[int]]:
    """Which devices each message in the archive of somebody has keys for."""
    person = await arrive(house, server, name, "reader", available=False)
    found = [result async for result in person["xep_0313"].iterate()]
    keys = []
    for result in found:
        message = result["mam_result"]["forwarded"]["stanza"]
        keys.append({int(key.get("rid")) for form in FORMS for key in message.xml.iter(f"{{{form}}}key")})
    return keys


# One-time keys


@tests.each(FORMS)
async def one_time_keys_of_the_agent_are_used_up(house, form):
    people = await cast(house, form)
    romeo = await people.agent("romeo")
    number = await romeo.number()
    other = await arrive(house, people.server, romeo.name, "other", available=False, plugins=PUBSUB)
    before = await bundle(other, number, form)
    equal(len(before.keys), 100)
    # One key is left, and three people write while he is away: all three with the same one.
    await offer(other, before, 1)
    writers = [await people.slixmpp("juliet"), await people.slixmpp("juliet", "tablet"), await people.slixmpp("nurse")]
    for place, writer in enumerate(writers):
        told = await writer.tells(romeo.name, f"with the last key {place}", form)
        check(number in told, "it was not encrypted for him")
        await writer.person.settle()
    listener = await romeo.listens()
    for place in range(3):
        await listener.hears(f"with the last key {place}")
    # There are a hundred again, and not the one that was used.
    await romeo.says(writers[0].name, "go on")
    async with patience("a hundred keys"):
        while len((after := await bundle(other, number, form)).keys) < 100:
            pass
    await listener.stop()
    check(ident(before.keys[0]) not in {ident(key) for key in after.keys}, "a used key is offered again")
    for place, writer in enumerate(writers):
        await writer.tells(romeo.name, f"and on {place}", form)
    listener = await romeo.listens()
    for place in range(3):
        await listener.hears(f"and on {place}")


@tests.each(FORMS)
async def one_time_keys_of_the_other_one_are_used_up(house, form):
    people = await cast(house, form)
    juliet = await people.slixmpp("juliet")
    writers = [await people.agent("romeo"), await people.agent("romeo", "phone"), await people.agent("nurse")]
    other = await arrive(house, people.server, juliet.name, "other", available=False, plugins=PUBSUB)
    before = await bundle(other, juliet.number, form)
    await juliet.switch_off()
    for place, writer in enumerate(writers):
        # python-omemo forgets a used key at once: each finds another one, and nothing but that.
        await offer(other, before, 1, place)
        await writer.says(juliet.name, f"with the last key {place}")
    await juliet.switch_on()
    for place in range(3):
        await reads(juliet, f"with the last key {place}", form)
    # Without any key nothing can be begun, and whoever tries is told so.
    await offer(other, before, 0)
    late = await people.agent("nurse", "phone")
    done = (await late.run("send", juliet.jid.bare, "nobody can read this")).expect(3)
    check(done.err.startswith("hauspost-agent: "), done.err)
    # Those who have begun go on.
    await writers[0].says(juliet.name, "go on")
    await reads(juliet, "go on", form)


PUBSUB = ["xep_0004", "xep_0030", "xep_0059", "xep_0060", "xep_0163", "xep_0199", "xep_0280"]


async def bundle(person: Person, number: int, form: str) -> Bundle:
    """What an account's device offers."""
    newer = form == NEWER
    node, item = (f"{form}:bundles", str(number)) if newer else (f"{form}.bundles:{number}", "current")
    kept = await person["xep_0060"].get_items(None, node, item_ids=[item] if newer else None, timeout=PATIENCE)
    found = next(iter(kept["pubsub"]["items"]))
    return Bundle(node, found["id"], found["payload"], list(prekeys(found["payload"])))


def prekeys(payload: ET.Element) -> ET.Element:
    return next(element for element in payload if element.tag.endswith("}prekeys"))


def ident(key: ET.Element) -> str | None:
    return key.get("id") or key.get("preKeyId")


async def offer(person: Person, bundle: Bundle, count: int, first: int = 0) -> None:
    """The bundle has so many of its one-time keys, and no others."""
    parent = prekeys(bundle.payload)
    for key in list(parent):
        parent.remove(key)
    parent.extend(bundle.keys[first:first + count])
    await person["xep_0060"].publish(None, bundle.node, id=bundle.item, payload=bundle.payload, timeout=PATIENCE)


# In any order


@tests.each(FORMS, longest=300)
async def many_messages_come_to_the_agent_in_any_order(house, form):
    people = await cast(house, form)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    listener = await romeo.listens()
    made = [await juliet.encrypted(f"line {number}", [romeo.name], form, JID(romeo.address), "chat") for number in range(MANY)]
    random.Random(MANY).shuffle(made)
    for place, message in enumerate(made):
        message.send()
        if place % 100 == 99:
            await juliet.person.settle()
    heard = await hears_many(listener, MANY)
    equal(sorted(heard, key=lambda line: int(line.split()[1])), [f"line {number}" for number in range(MANY)])
    check(heard != sorted(heard, key=lambda line: int(line.split()[1])), "they came in order")
    await romeo.says(juliet.name, "all of it")
    await reads(juliet, "all of it", form)
    await juliet.tells(romeo.name, "one more", form)
    await listener.hears("one more")


async def hears_many(listener: Listener, count: int) -> list[str]:
    heard = []
    while len(heard) < count:
        event = await listener.next(f"{count} messages; {len(heard)} came")
        if event["event"] == "message" and not event["own"]:
            equal((event["unreadable"], event["encrypted"]), (None, True))
            heard.append(event["text"])
    return heard


@tests.each(FORMS, longest=300)
async def many_messages_of_the_agent_are_read_in_any_order(house, form):
    people = await cast(house, form)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    lines = [f"line {number}" for number in range(MANY)]
    (await romeo.run("send", "--lines", juliet.jid.bare, stdin="\n".join(lines), longest=120)).expect()
    came: list[Any] = []
    while len(came) < MANY:
        came.append(await juliet.next())
    # python-omemo keeps a thousand skipped keys, and takes the longer the more there are.
    read = []
    for first in range(0, MANY, 200):
        some = came[first:first + 200]
        random.Random(first).shuffle(some)
        read += [await juliet.opened(message) for message in some]
    equal(sorted(read, key=lambda line: int(str(line).split()[1])), lines)
    check(read != lines, "they were read in order")
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "all of it", form)
    await listener.hears("all of it")


# Groups


async def group_of(people: Cast, *others: Device) -> JID:
    """A group that a client of others makes, with the agent as a member."""
    owner = others[0]
    room = JID(f"group{people.number}@{ROOMS}")
    await enter(owner, room)
    muc = owner.person["xep_0045"]
    form = await muc.get_room_config(room, timeout=PATIENCE)
    form["values"] = {**form["values"], "hauspost#preset": "group-chat"}
    form["type"] = "submit"
    await muc.set_room_config(room, form, timeout=PATIENCE)
    for name in (people.name("romeo"), *(other.name for other in others[1:])):
        await muc.set_affiliation(room, "member", jid=JID(f"{name}@{DOMAIN}"), timeout=PATIENCE)
    for other in others[1:]:
        await enter(other, room)
    return room


@tests.each(FORMS)
async def in_a_group_that_the_other_one_makes(house, form):
    people = await cast(house, form)
    romeo = await people.agent("romeo")
    juliet, nurse = await people.slixmpp("juliet"), await people.slixmpp("nurse")
    room = await group_of(people, juliet, nurse)
    names = [romeo.name, juliet.name, nurse.name]
    screen = await romeo.chats(120)
    await command(screen, f"/join {room}")
    await screen.shows("3 people")
    await quits(screen)
    listener = await romeo.listens()
    # She starts.
    told = await juliet.tells_all(room, names, "she starts", form)
    equal(told, {await romeo.number(), nurse.number})
    equal((await listener.hears("she starts"))["kind"], "group")
    await reads(nurse, "she starts", form)
    await juliet.next()
    (await romeo.run("send", str(room), "he answers")).expect()
    for device in (juliet, nurse):
        await reads(device, "he answers", form)
    # He is away, and she goes on.
    await listener.stop()
    for number in range(3):
        await juliet.tells_all(room, names, f"while he sleeps {number}", form)
    listener = await romeo.listens()
    for number in range(3):
        await listener.hears(f"while he sleeps {number}")


@tests.each(FORMS)
async def in_a_group_that_the_agent_makes(house, form):
    people = await cast(house, form)
    romeo = await people.agent("romeo")
    juliet, nurse = await people.slixmpp("juliet"), await people.slixmpp("nurse")
    screen = await romeo.chats(120)
    await command(screen, f"/group Orchard: {juliet.jid} {nurse.jid}")
    await screen.shows("Orchard", "3 people")
    await quits(screen)
    # He starts, while nobody else is there.
    (await romeo.run("send", "Orchard", "he starts")).expect()
    room = JID((await romeo.history("Orchard"))[-1]["conversation"])
    for device in (juliet, nurse):
        await device.person["xep_0045"].join_muc_wait(room, device.jid.user, timeout=PATIENCE)
        await reads(device, "he starts", form)
    listener = await romeo.listens()
    await nurse.tells_all(room, [romeo.name, juliet.name, nurse.name], "she answers", form)
    await listener.hears("she answers")
    await reads(juliet, "she answers", form)
    await nurse.next()


@tests.each(FORMS)
async def who_is_taken_out_of_a_group_is_written_to_no_more(house, form):
    # So that everybody sees for whom there are keys.
    server = house.server(house.certified({"policy.encryption": {"own_keys_only": False}}))
    await server.people(*NAMES)
    await server.start()
    people = Cast(house, server, form)
    romeo = await people.agent("romeo")
    juliet, nurse = await people.slixmpp("juliet"), await people.slixmpp("nurse")
    screen = await romeo.chats(120)
    await command(screen, f"/group Orchard: {juliet.jid} {nurse.jid}")
    await screen.shows("Orchard", "3 people")
    (await romeo.run("send", "Orchard", "to all")).expect()
    await command(screen, f"/expel {nurse.jid}")
    await screen.keys("y")
    await screen.shows("2 people")
    (await romeo.run("send", "Orchard", "without the nurse")).expect()
    await quits(screen)
    room = JID((await romeo.history("Orchard"))[-1]["conversation"])
    await juliet.person["xep_0045"].join_muc_wait(room, juliet.jid.user, timeout=PATIENCE)
    seen = {}
    while "without the nurse" not in seen:
        message = await juliet.next()
        seen[await juliet.opened(message)] = rids(message)
    equal(seen, {"to all": numbers(juliet, nurse), "without the nurse": numbers(juliet)})


async def quits(screen: Terminal) -> None:
    await screen.keys("C-q")
    await screen.shows("it has ended with 0")
    await screen.close()
