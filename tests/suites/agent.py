"""`hauspost-agent`: in terminals and in scripts, with itself and with a client of others, on several devices; and the server
never holds a readable word."""

from __future__ import annotations

import asyncio
import base64
import re
import signal

from harness import Tests, check, equal, http
from harness.agent import Agent, Profanity, Terminal
from harness.peers import free_port
from harness.server import DOMAIN, House, Server
from omemo_slixmpp import FORMS, Device

NAMES = [f"{name}{number}" for name in ("romeo", "juliet", "nurse") for number in range(40)]
HTTPS = free_port()

tests = Tests(
    "hauspost-agent", people=NAMES, certified=True,
    config={"policy.encryption": {"direct": "required", "groups": "required"}, "listen": {"https": [f"127.0.0.1:{HTTPS}"]}},
)


class Cast:
    """People of one test: accounts that no other test has."""

    count = 0

    def __init__(self, house: House, server: Server) -> None:
        self.house = house
        self.server = server
        self.number = Cast.count
        Cast.count += 1

    def name(self, name: str) -> str:
        return f"{name}{self.number}"

    async def agent(self, name: str, device: str = "desk") -> Agent:
        return await Agent(self.house, self.server, self.name(name), device).login()

    async def slixmpp(self, name: str, resource: str = "slixmpp") -> Device:
        return await Device(self.house, self.server, self.name(name), resource).switch_on()


async def cast(house: House) -> Cast:
    return Cast(house, await house.shared())


def numbers(*devices: Device) -> set[int]:
    return {device.number for device in devices}


async def texts(agent: Agent, of: str) -> list[str | None]:
    return [message["text"] for message in await agent.history(f"{of}@{DOMAIN}")]


async def command(screen: Terminal, words: str) -> None:
    """A command, wherever one is."""
    await screen.keys("C-k")
    await screen.shows("Go to")
    await screen.types(words)
    await screen.keys("Enter")


async def befriend(one: Agent, other: Agent) -> None:
    """Both see when the other is there; only then receipts are sent."""
    his, hers = await one.chats(120), await other.chats(120)
    await command(his, f"/add {other.address}")
    await hers.shows(f"/allow {one.address}")
    await command(hers, f"/allow {one.address}")
    # He has asked for hers, so she need not wait for him.
    await command(hers, f"/add {one.address}")
    await command(his, f"/chat {other.address}")
    await command(hers, f"/chat {one.address}")
    await his.shows("●")
    await hers.shows("●")
    for screen in (his, hers):
        await screen.keys("C-q")
        await screen.shows("it has ended with 0")
        await screen.close()


# In terminals


@tests
async def two_people_talk_in_two_terminals(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    await befriend(romeo, juliet)
    his, hers = await romeo.chats(), await juliet.chats()
    await his.keys("C-k")
    await his.types(juliet.address)
    await his.keys("Enter")
    await his.shows("Write to " + juliet.name)
    await his.says("But soft, what light? :sunrise:")
    await his.shows("But soft, what light? 🌅")
    # She goes to the conversation that is new, and he sees that she has.
    await hers.shows("But soft, what")
    await hers.keys("M-Down")
    await hers.shows("End-to-end encrypted", "But soft, what light? 🌅")
    await his.shows("✓✓")
    await hers.says("O Romeo")
    await his.shows("O Romeo")
    # An edit, a reaction, an answer, a deletion.
    await hers.keys("Up")
    await hers.shows("Editing")
    await hers.types(", Romeo")
    await hers.keys("Enter")
    await his.shows("O Romeo, Romeo", "(edited)")
    await his.keys("C-Up")
    await his.keys("+")
    await his.keys("2")
    await hers.shows("❤")
    await hers.keys("C-Up")
    await hers.keys("C-Up")
    await hers.keys("r")
    await hers.shows("Reply to")
    await hers.says("It is the nightingale")
    await his.shows("┃", "It is the nightingale")
    await hers.keys("C-Up")
    await hers.keys("d")
    await hers.shows("Delete this message for all?")
    await hers.keys("y")
    await his.shows("This message was deleted.")
    await his.keys("C-q")
    await his.shows("it has ended with 0")


@tests
async def a_draft_stays_and_windows_of_all_sizes_are_drawn(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    await romeo.says(juliet.name, "good morrow")
    screen = await romeo.chats()
    await screen.keys("M-Down")
    await screen.shows("good morrow", "Write to")
    await screen.types("half a th")
    for size in [(200, 60), (50, 20), (20, 5), (80, 24)]:
        await screen.resize(*size)
        await screen.shows("columns" if size == (20, 5) else "half a th")
    await screen.keys("C-q")
    await screen.shows("it has ended with 0")
    again = await romeo.chats(100, 30, "--lang", "de")
    await again.shows("Gespräche", "Entwurf: half a th")


@tests
async def devices_are_verified_by_digits_on_both_sides(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    listener = await juliet.listens()
    await romeo.says(juliet.name, "who art thou?")
    await listener.hears("who art thou?")
    hers = next(device for device in await juliet.devices() if device["this"])
    seen = [device for device in await romeo.devices(juliet.name) if device["active"]]
    equal([device["fingerprint"] for device in seen], [hers["fingerprint"]])
    equal(seen[0]["trust"], "first-use")
    screen = await romeo.chats()
    await screen.keys("M-Down")
    await screen.shows("who art thou?")
    await screen.keys("C-g")
    await screen.shows("not verified, believed on first use")
    await screen.keys("Enter")
    digits = hers["fingerprint"].split()
    await screen.shows("They match", "  ".join(digits[:4]), "  ".join(digits[4:]))
    await screen.keys("y")
    await screen.keys("C-g")
    await screen.shows(" verified")
    # And by what the code says, in a script.
    code = (await romeo.run("verify")).expect().out
    uri = next(line for line in code.splitlines() if line.startswith("xmpp:"))
    check("█" in code, code)
    done = (await juliet.run("verify", uri)).expect()
    equal(done.out, f"1 device of {romeo.address} is verified now.\n")
    equal([device["trust"] for device in await juliet.devices(romeo.name)], ["verified"])
    wrong = re.sub(r"=[0-9a-f]{4}", "=0000", uri)
    done = (await juliet.run("verify", wrong)).expect(3)
    check("somebody may be listening" in done.err, done.err)


# In scripts


@tests
async def a_message_reaches_all_devices_of_both(house):
    people = await cast(house)
    romeo, his_phone = await people.agent("romeo"), await people.agent("romeo", "phone")
    juliet, her_phone = await people.agent("juliet"), await people.agent("juliet", "phone")
    at = [await agent.listens() for agent in (juliet, her_phone)]
    await romeo.says(juliet.name, "first")
    for listener in at:
        heard = await listener.hears("first")
        equal((heard["encrypted"], heard["sender"], heard["kind"]), (True, romeo.address, "person"))
    # What one device says the other has, too.
    await his_phone.says(juliet.name, "second")
    for listener in at:
        await listener.hears("second")
    mine = await romeo.listens()
    await juliet.says(romeo.name, "third")
    await mine.hears("third")
    await mine.stop()
    for agent, peer in ((romeo, juliet), (juliet, romeo), (her_phone, romeo)):
        equal(await texts(agent, peer.name), ["first", "second", "third"], f"{agent.address} {agent.device}")


@tests
async def the_exit_status_tells_how_far_a_message_came(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    await befriend(romeo, juliet)
    await romeo.says(juliet.name, "kept")
    done = await romeo.run("send", "--wait-delivered", "--timeout", "2", juliet.address, "nobody is there")
    done.expect(5)
    listener = await juliet.listens()
    await listener.hears("nobody is there")
    await romeo.says(juliet.name, "somebody is there", "--wait-delivered")
    done = (await romeo.run("send", f"nobody-has-this-name@{DOMAIN}", "hello")).expect(3)
    check(done.err.startswith("hauspost-agent: "), done.err)
    (await romeo.run("send", juliet.address, stdin="")).expect(1)
    (await romeo.run("send")).expect(2)
    (await romeo.run("send", "no such name", "hello")).expect(1)
    (await romeo.run("send", juliet.address, stdin="piped\nlines\n")).expect()
    await listener.hears("piped\nlines")


@tests
async def each_line_of_a_pipe_is_a_message_as_soon_as_it_comes(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    listener = await juliet.listens()
    process = await romeo.start("send", "--lines", juliet.address)
    assert process.stdin is not None
    for words in ("first", "second", "third"):
        process.stdin.write(f"{words}\n\n".encode())
        await process.stdin.drain()
        # It does not wait for the end of the pipe.
        await listener.hears(words)
    process.stdin.close()
    equal(await process.wait(), 0)
    # Through a process that has the account, many at once, in order.
    beside = await romeo.listens()
    lines = [f"line {number}" for number in range(600)]
    (await romeo.run("send", "--lines", juliet.address, stdin="\n".join(lines))).expect()
    for words in lines:
        await listener.hears(words)
    await beside.stop()
    equal((await texts(juliet, romeo.name))[3:], lines)
    done = (await romeo.run("send", "--lines", f"nobody-has-this-name@{DOMAIN}", stdin="one\ntwo\n")).expect(3)
    check(done.err.startswith("hauspost-agent: "), done.err)
    (await romeo.run("send", "--lines", juliet.address, stdin="\n")).expect(1)


@tests
async def who_interrupts_is_not_told_that_it_was_done(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    await romeo.says(juliet.name, "hello")
    process = await romeo.start("send", "--wait-delivered", juliet.address, "wait")
    # It is written down, and waits.
    while "wait" not in await texts(romeo, juliet.name):
        pass
    process.send_signal(signal.SIGTERM)
    equal(await process.wait(), 130)


@tests
async def what_is_said_without_a_connection_goes_out_later_and_once(house):
    people = await cast(house)
    server = house.server(house.certified({"policy.encryption": {"direct": "required"}}))
    await server.people("romeo", "juliet")
    port = free_port()
    server.configure(house.certified({"policy.encryption": {"direct": "required"}, "listen": {"xmpp": [f"127.0.0.1:{port}"]}}))
    await server.start()
    romeo = await Agent(house, server, "romeo").login()
    juliet = await Agent(house, server, "juliet").login()
    await romeo.says(juliet.name, "one")
    await server.stop()
    done = (await romeo.run("send", "--timeout", "3", juliet.address, "two")).expect(4)
    check("kept here" in done.err, done.err)
    await server.start()
    await romeo.says(juliet.name, "three")
    listener = await juliet.listens()
    await listener.hears("three")
    await listener.stop()
    equal(await texts(juliet, "romeo"), ["one", "two", "three"])


@tests
async def other_commands_work_through_the_process_that_has_the_account(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    screen = await romeo.chats()
    listener = await juliet.listens()
    await romeo.says(juliet.name, "beside the chat")
    await listener.hears("beside the chat")
    await screen.shows("beside the chat")
    check((await romeo.devices())[0]["this"], "devices")
    equal([message["text"] for message in await romeo.history()], ["beside the chat"])
    second = await romeo.listens()
    await juliet.says(romeo.name, "to both")
    await second.hears("to both")
    await screen.shows("to both")
    done = (await romeo.run("chat")).expect(1)
    check("another hauspost-agent" in done.err, done.err)


@tests
async def a_group_is_made_and_all_its_members_read(house):
    people = await cast(house)
    romeo, juliet, nurse = [await people.agent(name) for name in ("romeo", "juliet", "nurse")]
    screen = await romeo.chats(120)
    hers, at_the_nurses = await juliet.listens(), await nurse.listens()
    await command(screen, f"/group Balcony: {juliet.address} {nurse.address}")
    await screen.shows("Balcony", "End-to-end encrypted · 3 people")
    await screen.says("come at nine")
    heard = await hers.hears("come at nine")
    equal((heard["kind"], heard["conversation_name"], heard["encrypted"], heard["sender"]), ("group", "Balcony", True, romeo.address))
    await at_the_nurses.hears("come at nine")
    # By its name, from a script.
    (await juliet.run("send", "Balcony", "at the hour of nine")).expect()
    await screen.shows("at the hour of nine")
    await at_the_nurses.hears("at the hour of nine")


@tests
async def a_file_goes_sealed_and_comes_as_it_was(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    content = bytes(range(256)) * 1024
    letter = house.folder / "a letter.bin"
    letter.write_bytes(content)
    listener = await juliet.listens()
    (await romeo.run("send", "--file", str(letter), juliet.address, "read it")).expect()
    while (event := await listener.next("the file"))["event"] != "message":
        pass
    check("a letter.bin" in event["elements"], event)
    await listener.stop()
    for kept in people.server.data.rglob("*"):
        if kept.is_file():
            check(content[1000:1256] not in kept.read_bytes(), f"{kept} holds the file")
    downloads = house.folder / "Downloads"
    downloads.mkdir(exist_ok=True)
    screen = await juliet.chats()
    await screen.keys("M-Down")
    await screen.shows("File: a letter.bin", "read it")
    await screen.keys("C-Up")
    await screen.keys("f")
    await screen.shows("The file is here")
    equal((downloads / "a letter.bin").read_bytes(), content)


@tests
async def a_certificate_that_nobody_vouches_for_is_refused_until_its_fingerprint_is_said(house):
    server = house.server({"policy.encryption": {"direct": "required"}})
    await server.people("romeo", "juliet")
    await server.start()
    host, port = server.address("xmpp")
    romeo, juliet = Agent(house, server, "romeo"), Agent(house, server, "juliet")
    login = ["login", romeo.address, "--password-stdin", "--connect", f"{host}:{port}"]
    done = (await romeo.run(*login, stdin="correct horse battery\n")).expect(1)
    shown = re.search(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", done.err)
    check(shown, done.err)
    check(not list(romeo.data.glob("*")), "something was kept")
    assert shown is not None
    done = (await romeo.run(*login, "--trust-certificate", shown[0], stdin="correct horse battery\n")).expect()
    check("WARNING" in done.err, done.err)
    hers = ["login", juliet.address, *login[2:], "--trust-certificate", shown[0]]
    (await juliet.run(*hers, stdin="correct horse battery\n")).expect()
    await romeo.says("juliet", "by the right one")
    # Another certificate in its place.
    await server.stop()
    for file in server.data.rglob("self-signed.*"):
        file.unlink()
    server.configure({"policy.encryption": {"direct": "required"}, "listen": {"xmpp": [f"{host}:{port}"]}})
    await server.start()
    done = (await romeo.run("send", "--timeout", "10", juliet.address, "by the wrong one")).expect(1)
    check("HAS CHANGED" in done.err, done.err)


@tests
async def a_wrong_password_and_a_stranger_are_told_what_to_do(house):
    people = await cast(house)
    romeo = Agent(house, people.server, people.name("romeo"))
    host, port = people.server.address("xmpp")
    login = ["login", "--password-stdin", "--connect", f"{host}:{port}", "--ca", str(house.authority.root)]
    done = (await romeo.run(*login, romeo.address, stdin="wrong\n")).expect(1)
    check("password" in done.err, done.err)
    done = (await romeo.run("send", "anybody", "hello")).expect(1)
    check("login ADDRESS" in done.err, done.err)
    done = (await romeo.run("login", romeo.address, "--password-stdin", "--connect", f"{host}:{free_port()}", stdin="x\n")).expect(1)
    check("nobody listens" in done.err, done.err)


# With a client of others


@tests.each(FORMS)
async def with_slixmpp_omemo_who_starts(house, form):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "she starts", form)
    heard = await listener.hears("she starts")
    equal(heard["encrypted"], True)
    await romeo.says(juliet.name, "he answers")
    await juliet.reads("he answers", numbers(juliet))
    await juliet.tells(romeo.name, "she goes on", form)
    await listener.hears("she goes on")


@tests.each(FORMS)
async def with_slixmpp_omemo_the_agent_starts(house, form):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    await romeo.says(juliet.name, "he starts")
    await juliet.reads("he starts", numbers(juliet))
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "she answers", form)
    await listener.hears("she answers")


@tests.each(FORMS)
async def with_slixmpp_omemo_while_the_other_is_away(house, form):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    for number in range(3):
        await juliet.tells(romeo.name, f"while he sleeps {number}", form)
    await juliet.switch_off()
    listener = await romeo.listens()
    for number in range(3):
        await listener.hears(f"while he sleeps {number}")
    await romeo.says(juliet.name, "while she sleeps")
    await juliet.switch_on()
    await juliet.reads("while she sleeps", numbers(juliet))


@tests.each(FORMS)
async def with_slixmpp_omemo_devices_come_and_go(house, form):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.slixmpp("juliet")
    listener = await romeo.listens()
    await juliet.tells(romeo.name, "one device", form)
    await listener.hears("one device")
    # A new one of his, and a new one of hers.
    phone = await people.agent("romeo", "phone")
    beside = await phone.listens()
    tablet = await people.slixmpp("juliet", "tablet")
    await juliet.knows(juliet, tablet)
    await tablet.tells(romeo.name, "two devices", form)
    await listener.hears("two devices")
    await beside.hears("two devices")
    # Her first device has a copy of what the second has said.
    await juliet.reads("two devices", numbers(juliet, tablet))
    await phone.says(juliet.name, "to both of yours")
    for device in (juliet, tablet):
        await device.reads("to both of yours", numbers(juliet, tablet))
    # His phone is lost: he takes it out, and nobody writes to it any more.
    lost = await phone.number()
    await beside.kill()
    (await romeo.run("devices", "--revoke", str(lost))).expect()
    equal([device["active"] for device in await romeo.devices() if device["device"] == lost], [False])
    await romeo.says(juliet.name, "the phone is gone")
    for device in (juliet, tablet):
        message = await device.reads("the phone is gone", numbers(juliet, tablet))
        check(message is not None)


@tests
async def with_profanity_in_the_legacy_form(house):
    people = await cast(house)
    romeo = await people.agent("romeo")
    nurse = await Profanity(house, people.server, people.name("nurse")).login()
    # It shows its keys to those alone who see when it is there.
    screen = await romeo.chats(120)
    await command(screen, f"/add {nurse.address}")
    await nurse.shows("authorization request")
    await nurse.says(f"/sub allow {romeo.address}")
    await nurse.says(f"/sub request {romeo.address}")
    await command(screen, f"/chat {nurse.address}")
    await screen.shows("●")
    listener = await romeo.listens()
    await romeo.says(people.name("nurse"), "what says my lady?")
    await nurse.says(f"/msg {romeo.address}")
    await nurse.shows("what says my lady?")
    await nurse.says("/omemo start")
    await nurse.says("she weeps and weeps")
    heard = await listener.hears("she weeps and weeps")
    equal(heard["encrypted"], True)
    # He is away, and on a new device.
    await listener.stop()
    await nurse.says("while he is away")
    listener = await romeo.listens()
    await listener.hears("while he is away")
    phone = await people.agent("romeo", "phone")
    await phone.says(people.name("nurse"), "from the phone")
    await nurse.shows("from the phone")


# What must never be


@tests.taking(240)
async def killed_at_any_moment_it_loses_and_doubles_nothing(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    listener = await juliet.listens()
    kept: list[str] = []
    for number in range(24):
        words = f"line {number}"
        process = await romeo.start("send", juliet.address, words)
        # Ever later: before it is written down, on its way, after the server has it.
        try:
            async with asyncio.timeout(0.02 * (number + 1)):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if process.returncode == 0:
            kept.append(words)
        if number % 6 == 5:
            # The one who receives is killed, too.
            await listener.kill()
            listener = await juliet.listens()
    # What was written down before a kill goes out now.
    await romeo.says(juliet.name, "the end")
    await listener.hears("the end")
    await listener.stop()
    found = [text for text in await texts(juliet, romeo.name) if text is not None]
    equal(found[-1], "the end")
    equal(len(found), len(set(found)), f"twice: {found}")
    check(set(kept) <= set(found), f"lost: {set(kept) - set(found)}")
    order = [int(text.split()[1]) for text in found[:-1]]
    equal(order, sorted(order))


PHRASE = "the-apothecary-sells-poison-at-midnight"


@tests
async def the_server_holds_no_readable_word(house):
    people = await cast(house)
    romeo, juliet = await people.agent("romeo"), await people.agent("juliet")
    listener = await juliet.listens()
    await romeo.says(juliet.name, f"say {PHRASE}")
    await listener.hears(f"say {PHRASE}")
    await juliet.says(romeo.name, f"again {PHRASE} again")
    letter = house.folder / "letter.txt"
    letter.write_text(f"{PHRASE}\n" * 100)
    (await romeo.run("send", "--file", str(letter), juliet.address, f"about {PHRASE}")).expect()
    screen = await romeo.chats(120)
    await command(screen, f"/group Mantua: {juliet.address}")
    await screen.shows("Mantua", "2 people")
    await screen.says(f"to all {PHRASE}")
    await listener.hears(f"to all {PHRASE}")
    # A change and an answer are as secret as what they are about.
    await screen.keys("Up")
    await screen.shows("Editing")
    await screen.says(" today")
    await screen.shows("(edited)")
    (await juliet.run("send", "Mantua", f"I know: {PHRASE}")).expect()
    await screen.shows(f"I know: {PHRASE}")
    # What has been said before comes from the archive.
    tablet = await people.agent("juliet", "tablet")
    await (await tablet.listens()).stop()
    # As it is, as others write it down, and in the middle of what Base64 makes of it, wherever that begins.
    encoded = [base64.b64encode(b"-" * shift + PHRASE.encode())[4:-4] for shift in range(3)]
    needles = [PHRASE.encode(), PHRASE.encode("utf-16-le"), *encoded]
    for file in [*people.server.data.rglob("*"), people.server.log_file]:
        if file.is_file():
            held = file.read_bytes()
            check(not any(needle in held for needle in needles), f"{file} holds the phrase")
    metrics = await http.get(people.server, "/metrics")
    equal(metrics.status, 200)
    check(PHRASE.encode() not in metrics.body, "the metrics hold the phrase")
    assert people.server.process is not None
    looked = in_memory(people.server.process.pid, needles)
    check(looked > 1_000_000, f"only {looked} bytes of memory were looked at")
    # The look itself finds what is there: the agent that says it has it in its memory.
    check(romeo_has(await screen.pid(), needles), "the phrase is not found where it must be")


def mapped(pid: int):
    """Pieces of the readable memory of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights, *_ = line.split()
            if not rights.startswith("r") or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except OSError:
                continue


def in_memory(pid: int, needles: list[bytes]) -> int:
    looked = 0
    for piece in mapped(pid):
        looked += len(piece)
        check(not any(needle in piece for needle in needles), "the memory of the server holds the phrase")
    return looked


def romeo_has(pid: int, needles: list[bytes]) -> bool:
    return any(needle in piece for piece in mapped(pid) for needle in needles)
