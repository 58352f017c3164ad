"""Getting in: every mechanism, with the real slixmpp and by hand, over STARTTLS and direct TLS."""

from __future__ import annotations

import asyncio
import ssl

from harness import Tests, check, equal
from harness import sasl, wire
from harness.people import NotLoggedIn, Person, arrive, bind_to_channel
from harness.server import DOMAIN, LOOPBACK, PASSWORD
from harness.tests import refused
from harness.wire import Ended, Wire, q

tests = Tests(
    "getting in, with slixmpp and by hand",
    people=["romeo", "juliet", "mercutio", "nurse"],
    certified=True,
    config={"auth": {"failures_before_delay": 3, "longest_delay_seconds": 2}},
)

SCRAM = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]
DOORS = ["xmpp", "xmpp_tls"]


def mechanisms(features: wire.Element) -> list[str]:
    return [element.text or "" for element in features.iterfind(f"{q(wire.SASL, 'mechanisms')}/{q(wire.SASL, 'mechanism')}")]


async def says_who(person: Person) -> None:
    """The session works: the server answers, and names whom it talks to."""
    await person.settle()
    equal(str(person.boundjid), f"{person.requested_jid}")


@tests.each([f"{mechanism} {door}" for mechanism in [*SCRAM, "PLAIN"] for door in DOORS])
async def slixmpp_logs_in(house, case):
    mechanism, door = case.split()
    server = await house.shared()
    person = Person("romeo", mechanism=mechanism, context=wire.verifying(house.authority.root))
    house.at_end(person.leave)
    await person.go_in(server, door)
    equal(person["feature_mechanisms"].mech.name, mechanism)
    await says_who(person)


@tests.each([f"{mechanism}-PLUS {door}" for mechanism in SCRAM for door in DOORS])
async def slixmpp_logs_in_bound_to_its_channel(house, case):
    mechanism, door = case.split()
    server = await house.shared()
    person = Person("romeo", mechanism=mechanism, context=wire.verifying(house.authority.root))
    bind_to_channel(person, house.folder / f"{mechanism}-{door}.keys")
    house.at_end(person.leave)
    await person.go_in(server, door)
    equal(person["feature_mechanisms"].mech.name, mechanism)
    equal(person["feature_mechanisms"].mech.gs2_header, b"p=tls-exporter,,")
    await says_who(person)


@tests.each(DOORS)
async def slixmpp_logs_in_with_a_certificate(house, door):
    server = await house.shared()
    certificate, key = house.authority.person(f"romeo@{DOMAIN}")
    context = wire.verifying(house.authority.root)
    context.load_cert_chain(certificate, key)
    person = Person("romeo", mechanism="EXTERNAL", password="", context=context)
    house.at_end(person.leave)
    await person.go_in(server, door)
    equal(person["feature_mechanisms"].mech.name, "EXTERNAL")
    await says_who(person)


@tests
async def slixmpp_with_its_own_choice_logs_in(house):
    server = await house.shared()
    person = await arrive(house, server, "romeo")
    check(person["feature_mechanisms"].mech.name.startswith("SCRAM-SHA-"), person["feature_mechanisms"].mech.name)


@tests
async def slixmpp_over_tls_1_2_logs_in(house):
    # Its only channel binding there, tls-unique, is not one that the server offers (RFC 9266 §1): it must find its
    # way without being taken for a guesser.
    server = await house.shared()
    context = wire.verifying(house.authority.root)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    person = Person("romeo", context=context)
    house.at_end(person.leave)
    await person.go_in(server)
    await says_who(person)


@tests
async def a_certificate_of_somebody_else_does_not_log_in(house):
    server = await house.shared()
    certificate, key = house.authority.person(f"romeo@{DOMAIN}")
    context = wire.verifying(house.authority.root)
    context.load_cert_chain(certificate, key)
    client = await Wire.connect(server.address("xmpp"))
    await client.start_tls(context)
    with refused(sasl.Refused) as caught:
        await client.authenticate("EXTERNAL", f"juliet@{DOMAIN}")
    check(caught[0].condition in ("not-authorized", "invalid-authzid"), caught[0].condition)


@tests
async def a_certificate_of_a_stranger_authority_is_not_believed(house):
    from harness.authority import Authority

    server = await house.shared()
    stranger = Authority(house.folder / "stranger")
    certificate, key = stranger.person(f"romeo@{DOMAIN}")
    context = wire.verifying(house.authority.root)
    context.load_cert_chain(certificate, key)
    client = await Wire.connect(server.address("xmpp"))
    try:
        features = await client.start_tls(context)
    except (Ended, ssl.SSLError, ConnectionError):
        return
    check("EXTERNAL" not in mechanisms(features), "EXTERNAL is offered to a stranger")
    with refused(sasl.Refused):
        await client.authenticate("EXTERNAL", f"romeo@{DOMAIN}")


@tests
async def the_certificate_is_verified(house):
    server = await house.shared()
    stranger = ssl.create_default_context()
    person = Person("romeo", context=stranger)
    house.at_end(person.leave)
    with refused(NotLoggedIn):
        await person.go_in(server)


@tests.each(DOORS)
async def a_self_signed_server_lets_in_who_trusts_its_certificate(house, door):
    server = house.server()
    await server.people("romeo")
    await server.start()
    host, port = server.address("xmpp_tls")
    client = await Wire.connect((host, port))
    await client.shake_hands(wire.trusting())
    pinned = house.folder / "pinned.pem"
    pinned.write_text(ssl.DER_cert_to_PEM_cert(client.tls.getpeercert(binary_form=True)))
    client.abort()
    person = Person("romeo", context=wire.verifying(pinned))
    house.at_end(person.leave)
    await person.go_in(server, door)
    await says_who(person)


@tests.each(SCRAM)
async def a_login_can_be_bound_to_the_certificate(house, mechanism):
    server = await house.shared()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = wire.verifying(house.authority.root)
        context.minimum_version = context.maximum_version = version
        client = await Wire.connect(server.address("xmpp"))
        features = await client.start_tls(context)
        check(f"{mechanism}-PLUS" in mechanisms(features), f"{mechanisms(features)}")
        binding = "tls-server-end-point", sasl.server_end_point(client.tls)
        await client.authenticate(f"{mechanism}-PLUS", "romeo", binding=binding)
        await client.open()
        await client.bind()
        client.abort()


@tests
async def a_login_bound_to_another_channel_is_refused(house):
    server = await house.shared()
    client = await Wire.connect(server.address("xmpp"))
    await client.start_tls()
    with refused(sasl.Refused) as caught:
        await client.authenticate("SCRAM-SHA-256-PLUS", "romeo", binding=("tls-server-end-point", bytes(32)))
    check(caught[0].condition in ("not-authorized", "malformed-request"), caught[0].condition)


@tests
async def hiding_channel_binding_from_the_client_is_found_out(house):
    # RFC 5802 §6: a client that could bind but was not offered it says `y`; a server that did offer it must refuse.
    server = await house.shared()
    client = await Wire.connect(server.address("xmpp"))
    await client.start_tls()
    exchange = sasl.Scram("SCRAM-SHA-256", "romeo", PASSWORD, None, offered_binding=True)
    await client.send(f"<auth xmlns='{wire.SASL}' mechanism='SCRAM-SHA-256'>{sasl.encode(exchange.first())}</auth>")
    answer = await client.next()
    if answer.tag == q(wire.SASL, "challenge"):
        await client.send(f"<response xmlns='{wire.SASL}'>{sasl.encode(exchange.respond(sasl.decode(answer.text)))}</response>")
        answer = await client.next()
    equal(answer.tag, q(wire.SASL, "failure"))


@tests.each(SCRAM + ["PLAIN"])
async def a_wrong_password_is_refused(house, mechanism):
    server = house.server({"auth": {"failures_before_delay": 100}})
    await server.people("juliet")
    await server.start()
    person = Person("juliet", password="wrong", mechanism=mechanism)
    house.at_end(person.leave)
    with refused(NotLoggedIn):
        await person.go_in(server)
    failure = await person.next("failed_auth")
    equal(failure["condition"], "not-authorized")


@tests.each(SCRAM + ["PLAIN"])
async def nobody_knows_from_the_answer_whether_an_account_exists(house, mechanism):
    server = house.server({"auth": {"failures_before_delay": 100}})
    await server.people("juliet")
    await server.start()
    conditions = []
    for name in ("juliet", "nobody"):
        client = await Wire.connect(server.address("xmpp"))
        await client.start_tls()
        with refused(sasl.Refused) as caught:
            await client.authenticate(mechanism, name, "wrong")
        conditions.append(caught[0].condition)
    equal(conditions, ["not-authorized", "not-authorized"])


@tests
async def before_tls_there_is_nothing_but_tls(house):
    server = await house.shared()
    client = await Wire.connect(server.address("xmpp"))
    features = await client.open()
    equal(mechanisms(features), [])
    starttls = features.find(q(wire.TLS, "starttls"))
    check(starttls is not None and starttls.find(q(wire.TLS, "required")) is not None, "STARTTLS is not required")
    check(features.find(q(wire.SASL2, "authentication")) is None, "SASL2 is offered in clear")
    for words in (
        f"<auth xmlns='{wire.SASL}' mechanism='PLAIN'>{sasl.encode(sasl.Plain('romeo', PASSWORD).first())}</auth>",
        f"<auth xmlns='{wire.SASL}' mechanism='SCRAM-SHA-1'>biwsbj1yb21lbyxyPWFiYw==</auth>",
        f"<authenticate xmlns='{wire.SASL2}' mechanism='PLAIN'><initial-response>AHIAcA==</initial-response></authenticate>",
        "<message to='juliet@hauspost.test'><body>hello</body></message>",
    ):
        client = await Wire.connect(server.address("xmpp"))
        await client.open()
        await client.send(words)
        try:
            answer = await client.next()
        except Ended as ended:
            check(ended.error is not None, "ended without a word")
            continue
        check(answer.tag in (q(wire.SASL, "failure"), q(wire.SASL2, "failure")), f"{words}: {answer.tag}")
        equal(sasl.Refused(answer).condition, "encryption-required")


@tests
async def words_that_come_with_starttls_are_not_believed(house):
    # What a man in the middle puts behind <starttls/> must not be taken for words under TLS.
    server = await house.shared()
    client = await Wire.connect(server.address("xmpp"))
    await client.open()
    await client.send(
        f"<starttls xmlns='{wire.TLS}'/><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client'"
        " xmlns:stream='http://etherx.jabber.org/streams'><iq type='get' id='injected'/>"
    )
    try:
        answer = await client.next()
        equal(answer.tag, q(wire.TLS, "proceed"))
        await client.shake_hands(wire.trusting())
        features = await client.open()
    except (Ended, ssl.SSLError, ConnectionError):
        return
    check(len(mechanisms(features)) > 0, "no fresh stream")
    await client.authenticate("PLAIN", "romeo")


@tests
async def direct_tls_takes_a_header_that_comes_with_the_handshake(house):
    # XEP-0368 saves round trips; many clients send their header in the same packet as the end of the handshake.
    server = await house.shared()
    for protocols in ([], ["xmpp-client"]):
        client = await Wire.connect(server.address("xmpp_tls"))
        context = wire.verifying(house.authority.root)
        if protocols:
            context.set_alpn_protocols(protocols)
        await client.shake_hands(context, hold_back=True)
        features = await client.open()
        check("SCRAM-SHA-256" in mechanisms(features), f"{mechanisms(features)}")
        equal(client.tls.selected_alpn_protocol(), protocols[0] if protocols else None)
        client.abort()


@tests
async def direct_tls_refuses_another_protocol(house):
    server = await house.shared()
    client = await Wire.connect(server.address("xmpp_tls"))
    context = wire.verifying(house.authority.root)
    context.set_alpn_protocols(["http/1.1"])
    with refused((ssl.SSLError, Ended, ConnectionError)):
        await client.shake_hands(context)


@tests
async def guessing_gets_slow_and_the_true_user_is_not_locked_out(house):
    server = house.server({"auth": {"failures_before_delay": 3, "longest_delay_seconds": 4}})
    await server.people("nurse")
    await server.start()
    # The true user's address is known from a login before.
    await (await arrive(house, server, "nurse", available=False)).leave()

    clock = asyncio.get_running_loop()

    async def guess(source: str) -> float:
        reader, writer = await asyncio.open_connection(*server.address("xmpp"), local_addr=(source, 0))
        client = Wire(reader, writer)
        await client.start_tls()
        begin = clock.time()
        with refused(sasl.Refused) as caught:
            await client.authenticate("PLAIN", "nurse", "wrong")
        check(caught[0].condition in ("not-authorized", "temporary-auth-failure"), caught[0].condition)
        client.abort()
        return clock.time() - begin

    # Loopback has sixteen million addresses: the guesser is another one.
    times = [await guess("127.0.0.66") for _ in range(6)]
    check(times[-1] > 0.9, f"the sixth guess cost {times[-1]:.2f} s: {times}")
    begin = clock.time()
    await arrive(house, server, "nurse", "again", available=False)
    check(clock.time() - begin < times[-1], f"the true user waited {clock.time() - begin:.2f} s")
    equal(LOOPBACK, "127.0.0.1")


@tests
async def five_wrong_passwords_end_the_stream(house):
    server = house.server({"auth": {"failures_before_delay": 100}, "limits": {"login_attempts": 3}})
    await server.people("nurse")
    await server.start()
    client = await Wire.connect(server.address("xmpp"))
    await client.start_tls()
    for _ in range(3):
        with refused((sasl.Refused, Ended)):
            await client.authenticate("PLAIN", "nurse", "wrong")
    with refused((Ended, ConnectionError)):
        await client.authenticate("PLAIN", "nurse", "wrong")


@tests
async def a_stream_to_a_stranger_domain_is_refused(house):
    server = await house.shared()
    client = await Wire.connect(server.address("xmpp"))
    await client.header(to="elsewhere.example")
    equal(await client.end(), "host-unknown")


@tests
async def a_resource_that_is_taken_goes_to_the_newcomer(house):
    # RFC 6120 §7.7.2.2.
    server = await house.shared()
    first = await wire.logged_in(house, server, "mercutio", "desk")
    second = await wire.logged_in(house, server, "mercutio", "desk")
    equal(await first.end(), "conflict")
    equal(second.jid, f"mercutio@{DOMAIN}/desk")
    await second.settle()


@tests
async def an_account_has_a_bounded_number_of_sessions(house):
    server = house.server({"limits": {"sessions_per_account": 3}})
    await server.people("nurse")
    await server.start()
    for number in range(3):
        await wire.logged_in(house, server, "nurse", f"r{number}")
    client = await Wire.connect(server.address("xmpp"))
    await client.start_tls()
    await client.authenticate("PLAIN", "nurse")
    await client.open()
    answer = await client.iq("set", f"<bind xmlns='{wire.BIND}'/>")
    equal(wire.error_condition(answer), "resource-constraint")
