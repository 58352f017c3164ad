//! Device lists, with labels that are signed (XEP-0384 §5.3.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::{Element, Writer};

use crate::bundle::read_base64;
use crate::codec::{Decoder, Encoder, StateError};

/// More devices of one account than this are not looked at.
pub const MAX_DEVICES: usize = 256;

/// How many characters of a label are shown: one below the 53 that XEP-0384 §5.3.1 names.
const LABEL_CHARACTERS: usize = 52;

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedDevice {
    pub(crate) id: DeviceId,
    /// What its user calls it, and the signature over that, which is not yet checked.
    pub(crate) label: Option<(String, [u8; 64])>,
}

/// The devices of an account in one form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceList {
    pub(crate) devices: Vec<ListedDevice>,
}

const VERSION: u8 = 1;

impl DeviceList {
    /// A list of devices without labels.
    #[must_use]
    pub fn of(ids: impl IntoIterator<Item = DeviceId>) -> Self {
        Self {
            devices: ids
                .into_iter()
                .map(|id| ListedDevice { id, label: None })
                .collect(),
        }
    }

    /// Reads `<devices/>` or `<list/>`; `None` when it is neither. A number that stands twice counts once; what is no
    /// number, and 0, is left out.
    #[must_use]
    pub fn read(form: Form, payload: Element<'_>) -> Option<Self> {
        let name = match form {
            Form::Current => "devices",
            Form::Legacy => "list",
        };
        if !payload.is(name, form.namespace()) {
            return None;
        }
        let mut list = Self::default();
        for child in payload.children() {
            let id = child
                .attr("id")
                .and_then(|id| id.trim().parse().ok())
                .filter(|id| *id != 0);
            let Some(id) = id else { continue };
            if !child.is("device", form.namespace()) || list.contains(id) {
                continue;
            }
            if list.devices.len() == MAX_DEVICES {
                break;
            }
            list.devices.push(ListedDevice {
                id,
                label: label(form, child),
            });
        }
        Some(list)
    }

    /// Whether the device is in the list.
    #[must_use]
    pub fn contains(&self, id: DeviceId) -> bool {
        self.devices.iter().any(|device| device.id == id)
    }

    /// The numbers of the devices, in the order of the list.
    pub fn ids(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.devices.iter().map(|device| device.id)
    }

    pub(crate) fn write(&self, form: Form, writer: &mut Writer) {
        let name = match form {
            Form::Current => "devices",
            Form::Legacy => "list",
        };
        writer.start(name).xmlns(form.namespace());
        for device in &self.devices {
            writer.start("device").attr("id", device.id.to_string());
            if form == Form::Current
                && let Some((label, signature)) = &device.label
            {
                writer
                    .attr("label", label)
                    .attr("labelsig", BASE64.encode(signature));
            }
            writer.end();
        }
        writer.end();
    }

    pub(crate) fn encode(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 8 + 16 * self.devices.len());
        out.count(self.devices.len());
        for device in &self.devices {
            out.number(device.id);
            out.option(device.label.as_ref(), |out, (label, signature)| {
                out.text(label).array(signature);
            });
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let devices = from.list(|from| {
            Ok(ListedDevice {
                id: from.number()?,
                label: from.option(|from| Ok((from.text()?.to_owned(), from.array()?)))?,
            })
        })?;
        from.finish()?;
        Ok(Self { devices })
    }
}

/// A label without signature does not count (XEP-0384 §5.3.1).
fn label(form: Form, device: Element<'_>) -> Option<(String, [u8; 64])> {
    if form != Form::Current {
        return None;
    }
    let label = device.attr("label")?;
    // A longer one could not be cut: the signature is over the whole.
    if label.len() > 4 * 512 {
        return None;
    }
    let signature = read_base64(device.attr("labelsig")?, 128)?;
    Some((label.to_owned(), signature.try_into().ok()?))
}

/// A label as it is shown: without control characters, and not too long.
pub(crate) fn shown_label(label: &str) -> String {
    label
        .chars()
        .filter(|c| !c.is_control())
        .take(LABEL_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp::xml::Tree;

    #[test]
    fn there_and_back() {
        let list = DeviceList {
            devices: vec![
                ListedDevice {
                    id: 7,
                    label: Some(("Küche & <Flur>".to_owned(), [1; 64])),
                },
                ListedDevice { id: 9, label: None },
            ],
        };
        let mut writer = Writer::new();
        list.write(Form::Current, &mut writer);
        let tree = Tree::parse(&writer.finish()).unwrap();
        assert_eq!(
            DeviceList::read(Form::Current, tree.root()),
            Some(list.clone())
        );
        assert_eq!(DeviceList::read(Form::Legacy, tree.root()), None);
        assert_eq!(DeviceList::decode(&list.encode()), Ok(list));
    }

    #[test]
    fn odd_devices_are_left_out() {
        let text = "<list xmlns='eu.siacs.conversations.axolotl'><device id='1'/><device id='1'/>\
            <device id='0'/><device id='-4'/><device/><other id='5'/><device id=' 6 '/></list>";
        let tree = Tree::parse(text).unwrap();
        let list = DeviceList::read(Form::Legacy, tree.root()).unwrap();
        assert_eq!(list.ids().collect::<Vec<_>>(), [1, 6]);
    }

    #[test]
    fn labels_need_a_signature() {
        let text = "<devices xmlns='urn:xmpp:omemo:2'><device id='1' label='x'/>\
            <device id='2' label='x' labelsig='AAAA'/></devices>";
        let tree = Tree::parse(text).unwrap();
        let list = DeviceList::read(Form::Current, tree.root()).unwrap();
        assert!(list.devices.iter().all(|device| device.label.is_none()));
        assert_eq!(shown_label("a\u{7}b"), "ab");
        assert_eq!(shown_label(&"ä".repeat(90)).chars().count(), 52);
    }
}
