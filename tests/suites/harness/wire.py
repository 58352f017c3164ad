"""A small XMPP client by hand, for what the libraries of others do not speak, and for what they would never say."""

from __future__ import annotations

import asyncio
import ssl
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from . import sasl
from .server import DOMAIN, PASSWORD, Server
from .tests import check, patience

CLIENT = "jabber:client"
STREAMS = "http://etherx.jabber.org/streams"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
SASL2 = "urn:xmpp:sasl:2"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
BIND2 = "urn:xmpp:bind:0"
SM = "urn:xmpp:sm:3"
FAST = "urn:xmpp:fast:0"
CARBONS = "urn:xmpp:carbons:2"
PING = "urn:xmpp:ping"
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"

Element = ET.Element


def q(namespace: str, name: str) -> str:
    """ElementTree's name of an element."""
    return f"{{{namespace}}}{name}"


class Ended(Exception):
    """The stream or its connection ended; `error` is the stream error's condition, if there was one."""

    def __init__(self, error: str | None) -> None:
        super().__init__(f"the stream ended ({error or 'no error'})")
        self.error = error


def trusting() -> ssl.SSLContext:
    """TLS that takes any certificate: for servers with a self-signed one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def verifying(root: Path) -> ssl.SSLContext:
    """TLS that takes only certificates of this authority for the right name."""
    return ssl.create_default_context(cafile=str(root))


class Parser:
    """First-level elements of a stream."""

    def __init__(self) -> None:
        self._parser = ET.XMLPullParser(("start", "end"))
        self._depth = 0
        self._root: Element | None = None
        self.header: Element | None = None
        self.closed = False

    def feed(self, data: bytes) -> list[Element]:
        elements = []
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            if event == "start":
                self._depth += 1
                if self._depth == 1:
                    self._root = self.header = element
            else:
                self._depth -= 1
                if self._depth == 1:
                    elements.append(element)
                    assert self._root is not None
                    self._root.remove(element)
                elif self._depth == 0:
                    self.closed = True
        return elements


class Wire:
    """One TCP connection that speaks XMPP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._parser = Parser()
        self._elements: list[Element] = []
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._keys: Path | None = None
        self.jid = ""
        # The condition of a stream error that came.
        self.error: str | None = None

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> "Wire":
        async with patience("a TCP connection"):
            return cls(*await asyncio.open_connection(*address))

    # Transport

    async def write(self, data: bytes) -> None:
        if self._tls is None:
            self._writer.write(data)
        else:
            while data:
                data = data[self._tls.write(data) :]
            self._writer.write(self._outgoing.read())
        await self._writer.drain()

    async def send(self, text: str) -> None:
        await self.write(text.encode())

    async def read(self) -> bytes:
        """Plain bytes; empty at the end."""
        while True:
            if self._tls is not None:
                try:
                    return self._tls.read(65536)
                except ssl.SSLWantReadError:
                    pass
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return b""
            try:
                data = await self._reader.read(65536)
            except ConnectionError:
                return b""
            if self._tls is None:
                return data
            if not data:
                return b""
            self._incoming.write(data)

    async def shake_hands(self, context: ssl.SSLContext, name: str = DOMAIN, hold_back: bool = False) -> None:
        """TLS from here on. With `hold_back` the end of the handshake goes out with the first words after it."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        async with patience("a TLS handshake"):
            while True:
                try:
                    self._tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._writer.write(self._outgoing.read())
                    await self._writer.drain()
                    data = await self._reader.read(65536)
                    if not data:
                        raise Ended(None) from None
                    self._incoming.write(data)
        if not hold_back:
            self._writer.write(self._outgoing.read())
            await self._writer.drain()

    @property
    def tls(self) -> ssl.SSLObject:
        assert self._tls is not None
        return self._tls

    def abort(self) -> None:
        """Cuts the connection without a word."""
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()

    # Stream

    async def next(self, what: str = "an element") -> Element:
        """The next first-level element. A stream error ends the stream."""
        async with patience(what):
            while not self._elements:
                if self._parser.closed:
                    raise Ended(self.error)
                data = await self.read()
                if not data:
                    raise Ended(self.error)
                self._elements += self._parser.feed(data)
        element = self._elements.pop(0)
        if element.tag == q(STREAMS, "error"):
            self.error = next(child.tag.split("}")[1] for child in element if child.tag.startswith(f"{{{STREAM_ERRORS}}}"))
            raise Ended(self.error)
        return element

    async def until(self, tag: str) -> Element:
        """The next element of this name; others are passed over."""
        while True:
            element = await self.next(f"<{tag}>")
            if element.tag == tag:
                return element

    async def end(self) -> str | None:
        """Reads to the end of the stream; the condition of its error, if it had one."""
        try:
            while True:
                await self.next("the end of the stream")
        except Ended as ended:
            return ended.error

    def restart(self) -> None:
        """A new stream on the same connection."""
        self._parser = Parser()

    async def header(self, to: str = DOMAIN, attributes: str = "") -> None:
        await self.send(
            f"<?xml version='1.0'?><stream:stream to='{to}' version='1.0' xmlns='{CLIENT}' xmlns:stream='{STREAMS}' {attributes}>"
        )

    async def open(self, to: str = DOMAIN) -> Element:
        """Stream header out, features back."""
        self.restart()
        await self.header(to)
        features = await self.next("stream features")
        check(features.tag == q(STREAMS, "features"), f"not features: {ET.tostring(features)!r}")
        return features

    async def start_tls(self, context: ssl.SSLContext | None = None) -> Element:
        """STARTTLS from the first word; the features under TLS."""
        features = await self.open()
        check(features.find(q(TLS, "starttls")) is not None, "no STARTTLS is offered")
        await self.send(f"<starttls xmlns='{TLS}'/>")
        answer = await self.next("an answer to STARTTLS")
        check(answer.tag == q(TLS, "proceed"), f"not proceed: {answer.tag}")
        await self.shake_hands(context or trusting())
        return await self.open()

    async def authenticate(self, mechanism: str, username: str, password: str = PASSWORD,
                           binding: tuple[str, bytes] | None = None) -> Element:
        """SASL as in RFC 6120; the server's last word. Raises `sasl.Refused`."""
        exchange = sasl.begin(mechanism, username, password, binding)
        await self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{sasl.encode(exchange.first())}</auth>")
        while True:
            answer = await self.next("an answer to SASL")
            if answer.tag == q(SASL, "challenge"):
                response = exchange.respond(sasl.decode(answer.text))
                await self.send(f"<response xmlns='{SASL}'>{sasl.encode(response)}</response>")
            elif answer.tag == q(SASL, "success"):
                exchange.finish(sasl.decode(answer.text))
                return answer
            else:
                raise sasl.Refused(answer)

    async def bind(self, resource: str = "") -> str:
        """A resource as in RFC 6120; the full address."""
        wish = f"<resource>{escape(resource)}</resource>" if resource else ""
        answer = await self.iq("set", f"<bind xmlns='{BIND}'>{wish}</bind>")
        self.jid = answer.findtext(f"{q(BIND, 'bind')}/{q(BIND, 'jid')}") or ""
        check(self.jid, f"no resource: {ET.tostring(answer)!r}")
        return self.jid

    async def iq(self, kind: str, payload: str, to: str | None = None, id: str = "q") -> Element:
        """Asks and waits for the answer; other stanzas that come meanwhile are kept."""
        address = "" if to is None else f" to={quoteattr(to)}"
        await self.send(f"<iq xmlns='{CLIENT}' type='{kind}' id='{id}'{address}>{payload}</iq>")
        return await self.answer(id)

    async def answer(self, id: str) -> Element:
        passed: list[Element] = []
        try:
            while True:
                element = await self.next(f"an answer to iq {id}")
                if element.tag == q(CLIENT, "iq") and element.get("id") == id and element.get("type") in ("result", "error"):
                    return element
                passed.append(element)
        finally:
            self._elements[:0] = passed

    async def settle(self) -> None:
        """Everything sent before has had its effect on this stream when this returns."""
        await self.iq("get", f"<ping xmlns='{PING}'/>", to=DOMAIN, id="settle")

    def waiting(self) -> list[Element]:
        """Takes what has come and was not asked for."""
        elements, self._elements = self._elements, []
        return elements


async def logged_in(house: Any, server: Server, username: str, resource: str = "", mechanism: str = "SCRAM-SHA-256",
                    password: str = PASSWORD) -> Wire:
    """A client by hand with STARTTLS, SCRAM and a resource; closed after the test."""
    wire = await Wire.connect(server.address("xmpp"))
    house.at_end(wire.close)
    await wire.start_tls()
    await wire.authenticate(mechanism, username, password)
    await wire.open()
    await wire.bind(resource)
    return wire


def error_condition(stanza: Element) -> str | None:
    """The condition of an error stanza."""
    error = stanza.find(q(stanza.tag[1:].split("}")[0], "error"))
    if error is None:
        return None
    return next((child.tag.split("}")[1] for child in error if child.tag.startswith(f"{{{STANZA_ERRORS}}}")), None)
