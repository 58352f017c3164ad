//! Messages that the machine sends of itself: empty ones, and trust messages.

use base::{BareJid, Timestamp};
use xmpp::ns;
use xmpp::xep::omemo::Form;
use xmpp::xml::Writer;

use super::requests::{Request, RequestKind, Task, Want};
use super::{Machine, Peer};
use crate::crypto::Randomness;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::payload::SealedPayload;
use crate::records::{Letter, Owed};
use crate::session::initiate;
use crate::store::{Draft, KeyStore};
use crate::wire::element::{KeyFor, write, write_hint};

impl<S: KeyStore> Machine<S> {
    /// Empty messages and trust messages. All of them are committed at once.
    pub(super) fn messages(
        &mut self,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Vec<Request>, Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        let mut ready: Vec<(Task, BareJid, String)> = Vec::new();
        let mut wants = Vec::new();
        let mut used = Vec::new();
        for (peer, owed) in draft.owed()? {
            let busy = self
                .in_flight
                .values()
                .any(|task| matches!(task, Task::Empty(other) if *other == peer));
            if !busy {
                let written =
                    self.empty(&mut draft, &peer, owed, now, &mut wants, &mut used, random)?;
                if let Some(text) = written {
                    ready.push((Task::Empty(peer.clone()), peer.0, text));
                }
            }
        }
        for (number, letter) in draft.letters()? {
            let busy = self
                .in_flight
                .values()
                .any(|task| matches!(task, Task::Letter(other) if *other == number));
            if !busy {
                let written = self.letter(
                    &mut draft, number, &letter, now, &mut wants, &mut used, random,
                )?;
                if let Some(text) = written {
                    ready.push((Task::Letter(number), letter.to, text));
                }
            }
        }
        let changes = draft.finish();
        self.commit(&changes)?;
        for peer in used {
            self.bundles.remove(&peer);
        }
        for want in wants {
            self.want(want);
        }
        Ok(ready
            .into_iter()
            .map(|(task, to, text)| self.request(task, Some(to), RequestKind::Message(text)))
            .collect())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what one operation gathers goes through here"
    )]
    fn empty(
        &self,
        draft: &mut Draft<'_, S>,
        peer: &Peer,
        owed: Owed,
        now: Timestamp,
        wants: &mut Vec<Want>,
        used: &mut Vec<Peer>,
        random: &mut dyn Randomness,
    ) -> Result<Option<String>, Error<S::Error>> {
        let (account, device, form) = peer;
        let mut sessions = draft.sessions(account, *device, *form)?;
        // What waits may be in a newer session, and who keeps one only has no other than that.
        if self.account.catching_up {
            return Ok(None);
        }
        if owed == Owed::NewSession {
            let listed = draft
                .list(account, *form)?
                .is_none_or(|list| list.contains(*device));
            let Some((bundle, _)) = self.bundles.get(peer) else {
                let hopeless = self
                    .troubles
                    .get(peer)
                    .is_some_and(|trouble| now.since(trouble.since) < self.config.retry_after);
                if hopeless || !listed {
                    draft.put_owed(account, *device, *form, None);
                } else {
                    wants.push(Want::Bundle(peer.clone()));
                }
                return Ok(None);
            };
            used.push(peer.clone());
            let Ok(session) = initiate(&self.account.identity, bundle, random) else {
                draft.put_owed(account, *device, *form, None);
                return Ok(None);
            };
            sessions.put_first(session, now);
            // Should this be lost on the way, the session that was started is the one to be told of.
            draft.put_owed(account, *device, *form, Some(Owed::Answer));
        }
        let payload = SealedPayload::empty(*form, random);
        let own = self.account.identity.public();
        let Some((key, exchange)) = sessions.seal(*form, own, self.account.device, &payload.secret)
        else {
            draft.put_owed(account, *device, *form, None);
            return Ok(None);
        };
        draft.put_sessions(account, *device, *form, &sessions);
        let keys = [(
            account.clone(),
            vec![KeyFor {
                device: *device,
                exchange,
                key,
            }],
        )];
        let mut writer = Writer::with_capacity(1_024);
        write(&mut writer, *form, self.account.device, &keys, &payload);
        writer.leaf("store", ns::HINTS);
        Ok(Some(writer.finish()))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what one operation gathers goes through here"
    )]
    fn letter(
        &self,
        draft: &mut Draft<'_, S>,
        number: u32,
        letter: &Letter,
        now: Timestamp,
        wants: &mut Vec<Want>,
        used: &mut Vec<Peer>,
        random: &mut dyn Randomness,
    ) -> Result<Option<String>, Error<S::Error>> {
        let Some(list) = draft.list(&letter.to, Form::Current)? else {
            wants.push(Want::List(letter.to.clone(), Form::Current));
            return Ok(None);
        };
        let mut peers = Vec::new();
        for device in list.ids() {
            if letter.to == self.own && device == self.account.device {
                continue;
            }
            let Some(record) = draft.device(&letter.to, device)? else {
                continue;
            };
            let verified = draft
                .trust(&letter.to, &record.identity)?
                .is_some_and(|trust| trust.trust.is_verified());
            let meant = letter.only.is_none_or(|only| only == record.identity);
            if !verified || !meant {
                continue;
            }
            let peer = (letter.to.clone(), device, Form::Current);
            let sessions = draft.sessions(&letter.to, device, Form::Current)?;
            if sessions.is_ready() || self.bundles.contains_key(&peer) {
                peers.push(peer);
            } else if self
                .troubles
                .get(&peer)
                .is_none_or(|trouble| now.since(trouble.since) >= self.config.retry_after)
            {
                wants.push(Want::Bundle(peer));
                return Ok(None);
            }
        }
        if peers.is_empty() {
            draft.put_letter(number, None);
            return Ok(None);
        }
        let envelope = Envelope::write(&letter.content, &self.own, &letter.to, now, random);
        let payload = SealedPayload::seal(Form::Current, envelope.as_bytes(), random);
        let keys = self.seal(draft, Form::Current, peers, &payload, used, now, random)?;
        if keys.is_empty() {
            draft.put_letter(number, None);
            return Ok(None);
        }
        let mut writer = Writer::with_capacity(2_048);
        write(
            &mut writer,
            Form::Current,
            self.account.device,
            &keys,
            &payload,
        );
        write_hint(&mut writer, Form::Current);
        writer.leaf("store", ns::HINTS);
        Ok(Some(writer.finish()))
    }
}
