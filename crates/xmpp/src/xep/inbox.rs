//! `urn:hauspost:inbox:0`: where one's conversations stand, in one request (`docs/inbox.md`).

use base::Timestamp;

use crate::condition::StanzaError;
use crate::ns;
use crate::xep::delay::Delay;
use crate::xep::forwarding::{self, Forwarded};
use crate::xep::result_set::{PageAnswer, PageRequest};
use crate::xml::{Element, Writer};

/// `<inbox/>` of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboxRequest {
    /// Only what has changed since an answer of this version.
    pub since: Option<String>,
    /// Which page.
    pub page: PageRequest,
}

impl InboxRequest {
    /// Reads `<inbox/>`.
    ///
    /// # Errors
    /// `bad-request` when a number is none.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let page = element.child("set", ns::RSM).map(PageRequest::read);
        Ok(Self {
            since: element.attr("since").map(str::to_owned),
            page: page.transpose()?.unwrap_or_default(),
        })
    }

    /// Writes `<inbox/>`.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(192);
        writer
            .start("inbox")
            .xmlns(ns::INBOX)
            .attr_opt("since", self.since.as_deref());
        if self.page != PageRequest::default() {
            self.page.write(&mut writer);
        }
        writer.end();
        writer.finish()
    }
}

/// What is written of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Bare address of the other side.
    pub jid: &'a str,
    /// It is a room.
    pub room: bool,
    /// Unread messages.
    pub unread: usize,
    /// How many of them mention the user.
    pub mentions: usize,
    /// Id of the newest message that was displayed.
    pub displayed: Option<&'a str>,
    /// Id of the newest message.
    pub id: &'a str,
    /// When it was archived.
    pub stamp: Timestamp,
    /// Its text on a client stream.
    pub message: &'a [u8],
    /// What the user has set for the conversation: `<notify/>` (XEP-0492), `<pinned/>` (XEP-0469).
    pub settings: &'a str,
}

/// Writes an answer.
#[derive(Debug)]
pub struct InboxWriter {
    writer: Writer,
}

impl InboxWriter {
    /// An answer with what is needed to ask for changes later, and whether nothing lies behind it.
    #[must_use]
    pub fn new(version: Option<&str>, complete: bool, bytes: usize) -> Self {
        let mut writer = Writer::with_capacity(bytes);
        writer
            .start("inbox")
            .xmlns(ns::INBOX)
            .attr_opt("version", version)
            .attr_opt("complete", complete.then_some("true"));
        Self { writer }
    }

    /// Adds a conversation.
    pub fn push(&mut self, entry: &Entry<'_>) {
        let writer = &mut self.writer;
        writer
            .start("conversation")
            .attr("jid", entry.jid)
            .attr_opt("room", entry.room.then_some("true"))
            .attr("unread", entry.unread.to_string());
        if entry.mentions > 0 {
            writer.attr("mentions", entry.mentions.to_string());
        }
        writer
            .attr_opt("displayed", entry.displayed)
            .attr("id", entry.id)
            .raw(entry.settings);
        let delay = Delay {
            from: None,
            stamp: entry.stamp,
        };
        forwarding::write(writer, Some(&delay), entry.message);
        writer.end();
    }

    /// The answer.
    #[must_use]
    pub fn finish(mut self, page: &PageAnswer) -> String {
        page.write(&mut self.writer);
        self.writer.end();
        self.writer.finish()
    }
}

/// A conversation as a client reads it.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// Bare address of the other side.
    pub jid: String,
    /// It is a room.
    pub room: bool,
    /// Unread messages.
    pub unread: u64,
    /// How many of them mention the user.
    pub mentions: u64,
    /// Id of the newest message that was displayed.
    pub displayed: Option<String>,
    /// Id of the newest message in its archive.
    pub id: String,
    /// The newest message.
    pub last: Forwarded,
    /// The user wants to hear nothing of it (XEP-0492 `<never/>` for all).
    pub muted: bool,
    /// The user has pinned it (XEP-0469).
    pub pinned: bool,
}

impl Conversation {
    /// Reads `<conversation/>`; `None` without what it must have.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        let number = |name| element.attr(name).and_then(|text| text.trim().parse().ok());
        let forwarded = element.child("forwarded", ns::FORWARD)?;
        let notify = element.child("notify", ns::NOTIFICATION_SETTINGS);
        Some(Self {
            jid: element.attr("jid")?.to_owned(),
            room: matches!(element.attr("room"), Some("true" | "1")),
            unread: number("unread")?,
            mentions: number("mentions").unwrap_or(0),
            displayed: element.attr("displayed").map(str::to_owned),
            id: element.attr("id")?.to_owned(),
            last: Forwarded::read(forwarded)?,
            muted: notify.is_some_and(|notify| {
                notify.children().any(|child| {
                    child.is("never", ns::NOTIFICATION_SETTINGS)
                        && child.attr("identity-category").is_none()
                })
            }),
            pinned: element.child("pinned", ns::BOOKMARKS_PINNING).is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn a_request_there_and_back() {
        let request = InboxRequest {
            since: Some("6f1".into()),
            page: PageRequest {
                max: Some(1000),
                after: Some("6f0".into()),
                ..PageRequest::default()
            },
        };
        let read = |text: &str| {
            InboxRequest::read(Tree::parse(text).expect("XML").root()).expect("a request")
        };
        assert_eq!(read(&request.to_xml()), request);
        assert_eq!(
            read("<inbox xmlns='urn:hauspost:inbox:0'/>"),
            InboxRequest::default()
        );
    }

    #[test]
    fn an_answer_there_and_back() {
        let mut writer = InboxWriter::new(Some("6f1"), true, 512);
        writer.push(&Entry {
            jid: "juliet@capulet.lit",
            room: false,
            unread: 3,
            mentions: 0,
            displayed: Some("6e9"),
            id: "6f1",
            stamp: Timestamp::from_seconds(1_279_000_000),
            message: b"<message from='juliet@capulet.lit/balcony'><body>O</body></message>",
            settings: "<notify xmlns='urn:xmpp:notification-settings:1'><never/></notify>\
                       <pinned xmlns='urn:xmpp:bookmarks-pinning:0'/>",
        });
        let text = writer.finish(&PageAnswer {
            count: Some(1),
            ..PageAnswer::default()
        });
        let tree = Tree::parse(&text).expect("XML");
        assert_eq!(tree.root().attr("version"), Some("6f1"));
        assert_eq!(tree.root().attr("complete"), Some("true"));
        let element = tree.root().child("conversation", ns::INBOX);
        let found = element
            .and_then(Conversation::read)
            .expect("a conversation");
        assert_eq!(
            (
                found.jid.as_str(),
                found.unread,
                found.mentions,
                found.id.as_str()
            ),
            ("juliet@capulet.lit", 3, 0, "6f1")
        );
        assert_eq!(found.displayed.as_deref(), Some("6e9"));
        assert!(found.muted && found.pinned && !found.room);
        assert!(found.last.stanza.has("body", ns::CLIENT));
        let page = tree.root().child("set", ns::RSM).map(PageAnswer::read);
        assert_eq!(page.and_then(|page| page.count), Some(1));
    }
}
