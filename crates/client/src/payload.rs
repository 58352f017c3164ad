//! What a message says, read from its elements; and the elements for what is to be said. It is the same inside of an
//! encrypted envelope (XEP-0420) and outside.

use base::BareJid;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::views::Mention;

/// So many reactions of one person to one message are enough.
const MOST_REACTIONS: usize = 32;
/// So many mentions in one message.
const MOST_MENTIONS: usize = 200;

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The words, without what only stands there for clients that do not know better (XEP-0428).
    pub(crate) text: Option<String>,
    /// XEP-0461: the id of the message it answers to, and whose that is.
    pub(crate) reply: Option<(String, Option<String>)>,
    /// What is quoted of it.
    pub(crate) quote: String,
    /// XEP-0308: the id of the message in whose place it stands.
    pub(crate) replace: Option<String>,
    /// XEP-0424: the id of the message that is taken back.
    pub(crate) retract: Option<String>,
    /// XEP-0425: by whom, when not by its sender; and why.
    pub(crate) moderated: Option<(Option<String>, Option<String>)>,
    /// XEP-0424 §5: it was taken back, and this stands in the archive in its place; by whom and why.
    pub(crate) tombstone: Option<(Option<String>, Option<String>)>,
    /// XEP-0444.
    pub(crate) reactions: Option<(String, Vec<String>)>,
    /// `urn:hauspost:pin:0`: the id of a message that is pinned, or is no longer.
    pub(crate) pin: Option<(String, bool)>,
    /// XEP-0372.
    pub(crate) mentions: Vec<Mention>,
    /// Everything else, as XML.
    pub(crate) elements: String,
    /// XEP-0184.
    pub(crate) wants_receipt: bool,
    pub(crate) received: Option<String>,
    /// XEP-0333.
    pub(crate) markable: bool,
    pub(crate) displayed: Option<String>,
    /// XEP-0085: typing, or not.
    pub(crate) typing: Option<bool>,
}

impl Said {
    /// Whether there is something to be shown.
    pub(crate) fn is_message(&self) -> bool {
        self.text.as_ref().is_some_and(|text| !text.is_empty()) || !self.elements.is_empty()
    }
}

/// What stands around a message and is none of what it says.
fn is_frame(element: Element<'_>) -> bool {
    matches!(
        element.namespace(),
        ns::STANZA_ID
            | ns::DELAY
            | ns::LEGACY_DELAY
            | ns::HINTS
            | ns::ENCRYPTION
            | ns::OMEMO
            | ns::OMEMO_LEGACY
            | ns::MUC_USER
            | ns::OCCUPANT_ID
            | ns::CONFERENCE
            | ns::CARBONS
            | ns::ADDRESS
            | ns::XHTML_IM
            | ns::SCE
            | ns::DISPLAYED
            | ns::HATS
            | ns::TRUST_MESSAGES
            | ns::PUBSUB_EVENT
            | ns::ARCHIVE
            | "http://jabber.org/protocol/nick"
            | "vcard-temp:x:update"
    ) || element.namespace() == ns::CLIENT
}

/// A range of Unicode characters of a body that is there for others only.
type Range = (usize, usize);

/// Reads the elements. `words` stand in place of the body, when they came another way (XEP-0384, the legacy form).
pub(crate) fn read<'t>(elements: impl Iterator<Item = Element<'t>>, words: Option<&str>) -> Said {
    let mut said = Said::default();
    let mut body: Option<String> = words.map(str::to_owned);
    let mut fallbacks: Vec<(Option<String>, Option<Range>)> = Vec::new();
    let id = |element: Element<'_>| element.attr("id").map(str::to_owned);
    for element in elements {
        match (element.name(), element.namespace()) {
            ("body", ns::CLIENT) => {
                body.get_or_insert_with(|| element.text().into_owned());
            }
            ("reply", ns::REPLY) => {
                said.reply = id(element).map(|id| (id, element.attr("to").map(str::to_owned)));
            }
            ("fallback", ns::FALLBACK) => {
                let range = element.child("body", ns::FALLBACK).map(|body| {
                    let number = |name| body.attr(name).and_then(|text| text.trim().parse().ok());
                    number("start").zip(number("end"))
                });
                let purpose = element.attr("for").map(str::to_owned);
                match range {
                    Some(Some(range)) => fallbacks.push((purpose, Some(range))),
                    Some(None) | None => fallbacks.push((purpose, None)),
                }
            }
            ("replace", ns::CORRECTION) => said.replace = id(element),
            ("retract", ns::RETRACTION) => {
                said.retract = id(element);
                if let Some(moderated) = element.child("moderated", ns::MODERATION) {
                    let reason = element
                        .child("reason", ns::RETRACTION)
                        .or_else(|| element.child("reason", ns::MODERATION))
                        .or_else(|| element.children().find(|child| child.name() == "reason"));
                    said.moderated = Some((
                        moderated.attr("by").map(str::to_owned),
                        reason.map(|reason| reason.text().into_owned()),
                    ));
                }
            }
            ("retracted", ns::RETRACTION) => {
                let moderated = element.child("moderated", ns::MODERATION);
                let reason = element.children().find(|child| child.name() == "reason");
                said.tombstone = Some((
                    moderated.and_then(|by| by.attr("by").map(str::to_owned)),
                    reason.map(|reason| reason.text().into_owned()),
                ));
            }
            ("reactions", ns::REACTIONS) => {
                let emoji = element
                    .children()
                    .filter(|child| child.is("reaction", ns::REACTIONS))
                    .map(|child| child.text().trim().to_owned())
                    .filter(|emoji| !emoji.is_empty() && emoji.len() <= 64)
                    .take(MOST_REACTIONS);
                let mut all: Vec<String> = Vec::new();
                for emoji in emoji {
                    if !all.contains(&emoji) {
                        all.push(emoji);
                    }
                }
                said.reactions = id(element).map(|id| (id, all));
            }
            ("reference", ns::REFERENCES) => {
                if element.attr("type") == Some("mention") && said.mentions.len() < MOST_MENTIONS {
                    said.mentions.extend(mention(element));
                }
            }
            ("pin", ns::PIN) => said.pin = id(element).map(|id| (id, true)),
            ("unpin", ns::PIN) => said.pin = id(element).map(|id| (id, false)),
            ("request", ns::RECEIPTS) => said.wants_receipt = true,
            ("received", ns::RECEIPTS) => said.received = id(element),
            ("markable", ns::CHAT_MARKERS) => said.markable = true,
            ("displayed", ns::CHAT_MARKERS) => said.displayed = id(element),
            (_, ns::CHAT_MARKERS | ns::RECEIPTS) => {}
            (name, ns::CHAT_STATES) => said.typing = Some(name == "composing"),
            _ if is_frame(element) => {}
            _ => said.elements.push_str(&element.raw()),
        }
    }
    if let Some(body) = body {
        take_body(&mut said, &body, &fallbacks);
    }
    said
}

fn mention(element: Element<'_>) -> Option<Mention> {
    let number = |name| element.attr(name).and_then(|text| text.trim().parse().ok());
    let address = element.attr("uri")?.strip_prefix("xmpp:")?;
    let address = address.split(['?', '#']).next()?;
    let account = base::Jid::parse(&decode_percent(address)).ok()?.bare();
    Some(Mention {
        begin: number("begin").unwrap_or(0),
        end: number("end").unwrap_or(0),
        account,
    })
}

/// RFC 3986 §2.1.
pub(crate) fn decode_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The body without its fallbacks. Of a fallback for something that was not understood the text stays.
fn take_body(said: &mut Said, body: &str, fallbacks: &[(Option<String>, Option<Range>)]) {
    let mut text: Vec<char> = body.chars().collect();
    for (purpose, range) in fallbacks {
        let understood = match purpose.as_deref() {
            Some(ns::REPLY) => said.reply.is_some(),
            Some(ns::RETRACTION | ns::MODERATION) => said.retract.is_some(),
            Some(ns::REACTIONS) => said.reactions.is_some(),
            Some(ns::FILE_SHARING) => said.elements.contains(ns::FILE_SHARING),
            _ => false,
        };
        if !understood {
            continue;
        }
        match range {
            None => text.clear(),
            Some((start, end)) => {
                let end = (*end).min(text.len());
                let start = (*start).min(end);
                let quoted: String = text.drain(start..end).collect();
                if purpose.as_deref() == Some(ns::REPLY) {
                    said.quote = quoted
                        .lines()
                        .map(|line| line.trim_start_matches('>').trim())
                        .collect::<Vec<_>>()
                        .join("\n");
                    // Mentions count from where the text begins now.
                    let shift = u32::try_from(end - start).unwrap_or(0);
                    for mention in &mut said.mentions {
                        if mention.begin as usize >= end {
                            mention.begin -= shift;
                            mention.end = mention.end.saturating_sub(shift);
                        }
                    }
                }
            }
        }
    }
    // What stands beside a retraction or a reaction, unmarked, is there for others too.
    if said.retract.is_some() || said.reactions.is_some() {
        text.clear();
    }
    said.text = Some(text.into_iter().collect());
}

/// Elements that say something, each self-contained, for the envelope.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    writer: Writer,
}

impl Elements {
    pub(crate) fn body(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.writer.leaf_text("body", Some(ns::CLIENT), text);
        }
        self
    }

    /// Answers to a message; `quoted` characters at the begin of the body quote it.
    pub(crate) fn reply(mut self, id: &str, to: &str, quoted: usize) -> Self {
        let writer = &mut self.writer;
        writer.start("reply").xmlns(ns::REPLY);
        writer.attr("to", to).attr("id", id).end();
        if quoted > 0 {
            writer.start("fallback").xmlns(ns::FALLBACK);
            writer.attr("for", ns::REPLY);
            writer.start("body").attr("start", "0");
            writer.attr("end", quoted.to_string()).end().end();
        }
        self
    }

    pub(crate) fn replace(mut self, id: &str) -> Self {
        self.writer
            .start("replace")
            .xmlns(ns::CORRECTION)
            .attr("id", id)
            .end();
        self
    }

    pub(crate) fn retract(mut self, id: &str) -> Self {
        self.writer
            .start("retract")
            .xmlns(ns::RETRACTION)
            .attr("id", id)
            .end();
        self
    }

    pub(crate) fn whole_fallback(mut self, purpose: &str) -> Self {
        let writer = &mut self.writer;
        writer.start("fallback").xmlns(ns::FALLBACK);
        writer.attr("for", purpose);
        writer.start("body").end().end();
        self
    }

    pub(crate) fn reactions(mut self, id: &str, reactions: &[String]) -> Self {
        let writer = &mut self.writer;
        writer.start("reactions").xmlns(ns::REACTIONS);
        writer.attr("id", id);
        for reaction in reactions {
            writer.leaf_text("reaction", None, reaction);
        }
        writer.end();
        self
    }

    /// A message is pinned, or is no longer.
    pub(crate) fn pin(mut self, id: &str, pinned: bool) -> Self {
        let name = if pinned { "pin" } else { "unpin" };
        self.writer.start(name).xmlns(ns::PIN).attr("id", id).end();
        self
    }

    /// Mentions; `shift` characters stand in front of the text.
    pub(crate) fn mentions(mut self, mentions: &[Mention], shift: usize) -> Self {
        let shift = u32::try_from(shift).unwrap_or(0);
        for mention in mentions {
            self.writer
                .start("reference")
                .xmlns(ns::REFERENCES)
                .attr("type", "mention")
                .attr("begin", (mention.begin + shift).to_string())
                .attr("end", (mention.end + shift).to_string())
                .attr("uri", uri(&mention.account))
                .end();
        }
        self
    }

    pub(crate) fn raw(mut self, xml: &str) -> Self {
        self.writer.raw(xml);
        self
    }

    pub(crate) fn finish(self) -> String {
        self.writer.finish()
    }
}

fn uri(account: &BareJid) -> String {
    let mut uri = String::from("xmpp:");
    for byte in account.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// Every line of a text, marked as a quotation (XEP-0393 §5.1.3), with a line break at its end.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for line in text.lines().take(4) {
        quoted.push_str("> ");
        quoted.extend(line.chars().take(200));
        quoted.push('\n');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use xmpp::xml::Tree;

    use super::*;

    fn said(xml: &str) -> Said {
        let text = format!("<content>{xml}</content>");
        let tree = Tree::parse(&text).unwrap();
        read(tree.root().children(), None)
    }

    #[test]
    fn an_answer_there_and_back() {
        let juliet = BareJid::parse("juliet@capulet.example").unwrap();
        let mention = Mention {
            begin: 0,
            end: 6,
            account: juliet,
        };
        let quoted = quote("Wherefore?\nSay.");
        let shift = quoted.chars().count();
        let xml = Elements::default()
            .body(&format!("{quoted}Juliet, ay me"))
            .reply("m1", "juliet@capulet.example/balcony", shift)
            .mentions(std::slice::from_ref(&mention), shift)
            .raw("<x xmlns='urn:example:other'>more</x>")
            .finish();
        let found = said(&xml);
        assert_eq!(found.text.as_deref(), Some("Juliet, ay me"));
        assert_eq!(found.quote, "Wherefore?\nSay.");
        let reply = (
            "m1".to_owned(),
            Some("juliet@capulet.example/balcony".to_owned()),
        );
        assert_eq!(found.reply, Some(reply));
        assert_eq!(found.mentions, [mention]);
        assert_eq!(found.elements, "<x xmlns='urn:example:other'>more</x>");
        assert!(found.is_message());
    }

    #[test]
    fn what_is_there_for_others_is_not_shown() {
        let reactions = vec!["👍".to_owned()];
        let xml = Elements::default()
            .body("> Hi\n👍")
            .reactions("m1", &reactions)
            .whole_fallback(ns::REACTIONS)
            .finish();
        let found = said(&xml);
        assert_eq!(found.reactions, Some(("m1".to_owned(), reactions)));
        assert!(!found.is_message());
        let retracted = said(
            "<body xmlns='jabber:client'>/me has taken a message back</body>\
             <retract xmlns='urn:xmpp:message-retract:1' id='m1'/>",
        );
        assert!(!retracted.is_message());
        assert_eq!(retracted.retract.as_deref(), Some("m1"));
        // What is not understood keeps its words.
        let kept = said(
            "<body xmlns='jabber:client'>words</body>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:example:new'/>",
        );
        assert_eq!(kept.text.as_deref(), Some("words"));
    }

    #[test]
    fn ranges_beyond_the_text_do_no_harm() {
        let found = said(
            "<body xmlns='jabber:client'>short</body><reply xmlns='urn:xmpp:reply:0' id='1'/>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='3' end='99999999999'/></fallback>",
        );
        assert_eq!(found.text.as_deref(), Some("sho"));
        let found = said(
            "<body xmlns='jabber:client'>short</body><reply xmlns='urn:xmpp:reply:0' id='1'/>\
             <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='4' end='2'/></fallback>",
        );
        assert_eq!(found.text.as_deref(), Some("short"));
    }
}
