"""Relays for calls (XEP-0215): what clients are told opens a real coturn, and changes are told to those who asked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import shutil
import signal
import socket
import time
from datetime import datetime, timedelta, timezone

from harness import Tests, check, equal, patience
from harness import wire
from harness.server import DOMAIN, LOOPBACK
from harness.tests import PATIENCE
from harness.wire import CLIENT, q

SERVICES = "urn:xmpp:extdisco:2"
SECRET = "north and south"

tests = Tests("relays for calls")


def config(*servers: str, secret: str = SECRET) -> dict[str, dict[str, object]]:
    return {"turn": {"servers": list(servers), "secret": secret, "credential_seconds": 600}}


async def started(house, *servers: str):
    server = house.server(config(*servers))
    await server.people("romeo", "juliet")
    await server.start()
    return server


async def services(client: wire.Wire, kind: str | None = None) -> list[dict[str, str]]:
    asked = f" type='{kind}'" if kind else ""
    answer = await client.iq("get", f"<services xmlns='{SERVICES}'{asked}/>", DOMAIN)
    return [dict(service.attrib) for service in answer.iter(q(SERVICES, "service"))]


@tests
async def credentials_end_and_are_those_of_the_secret(house):
    server = await started(house, "turn:turn.example.org", "turns:turn.example.org", "stun:stun.example.org:99")
    romeo = await wire.logged_in(house, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    found = await services(romeo)
    equal([(one["type"], one["port"], one["transport"]) for one in found],
          [("turn", "3478", "udp"), ("turns", "5349", "tcp"), ("stun", "99", "udp")])
    check("password" not in found[2], "STUN needs no password")
    for one in found[:2]:
        mac = hmac.new(SECRET.encode(), one["username"].encode(), hashlib.sha1).digest()
        equal(base64.b64encode(mac).decode(), one["password"])
        end = datetime.fromisoformat(one["expires"].replace("Z", "+00:00"))
        equal(int(end.timestamp()), int(one["username"].split(":")[0]))
        left = end - datetime.now(timezone.utc)
        check(timedelta(minutes=9) < left <= timedelta(minutes=10), str(left))
        check("romeo" not in one["username"], "the relay learns who it is")
    other = (await services(juliet, "turn"))[0]["username"]
    check(other.split(":")[1] != found[0]["username"].split(":")[1], "two people have one name at the relay")


@tests
async def changes_are_told_to_those_who_asked(house):
    server = await started(house, "turn:one.example.org")
    romeo = await wire.logged_in(house, server, "romeo")
    juliet = await wire.logged_in(house, server, "juliet")
    equal(len(await services(romeo, "turn")), 1)
    since = len(server.log())
    server.configure(config("turn:two.example.org", "stun:two.example.org"))
    server.signal(signal.SIGHUP)
    await server.logged("read again", since)
    push = await romeo.until(q(CLIENT, "iq"))
    equal((push.get("type"), push.get("from")), ("set", DOMAIN))
    told = [(one.get("action"), one.get("type"), one.get("host")) for one in push.iter(q(SERVICES, "service"))]
    equal(told, [("delete", "turn", "one.example.org"), ("add", "turn", "two.example.org")])
    check(push.find(f".//{q(SERVICES, 'service')}[@action='add']").get("password"), "no credentials")
    await juliet.settle()
    equal([one for one in juliet.waiting() if one.tag == q(CLIENT, "iq")], [], "she did not ask")


@tests
async def a_relay_without_a_secret_is_refused_at_the_start(house):
    done = await house.server({"turn": {"servers": ["turn:turn.example.org"]}}).command("config")
    check(done.code != 0 and "turn.secret" in done.said and "mend:" in done.said, done.said)
    done = await house.server(config("turn://turn.example.org")).command("config")
    check(done.code != 0 and "turn.servers" in done.said, done.said)


# A real relay


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


async def coturn(house, port: int = 0) -> int:
    """coturn with our secret, on this port or on one of its own choice; its port. Where somebody else has taken the port meanwhile, it
    is another one: coturn itself would wait for it for ever."""
    folder = house.folder / "coturn"
    folder.mkdir(exist_ok=True)
    program = shutil.which("turnserver")
    assert program, "coturn is missing: apt-get install coturn"
    said = b""
    for port in (port or free_port(), free_port(), free_port(), free_port()):
        process = await asyncio.create_subprocess_exec(
            program, "-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", f"--realm={DOMAIN}", f"--listening-ip={LOOPBACK}",
            f"--listening-port={port}", "--no-tcp", "--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--log-file=stdout",
            "--verbose", f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None

        async def end(process=process) -> None:
            if process.returncode is None:
                process.kill()
            # To the end of what it says.
            await process.communicate()

        house.at_end(end)
        said = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while line := await process.stdout.readline():
                    said += line
                    if b"UDP listener opened on" in line:
                        return port
                    if b"Cannot bind" in line:
                        break
        await end()
    raise AssertionError(f"coturn does not start; it says:\n{said.decode(errors='replace')}")


def attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2) + len(value).to_bytes(2) + value + b"\0" * (-len(value) % 4)


class Turn(asyncio.DatagramProtocol):
    """As much of a TURN client (RFC 8656) as asks for a relayed address."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, address) -> None:
        self.came.put_nowait(data)

    async def ask(self, transport: asyncio.DatagramTransport, attributes: bytes, key: bytes | None = None) -> tuple[int, dict[int, bytes]]:
        """An Allocate; the class of the answer and its attributes. What is lost is sent again."""
        name = os.urandom(12)

        def head(length: int) -> bytes:
            return (3).to_bytes(2) + length.to_bytes(2) + (0x2112A442).to_bytes(4) + name

        if key is not None:
            mac = hmac.new(key, head(len(attributes) + 24) + attributes, hashlib.sha1).digest()
            attributes += attribute(8, mac)
        async with patience("an answer of the relay"):
            while True:
                transport.sendto(head(len(attributes)) + attributes)
                try:
                    answer = await asyncio.wait_for(self.came.get(), 0.5)
                except TimeoutError:
                    continue
                if answer[8:20] == name:
                    break
        found, rest = {}, answer[20:]
        while rest:
            kind, length = int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])
            found[kind] = rest[4:4 + length]
            rest = rest[4 + length + -length % 4:]
        return int.from_bytes(answer[:2]), found


async def allocates(port: int, username: str, password: str) -> bool:
    """Whether the relay gives an address for these credentials."""
    loop = asyncio.get_running_loop()
    transport, turn = await loop.create_datagram_endpoint(Turn, remote_addr=(LOOPBACK, port))
    try:
        udp = attribute(0x19, bytes([17, 0, 0, 0]))
        kind, asked = await turn.ask(transport, udp)
        equal(kind, 0x113, "without credentials")
        realm, nonce = asked[0x14], asked[0x15]
        key = hashlib.md5(f"{username}:{realm.decode()}:{password}".encode()).digest()
        named = udp + attribute(6, username.encode()) + attribute(0x14, realm) + attribute(0x15, nonce)
        kind, _ = await turn.ask(transport, named, key)
        return kind == 0x103
    finally:
        transport.close()


@tests
async def a_relay_whose_port_is_taken_has_another_one(house):
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        port = await coturn(house, taken.getsockname()[1])
        check(port != taken.getsockname()[1], "the port of somebody else")
        check(not await allocates(port, "nobody", "wrong"), "the relay takes anything")


@tests
async def a_real_relay_takes_the_credentials(house):
    port = await coturn(house)
    server = await started(house, f"turn:{LOOPBACK}:{port}")
    romeo = await wire.logged_in(house, server, "romeo")
    relay = (await services(romeo, "turn"))[0]
    check(await allocates(port, relay["username"], relay["password"]), "the relay refuses")
    check(not await allocates(port, relay["username"], "wrong"), "the relay takes anything")
    late = f"{int(time.time()) - 10}:{relay['username'].split(':')[1]}"
    mac = hmac.new(SECRET.encode(), late.encode(), hashlib.sha1).digest()
    check(not await allocates(port, late, base64.b64encode(mac).decode()), "the relay takes what has ended")
