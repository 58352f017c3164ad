"""What people do in the web client, step by step, as the journeys in Chromium tell it."""

from __future__ import annotations

from typing import Any

from .browser import Browser, Chromium, Page
from .peers import free_port
from .server import DOMAIN, House, Server
from .tests import equal

NAMES = ["romeo", "juliet", "nurse"]
RULES = {"direct": "required", "groups": "required"}


async def served(house: House, more: dict[str, dict[str, Any]] | None = None) -> Server:
    """A server of the test's own, whose port stays the same when it is started again."""
    config = {"policy.encryption": RULES, "listen": {"http": [f"127.0.0.1:{free_port()}"]}, **(more or {})}
    server = house.server(config)
    await server.people(*NAMES)
    return await server.start()


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def signed_in(chromium: Chromium, server: Server, name: str, device: str = "Browser", **options: Any) -> tuple[Browser, Page]:
    browser = await chromium.browser(server, **options)
    page = await browser.page()
    await page.sign_in(address(name), device)
    return browser, page


async def opens(page: Page, name: str) -> None:
    """Begins a conversation with somebody."""
    await page.click("button", "New conversation")
    await page.do(["getByRole", "combobox"], ["fill", address(name)])
    await page.do(["getByRole", "option"], ["first"], ["waitFor"])
    await page.do(["getByRole", "combobox"], ["press", "Enter"])
    await page.do(["getByRole", "textbox", {"name": f"Message to {name}"}], ["waitFor"])


async def says(page: Page, name: str, words: str) -> None:
    box = ["getByRole", "textbox", {"name": f"Message to {name}"}]
    await page.do(box, ["fill", words])
    await page.do(box, ["press", "Enter"])
    await page.sees(words, "main")


async def makes_group(page: Page, name: str, *members: str) -> str:
    """Makes a group of these people; its address."""
    await page.click("button", "New conversation")
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Group"}], ["first"], ["click"])
    await page.do(["getByRole", "textbox", {"name": "Name of the group"}], ["fill", name])
    for member in members:
        await page.do(["getByRole", "combobox"], ["fill", address(member)])
        await page.do(["getByRole", "option"], ["first"], ["waitFor"])
        await page.do(["getByRole", "combobox"], ["press", "Enter"])
    await page.click("button", "Create group")
    await page.do(["getByRole", "textbox", {"name": f"Message to {name}"}], ["waitFor"])
    return str(await page.evaluate("() => decodeURIComponent(location.hash.split('/')[2])"))


# A message, by words that it says
def line(words: str) -> list[Any]:
    return ["locator", "[data-message]", {"hasText": words}]


async def acts(page: Page, words: str, action: str) -> None:
    """Does something with the message that says this: what stands beside it, else what is in its menu."""
    await page.do(line(words), ["last"], ["hover"])
    tools = [line(words), ["last"], ["getByRole", "group", {"name": "Message actions"}]]
    if action in ("React", "Reply"):
        await page.do(*tools, ["getByRole", "button", {"name": action, "exact": True}], ["click"])
    else:
        await page.do(*tools, ["getByRole", "button", {"name": "More actions"}], ["click"])
        await page.do(["getByRole", "menuitem", {"name": action}], ["click"])


async def changes(page: Page, words: str) -> None:
    """Says this in place of the message that was chosen to be changed."""
    box = ["getByRole", "textbox", {"name": "Edit message"}]
    await page.do(box, ["fill", words])
    await page.do(box, ["press", "Enter"])
    await page.do(line(words), ["last"], ["getByText", "(edited)"], ["waitFor"])


async def reacts(page: Page, words: str, emoji: str) -> None:
    """Reacts to the message that says this, with one of the emoji at hand."""
    await acts(page, words, "React")
    await page.do(["getByRole", "button", {"name": f"React with {emoji}"}], ["click"])


async def sees_reaction(page: Page, words: str, emoji: str) -> None:
    """At the first one that says this; others may quote it."""
    await page.do(line(words), ["first"], ["getByRole", "button", {"name": emoji}], ["first"], ["waitFor"])


async def stays_at_home(page: Page, server: Server) -> None:
    """It has asked no other origin, and the browser has refused it nothing."""
    said = await page.said()
    origins = {line.removeprefix("request: ") for line in said if line.startswith("request: ")}
    origins -= {"null"}  # `blob:` addresses
    equal(origins, {server.url("").rstrip("/")})
    problems = [line for line in said if "Content Security Policy" in line or line.startswith("error: ")]
    equal(problems, [])
