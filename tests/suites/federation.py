"""Other servers: Hauspost with itself, with Prosody and with ejabberd; and components."""

from __future__ import annotations

import asyncio
import shutil
import xml.etree.ElementTree as ET
from typing import Any

from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.exceptions import IqError
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

from harness import Tests, check, equal, patience
from harness.dns import NameServer
from harness.peers import Ejabberd, Peer, Prosody, free_port
from harness.people import Person
from harness.server import DOMAIN, LOOPBACK, Server
from harness.tests import PATIENCE
from harness.wire import logged_in

tests = Tests("other servers and components")

VERONA, MANTUA = "verona.test", "mantua.test"


def config(house: Any, domain: str, dns: NameServer, **more: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A server with a certificate of the house's authority, and doors for other servers."""
    certificate, key = house.authority.peer(domain, f"*.{domain}")
    sections: dict[str, dict[str, Any]] = {
        "": {"domain": domain},
        "listen": {"federation": [f"{LOOPBACK}:0"], "federation_tls": [f"{LOOPBACK}:0"]},
        "tls": {"mode": "files", "certificate": str(certificate), "key": str(key)},
        "federation": {
            "name_servers": ["{}:{}".format(*dns.address)],
            "ca": str(house.authority.root),
            "retry_first_seconds": 1,
            "allowed_networks": [f"{LOOPBACK}/8"],
        },
        "log": {"level": "info,chat=debug,server=debug"},
    }
    for name, keys in more.items():
        sections.setdefault(name.replace("__", "."), {}).update(keys)
    return sections


def publish(dns: NameServer, domain: str, server: Server | Peer, direct: bool = False) -> None:
    """Says where the server of a domain is."""
    door = "federation_tls" if direct else "federation"
    service = "xmpps-server" if direct else "xmpp-server"
    # A name that the system's resolver knows as well: ejabberd asks that one for addresses.
    dns.host("localhost")
    dns.service(f"_{service}._tcp.{domain}", (10, server.address(door)[1], "localhost"))


async def name_server(house: Any) -> NameServer:
    dns = await NameServer().start()
    house.at_end(dns.stop)
    return dns


async def server_of(house: Any, domain: str, dns: NameServer, *people: str, direct: bool = False,
                    **more: dict[str, Any]) -> Server:
    server = house.server(config(house, domain, dns, **more))
    await server.people(*people)
    await server.start()
    publish(dns, domain, server, direct)
    return server


async def arrive(house: Any, server: Server | Peer, name: str, domain: str, resource: str = "slixmpp",
                 **options: Any) -> Person:
    person = Person(name, resource, domain=domain, **options)
    house.at_end(person.leave)
    await person.go_in(server)  # type: ignore[arg-type]
    await person.get_roster(timeout=PATIENCE)
    person.send_presence()
    await person.settle()
    return person


async def two_houses(house: Any, direct: bool = False, **more: dict[str, Any]) -> tuple[Server, Server, NameServer]:
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet", "nurse", direct=direct, **more)
    there = await server_of(house, MANTUA, dns, "romeo", direct=direct, **more)
    return here, there, dns


async def from_whom(person: Person, event: str, bare: str) -> Any:
    """The next event about somebody."""
    async with patience(f"{event} of {bare} at {person.boundjid}"):
        while True:
            stanza = await person.next(event)
            if stanza["from"].bare == bare:
                return stanza


async def talk(one: Person, other: Person) -> None:
    """Messages in both directions, in order."""
    for sender, reader in ((one, other), (other, one)):
        lines = [f"{sender.boundjid.user} {number} <&> ü" for number in range(20)]
        for line in lines:
            sender.send_message(reader.boundjid.bare, line, mtype="chat")
        heard: list[str] = []
        while len(heard) < len(lines):
            message = await reader.next("message")
            equal(message["from"].full, sender.boundjid.full)
            heard.append(message["body"])
        equal(heard, lines)


async def befriend(one: Person, other: Person) -> None:
    """Both see each other's presence, by requests over the border."""
    for asker, asked in ((one, other), (other, one)):
        asker.send_presence_subscription(asked.boundjid.bare, ptype="subscribe")
        await from_whom(asked, "presence_subscribe", asker.boundjid.bare)
        asked.send_presence_subscription(asker.boundjid.bare, ptype="subscribed")
        await from_whom(asker, "presence_subscribed", asked.boundjid.bare)
        await from_whom(asker, "presence_available", asked.boundjid.bare)
    for person, contact in ((one, other), (other, one)):
        async with patience("both sides of the roster"):
            while person.client_roster[contact.boundjid.bare]["subscription"] != "both":
                await person.next("roster_update")


async def see(one: Person, other: Person) -> None:
    """A change of presence crosses the border, and so does going away."""
    one.send_presence(pshow="away", pstatus="in the orchard")
    presence = await from_whom(other, "presence_away", one.boundjid.bare)
    equal((presence["from"].full, presence["status"]), (one.boundjid.full, "in the orchard"))
    one.send_presence(ptype="unavailable")
    await from_whom(other, "presence_unavailable", one.boundjid.bare)
    one.send_presence()
    await from_whom(other, "presence_available", one.boundjid.bare)


async def all_of_it(one: Person, other: Person) -> None:
    await talk(one, other)
    await befriend(one, other)
    await see(one, other)
    await see(other, one)
    for person, peer in ((one, other), (other, one)):
        version = await person["xep_0092"].get_version(peer.boundjid.full, timeout=PATIENCE)
        check(version["software_version"]["name"], "no answer to a request")
        await person["xep_0199"].send_ping(peer.boundjid.domain, timeout=PATIENCE)


@tests.each(["STARTTLS", "direct TLS"])
async def two_houses_talk_see_and_ask_each_other(house, way):
    here, there, _ = await two_houses(house, direct=way == "direct TLS")
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, there, "romeo", MANTUA)
    await all_of_it(juliet, romeo)
    # XEP-0280, XEP-0313: one's other clients and the archive have both sides.
    archive = await juliet["xep_0313"].retrieve(with_jid=f"romeo@{MANTUA}", rsm={"max": 50})
    found = [item["mam_result"]["forwarded"]["stanza"]["body"] for item in archive["mam"]["results"]]
    check(len([body for body in found if body]) == 40, f"not all is archived: {found}")


async def error_of(person: Person, to: str) -> tuple[str, str]:
    """The error for a message that cannot go there."""
    person.send_message(to, "Are you there?", mtype="chat")
    async with patience(f"an error for a message to {to}"):
        while True:
            message = await person.next("message_error")
            if message["from"].bare == to:
                return message["error"]["condition"], message["error"]["text"]


@tests
async def what_cannot_be_delivered_comes_back_with_the_reason(house):
    dns = await name_server(house)
    dns.service("_xmpp-server._tcp.silent.test", (0, 0, "."))
    dns.host("host.deaf.test")
    dns.service("_xmpp-server._tcp.deaf.test", (0, free_port(), "host.deaf.test"))
    server = await server_of(house, VERONA, dns, "juliet", policy__federation={"block": ["bad.test"]})
    juliet = await arrive(house, server, "juliet", VERONA)
    equal((await error_of(juliet, "romeo@nowhere.test"))[0], "remote-server-not-found")
    equal((await error_of(juliet, "romeo@silent.test"))[0], "remote-server-not-found")
    equal((await error_of(juliet, "romeo@bad.test"))[0], "not-allowed")
    equal((await error_of(juliet, "romeo@rooms.bad.test"))[0], "not-allowed")
    # Nobody listens there: a request is answered at once, a message waits for another attempt.
    try:
        await juliet["xep_0199"].send_ping("deaf.test", timeout=PATIENCE)
        check(False, "an answer of nobody")
    except IqError as error:
        equal(error.condition, "remote-server-timeout")


@tests
async def a_certificate_of_nobody_we_trust_is_refused_in_both_directions(house):
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet")
    # Self-signed, and so unknown to the other side.
    bad = config(house, MANTUA, dns)
    bad["tls"] = {"mode": "self-signed"}
    there = house.server(bad)
    await there.people("romeo")
    await there.start()
    publish(dns, MANTUA, there)
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, there, "romeo", MANTUA)
    condition, text = await error_of(juliet, f"romeo@{MANTUA}")
    equal(condition, "remote-server-not-found")
    check("certificate" in text, text)
    condition, text = await error_of(romeo, f"juliet@{VERONA}")
    equal(condition, "remote-server-not-found")
    check("dialback" in text, text)
    equal((juliet.bodies(), romeo.bodies()), ([], []))


@tests
async def a_certificate_for_another_domain_is_refused(house):
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet")
    wrong = config(house, MANTUA, dns)
    certificate, key = house.authority.server("padua.test")
    wrong["tls"] = {"mode": "files", "certificate": str(certificate), "key": str(key)}
    there = house.server(wrong)
    await there.people("romeo")
    await there.start()
    publish(dns, MANTUA, there)
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, there, "romeo", MANTUA)
    equal((await error_of(juliet, f"romeo@{MANTUA}"))[0], "remote-server-not-found")
    equal((await error_of(romeo, f"juliet@{VERONA}"))[0], "remote-server-not-found")


@tests
async def dialback_is_taken_where_policy_says_so(house):
    dns = await name_server(house)
    servers = []
    for domain, name in ((VERONA, "juliet"), (MANTUA, "romeo")):
        lenient = config(house, domain, dns, policy__federation={"dialback": True})
        lenient["tls"] = {"mode": "self-signed"}
        server = house.server(lenient)
        await server.people(name)
        await server.start()
        publish(dns, domain, server)
        servers.append(server)
    juliet = await arrive(house, servers[0], "juliet", VERONA)
    romeo = await arrive(house, servers[1], "romeo", MANTUA)
    await talk(juliet, romeo)


@tests
async def only_those_on_the_list_are_talked_with(house):
    dns = await name_server(house)
    policy = {"policy__federation": {"mode": "allow-list", "allow": [MANTUA]}}
    here = await server_of(house, VERONA, dns, "juliet", **policy)
    there = await server_of(house, MANTUA, dns, "romeo")
    other = await server_of(house, "padua.test", dns, "petruchio")
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, there, "romeo", MANTUA)
    petruchio = await arrive(house, other, "petruchio", "padua.test")
    await talk(juliet, romeo)
    equal((await error_of(juliet, "petruchio@padua.test"))[0], "not-allowed")
    check(await error_of(petruchio, f"juliet@{VERONA}"), "no error")
    equal(juliet.bodies(), [])


@tests
async def an_acknowledged_message_survives_kill_and_arrives_once(house):
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet")
    port = free_port()
    there_config = config(house, MANTUA, dns, listen={"federation": [f"{LOOPBACK}:{port}"]})
    dns.service(f"_xmpp-server._tcp.{MANTUA}", (10, port, "localhost"))
    juliet = await arrive(house, here, "juliet", VERONA)
    lines = [f"line {number}" for number in range(10)]
    for line in lines:
        juliet.send_message(f"romeo@{MANTUA}", line, mtype="chat")
    await juliet.settle()
    await here.kill()
    there = house.server(there_config)
    await there.people("romeo")
    await there.start()
    romeo = await arrive(house, there, "romeo", MANTUA)
    await here.start()
    heard = []
    while len(heard) < len(lines):
        heard.append((await romeo.next("message", 60))["body"])
    equal(heard, lines)
    await romeo.settle()
    equal(romeo.bodies(), [])


async def peer(house: Any, kind: type[Peer], domain: str) -> Peer:
    made = kind(house.folder / domain, domain, house.authority.peer(domain, f"rooms.{domain}"), house.authority.root)

    async def gone() -> None:
        await made.stop()
        shutil.rmtree(made.folder, ignore_errors=True)

    house.at_end(gone)
    return made


async def beside_prosody(house: Any, more: str = "", **options: dict[str, Any]) -> tuple[Server, Peer]:
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet", **options)
    prosody = await peer(house, Prosody, MANTUA)
    await prosody.start(["romeo"], {VERONA: here.address("federation")}, more)  # type: ignore[attr-defined]
    publish(dns, MANTUA, prosody)
    return here, prosody


@tests
async def prosody_talks_sees_and_asks(house):
    here, prosody = await beside_prosody(house)
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, prosody, "romeo", MANTUA)
    await all_of_it(juliet, romeo)


@tests
async def prosody_connects_first(house):
    here, prosody = await beside_prosody(house)
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, prosody, "romeo", MANTUA)
    await all_of_it(romeo, juliet)


@tests.each(["by certificates", "by dialback"])
async def ejabberd_talks_sees_and_asks(house, way):
    dns = await name_server(house)
    here_config = config(house, VERONA, dns)
    if way == "by dialback":
        # ejabberd takes no certificate of us that is for servers alone, as most are; we take its own.
        certificate, key = house.authority.server(VERONA)
        here_config["tls"].update({"certificate": str(certificate), "key": str(key)})
    here = house.server(here_config)
    await here.people("juliet")
    await here.start()
    publish(dns, VERONA, here)
    ejabberd = await peer(house, Ejabberd, MANTUA)
    await ejabberd.start(["romeo"], dns)  # type: ignore[attr-defined]
    publish(dns, MANTUA, ejabberd)
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, ejabberd, "romeo", MANTUA)
    await all_of_it(juliet, romeo)
    await talk(romeo, juliet)
    check("shown who it is" in here.log(), "ejabberd has not connected by itself")


@tests
async def a_broken_certificate_of_prosody_is_refused(house):
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet")
    prosody = Prosody(house.folder / MANTUA, MANTUA, house.authority.server("padua.test"), house.authority.root)
    house.at_end(prosody.stop)
    await prosody.start(["romeo"], {VERONA: here.address("federation")})
    publish(dns, MANTUA, prosody)
    juliet = await arrive(house, here, "juliet", VERONA)
    romeo = await arrive(house, prosody, "romeo", MANTUA)
    condition, text = await error_of(juliet, f"romeo@{MANTUA}")
    equal(condition, "remote-server-not-found")
    check("certificate" in text, text)
    check(await error_of(romeo, f"juliet@{VERONA}"), "no error")
    equal((juliet.bodies(), romeo.bodies()), ([], []))


# Components

GATEWAY = f"gateway.{DOMAIN}"


class Gateway(ComponentXMPP):
    """A gateway to a network of one: whoever writes to `echo` hears himself."""

    def __init__(self, server: Server, secret: str) -> None:
        host, port = server.address("component")
        super().__init__(GATEWAY, secret, host, port, plugin_config={}, plugin_whitelist=[])
        self.loop = asyncio.get_running_loop()
        self.use_aiodns = False
        for plugin in ("xep_0030", "xep_0199", "xep_0356"):
            self.register_plugin(plugin)
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        for event in ("session_start", "disconnected", "message", "presence_subscribe", "presence_available", "privileges_advertised"):
            queue: asyncio.Queue[Any] = asyncio.Queue()
            self.queues[event] = queue
            self.add_event_handler(event, queue.put_nowait)
        self.add_event_handler("message", self._echo)

    def _echo(self, message: Any) -> None:
        if message["type"] in ("chat", "normal") and message["to"].user == "echo":
            self.send_message(message["from"], message["body"], mfrom=message["to"], mtype="chat")

    async def next(self, event: str) -> Any:
        async with patience(f"{event} at the gateway"):
            return await self.queues[event].get()

    async def leave(self) -> None:
        if self.is_connected():
            await self.disconnect()


async def with_component(house: Any, **more: dict[str, Any]) -> Server:
    server = house.server({
        "listen": {"component": [f"{LOOPBACK}:0"]},
        "components": {f'"{GATEWAY}"': "hush hush"},
        **more,
    })
    await server.people("romeo")
    await server.start()
    return server


@tests
async def a_component_attaches_and_talks_with_people(house):
    server = await with_component(house)
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    gateway.connect()
    await gateway.next("session_start")
    romeo = await arrive(house, server, "romeo", DOMAIN)
    for number in range(20):
        romeo.send_message(f"echo@{GATEWAY}", f"hello {number}", mtype="chat")
    heard = [(await romeo.next("message"))["body"] for _ in range(20)]
    equal(heard, [f"hello {number}" for number in range(20)])
    romeo.send_presence_subscription(f"friend@{GATEWAY}", ptype="subscribe")
    request = await gateway.next("presence_subscribe")
    equal((request["from"].bare, request["to"].bare), (f"romeo@{DOMAIN}", f"friend@{GATEWAY}"))
    gateway.send_presence(pto=request["from"].bare, pfrom=f"friend@{GATEWAY}", ptype="subscribed")
    await romeo.next("presence_subscribed")
    gateway.send_presence(pto=request["from"].bare, pfrom=f"friend@{GATEWAY}/phone", pstatus="on the line")
    presence = await from_whom(romeo, "presence_available", f"friend@{GATEWAY}")
    equal(presence["status"], "on the line")
    info = await romeo["xep_0030"].get_info(GATEWAY, timeout=PATIENCE)
    check(info["disco_info"]["features"], "no features")


@tests
async def a_component_with_a_wrong_secret_stays_outside(house):
    server = await with_component(house)
    gateway = Gateway(server, "a guess")
    house.at_end(gateway.leave)
    gateway.connect()
    await gateway.next("disconnected")
    check(gateway.queues["session_start"].empty(), "it is in")


@tests
async def messages_wait_for_a_component_that_is_away(house):
    server = await with_component(house)
    romeo = await arrive(house, server, "romeo", DOMAIN)
    romeo.send_message(f"someone@{GATEWAY}", "later", mtype="chat")
    await romeo.settle()
    await server.kill()
    await server.start()
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    gateway.connect()
    message = await gateway.next("message")
    equal((message["from"].bare, message["body"]), (f"romeo@{DOMAIN}", "later"))


@tests
async def a_privileged_component_acts_for_people_and_others_do_not(house):
    server = await with_component(house, privileges={
        f'"{GATEWAY}"': {"roster": "both", "message": True, "presence": True, "iq": {"jabber:iq:private": "both"}},
    })
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    gateway.connect()
    await gateway.next("session_start")
    await gateway.next("privileges_advertised")
    romeo = await arrive(house, server, "romeo", DOMAIN)
    phone = await arrive(house, server, "romeo", DOMAIN, "phone")
    await phone["xep_0280"].enable(timeout=PATIENCE)
    seen = await gateway.next("presence_available")
    equal(seen["from"].bare, f"romeo@{DOMAIN}")
    # Rosters.
    contact = f"friend@{GATEWAY}"
    await gateway["xep_0356"].set_roster(f"romeo@{DOMAIN}", {contact: {"name": "Friend", "groups": ["Network"]}}, timeout=PATIENCE)
    async with patience("the contact in the roster"):
        while not romeo.client_roster.has_jid(contact):
            await romeo.next("roster_update")
    roster = await gateway["xep_0356"].get_roster(f"romeo@{DOMAIN}", timeout=PATIENCE)
    equal([str(jid) for jid in roster["roster"]["items"]], [contact])
    # Messages in a person's name: what was written on the other network.
    written = gateway.make_message(mto=contact, mfrom=f"romeo@{DOMAIN}", mbody="from my other phone", mtype="chat")
    written.xml.tag = "{jabber:client}message"
    for child in written.xml:
        child.tag = child.tag.replace("jabber:component:accept", "jabber:client")
    gateway["xep_0356"].send_privileged_message(written)
    copy = await phone.next("carbon_sent")
    equal(copy["carbon_sent"]["forwarded"]["message"]["body"] or copy["carbon_sent"]["body"], "from my other phone")
    heard = await gateway.next("message")
    equal((heard["from"].bare, heard["body"]), (f"romeo@{DOMAIN}", "from my other phone"))


@tests
async def a_component_without_privileges_reads_no_roster(house):
    server = await with_component(house)
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    gateway.connect()
    await gateway.next("session_start")
    for to in (f"romeo@{DOMAIN}", f"nobody@{DOMAIN}"):
        try:
            await gateway.make_iq_get(queryxmlns="jabber:iq:roster", ifrom=GATEWAY, ito=to).send(timeout=PATIENCE)
            check(False, "an answer")
        except IqError as error:
            check("<service-unavailable" in str(error.iq), str(error.iq))


@tests
async def a_component_answers_for_a_namespace_that_is_its_own(house):
    server = await with_component(house, privileges={f'"{GATEWAY}"': {"delegate": ["urn:example:weather"]}})
    gateway = Gateway(server, "hush hush")
    house.at_end(gateway.leave)
    asked: asyncio.Queue[ET.Element] = asyncio.Queue()
    gateway.register_handler(Callback("delegated", MatchXPath("{jabber:component:accept}iq/{urn:xmpp:delegation:2}delegation"),
                                      lambda iq: asked.put_nowait(iq.xml)))
    gateway.connect()
    await gateway.next("session_start")
    wire = await logged_in(house, server, "romeo", "phone")
    await wire.send(f"<iq type='get' id='w' to='{DOMAIN}'><forecast xmlns='urn:example:weather'/></iq>")
    async with patience("the request at the component"):
        request = await asked.get()
    inner = request.find(".//{jabber:client}iq")
    assert inner is not None
    equal((inner.get("from"), inner.get("id")), (wire.jid, "w"))
    gateway.send_raw(
        f"<iq type='result' id='{request.get('id')}' from='{GATEWAY}' to='{DOMAIN}'><delegation xmlns='urn:xmpp:delegation:2'>"
        f"<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' type='result' id='w' from='{DOMAIN}' to='{wire.jid}'>"
        "<forecast xmlns='urn:example:weather'>rain</forecast></iq></forwarded></delegation></iq>"
    )
    answer = await wire.answer("w")
    equal(answer.findtext("{urn:example:weather}forecast"), "rain")
