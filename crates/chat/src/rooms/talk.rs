//! What is said in a room: messages to all, the subject (XEP-0045 §7.4, §8.1).

use std::sync::Arc;

use base::Now;
use bytes::Bytes;
use store::{ArchiveOwner, Batch, EntryFlags, RoomSubject, Submitted, Ticket};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::hints::Hints;
use xmpp::xep::muc::{Affiliation, Item, Role};
use xmpp::xep::occupant_id;
use xmpp::xml::{Child, Edit, Head, Stanza, Writer};

use super::line::{Entry, Output, Said, Shared};
use super::retraction::{self, Retraction};
use super::room::{Occupant, Room, State, Who};
use super::{RoomMessage, history, listeners, no_room, show};
use crate::modules::encryption::{self, Talk};
use crate::modules::{MessageType, content, omemo, stanza_ids, store_failed};
use crate::service::{Served, Taken};
use crate::{Chat, Sender};

/// Takes a message to all. `None`: the room is gone; look for it again.
pub(super) fn groupchat(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    stanza: &Stanza,
    now: Now,
) -> Option<Taken> {
    room.touch(now.moment);
    let retraction = Retraction::of(sender.jid().bare(), stanza, now);
    let planned = {
        let mut state = room.state();
        if state.gone {
            return None;
        }
        plan(chat, room, &mut state, sender, stanza, now)
    };
    Some(match planned {
        Err(error) => Taken::Refused(error),
        Ok(ticket) if ticket.is_done() && retraction.is_none() => {
            room.line.drain(chat);
            Taken::Done
        }
        Ok(ticket) => {
            let (chat, room) = (chat.clone(), Arc::clone(room));
            Taken::Later(Box::pin(async move {
                let kept = ticket.await;
                room.line.drain(&chat);
                kept.map_err(|error| store_failed(&error))?;
                if let Some(retraction) = retraction {
                    retraction::carry_out(&chat, &room, retraction).await?;
                }
                Ok(Served::default())
            }))
        }
    })
}

/// Whether a message sets the subject: it has one and no body (§7.2.15).
fn sets_subject(stanza: &Stanza) -> bool {
    stanza.has("subject", ns::CLIENT) && !stanza.has("body", ns::CLIENT)
}

/// Decides about a message, submits what must be kept, and puts the rest into the line.
fn plan(
    chat: &Chat,
    room: &Arc<Room>,
    state: &mut State,
    sender: &Sender,
    stanza: &Stanza,
    now: Now,
) -> Result<Ticket, StanzaError> {
    let jid = sender.jid();
    if state.config.locked && state.occupant_of(jid).is_none() {
        return Err(no_room());
    }
    let occupant = state
        .occupant_of(jid)
        .ok_or_else(|| outside(state, sender))?;
    let subject = sets_subject(stanza);
    if subject {
        may_set_subject(state, occupant)?;
    } else if occupant.role < Role::Participant {
        return Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("In this room you may listen; ask a moderator for voice."));
    }
    let talk = Talk::in_room(&state.config);
    if let Some(error) = talk.and_then(|talk| encryption::refusal(chat, talk, stanza)) {
        return Err(error);
    }
    let text = reflected(chat, room, state, occupant, stanza);
    let quiet = subject || content::is_about_others(stanza);
    let keeps = keeps(state, stanza, subject);
    let mut batch = Batch::new();
    if keeps {
        let archived = with_sender(&text, occupant);
        batch.archive(
            ArchiveOwner {
                id: room.id().into(),
                with: occupant.bare.as_str(),
                with_resource: Some(&occupant.nick),
                flags: EntryFlags {
                    groupchat: true,
                    quiet,
                    mentions: !content::mentioned(stanza).is_empty(),
                    ..EntryFlags::default()
                },
            },
            &archived,
        );
        chat.metrics().messages_kept.increment();
    }
    if subject {
        batch.room_subject_set(
            room.id(),
            RoomSubject {
                stanza: text.clone(),
                at: now.wall,
            },
        );
    }
    let sender = occupant.bare.clone();
    let nick = Arc::clone(&occupant.nick);
    let Submitted { ids, ticket, .. } = if batch.is_empty() {
        Submitted::nothing()
    } else {
        chat.store().submit(batch)
    };
    let id = ids.first().copied();
    let sent = match id {
        Some(id) => stanza_ids::with_id(&text, room.jid().as_str(), id),
        None => text.clone(),
    };
    let mut outputs = Vec::new();
    show::speaks(state, &nick);
    show::flush(room, state, &mut outputs);
    let copies = omemo::Copies::of(chat, stanza, &sent);
    outputs.push(Output::Many(
        Arc::new(Shared::message(copies)),
        state.audience(),
    ));
    let at = id.map_or(now.wall, |id| id.timestamp());
    let said = (!subject && (stanza.has("body", ns::CLIENT) || content::is_encrypted(stanza)))
        .then(|| Said {
            id,
            at,
            text: sent.clone(),
        });
    if subject {
        // A subject that is not kept after all is shown until the room leaves memory.
        state.subject = Some(subject_text(stanza).into());
        room.line
            .set_subject(history::with_delay(&text, Some(room.jid().clone().into()), at).into());
    }
    let wakes =
        !quiet && content::wakes(stanza, MessageType::GroupChat) && chat.pushes_to_anybody();
    let told = wakes.then(|| {
        Box::new(RoomMessage {
            room: Arc::clone(room),
            kept: id.is_some(),
            meant: listeners::meant(room, state, stanza),
            sender,
        })
    });
    room.line.push(Entry {
        ticket: ticket.clone(),
        outputs,
        said,
        told,
    });
    Ok(ticket)
}

/// §7.4: whoever is not in the room says nothing in it, nor to those who are; and from whom the room
/// is a secret does not learn of it.
pub(super) fn outside(state: &State, sender: &Sender) -> StanzaError {
    if state.is_secret_from(&Who::of(sender)) {
        return no_room();
    }
    StanzaError::new(StanzaCondition::NotAcceptable)
        .text("You are not in this room; please enter it first.")
}

/// §8.1.
fn may_set_subject(state: &State, occupant: &Occupant) -> Result<(), StanzaError> {
    let may = occupant.role == Role::Moderator
        || (state.config.occupants_change_subject && occupant.role == Role::Participant);
    if may {
        return Ok(());
    }
    Err(StanzaError::new(StanzaCondition::Forbidden)
        .text("In this room moderators set the subject."))
}

fn subject_text(stanza: &Stanza) -> String {
    stanza
        .child("subject", ns::CLIENT)
        .map(|subject| subject.tree().root().text().into_owned())
        .unwrap_or_default()
}

/// What a room's archive keeps: as an account's does (XEP-0313 §6.1.1), and every subject.
fn keeps(state: &State, stanza: &Stanza, subject: bool) -> bool {
    if !state.config.archived {
        return false;
    }
    let hints = Hints::of(stanza);
    !hints.no_store && (subject || hints.store || content::is_conversation(stanza))
}

/// The message as occupants get it, without `to`: from the occupant, with its id, and without what
/// only the room may say.
fn reflected(
    chat: &Chat,
    room: &Room,
    state: &State,
    occupant: &Occupant,
    stanza: &Stanza,
) -> Bytes {
    let mut id = Writer::with_capacity(96);
    occupant_id::write(&occupant.id, &mut id);
    let id = id.finish();
    let house = chat.domain();
    // XEP-0359 §4: ids that only the room or the recipients' accounts may give.
    let forged = |child: &Child<'_>| {
        stanza_ids::giver(child).is_some_and(|by| {
            by.bare_str() == room.jid().as_str()
                || by.domain() == &*house
                || state.is_present(&by.bare())
        })
    };
    let drop = |child: &Child<'_>| {
        matches!(
            child.namespace(),
            ns::MUC_USER | ns::MUC_ADMIN | ns::MUC_OWNER | ns::OCCUPANT_ID | ns::MODERATION
        ) || forged(child)
            || child.is("delay", ns::DELAY)
            || is_forged_retraction(child)
    };
    let from = room.occupant_jid(&occupant.nick);
    let received = stanza.head();
    let head = Head {
        from: Some(&from),
        to: None,
        ..received.as_head()
    };
    stanza.relay(
        &head,
        &Edit {
            drop: &drop,
            append: id.as_bytes(),
        },
    )
}

/// XEP-0425 §6: only the room itself says that something was moderated.
fn is_forged_retraction(child: &Child<'_>) -> bool {
    child.namespace() == ns::RETRACTION
        && child
            .tree()
            .root()
            .child("moderated", ns::MODERATION)
            .is_some()
}

/// The message as the archive keeps it: with the real address of who has sent it, which readers who
/// may not know it do not get (XEP-0313 §6.1.2).
fn with_sender(text: &Bytes, occupant: &Occupant) -> Bytes {
    let mut x = Writer::with_capacity(160);
    x.start("x").xmlns(ns::MUC_USER);
    Item {
        affiliation: Some(occupant.affiliation),
        role: Some(occupant.role),
        jid: occupant.jid().cloned(),
        ..Item::default()
    }
    .write(&mut x);
    x.end();
    stanza_ids::with_child(text, &x.finish())
}

/// A message of the room itself to all (a change of its configuration, say).
pub(super) fn announce(room: &Room, state: &mut State, payload: &str) -> Output {
    let mut out = Writer::with_capacity(192);
    out.start("message")
        .attr("from", room.jid().as_str())
        .attr("type", "groupchat");
    out.raw(payload);
    out.end();
    state.for_all(&out.finish())
}

/// A message that says nothing but status codes.
pub(super) fn announce_status(room: &Room, state: &mut State, codes: &[u16]) -> Option<Output> {
    if codes.is_empty() {
        return None;
    }
    let mut x = Writer::with_capacity(128);
    x.start("x").xmlns(ns::MUC_USER);
    for code in codes {
        xmpp::xep::muc::write_status(*code, &mut x);
    }
    x.end();
    Some(announce(room, state, &x.finish()))
}

/// Somebody of at least this standing, or a refusal.
pub(super) fn require(
    affiliation: Affiliation,
    least: Affiliation,
    text: &str,
) -> Result<(), StanzaError> {
    if affiliation >= least {
        Ok(())
    } else {
        Err(StanzaError::new(StanzaCondition::Forbidden).text(text))
    }
}

/// `Output` for the subject that newcomers get: empty when none was ever set (§7.2.15).
pub(super) fn subject_for_newcomers(
    room: &Room,
    subject: Option<&RoomSubject>,
) -> (Option<Arc<str>>, Bytes) {
    match subject {
        Some(subject) => {
            let text = std::str::from_utf8(&subject.stanza)
                .ok()
                .and_then(|text| Stanza::parse(text).ok())
                .map(|stanza| subject_text(&stanza));
            let stanza =
                history::with_delay(&subject.stanza, Some(room.jid().clone().into()), subject.at);
            (text.map(Into::into), stanza.into())
        }
        None => {
            let mut out = Writer::with_capacity(128);
            out.start("message")
                .attr("from", room.jid().as_str())
                .attr("type", "groupchat");
            out.start("subject").end().end();
            (None, out.into_bytes())
        }
    }
}

/// The text of something for many.
pub(super) fn shared(text: &str) -> Arc<Shared> {
    Arc::new(Shared::of(text))
}
