//! Connections that the messenger wants: it opens no socket itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};

use base::Now;
use futures_channel::oneshot;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use xmpp::condition::{StanzaCondition, StreamCondition};
use xmpp::stream::federation::{PeerError, Purpose, Verification};

use super::link::Link;
use crate::Chat;

/// A wish to be connected with another server. Whoever takes it finds the server, connects and hands it to
/// [`super::PeerConnection::connected`], or says with [`Dial::failed`] why not.
pub struct Dial {
    chat: Chat,
    local: Box<str>,
    remote: Box<str>,
    goal: Option<Goal>,
    slot: Option<Slot>,
}

pub(super) enum Goal {
    /// Stanzas wait.
    Speak(Arc<Link>),
    /// A key is to be judged.
    Verify(Verification, oneshot::Sender<Result<bool, StanzaCondition>>),
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The domain is not there, or says that it has no such service: another attempt is of no use.
    #[error("{0}")]
    NotFound(String),
    /// Nobody answers now.
    #[error("{0}")]
    Unreachable(String),
    /// The other server answers, but not so that we can go on.
    #[error("{0}")]
    Peer(#[from] PeerError),
}

impl DialError {
    /// Another attempt will most likely end the same way.
    fn is_final(&self) -> bool {
        match self {
            Self::NotFound(_) => true,
            Self::Unreachable(_) => false,
            Self::Peer(PeerError::Stream(condition)) => matches!(
                condition,
                StreamCondition::HostGone
                    | StreamCondition::HostUnknown
                    | StreamCondition::InvalidFrom
                    | StreamCondition::NotAuthorized
                    | StreamCondition::PolicyViolation
            ),
            Self::Peer(error) => !matches!(error, PeerError::Closed | PeerError::Unexpected),
        }
    }

    /// What senders are told: not what became of which address and port, since anybody may name a domain.
    fn told(&self) -> String {
        let told = match self {
            Self::NotFound(_) => "there is no server of that domain that this one connects with",
            Self::Unreachable(_)
            | Self::Peer(PeerError::Closed | PeerError::Unexpected | PeerError::NoTls) => {
                "the server of that domain cannot be reached now"
            }
            // It speaks XMPP: what it says is of use to people.
            Self::Peer(error) => return error.to_string(),
        };
        told.to_owned()
    }

    /// What senders are told.
    fn condition(&self) -> StanzaCondition {
        if self.is_final() {
            StanzaCondition::RemoteServerNotFound
        } else {
            StanzaCondition::RemoteServerTimeout
        }
    }
}

impl Dial {
    pub(super) fn new(chat: &Chat, local: &str, remote: &str, goal: Goal) -> Self {
        Self {
            chat: chat.clone(),
            local: local.into(),
            remote: remote.into(),
            goal: Some(goal),
            slot: None,
        }
    }

    /// Our domain.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain whose server is wanted.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.remote
    }

    pub(super) fn purpose(&self) -> Purpose {
        match &self.goal {
            Some(Goal::Verify(verification, _)) => Purpose::Verify(verification.clone()),
            Some(Goal::Speak(_)) | None => Purpose::Speak,
        }
    }

    /// The link that the connection is for.
    pub(super) fn link(&self) -> Option<&Arc<Link>> {
        match &self.goal {
            Some(Goal::Speak(link)) => Some(link),
            _ => None,
        }
    }

    /// The server has judged the key.
    pub(super) fn verified(&mut self, good: bool) {
        self.slot = None;
        if let Some(Goal::Verify(_, answer)) = self.goal.take() {
            // Who asked may be gone.
            let _ = answer.send(Ok(good));
        }
    }

    /// The connection is open; what becomes of it is no matter of the dial any more.
    pub(super) fn succeeded(&mut self) {
        self.slot = None;
        self.goal = None;
    }

    /// There is no connection.
    pub fn failed(mut self, error: &DialError, now: Now) {
        self.fail(error, now);
    }

    pub(super) fn fail(&mut self, error: &DialError, now: Now) {
        self.slot = None;
        match self.goal.take() {
            Some(Goal::Speak(link)) => {
                tracing::info!(local = %link.local, remote = %link.remote, %error, "no connection to a server");
                self.chat.links().undelivered(
                    &self.chat,
                    link.failed(error.is_final(), &self.chat.config().federation, now),
                    error.condition(),
                    &error.told(),
                    now,
                );
            }
            Some(Goal::Verify(_, answer)) => {
                let _ = answer.send(Err(error.condition()));
            }
            None => {}
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.goal.is_some()
    }
}

impl Drop for Dial {
    /// Whoever had it has lost it: the chores try again.
    fn drop(&mut self) {
        if let Some(Goal::Speak(link)) = self.goal.take() {
            link.abandoned();
        }
    }
}

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dial")
            .field("local", &self.local)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// Dials that nobody has taken yet, and how many are under way. Each link has one at most. Whoever wants many waits for
/// his own, and not others for his.
#[derive(Default)]
pub(super) struct Dials {
    lines: Mutex<Lines>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct Lines {
    by_name: HashMap<Box<str>, Line>,
    /// Lines in which somebody waits, in the order of their turns.
    turns: VecDeque<Box<str>>,
    under_way: usize,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Dial>,
    under_way: usize,
}

/// A dial that is under way; dropping it lets another one begin.
struct Slot {
    dials: Arc<Dials>,
    line: Box<str>,
}

impl Dials {
    /// Puts a dial in a line.
    pub(super) fn push(&self, line: Box<str>, dial: Dial) {
        {
            let mut lines = self.lines.lock();
            let known = lines.by_name.entry(line.clone()).or_default();
            known.waiting.push_back(dial);
            if known.waiting.len() == 1 {
                lines.turns.push_back(line);
            }
        }
        self.waker.wake();
    }

    /// The next dial, of `most` under way and a quarter of them in one line.
    pub(super) fn poll(self: &Arc<Self>, most: usize, cx: &mut Context<'_>) -> Poll<Dial> {
        self.waker.register(cx.waker());
        let mut lines = self.lines.lock();
        match lines.next(most) {
            Some((line, mut dial)) => {
                let dials = Arc::clone(self);
                dial.slot = Some(Slot { dials, line });
                Poll::Ready(dial)
            }
            None => Poll::Pending,
        }
    }
}

impl Lines {
    fn next(&mut self, most: usize) -> Option<(Box<str>, Dial)> {
        if self.under_way >= most {
            return None;
        }
        let share = most.div_ceil(4);
        let place = self.turns.iter().position(|name| {
            let line = self.by_name.get(name);
            line.is_some_and(|line| line.under_way < share)
        })?;
        let name = self.turns.remove(place)?;
        let line = self.by_name.get_mut(&name)?;
        let dial = line.waiting.pop_front()?;
        line.under_way += 1;
        self.under_way += 1;
        if !line.waiting.is_empty() {
            self.turns.push_back(name.clone());
        }
        Some((name, dial))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        {
            let mut lines = self.dials.lines.lock();
            lines.under_way -= 1;
            if let Some(line) = lines.by_name.get_mut(&self.line) {
                line.under_way -= 1;
                if line.under_way == 0 && line.waiting.is_empty() {
                    lines.by_name.remove(&self.line);
                }
            }
        }
        self.dials.waker.wake();
    }
}
