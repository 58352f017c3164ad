"""People of a directory (OpenLDAP's slapd): they come, change and go with it, and log in with its passwords."""

from __future__ import annotations

import asyncio
import json
import signal
import xml.etree.ElementTree as ET

from harness import Tests, check, equal, says
from harness import sasl, wire
from harness.agent import Agent
from harness.directory import GROUPS, PASSWORD, PEOPLE, READER_PASSWORD, Slapd, folded, group, person
from harness.people import NotLoggedIn, Person
from harness.server import DOMAIN, LOOPBACK, House, Server
from harness.server import PASSWORD as server_password
from harness.tests import patience
from harness.wire import SASL, SASL2, Wire, q
from sasl2 import bind, enter

tests = Tests("people of a directory (LDAP)")

# A picture of one dot.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
COMMANDS = "http://jabber.org/protocol/commands"
STAFF = person("anna", "Anna Albers", more=f"jpegPhoto:: {DOT}\n") + person("bert") + person("carl") + person("dora", "Dora Dürer")
DEPARTMENTS = (
    group("Sales North", "anna") + group("Sales", "bert", "+Sales North") + group("Board", "dora")
    # Two that hold each other.
    + group("Everybody", "+Sales", "+Board", "+House") + group("House", "+Everybody")
)


async def directory(house: House, entries: str = STAFF + DEPARTMENTS) -> Slapd:
    slapd = Slapd(house.folder / f"slapd{len(list(house.folder.iterdir()))}", house.authority)
    await slapd.fill(entries)
    house.at_end(slapd.stop)
    return await slapd.start()


async def furnished(house: House, entries: str = STAFF + DEPARTMENTS, running: bool = True, **settings: object) -> tuple[Slapd, Server]:
    """A directory, and a server that has synchronised with it."""
    slapd = await directory(house, entries)
    server = house.server(slapd.config(**settings))
    if running:
        await server.start()
    await synchronised(server)
    return slapd, server


async def synchronised(server: Server, *options: str) -> str:
    return (await server.command("directory", "sync", *options)).expect().out


async def people(server: Server) -> dict[str, list[str]]:
    """State, role, name for people and groups, by names."""
    listed = (await server.command("user", "list")).expect().out
    return {line.split("\t")[0].split("@")[0]: line.split("\t")[1:] for line in listed.splitlines()}


async def groups(server: Server, name: str) -> list[str]:
    return (await server.command("user", "groups", name)).expect().out.splitlines()


async def connected(house: House, server: Server, name: str | None = None) -> tuple[Wire, ET.Element]:
    """Under TLS, on a stream that says for whom it is or not; and its features."""
    client = await Wire.connect(server.address("xmpp"))
    house.at_end(client.close)
    features = await client.start_tls()
    if name is not None:
        client = await Wire.connect(server.address("xmpp"))
        house.at_end(client.close)
        await client.open()
        await client.send(f"<starttls xmlns='{wire.TLS}'/>")
        await client.next("an answer to STARTTLS")
        await client.shake_hands(wire.trusting())
        client.restart()
        await client.header(attributes=f"from='{name}@{DOMAIN}'")
        features = await client.next("stream features")
    return client, features


def offered(features: ET.Element) -> list[str]:
    """Mechanisms, which are the same in both profiles."""
    old = [one.text or "" for one in features.iterfind(f"{q(SASL, 'mechanisms')}/{q(SASL, 'mechanism')}")]
    new = [one.text or "" for one in features.iterfind(f"{q(SASL2, 'authentication')}/{q(SASL2, 'mechanism')}")]
    equal(old, new)
    return old


async def plain(house: House, server: Server, name: str, password: str = PASSWORD) -> Wire:
    client, _ = await connected(house, server, None)
    await client.authenticate("PLAIN", name, password)
    await client.open()
    await client.bind()
    return client


async def condition(house: House, server: Server, name: str, password: str) -> str:
    """Why somebody does not get in."""
    client, _ = await connected(house, server)
    try:
        await client.authenticate("PLAIN", name, password)
    except sasl.Refused as refusal:
        return refusal.condition
    raise AssertionError(f"{name} got in")


async def app_password(client: Wire) -> str:
    """Made by the command for it."""
    node = "urn:hauspost:app-passwords#create"
    answer = await client.iq("set", f"<command xmlns='{COMMANDS}' node='{node}'/>", to=DOMAIN)
    session = answer.find(q(COMMANDS, "command")).get("sessionid")
    answer = await client.iq(
        "set",
        f"<command xmlns='{COMMANDS}' node='{node}' sessionid='{session}'><x xmlns='jabber:x:data' type='submit'>"
        f"<field var='label'><value>phone</value></field></x></command>",
        to=DOMAIN,
    )
    found = answer.find(f".//{q('jabber:x:data', 'field')}[@var='password']/{q('jabber:x:data', 'value')}")
    check(found is not None, ET.tostring(answer).decode())
    return found.text or ""


# Who comes


@tests
async def people_come_with_names_groups_cards_and_pictures(house: House) -> None:
    _, server = await furnished(house)
    listed = await people(server)
    equal(sorted(listed), ["anna", "bert", "carl", "dora"])
    check("Dora Dürer" in listed["dora"], str(listed["dora"]))
    # Groups within groups count, and circles end.
    equal(await groups(server, "anna"), ["Everybody", "House", "Sales", "Sales North"])
    equal(await groups(server, "bert"), ["Everybody", "House", "Sales"])
    equal(await groups(server, "carl"), [])
    equal(await groups(server, "dora"), ["Board", "Everybody", "House"])
    audit = (await server.command("audit", "export", "--subject", f"anna@{DOMAIN}")).expect().out
    entry = json.loads(audit.splitlines()[0])
    equal((entry["actor"], entry["door"], entry["action"]), ("house", "directory", "account.created"))
    anna = await plain(house, server, "anna")
    card = await anna.iq("get", "<vCard xmlns='vcard-temp'/>")
    equal(card.findtext(f".//{q('vcard-temp', 'FN')}"), "Anna Albers")
    equal(card.findtext(f".//{q('vcard-temp', 'USERID')}"), "anna@hauspost.test")
    equal((card.findtext(f".//{q('vcard-temp', 'BINVAL')}") or "").strip(), DOT)


@tests.each(["members", "member-of", "direct"])
async def groups_are_found_in_each_way(house: House, nesting: str) -> None:
    slapd = await directory(house, STAFF)
    # OpenLDAP keeps `memberOf` only of what comes while it runs; each after its members.
    for entry in (group("Sales North", "anna"), group("Sales", "bert", "+Sales North"), group("Board", "+Sales")):
        await slapd.change(entry)
    config = slapd.config()
    config["identity.ldap.groups"]["nesting"] = nesting
    server = house.server(config)
    await synchronised(server)
    expected = ["Sales North"] if nesting == "direct" else ["Board", "Sales", "Sales North"]
    equal(await groups(server, "anna"), expected)
    equal(await groups(server, "carl"), [])


@tests
async def two_thousand_come_page_by_page_and_a_second_time_nothing_changes(house: House) -> None:
    names = [f"person{number}" for number in range(2000)]
    entries = "".join(person(name) for name in names) + group("All", *names)
    _, server = await furnished(house, entries, page_entries=300)
    equal(len(await people(server)), 2000)
    equal(await groups(server, "person1999"), ["All"])
    says(await synchronised(server), "2000 people and 1 groups in the directory; 0 made, 0 changed, 0 shut out")


@tests
async def a_dry_run_changes_nothing_and_it_works_on_a_stopped_server(house: House) -> None:
    slapd = await directory(house)
    server = house.server(slapd.config())
    said = await synchronised(server, "--dry-run")
    says(said, "+ anna", "4 made", "nothing was changed")
    equal(await people(server), {})
    await synchronised(server)
    equal(len(await people(server)), 4)


@tests
async def names_that_cannot_be_are_told_and_stop_nobody(house: House) -> None:
    odd = (
        f"dn: cn=odd,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: odd\nsn: odd\nuid: a@b\n\n"
        f"dn: cn=one,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: one\nsn: one\nuid: twin\n\n"
        f"dn: cn=two,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: two\nsn: two\nuid: Twin\n\n"
        f"dn: cn=nameless,{PEOPLE}\nobjectClass: inetOrgPerson\ncn: nameless\nsn: nameless\n\n"
    )
    slapd = await directory(house, STAFF + odd)
    server = house.server(slapd.config())
    (await server.command("user", "add", "bert", "--password-stdin", stdin="a password of his own\n")).expect()
    said = await synchronised(server)
    says(said, "\"a@b\" cannot be a name here", "2 people of the directory would be twin", "shows no `uid`",
         "`hauspost directory adopt bert`", "3 made")
    equal(sorted(await people(server)), ["anna", "bert", "carl", "dora"])


# Who gets in


@tests
async def people_log_in_with_the_password_of_the_directory(house: House) -> None:
    slapd, server = await furnished(house)
    for resource in ("one", "two"):
        anna = Person("anna", resource, password=PASSWORD)
        house.at_end(anna.leave)
        await anna.go_in(server)
    for name, password in (("anna", "wrong"), ("bert", "correct horse battery"), ("nobody", PASSWORD)):
        equal(await condition(house, server, name, password), "not-authorized")
    # A new password counts at once, the old one no more.
    await slapd.change(f"dn: uid=bert,{PEOPLE}\nchangetype: modify\nreplace: userPassword\n{folded('userPassword', 'new word')}")
    equal(await condition(house, server, "bert", PASSWORD), "not-authorized")
    await plain(house, server, "bert", "new word")


@tests
async def scram_is_offered_to_accounts_of_this_server_alone(house: House) -> None:
    slapd = await directory(house)
    server = house.server(slapd.config())
    (await server.command("user", "add", "zoe", "--password-stdin", stdin="a password of her own\n")).expect()
    await server.start()
    await synchronised(server)
    # Who is not there is offered what people of the directory are offered.
    for name in ("anna", "nobody"):
        client, features = await connected(house, server, name)
        equal(offered(features), ["PLAIN"])
        check(features.find(f"{q(SASL2, 'authentication')}/{q('urn:xmpp:sasl:upgrade:0', 'upgrade')}") is None, "upgrades are offered")
    client, features = await connected(house, server, "zoe")
    check("SCRAM-SHA-256-PLUS" in offered(features), str(offered(features)))
    # The hash of what was offered (XEP-0474) is that of this stream.
    exchange = sasl.Scram("SCRAM-SHA-256", "zoe", "a password of her own", None, offered_binding=False)
    await enter(client, exchange, "SCRAM-SHA-256", bind())
    client, features = await connected(house, server, "anna")
    try:
        await client.authenticate("SCRAM-SHA-256", "anna", PASSWORD)
        raise AssertionError("a mechanism was taken that was not offered")
    except sasl.Refused as refusal:
        equal(refusal.condition, "invalid-mechanism")
    # A stream that does not say for whom it is.
    _, features = await connected(house, server)
    equal(offered(features), ["PLAIN"])
    await plain(house, server, "zoe", "a password of her own")
    server.configure(slapd.config(scram_for_unnamed=True))
    await server.stop()
    await server.start()
    _, features = await connected(house, server)
    check({"PLAIN", "SCRAM-SHA-256"} <= set(offered(features)), str(offered(features)))


@tests
async def hauspost_agent_logs_in_and_again_by_token_while_the_directory_is_down(house: House) -> None:
    slapd = await directory(house, person("anna", password=server_password) + person("bert"))
    server = house.server(house.certified(slapd.config()))
    await server.start()
    await synchronised(server)
    anna = await Agent(house, server, "anna").login()
    await slapd.stop()
    done = (await anna.run("devices", "--json")).expect()
    check(done.out.strip(), "no device is listed")


@tests
async def no_name_and_no_password_is_more_than_it_looks_like(house: House) -> None:
    slapd, server = await furnished(house)
    for name in ("*", "an*", "anna)(uid=*", "anna)(|(uid=*", "\\2a", "anna,ou=people", "Anna "):
        check(await condition(house, server, name, PASSWORD) in ("not-authorized", "malformed-request"), name)
    # An empty password is an anonymous bind, which succeeds.
    check(await condition(house, server, "anna", "") in ("not-authorized", "malformed-request"), "an empty password")
    equal(sorted(await people(server)), ["anna", "bert", "carl", "dora"])
    # What a directory calls people cannot say more either.
    await slapd.change(person("eve", "Eve)(objectClass=*") + f"dn: cn=a*)(uid=*,{GROUPS}\nobjectClass: groupOfNames\ncn: a*)(uid=*\nmember: uid=eve,{PEOPLE}\n")
    await synchronised(server)
    equal(await groups(server, "eve"), ["a*)(uid=*"])
    await plain(house, server, "eve")


@tests
async def whoever_is_new_need_not_wait_for_the_next_synchronisation(house: House) -> None:
    slapd, server = await furnished(house)
    await slapd.change(person("emil", "Emil Ernst"))
    equal(await condition(house, server, "emil", "wrong"), "not-authorized")
    check("emil" not in await people(server), "a wrong password has made an account")
    await plain(house, server, "emil")
    check("Emil Ernst" in (await people(server))["emil"], "no name")
    says(await synchronised(server), "0 made, 0 changed, 0 shut out")


@tests
async def the_password_is_changed_in_the_directory_alone(house: House) -> None:
    _, server = await furnished(house)
    anna = await plain(house, server, "anna")
    answer = await anna.iq(
        "set", "<query xmlns='jabber:iq:register'><username>anna</username><password>another long one</password></query>", to=DOMAIN,
    )
    equal(answer.get("type"), "error")
    says(ET.tostring(answer).decode(), "change it there")
    done = await server.command("user", "passwd", "anna", "--password-stdin", stdin="another long one\n")
    check(done.code != 0, "a password was set beside that of the directory")
    says(done.said, "directory")


@tests
async def a_new_password_in_the_directory_ends_what_the_old_one_let_in(house: House) -> None:
    entries = person("anna", more="description: 20261101\n") + person("bert", more="description: 20261101\n")
    slapd = await directory(house, entries)
    config = slapd.config()
    config["identity.ldap.attributes"] = {"password_changed": "description"}
    server = house.server(config)
    await server.start()
    await synchronised(server)
    anna, bert = await plain(house, server, "anna"), await plain(house, server, "bert")
    secret = await app_password(anna)
    await slapd.change(
        f"dn: uid=anna,{PEOPLE}\nchangetype: modify\nreplace: userPassword\n{folded('userPassword', 'new word')}-\n"
        "replace: description\ndescription: 20261124\n"
    )
    says(await synchronised(server), "~ anna", "1 changed")
    equal(await anna.end(), "not-authorized")
    equal(await condition(house, server, "anna", secret), "not-authorized")
    await plain(house, server, "anna", "new word")
    says(await synchronised(server), "0 changed")
    equal((await bert.iq("get", f"<ping xmlns='{wire.PING}'/>", to=DOMAIN)).get("type"), "result")


# While the directory is down


@tests
async def a_directory_that_is_down_locks_nobody_out_and_says_so(house: House) -> None:
    slapd, server = await furnished(house, timeout_seconds=2)
    client, _ = await connected(house, server, "anna")
    agent = "d4565fa7-4d72-4749-b3d3-740edbf87770"
    asked = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
    success = await enter(client, sasl.Plain("anna", PASSWORD), "PLAIN", asked + bind(), agent)
    token = success.find(q(wire.FAST, "token")).get("token")
    secret = await app_password(await plain(house, server, "anna"))
    await slapd.stop()
    since = len(server.log())
    # More often than wrong passwords would be taken without delay.
    for _ in range(8):
        equal(await condition(house, server, "anna", PASSWORD), "temporary-auth-failure")
    await server.logged("the directory could not be asked", since)
    await plain(house, server, "anna", secret)
    client, _ = await connected(house, server, "anna")
    await enter(client, sasl.Token("anna", token), "HT-SHA-256-NONE", "<fast xmlns='urn:xmpp:fast:0'/>" + bind(), agent)
    done = await server.command("directory", "sync")
    check(done.code != 0, "a synchronisation without a directory")
    says(done.said, "cannot be reached")
    equal(len(await people(server)), 4)
    await slapd.start()
    await plain(house, server, "anna")


@tests
async def the_next_server_is_asked_when_one_is_down(house: House) -> None:
    slapd = await directory(house)
    dead = Slapd(house.folder / "dead", house.authority)
    server = house.server(slapd.config(servers=[dead.url, slapd.secure_url]))
    await server.start()
    await synchronised(server)
    await plain(house, server, "anna")
    checked = await server.command("directory", "check")
    check(checked.code != 0, "the dead one was not told")
    says(checked.out, f"FAILED  {dead.url}: cannot be reached", f"ok      {slapd.secure_url}: 4 people, 5 groups")


# TLS and the account that looks people up


@tests
async def what_is_wrong_is_told(house: House) -> None:
    slapd = await directory(house)
    secret = house.folder / "secret"
    secret.write_text(f"{READER_PASSWORD}\n")
    server = house.server(slapd.config(bind_password="", bind_password_file=str(secret)))
    says((await server.command("directory", "check")).expect().out, f"{slapd.url}: 4 people, 5 groups")
    server.configure(slapd.config(bind_password=""))
    variable = {"HAUSPOST__IDENTITY__LDAP__BIND_PASSWORD": READER_PASSWORD}
    (await server.command("directory", "check", environment=variable)).expect()
    says((await server.command("directory", "check")).said, "identity.ldap.bind_dn", "HAUSPOST__IDENTITY__LDAP__BIND_PASSWORD")
    for settings, words in (
        ({"ca": ""}, "certificate"),
        ({"servers": [slapd.url.replace("localhost", LOOPBACK)]}, "certificate"),
        ({"bind_password": "wrong"}, "check both"),
        ({"base": "ou=nowhere,dc=hauspost,dc=test"}, "ou=nowhere"),
        ({"filter": "(uid=nobody)"}, "nobody fits"),
        ({"filter": "(uid"}, "is no filter"),
        ({"servers": ["http://localhost"]}, "is no address of a directory"),
    ):
        server.configure(slapd.config(**settings))
        done = await server.command("directory", "check")
        check(done.code != 0, f"{settings} was taken")
        says(done.said, words)
        check(READER_PASSWORD not in done.said, "the password was shown")


@tests
async def nothing_is_said_before_tls(house: House) -> None:
    """A server that does not take StartTLS gets neither a name nor a password."""
    heard = bytearray()

    async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(65536))
        # An ExtendedResponse: unwillingToPerform (53), to the message of number 1.
        writer.write(bytes.fromhex("300c02010178070a013504000400"))
        while data := await reader.read(65536):
            heard.extend(data)
        writer.close()

    listening = await asyncio.start_server(listener, LOOPBACK, 0)
    port = listening.sockets[0].getsockname()[1]
    slapd = Slapd(house.folder / "never", house.authority)
    server = house.server(slapd.config(servers=[f"ldap://localhost:{port}"], timeout_seconds=2))
    done = await server.command("directory", "check")
    listening.close()
    check(done.code != 0, "went on without TLS")
    check(b"1.3.6.1.4.1.1466.20037" in heard, "StartTLS was not asked for")
    check(READER_PASSWORD.encode() not in heard and b"cn=hauspost" not in heard, "said before TLS")


# Who goes


@tests
async def whoever_leaves_the_directory_is_shut_out_at_once_and_with_everything(house: House) -> None:
    slapd, server = await furnished(house, shut_out_percent=50)
    await server.command("user", "groups", "anna", "Choir", *(await groups(server, "anna")))
    anna = await plain(house, server, "anna")
    secret = await app_password(anna)
    phone = await plain(house, server, "anna", secret)
    client, _ = await connected(house, server, "anna")
    agent = "d4565fa7-4d72-4749-b3d3-740edbf87770"
    asked = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
    success = await enter(client, sasl.Plain("anna", PASSWORD), "PLAIN", asked + bind(), agent)
    token = success.find(q(wire.FAST, "token")).get("token")
    await slapd.remove("anna")
    # Also before the next synchronisation her password opens nothing.
    equal(await condition(house, server, "anna", PASSWORD), "not-authorized")
    says(await synchronised(server), "- anna", "1 shut out")
    for session in (anna, phone, client):
        equal(await session.end(), "not-authorized")
    for password in (PASSWORD, secret):
        equal(await condition(house, server, "anna", password), "not-authorized")
    again, _ = await connected(house, server, "anna")
    try:
        await enter(again, sasl.Token("anna", token), "HT-SHA-256-NONE", "<fast xmlns='urn:xmpp:fast:0'/>" + bind(), agent)
        raise AssertionError("the token still opens")
    except sasl.Refused:
        pass
    equal(await groups(server, "anna"), ["Choir"])
    told = (await server.command("audit", "list", "--subject", f"anna@{DOMAIN}")).expect().out
    says(told, "account.disabled\tanna@hauspost.test\tis not in the directory any more")
    # Another Anna does not get what was hers.
    await slapd.change(person("anna", "Anna Anders"))
    says(await synchronised(server), "! anna belongs to another person of the directory", "0 changed")
    equal(await condition(house, server, "anna", PASSWORD), "not-authorized")


@tests
async def whoever_is_disabled_there_is_so_here_and_comes_back(house: House) -> None:
    """By a filter, as Active Directory's bit for disabled people."""
    slapd, server = await furnished(house, filter="(&(objectClass=inetOrgPerson)(!(employeeType=leaver)))", shut_out_percent=50)
    (await server.command("user", "disable", "carl")).expect()
    leave = f"dn: uid=bert,{PEOPLE}\nchangetype: modify\n{{}}: employeeType\nemployeeType: leaver\n"
    await slapd.change(leave.format("add"))
    equal(await condition(house, server, "bert", PASSWORD), "not-authorized")
    says(await synchronised(server), "- bert", "1 shut out")
    await slapd.change(leave.format("delete"))
    says(await synchronised(server), "~ bert", "1 changed")
    await plain(house, server, "bert")
    equal(await groups(server, "bert"), ["Everybody", "House", "Sales"])
    # Whom an administrator has disabled stays so.
    equal(await condition(house, server, "carl", PASSWORD), "not-authorized")


@tests
async def a_wrong_filter_does_not_empty_the_house(house: House) -> None:
    slapd, server = await furnished(house)
    anna = await plain(house, server, "anna")
    await slapd.remove("bert", "carl")
    await slapd.change(person("emil"))
    done = await server.command("directory", "sync")
    check(done.code != 0, "too many were shut out")
    says(done.said, "2 of 4 people are not in the directory any more", "identity.ldap.shut_out_percent", "--shut-out-many", "1 made, 0 changed, 0 shut out")
    equal([name for name, fields in (await people(server)).items() if "disabled" in fields], [])
    says(await synchronised(server, "--shut-out-many"), "- bert", "- carl", "2 shut out")
    check((await anna.iq("get", f"<ping xmlns='{wire.PING}'/>", to=DOMAIN)).get("type") == "result", "anna is out")


# Changes


@tests
async def names_and_groups_follow_and_what_was_given_here_stays(house: House) -> None:
    slapd, server = await furnished(house)
    (await server.command("user", "groups", "anna", "Choir", *(await groups(server, "anna")))).expect()
    await slapd.change(f"dn: uid=anna,{PEOPLE}\nchangetype: modify\nreplace: displayName\ndisplayName: Anna Zweig\n")
    await slapd.change(f"dn: cn=Sales North,{GROUPS}\nchangetype: modify\nreplace: member\nmember: uid=carl,{PEOPLE}\n")
    says(await synchronised(server), "~ anna", "~ carl", "2 changed")
    equal(await groups(server, "anna"), ["Choir"])
    equal(await groups(server, "carl"), ["Everybody", "House", "Sales", "Sales North"])
    check("Anna Zweig" in (await people(server))["anna"], "the name has not followed")
    # A name that changes there leaves the address, and the person gets in by it.
    await slapd.change(f"dn: uid=anna,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=anna.zweig\ndeleteoldrdn: 1\n")
    says(await synchronised(server), "anna is called \"anna.zweig\" in the directory now", "0 made")
    await plain(house, server, "anna")


async def entered(client: Wire, room: str, nick: str) -> str:
    """Whether somebody comes into a room: the type of the presence that answers."""
    address = f"{room}@rooms.{DOMAIN}/{nick}"
    await client.send(f"<presence to='{address}'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
    while True:
        answer = await client.next("an answer of the room")
        if answer.tag == q(wire.CLIENT, "presence") and answer.get("from") == address:
            return answer.get("type") or "available"


@tests
async def groups_get_rooms_that_follow_who_is_in_them(house: House) -> None:
    slapd = await directory(house)
    config = slapd.config()
    config["identity.ldap.groups"]["rooms"] = "members"
    server = house.server(config)
    await server.start()
    says(await synchronised(server), "nobody owns this server yet")
    (await server.command("user", "add", "zoe", "--admin", "--password-stdin", stdin="a password of her own\n")).expect()
    says(await synchronised(server), "rooms made for groups: 5")
    says(await synchronised(server), "0 made, 0 changed, 0 shut out")
    anna, dora = await plain(house, server, "anna"), await plain(house, server, "dora")
    equal(await entered(anna, "sales-north", "anna"), "available")
    equal(await entered(dora, "sales-north", "dora"), "error")
    # Out of the group is out of the room.
    await slapd.change(f"dn: cn=Sales North,{GROUPS}\nchangetype: modify\nreplace: member\nmember: uid=dora,{PEOPLE}\n")
    await synchronised(server)
    async with patience("anna to be taken out"):
        while (await anna.until(q(wire.CLIENT, "presence"))).get("type") != "unavailable":
            pass
    equal(await entered(dora, "sales-north", "dora"), "available")
    # Whoever removes a room does not get it back.
    zoe = await plain(house, server, "zoe", "a password of her own")
    owner = "http://jabber.org/protocol/muc#owner"
    answer = await zoe.iq("set", f"<query xmlns='{owner}'><destroy/></query>", to=f"board@rooms.{DOMAIN}")
    equal(answer.get("type"), "result")
    await slapd.change(group("Crew", "carl"))
    says(await synchronised(server), "~ carl", "rooms made for groups: 1")
    equal(await entered(await plain(house, server, "carl"), "crew", "carl"), "available")
    audit = (await server.command("audit", "export", "--action", "room")).expect().out
    made = [json.loads(line)["subject"] for line in audit.splitlines() if "room.made" in line]
    equal(sorted(address.split("@")[0] for address in made), ["board", "crew", "everybody", "house", "sales", "sales-north"])


@tests
async def it_synchronises_by_itself_and_when_the_settings_change(house: House) -> None:
    slapd = await directory(house)
    server = house.server(slapd.config(filter="(uid=anna)", sync_minutes=60))
    await server.start()
    await server.logged("synchronised with the directory", 0)
    equal(sorted(await people(server)), ["anna"])
    since = len(server.log())
    server.configure(slapd.config(sync_minutes=60))
    server.signal(signal.SIGHUP)
    await server.logged("synchronised with the directory", since)
    equal(len(await people(server)), 4)


@tests
async def an_account_of_this_server_is_given_to_its_person_by_word_alone(house: House) -> None:
    slapd = await directory(house)
    server = house.server(slapd.config())
    (await server.command("user", "add", "bert", "--password-stdin", stdin="a password of his own\n")).expect()
    await server.start()
    await synchronised(server)
    own = await plain(house, server, "bert", "a password of his own")
    equal(await condition(house, server, "bert", PASSWORD), "not-authorized")
    says((await server.command("directory", "adopt", "bert")).expect().out, "belongs to the person")
    equal(await own.end(), "not-authorized")
    equal(await condition(house, server, "bert", "a password of his own"), "not-authorized")
    await plain(house, server, "bert")
    await synchronised(server)
    equal(await groups(server, "bert"), ["Everybody", "House", "Sales"])
    refused = await server.command("directory", "adopt", "zoe")
    check(refused.code != 0, "nobody was adopted")
