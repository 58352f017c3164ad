"""A name server for tests: it knows what it is told, and says of all else that it is not there."""

from __future__ import annotations

import asyncio
import ipaddress
import struct

A, SRV = 1, 33
NXDOMAIN = 3


def _name(text: str) -> bytes:
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP from a table."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, int], list[bytes]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        # Names that were asked for.
        self.asked: list[str] = []
        # Domains of which nothing is said at all.
        self.silent: set[str] = set()

    async def start(self) -> "NameServer":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()

    @property
    def address(self) -> tuple[str, int]:
        assert self._transport is not None
        return self._transport.get_extra_info("sockname")

    def host(self, name: str, address: str = "127.0.0.1") -> None:
        self._records[name, A] = [ipaddress.IPv4Address(address).packed]

    def service(self, name: str, *places: tuple[int, int, str]) -> None:
        """SRV records: priority, port and host each. A host of `.` says that there is no such service."""
        self._records[name, SRV] = [
            struct.pack("!HHH", priority, 1, port) + _name(host) for priority, port, host in places
        ]

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        number, _flags = struct.unpack("!HH", data[:4])
        labels, at = [], 12
        while length := data[at]:
            labels.append(data[at + 1 : at + 1 + length].decode().lower())
            at += 1 + length
        question = data[12 : at + 5]
        kind = struct.unpack("!H", data[at + 1 : at + 3])[0]
        name = ".".join(labels)
        self.asked.append(name)
        if any(name == domain or name.endswith(f".{domain}") for domain in self.silent):
            return
        answers = self._records.get((name, kind), [])
        known = any(other == name for other, _ in self._records)
        code = 0 if known else NXDOMAIN
        out = struct.pack("!HHHHHH", number, 0x8580 | code, 1, len(answers), 0, 0) + question
        for answer in answers:
            out += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(answer)) + answer
        assert self._transport is not None
        self._transport.sendto(out, peer)
