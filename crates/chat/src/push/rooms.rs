//! What is said in rooms, for those whose devices sleep: members who are away, and occupants whose
//! session nobody looks at.
//!
//! A message is noted once it is kept. About once a second, what was said in a room meanwhile is looked at
//! together: who wants to be told of any of it, and of how much (XEP-0492).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use base::{BareJid, Jid, Now};
use parking_lot::{Mutex, RwLock};
use xmpp::xep::notification_settings::NotificationSetting;

use super::{Attention, MOST_NOTED};
use crate::modules::{blocks, notification_settings};
use crate::rooms::{Bond, Room, RoomMessage};
use crate::{Account, Chat};

/// People who are looked at in one tick; the others wait for the next one.
const AT_ONCE: usize = 500;

/// What is known of rooms.
#[derive(Default)]
pub(super) struct RoomPushes {
    subscribers: RwLock<Subscribers>,
    noted: Mutex<Vec<RoomMessage>>,
    due: Mutex<VecDeque<Due>>,
}

/// Accounts with registrations; some of them may have none any more.
#[derive(Default)]
struct Subscribers {
    /// Those that had one before this server started are among them.
    complete: bool,
    addresses: HashSet<BareJid>,
}

/// Somebody who may have to be told.
struct Due {
    address: BareJid,
    room: Arc<Room>,
    /// Messages of others.
    messages: u32,
    /// How many of them mean this one.
    named: u32,
    /// The room keeps them, so that one can read them later.
    kept: u32,
}

impl Chat {
    /// An account has a registration.
    pub(crate) fn has_push(&self, account: &Account) {
        let mut subscribers = self.pushes().rooms.subscribers.write();
        subscribers.addresses.insert(account.jid().clone());
    }

    /// Whether anybody at all may have to be told of something.
    pub(crate) fn pushes_to_anybody(&self) -> bool {
        let subscribers = self.pushes().rooms.subscribers.read();
        self.config().push.enabled && (!subscribers.complete || !subscribers.addresses.is_empty())
    }

    /// Notes a message in a room.
    pub(crate) fn note_room(&self, message: &RoomMessage) {
        if !self.pushes_to_anybody() {
            return;
        }
        let mut noted = self.pushes().rooms.noted.lock();
        if noted.len() < MOST_NOTED {
            noted.push(message.clone());
        }
    }

    /// Finds out whom what was said in rooms concerns, and counts it for their devices.
    pub(super) async fn count_rooms(&self, now: Now) {
        self.load_subscribers().await;
        let noted = std::mem::take(&mut *self.pushes().rooms.noted.lock());
        let mut rooms: HashMap<_, Vec<RoomMessage>> = HashMap::new();
        for message in noted {
            rooms.entry(message.room.id()).or_default().push(message);
        }
        for messages in rooms.into_values() {
            self.gather(&messages).await;
        }
        let due: Vec<Due> = {
            let mut due = self.pushes().rooms.due.lock();
            let count = due.len().min(AT_ONCE);
            due.drain(..count).collect()
        };
        for due in due {
            self.count_due(&due, now).await;
        }
    }

    async fn load_subscribers(&self) {
        if self.pushes().rooms.subscribers.read().complete {
            return;
        }
        match self.store().push_accounts().await {
            Ok(localparts) => {
                let addresses = self.addresses(localparts);
                let mut subscribers = self.pushes().rooms.subscribers.write();
                subscribers.addresses.extend(addresses);
                subscribers.complete = true;
            }
            Err(error) => tracing::error!(%error, "registrations for notifications were not read"),
        }
    }

    fn addresses(&self, localparts: Vec<Arc<str>>) -> Vec<BareJid> {
        let domain = self.domain();
        let addresses = localparts.iter();
        addresses
            .filter_map(|local| BareJid::new(Some(local), &domain).ok())
            .collect()
    }

    /// Whom messages of one room concern.
    async fn gather(&self, messages: &[RoomMessage]) {
        let Some(RoomMessage { room, .. }) = messages.first() else {
            return;
        };
        let mut concerned: HashSet<BareJid> = {
            let subscribers = self.pushes().rooms.subscribers.read();
            room.among(&subscribers.addresses).into_iter().collect()
        };
        let audience = room.push_audience();
        if audience != store::PushAudience::default() {
            match self.store().push_audience(audience).await {
                Ok(localparts) => concerned.extend(self.addresses(localparts)),
                Err(error) => tracing::error!(%error, "who listens to a room was not found out"),
            }
        }
        let mut queue = self.pushes().rooms.due.lock();
        for address in concerned {
            let of_others = messages.iter().filter(|message| message.sender != address);
            let count = |wanted: &dyn Fn(&RoomMessage) -> bool| {
                let count = of_others.clone().filter(|message| wanted(message)).count();
                u32::try_from(count).unwrap_or(u32::MAX)
            };
            let due = Due {
                messages: count(&|_| true),
                named: count(&|message| message.meant.contains(&address)),
                kept: count(&|message| message.kept),
                room: Arc::clone(room),
                address,
            };
            if due.messages > 0 && queue.len() < MOST_NOTED {
                queue.push_back(due);
            }
        }
    }

    /// Counts what somebody wants to be told of.
    async fn count_due(&self, due: &Due, now: Now) {
        let account = match self.account(&due.address).await {
            Ok(Some(account)) => account,
            Ok(None) => return self.forget_subscriber(&due.address),
            Err(error) => {
                tracing::error!(%error, "somebody was not told of messages in a room");
                return;
            }
        };
        let targets: Vec<_> = {
            let facts = account.facts();
            facts.push.iter().map(|one| one.target.clone()).collect()
        };
        if targets.is_empty() {
            return self.forget_subscriber(&due.address);
        }
        let wanted = self.wanted(due, &account).await;
        for target in targets {
            let room = &due.room;
            let attends = |session: &Jid| room.is_attended_by(session);
            let mut here = false;
            account.each_session(|session| {
                here |= session.has_push(&target) && attends(session.jid());
            });
            // Whoever is away reads later what was kept; what was not kept is lost.
            let messages = if here { wanted } else { wanted.min(due.kept) };
            if messages > 0 {
                let place = if here { Some(room) } else { None };
                self.weigh(&account, target, messages, place, !here, now);
            }
        }
    }

    /// Of how many messages somebody wants to hear.
    async fn wanted(&self, due: &Due, account: &Account) -> u32 {
        let bond = due.room.bond(account);
        let address = Jid::from(due.room.jid().clone());
        if bond == Bond::None || blocks(account, &address) {
            return 0;
        }
        let Ok(settings) = notification_settings::of(self, account).await else {
            return 0;
        };
        let set = settings.get(address.as_str());
        if bond == Bond::Bookmark && set.is_none() {
            return 0;
        }
        let usual = if due.room.is_private() {
            NotificationSetting::Always
        } else {
            NotificationSetting::OnMention
        };
        match set.copied().flatten().unwrap_or(usual) {
            NotificationSetting::Never => 0,
            NotificationSetting::OnMention => due.named,
            NotificationSetting::Always => due.messages,
        }
    }

    fn forget_subscriber(&self, address: &BareJid) {
        let mut subscribers = self.pushes().rooms.subscribers.write();
        subscribers.addresses.remove(address);
    }
}

/// Whether the client that has made a registration sees what is said in a room.
pub(super) fn attention(account: &Account, target: &store::PushTarget, room: &Room) -> Attention {
    let mut attention = Attention::None;
    account.each_session(|session| {
        if session.attends() && session.has_push(target) && room.is_attended_by(session.jid()) {
            attention = attention.max(Attention::of(session));
        }
    });
    attention
}
