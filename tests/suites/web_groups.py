"""A group of three in the web client: what one says, answers, changes and feels is seen by clients of others in either form of
OMEMO, and the other way round."""

from __future__ import annotations

from harness import Tests, check, equal
from harness.browser import Chromium, Page
from harness.sealed import Read, made, opened, reads, says as tells
from harness.server import House, Server
from harness.tests import PATIENCE
from harness.web import acts, changes, line, makes_group, opens, reacts, says, sees_reaction, served, signed_in, stays_at_home
from omemo_slixmpp import NEWER, OLDER, Device, enter
from slixmpp import JID

REPLY = "{urn:xmpp:reply:0}reply"
REPLACE = "{urn:xmpp:message-correct:0}replace"
REACTIONS = "{urn:xmpp:reactions:0}reactions"
REACTION = "{urn:xmpp:reactions:0}reaction"
FALLBACK = "{urn:xmpp:fallback:0}fallback"

tests = Tests("a group in the web client, with clients of others in both forms of OMEMO")


async def group(house: House) -> tuple[Server, Page, JID, Device, Device]:
    """Romeo makes a group in the browser. Juliet speaks the newer form alone, the nurse the older one."""
    server = await served(house)
    juliet = await Device(house, server, "juliet", "slixmpp", [NEWER]).switch_on()
    nurse = await Device(house, server, "nurse", "slixmpp", [OLDER]).switch_on()
    for device in (juliet, nurse):
        device.person._queue("groupchat_invite")
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    room = JID(await makes_group(page, "Orchard", "juliet", "nurse"))
    for device in (juliet, nurse):
        invitation = await device.person.next("groupchat_invite")
        equal(invitation["from"].bare, room.bare)
        await enter(device, room)
    return server, page, room, juliet, nurse


def reaction_to(target: str, emoji: str):
    return made(REACTIONS, {"id": target}, made(REACTION, {}, emoji))


@tests
async def what_is_said_answered_changed_and_felt_in_the_browser_is_seen_by_others(house: House) -> None:
    server, page, _, juliet, nurse = await group(house)
    await says(page, "Orchard", "Shall we meet at nine?")
    async with page.told():
        said = [await reads(device, "Shall we meet at nine?") for device in (juliet, nurse)]
    names = ["newer", "older"]

    await reacts(page, "Shall we meet at nine?", "👍")
    async with page.told():
        felt = await opened(juliet, await juliet.next())
        equal(felt.element(REACTIONS).get("id"), said[0].room_id)
        equal(felt.element(REACTION).text, "👍")
        # The older form has room for words alone.
        await reads(nurse, "> Shall we meet at nine?\n👍")

    await acts(page, "Shall we meet at nine?", "Reply")
    await says(page, "Orchard", "I shall be there")
    async with page.told():
        for device, first, name in zip((juliet, nurse), said, names):
            answer = await reads(device, "> Shall we meet at nine?\nI shall be there")
            equal(answer.element(REPLY).get("id"), first.room_id, name)

    await acts(page, "I shall be there", "Edit")
    await changes(page, "I shall be there at eight")
    async with page.told():
        for device, name in zip((juliet, nurse), names):
            change = await reads(device, "I shall be there at eight")
            check(change.element(REPLACE).get("id"), name)
    await stays_at_home(page, server)


@tests
async def what_others_answer_change_and_feel_is_seen_in_the_browser(house: House) -> None:
    server, page, room, juliet, nurse = await group(house)
    await says(page, "Orchard", "Who comes?")
    said: list[Read] = [await reads(device, "Who comes?") for device in (juliet, nurse)]
    await page.do(line("Who comes?"), ["waitFor"])
    target = said[0].room_id

    # In each form: a reaction, an answer, and a change of it.
    for device, emoji, words in ((juliet, "🎉", "I come"), (nurse, "👀", "I come too")):
        async with page.told():
            await tells(device, ["romeo"], room, None, reaction_to(target, emoji))
            await sees_reaction(page, "Who comes?", emoji)
            quoted = f"> Who comes?\n{words}"
            fallback = made(FALLBACK, {"for": "urn:xmpp:reply:0"}, made("{urn:xmpp:fallback:0}body", {"start": "0", "end": str(len("> Who comes?\n"))}))
            answer = made(REPLY, {"to": f"{room}/romeo", "id": target})
            number = await tells(device, ["romeo"], room, quoted, answer, fallback)
            await page.sees(words, "main")
        await page.do(line(words), ["last"], ["getByRole", "button", {"name": "Reply to"}], ["waitFor"])
        async with page.told():
            await tells(device, ["romeo"], room, f"{words}, later", made(REPLACE, {"id": number}))
        await page.do(line(f"{words}, later"), ["last"], ["getByText", "(edited)"], ["waitFor"])
        # Another reaction in place of the first one.
        await tells(device, ["romeo"], room, None, reaction_to(target, "🙏"))
        await page.do(line("Who comes?"), ["first"], ["getByRole", "button", {"name": emoji}], ["waitFor", {"state": "hidden"}])
    await page.do(line("Who comes?"), ["first"], ["getByTitle", "🙏: juliet and nurse"], ["waitFor"])
    # All of them were encrypted, and nobody is called a stranger.
    equal(await page.do(["getByText", "the server could read this message"], ["count"]), 0)
    await page.sees("End-to-end encrypted", "main")
    await stays_at_home(page, server)


@tests
async def who_was_taken_out_reads_nothing_more(house: House) -> None:
    server, page, room, juliet, nurse = await group(house)
    await says(page, "Orchard", "All three")
    for device in (juliet, nurse):
        await reads(device, "All three")
    await page.click("button", "Details")
    await page.do(["getByRole", "button", {"name": "Actions for nurse"}], ["click"])
    await page.do(["getByRole", "menuitem", {"name": "Remove", "exact": True}], ["click"])
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Remove"}], ["click"])
    await page.do(["getByRole", "button", {"name": "Actions for nurse"}], ["waitFor", {"state": "hidden"}])
    await says(page, "Orchard", "The two of us")
    await reads(juliet, "The two of us")
    found = [one async for one in juliet.person["xep_0313"].iterate(jid=room)]
    last = found[-1]["mam_result"]["forwarded"]["stanza"]
    keys = {int(key.get("rid")) for form in (NEWER, OLDER) for key in last.xml.iter(f"{{{form}}}key")}
    check(nurse.number not in keys, f"there is a key for the nurse: {keys}")
    await opens(page, "nurse")
    await says(page, "nurse", "Between us")
    async with page.told():
        await nurse.person.settle()
        await reads(nurse, "Between us")
