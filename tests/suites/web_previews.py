"""Link previews in Chromium: a card while one writes, sealed in the message for all, or taken away."""

from __future__ import annotations

from typing import Any

from harness import Tests, equal
from harness.browser import Chromium, Page
from harness.server import House
from previews import TITLE, Site
from web import opens, signed_in, stays_at_home

tests = Tests("link previews in Chromium")

REMOVE: list[Any] = ["getByRole", "button", {"name": "Send without this preview"}]


async def writes(page: Page, words: str) -> None:
    await page.do(["getByRole", "textbox", {"name": "Message to juliet"}], ["fill", words])


async def sends(page: Page) -> None:
    await page.do(["getByRole", "textbox", {"name": "Message to juliet"}], ["press", "Enter"])


@tests
async def a_card_comes_while_one_writes_and_is_in_the_message_for_all(house: House) -> None:
    site = await Site().start(house)
    server = house.server({"previews": {"allowed_networks": ["127.0.0.1"]}})
    await server.people("romeo", "juliet")
    await server.start()
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await opens(romeo, "juliet")
    link = f"{site.address}/november"
    await writes(romeo, f"look: {link}")
    await romeo.do(["getByRole", "group", {"name": f"Preview: {TITLE}"}], ["waitFor"])
    await sends(romeo)
    await romeo.do(REMOVE, ["waitFor", {"state": "detached"}])
    await juliet.do(["getByText", "look:"], ["first"], ["waitFor"])
    await juliet.click("link", "romeo")
    for page in (romeo, juliet):
        await page.do(["getByRole", "main"], ["getByRole", "link", {"name": f"Preview: 127.0.0.1 {TITLE}"}], ["waitFor"])
        await page.do(["getByRole", "main"], ["getByRole", "img", {"name": "A bed"}], ["waitFor"])
    # Who reads has asked nobody, neither for the page nor for its picture.
    equal(site.asked, ["/november", "/bed.png"])
    for page in (romeo, juliet):
        await stays_at_home(page, server)
    # Somebody wants none.
    await writes(romeo, f"without: {site.address}/bed.png")
    await romeo.do(REMOVE, ["click"])
    await romeo.do(REMOVE, ["waitFor", {"state": "detached"}])
    await sends(romeo)
    await juliet.sees("without:", "main")
    count = await juliet.evaluate("() => document.querySelectorAll('main a[title]').length")
    equal(count, 1)
