"""Notifications for devices that sleep: app servers (XEP-0357) as slixmpp and others see them, and Web Push into a
receiver that opens it with an implementation of others."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import http_ece
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from slixmpp import Iq
from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from harness import Tests, check, equal, patience
from harness import wire
from harness.people import PLUGINS, arrive
from harness.server import DOMAIN, LOOPBACK, Server
from harness.tests import PATIENCE
from harness.wire import CLIENT, q

PUSH = "urn:xmpp:push:0"
WEB_PUSH = "urn:hauspost:webpush:0"
PUBSUB = "http://jabber.org/protocol/pubsub"
ANSWER = f"<iq type='result' to='{DOMAIN}' id='{{}}'/>"

tests = Tests(
    "notifications for devices that sleep",
    people=["romeo", "juliet", "nurse", "apps"],
    config={"push": {"coalesce_seconds": 1, "allowed_networks": [f"{LOOPBACK}/32"]}},
)


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Notification:
    """What a push service got."""

    headers: dict[str, str]
    body: bytes


class Browser:
    """A browser with its push service."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)
        self.came: asyncio.Queue[Notification] = asyncio.Queue()
        self.statuses: list[int] = []
        self.endpoint = ""
        self.runner: web.AppRunner | None = None

    @property
    def public(self) -> bytes:
        form = serialization.PublicFormat.UncompressedPoint
        return self.key.public_key().public_bytes(serialization.Encoding.X962, form)

    async def start(self) -> "Browser":
        app = web.Application()
        app.router.add_post("/push/{name}", self.take)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, LOOPBACK, 0)
        await site.start()
        host, port = self.runner.addresses[0][:2]
        self.endpoint = f"http://{host}:{port}/push/{encode(os.urandom(12))}"
        return self

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.came.put_nowait(Notification(headers, await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 201)

    async def next(self) -> Notification:
        async with patience("a notification"):
            return await self.came.get()

    def opened(self, notification: Notification) -> bytes:
        return http_ece.decrypt(notification.body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")

    def subscription(self) -> str:
        return (f"<subscribe xmlns='{WEB_PUSH}' endpoint='{self.endpoint}' p256dh='{encode(self.public)}' "
                f"auth='{encode(self.secret)}'/>")


async def browser(house) -> Browser:
    it = await Browser().start()
    assert it.runner is not None
    house.at_end(it.runner.cleanup)
    return it


def signed_by(authorization: str) -> tuple[bytes, dict[str, object]]:
    """Key and claims of a VAPID header whose signature is right."""
    scheme, _, rest = authorization.partition(" ")
    equal(scheme, "vapid")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    key = decode(fields["k"])
    signed, _, signature = fields["t"].rpartition(".")
    raw = decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    return key, json.loads(decode(signed.split(".")[1]))



async def says(client: wire.Wire, to: str, words: str) -> None:
    await client.send(f"<message to='{to}@{DOMAIN}' type='chat'><body>{words}</body></message>")
    await client.settle()


# App servers


@tests
async def an_app_server_is_told_and_learns_nothing(house):
    server = await house.shared()
    app = await wire.logged_in(house, server, "apps", resource="wire")
    romeo = await wire.logged_in(house, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    address = app.jid
    form = ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options"
            "</value></field><field var='secret'><value>s3cret</value></field></x>")
    answer = await juliet.iq("set", f"<enable xmlns='{PUSH}' jid='{address}' node='phone'>{form}</enable>")
    equal(answer.get("type"), "result")
    await juliet.close()
    await says(romeo, "juliet", "Wherefore art thou, Romeo?")
    told = await app.until(q(CLIENT, "iq"))
    text = ET.tostring(told, encoding="unicode")
    equal((told.get("from"), told.get("type")), (DOMAIN, "set"))
    equal(told.find(f"{q(PUBSUB, 'pubsub')}/{q(PUBSUB, 'publish')}").get("node"), "phone")
    check("s3cret" in text, "the options are missing")
    for word in ("Wherefore", "romeo"):
        check(word not in text, f"the app server learns {word}")
    await app.send(ANSWER.format(told.get("id")))
    # It is still known after a restart, although she was not there since.
    again = await says_after_restart(house, server)
    equal(again.find(f"{q(PUBSUB, 'pubsub')}/{q(PUBSUB, 'publish')}").get("node"), "phone")


async def says_after_restart(house, server) -> ET.Element:
    await server.stop()
    await server.start()
    app = await wire.logged_in(house, server, "apps", resource="wire")
    romeo = await wire.logged_in(house, server, "romeo")
    await says(romeo, "juliet", "Good morrow")
    told = await app.until(q(CLIENT, "iq"))
    await app.send(f"<iq type='error' to='{DOMAIN}' id='{told.get('id')}'><error type='cancel'>"
                   "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    return told


APPS = f"push.{DOMAIN}"
HERE = "jabber:component:accept"


class AppServer(ComponentXMPP):
    """An app server as those of Conversations are: a component, with which apps register by an ad-hoc command."""

    def __init__(self, server: Server) -> None:
        super().__init__(APPS, "hush hush", *server.address("component"), plugin_config={}, plugin_whitelist=[])
        self.loop = asyncio.get_running_loop()
        self.use_aiodns = False
        for plugin in ("xep_0004", "xep_0030", "xep_0050"):
            self.register_plugin(plugin)
        # Secrets by the node that a device was given.
        self.devices: dict[str, str] = {}
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.ready: asyncio.Queue[None] = asyncio.Queue()
        self.add_event_handler("session_start", lambda _: self.add())
        self.register_handler(Callback("push", MatchXPath(f"{q(HERE, 'iq')}/{q(PUBSUB, 'pubsub')}"), self.notified))

    def add(self) -> None:
        self["xep_0050"].add_command(node="register-push-fcm", name="Register", handler=self.register_device)
        self["xep_0030"].add_identity(category="pubsub", itype="push")
        self["xep_0030"].add_feature(PUSH)
        self.ready.put_nowait(None)

    def register_device(self, iq: Iq, session: dict[str, object]) -> dict[str, object]:
        node, secret = encode(os.urandom(9)), encode(os.urandom(9))
        self.devices[node] = secret
        form = self["xep_0004"].make_form(ftype="result")
        form.add_field(var="jid", value=APPS)
        form.add_field(var="node", value=node)
        form.add_field(var="secret", value=secret)
        session.update(payload=form, next=None, has_next=False)
        return session

    def notified(self, iq: Iq) -> None:
        """XEP-0357 §7: wakes the device, or says that it is not there any more."""
        publish = iq.xml.find(f"{q(PUBSUB, 'pubsub')}/{q(PUBSUB, 'publish')}")
        values = {field.get("var"): field.findtext(q("jabber:x:data", "value"))
                  for field in iq.xml.iter(q("jabber:x:data", "field"))}
        node = publish.get("node")
        known = node in self.devices and values.get("secret") == self.devices[node] and iq["from"] == DOMAIN
        answer = iq.reply(clear=True)
        if not known:
            answer["type"] = "error"
            answer["error"]["type"] = "cancel"
            answer["error"]["condition"] = "item-not-found"
        answer.send()
        self.told.put_nowait(node if known else "nobody")

    async def next(self) -> str:
        async with patience("a notification"):
            return await self.told.get()

    async def leave(self) -> None:
        if self.is_connected():
            await self.disconnect()


async def attached(house, server) -> AppServer:
    app = AppServer(server)
    house.at_end(app.leave)
    app.connect()
    async with patience("the app server to be in"):
        await app.ready.get()
    return app


@tests
async def a_component_is_an_app_server(house):
    server = house.server({"push": {"coalesce_seconds": 0}, "listen": {"component": [f"{LOOPBACK}:0"]},
                           "components": {f'"{APPS}"': "hush hush"}})
    await server.people("romeo", "juliet")
    await server.start()
    app = await attached(house, server)
    romeo = await wire.logged_in(house, server, "romeo")
    node = await registered(house, server)
    await says(romeo, "juliet", "Ho!")
    equal(await app.next(), node)
    # She has taken the app away: the app server says so, and is asked no more.
    app.devices.clear()
    await says(romeo, "juliet", "Juliet?")
    equal(await app.next(), "nobody")
    # Another device is told of everything from then on, and it alone.
    other = await registered(house, server)
    for words in ("Is she here?", "Ho, Juliet!"):
        await says(romeo, "juliet", words)
        equal(await app.next(), other)


async def registered(house, server) -> str:
    """Juliet's phone registers as Conversations does, gives what it gets to its own server, and sleeps; its node."""
    juliet = await arrive(house, server, "juliet", "phone", plugins=[*PLUGINS, "xep_0050"])
    done = await juliet["xep_0050"].send_command(APPS, "register-push-fcm", timeout=PATIENCE)
    values = done["command"]["form"].get_values()
    iq = juliet.make_iq_set()
    iq.append(ET.fromstring(
        f"<enable xmlns='{PUSH}' jid='{values['jid']}' node='{values['node']}'><x xmlns='jabber:x:data' type='submit'>"
        "<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>"
        f"<field var='secret'><value>{values['secret']}</value></field></x></enable>"
    ))
    await iq.send(timeout=PATIENCE)
    await juliet.disconnect()
    return values["node"]


# Rooms


@tests
async def rooms_wake_members_who_are_away_and_occupants_who_sleep(house):
    server = house.server({"push": {"coalesce_seconds": 1, "allowed_networks": [f"{LOOPBACK}/32"]}})
    await server.people("romeo", "juliet", "nurse", "apps")
    await server.start()
    app = await wire.logged_in(house, server, "apps", resource="wire")
    romeo = await wire.logged_in(house, server, "romeo")
    room, muc = f"group@rooms.{DOMAIN}", "http://jabber.org/protocol/muc"
    await romeo.send(f"<presence to='{room}/Romeo'><x xmlns='{muc}'/></presence>")
    form = (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{muc}#roomconfig</value></field>"
            "<field var='hauspost#preset'><value>group-chat</value></field></x>")
    members = "".join(f"<item jid='{name}@{DOMAIN}' affiliation='member'/>" for name in ("juliet", "nurse"))
    for node, inner in (("owner", form), ("admin", members)):
        answer = await romeo.iq("set", f"<query xmlns='{muc}#{node}'>{inner}</query>", to=room)
        equal(answer.get("type"), "result")
    # One is in the room with a phone that sleeps, the other one has a browser and is not there at all.
    juliet = await wire.logged_in(house, server, "juliet", resource="phone")
    await juliet.send(f"<presence to='{room}/Juliet'><x xmlns='{muc}'/></presence>")
    answer = await juliet.iq("set", f"<enable xmlns='{PUSH}' jid='{app.jid}' node='phone'/>")
    equal(answer.get("type"), "result")
    await juliet.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    await juliet.settle()
    nurse = await wire.logged_in(house, server, "nurse")
    page = await browser(house)
    equal((await nurse.iq("set", page.subscription())).get("type"), "result")
    await nurse.close()
    await romeo.send(f"<message to='{room}' type='groupchat'><body>Wherefore art thou?</body></message>")
    await told_nothing(app, "Wherefore", "romeo", "group")
    equal(json.loads(page.opened(await page.next())), {"messages": 1})
    # Nobody of the room was there since the server was killed.
    await server.kill()
    await server.start()
    app = await wire.logged_in(house, server, "apps", resource="wire")
    romeo = await wire.logged_in(house, server, "romeo")
    await romeo.send(f"<presence to='{room}/Romeo'><x xmlns='{muc}'/></presence>")
    await romeo.send(f"<message to='{room}' type='groupchat'><body>Juliet?</body></message>")
    await told_nothing(app, "Juliet?", "romeo", "group")
    equal(json.loads(page.opened(await page.next())), {"messages": 1})


async def told_nothing(app: wire.Wire, *words: str) -> None:
    """An app server is told of one message, and of none of these words."""
    told = await app.until(q(CLIENT, "iq"))
    text = ET.tostring(told, encoding="unicode")
    check("message-count" in text, text)
    for word in words:
        check(word not in text, f"the app server learns {word}")
    await app.send(ANSWER.format(told.get("id")))


# Browsers


@tests
async def a_browser_gets_a_sealed_notification_without_content(house):
    server = await house.shared()
    nurse = await wire.logged_in(house, server, "nurse")
    romeo = await wire.logged_in(house, server, "romeo")
    page = await browser(house)
    answer = await nurse.iq("get", f"<vapid xmlns='{WEB_PUSH}'/>")
    key = decode(answer.find(q(WEB_PUSH, "vapid")).get("key"))
    equal((len(key), key[0]), (65, 4))
    equal((await nurse.iq("set", page.subscription())).get("type"), "result")
    await nurse.close()
    for words in ("Who calls?", "Nurse!"):
        await says(romeo, "nurse", words)
    first = await page.next()
    headers = first.headers
    equal((headers["content-encoding"], headers["urgency"]), ("aes128gcm", "high"))
    check(int(headers["ttl"]) > 0, headers["ttl"])
    signer, claims = signed_by(headers["authorization"])
    equal(signer, key, "it is signed by the key that was told")
    check(page.endpoint.startswith(str(claims["aud"])), str(claims))
    content = json.loads(page.opened(first))
    equal(sorted(content), ["messages"])
    told = content["messages"]
    while told < 2:
        told += json.loads(page.opened(await page.next()))["messages"]
    equal(told, 2, "each message is counted once")


@tests
async def a_busy_push_service_is_asked_again_and_a_gone_one_is_forgotten(house):
    server = house.server({"push": {"coalesce_seconds": 1, "allowed_networks": [f"{LOOPBACK}/32"]}})
    await server.people("romeo", "nurse")
    await server.start()
    nurse = await wire.logged_in(house, server, "nurse")
    romeo = await wire.logged_in(house, server, "romeo")
    page, other = await browser(house), await browser(house)
    page.statuses = [503, 201, 410]
    for one in (page, other):
        equal((await nurse.iq("set", one.subscription())).get("type"), "result")
    await nurse.close()
    await says(romeo, "nurse", "One")
    equal(page.opened(await page.next()), page.opened(await page.next()))
    await other.next()
    await says(romeo, "nurse", "Two")
    await page.next()
    await other.next()
    # Now it is gone; the other one is still told.
    await says(romeo, "nurse", "Three")
    await other.next()
    await says(romeo, "nurse", "Four")
    await other.next()
    check(page.came.empty(), "a subscription that is gone was used")


@tests.each([
    ("loopback", f"https://{LOOPBACK}:1/a"),
    ("loopback in other words", "https://127.1/a"),
    ("a private network", "https://10.0.0.1/a"),
    ("the cloud's own", "https://169.254.169.254/latest"),
    ("IPv6 loopback", "https://[::1]/a"),
    ("no TLS", "http://push.example/a"),
    ("no web address", "ftp://push.example/a"),
])
async def an_endpoint_inside_the_house_is_refused(house, case):
    server = house.server()
    await server.people("nurse")
    await server.start()
    nurse = await wire.logged_in(house, server, "nurse")
    page = await browser(house)
    page.endpoint = case[1]
    equal((await nurse.iq("set", page.subscription())).get("type"), "error")


@tests
async def a_name_that_leads_inside_is_not_asked(house):
    server = house.server({"push": {"coalesce_seconds": 0}, "log": {"level": "info,server=debug"}})
    await server.people("romeo", "nurse")
    await server.start()
    nurse = await wire.logged_in(house, server, "nurse")
    romeo = await wire.logged_in(house, server, "romeo")
    page = await browser(house)
    page.endpoint = page.endpoint.replace("http://", "https://").replace(LOOPBACK, "localhost")
    equal((await nurse.iq("set", page.subscription())).get("type"), "result", "the name says nothing yet")
    await nurse.close()
    await says(romeo, "nurse", "Who calls?")
    await server.logged("a push service could not be reached", 0)
    check(page.came.empty(), "it was asked")
    check("localhost" not in server.log(), "the log gives the endpoint away")


@tests
async def the_key_stays(house):
    server = house.server()
    await server.people("nurse")
    keys = []
    for _ in range(2):
        await server.start()
        nurse = await wire.logged_in(house, server, "nurse")
        answer = await nurse.iq("get", f"<vapid xmlns='{WEB_PUSH}'/>")
        keys.append(answer.find(q(WEB_PUSH, "vapid")).get("key"))
        await server.stop()
    equal(keys[0], keys[1])
