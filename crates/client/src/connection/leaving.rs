//! Logging out for good. Others shall write to this device no more: it goes from the device list with its keys (XEP-0384 §6). Its
//! token opens nothing any more: it is used a last time, to end it (XEP-0484 §3.4). Then everything that is kept here is
//! deleted.

use std::time::Duration;

use base::Moment;

use super::Link;
use crate::border::Output;
use crate::client::{Client, keys_failed};
use crate::event::{ConnectionState, Event};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::turn::Turn;

/// Nobody waits longer for the server than this, for each of the two steps.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far we are with leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The keys are being taken from the server.
    Keys(Moment),
    /// The token is being ended.
    Token(Moment),
    /// It is done: nothing is here any more.
    Gone,
}

impl<S: Storage> Client<S> {
    pub(crate) fn log_out(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let until = turn.now.moment + PATIENCE;
        if self.connection.is_online() {
            self.machine.withdraw();
            self.connection.leaving = Some(Leaving::Keys(until));
            Ok(())
        } else {
            self.end_token(turn)
        }
    }

    /// Whether this device was logged out: nothing can be done with it any more.
    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        self.connection.leaving == Some(Leaving::Gone)
    }

    pub(crate) fn is_ending_token(&self) -> bool {
        matches!(self.connection.leaving, Some(Leaving::Token(_)))
    }

    pub(crate) fn leaving_deadline(&self) -> Moment {
        match self.connection.leaving {
            Some(Leaving::Keys(until) | Leaving::Token(until)) => until,
            Some(Leaving::Gone) | None => Moment::NEVER,
        }
    }

    /// Goes on once the server has done what was asked, or has not for too long.
    pub(crate) fn leaving_goes_on(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let late = self.leaving_deadline() <= turn.now.moment;
        match self.connection.leaving {
            Some(Leaving::Keys(_)) => {
                let away = !self.connection.is_online();
                if late || away || self.machine.is_withdrawn().map_err(keys_failed)? {
                    return self.end_token(turn);
                }
                Ok(())
            }
            Some(Leaving::Token(_)) => match &self.connection.link {
                Link::Connecting { .. } | Link::Handshaking { .. } if !late => Ok(()),
                _ => self.leave(false),
            },
            Some(Leaving::Gone) | None => Ok(()),
        }
    }

    fn end_token(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        self.say_goodbye();
        self.stream_is_over(turn)?;
        self.connection.password = None;
        self.connection.salted = None;
        self.connection.invitation = None;
        if self.connection.token.is_none() {
            // A password is not kept, and ends with this.
            return self.leave(true);
        }
        self.connection.leaving = Some(Leaving::Token(turn.now.moment + PATIENCE));
        self.connection.wanted = true;
        self.connect(turn);
        if matches!(self.connection.link, Link::Offline) {
            return self.leave(false);
        }
        Ok(())
    }

    /// Nothing stays. `ended`: the server lets this device in no more.
    pub(crate) fn leave(&mut self, ended: bool) -> Result<(), StorageError> {
        self.say_goodbye();
        self.forget_credentials();
        self.connection.wanted = false;
        self.connection.leaving = Some(Leaving::Gone);
        self.connection.told = ConnectionState::Offline;
        self.tell(Event::LoggedOut { ended });
        self.tell(Event::Connection(ConnectionState::Offline));
        Ok(())
    }

    /// Another device of ours has taken this one out, and the server has ended its access: whoever has it in hands shall not
    /// read on.
    pub(super) fn revoked(&mut self) -> Result<(), StorageError> {
        self.tell(Event::Revoked);
        self.leave(true)
    }

    /// Deletes everything that is kept.
    pub(crate) fn wipe(&mut self) -> Result<(), StorageError> {
        for table in Table::ALL {
            let rows =
                self.database
                    .scan(table, &KeyRange::all(), Direction::Forward, usize::MAX)?;
            for (key, _) in rows {
                self.database.delete(table, key);
            }
        }
        Ok(())
    }

    fn say_goodbye(&mut self) {
        if let Link::Online(session) = &self.connection.link {
            let end = super::stream_end(session.kind);
            self.write(end);
        }
        if !matches!(self.connection.link, Link::Offline | Link::Waiting { .. }) {
            self.staged.push_back(Output::Disconnect);
        }
        self.stream_is_gone();
    }
}
