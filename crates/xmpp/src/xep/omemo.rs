//! XEP-0384: OMEMO Encryption, as far as a server may know it: which devices an account has, and
//! for whom the keys in a message are.
//!
//! Two forms live side by side: `urn:xmpp:omemo:2`, and `eu.siacs.conversations.axolotl` of version
//! 0.3. A message has a key for every device of everybody who is meant to read it. Nothing signs
//! the header, so that what is for others can be left out on the way to a recipient.

use std::ops::Range;

use base::Jid;
use bytes::Bytes;
use memchr::memmem;
use smallvec::SmallVec;

use crate::ns;
use crate::xml::{Element, Stanza};

/// Number of a device, unique within its account (§5.3.1).
pub type DeviceId = u32;

/// How a message or a device list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `urn:xmpp:omemo:2`.
    Current,
    /// `eu.siacs.conversations.axolotl`, version 0.3.
    Legacy,
}

impl Form {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Current, Self::Legacy];

    /// The namespace of its elements.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Current => ns::OMEMO,
            Self::Legacy => ns::OMEMO_LEGACY,
        }
    }

    /// The node at which an account publishes its devices (§5.3.1).
    #[must_use]
    pub const fn device_list_node(self) -> &'static str {
        match self {
            Self::Current => "urn:xmpp:omemo:2:devices",
            Self::Legacy => "eu.siacs.conversations.axolotl.devicelist",
        }
    }

    /// The form whose device list is at this node.
    #[must_use]
    pub fn of_device_list_node(node: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|form| form.device_list_node() == node)
    }

    /// Reads the payload of an item of the device list (§5.3.1). `None` when it is none; what is
    /// no number of a device is left out.
    #[must_use]
    pub fn read_device_list(self, payload: Element<'_>) -> Option<Vec<DeviceId>> {
        let name = match self {
            Self::Current => "devices",
            Self::Legacy => "list",
        };
        payload.is(name, self.namespace()).then(|| {
            payload
                .children()
                .filter(|child| child.is("device", self.namespace()))
                .filter_map(|child| device_id(child.attr("id")?))
                .collect()
        })
    }
}

/// An `xs:unsignedInt` as XML Schema reads it.
fn device_id(text: &str) -> Option<DeviceId> {
    text.trim().parse().ok()
}

/// Whose copy of a message is to be written.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The bare address of the account, normalised.
    pub account: &'a str,
    /// Every device that ever stood in its device list, sorted.
    pub devices: &'a [DeviceId],
}

impl Recipient<'_> {
    fn has(&self, device: DeviceId) -> bool {
        self.devices.binary_search(&device).is_ok()
    }
}

/// A message, and where the keys in it stand.
#[derive(Debug, Clone)]
pub struct KeyedMessage {
    message: Bytes,
    headers: SmallVec<[Header; 1]>,
    groups: Vec<Group>,
    keys: Vec<Key>,
}

/// The keys of one `<header/>`: some of the groups.
#[derive(Debug, Clone)]
struct Header {
    groups: Range<usize>,
}

/// Keys of one account, or all keys of the legacy form, which does not say whose they are.
#[derive(Debug, Clone)]
struct Group {
    keys: Range<usize>,
    /// The bare address that it names, normalised where it is one.
    account: Option<Box<str>>,
    /// Where `<keys/>` stands when nothing but keys is in it. Without any of them it must go too:
    /// it may not be empty (§10).
    wrapper: Option<Range<usize>>,
}

#[derive(Debug, Clone)]
struct Key {
    place: Range<usize>,
    /// `None` for what is no number of a device.
    device: Option<DeviceId>,
}

impl KeyedMessage {
    /// Looks for keys in a message that was serialised for a client stream. `None` when there are
    /// none that could be left out, or the message is odd: then it goes as it is.
    #[must_use]
    pub fn find(message: &Bytes) -> Option<Self> {
        if !Form::ALL
            .iter()
            .any(|form| memmem::find(message, form.namespace().as_bytes()).is_some())
        {
            return None;
        }
        let text = std::str::from_utf8(message).ok()?;
        let stanza = Stanza::parse(text).ok()?;
        if stanza.text().len() != message.len() {
            return None;
        }
        let mut found = Self {
            message: message.clone(),
            headers: SmallVec::new(),
            groups: Vec::new(),
            keys: Vec::new(),
        };
        for child in stanza.children() {
            for form in Form::ALL {
                if child.is("encrypted", form.namespace()) {
                    found.read(form, child.tree().root());
                }
            }
        }
        (found.keys.len() > 1).then_some(found)
    }

    /// Reads `<encrypted/>`. Without a header, or with several, nothing in it is understood.
    fn read(&mut self, form: Form, encrypted: Element<'_>) {
        let mut headers = encrypted
            .children()
            .filter(|child| child.is("header", form.namespace()));
        let (Some(header), None) = (headers.next(), headers.next()) else {
            return;
        };
        let first = self.groups.len();
        match form {
            Form::Legacy => {
                let keys = self.read_keys(form, header);
                self.push_group(keys, None, None);
            }
            Form::Current => {
                for group in header.children() {
                    if !group.is("keys", form.namespace()) {
                        continue;
                    }
                    let Some(jid) = group.attr("jid") else {
                        continue;
                    };
                    let account =
                        Jid::parse(jid).map_or_else(|_| jid.into(), |jid| jid.bare_str().into());
                    let keys = self.read_keys(form, group);
                    let only_keys =
                        group.children().count() == keys.len() && group.text().trim().is_empty();
                    let wrapper = only_keys.then(|| group.place());
                    self.push_group(keys, Some(account), wrapper);
                }
            }
        }
        if first < self.groups.len() {
            self.headers.push(Header {
                groups: first..self.groups.len(),
            });
        }
    }

    fn push_group(
        &mut self,
        keys: Range<usize>,
        account: Option<Box<str>>,
        wrapper: Option<Range<usize>>,
    ) {
        if !keys.is_empty() {
            self.groups.push(Group {
                keys,
                account,
                wrapper,
            });
        }
    }

    /// Takes the keys in an element. What has elements in it is no key.
    fn read_keys(&mut self, form: Form, element: Element<'_>) -> Range<usize> {
        let first = self.keys.len();
        let keys = element
            .children()
            .filter(|child| child.is("key", form.namespace()) && child.children().next().is_none());
        self.keys.extend(keys.map(|key| Key {
            place: key.place(),
            device: key.attr("rid").and_then(device_id),
        }));
        first..self.keys.len()
    }

    /// The whole message.
    #[must_use]
    pub fn whole(&self) -> &Bytes {
        &self.message
    }

    /// The message as it is for an account: without the keys that are for others. All else is byte
    /// for byte what it was.
    ///
    /// A key stays when its device is one of the recipient's, or when `<keys/>` names the recipient's
    /// account, or when it does not say for which device it is. Where no key of a header would
    /// stay, its first one does, because a header without keys is not valid and some clients then
    /// say that the message is broken, not that it is not for them. An account of which no device is
    /// known gets all.
    #[must_use]
    pub fn for_recipient(&self, recipient: Recipient<'_>) -> Bytes {
        if recipient.devices.is_empty() {
            return self.message.clone();
        }
        let mut text = Remainder::of(&self.message);
        for header in &self.headers {
            let groups = self.groups.get(header.groups.clone()).unwrap_or_default();
            let mine = |group: &Group, key: &Key| {
                key.device.is_none_or(|device| recipient.has(device))
                    || group.account.as_deref() == Some(recipient.account)
            };
            let anything = groups
                .iter()
                .any(|group| self.keys_of(group).iter().any(|key| mine(group, key)));
            for (index, group) in groups.iter().enumerate() {
                let keys = self.keys_of(group);
                let stays = |place: usize, key: &Key| {
                    mine(group, key) || (!anything && index == 0 && place == 0)
                };
                let all_go = || {
                    !keys
                        .iter()
                        .enumerate()
                        .any(|(place, key)| stays(place, key))
                };
                if let Some(wrapper) = &group.wrapper
                    && all_go()
                {
                    text.leave_out(wrapper);
                    continue;
                }
                for (place, key) in keys.iter().enumerate() {
                    if !stays(place, key) {
                        text.leave_out(&key.place);
                    }
                }
            }
        }
        text.finish()
    }

    fn keys_of(&self, group: &Group) -> &[Key] {
        self.keys.get(group.keys.clone()).unwrap_or_default()
    }
}

/// A text of which parts are left out, from front to back.
struct Remainder<'a> {
    whole: &'a Bytes,
    /// What stays, up to `taken`.
    kept: SmallVec<[&'a [u8]; 16]>,
    taken: usize,
}

impl<'a> Remainder<'a> {
    fn of(whole: &'a Bytes) -> Self {
        Self {
            whole,
            kept: SmallVec::new(),
            taken: 0,
        }
    }

    fn leave_out(&mut self, place: &Range<usize>) {
        if let Some(before) = self.whole.get(self.taken..place.start) {
            if !before.is_empty() {
                self.kept.push(before);
            }
            self.taken = place.end;
        }
    }

    fn finish(mut self) -> Bytes {
        if self.taken == 0 {
            return self.whole.clone();
        }
        self.kept
            .push(self.whole.get(self.taken..).unwrap_or_default());
        Bytes::from(self.kept.concat())
    }
}

#[cfg(test)]
#[path = "omemo_tests.rs"]
mod tests;
