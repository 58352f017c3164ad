"""A name server whose answers are signed (DNSSEC): one signed zone, the root, with all names in it; and domains below it
that are not signed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .dns import NameServer

IN, TLSA = dns.rdataclass.IN, dns.rdatatype.TLSA
NXDOMAIN = 3


class SignedNameServer(NameServer):
    """Answers with signatures; the zone is signed by dnspython when somebody first asks after a change."""

    def __init__(self) -> None:
        super().__init__()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._dnskey = dns.dnssec.make_dnskey(self._key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
        self._zone: dns.zone.Zone | None = None
        self._order: list[dns.name.Name] = []
        # Domains that are delegated to a zone without signatures.
        self.unsigned: set[str] = set()
        # Names whose signatures are wrong, and names whose signatures get lost.
        self.forged: set[str] = set()
        self.stripped: set[str] = set()

    def anchor(self, folder: Path) -> Path:
        """A file with the key that all begins at."""
        file = folder / "anchor"
        file.write_text(f". 3600 IN DNSKEY {self._dnskey.to_text()}\n")
        return file

    def certificate(self, port: int, host: str, file: Path, usage: int = 3, selector: int = 1, matching: int = 1) -> None:
        """A TLSA record that means the first certificate in a PEM file."""
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        selected = (
            certificate.public_key().public_bytes(serialization.Encoding.DER, form)
            if selector
            else certificate.public_bytes(serialization.Encoding.DER)
        )
        data = [selected, hashlib.sha256(selected).digest(), hashlib.sha512(selected).digest()][matching]
        self._records[f"_{port}._tcp.{host}", TLSA] = [bytes([usage, selector, matching]) + data]
        self._zone = None

    def host(self, name: str, address: str = "127.0.0.1") -> None:
        super().host(name, address)
        self._zone = None

    def service(self, name: str, *places: tuple[int, int, str]) -> None:
        super().service(name, *places)
        self._zone = None

    def _is_unsigned(self, name: str) -> bool:
        return any(name == domain or name.endswith(f".{domain}") for domain in self.unsigned)

    def _signed(self) -> dns.zone.Zone:
        if self._zone is None:
            zone = dns.zone.Zone(dns.name.root, IN, relativize=False)

            def put(name: str, kind: str, text: str) -> None:
                owner = dns.name.from_text(name)
                dataset = zone.find_rdataset(owner, dns.rdatatype.from_text(kind), create=True)
                dataset.add(dns.rdata.from_text(IN, dns.rdatatype.from_text(kind), text), ttl=60)

            put(".", "SOA", "ns.test. admin.test. 1 3600 600 86400 60")
            put(".", "NS", "ns.test.")
            for domain in self.unsigned:
                put(domain, "NS", "ns.test.")
            for (name, kind), values in self._records.items():
                if not self._is_unsigned(name):
                    dataset = zone.find_rdataset(dns.name.from_text(name), kind, create=True)
                    for value in values:
                        dataset.add(dns.rdata.from_wire(IN, kind, value, 0, len(value)), ttl=60)
            dns.dnssec.sign_zone(zone, keys=[(self._key, self._dnskey)], lifetime=86_400)
            self._zone, self._order = zone, sorted(zone.nodes)
        return self._zone

    def _covering(self, name: dns.name.Name) -> dns.name.Name:
        """The name whose NSEC record says that this one is not there, or has not what was asked for."""
        return max((other for other in self._order if other <= name and self._zone.get_rdataset(other, "NSEC")))

    def _exists(self, name: dns.name.Name) -> bool:
        return any(other.is_subdomain(name) for other in self._order)

    def _add(self, section: list[dns.rrset.RRset], name: dns.name.Name, kind: int) -> bool:
        zone = self._signed()
        dataset = zone.get_rdataset(name, kind)
        if dataset is None:
            return False
        section.append(dns.rrset.from_rdata_list(name, dataset.ttl, list(dataset)))
        signatures = zone.get_rdataset(name, dns.rdatatype.RRSIG, kind)
        plain = name.to_text(omit_final_dot=True)
        if signatures is not None and plain not in self.stripped:
            made = list(signatures)
            if plain in self.forged:
                made = [one.replace(signature=bytes(len(one.signature))) for one in made]
            section.append(dns.rrset.from_rdata_list(name, dataset.ttl, made))
        return True

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        asked, kind = query.question[0].name, query.question[0].rdtype
        name = dns.name.from_text(asked.to_text().lower())
        plain = name.to_text(omit_final_dot=True)
        self.asked.append(plain)
        answer = dns.message.make_response(query, recursion_available=True, our_payload=4096)
        zone = self._signed()
        at_cut = plain in self.unsigned and kind == dns.rdatatype.DS
        if self._is_unsigned(plain) and not at_cut:
            if kind == dns.rdatatype.NS and plain in self.unsigned:
                answer.answer.append(dns.rrset.from_text(name, 60, IN, "NS", "ns.test."))
            for value in self._records.get((plain, kind), []):
                answer.answer.append(dns.rrset.from_rdata(name, 60, dns.rdata.from_wire(IN, kind, value, 0, len(value))))
        elif not self._add(answer.answer, name, kind):
            self._add(answer.authority, dns.name.root, dns.rdatatype.SOA)
            covering = {self._covering(name)}
            if not self._exists(name):
                answer.set_rcode(NXDOMAIN)
                encloser = name.parent()
                while not self._exists(encloser):
                    encloser = encloser.parent()
                covering.add(self._covering(dns.name.Name((b"*",)).concatenate(encloser)))
            for owner in covering:
                self._add(answer.authority, owner, dns.rdatatype.NSEC)
        assert self._transport is not None and zone is not None
        self._transport.sendto(answer.to_wire(max_size=65_535), peer)
