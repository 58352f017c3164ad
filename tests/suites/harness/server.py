"""The binary under test: started on ports of its own with a folder of its own, and administered from outside."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable

from .authority import Authority
from .tests import check, patience

DOMAIN = "hauspost.test"
PASSWORD = "correct horse battery"
LOOPBACK = "127.0.0.1"

# Port 0: the system chooses, the server says which.
CONFIG: dict[str, dict[str, Any]] = {
    "": {"domain": DOMAIN},
    "listen": {
        "xmpp": [f"{LOOPBACK}:0"],
        "xmpp_tls": [f"{LOOPBACK}:0"],
        "http": [f"{LOOPBACK}:0"],
        "https": [],
        "federation": [],
        "federation_tls": [],
        "media": [],
    },
    # Clients say what they say in words; a test about the rules switches them on.
    "policy.encryption": {"direct": "default", "groups": "default", "remote": "default"},
}


def toml(value: Any) -> str:
    """A value as TOML writes it: JSON's strings, numbers, booleans and arrays of them are TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def expect(self, code: int = 0) -> "Done":
        check(self.code == code, f"ended with {self.code}, not {code}:\n{self.out}{self.err}")
        return self

    @property
    def said(self) -> str:
        return self.out + self.err


class NotStarted(Exception):
    """The server ended before it was ready; its text is all that it said."""


class Server:
    """One server: its folder outlives the process, so that it can be stopped and started again."""

    def __init__(self, binary: Path, folder: Path, config: dict[str, dict[str, Any]] | None = None) -> None:
        self.binary = binary
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None
        self.addresses: dict[str, tuple[str, int]] = {}
        # What the last start printed until it was ready.
        self.said = ""
        self.config_file = folder / "hauspost.toml"
        self.log_file = folder / "log"
        folder.mkdir(parents=True, exist_ok=True)
        self.configure(config or {})
        self._drain: asyncio.Task[None] | None = None

    def configure(self, config: dict[str, dict[str, Any]]) -> None:
        """Writes the configuration: the common one, with these sections laid over it."""
        sections = {name: dict(keys) for name, keys in CONFIG.items()}
        for name, keys in config.items():
            sections.setdefault(name, {}).update(keys)
        lines: list[str] = []
        for name, keys in sorted(sections.items()):
            if name:
                lines.append(f"[{name}]")
            lines += [f"{key} = {toml(value)}" for key, value in keys.items()]
        self.config_file.write_text("\n".join(lines) + "\n")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def address(self, door: str) -> tuple[str, int]:
        return self.addresses[door]

    def url(self, path: str, door: str = "http") -> str:
        host, port = self.address(door)
        return f"{door}://{host}:{port}{path}"

    def _arguments(self) -> list[str]:
        return [str(self.binary), "--config", str(self.config_file), "--data", str(self.data)]

    async def start(self, *arguments: str, environment: dict[str, str] | None = None) -> "Server":
        """Starts the process and waits until it says that it is ready."""
        check(self.process is None, "runs already")
        log = self.log_file.open("ab")
        before = self.log_file.stat().st_size
        self.process = await asyncio.create_subprocess_exec(
            *self._arguments(),
            "serve",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
        log.close()
        out = self.process.stdout
        assert out is not None
        self.said = ""
        self.addresses = {}
        async with patience("the server's `ready`", 60):
            while line := (await out.readline()).decode():
                self.said += line
                words = line.split()
                if line.startswith("  ") and len(words) == 2 and ":" in words[1] and "/" not in words[1]:
                    host, _, port = words[1].rpartition(":")
                    self.addresses.setdefault(words[0], (host.strip("[]"), int(port)))
                if line == "ready\n":
                    self._drain = asyncio.create_task(self._swallow(out))
                    return self
            await self.process.wait()
        self.process = None
        with self.log_file.open("rb") as log:
            log.seek(before)
            raise NotStarted(self.said + log.read().decode(errors="replace"))

    async def _swallow(self, out: asyncio.StreamReader) -> None:
        while await out.read(65536):
            pass

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Waits for the end of the process; its exit status."""
        assert self.process is not None
        async with patience("the end of the server", 30):
            code = await self.process.wait()
        self.process = None
        return code

    async def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        if self.process is not None:
            try:
                self.process.kill()
            except ProcessLookupError:
                pass
            await self.process.wait()
            self.process = None

    async def command(
        self, *arguments: str, stdin: str = "", environment: dict[str, str] | None = None, longest: float = 60
    ) -> Done:
        """Runs another command of the binary on the same configuration."""
        process = await asyncio.create_subprocess_exec(
            *self._arguments(),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        try:
            async with patience(f"the end of `hauspost {' '.join(arguments)}`", longest):
                out, err = await process.communicate(stdin.encode())
        except BaseException:
            process.kill()
            raise
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def people(self, *names: str, password: str = PASSWORD) -> None:
        """Makes accounts."""
        file = self.folder / "people.csv"
        file.write_text("name,password\n" + "".join(f"{name},{password}\n" for name in names))
        (await self.command("user", "import", str(file))).expect()

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    async def logged(self, words: str, since: int) -> None:
        """Waits until the log holds `words` behind its first `since` characters."""
        async with patience(f"{words!r} in the log"):
            while words not in self.log()[since:]:
                await asyncio.sleep(0.02)


class House:
    """Servers for the tests of one file: one that they share, and others of their own."""

    def __init__(self, binary: Path, load: Path, config: dict[str, dict[str, Any]] | None = None,
                 people: Iterable[str] = (), certified: bool = False) -> None:
        self.binary = binary
        self.load = load
        # A socket's path has little room: the folder is short.
        self.folder = Path(tempfile.mkdtemp(prefix="hp-"))
        self._authority: Authority | None = None
        self._config = config or {}
        self._people = list(people)
        self._certified = certified
        self._shared: Server | None = None
        self._own: list[Server] = []
        self._closers: list[Any] = []
        self._count = 0

    @property
    def authority(self) -> Authority:
        """A certificate authority that only this house knows."""
        if self._authority is None:
            self._authority = Authority(self.folder / "authority")
        return self._authority

    def certified(self, config: dict[str, dict[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
        """The configuration with a certificate of the authority, and logins by its client certificates."""
        certificate, key = self.authority.server(DOMAIN)
        tls = {"mode": "files", "certificate": str(certificate), "key": str(key), "client_ca": str(self.authority.root)}
        sections = {name: dict(keys) for name, keys in (config or {}).items()}
        sections.setdefault("tls", {}).update(tls)
        return sections

    def server(self, config: dict[str, dict[str, Any]] | None = None) -> Server:
        """A server of one test's own; not started."""
        self._count += 1
        server = Server(self.binary, self.folder / str(self._count), config)
        self._own.append(server)
        return server

    async def shared(self) -> Server:
        """The server that all tests of the file share."""
        if self._shared is None:
            config = self.certified(self._config) if self._certified else self._config
            server = Server(self.binary, self.folder / "0", config)
            if self._people:
                await server.people(*self._people)
            await server.start()
            self._shared = server
        elif self._shared.process is None or self._shared.process.returncode is not None:
            raise AssertionError(f"the server has died:\n{self._shared.log()[-4000:]}")
        return self._shared

    def at_end(self, closer: Any) -> None:
        """Calls the coroutine function after the test."""
        self._closers.append(closer)

    async def tidy(self) -> None:
        """After each test: its clients and its own servers go."""
        for closer in reversed(self._closers):
            try:
                async with asyncio.timeout(10):
                    await closer()
            except Exception:  # noqa: BLE001 - the test has had its verdict
                pass
        self._closers.clear()
        for server in self._own:
            await server.kill()
            shutil.rmtree(server.folder, ignore_errors=True)
        self._own.clear()

    async def close(self) -> None:
        await self.tidy()
        if self._shared is not None:
            await self._shared.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
