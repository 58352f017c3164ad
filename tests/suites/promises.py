"""What is promised whatever happens, asked over a bare socket: what is said is whole and in order, old passwords are old."""

from __future__ import annotations

from harness import Tests, check, equal
from harness.people import arrive
from harness.server import DOMAIN, PASSWORD
from harness.tests import PATIENCE
from harness.wire import BIND, CLIENT, SM, Wire, error_condition, logged_in, q

tests = Tests("promises", people=["romeo", "juliet", "nurse", "tybalt", "paris", "benvolio"])

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"


@tests
async def an_acknowledgement_stands_behind_what_it_speaks_of(house):
    # A marker is kept before its message is planned, and the others' accounts are not in memory: each message waits twice.
    server = await house.server().start()
    others = [f"other{number}" for number in range(20)]
    await server.people("romeo", *others)
    romeo = await logged_in(house, server, "romeo")
    await romeo.send(f"<enable xmlns='{SM}'/>")
    await romeo.until(q(SM, "enabled"))
    for number, other in enumerate(others):
        marker = (
            "<displayed xmlns='urn:xmpp:mds:displayed:0'>"
            f"<stanza-id xmlns='urn:xmpp:sid:0' by='romeo@{DOMAIN}' id='{number}'/></displayed>"
        )
        # A group message to a person is refused; the refusal shows where the message stood in the line.
        await romeo.send(
            f"<message type='groupchat' id='m{number}' to='{other}@{DOMAIN}'>{marker}<body>x</body></message><r xmlns='{SM}'/>"
        )
        order = []
        while len(order) < 2:
            element = await romeo.next("a refusal and an acknowledgement")
            if element.tag == q(SM, "a") or element.get("type") == "error":
                order.append(element.tag)
        equal(order, [q(CLIENT, "message"), q(SM, "a")])


@tests
async def a_long_answer_comes_whole_without_another_word(house):
    server = await house.shared()
    juliet = await logged_in(house, server, "juliet")
    sealed = "e" * 4000
    for number in range(250):
        await juliet.send(
            f"<message type='chat' id='m{number}' to='nurse@{DOMAIN}'>"
            f"<encrypted xmlns='eu.siacs.conversations.axolotl'>{sealed}</encrypted><store xmlns='urn:xmpp:hints'/></message>"
        )
    await juliet.settle()
    found = 0
    await juliet.send(
        f"<iq type='set' id='page'><query xmlns='{MAM}'><set xmlns='{RSM}'><max>100</max><before/></set></query></iq>"
    )
    while (element := await juliet.next("the whole page")).tag != q(CLIENT, "iq"):
        found += element.find(q(MAM, "result")) is not None
    equal(found, 100)


@tests
async def what_has_waited_comes_whole_without_another_word(house):
    server = await house.shared()
    tybalt = await logged_in(house, server, "tybalt")
    many = 2000
    for number in range(many):
        await tybalt.send(f"<message type='chat' id='m{number}' to='paris@{DOMAIN}'><body>{number} {'.' * 200}</body></message>")
    await tybalt.settle()
    paris = await logged_in(house, server, "paris")
    await paris.send("<presence/>")
    heard = []
    while len(heard) < many:
        element = await paris.next("all that has waited")
        if element.tag == q(CLIENT, "message"):
            heard.append(int((element.findtext(q(CLIENT, "body")) or "").split()[0]))
    equal(heard, list(range(many)), "in order, each once")


@tests
async def who_has_shown_the_old_password_does_not_go_in_after_it_was_changed(house):
    server = await house.shared()
    benvolio = await Wire.connect(server.address("xmpp"))
    house.at_end(benvolio.close)
    await benvolio.start_tls()
    await benvolio.authenticate("SCRAM-SHA-256", "benvolio", PASSWORD)
    await benvolio.open()
    (await server.command("user", "passwd", "benvolio", "--password-stdin", stdin="another one, and long\n")).expect()
    answer = await benvolio.iq("set", f"<bind xmlns='{BIND}'/>")
    equal((answer.get("type"), error_condition(answer)), ("error", "not-authorized"))
    again = await logged_in(house, server, "benvolio", password="another one, and long")
    await again.settle()


@tests
async def the_history_of_the_demonstration_can_be_read(house):
    server = await house.server().start("--demo")
    password = next(line.split("password", 1)[1].strip() for line in server.said.splitlines() if "with the password" in line)
    anna = await arrive(house, server, "anna", password=password)
    results = (await anna["xep_0313"].retrieve(timeout=PATIENCE))["mam"]["results"]
    bodies = [result["mam_result"]["forwarded"]["stanza"]["body"] for result in results]
    check(bodies and all(bodies), f"{bodies}")
