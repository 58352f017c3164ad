"""Administration in the web client, in Chromium against the server: what an owner, a helpdesk and a person see and can do."""

from __future__ import annotations

from harness import Tests, equal, says, wire
from harness.browser import Chromium
from harness.tests import refused
from harness.sasl import Refused
from harness.web import served, signed_in, stays_at_home

tests = Tests("administration in the web client")

TABLE = ["getByRole", "table"]


async def administers(page) -> None:
    await page.click("button", "Administration")
    await page.do(["getByRole", "heading", {"name": "Administration"}], ["waitFor"])


async def opens_person(page, name: str) -> None:
    await page.do(TABLE, ["getByRole", "button", {"name": name, "exact": True}], ["click"])
    await page.do(["getByRole", "heading", {"name": name}], ["waitFor"])


@tests
async def an_owner_finds_somebody_and_shuts_them_out(house):
    server = await served(house)
    (await server.command("user", "role", "romeo", "owner")).expect()
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    await administers(page)
    await page.do(["getByRole", "searchbox", {"name": "Search"}], ["fill", "jul"])
    await page.sees("1 in all")
    await opens_person(page, "juliet")
    await page.click("button", "Disable")
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Disable"}], ["click"])
    await page.do(["getByRole", "button", {"name": "Enable", "exact": True}], ["waitFor"])
    await juliet.end()
    with refused(Refused):
        await wire.logged_in(house, server, "juliet")
    await page.click("button", "Audit log")
    await page.do(TABLE, ["getByText", "Account disabled"], ["waitFor"])
    says((await server.command("audit", "list")).expect().out, "romeo@", "rest", "account.disabled", "juliet@")
    await page.click("button", "Server")
    await page.sees("Takes clients.")
    await stays_at_home(page, server)


@tests
async def an_account_is_made_and_its_person_comes_in(house):
    server = await served(house)
    (await server.command("user", "role", "romeo", "owner")).expect()
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    await administers(page)
    await page.click("button", "New person")
    dialog = ["getByRole", "dialog"]
    await page.do(dialog, ["getByRole", "textbox", {"name": "Account name"}], ["fill", "mercutio"])
    await page.do(dialog, ["getByLabel", "Name for people (optional)"], ["fill", "Mercutio of Verona"])
    await page.do(dialog, ["getByLabel", "First password (optional)"], ["fill", "a plague o' both"])
    await page.do(dialog, ["getByRole", "button", {"name": "Create account"}], ["click"])
    await page.do(["getByRole", "heading", {"name": "Mercutio of Verona"}], ["waitFor"])
    await wire.logged_in(house, server, "mercutio", password="a plague o' both")


@tests
async def who_has_no_role_is_offered_nothing_and_the_helpdesk_cannot_rise(house):
    server = await served(house)
    (await server.command("user", "role", "romeo", "helpdesk")).expect()
    (await server.command("user", "role", "nurse", "owner")).expect()
    chromium = await Chromium.start(house)
    _, person = await signed_in(chromium, server, "juliet")
    equal(await person.do(["getByRole", "button", {"name": "Administration"}], ["count"]), 0)
    _, page = await signed_in(chromium, server, "romeo")
    await administers(page)
    await opens_person(page, "nurse")
    # The page knows what a role allows; upon whom it does the server says.
    await page.click("button", "Disable")
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Disable"}], ["click"])
    await page.do(["locator", "[role=alert] p"], ["first"], ["waitFor"])
    equal(await page.do(["getByRole", "combobox", {"name": "Role"}], ["count"]), 0)
    says((await server.command("user", "list")).expect().out, "nurse@hauspost.test\tenabled\towner")
