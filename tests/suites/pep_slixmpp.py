"""What accounts publish, with real slixmpp clients: who may read it, who hears of it, how nodes are set up, avatars,
bookmarks and cards in their newer and older forms, and a server killed in the middle of it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from xml.etree import ElementTree

from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0048.stanza import Bookmarks

from harness import Tests, check, equal, patience
from harness.people import PLUGINS, Person
from harness.server import DOMAIN, Server
from harness.tests import PATIENCE, refused
from messaging_slixmpp import befriend, subscription

NAMES = ["romeo", "juliet", "nurse", "tybalt", "benvolio", "paris", "rosaline", "escalus", "capulet", "montague",
         "sampson", "gregory", "abram", "peter", "balthasar", "friar", "john", "lady", "mercutio", "servant"]

tests = Tests("publishing, with slixmpp", people=NAMES)

PUBSUB = "http://jabber.org/protocol/pubsub"
ERRORS = f"{PUBSUB}#errors"
AVATAR_DATA = "urn:xmpp:avatar:data"
AVATAR = "urn:xmpp:avatar:metadata"
BOOKMARKS = "urn:xmpp:bookmarks:1"
DISPLAYED = "urn:xmpp:mds:displayed:0"
OMEMO = "urn:xmpp:omemo:2"
DEVICES = f"{OMEMO}:devices"
AXOLOTL = "eu.siacs.conversations.axolotl"
NICK = "http://jabber.org/protocol/nick"
VCARD4 = "urn:ietf:params:xml:ns:vcard-4.0"
NODE = "urn:test:node"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SHA1 = hashlib.sha1(PICTURE).hexdigest()


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def publisher(house: Any, name: str, resource: str = "slixmpp", interests: list[str] | None = None,
                    server: Server | None = None) -> Person:
    """Somebody who publishes, and wants to hear of events at these nodes."""
    more = ["xep_0048", "xep_0060", "xep_0084", "xep_0163", "xep_0172", "xep_0191", "xep_0223", "xep_0292", "xep_0490"]
    person = Person(name, resource, plugins=PLUGINS + more)
    for event in ("pubsub_publish", "pubsub_retract", "pubsub_purge", "pubsub_delete", "pubsub_config"):
        person._queue(event)
    house.at_end(person.leave)
    await person.go_in(server or await house.shared())
    await person.get_roster(timeout=PATIENCE)
    for node in interests or []:
        person["xep_0030"].add_feature(f"{node}+notify")
    await person["xep_0115"].update_caps(broadcast=False)
    person.send_presence()
    # The server asks what the capabilities are; behind the second answer it knows.
    await person.settle()
    await person.settle()
    return person


def form(person: Person, kind: str, **values: str) -> Any:
    """A filled-in form: `access_model="open"` for `pubsub#access_model`, and so on."""
    made = person["xep_0004"].make_form(ftype="submit")
    made.add_field(var="FORM_TYPE", ftype="hidden", value=f"{PUBSUB}#{kind}")
    for name, value in values.items():
        made.add_field(var=f"pubsub#{name}", value=value)
    return made


def options(person: Person, **values: str) -> Any:
    return form(person, "publish-options", **values)


def note(text: str = "") -> ElementTree.Element:
    made = ElementTree.Element("{urn:test}note")
    made.text = text
    return made


async def publish(person: Person, node: str, id: str, text: str = "", **values: str) -> Any:
    """Publishes a note at one's own node; the values are publish-options."""
    wanted = options(person, **values) if values else None
    return await person["xep_0060"].publish(None, node, id=id, payload=note(text), options=wanted, timeout=PATIENCE)


async def event(person: Person, node: str, kind: str = "pubsub_publish") -> Any:
    """The next event at a node; those at others are of no interest."""
    async with patience(f"{kind} at {node}"):
        while True:
            message = await person.queues[kind].get()
            if node in (message["pubsub_event"][part]["node"] for part in ("items", "purge", "delete", "configuration")):
                return message


async def hears_nothing(person: Person, node: str) -> None:
    """Nothing at this node was told by now; what would have been is told in order."""
    await person.settle()
    for kind in ("pubsub_publish", "pubsub_retract"):
        while not person.queues[kind].empty():
            told = person.queues[kind].get_nowait()
            check(told["pubsub_event"]["items"]["node"] != node, f"{person.boundjid} heard of {node}")


def first_item(message: Any) -> Any:
    return next(iter(message["pubsub_event"]["items"]))


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer["pubsub"]["items"]]


async def items(person: Person, owner: str | None, node: str, **which: Any) -> list[str]:
    """Ids of the items of a node."""
    where = None if owner is None else address(owner)
    return ids(await person["xep_0060"].get_items(where, node, timeout=PATIENCE, **which))


async def learns_nothing(person: Person, owner: str, node: str) -> None:
    """The answer is the same as at an address where there is nothing of the kind."""
    for which in (node, "urn:test:never"):
        with refused(IqError) as caught:
            await items(person, owner, which)
        equal(caught[0].condition, "item-not-found", f"{person.boundjid} at {which}")
    with refused(IqError):
        await person["xep_0060"].subscribe(address(owner), node, timeout=PATIENCE)


# Who may read


@tests
async def each_access_model_is_open_to_whom_it_says(house):
    owner = await publisher(house, "romeo")
    contact = await publisher(house, "juliet", interests=["urn:test:open", "urn:test:presence", "urn:test:whitelist"])
    stranger = await publisher(house, "nurse")
    listed = await publisher(house, "mercutio")
    await befriend(owner, contact)
    readers = {"open": [owner, contact, stranger, listed], "presence": [owner, contact], "whitelist": [owner, listed]}
    for model, able in readers.items():
        node = f"urn:test:{model}"
        await publish(owner, node, "a", model, access_model=model)
        if model == "whitelist":
            await owner["xep_0060"].modify_affiliations(
                None, node, [(address("mercutio"), "member")], timeout=PATIENCE)
        for person in (owner, contact, stranger, listed):
            if person in able:
                equal(await items(person, "romeo", node), ["a"], f"{person.boundjid} at {model}")
            else:
                await learns_nothing(person, "romeo", node)
        with refused(IqError) as caught:
            await stranger["xep_0060"].publish(address("romeo"), node, id="x", payload=note(), timeout=PATIENCE)
        equal(caught[0].condition, "forbidden" if stranger in able else "item-not-found")
    equal([(await event(contact, f"urn:test:{model}"))["from"] for model in ("open", "presence")], [address("romeo")] * 2)
    await hears_nothing(contact, "urn:test:whitelist")


@tests
async def who_is_no_contact_any_more_learns_nothing(house):
    node = "urn:test:former"
    owner = await publisher(house, "tybalt")
    former = await publisher(house, "benvolio", interests=[node])
    await befriend(owner, former)
    await publish(owner, node, "a")
    equal((await event(former, node))["from"], address("tybalt"))
    equal(await items(former, "tybalt", node), ["a"])
    await owner.del_roster_item(address("benvolio"))
    await subscription(former, address("tybalt"), "none")
    await learns_nothing(former, "tybalt", node)
    await publish(owner, node, "b")
    await hears_nothing(former, node)


@tests
async def who_is_blocked_learns_nothing(house):
    node = "urn:test:blocked"
    owner = await publisher(house, "sampson")
    friend = await publisher(house, "gregory", interests=[node])
    await befriend(owner, friend)
    await publish(owner, node, "a", access_model="open")
    equal(first_item(await event(friend, node))["id"], "a")
    await owner["xep_0191"].block(address("gregory"), timeout=PATIENCE)
    with refused(IqError):
        await items(friend, "sampson", node)
    await publish(owner, node, "b")
    await hears_nothing(friend, node)
    await owner["xep_0191"].unblock(address("gregory"), timeout=PATIENCE)
    equal(await items(friend, "sampson", node), ["b"])


# Who hears of it


@tests
async def only_who_wants_to_hear_does_on_each_device(house):
    owner = await publisher(house, "paris", "desk", interests=[NODE])
    other = await publisher(house, "paris", "phone", interests=[NODE])
    friend = await publisher(house, "rosaline", "desk", interests=[NODE])
    deaf = await publisher(house, "rosaline", "phone")
    await befriend(owner, friend)
    await publish(owner, NODE, "a", "words ‹&›")
    for person in (owner, other, friend):
        told = await event(person, NODE)
        equal((told["from"], told["type"], first_item(told)["id"]), (address("paris"), "headline", "a"))
        equal(first_item(told).xml.findtext("{urn:test}note"), "words ‹&›")
    await hears_nothing(deaf, NODE)
    # Later it wants to.
    deaf["xep_0030"].add_feature(f"{NODE}+notify")
    await deaf["xep_0115"].update_caps(broadcast=True)
    equal(first_item(await event(deaf, NODE))["id"], "a", "the last item comes with the wish")
    await publish(owner, NODE, "b")
    for person in (owner, other, friend, deaf):
        equal(first_item(await event(person, NODE))["id"], "b")


@tests
async def who_comes_later_hears_of_what_was_published_last(house):
    owner = await publisher(house, "escalus")
    friend = await publisher(house, "capulet")
    await befriend(owner, friend)
    await publish(owner, "urn:test:last", "a", persist_items="true", max_items="10")
    await publish(owner, "urn:test:last", "b")
    await publish(owner, "urn:test:never", "c", send_last_published_item="never")
    await owner.leave()
    await friend.leave()
    again = await publisher(house, "capulet", "again", interests=["urn:test:last", "urn:test:never"])
    told = await event(again, "urn:test:last")
    equal((told["from"], first_item(told)["id"]), (address("escalus"), "b"))
    check(told.xml.find("{urn:xmpp:delay}delay") is not None, "the event does not say when it was published")
    await hears_nothing(again, "urn:test:last")
    await hears_nothing(again, "urn:test:never")


@tests
async def a_stranger_subscribes_to_an_open_node_and_leaves_it(house):
    node = "urn:test:news"
    owner = await publisher(house, "montague")
    reader = await publisher(house, "abram")
    await publish(owner, node, "a", access_model="open")
    await reader["xep_0060"].subscribe(address("montague"), node, timeout=PATIENCE)
    await publish(owner, node, "b")
    async with patience("the news"):
        while first_item(await event(reader, node))["id"] != "b":
            pass
    await reader["xep_0060"].unsubscribe(address("montague"), node, timeout=PATIENCE)
    await publish(owner, node, "c")
    await hears_nothing(reader, node)


# Nodes


@tests
async def what_is_taken_back_is_gone_and_told(house):
    node = "urn:test:back"
    desk = await publisher(house, "peter", "desk")
    phone = await publisher(house, "peter", "phone", interests=[node])
    pubsub = desk["xep_0060"]
    await publish(desk, node, "a", max_items="max")
    for id in ("b", "c"):
        await publish(desk, node, id)
    await pubsub.retract(None, node, "b", notify=True, timeout=PATIENCE)
    equal(first_item(await event(phone, node, "pubsub_retract"))["id"], "b")
    equal(await items(desk, None, node), ["a", "c"])
    equal(await items(desk, None, node, item_ids=["c"]), ["c"])
    equal(await items(desk, None, node, max_items=1), ["c"])
    await pubsub.purge(None, node, timeout=PATIENCE)
    await event(phone, node, "pubsub_purge")
    equal(await items(desk, None, node), [])
    await pubsub.delete_node(None, node, timeout=PATIENCE)
    await event(phone, node, "pubsub_delete")
    with refused(IqError) as caught:
        await items(desk, None, node)
    equal(caught[0].condition, "item-not-found")


@tests
async def a_node_is_made_configured_and_asked_how_it_is(house):
    node = "urn:test:configured"
    owner = await publisher(house, "balthasar")
    pubsub = owner["xep_0060"]
    await pubsub.create_node(None, node, config=form(owner, "node_config", access_model="whitelist", max_items="2"),
                             timeout=PATIENCE)
    for id in ("a", "b", "c"):
        await publish(owner, node, id)
    equal(await items(owner, None, node), ["b", "c"], "a node keeps as many as it is set to")
    shown = await pubsub.get_node_config(None, node, timeout=PATIENCE)
    values = shown["pubsub_owner"]["configure"]["form"].get_values()
    equal((values["pubsub#access_model"], values["pubsub#max_items"]), ("whitelist", "2"))
    # Options of a publication are preconditions of a node that is there.
    with refused(IqError) as caught:
        await publish(owner, node, "d", access_model="open")
    equal(caught[0].condition, "conflict")
    check(caught[0].iq.xml.find(f".//{{{ERRORS}}}precondition-not-met") is not None, str(caught[0].iq))
    await pubsub.set_node_config(None, node, form(owner, "node_config", access_model="open", max_items="max"),
                                 timeout=PATIENCE)
    await publish(owner, node, "d", access_model="open", max_items="max")
    equal(await items(owner, None, node), ["b", "c", "d"])
    stranger = await publisher(house, "friar")
    equal(await items(stranger, "balthasar", node), ["b", "c", "d"])
    with refused(IqError) as caught:
        await stranger["xep_0060"].set_node_config(
            address("balthasar"), node, form(stranger, "node_config", access_model="open"), timeout=PATIENCE)
    equal(caught[0].condition, "forbidden")
    with refused(IqError) as caught:
        await pubsub.create_node(None, node, timeout=PATIENCE)
    equal(caught[0].condition, "conflict")


@tests
async def as_many_items_as_there_may_be_are_kept(house):
    server = house.server({"limits": {"pubsub_node_items": 5}})
    await server.people("romeo")
    await server.start()
    owner = await publisher(house, "romeo", server=server)
    for number in range(8):
        await publish(owner, NODE, str(number), max_items="max")
    equal(await items(owner, None, NODE), ["3", "4", "5", "6", "7"])
    with refused(IqError) as caught:
        await publish(owner, "urn:test:greedy", "a", max_items="6")
    equal(caught[0].condition, "not-acceptable")


# What clients publish


@tests
async def an_avatar_is_told_fetched_and_shown_in_presence_and_card(house):
    owner = await publisher(house, "john")
    friend = await publisher(house, "lady", interests=[AVATAR])
    await befriend(owner, friend)
    await owner["xep_0084"].publish_avatar(PICTURE, timeout=PATIENCE)
    info = {"id": SHA1, "type": "image/png", "bytes": len(PICTURE)}
    await owner["xep_0084"].publish_avatar_metadata(info, timeout=PATIENCE)
    told = await event(friend, AVATAR)
    equal((told["from"], told["type"], first_item(told)["id"]), (address("john"), "headline", SHA1))
    answer = await friend["xep_0084"].retrieve_avatar(address("john"), SHA1, timeout=PATIENCE)
    equal(base64.b64decode(answer["pubsub"]["items"].xml.findtext(f".//{{{AVATAR_DATA}}}data")), PICTURE)
    # The older forms: the hash in presence (XEP-0153), and the card.
    equal(await shown(friend, "john"), SHA1)
    card = await friend["xep_0054"].get_vcard(address("john"), cached=False, timeout=PATIENCE)
    equal(card["vcard_temp"]["PHOTO"]["BINVAL"], PICTURE)
    # And back: a picture in the card is published.
    other = PICTURE + b"\0"
    card = owner["xep_0054"].make_vcard()
    card["PHOTO"]["TYPE"] = "image/png"
    card["PHOTO"]["BINVAL"] = other
    await owner["xep_0054"].publish_vcard(vcard=card, timeout=PATIENCE)
    told = await event(friend, AVATAR)
    equal(first_item(told)["id"], hashlib.sha1(other).hexdigest())
    equal(await shown(friend, "john"), hashlib.sha1(other).hexdigest())


async def shown(person: Person, name: str) -> str:
    """The hash of the picture in the next presence of somebody that has one."""
    async with patience(f"the picture of {name}"):
        while True:
            presence = await person.queues["presence_available"].get()
            hash = presence.xml.findtext("{vcard-temp:x:update}x/{vcard-temp:x:update}photo")
            if presence["from"].bare == address(name) and hash:
                return hash


@tests
async def bookmarks_are_the_same_in_the_newer_and_in_the_older_form(house):
    desk = await publisher(house, "servant", "desk", interests=[BOOKMARKS])
    phone = await publisher(house, "servant", "phone")
    room, more = f"verona@rooms.{DOMAIN}", f"mantua@rooms.{DOMAIN}"
    conference = ElementTree.Element(f"{{{BOOKMARKS}}}conference", {"name": "Verona", "autojoin": "true"})
    private = options(phone, persist_items="true", max_items="max", send_last_published_item="never",
                      access_model="whitelist")
    await phone["xep_0060"].publish(None, BOOKMARKS, id=room, payload=conference, options=private, timeout=PATIENCE)
    equal(first_item(await event(desk, BOOKMARKS))["id"], room)
    # The older forms: private storage, and its own node.
    for method in ("xep_0049", "xep_0223"):
        found = await desk["xep_0048"].get_bookmarks(method=method, timeout=PATIENCE)
        storage = found["private"]["bookmarks"] if method == "xep_0049" else next(
            iter(found["pubsub"]["items"]))["bookmarks"]
        equal([(one["jid"], one["name"], bool(one["autojoin"])) for one in storage["conferences"]],
              [(room, "Verona", True)])
    older = Bookmarks()
    older.add_conference(room, "R", name="Verona", autojoin=True)
    older.add_conference(more, "R", name="Mantua")
    await phone["xep_0048"].set_bookmarks(older, method="xep_0049", timeout=PATIENCE)
    changed: set[str] = set()
    async with patience("both bookmarks"):
        while changed != {room, more}:
            changed |= {item["id"] for item in (await event(desk, BOOKMARKS))["pubsub_event"]["items"]}
    equal(set(await items(desk, None, BOOKMARKS)), {room, more})
    await phone["xep_0060"].retract(None, BOOKMARKS, more, notify=True, timeout=PATIENCE)
    equal(first_item(await event(desk, BOOKMARKS, "pubsub_retract"))["id"], more)
    found = await desk["xep_0048"].get_bookmarks(method="xep_0049", timeout=PATIENCE)
    equal([one["jid"] for one in found["private"]["bookmarks"]["conferences"]], [room])
    stranger = await publisher(house, "nurse", "curious")
    await learns_nothing(stranger, "servant", BOOKMARKS)


@tests
async def a_nickname_and_a_card_are_published_and_read(house):
    server = house.server()
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await publisher(house, "romeo", server=server)
    juliet = await publisher(house, "juliet", interests=[NICK, VCARD4], server=server)
    await befriend(romeo, juliet)
    await romeo["xep_0172"].publish_nick("R. ‹♥›", timeout=PATIENCE)
    told = await event(juliet, NICK)
    equal((told["from"], first_item(told).xml.findtext(f"{{{NICK}}}nick")), (address("romeo"), "R. ‹♥›"))
    await romeo["xep_0292"].publish_vcard(full_name="Romeo Montague", nickname="R.", timeout=PATIENCE)
    equal((await event(juliet, VCARD4))["from"], address("romeo"))
    answer = await juliet["xep_0292"].retrieve_vcard(address("romeo"), timeout=PATIENCE)
    card = next(iter(answer["pubsub"]["items"]))["vcard"]
    equal((card["full_name"], card.xml.findtext(f"{{{VCARD4}}}nickname/{{{VCARD4}}}text")), ("Romeo Montague", "R."))


@tests
async def a_second_device_learns_how_far_a_conversation_was_displayed(house):
    server = house.server()
    await server.people("romeo", "juliet")
    await server.start()
    phone = await publisher(house, "romeo", "phone", server=server)
    desk = await publisher(house, "romeo", "desk", server=server)
    for number in ("one", "two"):
        await phone["xep_0490"].flag_chat(address("juliet"), number, timeout=PATIENCE)
        told = await event(desk, DISPLAYED)
        equal(first_item(told)["id"], address("juliet"))
        equal(told.xml.find(".//{urn:xmpp:sid:0}stanza-id").get("id"), number)
    equal(ids(await desk["xep_0490"].catch_up(timeout=PATIENCE)), [address("juliet")])
    await learns_nothing(await publisher(house, "juliet", server=server), "romeo", DISPLAYED)


# What stays


@tests.each([DEVICES, f"{AXOLOTL}.devicelist"])
async def a_device_list_and_bundles_are_published_for_all_to_find(house, node):
    name = "rosaline" if node == DEVICES else "capulet"
    owner = await publisher(house, name)
    friend = await publisher(house, "montague", interests=[node])
    await befriend(owner, friend)
    open_to_all = options(owner, access_model="open")
    namespace = OMEMO if node == DEVICES else AXOLOTL
    devices = ElementTree.Element(f"{{{namespace}}}{'devices' if node == DEVICES else 'list'}")
    await owner["xep_0060"].publish(None, node, id="current", payload=devices, options=open_to_all, timeout=PATIENCE)
    equal((await event(friend, node))["from"], address(name))
    for device in ("31415", "27182"):
        bundle = ElementTree.Element(f"{{{namespace}}}bundle")
        bundle.text = device
        if node == DEVICES:
            many = options(owner, access_model="open", max_items="max")
            await owner["xep_0060"].publish(
                None, f"{OMEMO}:bundles", id=device, payload=bundle, options=many, timeout=PATIENCE
            )
        else:
            await owner["xep_0060"].publish(
                None, f"{AXOLOTL}.bundles:{device}", id="current", payload=bundle, options=open_to_all, timeout=PATIENCE
            )
    stranger = await publisher(house, "escalus", f"stranger-{name}")
    equal(ids(await stranger["xep_0060"].get_items(address(name), node, timeout=PATIENCE)), ["current"])
    if node == DEVICES:
        answer = await stranger["xep_0060"].get_items(address(name), f"{OMEMO}:bundles", timeout=PATIENCE)
        equal(ids(answer), ["31415", "27182"])
    else:
        answer = await stranger["xep_0060"].get_items(address(name), f"{AXOLOTL}.bundles:27182", timeout=PATIENCE)
        equal(ids(answer), ["current"])
    await friend.leave()


@tests
async def what_was_published_outlives_kill_nine(house):
    server = house.server()
    await server.people("romeo", "juliet", "nurse")
    await server.start()
    romeo = await publisher(house, "romeo", server=server)
    juliet = await publisher(house, "juliet", server=server)
    await befriend(romeo, juliet)
    for number in range(30):
        await publish(romeo, NODE, str(number), f"line {number}", access_model="presence", max_items="max")
    await romeo["xep_0060"].retract(None, NODE, "7", timeout=PATIENCE)
    await publish(romeo, "urn:test:own", "a", access_model="whitelist")
    await romeo["xep_0084"].publish_avatar(PICTURE, timeout=PATIENCE)
    info = {"id": SHA1, "type": "image/png", "bytes": len(PICTURE)}
    await romeo["xep_0084"].publish_avatar_metadata(info, timeout=PATIENCE)
    await server.kill()
    for person in (romeo, juliet):
        await person.next("disconnected")
    await server.start()
    # Who comes now hears of the last item, and reads all of them.
    juliet = await publisher(house, "juliet", "again", interests=[NODE], server=server)
    told = await event(juliet, NODE)
    equal((told["from"], first_item(told)["id"]), (address("romeo"), "29"))
    equal(await items(juliet, "romeo", NODE), [str(number) for number in range(30) if number != 7])
    for person in (juliet, await publisher(house, "nurse", server=server)):
        await learns_nothing(person, "romeo", "urn:test:own")
    romeo = await publisher(house, "romeo", "again", server=server)
    equal(await items(romeo, None, "urn:test:own"), ["a"])
    equal(await shown(juliet, "romeo"), SHA1)
    values = (await romeo["xep_0060"].get_node_config(None, NODE, timeout=PATIENCE))
    values = values["pubsub_owner"]["configure"]["form"].get_values()
    equal((values["pubsub#access_model"], values["pubsub#max_items"]), ("presence", "max"))
