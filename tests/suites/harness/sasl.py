"""The client's side of SASL: PLAIN, EXTERNAL, SCRAM with and without channel binding, and tokens (XEP-0484)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import ssl
import xml.etree.ElementTree as ET
from pathlib import Path


class Refused(Exception):
    """The server refused; `condition` is why."""

    def __init__(self, failure: ET.Element) -> None:
        self.condition = next((child.tag.split("}")[1] for child in failure if not child.tag.endswith("}text")), "?")
        super().__init__(f"refused: {ET.tostring(failure).decode()}")


def encode(data: bytes | None) -> str:
    """Base64 as SASL in XMPP writes it: `=` for what is there but empty."""
    if data is None:
        return ""
    return base64.b64encode(data).decode() or "="


def decode(text: str | None) -> bytes:
    text = (text or "").strip()
    return b"" if text == "=" else base64.b64decode(text, validate=True)


class Plain:
    def __init__(self, username: str, password: str) -> None:
        self._message = f"\0{username}\0{password}".encode()

    def first(self) -> bytes | None:
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        raise AssertionError("PLAIN has no challenges")

    def finish(self, data: bytes) -> None:
        pass


class External(Plain):
    def __init__(self, username: str) -> None:
        self._message = username.encode()


class Scram:
    """RFC 5802; `binding` is a type's name and its data."""

    def __init__(self, mechanism: str, username: str, password: str, binding: tuple[str, bytes] | None,
                 offered_binding: bool = False) -> None:
        name = mechanism.removesuffix("-PLUS")
        self._hash = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}[name]
        if mechanism.endswith("-PLUS"):
            assert binding is not None
            self._header, self._data = f"p={binding[0]},,".encode(), binding[1]
        else:
            self._header, self._data = (b"y,," if offered_binding else b"n,,"), b""
        self._password = password.encode()
        self._nonce = base64.b64encode(os.urandom(18))
        self._bare = b"n=" + username.replace("=", "=3D").replace(",", "=2C").encode() + b",r=" + self._nonce
        self._signature = b""
        self.salted = b""

    def first(self) -> bytes | None:
        return self._header + self._bare

    def _hmac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._hash)

    def respond(self, challenge: bytes) -> bytes:
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        assert fields[b"r"].startswith(self._nonce), "the server's nonce is not an extension of ours"
        assert int(fields[b"i"]) >= 4096, "too few iterations"
        salt = base64.b64decode(fields[b"s"])
        self.salted = hashlib.pbkdf2_hmac(self._hash, self._password, salt, int(fields[b"i"]))
        client_key = self._hmac(self.salted, b"Client Key")
        stored_key = hashlib.new(self._hash, client_key).digest()
        final = b"c=" + base64.b64encode(self._header + self._data) + b",r=" + fields[b"r"]
        message = self._bare + b"," + challenge + b"," + final
        proof = bytes(a ^ b for a, b in zip(client_key, self._hmac(stored_key, message)))
        self._signature = self._hmac(self._hmac(self.salted, b"Server Key"), message)
        return final + b",p=" + base64.b64encode(proof)

    def finish(self, data: bytes) -> None:
        assert data == b"v=" + base64.b64encode(self._signature), "the server does not know the password"


class Token:
    """HT-SHA-256 (XEP-0484 §4, draft-schmaus-kitten-sasl-ht)."""

    def __init__(self, username: str, token: str, binding: bytes = b"") -> None:
        self._username, self._token, self._binding = username, token.encode(), binding

    def first(self) -> bytes | None:
        proof = hmac.digest(self._token, b"Initiator" + self._binding, "sha256")
        return self._username.encode() + b"\0" + proof

    def respond(self, challenge: bytes) -> bytes:
        raise AssertionError("tokens have no challenges")

    def finish(self, data: bytes) -> None:
        expected = hmac.digest(self._token, b"Responder" + self._binding, "sha256")
        assert data == expected, "the server does not know the token"


def begin(mechanism: str, username: str, password: str, binding: tuple[str, bytes] | None) -> Plain | Scram:
    """The exchange of a mechanism."""
    if mechanism == "PLAIN":
        return Plain(username, password)
    if mechanism == "EXTERNAL":
        return External(username)
    return Scram(mechanism, username, password, binding)


# Channel binding


def server_end_point(tls: ssl.SSLObject) -> bytes:
    """tls-server-end-point (RFC 5929 §4.1) of a certificate that is signed with SHA-256."""
    certificate = tls.getpeercert(binary_form=True)
    assert certificate is not None
    return hashlib.sha256(certificate).digest()


def exporter(tls: ssl.SSLObject, key_log: Path) -> bytes:
    """tls-exporter (RFC 9266) of a TLS 1.3 connection whose context wrote `key_log`: Python's `ssl` exports nothing
    itself, but logs the secret from which RFC 8446 §7.5 makes it."""
    lines = [line.split() for line in key_log.read_text().splitlines()]
    # The last connection that used the file is ours.
    secret = bytes.fromhex([words[2] for words in lines if words and words[0] == "EXPORTER_SECRET"][-1])
    cipher = tls.cipher()
    assert cipher is not None and tls.version() == "TLSv1.3"
    name = "sha384" if cipher[0].endswith("SHA384") else "sha256"
    empty = hashlib.new(name).digest()
    derived = _expand_label(secret, b"EXPORTER-Channel-Binding", empty, len(empty), name)
    return _expand_label(derived, b"exporter", empty, 32, name)


def _expand_label(secret: bytes, label: bytes, context: bytes, length: int, name: str) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1) for up to one hash length."""
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hmac.digest(secret, info + b"\x01", name)[:length]
