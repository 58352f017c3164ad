"""A hostile sender, through the real server, in the browser: names, words, files, previews; nothing breaks, runs or leaves the house."""

from __future__ import annotations

import base64
import os

from xml.etree import ElementTree as ET

from harness import Tests, check, equal
from harness.browser import Chromium, Page
from harness.sealed import finds, made, says as tells
from harness.server import House, Server
from harness.tests import PATIENCE
from harness.web import address, line, says, served, signed_in, stays_at_home
from omemo_slixmpp import NEWER, Device
from slixmpp import JID
from web_files import ENCRYPTED, FILE, SHARING, URL_DATA, sends_file

SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
MARKUP = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script><svg onload=\"document.title='taken'\">"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='taken'\"><script>document.title='taken'</script></svg>"
OVERRIDE = "\u202e"
ZERO = "\u200b\u200d\u2060\ufeff"

tests = Tests("a hostile sender, in the web client")


async def begins(house: House) -> tuple[Server, Device, Page]:
    server = await served(house)
    juliet = await Device(house, server, "juliet", "slixmpp", [NEWER]).switch_on()
    juliet.person.register_plugin("xep_0363")
    juliet.person.register_plugin("xep_0172")
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    await finds(juliet, "romeo")
    return server, juliet, page


async def sends(juliet: Device, words: str | None, *parts: ET.Element) -> None:
    await tells(juliet, ["romeo"], JID(address("romeo")), words, *parts, kind="chat")


async def is_whole(page: Page, server: Server) -> None:
    """The page still does what it should, and nothing was run, fetched or pushed aside."""
    equal(await page.evaluate(SIDEWAYS), 0)
    check("taken" not in str(await page.do(["title"])), "a script has run")
    await says(page, "juliet", "Still here")
    await stays_at_home(page, server)


@tests
async def words_that_would_be_markup_or_turn_others_around(house: House) -> None:
    server, juliet, page = await begins(house)
    await sends(juliet, MARKUP)
    await page.do(["getByRole", "link", {"name": "juliet"}], ["click"])
    await page.do(line("onerror"), ["waitFor"])
    equal(await page.do(["locator", "[data-message] :is(img, script, svg[onload])"], ["count"]), 0)
    lines = {
        "turned": f"{OVERRIDE}gnp.exe {OVERRIDE}",
        "isolates": "\u2066\u2067\u2068" * 200 + "isolates",
        "nothing": ZERO * 500 + "nothing to see",
        "combining": "Z" + "\u0300" * 2_000 + " combining",
        "wide": "\ufdfd" * 3_000 + " wide",
        "link": "javascript:alert(1) data:text/html,<script>alert(1)</script> https://example.org@evil.example/ link",
        "styling": "*_~`" * 3_000 + " styling",
        "quotes": "> " * 5_000 + "quotes",
        "lines": "\n" * 20_000 + "lines",
        "controls": "\u0085\u2028\u2029\u00ad controls",
    }
    for name, words in lines.items():
        await sends(juliet, words)
    await sends(juliet, "The last of them")
    await page.sees("The last of them", "main")
    equal(await page.do(["locator", "[data-message] a[href^='javascript:' i], [data-message] a[href^='data:' i]"], ["count"]), 0)
    # A letter with a tower of accents stays in its line.
    over = "() => { const all = [...document.querySelectorAll('[data-message]')]; const main = document.querySelector('main').getBoundingClientRect(); return all.filter((one) => one.getBoundingClientRect().right > main.right + 1).length; }"
    equal(await page.evaluate(over), 0)
    # The row of the list and what stands after a name are not turned.
    equal(await page.do(["getByRole", "link", {"name": "juliet"}], ["locator", "bdi"], ["count"]) >= 1, True)
    await is_whole(page, server)


@tests.taking(150)
async def a_megabyte_and_ten_thousand_emoji(house: House) -> None:
    server, juliet, page = await begins(house)
    largest = 150_000
    for words in ("a" * largest, "word " * (largest // 5), "🎉" * 10_000, "👩‍👩‍👧‍👦" * 2_000, "https://example.org/" + "x" * 50_000):
        await sends(juliet, words)
    await sends(juliet, "after all that")
    await page.do(["getByRole", "link", {"name": "juliet"}], ["click"])
    await page.sees("after all that", "main")
    elements = await page.evaluate("() => document.querySelectorAll('main *').length")
    check(elements < 6_000, f"{elements} elements are drawn")
    await page.do(["getByRole", "button", {"name": "Show all"}], ["first"], ["click"])
    await page.sees("after all that", "main")
    await is_whole(page, server)


@tests
async def names_that_are_too_long_empty_or_somebody_elses(house: House) -> None:
    server, juliet, page = await begins(house)
    for name in (f"romeo{OVERRIDE}{MARKUP}", "n" * 10_000, ZERO * 100):
        await juliet.person["xep_0172"].publish_nick(name, timeout=PATIENCE)
        await sends(juliet, f"I am {len(name)}")
        await page.sees(f"I am {len(name)}")
    await page.do(["getByText", "I am 400"], ["first"], ["click"])
    await page.do(line("I am 400"), ["waitFor"])
    equal(await page.do(["locator", "main :is(img[onerror], script)"], ["count"]), 0)
    equal(await page.evaluate(SIDEWAYS), 0)
    check("taken" not in str(await page.do(["title"])), "a script has run")
    # It is to be seen whose words these are: by the address at least.
    await page.click("button", "Details")
    await page.sees(address("juliet"), "aside")
    await stays_at_home(page, server)


@tests
async def files_that_are_not_what_they_say(house: House) -> None:
    server, juliet, page = await begins(house)
    await sends_file(juliet, server, SVG, "picture.svg", "image/svg+xml", "inline")
    await sends_file(juliet, server, SVG, "picture.png", "image/png", "inline")
    await sends_file(juliet, server, b"<script>document.title='taken'</script>", "page.html", "text/html", "inline")
    await sends_file(juliet, server, os.urandom(5_000), f"holiday{OVERRIDE}gnp.exe", "image/jpeg", "inline")
    await sends_file(juliet, server, os.urandom(5_000), "../../etc/passwd", "application/x-msdownload")
    await sends_file(juliet, server, os.urandom(5_000), "x" * 3_000 + MARKUP, "video/mp4", "inline")
    await sends(juliet, "All files")
    await page.do(["getByRole", "link", {"name": "juliet"}], ["click"])
    await page.sees("All files", "main")
    # What has scripts in it is a file to be saved, under a type that nothing runs.
    saved = await page.download(["getByRole", "button", {"name": "Save: picture.svg"}], ["click"])
    equal(saved, SVG)
    saved = await page.download(["getByRole", "button", {"name": "Save: page.html"}], ["click"])
    check(b"taken" in saved, "another file")
    equal(await page.do(["locator", "main iframe, main object, main embed"], ["count"]), 0)
    await is_whole(page, server)


@tests
async def files_elsewhere_and_of_any_size_are_not_fetched_by_themselves(house: House) -> None:
    server, juliet, page = await begins(house)
    text = lambda tag, words: made(tag, {}, words)  # noqa: E731
    for host, size in (("evil.example", "100"), ("localhost:9", "100"), ("[::1]:22", "100"), (server.url("").removeprefix("http://") + ".evil.example", "100"), ("hauspost.test", str(2**63))):
        metadata = made(f"{FILE}file", {}, text(f"{FILE}name", f"at {host[:12]}.png"), text(f"{FILE}media-type", "image/png"), text(f"{FILE}size", size),
                        text(f"{FILE}width", "4000000000"), text(f"{FILE}height", "1"))
        source = made(f"{ENCRYPTED}encrypted", {"cipher": "urn:xmpp:ciphers:aes-256-gcm-nopadding:0"},
                      text(f"{ENCRYPTED}key", base64.b64encode(bytes(32)).decode()), text(f"{ENCRYPTED}iv", base64.b64encode(bytes(12)).decode()),
                      made("{urn:xmpp:sfs:0}sources", {}, made(f"{URL_DATA}url-data", {"target": f"https://{host}/x.png"})))
        await sends(juliet, None, made(SHARING, {"disposition": "inline"}, metadata, made("{urn:xmpp:sfs:0}sources", {}, source)))
    await sends(juliet, "All places")
    await page.do(["getByRole", "link", {"name": "juliet"}], ["click"])
    await page.sees("All places", "main")
    for at in range(await page.do(["locator", "[data-message] button[aria-label^='Picture']"], ["count"])):
        await page.do(["locator", "[data-message] button[aria-label^='Picture']"], ["nth", at], ["click"])
        await page.until("() => [...document.querySelectorAll('[data-message] button')].every((one) => !one.querySelector('[role=status], .spinner'))")
        if await page.do(["getByRole", "dialog"], ["count"]):
            await page.do(["getByRole", "dialog"], ["press", "Escape"])
    await is_whole(page, server)


@tests
async def previews_that_lie(house: House) -> None:
    server, juliet, page = await begins(house)
    rdf = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
    og = "{https://ogp.me/ns#}"
    for about, image in (("javascript:alert(1)", "javascript:alert(1)"), ("https://example.org/", "https://evil.example/track.png"),
                         ("https://example.org/", "data:image/svg+xml;base64," + base64.b64encode(SVG).decode())):
        description = made(f"{rdf}Description", {f"{rdf}about": about}, made(f"{og}title", {}, f"{OVERRIDE}Bank {MARKUP}"),
                           made(f"{og}description", {}, "d" * 20_000), made(f"{og}url", {}, about), made(f"{og}image", {}, image))
        await sends(juliet, f"Look: https://example.org/ {about}", description)
    await sends(juliet, "All previews")
    await page.do(["getByRole", "link", {"name": "juliet"}], ["click"])
    await page.sees("All previews", "main")
    equal(await page.do(["locator", "main a[href^='javascript:' i]"], ["count"]), 0)
    equal(await page.do(["locator", "main img[src^='http' i], main img[src*='svg' i]"], ["count"]), 0)
    # What opens elsewhere gets no hold of this page.
    loose = "() => [...document.querySelectorAll('main a[target=_blank]')].filter((one) => !one.rel.includes('noreferrer') && !one.rel.includes('noopener')).length"
    equal(await page.evaluate(loose), 0)
    await is_whole(page, server)
