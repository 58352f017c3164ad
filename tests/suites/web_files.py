"""Files, pictures and voice messages between the web client and others: both ways, in both forms of OMEMO, and stopped on the way."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import urllib.parse
import wave
from pathlib import Path
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from harness import Tests, check, equal, http
from harness.browser import Chromium, Page
from harness.gate import Gate
from harness.sealed import Read, made, opened, says as tells
from harness.server import DOMAIN, House, Server
from harness.web import address, line, opens, says, served, signed_in, stays_at_home
from omemo_slixmpp import NEWER, OLDER, Device
from slixmpp import JID
from uploads import slot

SHARING = "{urn:xmpp:sfs:0}file-sharing"
FILE = "{urn:xmpp:file:metadata:0}"
ENCRYPTED = "{urn:xmpp:esfs:0}"
URL_DATA = "{http://jabber.org/protocol/url-data}"
ICON = Path(__file__).resolve().parents[2] / "web" / "public" / "icon-192.png"

tests = Tests("files and voice messages in the web client, with clients of others")


async def others(house: House, server: Server, name: str, form: str) -> Device:
    device = await Device(house, server, name, "slixmpp", [form]).switch_on()
    device.person.register_plugin("xep_0363")
    return device


async def attaches(page: Page, *files: Path) -> None:
    await page.do(["locator", "input[type=file]"], ["setInputFiles", [str(file) for file in files]])
    await page.do(["getByRole", "button", {"name": "Send", "exact": True}], ["click"])


def file_of(server: Server, name: str, content: bytes) -> Path:
    path = server.folder / name
    path.write_bytes(content)
    return path


async def fetched(server: Server, url: str) -> bytes:
    """What lies at an address of the house."""
    answer = await http.exchange(server, "GET", urllib.parse.urlsplit(url).path, {}, b"")
    equal(answer.status, 200)
    return answer.body


async def unsealed(server: Server, read: Read) -> bytes:
    """The file of a message, in whichever form it came."""
    if read.inside.tag == "nothing":
        assert read.words is not None
        url, secret = read.words.splitlines()[0].split("#")
        check(url.startswith("aesgcm://"), url)
        raw = bytes.fromhex(secret)
        key, iv = raw[-32:], raw[:-32]
    else:
        source = read.element(SHARING).find(f".//{ENCRYPTED}encrypted")
        assert source is not None
        key, iv = (base64.b64decode(source.findtext(f"{ENCRYPTED}{name}") or "") for name in ("key", "iv"))
        found = source.find(f".//{URL_DATA}url-data")
        assert found is not None
        url = str(found.get("target"))
    return AESGCM(key).decrypt(iv, await fetched(server, url), None)


async def sends_file(device: Device, server: Server, content: bytes, name: str, kind: str, disposition: str = "attachment") -> None:
    """Puts a sealed file on the server and says where, as this form does."""
    key, iv = AESGCM.generate_key(256), os.urandom(12)
    sealed = AESGCM(key).encrypt(iv, content, None)
    place = await slot(device.person, len(sealed), name)
    answer = await http.exchange(server, "PUT", place.path, place.headers, sealed)
    equal(answer.status, 201)
    url = f"https://{DOMAIN}{place.path}"
    to = JID(address("romeo"))
    if device.forms == [OLDER]:
        await tells(device, ["romeo"], to, f"aesgcm{url.removeprefix('https')}#{(iv + key).hex()}", kind="chat")
        return
    text = lambda tag, words: made(tag, {}, words)  # noqa: E731
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    metadata = made(f"{FILE}file", {}, text(f"{FILE}name", name), text(f"{FILE}media-type", kind), text(f"{FILE}size", str(len(content))),
                    made("{urn:xmpp:hashes:2}hash", {"algo": "sha-256"}, digest))
    source = made(f"{ENCRYPTED}encrypted", {"cipher": "urn:xmpp:ciphers:aes-256-gcm-nopadding:0"},
                  text(f"{ENCRYPTED}key", base64.b64encode(key).decode()), text(f"{ENCRYPTED}iv", base64.b64encode(iv).decode()),
                  made("{urn:xmpp:sfs:0}sources", {}, made(f"{URL_DATA}url-data", {"target": url})))
    sharing = made(SHARING, {"disposition": disposition}, metadata, made("{urn:xmpp:sfs:0}sources", {}, source))
    await tells(device, ["romeo"], to, None, sharing, kind="chat")


def sound(seconds: float) -> bytes:
    """A tone that a browser plays."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(128 + 40 * (at // 10 % 2) for at in range(int(8000 * seconds))))
    return out.getvalue()


@tests.each([NEWER, OLDER])
async def a_file_and_a_picture_go_both_ways(house: House, form: str) -> None:
    server = await served(house)
    juliet = await others(house, server, "juliet", form)
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    await opens(page, "juliet")
    plan = os.urandom(300_000)
    await attaches(page, file_of(server, "plan.pdf", plan), ICON)
    async with page.told():
        came = [await unsealed(server, await opened(juliet, await juliet.next())) for _ in range(2)]
    equal(sorted(map(len, came)), sorted([len(plan), ICON.stat().st_size]))
    equal(set(came), {plan, ICON.read_bytes()})
    await page.do(["getByText", "plan.pdf"], ["first"], ["waitFor"])
    await page.do(["getByRole", "button", {"name": "Picture: icon-192.png"}], ["locator", "img[src^='blob:']"], ["first"], ["waitFor"])
    # Her answer.
    minutes = os.urandom(400_000)
    await sends_file(juliet, server, minutes, "minutes.bin", "application/octet-stream")
    saved = await page.download(["getByRole", "button", {"name": "Save: minutes.bin"}], ["last"], ["click"])
    check(saved == minutes, f"{len(saved)} bytes came")
    await sends_file(juliet, server, ICON.read_bytes(), "hers.png", "image/png", "inline")
    picture = ["locator", "[data-message]"], ["last"], ["locator", "button:has(img)"]
    if form == OLDER:
        # Nobody has said how large it is: it is fetched when it is wanted.
        await page.do(["locator", "[data-message]"], ["last"], ["getByRole", "button", {"name": "Picture"}], ["first"], ["click"])
        await page.do(["getByRole", "dialog"], ["locator", "img[src^='blob:']"], ["waitFor"])
        await page.do(["getByRole", "dialog"], ["getByRole", "button", {"name": "Close"}], ["click"])
    await page.do(*picture, ["first"], ["waitFor"])
    await stays_at_home(page, server)


@tests.each([NEWER, OLDER])
async def a_voice_message_goes_both_ways(house: House, form: str) -> None:
    server = await served(house)
    juliet = await others(house, server, "juliet", form)
    chromium = await Chromium.start(house)
    _, page = await signed_in(chromium, server, "romeo")
    await opens(page, "juliet")
    await page.click("button", "Record a voice message")
    await page.do(["getByRole", "group", {"name": "Recording"}], ["getByText", "0:02"], ["waitFor"])
    await page.click("button", "Send voice message")
    async with page.told():
        read = await opened(juliet, await juliet.next())
        content = await unsealed(server, read)
    equal(content[:4], b"\x1a\x45\xdf\xa3", "it is WebM")
    if form == NEWER:
        metadata = read.element(f"{FILE}file")
        check(int(metadata.findtext(f"{FILE}length") or 0) >= 1000, ET.tostring(metadata).decode())
        check(metadata.find("{urn:hauspost:voice:0}waveform") is not None, ET.tostring(metadata).decode())
    # Hers is heard to its end.
    await sends_file(juliet, server, sound(1), "voice.wav", "audio/wav", "inline")
    last = ["locator", "[data-message]", {"hasText": "juliet"}], ["last"]
    await page.do(*last, ["getByRole", "button", {"name": "Play"}], ["waitFor"])
    await page.evaluate(
        "() => { const play = HTMLMediaElement.prototype.play; window.ended = []; HTMLMediaElement.prototype.play = function () {"
        " this.addEventListener('ended', () => window.ended.push(this.duration), { once: true }); return play.call(this); }; }"
    )
    await page.do(*last, ["getByRole", "button", {"name": "Play"}], ["click"])
    await page.until("() => window.ended.length > 0")
    [length] = await page.evaluate("() => window.ended")
    check(0.9 < length < 1.2, f"{length} s")
    await stays_at_home(page, server)


@tests
async def a_download_tells_how_far_it_is_and_can_be_stopped(house: House) -> None:
    server = await served(house)
    gate = await Gate.before(house, server)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet", baseURL=gate.url)
    await opens(romeo, "juliet")
    film = os.urandom(5_000_000)
    await attaches(romeo, file_of(server, "film.bin", film))
    await juliet.click("link", "romeo")
    gate.shut()
    await juliet.click("button", "Save: film.bin")
    progress = ["getByRole", "progressbar"], ["first"]
    await juliet.do(*progress, ["waitFor"])
    await juliet.until("() => Number(document.querySelector('[role=progressbar]')?.ariaValueNow ?? 0) > 5")
    await juliet.click("button", "Cancel transfer")
    await juliet.do(*progress, ["waitFor", {"state": "detached"}])
    equal(await juliet.do(["getByText", "could not be loaded"], ["count"]), 0)
    gate.open()
    check(await juliet.download(["getByRole", "button", {"name": "Save: film.bin"}], ["click"]) == film, "it is another file")


@tests
async def an_upload_tells_how_far_it_is_and_can_be_stopped(house: House) -> None:
    server = await served(house)
    gate = await Gate.before(house, server)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo", baseURL=gate.url)
    _, juliet = await signed_in(chromium, server, "juliet")
    await opens(romeo, "juliet")
    gate.shut()
    await attaches(romeo, file_of(server, "film.bin", os.urandom(30_000_000)))
    await romeo.until("() => Number(document.querySelector('[role=progressbar]')?.ariaValueNow ?? 0) > 1")
    await romeo.click("button", "Cancel transfer")
    await romeo.do(["getByRole", "progressbar"], ["first"], ["waitFor", {"state": "detached"}])
    gate.open()
    await says(romeo, "juliet", "I shall not send it")
    await juliet.click("link", "romeo")
    await juliet.sees("I shall not send it", "main")
    equal(await juliet.do(line("film.bin"), ["count"]), 0)


@tests
async def a_file_that_is_sent_without_a_network_goes_out_later(house: House) -> None:
    server = await served(house)
    chromium = await Chromium.start(house)
    _, romeo = await signed_in(chromium, server, "romeo")
    _, juliet = await signed_in(chromium, server, "juliet")
    await opens(romeo, "juliet")
    await says(romeo, "juliet", "There are notes")
    await juliet.click("link", "romeo")
    await juliet.sees("There are notes", "main")
    await server.stop()
    await romeo.sees("No connection", "main")
    await attaches(romeo, file_of(server, "notes.txt", b"notes"))
    await romeo.sees("Waiting to be sent", "main")
    await server.start()
    async with romeo.told():
        equal(await juliet.download(["getByRole", "button", {"name": "Save: notes.txt"}], ["click"]), b"notes")
    await romeo.do(["getByText", "Waiting to be sent"], ["first"], ["waitFor", {"state": "hidden"}])
