"""BOSH (XEP-0124, XEP-0206), by raw HTTP."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from xml.sax.saxutils import quoteattr

from harness import Tests, check, equal, patience
from harness import http, sasl, wire
from harness.server import DOMAIN, PASSWORD, Server
from harness.wire import Element, q

tests = Tests("BOSH", people=["romeo", "juliet"])

BIND = "http://jabber.org/protocol/httpbind"
XBOSH = "urn:xmpp:xbosh"


class Session:
    """A BOSH session; each request is a connection of its own."""

    def __init__(self, server: Server, rid: int = 1_000_000) -> None:
        self.server, self.rid, self.sid = server, rid, ""
        self.created: Element | None = None

    async def post(self, text: str, seconds: float = 30) -> Element:
        answer = await http.post(self.server, "/http-bind", text, seconds=seconds)
        equal(answer.status, 200)
        check(answer.headers["content-type"].startswith("text/xml"), answer.headers["content-type"])
        return ET.fromstring(answer.body)

    def body(self, payload: str = "", rid: int | None = None, **attributes: str) -> str:
        if rid is None:
            self.rid += 1
            rid = self.rid
        rest = "".join(f" {name.replace('_', ':')}={quoteattr(value)}" for name, value in attributes.items())
        sid = f" sid='{self.sid}'" if self.sid else ""
        return f"<body xmlns='{BIND}' xmlns:xmpp='{XBOSH}' rid='{rid}'{sid}{rest}>{payload}</body>"

    async def create(self, wait: int = 5, hold: int = 1, **attributes: str) -> Element:
        text = self.body(to=DOMAIN, wait=str(wait), hold=str(hold), ver="1.6", xmpp_version="1.0", **{"xml_lang": "en"}, **attributes)
        self.created = await self.post(text)
        self.sid = self.created.get("sid") or ""
        check(self.sid, ET.tostring(self.created).decode())
        return self.created

    async def say(self, payload: str = "", **attributes: str) -> Element:
        return await self.post(self.body(payload, **attributes))

    async def log_in(self, username: str, resource: str = "bosh") -> str:
        created = self.created if self.created is not None else await self.create()
        offered = [element.text for element in created.iter(q(wire.SASL, "mechanism"))]
        check("SCRAM-SHA-256" in offered, f"{offered}")
        exchange = sasl.Scram("SCRAM-SHA-256", username, PASSWORD, None)
        answer = await self.say(f"<auth xmlns='{wire.SASL}' mechanism='SCRAM-SHA-256'>{sasl.encode(exchange.first())}</auth>")
        challenge = await self.first(answer, q(wire.SASL, "challenge"))
        response = sasl.encode(exchange.respond(sasl.decode(challenge.text)))
        answer = await self.say(f"<response xmlns='{wire.SASL}'>{response}</response>")
        success = await self.first(answer, q(wire.SASL, "success"))
        exchange.finish(sasl.decode(success.text))
        features = await self.first(await self.say(xmpp_restart="true", to=DOMAIN), q(wire.STREAMS, "features"))
        check(features.find(q(wire.BIND, "bind")) is not None, ET.tostring(features).decode())
        answer = await self.iq("set", f"<bind xmlns='{wire.BIND}'><resource>{resource}</resource></bind>")
        return answer.findtext(f".//{q(wire.BIND, 'jid')}") or ""

    async def first(self, answer: Element, tag: str) -> Element:
        """The first element of this name in the answer or in those that follow it."""
        while (found := answer.find(tag)) is None:
            check(answer.get("type") != "terminate", ET.tostring(answer).decode())
            answer = await self.say()
        return found

    async def iq(self, kind: str, payload: str, to: str | None = None) -> Element:
        address = f" to='{to}'" if to else ""
        answer = await self.say(f"<iq xmlns='jabber:client' type='{kind}' id='q'{address}>{payload}</iq>")
        return await self.first(answer, q(wire.CLIENT, "iq"))


@tests
async def a_session_is_created(house):
    session = Session(await house.shared())
    created = await session.create(wait=5, hold=1)
    equal((created.get("from"), created.get("hold"), created.get("wait")), (DOMAIN, "1", "5"))
    check(int(created.get("inactivity")) > 0 and int(created.get("requests")) >= 2 and created.get("ver"))
    equal(created.get(q(XBOSH, "restartlogic")), "true")
    check(created.find(q(wire.STREAMS, "features")) is not None, "no features")


@tests
async def two_talk_one_of_them_over_tcp(house):
    server = await house.shared()
    romeo = Session(server)
    equal(await romeo.log_in("romeo"), f"romeo@{DOMAIN}/bosh")
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send("<presence/>")
    await juliet.settle()
    for number in range(5):
        await romeo.post(romeo.body(
            f"<message xmlns='jabber:client' to='juliet@{DOMAIN}' type='chat'><body>a{number}</body></message>"
            f"<message xmlns='jabber:client' to='juliet@{DOMAIN}' type='chat'><body>b{number}</body></message>"
            f"<iq xmlns='jabber:client' type='get' id='p' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"))
    heard = [(await juliet.until(q(wire.CLIENT, "message"))).findtext(q(wire.CLIENT, "body")) for _ in range(10)]
    equal(heard, [f"{letter}{number}" for number in range(5) for letter in "ab"])
    # A held request is answered when there is something to say.
    held = asyncio.create_task(romeo.say())
    await juliet.send(f"<message to='romeo@{DOMAIN}/bosh' type='chat'><body>back</body></message>")
    message = await romeo.first(await held, q(wire.CLIENT, "message"))
    equal(message.findtext(q(wire.CLIENT, "body")), "back")


@tests
async def requests_out_of_order_are_put_in_order(house):
    server = await house.shared()
    session = Session(server)
    await session.log_in("romeo", "order")
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send("<presence/>")
    await juliet.settle()

    def message(text: str) -> str:
        return f"<message xmlns='jabber:client' to='juliet@{DOMAIN}' type='chat'><body>{text}</body></message>"

    first, second = session.rid + 1, session.rid + 2
    session.rid = second
    late = asyncio.create_task(session.post(session.body(message("second"), rid=second)))
    early = asyncio.create_task(session.post(session.body(message("first"), rid=first)))
    heard = [(await juliet.until(q(wire.CLIENT, "message"))).findtext(q(wire.CLIENT, "body")) for _ in range(2)]
    equal(heard, ["first", "second"])
    await early
    session_end = await session.say(type="terminate")
    await late
    equal(session_end.get("type"), "terminate")


@tests
async def a_request_that_is_sent_again_gets_the_same_answer_and_is_done_once(house):
    server = await house.shared()
    session = Session(server)
    await session.log_in("romeo", "replay")
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send("<presence/>")
    await juliet.settle()
    text = session.body(
        f"<message xmlns='jabber:client' to='juliet@{DOMAIN}' type='chat'><body>once</body></message>"
        f"<iq xmlns='jabber:client' type='get' id='p' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
    answers = [ET.tostring(await session.post(text)) for _ in range(2)]
    equal(answers[0], answers[1])
    await session.iq("get", "<ping xmlns='urn:xmpp:ping'/>", DOMAIN)
    await juliet.settle()
    bodies = [element.findtext(q(wire.CLIENT, "body")) for element in juliet.waiting() if element.tag == q(wire.CLIENT, "message")]
    equal(bodies, ["once"])


@tests
async def a_request_beyond_the_window_ends_the_session(house):
    server = await house.shared()
    session = Session(server)
    created = await session.create()
    answer = await session.post(session.body(rid=session.rid + 1 + int(created.get("requests"))))
    equal((answer.get("type"), answer.get("condition")), ("terminate", "item-not-found"))
    answer = await session.say()
    equal((answer.get("type"), answer.get("condition")), ("terminate", "item-not-found"))


@tests
async def an_unknown_session_is_told_so(house):
    session = Session(await house.shared())
    session.sid = "nobody"
    answer = await session.say()
    equal((answer.get("type"), answer.get("condition")), ("terminate", "item-not-found"))


@tests
async def a_session_is_terminated_by_the_client(house):
    server = await house.shared()
    session = Session(server)
    await session.log_in("romeo", "leaving")
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send("<presence/>")
    await juliet.settle()
    answer = await session.say(
        f"<message xmlns='jabber:client' to='juliet@{DOMAIN}' type='chat'><body>good night</body></message>"
        "<presence xmlns='jabber:client' type='unavailable'/>", type="terminate")
    equal(answer.get("type"), "terminate")
    equal((await juliet.until(q(wire.CLIENT, "message"))).findtext(q(wire.CLIENT, "body")), "good night")
    answer = await session.say()
    equal(answer.get("condition"), "item-not-found")


@tests
async def an_empty_request_is_answered_after_its_wait(house):
    server = await house.shared()
    session = Session(server)
    await session.create(wait=1)
    clock = asyncio.get_running_loop()
    begin = clock.time()
    answer = await session.say()
    equal(len(answer), 0)
    check(0.9 <= clock.time() - begin < 5, f"{clock.time() - begin}")


@tests
async def who_polls_too_often_is_put_out(house):
    server = await house.shared()
    session = Session(server)
    created = await session.create(wait=0, hold=0)
    check(int(created.get("polling")) >= 1, "no polling interval is told")
    await session.say()
    answer = await session.say()
    equal((answer.get("type"), answer.get("condition")), ("terminate", "policy-violation"))


@tests
async def a_session_that_is_left_alone_ends(house):
    server = house.server({"limits": {"bosh_inactivity_seconds": 1}})
    await server.people("romeo")
    await server.start()
    session = Session(server)
    await session.log_in("romeo")

    async def open_sessions() -> float:
        lines = (await http.get(server, "/metrics")).body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith('hauspost_connections{door="bosh"}'))

    check(await open_sessions() == 1, "no session is counted")
    async with patience("the end of the session"):
        while await open_sessions() > 0:
            await asyncio.sleep(0.05)
    answer = await session.say()
    equal(answer.get("condition"), "item-not-found")


@tests.each([
    ("no XML", "hello", "bad-request"),
    ("no body", "<presence xmlns='jabber:client'/>", "bad-request"),
    ("no rid", f"<body xmlns='{BIND}' to='{DOMAIN}'/>", "bad-request"),
    ("a stranger domain", f"<body xmlns='{BIND}' rid='1' to='elsewhere.example'/>", "host-unknown"),
    ("no domain", f"<body xmlns='{BIND}' rid='1'/>", "improper-addressing"),
    ("a document type", f"<!DOCTYPE a [<!ENTITY b 'c'>]><body xmlns='{BIND}' rid='1' to='{DOMAIN}'>&b;</body>", "bad-request"),
])
async def what_cannot_be_understood_is_answered_with_a_condition(house, case):
    session = Session(await house.shared())
    answer = await session.post(case[1])
    equal((answer.get("type"), answer.get("condition")), ("terminate", case[2]))


@tests
async def deep_nesting_in_a_request_is_refused(house):
    session = Session(await house.shared())
    await session.create()
    answer = await session.say("<a xmlns='x'>" * 10_000 + "</a>" * 10_000)
    equal(answer.get("type"), "terminate")
    # The server lives.
    await Session(await house.shared()).log_in("romeo", "after")


@tests
async def a_stranger_is_not_listened_to_for_long(house):
    server = await house.shared()
    reader, writer = await asyncio.open_connection(*server.address("http"))
    try:
        # Not all that is announced: the answer does not wait for it.
        writer.write(http.request("POST", "/http-bind", {}, b"<" + b"a" * 259_999)[:60_000])
        async with patience("an answer to the begin of a request"):
            answer = ET.fromstring((await http.read_answer(reader)).body)
    finally:
        writer.close()
    equal((answer.get("type"), answer.get("condition")), ("terminate", "policy-violation"))
    # Who is logged in may say more at once.
    session = Session(server)
    await session.log_in("romeo", "long")
    answer = await session.iq("set", f"<query xmlns='jabber:iq:private'><long xmlns='long:words'>{'x' * 100_000}</long></query>")
    equal(answer.get("type"), "result")


@tests.each([
    ("says https", {"X-Forwarded-For": "198.51.100.9", "X-Forwarded-Proto": "https"}, True),
    ("says http", {"X-Forwarded-For": "198.51.100.9", "X-Forwarded-Proto": "http"}, False),
    ("says nothing", {"X-Forwarded-For": "198.51.100.9"}, False),
])
async def passwords_pass_only_through_a_proxy_that_says_https(house, case):
    session = Session(await house.shared())
    text = session.body(to=DOMAIN, wait="5", hold="1", ver="1.6", xmpp_version="1.0")
    created = ET.fromstring((await http.post(session.server, "/http-bind", text, case[1])).body)
    offered = [element.text for element in created.iter(q(wire.SASL, "mechanism"))]
    equal("PLAIN" in offered, case[2], f"{offered}")


@tests
async def scripts_of_allowed_origins_may_use_it(house):
    server = house.server({"http": {"allowed_origins": ["https://chat.example.org"]}})
    await server.start()
    asks = {"Origin": "https://chat.example.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = await http.exchange(server, "OPTIONS", "/http-bind", asks)
    check(answer.status in (200, 204), f"{answer.status}")
    equal(answer.headers.get("access-control-allow-origin"), "https://chat.example.org")
    answer = await http.exchange(server, "OPTIONS", "/http-bind", {**asks, "Origin": "https://evil.example"})
    check("access-control-allow-origin" not in answer.headers, f"{answer.headers}")
    answer = await http.post(server, "/http-bind", "<body/>", {"Origin": "https://evil.example"})
    equal(answer.status, 403)
