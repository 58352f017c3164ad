//! Requests that the house itself sends, and their answers: a client is asked what it can do, an
//! app server is told of something new.

use std::collections::HashMap;
use std::time::Duration;

use base::{Jid, Moment, Now};
use futures_channel::oneshot;
use parking_lot::Mutex;
use xmpp::iq;
use xmpp::xml::Stanza;

use crate::{Chat, Work};

/// Open questions at most; with more, a new one is not asked.
const MOST_OPEN: usize = 10_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The open questions, by the ids of their stanzas.
#[derive(Default)]
pub(crate) struct Questions {
    open: Mutex<HashMap<Box<str>, Open>>,
}

struct Open {
    to: Jid,
    until: Moment,
    answer: oneshot::Sender<Stanza>,
}

impl Questions {
    /// Takes a result or an error from `from`; one that nobody waits for is dropped.
    pub(crate) fn answered(&self, from: &Jid, stanza: &Stanza) {
        let Some(id) = stanza.id() else { return };
        let open = {
            let mut questions = self.open.lock();
            // Nobody answers for another one.
            if questions.get(&*id).is_none_or(|open| open.to != *from) {
                return;
            }
            questions.remove(&*id)
        };
        if let Some(open) = open {
            // Who has asked may have gone.
            let _ = open.answer.send(stanza.clone());
        }
    }

    /// Gives up questions that nobody has answered in time.
    pub(crate) fn sweep(&self, now: Moment) {
        self.open.lock().retain(|_, open| open.until > now);
    }
}

impl Chat {
    /// Sends a request (`set` or get, with `payload` as raw XML) from `from`, an address of this
    /// house, to a full address of ours or to another domain. The answer is a result or an error;
    /// `None` when there is none within a minute, or nobody is there.
    pub fn ask(
        &self,
        from: &Jid,
        to: &Jid,
        set: bool,
        payload: &str,
        now: Now,
    ) -> Work<Option<Stanza>> {
        let id = self.new_id("question");
        let make = if set { iq::set } else { iq::get };
        let request = make(&id, Some(from.as_str()), Some(to.as_str()), payload);
        let (answer, answered) = oneshot::channel();
        {
            let mut open = self.questions().open.lock();
            if open.len() >= MOST_OPEN {
                return Box::pin(async { None });
            }
            let until = now.moment + PATIENCE;
            let to = to.clone();
            open.insert(id.clone(), Open { to, until, answer });
        }
        if !self.hand(to, request) {
            self.questions().open.lock().remove(&id);
        }
        Box::pin(async { answered.await.ok() })
    }
}
