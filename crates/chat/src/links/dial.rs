//! Connections that the messenger wants: it opens no socket itself.

use std::collections::VecDeque;
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
        if let Some(Goal::Verify(_, answer)) = self.goal.take() {
            // Who asked may be gone.
            let _ = answer.send(Ok(good));
        }
    }

    /// The connection is open; what becomes of it is no matter of the dial any more.
    pub(super) fn succeeded(&mut self) {
        self.goal = None;
    }

    /// There is no connection.
    pub fn failed(mut self, error: &DialError, now: Now) {
        self.fail(error, now);
    }

    pub(super) fn fail(&mut self, error: &DialError, now: Now) {
        match self.goal.take() {
            Some(Goal::Speak(link)) => {
                tracing::info!(local = %link.local, remote = %link.remote, %error, "no connection to a server");
                self.chat.links().undelivered(
                    &self.chat,
                    link.failed(error.is_final(), &self.chat.config().federation, now),
                    error.condition(),
                    &error.to_string(),
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

/// Dials that nobody has taken yet. Each link has one at most.
#[derive(Default)]
pub(super) struct Dials {
    waiting: Mutex<VecDeque<Dial>>,
    waker: AtomicWaker,
}

impl Dials {
    pub(super) fn push(&self, dial: Dial) {
        self.waiting.lock().push_back(dial);
        self.waker.wake();
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Dial> {
        self.waker.register(cx.waker());
        match self.waiting.lock().pop_front() {
            Some(dial) => Poll::Ready(dial),
            None => Poll::Pending,
        }
    }
}
