//! The messenger: sessions, router, modules and delivery, without sockets.
//!
//! A transport gives bytes to a [`Connection`] and takes bytes from it. Everything between (stream
//! negotiation, stanzas, modules, the store, delivery to other connections) happens here, on
//! whatever executor polls the connection; this crate opens no socket and asks no clock.

mod account;
pub mod accounts;
mod admission;
mod authentication;
mod caps;
mod compliance;
pub mod config;
mod connection;
mod delivery;
mod directory;
mod documents;
mod faults;
mod language;
mod last_words;
mod links;
mod messages;
mod metrics;
pub mod modules;
mod negotiation;
mod output;
mod place;
mod post;
mod push;
mod questions;
mod readable_rooms;
mod requests;
pub mod rooms;
pub mod router;
mod sender;
mod service;
pub mod services;
mod session;
mod shares;
mod specifications;
mod store_trouble;
mod throttle;
mod undelivered;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use base::{BareJid, Now};
use parking_lot::Mutex;
use store::Store;
use xmpp::condition::StreamCondition;
use xmpp::stream::Seed;

pub use account::{Account, AccountFacts};
pub use admission::Admission;
pub use compliance::{Claim, Evidence, claims};
pub use config::{ChatConfig, Contact, FederationSettings, Offload, PushConfig};
pub use connection::Connection;
pub use delivery::{CurrentPresence, Delivery, Mailbox, SessionEntry};
pub use directory::{Directory, Verdict};
pub use documents::{Document, documents};
pub use language::{Language, Words};
pub use links::{Dial, DialError, PeerConnection};
pub use metrics::{Metrics, MetricsSnapshot};
pub use modules::{NoPreview, Previewer};
pub use output::Output;
pub use push::{WebCourier, WebNotification};
pub use sender::Sender;
pub use service::{Served, Service, ServiceContext, Taken};
pub use session::Session;
pub use specifications::{SPECIFICATIONS, Specification};

use account::Accounts;
use accounts::{ApiSessions, RegistrationLimiter, Removals, Renewals};
use caps::KnownFeatures;
use directory::Directories;
use faults::Faults;
use links::Links;
use modules::administration::Announcements;
use modules::caps::{Asked, learn_elsewhere};
use modules::commands::Executions;
use modules::external_services::Watchers;
use modules::previews::Previews;
use negotiation::Offers;
use questions::Questions;
use session::Resumables;
use throttle::Throttle;

/// A boxed future of a module's work.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The running messenger of one domain; cheap to clone.
#[derive(Clone)]
pub struct Chat {
    house: Arc<House>,
}

pub(crate) struct House {
    config: arc_swap::ArcSwap<ChatConfig>,
    store: Store,
    accounts: Accounts,
    resumables: Resumables,
    questions: Questions,
    rooms: rooms::Rooms,
    relayed: rooms::Relayed,
    links: Links,
    features: KnownFeatures,
    asked_elsewhere: Asked,
    executions: Executions,
    announcements: Announcements,
    registrations: RegistrationLimiter,
    api_sessions: ApiSessions,
    removals: Removals,
    renewals: Renewals,
    throttle: Throttle,
    faults: Faults,
    directories: Directories,
    relay_watchers: Watchers,
    previews: Previews,
    pushes: push::Pushes,
    metrics: Metrics,
    table: modules::Table,
    services: &'static [&'static Service],
    negotiation: arc_swap::ArcSwap<Offers>,
    offload: Offload,
    ids: Mutex<Seed>,
    started: Now,
    /// When the store was copied last.
    backed_up: Mutex<Option<base::Timestamp>>,
}

impl Chat {
    /// Opens the messenger over `store`. `offload` runs work that takes milliseconds of CPU
    /// (password hashing) away from the connections; `seed` is fresh randomness; `now` is the start
    /// that uptime counts from.
    #[must_use]
    pub fn new(
        config: ChatConfig,
        store: Store,
        offload: Offload,
        seed: [u8; 32],
        now: Now,
    ) -> Self {
        let table = modules::Table::of(modules::ALL);
        let negotiation = Offers::new(&config, &table);
        let mut ids = Seed::new(seed);
        Self {
            house: Arc::new(House {
                accounts: Accounts::new(store.clone(), &config.domain, ids.bytes("accounts")),
                resumables: Resumables::default(),
                questions: Questions::default(),
                rooms: rooms::Rooms::default(),
                relayed: rooms::Relayed::default(),
                links: Links::new(now),
                features: KnownFeatures::default(),
                asked_elsewhere: Asked::default(),
                executions: Executions::default(),
                announcements: Announcements::default(),
                registrations: RegistrationLimiter::default(),
                api_sessions: ApiSessions::default(),
                removals: Removals::default(),
                renewals: Renewals::default(),
                throttle: Throttle::new(config.throttle),
                faults: Faults::default(),
                directories: Directories::default(),
                relay_watchers: Watchers::default(),
                previews: Previews::default(),
                pushes: push::Pushes::default(),
                metrics: Metrics::default(),
                negotiation: arc_swap::ArcSwap::from_pointee(negotiation),
                config: arc_swap::ArcSwap::from_pointee(config),
                table,
                services: services::ALL,
                store,
                offload,
                ids: Mutex::new(ids),
                started: now,
                backed_up: Mutex::default(),
            }),
        }
    }

    /// Takes a changed configuration; open streams keep what was negotiated.
    pub fn reload(&self, config: ChatConfig, now: Now) {
        let before = self.config();
        self.house
            .negotiation
            .store(Arc::new(Offers::new(&config, &self.house.table)));
        self.house.config.store(Arc::new(config));
        modules::external_services::announce(self, &before, now.wall);
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<ChatConfig> {
        self.house.config.load_full()
    }

    /// Where everything is kept.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.house.store
    }

    /// Counters of the stanza path.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.house.metrics
    }

    /// When this process began.
    #[must_use]
    pub fn started(&self) -> Now {
        self.house.started
    }

    /// The modules of this house, with everything they declare.
    #[must_use]
    pub fn table(&self) -> &modules::Table {
        &self.house.table
    }

    /// What has an address of its own below the domain.
    pub(crate) fn services(&self) -> &'static [&'static Service] {
        self.house.services
    }

    /// Runs `work` where milliseconds of CPU hurt nobody.
    pub fn offload(&self, work: Box<dyn FnOnce() + Send>) {
        (self.house.offload)(work);
    }

    /// The domain this server answers for.
    #[must_use]
    pub fn domain(&self) -> Arc<str> {
        Arc::clone(&self.house.config.load().domain)
    }

    /// The account of `address`, from memory or store; `None` when it is not one of ours.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn account(
        &self,
        address: &BareJid,
    ) -> Result<Option<Arc<Account>>, store::StoreError> {
        self.house.accounts.load(address).await
    }

    /// The account of `address` if memory has it; says nothing about the store.
    #[must_use]
    pub fn cached_account(&self, address: &str) -> Option<Arc<Account>> {
        self.house.accounts.cached(address)
    }

    /// Ends every session of an account that was disabled or removed, and forgets what memory
    /// knows of it.
    pub async fn end_sessions(&self, address: &BareJid, why: StreamCondition, now: Now) {
        if let Some(account) = self.house.accounts.cached(address.as_str()) {
            for session in account.sessions() {
                session.mailbox().close(why);
            }
        }
        for session in self.house.resumables.claim_account(address) {
            session.end_session(now).await;
        }
        self.house.accounts.forget(address);
    }

    /// Asks every connected session to end its stream with `why` (graceful stop).
    pub fn close_all(&self, why: StreamCondition) {
        if why == StreamCondition::SystemShutdown {
            self.house.rooms.shut_down(self);
        }
        self.house.accounts.each(|account| {
            for session in account.sessions() {
                session.mailbox().close(why);
            }
        });
    }

    pub(crate) fn resumables(&self) -> &Resumables {
        &self.house.resumables
    }

    pub(crate) fn rooms(&self) -> &rooms::Rooms {
        &self.house.rooms
    }

    pub(crate) fn relayed(&self) -> &rooms::Relayed {
        &self.house.relayed
    }

    /// What clients can do, by the hashes that they show (XEP-0115).
    pub(crate) fn known_features(&self) -> &KnownFeatures {
        &self.house.features
    }

    /// Questions to clients of contacts on other servers about what they can do.
    pub(crate) fn asked_elsewhere(&self) -> &Asked {
        &self.house.asked_elsewhere
    }

    pub(crate) fn questions(&self) -> &Questions {
        &self.house.questions
    }

    pub(crate) fn directories(&self) -> &Directories {
        &self.house.directories
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.house.faults
    }

    pub(crate) fn pushes(&self) -> &push::Pushes {
        &self.house.pushes
    }

    pub(crate) fn previews(&self) -> &Previews {
        &self.house.previews
    }

    pub(crate) fn relay_watchers(&self) -> &Watchers {
        &self.house.relay_watchers
    }

    pub(crate) fn executions(&self) -> &Executions {
        &self.house.executions
    }

    pub(crate) fn announcements(&self) -> &Announcements {
        &self.house.announcements
    }

    /// Looks at each account that memory has.
    pub(crate) fn each_account(&self, look: impl FnMut(&Arc<Account>)) {
        self.house.accounts.each(look);
    }

    /// How many sessions are bound now.
    #[must_use]
    pub fn sessions_now(&self) -> u64 {
        let mut count = 0;
        self.each_account(|account| count += account.sessions().len() as u64);
        count
    }

    /// Notes that the store was copied.
    pub fn note_backup(&self, at: base::Timestamp) {
        *self.house.backed_up.lock() = Some(at);
    }

    /// When the store was copied last by this process.
    #[must_use]
    pub fn last_backup(&self) -> Option<base::Timestamp> {
        *self.house.backed_up.lock()
    }

    /// The account of `address`, whether it may log in or not. One that may not is nobody's else:
    /// nothing is delivered to it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn opened_account(
        &self,
        address: &BareJid,
    ) -> Result<Option<Arc<Account>>, store::StoreError> {
        self.house.accounts.open(address).await
    }

    pub(crate) fn renewals(&self) -> &Renewals {
        &self.house.renewals
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.house.throttle
    }

    /// What a stream from `peer` is offered.
    pub(crate) fn offers(&self, peer: IpAddr) -> Arc<xmpp::stream::server::ServerConfig> {
        self.house.negotiation.load().to(peer)
    }

    /// An id that nobody guesses; `purpose` keeps those of different kinds apart.
    pub(crate) fn new_id(&self, purpose: &'static str) -> Box<str> {
        self.house.ids.lock().text(purpose).into()
    }

    /// Periodic chores: expired resumptions end as absent sessions, idle accounts leave memory,
    /// the throttle forgets. Call about once a second.
    pub async fn tick(&self, now: Now) {
        for session in self.house.resumables.expired(now.moment) {
            session.end_session(now).await;
        }
        self.finish_removals(now).await;
        self.house.questions.sweep(now.moment);
        learn_elsewhere(self, now).await;
        self.house.relayed.sweep(self, now.moment);
        self.house.rooms.tick(self, now).await;
        self.house.links.tick(self, now);
        for work in self.house.links.take_works() {
            work.await;
        }
        self.tick_pushes(now).await;
        self.house.executions.sweep(now.moment);
        self.house.api_sessions.sweep(now.moment);
        self.house.renewals.sweep(now.moment);
        self.house.throttle.sweep(now.moment);
        self.house.faults.sweep(now.moment);
        store_trouble::tell(now.moment);
        self.house.accounts.sweep(now.moment);
    }

    /// Ends all sessions that wait for resumption, so that what they held is kept for later.
    pub async fn end_waiting(&self, now: Now) {
        for session in self.house.resumables.drain() {
            session.end_session(now).await;
        }
    }
}
