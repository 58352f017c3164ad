//! XEP-0050: Ad-Hoc Commands.

use super::data_form::DataForm;
use crate::condition::{ErrorType, StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// What a requester wants of a command (§4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Begin, or what the last answer named as its default.
    Execute,
    /// Give up.
    Cancel,
    /// Go back one stage.
    Prev,
    /// Go on.
    Next,
    /// Finish.
    Complete,
}

/// Where a command stands (§4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// More is asked.
    Executing,
    /// It is over.
    Completed,
    /// The requester gave it up.
    Canceled,
}

/// How grave a note is (§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// For information.
    Info,
    /// A warning.
    Warn,
    /// It did not work.
    Error,
}

/// A request: `<command/>` as a requester sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which command.
    pub node: String,
    /// The execution that goes on; `None` begins one.
    pub session: Option<String>,
    /// What is wanted.
    pub action: Action,
    /// The filled-in form.
    pub form: Option<DataForm>,
    /// `xml:lang` of the element.
    pub lang: Option<String>,
}

/// An answer: `<command/>` as a responder sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Which command.
    pub node: &'a str,
    /// The execution.
    pub session: &'a str,
    /// Where it stands.
    pub status: Status,
    /// Language of the words in it.
    pub lang: &'a str,
    /// The actions allowed now, the default first; empty when it is over.
    pub actions: &'a [Action],
    /// Words for people.
    pub notes: &'a [(NoteKind, String)],
    /// A form to fill in, or what is told.
    pub form: Option<&'a DataForm>,
}

/// Why a request cannot be carried out (§4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandError {
    /// There is no such action.
    MalformedAction,
    /// The action does not fit this stage.
    BadAction,
    /// The form lacks something, or something in it cannot be.
    BadPayload,
    /// The execution is not one of the requester's, or not of this command.
    BadSession,
    /// The execution is over.
    SessionExpired,
}

impl CommandError {
    /// The stanza error, with `text` for people.
    pub fn error(self, text: impl Into<String>) -> StanzaError {
        let (condition, kind, specific) = match self {
            Self::MalformedAction => (
                StanzaCondition::BadRequest,
                ErrorType::Modify,
                "malformed-action",
            ),
            Self::BadAction => (StanzaCondition::BadRequest, ErrorType::Modify, "bad-action"),
            Self::BadPayload => (
                StanzaCondition::BadRequest,
                ErrorType::Modify,
                "bad-payload",
            ),
            Self::BadSession => (
                StanzaCondition::BadRequest,
                ErrorType::Modify,
                "bad-sessionid",
            ),
            Self::SessionExpired => (
                StanzaCondition::NotAllowed,
                ErrorType::Cancel,
                "session-expired",
            ),
        };
        let mut app = Writer::new();
        app.leaf(specific, ns::COMMANDS);
        StanzaError::new(condition)
            .kind(kind)
            .text(text)
            .app(app.finish())
    }
}

impl Action {
    /// The value of the attribute and the name of the element in `<actions/>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Cancel => "cancel",
            Self::Prev => "prev",
            Self::Next => "next",
            Self::Complete => "complete",
        }
    }
}

impl Request {
    /// Reads `<command/>`.
    ///
    /// # Errors
    /// `bad-request` without a node, for an action that is none, and for a broken form.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let node = element.attr("node").ok_or_else(|| {
            StanzaError::new(StanzaCondition::BadRequest)
                .text("Name the command in the attribute node")
        })?;
        let action = match element.attr("action") {
            None | Some("execute") => Action::Execute,
            Some("cancel") => Action::Cancel,
            Some("prev") => Action::Prev,
            Some("next") => Action::Next,
            Some("complete") => Action::Complete,
            Some(_) => {
                return Err(CommandError::MalformedAction
                    .error("The actions are execute, prev, next, complete and cancel"));
            }
        };
        let form = element
            .child("x", ns::DATA_FORMS)
            .map(DataForm::read)
            .transpose()?;
        Ok(Self {
            node: node.to_owned(),
            session: element.attr("sessionid").map(str::to_owned),
            action,
            form,
            lang: element.attr_ns(ns::XML, "lang").map(str::to_owned),
        })
    }
}

impl Answer<'_> {
    /// The element.
    pub fn to_xml(&self) -> String {
        let mut out = Writer::with_capacity(512);
        out.start("command")
            .xmlns(ns::COMMANDS)
            .attr("node", self.node)
            .attr("sessionid", self.session)
            .attr(
                "status",
                match self.status {
                    Status::Executing => "executing",
                    Status::Completed => "completed",
                    Status::Canceled => "canceled",
                },
            )
            .attr("xml:lang", self.lang);
        if let Some(default) = self.actions.first() {
            out.start("actions").attr("execute", default.as_str());
            // The schema's order.
            for action in [Action::Prev, Action::Next, Action::Complete] {
                if self.actions.contains(&action) {
                    out.start(action.as_str()).end();
                }
            }
            out.end();
        }
        for (kind, text) in self.notes {
            out.start("note")
                .attr(
                    "type",
                    match kind {
                        NoteKind::Info => "info",
                        NoteKind::Warn => "warn",
                        NoteKind::Error => "error",
                    },
                )
                .text(text)
                .end();
        }
        if let Some(form) = self.form {
            form.write(&mut out);
        }
        out.end();
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xep::data_form::FormKind;
    use crate::xml::Tree;

    fn read(text: &str) -> Result<Request, StanzaError> {
        Request::read(Tree::parse(text).expect("XML").root())
    }

    #[test]
    fn requests_are_read() {
        let request = read(
            "<command xmlns='http://jabber.org/protocol/commands' node='config' sessionid='s' \
             action='next' xml:lang='de'><x xmlns='jabber:x:data' type='submit'/></command>",
        )
        .expect("a request");
        assert_eq!(request.node, "config");
        assert_eq!(request.session.as_deref(), Some("s"));
        assert_eq!(request.action, Action::Next);
        assert_eq!(request.lang.as_deref(), Some("de"));
        assert_eq!(request.form.map(|form| form.kind), Some(FormKind::Submit));
        let first = read("<command xmlns='http://jabber.org/protocol/commands' node='list'/>");
        assert_eq!(first.map(|request| request.action), Ok(Action::Execute));
    }

    #[test]
    fn what_is_no_request() {
        let error = read("<command xmlns='http://jabber.org/protocol/commands'/>");
        assert!(error.is_err());
        let error =
            read("<command xmlns='http://jabber.org/protocol/commands' node='a' action='b'/>");
        let error = error.expect_err("no action");
        assert_eq!(error.condition, StanzaCondition::BadRequest);
        assert!(
            error
                .app
                .is_some_and(|app| app.contains("malformed-action"))
        );
    }

    #[test]
    fn answers_name_their_default_action() {
        let answer = Answer {
            node: "config",
            session: "s",
            status: Status::Executing,
            lang: "en",
            actions: &[Action::Complete, Action::Prev],
            notes: &[(NoteKind::Warn, "a & b".into())],
            form: None,
        };
        assert_eq!(
            answer.to_xml(),
            "<command xmlns='http://jabber.org/protocol/commands' node='config' sessionid='s' \
             status='executing' xml:lang='en'><actions execute='complete'><prev/><complete/></actions>\
             <note type='warn'>a &amp; b</note></command>"
        );
    }
}
