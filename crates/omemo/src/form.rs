//! What the two forms of OMEMO set differently.

use xmpp::xep::omemo::Form;

use crate::crypto::{IdentityKey, Key, PublicKey, expand, expand_with};

/// The constants of a form, which XEP-0384 §4 and libsignal name.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// HKDF info of X3DH.
    pub(crate) agreement: &'static [u8],
    /// HKDF info of the root chain.
    pub(crate) root: &'static [u8],
    /// HKDF info of a message's keys.
    pub(crate) message: &'static [u8],
    /// Bytes of a message's tag.
    pub(crate) tag_bytes: usize,
}

const CURRENT: Parameters = Parameters {
    agreement: b"OMEMO X3DH",
    root: b"OMEMO Root Chain",
    message: b"OMEMO Message Key Material",
    tag_bytes: 16,
};

const LEGACY: Parameters = Parameters {
    agreement: b"WhisperText",
    root: b"WhisperRatchet",
    message: b"WhisperMessageKeys",
    tag_bytes: 8,
};

pub(crate) const fn parameters(form: Form) -> &'static Parameters {
    match form {
        Form::Current => &CURRENT,
        Form::Legacy => &LEGACY,
    }
}

/// The keys for one text: cipher, tag, initialisation vector (XEP-0384 §4.3, §4.4).
pub(crate) struct TextKeys {
    bytes: zeroize::Zeroizing<[u8; 80]>,
}

impl TextKeys {
    pub(crate) fn derive(material: &[u8], info: &[u8]) -> Self {
        Self {
            bytes: expand(material, info),
        }
    }

    fn part<const N: usize>(&self, from: usize) -> &[u8; N] {
        self.bytes
            .get(from..)
            .and_then(<[u8]>::first_chunk)
            .expect("80 bytes are 32, 32 and 16")
    }

    pub(crate) fn cipher(&self) -> &[u8; 32] {
        self.part(0)
    }

    pub(crate) fn tag(&self) -> &[u8; 32] {
        self.part(32)
    }

    pub(crate) fn iv(&self) -> &[u8; 16] {
        self.part(64)
    }
}

/// KDF_RK: the next root key, and the key of a new chain.
pub(crate) fn root_step(form: Form, root: &Key, agreed: &[u8; 32]) -> (Key, Key) {
    let out: zeroize::Zeroizing<[u8; 64]> =
        expand_with(root.expose(), agreed, parameters(form).root);
    let (next, chain) = out.split_at(32);
    let key = |half: &[u8]| Key::new(half.try_into().expect("half of 64 bytes"));
    (key(next), key(chain))
}

/// A device's identity as the associated data of a form writes it.
pub(crate) fn encode_identity(form: Form, identity: &IdentityKey, edwards: &[u8; 32]) -> Vec<u8> {
    match form {
        Form::Current => edwards.to_vec(),
        Form::Legacy => identity.public().legacy().to_vec(),
    }
}

/// A public key as the messages of a form write it.
pub(crate) fn encode_public(form: Form, key: &PublicKey) -> Vec<u8> {
    match form {
        Form::Current => key.as_bytes().to_vec(),
        Form::Legacy => key.legacy().to_vec(),
    }
}

pub(crate) fn read_public(form: Form, bytes: &[u8]) -> Option<PublicKey> {
    match form {
        Form::Current => PublicKey::read(bytes),
        Form::Legacy => PublicKey::read_legacy(bytes),
    }
    .ok()
}
