"""People who use slixmpp."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from . import sasl
from .server import DOMAIN, PASSWORD, Server
from .tests import PATIENCE, patience
from .wire import trusting

PLUGINS = [
    "xep_0004", "xep_0012", "xep_0030", "xep_0049", "xep_0054", "xep_0059", "xep_0092", "xep_0115", "xep_0184",
    "xep_0191", "xep_0199", "xep_0202", "xep_0203", "xep_0280", "xep_0297", "xep_0313", "xep_0334", "xep_0359",
]


class NotLoggedIn(Exception):
    """Every mechanism was refused, or the connection ended."""


class Person(slixmpp.ClientXMPP):
    """A slixmpp client that puts what happens into queues."""

    def __init__(self, name: str, resource: str = "slixmpp", password: str = PASSWORD, mechanism: str | None = None,
                 context: ssl.SSLContext | None = None, plugins: list[str] | None = None, resumes: bool = False,
                 domain: str = DOMAIN) -> None:
        super().__init__(
            f"{name}@{domain}/{resource}", password, sasl_mech=mechanism, ssl_context=context or trusting(),
            loop=asyncio.get_running_loop(),
        )
        self.use_aiodns = False
        self.auto_authorize = None
        self.auto_subscribe = False
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        for plugin in PLUGINS if plugins is None else plugins:
            self.register_plugin(plugin)
        if resumes:
            self.register_plugin("xep_0198", {"window": 1})
        for event in (
            "session_start", "session_resumed", "failed_all_auth", "disconnected", "message", "failed_auth",
            "presence_available", "presence_away", "presence_unavailable", "presence_subscribe", "presence_subscribed",
            "presence_unsubscribe", "presence_unsubscribed", "roster_update", "carbon_received", "carbon_sent",
            "receipt_received", "message_error", "stream_error", "stanza_acked", "ssl_invalid_chain",
        ):
            self._queue(event)

    def _queue(self, event: str) -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.queues[event] = queue
        self.add_event_handler(event, queue.put_nowait)

    async def next(self, event: str, seconds: float = PATIENCE) -> Any:
        """The next event of this name."""
        async with patience(f"{event} at {self.boundjid}", seconds):
            return await self.queues[event].get()

    def bodies(self) -> list[str]:
        """Bodies of the messages that have come since the last call."""
        found = []
        while not self.queues["message"].empty():
            message = self.queues["message"].get_nowait()
            if message["body"]:
                found.append(message["body"])
        return found

    async def go_in(self, server: Server, door: str = "xmpp") -> "Person":
        """Connects and waits for the session, or raises `NotLoggedIn`."""
        self.enable_direct_tls = door == "xmpp_tls"
        self.enable_starttls = door == "xmpp"
        self.connect(*server.address(door))
        await self.first_of("session_start", "session_resumed")
        return self

    async def first_of(self, *good: str) -> str:
        """Waits for one of these events, or raises `NotLoggedIn` when there will be none."""
        waits = {
            asyncio.ensure_future(self.queues[event].get()): event
            for event in (*good, "failed_all_auth", "disconnected", "ssl_invalid_chain")
        }
        async with patience(f"a session of {self.boundjid}"):
            done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in others:
            wait.cancel()
        events = [waits[wait] for wait in done]
        for event in good:
            if event in events:
                return event
        raise NotLoggedIn(f"{self.boundjid}: {events}, {self.disconnect_reason}")

    async def settle(self) -> None:
        """Everything that this person sent before has had its effect when this returns."""
        await self["xep_0199"].send_ping(self.boundjid.domain, timeout=PATIENCE)

    async def leave(self) -> None:
        if self.is_connected():
            await self.disconnect()


async def arrive(house: Any, server: Server, name: str, resource: str = "slixmpp", available: bool = True,
                 **options: Any) -> Person:
    """Somebody logs in, asks for the roster and is available; leaves after the test."""
    person = Person(name, resource, **options)
    house.at_end(person.leave)
    await person.go_in(server)
    if available:
        await person.get_roster(timeout=PATIENCE)
        person.send_presence()
        await person.settle()
    return person


def bind_to_channel(person: Person, key_log: Path) -> None:
    """Lets slixmpp use tls-exporter, which Python's `ssl` does not give it."""
    person.ssl_context.keylog_filename = str(key_log)
    mechanisms = person["feature_mechanisms"]
    default = mechanisms.sasl_callback

    def credentials(required: set[str], optional: set[str]) -> dict[str, Any]:
        found = default(required, optional)
        if "channel_binding" in required | optional and isinstance(person.socket, ssl.SSLObject):
            found["channel_binding"] = sasl.exporter(person.socket, key_log)
        return found

    mechanisms.sasl_callback = credentials


def on_element(person: Person, name: str, tag: str, queue: asyncio.Queue[Any]) -> None:
    """Puts every first-level element of this tag into the queue."""
    person.register_handler(Callback(name, MatchXPath(tag), queue.put_nowait))
