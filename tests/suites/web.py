"""The web client in Chromium, against the server and with a client of others: signing in, talking encrypted, a network that goes
and comes, several pages, and a start without any network."""

from __future__ import annotations

from harness import Tests, check, equal
from harness.browser import Chromium
from harness.server import House
from harness.web import address, opens, says, served, signed_in, stays_at_home
from omemo_slixmpp import Device

tests = Tests("the web client in Chromium")


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
async def no_text_becomes_code(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    attempts = {
        "HTML": "document.body.innerHTML = '<img src=x>'",
        "a script": "document.createElement('script').src = '/assets/x.js'",
        "a worker": "new Worker('/assets/x.js')",
        "a policy": "trustedTypes.createPolicy('other', {})",
        "our policy again": "trustedTypes.createPolicy('hauspost', {})",
    }
    done = {}
    for name, code in attempts.items():
        done[name] = await page.evaluate(f"() => {{ try {{ {code}; return 'done'; }} catch (error) {{ return error.name; }} }}")
    equal({name for name, outcome in done.items() if outcome == "done"}, set())


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
