//! Rooms (XEP-0045 and what stands on it): the service at `rooms.<domain>`.
//!
//! A [`Room`] is in memory while somebody is in it or uses it, and is loaded from the store when it is
//! asked for. Each has a short lock for its state, an async turn for changes of what is kept (commit
//! first, then memory, then telling), and a [line](line) that fixes one order for everyone in it:
//! archive, delivery and presence. A message is planned and submitted under the lock, so the order of
//! ids in the archive is that of the line, and it is delivered when its commit is known.
//!
//! Two plain presets, as configurations of the store: a group chat (hidden, for members, who see each
//! other) and a department's room (the people of a group of the directory).

mod admin;
mod archive;
mod avatar;
mod config_form;
mod departed;
mod disco;
mod enter;
pub mod governing;
mod hats;
mod history;
mod invitations;
mod invite;
mod line;
mod listeners;
mod listing;
mod moderation;
mod owner;
pub mod posting;
mod private;
mod register;
mod request;
mod retraction;
mod room;
mod search;
mod show;
mod spaces;
mod talk;
mod versions;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use base::{BareJid, Now};
use parking_lot::RwLock;
use store::{ArchiveQuery, PagePosition, RoomId};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xml::{Kind, Stanza};

pub(crate) use listeners::Bond;
pub(crate) use request::Relayed;
pub use room::Room;
use room::Who;
pub(crate) use spaces::SERVICE as SPACES;

use crate::Chat;
use crate::modules::{MessageType, store_failed};
use crate::readable_rooms::{LABEL, address};
use crate::service::{Served, Service, ServiceContext, Taken};

/// The service.
pub(crate) static SERVICE: Service = Service {
    label: LABEL,
    title: "Rooms",
    open: |_| true,
    take,
};

/// How long a temporary room may be empty before it ends, when its end was not somebody leaving.
const EMPTY: Duration = Duration::from_secs(60);
/// How long after a start temporary rooms of an earlier run wait for their occupants.
const LEFT_OVER: Duration = Duration::from_secs(3_600);
/// How long a room that nobody is in stays in memory after its last use.
const KEPT_IDLE: Duration = Duration::from_secs(300);

/// A message that somebody may be woken for, as it is delivered to those who are there.
///
/// Members who are away have it in the archive: what is unread of a room is what lies behind the
/// member's own mark, so nothing is written per member.
#[derive(Clone)]
pub struct RoomMessage {
    /// The room.
    pub room: Arc<Room>,
    /// Whether its archive keeps the message.
    pub kept: bool,
    /// Bare address of who has said it.
    pub sender: BareJid,
    /// Bare addresses of those whom it means.
    pub meant: Vec<BareJid>,
}

/// The rooms that memory knows.
#[derive(Default)]
pub(crate) struct Rooms {
    known: RwLock<HashMap<Box<str>, Arc<Room>>>,
    /// How many rooms were removed: what was read from the store before that may be of one of them.
    removed: AtomicU64,
    /// Temporary rooms that an earlier run has left were looked for.
    swept: AtomicBool,
    /// The server stops.
    closing: AtomicBool,
    listing: listing::Listing,
}

impl Rooms {
    /// The room of this name, if it is in memory.
    pub(crate) fn cached(&self, local: &str) -> Option<Arc<Room>> {
        self.known.read().get(local).cloned()
    }

    /// Takes everyone out of every room, because the server stops (XEP-0045 §18.1.3, status 332). Each
    /// occupant is told of itself only.
    pub(crate) fn shut_down(&self, chat: &Chat) {
        self.closing.store(true, Ordering::SeqCst);
        for room in self.all() {
            {
                let mut state = room.state();
                let notice = show::Notice::gone(&[xmpp::xep::muc::status::SHUTDOWN]);
                let outputs = enter::everyone_out(&room, &mut state, &notice);
                room.say(outputs);
            }
            room.line.drain(chat);
        }
    }

    /// A room is set up anew, or (`None`) is gone, for the list of public rooms.
    fn note(&self, chat: &Chat, room: &Room, config: Option<&store::RoomConfig>) {
        let local = room.jid().local().unwrap_or_default();
        self.listing.note(&address(chat), local, config);
    }

    /// Every room in memory.
    fn all(&self) -> Vec<Arc<Room>> {
        self.known.read().values().cloned().collect()
    }

    /// The room of this name, from memory or store.
    pub(crate) async fn load(
        &self,
        chat: &Chat,
        local: &str,
    ) -> Result<Option<Arc<Room>>, StanzaError> {
        if let Some(room) = self.cached(local) {
            return Ok(Some(room));
        }
        let failed = |error: store::StoreError| store_failed(&error);
        let removed = self.removed.load(Ordering::SeqCst);
        let Some(state) = chat.store().room_state(local).await.map_err(failed)? else {
            return Ok(None);
        };
        let jid = BareJid::new(Some(local), &address(chat))
            .map_err(|_| StanzaError::new(StanzaCondition::JidMalformed))?;
        let subject = state.subject.clone();
        let room = Arc::new(Room::new(jid, state));
        let query = ArchiveQuery {
            position: PagePosition::Last,
            max: 50,
            ..ArchiveQuery::default()
        };
        let page = chat.store().archive_page(room.id(), query).await;
        let page = page.map_err(failed)?;
        let complete = page.complete;
        let said = archive::said(chat, &room, page.items).await?;
        let (text, newcomers) = talk::subject_for_newcomers(&room, subject.as_ref());
        room.state().subject = text;
        room.line.remember(said, complete, Some(newcomers));
        let room = {
            let mut known = self.known.write();
            Arc::clone(known.entry(local.into()).or_insert(room))
        };
        if self.removed.load(Ordering::SeqCst) != removed {
            // Perhaps it was this one.
            let there = chat.store().room_state(local).await.map_err(failed)?;
            if there.is_none_or(|there| there.id != room.id()) {
                room.state().gone = true;
                self.forget(&room);
                return Box::pin(self.load(chat, local)).await;
            }
        }
        Ok(Some(room))
    }

    /// Takes a room that is gone out of memory.
    pub(crate) fn forget(&self, room: &Arc<Room>) {
        self.removed.fetch_add(1, Ordering::SeqCst);
        let local = room.jid().local().unwrap_or_default();
        let mut known = self.known.write();
        if known
            .get(local)
            .is_some_and(|known| Arc::ptr_eq(known, room))
        {
            known.remove(local);
        }
    }

    /// Ends a room that is not to stay when the last has left it (XEP-0045 §3).
    pub(crate) async fn forget_if_over(&self, chat: &Chat, room: &Arc<Room>) {
        if self.closing.load(Ordering::SeqCst) {
            // Those who were in it come back.
            return;
        }
        let _turn = room.turn().await;
        let over = {
            let mut state = room.state();
            let over = !state.gone && !state.config.persistent && state.occupants.is_empty();
            state.gone |= over;
            over
        };
        if over {
            if let Err(error) = chat.store().room_remove(room.id()).await {
                tracing::error!(%error, "a room that is over could not be removed");
                room.state().gone = false;
                return;
            }
            self.note(chat, room, None);
            self.forget(room);
        }
    }

    /// Tells what has gathered in large rooms, ends temporary rooms that nobody is in, and lets rooms
    /// that nobody uses leave memory.
    pub(crate) async fn tick(&self, chat: &Chat, now: Now) {
        let rooms = self.all();
        let mut empty = Vec::new();
        for room in rooms {
            let flushed = {
                let mut state = room.state();
                if !state.config.persistent && state.occupants.is_empty() {
                    empty.push(Arc::clone(&room));
                }
                let mut outputs = Vec::new();
                show::flush(&room, &mut state, &mut outputs);
                let flushed = !outputs.is_empty();
                room.say(outputs);
                flushed
            };
            if flushed {
                room.line.drain(chat);
            }
        }
        for room in empty {
            // Whoever is just entering it has used it now.
            if now.moment.since(room.used()) > EMPTY {
                self.forget_if_over(chat, &room).await;
            }
        }
        if now.moment.since(chat.started().moment) > LEFT_OVER
            && !self.swept.swap(true, Ordering::Relaxed)
        {
            self.remove_left_over(chat).await;
        }
        let idle = |room: &Room| now.moment.since(room.used()) > KEPT_IDLE;
        self.known.write().retain(|_, room| {
            // Whoever holds it has it from this map, whose lock is held.
            let used = Arc::strong_count(room) > 1 || !idle(room);
            let mut state = room.state();
            if used || !state.occupants.is_empty() {
                return true;
            }
            state.gone = true;
            false
        });
    }
}

impl Rooms {
    /// Removes temporary rooms that an earlier run has left: those who were in them have had time to
    /// come back.
    async fn remove_left_over(&self, chat: &Chat) {
        let mut after: Option<Arc<str>> = None;
        loop {
            let page = chat.store().room_list(after.as_deref(), 500, false).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "rooms could not be listed");
                    return;
                }
            };
            for room in page.rooms.iter().filter(|room| !room.config.persistent) {
                if let Ok(Some(room)) = self.load(chat, &room.localpart).await {
                    self.forget_if_over(chat, &room).await;
                }
            }
            after = page.rooms.last().map(|room| Arc::clone(&room.localpart));
            if !page.more {
                return;
            }
        }
    }
}

impl Chat {
    /// The room of this name, from memory or store; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn room(&self, local: &str) -> Result<Option<Arc<Room>>, StanzaError> {
        self.rooms().load(self, local).await
    }

    /// The room with this key, if it is in memory.
    #[must_use]
    pub fn cached_room(&self, local: &str, id: RoomId) -> Option<Arc<Room>> {
        self.rooms().cached(local).filter(|room| room.id() == id)
    }
}

/// Takes a stanza for the service, a room, or somebody in a room.
fn take(context: ServiceContext) -> Taken {
    match context.stanza.kind() {
        Kind::Message => message(context),
        Kind::Presence => Taken::Wait(Box::pin(async move {
            let ServiceContext {
                chat,
                now,
                sender,
                to,
                stanza,
            } = context;
            enter::presence(&chat, &sender, &to, &stanza, now).await
        })),
        Kind::Iq => request::take(context),
        Kind::Other => Taken::Done,
    }
}

fn message(context: ServiceContext) -> Taken {
    let kind = MessageType::of(&context.stanza);
    let Some(local) = context.to.local() else {
        return match kind {
            MessageType::Error => Taken::Done,
            _ => Taken::Refused(
                StanzaError::new(StanzaCondition::ServiceUnavailable)
                    .text("The service itself reads no messages; rooms do."),
            ),
        };
    };
    // The quick way: a room in memory, a message to all.
    if kind == MessageType::GroupChat
        && context.to.is_bare()
        && let Some(room) = context.chat.rooms().cached(local)
        && let Some(taken) = talk::groupchat(
            &context.chat,
            &room,
            &context.sender,
            &context.stanza,
            context.now,
        )
    {
        return taken;
    }
    Taken::Wait(Box::pin(slow_message(context, kind)))
}

async fn slow_message(context: ServiceContext, kind: MessageType) -> Result<Served, StanzaError> {
    let ServiceContext {
        chat,
        now,
        sender,
        to,
        stanza,
    } = context;
    let local = to.local().unwrap_or_default();
    loop {
        let Some(room) = chat.rooms().load(&chat, local).await? else {
            return Err(no_room());
        };
        if kind != MessageType::Error && room.state().is_secret_from(&Who::of(&sender)) {
            return Err(no_room());
        }
        room.touch(now.moment);
        match (kind, to.resource()) {
            (MessageType::Error, _) => {
                if is_delivery_failure(&stanza) {
                    enter::failed(&chat, &room, sender.jid(), now);
                }
                return Ok(Served::default());
            }
            (MessageType::GroupChat, Some(_)) => {
                return Err(StanzaError::new(StanzaCondition::BadRequest)
                    .text("A message to one occupant is not of the type groupchat."));
            }
            (MessageType::GroupChat, None) => {
                match talk::groupchat(&chat, &room, &sender, &stanza, now) {
                    Some(Taken::Done) => return Ok(Served::default()),
                    Some(Taken::Refused(error)) => return Err(error),
                    Some(Taken::Wait(work) | Taken::Later(work)) => return work.await,
                    // It was destroyed meanwhile.
                    None => chat.rooms().forget(&room),
                }
            }
            (_, Some(nick)) => {
                return private::message(&chat, &room, &sender, nick, &stanza).await;
            }
            (_, None) => return invite::to_room(&chat, &room, &sender, &stanza, now).await,
        }
    }
}

/// §17.2: whoever writes to a room that is not there.
fn no_room() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such room.")
}

/// §18.1.2: the errors that say that somebody is not there any more.
fn is_delivery_failure(stanza: &Stanza) -> bool {
    use StanzaCondition as C;
    StanzaError::of(stanza).is_some_and(|error| {
        matches!(
            error.condition,
            C::Gone
                | C::ItemNotFound
                | C::RecipientUnavailable
                | C::Redirect
                | C::RemoteServerNotFound
                | C::RemoteServerTimeout
        )
    })
}
