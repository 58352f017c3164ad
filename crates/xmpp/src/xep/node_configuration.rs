//! XEP-0060 §16.4.4: how a node is configured, as a form and as a type.

use super::data_form::{DataForm, Field, FormKind};
use crate::ns;

mod fields;

use fields::FIELDS;
pub use fields::FieldError;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// The value in a form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What a value in a form means.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Who may subscribe and read (XEP-0060 §4.5).
    AccessModel {
        /// Whom the owner has approved.
        Authorize = "authorize",
        /// Anyone.
        Open = "open",
        /// Who sees the owner's presence.
        Presence = "presence",
        /// Who sees the owner's presence and stands in one of some groups of the owner's roster.
        Roster = "roster",
        /// Who is on the node's list.
        Whitelist = "whitelist",
    }
}

words! {
    /// Who may publish (XEP-0060 §7.1.1).
    PublishModel {
        /// The owner, and publishers by affiliation.
        Publishers = "publishers",
        /// Subscribers too.
        Subscribers = "subscribers",
        /// Anyone.
        Open = "open",
    }
}

words! {
    /// When the newest item is sent by itself (XEP-0060 §7.1.2, XEP-0163 §4.3.4).
    SendLast {
        /// Never.
        Never = "never",
        /// To a new subscriber.
        OnSubscription = "on_sub",
        /// To a new subscriber, and whenever a subscriber comes online.
        OnPresence = "on_sub_and_presence",
    }
}

words! {
    /// What happens when an item is published at a full node (XEP-0060 §7.1.4).
    WhenFull {
        /// The oldest gives way, and subscribers are told if they are told of such at all.
        RetractOldest = "retract-oldest",
        /// The oldest gives way silently.
        DiscardOldest = "discard-oldest",
        /// The new one is refused.
        Reject = "reject",
    }
}

words! {
    /// `type` of the messages that tell of events.
    NotificationType {
        /// An alert that nobody keeps.
        Headline = "headline",
        /// A message.
        Normal = "normal",
    }
}

words! {
    /// Who gets replies to items.
    ItemReply {
        /// The owner.
        Owner = "owner",
        /// The publisher.
        Publisher = "publisher",
    }
}

/// A number, or as much as the service lets one have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// This number, at least 1.
    Number(u32),
    /// `max`.
    Max,
}

impl Bound {
    /// The number, when the service lets one have `most`.
    #[must_use]
    pub fn within(self, most: u32) -> u32 {
        match self {
            Self::Number(number) => number.min(most),
            Self::Max => most,
        }
    }
}

/// How a node is configured. The default is that of a personal node (XEP-0163 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfiguration {
    /// Who may subscribe and read.
    pub access: AccessModel,
    /// Groups of the owner's roster, for [`AccessModel::Roster`].
    pub roster_groups: Vec<String>,
    /// Who may publish.
    pub publish: PublishModel,
    /// Items that are kept.
    pub max_items: Bound,
    /// Seconds that an item lasts; `None` when it does not go by time.
    pub item_expire: Option<Bound>,
    /// Items are kept at all.
    pub persist_items: bool,
    /// Bytes of one payload; `None` for what the service takes.
    pub max_payload_size: Option<u32>,
    /// What happens when it is full.
    pub when_full: WhenFull,
    /// Subscribers are told of events.
    pub deliver_notifications: bool,
    /// What they are told of holds the payload.
    pub deliver_payloads: bool,
    /// In which kind of message they are told.
    pub notification_type: NotificationType,
    /// They are told when the configuration changes.
    pub notify_config: bool,
    /// They are told when the node is deleted.
    pub notify_delete: bool,
    /// They are told when items are removed.
    pub notify_retract: bool,
    /// Owners are told of subscriptions that come and go.
    pub notify_sub: bool,
    /// Only who is available is told.
    pub presence_based_delivery: bool,
    /// When the newest item is sent by itself.
    pub send_last: SendLast,
    /// Subscriptions are possible.
    pub subscribe: bool,
    /// Who gets replies to items.
    pub item_reply: ItemReply,
    /// A name for people.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// What the payloads are, usually their namespace.
    pub kind: Option<String>,
    /// Language of the items.
    pub language: Option<String>,
    /// Whom to ask about it.
    pub contact: Vec<String>,
}

impl Default for NodeConfiguration {
    fn default() -> Self {
        Self {
            access: AccessModel::Presence,
            roster_groups: Vec::new(),
            publish: PublishModel::Publishers,
            max_items: Bound::Number(1),
            item_expire: None,
            persist_items: true,
            max_payload_size: None,
            when_full: WhenFull::RetractOldest,
            deliver_notifications: true,
            deliver_payloads: true,
            notification_type: NotificationType::Headline,
            notify_config: false,
            notify_delete: true,
            notify_retract: true,
            notify_sub: false,
            presence_based_delivery: true,
            send_last: SendLast::OnPresence,
            subscribe: true,
            item_reply: ItemReply::Publisher,
            title: None,
            description: None,
            kind: None,
            language: None,
            contact: Vec::new(),
        }
    }
}

impl NodeConfiguration {
    /// The form to be filled in (XEP-0060 §8.2.2), or with [`FormKind::Submit`] the same filled in.
    /// `groups` are those of the owner's roster that can be chosen.
    #[must_use]
    pub fn form(&self, kind: FormKind, groups: &[&str]) -> DataForm {
        let mut form = DataForm::new(kind, ns::PUBSUB_NODE_CONFIG);
        for description in FIELDS {
            let mut field = Field::new(description.var, description.kind, (description.get)(self));
            if kind == FormKind::Form {
                field.label = Some(description.label.to_owned());
                field.options = description
                    .options
                    .iter()
                    .map(|(value, label)| (Some((*label).to_owned()), (*value).to_owned()))
                    .collect();
                if description.var == "pubsub#roster_groups_allowed" {
                    field
                        .options
                        .extend(groups.iter().map(|group| (None, (*group).to_owned())));
                }
            }
            form.fields.push(field);
        }
        form
    }

    /// Takes the values of a filled-in form. Fields that it does not know it leaves alone
    /// (XEP-0004 §3.2), unless they are of XEP-0060 and ask for what there is not.
    ///
    /// # Errors
    /// The first field whose value is none. The configuration is then as it was.
    pub fn apply(&mut self, form: &DataForm) -> Result<(), FieldError> {
        let mut changed = self.clone();
        for field in &form.fields {
            match changed.set(field) {
                Ok(()) | Err(FieldError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        *self = changed;
        Ok(())
    }

    /// The configuration of a node that is made for a publication with these preconditions
    /// (XEP-0060 §7.1.5).
    ///
    /// # Errors
    /// The first field that is unknown, or whose value is none.
    pub fn with_preconditions(mut self, options: &DataForm) -> Result<Self, FieldError> {
        for field in preconditions(options) {
            self.set(field)?;
        }
        Ok(self)
    }

    /// Whether it is as these preconditions say (XEP-0060 §7.1.5).
    ///
    /// # Errors
    /// The first field that is unknown, whose value is none, or that says something else.
    pub fn check_preconditions(&self, options: &DataForm) -> Result<(), FieldError> {
        for field in preconditions(options) {
            let mut wanted = self.clone();
            wanted.set(field)?;
            if wanted != *self {
                return Err(FieldError::Differs(field.var.clone()));
            }
        }
        Ok(())
    }

    /// What differs from the default, as XML text of a filled-in form: how it is kept, and how
    /// XEP-0227 exports it.
    #[must_use]
    pub fn encode(&self) -> String {
        let default = Self::default();
        let mut form = DataForm::new(FormKind::Submit, ns::PUBSUB_NODE_CONFIG);
        for description in FIELDS {
            let values = (description.get)(self);
            if values != (description.get)(&default) {
                form.fields.push(Field {
                    var: description.var.to_owned(),
                    values,
                    ..Field::default()
                });
            }
        }
        let mut out = crate::xml::Writer::new();
        form.write(&mut out);
        out.finish()
    }

    /// Reads what [`NodeConfiguration::encode`] wrote; what cannot be read stays at its default.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        let mut configuration = Self::default();
        if let Ok(tree) = crate::xml::Tree::parse(text)
            && let Ok(form) = DataForm::read(tree.root())
        {
            for field in &form.fields {
                let _ = configuration.set(field);
            }
        }
        configuration
    }

    fn set(&mut self, field: &Field) -> Result<(), FieldError> {
        fields::set(self, field)
    }
}

/// The fields of publish-options that are preconditions.
fn preconditions(options: &DataForm) -> impl Iterator<Item = &Field> {
    options
        .fields
        .iter()
        .filter(|field| field.var != "FORM_TYPE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(fields: &[(&str, &str)]) -> DataForm {
        let mut form = DataForm::new(FormKind::Submit, ns::PUBSUB_PUBLISH_OPTIONS);
        for (var, value) in fields {
            form.fields.push(Field::new(var, "text-single", [*value]));
        }
        form
    }

    /// The options of XEP-0402 §3.3 and XEP-0490 §4.2.
    #[test]
    fn options_of_private_nodes() {
        let options = options(&[
            ("pubsub#persist_items", "true"),
            ("pubsub#max_items", "max"),
            ("pubsub#send_last_published_item", "never"),
            ("pubsub#access_model", "whitelist"),
        ]);
        let made = NodeConfiguration::default()
            .with_preconditions(&options)
            .expect("known fields");
        assert_eq!(made.access, AccessModel::Whitelist);
        assert_eq!(made.max_items, Bound::Max);
        assert_eq!(made.send_last, SendLast::Never);
        assert_eq!(made.check_preconditions(&options), Ok(()));
        assert_eq!(
            NodeConfiguration::default().check_preconditions(&options),
            Err(FieldError::Differs("pubsub#max_items".into()))
        );
        assert_eq!(NodeConfiguration::decode(&made.encode()), made);
    }

    #[test]
    fn unknown_preconditions_are_refused_and_unknown_settings_ignored() {
        let unknown = options(&[("pubsub#shape", "round")]);
        let default = NodeConfiguration::default();
        assert_eq!(
            default.check_preconditions(&unknown),
            Err(FieldError::Unknown("pubsub#shape".into()))
        );
        assert!(default.clone().with_preconditions(&unknown).is_err());
        let mut applied = default.clone();
        assert_eq!(applied.apply(&unknown), Ok(()));
        assert_eq!(applied, default);
    }

    #[test]
    fn values_are_checked() {
        for (var, value) in [
            ("pubsub#access_model", "friends"),
            ("pubsub#max_items", "0"),
            ("pubsub#max_items", "many"),
            ("pubsub#persist_items", "yes"),
            ("pubsub#purge_offline", "true"),
            ("pubsub#node_type", "collection"),
        ] {
            let mut configuration = NodeConfiguration::default();
            let error = configuration.apply(&options(&[(var, value)]));
            assert_eq!(error, Err(FieldError::Value(var.into())), "{value}");
        }
        // What is so anyway may be asked for.
        let default = NodeConfiguration::default();
        let same = options(&[("pubsub#purge_offline", "0"), ("pubsub#node_type", "leaf")]);
        assert_eq!(default.check_preconditions(&same), Ok(()));
    }

    #[test]
    fn every_field_comes_back_from_its_form() {
        let configuration = NodeConfiguration {
            access: AccessModel::Roster,
            roster_groups: vec!["Friends".into(), "A & B".into()],
            publish: PublishModel::Open,
            max_items: Bound::Number(7),
            item_expire: Some(Bound::Number(3600)),
            persist_items: false,
            max_payload_size: Some(1000),
            when_full: WhenFull::Reject,
            deliver_notifications: false,
            deliver_payloads: false,
            notification_type: NotificationType::Normal,
            notify_config: true,
            notify_delete: false,
            notify_retract: false,
            notify_sub: true,
            presence_based_delivery: false,
            send_last: SendLast::OnSubscription,
            subscribe: false,
            item_reply: ItemReply::Owner,
            title: Some("T".into()),
            description: Some("D".into()),
            kind: Some("urn:x".into()),
            language: Some("de".into()),
            contact: vec!["a@b".into()],
        };
        let mut read = NodeConfiguration::default();
        assert_eq!(
            read.apply(&configuration.form(FormKind::Submit, &[])),
            Ok(())
        );
        assert_eq!(read, configuration);
        assert_eq!(
            NodeConfiguration::decode(&configuration.encode()),
            configuration
        );
        let form = configuration.form(FormKind::Form, &["Family"]);
        let groups = form.field("pubsub#roster_groups_allowed").expect("there");
        assert_eq!(groups.options, [(None, "Family".to_owned())]);
    }
}
