//! XEP-0203: Delayed Delivery.

use base::{Jid, Timestamp};

use crate::ns;
use crate::xml::{Element, Stanza, Writer};

/// `<delay/>`: when a stanza was sent first, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// Who held it up.
    pub from: Option<Jid>,
    /// When it came to whoever held it up.
    pub stamp: Timestamp,
}

impl Delay {
    /// Reads `<delay/>`; `None` when it is malformed.
    pub fn read(element: Element<'_>) -> Option<Self> {
        let stamp = Timestamp::parse(element.attr("stamp")?).ok()?;
        let from = element.attr("from").map(Jid::parse).transpose().ok()?;
        Some(Self { from, stamp })
    }

    /// What `by` says about the delay of `stanza`.
    pub fn of(stanza: &Stanza, by: &str) -> Option<Self> {
        stanza
            .children()
            .filter(|child| child.is("delay", ns::DELAY))
            .filter_map(|child| Self::read(child.tree().root()))
            .find(|delay| delay.from.as_ref().is_some_and(|from| from.as_str() == by))
    }

    /// Writes `<delay/>`.
    pub fn write(&self, writer: &mut Writer) {
        writer.start("delay").xmlns(ns::DELAY);
        writer.attr_opt("from", self.from.as_ref().map(Jid::as_str));
        writer.attr("stamp", self.stamp.to_string()).end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_so() {
        let text = "<message><delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'/></message>";
        let stanza = Stanza::parse(text).expect("a message");
        let delay = Delay::of(&stanza, "capulet.com").expect("a delay");
        assert_eq!(delay.stamp.to_string(), "2002-09-10T23:08:25Z");
        assert_eq!(Delay::of(&stanza, "montague.net"), None);
        let mut writer = Writer::new();
        delay.write(&mut writer);
        assert_eq!(format!("<message>{}</message>", writer.finish()), text);
    }
}
