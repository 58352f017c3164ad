//! What was said before somebody came (XEP-0045 §7.2.13).

use base::{Jid, Timestamp};
use bytes::Bytes;
use xmpp::xep::delay::Delay;
use xmpp::xep::muc::HistoryRequest;
use xmpp::xml::{Stanza, Writer};

use super::line::{HistoryOutput, Said, Shared};
use crate::Chat;
use crate::modules::{omemo, stanza_ids};

/// Most messages of the history that anybody gets.
pub(super) const MOST: usize = 250;

/// How much of the history somebody gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) stanzas: usize,
    pub(super) chars: usize,
    pub(super) since: Option<Timestamp>,
}

impl Wish {
    /// Everything that was asked for, within bounds; `usual` is the room's number of messages.
    pub(super) fn of(request: Option<&HistoryRequest>, usual: u32, now: Timestamp) -> Self {
        let usual = usize::try_from(usual).unwrap_or(MOST).min(MOST);
        let Some(request) = request else {
            return Self {
                stanzas: usual,
                chars: usize::MAX,
                since: None,
            };
        };
        let seconds = request
            .seconds
            .map(|seconds| now - std::time::Duration::from_secs(seconds.min(u64::from(u32::MAX))));
        let timed = request.seconds.is_some() || request.since.is_some();
        let otherwise = if timed || request.max_chars.is_some() {
            MOST
        } else {
            usual
        };
        Self {
            stanzas: request.max_stanzas.unwrap_or(otherwise).min(MOST),
            chars: request.max_chars.unwrap_or(usize::MAX),
            since: request.since.max(seconds),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.stanzas == 0 || self.chars == 0
    }
}

/// The stanzas for somebody who has come: what was said last, oldest first, and the subject.
pub(super) fn pick<'a>(
    chat: &Chat,
    wanted: &'a HistoryOutput,
    recent: impl DoubleEndedIterator<Item = &'a Said> + Clone,
    subject: Option<Bytes>,
) -> Vec<Bytes> {
    let wish = &wanted.wish;
    let mut picked = Vec::new();
    if !wish.is_nothing() {
        let first_recent = recent.clone().next().map(|said| (said.at, said.id));
        let older = wanted
            .older
            .iter()
            .filter(|said| first_recent.is_none_or(|first| (said.at, said.id) < first));
        let mut chars = wish.chars;
        for said in older.chain(recent).rev().take(wish.stanzas) {
            if wish.since.is_some_and(|since| said.at < since) {
                break;
            }
            let own = match &wanted.to.account {
                Some(account) => omemo::kept(chat, account, &said.text),
                None => said.text.clone(),
            };
            let stanza = Shared::of(&delayed(&own, said.at)).to(&wanted.to);
            let Some(rest) = chars.checked_sub(stanza.len()) else {
                break;
            };
            chars = rest;
            picked.push(stanza);
        }
        picked.reverse();
    }
    if let Some(subject) = subject {
        let text = std::str::from_utf8(&subject).unwrap_or_default();
        picked.push(Shared::of(text).to(&wanted.to));
    }
    picked
}

/// The message with the time at which it was said.
fn delayed(text: &Bytes, at: Timestamp) -> String {
    let room = std::str::from_utf8(text)
        .ok()
        .and_then(|text| Stanza::parse(text).ok())
        .and_then(|stanza| Jid::parse(&stanza.from()?).ok())
        .map(|from| from.bare().into());
    with_delay(text, room, at)
}

/// A message with a `<delay/>` from the room.
pub(super) fn with_delay(text: &Bytes, room: Option<Jid>, at: Timestamp) -> String {
    let mut delay = Writer::with_capacity(96);
    Delay {
        from: room,
        stamp: at,
    }
    .write(&mut delay);
    let text = stanza_ids::with_child(text, &delay.finish());
    String::from_utf8(text.to_vec()).unwrap_or_default()
}
