//! What scripts read: messages, devices and happenings as JSON. Names of fields do not change; new ones may come.

use client::views::{
    Body, Conversation, ConversationKind, Delivery, Message, Protection, TimelineItem, Window,
};
use client::{ConnectionState, ConversationId, DeviceView, Event, Trust, fingerprint};
use serde::{Deserialize, Serialize};

use crate::runtime::engine::Engine;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageRecord {
    /// Address of the person, group or room.
    pub(crate) conversation: String,
    /// What it is called.
    pub(crate) conversation_name: String,
    /// `person`, `group` or `room`.
    pub(crate) kind: String,
    /// Names the message within its conversation; the larger, the later.
    pub(crate) key: String,
    /// Its id on the wire.
    pub(crate) id: String,
    /// When it was said, UTC.
    pub(crate) time: String,
    /// Address of who said it, where it is known.
    pub(crate) sender: Option<String>,
    /// What they are called.
    pub(crate) sender_name: String,
    /// This account said it.
    pub(crate) own: bool,
    /// What was said; `null` when it cannot be read or was taken back.
    pub(crate) text: Option<String>,
    /// Further elements as XML, such as files and previews; `null` for none.
    pub(crate) elements: Option<String>,
    /// Why it cannot be read.
    pub(crate) unreadable: Option<String>,
    /// It was taken back.
    pub(crate) removed: bool,
    /// The `key` of the message that it answers.
    pub(crate) reply_to: Option<String>,
    /// When it was changed last, UTC.
    pub(crate) edited: Option<String>,
    /// Reactions.
    pub(crate) reactions: Vec<ReactionRecord>,
    /// It mentions this account.
    pub(crate) mentions_me: bool,
    /// It was end-to-end encrypted.
    pub(crate) encrypted: bool,
    /// Number of the device that encrypted it; `null` for this account's own and for what was not encrypted.
    pub(crate) device: Option<u32>,
    /// How far that device was believed: `verified`, `first-use`, `undecided`, `distrusted`.
    pub(crate) trust: Option<String>,
    /// How far it came: `received`, `waiting`, `kept`, `delivered`, `displayed`, `failed`.
    pub(crate) state: String,
    /// Why it failed.
    pub(crate) failure: Option<String>,
}

/// What some feel about a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReactionRecord {
    /// The emoji.
    pub(crate) emoji: String,
    /// Names of those whose it is.
    pub(crate) senders: Vec<String>,
}

impl MessageRecord {
    /// What is to be told of a message.
    pub(crate) fn new(id: &ConversationId, row: Option<&Conversation>, message: &Message) -> Self {
        let (text, elements, unreadable, removed) = match &message.body {
            Body::Text { text, elements } => (
                Some(text.expose().to_string()),
                Some(elements.expose().to_string()).filter(|elements| !elements.is_empty()),
                None,
                false,
            ),
            Body::Waiting => (
                None,
                None,
                Some("it waits for those before it".to_owned()),
                false,
            ),
            Body::Unreadable { reason, .. } => (None, None, Some(reason.to_string()), false),
            Body::Removed(_) => (None, None, None, true),
            _ => (
                None,
                None,
                Some("this version cannot show it".to_owned()),
                false,
            ),
        };
        let (encrypted, device, trusted) = match &message.protection {
            Protection::Own | Protection::Sealed => (true, None, None),
            Protection::Encrypted {
                device, trust: how, ..
            } => (true, Some(*device), Some(trust(*how).to_owned())),
            Protection::Readable => (false, None, None),
        };
        Self {
            conversation: id.as_str().to_owned(),
            conversation_name: row.map_or_else(String::new, |row| row.name.to_string()),
            kind: row.map_or("person", |row| kind(row.kind)).to_owned(),
            key: message.key.to_string(),
            id: message.id.to_string(),
            time: message.time.to_string(),
            sender: message.sender.account.as_ref().map(ToString::to_string),
            sender_name: message.sender.name.to_string(),
            own: message.sender.own,
            text,
            elements,
            unreadable,
            removed,
            reply_to: message
                .reply
                .as_ref()
                .and_then(|reply| reply.to.as_ref())
                .map(ToString::to_string),
            edited: message.edited.map(|time| time.to_string()),
            reactions: message
                .reactions
                .iter()
                .map(|reaction| ReactionRecord {
                    emoji: reaction.emoji.to_string(),
                    senders: reaction.senders.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            mentions_me: message.mentions_us,
            encrypted,
            device,
            trust: trusted,
            state: state(&message.delivery).to_owned(),
            failure: match &message.delivery {
                Delivery::Failed(text) => Some(text.to_string()),
                _ => None,
            },
        }
    }
}

fn kind(kind: ConversationKind) -> &'static str {
    match kind {
        ConversationKind::Person => "person",
        ConversationKind::Group => "group",
        ConversationKind::Room => "room",
    }
}

fn state(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Received => "received",
        Delivery::Waiting => "waiting",
        Delivery::Kept => "kept",
        Delivery::Delivered => "delivered",
        Delivery::Displayed => "displayed",
        Delivery::Failed(_) => "failed",
    }
}

fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Undecided => "undecided",
        Trust::FirstUse => "first-use",
        Trust::Verified { .. } => "verified",
        Trust::Distrusted { .. } => "distrusted",
    }
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceRecord {
    /// Whose.
    pub(crate) account: String,
    /// Its number.
    pub(crate) device: u32,
    /// It is this one.
    pub(crate) this: bool,
    /// What its user calls it.
    pub(crate) label: Option<String>,
    /// Its fingerprint, when its key was seen.
    pub(crate) fingerprint: Option<String>,
    /// How far it is believed: `verified`, `first-use`, `undecided`, `distrusted`; `null` while its key is not known.
    pub(crate) trust: Option<String>,
    /// Its account still lists it.
    pub(crate) active: bool,
    /// When it was last heard, UTC.
    pub(crate) heard: Option<String>,
}

impl DeviceRecord {
    /// What is to be told of a device.
    pub(crate) fn new(device: &DeviceView) -> Self {
        Self {
            account: device.account.to_string(),
            device: device.device,
            this: device.this,
            label: device.label.clone(),
            fingerprint: device.identity.as_ref().map(fingerprint),
            trust: device.trust.map(|how| trust(how).to_owned()),
            active: !device.forms.is_empty(),
            heard: device.heard.map(|time| time.to_string()),
        }
    }
}

/// Something that happens, for `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Happening {
    /// Somebody else has written.
    Message {
        /// The person wants to hear of it: not muted, not read elsewhere.
        notify: bool,
        /// The message.
        #[serde(flatten)]
        message: Box<MessageRecord>,
    },
    /// A message of this account came further.
    Delivery {
        /// Address of the person, group or room.
        conversation: String,
        /// Which message.
        key: String,
        /// How far: `waiting`, `kept`, `delivered`, `displayed`, `failed`.
        state: String,
        /// Why it failed.
        failure: Option<String>,
    },
    /// How far we are with the server.
    Connection {
        /// `offline`, `waiting`, `connecting` or `online`.
        state: String,
        /// Why the last attempt failed.
        text: Option<String>,
    },
    /// Nobody can log in any more with what is kept.
    LoginFailed {
        /// What to do.
        text: String,
    },
    /// Somebody wants to see when this account is online.
    ContactRequest {
        /// Who.
        account: String,
    },
    /// Another device of this account is new: the person should look at it.
    NewOwnDevice {
        /// Its number.
        device: u32,
    },
}

/// What is to be told of an event; `None` for what is only for redrawing.
pub(crate) fn happening(engine: &Engine, event: &Event) -> Option<Happening> {
    Some(match event {
        Event::Message {
            conversation,
            message,
            notify,
            ..
        } => {
            let timeline = engine
                .client()
                .timeline(conversation, Window::Around(*message, 0))
                .ok()?;
            let found = timeline.items.iter().find_map(|item| match item {
                TimelineItem::Message(found) if found.key == *message => Some(found),
                _ => None,
            })?;
            let row = engine.client().conversation(conversation);
            Happening::Message {
                notify: *notify,
                message: Box::new(MessageRecord::new(conversation, row.as_deref(), found)),
            }
        }
        Event::Delivery {
            conversation,
            message,
            delivery,
        } => Happening::Delivery {
            conversation: conversation.as_str().to_owned(),
            key: message.to_string(),
            state: state(delivery).to_owned(),
            failure: match delivery {
                Delivery::Failed(text) => Some(text.to_string()),
                _ => None,
            },
        },
        Event::Connection(connection) => {
            let (state, text) = match connection {
                ConnectionState::Offline => ("offline", None),
                ConnectionState::Waiting { text, .. } => ("waiting", Some(text.clone())),
                ConnectionState::Connecting => ("connecting", None),
                ConnectionState::Online => ("online", None),
                _ => return None,
            };
            Happening::Connection {
                state: state.to_owned(),
                text,
            }
        }
        Event::LoginFailed { text } => Happening::LoginFailed { text: text.clone() },
        Event::ContactRequest(account) => Happening::ContactRequest {
            account: account.to_string(),
        },
        Event::NewOwnDevice { device } => Happening::NewOwnDevice { device: *device },
        _ => return None,
    })
}
