//! What owners do: setting a room up, and destroying it (XEP-0045 §10).

use std::sync::Arc;

use base::Jid;
use store::{AuditNote, Batch, RoomConfig, RoomPerson};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, FormKind};
use xmpp::xep::muc::{Affiliation, Destroy, Role, status};
use xmpp::xml::{Element, Writer};

use super::room::{Room, State, Who};
use super::show::{self, Notice};
use super::talk::{announce_status, require};
use super::{admin, config_form, enter};
use crate::modules::{Reply, store_failed};
use crate::{Chat, Sender};

fn is_owner(state: &State, sender: &Sender) -> Result<(), StanzaError> {
    let who = Who::of(sender);
    require(
        state.affiliation(&who),
        Affiliation::Owner,
        "Only owners set a room up.",
    )
}

/// §10.2: the form.
pub(super) fn form(
    room: &Room,
    sender: &Sender,
    _payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let state = room.state();
    is_owner(&state, sender)?;
    let mut out = Writer::with_capacity(4096);
    out.start("query").xmlns(ns::MUC_OWNER);
    config_form::form(&state, room.jid().as_str()).write(&mut out);
    out.end();
    Ok(Reply::payload(out.finish()))
}

/// A filled-in form, a cancellation, or the end of the room.
pub(super) async fn submit(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    if let Some(element) = payload.child("destroy", ns::MUC_OWNER) {
        let end = Destroy::read(element)?;
        is_owner(&room.state(), sender)?;
        destroy(chat, room, end, None).await?;
        return Ok(Reply::empty());
    }
    let form = payload.child("x", ns::DATA_FORMS).ok_or_else(|| {
        StanzaError::new(StanzaCondition::BadRequest)
            .text("Please send the form of the room's configuration, filled in.")
    })?;
    let form = DataForm::read(form)?;
    match form.kind {
        FormKind::Cancel => {
            let locked = {
                let state = room.state();
                is_owner(&state, sender)?;
                state.config.locked
            };
            // §10.1.3: whoever gives up setting a new room up gives up the room.
            if locked {
                destroy(chat, room, Destroy::default(), None).await?;
            }
            Ok(Reply::empty())
        }
        FormKind::Submit => {
            configure(chat, room, sender, &form).await?;
            Ok(Reply::empty())
        }
        FormKind::Form | FormKind::Result => Err(StanzaError::new(StanzaCondition::BadRequest)
            .text("The form of the room's configuration has the type submit or cancel.")),
    }
}

async fn configure(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    form: &DataForm,
) -> Result<(), StanzaError> {
    let _turn = room.turn().await;
    let (old, submitted, people) = {
        let state = room.state();
        if state.gone {
            return Err(super::no_room());
        }
        is_owner(&state, sender)?;
        let mut submitted = config_form::read(form, &state.config)?;
        submitted.config.locked = false;
        if submitted.config.group != state.config.group {
            is_of_group(sender, submitted.config.group.as_deref())?;
        }
        let people = people(&state, submitted.admins.take(), submitted.owners.take())?;
        (Arc::clone(&state.config), submitted.config, people)
    };
    // One commit: a form is taken whole or not at all.
    let mut batch = Batch::new();
    if submitted != *old {
        batch.room_config_set(room.id(), &submitted);
    }
    admin::set_people(chat, room, batch, people).await?;
    if submitted == *old {
        return Ok(());
    }
    apply(chat, room, &old, submitted);
    Ok(())
}

/// A department's room is for the people of a group of the directory, and so is none of the private groups that
/// the house's rules have encrypted: whoever makes it belongs to that group, or administers the server.
fn is_of_group(sender: &Sender, group: Option<&str>) -> Result<(), StanzaError> {
    let Some(group) = group else { return Ok(()) };
    let belongs = sender.account().is_some_and(|account| {
        let facts = account.facts();
        facts.account.role.administers() || facts.account.groups.iter().any(|own| &**own == group)
    });
    if belongs {
        return Ok(());
    }
    Err(StanzaError::new(StanzaCondition::Forbidden).text(
        "A department's room is made by people of that group of the directory, or by an administrator.",
    ))
}

/// Who changes standing when the lists of admins and owners are to be these.
fn people(
    state: &State,
    admins: Option<Vec<Jid>>,
    owners: Option<Vec<Jid>>,
) -> Result<Vec<RoomPerson>, StanzaError> {
    let mut people = Vec::new();
    for (list, standing, kept) in [
        (&owners, Affiliation::Owner, store::Affiliation::Owner),
        (&admins, Affiliation::Admin, store::Affiliation::Admin),
    ] {
        let Some(list) = list else { continue };
        if standing == Affiliation::Owner && list.is_empty() {
            return Err(StanzaError::new(StanzaCondition::Conflict)
                .text("A room needs an owner; please name one."));
        }
        let named = |address: &str| list.iter().any(|jid| jid.bare_str() == address);
        for (address, person) in &state.people {
            let elsewhere = owners
                .as_ref()
                .is_some_and(|owners| owners.iter().any(|jid| jid.bare_str() == &**address));
            if person.affiliation == standing && !named(address) && !elsewhere {
                let mut person = state.person(address);
                person.affiliation = store::Affiliation::Member;
                people.push(person);
            }
        }
        for jid in list {
            let address = jid.bare_str();
            let now = state.people.get(address).map(|person| person.affiliation);
            let is_owner = standing == Affiliation::Admin
                && owners
                    .as_ref()
                    .map_or(now == Some(Affiliation::Owner), |owners| {
                        owners.iter().any(|jid| jid.bare_str() == address)
                    });
            if now != Some(standing) && !is_owner {
                people.retain(|person: &RoomPerson| &*person.address != address);
                let mut person = state.person(address);
                person.affiliation = kept;
                people.push(person);
            }
        }
    }
    Ok(people)
}

/// What another configuration means for those who are there (§10.2.1).
pub(super) fn apply(chat: &Chat, room: &Room, old: &RoomConfig, config: RoomConfig) {
    chat.rooms().note(chat, room, Some(&config));
    {
        let mut state = room.state();
        state.config = Arc::new(config);
        let new = Arc::clone(&state.config);
        let mut outputs = Vec::new();
        show::flush(room, &mut state, &mut outputs);
        let mut codes = Vec::new();
        if new.archived != old.archived {
            codes.push(if new.archived {
                status::LOGGING
            } else {
                status::NO_LOGGING
            });
        }
        if new.whois != old.whois {
            codes.push(if state.is_non_anonymous() {
                status::NOW_NON_ANONYMOUS
            } else {
                status::NOW_SEMI_ANONYMOUS
            });
        }
        let other = RoomConfig {
            archived: old.archived,
            whois: old.whois,
            locked: old.locked,
            ..(*new).clone()
        };
        if other != *old {
            codes.push(status::CONFIGURATION);
        }
        if !old.locked {
            outputs.extend(announce_status(room, &mut state, &codes));
        }
        // A group's people may come and go with the group's name.
        if new.group != old.group {
            let all: Vec<_> = state
                .occupants
                .values()
                .map(|occupant| (Arc::clone(&occupant.nick), occupant.bare.clone()))
                .collect();
            for (nick, bare) in all {
                let affiliation = state.affiliation(&Who::at(chat, bare));
                let known = state.occupants.get(&nick).map(|one| one.affiliation);
                if known.is_some_and(|known| known != affiliation) {
                    admin::settle(
                        room,
                        &mut state,
                        &nick,
                        affiliation,
                        &Notice::default(),
                        &mut outputs,
                    );
                }
            }
        }
        if new.members_only && !old.members_only {
            // §10.2: whoever is no member goes.
            let strangers: Vec<Arc<str>> = state
                .occupants
                .values()
                .filter(|occupant| occupant.affiliation < Affiliation::Member)
                .map(|occupant| Arc::clone(&occupant.nick))
                .collect();
            let notice = Notice::gone(&[status::MEMBERS_ONLY]);
            for nick in strangers {
                admin::remove(room, &mut state, &nick, &notice, &mut outputs);
            }
        }
        if new.moderated != old.moderated && !new.moderated {
            let silent: Vec<Arc<str>> = state
                .occupants
                .values()
                .filter(|occupant| occupant.role == Role::Visitor)
                .map(|occupant| Arc::clone(&occupant.nick))
                .collect();
            for nick in silent {
                admin::grant_voice(room, &mut state, &nick, true, &mut outputs);
            }
        }
        room.say(outputs);
    }
    room.line.drain(chat);
}

/// §10.9: ends the room; everyone in it is told where to go instead.
pub(super) async fn destroy(
    chat: &Chat,
    room: &Arc<Room>,
    end: Destroy,
    note: Option<AuditNote>,
) -> Result<(), StanzaError> {
    let _turn = room.turn().await;
    if room.state().gone {
        return Err(super::no_room());
    }
    let removed = chat.store().room_remove_noted(room.id(), note).await;
    removed.map_err(|error| store_failed(&error))?;
    {
        let mut state = room.state();
        state.gone = true;
        let notice = Notice {
            destroy: Some(end),
            ..Notice::gone(&[])
        };
        let outputs = enter::everyone_out(room, &mut state, &notice);
        room.say(outputs);
    }
    chat.rooms().note(chat, room, None);
    chat.rooms().forget(room);
    room.line.drain(chat);
    Ok(())
}
