//! The text of a message, encrypted once for all who read it (XEP-0384 §4.4, §4.5; version 0.3.0 §4.4).

use xmpp::xep::omemo::Form;
use zeroize::Zeroizing;

use crate::crypto::{
    Randomness, array, cbc_decrypt, cbc_encrypt, equal, gcm_decrypt, gcm_encrypt_detached, mac,
    secret,
};
use crate::form::TextKeys;

const INFO: &[u8] = b"OMEMO Payload";
const TAG: usize = 16;

/// The text could not be read with the key that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadFault;

/// An encrypted text, and what its readers must know.
pub(crate) struct SealedPayload {
    /// What goes to each device through its session: key and tag.
    pub(crate) secret: Zeroizing<Vec<u8>>,
    /// `None` in a message that only moves keys.
    pub(crate) text: Option<Vec<u8>>,
    /// Only in the legacy form.
    pub(crate) iv: Option<[u8; 12]>,
}

impl SealedPayload {
    pub(crate) fn seal(form: Form, plaintext: &[u8], random: &mut dyn Randomness) -> Self {
        match form {
            Form::Current => {
                let key: Zeroizing<[u8; 32]> = secret(random);
                let keys = TextKeys::derive(key.as_slice(), INFO);
                let text = cbc_encrypt(keys.cipher(), keys.iv(), plaintext);
                let tag = mac(keys.tag(), &[&text]);
                let mut secret = Zeroizing::new(Vec::with_capacity(32 + TAG));
                secret.extend_from_slice(key.as_slice());
                secret.extend(tag.iter().take(TAG));
                Self {
                    secret,
                    text: Some(text),
                    iv: None,
                }
            }
            Form::Legacy => {
                let key: Zeroizing<[u8; 16]> = secret(random);
                let iv = array(random);
                let (text, tag) = gcm_encrypt_detached(&key, &iv, plaintext);
                let mut secret = Zeroizing::new(Vec::with_capacity(16 + TAG));
                secret.extend_from_slice(key.as_slice());
                secret.extend_from_slice(&tag);
                Self {
                    secret,
                    text: Some(text),
                    iv: Some(iv),
                }
            }
        }
    }

    /// Nothing, but for the keys of the session (XEP-0384 §5.5.3, "empty OMEMO messages").
    pub(crate) fn empty(form: Form, random: &mut dyn Randomness) -> Self {
        match form {
            Form::Current => Self {
                secret: Zeroizing::new(vec![0; 32]),
                text: None,
                iv: None,
            },
            Form::Legacy => {
                let key: Zeroizing<[u8; 16]> = secret(random);
                Self {
                    secret: Zeroizing::new(key.to_vec()),
                    text: None,
                    iv: Some(array(random)),
                }
            }
        }
    }
}

/// Decrypts a text with the secret that came through the session.
pub(crate) fn open(
    form: Form,
    secret: &[u8],
    text: &[u8],
    iv: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, PayloadFault> {
    match form {
        Form::Current => {
            let (key, tag) = secret.split_at_checked(32).ok_or(PayloadFault)?;
            if tag.len() != TAG {
                return Err(PayloadFault);
            }
            let keys = TextKeys::derive(key, INFO);
            let own = mac(keys.tag(), &[text]);
            if !own.get(..TAG).is_some_and(|own| equal(own, tag)) {
                return Err(PayloadFault);
            }
            cbc_decrypt(keys.cipher(), keys.iv(), text).map_err(|_| PayloadFault)
        }
        Form::Legacy => {
            let (key, tag) = secret.split_first_chunk::<16>().ok_or(PayloadFault)?;
            // Before version 0.2.0 the tag stood behind the text; some clients still send it so.
            let whole = match tag.len() {
                0 => text.to_vec(),
                TAG => [text, tag].concat(),
                _ => return Err(PayloadFault),
            };
            gcm_decrypt(key, iv.ok_or(PayloadFault)?, &whole).map_err(|_| PayloadFault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Seeded;

    #[test]
    fn there_and_back_and_every_change_is_seen() {
        for form in Form::ALL {
            let mut random = Seeded::new(3);
            let sealed = SealedPayload::seal(form, b"Guten Morgen", &mut random);
            let text = sealed.text.clone().unwrap();
            let iv = sealed.iv.as_ref().map(|iv| iv.as_slice());
            let opened = open(form, &sealed.secret, &text, iv).unwrap();
            assert_eq!(*opened, b"Guten Morgen");
            for at in 0..text.len() {
                let mut changed = text.clone();
                changed[at] ^= 0x10;
                assert_eq!(
                    open(form, &sealed.secret, &changed, iv),
                    Err(PayloadFault),
                    "{at}"
                );
            }
            for cut in 0..sealed.secret.len() {
                assert_eq!(
                    open(form, &sealed.secret[..cut], &text, iv),
                    Err(PayloadFault)
                );
            }
            assert!(SealedPayload::empty(form, &mut random).text.is_none());
        }
    }

    #[test]
    fn the_tag_may_stand_behind_a_legacy_text() {
        let mut random = Seeded::new(4);
        let sealed = SealedPayload::seal(Form::Legacy, b"hi", &mut random);
        let (key, tag) = sealed.secret.split_at(16);
        let text = [&sealed.text.unwrap(), tag].concat();
        let opened = open(
            Form::Legacy,
            key,
            &text,
            sealed.iv.as_ref().map(|iv| iv.as_slice()),
        );
        assert_eq!(*opened.unwrap(), b"hi");
    }
}
