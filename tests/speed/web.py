"""What the web client costs in Chromium on an account of a real server, and beside it Converse.js on the same account in the same run:
start, opening a conversation, scrolling, memory; and typing while what was said meanwhile is read.

    cargo xtask web && cargo build --release -p server
    python3 -m venv tests/.venv && tests/.venv/bin/pip install -r tests/suites/requirements.txt      # `cargo xtask test` has done that, too
    (cd tests/speed/web && npm install --no-save --ignore-scripts)        # Converse.js; left out without it
    tests/.venv/bin/python tests/speed/web.py [--conversations 1000] [--messages 10000]

Figures are for a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "suites"))

from aiohttp import web  # noqa: E402
from harness.browser import Chromium, Page  # noqa: E402
from harness.peers import free_port  # noqa: E402
from harness.people import arrive  # noqa: E402
from harness.server import LOOPBACK, PASSWORD, House, Server  # noqa: E402
from harness.web import address  # noqa: E402

CONVERSE = Path(__file__).parent / "web" / "node_modules" / "converse.js" / "dist"
# How long a part may take: nothing is judged by it.
PATIENCE = 600.0


def memory(pid: int) -> float:
    """What Chromium's processes for pages hold, in MB: shared parts by their share (PSS)."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit() or "--type=renderer" not in (folder / "cmdline").read_text():
                continue
            if not descends(int(folder.name), pid):
                continue
            lines = (folder / "smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000
        except (OSError, StopIteration):
            continue
    return total


def descends(process: int, of: int) -> bool:
    while process > 1:
        if process == of:
            return True
        stat = Path(f"/proc/{process}/stat").read_text()
        process = int(stat.rpartition(")")[2].split()[1])
    return False


async def say(house: House, server: Server, name: str, to: list[str], words: str, asks: bool = False) -> None:
    """Says something to each of them; `asks` to have them as contacts, for Converse.js lists contacts."""
    person = await arrive(house, server, name, f"writer-{to[0][:8]}-{len(to)}", available=False, plugins=["xep_0030", "xep_0199"])
    for number, whom in enumerate(to):
        if asks:
            person.send_presence_subscription(pto=address(whom))
        person.send_message(mto=address(whom), mbody=f"{words} {number}", mtype="chat")
        if number % 500 == 499:
            await person["xep_0199"].send_ping(person.boundjid.domain, timeout=PATIENCE)
    await person["xep_0199"].send_ping(person.boundjid.domain, timeout=PATIENCE)
    await person.leave()


async def until(page: Page, code: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await page.evaluate(code):
            await asyncio.sleep(0.1)


OPENING = """async ([link, shown]) => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const begun = performance.now();
  const rows = [...document.querySelectorAll(link.rows)];
  (rows.find((one) => one.textContent.includes(link.name)) ?? rows[link.at]).click();
  while (!document.querySelector(shown)) await frame();
  await frame();
  return performance.now() - begun;
}"""
SCROLLING = """async ([scroller, seconds]) => {
  const element = document.querySelector(scroller);
  const frames = [];
  let last = performance.now();
  const begun = last;
  while (last - begun < seconds * 1000) {
    element.scrollTop -= 900;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  frames.sort((one, other) => one - other);
  return { frames: frames.length, median: frames[frames.length >> 1], longest: frames.at(-1), over50: frames.filter((one) => one > 50).length };
}"""
TYPING = """async (seconds) => {
  const field = document.querySelector('textarea');
  const took = [];
  const begun = performance.now();
  while (performance.now() - begun < seconds * 1000) {
    const key = performance.now();
    field.value += 'a';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    took.push(performance.now() - key);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  took.sort((one, other) => one - other);
  return { keys: took.length, median: took[took.length >> 1], longest: took.at(-1) };
}"""


async def started(page: Page, path: str, rows: str) -> float:
    """Milliseconds from asking for the page to the first row of the list."""
    await page.do(["goto", path])
    await until(page, f"() => document.querySelector({rows!r}) !== null")
    # The browser's own clock, as it saw the row: an observer has noted it.
    return float(await page.evaluate("() => window.firstRow ?? performance.now()"))


async def measured(name: str, page: Page, path: str, rows: str, link: str, shown: str, scroller: str, process: int, rounds: int) -> None:
    watch = f"new MutationObserver((_, all) => {{ if (document.querySelector({rows!r})) {{ requestAnimationFrame(() => (window.firstRow = performance.now())); all.disconnect(); }} }}).observe(document, {{ childList: true, subtree: true }});"
    await page.chromium.ask("do", page=page.name, steps=[["addInitScript", watch]])
    starts = [await started(page, path, rows) for _ in range(rounds)]
    print(f"{name}: start with what is kept, to a readable list: median {statistics.median(starts):.0f} ms of {rounds}, longest {max(starts):.0f} ms")
    print(f"{name}: memory of pages and workers with all conversations: {memory(process):.0f} MB")
    openings = []
    for number in range(rounds):
        wanted = {"rows": link, "name": "nobody", "at": number + 1}
        openings.append(await page.evaluate(OPENING, [wanted, shown]))
    print(f"{name}: opening a conversation: median {statistics.median(openings):.0f} ms of {rounds}, longest {max(openings):.0f} ms")
    await page.evaluate(OPENING, [{"rows": link, "name": "juliet", "at": 0}, shown])
    print(f"{name}: scrolling through {scroller}: {await page.evaluate(SCROLLING, [scroller, 30])}")
    print(f"{name}: memory after that: {memory(process):.0f} MB", flush=True)


async def converse(house: House, server: Server, chromium: Chromium, rounds: int) -> None:
    if not CONVERSE.is_dir():
        print("Converse.js: not here; (cd tests/speed/web && npm install --no-save --ignore-scripts)")
        return
    text = f"""<!doctype html><html><head><meta charset=utf-8><link rel=stylesheet href=/dist/converse.min.css></head>
<body class=converse-fullscreen><script type=module>import '/dist/converse.min.js'; converse.initialize({{ assets_path: '/dist/', authentication: 'login', auto_login: true, jid: '{address("romeo")}', password: '{PASSWORD}',
websocket_url: 'ws://{LOOPBACK}:{server.address("http")[1]}/xmpp-websocket', view_mode: 'fullscreen', discover_connection_methods: false, auto_reconnect: true,
message_archiving: 'always', archived_messages_page_size: 100, loglevel: 'error', show_controlbox_by_default: true }});</script></body></html>"""

    async def page_of(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page_of)
    app.router.add_static("/dist", CONVERSE)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    house.at_end(runner.cleanup)
    browser = await chromium.browser(server, baseURL=f"http://{LOOPBACK}:{runner.addresses[0][1]}")
    page = await browser.page("/")
    rows = "converse-roster .list-item, converse-chats-list .list-item, .roster-contacts .list-item"
    print("Converse.js: waiting for its contacts", flush=True)
    await until(page, f"() => document.querySelectorAll({rows!r}).length > 0")
    await measured("Converse.js", page, "/", rows, "a.open-chat, .open-chat", "converse-chat-message, .chat-msg", "converse-chat-content", chromium.process.pid, rounds)


async def run(binary: Path, conversations: int, messages: int, rounds: int) -> None:
    house = House(binary, binary)
    off = {"direct": "off", "groups": "off", "remote": "off"}
    server = house.server({"policy.encryption": off, "listen": {"http": [f"{LOOPBACK}:{free_port()}"], "xmpp": [f"{LOOPBACK}:0"]},
                           "http": {"allowed_origins": ["*"]}, "limits": {"input_bytes_per_second": 100_000_000, "input_burst_bytes": 100_000_000}})
    try:
        people = [f"person{number}" for number in range(conversations)]
        await server.people("romeo", "juliet", *people)
        await server.start()
        await say(house, server, "romeo", people, "Good morrow", asks=True)
        await say(house, server, "romeo", ["juliet"], "Good morrow", asks=True)
        await say(house, server, "juliet", ["romeo"] * messages, "the lark, the herald of the morn")
        chromium = await Chromium.start(house)
        browser = await chromium.browser(server)
        page = await browser.page()
        await page.sign_in(address("romeo"))
        await until(page, "() => document.querySelectorAll('nav[aria-label=Conversations] a').length > 5 && !document.body.innerText.includes('Fetching')")
        await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
        link = "nav[aria-label=Conversations] a"
        await measured("Hauspost", page, "/", link, link, "[data-message]", ".scroller", chromium.process.pid, rounds)
        # While the page is away as much again is said; then somebody types.
        await page.do(["goto", "about:blank"])
        await say(house, server, "juliet", ["romeo"] * messages, "No nightingale")
        await page.do(["goto", f"/#/chat/{address('person0')}"])
        await page.do(["getByRole", "textbox"], ["waitFor"])
        print(f"Hauspost: typing while {messages:,} messages are read: {await page.evaluate(TYPING, 10)}", flush=True)
        await chromium.ask("close", context=browser.name)
        await converse(house, server, chromium, rounds)
    finally:
        await house.close()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", type=Path, default=Path(os.environ.get("HAUSPOST_BIN") or ROOT / "target" / "release" / "hauspost"))
    arguments.add_argument("--conversations", type=int, default=1_000)
    arguments.add_argument("--messages", type=int, default=10_000)
    arguments.add_argument("--rounds", type=int, default=9)
    given = arguments.parse_args()
    asyncio.run(run(given.binary.resolve(), given.conversations, given.messages, given.rounds))
