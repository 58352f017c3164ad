"""The reverse proxies of `packaging/proxy`, as Debian packages them: everything that the web offers goes through."""

from __future__ import annotations

import asyncio
import os
import ssl
import xml.etree.ElementTree as ET
from pathlib import Path

import aiohttp
import bosh
from uploads import person, slot
from websocket import Socket
from websockets.asyncio.client import connect

from harness import Tests, check, equal, patience, wire
from harness.peers import free_port
from harness.server import DOMAIN, LOOPBACK, Server
from harness.wire import Element, q

tests = Tests("behind reverse proxies")

EXAMPLES = Path(__file__).resolve().parents[2] / "packaging" / "proxy"


class Front:
    """A proxy before a server, reached by the server's name."""

    def __init__(self, house, server: Server, port: int) -> None:
        self.server, self.port = server, port
        self.trust = ssl.create_default_context(cafile=str(house.authority.root))
        self.certificate, self.key = house.authority.server(DOMAIN)
        self.folder = server.folder / "front"
        self.folder.mkdir()

    def example(self, name: str, **places: str) -> str:
        """An example as it is shipped, with the places of this machine in it."""
        text = (EXAMPLES / name).read_text()
        host, port = self.server.address("http")
        for written, here in {"127.0.0.1:8080": f"{host}:{port}", **places}.items():
            check(written in text, f"{name} says nothing of {written}")
            text = text.replace(written, here)
        return text

    def nginx(self) -> list[str]:
        site = self.example("nginx.conf", **{
            "    listen [::]:443 ssl http2;\n": "",
            "listen 443 ssl http2;": f"listen {LOOPBACK}:{self.port} ssl http2;",
            "server_name chat.example.org;": f"server_name {DOMAIN};",
            "/etc/letsencrypt/live/chat.example.org/fullchain.pem": str(self.certificate),
            "/etc/letsencrypt/live/chat.example.org/privkey.pem": str(self.key),
        })
        folders = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        file = self.folder / "nginx.conf"
        file.write_text(f"pid {self.folder}/pid;\ndaemon off;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}{site}\n}}\n")
        return ["nginx", "-e", "stderr", "-c", str(file)]

    def caddy(self) -> list[str]:
        site = self.example("Caddyfile", **{
            "\nchat.example.org {": f"\nhttps://{DOMAIN}:{self.port} {{\n\ttls {self.certificate} {self.key}",
        })
        file = self.folder / "Caddyfile"
        file.write_text(f"{{\n\tadmin off\n\tauto_https off\n\thttp_port {free_port()}\n}}\n{site}")
        return ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]

    async def start(self, house, kind: str) -> None:
        command = self.nginx() if kind == "nginx" else self.caddy()
        output = self.folder / "output"
        with output.open("wb") as said:
            environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(self.folder)}
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=said, stderr=said, env=environment)

        async def end() -> None:
            if process.returncode is None:
                process.terminate()
            await process.wait()

        house.at_end(end)
        async with patience(f"{kind} to listen"):
            while True:
                check(process.returncode is None, output.read_text)
                try:
                    (await asyncio.open_connection(LOOPBACK, self.port))[1].close()
                    return
                except OSError:
                    await asyncio.sleep(0.05)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """One request, by the name in the certificate."""
        asked = {"Host": f"{DOMAIN}:{self.port}", **headers}
        async with aiohttp.ClientSession() as session:
            url = f"https://{LOOPBACK}:{self.port}{path}"
            async with session.request(method, url, data=body, headers=asked, ssl=self.trust, server_hostname=DOMAIN) as answer:
                return answer.status, {name.lower(): value for name, value in answer.headers.items()}, await answer.read()


class Bosh(bosh.Session):
    """A BOSH session through a proxy."""

    def __init__(self, front: Front) -> None:
        super().__init__(front.server)
        self.front = front

    async def post(self, text: str, seconds: float = 30) -> Element:
        async with patience("an answer of BOSH", seconds):
            status, _, body = await self.front.ask("POST", "/http-bind", text.encode(), **{"Content-Type": "text/xml; charset=utf-8"})
        equal(status, 200)
        return ET.fromstring(body)


async def behind(house, kind: str) -> Front:
    port = free_port()
    server = house.server({"http": {"public_url": f"https://{DOMAIN}:{port}", "trusted_proxies": [LOOPBACK]}})
    await server.people("romeo", "juliet")
    await server.start()
    front = Front(house, server, port)
    await front.start(house, kind)
    return front


@tests.each(["nginx", "caddy"])
async def pages_and_addresses_come_through(house, kind):
    front = await behind(house, kind)
    status, headers, page = await front.ask("GET", "/")
    equal((status, b"<html" in page), (200, True))
    check("default-src" in headers["content-security-policy"], f"{headers}")
    status, _, links = await front.ask("GET", "/.well-known/host-meta.json")
    equal(status, 200)
    check(f"wss://{DOMAIN}:{front.port}/xmpp-websocket".encode() in links, links.decode())


@tests.each(["nginx", "caddy"])
async def a_websocket_and_bosh_talk_through_it(house, kind):
    front = await behind(house, kind)
    connection = await connect(f"wss://{DOMAIN}:{front.port}/xmpp-websocket", host=LOOPBACK, port=front.port, proxy=None,
                               ssl=front.trust, subprotocols=["xmpp"])
    house.at_end(connection.close)
    romeo = Socket(connection)
    # A password in clear: only since the proxy says that the visitor came by TLS.
    await romeo.log_in("romeo", "web", "PLAIN")
    juliet = Bosh(front)
    equal(await juliet.log_in("juliet"), f"juliet@{DOMAIN}/bosh")
    held = asyncio.create_task(juliet.say())
    text = "spoken through a wall " * 2000
    await romeo.send(f"<message xmlns='jabber:client' to='juliet@{DOMAIN}/bosh' type='chat'><body>{text}</body></message>")
    message = await juliet.first(await held, q(wire.CLIENT, "message"))
    equal(message.findtext(q(wire.CLIENT, "body")), text)


@tests.each(["nginx", "caddy"])
async def large_files_go_both_ways(house, kind):
    front = await behind(house, kind)
    body = os.urandom(24 * 1024 * 1024)
    to = await slot(await person(house, front.server), len(body), "film.mp4", "video/mp4")
    status, _, said = await front.ask("PUT", to.path, body, **to.headers, **{"Content-Type": "video/mp4"})
    equal((status, said), (201, b""))
    status, _, back = await front.ask("GET", to.path)
    equal((status, back == body), (200, True))
    status, _, part = await front.ask("GET", to.path, Range="bytes=1000000-1000099")
    equal((status, part == body[1_000_000:1_000_100]), (206, True))
