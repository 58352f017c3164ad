"""Several devices of one person in browsers: compared, given the history, taken out."""

from __future__ import annotations

from harness import Tests, check, equal
from harness.browser import Chromium, Page
from harness.server import House
from harness.web import address, line, opens, says, served, signed_in, stays_at_home
from omemo_slixmpp import NEWER, Device
from harness.sealed import until as reads_until

KEPT = "async () => { const names = []; for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name); return names; }"
CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write", "microphone", "camera"]}

tests = Tests("several devices of one person in the web client")


async def opens_devices(page: Page) -> None:
    """Opens the settings at one's own devices."""
    await page.click("button", "romeo: status, settings, sign out")
    await page.do(["getByRole", "button", {"name": "Devices", "exact": True}], ["click"])
    await page.do(["getByRole", "dialog", {"name": "Settings"}], ["getByText", "This device", {"exact": True}], ["waitFor"])


async def closes(page: Page) -> None:
    await page.do(["getByRole", "button", {"name": "Close", "exact": True}], ["first"], ["click"])


def row(name: str) -> list[list[object]]:
    """That of a device in a dialog."""
    return [["getByRole", "dialog"], ["last"], ["getByRole", "listitem"], ["filter", {"hasText": name}]]


async def digits(page: Page, whose: str) -> list[str]:
    shown = await page.do(["getByRole", "region", {"name": whose}], ["getByRole", "listitem"], ["allInnerTexts"])
    check(len(shown) >= 7, f"{shown}")
    return list(shown)


@tests.taking(180)
async def a_second_device_is_compared_and_gets_the_history(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, juliet = await signed_in(chromium, server, "juliet", "Window")
    _, desk = await signed_in(chromium, server, "romeo", "Desk")
    await opens(desk, "juliet")
    await says(desk, "juliet", "It is the east")
    await juliet.click("link", "romeo")
    await says(juliet, "romeo", "Ay me")
    await desk.sees("Ay me", "main")

    _, laptop = await signed_in(chromium, server, "romeo", "Laptop", **CLIPBOARD)
    # The one that was there says so, and leads to where it can be looked at.
    await desk.do(["getByRole", "alert"], ["getByRole", "button", {"name": "Look at it"}], ["click"])
    await desk.do(*row("Laptop"), ["getByRole", "button", {"name": "Compare"}], ["click"])
    await opens_devices(laptop)
    await laptop.do(*row("Desk"), ["getByRole", "button", {"name": "Compare"}], ["click"])
    for page, own, other in ((desk, "Desk", "Laptop"), (laptop, "Laptop", "Desk")):
        await page.do(["getByRole", "region", {"name": f"Their device: {other}"}], ["waitFor"])
    equal(await digits(desk, "Their device: Laptop"), await digits(laptop, "You: This device"))
    equal(await digits(laptop, "Their device: Desk"), await digits(desk, "You: This device"))
    for page, other in ((desk, "Laptop"), (laptop, "Desk")):
        await page.click("button", "They match")
        await page.do(*row(other), ["getByText", "Verified"], ["first"], ["waitFor"])

    # Who hears from a device knows of it.
    await closes(laptop)
    await laptop.click("link", "juliet")
    await says(laptop, "juliet", "I am here, too")
    await juliet.sees("I am here, too", "main")
    # Juliet compares by the link that a QR code holds.
    await opens_devices(laptop)
    await laptop.click("button", "Show the code of this device")
    await laptop.click("button", "Copy the link of this device")
    link = await laptop.evaluate("() => navigator.clipboard.readText()")
    check(link.startswith("xmpp:romeo@"), link)
    await closes(laptop)
    await juliet.click("button", "Details")
    await juliet.click("button", "Devices")
    await juliet.do(*row("Desk"), ["getByRole", "button", {"name": "Compare"}], ["click"])
    await juliet.do(["getByRole", "tab", {"name": "QR code"}], ["click"])
    await juliet.fill("Or paste the link of the other device", link)
    await juliet.click("button", "Check")
    # Who has compared one, and hears of it that it has compared the other, knows both.
    for device in ("Laptop", "Desk"):
        await juliet.do(*row(device), ["getByText", "Verified"], ["first"], ["waitFor"])

    await closes(juliet)

    # The history.
    await laptop.sees("What was said before lies on your other devices", "main")
    await laptop.click("button", "Bring the history here")
    code = await laptop.do(["getByRole", "dialog"], ["locator", "code"], ["textContent"])
    await desk.click("button", "Hand the history over")
    await desk.fill("Code of the new device", code)
    await desk.do(["getByRole", "button", {"name": "Hand over"}], ["click"])
    await desk.sees("on the way")
    await laptop.sees("Done: ")
    await laptop.do(["getByRole", "dialog"], ["locator", "footer"], ["getByRole", "button", {"name": "Close"}], ["click"])
    await laptop.do(["getByText", "What was said before lies"], ["first"], ["waitFor", {"state": "hidden"}])
    for words in ("It is the east", "Ay me"):
        await laptop.do(line(words), ["waitFor"])
    equal(await laptop.do(["getByText", "cannot be read on this device"], ["count"]), 0)
    # Both go on.
    await says(juliet, "romeo", "O Romeo")
    await laptop.sees("O Romeo", "main")
    await says(laptop, "juliet", "I take thee at thy word")
    await juliet.sees("I take thee at thy word", "main")
    await stays_at_home(laptop, server)


@tests
async def a_wrong_code_is_said_in_words(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, desk = await signed_in(chromium, server, "romeo", "Desk")
    await opens_devices(desk)
    await desk.click("button", "Hand the history over")
    await desk.fill("Code of the new device", "xmpp:romeo@hauspost.test?hauspost-history;nonsense")
    await desk.do(["getByRole", "button", {"name": "Hand over"}], ["click"])
    await desk.do(["getByRole", "alert"], ["first"], ["waitFor"])


@tests.taking(150)
async def a_device_that_is_taken_out_wipes_itself_and_says_so(house: House) -> None:
    server = await served(house)
    juliet = await Device(house, server, "juliet", "slixmpp", [NEWER]).switch_on()
    chromium = await Chromium.start(house)
    # Two browsers give themselves the same name.
    _, desk = await signed_in(chromium, server, "romeo", "Browser")
    _, stolen = await signed_in(chromium, server, "romeo", "Browser")
    await opens(desk, "juliet")
    await says(desk, "juliet", "Shall I hear more")
    await reads_until(juliet, "Shall I hear more")
    await stolen.click("link", "juliet")
    await stolen.sees("Shall I hear more", "main")
    equal(len(await stolen.evaluate(KEPT)), 1)

    await desk.do(["getByRole", "alert"], ["getByRole", "button", {"name": "Look at it"}], ["click"])
    await desk.do(*row("Trusted on first use"), ["getByRole", "button", {"name": "Actions for Browser"}], ["click"])
    await desk.do(["getByRole", "menuitem", {"name": "Revoke"}], ["click"])
    await desk.do(["getByRole", "dialog"], ["last"], ["getByRole", "button", {"name": "Revoke"}], ["click"])
    await stolen.sees("Another of your devices has signed this one out")
    await stolen.do(["getByLabel", "Password", {"exact": True}], ["waitFor"])
    equal(await stolen.evaluate(KEPT), [])
    equal(await stolen.do(["getByText", "Shall I hear more"], ["count"]), 0)
    await desk.do(*row("No longer in use"), ["waitFor"])
    await closes(desk)

    # Nobody writes to it any more.
    await juliet.plugin.refresh_device_lists({juliet.jid.__class__(address("romeo"))}, force_download=True)
    told = await juliet.tells("romeo", "Three words", NEWER)
    equal(len(told), 1)
    await desk.sees("Three words", "main")
    # With the password it is a new one.
    await stolen.sign_in(address("romeo"), "Browser again")
    await stolen.sees("What was said before lies on your other devices", "main")
    equal(await stolen.do(["getByText", "Another of your devices has signed this one out"], ["count"]), 0)
