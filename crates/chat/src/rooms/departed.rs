//! Accounts that are gone, and people who are no longer of a group, as rooms see it.

use std::sync::Arc;

use base::BareJid;
use xmpp::condition::StanzaError;

use super::room::{Room, Who};
use super::show::{self, Notice};
use super::{admin, owner};
use crate::Chat;
use crate::modules::store_failed;

impl Chat {
    /// Takes an account that is being removed out of every room: whoever gets its name later stands in
    /// none. A room for members that nobody is left in ends.
    ///
    /// # Errors
    /// When the store has failed; doing it again goes on where it stopped.
    pub(crate) async fn leave_all_rooms(&self, address: &BareJid) -> Result<(), StanzaError> {
        let rooms = self.store().room_traces(address.as_str()).await;
        for local in rooms.map_err(|error| store_failed(&error))? {
            while let Some(room) = self.rooms().load(self, &local).await? {
                let turn = room.turn().await;
                if room.state().gone {
                    drop(turn);
                    self.rooms().forget(&room);
                    continue;
                }
                let forlorn = admin::forget(self, &room, address).await?;
                drop(turn);
                if forlorn {
                    owner::destroy(self, &room, xmpp::xep::muc::Destroy::default(), None).await?;
                }
                break;
            }
        }
        Ok(())
    }

    /// Settles anew how somebody stands whose groups have changed, in every room that the person is in.
    pub(crate) fn regroup_in_rooms(&self, address: &BareJid) {
        for room in self.rooms().all() {
            if regroup(self, &room, address) {
                room.line.drain(self);
            }
        }
    }
}

fn regroup(chat: &Chat, room: &Room, address: &BareJid) -> bool {
    let mut state = room.state();
    if state.config.group.is_none() || !state.is_present(address) {
        return false;
    }
    let affiliation = state.affiliation(&Who::at(chat, address.clone()));
    let nicks: Vec<Arc<str>> = state
        .occupants
        .values()
        .filter(|occupant| occupant.bare == *address && occupant.affiliation != affiliation)
        .map(|occupant| Arc::clone(&occupant.nick))
        .collect();
    if nicks.is_empty() {
        return false;
    }
    let mut outputs = Vec::new();
    show::flush(room, &mut state, &mut outputs);
    for nick in nicks {
        admin::settle(
            room,
            &mut state,
            &nick,
            affiliation,
            &Notice::default(),
            &mut outputs,
        );
    }
    room.say(outputs);
    true
}
