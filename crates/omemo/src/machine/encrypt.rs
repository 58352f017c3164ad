//! Writing messages.

use std::collections::BTreeMap;

use base::{BareJid, Timestamp};
use xmpp::ns;
use xmpp::xep::omemo::Form;
use xmpp::xml::Writer;

use super::requests::Task;
use super::{
    Audience, Encrypted, Machine, Outgoing, Peer, Preparation, Reader, Unreachable, Unreached,
};
use crate::bundle::BundleFault;
use crate::crypto::Randomness;
use crate::envelope::Envelope;
use crate::error::Error;
use crate::payload::SealedPayload;
use crate::session::initiate;
use crate::store::{Draft, KeyStore};
use crate::wire::element::{KeyFor, KeysFor, write, write_hint};

impl<S: KeyStore> Machine<S> {
    /// Sees to it that all is there for writing to an audience. Call it when somebody begins to type, so that nobody
    /// waits when they have done.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn prepare(
        &mut self,
        audience: &Audience,
        now: Timestamp,
    ) -> Result<Preparation, Error<S::Error>> {
        let draft = Draft::new(&self.store);
        let plan = self.plan(&draft, audience, self.config.policy, now)?;
        let waiting = !plan.wants.is_empty();
        for want in plan.wants {
            let in_flight = self
                .in_flight
                .values()
                .any(|task| matches!(task, Task::Fetch(other) if *other == want));
            if !in_flight {
                self.wanted.insert(want);
            }
        }
        Ok(if waiting {
            Preparation::Waiting
        } else {
            Preparation::Ready
        })
    }

    /// Encrypts for all devices of the audience that may read, and for our own. Whoever cannot be reached blocks
    /// nobody: the outcome names them.
    ///
    /// The keys that it uses are gone when this returns. A message that was not sent must be encrypted again.
    ///
    /// # Errors
    /// [`Error`], when the store fails; then nothing may be sent.
    pub fn encrypt(
        &mut self,
        audience: &Audience,
        outgoing: Outgoing<'_>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Encrypted, Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        let plan = self.plan(&draft, audience, self.config.policy, now)?;
        let mut unreached = plan.unreached;
        let mut readers = plan.readers;
        if outgoing.text.is_none() {
            readers.retain(|reader| {
                let carries = reader.form == Form::Current;
                if !carries {
                    unreached.push(Unreached {
                        account: reader.account.clone(),
                        device: Some(reader.device),
                        reason: Unreachable::OldForm,
                    });
                }
                carries
            });
        }
        // To write to nobody but oneself is meant only in a chat with oneself.
        let to_self = audience.members.iter().all(|member| *member == self.own);
        let nobody = |readers: &[Reader]| {
            !readers
                .iter()
                .any(|reader| to_self || reader.account != self.own)
        };
        if nobody(&readers) {
            return Ok(Encrypted::nothing(unreached));
        }
        let mut writer = Writer::with_capacity(1_024 + 420 * readers.len());
        let mut used = Vec::new();
        let mut forms = Vec::new();
        for form in Form::ALL {
            let mine: Vec<Peer> = readers
                .iter()
                .filter(|reader| reader.form == form)
                .map(|reader| (reader.account.clone(), reader.device, form))
                .collect();
            if mine.is_empty() {
                continue;
            }
            let envelope;
            let text = match form {
                Form::Current => {
                    envelope =
                        Envelope::write(outgoing.elements, &self.own, &audience.chat, now, random);
                    envelope.as_str()
                }
                Form::Legacy => outgoing.text.unwrap_or_default(),
            };
            let payload = SealedPayload::seal(form, text.as_bytes(), random);
            let keys = self.seal(&mut draft, form, mine, &payload, &mut used, now, random)?;
            // Keys with which there is no secret show only now.
            readers.retain(|reader| {
                let written = reader.form != form
                    || keys.iter().any(|(account, keys)| {
                        *account == reader.account
                            && keys.iter().any(|key| key.device == reader.device)
                    });
                if !written {
                    unreached.push(Unreached {
                        account: reader.account.clone(),
                        device: Some(reader.device),
                        reason: Unreachable::BundleInvalid(BundleFault::Malformed),
                    });
                }
                written
            });
            if keys.iter().all(|(_, keys)| keys.is_empty()) {
                continue;
            }
            write(&mut writer, form, self.account.device, &keys, &payload);
            forms.push(form);
        }
        if nobody(&readers) {
            return Ok(Encrypted::nothing(unreached));
        }
        if let Some(form) = forms.first() {
            write_hint(&mut writer, *form);
        }
        writer.leaf("store", ns::HINTS);
        let changes = draft.finish();
        self.commit(&changes)?;
        for peer in used {
            self.bundles.remove(&peer);
        }
        Ok(Encrypted {
            elements: writer.finish(),
            readers,
            unreached,
        })
    }

    /// The keys of a payload for devices, in `<keys/>` by account. Starts sessions with those that have none; `used` is
    /// told whose bundle that took.
    #[expect(
        clippy::too_many_arguments,
        reason = "what one operation gathers goes through here"
    )]
    pub(super) fn seal(
        &self,
        draft: &mut Draft<'_, S>,
        form: Form,
        peers: impl IntoIterator<Item = Peer>,
        payload: &SealedPayload,
        used: &mut Vec<Peer>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Vec<KeysFor>, Error<S::Error>> {
        let mut keys: BTreeMap<BareJid, Vec<KeyFor>> = BTreeMap::new();
        for peer in peers {
            let (account, device, _) = &peer;
            let mut sessions = draft.sessions(account, *device, form)?;
            let known = draft
                .device(account, *device)?
                .map(|record| record.identity);
            if !sessions.is_ready() || (known.is_some() && sessions.identity() != known) {
                let Some((bundle, _)) = self.bundles.get(&peer) else {
                    continue;
                };
                // Keys of small order slip through a signature; with them there is no secret.
                let Ok(session) = initiate(&self.account.identity, bundle, random) else {
                    continue;
                };
                sessions.put_first(session, now);
                used.push(peer.clone());
            }
            let sealed = sessions.seal(
                form,
                self.account.identity.public(),
                self.account.device,
                &payload.secret,
            );
            if let Some((key, exchange)) = sealed {
                draft.put_sessions(account, *device, form, &sessions);
                keys.entry(account.clone()).or_default().push(KeyFor {
                    device: *device,
                    exchange,
                    key,
                });
            }
        }
        Ok(keys.into_iter().collect())
    }
}
