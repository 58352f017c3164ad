//! `<encrypted/>`, in both forms (XEP-0384 §5.5.3; version 0.3.0 §4.4).

use base::{BareJid, Jid};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xmpp::ns;
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::{Element, Writer};

use crate::bundle::read_base64;

/// The most bytes that a key may have: a key exchange has about 250.
const MAX_KEY_BYTES: usize = 1_024;

/// Why an `<encrypted/>` was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementFault {
    Malformed,
    TooLarge,
    /// No key in it is for us.
    NotForUs,
}

/// The part of an `<encrypted/>` that is for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedElement {
    pub(crate) form: Form,
    /// The sending device.
    pub(crate) sender: DeviceId,
    /// Whether the key is said to carry a key exchange.
    pub(crate) exchange: bool,
    pub(crate) key: Vec<u8>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) iv: Option<Vec<u8>>,
}

fn is_true(value: Option<&str>) -> bool {
    matches!(value.map(str::trim), Some("true" | "1"))
}

impl ReceivedElement {
    pub(crate) fn read(
        form: Form,
        encrypted: Element<'_>,
        account: &BareJid,
        device: DeviceId,
        payload_bytes: usize,
    ) -> Result<Self, ElementFault> {
        let namespace = form.namespace();
        let header = encrypted
            .child("header", namespace)
            .ok_or(ElementFault::Malformed)?;
        let sender = header
            .attr("sid")
            .and_then(|sid| sid.trim().parse().ok())
            .ok_or(ElementFault::Malformed)?;
        let for_us = |key: &Element<'_>| {
            key.is("key", namespace)
                && key
                    .attr("rid")
                    .and_then(|rid| rid.trim().parse::<DeviceId>().ok())
                    == Some(device)
        };
        let key = match form {
            Form::Current => header
                .children()
                .filter(|keys| {
                    keys.is("keys", namespace)
                        && keys.attr("jid").is_some_and(|jid| {
                            jid == account.as_str()
                                || Jid::parse(jid).is_ok_and(|jid| jid.bare() == *account)
                        })
                })
                .find_map(|keys| keys.children().find(for_us)),
            Form::Legacy => header.children().find(for_us),
        }
        .ok_or(ElementFault::NotForUs)?;
        let text = key.text();
        if text.len() / 4 > MAX_KEY_BYTES {
            return Err(ElementFault::TooLarge);
        }
        let exchange = is_true(key.attr(match form {
            Form::Current => "kex",
            Form::Legacy => "prekey",
        }));
        let read = |element: Element<'_>, most: usize| {
            let text = element.text();
            // Every four characters are at most three bytes.
            if text.len() / 4 > most / 3 + 1 {
                return Err(ElementFault::TooLarge);
            }
            read_base64(&text, most).ok_or(ElementFault::Malformed)
        };
        Ok(Self {
            form,
            sender,
            exchange,
            key: read_base64(&text, MAX_KEY_BYTES).ok_or(ElementFault::Malformed)?,
            payload: encrypted
                .child("payload", namespace)
                .map(|payload| read(payload, payload_bytes))
                .transpose()?,
            iv: match form {
                Form::Current => None,
                Form::Legacy => header
                    .child("iv", namespace)
                    .map(|iv| read(iv, 64))
                    .transpose()?,
            },
        })
    }
}

/// A key for one device, as it is written.
pub(crate) struct KeyFor {
    pub(crate) device: DeviceId,
    pub(crate) exchange: bool,
    pub(crate) key: Vec<u8>,
}

/// The keys for the devices of an account.
pub(crate) type KeysFor = (BareJid, Vec<KeyFor>);

/// Writes `<encrypted/>`. `keys` has the accounts in the order in which they are to stand.
pub(crate) fn write(
    writer: &mut Writer,
    form: Form,
    sender: DeviceId,
    keys: &[KeysFor],
    payload: &crate::payload::SealedPayload,
) {
    writer
        .start("encrypted")
        .xmlns(form.namespace())
        .start("header")
        .attr("sid", sender.to_string());
    for (account, keys) in keys {
        if keys.is_empty() {
            continue;
        }
        if form == Form::Current {
            writer.start("keys").attr("jid", account);
        }
        for key in keys {
            writer.start("key").attr("rid", key.device.to_string());
            if key.exchange {
                let name = match form {
                    Form::Current => "kex",
                    Form::Legacy => "prekey",
                };
                writer.attr(name, "true");
            }
            // Base64 needs no escaping.
            writer.raw(&BASE64.encode(&key.key)).end();
        }
        if form == Form::Current {
            writer.end();
        }
    }
    if let Some(iv) = &payload.iv {
        writer.leaf_text("iv", None, &BASE64.encode(iv));
    }
    writer.end();
    if let Some(text) = &payload.text {
        writer.start("payload").raw(&BASE64.encode(text)).end();
    }
    writer.end();
}

/// `<encryption/>` (XEP-0380), which tells clients that cannot read it what it is.
pub(crate) fn write_hint(writer: &mut Writer, form: Form) {
    writer
        .start("encryption")
        .xmlns(ns::ENCRYPTION)
        .attr("namespace", form.namespace())
        .attr("name", "OMEMO")
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::SealedPayload;
    use crate::tests::Seeded;
    use xmpp::xml::Tree;

    fn jid(text: &str) -> BareJid {
        BareJid::parse(text).unwrap()
    }

    fn written(form: Form) -> String {
        let mut writer = Writer::new();
        let key = |device, byte| KeyFor {
            device,
            exchange: device == 2,
            key: vec![byte; 60],
        };
        let keys = [
            (jid("romeo@montague.example"), vec![key(1, 1), key(2, 2)]),
            (jid("juliet@capulet.example"), vec![key(1, 3)]),
            (jid("nurse@capulet.example"), vec![]),
        ];
        let payload = SealedPayload::seal(form, b"text", &mut Seeded::new(1));
        write(&mut writer, form, 9, &keys, &payload);
        writer.finish()
    }

    #[test]
    fn there_and_back() {
        for form in Form::ALL {
            let text = written(form);
            assert!(!text.contains("nurse"), "no empty <keys/>");
            let tree = Tree::parse(&text).unwrap();
            let read = |account: &str, device| {
                ReceivedElement::read(form, tree.root(), &jid(account), device, 1_000)
            };
            let second = read("romeo@montague.example", 2).unwrap();
            assert_eq!((second.sender, second.exchange), (9, true));
            assert_eq!(second.key, [2; 60]);
            assert_eq!(second.iv.is_some(), form == Form::Legacy);
            let first = read("juliet@capulet.example", 1).unwrap();
            // The legacy form does not say whose device it means.
            assert_eq!(first.key[0], if form == Form::Current { 3 } else { 1 });
            assert_eq!(
                read("romeo@montague.example", 7),
                Err(ElementFault::NotForUs)
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let fault = |text: &str| {
            let tree = Tree::parse(text).unwrap();
            ReceivedElement::read(Form::Legacy, tree.root(), &jid("a@b"), 1, 90)
        };
        let encrypted = |header: &str, payload: &str| {
            format!(
                "<encrypted xmlns='eu.siacs.conversations.axolotl'>{header}{payload}</encrypted>"
            )
        };
        let header = |key: &str| format!("<header sid='3'>{key}</header>");
        let key = "<key rid='1'>AAAA</key>";
        assert!(fault(&encrypted(&header(key), "")).is_ok());
        assert!(fault(&encrypted(&header("<key rid=' 1 '> AA\nAA </key>"), "")).is_ok());
        for (text, expected) in [
            (encrypted("", ""), ElementFault::Malformed),
            (encrypted("<header/>", ""), ElementFault::Malformed),
            (encrypted(&header(""), ""), ElementFault::NotForUs),
            (
                encrypted(&header("<key rid='1'>A*</key>"), ""),
                ElementFault::Malformed,
            ),
            (
                encrypted(&header(key), "<payload>?</payload>"),
                ElementFault::Malformed,
            ),
            (
                encrypted(
                    &header(key),
                    &format!("<payload>{}</payload>", "A".repeat(200)),
                ),
                ElementFault::TooLarge,
            ),
            (
                encrypted(
                    &header(&format!("<key rid='1'>{}</key>", "A".repeat(8_000))),
                    "",
                ),
                ElementFault::TooLarge,
            ),
        ] {
            assert_eq!(fault(&text), Err(expected), "{text}");
        }
    }
}
