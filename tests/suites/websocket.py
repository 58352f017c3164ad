"""XMPP over WebSocket (RFC 7395), with the `websockets` package."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from harness import Tests, check, equal, patience
from harness import http, sasl, wire
from harness.server import DOMAIN, PASSWORD
from harness.tests import refused
from harness.wire import BIND2, SASL2, SM, Element, q

tests = Tests("WebSocket (RFC 7395)", people=["romeo", "juliet", "nurse"])

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
OPEN = f"<open xmlns='{FRAMING}' to='{DOMAIN}' version='1.0'/>"
CLOSE = f"<close xmlns='{FRAMING}'/>"


class Socket:
    """A WebSocket whose messages are elements."""

    def __init__(self, connection) -> None:
        self.connection = connection

    async def send(self, text: str) -> None:
        await self.connection.send(text)

    async def next(self, what: str = "an element") -> Element:
        async with patience(what):
            text = await self.connection.recv()
        check(isinstance(text, str), "RFC 7395 §3.2: text only")
        # RFC 7395 §3.3.3: one message, one whole element that needs nothing around it.
        return ET.fromstring(text)

    async def until(self, tag: str) -> Element:
        while (element := await self.next(f"<{tag}>")).tag != tag:
            pass
        return element

    async def open(self) -> Element:
        await self.send(OPEN)
        answer = await self.next("<open/>")
        equal(answer.tag, q(FRAMING, "open"))
        equal((answer.get("from"), answer.get("version")), (DOMAIN, "1.0"))
        check(answer.get("id"), "a stream has an id")
        features = await self.next("features")
        equal(features.tag, q(wire.STREAMS, "features"))
        return features

    async def log_in(self, username: str, resource: str = "web", mechanism: str = "SCRAM-SHA-256") -> str:
        features = await self.open()
        check(features.find(q(wire.TLS, "starttls")) is None, "RFC 7395 §3.8: no STARTTLS here")
        exchange = sasl.begin(mechanism, username, PASSWORD, None)
        await self.send(f"<auth xmlns='{wire.SASL}' mechanism='{mechanism}'>{sasl.encode(exchange.first())}</auth>")
        while (answer := await self.next("SASL")).tag == q(wire.SASL, "challenge"):
            await self.send(f"<response xmlns='{wire.SASL}'>{sasl.encode(exchange.respond(sasl.decode(answer.text)))}</response>")
        equal(answer.tag, q(wire.SASL, "success"))
        exchange.finish(sasl.decode(answer.text))
        await self.open()
        answer = await self.iq("set", f"<bind xmlns='{wire.BIND}'><resource>{resource}</resource></bind>")
        return answer.findtext(f".//{q(wire.BIND, 'jid')}") or ""

    async def iq(self, kind: str, payload: str, to: str | None = None) -> Element:
        address = f" to='{to}'" if to else ""
        await self.send(f"<iq xmlns='jabber:client' type='{kind}' id='q'{address}>{payload}</iq>")
        while (answer := await self.next("an answer")).get("id") != "q":
            pass
        return answer

    async def settle(self) -> None:
        equal((await self.iq("get", f"<ping xmlns='{wire.PING}'/>", DOMAIN)).get("type"), "result")

    async def closed(self) -> int | None:
        """Waits until the WebSocket is closed; the code."""
        async with patience("the end of the WebSocket"):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed:
                pass
        return self.connection.close_code


async def socket(house, server, **options) -> Socket:
    host, port = server.address("http")
    options.setdefault("subprotocols", ["xmpp"])
    connection = await connect(f"ws://{host}:{port}/xmpp-websocket", proxy=None, **options)
    house.at_end(connection.close)
    return Socket(connection)


@tests.each(["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
async def a_login_over_a_websocket(house, mechanism):
    server = await house.shared()
    client = await socket(house, server)
    equal(client.connection.subprotocol, "xmpp")
    equal(await client.log_in("romeo", "web", mechanism), f"romeo@{DOMAIN}/web")
    await client.settle()


@tests
async def two_talk_one_of_them_over_tcp(house):
    server = await house.shared()
    romeo = await socket(house, server)
    await romeo.log_in("romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send("<presence/>")
    await juliet.settle()
    for number in range(20):
        await romeo.send(f"<message xmlns='jabber:client' to='juliet@{DOMAIN}' type='chat'><body>line {number} 🌹 &amp;</body></message>")
    for number in range(20):
        message = await juliet.until(q(wire.CLIENT, "message"))
        equal((message.findtext(q(wire.CLIENT, "body")), message.get("from")), (f"line {number} 🌹 &", f"romeo@{DOMAIN}/web"))
    await juliet.send(f"<message to='romeo@{DOMAIN}/web' type='chat'><body>back</body></message>")
    equal((await romeo.until(q(wire.CLIENT, "message"))).findtext(q(wire.CLIENT, "body")), "back")


@tests
async def sasl2_binds_and_resumes_over_a_websocket(house):
    server = await house.shared()
    client = await socket(house, server)
    await client.open()
    exchange = sasl.Plain("nurse", PASSWORD)
    begin = f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>{sasl.encode(exchange.first())}</initial-response>"
    await client.send(f"{begin}<bind xmlns='{BIND2}'><enable xmlns='{SM}' resume='true'/></bind></authenticate>")
    success = await client.next("success")
    equal(success.tag, q(SASL2, "success"))
    enabled = success.find(f".//{q(SM, 'enabled')}")
    check(enabled is not None, ET.tostring(success).decode())
    equal((await client.next("features")).tag, q(wire.STREAMS, "features"))
    client.connection.transport.abort()
    again = await socket(house, server)
    await again.open()
    await again.send(f"{begin}<resume xmlns='{SM}' previd='{enabled.get('id')}' h='0'/></authenticate>")
    success = await again.next("success")
    check(success.find(q(SM, "resumed")) is not None, ET.tostring(success).decode())
    await again.settle()


@tests
async def a_stream_is_closed_by_the_client(house):
    server = await house.shared()
    client = await socket(house, server)
    await client.log_in("romeo")
    await client.send(CLOSE)
    equal((await client.until(q(FRAMING, "close"))).tag, q(FRAMING, "close"))
    equal(await client.closed(), 1000)


@tests
async def a_stopping_server_says_so(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    client = await socket(house, server)
    await client.log_in("romeo")
    stopping = server.stop()
    import asyncio

    stop = asyncio.create_task(stopping)
    error = await client.until(q(wire.STREAMS, "error"))
    check(error.find(q(wire.STREAM_ERRORS, "system-shutdown")) is not None, ET.tostring(error).decode())
    equal((await client.next("close")).tag, q(FRAMING, "close"))
    await client.closed()
    equal(await stop, 0)


@tests
async def the_subprotocol_must_be_offered(house):
    server = await house.shared()
    with refused(InvalidStatus) as caught:
        await socket(house, server, subprotocols=None)
    equal(caught[0].response.status_code, 400)


@tests
async def a_page_of_a_stranger_origin_is_kept_out(house):
    server = house.server({"http": {"allowed_origins": ["https://chat.example.org"]}})
    await server.people("romeo")
    await server.start()
    with refused(InvalidStatus) as caught:
        await socket(house, server, origin="https://evil.example")
    equal(caught[0].response.status_code, 403)
    client = await socket(house, server, origin="https://chat.example.org")
    await client.log_in("romeo")


@tests
async def nobody_from_elsewhere_logs_in_without_tls(house):
    # Behind a proxy that says the client came in clear.
    server = await house.shared()
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
    try:
        client = await socket(house, server, additional_headers=headers)
    except InvalidStatus as error:
        check(error.response.status_code in (403, 426), f"{error.response.status_code}")
        return
    features = await client.open()
    equal([element.text for element in features.iter(q(wire.SASL, "mechanism"))], [])
    check(features.find(q(SASL2, "authentication")) is None, "SASL2 in clear")


@tests.each([
    ("binary", b"<open/>"),
    ("two elements", OPEN + OPEN),
    ("half an element", "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='hauspost.test'"),
    ("stream header", "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='hauspost.test'>"),
    ("too big", "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='" + "a" * 300_000 + "'/>"),
])
async def what_is_no_frame_ends_the_stream(house, case):
    server = await house.shared()
    client = await socket(house, server)
    await client.send(case[1])
    if case[0] == "half an element":
        # An unfinished element at the end of a frame is never finished by the next.
        await client.send(" version='1.0'/>")
    await client.closed()
    await (await socket(house, server)).log_in("romeo")


@tests
async def a_large_message_passes_and_a_larger_one_does_not(house):
    server = await house.shared()
    client = await socket(house, server)
    await client.log_in("juliet", "large")
    body = "x" * 200_000
    await client.send(f"<message xmlns='jabber:client' to='juliet@{DOMAIN}/large' type='chat'><body>{body}</body></message>")
    equal((await client.until(q(wire.CLIENT, "message"))).findtext(q(wire.CLIENT, "body")), body)
    try:
        await client.send(f"<message xmlns='jabber:client' to='juliet@{DOMAIN}/large' type='chat'><body>{body}{body}</body></message>")
        await client.closed()
    except ConnectionClosed:
        pass


@tests
async def strangers_from_one_address_are_bounded_at_every_door(house):
    server = house.server({"limits": {"preauth_connections_per_address": 2}})
    await server.people("romeo")
    await server.start()
    there = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"}
    first = await socket(house, server, additional_headers=there)
    await first.open()
    # The second place goes to a session over BOSH.
    body = (f"<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='{DOMAIN}' wait='0' hold='0' ver='1.6' "
            "xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>")
    created = ET.fromstring((await http.post(server, "/http-bind", body, there)).body)
    check(created.get("sid"), ET.tostring(created).decode())
    try:
        await socket(house, server, additional_headers=there)
        raise AssertionError("a third stranger was let in")
    except InvalidStatus as refusal:
        equal(refusal.response.status_code, 429)
    refused = ET.fromstring((await http.post(server, "/http-bind", body, there)).body)
    equal((refused.get("type"), refused.get("condition")), ("terminate", "policy-violation"))
    # From elsewhere somebody gets in, and who has logged in is no stranger any more.
    other = await socket(house, server, additional_headers={**there, "x-forwarded-for": "192.0.2.8"})
    await other.open()
    sid = created.get("sid")
    await http.post(server, "/http-bind", f"<body xmlns='http://jabber.org/protocol/httpbind' rid='2' sid='{sid}' type='terminate'/>", there)
    client = await socket(house, server, additional_headers=there)
    await client.log_in("romeo")
    await client.settle()
    third = await socket(house, server, additional_headers=there)
    await third.open()
