"""Certificates of other servers by signed records in DNS: DANE (RFC 6698, RFC 7671, RFC 7673)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from federation import MANTUA, VERONA, arrive, config, error_of, talk
from harness import Tests, check, equal
from harness.authority import Authority
from harness.dnssec import SignedNameServer
from harness.people import Person
from harness.server import Server
from harness.tests import PATIENCE
from slixmpp.exceptions import IqError

tests = Tests("certificates by signed records (DANE)")

HOST = f"xmpp.{MANTUA}"


class Place:
    """Verona, whose certificate comes from an authority that all trust, and Mantua, about which DNS says more."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.dns = SignedNameServer()
        self.folder: Path = house.folder
        self.servers: dict[str, Server] = {}

    async def open(self, **verona: Any) -> "Place":
        await self.dns.start()
        self.house.at_end(self.dns.stop)
        self.anchor = str(self.dns.anchor(self.folder))
        await self.server(VERONA, "juliet", "xmpp.verona.test", **verona)
        return self

    async def server(self, domain: str, person: str, host: str, files: tuple[Path, Path] | None = None, direct: bool = False,
                     **more: Any) -> int:
        """Starts a server, and says where it is; its port."""
        sections = config(self.house, domain, self.dns)
        sections["federation"].update({"trust_anchors": self.anchor, **more.pop("federation", {})})
        for name, keys in more.items():
            sections.setdefault(name.replace("__", "."), {}).update(keys)
        if files is not None:
            sections["tls"] = {"mode": "files", "certificate": str(files[0]), "key": str(files[1])}
        server = self.house.server(sections)
        await server.people(person)
        await server.start()
        self.servers[domain] = server
        port = server.address("federation_tls" if direct else "federation")[1]
        self.dns.host(host)
        self.dns.service(f"_{'xmpps' if direct else 'xmpp'}-server._tcp.{domain}", (10, port, host))
        return port

    def unknown(self, name: str) -> tuple[Authority, tuple[Path, Path]]:
        """A certificate of an authority that nobody trusts."""
        authority = Authority(Path(tempfile.mkdtemp(dir=self.folder)) / name)
        return authority, authority.peer(name)

    async def juliet(self) -> Person:
        return await arrive(self.house, self.servers[VERONA], "juliet", VERONA)

    async def unreachable(self, reason: str) -> None:
        """Mantua must not be reached from Verona, for this reason in the log; people learn no more than that."""
        juliet = await self.juliet()
        try:
            await juliet["xep_0199"].send_ping(MANTUA, timeout=PATIENCE)
        except IqError as error:
            equal(error.condition, "remote-server-timeout")
            await self.servers[VERONA].logged(reason, 0)
            return
        raise AssertionError("Mantua was reached")

    async def romeo(self) -> Person:
        return await arrive(self.house, self.servers[MANTUA], "romeo", MANTUA)




@tests.each(["STARTTLS", "direct TLS"])
async def a_certificate_that_nobody_vouches_for_is_good_when_its_record_is_signed(house, way):
    place = await Place(house).open()
    _, files = place.unknown(MANTUA)
    direct = way == "direct TLS"
    port = await place.server(MANTUA, "romeo", HOST, files, direct)
    place.dns.certificate(port, HOST, files[0])
    await talk(await place.juliet(), await place.romeo())


@tests
async def who_connects_is_known_by_the_same_records(house):
    place = await Place(house).open()
    _, files = place.unknown(MANTUA)
    port = await place.server(MANTUA, "romeo", HOST, files)
    place.dns.certificate(port, HOST, files[0])
    juliet, romeo = await place.juliet(), await place.romeo()
    # Mantua connects first, and Verona has nothing but the records to know it by.
    await talk(romeo, juliet)


@tests
async def an_authority_may_stand_in_the_record(house):
    place = await Place(house).open()
    authority, (certificate, key) = place.unknown(MANTUA)
    both = place.folder / "chain.pem"
    both.write_bytes(certificate.read_bytes() + authority.root.read_bytes())
    port = await place.server(MANTUA, "romeo", HOST, (both, key))
    place.dns.certificate(port, HOST, authority.root, usage=2, selector=0)
    await talk(await place.juliet(), await place.romeo())


@tests.each(["certificates alone", "dialback too"])
async def a_certificate_other_than_in_the_signed_record_is_refused_whoever_vouches_for_it(house, policy):
    place = await Place(house).open(policy__federation={"dialback": policy == "dialback too"})
    port = await place.server(MANTUA, "romeo", HOST)
    _, (other, _) = place.unknown(MANTUA)
    place.dns.certificate(port, HOST, other)
    await place.unreachable("TLSA records")


@tests
async def an_authority_that_we_trust_counts_in_addition_where_the_record_says_so(house):
    place = await Place(house).open()
    _, files = place.unknown(MANTUA)
    port = await place.server(MANTUA, "romeo", HOST, files)
    # PKIX-EE: the very certificate, but nobody whom Verona trusts has issued it.
    place.dns.certificate(port, HOST, files[0], usage=1)
    await place.unreachable("TLSA records")


@tests.each(["forged", "stripped"])
async def records_that_are_not_what_the_zone_has_signed_make_a_server_unreachable(house, how):
    place = await Place(house).open()
    port = await place.server(MANTUA, "romeo", HOST)
    record = f"_{port}._tcp.{HOST}"
    place.dns.certificate(port, HOST, house.authority.root, usage=2)
    getattr(place.dns, how).add(record)
    await place.unreachable("(DNSSEC)")
    check(record in place.dns.asked, "the record was not asked for")


@tests
async def a_forged_way_to_a_server_is_not_gone(house):
    place = await Place(house).open()
    await place.server(MANTUA, "romeo", HOST)
    place.dns.forged.add(f"_xmpp-server._tcp.{MANTUA}")
    await place.unreachable("(DNSSEC)")


@tests
async def records_without_signature_change_nothing(house):
    place = await Place(house).open()
    place.dns.unsigned.add(MANTUA)
    port = await place.server(MANTUA, "romeo", HOST)
    _, (other, _) = place.unknown(MANTUA)
    place.dns.certificate(port, HOST, other)
    await talk(await place.juliet(), await place.romeo())
    check(f"_{port}._tcp.{HOST}" not in place.dns.asked, "a record that cannot count was asked for")


@tests.each(["signed", "unsigned"])
async def a_certificate_of_the_machine_is_good_where_the_way_to_it_is_signed(house, zone):
    place = await Place(house).open()
    if zone == "unsigned":
        place.dns.unsigned.add(MANTUA)
    await place.server(MANTUA, "romeo", HOST, house.authority.peer(HOST))
    juliet = await place.juliet()
    if zone == "signed":
        await talk(juliet, await place.romeo())
    else:
        equal((await error_of(juliet, f"romeo@{MANTUA}"))[0], "remote-server-not-found")


@tests.each(["auto", "required", "off"])
async def name_servers_without_signatures_are_taken_as_policy_says(house, dnssec):
    place = await Place(house).open(federation={"dnssec": dnssec})
    await place.server(MANTUA, "romeo", HOST)
    # Nothing is signed any more, the root included.
    place.dns.stripped.update(["", ".", HOST, f"_xmpp-server._tcp.{MANTUA}"])
    if dnssec == "required":
        await place.unreachable("(DNSSEC)")
    else:
        juliet = await place.juliet()
        await juliet["xep_0199"].send_ping(MANTUA, timeout=PATIENCE)


@tests
async def an_anchor_that_cannot_be_read_is_told_at_the_start(house):
    server = house.server({"federation": {"trust_anchors": "nowhere"}})
    done = await server.command("serve")
    check(done.code != 0 and "federation.trust_anchors" in done.said, done.said)
