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
