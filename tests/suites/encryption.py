"""The rules on encryption: what the server could read goes back at every door, and OMEMO passes."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from slixmpp import JID

from harness import Tests, check, equal, patience
from harness.people import PLUGINS, Person, arrive, on_element
from harness.server import DOMAIN, LOOPBACK, Server
from harness.tests import PATIENCE
from harness.wire import CLIENT, STANZA_ERRORS, Element, logged_in, q

from bosh import Session
from federation import MANTUA, VERONA, Gateway, GATEWAY, name_server, server_of
from federation import arrive as arrive_at
from omemo_slixmpp import FORMS, Cast, group, numbers
from websocket import socket

RULES = "urn:hauspost:encryption:0"
# The defaults, as an empty configuration has them.
STRICT = {"policy.encryption": {"direct": "required", "groups": "required", "remote": "default"}}
PEOPLE = ["romeo", "juliet", "nurse", "tybalt", "paris", "friar"]
OMEMO = [f"{name}{number}" for name in ("romeo", "juliet", "nurse") for number in range(24)]

tests = Tests("the rules on encryption", people=[*PEOPLE, *OMEMO], config=STRICT)


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


def words(to: str, number: str = "w", kind: str = "chat") -> str:
    return f"<message xmlns='jabber:client' to='{to}' type='{kind}' id='{number}'><body>Ay me</body></message>"


def sealed(to: str, number: str = "e", kind: str = "chat") -> str:
    """As clients send it: with words for those that cannot decrypt."""
    return (
        f"<message xmlns='jabber:client' to='{to}' type='{kind}' id='{number}'><encrypted xmlns='eu.siacs.conversations.axolotl'>"
        "<header sid='1'><key rid='2'>AA==</key><iv>AA==</iv></header><payload>AA==</payload></encrypted>"
        "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>"
        "<body>I sent you an OMEMO encrypted message</body></message>"
    )


def is_refusal(message: Element, number: str = "w") -> None:
    """A message came back because it could be read."""
    equal((message.get("type"), message.get("id")), ("error", number))
    check(message.find(f".//{q(STANZA_ERRORS, 'policy-violation')}") is not None, "not for that reason")
    check(message.find(f".//{q(RULES, 'encryption-required')}") is not None, "not for that reason")
    check("OMEMO" in (message.findtext(f".//{q(STANZA_ERRORS, 'text')}") or ""), "it does not say what to do")


class Listener:
    """Somebody who sees whatever messages come, by whichever door the others are."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.came: asyncio.Queue[Any] = asyncio.Queue()
        on_element(person, "everything", f"{{{CLIENT}}}message", self.came)

    async def next(self) -> Any:
        async with patience(f"a message at {self.person.boundjid}"):
            return await self.came.get()


async def listening(house: Any, server: Server, name: str, **options: Any) -> Listener:
    return Listener(await arrive(house, server, name, **options))


async def refused_then_passed(send: Any, answer: Any, hears: Listener) -> None:
    """At a door: words come back, and what is encrypted is the first that is heard."""
    to = hears.person.boundjid.bare
    await send(words(to))
    is_refusal(await answer(q(CLIENT, "message")))
    await send(sealed(to))
    equal((await hears.next())["id"], "e")


@tests
async def over_tcp(house):
    server = await house.shared()
    juliet = await listening(house, server, "juliet", resource="tcp")
    romeo = await logged_in(house, server, "romeo")
    await refused_then_passed(romeo.send, romeo.until, juliet)


@tests
async def over_a_websocket(house):
    server = await house.shared()
    juliet = await listening(house, server, "juliet", resource="websocket")
    romeo = await socket(house, server)
    await romeo.log_in("romeo", "websocket")
    await refused_then_passed(romeo.send, romeo.until, juliet)


@tests
async def over_bosh(house):
    server = await house.shared()
    juliet = await listening(house, server, "juliet", resource="bosh")
    romeo = Session(server)
    await romeo.log_in("romeo", "rules")
    is_refusal(await romeo.first(await romeo.say(words(address("juliet"))), q(CLIENT, "message")))
    await romeo.say(sealed(address("juliet")))
    equal((await juliet.next())["id"], "e")
    await romeo.say(type="terminate")


@tests
async def slixmpp_tells_its_user_what_to_do_in_his_language(house):
    server = await house.shared()
    await arrive(house, server, "nurse")
    friar = await arrive(house, server, "friar", "cell")
    for language, word in (("en", "switch on OMEMO"), ("de", "OMEMO einschalten")):
        message = friar.make_message(mto=address("nurse"), mbody="Benedicite", mtype="chat")
        message["lang"] = language
        message["id"] = language
        message.send()
        error = (await friar.next("message_error")).xml
        is_refusal(error, language)
        check(word in error.findtext(f".//{q(STANZA_ERRORS, 'text')}"), f"not in {language}")
    # It could have known.
    info = await friar["xep_0030"].get_info(DOMAIN, timeout=PATIENCE)
    check(RULES in info["disco_info"]["features"], "the rules are not to be found")
    forms = info.xml.iter(q("jabber:x:data", "x"))
    rules = [{field.get("var"): field.findtext(q("jabber:x:data", "value")) for field in form} for form in forms]
    check({"FORM_TYPE": RULES, "direct": "required", "groups": "required", "remote": "default"} in rules, f"{rules}")


@tests.each(FORMS)
async def two_people_and_a_group_talk_by_omemo(house, form):
    server = await house.shared()
    room, people = await group(house, server)
    (romeo, _), (juliet, balcony), _ = people
    await romeo.tells(juliet.name, "It is the east", form)
    for device in (juliet, balcony):
        await device.reads("It is the east", numbers(juliet, balcony))
    names = [devices[0].name for devices in people]
    await romeo.tells_all(room, names, "to all", form)
    for device in (juliet, balcony):
        await device.reads("to all", numbers(juliet, balcony))
    # The same in plain words goes back.
    for to, kind in ((juliet.jid, "chat"), (room, "groupchat")):
        romeo.person.send_raw(words(to, "w", kind))
        is_refusal((await romeo.person.next("message_error")).xml)


@tests
async def in_an_open_room_people_and_gateways_talk_in_plain_words(house):
    server = house.server({**STRICT, "listen": {"component": [f"{LOOPBACK}:0"]}, "components": {f'"{GATEWAY}"': "hush hush"}})
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await logged_in(house, server, "romeo")
    room = f"square@rooms.{DOMAIN}"
    await romeo.send(f"<presence to='{room}/Romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await romeo.send(f"<iq type='set' id='o' to='{room}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
                     "<x xmlns='jabber:x:data' type='submit'/></query></iq>")
    equal((await romeo.answer("o")).get("type"), "result")
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    gateway.connect()
    await gateway.next("session_start")
    gateway.send_raw(f"<presence from='bot@{GATEWAY}' to='{room}/Bot'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    await romeo.send(words(room, "m1", "groupchat"))
    async with patience("words in the room"):
        while (message := await romeo.until(q(CLIENT, "message"))).get("id") != "m1":
            pass
    equal(message.findtext(q(CLIENT, "body")), "Ay me")
    async with patience("the words at the gateway"):
        while not (heard := await gateway.next("message"))["body"]:
            pass
    equal(heard["body"], "Ay me")
    gateway.send_raw(f"<message from='bot@{GATEWAY}' to='{room}' type='groupchat' id='b1'><body>build passed</body></message>")
    async with patience("words of the gateway"):
        while (message := await romeo.until(q(CLIENT, "message"))).get("id") != "b1":
            pass
    equal(message.findtext(q(CLIENT, "body")), "build passed")
    # By itself a gateway is elsewhere, where the rule is `default`.
    await romeo.send(words(f"echo@{GATEWAY}", "g1"))
    echoed = await romeo.until(q(CLIENT, "message"))
    equal((echoed.get("from"), echoed.findtext(q(CLIENT, "body"))), (f"echo@{GATEWAY}", "Ay me"))


@tests
async def a_component_is_refused_in_words_where_the_rule_for_others_wants_it(house):
    server = house.server({"policy.encryption": {"remote": "required"}, "listen": {"component": [f"{LOOPBACK}:0"]},
                           "components": {f'"{GATEWAY}"': "hush hush"}})
    await server.people("romeo")
    await server.start()
    romeo = await logged_in(house, server, "romeo")
    await romeo.send("<presence/>")
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    gateway.errors = asyncio.Queue()
    gateway.add_event_handler("message_error", gateway.errors.put_nowait)
    gateway.connect()
    await gateway.next("session_start")
    await romeo.send(words(f"friend@{GATEWAY}"))
    is_refusal(await romeo.until(q(CLIENT, "message")))
    gateway.send_raw(f"<message from='friend@{GATEWAY}' to='{address('romeo')}' type='chat' id='w'><body>psst</body></message>")
    async with patience("a refusal at the gateway"):
        is_refusal((await gateway.errors.get()).xml)
    gateway.send_raw(sealed(address("romeo")).replace("xmlns='jabber:client' ", f"from='friend@{GATEWAY}' "))
    equal((await romeo.until(q(CLIENT, "message"))).get("id"), "e")


@tests
async def words_stay_out_and_in_between_servers_where_the_rule_wants_it(house):
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet", policy__encryption={"remote": "required"})
    there = await server_of(house, MANTUA, dns, "romeo")
    juliet = await arrive_at(house, here, "juliet", VERONA)
    romeo = await arrive_at(house, there, "romeo", MANTUA)
    came = {person: Listener(person) for person in (juliet, romeo)}
    # Out of the strict house, and into it: both are told by it.
    for sender, to in ((juliet, romeo), (romeo, juliet)):
        sender.send_raw(words(to.boundjid.bare))
        error = await sender.next("message_error")
        equal(error["from"].bare, to.boundjid.bare)
        is_refusal(error.xml)
        sender.send_raw(sealed(to.boundjid.bare).replace("xmlns='jabber:client' ", ""))
        async with patience("the encrypted message"):
            while (message := await came[to].next())["id"] != "e":
                equal(message["type"], "error", "words came through")
    equal((romeo.bodies()[-1:], juliet.bodies()[-1:]), (["I sent you an OMEMO encrypted message"],) * 2)


@tests
async def a_changed_rule_holds_at_once_after_sighup(house):
    server = house.server(STRICT)
    await server.people("romeo", "juliet")
    await server.start()
    juliet = await listening(house, server, "juliet")
    romeo = await logged_in(house, server, "romeo")
    await romeo.send(words(address("juliet"), "w1"))
    is_refusal(await romeo.until(q(CLIENT, "message")), "w1")
    for rule in ("off", "required"):
        server.configure({"policy.encryption": {**STRICT["policy.encryption"], "direct": rule}})
        since = len(server.log())
        server.signal(signal.SIGHUP)
        await server.logged("configuration read again", since)
        await romeo.send(words(address("juliet"), rule))
        if rule == "off":
            equal((await juliet.next())["id"], rule)
        else:
            is_refusal(await romeo.until(q(CLIENT, "message")), rule)


@tests
async def the_demo_has_a_history_where_the_server_may_read(house):
    server = house.server(STRICT)
    await server.start("--demo")
    check("so those chats begin empty" in server.said, server.said)
    password = server.said.split("all with the password ")[1].split()[0]
    anna = Person("anna", "demo", password=password, plugins=[*PLUGINS, "xep_0045"])
    house.at_end(anna.leave)
    await anna.go_in(server)
    await anna.settle()
    own = await anna["xep_0313"].retrieve(rsm={"max": 5})
    equal(list(own["mam"]["results"]), [])
    canteen = JID(f"canteen@rooms.{DOMAIN}")
    await anna["xep_0045"].join_muc_wait(canteen, "Anna", maxstanzas=0, timeout=PATIENCE)
    said = await anna["xep_0313"].retrieve(jid=canteen, rsm={"max": 5})
    equal(len(list(said["mam"]["results"])), 5)
