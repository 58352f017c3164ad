//! XEP-0357: Push Notifications.

use base::Jid;

use crate::condition::{ErrorType, StanzaCondition, StanzaError};
use crate::ns;
use crate::xep::data_form::{DataForm, Field, FormKind};
use crate::xml::{Element, Stanza, Writer};

/// Longest name of a node, in bytes (RFC 7622's bound of a resourcepart, as XEP-0060 has none).
const LONGEST_NODE: usize = 1023;

/// What a client asks of its account (§5, §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushRequest {
    /// `<enable/>`: notify this service.
    Enable {
        /// The service.
        service: Jid,
        /// The node there; empty when none was named.
        node: String,
        /// What is sent along with each notification: the form `<x/>`, as XML.
        options: Option<String>,
    },
    /// `<disable/>`: notify it no more.
    Disable {
        /// The service.
        service: Jid,
        /// The node; `None` is all of them.
        node: Option<String>,
    },
}

impl PushRequest {
    /// Reads `<enable/>` or `<disable/>`.
    ///
    /// # Errors
    /// `bad-request` when it names no service; `jid-malformed` when that is no address;
    /// `not-acceptable` when the node's name is too long.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        let service = element
            .attr("jid")
            .ok_or_else(|| bad("The attribute jid is missing: the address of the push service."))?;
        let service = Jid::parse(service).map_err(|_| {
            StanzaError::new(StanzaCondition::JidMalformed)
                .text("The attribute jid holds no valid address.")
        })?;
        let node = element.attr("node").map(str::to_owned);
        if node.as_ref().is_some_and(|node| node.len() > LONGEST_NODE) {
            return Err(StanzaError::new(StanzaCondition::NotAcceptable)
                .text(format!("A node may have {LONGEST_NODE} bytes.")));
        }
        match element.name() {
            "enable" => {
                let form = element.child("x", ns::DATA_FORMS).map(DataForm::read);
                let options = form
                    .transpose()?
                    .filter(|form| form.form_type() == Some(ns::PUBSUB_PUBLISH_OPTIONS))
                    .map(|form| {
                        let mut writer = Writer::with_capacity(256);
                        form.write(&mut writer);
                        writer.finish()
                    });
                Ok(Self::Enable {
                    service,
                    node: node.unwrap_or_default(),
                    options,
                })
            }
            "disable" => Ok(Self::Disable { service, node }),
            _ => Err(bad("Push notifications are enabled or disabled.")),
        }
    }
}

/// What a notification says (§7): numbers, and whatever else the operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// New messages since the last notification.
    pub messages: u32,
    /// Requests to subscribe that wait for an answer.
    pub subscriptions: u32,
    /// Stands where the last message's text would; tells services that people want to be woken.
    pub placeholder: Option<String>,
}

/// The payload of the request that publishes a notification (§7).
#[must_use]
pub fn publish(node: &str, summary: &Summary, options: Option<&str>) -> String {
    let mut form = DataForm::new(FormKind::Submit, ns::PUSH_SUMMARY).with(Field::new(
        "message-count",
        "text-single",
        [summary.messages.to_string()],
    ));
    if summary.subscriptions > 0 {
        form = form.with(Field::new(
            "pending-subscription-count",
            "text-single",
            [summary.subscriptions.to_string()],
        ));
    }
    if let Some(text) = &summary.placeholder {
        form = form.with(Field::new("last-message-body", "text-single", [text]));
    }
    let mut writer = Writer::with_capacity(512 + options.map_or(0, str::len));
    writer.start("pubsub").xmlns(ns::PUBSUB);
    writer
        .start("publish")
        .attr_opt("node", (!node.is_empty()).then_some(node));
    writer.start("item");
    writer.start("notification").xmlns(ns::PUSH);
    form.write(&mut writer);
    writer.end().end().end();
    if let Some(options) = options {
        writer.start("publish-options").raw(options).end();
    }
    writer.end();
    writer.finish()
}

/// Whether a service that answers with `error` may be asked again later (§7.1).
#[must_use]
pub fn is_transient(error: &StanzaError) -> bool {
    error.kind == ErrorType::Wait
        || matches!(
            error.condition,
            StanzaCondition::RemoteServerTimeout | StanzaCondition::RemoteServerNotFound
        )
}

/// The node from which a service has withdrawn `account` (§8); `None` when the message says no such
/// thing.
#[must_use]
pub fn withdrawn_node(message: &Stanza, account: &str) -> Option<String> {
    let tree = message.child("pubsub", ns::PUBSUB)?.tree();
    let root = tree.root();
    let withdrawn = root.children().any(|child| {
        child.is("affiliation", ns::PUBSUB)
            && child.attr("jid") == Some(account)
            && child.attr("affiliation") == Some("none")
    });
    withdrawn
        .then(|| root.attr("node").map(str::to_owned))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Result<PushRequest, StanzaError> {
        PushRequest::read(Tree::parse(text).expect("XML").root())
    }

    #[test]
    fn requests_of_the_specification() {
        let service = Jid::parse("push-5.client.example").expect("an address");
        let enable = read(
            "<enable xmlns='urn:xmpp:push:0' jid='push-5.client.example' node='yxs32uqsflafdk3iuqo'>\
             <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
             <value>http://jabber.org/protocol/pubsub#publish-options</value></field>\
             <field var='secret'><value>eruio234vzxc2kla-91</value></field></x></enable>",
        );
        let Ok(PushRequest::Enable {
            service: named,
            node,
            options,
        }) = enable
        else {
            panic!("{enable:?}");
        };
        assert_eq!(
            (named, node.as_str()),
            (service.clone(), "yxs32uqsflafdk3iuqo")
        );
        assert!(options.expect("options").contains("eruio234vzxc2kla-91"));
        assert_eq!(
            read("<disable xmlns='urn:xmpp:push:0' jid='push-5.client.example'/>"),
            Ok(PushRequest::Disable {
                service,
                node: None
            })
        );
        assert!(read("<enable xmlns='urn:xmpp:push:0' node='a'/>").is_err());
        assert!(read("<enable xmlns='urn:xmpp:push:0' jid='@'/>").is_err());
        let long = "n".repeat(1024);
        assert!(
            read(&format!(
                "<enable xmlns='urn:xmpp:push:0' jid='a' node='{long}'/>"
            ))
            .is_err()
        );
    }

    #[test]
    fn a_notification_says_numbers() {
        let summary = Summary {
            messages: 2,
            placeholder: Some("New message".into()),
            ..Summary::default()
        };
        let text = publish(
            "n&1",
            &summary,
            Some("<x xmlns='jabber:x:data' type='submit'/>"),
        );
        let tree = Tree::parse(&text).expect("XML");
        let publish = tree.root().child("publish", ns::PUBSUB).expect("publish");
        assert_eq!(publish.attr("node"), Some("n&1"));
        let form = publish
            .child("item", ns::PUBSUB)
            .and_then(|item| item.child("notification", ns::PUSH))
            .and_then(|notification| notification.child("x", ns::DATA_FORMS))
            .map(DataForm::read)
            .expect("a form")
            .expect("a valid one");
        assert_eq!(form.form_type(), Some(ns::PUSH_SUMMARY));
        let value = |var| form.field(var).and_then(Field::value);
        assert_eq!(value("message-count"), Some("2"));
        assert_eq!(value("last-message-body"), Some("New message"));
        assert_eq!(value("pending-subscription-count"), None);
        assert!(
            tree.root()
                .child("publish-options", ns::PUBSUB)
                .and_then(|options| options.child("x", ns::DATA_FORMS))
                .is_some()
        );
    }

    #[test]
    fn a_service_withdraws() {
        let text = "<message from='push-5.client.example' to='user@example.com'>\
            <pubsub xmlns='http://jabber.org/protocol/pubsub' node='yxs32uqsflafdk3iuqo'>\
            <affiliation jid='user@example.com' affiliation='none'/></pubsub></message>";
        let message = Stanza::parse(text).expect("a message");
        assert_eq!(
            withdrawn_node(&message, "user@example.com").as_deref(),
            Some("yxs32uqsflafdk3iuqo")
        );
        assert_eq!(withdrawn_node(&message, "other@example.com"), None);
    }

    #[test]
    fn which_errors_pass() {
        let transient = |condition| is_transient(&StanzaError::new(condition));
        assert!(transient(StanzaCondition::ResourceConstraint));
        assert!(transient(StanzaCondition::RemoteServerTimeout));
        assert!(!transient(StanzaCondition::ItemNotFound));
        assert!(!transient(StanzaCondition::Forbidden));
    }
}
