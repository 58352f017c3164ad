//! RFC 6121 §2: the roster on the wire.

use std::borrow::Cow;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// An item as it is shown to a client.
#[derive(Clone, Debug, Default)]
pub struct Item<'a> {
    /// Bare address of the contact.
    pub jid: &'a str,
    /// The owner's name for the contact.
    pub name: Option<&'a str>,
    /// `none`, `to`, `from`, `both` or `remove`.
    pub subscription: &'a str,
    /// A request for the contact's presence waits for its answer.
    pub ask: bool,
    /// The contact's future request is granted already.
    pub approved: bool,
    /// Groups.
    pub groups: Vec<&'a str>,
}

impl Item<'_> {
    /// Writes the `<item/>`.
    pub fn write(&self, out: &mut Writer) {
        out.start("item")
            .attr("jid", self.jid)
            .attr_opt("name", self.name)
            .attr("subscription", self.subscription)
            .attr_opt("ask", self.ask.then_some("subscribe"))
            .attr_opt("approved", self.approved.then_some("true"));
        for group in &self.groups {
            out.leaf_text("group", None, group);
        }
        out.end();
    }
}

/// A change that a client wants (RFC 6121 §2.1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterSet<'a> {
    /// Address of the contact as it came.
    pub jid: &'a str,
    /// What becomes of it.
    pub change: Change<'a>,
}

/// See [`RosterSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Add the contact, or give it this name and these groups.
    Put {
        /// The name; an empty one counts as none.
        name: Option<&'a str>,
        /// The groups; none is empty, none is there twice.
        groups: Vec<Cow<'a, str>>,
    },
    /// Remove the contact.
    Remove,
}

impl<'a> RosterSet<'a> {
    /// Reads the `<query/>` of a roster set. What only a server may say (`ask`, `approved`, any
    /// `subscription` but `remove`) is ignored (RFC 6121 §2.1.2).
    ///
    /// # Errors
    /// The error to answer with (RFC 6121 §2.3.3).
    pub fn read(query: Element<'a>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        let mut items = query
            .children()
            .filter(|child| child.is("item", ns::ROSTER));
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(bad(
                "A roster set has exactly one item; please send one set for each contact.",
            ));
        };
        let jid = item
            .attr("jid")
            .ok_or_else(|| bad("Add the attribute jid to the item."))?;
        if item.attr("subscription") == Some("remove") {
            return Ok(Self {
                jid,
                change: Change::Remove,
            });
        }
        let mut groups: Vec<Cow<'a, str>> = Vec::new();
        for group in item
            .children()
            .filter(|child| child.is("group", ns::ROSTER))
        {
            let group = group.text();
            if group.is_empty() {
                return Err(StanzaError::new(StanzaCondition::NotAcceptable)
                    .text("A group needs a name; leave the group out instead."));
            }
            if groups.contains(&group) {
                return Err(bad("A group is named twice; please name each once."));
            }
            groups.push(group);
        }
        let name = item.attr("name").filter(|name| !name.is_empty());
        Ok(Self {
            jid,
            change: Change::Put { name, groups },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Stanza;

    fn read(inner: &str) -> Result<String, StanzaCondition> {
        let text = format!("<query xmlns='jabber:iq:roster'>{inner}</query>");
        let stanza = Stanza::parse(&text).expect("well-formed");
        let tree = stanza.tree();
        RosterSet::read(tree.root())
            .map(|set| format!("{set:?}"))
            .map_err(|error| error.condition)
    }

    #[test]
    fn sets_are_checked() {
        let bad = Err(StanzaCondition::BadRequest);
        assert_eq!(read(""), bad);
        assert_eq!(read("<item jid='a@b'/><item jid='c@d'/>"), bad);
        assert_eq!(read("<item name='x'/>"), bad);
        assert_eq!(
            read("<item jid='a@b'><group>x</group><group>x</group></item>"),
            bad
        );
        assert_eq!(
            read("<item jid='a@b'><group/></item>"),
            Err(StanzaCondition::NotAcceptable)
        );
        let put = read(
            "<item jid='a@b' name='' subscription='both' ask='subscribe'><group>x</group></item>",
        );
        assert_eq!(
            put.expect("a good set"),
            r#"RosterSet { jid: "a@b", change: Put { name: None, groups: ["x"] } }"#
        );
        assert!(
            read("<item jid='a@b' subscription='remove'/>")
                .expect("good")
                .contains("Remove")
        );
    }
}
