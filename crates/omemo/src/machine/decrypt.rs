//! Reading messages.

use base::{BareJid, Redacted, Timestamp};
use xmpp::ns;
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::{Element, Tree};
use zeroize::Zeroizing;

use super::requests::Want;
use super::{
    Content, Decrypted, Event, Failure, Incoming, MAX_REMEMBERED, Machine, Received, slot,
};
use crate::account::Account;
use crate::crypto::{EdwardsKey, IdentityKey, Randomness};
use crate::envelope::{Envelope, Outside, apart};
use crate::error::Error;
use crate::payload;
use crate::ratchet::RatchetFault;
use crate::records::{Delivery, Owed};
use crate::session::{OpenedKey, OwnKeys, SessionFault, Sessions, accept};
use crate::store::{Draft, KeyStore};
use crate::trust::{Trust, message};
use crate::wire::element::{ElementFault, ReceivedElement};
use crate::wire::key::{Exchange, KeyFault, SenderIdentity};

/// Of so many devices of one account keys are kept, those that are gone with them.
const MAX_KNOWN_DEVICES: usize = 1_024;

/// A key that was read, and whose it was.
struct Opened {
    key: OpenedKey,
    edwards: Option<EdwardsKey>,
    /// It came in a key exchange, which the sender repeats until it hears of us.
    exchange: bool,
    /// It has started a session.
    started: bool,
    /// One of the prekeys that we offer was used up.
    prekey_used: bool,
}

/// What came of trying to read a key.
enum Key {
    Opened(Box<Opened>),
    Failed(Failure),
    Duplicate,
}

impl From<SessionFault> for Key {
    fn from(fault: SessionFault) -> Self {
        Self::Failed(match fault {
            SessionFault::Ratchet(RatchetFault::Duplicate) => return Self::Duplicate,
            SessionFault::Ratchet(RatchetFault::Expired) => Failure::KeyExpired,
            SessionFault::Ratchet(RatchetFault::TooFarAhead) => Failure::TooFarAhead,
            SessionFault::Ratchet(RatchetFault::Forged) => Failure::Undecryptable,
            SessionFault::Key(KeyFault::Malformed) => Failure::Malformed,
            SessionFault::Key(KeyFault::Version) => Failure::UnknownVersion,
            SessionFault::None => Failure::NoSession,
        })
    }
}

/// The device that is said to have sent this.
fn sender(form: Form, encrypted: Element<'_>) -> Option<DeviceId> {
    let header = encrypted.child("header", form.namespace())?;
    header.attr("sid")?.trim().parse().ok()
}

impl<S: KeyStore> Machine<S> {
    /// Reads a message. What it says is also put into the inbox, together with the change of the keys, until
    /// [`Machine::taken`] says that the caller has it.
    ///
    /// Messages of one sender should come in the order in which they were sent; up to 2,048 may be missing or late.
    ///
    /// # Errors
    /// [`Error`], when the store fails; then the message can be read again. All that may be wrong with the message is
    /// an outcome, not an error.
    pub fn decrypt(
        &mut self,
        incoming: Incoming<'_>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Received, Error<S::Error>> {
        let draft = Draft::new(&self.store);
        if let Some(delivery) = draft.delivery(incoming.reference)? {
            return Ok(Received::Message(delivery.message));
        }
        let element = match self.find(&incoming) {
            Ok(element) => element,
            Err(outcome) => return Ok(outcome),
        };
        self.read(incoming, element, now, random)
    }

    /// The element that is for us, or what to say when there is none.
    fn find(&self, incoming: &Incoming<'_>) -> Result<ReceivedElement, Received> {
        let mut outcome = Received::NotEncrypted;
        for form in Form::ALL {
            let Some(child) = incoming.message.child("encrypted", form.namespace()) else {
                continue;
            };
            let tree = child.tree();
            if *incoming.from == self.own && sender(form, tree.root()) == Some(self.account.device)
            {
                return Err(Received::FromThisDevice);
            }
            let limit = self.config.payload_bytes;
            let read =
                ReceivedElement::read(form, tree.root(), &self.own, self.account.device, limit);
            let fault = match read {
                Ok(element) => return Ok(element),
                Err(fault) => fault,
            };
            let failure = match fault {
                ElementFault::Malformed => Failure::Malformed,
                ElementFault::TooLarge => Failure::TooLarge,
                ElementFault::NotForUs => Failure::NotForThisDevice,
            };
            // That one form is not for us says less than that the other is damaged.
            if failure != Failure::NotForThisDevice || outcome == Received::NotEncrypted {
                outcome = Received::Failed(failure);
            }
        }
        Err(outcome)
    }

    fn read(
        &mut self,
        incoming: Incoming<'_>,
        element: ReceivedElement,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Received, Error<S::Error>> {
        let (account, device, form) = (incoming.from, element.sender, element.form);
        let mut draft = Draft::new(&self.store);
        let mut own = self.account.clone();
        let listed = draft.list(account, form)?;
        let mut sessions = draft.sessions(account, device, form)?;
        let key = self.open_key(
            &mut draft,
            &mut own,
            &mut sessions,
            account,
            &element,
            now,
            random,
        )?;
        let opened = match key {
            Key::Opened(opened) => opened,
            Key::Duplicate => return Ok(Received::Duplicate),
            Key::Failed(failure) => {
                if failure == Failure::NoSession {
                    self.repair(account, device, form)?;
                }
                return Ok(Received::Failed(failure));
            }
        };
        draft.put_sessions(account, device, form, &sessions);
        let Opened {
            key,
            edwards,
            exchange,
            started,
            prekey_used,
        } = *opened;
        // A session that was there before says nothing new about whose device it is.
        let known = draft.device(account, device)?;
        let (trust, mut events) = if started || known.is_none() {
            self.learn(&mut draft, account, device, key.identity, edwards, now)?
        } else {
            let record = draft.trust(account, &key.identity)?;
            let trust = record.map_or(Trust::Undecided, |record| record.trust);
            (trust, Vec::new())
        };
        if exchange || key.heartbeat {
            draft.put_owed(account, device, form, Some(Owed::Answer));
        } else if draft.owed_to(account, device, form)? == Some(Owed::NewSession) {
            // It has one again.
            draft.put_owed(account, device, form, None);
        }
        let text = match &element.payload {
            None => None,
            Some(text) => Some(payload::open(
                form,
                &key.secret,
                text,
                element.iv.as_deref(),
            )),
        };
        let received = match text {
            None => Received::KeysOnly,
            // Nothing is kept of it: should the text come as it was, its key is still there.
            Some(Err(_)) => return Ok(Received::Failed(Failure::BadPayload)),
            Some(Ok(text)) => {
                let decrypted = |content, time, time_is_off| Decrypted {
                    account: account.clone(),
                    device,
                    identity: key.identity,
                    trust,
                    content,
                    time,
                    time_is_off,
                };
                self.content(&incoming, form, &text, decrypted)
            }
        };
        let received = match received {
            Received::Message(message) => {
                let (alone, more) = self.take_trust_message(&mut draft, &message)?;
                events.extend(more);
                if alone {
                    Received::TrustMessage
                } else {
                    draft.put_delivery(
                        incoming.reference,
                        Some(&Delivery {
                            message: message.clone(),
                        }),
                    );
                    Received::Message(message)
                }
            }
            other => other,
        };
        if prekey_used {
            draft.put_account(&own);
        }
        let changes = draft.finish();
        self.commit(&changes)?;
        self.account = own;
        if prekey_used {
            self.generations[slot(form)] += 1;
        }
        for event in events {
            self.tell(event);
        }
        if listed.is_none_or(|list| !list.contains(device)) {
            self.look_up(account, device, form);
        }
        Ok(received)
    }

    /// Reads the key, in a session that is there or in one that it starts.
    #[expect(
        clippy::too_many_arguments,
        reason = "what one operation gathers goes through here"
    )]
    fn open_key(
        &self,
        draft: &mut Draft<'_, S>,
        own: &mut Account,
        sessions: &mut Sessions,
        account: &BareJid,
        element: &ReceivedElement,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Key, Error<S::Error>> {
        let form = element.form;
        if !element.exchange {
            let opened = sessions.open(form, &element.key, now, random);
            return Ok(match opened {
                Ok(key) => Key::Opened(Box::new(Opened {
                    key,
                    edwards: None,
                    exchange: false,
                    started: false,
                    prekey_used: false,
                })),
                Err(fault) => fault.into(),
            });
        }
        let exchange = match Exchange::read(form, &element.key) {
            Ok(exchange) => exchange,
            Err(fault) => return Ok(SessionFault::Key(fault).into()),
        };
        let edwards = match exchange.identity {
            SenderIdentity::Edwards(key) => Some(key),
            SenderIdentity::Montgomery(_) => None,
        };
        let opened = |key, started, prekey_used| {
            Key::Opened(Box::new(Opened {
                key,
                edwards,
                exchange: true,
                started,
                prekey_used,
            }))
        };
        let (ephemeral, message) = (&exchange.ephemeral, exchange.message);
        if let Some(result) = sessions.open_known(form, ephemeral, message, now, random) {
            return Ok(match result {
                Ok(key) if key.identity == exchange.identity.key() => opened(key, false, false),
                // The session is that of another key than this says.
                Ok(_) => Key::Failed(Failure::BadKeyExchange),
                Err(fault) => fault.into(),
            });
        }
        // Whoever has an account could else fill the store with devices that are none.
        if draft.device(account, element.sender)?.is_none()
            && draft.devices(account)?.len() >= MAX_KNOWN_DEVICES
        {
            return Ok(Key::Failed(Failure::TooManyDevices));
        }
        let mut prekeys = draft.prekeys(form)?;
        let keys = (
            own.form(form).signed_prekey(exchange.signed_prekey),
            prekeys.secret(exchange.prekey),
        );
        let (Some(signed_prekey), Some(prekey)) = keys else {
            return Ok(Key::Failed(Failure::UnknownPreKey));
        };
        let keys = OwnKeys {
            identity: &own.identity,
            signed_prekey,
            prekey,
        };
        let Ok(session) = accept(form, &keys, &exchange) else {
            return Ok(Key::Failed(Failure::BadKeyExchange));
        };
        let mut with = sessions.clone();
        with.put_first(session, now);
        let key = match with.open_known(form, ephemeral, message, now, random) {
            Some(Ok(key)) => key,
            Some(Err(fault)) => return Ok(fault.into()),
            None => return Ok(Key::Failed(Failure::BadKeyExchange)),
        };
        *sessions = with;
        let used = prekeys.mark_used(exchange.prekey, now);
        if used {
            prekeys.refill(random);
            own.form_mut(form).unpublished = true;
        }
        draft.put_prekeys(form, &prekeys);
        Ok(opened(key, true, used))
    }

    /// What the text says, held against the stanza around it.
    fn content(
        &self,
        incoming: &Incoming<'_>,
        form: Form,
        text: &Zeroizing<Vec<u8>>,
        decrypted: impl FnOnce(Content, Option<Timestamp>, bool) -> Decrypted,
    ) -> Received {
        match form {
            Form::Legacy => match std::str::from_utf8(text) {
                Ok(text) => Received::Message(decrypted(
                    Content::Text(Redacted::new(text.to_owned())),
                    None,
                    false,
                )),
                Err(_) => Received::Failed(Failure::BadPayload),
            },
            Form::Current => {
                let outside = Outside {
                    from: incoming.from,
                    to: incoming.to,
                    group: incoming.group,
                };
                match Envelope::read(text, outside) {
                    Ok(envelope) if envelope.content.is_empty() => Received::KeysOnly,
                    Ok(envelope) => {
                        let off = envelope.time.is_some_and(|time| {
                            apart(time, incoming.sent, self.config.time_margin)
                        });
                        Received::Message(decrypted(
                            Content::Elements(Redacted::new(envelope.content)),
                            envelope.time,
                            off,
                        ))
                    }
                    Err(fault) => Received::Failed(Failure::Envelope(fault)),
                }
            }
        }
    }

    /// Does what a trust message in the envelope says. Says whether it was all that was in there.
    fn take_trust_message(
        &self,
        draft: &mut Draft<'_, S>,
        message: &Decrypted,
    ) -> Result<(bool, Vec<Event>), Error<S::Error>> {
        let Content::Elements(elements) = &message.content else {
            return Ok((false, Vec::new()));
        };
        if !elements.expose().contains(ns::TRUST_MESSAGES) {
            return Ok((false, Vec::new()));
        }
        let wrapped = Zeroizing::new(format!("<content>{}</content>", elements.expose()));
        let Ok(tree) = Tree::parse(&wrapped) else {
            return Ok((false, Vec::new()));
        };
        let mut events = Vec::new();
        let mut others = false;
        for child in tree.root().children() {
            if child.namespace() != ns::TRUST_MESSAGES {
                others = true;
            } else if let Some(told) = message::read(child) {
                // Without its time, or with another one, it may be an old one that is sent again (XEP-0434 §5.2).
                if let Some(time) = message.time.filter(|_| !message.time_is_off) {
                    events.extend(self.take_decisions(draft, message, told, time)?);
                }
            }
        }
        Ok((!others, events))
    }

    /// A device wrote without being on its account's list: the list we have may be old (XEP-0384 §6).
    fn look_up(&mut self, account: &BareJid, device: DeviceId, form: Form) {
        if self.looked_up.len() < MAX_REMEMBERED
            && self.looked_up.insert((account.clone(), device, form))
        {
            self.want(Want::List(account.clone(), form));
        }
    }

    /// A device writes in a session that we do not have: it gets a new one (XEP-0384 §6), but only one in the life of
    /// a connection, for whoever can write can ask for it.
    fn repair(
        &mut self,
        account: &BareJid,
        device: DeviceId,
        form: Form,
    ) -> Result<(), Error<S::Error>> {
        let peer = (account.clone(), device, form);
        if self.repaired.len() >= MAX_REMEMBERED || !self.repaired.insert(peer) {
            return Ok(());
        }
        let mut draft = Draft::new(&self.store);
        draft.put_owed(account, device, form, Some(Owed::NewSession));
        let changes = draft.finish();
        self.commit(&changes)?;
        self.look_up(account, device, form);
        Ok(())
    }

    /// The caller has kept what the message said: it goes from the inbox.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn taken(&mut self, reference: &str) -> Result<(), Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        draft.put_delivery(reference, None);
        let changes = draft.finish();
        self.commit(&changes)
    }

    /// Messages that were read and not taken, by their references: after a crash, ask for them first.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn undelivered(&self) -> Result<Vec<(String, Decrypted)>, Error<S::Error>> {
        let deliveries = Draft::new(&self.store).deliveries()?;
        Ok(deliveries
            .into_iter()
            .map(|(reference, delivery)| (reference, delivery.message))
            .collect())
    }

    /// Starts a new session with a device in place of a broken one, because its user asked for it (XEP-0384 §6).
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn replace_session(
        &mut self,
        account: &BareJid,
        device: DeviceId,
    ) -> Result<(), Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        for form in Form::ALL {
            let listed = draft
                .list(account, form)?
                .is_some_and(|list| list.contains(device));
            if listed {
                draft.put_owed(account, device, form, Some(Owed::NewSession));
            }
        }
        let changes = draft.finish();
        self.commit(&changes)
    }

    /// The key of a device, as far as it was seen.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn identity_of(
        &self,
        account: &BareJid,
        device: DeviceId,
    ) -> Result<Option<IdentityKey>, Error<S::Error>> {
        let record = Draft::new(&self.store).device(account, device)?;
        Ok(record.map(|record| record.identity))
    }
}
