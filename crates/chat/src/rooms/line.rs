//! The one order of a room: what occupants get, in the order in which it was decided.
//!
//! Whoever decides something (under the lock of the room's state) puts what is to be delivered at the
//! end of the line. An entry with a ticket is delivered once its commit is known; all behind it waits.
//! Whoever finds the front ready carries out all that is ready, outside of every lock, one at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use base::{Jid, Timestamp};
use bytes::Bytes;
use futures_util::FutureExt;
use parking_lot::Mutex;
use store::{ArchiveId, StoreError, Ticket};
use xmpp::xml::escape;

use crate::delivery::Delivery;
use crate::modules::omemo;
use crate::{Account, Chat, Sender, SessionEntry};

/// Somebody whom a room sends to.
pub(super) struct Recipient {
    /// The full real address.
    pub(super) jid: Jid,
    /// The address as it stands in an attribute.
    escaped: Box<str>,
    /// The session, when it is a client of ours.
    pub(super) session: Option<Arc<SessionEntry>>,
    /// Whose session it is.
    pub(super) account: Option<Arc<Account>>,
}

impl Recipient {
    /// Whoever has sent something.
    pub(super) fn of(sender: &Sender) -> Arc<Self> {
        Arc::new(Self {
            jid: sender.jid().clone(),
            escaped: escape(sender.jid().as_str()).into(),
            session: sender.session().cloned(),
            account: sender.account().cloned(),
        })
    }

    /// Hands it a stanza that is kept nowhere for it.
    pub(super) fn hand(&self, chat: &Chat, stanza: Bytes) {
        match &self.session {
            Some(session) => Delivery::new(session, stanza).perform(),
            None => {
                chat.hand(&self.jid, stanza);
            }
        }
    }
}

/// A stanza for many: what stands before and behind the value of `to`.
#[derive(Debug)]
pub(super) struct Shared {
    before: Box<str>,
    behind: Box<str>,
    /// A message with keys, of which each gets its own (XEP-0384).
    keys: Option<omemo::Copies>,
}

/// What stands between `from` and the value of `to`.
const TO: &str = " to='";

impl Shared {
    /// `text` is a whole stanza without `to`, whose start tag begins with `<name from='…'`.
    pub(super) fn of(text: &str) -> Self {
        // The first quoted value is that of `from`, in which a quote is escaped.
        let from = text.find('\'').map_or(0, |at| at + 1);
        let end = text
            .get(from..)
            .and_then(|rest| rest.find('\''))
            .map_or(text.len(), |at| from + at + 1);
        let (before, behind) = text.split_at_checked(end).unwrap_or((text, ""));
        Self {
            before: format!("{before}{TO}").into(),
            behind: format!("'{behind}").into(),
            keys: None,
        }
    }

    /// A message in which each finds the keys of its own devices.
    pub(super) fn message(copies: omemo::Copies) -> Self {
        let shared = Self::of(std::str::from_utf8(copies.whole()).unwrap_or_default());
        Self {
            keys: copies.differ().then_some(copies),
            ..shared
        }
    }

    /// The stanza for one of them.
    pub(super) fn to(&self, recipient: &Recipient) -> Bytes {
        if let (Some(copies), Some(account)) = (&self.keys, &recipient.account) {
            let text = copies.for_account(account);
            // Keys stand behind the start tag: up to there, all copies are the same.
            let behind = text.get(self.before.len() - TO.len()..).unwrap_or_default();
            let mut out = Vec::with_capacity(text.len() + TO.len() + recipient.escaped.len() + 1);
            out.extend_from_slice(self.before.as_bytes());
            out.extend_from_slice(recipient.escaped.as_bytes());
            out.push(b'\'');
            out.extend_from_slice(behind);
            return out.into();
        }
        let mut out = Vec::with_capacity(self.length(recipient));
        self.write(recipient, &mut out);
        out.into()
    }

    /// How long it is.
    pub(super) fn length(&self, recipient: &Recipient) -> usize {
        self.before.len() + recipient.escaped.len() + self.behind.len()
    }

    /// Appends it.
    pub(super) fn write(&self, recipient: &Recipient, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before.as_bytes());
        out.extend_from_slice(recipient.escaped.as_bytes());
        out.extend_from_slice(self.behind.as_bytes());
    }
}

/// Something to be delivered.
pub(super) enum Output {
    /// One stanza to one.
    One(Arc<Recipient>, Bytes),
    /// One text to many.
    Many(Arc<Shared>, Audience),
    /// What was said before, and the subject, to somebody who has come.
    History(Box<HistoryOutput>),
}

/// Many recipients, as they were when something was decided.
pub(super) type Audience = Arc<[Arc<Recipient>]>;

/// See [`Output::History`].
pub(super) struct HistoryOutput {
    pub(super) to: Arc<Recipient>,
    /// What is wanted of it.
    pub(super) wish: super::history::Wish,
    /// Older messages, read from the archive.
    pub(super) older: Vec<Said>,
}

/// A message that was said in the room, for those who come later.
#[derive(Clone)]
pub(super) struct Said {
    /// Where the archive keeps it.
    pub(super) id: Option<ArchiveId>,
    pub(super) at: Timestamp,
    /// The whole message without `to` and without `<delay/>`.
    pub(super) text: Bytes,
}

/// One step in the order.
pub(super) struct Entry {
    pub(super) ticket: Ticket,
    pub(super) outputs: Vec<Output>,
    /// A message that those who come later get too.
    pub(super) said: Option<Said>,
    /// What the modules are told.
    pub(super) told: Option<Box<super::RoomMessage>>,
}

impl Entry {
    pub(super) fn now(outputs: Vec<Output>) -> Self {
        Self {
            ticket: Ticket::DONE,
            outputs,
            said: None,
            told: None,
        }
    }
}

/// Most of what was said that memory holds: messages, and bytes of them.
const RECENT: (usize, usize) = (50, 64 * 1024);

/// The line, and what was said last.
#[derive(Default)]
pub(super) struct Line {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: VecDeque<Entry>,
    /// Somebody is at it.
    busy: bool,
    recent: VecDeque<Said>,
    recent_bytes: usize,
    /// Nothing was said before what memory holds.
    complete: bool,
    /// The subject as it is sent to those who come: a message without `to`.
    subject: Option<Bytes>,
}

impl Line {
    /// Puts an entry at the end. The caller holds the lock of the state, so this is the order in
    /// which things were decided.
    pub(super) fn push(&self, entry: Entry) {
        self.inner.lock().entries.push_back(entry);
    }

    /// What is known when a room comes into memory, oldest first.
    /// `complete` says that there is nothing older.
    pub(super) fn remember(&self, said: Vec<Said>, complete: bool, subject: Option<Bytes>) {
        let mut inner = self.inner.lock();
        inner.complete = complete;
        for said in said {
            inner.remember(said);
        }
        inner.subject = subject;
    }

    /// What newcomers are sent as the subject from now on.
    pub(super) fn set_subject(&self, subject: Bytes) {
        self.inner.lock().subject = Some(subject);
    }

    /// Puts something else in place of a message that was taken back.
    pub(super) fn replace(&self, id: ArchiveId, text: &Bytes) {
        let mut inner = self.inner.lock();
        for said in inner.recent.iter_mut().filter(|said| said.id == Some(id)) {
            said.text = text.clone();
        }
    }

    /// Whether memory holds the last `count` messages, as far as there are as many.
    pub(super) fn covers(&self, count: usize) -> bool {
        let inner = self.inner.lock();
        inner.complete || inner.recent.len() >= count
    }

    /// Carries out all that is ready. One at a time: who finds another at it leaves it to that one.
    pub(super) fn drain(&self, chat: &Chat) {
        let mut done: Option<Entry> = None;
        let mut first = true;
        loop {
            let (entry, history) = {
                let mut inner = self.inner.lock();
                if std::mem::take(&mut first) {
                    if inner.busy {
                        return;
                    }
                    inner.busy = true;
                }
                drop(done.take());
                let Some(entry) = inner.take_ready() else {
                    inner.busy = false;
                    return;
                };
                let history = entry
                    .outputs
                    .iter()
                    .filter_map(|output| match output {
                        Output::History(wanted) => Some(super::history::pick(
                            chat,
                            wanted,
                            inner.recent.iter(),
                            inner.subject.clone(),
                        )),
                        _ => None,
                    })
                    .collect::<Vec<_>>();
                (entry, history)
            };
            let guard = Unlock(self);
            carry_out(chat, &entry, history);
            guard.passed();
            done = Some(entry);
        }
    }
}

/// Should a delivery fall over, the line goes on.
struct Unlock<'a>(&'a Line);

impl Unlock<'_> {
    fn passed(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().busy = false;
    }
}

impl Inner {
    fn take_ready(&mut self) -> Option<Entry> {
        loop {
            self.entries
                .front()
                .filter(|entry| entry.ticket.is_ready())?;
            let mut entry = self.entries.pop_front()?;
            let ticket = std::mem::replace(&mut entry.ticket, Ticket::DONE);
            let kept: Result<(), StoreError> = ticket.now_or_never().unwrap_or(Ok(()));
            if kept.is_err() {
                // Its sender is told by its own ticket; nobody else gets it.
                continue;
            }
            if let Some(said) = entry.said.take() {
                self.remember(said);
            }
            return Some(entry);
        }
    }

    fn remember(&mut self, said: Said) {
        self.recent_bytes += said.text.len();
        self.recent.push_back(said);
        while self.recent.len() > RECENT.0 || self.recent_bytes > RECENT.1 {
            let Some(gone) = self.recent.pop_front() else {
                return;
            };
            self.recent_bytes -= gone.text.len();
            self.complete = false;
        }
    }
}

fn carry_out(chat: &Chat, entry: &Entry, history: Vec<Vec<Bytes>>) {
    let mut history = history.into_iter();
    for output in &entry.outputs {
        match output {
            Output::One(to, stanza) => to.hand(chat, stanza.clone()),
            Output::Many(text, audience) => {
                for recipient in audience.iter() {
                    recipient.hand(chat, text.to(recipient));
                }
            }
            Output::History(wanted) => {
                for stanza in history.next().unwrap_or_default() {
                    wanted.to.hand(chat, stanza);
                }
            }
        }
    }
    if let Some(message) = &entry.told {
        chat.note_room(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_for_many() {
        let shared =
            Shared::of("<message from='garden@rooms.x/O&apos;Neill' id='1'><body/></message>");
        let to = |jid: &str| {
            let jid = Jid::parse(jid).expect("an address");
            let recipient = Recipient::of(&Sender::Elsewhere(jid));
            let text = shared.to(&recipient);
            assert_eq!(text.len(), shared.length(&recipient));
            String::from_utf8(text.to_vec()).expect("text")
        };
        assert_eq!(
            to("anna@x/a&b"),
            "<message from='garden@rooms.x/O&apos;Neill' to='anna@x/a&amp;b' id='1'><body/></message>"
        );
        assert_eq!(
            to("anna@x"),
            "<message from='garden@rooms.x/O&apos;Neill' to='anna@x' id='1'><body/></message>"
        );
    }
}
