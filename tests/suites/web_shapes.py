"""The web client in its shapes: docked in a page of another origin, on a phone, in German; and what axe says of its screens, in light
and dark."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from harness import Tests, check, equal
from harness.browser import Chromium, Page
from harness.server import LOOPBACK, PASSWORD, House, Server
from harness.web import address, line, makes_group, opens, reacts, says, served, signed_in, stays_at_home

PHONE = {"viewport": {"width": 390, "height": 844}, "isMobile": True, "hasTouch": True}
FRAME: list[Any] = ["frameLocator", "iframe"]
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

tests = Tests("the shapes of the web client")


async def office(house: House) -> tuple[str, list[str]]:
    """A page of somebody else; its origin, and what it holds in its frame can be set."""
    shown = [""]

    async def page(_: web.Request) -> web.Response:
        text = f"<!doctype html><title>Files</title><h1>Files</h1><iframe src='{shown[0]}' width=380 height=700 allow='clipboard-write'></iframe>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    house.at_end(runner.cleanup)
    port = runner.addresses[0][1]
    return f"http://{LOOPBACK}:{port}", shown


class Framed:
    """What is in the frame of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def do(self, *steps: list[Any]) -> Any:
        return await self.page.do(FRAME, *steps)

    async def sees(self, words: str) -> None:
        await self.do(["getByText", words], ["first"], ["waitFor"])


@tests
async def docked_in_a_page_of_another_origin_with_a_window_of_its_own_in_step(house: House) -> None:
    origin, shown = await office(house)
    server = await served(house, {"http": {"embed_origins": [origin]}})
    shown[0] = server.url("/?view=sidebar")
    chromium = await Chromium.start(house)
    _, juliet = await signed_in(chromium, server, "juliet")
    browser = await chromium.browser(server)
    page = await browser.page(origin)
    frame = Framed(page)
    for label, words in (("Address", address("romeo")), ("Password", PASSWORD)):
        await frame.do(["getByLabel", label, {"exact": True}], ["fill", words])
    await frame.do(["getByRole", "button", {"name": "Sign in"}], ["click"])
    await frame.do(["getByRole", "navigation", {"name": "Conversations"}], ["waitFor"])
    await opens(juliet, "romeo")
    await says(juliet, "romeo", "Good morrow")
    await frame.do(["getByRole", "link", {"name": "juliet"}], ["click"])
    await frame.do(["locator", "main"], ["getByText", "Good morrow"], ["first"], ["waitFor"])
    own = await page.popup(FRAME, ["getByRole", "button", {"name": "Open in a window of its own"}], ["click"])
    await own.sees("Good morrow", "main")
    await says(own, "juliet", "Is the day so young?")
    await frame.do(["locator", "main"], ["getByText", "Is the day so young?"], ["first"], ["waitFor"])
    box: list[Any] = ["getByRole", "textbox", {"name": "Message to juliet"}]
    await frame.do(box, ["fill", "Ay me, sad hours seem long"])
    await frame.do(box, ["press", "Enter"])
    await own.sees("Ay me, sad hours seem long", "main")
    for words in ("Is the day so young?", "Ay me, sad hours seem long"):
        await juliet.sees(words, "main")
    # What the service worker keeps is framed as well.
    await page.do(["reload"])
    await frame.sees("Ay me, sad hours seem long")


@tests
async def nobody_else_frames_it_and_nothing_but_the_sidebar(house: House) -> None:
    allowed, inside = await office(house)
    other, outside = await office(house)
    server = await served(house, {"http": {"embed_origins": [allowed]}})
    chromium = await Chromium.start(house)
    browser = await chromium.browser(server)
    # As with somebody who uses it: the service worker is there.
    own = await browser.page("/")
    await own.evaluate("async () => { await navigator.serviceWorker.ready; }")
    for origin, shown, path in ((other, outside, "/?view=sidebar"), (allowed, inside, "/"), (allowed, inside, "/?view=conversation"), (other, outside, "/")):
        shown[0] = server.url(path)
        page = await browser.page(origin)
        await page.do(["getByText", "Files"], ["waitFor"])
        async with page.told():
            refused = [words for words in await page.said() if "frame-ancestors" in words]
            check(refused, f"{path} in {origin} was not refused")
        equal(await page.do(FRAME, ["getByLabel", "Address"], ["count"]), 0, path)
    inside[0] = server.url("/?view=sidebar")
    page = await browser.page(allowed)
    await Framed(page).do(["getByLabel", "Address", {"exact": True}], ["waitFor"])


@tests
async def on_a_phone_list_and_conversation_are_two_pages(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, juliet = await signed_in(chromium, server, "juliet")
    _, phone = await signed_in(chromium, server, "romeo", **PHONE)
    listed: list[Any] = ["getByRole", "navigation", {"name": "Conversations"}]
    await opens(phone, "juliet")
    equal(await phone.do(listed, ["count"]), 0)
    # Where one types on glass, Enter breaks the line.
    await phone.do(["getByRole", "textbox", {"name": "Message to juliet"}], ["fill", "With love's light wings"])
    await phone.do(["getByRole", "button", {"name": "Send", "exact": True}], ["tap"])
    await phone.sees("With love's light wings", "main")
    await juliet.click("link", "romeo")
    await juliet.sees("With love's light wings", "main")
    await phone.do(["goBack"])
    await phone.do(listed, ["waitFor"])
    await says(juliet, "romeo", "By whose direction?")
    await phone.sees("By whose direction?")
    await phone.click("link", "juliet")
    await phone.sees("By whose direction?", "main")
    equal(await phone.evaluate(SIDEWAYS), 0)
    # Fingers have no hover: a tap on a message shows what can be done with it.
    await phone.do(line("By whose direction?"), ["last"], ["tap"])
    await phone.do(["getByRole", "group", {"name": "Message actions"}], ["getByRole", "button", {"name": "React"}], ["tap"])
    await phone.do(["getByRole", "button", {"name": "React with 👍"}], ["tap"])
    await juliet.do(["getByRole", "button", {"name": "👍"}], ["first"], ["waitFor"])
    await phone.click("button", "Details")
    await phone.sees("Only you and juliet can read this.")
    equal(await phone.evaluate(SIDEWAYS), 0)
    await phone.click("button", "Hide details")
    small = await phone.evaluate(
        "() => [...document.querySelectorAll('header button, header a, .composer button')].map((one) => [one.ariaLabel, one.getBoundingClientRect()])"
        ".filter(([, box]) => box.width > 0 && (box.width < 40 || box.height < 40)).map(([label]) => label)"
    )
    equal(small, [])
    await phone.click("button", "Back")
    await phone.do(listed, ["waitFor"])
    await stays_at_home(phone, server)


@tests
async def in_german_from_the_door_to_the_answer(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, juliet = await signed_in(chromium, server, "juliet")
    browser = await chromium.browser(server, locale="de-DE")
    page = await browser.page()
    await page.do(["getByLabel", "Adresse", {"exact": True}], ["fill", address("romeo")])
    await page.do(["getByLabel", "Passwort", {"exact": True}], ["fill", PASSWORD])
    await page.click("button", "Anmelden")
    await page.do(["getByRole", "navigation", {"name": "Gespräche"}], ["waitFor"])
    equal(await page.evaluate("() => document.documentElement.lang"), "de")
    await page.click("button", "Neues Gespräch")
    await page.do(["getByRole", "combobox"], ["fill", address("juliet")])
    await page.do(["getByRole", "option"], ["first"], ["waitFor"])
    await page.do(["getByRole", "combobox"], ["press", "Enter"])
    box: list[Any] = ["getByRole", "textbox", {"name": "Nachricht an juliet"}]
    await page.do(box, ["fill", "Es war die Nachtigall, und nicht die Lerche"])
    await page.do(box, ["press", "Enter"])
    await page.sees("Ende-zu-Ende-verschlüsselt", "main")
    await page.sees("Heute", "main")
    await juliet.click("link", "romeo")
    await juliet.sees("Es war die Nachtigall", "main")
    await says(juliet, "romeo", "It was the nightingale")
    await page.sees("It was the nightingale", "main")
    # No English word of the house is left on what is to be seen.
    shown = await page.shown()
    english = [words for words in ("Conversations", "Today", "Search or jump", "Unread", "Mentions", "encrypted", "Details\nDetails") if words in shown]
    equal(english, [])


@tests.each(["light", "dark"], longest=240)
async def axe_finds_nothing_on_any_screen(house: House, theme: str) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, juliet = await signed_in(chromium, server, "juliet")
    browser = await chromium.browser(server, colorScheme=theme)
    page = await browser.page()
    found: dict[str, list[str]] = {}

    async def look(screen: str) -> None:
        await page.until("() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getComputedTiming().iterations === Infinity)")
        if problems := await page.violations():
            found[screen] = problems

    dialog: list[Any] = ["getByRole", "dialog"]
    await page.do(["getByLabel", "Address", {"exact": True}], ["waitFor"])
    equal(await page.evaluate("() => document.documentElement.dataset.theme"), theme)
    await look("the door")
    await page.click("button", "Sign in")
    await look("the door with errors")
    await page.sign_in(address("romeo"))
    await look("an empty house")
    await page.click("button", "New conversation")
    await look("a new conversation")
    await page.do(dialog, ["press", "Escape"])
    room = await makes_group(page, "Orchard", "juliet", "nurse")
    check(room, "no group")
    await says(page, "Orchard", "Who is there?")
    box: list[Any] = ["getByRole", "textbox", {"name": "Message to Orchard"}]
    await page.do(box, ["fill", "> quoted\nand *said* at https://example.org with `code`"])
    await page.do(box, ["press", "Enter"])
    await page.do(line("with code"), ["waitFor"])
    await opens(juliet, "romeo")
    await says(juliet, "romeo", "Good night, good night")
    await page.click("link", "juliet")
    await page.sees("Good night, good night", "main")
    await reacts(page, "Good night, good night", "👍")
    await page.do(line("Good night"), ["last"], ["hover"])
    await look("a conversation of two")
    await page.click("link", "Orchard")
    await page.sees("Who is there?", "main")
    await look("a group")
    await page.click("button", "Details")
    await page.sees("can read this", "aside")
    await look("details")
    await page.click("button", "Insert emoji")
    await page.do(["getByRole", "searchbox", {"name": "Search emoji"}], ["waitFor"])
    await look("emoji")
    await page.do(["getByRole", "searchbox", {"name": "Search emoji"}], ["press", "Escape"])
    await page.click("button", "Search or jump to")
    await page.do(["getByRole", "combobox", {"name": "Search and jump"}], ["fill", "night"])
    await page.do(["getByRole", "option"], ["first"], ["waitFor"])
    await look("the switcher")
    await page.do(["getByRole", "combobox", {"name": "Search and jump"}], ["press", "Escape"])
    await page.click("button", "romeo: status, settings, sign out")
    await look("one's own menu")
    # The details of a group have a button of that name, too.
    await page.do(["getByRole", "dialog", {"name": "Your account"}], ["getByRole", "button", {"name": "Settings", "exact": True}], ["click"])
    for name in await page.do(dialog, ["getByRole", "navigation"], ["getByRole", "button"], ["allInnerTexts"]):
        await page.do(dialog, ["getByRole", "navigation"], ["getByRole", "button", {"name": name.strip(), "exact": True}], ["click"])
        await look(f"settings: {name.strip()}")
    await page.do(dialog, ["getByRole", "button", {"name": "Devices", "exact": True}], ["click"])
    await page.click("button", "Bring the history here")
    await page.do(dialog, ["last"], ["getByRole", "button", {"name": "Copy the code as text"}], ["waitFor"])
    await look("bringing the history")
    equal(found, {})


@tests
async def what_is_new_is_notified_of_and_answered(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, juliet = await signed_in(chromium, server, "juliet")
    _, nurse = await signed_in(chromium, server, "nurse")
    browser, page = await signed_in(chromium, server, "romeo", permissions=["notifications"])
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    await page.evaluate("() => { window.badges = []; navigator.setAppBadge = async (count) => { window.badges.push(count); }; navigator.clearAppBadge = async () => { window.badges.push(0); }; }")
    await page.click("button", "romeo: status, settings, sign out")
    await page.do(["getByRole", "button", {"name": "Settings", "exact": True}], ["click"])
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Notifications"}], ["click"])
    await page.do(["getByRole", "dialog"], ["getByRole", "switch"], ["first"], ["click"])
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Close"}], ["click"])
    for other in (juliet, nurse):
        await opens(other, "romeo")
        await says(other, "romeo", "Hello")
    await page.do(["getByRole", "link", {"name": "nurse"}], ["waitFor"])
    await page.click("link", "nurse")
    await page.click("button", "Details")
    await page.do(["getByRole", "radio", {"name": "Muted"}], ["check"])
    await page.click("link", "juliet")
    await page.click("link", "nurse")

    # Somebody looks elsewhere.
    await page.evaluate("() => { document.hasFocus = () => false; dispatchEvent(new Event('blur')); }")
    await says(nurse, "romeo", "Not so loud")
    await says(juliet, "romeo", "Wilt thou be gone?")
    shown = "async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag, actions }) => ({ title, body, tag, actions: actions.map(({ action }) => action) }))"
    await page.until("() => window.badges.at(-1) === 1")
    await page.until("() => { navigator.serviceWorker.ready.then(async (one) => { window.shown = await one.getNotifications(); }); return window.shown?.length > 0; }")
    equal(await page.evaluate(shown), [{"title": "juliet", "body": "Wilt thou be gone?", "tag": address("juliet"), "actions": ["reply"]}])

    # An answer in the notification itself.
    click = (
        "async ({ action, reply }) => { const [notification] = await registration.getNotifications();"
        " const event = new NotificationEvent('notificationclick', { notification, action });"
        " Object.defineProperty(event, 'reply', { value: reply }); dispatchEvent(event); }"
    )
    await browser.worker(click, {"action": "reply", "reply": "It is not yet near day"})
    await juliet.sees("It is not yet near day", "main")
    # A click leads to the composer.
    await says(juliet, "romeo", "Believe me, love")
    await page.until("() => { navigator.serviceWorker.ready.then(async (one) => { window.shown = await one.getNotifications(); }); return window.shown?.[0]?.body === 'Believe me, love'; }")
    await browser.worker(click, {"action": "", "reply": None})
    await page.do(["getByRole", "textbox", {"name": "Message to juliet"}], ["waitFor"])
    await page.until("() => document.activeElement?.tagName === 'TEXTAREA'")
    await page.until("() => { navigator.serviceWorker.ready.then(async (one) => { window.shown = await one.getNotifications(); }); return window.shown?.length === 0; }")
