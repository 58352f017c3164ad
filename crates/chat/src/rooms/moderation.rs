//! XEP-0425: Moderated Message Retraction

use std::sync::Arc;

use base::Now;
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::moderation::{ModerationRequest, Moderator};
use xmpp::xep::muc::{Affiliation, Role};
use xmpp::xml::{Edit, Element, Head, Stanza, Writer};

use super::archive;
use super::line::Entry;
use super::room::{Room, Who};
use crate::modules::{Reply, archive_query, stanza_ids, store_failed};
use crate::readable_rooms::without_address;
use crate::{Chat, Sender};

/// §4: a moderator takes a message back. The archive keeps a tombstone in its place, and everyone is
/// told.
pub(super) async fn moderate(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    payload: Element<'_>,
    now: Now,
) -> Result<Reply, StanzaError> {
    let request = ModerationRequest::read(payload).ok_or_else(|| {
        StanzaError::new(StanzaCondition::BadRequest)
            .text("Please name the message that is to be taken back.")
    })?;
    let who = Who::of(sender);
    let by = {
        let state = room.state();
        let here = state.occupant_of(sender.jid());
        let moderates = here.is_some_and(|occupant| occupant.role == Role::Moderator)
            || state.affiliation(&who) >= Affiliation::Admin;
        if !moderates {
            return Err(StanzaError::new(StanzaCondition::Forbidden)
                .text("Only moderators take back what others have said."));
        }
        here.map_or_else(
            || room.jid().as_str().to_owned(),
            |occupant| room.occupant_jid(&occupant.nick),
        )
    };
    let id = request
        .id
        .parse::<ArchiveId>()
        .map_err(|_| archive_query::not_found())?;
    let kept = archive::find(chat, room, id).await?;
    let kept = kept.ok_or_else(archive_query::not_found)?;
    let occupant_id = room.occupant_id(chat, &who.bare);
    let moderator = Moderator {
        by: &by,
        occupant_id: &occupant_id,
        reason: request.reason.as_deref(),
    };

    let mut retracted = Writer::with_capacity(512);
    moderator.write_retracted(now.wall, &mut retracted);
    let stone = tombstone(&kept.stanza, &retracted.finish()).ok_or_else(|| {
        StanzaError::new(StanzaCondition::InternalServerError)
            .text("This message of the archive cannot be read.")
    })?;
    let mut out = Writer::with_capacity(512);
    out.start("message")
        .attr("from", room.jid().as_str())
        .attr("id", chat.new_id("moderation"))
        .attr("type", "groupchat");
    moderator.write_retract(&request.id, &mut out);
    out.end();
    let told: bytes::Bytes = out.into_bytes();

    let ticket = {
        let mut state = room.state();
        if state.gone {
            return Err(super::no_room());
        }
        let mut batch = Batch::new();
        batch.room_tombstone_set(room.id(), id, &stone);
        if state.config.archived {
            batch.archive(
                ArchiveOwner {
                    id: room.id().into(),
                    with: room.jid().as_str(),
                    with_resource: None,
                    flags: EntryFlags {
                        groupchat: true,
                        quiet: true,
                        ..EntryFlags::default()
                    },
                },
                &told,
            );
        }
        let submitted = chat.store().submit(batch);
        let ticket = submitted.ticket;
        let told_id = submitted.ids.first().copied();
        let sent = match told_id {
            Some(id) => stanza_ids::with_id(&told, room.jid().as_str(), id),
            None => told,
        };
        let outputs = vec![state.for_all(std::str::from_utf8(&sent).unwrap_or_default())];
        room.line.push(Entry {
            ticket: ticket.clone(),
            outputs,
            said: None,
            told: None,
        });
        ticket
    };
    let kept = ticket.await;
    room.line.drain(chat);
    kept.map_err(|error| store_failed(&error))?;
    let shown = stanza_ids::with_id(&without_address(&stone), room.jid().as_str(), id);
    room.line.replace(id, &shown);
    Ok(Reply::empty())
}

/// A kept message without what was said in it: who has said it stays known.
pub(super) fn tombstone(stanza: &bytes::Bytes, retracted: &str) -> Option<bytes::Bytes> {
    let parsed = Stanza::parse(std::str::from_utf8(stanza).ok()?).ok()?;
    let received = parsed.head();
    let head = Head {
        ..received.as_head()
    };
    Some(parsed.relay(
        &head,
        &Edit {
            drop: &|child| {
                !child.is("occupant-id", ns::OCCUPANT_ID) && !child.is("x", ns::MUC_USER)
            },
            append: retracted.as_bytes(),
        },
    ))
}
