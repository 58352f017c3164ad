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

/// Members may reserve a nickname, and anyone may become a member of an open room.
fn may_register(state: &State, affiliation: Affiliation) -> Result<(), StanzaError> {
    match affiliation {
        Affiliation::Outcast => {
            Err(StanzaError::new(StanzaCondition::Forbidden).text("You are banned from this room."))
        }
        Affiliation::None if state.config.members_only || state.config.password.is_some() => {
            Err(StanzaError::new(StanzaCondition::NotAllowed)
                .text("Members of this room are invited; please ask one of them."))
        }
        _ => Ok(()),
    }
}

/// What must be told to register, or how one is registered.
pub(super) fn form(room: &Room, sender: &Sender) -> Result<Reply, StanzaError> {
    let who = Who::of(sender);
    let state = room.state();
    may_register(&state, state.affiliation(&who))?;
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
    {
        let state = room.state();
        may_register(&state, state.affiliation(&who))?;
        enter::free_nick(&state, nick, who.bare.as_str())?;
    }
    admin::make_member(chat, room, &who.bare, Some(nick)).await?;
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
