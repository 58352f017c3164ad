//! Entering rooms, being in them, and leaving them (XEP-0045 §7; XEP-0410: MUC Self-Ping).

use base::{BareJid, Jid};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::muc::{Affiliation, Item, Role};
use xmpp::xml::{Stanza, Writer};

use super::making::set_up;
use super::{AGAIN, MOST_OCCUPANTS, Occupant, Presence, SELF_PING, note_affiliation};
use crate::client::Client;
use crate::connection::requests::{Answer, Asked, words};
use crate::event::Event;
use crate::features::presence::availability_of;
use crate::storage::{Storage, StorageError};
use crate::timeline::record::Happened;
use crate::turn::Turn;

impl<S: Storage> Client<S> {
    pub(super) fn enter(&mut self, jid: &BareJid, turn: &Turn<'_>) {
        if !self.connection.is_online() {
            return;
        }
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return;
        };
        room.presence = Presence::Joining(turn.now.moment);
        room.occupants.clear();
        room.lists = 0;
        room.pinging = false;
        // What was said before comes from the archive, if there is one.
        let history = if room.kept.archived == Some(false) {
            "20"
        } else {
            "0"
        };
        let to = format!("{jid}/{}", room.kept.nick);
        let mut writer = Writer::new();
        writer.start("presence").attr("to", to);
        writer.start("x").xmlns(ns::MUC);
        writer
            .start("history")
            .attr("maxstanzas", history)
            .end()
            .end();
        self.presence_children(&mut writer);
        writer.end();
        self.send(writer.into_bytes());
    }

    /// A session has begun.
    pub(crate) fn enter_rooms(&mut self, turn: &Turn<'_>) {
        let wanted: Vec<BareJid> = self
            .rooms
            .all
            .iter()
            .filter(|(_, room)| room.kept.wanted)
            .map(|(jid, _)| jid.clone())
            .collect();
        for jid in wanted {
            self.enter(&jid, turn);
        }
    }

    /// The session has ended.
    pub(crate) fn rooms_lost(&mut self) {
        for (jid, room) in &mut self.rooms.all {
            room.presence = Presence::Outside;
            room.occupants.clear();
            room.lists = 0;
            self.conversations.redraw(jid);
        }
    }

    /// Others in rooms see that our availability is another one.
    pub(crate) fn rooms_presence(&mut self) {
        let inside: Vec<String> = self
            .rooms
            .all
            .iter()
            .filter(|(_, room)| room.presence == Presence::Inside)
            .map(|(jid, room)| format!("{jid}/{}", room.kept.nick))
            .collect();
        for to in inside {
            let mut writer = Writer::new();
            writer.start("presence").attr("to", to);
            self.presence_children(&mut writer);
            writer.end();
            self.send(writer.into_bytes());
        }
    }

    /// Leaves a room.
    pub(crate) fn part_room(&mut self, jid: &BareJid, hide: bool) {
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return;
        };
        let inside = !matches!(room.presence, Presence::Outside);
        room.presence = Presence::Outside;
        room.kept.wanted = false;
        room.occupants.clear();
        let to = format!("{jid}/{}", room.kept.nick);
        self.keep_room(jid);
        if inside {
            let mut writer = Writer::new();
            writer.start("presence").attr("to", to);
            writer.attr("type", "unavailable").end();
            self.send(writer.into_bytes());
        }
        if let Some(number) = self.conversations.find(jid)
            && let Some(record) = self.conversations.change(number)
        {
            record.hidden = hide;
        }
    }

    pub(crate) fn rooms_tick(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if !self.connection.is_online() {
            return Ok(());
        }
        let now = turn.now.moment;
        let mut again = Vec::new();
        let mut ping = Vec::new();
        for (jid, room) in &mut self.rooms.all {
            match room.presence {
                Presence::Joining(since) if since + AGAIN <= now => again.push(jid.clone()),
                Presence::Inside if room.heard + SELF_PING <= now => {
                    room.heard = now;
                    if !std::mem::replace(&mut room.pinging, true) {
                        ping.push((jid.clone(), format!("{jid}/{}", room.kept.nick)));
                    }
                }
                _ => {}
            }
        }
        for jid in again {
            self.enter(&jid, turn);
        }
        for (jid, to) in ping {
            let xml = format!("<ping xmlns='{}'/>", ns::PING);
            self.ask(false, Some(&to), &xml, Asked::SelfPing(jid), turn);
        }
        Ok(())
    }

    pub(crate) fn self_ping_answered(
        &mut self,
        jid: &BareJid,
        answer: Answer<'_>,
        turn: &Turn<'_>,
    ) {
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return;
        };
        room.pinging = false;
        // XEP-0410 §3.2: these mean that we are in it, and the ping went to a program that cannot answer.
        let inside = match answer {
            Answer::Error(error) => matches!(
                error.condition,
                StanzaCondition::ServiceUnavailable
                    | StanzaCondition::FeatureNotImplemented
                    | StanzaCondition::ItemNotFound
            ),
            Answer::Result(_) | Answer::None => true,
        };
        if !inside && room.presence == Presence::Inside {
            self.enter(jid, turn);
        }
    }

    pub(crate) fn room_presence_came(
        &mut self,
        from: &Jid,
        stanza: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let jid = from.bare();
        let Some(room) = self.rooms.all.get_mut(&jid) else {
            return Ok(());
        };
        room.heard = turn.now.moment;
        if stanza.type_().as_deref() == Some("error") {
            return self.entering_failed(&jid, stanza, turn);
        }
        let (Some(nick), Some(x)) = (from.resource(), stanza.child("x", ns::MUC_USER)) else {
            return Ok(());
        };
        let tree = x.tree();
        let root = tree.root();
        let status: Vec<&str> = root
            .children()
            .filter(|child| child.is("status", ns::MUC_USER))
            .filter_map(|child| child.attr("code"))
            .collect();
        let own = status.contains(&"110") || nick == room.kept.nick;
        let item = root
            .child("item", ns::MUC_USER)
            .and_then(|item| Item::read(item).ok())
            .unwrap_or_default();
        let real = item.jid.as_ref().map(Jid::bare);
        let affiliation = item.affiliation.unwrap_or(Affiliation::None);
        if let Some(real) = &real {
            note_affiliation(&mut room.kept, real, affiliation);
        }
        let gone = stanza.type_().as_deref() == Some("unavailable");
        if gone {
            room.occupants.remove(nick);
            if own && status.contains(&"303") {
                if let Some(new) = item.nick {
                    room.kept.nick = new;
                }
            } else if own {
                if let Some(closed) = root.child("destroy", ns::MUC_USER) {
                    let reason = closed.child("reason", ns::MUC_USER);
                    let reason = reason.map(|reason| reason.text().into_owned());
                    return self.room_is_closed(&jid, reason.unwrap_or_default(), turn);
                }
                return self.we_are_out(&jid, &status, item.reason, turn);
            }
        } else if room.occupants.len() < MOST_OCCUPANTS || room.occupants.contains_key(nick) {
            let occupant_id = stanza.child("occupant-id", ns::OCCUPANT_ID);
            let occupant = Occupant {
                real,
                id: occupant_id.and_then(|child| child.tree().root().attr("id").map(str::to_owned)),
                affiliation,
                role: item.role.unwrap_or(Role::None),
                availability: availability_of(stanza),
            };
            room.occupants.insert(nick.to_owned(), occupant);
            if own && room.presence != Presence::Inside {
                if status.contains(&"210") {
                    room.kept.nick = nick.to_owned();
                }
                return self.we_are_in(&jid, status.contains(&"201"), turn);
            }
        }
        self.keep_room(&jid);
        self.tell(Event::Members(jid.into()));
        Ok(())
    }

    pub(super) fn entering_failed(
        &mut self,
        jid: &BareJid,
        stanza: &Stanza,
        turn: &Turn<'_>,
    ) -> Result<(), StorageError> {
        let error = StanzaError::of(stanza)
            .unwrap_or_else(|| StanzaError::new(StanzaCondition::UndefinedCondition));
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return Ok(());
        };
        if !matches!(room.presence, Presence::Joining(_)) {
            return Ok(());
        }
        match error.condition {
            StanzaCondition::Conflict if room.kept.nick.len() < 100 => {
                room.kept.nick.push('_');
                self.enter(jid, turn);
            }
            // Another time; the timer is running.
            StanzaCondition::RemoteServerTimeout
            | StanzaCondition::RemoteServerNotFound
            | StanzaCondition::InternalServerError
            | StanzaCondition::ResourceConstraint => {}
            _ => {
                room.presence = Presence::Refused(words(&error));
                self.conversations.redraw(jid);
            }
        }
        Ok(())
    }

    pub(super) fn we_are_in(
        &mut self,
        jid: &BareJid,
        created: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        self.change_room(jid, |room| room.presence = Presence::Inside);
        let making = self
            .rooms
            .all
            .get(jid)
            .and_then(|room| room.kept.making.clone());
        if let Some((name, _, group)) = making {
            let form = set_up(&name, group);
            let asked = Asked::RoomSetUp(jid.clone());
            self.ask(true, Some(jid.as_str()), &form, asked, turn);
            return Ok(());
        }
        if created {
            // Nobody has made it before: an instant room (§10.1.2).
            let form = format!(
                "<query xmlns='{}'><x xmlns='{}' type='submit'/></query>",
                ns::MUC_OWNER,
                ns::DATA_FORMS
            );
            self.ask(true, Some(jid.as_str()), &form, Asked::Nothing, turn);
        }
        let archived = self.rooms.all.get(jid).and_then(|room| room.kept.archived);
        if archived != Some(false) {
            self.open_gap(jid);
        }
        self.look_at_room(jid, turn);
        Ok(())
    }

    /// Its owners have closed the room for good (XEP-0045 §10.9). Whoever entered it again would make it anew.
    fn room_is_closed(
        &mut self,
        jid: &BareJid,
        reason: String,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if let Some(room) = self.rooms.all.get_mut(jid) {
            if !room.kept.wanted {
                // It was closed from here, and is gone from the list.
                return Ok(());
            }
            room.occupants.clear();
            room.lists = 0;
            room.presence = Presence::Refused("This room was closed.".to_owned());
            room.kept.wanted = false;
        }
        self.keep_room(jid);
        self.publish_bookmark(jid, turn);
        self.conversations.redraw(jid);
        self.tell(Event::Members(jid.clone().into()));
        if let Some(number) = self.conversations.find(jid) {
            self.note(number, Happened::Closed(reason), turn)?;
        }
        Ok(())
    }

    pub(super) fn we_are_out(
        &mut self,
        jid: &BareJid,
        status: &[&str],
        reason: Option<String>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return Ok(());
        };
        if room.presence == Presence::Outside {
            return Ok(());
        }
        room.occupants.clear();
        room.lists = 0;
        let text = if status.contains(&"301") {
            "You were banned."
        } else if status.contains(&"321") || status.contains(&"322") {
            "You are no longer a member."
        } else if status.contains(&"307") && !status.contains(&"333") {
            "You were put out of the room."
        } else {
            // A fault of the room or of the connection: again, later.
            room.presence = Presence::Joining(turn.now.moment);
            self.conversations.redraw(jid);
            return Ok(());
        };
        room.presence = Presence::Refused(text.to_owned());
        room.kept.wanted = false;
        self.keep_room(jid);
        self.publish_bookmark(jid, turn);
        self.conversations.redraw(jid);
        if let Some(number) = self.conversations.find(jid) {
            let reason = reason.unwrap_or_else(|| text.to_owned());
            self.note(number, Happened::Expelled(reason), turn)?;
        }
        Ok(())
    }
}
