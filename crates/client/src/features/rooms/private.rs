//! XEP-0045 §7.5: what somebody says in a room to one alone. It stands among the lines of the room, marked with the other's
//! name.

use base::Jid;
use xmpp::ns;
use xmpp::xml::{Stanza, Writer};

use crate::client::Client;
use crate::command::CommandError;
use crate::conversations::Record;
use crate::messages::{Way, id_of};
use crate::storage::{Storage, StorageError};
use crate::timeline::apply::Arrival;
use crate::timeline::record::Author;
use crate::turn::Turn;
use crate::views::{ConversationKind, Seal};

/// Marks that a message is for an occupant and not for an account.
pub(crate) fn mark() -> String {
    let mut writer = Writer::new();
    writer.leaf("x", ns::MUC_USER);
    writer.finish()
}

impl<S: Storage> Client<S> {
    /// Somebody has said something to us alone within a room, or one of our devices has to somebody.
    pub(crate) fn private_message_came(
        &mut self,
        own: bool,
        message: &Stanza,
        way: &Way,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let occupant = if own { message.to() } else { message.from() };
        let occupant = occupant.and_then(|address| Jid::parse(&address).ok());
        let Some((jid, nick)) = occupant
            .as_ref()
            .and_then(|occupant| Some((occupant.bare(), occupant.resource()?.to_owned())))
        else {
            return Ok(());
        };
        let (Some(room), Some(number)) = (self.rooms.all.get(&jid), self.conversations.find(&jid))
        else {
            return Ok(());
        };
        let there = room.occupants.get(&nick);
        let real = there.and_then(|occupant| occupant.real.clone());
        if real
            .as_ref()
            .is_some_and(|real| self.people.is_blocked(real))
        {
            return Ok(());
        }
        let account = self.settings.account.clone();
        let author = if own {
            Author {
                own,
                account: Some(account.clone()),
                nick: Some(room.kept.nick.clone()),
                occupant: None,
            }
        } else {
            Author {
                own,
                account: real.clone(),
                nick: Some(nick.clone()),
                occupant: there.and_then(|occupant| occupant.id.clone()),
            }
        };
        let arrival = Arrival {
            number,
            author,
            id: id_of(message),
            archive_id: way.archive_id.clone(),
            time: way.time,
            key: None,
            live: way.live,
            private: Some(nick),
        };
        let other = real.unwrap_or(jid);
        let (from, to) = if own {
            (account, other)
        } else {
            (other, account)
        };
        self.arrived(arrival, message, way, &from, &to, false, turn)
    }

    /// Whether the rules of the house want what is said in a conversation encrypted.
    pub(crate) fn must_seal(&self, record: &Record) -> bool {
        let own = self.settings.account.domain();
        let there = record.jid.domain();
        match record.kind {
            ConversationKind::Person => self.surroundings.seals_direct && there == own,
            ConversationKind::Group => {
                let at_home = self.surroundings.rooms.as_deref() == Some(there);
                self.surroundings.seals_groups && at_home
            }
            ConversationKind::Room => false,
        }
    }

    /// Whether something can be said to one alone in a conversation.
    pub(crate) fn takes_whispers(&self, record: &Record) -> bool {
        record.is_room() && record.seal() == Seal::Open && !self.surroundings.seals_direct
    }

    /// Whether something may be said to one alone.
    pub(crate) fn may_say_privately(
        &self,
        record: &Record,
        nick: &str,
    ) -> Result<(), CommandError> {
        let no = |text: &str| Err(CommandError::NotPossible(text.to_owned()));
        if !record.is_room() {
            return no("This conversation is with one person anyway.");
        }
        if record.seal() == Seal::Encrypted {
            return no("In a group all addresses are known: write to this person directly.");
        }
        if self.surroundings.seals_direct {
            return no(
                "What is said to one person has to be encrypted here: write to this person directly.",
            );
        }
        let room = self.rooms.all.get(&record.jid);
        if !room.is_some_and(|room| room.occupants.contains_key(nick)) {
            return no("This person is not in the room just now.");
        }
        Ok(())
    }
}
