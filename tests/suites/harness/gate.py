"""A door before a server's HTTP that can be shut for files: what goes through stops where it is until it is opened."""

from __future__ import annotations

import asyncio

from .server import LOOPBACK, House, Server


class Gate:
    """Relays bytes. While it is shut, no more than `free` bytes of each file pass, in either direction."""

    def __init__(self, server: Server, free: int) -> None:
        self.server = server
        self.free = free
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @classmethod
    async def before(cls, house: House, server: Server, free: int = 1_000_000) -> "Gate":
        gate = cls(server, free)
        door = await asyncio.start_server(gate._enter, LOOPBACK, 0)
        gate.port = door.sockets[0].getsockname()[1]

        async def close() -> None:
            door.close()
            for task in list(gate.tasks):
                task.cancel()

        house.at_end(close)
        return gate

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def shut(self) -> None:
        self.is_open.clear()

    def open(self) -> None:
        self.is_open.set()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            there, back = await asyncio.open_connection(*self.server.address("http"))
            files = {"is": False}
            await asyncio.gather(self._relay(reader, back, files, True), self._relay(there, writer, files, False))
        except OSError:
            writer.close()
        finally:
            self.tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, files: dict[str, bool], asks: bool) -> None:
        passed = 0
        try:
            while data := await reader.read(65_536):
                # A request begins a write of its own: browsers do not pipeline.
                if asks and data.startswith((b"GET ", b"PUT ", b"POST ", b"HEAD ", b"OPTIONS ")):
                    files["is"] = b" /upload/" in data.split(b"\r\n", 1)[0]
                    passed = 0
                passed += len(data)
                if files["is"] and passed > self.free:
                    await self.is_open.wait()
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
