//! What subscribers are told (XEP-0060 §7.1.2, §7.2.2.1, §8): `<event/>`.

use crate::ns;
use crate::xep::data_form::DataForm;
use crate::xml::Writer;

/// One event at one node.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// Items were published (§7.1.2).
    Published {
        /// Where.
        node: &'a str,
        /// Id, publisher if it is to be told, and payload (empty when it is not told).
        items: Vec<(&'a str, Option<&'a str>, &'a str)>,
    },
    /// Items are gone (§7.2.2.1).
    Retracted {
        /// Where.
        node: &'a str,
        /// Their ids.
        items: Vec<&'a str>,
    },
    /// All items are gone (§8.5.2).
    Purged {
        /// Where.
        node: &'a str,
    },
    /// The node is gone (§8.4.2).
    Deleted {
        /// Which.
        node: &'a str,
        /// Where another one is.
        redirect: Option<&'a str>,
    },
    /// The node is configured otherwise (§8.2.5.4).
    Configured {
        /// Which.
        node: &'a str,
        /// How, if that is told.
        form: Option<DataForm>,
    },
    /// A subscription is another one now (§8.6, §8.8.4).
    Subscription {
        /// To what.
        node: &'a str,
        /// Whose.
        jid: &'a str,
        /// `none`, `pending` or `subscribed`.
        state: &'a str,
    },
}

impl Event<'_> {
    /// The `<event/>`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = Writer::with_capacity(256);
        out.start("event").xmlns(ns::PUBSUB_EVENT);
        match self {
            Self::Published { node, items } => {
                out.start("items").attr("node", node);
                for (id, publisher, payload) in items {
                    write_item(&mut out, id, *publisher, payload);
                }
                out.end();
            }
            Self::Retracted { node, items } => {
                out.start("items").attr("node", node);
                for id in items {
                    out.start("retract").attr("id", id).end();
                }
                out.end();
            }
            Self::Purged { node } => {
                out.start("purge").attr("node", node).end();
            }
            Self::Deleted { node, redirect } => {
                out.start("delete").attr("node", node);
                if let Some(uri) = redirect {
                    out.start("redirect").attr("uri", uri).end();
                }
                out.end();
            }
            Self::Configured { node, form } => {
                out.start("configuration").attr("node", node);
                if let Some(form) = form {
                    form.write(&mut out);
                }
                out.end();
            }
            Self::Subscription { node, jid, state } => {
                out.start("subscription")
                    .attr("node", node)
                    .attr("jid", jid)
                    .attr("subscription", state)
                    .end();
            }
        }
        out.end();
        out.finish()
    }
}

/// An `<item/>` in the namespace around it.
pub fn write_item(out: &mut Writer, id: &str, publisher: Option<&str>, payload: &str) {
    out.start("item")
        .attr("id", id)
        .attr_opt("publisher", publisher)
        .raw(payload)
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_specification() {
        let published = Event::Published {
            node: "princely_musings",
            items: vec![(
                "ae890",
                None,
                "<entry xmlns='http://www.w3.org/2005/Atom'/>",
            )],
        };
        assert_eq!(
            published.to_xml(),
            "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='princely_musings'>\
             <item id='ae890'><entry xmlns='http://www.w3.org/2005/Atom'/></item></items></event>"
        );
        let retracted = Event::Retracted {
            node: "princely_musings",
            items: vec!["ae890"],
        };
        assert_eq!(
            retracted.to_xml(),
            "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='princely_musings'>\
             <retract id='ae890'/></items></event>"
        );
        let deleted = Event::Deleted {
            node: "princely_musings",
            redirect: Some("xmpp:hamlet@denmark.lit?;node=blog"),
        };
        assert_eq!(
            deleted.to_xml(),
            "<event xmlns='http://jabber.org/protocol/pubsub#event'><delete node='princely_musings'>\
             <redirect uri='xmpp:hamlet@denmark.lit?;node=blog'/></delete></event>"
        );
    }
}
