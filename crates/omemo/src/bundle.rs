//! The bundle: the public keys of a device with which others start sessions (XEP-0384 §5.3.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xmpp::xep::omemo::Form;
use xmpp::xml::{Element, Writer};

use crate::crypto::{EdwardsKey, IdentityKey, PublicKey, Randomness, array, verify_legacy};

/// More prekeys than this are not read: a bundle SHOULD have about 100 (XEP-0384 §4.2).
const MAX_PREKEYS: usize = 1_000;

/// Why a bundle is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// Something that must be there is missing or is no key.
    #[error("the bundle is not complete")]
    Malformed,
    /// The signed prekey is not signed by the identity key.
    #[error("the signature of the bundle is wrong")]
    Signature,
    /// No prekey is left; a key exchange needs one.
    #[error("the bundle has no prekeys")]
    NoPreKeys,
}

/// A bundle whose signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) form: Form,
    pub(crate) identity: EdwardsKey,
    pub(crate) signed_prekey_id: u32,
    pub(crate) signed_prekey: PublicKey,
    pub(crate) prekeys: Vec<(u32, PublicKey)>,
}

struct Names {
    signed_prekey: &'static str,
    signed_prekey_id: &'static str,
    signature: &'static str,
    identity: &'static str,
    prekey: &'static str,
    prekey_id: &'static str,
}

const fn names(form: Form) -> Names {
    match form {
        Form::Current => Names {
            signed_prekey: "spk",
            signed_prekey_id: "id",
            signature: "spks",
            identity: "ik",
            prekey: "pk",
            prekey_id: "id",
        },
        Form::Legacy => Names {
            signed_prekey: "signedPreKeyPublic",
            signed_prekey_id: "signedPreKeyId",
            signature: "signedPreKeySignature",
            identity: "identityKey",
            prekey: "preKeyPublic",
            prekey_id: "preKeyId",
        },
    }
}

/// Base64 as XML Schema has it: white space may stand anywhere. `None` when there is more than `most` of it.
pub(crate) fn read_base64(text: &str, most: usize) -> Option<Vec<u8>> {
    if text.len() / 4 > most {
        return None;
    }
    if text.contains(|c: char| c.is_ascii_whitespace()) {
        let text: String = text.split_ascii_whitespace().collect();
        BASE64.decode(text).ok()
    } else {
        BASE64.decode(text).ok()
    }
}

impl Bundle {
    /// Reads `<bundle/>` and checks its signature.
    pub(crate) fn read(form: Form, element: Element<'_>) -> Result<Self, BundleFault> {
        let namespace = form.namespace();
        if !element.is("bundle", namespace) {
            return Err(BundleFault::Malformed);
        }
        let names = names(form);
        let read = |name: &str| -> Option<Vec<u8>> {
            read_base64(&element.child(name, namespace)?.text(), 128)
        };
        let public = |bytes: &[u8]| match form {
            Form::Current => PublicKey::read(bytes),
            Form::Legacy => PublicKey::read_legacy(bytes),
        };
        let complete = || {
            let spk = element.child(names.signed_prekey, namespace)?;
            let spk_id: u32 = spk.attr(names.signed_prekey_id)?.trim().parse().ok()?;
            let signed = read_base64(&spk.text(), 128)?;
            let signature: [u8; 64] = read(names.signature)?.try_into().ok()?;
            Some((spk_id, signed, signature, read(names.identity)?))
        };
        let (signed_prekey_id, signed, signature, identity) =
            complete().ok_or(BundleFault::Malformed)?;
        let signed_prekey = public(&signed).map_err(|_| BundleFault::Malformed)?;
        let identity = match form {
            Form::Current => {
                let identity = EdwardsKey::read(&identity).map_err(|_| BundleFault::Malformed)?;
                if !identity.verify(&signed, &signature) {
                    return Err(BundleFault::Signature);
                }
                identity
            }
            Form::Legacy => {
                let identity =
                    PublicKey::read_legacy(&identity).map_err(|_| BundleFault::Malformed)?;
                verify_legacy(IdentityKey::new(identity), &signed, &signature)
                    .map_err(|_| BundleFault::Signature)?
            }
        };
        let prekeys: Vec<_> = element
            .child("prekeys", namespace)
            .ok_or(BundleFault::Malformed)?
            .children()
            .filter(|child| child.is(names.prekey, namespace))
            .take(MAX_PREKEYS)
            .filter_map(|child| {
                let id = child.attr(names.prekey_id)?.trim().parse().ok()?;
                let key = public(&read_base64(&child.text(), 128)?).ok()?;
                Some((id, key))
            })
            .collect();
        if prekeys.is_empty() {
            return Err(BundleFault::NoPreKeys);
        }
        Ok(Self {
            form,
            identity,
            signed_prekey_id,
            signed_prekey,
            prekeys,
        })
    }
}

impl Bundle {
    /// Leaves one prekey, taken at random: a session needs no more, and bundles may wait by the thousand.
    pub(crate) fn choose(&mut self, random: &mut dyn Randomness) {
        let count = u64::try_from(self.prekeys.len()).unwrap_or(u64::MAX);
        let choice = u64::from_le_bytes(array(random)).checked_rem(count);
        let choice = choice.and_then(|choice| usize::try_from(choice).ok());
        if let Some(choice) = choice.filter(|choice| *choice < self.prekeys.len()) {
            self.prekeys.swap(0, choice);
        }
        self.prekeys.truncate(1);
    }
}

/// What is written of an own bundle.
pub(crate) struct OwnBundle<'a> {
    pub(crate) form: Form,
    pub(crate) identity: &'a EdwardsKey,
    pub(crate) signed_prekey: (u32, PublicKey),
    pub(crate) signature: [u8; 64],
    pub(crate) prekeys: Vec<(u32, PublicKey)>,
}

/// The bytes of a signed prekey that are signed.
pub(crate) fn signed_bytes(form: Form, key: &PublicKey) -> Vec<u8> {
    crate::form::encode_public(form, key)
}

impl OwnBundle<'_> {
    pub(crate) fn write(&self, writer: &mut Writer) {
        let names = names(self.form);
        let base64 = |key: &PublicKey| BASE64.encode(signed_bytes(self.form, key));
        let identity = match self.form {
            Form::Current => BASE64.encode(self.identity.as_bytes()),
            Form::Legacy => base64(self.identity.identity().public()),
        };
        writer
            .start("bundle")
            .xmlns(self.form.namespace())
            .start(names.signed_prekey)
            .attr(names.signed_prekey_id, self.signed_prekey.0.to_string())
            .text(&base64(&self.signed_prekey.1))
            .end()
            .leaf_text(names.signature, None, &BASE64.encode(self.signature))
            .leaf_text(names.identity, None, &identity)
            .start("prekeys");
        for (id, key) in &self.prekeys {
            writer
                .start(names.prekey)
                .attr(names.prekey_id, id.to_string())
                .text(&base64(key))
                .end();
        }
        writer.end().end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::IdentityKeyPair;
    use xmpp::xml::Tree;

    fn text(form: Form, count: u32) -> String {
        let own = IdentityKeyPair::from_seed(&[5; 32]).unwrap();
        let signed_prekey = PublicKey::new([7; 32]);
        let message = signed_bytes(form, &signed_prekey);
        let mut writer = Writer::new();
        OwnBundle {
            form,
            identity: own.public(),
            signed_prekey: (3, signed_prekey),
            signature: match form {
                Form::Current => own.sign(&message),
                Form::Legacy => own.sign_legacy(&message),
            },
            prekeys: (1..=count)
                .map(|id| (id, PublicKey::new([id as u8; 32])))
                .collect(),
        }
        .write(&mut writer);
        writer.finish()
    }

    #[test]
    fn there_and_back() {
        for form in Form::ALL {
            let tree = Tree::parse(&text(form, 100)).unwrap();
            let bundle = Bundle::read(form, tree.root()).unwrap();
            assert_eq!(bundle.prekeys.len(), 100);
            assert_eq!(bundle.signed_prekey_id, 3);
            assert_eq!(
                bundle.identity,
                *IdentityKeyPair::from_seed(&[5; 32]).unwrap().public()
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for form in Form::ALL {
            let fault = |text: &str| {
                Bundle::read(form, Tree::parse(text).unwrap().root()).expect_err("a fault")
            };
            assert_eq!(fault(&text(form, 0)), BundleFault::NoPreKeys);
            let other = text(form, 3).replace(
                &BASE64.encode(signed_bytes(form, &PublicKey::new([7; 32]))),
                &BASE64.encode(signed_bytes(form, &PublicKey::new([8; 32]))),
            );
            assert_eq!(fault(&other), BundleFault::Signature);
            assert_eq!(fault("<bundle/>"), BundleFault::Malformed);
            let cut = text(form, 3).replace("prekeys", "prekey");
            assert_eq!(fault(&cut), BundleFault::Malformed);
        }
    }
}
