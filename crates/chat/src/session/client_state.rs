//! Client state indication (XEP-0352): while nobody looks at the client, what nobody would miss
//! waits, so that a phone's radio can sleep.
//!
//! Of presence and of notifications of one node the latest waits; receipts, markers and the like wait
//! in order; typing notifications are dropped. Everything else goes out at once and takes what waits
//! along, ahead of it, so that nothing arrives out of order.

use bytes::Bytes;
use xmpp::ns;
use xmpp::xml::{Child, Element, Kind, Stanza};

use super::outbox::Sent;
use crate::delivery::Keeping;
use crate::modules::content::is_only_chat_state;

/// What an inactive client has waiting.
pub(crate) struct ClientState {
    held: Vec<Held>,
    /// Stanzas that wait at the most; with one more, all go out.
    most: usize,
}

/// A stanza that waits.
pub(crate) struct Held {
    /// A later one of the same subject takes its place; empty when none does.
    subject: Box<str>,
    pub(crate) sent: Sent,
}

/// What becomes of a stanza for an inactive client.
pub(crate) enum Urgency {
    /// Waits.
    Held,
    /// Nobody will miss it.
    Dropped,
    /// Goes out, after what waits.
    Now,
}

/// How much a stanza matters to somebody who does not look.
#[derive(Debug, PartialEq, Eq)]
enum Weight {
    /// Not at all.
    None,
    /// When he looks again: as the latest word on a subject, or in order when that is empty.
    Later(String),
    /// At once.
    Now,
}

impl ClientState {
    /// Nothing waits yet; at most `most` stanzas will.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            held: Vec::new(),
            most,
        }
    }

    /// Decides about one stanza and keeps it when it may wait.
    pub(crate) fn offer(&mut self, text: &Bytes, keeping: Keeping) -> Urgency {
        let stanza = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Stanza::parse(text).ok());
        let weight = stanza.map_or(Weight::Now, |stanza| match stanza.kind() {
            Kind::Presence => presence(&stanza),
            Kind::Message => message(&stanza),
            _ => Weight::Now,
        });
        let subject = match weight {
            Weight::None => return Urgency::Dropped,
            Weight::Now => return Urgency::Now,
            Weight::Later(subject) => subject.into_boxed_str(),
        };
        if !subject.is_empty() {
            self.held.retain(|held| held.subject != subject);
        }
        if self.held.len() >= self.most {
            return Urgency::Now;
        }
        self.held.push(Held {
            subject,
            sent: Sent {
                stanza: text.clone(),
                keeping,
            },
        });
        Urgency::Held
    }

    /// Everything that waits.
    pub(crate) fn take(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.held)
    }
}

fn presence(stanza: &Stanza) -> Weight {
    let kind = stanza.type_();
    if !matches!(kind.as_deref(), None | Some("unavailable")) {
        return Weight::Now;
    }
    // What becomes of oneself in a room (XEP-0045 §7.2.2: status 110) is news.
    let own = stanza.child("x", ns::MUC_USER).is_some_and(|x| {
        let tree = x.tree();
        tree.root().children().any(|child| {
            child.is("destroy", ns::MUC_USER)
                || (child.is("status", ns::MUC_USER) && child.attr("code") == Some("110"))
        })
    });
    if own {
        return Weight::Now;
    }
    Weight::Later(stanza.from().unwrap_or_default().into_owned())
}

fn message(stanza: &Stanza) -> Weight {
    if stanza.type_().as_deref() == Some("error") {
        return Weight::Now;
    }
    if is_only_chat_state(stanza) {
        return Weight::None;
    }
    for direction in ["received", "sent"] {
        if let Some(copy) = stanza.child(direction, ns::CARBONS) {
            return carbon(&copy, direction == "sent");
        }
    }
    if let Some(event) = stanza.child("event", ns::PUBSUB_EVENT) {
        let tree = event.tree();
        let node = tree.root().children().find_map(|child| child.attr("node"));
        let from = stanza.from().unwrap_or_default();
        // Items of a node are told one by one: the latest says how things are only where the node
        // keeps one, so they wait in order.
        let several = tree
            .root()
            .child("items", ns::PUBSUB_EVENT)
            .is_some_and(|items| items.attr("node").is_none_or(|node| !is_state(node)));
        return Weight::Later(match node {
            Some(node) if !several => format!("{from} {node}"),
            _ => String::new(),
        });
    }
    if stanza
        .children()
        .all(|child| is_aside(child.name(), child.namespace()))
    {
        return Weight::Later(String::new());
    }
    Weight::Now
}

/// Nodes of personal eventing that hold one item, of which only the latest matters.
fn is_state(node: &str) -> bool {
    matches!(
        node,
        "http://jabber.org/protocol/nick"
            | "http://jabber.org/protocol/mood"
            | "http://jabber.org/protocol/activity"
            | "http://jabber.org/protocol/geoloc"
            | "http://jabber.org/protocol/tune"
            | "urn:xmpp:avatar:metadata"
            | "urn:xmpp:avatar:data"
            | "urn:xmpp:vcard4"
            | "eu.siacs.conversations.axolotl.devicelist"
            | "urn:xmpp:omemo:2:devices"
    )
}

/// A copy matters as what it holds. What one has said or read elsewhere matters too: it takes back what
/// this device shows as new.
fn carbon(copy: &Child<'_>, sent: bool) -> Weight {
    let tree = copy.tree();
    let inner = tree
        .root()
        .child("forwarded", ns::FORWARD)
        .and_then(|forwarded| forwarded.child("message", ns::CLIENT));
    let Some(inner) = inner else {
        return Weight::Now;
    };
    if is_typing(inner) {
        return Weight::None;
    }
    let aside = inner
        .children()
        .all(|child| is_aside(child.name(), child.namespace()));
    if aside && !sent {
        Weight::Later(String::new())
    } else {
        Weight::Now
    }
}

fn is_typing(message: Element<'_>) -> bool {
    let mut typing = false;
    for child in message.children() {
        match child.namespace() {
            ns::CHAT_STATES => typing = true,
            ns::HINTS | ns::STANZA_ID => {}
            _ if child.name() == "thread" => {}
            _ => return false,
        }
    }
    typing
}

/// What says something about other messages, or nothing.
fn is_aside(name: &str, namespace: &str) -> bool {
    match namespace {
        ns::RECEIPTS => name == "received",
        ns::CHAT_MARKERS => name != "markable",
        ns::CHAT_STATES | ns::HINTS | ns::STANZA_ID | ns::DELAY => true,
        _ => name == "thread",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(text: &str) -> Weight {
        let stanza = Stanza::parse(text).expect("a stanza");
        match stanza.kind() {
            Kind::Presence => presence(&stanza),
            _ => message(&stanza),
        }
    }

    const TYPING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    const RECEIPT: &str = "<received xmlns='urn:xmpp:receipts' id='a'/>";

    fn copied(direction: &str, inner: &str) -> String {
        format!(
            "<message><{direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
             <message xmlns='jabber:client'>{inner}</message></forwarded></{direction}></message>"
        )
    }

    #[test]
    fn what_wakes_a_phone() {
        for text in [
            "<message><body>Hi</body></message>".to_owned(),
            format!("<message>{TYPING}<body>Hi</body></message>"),
            "<message type='chat'><encrypted xmlns='urn:xmpp:omemo:2'/></message>".to_owned(),
            "<message><propose xmlns='urn:xmpp:jingle-message:0' id='a'/></message>".to_owned(),
            format!("<message type='error'>{TYPING}</message>"),
            copied("received", "<body>Hi</body>"),
            copied("sent", "<body>Hi</body>"),
            copied("sent", "<displayed xmlns='urn:xmpp:chat-markers:0' id='a'/>"),
            "<presence type='subscribe' from='a@b'/>".to_owned(),
            "<presence from='r@c/me'><x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x></presence>".to_owned(),
            "<presence type='unavailable' from='r@c/me'><x xmlns='http://jabber.org/protocol/muc#user'><destroy/></x></presence>".to_owned(),
        ] {
            assert_eq!(weight(&text), Weight::Now, "{text}");
        }
    }

    #[test]
    fn what_waits() {
        let event = |node: &str| {
            format!(
                "<message type='headline' from='a@b'><event xmlns='http://jabber.org/protocol/pubsub#event'>\
                 <items node='{node}'/></event></message>"
            )
        };
        for (text, subject) in [
            ("<presence from='a@b/c'/>".to_owned(), "a@b/c"),
            ("<presence from='a@b/c' type='unavailable'/>".to_owned(), "a@b/c"),
            ("<presence from='r@c/x'><x xmlns='http://jabber.org/protocol/muc#user'><item/></x></presence>".to_owned(), "r@c/x"),
            (format!("<message>{RECEIPT}</message>"), ""),
            ("<message><displayed xmlns='urn:xmpp:chat-markers:0' id='a'/></message>".to_owned(), ""),
            (copied("received", RECEIPT), ""),
            (event("http://jabber.org/protocol/mood"), "a@b http://jabber.org/protocol/mood"),
            (event("urn:xmpp:microblog:0"), ""),
        ] {
            assert_eq!(weight(&text), Weight::Later(subject.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_nobody_misses() {
        assert_eq!(
            weight(&format!("<message>{TYPING}</message>")),
            Weight::None
        );
        assert_eq!(weight(&copied("received", TYPING)), Weight::None);
        assert_eq!(weight(&copied("sent", TYPING)), Weight::None);
    }

    #[test]
    fn the_latest_word_waits_within_bounds() {
        let mut state = ClientState::new(2);
        let mut offer = |text: &str| {
            let text = Bytes::copy_from_slice(text.as_bytes());
            matches!(state.offer(&text, Keeping::Nowhere), Urgency::Held)
        };
        assert!(offer("<presence from='a@b/c'><show>away</show></presence>"));
        assert!(offer(
            "<message from='x'><received xmlns='urn:xmpp:receipts' id='a'/></message>"
        ));
        assert!(offer("<presence from='a@b/c'><show>dnd</show></presence>"));
        assert!(!offer("<presence from='d@b/c'/>"));
        let held: Vec<_> = state
            .take()
            .into_iter()
            .map(|held| held.sent.stanza)
            .collect();
        assert_eq!(held.len(), 2);
        assert!(held[0].starts_with(b"<message"));
        assert!(held[1].ends_with(b"<show>dnd</show></presence>"));
    }
}
