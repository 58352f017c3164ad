//! What is said in rooms and by them (XEP-0045 §7.4, §8.1), and invitations (§7.8, XEP-0249).

use base::{BareJid, Jid};
use xmpp::ns;
use xmpp::xep::muc::Item;
use xmpp::xml::{Stanza, Writer};

use super::{Presence, note_affiliation};
use crate::client::Client;
use crate::event::Event;
use crate::messages::Way;
use crate::storage::{Storage, StorageError};
use crate::timeline::apply::Arrival;
use crate::timeline::record::{Author, Happened};
use crate::turn::Turn;
use crate::views::ConversationKind;

impl<S: Storage> Client<S> {
    /// Something was said in a room, or by it.
    pub(crate) fn room_message_came(
        &mut self,
        from: &Jid,
        message: &Stanza,
        way: &Way,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let jid = from.bare();
        let Some(room) = self.rooms.all.get_mut(&jid) else {
            return Ok(());
        };
        if way.live {
            room.heard = turn.now.moment;
        }
        let Some(number) = self.conversations.find(&jid) else {
            return Ok(());
        };
        let nick = from.resource();
        let user = message.child("x", ns::MUC_USER).map(|x| x.tree());
        if way.live && self.room_itself_said(&jid, nick, message, user.as_ref(), turn)? {
            return Ok(());
        }
        let item = user
            .as_ref()
            .and_then(|tree| tree.root().child("item", ns::MUC_USER))
            .and_then(|item| Item::read(item).ok());
        let occupant_id = message
            .child("occupant-id", ns::OCCUPANT_ID)
            .and_then(|child| child.tree().root().attr("id").map(str::to_owned));
        let Some(room) = self.rooms.all.get(&jid) else {
            return Ok(());
        };
        let here = room
            .occupants
            .iter()
            .find(|(name, occupant)| match &occupant_id {
                Some(id) => occupant.id.as_ref() == Some(id),
                None => nick == Some(name),
            });
        // Only an archive shows real addresses in messages; in what is live they are the sender's own words.
        let real = if way.live {
            None
        } else {
            item.and_then(|item| item.jid.map(|jid| jid.bare()))
        };
        let real = real.or_else(|| here.and_then(|(_, occupant)| occupant.real.clone()));
        // Another one may have had our name here before us.
        let us = room.occupants.get(&room.kept.nick);
        let other = us
            .and_then(|us| us.id.as_ref())
            .is_some_and(|us| occupant_id.as_ref().is_some_and(|id| id != us));
        let own = match &real {
            Some(real) => *real == self.settings.account,
            None => !other && nick.is_some_and(|nick| nick == room.kept.nick),
        };
        let author = Author {
            own,
            account: real.clone(),
            nick: nick.map(str::to_owned),
            occupant: occupant_id,
        };
        if message.has("subject", ns::CLIENT) && !message.has("body", ns::CLIENT) {
            return self.subject_came(number, nick, message, way, turn);
        }
        let moderates = nick.is_none();
        if !moderates && self.speaks_for_the_room(message) {
            return Ok(());
        }
        let id = message
            .id()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let arrival = Arrival {
            number,
            author,
            id,
            archive_id: way.archive_id.clone(),
            time: way.time,
            key: None,
            live: way.live,
            private: None,
        };
        let from = real.unwrap_or_else(|| jid.clone());
        self.arrived(arrival, message, way, &from, &jid, true, turn)
    }

    /// Only the room itself says who has moderated (XEP-0425 §4).
    pub(super) fn speaks_for_the_room(&self, message: &Stanza) -> bool {
        let retract = message.child("retract", ns::RETRACTION);
        retract.is_some_and(|retract| {
            let tree = retract.tree();
            tree.root().child("moderated", ns::MODERATION).is_some()
        })
    }

    /// What the room says of itself: another configuration, other members.
    pub(crate) fn room_itself_said(
        &mut self,
        jid: &BareJid,
        nick: Option<&str>,
        message: &Stanza,
        user: Option<&xmpp::xml::Tree>,
        turn: &Turn<'_>,
    ) -> Result<bool, StorageError> {
        let Some(root) = user.filter(|_| nick.is_none()).map(xmpp::xml::Tree::root) else {
            return Ok(false);
        };
        let changed = root
            .children()
            .any(|child| child.is("status", ns::MUC_USER) && child.attr("code") == Some("104"));
        if changed {
            self.look_at_room(jid, turn);
        }
        let items: Vec<Item> = root
            .children()
            .filter(|child| child.is("item", ns::MUC_USER))
            .filter_map(|item| Item::read(item).ok())
            .collect();
        if !items.is_empty() {
            self.change_room(jid, |room| {
                for item in items {
                    if let (Some(real), Some(affiliation)) = (item.jid, item.affiliation) {
                        note_affiliation(&mut room.kept, &real.bare(), affiliation);
                    }
                }
            });
            self.tell(Event::Members(jid.clone().into()));
        }
        Ok(!message.has("body", ns::CLIENT) && !message.has("retract", ns::RETRACTION))
    }

    pub(super) fn subject_came(
        &mut self,
        number: u32,
        nick: Option<&str>,
        message: &Stanza,
        way: &Way,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if !way.live {
            return Ok(());
        }
        let subject = message.child("subject", ns::CLIENT);
        let subject = subject.map(|child| child.tree().root().text().into_owned());
        let subject: String = subject.unwrap_or_default().chars().take(2_000).collect();
        let Some(record) = self.conversations.get(number) else {
            return Ok(());
        };
        if record.subject == subject {
            return Ok(());
        }
        // What is told while entering is no news.
        let news = record.last.is_some() && !message.has("delay", ns::DELAY) && nick.is_some();
        if let Some(record) = self.conversations.change(number) {
            record.subject.clone_from(&subject);
        }
        if news {
            let by = nick.unwrap_or_default().to_owned();
            self.note(number, Happened::Subject(by, subject), turn)?;
        }
        Ok(())
    }

    /// Somebody wants us in a room. Says whether it was that.
    pub(crate) fn invitation_came(
        &mut self,
        from: &Jid,
        message: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StorageError> {
        let mediated = message.child("x", ns::MUC_USER).and_then(|x| {
            let tree = x.tree();
            let invite = tree.root().child("invite", ns::MUC_USER)?;
            let by = invite.attr("from").and_then(|by| Jid::parse(by).ok());
            Some((from.bare(), by, false))
        });
        let direct = || {
            let tree = message.child("x", ns::CONFERENCE)?.tree();
            let room = BareJid::parse(tree.root().attr("jid")?).ok()?;
            Some((room, Some(from.clone()), true))
        };
        let Some((room, by, by_themselves)) = mediated.or_else(direct) else {
            return Ok(false);
        };
        if self.is_person(&room) {
            return Ok(false);
        }
        let by = by.map(|by| by.bare()).filter(|by| *by != room);
        let by_us = by.as_ref() == Some(&self.settings.account);
        let blocked = by.as_ref().is_some_and(|by| self.people.is_blocked(by));
        // Whoever was taken out while away was not let in, and wants to be in all the same.
        let inside =
            self.rooms.all.get(&room).is_some_and(|room| {
                room.kept.wanted && !matches!(room.presence, Presence::Refused(_))
            });
        if by_us || blocked || inside {
            return Ok(true);
        }
        let known = by.as_ref().is_some_and(|by| {
            by.domain() == self.settings.account.domain()
                || self.people.get(by).is_some_and(|person| person.in_roster)
        });
        // Who has invited us, a room says; of those whom we know we believe it of our own server only.
        let told_truly = by_themselves || self.is_of_our_house(&room);
        let by = by.filter(|_| told_truly || !known);
        let known = known && told_truly;
        let number = self.room_conversation(&room, ConversationKind::Room, turn);
        if known {
            // Whoever belongs to us may put us into a group, as they may write to us.
            self.join_room(&room, None, turn);
            self.publish_bookmark(&room, turn);
        } else {
            self.rooms.all.entry(room.clone()).or_default();
            self.keep_room(&room);
        }
        self.note(number, Happened::Invited(by), turn)?;
        Ok(true)
    }

    /// Whether our own server has the room.
    fn is_of_our_house(&self, room: &BareJid) -> bool {
        let own = self.settings.account.domain();
        let below = room.domain().strip_suffix(own);
        below.is_some_and(|below| below.ends_with('.'))
            || self.surroundings.rooms.as_deref() == Some(room.domain())
    }

    pub(crate) fn send_subject(&mut self, jid: &BareJid, subject: &str) -> bool {
        let mut writer = Writer::new();
        writer.start("message").attr("to", jid.as_str());
        writer.attr("type", "groupchat");
        writer.leaf_text("subject", None, subject).end();
        self.send(writer.into_bytes()).is_some()
    }
}
