//! Agreement, conversion and signatures against the vectors of their specifications.

use super::*;
use crate::tests::{Seeded, unhex};

fn bytes(hex: &str) -> [u8; 32] {
    unhex(hex).try_into().unwrap()
}

#[test]
fn agreement_is_that_of_rfc_7748() {
    // §6.1
    let alice = SecretKey::from_bytes(bytes(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    ));
    let bob = SecretKey::from_bytes(bytes(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    ));
    assert_eq!(
        alice.public(),
        PublicKey(bytes(
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
        ))
    );
    let shared = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(*alice.agree(&bob.public()).unwrap(), shared);
    assert_eq!(*bob.agree(&alice.public()).unwrap(), shared);
}

#[test]
fn agreement_with_a_point_of_small_order_is_refused() {
    let secret = SecretKey::generate(&mut Seeded::new(1));
    for point in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    ] {
        assert!(secret.agree(&PublicKey(bytes(point))).is_err());
    }
    assert!(EdwardsKey::read(&[0; 32]).is_err());
    assert!(EdwardsKey::read(&[0; 31]).is_err());
}

#[test]
fn a_signature_is_that_of_rfc_8032() {
    // §7.1, test 2.
    let pair = IdentityKeyPair::from_seed(&bytes(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    ))
    .unwrap();
    assert_eq!(
        pair.public().as_bytes(),
        &bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    );
    let signature = pair.sign(&[0x72]);
    assert_eq!(
        signature.to_vec(),
        unhex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
    );
    assert!(pair.public().verify(&[0x72], &signature));
    assert!(!pair.public().verify(&[0x73], &signature));
}

#[test]
fn both_shapes_are_one_key() {
    for seed in 0..32 {
        let pair = IdentityKeyPair::from_seed(&[seed; 32]).unwrap();
        assert_eq!(pair.agreement().public(), *pair.identity().public());
        let negative = pair.public().as_bytes()[31] & 0x80 != 0;
        assert_eq!(pair.identity().edwards(negative).unwrap(), *pair.public());
        assert!(pair.identity().is_named(pair.public().as_bytes()));
        assert!(pair.identity().is_named(pair.identity().as_bytes()));
        let signature = pair.sign_legacy(b"prekey");
        assert_eq!(
            verify_legacy(pair.identity(), b"prekey", &signature),
            Ok(*pair.public())
        );
        assert!(verify_legacy(pair.identity(), b"pre-key", &signature).is_err());
        let mut turned = signature;
        turned[63] ^= 0x80;
        assert!(verify_legacy(pair.identity(), b"prekey", &turned).is_err());
    }
}

#[test]
fn legacy_keys_have_their_type_in_front() {
    let key = PublicKey([9; 32]);
    assert_eq!(PublicKey::read_legacy(&key.legacy()), Ok(key));
    assert_eq!(PublicKey::read_legacy(&[9; 32]), Err(KeyError));
    assert_eq!(PublicKey::read_legacy(&[6; 33]), Err(KeyError));
    assert_eq!(PublicKey::read_legacy(&[]), Err(KeyError));
}

#[test]
fn secrets_show_nothing() {
    let pair = IdentityKeyPair::from_seed(&[0xAB; 32]).unwrap();
    let shown = format!("{pair:?} {:?}", pair.agreement());
    assert!(!shown.contains("171"), "{shown}");
    assert!(!shown.contains("abab"), "{shown}");
}

/// Keys and signatures of libxeddsa; `tests/vectors/signatures.py` has made them.
#[test]
fn conversions_and_signatures_are_those_of_libxeddsa() {
    let mut count = 0;
    for line in include_str!("../../tests/vectors/signatures.jsonl").lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| unhex(vector[name].as_str().unwrap());
        let key = |name: &str| -> [u8; 32] { field(name).try_into().unwrap() };
        let signature = |name: &str| -> [u8; 64] { field(name).try_into().unwrap() };
        let message = field("message");

        let secret = SecretKey::from_bytes(key("private"));
        assert_eq!(secret.public(), PublicKey(key("curve")));
        let identity = IdentityKey::new(secret.public());
        let edwards = identity.edwards(false).unwrap();
        assert_eq!(edwards.as_bytes(), &key("edwards"));
        assert_eq!(edwards.identity(), identity);
        // XEdDSA: made with the Curve25519 key, checked as any EdDSA signature.
        assert!(edwards.verify(&message, &signature("signature")));
        assert_eq!(
            verify_legacy(identity, &message, &signature("signature")),
            Ok(edwards)
        );
        assert!(!edwards.verify(b"another message", &signature("signature")));

        let own = IdentityKeyPair::from_seed(&key("seed")).unwrap();
        assert_eq!(own.public().as_bytes(), &key("seed_edwards"));
        assert_eq!(own.identity().as_bytes(), &key("seed_curve"));
        assert_eq!(own.sign(&message), signature("seed_signature"));
        // The scalar of the seed is the same, but for the bits that X25519 sets anyway.
        let private = SecretKey::from_bytes(key("seed_private"));
        assert_eq!(private.public(), own.agreement().public());
        assert_eq!(
            *secret.agree(own.identity().public()).unwrap(),
            key("shared")
        );
        count += 1;
    }
    assert_eq!(count, 24);
}
