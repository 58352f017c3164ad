"""Talking, with real slixmpp clients: rosters, presence, chat, archive, and a socket that is cut."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

from slixmpp.exceptions import IqError

from harness import Tests, check, equal, patience
from harness import wire
from harness.people import arrive, on_element
from harness.server import DOMAIN
from harness.tests import PATIENCE, refused

NAMES = ["romeo", "juliet", "nurse", "tybalt", "benvolio", "paris", "rosaline", "escalus", "capulet", "montague",
         "sampson", "gregory", "abram", "peter", "balthasar", "friar", "john", "lady"]

tests = Tests("talking, with slixmpp", people=NAMES)


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def subscription(person, contact: str, state: str) -> None:
    """Waits until the server's roster says `state` of the contact."""
    async with patience(f"{contact} to be {state!r} in the roster of {person.boundjid}"):
        while person.client_roster[contact]["subscription"] != state:
            await person.next("roster_update")


async def befriend(one, other) -> None:
    """Both see each other's presence."""
    for asker, asked in ((one, other), (other, one)):
        asker.send_presence_subscription(asked.boundjid.bare, ptype="subscribe")
        request = await asked.next("presence_subscribe")
        equal(request["from"].bare, asker.boundjid.bare)
        asked.send_presence_subscription(asker.boundjid.bare, ptype="subscribed")
        await asker.next("presence_subscribed")
    for person, contact in ((one, other), (other, one)):
        await subscription(person, contact.boundjid.bare, "both")


@tests
async def a_contact_is_added_named_grouped_and_removed(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    await romeo.update_roster(address("nurse"), name="Nurse & Co", groups=["Capulets", "Verona"])
    again = await arrive(house, server, "romeo", "again")
    item = again.client_roster[address("nurse")]
    equal((item["name"], sorted(item["groups"]), item["subscription"]), ("Nurse & Co", ["Capulets", "Verona"], "none"))
    await romeo.del_roster_item(address("nurse"))
    await romeo.settle()
    third = await arrive(house, server, "romeo", "third")
    check(not third.client_roster.has_jid(address("nurse")), "the contact is still there")


@tests
async def subscriptions_are_asked_for_approved_and_taken_back(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "juliet")
    await befriend(romeo, juliet)
    juliet.send_presence(pshow="away", pstatus="on the balcony")
    async with patience("Juliet's presence"):
        while True:
            presence = await romeo.next("presence_away")
            if presence["from"].bare == address("juliet") and presence["status"] == "on the balcony":
                break
    equal(presence["show"], "away")
    juliet.send_presence_subscription(address("romeo"), ptype="unsubscribed")
    await romeo.next("presence_unsubscribed")
    await subscription(romeo, address("juliet"), "from")
    await romeo.del_roster_item(address("juliet"))
    await subscription(juliet, address("romeo"), "none")


@tests
async def a_request_waits_for_who_is_away(house):
    server = await house.shared()
    tybalt = await arrive(house, server, "tybalt")
    tybalt.send_presence_subscription(address("benvolio"), ptype="subscribe")
    await tybalt.settle()
    benvolio = await arrive(house, server, "benvolio")
    request = await benvolio.next("presence_subscribe")
    equal(request["from"].bare, address("tybalt"))
    benvolio.send_presence_subscription(address("tybalt"), ptype="subscribed")
    await tybalt.next("presence_subscribed")
    async with patience("Benvolio's presence"):
        while (await tybalt.next("presence_available"))["from"].bare != address("benvolio"):
            pass
    await benvolio.leave()
    async with patience("Benvolio's leave"):
        while (await tybalt.next("presence_unavailable"))["from"].bare != address("benvolio"):
            pass


@tests
async def a_chat_goes_both_ways_in_order(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "juliet")
    lines = [f"line {number} — ‹&› 🌹" for number in range(50)]
    for line in lines:
        romeo.send_message(mto=address("juliet"), mbody=line, mtype="chat")
    heard = []
    for line in lines:
        message = await juliet.next("message")
        equal((message["from"], message["type"]), (romeo.boundjid, "chat"))
        heard.append(message["body"])
    equal(heard, lines)
    juliet.send_message(mto=romeo.boundjid, mbody="ay me", mtype="chat")
    equal((await romeo.next("message"))["body"], "ay me")


@tests
async def messages_go_to_the_resource_with_the_highest_priority_or_the_one_that_is_named(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    desk = await arrive(house, server, "paris", "desk")
    phone = await arrive(house, server, "paris", "phone")
    silent = await arrive(house, server, "paris", "silent", available=False)
    silent.send_presence(ppriority=-1)
    await silent.settle()
    romeo.send_message(mto=f"{address('paris')}/desk", mbody="to the desk", mtype="chat")
    equal((await desk.next("message"))["body"], "to the desk")
    romeo.send_message(mto=address("paris"), mbody="to all", mtype="chat")
    await romeo.settle()
    for person in (desk, phone, silent):
        await person.settle()
    heard = [person.bodies() for person in (desk, phone, silent)]
    equal(heard[2], [], "a negative priority hears nothing sent to the account")
    check(["to all"] in heard[:2], f"{heard}")


@tests
async def carbons_reach_the_other_resource(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    desk = await arrive(house, server, "rosaline", "desk")
    phone = await arrive(house, server, "rosaline", "phone")
    await desk["xep_0280"].enable(timeout=PATIENCE)
    await phone["xep_0280"].enable(timeout=PATIENCE)
    romeo.send_message(mto=desk.boundjid, mbody="for the desk", mtype="chat")
    equal((await desk.next("message"))["body"], "for the desk")
    carbon = await phone.next("carbon_received")
    inner = carbon["carbon_received"]
    equal((inner["body"], inner["from"], inner["to"]), ("for the desk", romeo.boundjid, desk.boundjid))
    desk.send_message(mto=romeo.boundjid, mbody="from the desk", mtype="chat")
    carbon = await phone.next("carbon_sent")
    equal(carbon["carbon_sent"]["body"], "from the desk")
    await phone["xep_0280"].disable(timeout=PATIENCE)
    desk.send_message(mto=romeo.boundjid, mbody="not for the phone", mtype="chat")
    await desk.settle()
    await phone.settle()
    check(phone.queues["carbon_sent"].empty(), "a carbon came after carbons were switched off")


@tests
async def a_receipt_comes_back(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "juliet")
    message = romeo.make_message(mto=juliet.boundjid, mbody="did you get this?", mtype="chat")
    message["request_receipt"] = True
    message.send()
    await juliet.next("message")
    receipt = await romeo.next("receipt_received")
    equal((receipt["receipt"], receipt["from"]), (message["id"], juliet.boundjid))


@tests
async def a_vcard_is_published_and_read(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "juliet")
    card = romeo["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montague"
    card["NICKNAME"] = "R. ‹♥›"
    await romeo["xep_0054"].publish_vcard(vcard=card, timeout=PATIENCE)
    answer = await juliet["xep_0054"].get_vcard(address("romeo"), cached=False, timeout=PATIENCE)
    equal((answer["vcard_temp"]["FN"], answer["vcard_temp"]["NICKNAME"]), ("Romeo Montague", ["R. ‹♥›"]))
    own = await romeo["xep_0054"].get_vcard(local=False, cached=False, timeout=PATIENCE)
    equal(own["vcard_temp"]["FN"], "Romeo Montague")


@tests
async def private_storage_keeps_what_it_is_given(house):
    server = await house.shared()
    person = await wire.logged_in(house, server, "escalus")
    note = "<notes xmlns='example:notes'><note n='1'>a &lt; b</note></notes>"
    answer = await person.iq("set", f"<query xmlns='jabber:iq:private'>{note}</query>")
    equal(answer.get("type"), "result")
    again = await wire.logged_in(house, server, "escalus")
    answer = await again.iq("get", "<query xmlns='jabber:iq:private'><notes xmlns='example:notes'/></query>")
    found = answer.find("{jabber:iq:private}query/{example:notes}notes/{example:notes}note")
    check(found is not None and found.text == "a < b" and found.get("n") == "1", "the note is not there")
    answer = await again.iq("get", "<query xmlns='jabber:iq:private'><other xmlns='example:other'/></query>")
    check(answer.find("{jabber:iq:private}query/{example:other}other") is not None, "no empty element for what is not kept")


@tests
async def slixmpp_keeps_bookmarks_in_private_storage(house):
    server = await house.shared()
    romeo = await arrive(house, server, "capulet")
    romeo.register_plugin("xep_0048")
    from slixmpp.plugins.xep_0048 import Bookmarks

    marks = Bookmarks()
    marks.add_conference("hall@rooms.hauspost.test", "Capulet", name="Hall")
    await romeo["xep_0049"].store(marks, timeout=PATIENCE)
    answer = await romeo["xep_0049"].retrieve("bookmarks", timeout=PATIENCE)
    equal([mark["name"] for mark in answer["private"]["bookmarks"]["conferences"]], ["Hall"])


@tests
async def the_blocked_are_not_heard(house):
    server = await house.shared()
    montague = await arrive(house, server, "montague")
    sampson = await arrive(house, server, "sampson")
    await montague["xep_0191"].block(address("sampson"), timeout=PATIENCE)
    equal({str(jid) for jid in await montague["xep_0191"].get_blocked_jids(timeout=PATIENCE)}, {address("sampson")})
    sampson.send_message(mto=address("montague"), mbody="do you bite your thumb at us, sir?", mtype="chat")
    answer = await sampson.next("message_error")
    equal((answer["type"], answer["error"]["condition"]), ("error", "service-unavailable"))
    await montague.settle()
    equal(montague.bodies(), [])
    montague.send_message(mto=address("sampson"), mbody="a word", mtype="chat")
    answer = await montague.next("message_error")
    equal((answer["type"], answer["error"]["condition"]), ("error", "not-acceptable"))
    await montague["xep_0191"].unblock(address("sampson"), timeout=PATIENCE)
    sampson.send_message(mto=address("montague"), mbody="quarrel, sir?", mtype="chat")
    equal((await montague.next("message"))["body"], "quarrel, sir?")


@tests
async def last_activity_is_told_to_contacts_alone(house):
    server = await house.shared()
    gregory = await arrive(house, server, "gregory")
    abram = await arrive(house, server, "abram")
    await befriend(gregory, abram)
    await abram.leave()
    async with patience("Abram's leave"):
        while (await gregory.next("presence_unavailable"))["from"].bare != address("abram"):
            pass
    answer = await gregory["xep_0012"].get_last_activity(address("abram"), timeout=PATIENCE)
    check(0 <= answer["last_activity"]["seconds"] < 60, f"{answer['last_activity']['seconds']}")
    stranger = await arrive(house, server, "peter")
    with refused(IqError) as caught:
        await stranger["xep_0012"].get_last_activity(address("abram"), timeout=PATIENCE)
    check(caught[0].condition in ("forbidden", "service-unavailable"), caught[0].condition)
    uptime = await gregory["xep_0012"].get_last_activity(DOMAIN, timeout=PATIENCE)
    check(uptime["last_activity"]["seconds"] >= 0)


@tests
async def the_server_says_what_it_is(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    info = (await romeo["xep_0030"].get_info(jid=DOMAIN, cached=False, timeout=PATIENCE))["disco_info"]
    check(("server", "im") in {(identity[0], identity[1]) for identity in info["identities"]}, f"{info['identities']}")
    for feature in ("urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "vcard-temp", "urn:xmpp:blocking",
                    "urn:xmpp:carbons:2", "http://jabber.org/protocol/disco#info"):
        check(feature in info["features"], f"{feature} is not in {sorted(info['features'])}")
    own = (await romeo["xep_0030"].get_info(jid=address("romeo"), cached=False, timeout=PATIENCE))["disco_info"]
    check(("account", "registered") in {(identity[0], identity[1]) for identity in own["identities"]}, f"{own['identities']}")
    for feature in ("urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:sid:0"):
        check(feature in own["features"], f"{feature} is not in {sorted(own['features'])}")
    items = await romeo["xep_0030"].get_items(jid=DOMAIN, timeout=PATIENCE)
    equal(items["type"], "result")


@tests
async def version_ping_and_time_are_answered(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    version = await romeo["xep_0092"].get_version(DOMAIN, timeout=PATIENCE)
    equal(version["software_version"]["name"], "Hauspost")
    check(version["software_version"]["version"])
    for target in (DOMAIN, address("romeo"), None):
        await romeo["xep_0199"].send_ping(target, timeout=PATIENCE)
    answer = await romeo["xep_0202"].get_entity_time(DOMAIN, timeout=PATIENCE)
    # Not slixmpp's own reading: it adds another Z.
    told = datetime.fromisoformat(answer.xml.findtext("{urn:xmpp:time}time/{urn:xmpp:time}utc").replace("Z", "+00:00"))
    check(abs(datetime.now(timezone.utc) - told) < timedelta(seconds=60), f"{told}")


@tests
async def one_asks_another_through_the_server(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "juliet")
    info = await romeo["xep_0030"].get_info(jid=juliet.boundjid, cached=False, timeout=PATIENCE)
    check("urn:xmpp:ping" in info["disco_info"]["features"], f"{info}")
    with refused(IqError) as caught:
        await romeo["xep_0199"].send_ping(f"{address('juliet')}/nowhere", timeout=PATIENCE)
    equal(caught[0].condition, "service-unavailable")
    with refused(IqError) as caught:
        await romeo["xep_0012"].get_last_activity(address("nobody"), timeout=PATIENCE)
    check(caught[0].condition in ("service-unavailable", "forbidden"), caught[0].condition)


# The archive


async def talk(house, server, one: str, other: str, count: int, word: str):
    """Two people, and what one said to the other."""
    speaker = await arrive(house, server, one)
    listener = await arrive(house, server, other)
    lines = [f"{word} {number}" for number in range(count)]
    for line in lines:
        speaker.send_message(mto=address(other), mbody=line, mtype="chat")
    for _ in lines:
        await listener.next("message")
    return speaker, listener, lines


def told(messages) -> list[str]:
    """Bodies of archive results."""
    return [message["mam_result"]["forwarded"]["stanza"]["body"] for message in messages]


@tests
async def slixmpp_pages_through_the_archive(house):
    server = await house.shared()
    speaker, listener, lines = await talk(house, server, "balthasar", "friar", 35, "page")
    for person, peer in ((speaker, "friar"), (listener, "balthasar")):
        found = [message async for message in person["xep_0313"].iterate(with_jid=address(peer), rsm={"max": 10})]
        equal(told(found), lines)
        ids = [message["mam_result"]["id"] for message in found]
        equal(len(set(ids)), len(ids), "every result has an id of its own")
        newest = [message async for message in person["xep_0313"].iterate(
            with_jid=address(peer), reverse=True, rsm={"max": 7}, total=7)]
        check(set(told(newest)) == set(lines[-7:]), f"{told(newest)}")


@tests
async def the_archive_is_filtered_by_time_and_person(house):
    server = await house.shared()
    speaker, listener, lines = await talk(house, server, "john", "lady", 3, "early")
    results = (await speaker["xep_0313"].retrieve(with_jid=address("lady"), timeout=PATIENCE))["mam"]["results"]
    equal(told(results), lines)
    stamps = [message["mam_result"]["forwarded"]["delay"]["stamp"] for message in results]
    check(stamps == sorted(stamps), f"{stamps}")
    after = (await speaker["xep_0313"].retrieve(with_jid=address("lady"), start=stamps[1], timeout=PATIENCE))["mam"]["results"]
    equal(told(after), lines[1:])
    before = (await speaker["xep_0313"].retrieve(with_jid=address("lady"), end=stamps[1], timeout=PATIENCE))["mam"]["results"]
    equal(told(before), lines[:2])
    nobody = (await speaker["xep_0313"].retrieve(with_jid=address("peter"), timeout=PATIENCE))["mam"]["results"]
    equal(told(nobody), [])
    with refused(IqError) as caught:
        await speaker["xep_0313"].retrieve(jid=address("lady"), timeout=PATIENCE)
    check(caught[0].condition in ("forbidden", "not-allowed", "service-unavailable"), caught[0].condition)


@tests
async def the_archive_has_the_extended_filters(house):
    server = await house.shared()
    speaker, _, _ = await talk(house, server, "john", "lady", 5, "extended")
    form = await speaker["xep_0313"].get_fields(timeout=PATIENCE)
    fields = set(form.get_fields())
    for field in ("with", "start", "end", "before-id", "after-id", "ids"):
        check(field in fields, f"{field} is not in {fields}")
    results = (await speaker["xep_0313"].retrieve(with_jid=address("lady"), timeout=PATIENCE))["mam"]["results"]
    ids = [message["mam_result"]["id"] for message in results]
    bodies = told(results)

    async def query(values: str, extra: str = "") -> list[str]:
        return await by_hand(speaker, values, extra)

    async def by_hand(person, values: str, extra: str) -> list[str]:
        found: asyncio.Queue = asyncio.Queue()
        on_element(person, "by hand", "{jabber:client}message/{urn:xmpp:mam:2}result", found)
        iq = person.make_iq_set()
        from xml.etree import ElementTree

        iq.xml.append(ElementTree.fromstring(
            "<query xmlns='urn:xmpp:mam:2' queryid='hand'><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
            f"{values}</x>{extra}</query>"))
        await iq.send(timeout=PATIENCE)
        person.remove_handler("by hand")
        messages = []
        while not found.empty():
            messages.append(found.get_nowait())
        return told(messages)

    def field(name: str, *values: str) -> str:
        return f"<field var='{name}'>{''.join(f'<value>{value}</value>' for value in values)}</field>"

    lady = field("with", address("lady"))
    equal(await query(lady + field("after-id", ids[-4])), bodies[-3:])
    equal(await query(lady + field("before-id", ids[2])), bodies[:2])
    equal(await query(field("ids", ids[0], ids[-1])), [bodies[0], bodies[-1]])
    equal(await query(lady, "<set xmlns='http://jabber.org/protocol/rsm'><max>3</max><before/></set><flip-page/>"),
          list(reversed(bodies[-3:])))
    with refused(IqError) as caught:
        await query(lady + field("after-id", "nowhere"))
    equal(caught[0].condition, "item-not-found")
    metadata = await speaker["xep_0313"].get_archive_metadata(timeout=PATIENCE)
    check(metadata["mam_metadata"]["start"]["id"] and metadata["mam_metadata"]["end"]["id"] == ids[-1], f"{metadata}")


@tests
async def a_live_message_and_its_archived_twin_have_one_id(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "juliet")
    romeo.send_message(mto=address("juliet"), mbody="the same", mtype="chat")
    message = await juliet.next("message")
    # XEP-0359 §3.1 and XEP-0313 §5.1.3: the id is given by the recipient's own account.
    stanza_ids = [(element.get("id"), element.get("by")) for element in message.xml.iterfind("{urn:xmpp:sid:0}stanza-id")]
    results = [result async for result in juliet["xep_0313"].iterate(with_jid=address("romeo"), reverse=True, total=1)]
    equal(told(results), ["the same"])
    equal(stanza_ids, [(results[0]["mam_result"]["id"], address("juliet"))])


@tests
async def archive_preferences_are_kept(house):
    server = await house.shared()
    person = await wire.logged_in(house, server, "tybalt")
    answer = await person.iq("set", "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>a@b.example</jid></always><never/></prefs>")
    equal(answer.get("type"), "result")
    answer = await person.iq("get", "<prefs xmlns='urn:xmpp:mam:2'/>")
    found = answer.find("{urn:xmpp:mam:2}prefs")
    check(found is not None and found.get("default") == "roster", "the preference is not kept")
    equal([element.text for element in found.iter("{urn:xmpp:mam:2}jid")], ["a@b.example"])


@tests
async def a_message_waits_for_who_is_away_and_comes_once(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    lines = [f"while you were away {number}" for number in range(5)]
    for line in lines:
        romeo.send_message(mto=address("benvolio"), mbody=line, mtype="chat")
    await romeo.settle()
    benvolio = await arrive(house, server, "benvolio")
    heard = [await benvolio.next("message") for _ in lines]
    equal([message["body"] for message in heard], lines)
    check(all(message.xml.find("{urn:xmpp:delay}delay") is not None for message in heard), "no delay is told")
    await benvolio.leave()
    again = await arrive(house, server, "benvolio", "again")
    await again.settle()
    equal(again.bodies(), [])


# A socket that is cut


@tests
async def a_cut_socket_is_resumed_and_nothing_is_lost_or_comes_twice(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    juliet = await arrive(house, server, "nurse", resumes=True)
    check(juliet["xep_0198"].sm_id, "no resumption is offered")
    lines = [f"resumed {number}" for number in range(30)]
    heard = []
    for line in lines[:10]:
        romeo.send_message(mto=address("nurse"), mbody=line, mtype="chat")
    for _ in range(10):
        heard.append((await juliet.next("message"))["body"])
    juliet.transport.abort()
    await juliet.next("disconnected")
    for line in lines[10:20]:
        romeo.send_message(mto=address("nurse"), mbody=line, mtype="chat")
    # What is said with nobody there to carry it goes out after the resumption.
    juliet.send_message(mto=romeo.boundjid, mbody="said while cut", mtype="chat")
    await romeo.settle()
    juliet.connect(*server.address("xmpp"))
    equal(await juliet.first_of("session_resumed", "session_start"), "session_resumed")
    for line in lines[20:]:
        romeo.send_message(mto=address("nurse"), mbody=line, mtype="chat")
    for _ in range(20):
        heard.append((await juliet.next("message"))["body"])
    await juliet.settle()
    equal(heard + juliet.bodies(), lines)
    equal((await romeo.next("message"))["body"], "said while cut")


@tests
async def a_client_that_is_cut_again_and_again_misses_nothing(house):
    server = await house.shared()
    romeo = await arrive(house, server, "romeo")
    nurse = await arrive(house, server, "nurse", resumes=True)
    heard, said, echoed = [], [], []
    for round in range(8):
        batch = [f"round {round} line {number}" for number in range(5)]
        said += batch
        for line in batch:
            romeo.send_message(mto=address("nurse"), mbody=line, mtype="chat")
            nurse.send_message(mto=romeo.boundjid, mbody=f"echo of {line}", mtype="chat")
        # Cut in the middle of it, wherever that is.
        heard.append((await nurse.next("message"))["body"])
        # What slixmpp still holds in its own queue it would send before TLS; what is in the socket may be lost.
        await nurse.waiting_queue.join()
        nurse.transport.abort()
        await nurse.next("disconnected")
        nurse.connect(*server.address("xmpp"))
        equal(await nurse.first_of("session_resumed", "session_start"), "session_resumed")
    while len(heard) < len(said):
        heard.append((await nurse.next("message"))["body"])
    while len(echoed) < len(said):
        echoed.append((await romeo.next("message"))["body"])
    await nurse.settle()
    await romeo.settle()
    equal(heard + nurse.bodies(), said)
    equal(echoed + romeo.bodies(), [f"echo of {line}" for line in said])


@tests
async def who_cannot_resume_gets_it_from_the_archive(house):
    """The server was restarted meanwhile: resumption is refused in the same stream, and nothing is lost."""
    server = house.server()
    await server.people("romeo", "nurse")
    await server.start()
    romeo = await arrive(house, server, "romeo")
    nurse = await arrive(house, server, "nurse", resumes=True)
    romeo.send_message(mto=address("nurse"), mbody="before", mtype="chat")
    equal((await nurse.next("message"))["body"], "before")
    nurse.transport.abort()
    await nurse.next("disconnected")
    romeo.send_message(mto=address("nurse"), mbody="never read", mtype="chat")
    await romeo.settle()
    await server.kill()
    await server.start()
    nurse.connect(*server.address("xmpp"))
    equal(await nurse.first_of("session_resumed", "session_start"), "session_start")
    nurse.send_presence()
    results = (await nurse["xep_0313"].retrieve(with_jid=address("romeo"), timeout=PATIENCE))["mam"]["results"]
    equal(told(results), ["before", "never read"])
    check(nurse.transport is not None, "the stream did not survive the refusal")
