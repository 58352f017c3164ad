//! Making rooms, and learning what kind they are and who is in them (XEP-0045 §6.4, §9, §10).

use base::BareJid;
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::disco::Info;
use xmpp::xep::muc::{Affiliation, Item};
use xmpp::xml::Writer;

use super::{Kept, Presence, Room, note_affiliation};
use crate::client::Client;
use crate::connection::requests::{Answer, Asked, words};
use crate::event::Event;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;
use crate::views::ConversationKind;

impl<S: Storage> Client<S> {
    /// Makes a group or room and is in it.
    pub(crate) fn create_room(
        &mut self,
        name: &str,
        members: Vec<BareJid>,
        group: bool,
        turn: &mut Turn<'_>,
    ) -> BareJid {
        let service = match &self.surroundings.rooms {
            Some(service) => service.clone(),
            None => format!("rooms.{}", self.settings.account.domain()),
        };
        let local = base::id::short(&turn.bytes::<10>());
        let jid =
            BareJid::new(Some(&local), &service).unwrap_or_else(|_| self.settings.account.clone());
        let kind = if group {
            ConversationKind::Group
        } else {
            ConversationKind::Room
        };
        let number = self.room_conversation(&jid, kind, turn);
        if let Some(record) = self.conversations.change(number) {
            record.name = Some(name.to_owned());
            record.earlier = None;
        }
        let kept = Kept {
            nick: self.usual_nick(),
            wanted: true,
            group,
            making: Some((name.to_owned(), members, group)),
            ..Kept::default()
        };
        let room = Room {
            kept,
            ..Room::default()
        };
        self.rooms.all.insert(jid.clone(), room);
        self.keep_room(&jid);
        self.enter(&jid, turn);
        jid
    }

    /// Asks what kind of room it is; the rest follows.
    pub(super) fn look_at_room(&mut self, jid: &BareJid, turn: &Turn<'_>) {
        let query = format!("<query xmlns='{}'/>", ns::DISCO_INFO);
        let asked = Asked::RoomInfo(jid.clone());
        self.ask(false, Some(jid.as_str()), &query, asked, turn);
    }

    pub(crate) fn room_is_set_up(
        &mut self,
        jid: &BareJid,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return Ok(());
        };
        match answer {
            Answer::Result(_) => {
                let making = room.kept.making.take();
                self.keep_room(jid);
                for member in making.into_iter().flat_map(|(_, members, _)| members) {
                    self.invite(jid, &member, turn);
                }
                self.publish_bookmark(jid, turn);
                self.look_at_room(jid, turn);
            }
            Answer::Error(error) => {
                let text = words(error);
                room.presence = Presence::Refused(text);
                self.refused("make the room", error);
                self.conversations.redraw(jid);
            }
            Answer::None => {
                if room.presence == Presence::Inside {
                    return self.we_are_in(jid, false, turn);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn room_info_came(
        &mut self,
        jid: &BareJid,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(found) = answer.payload().map(Info::read) else {
            if matches!(answer, Answer::None) && self.rooms.is_joined(jid) {
                self.look_at_room(jid, turn);
            }
            return Ok(());
        };
        let has = |feature: &str| found.features.iter().any(|found| found == feature);
        let group = has("muc_membersonly") && has("muc_nonanonymous");
        let archived = has(ns::ARCHIVE);
        let name = found
            .identities
            .iter()
            .find(|identity| identity.category == "conference")
            .and_then(|identity| identity.name.clone());
        let about = found
            .forms
            .iter()
            .find(|form| form.form_type == ns::MUC_ROOM_INFO);
        let told = |var: &str| {
            let (_, values) = about?.fields.iter().find(|(name, _)| name == var)?;
            values.first().filter(|value| !value.is_empty()).cloned()
        };
        let department = told("muc#roominfo_ldapgroup");
        let picture = told("muc#roominfo_avatarhash");
        self.change_room(jid, |room| {
            room.kept.department = department;
            room.kept.group = group;
            room.kept.archived = Some(archived);
        });
        let kind = if group {
            ConversationKind::Group
        } else {
            ConversationKind::Room
        };
        let number = self.room_conversation(jid, kind, turn);
        let was = self.conversations.get(number).map(|record| record.kind);
        if was == Some(ConversationKind::Group) && !group {
            self.tell(Event::Refused {
                what: "keep the group private".to_owned(),
                text: "It is open now: its server can read what is said in it from now on."
                    .to_owned(),
            });
        }
        if let Some(record) = self.conversations.change(number) {
            record.kind = kind;
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                record.name = Some(name.into_owned());
            }
        }
        self.room_picture_is(jid, picture, turn)?;
        for affiliation in [Affiliation::Owner, Affiliation::Admin, Affiliation::Member] {
            let mut writer = Writer::new();
            writer.start("query").xmlns(ns::MUC_ADMIN).start("item");
            writer.attr("affiliation", affiliation.as_str()).end().end();
            let asked = Asked::RoomMembers(jid.clone());
            self.ask(false, Some(jid.as_str()), &writer.finish(), asked, turn);
        }
        if archived {
            self.read_archive(jid, turn)?;
        } else {
            let room = jid.clone();
            self.outbox_sure(|record| record.jid == room);
        }
        self.outbox.due = true;
        Ok(())
    }

    pub(crate) fn room_members_came(
        &mut self,
        jid: &BareJid,
        answer: Answer<'_>,
        turn: &Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(room) = self.rooms.all.get_mut(jid) else {
            return Ok(());
        };
        match answer {
            Answer::Result(query) => {
                if room.lists == 0 {
                    room.kept.members.clear();
                    let present: Vec<(BareJid, Affiliation)> = room
                        .occupants
                        .values()
                        .filter_map(|occupant| Some((occupant.real.clone()?, occupant.affiliation)))
                        .collect();
                    for (real, affiliation) in present {
                        note_affiliation(&mut room.kept, &real, affiliation);
                    }
                }
                room.lists = room.lists.saturating_add(1);
                let items = query.into_iter().flat_map(xmpp::xml::Element::children);
                for item in items.filter_map(|item| Item::read(item).ok()) {
                    if let (Some(real), Some(affiliation)) = (item.jid, item.affiliation) {
                        note_affiliation(&mut room.kept, &real.bare(), affiliation);
                    }
                }
            }
            // Some rooms hide one of the lists from members: who is in the others is known.
            Answer::Error(_) => room.lists = room.lists.saturating_add(1),
            Answer::None => {
                if room.presence == Presence::Inside {
                    room.lists = 0;
                    self.look_at_room(jid, turn);
                }
                return Ok(());
            }
        }
        self.keep_room(jid);
        self.outbox.due = true;
        self.tell(Event::Members(jid.clone().into()));
        Ok(())
    }

    /// Lets somebody into a room: makes a member of them, and tells them.
    pub(crate) fn invite(&mut self, jid: &BareJid, who: &BareJid, turn: &Turn<'_>) {
        if self.rooms.all.get(jid).is_some_and(|room| room.kept.group) {
            self.set_affiliation(jid, who, Affiliation::Member, Asked::Nothing, turn);
        }
        let mut writer = Writer::new();
        writer.start("message").attr("to", jid.as_str());
        writer.start("x").xmlns(ns::MUC_USER);
        writer
            .start("invite")
            .attr("to", who.as_str())
            .end()
            .end()
            .end();
        self.send(writer.into_bytes());
    }

    pub(crate) fn set_affiliation(
        &mut self,
        jid: &BareJid,
        who: &BareJid,
        affiliation: Affiliation,
        asked: Asked,
        turn: &Turn<'_>,
    ) -> bool {
        let mut writer = Writer::new();
        writer.start("query").xmlns(ns::MUC_ADMIN).start("item");
        writer.attr("affiliation", affiliation.as_str());
        writer.attr("jid", who.as_str()).end().end();
        let sent = self.ask(true, Some(jid.as_str()), &writer.finish(), asked, turn);
        if sent {
            self.change_room(jid, |room| {
                note_affiliation(&mut room.kept, who, affiliation)
            });
        }
        sent
    }
}

/// The form that makes a room: by the preset of our own server, with the same field by field for others.
pub(super) fn set_up(name: &str, group: bool) -> String {
    let flag = |on: bool| if on { "1" } else { "0" };
    let mut form = DataForm::new(FormKind::Submit, ns::MUC_ROOM_CONFIG);
    let mut add = |var: &str, value: &str| {
        form.fields.push(Field {
            var: var.to_owned(),
            values: vec![value.to_owned()],
            ..Field::default()
        });
    };
    if group {
        add("hauspost#preset", "group-chat");
    }
    add("muc#roomconfig_roomname", name);
    add("muc#roomconfig_persistentroom", "1");
    add("muc#roomconfig_membersonly", flag(group));
    add("muc#roomconfig_publicroom", flag(!group));
    add(
        "muc#roomconfig_whois",
        if group { "anyone" } else { "moderators" },
    );
    let mut writer = Writer::new();
    writer.start("query").xmlns(ns::MUC_OWNER);
    form.write(&mut writer);
    writer.end();
    writer.finish()
}
