//! History handed over, as commands and events: what [`crate::history`] does with bytes meets conversations, uploads and
//! encrypted messages here. All of it is in memory: a program that ends begins anew with a new code.

mod giving;
mod taking;

use base::Redacted;
use omemo::{Audience, Decrypted, Outgoing, Preparation, Trust};
use xmpp::ns;
use xmpp::xml::{Tree, Writer};

use crate::client::{Client, keys_failed};
use crate::command::CommandError;
use crate::event::{Event, HistoryProgress};
use crate::history::{self, ChunkPlace, Offer, Role, Showing};
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

use giving::Giving;
use taking::Taking;

/// Places of chunks that one message names.
const PLACES: usize = 50;

/// How far a hand-over is.
#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// Our code is shown.
    Showing(Box<Showing>, Role),
    Giving(Box<Giving>),
    Taking(Box<Taking>),
}

/// A hand-over, and what of it is still to be told to the other device.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    state: State,
    offers: Vec<Offer>,
}

impl<S: Storage> Client<S> {
    pub(crate) fn show_history_code(
        &mut self,
        role: Role,
        turn: &mut Turn<'_>,
    ) -> Redacted<String> {
        let showing = Showing::new(self.settings.account.clone(), role, turn.random);
        let text = showing.code().expose().to_string();
        self.handover = Handover {
            state: State::Showing(Box::new(showing), role),
            offers: Vec::new(),
        };
        Redacted::new(text)
    }

    pub(crate) fn scan_history_code(
        &mut self,
        text: &str,
        role: Role,
        turn: &mut Turn<'_>,
    ) -> Result<(), CommandError> {
        let scanned = history::scan(text, &self.settings.account, role, turn.random);
        let (answer, keys) =
            scanned.map_err(|error| CommandError::NotPossible(error.to_string()))?;
        self.handover = Handover::default();
        match role {
            Role::Old => {
                self.handover.state = State::Giving(Box::new(Giving::new(&keys, Some(answer))));
                self.give_on(turn)?;
            }
            Role::New => {
                self.handover.state = State::Taking(Box::new(Taking::new(&keys, turn.now.wall)));
                self.handover.offers.push(Offer {
                    answer: Some(answer),
                    ..Offer::default()
                });
            }
        }
        Ok(())
    }

    pub(crate) fn stop_history(&mut self) {
        self.handover = Handover::default();
    }

    fn history_failed(&mut self, text: impl Into<String>) {
        self.handover = Handover::default();
        let text = text.into();
        self.tell(Event::History(HistoryProgress::Failed { text }));
    }

    /// Says what is to be said to our other devices, as soon as they can read it.
    pub(crate) fn handover_pump(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        while let Some(offer) = self.handover.offers.first() {
            if !self.connection.is_online() || !self.stream.has_room() {
                return Ok(());
            }
            let elements = offer.to_xml();
            let account = self.settings.account.clone();
            let audience = Audience::direct(account.clone());
            let wall = turn.now.wall;
            let prepared = self.machine.prepare(&audience, wall).map_err(keys_failed)?;
            if prepared == Preparation::Waiting {
                return Ok(());
            }
            let outgoing = Outgoing {
                elements: &elements,
                text: None,
            };
            let encrypted = self
                .machine
                .encrypt(&audience, outgoing, wall, turn.random)
                .map_err(keys_failed)?;
            if !encrypted.reaches_somebody() {
                self.history_failed(
                    "Your other device cannot be reached by encrypted messages: look at your devices.",
                );
                return Ok(());
            }
            let id = turn.id();
            let mut writer = Writer::with_capacity(encrypted.elements.len() + 128);
            writer.start("message").attr("to", account.as_str());
            writer.attr("id", &id).attr("type", "chat");
            writer.raw(&encrypted.elements).end();
            self.send(writer.into_bytes());
            self.handover.offers.remove(0);
        }
        Ok(())
    }

    /// A message of one of our devices may be about a hand-over. Says whether it was.
    pub(crate) fn history_came(
        &mut self,
        message: &Decrypted,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StorageError> {
        let omemo::Content::Elements(elements) = &message.content else {
            return Ok(false);
        };
        if message.account != self.settings.account || !elements.expose().contains(ns::HISTORY) {
            return Ok(false);
        }
        let wrapped = format!("<content>{}</content>", elements.expose());
        let Ok(tree) = Tree::parse(&wrapped) else {
            return Ok(false);
        };
        let offer = tree.root().children().find_map(Offer::read);
        // What a device says that nobody has let in counts for nothing.
        let trusted = matches!(message.trust, Trust::FirstUse | Trust::Verified { .. });
        if let Some(offer) = offer.filter(|_| trusted) {
            self.offer_came(offer, turn)?;
        }
        Ok(true)
    }

    fn offer_came(&mut self, offer: Offer, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        match (std::mem::take(&mut self.handover.state), offer.answer) {
            (State::Showing(showing, role), Some(answer)) => {
                match (showing.answered(&answer), role) {
                    (Ok(keys), Role::New) => {
                        let mut taking = Taking::new(&keys, turn.now.wall);
                        taking.note(offer.first, offer.chunks);
                        self.handover.state = State::Taking(Box::new(taking));
                        self.take_on();
                        Ok(())
                    }
                    (Ok(keys), Role::Old) => {
                        self.handover.state = State::Giving(Box::new(Giving::new(&keys, None)));
                        self.give_on(turn)
                    }
                    (Err(error), _) => {
                        self.history_failed(error.to_string());
                        Ok(())
                    }
                }
            }
            (State::Taking(mut taking), _) => {
                taking.note(offer.first, offer.chunks);
                self.handover.state = State::Taking(taking);
                self.take_on();
                Ok(())
            }
            (other, _) => {
                self.handover.state = other;
                Ok(())
            }
        }
    }

    /// All chunks are where they can be fetched: says so, in as many messages as that takes.
    fn offer_chunks(&mut self, mut answer: Option<history::Answer>, places: &[ChunkPlace]) {
        for (at, part) in places.chunks(PLACES).enumerate() {
            self.handover.offers.push(Offer {
                answer: answer.take(),
                first: u32::try_from(at * PLACES).unwrap_or(u32::MAX),
                chunks: part.to_vec(),
            });
        }
    }
}
