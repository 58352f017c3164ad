"""Chromium, as people use it: each has a browser with what it keeps, and pages in it. It is driven by playwright-core
(`web/tests/browser/driver.js`)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

from .server import PASSWORD, House, Server
from .tests import PATIENCE, check, patience

WEB = Path(__file__).resolve().parents[3] / "web"


class Chromium:
    """The one process of a test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.numbers = itertools.count(1)
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, house: House) -> "Chromium":
        driver = WEB / "tests" / "browser" / "driver.js"
        check((WEB / "node_modules").is_dir(), "the web client is not built; run: cargo xtask web")
        process = await asyncio.create_subprocess_exec(
            os.environ.get("HAUSPOST_NODE") or "node", str(driver), cwd=WEB, limit=64 * 1024 * 1024,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        made = cls(process)
        house.at_end(made.close)
        return made

    async def _read(self) -> None:
        out = self.process.stdout
        assert out is not None
        while line := await out.readline():
            answer = json.loads(line)
            waiting = self.waiting.pop(answer["id"])
            if waiting.done():
                continue
            if "error" in answer:
                waiting.set_exception(AssertionError(answer["error"]))
            else:
                waiting.set_result(answer["value"])
        for waiting in self.waiting.values():
            waiting.set_exception(AssertionError("the browser has ended"))

    async def ask(self, act: str, **rest: Any) -> Any:
        number = next(self.numbers)
        waiting = self.waiting[number] = asyncio.get_running_loop().create_future()
        into = self.process.stdin
        assert into is not None
        into.write(json.dumps({"id": number, "act": act, **rest}).encode() + b"\n")
        async with patience(f"the browser: {act} {rest}", 2 * PATIENCE):
            return await waiting

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()

    async def browser(self, server: Server, **options: Any) -> "Browser":
        """Somebody's browser, as it came from the shop."""
        name = f"context {next(self.numbers)}"
        await self.ask("context", context=name, options={"baseURL": server.url("/"), **options})
        return Browser(self, name)


class Browser:
    """A browser of somebody."""

    def __init__(self, chromium: Chromium, name: str) -> None:
        self.chromium = chromium
        self.name = name

    async def page(self, path: str = "/") -> "Page":
        name = f"page {next(self.chromium.numbers)}"
        await self.chromium.ask("page", context=self.name, page=name)
        page = Page(self.chromium, name)
        await page.do(["goto", path])
        return page

    async def worker(self, code: str, argument: Any = None) -> Any:
        """Runs a function in the service worker."""
        return await self.chromium.ask("worker", context=self.name, code=code, argument=argument)


class Page:
    """A page: what is on it is found as a person finds it, by labels and words."""

    def __init__(self, chromium: Chromium, name: str) -> None:
        self.chromium = chromium
        self.name = name

    async def do(self, *steps: list[Any]) -> Any:
        async with self.told():
            return await self.chromium.ask("do", page=self.name, steps=list(steps))

    async def shown(self) -> str:
        return str(await self.chromium.ask("do", page=self.name, steps=[["locator", "body"], ["innerText"]]))

    async def evaluate(self, code: str, argument: Any = None) -> Any:
        return await self.chromium.ask("evaluate", page=self.name, code=code, argument=argument)

    async def download(self, *steps: list[Any]) -> bytes:
        """The file that the page gives to the person for these steps."""
        async with self.told():
            return base64.b64decode(await self.chromium.ask("download", page=self.name, steps=list(steps)))

    async def popup(self, *steps: list[Any]) -> "Page":
        """The window that these steps open."""
        name = f"page {next(self.chromium.numbers)}"
        async with self.told():
            await self.chromium.ask("popup", page=self.name, into=name, steps=list(steps))
        return Page(self.chromium, name)

    async def violations(self) -> list[str]:
        """What axe finds on what is to be seen."""
        return list(await self.chromium.ask("axe", page=self.name))

    async def until(self, code: str) -> None:
        """Waits until a function of the page gives true."""
        async with self.told():
            await self.chromium.ask("until", page=self.name, code=code)

    async def said(self) -> list[str]:
        """What it has said on the console, and which origins it has asked."""
        return list(await self.chromium.ask("said", page=self.name))

    async def fill(self, label: str, words: str) -> None:
        await self.do(["getByLabel", label, {"exact": True}], ["fill", words])

    async def click(self, role: str, name: str) -> None:
        await self.do(["getByRole", role, {"name": name}], ["first"], ["click"])

    async def sees(self, words: str, within: str = "body") -> None:
        """Waits until these words are to be seen."""
        await self.do(["locator", within], ["getByText", words], ["first"], ["waitFor"])

    @contextlib.asynccontextmanager
    async def told(self):
        """What goes wrong inside is told with what the page shows."""
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{error}\non the page:\n{await self.shown()}\nsaid: {(await self.said())[-30:]}") from error

    async def sees_not(self, words: str) -> None:
        await self.do(["getByText", words], ["first"], ["waitFor", {"state": "hidden"}])

    async def sign_in(self, address: str, device: str = "Browser") -> None:
        await self.fill("Address", address)
        await self.fill("Password", PASSWORD)
        await self.do(["getByLabel", "Name of this device"], ["fill", device])
        await self.click("button", "Sign in")
        await self.do(["getByRole", "navigation", {"name": "Conversations"}], ["waitFor"])
