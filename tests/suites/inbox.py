"""The inbox: what its documentation shows and what the server answers are valid by its schema."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import xmlschema

from harness import Tests, check, equal
from harness import wire
from harness.server import DOMAIN

NAMES = ["romeo", "juliet", *(f"contact{number}" for number in range(20))]
DOCS = Path(__file__).resolve().parents[2] / "docs"
INBOX = "{urn:hauspost:inbox:0}"
RSM = "{http://jabber.org/protocol/rsm}"

tests = Tests("the inbox", people=NAMES)


def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(DOCS / "inbox.xsd"))


async def asked(person: wire.Wire, attributes: str = "", inner: str = "") -> ET.Element:
    """An answer, which is valid."""
    answer = await person.iq("get", f"<inbox xmlns='urn:hauspost:inbox:0'{attributes}>{inner}</inbox>")
    equal(answer.get("type"), "result")
    inbox = answer.find(f"{INBOX}inbox")
    assert inbox is not None
    schema().validate(inbox)
    return inbox


@tests
async def the_examples_are_valid(_house):
    examples = re.findall(r"```xml\n(.*?)```", (DOCS / "inbox.md").read_text(), re.DOTALL)
    check(len(examples) >= 4, "the documentation has lost its examples")
    for example in examples:
        inbox = ET.fromstring(example).find(f"{INBOX}inbox")
        assert inbox is not None, example
        schema().validate(inbox)
    wrong = ET.fromstring("<inbox xmlns='urn:hauspost:inbox:0'><conversation jid='a@b' unread='x' id='1'/></inbox>")
    check(not schema().is_valid(wrong), "the schema takes anything")


@tests
async def what_the_server_answers_is_valid_and_right(house):
    server = await house.shared()
    romeo = await wire.logged_in(house, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    for words in ("one", "two"):
        await romeo.send(f"<message type='chat' to='juliet@{DOMAIN}'><body>{words} &lt;&amp; 🌹</body></message>")
    await romeo.settle()
    inbox = await asked(juliet)
    found = [(entry.get("jid"), entry.get("unread")) for entry in inbox.iter(f"{INBOX}conversation")]
    equal(found, [(f"romeo@{DOMAIN}", "2")])
    body = inbox.find(".//{jabber:client}message/{jabber:client}body")
    check(body is not None and body.text == "two <& 🌹", "the newest message is another")
    version = inbox.get("version")
    again = await asked(juliet, f" since='{version}'")
    equal((len(list(again.iter(f"{INBOX}conversation"))), again.get("version")), (0, version))


@tests
async def pages_follow_each_other(house):
    server = await house.shared()
    romeo = await wire.logged_in(house, server, "romeo")
    for number in range(20):
        await romeo.send(f"<message type='chat' to='contact{number}@{DOMAIN}'><body>hello</body></message>")
    seen: list[str] = []
    after = ""
    for _ in range(50):
        inbox = await asked(romeo, inner=f"<set xmlns='http://jabber.org/protocol/rsm'><max>7</max><after>{after}</after></set>")
        seen += [entry.get("jid", "") for entry in inbox.iter(f"{INBOX}conversation")]
        if inbox.get("complete") == "true":
            break
        after = inbox.findtext(f"{RSM}set/{RSM}last") or ""
    wanted = [f"contact{number}@{DOMAIN}" for number in reversed(range(20))]
    equal([jid for jid in seen if jid.startswith("contact")], wanted)
    equal(len(seen), len(set(seen)))


# Rooms

ROOMS = f"rooms.{DOMAIN}"
MUC = "http://jabber.org/protocol/muc"


async def group(owner: wire.Wire, name: str, *members: str) -> str:
    """A group of one's own with these members; its address."""
    room = f"{name}@{ROOMS}"
    await owner.send(f"<presence to='{room}/Owner'><x xmlns='{MUC}'/></presence>")
    form = ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig"
            "</value></field><field var='hauspost#preset'><value>group-chat</value></field></x>")
    answer = await owner.iq("set", f"<query xmlns='{MUC}#owner'>{form}</query>", to=room)
    equal(answer.get("type"), "result")
    for member in members:
        await stands(owner, room, member, "member")
    return room


async def stands(owner: wire.Wire, room: str, who: str, affiliation: str) -> None:
    item = f"<item jid='{who}@{DOMAIN}' affiliation='{affiliation}'/>"
    answer = await owner.iq("set", f"<query xmlns='{MUC}#admin'>{item}</query>", to=room)
    equal(answer.get("type"), "result")


async def says(person: wire.Wire, room: str, words: str, inner: str = "") -> str:
    """Says something in a room; the id under which the room keeps it."""
    await person.send(f"<message type='groupchat' to='{room}'><body>{words}</body>{inner}</message>")
    while True:
        message = await person.until("{jabber:client}message")
        if message.findtext("{jabber:client}body") == words:
            stanza_id = message.find("{urn:xmpp:sid:0}stanza-id")
            assert stanza_id is not None
            return stanza_id.get("id", "")


def rooms_of(inbox: ET.Element) -> dict[str, tuple[str | None, ...]]:
    """Unread messages, mentions, id and marker of each room."""
    rooms = [entry for entry in inbox.iter(f"{INBOX}conversation") if entry.get("room") == "true"]
    return {entry.get("jid", ""): tuple(entry.get(name) for name in ("unread", "mentions", "id", "displayed")) for entry in rooms}


@tests
async def rooms_are_counted_for_members_who_are_away_and_through_kill_nine(house):
    server = house.server()
    await server.people("romeo", "juliet", "contact1")
    await server.start()
    romeo = await wire.logged_in(house, server, "romeo")
    room = await group(romeo, "group", "juliet", "contact1")
    mention = f"<reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:juliet@{DOMAIN}'/>"
    ids = [await says(romeo, room, f"line {number}", mention if number % 10 == 0 else "") for number in range(150)]
    await server.kill()
    await server.start()
    juliet = await wire.logged_in(house, server, "juliet")
    inbox = await asked(juliet)
    equal(rooms_of(inbox), {room: ("150", "15", ids[-1], None)})
    version = inbox.get("version")
    marker = (f"<item id='{room}'><displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='{room}' "
              f"id='{ids[99]}'/></displayed></item>")
    answer = await juliet.iq("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:mds:displayed:0'>"
                                    f"{marker}</publish></pubsub>")
    equal(answer.get("type"), "result")
    settings = ("<notify xmlns='urn:xmpp:notification-settings:1'><never/></notify>"
                "<pinned xmlns='urn:xmpp:bookmarks-pinning:0'/>")
    answer = await juliet.iq("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:bookmarks:1'>"
                                    f"<item id='{room}'><conference xmlns='urn:xmpp:bookmarks:1'><extensions>{settings}"
                                    "</extensions></conference></item></publish></pubsub>")
    equal(answer.get("type"), "result")
    await server.kill()
    await server.start()
    juliet = await wire.logged_in(house, server, "juliet")
    inbox = await asked(juliet, f" since='{version}'")
    equal(rooms_of(inbox), {room: ("50", "5", ids[-1], ids[99])})
    entry = inbox.find(f"{INBOX}conversation")
    check(entry.find(".//{urn:xmpp:notification-settings:1}never") is not None, "it is not muted")
    check(entry.find("{urn:xmpp:bookmarks-pinning:0}pinned") is not None, "it is not pinned")
    # Who is removed, and who is banned, finds nothing of it.
    other = await wire.logged_in(house, server, "contact1")
    equal(rooms_of(await asked(other)), {room: ("150", None, ids[-1], None)})
    romeo = await wire.logged_in(house, server, "romeo")
    await stands(romeo, room, "juliet", "none")
    await stands(romeo, room, "contact1", "outcast")
    for gone in (juliet, other):
        equal(rooms_of(await asked(gone)), {})
    # Whoever writes has read.
    equal(rooms_of(await asked(romeo)), {room: ("0", None, ids[-1], None)})
