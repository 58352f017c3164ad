"""OMEMO in both forms, with real clients by slixmpp-omemo: every device reads what is meant for it, live, late and from
the archive, and gets no keys of other people's devices."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import oldmemo
import oldmemo.etree
import twomemo
import twomemo.etree
from omemo.session_manager import MessageNotForUs
from omemo.storage import Just, Maybe, Nothing, Storage
from slixmpp import JID, Message
from slixmpp.plugins import register_plugin
from slixmpp_omemo import XEP_0384

from harness import Tests, check, equal, patience
from harness.people import PLUGINS, Person, on_element
from harness.server import DOMAIN, Server
from harness.tests import PATIENCE, refused

NEWER = twomemo.twomemo.NAMESPACE
OLDER = oldmemo.oldmemo.NAMESPACE
FORMS = [NEWER, OLDER]
ROOMS = f"rooms.{DOMAIN}"
SCE = "urn:xmpp:sce:1"
CLIENT = "jabber:client"
NAMES = [f"{name}{number}" for name in ("romeo", "juliet", "nurse") for number in range(24)]

# As by default: what is not encrypted is refused.
RULES = {"policy.encryption": {"direct": "required", "groups": "required"}}

tests = Tests("OMEMO, with slixmpp-omemo", people=NAMES, config=RULES)


def address(name: str) -> str:
    """Of somebody here, or (by a whole address) elsewhere."""
    return name if "@" in name else f"{name}@{DOMAIN}"


class Memory(Storage):
    """What a device remembers while it is switched off."""

    def __init__(self) -> None:
        super().__init__(disable_cache=True)
        self.values: dict[str, Any] = {}

    async def _load(self, key: str) -> Maybe[Any]:
        return Just(self.values[key]) if key in self.values else Nothing()

    async def _store(self, key: str, value: Any) -> None:
        self.values[key] = value

    async def _delete(self, key: str) -> None:
        self.values.pop(key, None)


class Omemo(XEP_0384):  # type: ignore[misc]
    """The plugin, for somebody who trusts everybody blindly."""

    default_config = {**XEP_0384.default_config, "memory": None, "forms": FORMS}

    @property
    def storage(self) -> Storage:
        return self.memory

    @property
    def _btbv_enabled(self) -> bool:
        return True

    async def _prompt_manual_trust(self, manually_trusted: Any, identifier: str | None) -> None:
        raise AssertionError(f"nobody is asked about {manually_trusted}")

    async def refresh_device_lists(self, jids: set[JID], force_download: bool = False) -> None:
        """The plugin asks for lists in both forms, also those of one that was given up."""
        if self.forms == FORMS:
            await super().refresh_device_lists(jids, force_download)
            return
        manager = await self.get_session_manager()
        for jid in jids:
            for form in self.forms:
                await manager.refresh_device_list(form, jid.bare)

    async def _on_device_list_update(self, msg: Message) -> None:
        """Says when a change of a device list has had its effect."""
        await super()._on_device_list_update(msg)
        self.xmpp.event("device_list")


register_plugin(Omemo, name="xep_0384")


class Device:
    """A device of somebody, here or (by a whole address) on another server: its keys outlive its sessions."""

    def __init__(self, house: Any, server: Server, name: str, resource: str, forms: list[str] = FORMS) -> None:
        self.house = house
        self.server = server
        self.name = name
        self.resource = resource
        # Those that it speaks.
        self.forms = forms
        self.memory = Memory()
        self.person: Person
        self.number = 0
        # Messages that are encrypted, as they came.
        self.came: asyncio.Queue[Message] = asyncio.Queue()

    @property
    def jid(self) -> JID:
        return JID(address(self.name))

    @property
    def plugin(self) -> Any:
        return self.person["xep_0384"]

    async def switch_on(self) -> "Device":
        """Logs in; its keys are published and it hears of other devices when this returns."""
        person = Person(self.jid.user, self.resource, domain=self.jid.domain, plugins=[*PLUGINS, "xep_0045", "xep_0060", "xep_0163", "xep_0380"])
        person.register_plugin("xep_0384", {"memory": self.memory, "forms": self.forms}, module=sys.modules[__name__])
        for event in ("omemo_initialized", "device_list"):
            person._queue(event)
        self.person = person
        self.came = asyncio.Queue()
        on_element(person, "everything", f"{{{CLIENT}}}message", self.came)
        self.house.at_end(self.switch_off)
        await person.go_in(self.server)
        await person["xep_0280"].enable(timeout=PATIENCE)
        await person.next("omemo_initialized")
        manager = await self.plugin.get_session_manager()
        for form in FORMS:
            if form not in self.forms:
                await manager.purge_backend(form)
        own, _ = await manager.get_own_device_information()
        self.number = own.device_id
        await person.get_roster(timeout=PATIENCE)
        person.send_presence()
        await person.settle()
        return self

    async def switch_off(self) -> None:
        if self.person.is_connected():
            await (await self.plugin.get_session_manager()).shutdown()
            await self.person.leave()

    async def knows(self, *others: "Device") -> None:
        """Waits until it has heard that these devices are there, in both forms."""
        manager = await self.plugin.get_session_manager()
        async with patience(f"the devices to be known at {self.person.boundjid}"):
            for name in {other.name for other in others}:
                wanted = {other.number for other in others if other.name == name}
                while True:
                    known = await manager.get_device_information(address(name))
                    if wanted <= {device.device_id for device in known if set(dict(device.active)) == set(FORMS)
                                  and all(dict(device.active).values())}:
                        break
                    await self.person.queues["device_list"].get()

    # Writing

    async def encrypted(self, words: str, readers: list[str], form: str, to: JID, kind: str) -> Message:
        """A message in one of the forms, or in `both`, for all devices of the readers."""
        recipients = {JID(address(name)) for name in readers}
        plain = self.person.make_message(mto=to, mbody=words, mtype=kind)
        if form == OLDER:
            message, errors = await self.plugin.encrypt_message(plain, recipients)
        else:
            # The plugin speaks the newer form, but has no XEP-0420 for what is in it.
            await self.plugin.refresh_device_lists(recipients)
            manager = await self.plugin.get_session_manager()
            texts = {NEWER: envelope(words, self.jid, to if kind == "groupchat" else None)}
            if form == "both":
                texts[OLDER] = words.encode()
            made, errors = await manager.encrypt(frozenset(map(str, recipients)), texts)
            message = self.person.make_message(mto=to, mbody=self.plugin.fallback_message, mtype=kind)
            message.enable("store")
            for one in made:
                etree = twomemo.etree if one.namespace == NEWER else oldmemo.etree
                message.append(etree.serialize_message(one))
        equal(errors, frozenset())
        assert message is not None
        for namespace in FORMS:
            if element(message, namespace) is not None:
                message["eme"]["namespace"] = namespace
                message["eme"]["name"] = "OMEMO"
        return message

    async def tells(self, name: str, words: str, form: str) -> set[int]:
        """Says something to somebody; the devices that can read it."""
        message = await self.encrypted(words, [name], form, JID(address(name)), "chat")
        message.send()
        return rids(message)

    async def tells_all(self, room: JID, names: list[str], words: str, form: str) -> set[int]:
        """Says something in a room; the devices that can read it."""
        message = await self.encrypted(words, names, form, room, "groupchat")
        message.send()
        return rids(message)

    # Reading

    async def opened(self, message: Message) -> str | None:
        """What it says; nothing when it only sets up a session."""
        newer, older = element(message, NEWER), element(message, OLDER)
        author = self.author(message)
        if newer is None:
            plain, sender = await self.plugin.decrypt_message(message)
            equal(sender.bare_jid, author)
            return plain["body"] or None
        manager = await self.plugin.get_session_manager()
        if older is not None and self.number in rids_of(older):
            made = await oldmemo.etree.parse_message(older, author, str(self.jid), manager)
            text, _, _ = await manager.decrypt(made)
            return None if text is None else text.decode()
        text, _, _ = await manager.decrypt(twomemo.etree.parse_message(newer, author))
        room = message["from"].bare if message["type"] == "groupchat" else None
        return None if text is None else unwrapped(text, author, room, str(self.jid))

    def author(self, message: Message) -> str:
        """Who wrote it; of a message in a room the person behind the nickname."""
        sender = message["from"]
        if message["type"] != "groupchat":
            return sender.bare
        real = self.person["xep_0045"].get_jid_property(sender.bare, sender.resource, "jid")
        check(real, f"nobody knows who {sender} is")
        return JID(real).bare

    async def next(self) -> Message:
        """The next encrypted message as it came, out of its carbon; those without content are opened on the way."""
        async with patience(f"an encrypted message at {self.person.boundjid}"):
            while True:
                message = inner(await self.came.get())
                if message is None or message["type"] == "error":
                    check(message is None, f"{message}")
                elif is_content(message):
                    return message
                elif self.number in rids(message):
                    equal(await self.opened(message), None)

    async def reads(self, words: str, own: set[int]) -> Message:
        """The next message says this, and has keys for devices of `own` alone, and for this one."""
        message = await self.next()
        equal(await self.opened(message), words, f"{self.person.boundjid}")
        check(self.number in rids(message), "read without a key")
        check(rids(message) <= own, f"keys of others: {rids(message) - own}")
        return message

    async def archived(self, **where: Any) -> list[Message]:
        """Encrypted messages with content in an archive."""
        found = [result async for result in self.person["xep_0313"].iterate(**where)]
        messages = [result["mam_result"]["forwarded"]["stanza"] for result in found]
        return [message for message in messages if rids(message) and is_content(message)]


def element(message: Message, namespace: str) -> ET.Element | None:
    """The encrypted element of this form."""
    return message.xml.find(f"{{{namespace}}}encrypted")


def parts(message: Message) -> list[ET.Element]:
    return [found for namespace in FORMS if (found := element(message, namespace)) is not None]


def rids_of(part: ET.Element) -> set[int]:
    """The devices for which there are keys; each has one."""
    found = [int(key.get("rid", "")) for form in FORMS for key in part.iter(f"{{{form}}}key")]
    equal(len(found), len(set(found)), "two keys for one device")
    return set(found)


def rids(message: Message) -> set[int]:
    """The same for both forms together."""
    return {number for part in parts(message) for number in rids_of(part)}


def is_content(message: Message) -> bool:
    return any(part.find(f"{{{form}}}payload") is not None for part in parts(message) for form in FORMS)


def inner(message: Message) -> Message | None:
    """An encrypted message, out of its carbon if it is in one; nothing when it is another message."""
    for name in ("carbon_sent", "carbon_received"):
        if message.get_plugin(name, check=True):
            message = message[name]
    return message if parts(message) else None


def envelope(words: str, author: JID, room: JID | None) -> bytes:
    """XEP-0420 as XEP-0384 wants it."""
    made = ET.Element(f"{{{SCE}}}envelope")
    body = ET.SubElement(ET.SubElement(made, f"{{{SCE}}}content"), f"{{{CLIENT}}}body")
    body.text = words
    ET.SubElement(made, f"{{{SCE}}}rpad").text = os.urandom(8).hex()
    ET.SubElement(made, f"{{{SCE}}}from", {"jid": str(author)})
    if room is not None:
        ET.SubElement(made, f"{{{SCE}}}to", {"jid": str(room)})
    return ET.tostring(made)


def unwrapped(text: bytes, author: str, room: str | None, reader: str) -> str | None:
    """What an envelope says; it must have been written by who sent it, and for here. Between two it need not say for whom."""
    made = ET.fromstring(text)
    equal(made.find(f"{{{SCE}}}from").get("jid"), author)
    to = made.find(f"{{{SCE}}}to")
    if room is not None or to is not None:
        check(to is not None and to.get("jid") in ([room] if room else [reader, author]), f"for {to}, not for {room or reader}")
    return made.findtext(f"{{{SCE}}}content/{{{CLIENT}}}body")


class Cast:
    """People of one test: accounts that no other test has, so that each begins without keys."""

    count = 0

    def __init__(self, house: Any, server: Server) -> None:
        self.house = house
        self.server = server
        self.number = Cast.count
        Cast.count += 1

    async def person(self, name: str, *resources: str) -> list[Device]:
        """Somebody's devices, which know each other."""
        devices = []
        for resource in resources:
            devices.append(await Device(self.house, self.server, f"{name}{self.number}", resource).switch_on())
        for device in devices:
            await device.knows(*devices)
        return devices


def numbers(*devices: Device) -> set[int]:
    return {device.number for device in devices}


async def opens(device: Device, messages: list[Message], lines: list[str], own: list[Device]) -> None:
    """These messages of an archive say this, and have keys for devices of `own` alone."""
    equal([await device.opened(message) for message in messages], lines)
    for message in messages:
        check(device.number in rids(message) <= numbers(*own), f"keys of others: {rids(message) - numbers(*own)}")


async def reads_archive(device: Device, lines: list[str], own: list[Device], **where: Any) -> None:
    await opens(device, await device.archived(**where), lines, own)


# One to one


@tests.each(FORMS)
async def each_device_of_both_reads_what_is_said(house, form):
    cast = Cast(house, await house.shared())
    romeo = desk, phone = await cast.person("romeo", "desk", "phone")
    juliet = window, balcony = await cast.person("juliet", "window", "balcony")
    lines = [(desk, window, "It is the east"), (balcony, phone, "Ay me"), (phone, balcony, "She speaks"),
             (window, desk, "Wherefore art thou?"), (desk, window, "Shall I hear more — ‹&› 🌹")]
    for speaker, other, words in lines:
        told = await speaker.tells(other.name, words, form)
        equal(told, numbers(*romeo, *juliet) - {speaker.number}, "it was not encrypted for all")
        for device in [*romeo, *juliet]:
            if device is not speaker:
                await device.reads(words, numbers(*(romeo if device in romeo else juliet)))


@tests.each(FORMS)
async def what_is_said_to_somebody_who_is_away_is_read_later_on_each_device(house, form):
    cast = Cast(house, await house.shared())
    desk, phone = await cast.person("romeo", "desk", "phone")
    juliet = window, balcony = await cast.person("juliet", "window", "balcony")
    await balcony.switch_off()
    await window.switch_off()
    lines = [f"line {number} — ‹&›" for number in range(5)]
    for line in lines:
        equal(await desk.tells(window.name, line, form), numbers(phone, *juliet))
        await phone.reads(line, numbers(desk, phone))
    # One device gets what has waited; the other one comes too late for that and asks the archive.
    await window.switch_on()
    for line in lines:
        await window.reads(line, numbers(*juliet))
    await balcony.switch_on()
    await reads_archive(balcony, lines, juliet, with_jid=desk.jid)
    await balcony.tells(desk.name, "I have forgot why I did call thee back", form)
    for device in (desk, phone):
        await device.reads("I have forgot why I did call thee back", numbers(desk, phone))


@tests.each(FORMS)
async def a_device_that_comes_later_reads_what_is_said_from_then_on(house, form):
    cast = Cast(house, await house.shared())
    [romeo] = await cast.person("romeo", "desk")
    [juliet] = await cast.person("juliet", "window")
    equal(await romeo.tells(juliet.name, "before", form), numbers(juliet))
    await juliet.reads("before", numbers(juliet))
    tablet = await Device(house, cast.server, juliet.name, "tablet").switch_on()
    both = [juliet, tablet]
    for device in (romeo, juliet):
        await device.knows(tablet)
    equal(await romeo.tells(juliet.name, "after", form), numbers(*both))
    for device in both:
        await device.reads("after", numbers(*both))
    await tablet.tells(romeo.name, "from the new one", form)
    await romeo.reads("from the new one", numbers(romeo))
    await juliet.reads("from the new one", numbers(*both))
    # What was said before is not for it, and it is told so.
    old = (await tablet.archived(with_jid=romeo.jid))[0]
    equal(rids(old), numbers(juliet))
    with refused(MessageNotForUs):
        await tablet.opened(old)


@tests
async def both_forms_travel_in_one_message(house):
    cast = Cast(house, await house.shared())
    [romeo] = await cast.person("romeo", "desk")
    juliet = new, old = await cast.person("juliet", "new", "old")
    # One of her devices gives the newer form up.
    await (await old.plugin.get_session_manager()).purge_backend(NEWER)
    await romeo.plugin.refresh_device_lists({juliet[0].jid}, force_download=True)
    message = await romeo.encrypted("in two ways", [new.name], "both", new.jid, "chat")
    equal([rids_of(part) for part in parts(message)], [numbers(new), numbers(old)])
    message.send()
    for device in juliet:
        await device.reads("in two ways", numbers(*juliet))


# Groups


async def group(house: Any, server: Server) -> tuple[JID, list[list[Device]]]:
    """Three people with two devices each, all of them in a group."""
    cast = Cast(house, server)
    people = [await cast.person(name, "desk", "phone") for name in ("romeo", "juliet", "nurse")]
    room = JID(f"group{cast.number}@{ROOMS}")
    owner = people[0][0]
    await enter(owner, room)
    muc = owner.person["xep_0045"]
    form = await muc.get_room_config(room, timeout=PATIENCE)
    form["values"] = {**form["values"], "hauspost#preset": "group-chat"}
    form["type"] = "submit"
    await muc.set_room_config(room, form, timeout=PATIENCE)
    for other, _ in people[1:]:
        await muc.set_affiliation(room, "member", jid=other.jid, timeout=PATIENCE)
    for device in [device for devices in people for device in devices][1:]:
        await enter(device, room)
    return room, people


async def enter(device: Device, room: JID) -> None:
    """Without what was said before: that is what the archive is for."""
    await device.person["xep_0045"].join_muc_wait(room, device.jid.user, maxstanzas=0, timeout=PATIENCE)


def all_of(people: list[list[Device]]) -> list[Device]:
    return [device for devices in people for device in devices]


async def each_says(room: JID, people: list[list[Device]], names: list[str], words: str, form: str) -> None:
    """Every device says something, and all others read it."""
    everyone = numbers(*all_of(people))
    for speaker in all_of(people):
        line = f"{speaker.name} on the {speaker.resource}, {words}"
        equal(await speaker.tells_all(room, names, line, form), everyone - {speaker.number})
        for devices in people:
            for device in devices:
                if device is speaker:
                    check(rids(await device.next()) <= numbers(*devices), "its own message came with keys of others")
                else:
                    await device.reads(line, numbers(*devices))


@tests.each(FORMS)
async def every_device_in_a_group_reads_every_message_live(house, form):
    room, people = await group(house, await house.shared())
    names = [devices[0].name for devices in people]
    for round in range(2):
        await each_says(room, people, names, f"round {round} 🌹", form)


@tests.each(FORMS)
async def every_device_reads_in_the_archive_of_a_group_what_was_said_without_it(house, form):
    room, people = await group(house, await house.shared())
    names = [devices[0].name for devices in people]
    # Two who write to a device for the first time while it is away may choose the same one-time key of it, and
    # then it can read but one of them, whatever the server does: so that each has written to each before.
    await each_says(room, people, names, "hello", form)
    # Each half says something while the other half is away, and hears it live.
    for place in (0, 1):
        here = [devices[place] for devices in people]
        away = [devices[1 - place] for devices in people]
        for device in away:
            await device.switch_off()
        before = len(await here[0].archived(jid=room))
        lines = [f"{device.name} {number} to half {place}" for number in range(2) for device in here]
        for number, line in enumerate(lines):
            await here[number % 3].tells_all(room, names, line, form)
            for device, devices in zip(here, people):
                if device is here[number % 3]:
                    await device.next()
                else:
                    await device.reads(line, numbers(*devices))
        for device in away:
            await device.switch_on()
            await enter(device, room)
        for device, devices in zip(away, people):
            messages = (await device.archived(jid=room))[before:]
            await opens(device, messages, lines, devices)


@tests.each(FORMS)
async def several_write_for_the_first_time_to_a_device_that_is_away(house, form):
    server = await house.shared()
    room, people = await group(house, server)
    names = [devices[0].name for devices in people]
    senders, own = [people[0][0], people[0][1], people[1][0], people[1][1]], people[2]
    away, other = own
    await away.switch_off()
    bundles = [await bundle(away, other, form) for form in FORMS]
    lines = []
    for number in range(2):
        for place, sender in enumerate(senders):
            # Senders choose one of its one-time keys by chance, and python-omemo forgets a used one at once, although its
            # documentation says otherwise: two that choose the same one could not both be read. Each finds another one.
            for one in bundles:
                await offer(one, other, place)
            lines.append(f"{sender.name} on the {sender.resource}, {number}")
            told = await sender.tells_all(room, names, lines[-1], form)
            check(away.number in told, "it was not encrypted for who is away")
            await other.reads(lines[-1], numbers(*own))
            for device in (*people[0], *people[1]):
                await device.next()
    await away.switch_on()
    await enter(away, room)
    await reads_archive(away, lines, own, jid=room)
    # And they talk on.
    for sender in senders:
        await sender.tells_all(room, names, "welcome back", form)
        await away.reads("welcome back", numbers(*own))


@dataclass
class Bundle:
    """A bundle as it stands, and where."""

    node: str
    item: str
    payload: ET.Element
    keys: list[ET.Element]


async def bundle(device: Device, reader: Device, form: str) -> Bundle:
    newer = form == NEWER
    node, item = (f"{form}:bundles", str(device.number)) if newer else (f"{form}.bundles:{device.number}", "current")
    kept = await reader.person["xep_0060"].get_items(None, node, item_ids=[item] if newer else None, timeout=PATIENCE)
    found = next(iter(kept["pubsub"]["items"]))
    return Bundle(node, found["id"], found["payload"], list(found["payload"].find(f"{{{form}}}prekeys")))


async def offer(bundle: Bundle, publisher: Device, place: int) -> None:
    """The bundle has this one of its one-time keys, and no other."""
    parent = next(element for element in bundle.payload if element.tag.endswith("}prekeys"))
    for key in list(parent):
        parent.remove(key)
    parent.append(bundle.keys[place])
    await publisher.person["xep_0060"].publish(None, bundle.node, id=bundle.item, payload=bundle.payload, timeout=PATIENCE)


@tests.each(FORMS)
async def who_enters_a_group_gets_the_last_messages_with_his_own_keys(house, form):
    room, people = await group(house, await house.shared())
    names = [devices[0].name for devices in people]
    speaker, (reader, other) = people[0][0], people[1]
    await reader.switch_off()
    lines = [f"line {number}" for number in range(5)]
    for line in lines:
        await speaker.tells_all(room, names, line, form)
        await other.reads(line, numbers(*people[1]))
    await reader.switch_on()
    await reader.person["xep_0045"].join_muc_wait(room, reader.name, timeout=PATIENCE)
    for line in lines:
        await reader.reads(line, numbers(*people[1]))


@tests.each(FORMS)
async def a_device_that_comes_later_into_a_group_reads_from_then_on(house, form):
    room, people = await group(house, await house.shared())
    names = [devices[0].name for devices in people]
    speaker = people[0][0]
    await speaker.tells_all(room, names, "before", form)
    tablet = await Device(house, speaker.server, names[1], "tablet").switch_on()
    await speaker.knows(tablet)
    await enter(tablet, room)
    own = [*people[1], tablet]
    await speaker.tells_all(room, names, "after", form)
    await tablet.reads("after", numbers(*own))
    for device in people[1]:
        await device.reads("before", numbers(*people[1]))
        await device.reads("after", numbers(*own))


@tests.each(FORMS)
async def with_the_setting_off_everybody_gets_all_keys(house, form):
    server = house.server({"policy.encryption": {"own_keys_only": False}})
    await server.people(*NAMES)
    await server.start()
    room, people = await group(house, server)
    names = [devices[0].name for devices in people]
    speaker = people[0][0]
    told = await speaker.tells_all(room, names, "to the room", form)
    for device in all_of(people):
        equal(rids(await device.next()), told)
    for messages in [await devices[0].archived(jid=room) for devices in people]:
        equal([rids(message) for message in messages], [told])
    told = await speaker.tells(names[1], "to her", form)
    for device in (people[0][1], *people[1]):
        equal(rids(await device.next()), told)
    equal([rids(message) for message in await people[1][0].archived(with_jid=speaker.jid)], [told])
