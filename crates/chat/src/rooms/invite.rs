//! Messages to a room that are not for all: invitations and their refusal, and requests for voice
//! (XEP-0045 §7.8, §7.13, §8.6)

use std::sync::Arc;

use base::{BareJid, Jid, Now};
use store::{Batch, RoomInvitation, Whois};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::DataForm;
use xmpp::xep::muc::{Affiliation, Mediated, Role, VoiceRequest};
use xmpp::xml::{Stanza, Writer};

use super::invitations::MOST_GIVEN;
use super::line::Output;
use super::room::{Room, Who};
use super::talk::{outside, shared};
use super::{admin, show};
use crate::modules::{blocks, store_failed};
use crate::service::Served;
use crate::{Chat, Sender};

/// People invited by one message at most.
const MOST_INVITED: usize = 50;

/// A message to the room's own address that is not of the type groupchat.
pub(super) async fn to_room(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    stanza: &Stanza,
    now: Now,
) -> Result<Served, StanzaError> {
    if let Some(child) = stanza.child("x", ns::DATA_FORMS)
        && let Ok(form) = DataForm::read(child.tree().root())
        && let Some(request) = VoiceRequest::read(&form)
    {
        return voice(chat, room, sender, &request);
    }
    if let Some(x) = stanza.child("x", ns::MUC_USER) {
        let tree = x.tree();
        let mut invites = Vec::new();
        let mut declines = Vec::new();
        for child in tree.root().children() {
            if child.is("invite", ns::MUC_USER) {
                invites.push(Mediated::read(child)?);
            } else if child.is("decline", ns::MUC_USER) {
                declines.push(Mediated::read(child)?);
            }
        }
        drop(tree);
        if !invites.is_empty() {
            invites.truncate(MOST_INVITED);
            for invite in invites {
                invite_one(chat, room, sender, &invite, now).await?;
            }
            return Ok(Served::default());
        }
        if let Some(decline) = declines.into_iter().next() {
            return decline_one(chat, room, sender, &decline, now).await;
        }
    }
    // §17.2: anything else that is not for all.
    Err(StanzaError::new(StanzaCondition::BadRequest)
        .text("A message to everyone in a room has the type groupchat."))
}

/// §7.8.2: somebody in the room invites somebody, who becomes a member if that is needed to enter.
async fn invite_one(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    invite: &Mediated,
    now: Now,
) -> Result<(), StanzaError> {
    let who = Who::of(sender);
    let target = Who::at(chat, invite.to.bare());
    // XEP-0191: who is blocked finds the same way closed as the direct one, and changes nothing.
    let account = chat.account(&target.bare).await;
    let account = account.map_err(|error| store_failed(&error))?;
    let room_jid = Jid::from(room.jid().clone());
    if account.is_some_and(|to| blocks(&to, sender.jid()) || blocks(&to, &room_jid)) {
        return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
    }
    let (from, password, needs_membership) = {
        let state = room.state();
        let affiliation = state.affiliation(&who);
        let here = state.occupant_of(sender.jid());
        if here.is_none() && affiliation < Affiliation::Member {
            return Err(outside(&state, sender));
        }
        let least = if !state.config.members_only {
            Affiliation::None
        } else if state.config.members_invite {
            Affiliation::Member
        } else {
            Affiliation::Admin
        };
        if affiliation < least {
            return Err(StanzaError::new(StanzaCondition::Forbidden)
                .text("Invitations to this room are for admins to give."));
        }
        let theirs = state.affiliation(&target);
        not_banned(theirs)?;
        if affiliation < Affiliation::Admin
            && state.invitations.given_by(who.bare.as_str()) >= MOST_GIVEN
        {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint).text(
                "Very many people whom you have invited have not come yet; please ask an admin of \
                 the room to invite more.",
            ));
        }
        let from = match (state.config.whois, here) {
            (Whois::Moderators, Some(here)) => room.occupant_jid(&here.nick),
            (Whois::Moderators, None) => room.jid().as_str().to_owned(),
            (Whois::Anyone, _) => who.bare.as_str().to_owned(),
        };
        (
            from,
            state.config.password.clone(),
            state.config.members_only && theirs < Affiliation::Member,
        )
    };
    if needs_membership {
        admin::make_member(chat, room, &target.bare, None, |state| {
            not_banned(state.affiliation(&target))
        })
        .await?;
    }
    remember(chat, room, &target.bare, &who.bare, now).await?;
    let mut out = Writer::with_capacity(512);
    out.start("message")
        .attr("from", room.jid().as_str())
        .attr("to", invite.to.as_str())
        .attr("id", chat.new_id("invitation"));
    out.start("x").xmlns(ns::MUC_USER);
    invite.write("invite", &from, &mut out);
    if let Some(password) = &password {
        out.leaf_text("password", None, password.expose());
    }
    out.end();
    // XEP-0249, for clients that know nothing else.
    out.start("x")
        .xmlns(ns::CONFERENCE)
        .attr("jid", room.jid().as_str())
        .attr_opt("reason", invite.reason.as_deref())
        .attr_opt("password", password.as_ref().map(|text| text.expose()));
    if let Some(thread) = &invite.thread {
        out.attr("continue", "true")
            .attr_opt("thread", thread.as_deref());
    }
    out.end().end();
    post(chat, room, &out.finish(), now).await
}

fn not_banned(affiliation: Affiliation) -> Result<(), StanzaError> {
    if affiliation == Affiliation::Outcast {
        return Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("This person is banned from the room."));
    }
    Ok(())
}

/// Keeps that somebody was invited, until the person comes or refuses.
async fn remember(
    chat: &Chat,
    room: &Arc<Room>,
    invitee: &BareJid,
    inviter: &BareJid,
    now: Now,
) -> Result<(), StanzaError> {
    let invitation = RoomInvitation {
        invitee: invitee.as_str().into(),
        inviter: inviter.as_str().into(),
        at: now.wall,
    };
    let mut batch = Batch::new();
    batch.room_invitation_set(room.id(), invitation.clone());
    {
        let mut state = room.state();
        if state.is_present(invitee) {
            return Ok(());
        }
        if let Some(oldest) = state.invitations.add(&invitation) {
            batch.room_invitation_end(room.id(), &oldest.invitee, Some(&oldest.inviter));
        }
    }
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))
}

/// §7.8.2: the invitee would rather not. Who has invited is told, nobody else: the answer to all others
/// is the same, whether they are in the room or not.
async fn decline_one(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    decline: &Mediated,
    now: Now,
) -> Result<Served, StanzaError> {
    let invitee = sender.jid().bare();
    let (to, inviter) = {
        let state = room.state();
        let open = |inviter: &str| state.invitations.is_open(invitee.as_str(), inviter);
        let found = if decline.to.bare_str() != room.jid().as_str() {
            let inviter = decline.to.bare();
            open(inviter.as_str()).then(|| (Jid::from(inviter.clone()), inviter))
        } else if let Some(nick) = decline.to.resource() {
            // In a semi-anonymous room the inviter is known by nickname,
            let inviter = state.occupants.get(nick);
            inviter
                .filter(|inviter| open(inviter.bare.as_str()))
                .and_then(|inviter| Some((inviter.jid()?.clone(), inviter.bare.clone())))
        } else {
            // and by none when not there.
            let mut inviters = state.invitations.inviters(invitee.as_str());
            let inviter = inviters.next().and_then(|one| BareJid::parse(one).ok());
            inviter.map(|inviter| (Jid::from(inviter.clone()), inviter))
        };
        found.ok_or_else(|| {
            StanzaError::new(StanzaCondition::ItemNotFound)
                .text("You have no invitation from there that is still open.")
        })?
    };
    let mut batch = Batch::new();
    batch.room_invitation_end(room.id(), invitee.as_str(), Some(inviter.as_str()));
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    {
        let mut state = room.state();
        if !state
            .invitations
            .end(invitee.as_str(), Some(inviter.as_str()))
            || state.affiliation(&Who::at(chat, inviter)) == Affiliation::Outcast
        {
            return Ok(Served::default());
        }
    }
    let mut out = Writer::with_capacity(256);
    out.start("message")
        .attr("from", room.jid().as_str())
        .attr("to", to.as_str())
        .attr("id", chat.new_id("refusal"));
    out.start("x").xmlns(ns::MUC_USER);
    decline.write("decline", sender.jid().bare_str(), &mut out);
    out.end().end();
    post(chat, room, &out.finish(), now).await?;
    Ok(Served::default())
}

/// Sends a message of the room to an address, as an account's own messages are sent: kept, waiting.
async fn post(chat: &Chat, room: &Room, text: &str, now: Now) -> Result<(), StanzaError> {
    let Ok(message) = Stanza::parse(text) else {
        return Err(StanzaError::new(StanzaCondition::InternalServerError));
    };
    chat.post(room.jid().clone().into(), &message, now).await
}

/// §7.13 and §8.6: a visitor asks for voice, or a moderator grants it.
fn voice(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    request: &VoiceRequest,
) -> Result<Served, StanzaError> {
    {
        let mut state = room.state();
        let asker = state
            .occupant_of(sender.jid())
            .ok_or_else(|| outside(&state, sender))?;
        let mut outputs = Vec::new();
        match request.allow {
            Some(allow) => {
                if asker.role < Role::Moderator {
                    return Err(StanzaError::new(StanzaCondition::Forbidden)
                        .text("Only moderators grant voice."));
                }
                if let (true, Some(nick)) = (allow, &request.nick) {
                    admin::grant_voice(room, &mut state, nick, false, &mut outputs);
                }
            }
            None => {
                if asker.role != Role::Visitor || request.role != Some(Role::Participant) {
                    return Err(StanzaError::new(StanzaCondition::BadRequest)
                        .text("Only visitors of a moderated room ask for voice."));
                }
                if !state.config.voice_requests {
                    return Err(StanzaError::new(StanzaCondition::Forbidden)
                        .text("In this room nobody may ask for voice."));
                }
                let jid = asker.jid().map_or("", Jid::as_str);
                let form = VoiceRequest::approval_form(jid, &asker.nick);
                let mut out = Writer::with_capacity(1024);
                out.start("message").attr("from", room.jid().as_str());
                form.write(&mut out);
                out.end();
                let audience = state.audience_from(Role::Moderator);
                outputs.push(Output::Many(shared(&out.finish()), audience));
            }
        }
        show::flush(room, &mut state, &mut outputs);
        room.say(outputs);
    }
    room.line.drain(chat);
    Ok(Served::default())
}
