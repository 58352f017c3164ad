"""Link previews on the wire: the documentation's examples and the server's answers are valid by its schema; a page of this machine is
fetched where the administrator allows it, and nowhere else."""

from __future__ import annotations

import asyncio
import base64
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import xmlschema

from harness import Tests, check, equal
from harness import wire
from harness.server import House

DOCS = Path(__file__).resolve().parents[2] / "docs"
NS = "urn:hauspost:previews:0"
PREVIEW = f"{{{NS}}}preview"
TITLE = "The garden in November"

tests = Tests("link previews")


def png(width: int, height: int) -> bytes:
    """A grey picture."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


GARDEN = f"""<!DOCTYPE html><html><head><meta charset=utf-8><title>plain</title>
<meta property="og:title" content="{TITLE}"><meta property="og:description" content="What is to be done before the frost comes">
<meta property="og:site_name" content="Garden leaf"><meta property="og:image" content="/bed.png"><meta property="og:image:alt" content="A bed">
</head><body>…</body></html>"""


class Site:
    """A web server on this machine, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.address = ""

    async def start(self, house: House) -> "Site":
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.address = f"http://{host}:{port}"
        house.at_end(server.close)
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        self.asked.append(path)
        pages: dict[str, tuple[str, bytes]] = {
            "/november": ("text/html", GARDEN.encode()),
            "/bed.png": ("image/png", png(900, 300)),
        }
        if path == "/moved":
            answer = b"HTTP/1.1 301 Moved\r\nLocation: /november\r\nContent-Length: 0\r\n"
            body = b""
        elif path in pages:
            kind, body = pages[path]
            answer = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n".encode()
        else:
            answer, body = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n", b""
        writer.write(answer + b"Connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()


def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(DOCS / "previews.xsd"))


async def asked(person: wire.Wire, url: str) -> ET.Element:
    return await person.iq("get", f"<preview xmlns='{NS}' url='{url}'/>")


async def juliet_of(house: House, previews: dict[str, Any]) -> wire.Wire:
    server = house.server({"previews": previews})
    await server.people("juliet")
    await server.start()
    return await wire.logged_in(house, server, "juliet")


@tests
async def the_examples_are_valid(_house: House) -> None:
    examples = re.findall(r"```xml\n(.*?)```", (DOCS / "previews.md").read_text(), re.DOTALL)
    equal(len(examples), 2)
    for example in examples:
        found = ET.fromstring(example).find(PREVIEW)
        assert found is not None, example
        schema().validate(found)
    check(not schema().is_valid(ET.fromstring(f"<preview xmlns='{NS}'><title>x</title></preview>")), "the schema takes anything")


@tests
async def a_page_is_shown_as_it_says_of_itself(house: House) -> None:
    site = await Site().start(house)
    juliet = await juliet_of(house, {"allowed_networks": ["127.0.0.1"]})
    answer = await asked(juliet, f"{site.address}/moved")
    found = answer.find(PREVIEW)
    assert found is not None, ET.tostring(answer)
    schema().validate(found)
    equal((found.get("url"), found.get("target")), (f"{site.address}/moved", f"{site.address}/november"))
    said = {child.tag.removeprefix(f"{{{NS}}}"): child.text for child in found}
    picture = base64.b64decode(said.pop("picture") or "")
    equal(said, {"title": TITLE, "description": "What is to be done before the frost comes", "site": "Garden leaf"})
    check(picture.startswith(b"\xff\xd8\xff") and len(picture) <= 12_000, "no small JPEG")
    equal(site.asked, ["/moved", "/november", "/bed.png"])
    equal(wire.error_condition(await asked(juliet, f"{site.address}/nothing")), "item-not-found")


@tests
async def nothing_inside_the_house_is_asked(house: House) -> None:
    site = await Site().start(house)
    juliet = await juliet_of(house, {"per_minute": 100})
    port = site.address.rsplit(":", 1)[1]
    for url in (
        f"{site.address}/november", f"http://localhost:{port}/november", f"http://[::ffff:127.0.0.1]:{port}/", f"http://2130706433:{port}/",
        "http://localhost/", "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/",
        "http://192.168.1.1/", "http://[fd00::1]/", "http://[fe80::1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
        "https://example.org:22/", "https://user:secret@example.org/",
    ):
        equal(wire.error_condition(await asked(juliet, url)), "not-acceptable", url)
    equal(wire.error_condition(await asked(juliet, "file:///etc/passwd")), "bad-request")
    equal(site.asked, [])


@tests
async def previews_are_bounded_and_can_be_switched_off(house: House) -> None:
    site = await Site().start(house)
    juliet = await juliet_of(house, {"allowed_networks": ["127.0.0.1"], "per_minute": 2})
    for _ in range(2):
        equal((await asked(juliet, f"{site.address}/bed.png")).get("type"), "result")
    equal(wire.error_condition(await asked(juliet, f"{site.address}/bed.png")), "policy-violation")
    off = await juliet_of(house, {"enabled": False})
    equal(wire.error_condition(await asked(off, f"{site.address}/november")), "not-allowed")
