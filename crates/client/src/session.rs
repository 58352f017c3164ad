//! What happens when a session with the server begins, goes on or ends.

use crate::client::Client;
use crate::connection::Link;
use crate::features::disco::Surroundings;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

impl<S: Storage> Client<S> {
    /// A session that knows nothing of us yet. `carbons`: they are enabled already.
    pub(crate) fn session_started(
        &mut self,
        carbons: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        self.catch_up_begins()?;
        self.machine.connected();
        if !carbons {
            self.enable_carbons(turn);
        }
        self.discover(turn);
        self.fetch_roster(turn);
        self.send_presence();
        if !self.active {
            self.tell_active();
        }
        self.fetch_bookmarks(turn);
        self.fetch_items(
            xmpp::ns::DISPLAYED,
            crate::connection::requests::Asked::Displayed,
            turn,
        );
        self.fetch_own_card(turn);
        self.fetch_blocklist(turn);
        self.enter_rooms(turn);
        self.personal.connected();
        self.outbox.due = true;
        Ok(())
    }

    /// The former session goes on, as if nothing had been.
    pub(crate) fn session_resumed(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        self.requests_wait_on(turn.now.moment);
        // Who was taken out meanwhile, of a group or an account, is told in what the server has kept for us. What it says
        // after that is the answer to this.
        let ping = format!("<ping xmlns='{}'/>", xmpp::ns::PING);
        let domain = self.settings.account.domain().to_owned();
        let asked = crate::connection::requests::Asked::GoesOn;
        self.personal.connected();
        self.outbox.holds = self.ask(false, Some(&domain), &ping, asked, turn);
        self.outbox.due = true;
        Ok(())
    }

    /// The session cannot be resumed: nothing that it had told holds any more.
    pub(crate) fn session_ended(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        self.catch_up_lost();
        self.machine.disconnected();
        self.presences_lost();
        self.rooms_lost();
        self.requests_lost(turn)?;
        self.outbox.holds = false;
        self.outbox_unsure();
        // The services are the same as before: what waits for one need not wait until it is found again.
        self.surroundings = Surroundings {
            rooms: self.surroundings.rooms.take(),
            uploads: self.surroundings.uploads.take(),
            ..Surroundings::default()
        };
        Ok(())
    }

    /// The transport is gone; the session may be resumed.
    pub(crate) fn stream_is_gone(&mut self) {
        self.connection.link = Link::Offline;
        self.stream.cut();
    }
}
