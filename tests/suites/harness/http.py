"""HTTP/1.1 by hand: one request per connection, or several on one that is kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .server import DOMAIN, Server
from .tests import patience


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {DOMAIN}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    status = int(head[0].split()[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status, headers, body)


async def exchange(server: Server, method: str, path: str, headers: dict[str, str] | None = None, body: str | bytes = b"",
                   seconds: float = 30) -> Answer:
    """One request on a connection of its own."""
    data = body.encode() if isinstance(body, str) else body
    async with patience(f"an answer to {method} {path}", seconds):
        reader, writer = await asyncio.open_connection(*server.address("http"))
        try:
            writer.write(request(method, path, {"Connection": "close", **(headers or {})}, data))
            await writer.drain()
            return await read_answer(reader)
        finally:
            writer.close()


async def get(server: Server, path: str, headers: dict[str, str] | None = None) -> Answer:
    return await exchange(server, "GET", path, headers)


async def post(server: Server, path: str, body: str, headers: dict[str, str] | None = None, seconds: float = 30) -> Answer:
    return await exchange(server, "POST", path, {"Content-Type": "text/xml; charset=utf-8", **(headers or {})}, body, seconds)
