//! XEP-0313: Message Archive Management, version 1.1.3.

use std::collections::BTreeSet;

use base::{Jid, Timestamp};

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xep::data_form::{DataForm, Field, FormKind};
use crate::xep::forwarding;
use crate::xep::result_set::{PageAnswer, PageRequest};
use crate::xml::{Element, Writer, escape};

/// Feature of archives that understand the field `include-groupchat` (§7).
pub const GROUPCHAT_FIELD: &str = "urn:xmpp:mam:2#groupchat-field";

/// `<query/>` (§4): what is wanted of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveRequest {
    /// What ties results to the query.
    pub queryid: Option<String>,
    /// The node of a publish-subscribe archive (XEP-0442).
    pub node: Option<String>,
    /// Only messages exchanged with this address (§4.1.1).
    pub with: Option<Jid>,
    /// Not earlier than this (§4.1.2).
    pub start: Option<Timestamp>,
    /// Not later than this (§4.1.2).
    pub end: Option<Timestamp>,
    /// Behind this message (§4.1.3).
    pub after_id: Option<String>,
    /// Before this message (§4.1.3).
    pub before_id: Option<String>,
    /// Exactly these messages (§4.1.3); empty for no such filter.
    pub ids: Vec<String>,
    /// With those of rooms, or without (§4.1.4).
    pub include_groupchat: Option<bool>,
    /// Which page (§4.3).
    pub page: PageRequest,
    /// Newest first (§4.3.4).
    pub flip: bool,
}

impl ArchiveRequest {
    /// Reads `<query/>` of a request of type `set`.
    ///
    /// # Errors
    /// `bad-request` when a value is none of its kind, `feature-not-implemented` for a field that
    /// is not known (§4.1.5).
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let mut request = Self {
            queryid: element.attr("queryid").map(str::to_owned),
            node: element.attr("node").map(str::to_owned),
            ..Self::default()
        };
        let mut forms = 0;
        for child in element.children() {
            match (child.name(), child.namespace()) {
                ("x", ns::DATA_FORMS) => {
                    forms += 1;
                    if forms > 1 {
                        return Err(bad("An archive query has one form"));
                    }
                    request.fill(&DataForm::read(child)?)?;
                }
                ("set", ns::RSM) => request.page = PageRequest::read(child)?,
                ("flip-page", ns::ARCHIVE) => request.flip = true,
                _ => {}
            }
        }
        Ok(request)
    }

    fn fill(&mut self, form: &DataForm) -> Result<(), StanzaError> {
        if form.kind != FormKind::Submit || form.form_type() != Some(ns::ARCHIVE) {
            return Err(bad(&format!(
                "The form of an archive query has the type submit and the FORM_TYPE {}",
                ns::ARCHIVE
            )));
        }
        let mut seen = BTreeSet::new();
        for field in &form.fields {
            if !seen.insert(&field.var) {
                return Err(bad(&format!(
                    "The field {} is there twice; please send each field once",
                    field.var
                )));
            }
            self.take(field)?;
        }
        Ok(())
    }

    fn take(&mut self, field: &Field) -> Result<(), StanzaError> {
        let value = || {
            field
                .value()
                .ok_or_else(|| bad(&format!("The field {} has no value", field.var)))
        };
        let time = || {
            Timestamp::parse(value()?.trim()).map_err(|_| {
                bad(&format!(
                    "The field {} is a time such as 2010-06-07T00:00:00Z (XEP-0082)",
                    field.var
                ))
            })
        };
        match field.var.as_str() {
            "FORM_TYPE" => {}
            "with" => {
                let with = Jid::parse(value()?.trim());
                self.with = Some(with.map_err(|_| bad("The field with is an address"))?);
            }
            "start" => self.start = Some(time()?),
            "end" => self.end = Some(time()?),
            "after-id" => self.after_id = Some(value()?.to_owned()),
            "before-id" => self.before_id = Some(value()?.to_owned()),
            "ids" => self.ids.clone_from(&field.values),
            "include-groupchat" => {
                self.include_groupchat = Some(match value()?.trim() {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(bad("The field include-groupchat is true or false")),
                });
            }
            other => {
                return Err(
                    StanzaError::new(StanzaCondition::FeatureNotImplemented).text(format!(
                        "This archive has no field {other}; ask it for its form"
                    )),
                );
            }
        }
        Ok(())
    }

    /// Writes `<query/>`.
    pub fn to_xml(&self) -> String {
        let mut form = DataForm::new(FormKind::Submit, ns::ARCHIVE);
        let mut add = |var: &str, value: Option<String>| {
            if let Some(value) = value {
                form.fields.push(Field {
                    var: var.to_owned(),
                    values: vec![value],
                    ..Field::default()
                });
            }
        };
        add(
            "with",
            self.with.as_ref().map(|with| with.as_str().to_owned()),
        );
        add("start", self.start.map(|start| start.to_string()));
        add("end", self.end.map(|end| end.to_string()));
        add("after-id", self.after_id.clone());
        add("before-id", self.before_id.clone());
        add(
            "include-groupchat",
            self.include_groupchat.map(|include| include.to_string()),
        );
        if !self.ids.is_empty() {
            form.fields.push(Field {
                var: "ids".to_owned(),
                values: self.ids.clone(),
                ..Field::default()
            });
        }
        let mut writer = Writer::with_capacity(512);
        writer.start("query").xmlns(ns::ARCHIVE);
        writer
            .attr_opt("queryid", self.queryid.as_deref())
            .attr_opt("node", self.node.as_deref());
        if form.fields.len() > 1 {
            form.write(&mut writer);
        }
        if self.page != PageRequest::default() {
            self.page.write(&mut writer);
        }
        if self.flip {
            writer.start("flip-page").end();
        }
        writer.end();
        writer.finish()
    }
}

fn bad(text: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::BadRequest).text(text)
}

/// The form of all fields that can be asked for (§4.1.5).
pub fn form() -> String {
    let field = |var, kind| Field::new(var, kind, [""; 0]);
    let form = DataForm::new(FormKind::Form, ns::ARCHIVE)
        .with(field("with", "jid-single"))
        .with(field("start", "text-single"))
        .with(field("end", "text-single"))
        .with(field("before-id", "text-single"))
        .with(field("after-id", "text-single"))
        .with(Field {
            open: true,
            ..field("ids", "list-multi")
        })
        .with(field("include-groupchat", "boolean"));
    let mut writer = Writer::with_capacity(768);
    writer.start("query").xmlns(ns::ARCHIVE);
    form.write(&mut writer);
    writer.end();
    writer.finish()
}

/// Writes the results of a page, all into one buffer (§4.2).
#[derive(Debug)]
pub struct ResultWriter {
    head: String,
    out: Vec<u8>,
}

impl ResultWriter {
    /// For results from the archive of `from` to `to`, in answer to the query `queryid`, with room
    /// for `messages` messages of `bytes` bytes together.
    pub fn new(from: &str, to: &str, queryid: Option<&str>, messages: usize, bytes: usize) -> Self {
        let mut head = format!(
            "<message from='{}' to='{}'><result xmlns='{}'",
            escape(from),
            escape(to),
            ns::ARCHIVE
        );
        if let Some(queryid) = queryid {
            head.push_str(" queryid='");
            head.push_str(&escape(queryid));
            head.push('\'');
        }
        head.push_str(" id='");
        let out = Vec::with_capacity(bytes + messages * (head.len() + 256));
        Self { head, out }
    }

    /// Adds a message with its id, when it came, and its text on a client stream. Gives where the
    /// stanza ends.
    pub fn push(&mut self, id: impl std::fmt::Display, stamp: Timestamp, message: &[u8]) -> usize {
        use std::io::Write;
        let out = &mut self.out;
        out.extend_from_slice(self.head.as_bytes());
        // Writing into memory does not fail.
        let _ = write!(
            out,
            "{id}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='{stamp}'/>"
        );
        forwarding::push_message(out, message);
        out.extend_from_slice(b"</forwarded></result></message>");
        out.len()
    }

    /// All that was written.
    pub fn finish(self) -> bytes::Bytes {
        self.out.into()
    }
}

/// `<fin/>` (§4.3): what the page was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fin {
    /// Nothing that matches lies beyond the page.
    pub complete: bool,
    /// The page.
    pub page: PageAnswer,
}

impl Fin {
    /// Reads `<fin/>`.
    pub fn read(element: Element<'_>) -> Self {
        Self {
            complete: matches!(element.attr("complete"), Some("true" | "1")),
            page: element
                .child("set", ns::RSM)
                .map(PageAnswer::read)
                .unwrap_or_default(),
        }
    }

    /// Writes `<fin/>`. What is in an archive does not change: the results are stable.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(256);
        writer.start("fin").xmlns(ns::ARCHIVE);
        writer
            .attr_opt("complete", self.complete.then_some("true"))
            .attr("stable", "true");
        self.page.write(&mut writer);
        writer.end();
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xep::forwarding::Forwarded;
    use crate::xml::{Stanza, Tree};

    fn read(text: &str) -> Result<ArchiveRequest, StanzaError> {
        ArchiveRequest::read(Tree::parse(text).expect("XML").root())
    }

    fn with_field(field: &str) -> Result<ArchiveRequest, StanzaError> {
        read(&format!(
            "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' \
             type='hidden'><value>urn:xmpp:mam:2</value></field>{field}</x></query>"
        ))
    }

    #[test]
    fn there_and_back() {
        let request = ArchiveRequest {
            queryid: Some("f27".into()),
            with: Jid::parse("juliet@capulet.lit").ok(),
            start: Timestamp::parse("2010-06-07T00:00:00Z").ok(),
            after_id: Some("28482-98726-73623".into()),
            ids: vec!["a".into(), "b".into()],
            include_groupchat: Some(false),
            page: PageRequest {
                max: Some(10),
                before: Some(String::new()),
                ..PageRequest::default()
            },
            flip: true,
            ..ArchiveRequest::default()
        };
        assert_eq!(read(&request.to_xml()), Ok(request));
        assert_eq!(
            read("<query xmlns='urn:xmpp:mam:2'/>"),
            Ok(ArchiveRequest::default())
        );
    }

    #[test]
    fn what_is_asked_wrongly() {
        let condition = |field: &str| with_field(field).expect_err("an error").condition;
        let field =
            |var: &str, value: &str| format!("<field var='{var}'><value>{value}</value></field>");
        assert_eq!(
            condition(&field("start", "yesterday")),
            StanzaCondition::BadRequest
        );
        assert_eq!(
            condition(&field("with", "@capulet.lit")),
            StanzaCondition::BadRequest
        );
        assert_eq!(
            condition("<field var='with'/>"),
            StanzaCondition::BadRequest
        );
        assert_eq!(
            condition(&field("mood", "lonely")),
            StanzaCondition::FeatureNotImplemented
        );
        let other =
            "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'/></query>";
        assert_eq!(
            read(other).expect_err("an error").condition,
            StanzaCondition::BadRequest
        );
    }

    #[test]
    fn the_form_names_every_field() {
        let tree = Tree::parse(&form()).expect("XML");
        let form = DataForm::read(tree.root().child("x", ns::DATA_FORMS).expect("a form"))
            .expect("a form");
        assert!(form.field("ids").is_some_and(|ids| ids.open));
        for field in form.fields.iter().filter(|field| field.var != "FORM_TYPE") {
            let value = match field.var.as_str() {
                "with" => "a@b",
                "start" | "end" => "2010-06-07T00:00:00Z",
                _ => "true",
            };
            let field = format!("<field var='{}'><value>{value}</value></field>", field.var);
            assert!(with_field(&field).is_ok(), "{field}");
        }
    }

    #[test]
    fn results_stand_alone() {
        let mut writer = ResultWriter::new("a@b", "a@b/o'c", Some("f<7"), 2, 64);
        let stamp = Timestamp::from_seconds(1_279_000_000);
        let first = writer.push(
            "id-1",
            stamp,
            b"<message from='c@d/e'><body>One</body></message>",
        );
        let second = writer.push("id-2", stamp, b"<message/>");
        let all = writer.finish();
        assert_eq!(all.len(), second);
        let text = std::str::from_utf8(&all[..first]).expect("UTF-8");
        let stanza = Stanza::parse(text).expect("a message");
        assert_eq!(stanza.to().as_deref(), Some("a@b/o'c"));
        let tree = stanza
            .child("result", ns::ARCHIVE)
            .expect("a result")
            .tree();
        assert_eq!(tree.root().attr("queryid"), Some("f<7"));
        assert_eq!(tree.root().attr("id"), Some("id-1"));
        let forwarded = tree
            .root()
            .child("forwarded", ns::FORWARD)
            .and_then(Forwarded::read);
        let forwarded = forwarded.expect("a message");
        assert_eq!(forwarded.delay.map(|delay| delay.stamp), Some(stamp));
        assert!(forwarded.stanza.has("body", ns::CLIENT));
        let rest = std::str::from_utf8(&all[first..]).expect("UTF-8");
        assert!(Stanza::parse(rest).is_ok());
    }
}
