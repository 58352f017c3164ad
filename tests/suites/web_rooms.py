"""Rooms, groups and invitations in the web client, in Chromium against the server: set up, keep order, find, enter by link, say
something to one alone, invite somebody who makes an account, and the demonstration as somebody finds it."""

from __future__ import annotations

import re

from harness import Tests, check, equal
from harness.browser import Browser, Chromium, Page
from harness.peers import free_port
from harness.server import DOMAIN, House, Server

NAMES = ["romeo", "juliet", "nurse"]
RULES = {"direct": "required", "groups": "required"}

tests = Tests("rooms and invitations in the web client")


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def served(house: House, **more: object) -> Server:
    listen = {"http": [f"127.0.0.1:{free_port()}"]}
    server = house.server({"policy.encryption": RULES, "listen": listen, **more})
    await server.people(*NAMES)
    return await server.start()


async def signed_in(chromium: Chromium, server: Server, name: str) -> tuple[Browser, Page]:
    browser = await chromium.browser(server)
    page = await browser.page()
    await page.sign_in(address(name))
    return browser, page


async def makes_room(page: Page, name: str) -> None:
    await page.click("button", "New conversation")
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Room Open"}], ["click"])
    await page.do(["getByRole", "textbox", {"name": "Name of the room"}], ["fill", name])
    await page.click("button", "Create room")
    await page.do(["getByRole", "textbox", {"name": f"Message to {name}"}], ["waitFor"])


async def finds_room(page: Page, words: str, name: str) -> None:
    await page.click("button", "New conversation")
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Find a room"}], ["click"])
    await page.do(["getByRole", "combobox"], ["fill", words])
    await page.do(["getByRole", "option", {"name": name}], ["first"], ["click"])
    await page.do(["getByRole", "textbox", {"name": f"Message to {name}"}], ["waitFor"])


async def says(page: Page, where: str, words: str) -> None:
    box = ["getByRole", "textbox", {"name": f"Message to {where}"}]
    await page.do(box, ["fill", words])
    await page.do(box, ["press", "Enter"])
    await page.sees(words, "main")


async def details(page: Page) -> None:
    """Opens them, where they are not."""
    await page.do(["getByRole", "button", {"name": "Details"}], ["last"], ["click"])
    await page.do(["getByRole", "complementary", {"name": "Details"}], ["waitFor"])


async def chooses(page: Page, person: str, entry: str) -> None:
    await page.do(["getByRole", "button", {"name": f"Actions for {person}"}], ["click"])
    await page.do(["getByRole", "menuitem", {"name": entry, "exact": True}], ["click"])


def in_dialog(*steps: list[object]) -> list[list[object]]:
    return [["getByRole", "dialog"], *steps]


@tests
async def a_room_is_made_found_set_up_and_closed(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await makes_room(romeo, "Garden")
    await finds_room(juliet, "gard", "Garden")
    await says(juliet, "Garden", "What man art thou?")
    await romeo.sees("What man art thou?", "main")
    await details(romeo)
    await romeo.do(["getByRole", "complementary"], ["getByRole", "button", {"name": "Settings", "exact": True}], ["click"])
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Name"}], ["fill", "Orchard"]))
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "What it is for"}], ["fill", "By night"]))
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Subject"}], ["fill", "Balconies"]))
    await romeo.click("button", "Save")
    await romeo.sees("The settings are saved.")
    await juliet.do(["getByRole", "heading", {"name": "Orchard", "level": 1}], ["waitFor", {"state": "attached"}])
    await juliet.sees("Balconies", "main")
    # Juliet, who owns nothing here, is offered none of it.
    await details(juliet)
    for name in ["Settings", "Close room for good"]:
        equal(await juliet.do(["getByRole", "complementary"], ["getByRole", "button", {"name": name, "exact": True}], ["count"]), 0)
    await romeo.do(["getByRole", "complementary"], ["getByRole", "button", {"name": "Close room for good"}], ["click"])
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Reason"}], ["fill", "Winter"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Close for good"}], ["click"]))
    await romeo.sees("Orchard is closed.")
    await juliet.sees("This was closed for good: Winter", "main")


@tests
async def an_open_room_becomes_a_group_that_is_encrypted(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await makes_room(romeo, "Plans")
    await finds_room(juliet, "plans", "Plans")
    await says(juliet, "Plans", "Who hears us?")
    await details(romeo)
    await chooses(romeo, "juliet", "Make member")
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Make member", "exact": True}], ["click"]))
    await romeo.do(["getByRole", "dialog"], ["waitFor", {"state": "detached"}])
    await romeo.do(["getByRole", "complementary"], ["getByRole", "button", {"name": "Settings", "exact": True}], ["click"])
    await romeo.do(*in_dialog(["getByRole", "radio", {"name": "Members only"}], ["check"]))
    await romeo.click("button", "Save")
    await romeo.sees("The settings are saved.")
    for page in (romeo, juliet):
        await page.do(["locator", "header"], ["getByText", "End-to-end encrypted"], ["first"], ["waitFor"])
    await says(juliet, "Plans", "Now nobody but us")
    await romeo.sees("Now nobody but us", "main")


@tests
async def whoever_disturbs_is_banned_and_may_come_back_later(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await makes_room(romeo, "Garden")
    await finds_room(juliet, "garden", "Garden")
    await says(juliet, "Garden", "Buy my potions")
    await romeo.sees("Buy my potions", "main")
    # What was said is taken away by its moderator, for all.
    await romeo.do(["locator", "[data-message]"], ["last"], ["hover"])
    await romeo.do(["locator", "[data-message]"], ["last"], ["getByRole", "button", {"name": "More actions"}], ["click"])
    await romeo.do(["getByRole", "menuitem", {"name": "Delete for everybody"}], ["click"])
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Reason"}], ["fill", "Advertising"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Delete"}], ["click"]))
    await juliet.sees("Reason: Advertising", "main")
    await details(romeo)
    await chooses(romeo, "juliet", "Ban")
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Reason"}], ["fill", "Potions"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Ban", "exact": True}], ["click"]))
    await juliet.sees("You are no longer a member: Potions", "main")
    await romeo.do(["getByRole", "button", {"name": "Banned people"}], ["click"])
    await romeo.do(*in_dialog(["getByText", address("juliet")], ["waitFor"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Lift the ban"}], ["click"]))
    await romeo.do(*in_dialog(["getByText", "Nobody is banned here."], ["waitFor"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Close"}], ["click"]))
    await finds_room(juliet, "garden", "Garden")
    await says(juliet, "Garden", "I shall sell nothing")
    await romeo.sees("I shall sell nothing", "main")


@tests
async def a_group_takes_people_in_and_lets_them_go(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, nurse = await signed_in(chromium, server, "nurse")
    await romeo.click("button", "New conversation")
    await romeo.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Group Private"}], ["click"])
    await romeo.do(["getByRole", "textbox", {"name": "Name of the group"}], ["fill", "Secrets"])
    await romeo.click("button", "Create group")
    await says(romeo, "Secrets", "Alone at last")
    await details(romeo)
    # The house wants it encrypted: nobody is offered to switch that off.
    equal(await romeo.do(["getByRole", "switch", {"name": "Encrypt"}], ["count"]), 0)
    # She is in nobody's contacts: the house knows her.
    await romeo.do(["getByRole", "complementary"], ["getByRole", "button", {"name": "Add people"}], ["click"])
    await romeo.do(*in_dialog(["getByRole", "combobox"], ["fill", "nur"]))
    await romeo.do(["getByRole", "option", {"name": "nurse"}], ["first"], ["waitFor"])
    await romeo.do(*in_dialog(["getByRole", "combobox"], ["press", "Enter"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Add", "exact": True}], ["click"]))
    await nurse.click("link", "Secrets")
    await says(nurse, "Secrets", "I am here")
    await romeo.sees("I am here", "main")
    await chooses(romeo, "nurse", "Remove")
    await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Reason"}], ["fill", "Too old"]))
    await romeo.do(*in_dialog(["getByRole", "button", {"name": "Remove", "exact": True}], ["click"]))
    await nurse.sees("You are no longer a member: Too old", "main")


@tests
async def something_is_said_to_one_alone_in_a_room(house: House) -> None:
    # Where the rules say `required` the server could read it, and lets it not through; then it is not offered.
    server = await served(house, **{"policy.encryption": {"direct": "default", "groups": "required"}})
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    _, nurse = await signed_in(chromium, server, "nurse")
    await makes_room(romeo, "Garden")
    for page in (juliet, nurse):
        await finds_room(page, "garden", "Garden")
    await details(romeo)
    await chooses(romeo, "juliet", "Write to them alone in this room")
    box = ["getByRole", "textbox", {"name": "Message to Garden"}]
    await romeo.do(box, ["fill", "Meet me"])
    await romeo.do(box, ["press", "Enter"])
    await romeo.sees("Only juliet and you", "main")
    async with romeo.told():
        await juliet.sees("Only to you", "main")
    await juliet.sees("Meet me", "main")
    await says(juliet, "Garden", "For all to hear")
    await nurse.sees("For all to hear", "main")
    check("Meet me" not in await nurse.shown(), "nobody else hears it")


@tests
async def a_link_leads_into_a_room(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    browser, _ = await signed_in(chromium, server, "juliet")
    await makes_room(romeo, "Garden")
    await details(romeo)
    await romeo.do(["getByRole", "complementary"], ["getByRole", "button", {"name": "Add people"}], ["click"])
    link = await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Link"}], ["inputValue"]))
    check(link.startswith(server.url("/#/join/")), link)
    juliet = await browser.page(link)
    await juliet.do(["getByRole", "option"], ["first"], ["waitFor"])
    await juliet.do(["getByRole", "combobox"], ["press", "Enter"])
    await says(juliet, "Garden", "Through the hedge")
    await romeo.sees("Through the hedge", "main")


async def follows(chromium: Chromium, server: Server, link: str, name: str) -> Page:
    """Somebody new opens an invitation and makes an account."""
    browser = await chromium.browser(server)
    page = await browser.page(link)
    await page.do(["getByRole", "textbox", {"name": "Name", "exact": True}], ["fill", "two words"])
    await page.fill("Password", "1")
    await page.click("button", "Create account")
    await page.sees("Letters, digits, dots and hyphens")
    await page.sees("The password needs at least")
    await page.do(["getByRole", "textbox", {"name": "Name", "exact": True}], ["fill", "romeo"])
    await page.fill("Password", "correct horse battery")
    await page.click("button", "Create account")
    await page.do(["getByRole", "alert"], ["locator", "p"], ["first"], ["waitFor"])
    await page.do(["getByRole", "textbox", {"name": "Name", "exact": True}], ["fill", name])
    await page.do(["getByRole", "textbox", {"name": re_optional("Your name, as others see it")}], ["fill", "Friar Laurence"])
    await page.click("button", "Create account")
    await page.do(["getByRole", "navigation", {"name": "Conversations"}], ["waitFor"])
    return page


def re_optional(label: str) -> str:
    return f"{label} (optional)"


@tests
async def somebody_is_invited_by_a_link_and_makes_an_account(house: House) -> None:
    for mode in ["invitation", "off"]:
        registration = {"mode": mode, "users_invite": True}
        server = await served(house, registration=registration)
        chromium = await Chromium.start(house)
        _, romeo = await signed_in(chromium, server, "romeo")
        await romeo.click("button", "New conversation")
        await romeo.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Invite somebody"}], ["click"])
        await romeo.do(*in_dialog(["getByRole", "button", {"name": "Make link"}], ["click"]))
        await romeo.do(*in_dialog(["getByRole", "img", {"name": "QR code of the invitation"}], ["waitFor"]))
        link = await romeo.do(*in_dialog(["getByRole", "textbox", {"name": "Link"}], ["inputValue"]))
        token = re.search(r"/invite/(.+)$", link)
        check(token is not None, link)
        assert token is not None
        friar = await follows(chromium, server, f"/invite/{token[1]}", "laurence")
        # Who has invited is a contact at once.
        await friar.click("button", "New conversation")
        await friar.do(["getByRole", "option", {"name": "romeo"}], ["first"], ["click"])
        await says(friar, "romeo", "I am here")
        await romeo.do(*in_dialog(["getByRole", "button", {"name": "Close"}], ["last"], ["click"]))
        await romeo.sees("I am here")
        # The link is used up, and says so.
        page = await (await chromium.browser(server)).page(f"/invite/{token[1]}")
        await page.do(["locator", "h1"], ["first"], ["waitFor"])
        equal(await page.do(["getByRole", "button", {"name": "Create account"}], ["count"]), 0)
        await chromium.close()
        await server.stop()


@tests
async def the_demonstration_has_faces_rooms_and_words(house: House) -> None:
    server = await house.server({"listen": {"http": [f"127.0.0.1:{free_port()}"]}}).start("--demo")
    password = server.said.split("all with the password ")[1].split()[0]
    chromium = await Chromium.start(house)
    page = await (await chromium.browser(server)).page()
    await page.fill("Address", address("ben"))
    await page.fill("Password", password)
    await page.click("button", "Sign in")
    for room in ["Canteen", "Workshop", "Lindner"]:
        await page.do(["getByRole", "link", {"name": room}], ["first"], ["waitFor"])
    await page.do(["getByRole", "button", {"name": "Departments"}], ["waitFor"])
    await page.click("link", "Canteen")
    await page.sees("Kuchen braucht Tassen", "main")
    await page.sees("Clara Çelik", "main")
    # Pictures of others are there.
    await page.do(["locator", "main"], ["locator", "img"], ["first"], ["waitFor"])
