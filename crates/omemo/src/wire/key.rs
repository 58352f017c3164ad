//! What stands in `<key/>`: a message of the Double Ratchet, or one with a key exchange around it.
//!
//! `urn:xmpp:omemo:2` has its own Protocol Buffers (XEP-0384 §11); the legacy form has those of libsignal, each with a
//! byte for the version in front and the tag behind.

use xmpp::xep::omemo::Form;

use super::protobuf::{Fields, Malformed, push_bytes, push_number};
use crate::crypto::{EdwardsKey, IdentityKey, PublicKey};
use crate::form::{encode_public, parameters, read_public};

/// libsignal's version 3, as message version and as lowest version that the sender speaks.
const LEGACY_VERSION: u8 = 0x33;

/// Why a key was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// It is not what its form says.
    Malformed,
    /// A version of the legacy form that is not 3.
    Version,
}

impl From<Malformed> for KeyFault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The numbers of a form's fields.
struct Numbers {
    number: u8,
    previous: u8,
    ratchet: u8,
    text: u8,
    prekey: u8,
    signed_prekey: u8,
    identity: u8,
    ephemeral: u8,
    message: u8,
}

const fn numbers(form: Form) -> Numbers {
    match form {
        Form::Current => Numbers {
            number: 1,
            previous: 2,
            ratchet: 3,
            text: 4,
            prekey: 1,
            signed_prekey: 2,
            identity: 3,
            ephemeral: 4,
            message: 5,
        },
        Form::Legacy => Numbers {
            number: 2,
            previous: 3,
            ratchet: 1,
            text: 4,
            prekey: 1,
            signed_prekey: 6,
            identity: 3,
            ephemeral: 2,
            message: 4,
        },
    }
}

/// Header of a message of the Double Ratchet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The sender's ratchet key.
    pub(crate) ratchet: PublicKey,
    /// Number of the message in its chain, from 0.
    pub(crate) number: u32,
    /// Length of the sender's chain before.
    pub(crate) previous: u32,
}

/// A message as it was received, not yet checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) header: Header,
    pub(crate) text: &'a [u8],
    /// The bytes that the tag covers, but for the associated data.
    pub(crate) covered: &'a [u8],
    pub(crate) tag: &'a [u8],
}

impl<'a> Message<'a> {
    pub(crate) fn read(form: Form, bytes: &'a [u8]) -> Result<Self, KeyFault> {
        let tag_bytes = parameters(form).tag_bytes;
        let (covered, tag) = match form {
            Form::Current => {
                let (mut tag, mut message) = (None, None);
                let mut fields = Fields::of(bytes);
                while let Some((field, value)) = fields.next()? {
                    match field {
                        1 => tag = Some(value.bytes()?),
                        2 => message = Some(value.bytes()?),
                        _ => {}
                    }
                }
                (message.ok_or(Malformed)?, tag.ok_or(Malformed)?)
            }
            Form::Legacy => {
                let split = bytes.len().checked_sub(tag_bytes).ok_or(Malformed)?;
                bytes.split_at_checked(split).ok_or(Malformed)?
            }
        };
        if tag.len() != tag_bytes {
            return Err(KeyFault::Malformed);
        }
        let inner = match form {
            Form::Current => covered,
            Form::Legacy => strip_version(covered)?,
        };
        let names = numbers(form);
        let (mut ratchet, mut number, mut previous, mut text) = (None, None, None, None);
        let mut fields = Fields::of(inner);
        while let Some((field, value)) = fields.next()? {
            match u8::try_from(field) {
                Ok(field) if field == names.number => number = Some(value.number()?),
                Ok(field) if field == names.previous => previous = Some(value.number()?),
                Ok(field) if field == names.ratchet => {
                    ratchet = Some(read_public(form, value.bytes()?).ok_or(Malformed)?);
                }
                Ok(field) if field == names.text => text = Some(value.bytes()?),
                _ => {}
            }
        }
        Ok(Self {
            header: Header {
                ratchet: ratchet.ok_or(Malformed)?,
                number: number.ok_or(Malformed)?,
                // libsignal may leave it out.
                previous: match form {
                    Form::Current => previous.ok_or(Malformed)?,
                    Form::Legacy => previous.unwrap_or(0),
                },
            },
            text: text.ok_or(Malformed)?,
            covered,
            tag,
        })
    }
}

fn strip_version(bytes: &[u8]) -> Result<&[u8], KeyFault> {
    match bytes.split_first() {
        Some((&LEGACY_VERSION, rest)) => Ok(rest),
        Some(_) => Err(KeyFault::Version),
        None => Err(KeyFault::Malformed),
    }
}

/// The bytes that a message's tag covers, but for the associated data.
pub(crate) fn covered(form: Form, header: &Header, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 56);
    let ratchet = encode_public(form, &header.ratchet);
    match form {
        Form::Current => {
            push_number(&mut out, 1, header.number);
            push_number(&mut out, 2, header.previous);
            push_bytes(&mut out, 3, &ratchet);
        }
        Form::Legacy => {
            out.push(LEGACY_VERSION);
            push_bytes(&mut out, 1, &ratchet);
            push_number(&mut out, 2, header.number);
            push_number(&mut out, 3, header.previous);
        }
    }
    push_bytes(&mut out, 4, text);
    out
}

/// A whole message: what the tag covers, and the tag.
pub(crate) fn authenticated(form: Form, covered: &[u8], tag: &[u8]) -> Vec<u8> {
    match form {
        Form::Current => {
            let mut out = Vec::with_capacity(covered.len() + tag.len() + 6);
            push_bytes(&mut out, 1, tag);
            push_bytes(&mut out, 2, covered);
            out
        }
        Form::Legacy => [covered, tag].concat(),
    }
}

/// Which of our keys a key exchange uses, and which keys the other side brings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) prekey: u32,
    pub(crate) signed_prekey: u32,
    pub(crate) identity: SenderIdentity,
    pub(crate) ephemeral: PublicKey,
    /// The message in it.
    pub(crate) message: &'a [u8],
}

/// The sender's identity in the shape that its form has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SenderIdentity {
    Edwards(EdwardsKey),
    Montgomery(IdentityKey),
}

impl SenderIdentity {
    pub(crate) fn key(&self) -> IdentityKey {
        match self {
            Self::Edwards(key) => key.identity(),
            Self::Montgomery(key) => *key,
        }
    }
}

impl<'a> Exchange<'a> {
    pub(crate) fn read(form: Form, bytes: &'a [u8]) -> Result<Self, KeyFault> {
        let inner = match form {
            Form::Current => bytes,
            Form::Legacy => strip_version(bytes)?,
        };
        let names = numbers(form);
        let (mut prekey, mut signed_prekey, mut identity, mut ephemeral, mut message) =
            (None, None, None, None, None);
        let mut fields = Fields::of(inner);
        while let Some((field, value)) = fields.next()? {
            match u8::try_from(field) {
                Ok(field) if field == names.prekey => prekey = Some(value.number()?),
                Ok(field) if field == names.signed_prekey => signed_prekey = Some(value.number()?),
                Ok(field) if field == names.identity => {
                    let bytes = value.bytes()?;
                    identity = Some(match form {
                        Form::Current => {
                            SenderIdentity::Edwards(EdwardsKey::read(bytes).map_err(|_| Malformed)?)
                        }
                        Form::Legacy => SenderIdentity::Montgomery(IdentityKey::new(
                            PublicKey::read_legacy(bytes).map_err(|_| Malformed)?,
                        )),
                    });
                }
                Ok(field) if field == names.ephemeral => {
                    ephemeral = Some(read_public(form, value.bytes()?).ok_or(Malformed)?);
                }
                Ok(field) if field == names.message => message = Some(value.bytes()?),
                _ => {}
            }
        }
        Ok(Self {
            // A key exchange without prekey must be refused (XEP-0384 §4.2).
            prekey: prekey.ok_or(Malformed)?,
            signed_prekey: signed_prekey.ok_or(Malformed)?,
            identity: identity.ok_or(Malformed)?,
            ephemeral: ephemeral.ok_or(Malformed)?,
            message: message.ok_or(Malformed)?,
        })
    }
}

/// What a key exchange says, to be put around each message until the other side has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExchangeHeader {
    pub(crate) prekey: u32,
    pub(crate) signed_prekey: u32,
    pub(crate) ephemeral: PublicKey,
}

impl ExchangeHeader {
    /// `device` is libsignal's registration id, for which clients put their device's number.
    pub(crate) fn around(
        &self,
        form: Form,
        own: &EdwardsKey,
        device: u32,
        message: &[u8],
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() + 96);
        match form {
            Form::Current => {
                push_number(&mut out, 1, self.prekey);
                push_number(&mut out, 2, self.signed_prekey);
                push_bytes(&mut out, 3, own.as_bytes());
                push_bytes(&mut out, 4, self.ephemeral.as_bytes());
                push_bytes(&mut out, 5, message);
            }
            Form::Legacy => {
                out.push(LEGACY_VERSION);
                push_number(&mut out, 1, self.prekey);
                push_bytes(&mut out, 2, &self.ephemeral.legacy());
                push_bytes(&mut out, 3, &own.identity().public().legacy());
                push_bytes(&mut out, 4, message);
                push_number(&mut out, 5, device);
                push_number(&mut out, 6, self.signed_prekey);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::IdentityKeyPair;

    #[test]
    fn there_and_back_in_both_forms() {
        let own = IdentityKeyPair::from_seed(&[3; 32]).unwrap();
        for form in Form::ALL {
            let header = Header {
                ratchet: PublicKey::new([8; 32]),
                number: 70_000,
                previous: 0,
            };
            let covered = covered(form, &header, &[1; 48]);
            let tag = vec![9; parameters(form).tag_bytes];
            let bytes = authenticated(form, &covered, &tag);
            let message = Message::read(form, &bytes).unwrap();
            assert_eq!(message.header, header);
            assert_eq!(message.text, [1; 48]);
            assert_eq!((message.covered, message.tag), (&covered[..], &tag[..]));

            let exchange = ExchangeHeader {
                prekey: 5,
                signed_prekey: 1,
                ephemeral: PublicKey::new([6; 32]),
            };
            let around = exchange.around(form, own.public(), 77, &bytes);
            let read = Exchange::read(form, &around).unwrap();
            assert_eq!((read.prekey, read.signed_prekey), (5, 1));
            assert_eq!(read.ephemeral, exchange.ephemeral);
            assert_eq!(read.identity.key(), own.identity());
            assert_eq!(read.message, bytes);

            // Every cut is refused: nothing that is needed is optional.
            for cut in 0..around.len() {
                assert!(Exchange::read(form, &around[..cut]).is_err(), "{cut}");
            }
            for cut in 0..bytes.len() {
                assert!(Message::read(form, &bytes[..cut]).is_err() || form == Form::Legacy);
            }
        }
    }

    #[test]
    fn other_versions_of_the_legacy_form_are_named() {
        let fault = |bytes: &[u8]| Message::read(Form::Legacy, bytes).err();
        assert_eq!(fault(&[0x22; 40]), Some(KeyFault::Version));
        assert_eq!(fault(&[0x33; 8]), Some(KeyFault::Malformed));
        assert_eq!(
            Exchange::read(Form::Legacy, &[0x44]).err(),
            Some(KeyFault::Version)
        );
    }
}
