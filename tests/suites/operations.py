"""Running it: errors that say what to do, people, backup, signals, logs, the first administrator."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import urllib.parse
import xml.etree.ElementTree as ET

from harness import Tests, check, equal, patience, says
from harness import http, sasl, wire
from harness.people import arrive
from harness.server import DOMAIN, NotStarted, Server
from harness.tests import PATIENCE, refused
from harness.wire import CLIENT, SM, Wire, q

tests = Tests("running it", people=["romeo", "juliet"])


async def fails(server: Server) -> str:
    """What the server says when it does not start."""
    with refused(NotStarted) as caught:
        await server.start()
    return str(caught[0])


# Starting


@tests.each([
    ("an unknown key", "[listen]\nxmpp_tsl = []\n", ("line 3", "listen.xmpp_tsl", "mend:", "xmpp_tls")),
    ("a wrong type", "[limits]\npreauth_seconds = \"soon\"\n", ("line 3", "limits.preauth_seconds", "mend:")),
    ("a wrong word", "[tls]\nmode = \"selfsigned\"\n", ("line 3", "tls.mode", "mend:", "self-signed")),
    ("an impossible combination", "[tls]\nmode = \"files\"\n", ("line 2", "tls.certificate", "mend:")),
    ("a number out of bounds", "[auth]\nscram_iterations = 10\n", ("line 3", "auth.scram_iterations", "mend:", "4096")),
    ("broken TOML", "[listen\n", ("line 2", "mend:")),
    ("an unknown section", "[lisen]\nxmpp = []\n", ("line 2", "lisen", "mend:", "listen")),
])
async def a_wrong_configuration_names_file_line_key_and_mend(house, case):
    server = house.server()
    server.config_file.write_text(f"domain = \"{DOMAIN}\"\n{case[1]}")
    said = await fails(server)
    says(said, str(server.config_file), *case[2])
    check(not server.data.exists(), "something was made before the configuration was understood")


@tests
async def a_wrong_variable_is_named(house):
    server = house.server()
    done = await server.command("config", environment={"HAUSPOST__LIMITS__PREAUTH_SECOND": "7"})
    check(done.code != 0, "it was taken")
    says(done.said, "HAUSPOST__LIMITS__PREAUTH_SECOND", "preauth_seconds")


@tests
async def an_empty_configuration_is_a_valid_one(house):
    server = house.server()
    server.config_file.write_text("")
    (await server.command("config")).expect()


@tests
async def a_taken_port_is_named_with_its_key_and_mend(house):
    shared = await house.shared()
    host, port = shared.address("xmpp")
    said = await fails(house.server({"listen": {"xmpp": [f"{host}:{port}"]}}))
    says(said, "listen.xmpp", str(port), "mend:")


@tests
async def a_certificate_that_cannot_be_used_is_named_with_its_mend(house):
    certificate, key = house.authority.server(DOMAIN)
    _, other = house.authority.server(DOMAIN)
    nowhere = house.folder / "nowhere.pem"
    garbage = house.folder / "garbage.pem"
    garbage.write_bytes(os.urandom(500))
    for chosen, chosen_key, named in (
        (nowhere, key, nowhere), (garbage, key, garbage), (certificate, nowhere, nowhere), (certificate, garbage, garbage),
        (certificate, other, other),
    ):
        tls = {"mode": "files", "certificate": str(chosen), "key": str(chosen_key)}
        said = await fails(house.server({"tls": tls}))
        says(said, str(named), "mend:")


@tests
async def a_second_server_on_the_same_folder_is_refused(house):
    shared = await house.shared()
    second = house.server()
    second.data.symlink_to(shared.data)
    says(await fails(second), "in use by another process")
    await wire.logged_in(house, shared, "romeo")


@tests
async def a_folder_that_cannot_be_made_is_named(house):
    server = house.server()
    server.data.write_text("a file")
    says(await fails(server), str(server.data))


# People


@tests
async def who_only_looks_makes_no_store(house):
    server = house.server()
    done = await server.command("user", "list")
    check(done.code != 0, "a list of nobody")
    says(done.said, "no store", "hauspost user add")
    check(not (server.data / "store").exists(), "a store was made")


@tests
async def people_are_added_listed_changed_disabled_and_removed_whether_it_runs_or_not(house):
    server = house.server()
    for running in (False, True):
        if running:
            await server.start()
        name = f"person{int(running)}"
        done = await server.command("user", "add", name, "--admin", "--display-name", "Some One", "--password-stdin", stdin="first password\n")
        done.expect()
        listed = (await server.command("user", "list")).expect().out
        line = next(line for line in listed.splitlines() if line.startswith(name))
        equal(line.split("\t")[:4], [f"{name}@{DOMAIN}", "enabled", "owner", "Some One"])
        again = await server.command("user", "add", name, "--password-stdin", stdin="x\n")
        check(again.code != 0, "the same name twice")
        says(again.said, name)
        (await server.command("user", "passwd", name, "--password-stdin", stdin="second password\n")).expect()
        (await server.command("user", "disable", name)).expect()
        says((await server.command("user", "list")).expect().out, f"{name}@{DOMAIN}\tdisabled")
        (await server.command("user", "enable", name)).expect()
        nobody = await server.command("user", "disable", "nobody")
        check(nobody.code != 0, "nobody was disabled")
        says(nobody.said, "nobody")
        if running:
            there = await wire.logged_in(house, server, name, password="second password")
            await there.send("<presence/>")
            await there.settle()
            with refused(sasl.Refused):
                await wire.logged_in(house, server, name, password="first password")
        (await server.command("user", "remove", name)).expect()
        check("last activity" not in (server.log() if running else ""), "a removal is no trouble")
        check(name not in (await server.command("user", "list")).expect().out, "still listed")


@tests
async def names_that_cannot_be_are_refused(house):
    server = house.server()
    for name in ("", "a b", "a@elsewhere.example", "a/b", "‮evil"):
        done = await server.command("user", "add", name, "--password-stdin", stdin="password\n")
        check(done.code != 0, f"{name!r} was taken")


@tests.each(["disable", "remove", "passwd"])
async def sessions_end_at_once(house, command):
    server = house.server()
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await wire.logged_in(house, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    await romeo.send(f"<enable xmlns='{SM}' resume='true'/>")
    enabled = await romeo.until(q(SM, "enabled"))
    extra = ["--password-stdin"] if command == "passwd" else []
    (await server.command("user", command, "romeo", *extra, stdin="a new password\n")).expect()
    error = await romeo.end()
    check(error in ("not-authorized", "reset", "policy-violation", "conflict"), f"{error}")
    await juliet.settle()
    if command != "passwd":
        with refused(sasl.Refused):
            await wire.logged_in(house, server, "romeo")
    else:
        # The old session is not to be had back either.
        client = await Wire.connect(server.address("xmpp"))
        await client.start_tls()
        await client.authenticate("PLAIN", "romeo", "a new password")
        await client.open()
        await client.send(f"<resume xmlns='{SM}' previd='{enabled.get('id')}' h='0'/>")
        equal((await client.next()).tag, q(SM, "failed"))


@tests
async def many_people_are_imported_with_names_and_groups(house):
    server = house.server()
    await server.start()
    file = server.folder / "many.csv"
    rows = "".join(f'p{number},secret {number},"Person, the {number}",workshop;night shift\n' for number in range(200))
    file.write_text("name,password,display name,groups\n" + rows, encoding="utf-8-sig")
    (await server.command("user", "import", str(file))).expect()
    lines = (await server.command("user", "list")).expect().out.splitlines()
    equal(len(lines), 200)
    equal(next(line for line in lines if line.startswith("p7@")).split("\t"),
          [f"p7@{DOMAIN}", "enabled", "person", "Person, the 7", "night shift;workshop"])
    await wire.logged_in(house, server, "p199", password="secret 199")
    file.write_text("q1,good\nq 2,bad name\n")
    done = await server.command("user", "import", str(file))
    check(done.code != 0, "a bad line was taken")
    says(done.said, "line 2")


@tests
async def the_first_start_makes_an_administrator_by_a_link_that_works_once(house):
    server = await house.server().start()
    link = next(line.strip() for line in server.said.splitlines() if "/setup/" in line and "http://" in line)
    path = urllib.parse.urlsplit(link).path
    check(path not in server.log(), "the link is in the log")
    page = await http.get(server, path)
    equal(page.status, 200)
    check(b"<form" in page.body)
    form = {"name": "founder", "display_name": "The Founder", "password": "a long password", "again": "a long password"}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    wrong = await http.post(server, path, urllib.parse.urlencode({**form, "again": "another one"}), kind)
    equal(wrong.status, 422)
    answers = await asyncio.gather(
        *(http.post(server, path, urllib.parse.urlencode({**form, "name": name}), kind) for name in ("founder", "thief")))
    equal(sorted(answer.status for answer in answers), [200, 404])
    listed = (await server.command("user", "list")).expect().out
    equal(listed.count("\towner\t"), 1)
    name = listed.split("@")[0]
    await wire.logged_in(house, server, name, password="a long password")
    equal((await http.get(server, path)).status, 404)
    equal((await http.get(server, "/setup/guessed")).status, 404)
    await server.stop()
    await server.start()
    check("/setup/" not in server.said, "a second link")


@tests
async def check_gives_a_verdict_for_each_thing(house):
    server = house.server(house.certified())
    await server.people("romeo")
    for running in (False, True):
        if running:
            await server.start()
        done = await server.command("check", "--full")
        says(done.said.lower(), "certificate", "store", "port" if not running else "")
        check(done.code == 0, done.said)
    tls = {"tls": {"mode": "files", "certificate": "/nowhere/c.pem", "key": "/nowhere/k.pem"}}
    done = await house.server(tls).command("check")
    check(done.code != 0, done.said)
    says(done.said, "/nowhere/c.pem", "mend")


# Keeping


async def chat(one: Wire, other: str, lines: list[str]) -> None:
    for line in lines:
        await one.send(f"<message to='{other}@{DOMAIN}' type='chat'><body>{line}</body></message>")
    await one.settle()


async def archive(client: Wire) -> list[tuple[str, str]]:
    """All archived messages: id and body."""
    found: list[tuple[str, str]] = []
    after = ""
    while True:
        page = f"<set xmlns='http://jabber.org/protocol/rsm'><max>100</max>{f'<after>{after}</after>' if after else ''}</set>"
        answer = await client.iq("set", f"<query xmlns='urn:xmpp:mam:2'>{page}</query>", id=f"page{len(found)}")
        check(answer.get("type") == "result", ET.tostring(answer).decode())
        for element in client.waiting():
            result = element.find("{urn:xmpp:mam:2}result")
            if result is not None:
                body = result.findtext(f".//{q(CLIENT, 'message')}/{q(CLIENT, 'body')}")
                found.append((result.get("id") or "", body or ""))
        fin = answer.find("{urn:xmpp:mam:2}fin")
        if fin is None or fin.get("complete") == "true":
            return found
        after = fin.findtext(".//{http://jabber.org/protocol/rsm}last") or ""


@tests
async def a_backup_of_a_running_server_brings_the_same_archive_back(house):
    server = house.server()
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await wire.logged_in(house, server, "romeo")
    await chat(romeo, "juliet", [f"before {number}" for number in range(150)])
    kept = await archive(romeo)
    equal([body for _, body in kept], [f"before {number}" for number in range(150)])
    target = server.folder / "backup"
    (await server.command("backup", str(target))).expect()
    again = await server.command("backup", str(target))
    check(again.code != 0, "a backup was overwritten")
    await chat(romeo, "juliet", ["after the backup"])
    # Under the running server: it ends its streams, gives its store away, and is there again.
    (await server.command("restore", str(target))).expect()
    equal(await romeo.end(), "system-shutdown")
    says((await server.command("user", "list")).expect().out, "romeo@")
    equal(server.process.returncode, None)
    await server.stop()
    await server.start()
    equal(await archive(await wire.logged_in(house, server, "romeo")), kept)
    await chat(await wire.logged_in(house, server, "romeo"), "juliet", ["after the backup"])
    await server.stop()
    (await server.command("restore", str(target))).expect()
    await server.start()
    equal(await archive(await wire.logged_in(house, server, "romeo")), kept)
    equal(await archive(await wire.logged_in(house, server, "juliet")), await archive(await wire.logged_in(house, server, "juliet", "again")))
    # Elsewhere, from nothing.
    other = house.server()
    (await other.command("restore", str(target))).expect()
    await other.start()
    equal(await archive(await wire.logged_in(house, other, "romeo")), kept)


@tests
async def what_is_no_backup_is_not_restored(house):
    server = house.server()
    await server.people("romeo")
    (server.folder / "nothing").mkdir()
    done = await server.command("restore", str(server.folder / "nothing"))
    check(done.code != 0, done.said)
    target = server.folder / "backup"
    (await server.command("backup", str(target))).expect()
    database = next(target.glob("*.sqlite"))
    database.write_bytes(database.read_bytes()[:5000])
    done = await server.command("restore", str(target))
    check(done.code != 0, done.said)
    says((await server.command("user", "list")).expect().out, "romeo")


@tests
async def a_stop_tells_everyone_and_keeps_everything(house):
    server = house.server()
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await wire.logged_in(house, server, "romeo")
    stranger = await Wire.connect(server.address("xmpp"))
    await stranger.open()
    silent = await Wire.connect(server.address("xmpp"))
    shy = await Wire.connect(server.address("xmpp_tls"))
    for number in range(200):
        await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat'><body>last words {number}</body></message>")
    await romeo.settle()
    stop = asyncio.create_task(server.stop())
    equal(await romeo.end(), "system-shutdown")
    equal(await stranger.end(), "system-shutdown")
    # Even who has not said a word gets a stream around the error; in the middle of a TLS handshake nobody listens.
    equal(await silent.end(), "system-shutdown")
    equal(await shy.end(), None)
    equal(await stop, 0)
    await server.start()
    bodies = [body for _, body in await archive(await wire.logged_in(house, server, "juliet"))]
    equal(bodies, [f"last words {number}" for number in range(200)])


@tests
async def a_full_disk_refuses_what_it_cannot_keep_and_recovers(house):
    server = house.server()
    volume = server.folder / "volume"
    volume.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(volume)], capture_output=True, check=False)
    if mounted.returncode != 0:
        raise AssertionError(f"this test needs the right to mount: run as root\n{mounted.stderr.decode()}")

    async def unmount() -> None:
        await server.kill()
        subprocess.run(["umount", "--lazy", str(volume)], check=False)

    house.at_end(unmount)
    server.data.symlink_to(volume)
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await wire.logged_in(house, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send("<presence/>")
    await juliet.settle()
    free = os.statvfs(volume)
    ballast = volume / "ballast"
    ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - 300_000)))
    body = "x" * 20_000
    good, bad = [], []
    for number in range(200):
        await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat' id='m{number}'><body>{number} {body}</body></message>")
        await romeo.settle()
        errors = [element for element in romeo.waiting() if element.get("type") == "error"]
        if errors:
            equal([element.get("id") for element in errors], [f"m{number}"])
            equal(wire.error_condition(errors[0]), "resource-constraint")
            equal(errors[0].find(q(CLIENT, "error")).get("type"), "wait")
            bad.append(number)
            if len(bad) == 3:
                break
        else:
            good.append(number)
    check(bad, "the disk was never full")
    await server.logged("full", 0)
    check(server.log().count("the store failed") == 1, "one line for each message")
    equal((await http.get(server, "/readyz")).status, 503)
    equal((await http.get(server, "/healthz")).status, 200)
    ballast.unlink()
    await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat' id='again'><body>again {body}</body></message>")
    await romeo.settle()
    equal([element.get("id") for element in romeo.waiting() if element.get("type") == "error"], [])
    equal((await http.get(server, "/readyz")).status, 200)
    await juliet.settle()
    heard = [element.findtext(q(CLIENT, "body")).split()[0] for element in juliet.waiting() if element.tag == q(CLIENT, "message")]
    expected = [str(number) for number in good] + ["again"]
    equal(heard, expected, "delivered is what was kept")
    await server.kill()
    await server.start()
    kept = [body.split()[0] for _, body in await archive(await wire.logged_in(house, server, "juliet"))]
    equal(kept, expected)


@tests
async def a_damaged_database_is_told_and_not_made_worse(house):
    server = house.server()
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await wire.logged_in(house, server, "romeo")
    await chat(romeo, "juliet", [f"{number} {'x' * 2000}" for number in range(300)])
    kept = await archive(romeo)
    backup = server.folder / "backup"
    (await server.command("backup", str(backup))).expect()
    await server.stop()
    database = next(server.data.glob("store/*.db"))
    healthy = database.read_bytes()
    damaged = bytearray(healthy)
    page = 4096
    check(len(damaged) > 40 * page, "a database of some size")
    # The first half holds tables of accounts and the archive; the first page alone stays, so that it can be opened.
    for number in range(2, len(damaged) // page, 3):
        damaged[number * page : number * page + 64] = os.urandom(64)
    database.write_bytes(damaged)
    done = await server.command("check", "--full")
    check(done.code != 0, f"nothing was found:\n{done.said}")
    says(done.said.lower(), "damaged")
    says(done.said, "restore")
    try:
        await server.start()
    except NotStarted as error:
        says(str(error), "damaged", "hauspost restore")
    else:
        # It runs as far as it can; what it cannot read it says, and nobody else suffers.
        try:
            client = await wire.logged_in(house, server, "romeo")
            answer = await client.iq("set", "<query xmlns='urn:xmpp:mam:2'/>")
            check(answer.get("type") == "error" or len(client.waiting()) < 300)
        except sasl.Refused as error:
            equal(error.condition, "temporary-auth-failure")
        equal((await http.get(server, "/healthz")).status, 200)
        says(server.log(), "damaged")
        await server.stop()
    (await server.command("restore", str(backup))).expect()
    (await server.command("check", "--full")).expect()
    await server.start()
    equal(await archive(await wire.logged_in(house, server, "romeo")), kept)


@tests
async def a_file_of_something_else_is_left_alone(house):
    server = house.server()
    await server.people("romeo")
    database = next(server.data.glob("store/*.db"))
    database.write_bytes(b"these are my holiday pictures" * 1000)
    before = database.read_bytes()
    said = await fails(server)
    says(said, "data")
    equal(database.read_bytes(), before)


# Signals and logs


@tests
async def a_new_certificate_is_taken_at_a_hangup(house):
    certificate, key = house.authority.server(DOMAIN)
    server = house.server({"tls": {"mode": "files", "certificate": str(certificate), "key": str(key)}})
    await server.people("romeo")
    await server.start()

    async def serial() -> bytes:
        client = await Wire.connect(server.address("xmpp_tls"))
        await client.shake_hands(wire.verifying(house.authority.root))
        found = client.tls.getpeercert(binary_form=True)
        client.abort()
        return found

    before = await serial()
    romeo = await wire.logged_in(house, server, "romeo")
    new_certificate, new_key = house.authority.server(DOMAIN)
    expected = ssl.PEM_cert_to_DER_cert(new_certificate.read_text())
    new_certificate.replace(certificate)
    new_key.replace(key)
    server.signal(signal.SIGHUP)
    async with patience("the new certificate"):
        while (found := await serial()) == before:
            await asyncio.sleep(0.02)
    equal(found, expected)
    await romeo.settle()
    # A broken one changes nothing.
    certificate.write_text("broken")
    before_that = len(server.log())
    server.signal(signal.SIGHUP)
    await server.logged(str(certificate), before_that)
    check("certificates read again" not in server.log()[before_that:], server.log()[before_that:])
    equal(await serial(), expected)
    await romeo.settle()


@tests.each(["readable", "json"])
async def logs_hold_no_content_and_no_secrets(house, form):
    server = house.server({"log": {"level": "trace", "format": form}})
    phrases = ["Planted-Password-7261", "Planted-Body-9183", "Planted-Status-5512", "Planted-Card-6620", "Planted-Note-1177"]
    await server.people("romeo", "juliet", password=phrases[0])
    await server.start()
    for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-512"):
        await wire.logged_in(house, server, "romeo", mechanism=mechanism, password=phrases[0])
    with refused(sasl.Refused):
        await wire.logged_in(house, server, "romeo", mechanism="PLAIN", password=phrases[0] + "wrong")
    romeo = await wire.logged_in(house, server, "romeo", password=phrases[0])
    juliet = await arrive(house, server, "juliet", password=phrases[0])
    await romeo.send(f"<presence><status>{phrases[2]}</status></presence>")
    await romeo.send(f"<message to='juliet@{DOMAIN}' type='chat'><body>{phrases[1]}</body></message>")
    await romeo.send(f"<message to='nobody@{DOMAIN}' type='chat'><body>{phrases[1]}</body></message>")
    await romeo.iq("set", f"<vCard xmlns='vcard-temp'><FN>{phrases[3]}</FN></vCard>")
    await romeo.iq("set", f"<query xmlns='jabber:iq:private'><n xmlns='n'>{phrases[4]}</n></query>")
    await juliet.next("message")
    await juliet["xep_0313"].retrieve(timeout=PATIENCE)
    await romeo.send(f"<message to='juliet@{DOMAIN}'><body>{phrases[1]}</wrong></message>")
    await romeo.end()
    (await server.command("user", "passwd", "romeo", "--password-stdin", stdin=phrases[0] + "new\n")).expect()
    await server.stop()
    log = server.log()
    check(len(log.splitlines()) > 5, f"hardly anything is logged:\n{log}")
    for phrase in phrases:
        check(phrase not in log, f"{phrase} is in the log")
        encoded = sasl.encode(f"\0romeo\0{phrase}".encode())
        check(encoded not in log, "an encoded password is in the log")
    if form == "json":
        for line in log.splitlines():
            json.loads(line)


@tests
async def a_demonstration_is_filled_and_can_be_entered(house):
    server = await house.server().start("--demo")
    listed = (await server.command("user", "list")).expect().out
    check("anna@" in listed, listed)


