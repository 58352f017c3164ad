//! What is written into a room by somebody who is not in it: a person by the REST interface, a webhook. It takes its place in
//! the room's line as everything that is said there, and is marked as what it is.

use std::sync::Arc;

use base::{BareJid, Now};
use store::{ArchiveId, ArchiveOwner, Batch, EntryFlags, Submitted};
use xmpp::ns;
use xmpp::xep::muc::{Affiliation, Item, Role};
use xmpp::xep::occupant_id;
use xmpp::xml::{Stanza, Writer};

use super::governing::RoomRefusal;
use super::line::{Entry, Output, Said, Shared};
use super::room::{Room, State, Who};
use super::{RoomMessage, listeners, show};
use crate::modules::{content, encryption, omemo, stanza_ids};
use crate::{Account, Chat};

/// Longest text, in bytes.
pub const MOST_POSTED_BYTES: usize = 20_000;

/// Who writes.
#[derive(Clone)]
pub enum Poster {
    /// A person of ours.
    Person(Arc<Account>),
    /// A webhook of the room.
    Hook {
        /// Its id.
        id: Arc<str>,
        /// Under which name it writes.
        name: Arc<str>,
    },
}

/// What is written.
#[derive(Clone, Debug, Default)]
pub struct Post {
    /// The text, with XEP-0393 styling if any.
    pub text: String,
    /// The id of the stanza; a fresh one, without.
    pub id: Option<String>,
}

/// A place in the line for somebody who has no place in the room.
struct Voice {
    nick: Arc<str>,
    /// Whose unread messages this is none of.
    bare: BareJid,
    id: String,
    item: Item,
}

impl Chat {
    /// Writes into an open room. Gives the id under which the room's archive keeps it, when it does, after the commit.
    ///
    /// # Errors
    /// [`RoomRefusal::Encrypted`] in private groups, whose people encrypt; [`RoomRefusal::NoVoice`], [`RoomRefusal::NoSuchRoom`].
    pub async fn post_in_room(
        &self,
        local: &str,
        poster: &Poster,
        post: &Post,
        now: Now,
    ) -> Result<Option<ArchiveId>, RoomRefusal> {
        let text = post.text.trim();
        if text.is_empty() {
            return Err(RoomRefusal::Invalid("there is no text; write something"));
        }
        if text.len() > MOST_POSTED_BYTES {
            return Err(RoomRefusal::Invalid(
                "the text is too long; send at most 20,000 bytes",
            ));
        }
        loop {
            let room = self.room(local).await?.ok_or(RoomRefusal::NoSuchRoom)?;
            room.touch(now.moment);
            let planned = {
                let mut state = room.state();
                if state.gone {
                    continue;
                }
                plan(self, &room, &mut state, poster, post, now)
            };
            let Submitted { ids, ticket, .. } = planned?;
            let kept = ticket.await;
            room.line.drain(self);
            kept?;
            return Ok(ids.first().copied());
        }
    }

    /// Whether the server can write into a room at all.
    ///
    /// # Errors
    /// [`RoomRefusal::Encrypted`], [`RoomRefusal::NoSuchRoom`].
    pub async fn can_be_posted_in(&self, local: &str) -> Result<(), RoomRefusal> {
        let room = self.room(local).await?.ok_or(RoomRefusal::NoSuchRoom)?;
        let config = room.config();
        if config.locked {
            return Err(RoomRefusal::NoSuchRoom);
        }
        readable(self, &config)
    }
}

fn readable(chat: &Chat, config: &store::RoomConfig) -> Result<(), RoomRefusal> {
    if encryption::is_sealed(chat, config) {
        return Err(RoomRefusal::Encrypted);
    }
    Ok(())
}

fn plan(
    chat: &Chat,
    room: &Arc<Room>,
    state: &mut State,
    poster: &Poster,
    post: &Post,
    now: Now,
) -> Result<Submitted, RoomRefusal> {
    if state.config.locked {
        return Err(RoomRefusal::NoSuchRoom);
    }
    let voice = voice(chat, room, state, poster)?;
    readable(chat, &state.config)?;
    let id = post
        .id
        .as_deref()
        .filter(|id| !id.is_empty() && id.len() <= 128);
    let fresh = id.is_none().then(|| chat.new_id("post"));
    let id = id.or(fresh.as_deref()).unwrap_or_default();
    let mut out = Writer::with_capacity(post.text.len() + 512);
    out.start("message")
        .attr("from", room.occupant_jid(&voice.nick))
        .attr("type", "groupchat")
        .attr("id", id);
    out.leaf_text("body", None, &legible(post.text.trim()));
    if let Poster::Hook { id, .. } = poster {
        out.start("webhook").xmlns(ns::WEBHOOK).attr("id", id).end();
    }
    occupant_id::write(&voice.id, &mut out);
    out.end();
    let text = out.into_bytes();
    let stanza = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| Stanza::parse(text).ok())
        .ok_or(RoomRefusal::Invalid("the text cannot be written as XML"))?;
    let mut batch = Batch::new();
    if state.config.archived {
        let mut x = Writer::with_capacity(160);
        x.start("x").xmlns(ns::MUC_USER);
        voice.item.write(&mut x);
        x.end();
        batch.archive(
            ArchiveOwner {
                id: room.id().into(),
                with: voice.bare.as_str(),
                with_resource: Some(&voice.nick),
                flags: EntryFlags {
                    groupchat: true,
                    mentions: !content::mentioned(&stanza).is_empty(),
                    ..EntryFlags::default()
                },
            },
            &stanza_ids::with_child(&text, &x.finish()),
        );
        chat.metrics().messages_kept.increment();
    }
    let submitted = if batch.is_empty() {
        Submitted::nothing()
    } else {
        chat.store().submit(batch)
    };
    let id = submitted.ids.first().copied();
    let sent = match id {
        Some(id) => stanza_ids::with_id(&text, room.jid().as_str(), id),
        None => text,
    };
    let mut outputs = Vec::new();
    show::flush(room, state, &mut outputs);
    let copies = omemo::Copies::of(chat, &stanza, &sent);
    outputs.push(Output::Many(
        Arc::new(Shared::message(copies)),
        state.audience(),
    ));
    let said = Said {
        id,
        at: id.map_or(now.wall, ArchiveId::timestamp),
        text: sent,
    };
    let told = chat.pushes_to_anybody().then(|| {
        Box::new(RoomMessage {
            room: Arc::clone(room),
            kept: id.is_some(),
            meant: listeners::meant(room, state, &stanza),
            sender: voice.bare,
        })
    });
    room.line.push(Entry {
        ticket: submitted.ticket.clone(),
        outputs,
        said: Some(said),
        told,
    });
    Ok(submitted)
}

/// Characters that XML cannot carry are left out.
fn legible(text: &str) -> String {
    text.chars()
        .filter(|letter| matches!(letter, '\t' | '\n') || !letter.is_control())
        .filter(|letter| !matches!(letter, '\u{fffe}' | '\u{ffff}'))
        .collect()
}

fn voice(chat: &Chat, room: &Room, state: &State, poster: &Poster) -> Result<Voice, RoomRefusal> {
    match poster {
        Poster::Person(account) => {
            let who = Who::account(account);
            if state.is_secret_from(&who) {
                return Err(RoomRefusal::NoSuchRoom);
            }
            let affiliation = state.affiliation(&who);
            let barred = affiliation < Affiliation::Member
                && (state.config.members_only || state.config.password.is_some())
                && !state.is_present(&who.bare);
            let role = state.role_of(affiliation);
            if barred || role < Role::Participant {
                return Err(RoomRefusal::NoVoice);
            }
            let here = state.occupants.values().find(|one| one.bare == who.bare);
            let nick = match here {
                Some(here) => Arc::clone(&here.nick),
                None => own_nick(state, account),
            };
            Ok(Voice {
                nick,
                id: room.occupant_id(chat, &who.bare),
                item: Item {
                    affiliation: Some(affiliation),
                    role: Some(role),
                    jid: Some(who.bare.clone().into()),
                    ..Item::default()
                },
                bare: who.bare,
            })
        }
        Poster::Hook { id, name } => {
            let taken = state.occupants.contains_key(name) || state.reserved.contains_key(name);
            let nick = if taken {
                format!("{name} (webhook)").into()
            } else {
                Arc::clone(name)
            };
            // No account has such a name: nobody becomes the hook by making one.
            let bare = room.jid().clone();
            let secret = chat.config().secret;
            let of = format!("{}\0{}\0hook", room.jid().as_str(), room.id().number());
            Ok(Voice {
                nick,
                bare,
                id: occupant_id::occupant_id(&secret, &of, id),
                item: Item {
                    affiliation: Some(Affiliation::None),
                    role: Some(Role::Participant),
                    ..Item::default()
                },
            })
        }
    }
}

/// The nickname of somebody who is not there: the one that is reserved for it, or its name.
fn own_nick(state: &State, account: &Account) -> Arc<str> {
    let address = account.jid().as_str();
    if let Some(nick) = state
        .people
        .get(address)
        .and_then(|person| person.nick.clone())
    {
        return nick;
    }
    let local = account.jid().local().unwrap_or_default();
    let name = account.facts().account.display_name.clone();
    let name = name.as_deref().unwrap_or(local).trim().to_owned();
    let free =
        |nick: &str| !state.occupants.contains_key(nick) && !state.reserved.contains_key(nick);
    let usable = |nick: &str| !nick.is_empty() && !nick.chars().any(char::is_control);
    if usable(&name) && free(&name) {
        name.into()
    } else if free(local) {
        local.into()
    } else {
        address.into()
    }
}
