"""The web client in Chromium, against the server and with a client of others: signing in, talking encrypted, a network that goes
and comes, several pages, and a start without any network."""

from __future__ import annotations

from harness import Tests, check, equal
from harness.browser import Browser, Chromium, Page
from harness.peers import free_port
from harness.server import DOMAIN, House, Server
from omemo_slixmpp import Device

NAMES = ["romeo", "juliet", "nurse"]
RULES = {"direct": "required", "groups": "required"}

tests = Tests("the web client in Chromium")


async def served(house: House) -> Server:
    """A server of the test's own, whose port stays the same when it is started again."""
    server = house.server({"policy.encryption": RULES, "listen": {"http": [f"127.0.0.1:{free_port()}"]}})
    await server.people(*NAMES)
    return await server.start()


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


async def signed_in(chromium: Chromium, server: Server, name: str) -> tuple[Browser, Page]:
    browser = await chromium.browser(server)
    page = await browser.page()
    await page.sign_in(address(name))
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


async def stays_at_home(page: Page, server: Server) -> None:
    """It has asked no other origin, and the browser has refused it nothing."""
    said = await page.said()
    origins = {line.removeprefix("request: ") for line in said if line.startswith("request: ")}
    origins -= {"null"}  # `blob:` addresses
    equal(origins, {server.url("").rstrip("/")})
    problems = [line for line in said if "Content Security Policy" in line or line.startswith("error: ")]
    equal(problems, [])


@tests
async def somebody_signs_in_and_talks_encrypted_with_a_client_of_others(house: House) -> None:
    server = await served(house)
    juliet = await Device(house, server, "juliet", "slixmpp").switch_on()
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    await opens(page, "juliet")
    await says(page, "juliet", "But soft, what light")
    async with page.told():
        await juliet.reads("But soft, what light", {juliet.number})
    await juliet.tells("romeo", "O Romeo", "both")
    await page.sees("O Romeo", "main")
    await juliet.tells("romeo", "wherefore art thou", "eu.siacs.conversations.axolotl")
    await page.sees("wherefore art thou", "main")
    await stays_at_home(page, server)


@tests
async def a_wrong_password_is_said_in_words_and_leaves_nothing(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    browser = await chromium.browser(server)
    page = await browser.page()
    await page.fill("Address", address("romeo"))
    await page.fill("Password", "not the one")
    await page.click("button", "Sign in")
    await page.sees("check address and password")
    kept = await page.evaluate(
        "async () => { const names = []; for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name); return names; }"
    )
    equal(kept, [])
    await page.fill("Password", "")
    await page.sign_in(address("romeo"))


@tests
async def what_is_written_without_a_network_goes_out_later(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await opens(romeo, "juliet")
    await says(romeo, "juliet", "Can you hear me?")
    await juliet.sees("Can you hear me?")
    await server.stop()
    await says(romeo, "juliet", "And now?")
    await server.start()
    await juliet.sees("And now?")


@tests
async def without_a_server_the_list_is_there_at_the_next_start(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    browser, page = await signed_in(chromium, server, "romeo")
    await opens(page, "juliet")
    await says(page, "juliet", "Remember me")
    # All files are here for the next time.
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    await server.stop()
    await page.do(["close"])
    page = await browser.page("/")
    await page.sees("Remember me")
    await server.start()
    await page.click("link", "juliet")
    await says(page, "juliet", "I am back")


@tests
async def a_second_page_is_served_by_the_first_and_goes_on_without_it(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    browser, first = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await opens(first, "juliet")
    await says(first, "juliet", "from the first page")
    await juliet.sees("from the first page")
    second = await browser.page(f"/#/chat/{address('juliet')}")
    await second.sees("from the first page", "main")
    await says(second, "juliet", "from the second page")
    await first.sees("from the second page", "main")
    await first.do(["close"])
    await says(second, "juliet", "alone now")
    await juliet.sees("alone now")


@tests
async def signing_out_wipes_what_was_kept(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    names = "async () => { const names = []; for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name); return names; }"
    check(len(await page.evaluate(names)) == 1, "one device is kept")
    await page.click("button", "romeo")
    await page.do(["getByText", "Sign out"], ["first"], ["click"])
    await page.do(["getByRole", "dialog"], ["getByRole", "checkbox"], ["check"])
    await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Sign out"}], ["click"])
    await page.do(["getByLabel", "Password", {"exact": True}], ["waitFor"])
    equal(await page.evaluate(names), [])
