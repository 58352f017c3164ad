"""The life of accounts: made by invitation, changed, let in by app passwords, removed; with slixmpp, by hand, and on the page."""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from xml.sax.saxutils import escape

from slixmpp.exceptions import IqError

from harness import Tests, check, equal, http
from harness.people import NotLoggedIn, Person, arrive
from harness.server import DOMAIN, PASSWORD
from harness.wire import Wire, error_condition, logged_in, q
from harness import sasl, wire

REGISTER = "jabber:iq:register"
COMMANDS = "http://jabber.org/protocol/commands"
FORMS = "jabber:x:data"
ADMIN = "http://jabber.org/protocol/admin#"
OTHER = "another long password"
PLUGINS = ["xep_0004", "xep_0030", "xep_0050", "xep_0077", "xep_0133", "xep_0199"]

tests = Tests(
    "the life of accounts",
    people=["romeo", "juliet", "mercutio", "nurse", "tybalt"],
    config={
        "registration": {"mode": "invitation", "users_invite": True},
        "http": {"public_url": "https://chat.hauspost.test"},
        # Many log in wrongly here, and all from one address.
        "auth": {"failures_before_delay": 1000, "failures_per_address": 10000},
    },
)


async def refused(name: str, server, password: str) -> None:
    """Nobody gets in with this."""
    person = Person(name, password=password)
    try:
        await person.go_in(server)
    except NotLoggedIn:
        return
    finally:
        await person.leave()
    raise AssertionError(f"{name} got in")


async def enter(house, server, name: str, password: str = PASSWORD, **options) -> Person:
    person = Person(name, password=password, plugins=PLUGINS, **options)
    house.at_end(person.leave)
    await person.go_in(server)
    return person


def values(command, var: str) -> str:
    """The value of a field of a command's result form."""
    found = command.find(f".//{q(FORMS, 'field')}[@var='{var}']/{q(FORMS, 'value')}")
    return "" if found is None else found.text or ""


async def execute(client: Wire, node: str, fields: dict[str, str] | None = None):
    """A command of one stage or two; its last answer."""
    answer = await client.iq("set", f"<command xmlns='{COMMANDS}' node='{node}'/>", to=DOMAIN)
    equal(answer.get("type"), "result")
    command = answer.find(q(COMMANDS, "command"))
    if command.get("status") == "executing":
        filled = "".join(f"<field var='{var}'><value>{escape(value)}</value></field>" for var, value in (fields or {}).items())
        answer = await client.iq(
            "set",
            f"<command xmlns='{COMMANDS}' node='{node}' sessionid='{command.get('sessionid')}'>"
            f"<x xmlns='{FORMS}' type='submit'>{filled}</x></command>",
            to=DOMAIN,
        )
        equal(answer.get("type"), "result")
        command = answer.find(q(COMMANDS, "command"))
    equal(command.get("status"), "completed")
    return command


async def stranger(house, server) -> tuple[Wire, wire.Element]:
    """Somebody who is not logged in, under TLS; and the features he is offered."""
    client = await Wire.connect(server.address("xmpp"))
    house.at_end(client.close)
    return client, await client.start_tls()


async def register(client: Wire, name: str, password: str = OTHER) -> wire.Element:
    return await client.iq(
        "set",
        f"<query xmlns='{REGISTER}'><username>{name}</username><password>{password}</password></query>",
        to=DOMAIN,
    )


async def invitation(server, *arguments: str) -> tuple[str, str]:
    """Made by the command line: the page's path, and the token."""
    done = (await server.command("user", "invite", *arguments)).expect()
    page = done.out.splitlines()[0]
    check(page.startswith("https://chat.hauspost.test/invite/"), page)
    return page.removeprefix("https://chat.hauspost.test"), page.rpartition("/")[2]


# What has access


@tests
async def the_command_line_shows_what_has_access_and_takes_it_back(house):
    server = await house.shared()
    client = await logged_in(house, server, "mercutio")
    secret = values(await execute(client, "urn:hauspost:app-passwords#create", {"label": "old phone"}), "password")
    phone = await enter(house, server, "mercutio", secret, resource="phone")
    listed = (await server.command("user", "access", "mercutio")).expect().out
    lines = [line.split("\t") for line in listed.splitlines()]
    [own] = [line for line in lines if line[1] == "app password"]
    equal((own[2], own[5]), ("connected", "old phone"))
    check(own[4] != "-", f"no last use: {own}")
    check(secret not in listed, "the password is shown")
    (await server.command("user", "revoke", "mercutio", own[0])).expect()
    await phone.next("disconnected")
    await refused("mercutio", server, secret)
    again = (await server.command("user", "access", "mercutio")).expect().out
    check("old phone" not in again, again)
    wrong = await server.command("user", "revoke", "mercutio", own[0])
    check(wrong.code != 0 and "hauspost user access mercutio" in wrong.said, wrong.said)
    audit = (await server.command("audit", "list", "--subject", f"mercutio@{DOMAIN}")).expect().out
    check(f"console\tconsole\taccount.access\tmercutio@{DOMAIN}\t{own[0]}" in audit, audit)
    # Whoever has shown the password is out, and can come back.
    [session] = [line[0] for line in (line.split("\t") for line in again.splitlines()) if line[1] == "device"]
    done = (await server.command("user", "revoke", "mercutio", session)).expect()
    check("only a new password" in done.out, done.out)
    equal(await client.end(), "not-authorized")


# Passwords and removal (XEP-0077)


@tests
async def a_new_password_of_slixmpp_is_the_only_one(house):
    server = await house.shared()
    romeo = await enter(house, server, "romeo", resource="one")
    other = await enter(house, server, "romeo", resource="two")
    await romeo["xep_0077"].change_password(OTHER, timeout=20)
    await other.next("disconnected")
    await romeo.settle()
    await refused("romeo", server, PASSWORD)
    again = await enter(house, server, "romeo", OTHER, resource="three")
    await again["xep_0077"].change_password(PASSWORD, timeout=20)


@tests
async def a_removed_account_is_gone_and_its_contacts_know(house):
    server = await house.shared()
    tybalt = await arrive(house, server, "tybalt", plugins=PLUGINS)
    nurse = await arrive(house, server, "nurse", plugins=PLUGINS)
    for one, other in ((tybalt, nurse), (nurse, tybalt)):
        one.send_presence_subscription(pto=other.boundjid.bare, ptype="subscribed")
        await one.settle()
    for one, other in ((tybalt, nurse), (nurse, tybalt)):
        one.send_presence_subscription(pto=other.boundjid.bare, ptype="subscribe")
        await one.settle()
    equal(nurse.client_roster[tybalt.boundjid.bare]["subscription"], "both")
    await tybalt["xep_0077"].cancel_registration(timeout=20)
    await nurse.next("presence_unsubscribed")
    await nurse.settle()
    equal(nurse.client_roster[f"tybalt@{DOMAIN}"]["subscription"], "none")
    await refused("tybalt", server, PASSWORD)
    check("tybalt" not in (await server.command("user", "list")).expect().out, "still listed")


@tests
async def a_removal_that_is_cut_off_is_finished_at_the_next_start(house):
    server = house.server()
    names = [f"friend{number}" for number in range(40)]
    await server.people("romeo", *names)
    await server.start()
    romeo = await logged_in(house, server, "romeo")
    for name in names:
        await romeo.send(f"<presence to='{name}@{DOMAIN}' type='subscribe'/>")
    await romeo.settle()
    await romeo.send(f"<iq type='set' id='gone'><query xmlns='{REGISTER}'><remove/></query></iq>")
    # Somewhere in the middle of it, or before, or after.
    await asyncio.sleep(0)
    await server.kill()
    await server.start()
    listed = (await server.command("user", "list")).expect().out
    async with asyncio.timeout(20):
        while "disabled" in listed:
            listed = (await server.command("user", "list")).expect().out
    friend = await logged_in(house, server, "friend0")
    if f"romeo@{DOMAIN}" not in listed:
        await refused("romeo", server, PASSWORD)
        await friend.send("<presence/>")
        await friend.settle()
        asked = [element for element in friend.waiting() if element.get("type") == "subscribe"]
        equal(asked, [])


# Commands (XEP-0050, XEP-0133)


@tests
async def slixmpp_executes_commands(house):
    server = await house.shared()
    romeo = await enter(house, server, "romeo")
    done: asyncio.Queue = asyncio.Queue()

    def form(iq, session):
        done.put_nowait(iq)
        if iq["command"]["status"] == "executing":
            answer = iq["command"]["form"]
            answer.set_type("submit")
            answer.set_values({"label": "From slixmpp"})
            session["payload"] = answer
            session["next"] = form
            romeo["xep_0050"].complete_command(session)

    romeo["xep_0050"].start_command(DOMAIN, "urn:hauspost:app-passwords#create", {"next": form, "error": form})
    first = await asyncio.wait_for(done.get(), 20)
    equal(first["command"]["status"], "executing")
    last = await asyncio.wait_for(done.get(), 20)
    equal(last["command"]["status"], "completed")
    secret = last["command"]["form"].get_values()["password"]
    gateway = await enter(house, server, "romeo", secret, resource="gateway")
    equal(gateway.boundjid.bare, f"romeo@{DOMAIN}")


@tests
async def administrators_of_the_command_line_administer_by_slixmpp(house):
    server = house.server()
    (await server.command("user", "add", "escalus", "--admin", "--password-stdin", stdin=PASSWORD)).expect()
    await server.people("romeo")
    await server.start()
    escalus = await logged_in(house, server, "escalus")
    romeo = await logged_in(house, server, "romeo")
    equal(values(await execute(escalus, f"{ADMIN}get-online-users-num"), "onlineusersnum"), "2")
    await execute(escalus, f"{ADMIN}add-user", {
        "accountjid": f"paris@{DOMAIN}", "password": OTHER, "password-verify": OTHER,
    })
    await enter(house, server, "paris", OTHER)
    await execute(escalus, f"{ADMIN}disable-user", {"accountjids": f"romeo@{DOMAIN}"})
    equal(await romeo.end(), "not-authorized")
    await refused("romeo", server, PASSWORD)
    check(f"romeo@{DOMAIN}\tdisabled" in (await server.command("user", "list")).expect().out, "not disabled")
    (await server.command("user", "enable", "romeo")).expect()
    romeo = await logged_in(house, server, "romeo")
    answer = await romeo.iq("set", f"<command xmlns='{COMMANDS}' node='{ADMIN}add-user'/>", to=DOMAIN)
    equal(error_condition(answer), "forbidden")


# App passwords and devices (XEP-0494)


@tests.each(["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def an_app_password_lets_in_by_every_mechanism(house, mechanism):
    server = await house.shared()
    juliet = await logged_in(house, server, "juliet", "balcony")
    made = await execute(juliet, "urn:hauspost:app-passwords#create", {"label": f"For {mechanism}"})
    secret, id = values(made, "password"), values(made, "id")
    program = Person("juliet", "program", password=secret, mechanism=mechanism, plugins=PLUGINS)
    house.at_end(program.leave)
    await program.go_in(server)
    await program.settle()
    try:
        await program["xep_0077"].change_password(OTHER, timeout=20)
        raise AssertionError("it has changed the password")
    except IqError as error:
        equal(error.condition, "forbidden")
    listed = await juliet.iq("get", "<list xmlns='urn:xmpp:cam:0'/>")
    entry = listed.find(f".//{q('urn:xmpp:cam:0', 'client')}[@id='{id}']")
    equal(entry.get("connected"), "true")
    check(entry.find(f"{q('urn:xmpp:cam:0', 'last-seen')}") is not None, "never seen")
    equal((await juliet.iq("set", f"<revoke xmlns='urn:xmpp:cam:0' id='{id}'/>")).get("type"), "result")
    await program.next("disconnected")
    await refused("juliet", server, secret)


@tests
async def app_passwords_outlive_a_restart_and_end_with_the_password(house):
    server = house.server()
    await server.people("juliet")
    await server.start()
    juliet = await logged_in(house, server, "juliet")
    secret = values(await execute(juliet, "urn:hauspost:app-passwords#create", {"label": "Bridge"}), "password")
    check(secret not in server.log(), "the log holds it")
    await server.kill()
    await server.start()
    await enter(house, server, "juliet", secret)
    (await server.command("user", "passwd", "juliet", "--password-stdin", stdin=OTHER)).expect()
    await refused("juliet", server, secret)


@tests
async def guessing_at_app_passwords_is_slowed_like_any_guessing(house):
    server = house.server({"auth": {"failures_before_delay": 2, "longest_delay_seconds": 2, "failures_per_address": 4}})
    await server.people("juliet")
    await server.start()
    conditions = []
    for _ in range(8):
        client, _ = await stranger(house, server)
        try:
            await client.authenticate("PLAIN", "juliet", "aaaaaa-bbbbbb-cccccc-dddddd")
        except sasl.Refused as failure:
            conditions.append(str(failure))
    check("temporary-auth-failure" in conditions[-1], conditions)


# Invitations (XEP-0401, XEP-0445, XEP-0379) and registration before login


@tests
async def without_a_token_nobody_registers(house):
    server = await house.shared()
    client, features = await stranger(house, server)
    check(features.find(q("http://jabber.org/features/iq-register", "register")) is not None, "no register feature")
    check(features.find(q("urn:xmpp:ibr-token:0", "register")) is not None, "no token feature")
    equal(error_condition(await register(client, "paris")), "not-allowed")
    wrong = await client.iq("set", "<preauth xmlns='urn:xmpp:pars:0' token='wrong'/>", to=DOMAIN)
    equal(error_condition(wrong), "item-not-found")
    equal(error_condition(await register(client, "paris")), "not-allowed")


@tests
async def off_means_off(house):
    server = house.server()
    await server.start()
    client, features = await stranger(house, server)
    check(features.find(q("http://jabber.org/features/iq-register", "register")) is None, "registration is offered")
    try:
        await register(client, "paris")
        raise AssertionError("registration was answered")
    except wire.Ended as ended:
        equal(ended.error, "not-authorized")


@tests
async def open_registration_has_limits(house):
    server = house.server({"registration": {"mode": "open", "per_address_per_hour": 2}})
    await server.people("romeo")
    await server.start()
    person = Person("paris", password=OTHER, plugins=PLUGINS)
    house.at_end(person.leave)
    done: asyncio.Queue = asyncio.Queue()

    async def on_register(_form):
        request = person.Iq()
        request["type"] = "set"
        request["register"]["username"] = "paris"
        request["register"]["password"] = OTHER
        try:
            await request.send(timeout=20)
            done.put_nowait(None)
        except IqError as error:
            done.put_nowait(error)

    person.add_event_handler("register", on_register)
    await person.go_in(server)
    equal(await asyncio.wait_for(done.get(), 20), None)
    client, _ = await stranger(house, server)
    equal(error_condition(await register(client, "romeo")), "conflict")
    equal(error_condition(await register(client, "admin")), "not-acceptable")
    equal(error_condition(await register(client, "a b")), "jid-malformed")
    client, _ = await stranger(house, server)
    equal((await register(client, "benvolio")).get("type"), "result")
    equal(error_condition(await register(client, "benvolio2")), "not-acceptable")
    client, _ = await stranger(house, server)
    equal(error_condition(await register(client, "balthasar")), "resource-constraint")


@tests
async def an_invited_friend_registers_and_is_a_contact_at_once(house):
    server = await house.shared()
    mercutio = await arrive(house, server, "mercutio")
    by_hand = await logged_in(house, server, "mercutio", "hand")
    made = await execute(by_hand, "urn:xmpp:invite#invite")
    uri = values(made, "uri")
    token = re.fullmatch(rf"xmpp:mercutio@{DOMAIN}\?roster;preauth=([a-z0-9]+);ibr=y", uri)
    check(token, uri)
    equal(values(made, "landing-url"), f"https://chat.hauspost.test/invite/{token[1]}")
    client, _ = await stranger(house, server)
    answer = await client.iq("set", f"<preauth xmlns='urn:xmpp:pars:0' token='{token[1]}'/>", to=DOMAIN)
    equal(answer.get("type"), "result")
    equal((await register(client, "benvolio")).get("type"), "result")
    await client.authenticate("SCRAM-SHA-256", "benvolio", OTHER)
    await client.open()
    await client.bind("new")
    roster = await client.iq("get", "<query xmlns='jabber:iq:roster'/>")
    item = roster.find(f".//{q('jabber:iq:roster', 'item')}")
    equal((item.get("jid"), item.get("subscription")), (f"mercutio@{DOMAIN}", "both"))
    await mercutio.settle()
    equal(mercutio.client_roster[f"benvolio@{DOMAIN}"]["subscription"], "both")
    await client.send("<presence/>")
    await mercutio.next("presence_available")
    # Used up: for registration and for the roster.
    second, _ = await stranger(house, server)
    answer = await second.iq("set", f"<preauth xmlns='urn:xmpp:pars:0' token='{token[1]}'/>", to=DOMAIN)
    equal(error_condition(answer), "item-not-found")
    page = await http.get(server, f"/invite/{token[1]}")
    equal(page.status, 410)


@tests
async def an_invited_contact_is_subscribed_without_being_asked(house):
    server = await house.shared()
    mercutio = await logged_in(house, server, "mercutio", "hand")
    nurse = await logged_in(house, server, "nurse", "hand")
    token = re.search(r"preauth=([a-z0-9]+)", values(await execute(mercutio, "urn:xmpp:invite#invite"), "uri"))[1]
    await nurse.send(
        f"<presence to='mercutio@{DOMAIN}' type='subscribe'><preauth xmlns='urn:xmpp:pars:0' token='{token}'/></presence>"
    )
    await nurse.settle()
    roster = await nurse.iq("get", "<query xmlns='jabber:iq:roster'/>")
    items = {item.get("jid"): item.get("subscription") for item in roster.iter(q("jabber:iq:roster", "item"))}
    equal(items.get(f"mercutio@{DOMAIN}"), "both")


@tests
async def an_account_for_one_name_is_made_by_that_name_only(house):
    server = await house.shared()
    _, token = await invitation(server, "balthasar")
    listed = (await server.command("user", "invitations")).expect().out
    line = next(line for line in listed.splitlines() if "balthasar" in line)
    check("\topen\t0/1\t" in line, line)
    check("kept for somebody" in (await server.command("user", "add", "balthasar", "--password-stdin", stdin=OTHER)).expect(1).said, "not kept")
    client, _ = await stranger(house, server)
    await client.iq("set", f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>", to=DOMAIN)
    fields = await client.iq("get", f"<query xmlns='{REGISTER}'/>", to=DOMAIN)
    equal(fields.findtext(f".//{q(REGISTER, 'username')}"), "balthasar")
    equal(error_condition(await register(client, "abram")), "not-acceptable")
    equal((await register(client, "balthasar")).get("type"), "result")


@tests
async def a_revoked_invitation_is_none(house):
    server = await house.shared()
    path, _ = await invitation(server)
    listed = (await server.command("user", "invitations")).expect().out
    id = listed.splitlines()[0].split("\t")[0]
    (await server.command("user", "uninvite", id)).expect()
    equal((await http.get(server, path)).status, 404)
    (await server.command("user", "uninvite", id)).expect(1)


@tests
async def who_may_not_come_in_lets_nobody_in(house):
    server = house.server({"http": {"public_url": "https://chat.hauspost.test"}})
    await server.start()
    for name in ("sycorax", "caliban", "prospero"):
        (await server.command("user", "add", name, "--admin", "--password-stdin", stdin=PASSWORD)).expect()
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    async def made(path: str, name: str) -> int:
        body = urllib.parse.urlencode({"name": name, "password": OTHER, "again": OTHER})
        return (await http.post(server, path, body, form)).status

    paths = {}
    for name in ("sycorax", "caliban"):
        client = await wire.logged_in(house, server, name)
        command = await execute(client, "urn:xmpp:invite#create-account")
        paths[name] = values(command, "landing-url").removeprefix("https://chat.hauspost.test")
    # One is shut out, the other one no longer administers.
    (await server.command("user", "disable", "sycorax")).expect()
    prospero = await wire.logged_in(house, server, "prospero")
    await execute(prospero, f"{ADMIN}edit-admin", {"adminjids": f"prospero@{DOMAIN}"})
    equal(await made(paths["sycorax"], "ariel"), 410)
    check(await made(paths["caliban"], "trinculo") >= 400, "an account was made")
    listed = (await server.command("user", "list")).expect().out
    check("ariel" not in listed and "trinculo" not in listed, listed)


# The page


@tests
async def the_page_speaks_german_and_english_and_needs_no_script(house):
    server = await house.shared()
    path, token = await invitation(server, "--uses", "3")
    english = (await http.get(server, path)).body.decode()
    german = (await http.get(server, path, {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})).body.decode()
    check("Make the account" in english and 'lang="en"' in english, english)
    check("Konto anlegen" in german and 'lang="de"' in german, german)
    for page in (english, german):
        check("<script" not in page and "<svg" in page, "a script, or no QR code")
        check(f"xmpp:{DOMAIN}?register;preauth={token}" in page, "no address for programs")


@tests
async def an_account_is_made_in_the_browser(house):
    server = await house.shared()
    path, _ = await invitation(server)
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    async def fill(**fields):
        return await http.post(server, path, urllib.parse.urlencode(fields), form)

    differ = await fill(name="sampson", password=OTHER, again=PASSWORD)
    equal(differ.status, 422)
    check("differ" in differ.body.decode() and 'value="sampson"' in differ.body.decode(), "what was typed is lost")
    equal((await fill(name="sampson", password="short", again="short")).status, 422)
    equal((await fill(name="romeo", password=OTHER, again=OTHER)).status, 422)
    made = await fill(name="Sampson", display_name="Sampson of Capulet", password=OTHER, again=OTHER)
    equal(made.status, 200)
    check(f"sampson@{DOMAIN}" in made.body.decode(), made.body.decode())
    await enter(house, server, "sampson", OTHER)
    used = await fill(name="gregory", password=OTHER, again=OTHER)
    equal(used.status, 410)
    check("Sampson of Capulet" in (await server.command("user", "list")).expect().out, "no name for people")


@tests
async def wrong_tokens_and_clear_text_from_elsewhere_get_nothing(house):
    server = await house.shared()
    equal((await http.get(server, "/invite/wrong")).status, 404)
    path, _ = await invitation(server)
    elsewhere = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"}
    equal((await http.get(server, path, elsewhere)).status, 403)


@tests
async def the_page_works_where_registration_is_off(house):
    server = house.server({"http": {"public_url": "https://chat.hauspost.test"}})
    await server.start()
    path, token = await invitation(server)
    page = (await http.get(server, path)).body.decode()
    check("Make the account" in page and "preauth" not in page, page)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode({"name": "peter", "password": OTHER, "again": OTHER})
    equal((await http.post(server, path, body, form)).status, 200)
    await enter(house, server, "peter", OTHER)
