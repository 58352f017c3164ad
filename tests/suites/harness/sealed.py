"""What stands in encrypted messages beside words: replies, edits, reactions, files. As clients of others write and read it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import twomemo.etree
from omemo_slixmpp import CLIENT, NEWER, OLDER, SCE, Device, element, envelope
from slixmpp import JID, Message

from .tests import check, equal, patience

ORIGIN = "urn:xmpp:sid:0"


class Read:
    """A message that was opened: its words, what else stands in its envelope, and how it came."""

    def __init__(self, message: Message, words: str | None, inside: ET.Element) -> None:
        self.message = message
        self.words = words
        self.inside = inside

    def element(self, tag: str) -> ET.Element:
        """What stands inside, or (in the older form, whose envelope holds words alone) outside."""
        found = self.inside.find(f".//{tag}")
        if found is None:
            found = self.message.xml.find(tag)
        check(found is not None, f"no {tag} in {self.message}, with {ET.tostring(self.inside)!r} inside")
        assert found is not None
        return found

    @property
    def room_id(self) -> str:
        """How the room calls it."""
        found = self.message.xml.find(f"{{{ORIGIN}}}stanza-id")
        assert found is not None
        return str(found.get("id"))


async def opened(device: Device, message: Message) -> Read:
    newer = element(message, NEWER)
    if newer is None or NEWER not in device.forms:
        return Read(message, await device.opened(message), ET.Element("nothing"))
    manager = await device.plugin.get_session_manager()
    text, _, _ = await manager.decrypt(twomemo.etree.parse_message(newer, device.author(message)))
    inside = ET.fromstring(text)
    return Read(message, inside.findtext(f"{{{SCE}}}content/{{{CLIENT}}}body"), inside)


async def reads(device: Device, wanted: str) -> Read:
    """The next message that says something, which is this."""
    read = await opened(device, await device.next())
    equal(read.words, wanted, f"{device.person.boundjid}")
    return read


async def says(device: Device, readers: list[str], to: JID, words: str | None, *parts: ET.Element, kind: str = "groupchat") -> str:
    """Says something with something: inside of the envelope where the form has room for that, else outside. Gives its id."""
    recipients = frozenset(f"{name}@{device.jid.domain}" for name in readers)
    [form] = device.forms
    if form == NEWER:
        await device.plugin.refresh_device_lists({JID(one) for one in recipients})
        manager = await device.plugin.get_session_manager()
        text = ET.fromstring(envelope(words or "", device.jid, to if kind == "groupchat" else None))
        content = text.find(f"{{{SCE}}}content")
        assert content is not None
        if words is None:
            content.clear()
        content.extend(parts)
        [made], errors = await manager.encrypt(recipients, {NEWER: ET.tostring(text)})
        equal(errors, frozenset())
        message = device.person.make_message(mto=to, mbody=device.plugin.fallback_message, mtype=kind)
        message.append(twomemo.etree.serialize_message(made))
    elif words is not None:
        message = await device.encrypted(words, readers, OLDER, to, kind)
        for part in parts:
            message.append(part)
    else:
        # As others do it: what is no text has no place in this form.
        message = device.person.make_message(mto=to, mtype=kind)
        for part in parts:
            message.append(part)
    message.enable("store")
    message["id"] = device.person.new_id()
    message.send()
    return str(message["id"])


def made(tag: str, attributes: dict[str, str], *inner: Any) -> ET.Element:
    """An element with elements or words in it."""
    element = ET.Element(tag, attributes)
    for one in inner:
        if isinstance(one, str):
            element.text = one
        else:
            element.append(one)
    return element


async def finds(device: Device, name: str) -> None:
    """Waits until somebody has a device that can be written to."""
    address = f"{name}@{device.jid.domain}"
    manager = await device.plugin.get_session_manager()
    async with patience(f"a device of {name}"):
        while True:
            await device.plugin.refresh_device_lists({JID(address)}, force_download=True)
            if any(all(dict(one.active).get(form) for form in device.forms) for one in await manager.get_device_information(address)):
                return


async def until(device: Device, wanted: str) -> Read:
    """Reads until a message says this."""
    async with patience(f"{wanted!r} at {device.person.boundjid}"):
        while True:
            read = await opened(device, await device.next())
            if read.words == wanted:
                return read
