"""A certificate authority for tests: certificates for servers and for people."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

# id-on-xmppAddr (RFC 6120 §13.7.1.4).
XMPP_ADDRESS = ObjectIdentifier("1.3.6.1.5.5.7.8.5")


def _utf8_string(text: str) -> bytes:
    """DER of a UTF8String of less than 128 bytes."""
    data = text.encode()
    return bytes([0x0C, len(data)]) + data


class Authority:
    """Makes PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._numbers = itertools.count(1)
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        certificate = (
            self._builder(name, name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self._certificate = certificate
        # PEM file of the authority's own certificate.
        self.root = folder / "root.pem"
        self.root.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )

    def _issue(self, name: str, alternatives: list[x509.GeneralName], *usages: ObjectIdentifier) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._builder(subject, self._certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        number = next(self._numbers)
        files = self.folder / f"{number}-certificate.pem", self.folder / f"{number}-key.pem"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def server(self, *domains: str) -> tuple[Path, Path]:
        """Certificate and key for a server of these domains."""
        return self._issue(domains[0], [x509.DNSName(domain) for domain in domains], ExtendedKeyUsageOID.SERVER_AUTH)

    def peer(self, *domains: str) -> tuple[Path, Path]:
        """The same, and good for the connecting side too: not every server takes one without that."""
        names = [x509.DNSName(domain) for domain in domains]
        return self._issue(domains[0], names, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

    def person(self, *addresses: str) -> tuple[Path, Path]:
        """Certificate and key of somebody with these XMPP addresses."""
        names: list[x509.GeneralName] = [
            x509.OtherName(XMPP_ADDRESS, _utf8_string(address)) for address in addresses
        ]
        return self._issue(addresses[0], names, ExtendedKeyUsageOID.CLIENT_AUTH)
