//! Accounts in memory: who is connected, and what routing must know without asking the store.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::{BareJid, Moment};
use parking_lot::{Mutex, MutexGuard, RwLock};
use store::{AccountId, AccountState, ArchiveId, Store, StoreError};
use xmpp::xep::notification_settings::NotificationSetting;

use crate::SessionEntry;
use crate::caps::Clients;

/// How long an account without sessions stays in memory after its last use.
const KEPT_IDLE: Duration = Duration::from_secs(300);
const SHARDS: usize = 64;

/// An account of this domain. All changes of what the store keeps of it go through here, so
/// memory and store never disagree.
pub struct Account {
    id: AccountId,
    jid: BareJid,
    used: AtomicU64,
    sessions: RwLock<Vec<Arc<SessionEntry>>>,
    facts: Mutex<AccountFacts>,
    /// See [`Account::turn`].
    turn: futures_util::lock::Mutex<()>,
    /// See [`Account::presence_order`].
    presence_order: Mutex<()>,
    /// See [`Account::waiting_order`].
    waiting_order: Mutex<Waiting>,
    /// See [`Account::event_order`].
    event_order: Mutex<u64>,
    /// See [`Account::settings`].
    settings: Mutex<Option<Arc<NotificationSettings>>>,
    elsewhere: Clients,
}

/// What memory knows of messages that wait; see [`Account::waiting_order`].
#[derive(Default)]
pub(crate) struct Waiting {
    /// Changes of how many wait, since the account is in memory: whoever counts anew sees whether it has counted all.
    changes: u64,
    /// Messages that are in no archive and on their way to a session.
    on_their_way: HashSet<ArchiveId>,
}

impl Waiting {
    /// So many more messages wait.
    pub(crate) fn add(&mut self, account: &Account, messages: u64) {
        self.changes += 1;
        account.facts().offline_count += messages;
    }

    /// How often it has changed how many wait.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// So many messages wait, unless that has changed since there were `changes`.
    pub(crate) fn counted(&self, account: &Account, messages: u64, changes: u64) {
        if self.changes == changes {
            account.facts().offline_count = messages;
        }
    }

    /// Messages that are on their way to a session and are kept nowhere but where they wait.
    pub(crate) fn on_their_way(&mut self) -> &mut HashSet<ArchiveId> {
        &mut self.on_their_way
    }

    /// A session has these messages now, which were on their way.
    pub(crate) fn arrived(&mut self, account: &Account, messages: &[ArchiveId]) {
        self.changes += 1;
        for id in messages {
            self.on_their_way.remove(id);
        }
        if self.on_their_way.is_empty() {
            self.on_their_way.shrink_to_fit();
        }
        let mut facts = account.facts();
        facts.offline_count = facts.offline_count.saturating_sub(messages.len() as u64);
    }
}

/// The right to change what is kept of an account. No lock: whoever wants it meanwhile waits
/// without holding a thread.
pub(crate) type Turn<'a> = futures_util::lock::MutexGuard<'a, ()>;

/// What an account has set of notifications (XEP-0492), by the address of the conversation; `None` for a bookmark that
/// says nothing of it.
pub(crate) type NotificationSettings = HashMap<Arc<str>, Option<NotificationSetting>>;

/// What is kept of an account: roster, block list, archive preferences, waiting requests.
pub type AccountFacts = AccountState;

impl Account {
    /// The store's key.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// The bare address.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// Clients of its contacts on other servers.
    pub(crate) fn elsewhere(&self) -> &Clients {
        &self.elsewhere
    }

    /// What is kept of it. Hold the guard for a few instructions only.
    pub fn facts(&self) -> MutexGuard<'_, AccountFacts> {
        self.facts.lock()
    }

    /// Waits for the right to change what is kept. Held from reading what a change builds on until
    /// everyone is told, so that the order of changes is the same in the store, in memory and in
    /// what clients hear.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        self.turn.lock().await
    }

    /// The same, if nobody else has it now.
    pub(crate) fn turn_if_free(&self) -> Option<Turn<'_>> {
        self.turn.try_lock()
    }

    /// The turns of two accounts, taken in one order everywhere, so that nobody waits in a circle.
    pub(crate) async fn turns<'a>(
        &'a self,
        other: Option<&'a Self>,
    ) -> (Turn<'a>, Option<Turn<'a>>) {
        match other {
            None => (self.turn().await, None),
            Some(other) if self.id < other.id => {
                let own = self.turn().await;
                (own, Some(other.turn().await))
            }
            Some(other) => {
                let others = other.turn().await;
                (self.turn().await, Some(others))
            }
        }
    }

    /// Held while the presence of a session of this account is changed, read or sent, so that
    /// nobody gets an older one after a newer one. Never hold those of two accounts at once.
    pub(crate) fn presence_order(&self) -> MutexGuard<'_, ()> {
        self.presence_order.lock()
    }

    /// Held while a message is found to have to wait and is submitted as waiting, and while a
    /// session that can be reached now looks whether anything waits: one of the two sees the other.
    pub(crate) fn waiting_order(&self) -> MutexGuard<'_, Waiting> {
        self.waiting_order.lock()
    }

    /// Held while events of the account's nodes are told, so that nobody gets an older one after a
    /// newer one. Its value counts how often that happened.
    pub(crate) fn event_order(&self) -> MutexGuard<'_, u64> {
        self.event_order.lock()
    }

    /// What its owner has set for conversations; `None` when that has to be read anew.
    pub(crate) fn settings(&self) -> MutexGuard<'_, Option<Arc<NotificationSettings>>> {
        self.settings.lock()
    }

    /// True when a session gets messages that are sent to the account.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.sessions
            .read()
            .iter()
            .any(|session| session.is_reachable())
    }

    /// All bound sessions, available or not.
    #[must_use]
    pub fn sessions(&self) -> Vec<Arc<SessionEntry>> {
        self.sessions.read().clone()
    }

    /// Looks at each bound session without copying the list.
    pub fn each_session(&self, mut look: impl FnMut(&Arc<SessionEntry>)) {
        self.sessions.read().iter().for_each(&mut look);
    }

    /// The session bound to `resource`.
    #[must_use]
    pub fn session(&self, resource: &str) -> Option<Arc<SessionEntry>> {
        self.sessions
            .read()
            .iter()
            .find(|session| session.jid().resource() == resource)
            .cloned()
    }

    /// True when any session has sent available presence.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.sessions
            .read()
            .iter()
            .any(|session| session.is_available())
    }

    /// True when a session is bound.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.sessions.read().is_empty()
    }

    /// Adds a session. Returns the one that had the same resource, which must end, or an error
    /// when the account has `most` already.
    pub(crate) fn bind(
        &self,
        session: Arc<SessionEntry>,
        most: u32,
    ) -> Result<Option<Arc<SessionEntry>>, TooManySessions> {
        let mut sessions = self.sessions.write();
        if let Some(old) = sessions
            .iter_mut()
            .find(|old| old.jid().resource() == session.jid().resource())
        {
            return Ok(Some(std::mem::replace(old, session)));
        }
        if sessions.len() >= most as usize {
            return Err(TooManySessions);
        }
        sessions.push(session);
        Ok(None)
    }

    /// Removes exactly this session (not a later one of the same resource).
    pub(crate) fn unbind(&self, session: &Arc<SessionEntry>) {
        let mut sessions = self.sessions.write();
        sessions.retain(|other| !Arc::ptr_eq(other, session));
        if sessions.is_empty() {
            sessions.shrink_to_fit();
        }
    }
}

/// The account has as many sessions as it may.
#[derive(Debug)]
pub(crate) struct TooManySessions;

type Shard = RwLock<HashMap<BareJid, Arc<Account>>>;

/// The accounts that memory knows.
pub(crate) struct Accounts {
    store: Store,
    domain: Arc<str>,
    /// Has a secret in it: nobody can choose addresses that are all of one shard.
    hasher: DefaultHasher,
    shards: Box<[Shard]>,
    clock: AtomicU64,
}

impl Accounts {
    /// `secret` is randomness that decides what is looked through together.
    pub(crate) fn new(store: Store, domain: &Arc<str>, secret: [u8; 32]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&secret);
        Self {
            store,
            domain: Arc::clone(domain),
            hasher,
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            clock: AtomicU64::new(0),
        }
    }

    fn shard(&self, address: &str) -> &Shard {
        let mut hasher = self.hasher.clone();
        hasher.write(address.as_bytes());
        &self.shards[hasher.finish() as usize % SHARDS]
    }

    pub(crate) fn cached(&self, address: &str) -> Option<Arc<Account>> {
        let account = self.shard(address).read().get(address).cloned()?;
        account
            .used
            .store(self.clock.load(Ordering::Relaxed), Ordering::Relaxed);
        Some(account)
    }

    /// The account of an address that may log in.
    pub(crate) async fn load(&self, address: &BareJid) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(self
            .open(address)
            .await?
            .filter(|account| account.facts().account.enabled))
    }

    /// The account of an address. One that may not log in is not kept in memory.
    pub(crate) async fn open(&self, address: &BareJid) -> Result<Option<Arc<Account>>, StoreError> {
        if address.domain() != &*self.domain {
            return Ok(None);
        }
        if let Some(account) = self.cached(address.as_str()) {
            return Ok(Some(account));
        }
        let Some(local) = address.local() else {
            return Ok(None);
        };
        let Some(record) = self.store.account_find(local).await? else {
            return Ok(None);
        };
        let Some(facts) = self.store.account_state(record.id).await? else {
            return Ok(None);
        };
        let account = Arc::new(Account {
            id: record.id,
            jid: address.clone(),
            used: AtomicU64::new(self.clock.load(Ordering::Relaxed)),
            sessions: RwLock::default(),
            facts: Mutex::new(facts),
            turn: futures_util::lock::Mutex::new(()),
            presence_order: Mutex::new(()),
            waiting_order: Mutex::default(),
            event_order: Mutex::new(0),
            settings: Mutex::default(),
            elsewhere: Clients::default(),
        });
        if !account.facts().account.enabled {
            return Ok(Some(account));
        }
        // Two may have loaded at once: the first to arrive is the account, for everyone. A copy
        // older than a change made meanwhile cannot slip in, since what was changed stays in
        // memory for minutes.
        Ok(Some(Arc::clone(
            self.shard(address.as_str())
                .write()
                .entry(address.clone())
                .or_insert(account),
        )))
    }

    pub(crate) fn forget(&self, address: &BareJid) {
        self.shard(address.as_str())
            .write()
            .remove(address.as_str());
    }

    pub(crate) fn each(&self, mut look: impl FnMut(&Arc<Account>)) {
        for shard in &self.shards {
            shard.read().values().for_each(&mut look);
        }
    }

    pub(crate) fn sweep(&self, now: Moment) {
        let seconds = now.micros() / 1_000_000;
        let before = self.clock.swap(seconds, Ordering::Relaxed);
        let oldest = seconds.saturating_sub(KEPT_IDLE.as_secs());
        // One shard a second: an idle server does not walk all its accounts. Seconds in which nobody
        // called are made up for.
        for second in (before + 1..=seconds).rev().take(SHARDS) {
            self.shards[second as usize % SHARDS]
                .write()
                .retain(|_, account| {
                    Arc::strong_count(account) > 1
                        || account.is_connected()
                        || account.used.load(Ordering::Relaxed) > oldest
                });
        }
    }
}
