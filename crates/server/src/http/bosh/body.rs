//! The `<body/>` wrapper (XEP-0124 §5), read and written.

use bytes::Bytes;
use xmpp::ns;
use xmpp::xml::{Tree, Writer};

use crate::http::element::standalone;

/// A client's `<body/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) rid: u64,
    pub(super) sid: Option<String>,
    pub(super) to: Option<String>,
    pub(super) from: Option<String>,
    pub(super) wait: Option<u32>,
    pub(super) hold: Option<u32>,
    pub(super) ver: Option<String>,
    pub(super) ack: Option<u64>,
    pub(super) pause: Option<u32>,
    pub(super) key: Option<String>,
    pub(super) newkey: Option<String>,
    pub(super) content: Option<String>,
    pub(super) terminate: bool,
    pub(super) restart: bool,
    /// Whole elements, each with its own namespace.
    pub(super) payload: String,
}

impl Request {
    /// Reads a wrapper; `None` for what is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let tree = Tree::parse(text).ok()?;
        let body = tree.root();
        if !body.is("body", ns::HTTP_BIND) {
            return None;
        }
        let attr = |name: &str| body.attr(name).map(str::to_owned);
        let mut payload = String::new();
        for child in body.children() {
            payload.push_str(&in_client_namespace(&child.raw(), child.namespace()));
        }
        Some(Self {
            // RFC-like bound of XEP-0124 §14.1: at most 2^53 - 1.
            rid: body
                .attr("rid")?
                .parse()
                .ok()
                .filter(|rid| *rid < 1 << 53)?,
            sid: attr("sid"),
            to: attr("to"),
            from: attr("from"),
            wait: body.attr("wait").and_then(|wait| wait.parse().ok()),
            hold: body.attr("hold").and_then(|hold| hold.parse().ok()),
            ver: attr("ver"),
            ack: body.attr("ack").and_then(|ack| ack.parse().ok()),
            pause: body.attr("pause").and_then(|pause| pause.parse().ok()),
            key: attr("key"),
            newkey: attr("newkey"),
            content: attr("content"),
            terminate: body.attr("type") == Some("terminate"),
            restart: matches!(body.attr_ns(ns::XBOSH, "restart"), Some("true" | "1")),
            payload,
        })
    }
}

/// The session that a wrapper names whose end has not come yet: strangers do not send long ones.
pub(super) fn session_of(begin: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(begin) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(begin.get(..error.valid_up_to())?).ok()?,
    };
    let text = text.trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(declaration) => declaration.split_once("?>")?.1.trim_start(),
        None => text,
    };
    let mut quote = None;
    let end = text.find(|c| match quote {
        Some(open) if c == open => {
            quote = None;
            false
        }
        Some(_) => false,
        None => {
            quote = Some(c).filter(|c| matches!(c, '\'' | '"'));
            c == '>'
        }
    })?;
    let tag = text.get(..end)?.trim_end_matches('/');
    let tree = Tree::parse(&format!("{tag}/>")).ok()?;
    let body = tree.root();
    body.attr("sid")
        .filter(|_| body.is("body", ns::HTTP_BIND))
        .map(str::to_owned)
}

/// Clients of old leave `jabber:client` out, so that stanzas inherit the wrapper's namespace (XEP-0206 §2, note).
fn in_client_namespace<'a>(raw: &'a str, namespace: &str) -> std::borrow::Cow<'a, str> {
    if namespace == ns::HTTP_BIND {
        raw.replacen(ns::HTTP_BIND, ns::CLIENT, 1).into()
    } else {
        raw.into()
    }
}

/// What the session creation response tells (XEP-0124 §7.2).
#[derive(Clone, Debug)]
pub(super) struct Created {
    pub(super) sid: String,
    pub(super) wait: u32,
    pub(super) hold: u32,
    pub(super) requests: u32,
    pub(super) inactivity: u32,
    pub(super) polling: Option<u32>,
    pub(super) maxpause: u32,
    pub(super) ver: String,
    pub(super) from: String,
    pub(super) ack: Option<u64>,
}

/// An answer's `<body/>`.
#[derive(Debug, Default)]
pub(super) struct Response<'a> {
    pub(super) created: Option<&'a Created>,
    pub(super) ack: Option<u64>,
    /// The session ends; with a condition unless both sides wanted it.
    pub(super) terminate: Option<Option<&'static str>>,
    pub(super) payload: &'a [Bytes],
}

impl Response<'_> {
    /// The text of the answer.
    pub(super) fn text(&self) -> String {
        let bytes: usize = self.payload.iter().map(Bytes::len).sum();
        let mut out = Writer::with_capacity(bytes + 256);
        out.start("body").xmlns(ns::HTTP_BIND);
        if !self.payload.is_empty() || self.created.is_some() {
            out.attr("xmlns:stream", ns::STREAMS);
        }
        if let Some(created) = self.created {
            out.attr("xmlns:xmpp", ns::XBOSH)
                .attr("xmpp:version", "1.0")
                .attr("xmpp:restartlogic", "true")
                .attr("sid", &created.sid)
                .attr("wait", created.wait.to_string())
                .attr("hold", created.hold.to_string())
                .attr("requests", created.requests.to_string())
                .attr("inactivity", created.inactivity.to_string())
                .attr("maxpause", created.maxpause.to_string())
                .attr("ver", &created.ver)
                .attr("from", &created.from);
            if let Some(polling) = created.polling {
                out.attr("polling", polling.to_string());
            }
        }
        if let Some(ack) = self.ack {
            out.attr("ack", ack.to_string());
        }
        if let Some(condition) = self.terminate {
            out.attr("type", "terminate");
            if let Some(condition) = condition {
                out.attr("condition", condition);
            }
        }
        for element in self.payload {
            if let Ok(text) = std::str::from_utf8(&standalone(element.clone())) {
                out.raw(text);
            }
        }
        out.end();
        out.finish()
    }
}

/// An answer that ends a session, or tells that there is none.
pub(super) fn terminated(condition: &'static str) -> String {
    Response {
        terminate: Some(Some(condition)),
        ..Response::default()
    }
    .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_is_read() {
        let text = "<body rid='7' sid='s' to='example.org' wait='60' hold='1' ver='1.6' xmpp:restart='true' \
                    xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'>\
                    <presence/><message xmlns='jabber:client'><body>a &lt; b</body></message></body>";
        let request = Request::read(text).expect("wrapper");
        assert_eq!(
            (request.rid, request.wait, request.hold, request.restart),
            (7, Some(60), Some(1), true)
        );
        let stanzas = format!("<all>{}</all>", request.payload);
        let tree = Tree::parse(&stanzas).expect("well-formed");
        let kinds: Vec<_> = tree
            .root()
            .children()
            .map(|child| (child.name().to_owned(), child.namespace().to_owned()))
            .collect();
        assert_eq!(
            kinds,
            [
                ("presence".to_owned(), ns::CLIENT.to_owned()),
                ("message".to_owned(), ns::CLIENT.to_owned())
            ]
        );
        assert!(
            Request::read("<body rid='x' xmlns='http://jabber.org/protocol/httpbind'/>").is_none()
        );
        assert!(Request::read("<body rid='1'/>").is_none());
        assert!(
            Request::read("<body rid='1' xmlns='http://jabber.org/protocol/httpbind'>").is_none()
        );
    }

    #[test]
    fn the_session_of_an_unfinished_wrapper_is_found() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"<?xml version='1.0'?>\n<body rid='7' key='a>b' sid='s' xmlns='http://jabber.org/protocol/httpbind'><mess", Some("s")),
            ("<b:body xmlns:b=\"http://jabber.org/protocol/httpbind\" sid=\"s\"><message>\u{e4}".as_bytes().split_last().expect("bytes").1, Some("s")),
            (b"<body rid='7' sid='s' xmlns='http://jabber.org/protocol/httpbind'", None),
            (b"<body rid='7' xmlns='http://jabber.org/protocol/httpbind'><a", None),
            (b"<body sid='s' xmlns='jabber:client'><a", None),
            (b"<aaaaaaaaaaaaaaaaaaaaaa", None),
        ];
        for (begin, session) in cases {
            assert_eq!(session_of(begin).as_deref(), session);
        }
    }

    #[test]
    fn stanzas_in_answers_stand_alone() {
        let payload = [
            Bytes::from_static(b"<message to='x'/>"),
            Bytes::from_static(b"<stream:features/>"),
        ];
        let text = Response {
            payload: &payload,
            ack: Some(5),
            ..Response::default()
        }
        .text();
        let tree = Tree::parse(&text).expect("well-formed");
        assert!(tree.root().child("message", ns::CLIENT).is_some(), "{text}");
        assert!(
            tree.root().child("features", ns::STREAMS).is_some(),
            "{text}"
        );
        assert_eq!(tree.root().attr("ack"), Some("5"));
    }
}
