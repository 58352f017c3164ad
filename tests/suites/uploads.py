"""Files (XEP-0363): with slixmpp, by hand, on a folder and on an S3 store; what is refused, what survives."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import socket
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from slixmpp.exceptions import IqError

from harness import Tests, check, equal, http, patience
from harness.people import PLUGINS, Person, arrive
from harness.server import DOMAIN, LOOPBACK, NotStarted, Server
from harness.tests import PATIENCE, refused

SERVICE = f"upload.{DOMAIN}"
UPLOAD = "urn:xmpp:http:upload:0"
WITH_FILES = [*PLUGINS, "xep_0363"]

tests = Tests("files, with slixmpp and by hand", people=["romeo", "juliet"])


@dataclass
class Slot:
    path: str
    authorization: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": self.authorization}


async def person(house, server: Server, name: str = "romeo") -> Person:
    return await arrive(house, server, name, f"r{random.getrandbits(32)}", plugins=WITH_FILES)


async def slot(who: Person, size: int, name: str = "a.bin", kind: str | None = None) -> Slot:
    result = await who["xep_0363"].request_slot(SERVICE, name, size, kind, timeout=PATIENCE)
    put, get = result["http_upload_slot"]["put"], result["http_upload_slot"]["get"]
    equal(put["url"], get["url"])
    headers = {header["name"]: header["value"] for header in put["headers"]}
    return Slot(urllib.parse.urlsplit(put["url"]).path, headers["Authorization"])


async def put(server: Server, to: Slot, body: bytes, **headers: str) -> http.Answer:
    return await http.exchange(server, "PUT", to.path, {**to.headers, **headers}, body)


async def uploaded(house, server: Server, body: bytes, name: str = "a.bin", kind: str | None = None) -> Slot:
    who = await person(house, server)
    to = await slot(who, len(body), name, kind)
    answer = await put(server, to, body, **({"Content-Type": kind} if kind else {}))
    equal((answer.status, answer.body), (201, b""))
    return to


def files(server: Server) -> list[Path]:
    """Everything that the folder of files holds."""
    return [path for path in (server.data / "objects" / "uploads").rglob("*") if path.is_file()]


# Coming and going


@tests
async def the_service_is_found_and_tells_its_largest_size(house):
    server = await house.shared()
    romeo = await person(house, server)
    found = await romeo["xep_0363"].find_upload_service(DOMAIN, timeout=PATIENCE)
    equal(str(found["from"]), SERVICE)
    form = found["disco_info"]["form"]
    equal(form["values"]["max-file-size"], str(256 * 1024 * 1024))


@tests
async def a_file_goes_in_and_comes_out_whole_and_in_parts(house):
    server = await house.shared()
    body = os.urandom(200_000)
    to = await uploaded(house, server, body, "très cool.jpg", "image/jpeg")
    check(to.path.endswith("/tr%C3%A8s%20cool.jpg"), to.path)
    answer = await http.get(server, to.path)
    equal((answer.status, answer.body == body), (200, True))
    headers = answer.headers
    equal(headers["content-type"], "image/jpeg")
    equal(headers["accept-ranges"], "bytes")
    equal(headers["x-content-type-options"], "nosniff")
    check("sandbox" in headers["content-security-policy"] and "default-src 'none'" in headers["content-security-policy"], str(headers))
    check(headers["content-disposition"].startswith("inline;"), headers["content-disposition"])
    check("filename*=UTF-8''tr%C3%A8s%20cool.jpg" in headers["content-disposition"], headers["content-disposition"])
    check("immutable" in headers["cache-control"] and "private" in headers["cache-control"], headers["cache-control"])
    tag = headers["etag"]
    for wanted, expected, told in (
        ("bytes=0-99", body[:100], "bytes 0-99/200000"),
        ("bytes=65000-140000", body[65000:140001], "bytes 65000-140000/200000"),
        ("bytes=199999-", body[199999:], "bytes 199999-199999/200000"),
        ("bytes=-7", body[-7:], "bytes 199993-199999/200000"),
    ):
        part = await http.get(server, to.path, {"Range": wanted})
        equal((part.status, part.body == expected, part.headers["content-range"]), (206, True, told), wanted)
    outside = await http.get(server, to.path, {"Range": "bytes=200000-"})
    equal((outside.status, outside.headers["content-range"]), (416, "bytes */200000"))
    equal((await http.get(server, to.path, {"If-None-Match": tag})).status, 304)
    equal((await http.get(server, to.path, {"If-Match": '"other"'})).status, 412)
    equal((await http.get(server, to.path, {"If-Range": tag, "Range": "bytes=0-0"})).status, 206)
    equal((await http.get(server, to.path, {"If-Range": '"other"', "Range": "bytes=0-0"})).status, 200)
    equal((await http.get(server, to.path, {"If-Modified-Since": headers["last-modified"]})).status, 304)


@tests
async def a_head_says_all_but_the_content(house):
    server = await house.shared()
    to = await uploaded(house, server, b"x" * 1000, "a.png", "image/png")
    async with aiohttp.ClientSession() as session, session.head(server.url(to.path)) as answer:
        equal((answer.status, answer.headers["Content-Length"], await answer.read()), (200, "1000", b""))
        equal(answer.headers["Content-Type"], "image/png")


@tests
async def slixmpp_uploads_by_itself(house):
    port = free_port()
    server = house.server({"listen": {"http": [f"{LOOPBACK}:{port}"]}, "http": {"public_url": f"http://{LOOPBACK}:{port}"}})
    await server.people("romeo")
    await server.start()
    romeo = await person(house, server)
    # As with OMEMO: what goes up is noise, and its address becomes an aesgcm: one.
    file = house.folder / "noise"
    file.write_bytes(os.urandom(3_000_000))
    url = await romeo["xep_0363"].upload_file(file, timeout=60)
    check(url.startswith(f"http://{LOOPBACK}:{port}/upload/"), url)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        equal(hashlib.sha256(await answer.read()).digest(), hashlib.sha256(file.read_bytes()).digest())
        equal(answer.headers["Content-Type"], "application/octet-stream")


@tests
async def a_large_file_takes_little_memory(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    romeo = await person(house, server)
    size, piece = 128 << 20, os.urandom(1 << 20)
    to = await slot(romeo, size)
    before = peak_memory(server)

    async def body():
        for _ in range(size // len(piece)):
            yield piece

    async with aiohttp.ClientSession() as session:
        headers = {**to.headers, "Content-Length": str(size)}
        async with session.put(server.url(to.path), data=body(), headers=headers) as answer:
            equal(answer.status, 201)
        digest, length = hashlib.sha256(), 0
        async with session.get(server.url(to.path)) as answer:
            async for chunk in answer.content.iter_chunked(1 << 16):
                digest.update(chunk)
                length += len(chunk)
    equal((length, digest.digest()), (size, hashlib.sha256(piece * (size // len(piece))).digest()))
    grown = peak_memory(server) - before
    check(grown < 24 << 10, f"{grown} KiB more")


def peak_memory(server: Server) -> int:
    """In KiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


# What is refused


@tests
async def only_the_slot_lets_a_file_in_and_only_once(house):
    server = await house.shared()
    romeo = await person(house, server)
    to = await slot(romeo, 4, "a.png", "image/png")
    equal((await http.get(server, to.path)).status, 404, "nothing is there yet")
    for case, path, headers, body, status in (
        ("no token", to.path, {}, b"abcd", 403),
        ("a wrong token", to.path, {"Authorization": "Bearer abc"}, b"abcd", 403),
        ("another scheme", to.path, {"Authorization": "Basic " + to.authorization.split()[1]}, b"abcd", 403),
        ("another name", to.path.replace("a.png", "b.png"), to.headers, b"abcd", 404),
        ("another id", to.path.replace("/upload/", "/upload/x"), to.headers, b"abcd", 404),
        ("too much", to.path, to.headers, b"abcde", 413),
        ("too little", to.path, to.headers, b"abc", 413),
        ("another type", to.path, {**to.headers, "Content-Type": "text/html"}, b"abcd", 415),
    ):
        equal((await http.exchange(server, "PUT", path, headers, body)).status, status, case)
    equal((await http.exchange(server, "POST", to.path, to.headers, b"abcd")).status, 405)
    equal((await http.exchange(server, "DELETE", to.path, to.headers)).status, 405)
    equal((await put(server, to, b"abcd", **{"Content-Type": "image/png"})).status, 201)
    equal((await put(server, to, b"efgh", **{"Content-Type": "image/png"})).status, 409)
    equal((await http.get(server, to.path)).body, b"abcd")
    # The token opens nothing else.
    other = await slot(romeo, 4)
    equal((await http.exchange(server, "PUT", other.path, to.headers, b"abcd")).status, 403)


@tests
async def a_file_without_a_length_is_refused(house):
    server = await house.shared()
    to = await slot(await person(house, server), 4)

    async def body():
        yield b"abcd"

    async with aiohttp.ClientSession() as session:
        async with session.put(server.url(to.path), data=body(), headers=to.headers) as answer:
            equal(answer.status, 411)


@tests
async def a_slot_ends(house):
    server = house.server({"limits": {"upload_slot_seconds": 1}})
    await server.people("romeo")
    await server.start()
    to = await slot(await person(house, server), 4)
    async with patience("the end of the slot"):
        # The wrong size is refused as long as the slot is open.
        while (status := (await put(server, to, b"abc")).status) == 413:
            pass
    equal(status, 410)
    equal((await put(server, to, b"abcd")).status, 410)


@tests
async def the_address_is_no_use_in_clear_from_elsewhere(house):
    server = await house.shared()
    to = await uploaded(house, server, b"abcd")
    in_clear = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "http"}
    equal((await http.get(server, to.path, in_clear)).status, 403)
    equal((await http.get(server, to.path, {**in_clear, "X-Forwarded-Proto": "https"})).status, 200)


@tests.each([
    ("a page", "evil.html", "text/html", b"<script>alert(1)</script>"),
    ("a picture that is a program", "evil.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
    ("XHTML", "evil.xhtml", "application/xhtml+xml", b"<html xmlns='http://www.w3.org/1999/xhtml'/>"),
    ("a script", "evil.js", "text/javascript", b"alert(1)"),
    ("a style", "evil.css", "text/css", b"*{}"),
    ("a program", "evil.wasm", "application/wasm", b"\0asm"),
    ("no type", "evil.html", None, b"<script>alert(1)</script>"),
])
async def nothing_that_acts_is_served_as_such(house, case):
    server = await house.shared()
    _, name, kind, body = case
    to = await uploaded(house, server, body, name, kind)
    answer = await http.get(server, to.path)
    equal((answer.status, answer.body), (200, body))
    equal(answer.headers["content-type"], "application/octet-stream")
    check(answer.headers["content-disposition"].startswith("attachment;"), str(answer.headers))
    equal(answer.headers["x-content-type-options"], "nosniff")
    check(answer.headers["content-security-policy"].startswith("sandbox;"), str(answer.headers))


@tests
async def a_quota_holds_and_says_when_there_is_space_again(house):
    server = house.server({"limits": {"upload_account_bytes": 10_000, "upload_slots": 3}, "uploads": {"retention_days": 7}})
    await server.people("romeo", "juliet")
    await server.start()
    romeo, juliet = await person(house, server), await person(house, server, "juliet")
    first = await slot(romeo, 6_000)
    equal((await put(server, first, b"x" * 6_000)).status, 201)
    with refused(IqError) as caught:
        await slot(romeo, 4_001)
    error = caught[0].iq["error"]
    equal((error["condition"], error["type"]), ("resource-constraint", "wait"))
    retry = error.xml.find(f"{{{UPLOAD}}}retry")
    check(retry is not None and retry.get("stamp").endswith("Z"), str(error))
    await slot(romeo, 4_000)
    await slot(juliet, 10_000)
    with refused(IqError) as caught:
        await slot(juliet, 1)
    equal(caught[0].iq["error"]["condition"], "resource-constraint")


@tests
async def too_many_slots_wait_for_their_files(house):
    server = house.server({"limits": {"upload_slots": 2}})
    await server.people("romeo")
    await server.start()
    romeo = await person(house, server)
    first = await slot(romeo, 1)
    await slot(romeo, 1)
    with refused(IqError) as caught:
        await slot(romeo, 1)
    check(caught[0].iq["error"].xml.find(f"{{{UPLOAD}}}retry") is not None, "no retry")
    equal((await put(server, first, b"x")).status, 201)
    await slot(romeo, 1)


@tests
async def the_largest_size_holds(house):
    server = house.server({"limits": {"upload_file_bytes": 1000}})
    await server.people("romeo")
    await server.start()
    with refused(IqError) as caught:
        await slot(await person(house, server), 1001)
    error = caught[0].iq["error"]
    equal(error["condition"], "not-acceptable")
    equal(error.xml.findtext(f"{{{UPLOAD}}}file-too-large/{{{UPLOAD}}}max-file-size"), "1000")


@tests
async def pages_of_other_origins_may_use_it(house):
    server = await house.shared()
    to = await uploaded(house, server, b"abcd")
    asked = {"Origin": "https://web.example", "Access-Control-Request-Method": "PUT",
             "Access-Control-Request-Headers": "authorization,content-type"}
    answer = await http.exchange(server, "OPTIONS", to.path, asked)
    equal(answer.status, 204)
    equal(answer.headers["access-control-allow-origin"], "*")
    check("PUT" in answer.headers["access-control-allow-methods"], str(answer.headers))
    check("authorization" in answer.headers["access-control-allow-headers"], str(answer.headers))
    answer = await http.get(server, to.path, {"Origin": "https://web.example"})
    equal(answer.headers["access-control-allow-origin"], "*")
    equal(answer.headers["cross-origin-resource-policy"], "cross-origin")
    closed = house.server({"http": {"allowed_origins": ["https://chat.example.org"]}})
    await closed.people("romeo")
    await closed.start()
    to = await uploaded(house, closed, b"abcd")
    for origin, allowed in (("https://evil.example", None), ("https://chat.example.org", "https://chat.example.org")):
        answer = await http.get(closed, to.path, {"Origin": origin})
        equal(answer.headers.get("access-control-allow-origin"), allowed)


# What breaks


async def begun(server: Server, to: Slot, size: int, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A PUT of which only `body` is sent."""
    reader, writer = await asyncio.open_connection(*server.address("http"))
    head = [f"PUT {to.path} HTTP/1.1", f"Host: {DOMAIN}", f"Content-Length: {size}", f"Authorization: {to.authorization}"]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    await writer.drain()
    return reader, writer


@tests
async def a_broken_upload_leaves_nothing_and_its_slot_can_be_used_again(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    to = await slot(await person(house, server), 300_000)
    _, writer = await begun(server, to, 300_000, b"x" * 200_000)
    async with patience("the file to be begun"):
        while not files(server):
            await asyncio.sleep(0.01)
    writer.transport.abort()
    async with patience("the half file to go"):
        while files(server):
            await asyncio.sleep(0.01)
    equal((await http.get(server, to.path)).status, 404)
    body = os.urandom(300_000)
    async with patience("the slot to be free"):
        while (answer := await put(server, to, body)).status == 409:
            pass
    equal(answer.status, 201)
    equal((await http.get(server, to.path)).body == body, True)
    equal(len(files(server)), 1)


@tests
async def who_sends_too_slowly_is_cut_off(house):
    server = house.server({"limits": {"upload_stall_seconds": 1}})
    await server.people("romeo")
    await server.start()
    to = await slot(await person(house, server), 300_000)
    reader, writer = await begun(server, to, 300_000, b"x" * 100_000)
    async with patience("an answer"):
        answer = await http.read_answer(reader)
    equal(answer.status, 408)
    writer.close()
    equal(files(server), [])


@tests
async def who_does_not_read_gives_the_place_away(house):
    server = house.server({"limits": {"upload_stall_seconds": 3, "downloads_at_once": 1}})
    await server.people("romeo")
    await server.start()
    to = await uploaded(house, server, os.urandom(32 << 20))
    reader, writer = await asyncio.open_connection(*server.address("http"), limit=1024)
    writer.write(f"GET {to.path} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode())
    async with patience("the answer to begin"):
        check(b" 200 " in await reader.readline(), "it has no place")

    async def status() -> int:
        return (await http.get(server, to.path, {"Range": "bytes=0-0"})).status

    equal(await status(), 503)
    async with patience("the place to be free"):
        while (found := await status()) == 503:
            pass
    equal(found, 206)
    writer.close()


@tests
async def one_account_does_not_take_all_places(house):
    server = house.server({"limits": {"uploads_at_once_per_account": 1}})
    await server.people("romeo", "juliet")
    await server.start()
    romeo = await person(house, server)
    first, second = await slot(romeo, 1_000), await slot(romeo, 4)
    other = await slot(await person(house, server, "juliet"), 4)
    reader, writer = await begun(server, first, 1_000, b"x" * 500)
    async with patience("the first to be received"):
        while not files(server):
            await asyncio.sleep(0.01)
    equal((await put(server, first, b"x" * 1_000)).status, 409)
    equal((await put(server, second, b"abcd")).status, 429)
    equal((await put(server, other, b"abcd")).status, 201)
    writer.write(b"x" * 500)
    async with patience("an answer"):
        equal((await http.read_answer(reader)).status, 201)
    writer.close()
    async with patience("a place"):
        while (status := (await put(server, second, b"abcd")).status) == 429:
            pass
    equal(status, 201)


@tests
async def a_kept_file_is_there_after_a_kill(house):
    server = house.server({"limits": {"uploads_at_once_per_account": 24}})
    await server.people("romeo")
    await server.start()
    rounds = random.Random(7)
    kept: dict[str, bytes] = {}
    for _ in range(3):
        romeo = await person(house, server)
        slots = [(await slot(romeo, size), size) for size in (rounds.randrange(1, 400_000) for _ in range(24))]
        enough = asyncio.Event()
        goal = len(kept) + rounds.randrange(2, 12)

        async def upload(to: Slot, size: int) -> None:
            body = os.urandom(size)
            try:
                answer = await put(server, to, body)
            except (OSError, asyncio.IncompleteReadError):
                return
            if answer.status == 201:
                kept[to.path] = body
                if len(kept) >= goal:
                    enough.set()

        running = [asyncio.create_task(upload(*one)) for one in slots]
        await enough.wait()
        await server.kill()
        await asyncio.gather(*running)
        await server.start()
        for path, body in kept.items():
            answer = await http.get(server, path)
            equal((answer.status, answer.body == body), (200, True), "an acknowledged file")
        for to, _ in slots:
            answer = await http.get(server, to.path)
            check(to.path in kept or answer.status in (200, 404), f"{answer.status}")
    check(not [path for path in files(server) if "#" in path.name], "half files are left")


@tests
async def files_of_a_removed_account_go(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    to = await uploaded(house, server, b"abcd")
    equal(len(files(server)), 1)
    (await server.command("user", "remove", "romeo")).expect()
    equal((await http.get(server, to.path)).status, 404)
    await server.stop()
    await server.start()
    async with patience("the file to go"):
        while files(server):
            await asyncio.sleep(0.01)


@tests
async def a_lost_folder_is_noticed(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    to = await uploaded(house, server, b"abcd")
    await server.stop()
    (server.data / "objects").rename(server.data / "elsewhere")
    await server.start()
    equal((await http.get(server, to.path)).status, 503)
    check("mounted" in server.log(), "the log says nothing")
    await server.stop()
    (server.data / "objects").rename(server.data / "empty")
    (server.data / "elsewhere").rename(server.data / "objects")
    await server.start()
    equal((await http.get(server, to.path)).body, b"abcd")


@tests
async def a_backup_holds_the_files(house):
    server = house.server()
    await server.people("romeo")
    await server.start()
    to = await uploaded(house, server, b"abcd")
    target = server.folder / "backup"
    (await server.command("backup", str(target))).expect()
    await server.stop()
    (server.data / "objects").rename(server.folder / "lost")
    (await server.command("restore", str(target))).expect()
    await server.start()
    equal((await http.get(server, to.path)).body, b"abcd")


@tests
async def the_log_does_not_give_addresses_away(house):
    server = house.server({"log": {"level": "trace"}})
    await server.people("romeo")
    await server.start()
    to = await uploaded(house, server, b"abcd", "private-name.txt")
    await http.get(server, to.path)
    await put(server, to, b"abcd")
    secret = to.path.split("/")[2]
    log = server.log()
    for word in (secret, to.authorization.split()[1], "private-name"):
        check(word not in log, "the log holds a secret or a name")


# S3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


async def s3_store(house) -> str:
    """An S3 store on this machine with the bucket `files`; its address."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "moto.server", "--host", LOOPBACK, "--port", str(port),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )

    async def end() -> None:
        process.kill()
        await process.wait()

    house.at_end(end)
    address = f"http://{LOOPBACK}:{port}"
    async with patience("the S3 store", 60), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.put(f"{address}/files") as answer:
                    check(answer.status == 200, str(answer.status))
                    return address
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def s3_keys(address: str) -> list[str]:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/files?list-type=2") as answer:
        text = await answer.text()
    return [part.split("</Key>")[0] for part in text.split("<Key>")[1:]]


def s3_config(address: str) -> dict[str, dict[str, str]]:
    return {"objects": {"url": "s3://files/house", "endpoint": address, "region": "us-east-1",
                        "access_key_id": "test", "secret_access_key": "test"}}


@tests
async def files_may_live_in_s3(house):
    address = await s3_store(house)
    server = house.server(s3_config(address))
    await server.people("romeo", "juliet")
    await server.start()
    romeo, juliet = await person(house, server), await person(house, server, "juliet")
    # One request, and several parts.
    for size in (1_000, 12_000_000):
        body = os.urandom(size)
        to = await slot(romeo, size)
        equal((await put(server, to, body)).status, 201)
        answer = await http.get(server, to.path)
        equal((answer.status, answer.body == body), (200, True))
        part = await http.get(server, to.path, {"Range": f"bytes={size - 500}-"})
        equal((part.status, part.body == body[-500:]), (206, True))
    hers = await slot(juliet, 4)
    equal((await put(server, hers, b"abcd")).status, 201)
    said = (await server.command("check")).said
    check("s3://files/house answers" in said, said)
    keys = await s3_keys(address)
    check(all(key.startswith("house/") for key in keys), str(keys))
    equal(len([key for key in keys if "/uploads/" in key]), 3)
    await server.kill()
    await server.start()
    equal((await http.get(server, hers.path)).body, b"abcd")
    (await server.command("user", "remove", "romeo")).expect()
    await server.stop()
    await server.start()
    async with patience("his files to go"):
        while len([key for key in await s3_keys(address) if "/uploads/" in key]) > 1:
            await asyncio.sleep(0.05)
    equal((await http.get(server, hers.path)).body, b"abcd")


@tests
async def a_broken_upload_leaves_nothing_in_s3(house):
    address = await s3_store(house)
    server = house.server(s3_config(address))
    await server.people("romeo")
    await server.start()
    to = await slot(await person(house, server), 12_000_000)

    async def open_transfers() -> int:
        async with aiohttp.ClientSession() as session, session.get(f"{address}/files?uploads") as answer:
            return (await answer.text()).count("<UploadId>")

    for kill in (False, True):
        _, writer = await begun(server, to, 12_000_000, os.urandom(6_000_000))
        async with patience("the transfer to begin"):
            while not await open_transfers():
                await asyncio.sleep(0.02)
        if kill:
            await server.kill()
            await server.start()
        writer.transport.abort()
        async with patience("the transfer to end"):
            while await open_transfers():
                await asyncio.sleep(0.02)
    equal((await http.get(server, to.path)).status, 404)


@tests
async def a_wrong_place_for_files_is_named(house):
    with refused(NotStarted) as caught:
        await house.server({"objects": {"url": "ftp://x"}}).start()
    check("objects.url" in str(caught[0]) and "mend:" in str(caught[0]), str(caught[0]))
