//! XEP-0060: Publish-Subscribe: requests, conditions and events. The configuration of nodes is in
//! [`node_configuration`](super::node_configuration).

mod event;
mod owner;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xep::data_form::DataForm;
use crate::xep::result_set::PageRequest;
use crate::xml::{Element, Writer};

pub use event::{Event, write_item};
pub use owner::OwnerRequest;

/// What an entity asks of a node (XEP-0060 §5 to §7): the child of `<pubsub/>`.
#[derive(Clone, Debug)]
pub enum Request<'t> {
    /// Make a node (§8.1); without a name the service finds one.
    Create {
        /// Its name.
        node: Option<&'t str>,
        /// How it is to be configured.
        configure: Option<DataForm>,
    },
    /// Publish items (§7.1).
    Publish {
        /// Where.
        node: &'t str,
        /// What.
        items: Vec<PublishedItem<'t>>,
        /// Preconditions, or the configuration of a node that is made for it (§7.1.5).
        options: Option<DataForm>,
    },
    /// Delete items (§7.2).
    Retract {
        /// Where.
        node: &'t str,
        /// Ids of the items.
        items: Vec<&'t str>,
        /// Tell subscribers, whatever the node is configured to.
        notify: bool,
    },
    /// Read items (§6.5).
    Items {
        /// Where.
        node: &'t str,
        /// Only these.
        ids: Vec<&'t str>,
        /// Only so many, the newest.
        max_items: Option<u32>,
        /// Only this page.
        page: Option<PageRequest>,
    },
    /// Subscribe (§6.1).
    Subscribe {
        /// To what.
        node: &'t str,
        /// Whom.
        jid: &'t str,
        /// Options are asked for (§6.3.7).
        options: bool,
    },
    /// End a subscription (§6.2).
    Unsubscribe {
        /// To what.
        node: &'t str,
        /// Whose.
        jid: &'t str,
        /// Which, where an address can have several.
        subid: Option<&'t str>,
    },
    /// Read or set options of a subscription (§6.3).
    Options,
    /// List the asker's subscriptions (§5.6), of one node or of all.
    Subscriptions {
        /// The node.
        node: Option<&'t str>,
    },
    /// List the asker's affiliations (§5.7), with one node or with all.
    Affiliations {
        /// The node.
        node: Option<&'t str>,
    },
    /// Default options of subscriptions (§6.4).
    SubscriptionDefault,
}

/// An item as a publisher sends it.
#[derive(Clone, Copy, Debug)]
pub struct PublishedItem<'t> {
    /// Its id, if the publisher chooses one.
    pub id: Option<&'t str>,
    /// Its payload.
    pub payload: Option<Element<'t>>,
}

impl<'t> Request<'t> {
    /// Reads the `<pubsub/>` of a request of type `set` or `get`.
    ///
    /// # Errors
    /// The error to answer with.
    pub fn read(pubsub: Element<'t>, set: bool) -> Result<Self, StanzaError> {
        let mut children = pubsub
            .children()
            .filter(|child| child.namespace() == ns::PUBSUB);
        let action = children.next().ok_or_else(no_action)?;
        let beside = |name| pubsub.child(name, ns::PUBSUB);
        match (action.name(), set) {
            ("create", true) => Ok(Self::Create {
                node: action.attr("node").filter(|node| !node.is_empty()),
                configure: beside("configure").map(form).transpose()?.flatten(),
            }),
            ("publish", true) => Ok(Self::Publish {
                node: node(action)?,
                items: items(action).map(published).collect::<Result<_, _>>()?,
                options: beside("publish-options").map(form).transpose()?.flatten(),
            }),
            ("retract", true) => Ok(Self::Retract {
                node: node(action)?,
                items: items(action).map(item_id).collect::<Result<_, _>>()?,
                notify: action.attr("notify").is_some_and(is_true),
            }),
            ("items", false) => Ok(Self::Items {
                node: node(action)?,
                ids: items(action).map(item_id).collect::<Result<_, _>>()?,
                max_items: action.attr("max_items").map(number).transpose()?,
                page: pubsub
                    .child("set", ns::RSM)
                    .map(PageRequest::read)
                    .transpose()?,
            }),
            ("subscribe", true) => Ok(Self::Subscribe {
                node: node(action)?,
                jid: jid(action)?,
                options: beside("options").is_some(),
            }),
            ("unsubscribe", true) => Ok(Self::Unsubscribe {
                node: node(action)?,
                jid: jid(action)?,
                subid: action.attr("subid"),
            }),
            ("options", _) => Ok(Self::Options),
            ("subscriptions", false) => Ok(Self::Subscriptions {
                node: action.attr("node"),
            }),
            ("affiliations", false) => Ok(Self::Affiliations {
                node: action.attr("node"),
            }),
            ("default", false) => Ok(Self::SubscriptionDefault),
            _ => Err(no_action()),
        }
    }
}

/// The answer to a request that names what it asks for wrongly.
fn no_action() -> StanzaError {
    StanzaError::new(StanzaCondition::BadRequest)
        .text("This service knows no such request (XEP-0060); the type of the iq may be wrong.")
}

fn items<'t>(action: Element<'t>) -> impl Iterator<Item = Element<'t>> + use<'t> {
    action
        .children()
        .filter(|child| child.is("item", ns::PUBSUB))
}

fn node(action: Element<'_>) -> Result<&str, StanzaError> {
    let node = action.attr("node").filter(|node| !node.is_empty());
    node.ok_or_else(|| error(StanzaCondition::BadRequest, "nodeid-required"))
}

fn jid(action: Element<'_>) -> Result<&str, StanzaError> {
    action
        .attr("jid")
        .ok_or_else(|| error(StanzaCondition::BadRequest, "jid-required"))
}

fn item_id(item: Element<'_>) -> Result<&str, StanzaError> {
    let id = item.attr("id").filter(|id| !id.is_empty());
    id.ok_or_else(|| error(StanzaCondition::BadRequest, "item-required"))
}

fn number(text: &str) -> Result<u32, StanzaError> {
    text.trim().parse().map_err(|_| {
        StanzaError::new(StanzaCondition::BadRequest).text("max_items is a whole number.")
    })
}

fn published(item: Element<'_>) -> Result<PublishedItem<'_>, StanzaError> {
    let mut payloads = item.children();
    let payload = payloads.next();
    if payloads.next().is_some() {
        return Err(error(StanzaCondition::BadRequest, "invalid-payload"));
    }
    Ok(PublishedItem {
        id: item.attr("id").filter(|id| !id.is_empty()),
        payload,
    })
}

/// The form in an element; what is given up counts as none.
fn form(element: Element<'_>) -> Result<Option<DataForm>, StanzaError> {
    let form = element.child("x", ns::DATA_FORMS);
    form.map(DataForm::read).transpose()
}

/// The lexical forms of a true boolean.
fn is_true(text: &str) -> bool {
    matches!(text.trim(), "true" | "1")
}

/// An error with a condition of XEP-0060's own, such as `nodeid-required` (its schema lists them all).
pub fn error(condition: StanzaCondition, specific: &str) -> StanzaError {
    let mut app = Writer::new();
    app.leaf(specific, ns::PUBSUB_ERRORS);
    StanzaError::new(condition).app(app.finish())
}

/// The error for a feature that is not there, by its name without namespace (XEP-0060 §10).
pub fn unsupported(feature: &str) -> StanzaError {
    let mut app = Writer::new();
    app.start("unsupported")
        .xmlns(ns::PUBSUB_ERRORS)
        .attr("feature", feature)
        .end();
    StanzaError::new(StanzaCondition::FeatureNotImplemented).app(app.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(set: bool, inner: &str) -> Result<String, String> {
        let text = format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inner}</pubsub>");
        let tree = Tree::parse(&text).expect("XML");
        match Request::read(tree.root(), set) {
            Ok(Request::Publish {
                node,
                items,
                options,
            }) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| (item.id, item.payload.map(|payload| payload.name())))
                    .collect();
                Ok(format!("publish {node} {items:?} {}", options.is_some()))
            }
            Ok(other) => Ok(format!("{other:?}")),
            Err(error) => Err(format!("{} {:?}", error.condition, error.app)),
        }
    }

    /// XEP-0060 §7.1.5, example 105.
    #[test]
    fn publishing_with_options() {
        let request = read(
            true,
            "<publish node='princely_musings'><item id='ae890'><entry xmlns='http://www.w3.org/2005/Atom'/></item></publish>\
             <publish-options><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field>\
             <field var='pubsub#access_model'><value>presence</value></field></x></publish-options>",
        );
        assert_eq!(
            request.as_deref(),
            Ok("publish princely_musings [(Some(\"ae890\"), Some(\"entry\"))] true")
        );
    }

    #[test]
    fn requests_are_read() {
        for (set, inner, expected) in [
            (
                true,
                "<create/><configure/>",
                "Create { node: None, configure: None }",
            ),
            (
                true,
                "<retract node='n' notify='1'><item id='a'/><item id='b'/></retract>",
                "Retract { node: \"n\", items: [\"a\", \"b\"], notify: true }",
            ),
            (
                false,
                "<items node='n' max_items='2'/>",
                "Items { node: \"n\", ids: [], max_items: Some(2), page: None }",
            ),
            (false, "<subscriptions/>", "Subscriptions { node: None }"),
            (
                true,
                "<unsubscribe node='n' jid='a@b'/>",
                "Unsubscribe { node: \"n\", jid: \"a@b\", subid: None }",
            ),
        ] {
            assert_eq!(read(set, inner).as_deref(), Ok(expected), "{inner}");
        }
        let paged = read(
            false,
            "<items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><max>3</max></set>",
        );
        assert!(paged.expect("good").contains("max: Some(3)"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (set, inner, expected) in [
            (true, "<publish><item/></publish>", "nodeid-required"),
            (true, "<subscribe node='n'/>", "jid-required"),
            (true, "<retract node='n'><item/></retract>", "item-required"),
            (
                true,
                "<publish node='n'><item><a/><b/></item></publish>",
                "invalid-payload",
            ),
            (false, "<publish node='n'/>", "None"),
            (false, "", "None"),
            (false, "<items node='n' max_items='many'/>", "None"),
        ] {
            let error = read(set, inner).expect_err(inner);
            assert!(error.starts_with("bad-request"), "{error}");
            assert!(error.contains(expected), "{inner}: {error}");
        }
    }
}
