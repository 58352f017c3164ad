//! What a notification holds is sealed for its user agent (RFC 8291, RFC 8188): the push service in
//! between learns nothing but when.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// Bytes of an uncompressed point on P-256.
const POINT: usize = 65;
/// Size of a record (RFC 8188 §2): what push services take at the most (RFC 8030 §7.2).
const RECORD: u32 = 4096;
/// All payloads are filled up to this size, so that they tell nothing by theirs.
const PADDED: usize = 128;
/// Ends the last record (RFC 8188 §2).
const LAST: u8 = 2;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    key.expand(info, Length(N))?.fill(&mut out)?;
    Ok(out)
}

/// The body of the request to the push service: `plaintext`, filled up and sealed for the user agent
/// with the public key `agent` (65 bytes) and the secret `auth`. `own` is used once and `salt` is fresh.
///
/// # Errors
/// When the agent's key is no point on the curve.
pub(super) fn seal(
    plaintext: &[u8],
    agent: &[u8],
    auth: &[u8],
    own: &PrivateKey,
    salt: [u8; 16],
) -> Result<Vec<u8>, Unspecified> {
    let padded = plaintext.len().max(PADDED - 1);
    seal_padded(plaintext, padded, agent, auth, own, salt)
}

fn seal_padded(
    plaintext: &[u8],
    padded: usize,
    agent: &[u8],
    auth: &[u8],
    own: &PrivateKey,
    salt: [u8; 16],
) -> Result<Vec<u8>, Unspecified> {
    let public = own.compute_public_key()?;
    let public: &[u8] = public.as_ref();
    // RFC 8291 §3.4.
    let peer = UnparsedPublicKey::new(&ECDH_P256, agent);
    let combined = agree(own, peer, Unspecified, |shared| {
        let key = Salt::new(HKDF_SHA256, auth).extract(shared);
        expand::<32>(&key, &[b"WebPush: info\0", agent, public])
    })?;
    let key = Salt::new(HKDF_SHA256, &salt).extract(&combined);
    let content = expand::<16>(&key, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = expand::<12>(&key, &[b"Content-Encoding: nonce\0"])?;

    let mut sealed = Vec::with_capacity(padded + 1);
    sealed.extend_from_slice(plaintext);
    sealed.push(LAST);
    sealed.resize(padded + 1, 0);
    let content = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content)?);
    content.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut sealed,
    )?;
    // RFC 8188 §2.1: salt, record size, key id.
    let mut body = Vec::with_capacity(21 + POINT + sealed.len());
    body.extend_from_slice(&salt);
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(POINT as u8);
    body.extend_from_slice(public);
    body.append(&mut sealed);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    const AGENT: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
    const OWN: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";

    fn own() -> PrivateKey {
        PrivateKey::from_private_key(&ECDH_P256, &bytes(OWN)).expect("a key")
    }

    fn salt() -> [u8; 16] {
        bytes(SALT).try_into().expect("16 bytes")
    }

    /// RFC 8291 §5 and appendix A.
    #[test]
    fn the_example_of_the_specification() {
        let plaintext = b"When I grow up, I want to be a watermelon";
        let sealed = seal_padded(
            plaintext,
            plaintext.len(),
            &bytes(AGENT),
            &bytes(AUTH),
            &own(),
            salt(),
        );
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sealed.expect("sealed")),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
             mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
             pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn every_notification_is_as_long_as_any_other() {
        let length = |text: &[u8]| {
            let sealed = seal(text, &bytes(AGENT), &bytes(AUTH), &own(), salt());
            sealed.expect("sealed").len()
        };
        assert_eq!(length(b"{}"), length(&[b'x'; 100]));
        assert_eq!(length(b"{}"), 21 + POINT + PADDED + 16);
    }

    #[test]
    fn what_is_no_point_is_refused() {
        let mut wrong = bytes(AGENT);
        wrong[10] ^= 1;
        assert!(seal(b"", &wrong, &bytes(AUTH), &own(), salt()).is_err());
    }
}
