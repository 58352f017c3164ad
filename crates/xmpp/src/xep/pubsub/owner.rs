//! What the owner of a node asks (XEP-0060 §8): the child of `<pubsub/>` in the owner's namespace.

use super::{form, no_action, node};
use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xep::data_form::{DataForm, FormKind};
use crate::xml::Element;

/// A request of an owner.
#[derive(Clone, Debug)]
pub enum OwnerRequest<'t> {
    /// Read the configuration (§8.2.1).
    Configuration {
        /// Of which node.
        node: &'t str,
    },
    /// Change the configuration (§8.2.4).
    Configure {
        /// Of which node.
        node: &'t str,
        /// The form; `None` when the change was given up (§8.2.5.1).
        form: Option<DataForm>,
    },
    /// Read the configuration that nodes have when nothing else is said (§8.3).
    Default,
    /// Delete a node (§8.4).
    Delete {
        /// Which.
        node: &'t str,
        /// Where its subscribers find another one.
        redirect: Option<&'t str>,
    },
    /// Delete all items (§8.5).
    Purge {
        /// Of which node.
        node: &'t str,
    },
    /// List all subscriptions (§8.8.1).
    Subscriptions {
        /// Of which node.
        node: &'t str,
    },
    /// Change subscriptions (§8.8.2): addresses, and what becomes of each.
    SetSubscriptions {
        /// Of which node.
        node: &'t str,
        /// Address and state, as they came.
        changes: Vec<(&'t str, &'t str)>,
    },
    /// List all affiliations (§8.9.1).
    Affiliations {
        /// With which node.
        node: &'t str,
    },
    /// Change affiliations (§8.9.2): addresses, and what becomes of each.
    SetAffiliations {
        /// With which node.
        node: &'t str,
        /// Address and affiliation, as they came.
        changes: Vec<(&'t str, &'t str)>,
    },
}

impl<'t> OwnerRequest<'t> {
    /// Reads the `<pubsub/>` of a request of type `set` or `get`.
    ///
    /// # Errors
    /// The error to answer with.
    pub fn read(pubsub: Element<'t>, set: bool) -> Result<Self, StanzaError> {
        let action = pubsub
            .children()
            .find(|child| child.namespace() == ns::PUBSUB_OWNER)
            .ok_or_else(no_action)?;
        match (action.name(), set) {
            ("configure", false) => Ok(Self::Configuration {
                node: node(action)?,
            }),
            ("configure", true) => {
                let form = form(action)?.ok_or_else(|| {
                    StanzaError::new(StanzaCondition::BadRequest)
                        .text("Send the filled-in form inside of <configure/>.")
                })?;
                Ok(Self::Configure {
                    node: node(action)?,
                    form: (form.kind != FormKind::Cancel).then_some(form),
                })
            }
            ("default", false) => Ok(Self::Default),
            ("delete", true) => Ok(Self::Delete {
                node: node(action)?,
                redirect: action
                    .child("redirect", ns::PUBSUB_OWNER)
                    .and_then(|redirect| redirect.attr("uri")),
            }),
            ("purge", true) => Ok(Self::Purge {
                node: node(action)?,
            }),
            ("subscriptions", false) => Ok(Self::Subscriptions {
                node: node(action)?,
            }),
            ("subscriptions", true) => Ok(Self::SetSubscriptions {
                node: node(action)?,
                changes: changes(action, "subscription")?,
            }),
            ("affiliations", false) => Ok(Self::Affiliations {
                node: node(action)?,
            }),
            ("affiliations", true) => Ok(Self::SetAffiliations {
                node: node(action)?,
                changes: changes(action, "affiliation")?,
            }),
            _ => Err(no_action()),
        }
    }
}

/// Address and value of each child; the value is in the attribute of the child's own name.
fn changes<'t>(action: Element<'t>, name: &str) -> Result<Vec<(&'t str, &'t str)>, StanzaError> {
    action
        .children()
        .filter(|child| child.is(name, ns::PUBSUB_OWNER))
        .map(|child| {
            let change = child.attr("jid").zip(child.attr(name));
            change.ok_or_else(|| {
                StanzaError::new(StanzaCondition::BadRequest)
                    .text(format!("Each {name} needs the attributes jid and {name}."))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(set: bool, inner: &str) -> Result<String, StanzaCondition> {
        let text =
            format!("<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>{inner}</pubsub>");
        let tree = Tree::parse(&text).expect("XML");
        OwnerRequest::read(tree.root(), set)
            .map(|request| format!("{request:?}"))
            .map_err(|error| error.condition)
    }

    #[test]
    fn requests_are_read() {
        for (set, inner, expected) in [
            (
                false,
                "<configure node='n'/>",
                "Configuration { node: \"n\" }",
            ),
            (
                true,
                "<configure node='n'><x xmlns='jabber:x:data' type='cancel'/></configure>",
                "Configure { node: \"n\", form: None }",
            ),
            (false, "<default/>", "Default"),
            (
                true,
                "<delete node='n'><redirect uri='xmpp:hamlet@denmark.lit'/></delete>",
                "Delete { node: \"n\", redirect: Some(\"xmpp:hamlet@denmark.lit\") }",
            ),
            (true, "<purge node='n'/>", "Purge { node: \"n\" }"),
            (
                true,
                "<subscriptions node='n'><subscription jid='a@b' subscription='none'/></subscriptions>",
                "SetSubscriptions { node: \"n\", changes: [(\"a@b\", \"none\")] }",
            ),
            (
                true,
                "<affiliations node='n'><affiliation jid='a@b' affiliation='member'/></affiliations>",
                "SetAffiliations { node: \"n\", changes: [(\"a@b\", \"member\")] }",
            ),
        ] {
            assert_eq!(read(set, inner).as_deref(), Ok(expected), "{inner}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (set, inner) in [
            (true, "<configure node='n'/>"),
            (true, "<purge/>"),
            (false, "<purge node='n'/>"),
            (
                true,
                "<affiliations node='n'><affiliation jid='a@b'/></affiliations>",
            ),
            (true, ""),
        ] {
            assert_eq!(
                read(set, inner),
                Err(StanzaCondition::BadRequest),
                "{inner}"
            );
        }
    }
}
