"""Writes `signatures.jsonl`: keys in both shapes, and signatures by XEdDSA and EdDSA, all made by libxeddsa.

    python signatures.py > signatures.jsonl

Wants the package XEdDSA.
"""

import hashlib
import json

import xeddsa


def bytes_of(name, count=32):
    return hashlib.shake_256(name.encode()).digest(count)


for number in range(24):
    private = bytes_of(f"private {number}")
    seed = bytes_of(f"seed {number}")
    message = bytes_of(f"message {number}", number * 7)
    nonce = bytes_of(f"nonce {number}", 64)
    curve = xeddsa.priv_to_curve25519_pub(private)
    edwards = xeddsa.curve25519_pub_to_ed25519_pub(curve, False)
    forced = xeddsa.priv_force_sign(private, False)
    line = {
        "private": private.hex(),
        "curve": curve.hex(),
        "edwards": edwards.hex(),
        "message": message.hex(),
        "signature": xeddsa.ed25519_priv_sign(forced, message, nonce).hex(),
        "seed": seed.hex(),
        "seed_edwards": xeddsa.seed_to_ed25519_pub(seed).hex(),
        "seed_curve": xeddsa.ed25519_pub_to_curve25519_pub(xeddsa.seed_to_ed25519_pub(seed)).hex(),
        "seed_private": xeddsa.seed_to_priv(seed).hex(),
        "seed_signature": xeddsa.ed25519_seed_sign(seed, message).hex(),
        "shared": xeddsa.x25519(private, xeddsa.ed25519_pub_to_curve25519_pub(xeddsa.seed_to_ed25519_pub(seed))).hex(),
    }
    assert xeddsa.ed25519_verify(bytes.fromhex(line["signature"]), edwards, message)
    print(json.dumps(line))
