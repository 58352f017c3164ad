"""OMEMO between servers, with real clients by slixmpp-omemo: all keys travel to other servers, and the devices there read."""

from __future__ import annotations

from typing import Any

from slixmpp import JID

from federation import MANTUA, VERONA, name_server, peer, publish, server_of
from harness import Tests, check, equal
from harness.peers import Prosody
from harness.tests import PATIENCE
from omemo_slixmpp import FORMS, Device, enter, numbers, rids

tests = Tests("OMEMO between servers, with slixmpp-omemo")

# The other server, and whether it leaves out the keys of others as ours does.
CASES = [(f"{kind}, {form}", kind, form) for kind in ("Hauspost", "Hauspost that hands out all keys", "Prosody") for form in FORMS]


async def both_sides(house: Any, kind: str) -> tuple[list[Device], list[Device]]:
    """Juliet and Romeo with two devices each, who know each other's."""
    dns = await name_server(house)
    here = await server_of(house, VERONA, dns, "juliet")
    publish(dns, f"rooms.{VERONA}", here)
    there: Any
    if kind == "Prosody":
        there = await peer(house, Prosody, MANTUA)
        door = here.address("federation")
        await there.start(["romeo"], {VERONA: door, f"rooms.{VERONA}": door})
    else:
        rules = {"policy__encryption": {"own_keys_only": kind == "Hauspost"}}
        there = await server_of(house, MANTUA, dns, "romeo", **rules)
    publish(dns, MANTUA, there)
    sides = []
    for server, name in ((here, f"juliet@{VERONA}"), (there, f"romeo@{MANTUA}")):
        devices = [await Device(house, server, name, resource).switch_on() for resource in ("desk", "phone")]
        for device in devices:
            await device.knows(*devices)
        sides.append(devices)
    juliet, romeo = sides
    for one, other in ((juliet, romeo), (romeo, juliet)):
        for device in one:
            await device.plugin.refresh_device_lists({other[0].jid}, force_download=True)
    return juliet, romeo


@tests.each(CASES)
async def each_device_on_both_servers_reads(house, case):
    _, kind, form = case
    juliet, romeo = await both_sides(house, kind)
    lines = [(juliet[0], "It is the lark"), (romeo[1], "Ay me"), (juliet[1], "It is not yet near day"), (romeo[0], "I must be gone")]
    for speaker, words in lines:
        own, others = (juliet, romeo) if speaker in juliet else (romeo, juliet)
        told = await speaker.tells(others[0].name, words, form)
        equal(told, numbers(*juliet, *romeo) - {speaker.number}, "it was not encrypted for all")
        for device in [*juliet, *romeo]:
            if device is speaker:
                continue
            trims = device in juliet or kind == "Hauspost"
            message = await device.reads(words, numbers(*(juliet if device in juliet else romeo)) if trims else told)
            if not trims:
                equal(rids(message), told, "keys were left out on the way to another server")


@tests.each(CASES)
async def a_group_has_people_of_both_servers(house, case):
    _, kind, form = case
    juliet, romeo = await both_sides(house, kind)
    room = JID(f"balcony@rooms.{VERONA}")
    owner = juliet[0]
    await enter(owner, room)
    muc = owner.person["xep_0045"]
    setup = await muc.get_room_config(room, timeout=PATIENCE)
    setup["values"] = {**setup["values"], "hauspost#preset": "group-chat"}
    setup["type"] = "submit"
    await muc.set_room_config(room, setup, timeout=PATIENCE)
    await muc.set_affiliation(room, "member", jid=romeo[0].jid, timeout=PATIENCE)
    for device in (juliet[1], *romeo):
        await enter(device, room)
    names = [juliet[0].name, romeo[0].name]
    for speaker in (*juliet, *romeo):
        words = f"{speaker.name} on the {speaker.resource}"
        told = await speaker.tells_all(room, names, words, form)
        equal(told, numbers(*juliet, *romeo) - {speaker.number})
        for device in (*juliet, *romeo):
            # The room's own server sends all keys elsewhere; there, ours leaves out those of others again.
            trims = device in juliet or kind == "Hauspost"
            own = numbers(*(juliet if device in juliet else romeo)) if trims else told
            if device is speaker:
                check(rids(await device.next()) <= own, "its own message came with keys of others")
            else:
                message = await device.reads(words, own)
                check(trims or rids(message) == told, "keys were left out on the way to another server")
