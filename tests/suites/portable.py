"""Accounts that move between servers (XEP-0227): to and from Prosody, which keeps them in that very format, and home again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import xml.etree.ElementTree as ET
from pathlib import Path

from harness import Tests, check, equal
from harness.people import Person
from harness.server import DOMAIN, LOOPBACK, PASSWORD
from harness.tests import patience
from harness.wire import CLIENT, Wire, error_condition, logged_in, q

PIE = "urn:xmpp:pie:0"
ROSTER = "jabber:iq:roster"
VCARD = "vcard-temp"
MAM = "urn:xmpp:mam:2"
PUBSUB = "http://jabber.org/protocol/pubsub"
PRIVATE = "jabber:iq:private"
NOTE = "urn:example:note"

tests = Tests("accounts that move between servers")


def free_port() -> int:
    with socket.socket() as door:
        door.bind((LOOPBACK, 0))
        return door.getsockname()[1]


class Prosody:
    """Debian's Prosody, with `mod_storage_xep0227`: each account is a document of the format."""

    def __init__(self, folder: Path, authority) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.port = free_port()
        certificate, key = authority.server(DOMAIN)
        modules = ["disco", "roster", "saslauth", "tls", "vcard", "private", "offline", "ping", "mam", "blocklist", "pep"]
        listed = "; ".join(f"'{module}'" for module in modules)
        self.config = folder / "prosody.cfg.lua"
        self.config.write_text(
            "run_as_root = true\n"
            f"pidfile = '{folder}/prosody.pid'\ndata_path = '{self.data}'\nlog = {{ info = '{folder}/prosody.log' }}\n"
            f"modules_enabled = {{ {listed} }}\nmodules_disabled = {{ 's2s' }}\n"
            f"interfaces = {{ '{LOOPBACK}' }}\nc2s_ports = {{ {self.port} }}\nc2s_direct_tls_ports = {{ }}\n"
            "c2s_require_encryption = true\nauthentication = 'internal_hashed'\n"
            "storage = { accounts = 'xep0227'; roster = 'xep0227'; vcard = 'xep0227'; private = 'xep0227'; archive = 'xep0227'; pep = 'xep0227' }\n"
            "default_storage = 'internal'\ndefault_archive_policy = true\narchive_expires_after = 'never'\n"
            f"VirtualHost '{DOMAIN}'\nssl = {{ certificate = '{certificate}', key = '{key}' }}\n"
        )
        self.process: asyncio.subprocess.Process | None = None

    def document(self, name: str) -> Path:
        return self.data / f"{name}@{DOMAIN}.xml"

    def address(self, _door: str) -> tuple[str, int]:
        return LOOPBACK, self.port

    async def register(self, name: str, password: str = PASSWORD) -> None:
        process = await asyncio.create_subprocess_exec(
            "prosodyctl", "--config", str(self.config), "register", name, DOMAIN, password,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        equal(process.returncode, 0)
        check(self.document(name).exists(), out.decode())

    async def start(self) -> "Prosody":
        self.process = await asyncio.create_subprocess_exec(
            "prosody", "--config", str(self.config), "-F",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )
        async with patience("Prosody's door"):
            while True:
                try:
                    _, writer = await asyncio.open_connection(LOOPBACK, self.port)
                    writer.close()
                    return self
                except OSError:
                    await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            async with patience("Prosody's end"):
                await self.process.wait()


def prosody(house) -> Prosody:
    check(shutil.which("prosody") is not None, "Prosody is missing: apt-get install prosody")
    house.folder.joinpath("peers").mkdir(exist_ok=True)
    folder = house.folder / "peers" / os.urandom(4).hex()
    peer = Prosody(folder, house.authority)
    house.at_end(peer.stop)
    return peer


class Ejabberd:
    """Debian's ejabberd, for as long as it takes to make accounts and to write them out."""

    CONFIG = """loglevel: error
hosts:
  - {domain}
certfiles:
  - "{both}"
acme:
  auto: false
listen: []
auth_password_format: scram
default_db: mnesia
modules:
  mod_roster: {{}}
  mod_vcard: {{}}
  mod_private: {{}}
  mod_offline: {{}}
"""
    SCRIPT = """
lists:foreach(fun(Name) -> ok = ejabberd_auth:try_register(Name, <<"{domain}">>, <<"{password}">>) end, [<<"romeo">>, <<"juliet">>]),
Romeo = jid:make(<<"romeo">>, <<"{domain}">>, <<"garden">>),
{{ok, Item}} = {{ok, fxml_stream:parse_element(<<"<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
  "<item jid='juliet@{domain}' name='A &amp;amp; B'><group>Verona</group></item></query></iq>">>)}},
Iq = xmpp:set_from_to(xmpp:decode(Item, <<"jabber:client">>, [decode_els]), Romeo, jid:remove_resource(Romeo)),
mod_roster:process_iq(Iq),
ok = ejabberd_piefxis:export_server(<<"{out}">>),
ok = file:write_file("{out}/done", <<>>),
init:stop().
"""

    def __init__(self, folder: Path, authority) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir(parents=True)
        certificate, key = authority.server(DOMAIN)
        both = folder / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        words = {"domain": DOMAIN, "password": PASSWORD, "both": both, "out": self.out}
        folder.joinpath("ejabberd.yml").write_text(self.CONFIG.format(**words))
        folder.joinpath("fill.erl").write_text(self.SCRIPT.format(**words).replace("&amp;amp;", "&amp;"))

    async def export(self) -> Path:
        """The document that names the others."""
        wait = "application:ensure_all_started(ejabberd), lists:foreach(fun(T) -> ok = mnesia:wait_for_tables([T], 30000) end, [passwd, roster])"
        process = await asyncio.create_subprocess_exec(
            "erl", "-noinput", "-mnesia", "dir", f'"{self.folder}/mnesia"', "-s", "ejabberd",
            "-eval", f'{wait}, file:script("{self.folder}/fill.erl").',
            cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={
                **os.environ, "EJABBERD_CONFIG_PATH": f"{self.folder}/ejabberd.yml", "EJABBERD_LOG_PATH": f"{self.folder}/log",
                "EJABBERD_PID_PATH": f"{self.folder}/pid", "ERL_LIBS": "/usr/lib/x86_64-linux-gnu", "HOME": str(self.folder),
                "ERL_CRASH_DUMP_BYTES": "0",
            },
        )
        try:
            async with patience("ejabberd's export", 60):
                out, _ = await process.communicate()
        except BaseException:
            process.kill()
            raise
        check((self.out / "done").exists(), out.decode(errors="replace"))
        return min(self.out.glob("*.xml"), key=lambda path: len(path.name))


async def roster(client: Wire) -> dict[str, tuple[str | None, str | None, list[str]]]:
    answer = await client.iq("get", f"<query xmlns='{ROSTER}'/>")
    return {
        item.get("jid"): (item.get("name"), item.get("subscription"), [group.text for group in item])
        for item in answer.iter(q(ROSTER, "item"))
    }


async def bodies(client: Wire) -> list[tuple[str | None, str]]:
    """What is in the archive: when, and the words."""
    await client.iq("set", f"<query xmlns='{MAM}'/>", id="archive")
    found = []
    for message in client.waiting():
        if message.find(q(MAM, "result")) is None:
            continue
        delay = message.find(f".//{q('urn:xmpp:delay', 'delay')}")
        found.append((delay.get("stamp"), message.findtext(f".//{q(CLIENT, 'body')}")))
    return found


async def settle_in(client: Wire, friend: str) -> None:
    """Leaves something of every kind."""
    await client.iq("set", f"<query xmlns='{ROSTER}'><item jid='{friend}@{DOMAIN}' name='A &amp; B'><group>Verona</group></item></query>")
    await client.iq("set", f"<vCard xmlns='{VCARD}'><FN>Romeo &lt;3</FN></vCard>")
    await client.iq("set", f"<query xmlns='{PRIVATE}'><note xmlns='{NOTE}'>wherefore</note></query>")


async def publish(client: Wire, node: str, items: dict[str, str], access: str) -> None:
    """Publishes, and says who may read."""
    options = (
        f"<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>{PUBSUB}#publish-options</value></field>"
        f"<field var='pubsub#access_model'><value>{access}</value></field><field var='pubsub#persist_items'><value>true</value></field>"
        f"<field var='pubsub#max_items'><value>50</value></field></x></publish-options>"
    )
    for id, payload in items.items():
        answer = await client.iq("set", f"<pubsub xmlns='{PUBSUB}'><publish node='{node}'><item id='{id}'>{payload}</item></publish>{options}</pubsub>")
        equal(answer.get("type"), "result")


async def published(client: Wire, node: str, owner: str | None = None) -> dict[str, str] | str:
    """What a node holds, oldest first; or why one may not know."""
    answer = await client.iq("get", f"<pubsub xmlns='{PUBSUB}'><items node='{node}'/></pubsub>", to=owner)
    if answer.get("type") == "error":
        return error_condition(answer) or "error"
    return {item.get("id"): ET.canonicalize(ET.tostring(item[0]), rewrite_prefixes=True) for item in answer.iter(q(PUBSUB, "item"))}


ROOMS = {
    f"room{number}@rooms.{DOMAIN}": f"<conference xmlns='urn:xmpp:bookmarks:1' name='A &amp; B {number}' autojoin='true'/>" for number in range(3)
}
NICK = {"current": "<nick xmlns='http://jabber.org/protocol/nick'>Romy</nick>"}
DEVICES = {"current": "<devices xmlns='urn:xmpp:omemo:2'><device id='4711'/></devices>"}


async def publish_everything(client: Wire) -> None:
    await publish(client, "urn:xmpp:bookmarks:1", ROOMS, "whitelist")
    await publish(client, "http://jabber.org/protocol/nick", NICK, "presence")
    await publish(client, "urn:xmpp:omemo:2:devices", DEVICES, "open")


async def configuration(client: Wire, node: str) -> dict[str, list[str | None]]:
    answer = await client.iq("get", f"<pubsub xmlns='{PUBSUB}#owner'><configure node='{node}'/></pubsub>")
    return {
        field.get("var"): [value.text for value in field.findall(q("jabber:x:data", "value"))]
        for field in answer.iter(q("jabber:x:data", "field"))
    }


async def nodes_as_they_were(client: Wire) -> None:
    """Who may read which. (Prosody 0.12 keeps nodes in this format, and answers no requests for items that it keeps so.)"""
    for node, access in (("urn:xmpp:bookmarks:1", "whitelist"), ("http://jabber.org/protocol/nick", "presence"), ("urn:xmpp:omemo:2:devices", "open")):
        found = await configuration(client, node)
        equal((found["pubsub#access_model"], found["pubsub#max_items"]), ([access], ["50"]), node)


async def everything_published(client: Wire, stranger: Wire) -> None:
    """It is there, in order, and is read by whom it was meant for."""
    owner = client.jid.split("/")[0]
    for node, items in (("urn:xmpp:bookmarks:1", ROOMS), ("http://jabber.org/protocol/nick", NICK), ("urn:xmpp:omemo:2:devices", DEVICES)):
        found = await published(client, node)
        equal(list(found.items()), [(id, ET.canonicalize(payload, rewrite_prefixes=True)) for id, payload in items.items()])
        seen = await published(stranger, node, owner)
        check((seen == found) == (node == "urn:xmpp:omemo:2:devices"), f"{node} shows {seen} to a stranger")


async def found_again(client: Wire, friend: str) -> None:
    contacts = await roster(client)
    equal(contacts[f"{friend}@{DOMAIN}"][0], "A & B")
    equal(contacts[f"{friend}@{DOMAIN}"][2], ["Verona"])
    card = await client.iq("get", f"<vCard xmlns='{VCARD}'/>")
    equal(card.findtext(f".//{q(VCARD, 'FN')}"), "Romeo <3")
    private = await client.iq("get", f"<query xmlns='{PRIVATE}'><note xmlns='{NOTE}'/></query>")
    equal(private.findtext(f".//{q(NOTE, 'note')}"), "wherefore")


async def befriend(one: Wire, other: Wire) -> None:
    for first, second in ((one, other), (other, one)):
        await first.send(f"<presence to='{second.jid.split('/')[0]}' type='subscribe'/>")
        await first.settle()
        await second.send(f"<presence to='{first.jid.split('/')[0]}' type='subscribed'/>")
        await second.settle()


@tests
async def from_prosody_with_the_old_password(house):
    peer = prosody(house)
    for name in ("romeo", "juliet", "paris"):
        await peer.register(name)
    await peer.start()
    romeo = await logged_in(house, peer, "romeo", "garden", "SCRAM-SHA-1")
    juliet = await logged_in(house, peer, "juliet", "balcony", "SCRAM-SHA-1")
    await settle_in(romeo, "juliet")
    await publish_everything(romeo)
    await befriend(romeo, juliet)
    await juliet.send("<presence/>")
    await juliet.settle()
    for number in range(5):
        await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat' id='m{number}'><body>Words {number} &amp; more</body></message>")
    await romeo.settle()
    # (Of an archive in this format Prosody keeps what its owner sends, and answers no questions about it.)
    words = [f"Words {number} & more" for number in range(5)]
    contacts = await roster(romeo)
    await romeo.close()
    await juliet.close()
    await peer.stop()

    # Taken in by a stopped server, and by a running one.
    server = house.server()
    said = (await server.command("import", str(peer.document("romeo")))).expect().out
    check("1 accounts with 5 archived messages" in said, said)
    await server.start()
    for name in ("juliet", "paris"):
        (await server.command("import", str(peer.document(name)))).expect()
    again = (await server.command("import", str(peer.document("juliet")))).expect().out
    check("there already, and unchanged: juliet" in again, again)
    person = Person("romeo", mechanism="SCRAM-SHA-1")
    house.at_end(person.leave)
    await person.go_in(server)
    await person.settle()
    romeo = await logged_in(house, server, "romeo", "garden", "SCRAM-SHA-1")
    equal(await roster(romeo), contacts)
    await found_again(romeo, "juliet")
    await nodes_as_they_were(romeo)
    after = await bodies(romeo)
    equal([text for _, text in after], words)
    kept = ET.parse(peer.document("romeo")).getroot().iter(q("urn:xmpp:delay", "delay"))
    equal([(stamp or "")[:19] for stamp, _ in after], [delay.get("stamp", "")[:19] for delay in kept])
    juliet = await logged_in(house, server, "juliet", "balcony", "SCRAM-SHA-1")
    # They see each other as they did before.
    await juliet.send("<presence/>")
    await romeo.send("<presence/>")
    await romeo.until(q(CLIENT, "presence"))


@tests
async def from_ejabberd_with_the_old_password(house):
    check(shutil.which("ejabberdctl") is not None, "ejabberd is missing: apt-get install ejabberd")
    document = await Ejabberd(house.folder / "peers" / os.urandom(4).hex(), house.authority).export()
    server = house.server()
    said = (await server.command("import", str(document))).expect().out
    check(said.startswith("2 accounts"), said)
    await server.start()
    person = Person("romeo", mechanism="SCRAM-SHA-1")
    house.at_end(person.leave)
    await person.go_in(server)
    await person.settle()
    romeo = await logged_in(house, server, "romeo", "garden", "PLAIN")
    equal(await roster(romeo), {f"juliet@{DOMAIN}": ("A & B", "none", ["Verona"])})


@tests
async def to_prosody_with_the_old_password(house):
    server = house.server()
    await server.people("romeo", "juliet", "paris")
    await server.start()
    romeo = await logged_in(house, server, "romeo", "garden")
    juliet = await logged_in(house, server, "juliet", "balcony")
    await settle_in(romeo, "juliet")
    await publish_everything(romeo)
    await befriend(romeo, juliet)
    await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat' id='m'><body>Words &amp; more</body></message>")
    await romeo.settle()
    contacts = await roster(romeo)
    file = server.folder / "all.xml"
    said = (await server.command("export", str(file))).expect().out
    check(said.startswith("3 accounts"), said)
    equal(file.stat().st_mode & 0o077, 0)
    (await server.command("export", str(file))).expect(1)

    peer = prosody(house)
    host = ET.parse(file).getroot().find(q(PIE, "host"))
    for user in host.findall(q(PIE, "user")):
        root = ET.Element(q(PIE, "server-data"))
        one = ET.SubElement(root, q(PIE, "host"), {"jid": host.get("jid")})
        one.append(user)
        peer.document(user.get("name")).write_bytes(ET.tostring(root))
    await peer.start()
    there = await logged_in(house, peer, "romeo", "garden", "SCRAM-SHA-1")
    equal(await roster(there), contacts)
    await found_again(there, "juliet")
    await nodes_as_they_were(there)


@tests
async def home_again_with_everything(house):
    first = house.server()
    await first.people("romeo", "juliet", "paris", "mercutio")
    (await first.command("user", "add", "escalus", "--admin", "--display-name", "The Prince", "--password-stdin", stdin=PASSWORD)).expect()
    (await first.command("user", "disable", "paris")).expect()
    await first.start()
    romeo = await logged_in(house, first, "romeo", "garden")
    juliet = await logged_in(house, first, "juliet", "balcony")
    escalus = await logged_in(house, first, "escalus", "palace")
    await settle_in(romeo, "juliet")
    await publish_everything(romeo)
    notes = {f"n{number}": f"<note xmlns='{NOTE}'>{number}</note>" for number in range(450)}
    await romeo.iq("set", f"<pubsub xmlns='{PUBSUB}'><create node='urn:test:notes'/><configure><x xmlns='jabber:x:data' type='submit'>"
                   f"<field var='FORM_TYPE'><value>{PUBSUB}#node_config</value></field><field var='pubsub#access_model'><value>whitelist</value></field>"
                   "<field var='pubsub#max_items'><value>max</value></field><field var='pubsub#title'><value>Notes &amp; more</value></field></x></configure></pubsub>")
    for id, payload in notes.items():
        await romeo.send(f"<iq type='set' id='{id}'><pubsub xmlns='{PUBSUB}'><publish node='urn:test:notes'><item id='{id}'>{payload}</item></publish></pubsub></iq>")
    await romeo.iq("set", f"<pubsub xmlns='{PUBSUB}#owner'><affiliations node='urn:test:notes'><affiliation jid='mercutio@{DOMAIN}' affiliation='member'/></affiliations></pubsub>")
    mercutio = await logged_in(house, first, "mercutio", "street")
    await mercutio.iq("set", f"<pubsub xmlns='{PUBSUB}'><subscribe node='urn:test:notes' jid='mercutio@{DOMAIN}'/></pubsub>", to=f"romeo@{DOMAIN}")
    described = await configuration(romeo, "urn:test:notes")
    await befriend(romeo, juliet)
    await juliet.send("<presence/>")
    await juliet.settle()
    await escalus.send(f"<presence to='romeo@{DOMAIN}' type='subscribe'/>")
    await escalus.settle()
    await romeo.iq("set", f"<block xmlns='urn:xmpp:blocking'><item jid='paris@{DOMAIN}'/></block>")
    for number in range(300):
        await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat' id='m{number}'><body>Words {number}</body></message>")
    await romeo.settle()
    before = await bodies(romeo)
    await juliet.send("</stream:stream>")
    await juliet.end()
    await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat' id='w'><body>While you were away</body></message>")
    await romeo.settle()
    people = (await first.command("user", "list")).expect().out
    folder = first.folder / "all"
    (await first.command("export", f"{folder}/")).expect()
    check((folder / "index.xml").exists() and (folder / f"{DOMAIN}.xml").exists(), os.listdir(folder))

    second = house.server()
    (await second.command("import", str(folder))).expect()
    equal((await second.command("user", "list")).expect().out, people)
    await second.start()
    romeo = await logged_in(house, second, "romeo", "garden", "SCRAM-SHA-512")
    await found_again(romeo, "juliet")
    mercutio = await logged_in(house, second, "mercutio", "street")
    await everything_published(romeo, mercutio)
    equal(await configuration(romeo, "urn:test:notes"), described)
    equal(await published(mercutio, "urn:test:notes", f"romeo@{DOMAIN}"), await published(romeo, "urn:test:notes"))
    mine = await mercutio.iq("get", f"<pubsub xmlns='{PUBSUB}'><subscriptions/></pubsub>", to=f"romeo@{DOMAIN}")
    equal([(one.get("node"), one.get("subscription")) for one in mine.iter(q(PUBSUB, "subscription"))], [("urn:test:notes", "subscribed")])
    last = await romeo.iq("get", f"<pubsub xmlns='{PUBSUB}'><items node='urn:test:notes' max_items='2'/></pubsub>")
    equal([item.get("id") for item in last.iter(q(PUBSUB, "item"))], ["n448", "n449"])
    count = await romeo.iq("get", f"<query xmlns='http://jabber.org/protocol/disco#items' node='urn:test:notes'/>", to=f"romeo@{DOMAIN}")
    check(len(count[0]) >= 200, "items are missing")
    equal(await bodies(romeo), before)
    blocked = await romeo.iq("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    equal([item.get("jid") for item in blocked.iter(q("urn:xmpp:blocking", "item"))], [f"paris@{DOMAIN}"])
    await romeo.send("<presence/>")
    await romeo.settle()
    asked = [element.get("from") for element in romeo.waiting() if element.get("type") == "subscribe"]
    equal(asked, [f"escalus@{DOMAIN}"])
    # What waited still waits, once, and is in the archive once.
    juliet = await logged_in(house, second, "juliet", "balcony", "SCRAM-SHA-256")
    await juliet.send("<presence/>")
    await juliet.settle()
    waited = [element.findtext(q(CLIENT, "body")) for element in juliet.waiting() if element.tag == q(CLIENT, "message")]
    equal(waited, ["While you were away"])
    await juliet.iq("set", f"<query xmlns='{MAM}'><set xmlns='http://jabber.org/protocol/rsm'><max>5</max><before/></set></query>")
    last = [message.findtext(f".//{q(CLIENT, 'body')}") for message in juliet.waiting()]
    equal(last, [f"Words {number}" for number in range(296, 300)] + ["While you were away"])


@tests
async def half_an_account_is_none(house):
    server = house.server()
    await server.start()
    file = server.folder / "half.xml"
    whole = (
        f"<server-data xmlns='{PIE}'><host jid='{DOMAIN}'><user name='romeo' password='{PASSWORD}'>"
        f"<query xmlns='{ROSTER}'><item jid='juliet@{DOMAIN}'/></query></user>"
        f"<user name='juliet' password='{PASSWORD}'><vCard xmlns='{VCARD}'/>"
    )
    file.write_text(whole)
    failed = (await server.command("import", str(file))).expect(1)
    check("half.xml" in failed.err and "ends in the middle" in failed.err, failed.err)
    listed = (await server.command("user", "list")).expect().out
    equal([line.split("\t")[:2] for line in listed.splitlines()], [[f"romeo@{DOMAIN}", "enabled"]])
    file.write_text(whole + "</user></host></server-data>")
    (await server.command("import", str(file))).expect()
    await logged_in(house, server, "juliet")


@tests
async def other_hosts_and_strange_things_are_named_and_left_out(house):
    server = house.server()
    file = server.folder / "odd.xml"
    file.write_text(
        f"<server-data xmlns='{PIE}'><host jid='elsewhere.example'><user name='romeo' password='x'><a xmlns='b'/></user></host>"
        f"<host jid='{DOMAIN}'><user name='juliet' password='{PASSWORD}'><thing xmlns='urn:example:thing'/></user></host></server-data>"
    )
    said = (await server.command("import", str(file))).expect().out
    for words in ("1 accounts", "elsewhere.example", "{urn:example:thing}thing"):
        check(words in said, said)
    failed = (await server.command("import", str(server.folder / "hauspost.toml"))).expect(1)
    check("hauspost.toml" in failed.err, failed.err)
