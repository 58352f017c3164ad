//! The public rooms as memory knows them, so that a search reads nothing.
//!
//! They are read from the store with the first search and follow every change from then on.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use store::{RoomConfig, Whois};
use xmpp::condition::StanzaError;

use crate::Chat;
use crate::modules::store_failed;
use crate::readable_rooms::address;

/// Rooms read from the store at once.
const AT_ONCE: usize = 500;
/// Public rooms that are known.
const MOST: usize = 20_000;
/// Longest description that is looked at and shown, in bytes.
const LONGEST: usize = 1_024;

/// A public room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) localpart: Arc<str>,
    pub(super) address: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) language: Option<String>,
    /// Anyone may enter, and so may know how many are there.
    pub(super) open: bool,
    pub(super) anonymous: bool,
    /// Address, name and description in lower case.
    pub(super) lower: [String; 3],
}

impl Listed {
    fn of(service: &str, localpart: &Arc<str>, config: &RoomConfig) -> Self {
        let address = format!("{localpart}@{service}");
        let name = config.name.as_deref().unwrap_or(localpart).to_owned();
        let description = config
            .description
            .as_deref()
            .map(|text| text[..text.floor_char_boundary(LONGEST)].to_owned());
        let lower = [&*address, &name, description.as_deref().unwrap_or_default()];
        Self {
            lower: lower.map(str::to_lowercase),
            localpart: Arc::clone(localpart),
            address,
            name,
            description,
            language: config.language.as_deref().map(str::to_owned),
            open: !config.members_only && config.password.is_none(),
            anonymous: config.whois == Whois::Moderators,
        }
    }
}

/// By localpart.
type Known = Arc<BTreeMap<Arc<str>, Arc<Listed>>>;

#[derive(Default)]
enum State {
    #[default]
    Unread,
    /// They are being read; what has changed meanwhile.
    Reading(Vec<(Arc<str>, Option<Arc<Listed>>)>),
    Read(Known),
}

/// See the module.
#[derive(Default)]
pub(super) struct Listing {
    state: Mutex<State>,
    /// Held while they are read.
    reading: futures_util::lock::Mutex<()>,
}

impl Listing {
    /// A room is set up like this now, or (`None`) is gone.
    pub(super) fn note(&self, service: &str, localpart: &str, config: Option<&RoomConfig>) {
        let mut state = self.state.lock();
        if matches!(*state, State::Unread) {
            return;
        }
        let localpart: Arc<str> = localpart.into();
        let listed = config
            .filter(|config| config.listed)
            .map(|config| Arc::new(Listed::of(service, &localpart, config)));
        match &mut *state {
            State::Unread => {}
            State::Reading(changes) => changes.push((localpart, listed)),
            State::Read(known) => set(Arc::make_mut(known), localpart, listed),
        }
    }

    /// The public rooms, by name.
    pub(super) async fn rooms(&self, chat: &Chat) -> Result<Known, StanzaError> {
        if let State::Read(known) = &*self.state.lock() {
            return Ok(Arc::clone(known));
        }
        let _reading = self.reading.lock().await;
        {
            let mut state = self.state.lock();
            if let State::Read(known) = &*state {
                return Ok(Arc::clone(known));
            }
            *state = State::Reading(Vec::new());
        }
        let read = read(chat).await;
        let mut state = self.state.lock();
        let State::Reading(changes) = std::mem::take(&mut *state) else {
            return read.map(Arc::new);
        };
        let mut rooms = read?;
        for (localpart, listed) in changes {
            set(&mut rooms, localpart, listed);
        }
        let known = Arc::new(rooms);
        *state = State::Read(Arc::clone(&known));
        Ok(known)
    }
}

fn set(
    rooms: &mut BTreeMap<Arc<str>, Arc<Listed>>,
    localpart: Arc<str>,
    listed: Option<Arc<Listed>>,
) {
    match listed {
        Some(listed) if rooms.len() < MOST || rooms.contains_key(&localpart) => {
            rooms.insert(localpart, listed);
        }
        Some(_) => {}
        None => {
            rooms.remove(&localpart);
        }
    }
}

async fn read(chat: &Chat) -> Result<BTreeMap<Arc<str>, Arc<Listed>>, StanzaError> {
    let service = address(chat);
    let mut rooms = BTreeMap::new();
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = chat
            .store()
            .room_list(after.as_deref(), AT_ONCE, true)
            .await;
        let page = page.map_err(|error| store_failed(&error))?;
        after = page.rooms.last().map(|room| Arc::clone(&room.localpart));
        for room in page.rooms {
            let listed = Arc::new(Listed::of(&service, &room.localpart, &room.config));
            set(&mut rooms, room.localpart, Some(listed));
        }
        if !page.more || rooms.len() >= MOST {
            return Ok(rooms);
        }
    }
}
