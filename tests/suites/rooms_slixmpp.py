"""Rooms, with real slixmpp clients: entering, talking, roles and affiliations, invitations, archive, and a server killed in
the middle of it."""

from __future__ import annotations

from dataclasses import dataclass

from slixmpp import JID, Message, Presence
from slixmpp.exceptions import IqError, PresenceError

from harness import Tests, check, equal, patience
from harness.people import Person, PLUGINS, arrive
from harness.server import DOMAIN
from harness.tests import PATIENCE, refused

NAMES = ["romeo", "juliet", "nurse", "tybalt", "benvolio", "paris"]
ROOMS = f"rooms.{DOMAIN}"
CONFIG = "http://jabber.org/protocol/muc#roomconfig"

tests = Tests("rooms, with slixmpp", people=NAMES)


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def guest(house, server, name: str, resource: str = "slixmpp") -> Person:
    """Somebody who knows rooms."""
    person = await arrive(house, server, name, resource, plugins=[*PLUGINS, "xep_0045", "xep_0249", "xep_0410", "xep_0421"])
    for event in ("groupchat_message", "groupchat_subject", "groupchat_invite", "groupchat_decline",
                  "groupchat_presence", "groupchat_message_error", "groupchat_config_status"):
        person._queue(event)
    return person


@dataclass
class Joined:
    """What came when somebody entered."""

    self_presence: Presence
    subject: Message
    occupants: list[Presence]
    history: list[Message]


async def enter(person: Person, room: JID, nick: str, **wishes) -> Joined:
    return Joined(*await person["xep_0045"].join_muc_wait(room, nick, timeout=PATIENCE, **wishes))


async def configure(person: Person, room: JID, **values) -> None:
    """Fills in the owner's form: `publicroom=True` for `muc#roomconfig_publicroom`, and so on."""
    form = await person["xep_0045"].get_room_config(room, timeout=PATIENCE)
    for name, value in values.items():
        form["values"] = {**form["values"], name.replace("__", "#") if "__" in name else f"muc#roomconfig_{name}": value}
    form["type"] = "submit"
    await person["xep_0045"].set_room_config(room, form, timeout=PATIENCE)


async def make(person: Person, room: JID, nick: str, **values) -> None:
    """A room of one's own, set up."""
    await enter(person, room, nick)
    await configure(person, room, **values)


async def said(person: Person, *bodies: str) -> list:
    """The next messages of a room are these."""
    heard = []
    for body in bodies:
        message = await person.next("groupchat_message")
        equal(message["body"], body)
        heard.append(message)
    return heard


async def gone(person: Person, nick: str) -> set[int]:
    """Waits until `nick` has left; the status codes that say why."""
    async with patience(f"{nick} to leave"):
        while True:
            presence = (await person.queues["groupchat_presence"].get())
            if presence["type"] == "unavailable" and presence["from"].resource == nick:
                return set(presence["muc"]["status_codes"])


@tests
async def a_room_is_made_entered_and_left(house):
    server = await house.shared()
    room = JID(f"garden@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    juliet = await guest(house, server, "juliet")
    await make(romeo, room, "Romeo", roomname="The garden", publicroom=True)
    items = await romeo["xep_0030"].get_items(ROOMS, timeout=PATIENCE)
    check((str(room), None, "The garden") in items["disco_items"]["items"], "the room is not in the list")
    joined = await enter(juliet, room, "Juliet")
    equal([presence["from"].resource for presence in joined.occupants], ["Romeo", "Juliet"])
    check(not joined.subject["subject"], "a new room has a subject")
    equal(sorted(juliet["xep_0045"].get_roster(room)), ["Juliet", "Romeo"])
    await juliet["xep_0045"].set_self_nick(room, "Capulet", timeout=PATIENCE)
    juliet["xep_0045"].leave_muc(room, "Capulet", msg="Good night")
    await gone(romeo, "Capulet")
    equal(romeo["xep_0045"].get_roster(room), ["Romeo"])


@tests
async def everyone_hears_everything_in_one_order(house):
    server = await house.shared()
    room = JID(f"square@{ROOMS}")
    people = [await guest(house, server, name) for name in NAMES]
    await make(people[0], room, NAMES[0], persistentroom=True)
    for person, name in zip(people[1:], NAMES[1:]):
        await enter(person, room, name)
    for number in range(20):
        for person in people:
            person.send_message(mto=room, mbody=f"{person.boundjid.user} {number}", mtype="groupchat")
    heard = []
    for person in people:
        lines = []
        for _ in range(20 * len(people)):
            lines.append((await person.next("groupchat_message"))["body"])
        heard.append(lines)
    for lines in heard[1:]:
        equal(lines, heard[0], "two have heard different orders")
    for name in NAMES:
        equal([line for line in heard[0] if line.startswith(f"{name} ")], [f"{name} {number}" for number in range(20)])
    results = (await people[1]["xep_0313"].retrieve(jid=room, timeout=PATIENCE, rsm={"max": 200}))["mam"]["results"]
    equal([result["mam_result"]["forwarded"]["stanza"]["body"] for result in results], heard[0])


@tests
async def roles_and_affiliations_are_kept(house):
    server = await house.shared()
    room = JID(f"court@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    juliet = await guest(house, server, "juliet")
    tybalt = await guest(house, server, "tybalt")
    await make(romeo, room, "Romeo", moderatedroom=True)
    await enter(juliet, room, "Juliet")
    await enter(tybalt, room, "Tybalt")
    muc = romeo["xep_0045"]
    juliet.send_message(mto=room, mbody="Unheard", mtype="groupchat")
    equal((await juliet.next("groupchat_message_error"))["error"]["condition"], "forbidden")
    await muc.set_role(room, "Juliet", "participant", timeout=PATIENCE)
    juliet.send_message(mto=room, mbody="Heard", mtype="groupchat")
    await said(romeo, "Heard")
    await muc.set_affiliation(room, "admin", jid=address("juliet"), timeout=PATIENCE)
    equal(await muc.get_affiliation_list(room, "admin", timeout=PATIENCE), [JID(address("juliet"))])
    equal(sorted(await muc.get_roles_list(room, "moderator", timeout=PATIENCE)), ["Juliet", "Romeo"])
    with refused(IqError) as error:
        await tybalt["xep_0045"].set_role(room, "Romeo", "none", timeout=PATIENCE)
    equal(error[0].condition, "forbidden")
    await juliet["xep_0045"].set_role(room, "Tybalt", "none", reason="A plague", timeout=PATIENCE)
    check(307 in await gone(tybalt, "Tybalt"), "he was not told that he was kicked")
    await enter(tybalt, room, "Tybalt")
    await muc.set_affiliation(room, "outcast", jid=address("tybalt"), timeout=PATIENCE)
    check(301 in await gone(tybalt, "Tybalt"), "he was not told that he was banned")
    with refused(PresenceError) as error:
        await enter(tybalt, room, "Tybalt")
    equal(error[0].condition, "forbidden")


@tests
async def who_is_invited_into_a_group_may_enter_it(house):
    server = await house.shared()
    room = JID(f"cell@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    juliet = await guest(house, server, "juliet")
    tybalt = await guest(house, server, "tybalt")
    await enter(romeo, room, "Romeo")
    await configure(romeo, room, hauspost__preset="group-chat")
    with refused(PresenceError) as error:
        await enter(tybalt, room, "Tybalt")
    equal(error[0].condition, "not-allowed")
    romeo["xep_0045"].invite(room, address("juliet"), reason="Friar Laurence waits")
    invitation = await juliet.next("groupchat_invite")
    equal((invitation["from"], invitation["muc"]["invite"]["reason"]), (room, "Friar Laurence waits"))
    joined = await enter(juliet, room, "Juliet")
    equal(joined.self_presence["muc"]["affiliation"], "member")
    equal(await juliet["xep_0045"].get_affiliation_list(room, "owner", timeout=PATIENCE), [JID(address("romeo"))])


@tests
async def who_comes_gets_what_was_said_and_the_subject(house):
    server = await house.shared()
    room = JID(f"hall@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    nurse = await guest(house, server, "nurse")
    await make(romeo, room, "Romeo", persistentroom=True)
    for number in range(30):
        romeo.send_message(mto=room, mbody=f"line {number}", mtype="groupchat")
    await said(romeo, *[f"line {number}" for number in range(30)])
    romeo["xep_0045"].set_subject(room, "The feast")
    async with patience("the subject"):
        while (await romeo.queues["groupchat_subject"].get())["subject"] != "The feast":
            pass
    joined = await enter(nurse, room, "Nurse")
    equal([message["body"] for message in joined.history], [f"line {number}" for number in range(10, 30)])
    equal(joined.subject["subject"], "The feast")
    nurse["xep_0045"].leave_muc(room, "Nurse")
    await gone(nurse, "Nurse")
    joined = await enter(nurse, room, "Nurse", maxstanzas=3)
    equal([message["body"] for message in joined.history], ["line 27", "line 28", "line 29"])


@tests
async def a_room_outlives_kill_nine(house):
    server = house.server()
    await server.people("romeo", "juliet", "tybalt")
    await server.start()
    room = JID(f"tomb@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    juliet = await guest(house, server, "juliet")
    await make(romeo, room, "Romeo", persistentroom=True, membersonly=True, roomname="Tomb", whois="anyone")
    muc = romeo["xep_0045"]
    await muc.set_affiliation(room, "admin", jid=address("juliet"), timeout=PATIENCE)
    await muc.set_affiliation(room, "outcast", jid=address("tybalt"), timeout=PATIENCE)
    await enter(juliet, room, "Juliet")
    muc.set_subject(room, "Dust")
    async with patience("the subject"):
        while (await juliet.queues["groupchat_subject"].get())["subject"] != "Dust":
            pass
    # Everything that has come back was kept.
    heard = []
    for number in range(40):
        romeo.send_message(mto=room, mbody=f"line {number}", mtype="groupchat")
    for _ in range(25):
        heard.append((await juliet.next("groupchat_message"))["body"])
    await server.kill()
    for person in (romeo, juliet):
        await person.next("disconnected")
    while not juliet.queues["groupchat_message"].empty():
        heard.append(juliet.queues["groupchat_message"].get_nowait()["body"])
    await server.start()
    romeo = await guest(house, server, "romeo", "again")
    juliet = await guest(house, server, "juliet", "again")
    tybalt = await guest(house, server, "tybalt", "again")
    # XEP-0410: nobody is in it any more.
    with refused(IqError) as error:
        await romeo["xep_0199"].send_ping(f"{room}/Romeo", timeout=PATIENCE)
    equal(error[0].condition, "not-acceptable")
    joined = await enter(romeo, room, "Romeo")
    equal((joined.self_presence["muc"]["affiliation"], joined.subject["subject"]), ("owner", "Dust"))
    joined = await enter(juliet, room, "Juliet", maxstanzas=0)
    equal(joined.self_presence["muc"]["affiliation"], "admin")
    with refused(PresenceError) as error:
        await enter(tybalt, room, "Tybalt")
    equal(error[0].condition, "not-allowed")
    form = await romeo["xep_0045"].get_room_config(room, timeout=PATIENCE)
    values = form["values"]
    equal((values["muc#roomconfig_roomname"], values["muc#roomconfig_membersonly"], values["muc#roomconfig_whois"]),
          ("Tomb", True, "anyone"))
    results = (await juliet["xep_0313"].retrieve(jid=room, timeout=PATIENCE, rsm={"max": 200}))["mam"]["results"]
    kept = [result["mam_result"]["forwarded"]["stanza"]["body"] for result in results]
    kept = [body for body in kept if body]
    equal(kept[: len(heard)], heard, "what was heard is not kept")
    equal(kept, [f"line {number}" for number in range(len(kept))], "what is kept is out of order")


@tests
async def a_session_that_ends_leaves_its_rooms(house):
    server = await house.shared()
    room = JID(f"street@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    benvolio = await guest(house, server, "benvolio")
    await make(romeo, room, "Romeo")
    await enter(benvolio, room, "Benvolio")
    benvolio.transport.abort()
    await gone(romeo, "Benvolio")
    equal(romeo["xep_0045"].get_roster(room), ["Romeo"])


@tests
async def a_room_ends_and_says_where_to_go(house):
    server = await house.shared()
    room = JID(f"orchard@{ROOMS}")
    romeo = await guest(house, server, "romeo")
    paris = await guest(house, server, "paris")
    await make(romeo, room, "Romeo", persistentroom=True)
    await enter(paris, room, "Paris")
    await romeo["xep_0045"].destroy(room, reason="Dawn", altroom=f"hall@{ROOMS}", timeout=PATIENCE)
    await gone(paris, "Paris")
    with refused(IqError) as error:
        await paris["xep_0030"].get_info(room, timeout=PATIENCE)
    equal(error[0].condition, "item-not-found")
