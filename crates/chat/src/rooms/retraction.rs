//! XEP-0424: Message Retraction, in a room: what its author has taken back is not handed out any more.

use std::sync::Arc;

use base::{BareJid, Now};
use store::{ArchiveId, Batch};
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xml::{Stanza, Writer};

use super::room::Room;
use super::{archive, moderation};
use crate::Chat;
use crate::modules::{stanza_ids, store_failed};
use crate::readable_rooms::without_address;

/// What a message of an occupant takes back.
pub(super) struct Retraction {
    author: BareJid,
    /// The message that is taken back, by the id that the room gave to it (§5.1).
    id: ArchiveId,
    /// The `<retracted/>` that stands in its place (§4).
    mark: String,
}

impl Retraction {
    /// Reads it. `None` when the message takes nothing back that this room could know, or has no id of its
    /// own that the mark could name.
    pub(super) fn of(author: BareJid, stanza: &Stanza, now: Now) -> Option<Self> {
        let retract = stanza.child("retract", ns::RETRACTION)?;
        let id = retract.tree().root().attr("id")?.parse().ok()?;
        let mut mark = Writer::with_capacity(160);
        mark.start("retracted")
            .xmlns(ns::RETRACTION)
            .attr("id", stanza.id()?)
            .attr("stamp", now.wall.to_string())
            .end();
        Some(Self {
            author,
            id,
            mark: mark.finish(),
        })
    }
}

/// §4: puts a tombstone in the place of a message, if it is its author who takes it back (§5), and it was
/// not taken back before. To be done when everyone was told.
///
/// # Errors
/// When the store fails.
pub(super) async fn carry_out(
    chat: &Chat,
    room: &Arc<Room>,
    retraction: Retraction,
) -> Result<(), StanzaError> {
    let Retraction { author, id, mark } = retraction;
    let Some(kept) = archive::find_by(chat, room, id, &author).await? else {
        return Ok(());
    };
    let stones = chat.store().room_tombstones(room.id(), id, id).await;
    if !stones.map_err(|error| store_failed(&error))?.is_empty() {
        return Ok(());
    }
    let Some(stone) = moderation::tombstone(&kept.stanza, &mark) else {
        return Ok(());
    };
    let mut batch = Batch::new();
    batch.room_tombstone_set(room.id(), id, &stone);
    let put = chat.store().submit(batch).ticket.await;
    put.map_err(|error| store_failed(&error))?;
    let shown = stanza_ids::with_id(&without_address(&stone), room.jid().as_str(), id);
    room.line.replace(id, &shown);
    Ok(())
}
