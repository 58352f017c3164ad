//! The fields of the form `pubsub#node_config`, one table.

use super::{
    AccessModel, Bound, ItemReply, NodeConfiguration, NotificationType, PublishModel, SendLast,
    WhenFull,
};
use crate::xep::data_form::Field;

/// Why a field of a form is not taken; with its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is not known.
    #[error("there is no setting {0}")]
    Unknown(String),
    /// Its value is none that it can have.
    #[error("{0} cannot be that")]
    Value(String),
    /// It is a precondition, and the node is configured otherwise.
    #[error("{0} of the node is configured otherwise")]
    Differs(String),
}

/// A field: how it is shown, read and set.
pub(super) struct Description {
    pub(super) var: &'static str,
    pub(super) kind: &'static str,
    pub(super) label: &'static str,
    /// Value and label of each choice.
    pub(super) options: &'static [(&'static str, &'static str)],
    pub(super) get: fn(&NodeConfiguration) -> Vec<String>,
    /// `None` when the values are none that it can have.
    set: fn(&mut NodeConfiguration, &[String]) -> Option<()>,
}

/// Settings that cannot be otherwise: name and values that say how they are.
const FIXED: &[(&str, &[&str])] = &[
    ("pubsub#node_type", &["leaf"]),
    ("pubsub#purge_offline", &["0", "false"]),
    ("pubsub#tempsub", &["0", "false"]),
    ("pubsub#collection", &[""]),
];

pub(super) fn set(configuration: &mut NodeConfiguration, field: &Field) -> Result<(), FieldError> {
    if let Some(description) = FIELDS.iter().find(|known| known.var == field.var) {
        return (description.set)(configuration, &field.values)
            .ok_or_else(|| FieldError::Value(field.var.clone()));
    }
    match FIXED.iter().find(|(var, _)| *var == field.var) {
        Some((_, values)) if field.value().is_none_or(|value| values.contains(&value)) => Ok(()),
        Some(_) => Err(FieldError::Value(field.var.clone())),
        None => Err(FieldError::Unknown(field.var.clone())),
    }
}

fn one(values: &[String]) -> Option<&str> {
    values.first().map(|value| value.trim())
}

fn boolean(values: &[String]) -> Option<bool> {
    match one(values)? {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

fn bound(values: &[String]) -> Option<Bound> {
    match one(values)? {
        "max" => Some(Bound::Max),
        number => number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .map(Bound::Number),
    }
}

/// A text; an empty one counts as none.
fn text(values: &[String]) -> Option<String> {
    values.first().filter(|value| !value.is_empty()).cloned()
}

fn shown(bound: Bound) -> String {
    match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Max => "max".to_owned(),
    }
}

macro_rules! flag {
    ($var:literal, $label:literal, $field:ident) => {
        Description {
            var: $var,
            kind: "boolean",
            label: $label,
            options: &[],
            get: |configuration| vec![String::from(if configuration.$field { "1" } else { "0" })],
            set: |configuration, values| {
                configuration.$field = boolean(values)?;
                Some(())
            },
        }
    };
}

macro_rules! choice {
    ($var:literal, $label:literal, $field:ident, $type:ty, $options:expr) => {
        Description {
            var: $var,
            kind: "list-single",
            label: $label,
            options: $options,
            get: |configuration| vec![configuration.$field.as_str().to_owned()],
            set: |configuration, values| {
                configuration.$field = <$type>::parse(one(values)?)?;
                Some(())
            },
        }
    };
}

macro_rules! words {
    ($var:literal, $label:literal, $field:ident) => {
        Description {
            var: $var,
            kind: "text-single",
            label: $label,
            options: &[],
            get: |configuration| configuration.$field.iter().cloned().collect(),
            set: |configuration, values| {
                configuration.$field = text(values);
                Some(())
            },
        }
    };
}

pub(super) static FIELDS: &[Description] = &[
    words!("pubsub#title", "A name for the node", title),
    words!("pubsub#description", "What the node is about", description),
    words!(
        "pubsub#type",
        "What the payloads are, usually their namespace",
        kind
    ),
    words!("pubsub#language", "Language of the items", language),
    Description {
        var: "pubsub#contact",
        kind: "jid-multi",
        label: "Whom to ask about the node",
        options: &[],
        get: |configuration| configuration.contact.clone(),
        set: |configuration, values| {
            configuration.contact = values.to_vec();
            Some(())
        },
    },
    choice!(
        "pubsub#access_model",
        "Who may subscribe and read",
        access,
        AccessModel,
        &[
            ("authorize", "Who was approved by the owner"),
            ("open", "Anyone"),
            ("presence", "Who sees the owner's presence"),
            ("roster", "Who is in certain groups of the owner's contacts"),
            ("whitelist", "Who is on the node's list"),
        ]
    ),
    Description {
        var: "pubsub#roster_groups_allowed",
        kind: "list-multi",
        label: "Groups of contacts that may subscribe and read",
        options: &[],
        get: |configuration| configuration.roster_groups.clone(),
        set: |configuration, values| {
            configuration.roster_groups = values.to_vec();
            Some(())
        },
    },
    choice!(
        "pubsub#publish_model",
        "Who may publish",
        publish,
        PublishModel,
        &[
            ("publishers", "Publishers"),
            ("subscribers", "Subscribers too"),
            ("open", "Anyone"),
        ]
    ),
    flag!("pubsub#persist_items", "Keep items", persist_items),
    Description {
        var: "pubsub#max_items",
        kind: "text-single",
        label: "Items that are kept; max for as many as possible",
        options: &[],
        get: |configuration| vec![shown(configuration.max_items)],
        set: |configuration, values| {
            configuration.max_items = bound(values)?;
            Some(())
        },
    },
    Description {
        var: "pubsub#item_expire",
        kind: "text-single",
        label: "Seconds after which an item goes; max for as late as possible",
        options: &[],
        get: |configuration| configuration.item_expire.map(shown).into_iter().collect(),
        set: |configuration, values| {
            configuration.item_expire = match one(values) {
                None | Some("") => None,
                Some(_) => Some(bound(values)?),
            };
            Some(())
        },
    },
    Description {
        var: "pubsub#max_payload_size",
        kind: "text-single",
        label: "Bytes of one payload",
        options: &[],
        get: |configuration| {
            let size = configuration.max_payload_size;
            size.map(|size| size.to_string()).into_iter().collect()
        },
        set: |configuration, values| {
            configuration.max_payload_size = match one(values) {
                None | Some("") => None,
                Some(size) => Some(size.parse().ok()?),
            };
            Some(())
        },
    },
    choice!(
        "pubsub#publish_node_full",
        "When an item is published and the node is full",
        when_full,
        WhenFull,
        &[
            ("retract-oldest", "Remove the oldest and tell so"),
            ("discard-oldest", "Remove the oldest"),
            ("reject", "Refuse the new one"),
        ]
    ),
    flag!(
        "pubsub#deliver_notifications",
        "Tell subscribers of items",
        deliver_notifications
    ),
    flag!(
        "pubsub#deliver_payloads",
        "Tell subscribers the payloads too",
        deliver_payloads
    ),
    choice!(
        "pubsub#notification_type",
        "Kind of the messages that tell subscribers",
        notification_type,
        NotificationType,
        &[("headline", "Headlines"), ("normal", "Messages")]
    ),
    flag!(
        "pubsub#notify_config",
        "Tell subscribers when the configuration changes",
        notify_config
    ),
    flag!(
        "pubsub#notify_delete",
        "Tell subscribers when the node is deleted",
        notify_delete
    ),
    flag!(
        "pubsub#notify_retract",
        "Tell subscribers when items are removed",
        notify_retract
    ),
    flag!(
        "pubsub#notify_sub",
        "Tell the owner of subscriptions that come and go",
        notify_sub
    ),
    flag!(
        "pubsub#presence_based_delivery",
        "Tell only who is available",
        presence_based_delivery
    ),
    choice!(
        "pubsub#send_last_published_item",
        "When to send the newest item by itself",
        send_last,
        SendLast,
        &[
            ("never", "Never"),
            ("on_sub", "To new subscribers"),
            (
                "on_sub_and_presence",
                "To new subscribers and to those who come online"
            ),
        ]
    ),
    flag!("pubsub#subscribe", "Allow subscriptions", subscribe),
    choice!(
        "pubsub#itemreply",
        "Who gets replies to items",
        item_reply,
        ItemReply,
        &[("owner", "The owner"), ("publisher", "The publisher")]
    ),
];
