"""What slixmpp does not speak: SASL2 (XEP-0388) with Bind 2 (XEP-0386), stream management inline, tokens (XEP-0484)
and upgrades (XEP-0480); by hand."""

from __future__ import annotations

import sqlite3
import uuid
import xml.etree.ElementTree as ET

from harness import Tests, check, equal
from harness import sasl, wire
from harness.server import DOMAIN, PASSWORD
from harness.tests import refused
from harness.wire import BIND2, CARBONS, FAST, SASL2, SM, Element, Ended, Wire, q

tests = Tests("SASL2, Bind 2, tokens, upgrades", people=["romeo", "juliet", "nurse"], certified=True)

UPGRADE = "urn:xmpp:sasl:upgrade:0"
SCRAM_UPGRADE = "urn:xmpp:scram-upgrade:0"


async def connected(house, server) -> tuple[Wire, Element]:
    """Under TLS, with the features of SASL2."""
    client = await Wire.connect(server.address("xmpp"))
    house.at_end(client.close)
    features = await client.start_tls(wire.verifying(house.authority.root) if server is house._shared else None)
    offer = features.find(q(SASL2, "authentication"))
    check(offer is not None, "SASL2 is not offered")
    return client, offer


async def enter(client: Wire, exchange, mechanism: str, inline: str = "", agent: str | None = None) -> Element:
    """Authenticates; <success/>, <continue/>, or `sasl.Refused`."""
    user_agent = f"<user-agent id='{agent}'><software>Suite</software><device>Bench</device></user-agent>" if agent else ""
    first = exchange.first()
    response = "" if first is None else f"<initial-response>{sasl.encode(first)}</initial-response>"
    await client.send(f"<authenticate xmlns='{SASL2}' mechanism='{mechanism}'>{response}{user_agent}{inline}</authenticate>")
    while True:
        answer = await client.next("an answer to SASL2")
        if answer.tag == q(SASL2, "challenge"):
            await client.send(f"<response xmlns='{SASL2}'>{sasl.encode(exchange.respond(sasl.decode(answer.text)))}</response>")
        elif answer.tag in (q(SASL2, "success"), q(SASL2, "continue")):
            exchange.finish(sasl.decode(answer.findtext(q(SASL2, "additional-data"))))
            return answer
        else:
            equal(answer.tag, q(SASL2, "failure"))
            raise sasl.Refused(answer)


def identifier(success: Element) -> str:
    return success.findtext(q(SASL2, "authorization-identifier")) or ""


def scram(username: str = "romeo", mechanism: str = "SCRAM-SHA-256") -> sasl.Scram:
    return sasl.Scram(mechanism, username, PASSWORD, None)


def bind(inside: str = "", tag: str = "Suite") -> str:
    return f"<bind xmlns='{BIND2}'><tag>{tag}</tag>{inside}</bind>"


async def alive(client: Wire) -> None:
    answer = await client.iq("get", f"<ping xmlns='{wire.PING}'/>", to=DOMAIN)
    equal(answer.get("type"), "result")


@tests.each(["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
async def a_login_needs_no_stream_restart(house, mechanism):
    server = await house.shared()
    client, offer = await connected(house, server)
    check(mechanism in [element.text for element in offer.iterfind(q(SASL2, "mechanism"))], "not offered")
    exchange = sasl.begin(mechanism, "romeo", PASSWORD, None)
    success = await enter(client, exchange, mechanism)
    equal(identifier(success), f"romeo@{DOMAIN}")
    # The new features come by themselves; a resource is bound the old way.
    features = await client.next("features after SASL2")
    equal(features.tag, q(wire.STREAMS, "features"))
    await client.bind("old")
    await alive(client)


@tests
async def a_login_is_bound_to_its_channel(house):
    server = await house.shared()
    key_log = house.folder / "sasl2.keys"
    context = wire.verifying(house.authority.root)
    context.keylog_filename = str(key_log)
    client = await Wire.connect(server.address("xmpp"))
    house.at_end(client.close)
    await client.start_tls(context)
    exchange = sasl.Scram("SCRAM-SHA-512-PLUS", "romeo", PASSWORD, ("tls-exporter", sasl.exporter(client.tls, key_log)))
    success = await enter(client, exchange, "SCRAM-SHA-512-PLUS", bind())
    check(identifier(success).startswith(f"romeo@{DOMAIN}/"), identifier(success))


@tests
async def one_round_trip_logs_in_binds_and_enables(house):
    server = await house.shared()
    client, offer = await connected(house, server)
    features = {element.get("var") for element in offer.iter(q(BIND2, "feature"))}
    check({CARBONS, SM, "urn:xmpp:csi:0"} <= features, f"{features}")
    wishes = f"<enable xmlns='{CARBONS}'/><enable xmlns='{SM}' resume='true'/><inactive xmlns='urn:xmpp:csi:0'/>"
    success = await enter(client, scram(), "SCRAM-SHA-256", bind(wishes), agent=str(uuid.uuid4()))
    bound = success.find(q(BIND2, "bound"))
    check(bound is not None, ET.tostring(success).decode())
    enabled = bound.find(q(SM, "enabled"))
    check(enabled is not None and enabled.get("id"), "stream management is not on")
    address = identifier(success)
    check(address.startswith(f"romeo@{DOMAIN}/Suite"), address)
    features = await client.next("features after the bind")
    equal(features.tag, q(wire.STREAMS, "features"))
    await client.send(f"<active xmlns='urn:xmpp:csi:0'/><r xmlns='{SM}'/>")
    answer = await client.until(q(SM, "a"))
    equal(answer.get("h"), "0")
    # Carbons are on.
    other = await wire.logged_in(house, server, "romeo", "other")
    await client.send("<presence/>")
    await other.send(f"<presence/><message to='juliet@{DOMAIN}' type='chat'><body>hello</body></message>")
    message = await client.until(q(wire.CLIENT, "message"))
    check(message.find(q(CARBONS, "sent")) is not None, ET.tostring(message).decode())


@tests
async def the_same_device_gets_the_same_resource(house):
    server = await house.shared()
    agent = str(uuid.uuid4())
    addresses = []
    for _ in range(2):
        client, _ = await connected(house, server)
        success = await enter(client, scram(), "SCRAM-SHA-256", bind(), agent)
        addresses.append(identifier(success))
        await client.next("features")
        await client.send("</stream:stream>")
        await client.end()
    equal(addresses[0], addresses[1])


@tests
async def a_cut_stream_is_resumed_with_the_login(house):
    server = await house.shared()
    client, _ = await connected(house, server)
    success = await enter(client, scram("nurse"), "SCRAM-SHA-256", bind(f"<enable xmlns='{SM}' resume='true'/>"))
    enabled = success.find(f"{q(BIND2, 'bound')}/{q(SM, 'enabled')}")
    await client.next("features")
    await client.send("<presence/>")
    await client.settle()
    # The answer to the ping, and the presence; requests for acknowledgement do not count.
    handled = 1 + sum(element.tag.startswith(f"{{{wire.CLIENT}}}") for element in client.waiting())
    client.abort()
    juliet = await wire.logged_in(house, server, "juliet")
    await juliet.send(f"<message to='nurse@{DOMAIN}' type='chat'><body>while cut</body></message>")
    await juliet.settle()
    again, _ = await connected(house, server)
    resume = f"<resume xmlns='{SM}' previd='{enabled.get('id')}' h='{handled}'/>"
    success = await enter(again, scram("nurse"), "SCRAM-SHA-256", resume)
    resumed = success.find(q(SM, "resumed"))
    check(resumed is not None and resumed.get("previd") == enabled.get("id"), ET.tostring(success).decode())
    equal(resumed.get("h"), "2")
    message = await again.until(q(wire.CLIENT, "message"))
    equal(message.findtext(q(wire.CLIENT, "body")), "while cut")
    await alive(again)


@tests
async def a_resumption_that_fails_falls_back_to_a_bind(house):
    server = await house.shared()
    client, _ = await connected(house, server)
    inline = f"<resume xmlns='{SM}' previd='nothing' h='0'/>" + bind(f"<enable xmlns='{SM}' resume='true'/>")
    success = await enter(client, scram("nurse"), "SCRAM-SHA-256", inline)
    failed = success.find(q(SM, "failed"))
    check(failed is not None and success.find(q(BIND2, "bound")) is not None, ET.tostring(success).decode())
    equal(failed.find(q(wire.STANZA_ERRORS, "item-not-found")) is not None, True)
    await client.next("features")
    await alive(client)


@tests
async def nobody_resumes_the_stream_of_another(house):
    server = await house.shared()
    client, _ = await connected(house, server)
    success = await enter(client, scram("nurse"), "SCRAM-SHA-256", bind(f"<enable xmlns='{SM}' resume='true'/>"))
    id = success.find(f"{q(BIND2, 'bound')}/{q(SM, 'enabled')}").get("id")
    await client.next("features")
    thief, _ = await connected(house, server)
    success = await enter(thief, scram("juliet"), "SCRAM-SHA-256", f"<resume xmlns='{SM}' previd='{id}' h='0'/>")
    check(success.find(q(SM, "resumed")) is None, "a stream was stolen")
    await alive(client)


# Tokens


async def token_of(house, server, agent: str, mechanism: str = "HT-SHA-256-NONE") -> str:
    client, offer = await connected(house, server)
    offered = [element.text for element in offer.iterfind(f".//{q(FAST, 'mechanism')}")]
    check(mechanism in offered, f"{offered}")
    success = await enter(client, scram(), "SCRAM-SHA-256", f"<request-token xmlns='{FAST}' mechanism='{mechanism}'/>", agent)
    token = success.find(q(FAST, "token"))
    check(token is not None and token.get("token") and token.get("expiry"), ET.tostring(success).decode())
    client.abort()
    return token.get("token")


@tests
async def a_token_logs_in_without_the_password(house):
    server = await house.shared()
    agent = str(uuid.uuid4())
    token = await token_of(house, server, agent)
    for _ in range(2):
        client, _ = await connected(house, server)
        success = await enter(client, sasl.Token("romeo", token), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>" + bind(), agent)
        check(identifier(success).startswith(f"romeo@{DOMAIN}/"), identifier(success))
        await client.next("features")
        await alive(client)
        client.abort()


@tests.each(["HT-SHA-256-EXPR", "HT-SHA-256-ENDP"])
async def a_token_is_bound_to_the_channel(house, mechanism):
    server = await house.shared()
    agent = str(uuid.uuid4())
    token = await token_of(house, server, agent, mechanism)
    for right in (True, False):
        key_log = house.folder / f"{mechanism}-{right}.keys"
        context = wire.verifying(house.authority.root)
        context.keylog_filename = str(key_log)
        client = await Wire.connect(server.address("xmpp"))
        house.at_end(client.close)
        await client.start_tls(context)
        binding = sasl.exporter(client.tls, key_log) if mechanism.endswith("EXPR") else sasl.server_end_point(client.tls)
        exchange = sasl.Token("romeo", token, binding if right else bytes(32))
        if right:
            await enter(client, exchange, mechanism, f"<fast xmlns='{FAST}'/>", agent)
        else:
            with refused(sasl.Refused) as caught:
                await enter(client, exchange, mechanism, f"<fast xmlns='{FAST}'/>", agent)
            equal(caught[0].condition, "not-authorized")


@tests
async def a_token_is_exchanged_for_a_new_one_and_the_old_one_ends(house):
    server = await house.shared()
    agent = str(uuid.uuid4())
    old = await token_of(house, server, agent)
    client, _ = await connected(house, server)
    wish = f"<fast xmlns='{FAST}'/><request-token xmlns='{FAST}' mechanism='HT-SHA-256-NONE'/>"
    success = await enter(client, sasl.Token("romeo", old), "HT-SHA-256-NONE", wish, agent)
    element = success.find(q(FAST, "token"))
    check(element is not None, ET.tostring(success).decode())
    new = element.get("token")
    check(new != old, "the same token again")
    # Using the new one shows that it has arrived; from then on the old one is dead.
    client, _ = await connected(house, server)
    await enter(client, sasl.Token("romeo", new), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", agent)
    client, _ = await connected(house, server)
    with refused(sasl.Refused):
        await enter(client, sasl.Token("romeo", old), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", agent)


@tests
async def a_token_is_given_back(house):
    server = await house.shared()
    agent = str(uuid.uuid4())
    token = await token_of(house, server, agent)
    client, _ = await connected(house, server)
    await enter(client, sasl.Token("romeo", token), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}' invalidate='true'/>", agent)
    client, _ = await connected(house, server)
    with refused(sasl.Refused):
        await enter(client, sasl.Token("romeo", token), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", agent)


@tests
async def a_token_is_good_for_its_device_alone(house):
    server = await house.shared()
    token = await token_of(house, server, str(uuid.uuid4()))
    client, _ = await connected(house, server)
    with refused(sasl.Refused):
        await enter(client, sasl.Token("romeo", token), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", str(uuid.uuid4()))
    client, _ = await connected(house, server)
    with refused(sasl.Refused):
        await enter(client, sasl.Token("romeo", "guessed"), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", str(uuid.uuid4()))


@tests
async def a_new_password_ends_all_tokens(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    agent = str(uuid.uuid4())
    token = await token_of(house, server, agent)
    (await server.command("user", "passwd", "romeo", "--password-stdin", stdin="another password\n")).expect()
    client, _ = await connected(house, server)
    with refused(sasl.Refused):
        await enter(client, sasl.Token("romeo", token), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", agent)
    client, _ = await connected(house, server)
    await enter(client, sasl.Scram("SCRAM-SHA-256", "romeo", "another password", None), "SCRAM-SHA-256")


@tests
async def tokens_outlive_the_server(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    agent = str(uuid.uuid4())
    token = await token_of(house, server, agent)
    await server.kill()
    await server.start()
    client, _ = await connected(house, server)
    await enter(client, sasl.Token("romeo", token), "HT-SHA-256-NONE", f"<fast xmlns='{FAST}'/>", agent)


# Upgrades


@tests
async def an_account_with_old_keys_alone_gets_new_ones(house):
    server = house.server()
    await server.people("romeo")
    with sqlite3.connect(next(server.data.glob("store/*.db"))) as database:
        database.execute("DELETE FROM account_key WHERE hash <> 'SHA-1'")
    database.close()
    await server.start()
    client, _ = await connected(house, server)
    with refused(sasl.Refused):
        await enter(client, scram(mechanism="SCRAM-SHA-512"), "SCRAM-SHA-512")
    client, offer = await connected(house, server)
    check("UPGR-SCRAM-SHA-512" in [element.text for element in offer.iterfind(q(UPGRADE, "upgrade"))], "no upgrade offered")
    wish = f"<upgrade xmlns='{UPGRADE}'>UPGR-SCRAM-SHA-512</upgrade>"
    answer = await enter(client, scram(mechanism="SCRAM-SHA-1"), "SCRAM-SHA-1", wish + bind())
    equal(answer.tag, q(SASL2, "continue"))
    equal([task.text for task in answer.iter(q(SASL2, "task"))], ["UPGR-SCRAM-SHA-512"])
    await client.send(f"<next xmlns='{SASL2}' task='UPGR-SCRAM-SHA-512'/>")
    data = await client.next("the salt")
    salt = data.find(q(SCRAM_UPGRADE, "salt"))
    check(data.tag == q(SASL2, "task-data") and salt is not None, ET.tostring(data).decode())
    import hashlib

    salted = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), sasl.decode(salt.text), int(salt.get("iterations")))
    await client.send(f"<task-data xmlns='{SASL2}'><hash xmlns='{SCRAM_UPGRADE}'>{sasl.encode(salted)}</hash></task-data>")
    success = await client.next("success")
    equal(success.tag, q(SASL2, "success"))
    check(identifier(success).startswith(f"romeo@{DOMAIN}/"), identifier(success))
    client, _ = await connected(house, server)
    await enter(client, scram(mechanism="SCRAM-SHA-512"), "SCRAM-SHA-512")


# Faults


@tests
async def nonsense_is_refused_and_harms_nobody(house):
    server = await house.shared()
    for words, conditions in (
        (f"<authenticate xmlns='{SASL2}' mechanism='ROT13'/>", {"invalid-mechanism"}),
        (f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>%%%</initial-response></authenticate>",
         {"incorrect-encoding"}),
        (f"<authenticate xmlns='{SASL2}' mechanism='PLAIN'><initial-response>AA==</initial-response></authenticate>",
         {"malformed-request", "not-authorized"}),
        (f"<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-256'><initial-response>eCx5LHo=</initial-response></authenticate>",
         {"malformed-request", "not-authorized"}),
        (f"<authenticate xmlns='{SASL2}'/>", {"malformed-request", "invalid-mechanism"}),
        (f"<authenticate xmlns='{SASL2}' mechanism='HT-SHA-256-NONE'><initial-response>eA==</initial-response></authenticate>",
         {"malformed-request", "not-authorized", "invalid-mechanism"}),
    ):
        client, _ = await connected(house, server)
        await client.send(words)
        answer = await client.next(words)
        equal(answer.tag, q(SASL2, "failure"), words)
        check(sasl.Refused(answer).condition in conditions, f"{words}: {sasl.Refused(answer).condition}")


@tests
async def an_exchange_can_be_given_up(house):
    server = await house.shared()
    client, _ = await connected(house, server)
    exchange = scram()
    await client.send(f"<authenticate xmlns='{SASL2}' mechanism='SCRAM-SHA-256'><initial-response>{sasl.encode(exchange.first())}</initial-response></authenticate>")
    equal((await client.next()).tag, q(SASL2, "challenge"))
    await client.send(f"<abort xmlns='{SASL2}'/>")
    answer = await client.next()
    equal((answer.tag, sasl.Refused(answer).condition), (q(SASL2, "failure"), "aborted"))
    await enter(client, scram(), "SCRAM-SHA-256")


@tests
async def stanzas_before_login_end_the_stream(house):
    server = await house.shared()
    client, _ = await connected(house, server)
    await client.send("<presence/>")
    with refused(Ended) as caught:
        await client.next()
    equal(caught[0].error, "not-authorized")
