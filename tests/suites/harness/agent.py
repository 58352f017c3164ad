"""`hauspost-agent` as people and scripts use it: a device is a folder; its terminal client runs in tmux."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

from .server import DOMAIN, PASSWORD, Done, House, Server
from .tests import PATIENCE, check, patience


class Agent:
    """A device of somebody, with what it keeps."""

    count = 0

    def __init__(self, house: House, server: Server, name: str, device: str = "desk") -> None:
        Agent.count += 1
        self.house = house
        self.server = server
        self.name = name
        self.device = device
        self.address = f"{name}@{DOMAIN}"
        self.binary = Path(os.environ.get("HAUSPOST_AGENT_BIN") or house.binary.with_name("hauspost-agent"))
        # Short, as the server's: sockets have little room.
        self.data = house.folder / f"a{Agent.count}"
        check(self.binary.exists(), f"{self.binary} is not there; build it: cargo build --package agent")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HAUSPOST_AGENT_DATA": str(self.data), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                "HOME": str(self.house.folder), "TERM": "xterm-256color"}

    async def run(self, *arguments: str, stdin: str = "", longest: float = 60) -> Done:
        """Runs a command to its end."""
        process = await self.start(*arguments)
        try:
            async with patience(f"the end of `hauspost-agent {' '.join(arguments)}`", longest):
                out, err = await process.communicate(stdin.encode())
        except BaseException:
            process.kill()
            raise
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(self.binary), *arguments, env=self.environment, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=16 * 1024 * 1024,
            # No terminal to ask on: what would ask must say so.
            start_new_session=True,
        )

    async def login(self, *more: str) -> "Agent":
        host, port = self.server.address("xmpp")
        (await self.run(
            "login", self.address, "--password-stdin", "--device-name", self.device, "--connect", f"{host}:{port}",
            "--ca", str(self.house.authority.root), *more, stdin=PASSWORD + "\n",
        )).expect()
        return self

    async def says(self, to: str, words: str, *more: str) -> None:
        (await self.run("send", *more, to if "@" in to else f"{to}@{DOMAIN}", words)).expect()

    async def listens(self) -> "Listener":
        listener = Listener(self, await self.start("listen"))
        self.house.at_end(listener.stop)
        await listener.online()
        return listener

    async def history(self, *of: str) -> list[dict[str, Any]]:
        done = (await self.run("export", "--format", "json", *of)).expect()
        return [json.loads(line) for line in done.out.splitlines()]

    async def devices(self, of: str | None = None) -> list[dict[str, Any]]:
        whose = [] if of is None else [f"{of}@{DOMAIN}"]
        done = (await self.run("devices", "--json", *whose)).expect()
        return [json.loads(line) for line in done.out.splitlines()]

    async def number(self) -> int:
        return next(device["device"] for device in await self.devices() if device["this"])

    async def chats(self, width: int = 80, height: int = 24, *more: str) -> "Terminal":
        command = " ".join([str(self.binary), "chat", *more])
        screen = Terminal(self.house, f"{self.address} ({self.device})", command, self.environment, width, height)
        await screen.open()
        await screen.shows("online")
        return screen


class Listener:
    """`listen`, and what it has said."""

    def __init__(self, agent: Agent, process: asyncio.subprocess.Process) -> None:
        self.agent = agent
        self.process = process
        self.heard: list[dict[str, Any]] = []

    async def next(self, what: str = "an event", seconds: float = PATIENCE) -> dict[str, Any]:
        assert self.process.stdout is not None and self.process.stderr is not None
        async with patience(f"{what} at {self.agent.address} ({self.agent.device}); it heard {self.heard}", seconds):
            line = await self.process.stdout.readline()
        if not line:
            raise AssertionError(f"listen ended: {(await self.process.stderr.read()).decode()}")
        event = json.loads(line)
        self.heard.append(event)
        return event

    async def online(self) -> None:
        while (event := await self.next("a connection"))["event"] != "connection" or event["state"] != "online":
            pass

    async def hears(self, words: str) -> dict[str, Any]:
        """The next message that says this; others before it are passed over."""
        while True:
            event = await self.next(f"a message {words!r}")
            if event["event"] == "message" and event["text"] == words:
                return event

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


class Terminal:
    """A program in a real terminal."""

    count = 0

    def __init__(self, house: House, whose: str, command: str, environment: dict[str, str], width: int = 80, height: int = 24) -> None:
        Terminal.count += 1
        self.whose = whose
        self.command = command
        self.environment = environment
        self.size = width, height
        self.socket = str(house.folder / f"t{Terminal.count}")
        house.at_end(self.close)

    async def tmux(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "tmux", "-u", "-S", self.socket, "-f", "/dev/null", *arguments, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return out.decode(errors="replace")

    async def open(self) -> "Terminal":
        width, height = self.size
        said = await self.tmux("new-session", "-d", "-x", str(width), "-y", str(height),
                               f"{self.command}; echo it has ended with $?; exec cat")
        check(not said, f"tmux: {said}")
        return self

    async def text(self) -> str:
        return await self.tmux("capture-pane", "-p")

    async def shows(self, *words: str, seconds: float = PATIENCE) -> str:
        """Waits until all of these are on the screen."""
        text = ""
        try:
            async with asyncio.timeout(seconds):
                while not all(word in text for word in words):
                    await asyncio.sleep(0.05)
                    text = await self.text()
        except TimeoutError:
            raise AssertionError(f"{words} did not come on the screen of {self.whose}:\n{text}") from None
        return text

    async def keys(self, *keys: str) -> None:
        await self.tmux("send-keys", *keys)

    async def types(self, words: str) -> None:
        await self.tmux("send-keys", "-l", words)

    async def says(self, words: str) -> None:
        await self.types(words)
        await self.keys("Enter")

    async def resize(self, width: int, height: int) -> None:
        await self.tmux("resize-window", "-x", str(width), "-y", str(height))

    async def pid(self) -> int:
        """The process of the program."""
        shell = int((await self.tmux("list-panes", "-F", "#{pane_pid}")).strip())
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    async def close(self) -> None:
        await self.tmux("kill-server")


class Profanity(Terminal):
    """Debian's profanity: a client of others that speaks the legacy form."""

    def __init__(self, house: House, server: Server, name: str) -> None:
        folder = house.folder / f"p{name}"
        folder.mkdir()
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "HOME": str(folder),
                       "XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
        super().__init__(house, f"{name} with profanity", "profanity", environment, 120, 40)
        self.server = server
        self.address = f"{name}@{DOMAIN}"

    async def login(self) -> "Profanity":
        await self.open()
        await self.shows("Profanity")
        host, port = self.server.address("xmpp")
        await self.says(f"/connect {self.address} server {host} port {port} tls trust")
        await self.shows("password")
        await self.says(PASSWORD)
        await self.shows("logged in successfully")
        await self.says("/omemo gen")
        await self.shows("materials generated", seconds=60)
        await self.says("/omemo trustmode blind")
        await self.says("/omemo policy always")
        return self
