//! What a module is given, and what it gives back.

use std::sync::Arc;

use base::{BareJid, Jid, Now};
use bytes::Bytes;
use xmpp::xml::{Child, Stanza, Tree};

use crate::delivery::Delivery;
use crate::modules::Target;
use crate::{Account, Chat, Sender, SessionEntry};

/// A request of a client of ours.
pub struct IqContext {
    /// The messenger.
    pub chat: Chat,
    /// When it came.
    pub now: Now,
    /// The asking session.
    pub session: Arc<SessionEntry>,
    /// The account of the asking session.
    pub account: Arc<Account>,
    /// Whom the request was sent to.
    pub target: Target,
    /// The account it was sent to, when `target` is `Own` or `Other`. `None` for `Other` means
    /// that there is no such account: answer as if there were one that tells nothing.
    pub target_account: Option<Arc<Account>>,
    /// The bare address (or the domain) it was sent to.
    pub to: Jid,
    /// The whole request.
    pub stanza: Stanza,
}

impl IqContext {
    /// The payload: the one child of the request.
    #[must_use]
    pub fn payload(&self) -> Tree {
        payload(&self.stanza)
    }
}

/// A request that anyone may send: a client of ours, or somebody of another domain.
pub struct OpenIqContext {
    /// The messenger.
    pub chat: Chat,
    /// When it came.
    pub now: Now,
    /// Who asks.
    pub sender: Sender,
    /// Whom the request was sent to; never [`Target::Own`] when the sender is no client of ours.
    pub target: Target,
    /// The account it was sent to, when `target` is `Own` or `Other`. `None` for `Other` means
    /// that there is no such account: answer as if there were one that tells nothing.
    pub target_account: Option<Arc<Account>>,
    /// The address it was sent to.
    pub to: Jid,
    /// The whole request.
    pub stanza: Stanza,
}

impl OpenIqContext {
    /// The payload: the one child of the request.
    #[must_use]
    pub fn payload(&self) -> Tree {
        payload(&self.stanza)
    }
}

fn payload(request: &Stanza) -> Tree {
    request
        .children()
        .next()
        .map_or_else(|| request.tree(), |child: Child<'_>| child.tree())
}

/// The answer to a request.
#[derive(Default)]
pub struct Reply {
    /// Stanzas to the asker ahead of the result (archive pages).
    pub before: Vec<Bytes>,
    /// What is inside the result: raw XML of the child, or empty.
    pub payload: String,
    /// Deliveries after the result (roster pushes and the like).
    pub after: Vec<Delivery>,
    /// There is no result yet: the module sends it by itself, and the session goes on meanwhile.
    pub later: bool,
}

impl Reply {
    /// The module sends the result by itself, when it has it.
    #[must_use]
    pub fn later() -> Self {
        Self {
            later: true,
            ..Self::default()
        }
    }

    /// A result without a payload.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A result with this child.
    #[must_use]
    pub fn payload(payload: impl Into<String>) -> Self {
        Self {
            payload: payload.into(),
            ..Self::default()
        }
    }

    /// The same with deliveries that follow it.
    #[must_use]
    pub fn then(mut self, after: Vec<Delivery>) -> Self {
        self.after = after;
        self
    }
}

/// A message on its way to an account of ours, and the plan that the modules make for it.
pub struct MessageContext<'a> {
    /// The messenger.
    pub chat: &'a Chat,
    /// When it came.
    pub now: Now,
    /// The message as it came.
    pub stanza: &'a Stanza,
    /// Its type (RFC 6121 §5.2.2).
    pub kind: MessageType,
    /// Who sends it.
    pub sender: &'a Sender,
    /// Where it goes.
    pub to: &'a Jid,
    /// The account it goes to, when that is one of ours.
    pub recipient: Option<&'a Arc<Account>>,
    /// What will happen to it.
    pub plan: &'a mut MessagePlan,
}

/// `type` of a message (RFC 6121 §5.2.2); what is unknown counts as normal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageType {
    /// One to one.
    Chat,
    /// Without a conversation.
    Normal,
    /// To or from a room.
    GroupChat,
    /// An alert that nobody keeps.
    Headline,
    /// A bounced message.
    Error,
}

impl MessageType {
    /// Reads the attribute.
    #[must_use]
    pub fn of(stanza: &Stanza) -> Self {
        match stanza.type_().as_deref() {
            Some("chat") => Self::Chat,
            Some("groupchat") => Self::GroupChat,
            Some("headline") => Self::Headline,
            Some("error") => Self::Error,
            _ => Self::Normal,
        }
    }
}

/// The plan for one message. Modules change it in the order of the list; then it is carried out.
#[derive(Default)]
pub struct MessagePlan {
    /// Keep it in the sender's archive.
    pub keep_for_sender: bool,
    /// Keep it in the recipient's archive.
    pub keep_for_recipient: bool,
    /// Keep it for a recipient who is away: it waits, whether or not the archive has it.
    pub wait: bool,
    /// Sessions of the recipient that get it.
    pub deliver: Vec<Arc<SessionEntry>>,
    /// Sessions of the sender that get a copy of what was sent (XEP-0280).
    pub sent_copies: Vec<Arc<SessionEntry>>,
    /// Sessions of the recipient that get a copy of what was received (XEP-0280).
    pub received_copies: Vec<Arc<SessionEntry>>,
    /// When nobody gets it and nothing keeps it: tell the sender so.
    pub bounce: bool,
}

/// A presence stanza from one of our clients.
pub struct PresenceContext {
    /// The messenger.
    pub chat: Chat,
    /// When it came.
    pub now: Now,
    /// The sending session.
    pub session: Arc<SessionEntry>,
    /// Its account.
    pub account: Arc<Account>,
    /// The stanza as it came; `from` is not stamped yet.
    pub stanza: Stanza,
    /// Where it goes; `None` is a broadcast.
    pub to: Option<Jid>,
}

impl PresenceContext {
    /// The sending session, for what is done about a session.
    #[must_use]
    pub fn session_context(&self) -> SessionContext {
        SessionContext {
            chat: self.chat.clone(),
            now: self.now,
            session: Arc::clone(&self.session),
            account: Arc::clone(&self.account),
        }
    }
}

/// A session's beginning, first presence or end.
pub struct SessionContext {
    /// The messenger.
    pub chat: Chat,
    /// When it happened.
    pub now: Now,
    /// The session.
    pub session: Arc<SessionEntry>,
    /// Its account.
    pub account: Arc<Account>,
}

impl SessionContext {
    /// The account's bare address.
    #[must_use]
    pub fn bare(&self) -> &BareJid {
        self.account.jid()
    }
}
