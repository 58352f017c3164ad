//! As little of a server as two clients need to fill an archive and to read it: login by token, nodes, archives. It costs
//! next to nothing, so that what is measured is the client.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client::{BareJid, Now, Timestamp};
use xmpp::iq;
use xmpp::ns;
use xmpp::sasl::{ChannelBindings, Token, TokenBinding, TokenResponse};
use xmpp::sm::SmElement;
use xmpp::xep::message_archive::{ArchiveRequest, Fin, ResultWriter};
use xmpp::xep::result_set::PageAnswer;
use xmpp::xml::{Edit, Element, Frame, Framing, Head, Kind, Reader, ReaderLimits, Stanza};

const TOKEN: &str = "token";
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' version='1.0' id='s' from='example.org'>";
const FEATURES: &str = "<stream:features><authentication xmlns='urn:xmpp:sasl:2'>\
    <mechanism>SCRAM-SHA-256</mechanism><inline><fast xmlns='urn:xmpp:fast:0'>\
    <mechanism>HT-SHA-256-NONE</mechanism></fast><bind xmlns='urn:xmpp:bind:0'><inline/></bind>\
    <sm xmlns='urn:xmpp:sm:3'/></inline></authentication></stream:features>";

/// The record of the token, as a client keeps it.
pub(crate) fn token_record() -> Vec<u8> {
    let mut record = vec![1, 5];
    record.extend_from_slice(TOKEN.as_bytes());
    record.push(15);
    record.extend_from_slice(b"HT-SHA-256-NONE");
    record.push(0);
    record
}

/// A connection of an account.
pub(crate) struct Stream {
    account: BareJid,
    reader: Reader,
    handled: u32,
}

impl Stream {
    pub(crate) fn new(account: BareJid) -> Self {
        Self {
            account,
            reader: Reader::new(Framing::Stream, ReaderLimits::default()),
            handled: 0,
        }
    }
}

/// A message in an archive.
struct Archived {
    id: u64,
    time: Timestamp,
    text: String,
}

/// What the server keeps.
#[derive(Default)]
pub(crate) struct Server {
    /// Items by account and node, with their ids.
    nodes: BTreeMap<(String, String), BTreeMap<String, String>>,
    archives: BTreeMap<String, Vec<Archived>>,
    ids: u64,
}

impl Server {
    /// Takes what a client has written, and gives what to send to it.
    pub(crate) fn received(&mut self, stream: &mut Stream, bytes: &[u8], now: Now) -> Vec<Bytes> {
        stream.reader.feed(bytes);
        let mut answers = Vec::new();
        while let Some(frame) = stream.reader.next().unwrap() {
            match frame {
                Frame::Open(_) => {
                    answers.push(Bytes::from(HEADER));
                    answers.push(Bytes::from(FEATURES));
                }
                Frame::Element(element) => {
                    answers.extend(self.element(stream, &element, now));
                }
                Frame::Close => {}
            }
        }
        answers
    }

    fn element(&mut self, stream: &mut Stream, element: &Stanza, now: Now) -> Option<Bytes> {
        if element.kind() == Kind::Other {
            return match element.name() {
                "authenticate" => Some(success(&stream.account, element)),
                "r" => Some(Bytes::from(
                    SmElement::Answer { h: stream.handled }.to_xml(),
                )),
                _ => None,
            };
        }
        stream.handled += 1;
        match element.kind() {
            Kind::Message => {
                self.keep(&stream.account, element, now);
                None
            }
            Kind::Iq => self.answer(&stream.account, element),
            _ => None,
        }
    }

    fn keep(&mut self, from: &BareJid, message: &Stanza, now: Now) {
        self.ids += 1;
        let to = message.to().unwrap();
        let own = format!("{from}/speed");
        let (id, kind) = (message.id(), message.type_());
        let head = Head {
            from: Some(&own),
            to: Some(&to),
            id: id.as_deref(),
            type_: kind.as_deref(),
            ..Head::default()
        };
        let relayed = message.relay(&head, &Edit::NONE);
        let text = String::from_utf8(relayed.to_vec()).unwrap();
        for account in [from.as_str(), &*to] {
            let archive = self.archives.entry(account.to_owned()).or_default();
            archive.push(Archived {
                id: self.ids,
                time: now.wall,
                text: text.clone(),
            });
        }
    }

    fn answer(&mut self, account: &BareJid, stanza: &Stanza) -> Option<Bytes> {
        if !matches!(stanza.type_().as_deref(), Some("get" | "set")) {
            return None;
        }
        let to = stanza.to().map(std::borrow::Cow::into_owned);
        let whose = to.clone().unwrap_or_else(|| account.to_string());
        let tree = stanza.children().next()?.tree();
        let payload = tree.root();
        let result = |text: &str| Some(iq::result(stanza, to.as_deref(), None, text));
        match payload.namespace() {
            ns::ARCHIVE => Some(self.page(account, stanza, payload)),
            ns::DISCO_INFO if whose == account.as_str() => result(&format!(
                "<query xmlns='{}'><feature var='{}'/><feature var='{}'/></query>",
                ns::DISCO_INFO,
                ns::ARCHIVE,
                ns::ARCHIVE_EXTENDED
            )),
            ns::PUBSUB => match self.node(&whose, payload) {
                Some(text) => result(&text),
                None => {
                    let error = xmpp::condition::StanzaError::new(
                        xmpp::condition::StanzaCondition::ItemNotFound,
                    );
                    Some(iq::error(stanza, to.as_deref(), None, &error))
                }
            },
            _ => result(""),
        }
    }

    fn node(&mut self, account: &str, pubsub: Element<'_>) -> Option<String> {
        if let Some(publish) = pubsub.child("publish", ns::PUBSUB) {
            let node = (account.to_owned(), publish.attr("node")?.to_owned());
            let item = publish.child("item", ns::PUBSUB)?;
            let payload = item.children().next()?.raw().into_owned();
            let items = self.nodes.entry(node).or_default();
            items.insert(item.attr("id")?.to_owned(), payload);
            return Some(String::new());
        }
        let wanted = pubsub.child("items", ns::PUBSUB)?;
        let node = wanted.attr("node")?;
        let items = self.nodes.get(&(account.to_owned(), node.to_owned()))?;
        let items: String = items
            .iter()
            .map(|(id, payload)| format!("<item id='{id}'>{payload}</item>"))
            .collect();
        let pubsub = ns::PUBSUB;
        Some(format!(
            "<pubsub xmlns='{pubsub}'><items node='{node}'>{items}</items></pubsub>"
        ))
    }

    fn page(&self, account: &BareJid, stanza: &Stanza, query: Element<'_>) -> Bytes {
        let request = ArchiveRequest::read(query).unwrap();
        let number = |text: &Option<String>| text.as_ref().and_then(|id| id.parse::<u64>().ok());
        let after = number(&request.after_id).unwrap_or(0);
        let before = number(&request.page.before).unwrap_or(u64::MAX);
        let empty = Vec::new();
        let all = self.archives.get(account.as_str()).unwrap_or(&empty);
        let matching: Vec<&Archived> = all
            .iter()
            .filter(|message| message.id > after && message.id < before)
            .collect();
        let most = request.page.max.unwrap_or(50) as usize;
        let page = &matching[matching.len().saturating_sub(most)..];
        let bytes = page.iter().map(|message| message.text.len()).sum();
        let queryid = request.queryid.as_deref();
        let own = account.as_str();
        let mut results = ResultWriter::new(own, own, queryid, page.len(), bytes);
        for message in page {
            results.push(message.id, message.time, message.text.as_bytes());
        }
        let fin = Fin {
            complete: page.len() == matching.len(),
            page: PageAnswer {
                first: page.first().map(|message| message.id.to_string()),
                last: page.last().map(|message| message.id.to_string()),
                ..PageAnswer::default()
            },
        };
        let mut out = results.finish().to_vec();
        out.extend_from_slice(&iq::result(stanza, None, None, &fin.to_xml()));
        out.into()
    }
}

/// Every token is right.
fn success(account: &BareJid, authenticate: &Stanza) -> Bytes {
    let tree = authenticate.tree();
    let response = tree.root().child("initial-response", ns::SASL2).unwrap();
    let response = STANDARD.decode(response.text().as_bytes()).unwrap();
    let response = TokenResponse::parse(&response).unwrap();
    let proof = response.check(
        &Token::new(TOKEN),
        TokenBinding::None,
        &ChannelBindings::NONE,
    );
    let proof = STANDARD.encode(proof.unwrap());
    Bytes::from(format!(
        "<success xmlns='urn:xmpp:sasl:2'><additional-data>{proof}</additional-data>\
         <authorization-identifier>{account}/speed</authorization-identifier>\
         <bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' resume='true' id='sm'/></bound>\
         </success><stream:features/>"
    ))
}
