//! XEP-0486: MUC Avatars

use std::sync::Arc;

use store::Batch;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::muc::{Affiliation, status};
use xmpp::xep::room_avatar::hashes;
use xmpp::xml::{Element, Writer};

use super::room::{Room, Who};
use super::talk::{announce_status, require};
use crate::modules::{Reply, store_failed};
use crate::{Chat, Sender};

/// §4.3: the card, empty when there is none.
pub(super) async fn get(chat: &Chat, room: &Room) -> Result<Reply, StanzaError> {
    let card = chat.store().room_vcard(room.id()).await;
    let card = card.map_err(|error| store_failed(&error))?;
    Ok(Reply::payload(card.unwrap_or_else(|| {
        let mut empty = Writer::new();
        empty.leaf("vCard", ns::VCARD);
        empty.finish()
    })))
}

/// §4.1: owners give the room a card; everyone there is told that something has changed.
pub(super) async fn set(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let who = Who::of(sender);
    let affiliation = room.state().affiliation(&who);
    require(
        affiliation,
        Affiliation::Owner,
        "Only owners give a room its picture.",
    )?;
    let most = chat.config().limits.private_xml_bytes;
    let card = payload.raw().into_owned();
    if card.len() > most {
        return Err(
            StanzaError::new(StanzaCondition::ResourceConstraint).text(format!(
                "A card may have {most} bytes, this one has {}; please use a smaller picture.",
                card.len()
            )),
        );
    }
    let empty = payload.children().next().is_none();
    let avatar: Vec<Arc<str>> = hashes(payload).into_iter().map(Into::into).collect();
    let _turn = room.turn().await;
    let mut batch = Batch::new();
    batch.room_vcard_set(room.id(), (!empty).then_some(&*card), avatar.clone());
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    {
        let mut state = room.state();
        state.avatar = avatar;
        let told = announce_status(room, &mut state, &[status::CONFIGURATION]);
        room.say(told.into_iter().collect());
    }
    room.line.drain(chat);
    Ok(Reply::empty())
}
