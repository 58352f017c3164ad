//! Registering with a room: a reserved nickname, and membership of an open room (XEP-0045 §7.10)

use std::sync::Arc;

use store::Batch;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::muc::Affiliation;
use xmpp::xml::{Element, Writer};

use super::room::{Room, State, Who};
use super::{admin, enter};
use crate::modules::{Reply, store_failed};
use crate::{Chat, Sender};

/// Members may reserve a nickname, and people of this server may become members of an open room.
///
/// Those of other servers may not by themselves: one such server has as many people as it likes, and
/// each would take a nickname and a place. Nor does anyone get a voice this way.
fn may_register(state: &State, sender: &Sender) -> Result<(), StanzaError> {
    let not_allowed = |text: &str| Err(StanzaError::new(StanzaCondition::NotAllowed).text(text));
    match state.affiliation(&Who::of(sender)) {
        Affiliation::Outcast => {
            Err(StanzaError::new(StanzaCondition::Forbidden).text("You are banned from this room."))
        }
        Affiliation::None if state.config.members_only || state.config.password.is_some() => {
            not_allowed("Members of this room are invited; please ask one of them.")
        }
        Affiliation::None if state.config.moderated => {
            not_allowed("Members of this room have a voice; please ask its admins to make you one.")
        }
        Affiliation::None if sender.account().is_none() => {
            not_allowed("People of other servers are made members by the admins of this room.")
        }
        _ => Ok(()),
    }
}

/// What must be told to register, or how one is registered.
pub(super) fn form(room: &Room, sender: &Sender) -> Result<Reply, StanzaError> {
    let who = Who::of(sender);
    let state = room.state();
    may_register(&state, sender)?;
    let mut out = Writer::with_capacity(512);
    out.start("query").xmlns(ns::REGISTER);
    let nick = state
        .people
        .get(who.bare.as_str())
        .and_then(|person| person.nick.clone());
    if let Some(nick) = nick {
        out.start("registered").end();
        out.leaf_text("username", None, &nick);
    } else {
        out.leaf_text(
            "instructions",
            None,
            "Choose the nickname that is to be yours in this room.",
        );
        let mut nick = Field::new("muc#register_roomnick", "text-single", [""; 0]);
        nick.required = true;
        nick.label = Some("Nickname".to_owned());
        DataForm::new(FormKind::Form, ns::MUC_REGISTER)
            .with(nick)
            .write(&mut out);
    }
    out.end();
    Ok(Reply::payload(out.finish()))
}

/// Registers, or takes a registration back.
pub(super) async fn submit(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let who = Who::of(sender);
    if payload.child("remove", ns::REGISTER).is_some() {
        return remove(chat, room, &who).await;
    }
    let form = payload.child("x", ns::DATA_FORMS);
    let form = form.map(DataForm::read).transpose()?;
    let nick = form
        .as_ref()
        .filter(|form| form.kind == FormKind::Submit)
        .and_then(|form| form.field("muc#register_roomnick"))
        .and_then(Field::value)
        .map(str::trim)
        .filter(|nick| !nick.is_empty())
        .ok_or_else(|| {
            StanzaError::new(StanzaCondition::BadRequest)
                .text("Please fill in the form: the nickname that is to be yours.")
        })?;
    let nick = room.jid().with_resource(nick).map_err(|_| {
        StanzaError::new(StanzaCondition::NotAcceptable).text("That is no nickname.")
    })?;
    let nick = nick.resource();
    enter::check_nick(nick)?;
    admin::make_member(chat, room, &who.bare, Some(nick), |state| {
        may_register(state, sender)?;
        enter::free_nick(state, nick, who.bare.as_str())
    })
    .await?;
    Ok(Reply::empty())
}

async fn remove(chat: &Chat, room: &Arc<Room>, who: &Who) -> Result<Reply, StanzaError> {
    let _turn = room.turn().await;
    let bare = who.bare.as_str();
    if room
        .state()
        .people
        .get(bare)
        .is_none_or(|person| person.nick.is_none())
    {
        return Err(StanzaError::new(StanzaCondition::RegistrationRequired)
            .text("You have no reserved nickname in this room."));
    }
    let mut batch = Batch::new();
    batch.room_nick_set(room.id(), bare, None);
    let submitted = chat.store().submit(batch);
    let version = submitted.version;
    let kept = submitted.ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    let mut state = room.state();
    let mut person = state.person(bare);
    person.nick = None;
    state.note_person(&person);
    state.version = version;
    Ok(Reply::empty())
}
