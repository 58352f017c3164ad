//! Private messages between occupants (XEP-0045 §7.5)

use std::sync::Arc;

use base::{BareJid, Jid};
use bytes::Bytes;
use smallvec::SmallVec;
use store::{ArchiveOwner, Batch, EntryFlags, PrivateMessages, Submitted};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::hints::Hints;
use xmpp::xep::muc::Role;
use xmpp::xep::occupant_id;
use xmpp::xml::{Child, Edit, Head, Stanza, Writer};

use super::line::{Output, Shared};
use super::room::{Occupant, Room, State};
use super::talk::outside;
use crate::modules::encryption::{self, Talk};
use crate::modules::{MessageType, blocks, content, omemo, stanza_ids, store_failed};
use crate::service::Served;
use crate::{Account, Chat, Sender};

/// Whether one occupant may write to another alone.
fn may_write(state: &State, from: &Occupant, to: &Occupant) -> bool {
    match state.config.private_messages {
        PrivateMessages::Anyone => true,
        PrivateMessages::Participants => from.role >= Role::Participant,
        PrivateMessages::Moderators => from.role == Role::Moderator || to.role == Role::Moderator,
        PrivateMessages::None => false,
    }
}

/// Whether somebody has blocked an occupant (XEP-0191 §5): by the address in the room, or by the real one where that is
/// `known` to him.
pub(super) fn is_barred(account: &Account, room: &Room, nick: &str, known: Option<&Jid>) -> bool {
    let seen = Jid::parse(&room.occupant_jid(nick));
    seen.is_ok_and(|seen| blocks(account, &seen)) || known.is_some_and(|jid| blocks(account, jid))
}

/// A message to one occupant. It is kept as one between two people is: in the archives of the two
/// accounts, as far as they are ours.
pub(super) async fn message(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    nick: &str,
    stanza: &Stanza,
) -> Result<Served, StanzaError> {
    let (text, from_nick, to_bare, audience, in_room, sees_addresses) = {
        let state = room.state();
        let from = state
            .occupant_of(sender.jid())
            .ok_or_else(|| outside(&state, sender))?;
        let to = state.occupants.get(nick).ok_or_else(|| {
            StanzaError::new(StanzaCondition::ItemNotFound)
                .text("Nobody of that name is in the room.")
        })?;
        if !may_write(&state, from, to) {
            return Err(StanzaError::new(StanzaCondition::NotAllowed)
                .text("Private messages are switched off for you in this room."));
        }
        let audience: Vec<_> = to
            .sessions
            .iter()
            .map(|attendance| Arc::clone(&attendance.recipient))
            .collect();
        (
            private(room, from, &to.bare, stanza),
            Arc::clone(&from.nick),
            to.bare.clone(),
            audience,
            Talk::in_room(&state.config),
            state.is_non_anonymous() || to.role == Role::Moderator,
        )
    };
    let is_ours = to_bare.domain() == &*chat.domain();
    for talk in [Talk::between(sender, is_ours), in_room]
        .into_iter()
        .flatten()
    {
        if let Some(error) = encryption::refusal(chat, talk, stanza) {
            return Err(error);
        }
    }
    let hints = Hints::of(stanza);
    let keeps = !hints.no_store && (hints.store || content::is_conversation(stanza));
    let ours = if is_ours {
        let account = chat.account(&to_bare).await;
        account.map_err(|error| store_failed(&error))?
    } else {
        None
    };
    let known = sees_addresses.then(|| sender.jid());
    if ours
        .as_deref()
        .is_some_and(|account| is_barred(account, room, &from_nick, known))
    {
        return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
    }
    let mut batch = Batch::new();
    let mut archived = false;
    if keeps && chat.config().archive {
        let mut owners: SmallVec<[ArchiveOwner<'_>; 2]> = SmallVec::new();
        if let Some(account) = &ours {
            archived = true;
            owners.push(ArchiveOwner {
                id: account.id().into(),
                with: room.jid().as_str(),
                with_resource: Some(&from_nick),
                flags: EntryFlags::default(),
            });
        }
        if let Some(account) = sender.account()
            && ours.as_ref().is_none_or(|other| other.id() != account.id())
        {
            owners.push(ArchiveOwner {
                id: account.id().into(),
                with: room.jid().as_str(),
                with_resource: Some(nick),
                flags: EntryFlags {
                    outgoing: true,
                    ..EntryFlags::default()
                },
            });
        }
        if !owners.is_empty() {
            batch.archive_shared(&text, &owners);
        }
    }
    let Submitted { ids, ticket, .. } = if batch.is_empty() {
        Submitted::nothing()
    } else {
        chat.store().submit(batch)
    };
    if let Some(account) = &ours
        && !sender.is_of(account)
        && content::wakes(stanza, MessageType::of(stanza))
    {
        chat.note(account, room.jid().as_str(), &ticket);
    }
    ticket.await.map_err(|error| store_failed(&error))?;
    let text = match ids.first().filter(|_| archived) {
        Some(id) => stanza_ids::with_id(&text, to_bare.as_str(), *id),
        None => text,
    };
    let copies = omemo::Copies::of(chat, stanza, &text);
    let output = Output::Many(Arc::new(Shared::message(copies)), audience.into());
    {
        let state = room.state();
        if !state.gone {
            room.say(vec![output]);
        }
    }
    room.line.drain(chat);
    Ok(Served::default())
}

/// The message as its recipient gets it, without `to`: what only the room or the recipient's account may
/// say is taken out.
fn private(room: &Room, from: &Occupant, to: &BareJid, stanza: &Stanza) -> Bytes {
    let mut append = Writer::with_capacity(160);
    append.leaf("x", ns::MUC_USER);
    occupant_id::write(&from.id, &mut append);
    let append = append.finish();
    let drop = |child: &Child<'_>| {
        matches!(
            child.namespace(),
            ns::MUC_USER | ns::MUC_ADMIN | ns::MUC_OWNER | ns::OCCUPANT_ID
        ) || stanza_ids::claims(child, to.as_str())
            || stanza_ids::claims(child, room.jid().as_str())
            || child.is("delay", ns::DELAY)
    };
    let address = room.occupant_jid(&from.nick);
    let received = stanza.head();
    let head = Head {
        from: Some(&address),
        to: None,
        ..received.as_head()
    };
    let edit = Edit {
        drop: &drop,
        append: append.as_bytes(),
    };
    stanza.relay(&head, &edit)
}
