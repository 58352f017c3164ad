//! SQLite: one connection writes and commits in groups, a few read, one copies the write-ahead log.
//!
//! Commits are durable (`synchronous = FULL`) before their tickets resolve. The log is copied by our
//! own timing only. See [`archive`] for the layout that makes archiving cheap.

mod accounts;
mod admission;
mod api_tokens;
mod archive;
mod audit;
mod backup;
mod checkpoint;
mod error;
mod identities;
mod outgoing;
mod people;
mod personal;
mod pubsub;
mod pubsub_page;
mod push;
mod queue;
mod reader;
mod rooms;
mod roster;
mod schema;
mod text;
mod uploads;
mod writer;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use base::Timestamp;
use bytes::Bytes;
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use rusqlite::Connection;

use self::archive::expire::Expiry;
use self::archive::tail::Tail;
use self::archive::{inbox, offline, page};
use self::checkpoint::Checkpointer;
use self::queue::{Function, Job, Queue};
use self::reader::Readers;
use self::writer::Writer;
use super::Backend;
use crate::store::Figures;
use crate::{
    Account, AccountId, AccountPage, AccountState, Activity, AppPassword, AppPasswordId,
    ArchiveBounds, ArchiveId, ArchiveItem, ArchivePage, ArchivePreferences, ArchiveQuery,
    AuditHead, AuditPage, AuditQuery, Batch, CheckDepth, CheckReport, Device, Identity, Imported,
    ImportedEntry, InboxPage, InboxQuery, Invitation, ItemPage, ItemQuery, Location, Login,
    Mentions, NewAccount, NewRoom, Newcomer, NewestItem, Node, NodeUsage, OpenError, Outgoing,
    OwnerId, PeopleChanges, Progress, Reading, Registered, RoomId, RoomMembership, RoomPage,
    RoomStanding, RoomState, RoomsQuery, Roster, RosterChanges, RosterVersion, ScramRecord,
    StoreConfig, StoreError, Submitted, TokenRecord,
};
use crate::{ApiToken, AuditNote, GroupSize, KeptAnswer, PeoplePage, PeopleQuery};
use crate::{
    Kept, NewUpload, PushAudience, PushRegistration, Reserved, Upload, UploadBounds, UploadUsage,
};

pub(crate) use self::backup::restore;

/// What all threads share.
struct Shared {
    config: StoreConfig,
    queue: Queue,
    tail: RwLock<Tail>,
    figures: Counters,
}

#[derive(Default)]
struct Counters {
    batches: AtomicU64,
    entries: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    failing: AtomicBool,
    wal_bytes: AtomicU64,
}

enum Mode {
    /// All on the caller's thread; `None` when closed.
    Inline(Box<Mutex<Option<Writer>>>),
    Threads {
        writer: Mutex<Option<JoinHandle<()>>>,
        readers: Readers,
    },
}

/// The SQLite backend.
pub(crate) struct Sqlite {
    shared: Arc<Shared>,
    mode: Mode,
    /// The database, unless it is in memory.
    path: Option<PathBuf>,
    /// A folder that is to vanish with the store.
    temporary: Option<PathBuf>,
    /// Keeps other processes out.
    lock: Mutex<Option<File>>,
}

/// What a reading function sees.
struct View<'a> {
    connection: &'a Connection,
    shared: &'a Shared,
}

impl View<'_> {
    fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.shared.tail.read()
    }

    /// Reads from one state of the database.
    fn snapshot<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let result = read(self.connection);
        let ended = self
            .connection
            .prepare_cached("COMMIT")
            .and_then(|mut end| end.execute([]));
        if ended.is_err() && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        result
    }
}

impl Sqlite {
    pub(crate) fn open(config: StoreConfig) -> Result<Self, OpenError> {
        let (folder, temporary) = match &config.location {
            Location::Folder(folder) => (Some(folder.clone()), None),
            Location::Memory if config.inline => (None, None),
            Location::Memory => {
                let folder = schema::temporary_folder();
                (Some(folder.clone()), Some(folder))
            }
        };
        let lock = folder.as_deref().map(schema::lock).transpose()?;
        let path = folder.map(|folder| folder.join(schema::FILE));
        let connection = schema::open_writer(path.as_deref(), config.max_bytes)?;
        let recovered = writer::recover(&connection)?;
        let shared = Arc::new(Shared {
            queue: Queue::new(recovered.last),
            tail: RwLock::new(recovered.tail),
            figures: Counters::default(),
            config,
        });
        let checkpointer = path.clone().map(Checkpointer::new);
        let mut writer = Writer::new(connection, Arc::clone(&shared), recovered.seq, checkpointer)?;
        let mode = match &path {
            Some(path) if !shared.config.inline => {
                let thread = thread::Builder::new().name("store-writer".into());
                let thread = thread
                    .spawn(move || writer.run())
                    .map_err(|error| OpenError::Io {
                        path: path.clone(),
                        reason: error.to_string(),
                    })?;
                Mode::Threads {
                    writer: Mutex::new(Some(thread)),
                    readers: Readers::new(path.clone(), shared.config.readers),
                }
            }
            _ => {
                while writer.attend() {}
                Mode::Inline(Box::new(Mutex::new(Some(writer))))
            }
        };
        Ok(Self {
            shared,
            mode,
            path,
            temporary,
            lock: Mutex::new(lock),
        })
    }

    /// Reads on another thread, or at once.
    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Reading<T> {
        match &self.mode {
            Mode::Inline(writer) => Reading::ready(match &*writer.lock() {
                Some(writer) => read(&View {
                    connection: &writer.connection,
                    shared: &self.shared,
                }),
                None => Err(StoreError::Closed),
            }),
            Mode::Threads { readers, .. } => {
                let (answer, reading) = Reading::pair();
                let shared = Arc::clone(&self.shared);
                readers.ask(Box::new(move |connection| {
                    let view = |connection| View {
                        connection,
                        shared: &shared,
                    };
                    answer.give(connection.and_then(|connection| read(&view(connection))));
                }));
                reading
            }
        }
    }

    /// Reads one thing from one state of the database.
    fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Reading<T> {
        self.read(move |view| view.snapshot(read))
    }

    /// Writes and gives a result once it is durable.
    fn perform<T: Send + 'static>(
        &self,
        weight: usize,
        write: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Reading<T> {
        let (answer, reading) = Reading::pair();
        self.enqueue(Job::Task(Box::new(Function::new(write, answer))), weight);
        reading
    }

    fn enqueue(&self, job: Job, weight: usize) {
        self.shared.queue.add(&self.shared.config, job, weight);
        self.run_inline();
    }

    fn run_inline(&self) {
        if let Mode::Inline(writer) = &self.mode
            && let Some(writer) = &mut *writer.lock()
        {
            writer.run_inline();
        }
    }

    fn expire(&self, owners: (i64, i64), before: Timestamp) -> Reading<u64> {
        let (answer, reading) = Reading::pair();
        let limit = ArchiveId::lowest_at(before);
        let expiry = Expiry {
            limit,
            next: owners.0,
            end: owners.1,
            settled: false,
            deleted: 0,
        };
        self.enqueue(Job::Expire(expiry, answer), 0);
        reading
    }

    fn now(&self) -> Timestamp {
        (self.shared.config.clock)()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

impl Backend for Sqlite {
    fn submit(&self, batch: Batch) -> Submitted {
        let submitted = self.shared.queue.submit(&self.shared.config, batch);
        self.run_inline();
        submitted
    }

    fn congested(&self) -> bool {
        self.shared.queue.bytes() > self.shared.config.queue_bytes as u64
    }

    fn figures(&self) -> Figures {
        let Counters {
            batches,
            entries,
            commits,
            failed_commits,
            failing,
            wal_bytes,
        } = &self.shared.figures;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            batches: read(batches),
            entries: read(entries),
            commits: read(commits),
            failed_commits: read(failed_commits),
            failing: failing.load(Ordering::Relaxed),
            queued_bytes: self.shared.queue.bytes(),
            tail_bytes: self.shared.tail.read().bytes() as u64,
            wal_bytes: read(wal_bytes),
        }
    }

    fn close(&self) {
        self.shared.queue.close();
        match &self.mode {
            Mode::Inline(writer) => drop(writer.lock().take()),
            Mode::Threads { writer, readers } => {
                let writer = writer.lock().take();
                if let Some(writer) = writer
                    && writer.thread().id() != thread::current().id()
                {
                    let _ = writer.join();
                }
                readers.close();
            }
        }
        drop(self.lock.lock().take());
        if let Some(folder) = &self.temporary {
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    fn account_create(&self, account: NewAccount) -> Reading<AccountId> {
        let now = self.now();
        self.perform(1024, move |connection| {
            accounts::create(connection, &account, now)
        })
    }

    fn account_import(&self, accounts: Vec<NewAccount>) -> Reading<Vec<Imported>> {
        let now = self.now();
        self.perform(accounts.len() * 1024, move |connection| {
            accounts
                .iter()
                .map(|account| accounts::insert(connection, account, now))
                .collect()
        })
    }

    fn account_remove(&self, account: AccountId) -> Reading<bool> {
        let removed = self.perform(1024, move |connection| {
            accounts::remove(connection, account)
        });
        // The archive goes in slices, behind the answer; if it is cut off, the next start goes on.
        let number = account.number();
        drop(self.expire((number, number), Timestamp::from_micros(i64::MAX)));
        removed
    }

    fn accounts_being_removed(&self) -> Reading<Vec<Account>> {
        self.look(accounts::being_removed)
    }

    fn account_find(&self, localpart: Arc<str>) -> Reading<Option<Account>> {
        self.look(move |connection| accounts::find(connection, &localpart))
    }

    fn account(&self, account: AccountId) -> Reading<Option<Account>> {
        self.look(move |connection| accounts::get(connection, account))
    }

    fn login(&self, localpart: Arc<str>, client: Option<Arc<str>>) -> Reading<Option<Login>> {
        self.look(move |connection| accounts::login(connection, &localpart, client.as_deref()))
    }

    fn account_list(&self, after: Option<Arc<str>>, max: usize) -> Reading<AccountPage> {
        self.look(move |connection| accounts::list(connection, after.as_deref(), max))
    }

    fn account_count(&self) -> Reading<u64> {
        self.look(accounts::count)
    }

    fn account_state(&self, account: AccountId) -> Reading<Option<AccountState>> {
        self.look(move |connection| personal::state(connection, account))
    }

    fn roster(&self, account: AccountId) -> Reading<Roster> {
        self.look(move |connection| roster::roster(connection, account))
    }

    fn roster_changes_since(
        &self,
        account: AccountId,
        version: RosterVersion,
    ) -> Reading<Option<RosterChanges>> {
        self.look(move |connection| roster::changes_since(connection, account, version))
    }

    fn archive_page(&self, owner: OwnerId, query: ArchiveQuery) -> Reading<ArchivePage> {
        self.read(move |view| page::page(view, owner, &query))
    }

    fn archive_import(
        &self,
        owner: OwnerId,
        mut entries: Vec<ImportedEntry>,
    ) -> Reading<Vec<ArchiveId>> {
        let now = self.now();
        for entry in &mut entries {
            // Ids of times to come would stand before those of the messages that come.
            entry.at = entry.at.min(now);
        }
        let weight = entries.iter().map(|entry| entry.stanza.len() + 128).sum();
        let shared = Arc::clone(&self.shared);
        self.perform(weight, move |connection| {
            archive::flush::import(connection, &shared.config, owner, &entries)
        })
    }

    fn archive_bounds(&self, owner: OwnerId) -> Reading<Option<ArchiveBounds>> {
        self.read(move |view| page::bounds(view, owner))
    }

    fn inbox(
        &self,
        account: AccountId,
        query: InboxQuery,
        mentions: Mentions,
    ) -> Reading<InboxPage> {
        self.read(move |view| inbox::page(view, account, &query, &mentions))
    }

    fn archive_expire(&self, before: Timestamp) -> Reading<u64> {
        self.expire((i64::MIN, i64::MAX), before)
    }

    fn archive_purge(&self, owner: OwnerId, before: Timestamp) -> Reading<u64> {
        self.expire((owner.number(), owner.number()), before)
    }

    fn offline(
        &self,
        owner: OwnerId,
        after: Option<ArchiveId>,
        max: usize,
    ) -> Reading<Vec<ArchiveItem>> {
        self.read(move |view| offline::list(view, owner, after, max))
    }

    fn offline_count(&self, owner: OwnerId) -> Reading<u64> {
        self.look(move |connection| offline::count(connection, owner))
    }

    fn blocklist(&self, account: AccountId) -> Reading<Vec<Arc<str>>> {
        self.look(move |connection| personal::blocklist(connection, account))
    }

    fn private_all(&self, account: AccountId) -> Reading<Vec<String>> {
        self.look(move |connection| personal::private_all(connection, account))
    }

    fn private(&self, account: AccountId, key: Arc<str>) -> Reading<Option<String>> {
        self.look(move |connection| personal::private(connection, account, &key))
    }

    fn private_count(&self, account: AccountId) -> Reading<u64> {
        self.look(move |connection| personal::private_count(connection, account))
    }

    fn vcard(&self, account: AccountId) -> Reading<Option<String>> {
        self.look(move |connection| personal::vcard(connection, account))
    }

    fn node(&self, owner: OwnerId, node: Arc<str>) -> Reading<(Option<Node>, NodeUsage)> {
        self.look(move |connection| pubsub::node(connection, owner, &node))
    }

    fn nodes(&self, owner: OwnerId) -> Reading<Vec<Node>> {
        self.look(move |connection| pubsub::nodes(connection, owner))
    }

    fn node_items(&self, owner: OwnerId, node: Arc<str>, query: ItemQuery) -> Reading<ItemPage> {
        self.look(move |connection| pubsub_page::page(connection, owner, &node, &query))
    }

    fn newest_items(
        &self,
        newcomer: Newcomer,
        accounts: Vec<Arc<str>>,
    ) -> Reading<Vec<NewestItem>> {
        self.look(move |connection| pubsub::newest(connection, &newcomer, &accounts))
    }

    fn activity(&self, account: AccountId) -> Reading<Option<Activity>> {
        self.look(move |connection| personal::activity(connection, account))
    }

    fn preferences(&self, account: AccountId) -> Reading<Option<ArchivePreferences>> {
        self.look(move |connection| personal::preferences(connection, account))
    }

    fn tokens(&self, account: AccountId, client: Option<Arc<str>>) -> Reading<Vec<TokenRecord>> {
        self.look(move |connection| accounts::tokens(connection, account, client.as_deref()))
    }

    fn invitation(&self, hash: Vec<u8>) -> Reading<Option<Invitation>> {
        self.look(move |connection| admission::invitation(connection, &hash))
    }

    fn app_password_create(
        &self,
        account: AccountId,
        label: Arc<str>,
        keys: Vec<ScramRecord>,
        now: Timestamp,
    ) -> Reading<AppPasswordId> {
        self.perform(1024, move |connection| {
            admission::app_password_create(connection, account, &label, &keys, now)
        })
    }

    fn app_passwords(&self, account: AccountId) -> Reading<Vec<AppPassword>> {
        self.look(move |connection| admission::app_passwords(connection, account))
    }

    fn devices(&self, account: AccountId) -> Reading<Vec<Device>> {
        self.look(move |connection| admission::devices(connection, account))
    }

    fn identities(&self, source: Arc<str>) -> Reading<Vec<(Account, Identity)>> {
        self.look(move |connection| identities::of_source(connection, &source))
    }

    fn account_register(
        &self,
        account: NewAccount,
        invitation: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Reading<Registered> {
        self.perform(1024, move |connection| {
            admission::register(connection, &account, invitation.as_deref(), now)
        })
    }

    fn invitations(&self, inviter: Option<AccountId>, max: usize) -> Reading<Vec<Invitation>> {
        self.look(move |connection| admission::invitations(connection, inviter, max))
    }

    fn invitation_redeem(&self, hash: Vec<u8>, now: Timestamp) -> Reading<Option<Invitation>> {
        self.perform(256, move |connection| {
            admission::invitation_redeem(connection, &hash, now)
        })
    }

    fn setting(&self, key: Arc<str>) -> Reading<Option<Vec<u8>>> {
        self.look(move |connection| personal::setting(connection, &key))
    }

    fn setting_or(&self, key: Arc<str>, value: Vec<u8>) -> Reading<Vec<u8>> {
        self.perform(256, move |connection| {
            personal::setting_or(connection, &key, &value)
        })
    }

    fn room_create(
        &self,
        room: NewRoom,
        note: Option<AuditNote>,
    ) -> Reading<(RoomId, RosterVersion)> {
        let now = self.now();
        let version = self.shared.queue.version(&self.shared.config);
        self.perform(1024, move |connection| {
            let made = rooms::create(connection, &room, version, now)?;
            note.iter()
                .try_for_each(|note| audit::add(connection, note))?;
            Ok(made)
        })
    }

    fn room_remove(&self, room: RoomId, note: Option<AuditNote>) -> Reading<bool> {
        let removed = self.perform(1024, move |connection| {
            let removed = rooms::remove(connection, room)?;
            note.iter()
                .filter(|_| removed)
                .try_for_each(|note| audit::add(connection, note))?;
            Ok(removed)
        });
        // As with accounts: the archive goes in slices, behind the answer.
        let owner = OwnerId::from(room).number();
        drop(self.expire((owner, owner), Timestamp::from_micros(i64::MAX)));
        removed
    }

    fn room_state(&self, localpart: Arc<str>) -> Reading<Option<RoomState>> {
        self.look(move |connection| rooms::state(connection, &localpart))
    }

    fn room_list(&self, after: Option<Arc<str>>, max: usize, listed: bool) -> Reading<RoomPage> {
        self.look(move |connection| rooms::list(connection, after.as_deref(), max, listed))
    }

    fn room_count(&self, listed: bool) -> Reading<u64> {
        self.look(move |connection| rooms::count(connection, listed))
    }

    fn room_memberships(&self, address: Arc<str>) -> Reading<Vec<RoomMembership>> {
        self.look(move |connection| rooms::memberships(connection, &address))
    }

    fn rooms_of(&self, query: RoomsQuery) -> Reading<Vec<RoomStanding>> {
        self.look(move |connection| rooms::of(connection, &query))
    }

    fn room_traces(&self, address: Arc<str>) -> Reading<Vec<Arc<str>>> {
        self.look(move |connection| rooms::traces(connection, &address))
    }

    fn room_people_since(
        &self,
        room: RoomId,
        version: RosterVersion,
    ) -> Reading<Option<PeopleChanges>> {
        self.look(move |connection| rooms::people_since(connection, room, version))
    }

    fn room_vcard(&self, room: RoomId) -> Reading<Option<String>> {
        self.look(move |connection| rooms::vcard(connection, room))
    }

    fn room_tombstones(
        &self,
        room: RoomId,
        from: ArchiveId,
        to: ArchiveId,
    ) -> Reading<Vec<(ArchiveId, Bytes)>> {
        self.look(move |connection| rooms::tombstones(connection, room, from, to))
    }

    fn api_token(&self, hash: Vec<u8>) -> Reading<Option<(ApiToken, Account)>> {
        self.look(move |connection| api_tokens::find(connection, &hash))
    }

    fn api_tokens(&self, account: AccountId) -> Reading<Vec<ApiToken>> {
        self.look(move |connection| api_tokens::list(connection, account))
    }

    fn answer(&self, key: Vec<u8>) -> Reading<Option<KeptAnswer>> {
        self.look(move |connection| api_tokens::answer(connection, &key))
    }

    fn people(&self, query: PeopleQuery) -> Reading<PeoplePage> {
        self.look(move |connection| people::page(connection, &query))
    }

    fn groups(&self) -> Reading<Vec<GroupSize>> {
        self.look(people::groups)
    }

    fn audit(&self, query: AuditQuery) -> Reading<AuditPage> {
        self.look(move |connection| audit::page(connection, &query))
    }

    fn audit_head(&self) -> Reading<AuditHead> {
        self.look(audit::head)
    }

    fn audit_check(&self, noted: Vec<AuditHead>) -> Reading<Vec<String>> {
        self.read(move |view| view.snapshot(|connection| audit::check(connection, &noted)))
    }

    fn outgoing(&self, after: u64, max: usize) -> Reading<Vec<Outgoing>> {
        self.look(move |connection| outgoing::list(connection, after, max))
    }

    fn push_registrations(&self, account: AccountId) -> Reading<Vec<PushRegistration>> {
        self.look(move |connection| push::registrations(connection, account))
    }

    fn push_accounts(&self) -> Reading<Vec<Arc<str>>> {
        self.look(push::accounts)
    }

    fn push_audience(&self, audience: PushAudience) -> Reading<Vec<Arc<str>>> {
        self.look(move |connection| push::audience(connection, &audience))
    }

    fn upload_reserve(&self, upload: NewUpload, bounds: UploadBounds) -> Reading<Reserved> {
        self.perform(512, move |connection| {
            uploads::reserve(connection, &upload, &bounds)
        })
    }

    fn upload(&self, id: Arc<str>) -> Reading<Option<Upload>> {
        self.look(move |connection| uploads::get(connection, &id))
    }

    fn upload_keep(&self, id: Arc<str>, kept: Kept) -> Reading<bool> {
        self.perform(256, move |connection| uploads::keep(connection, &id, kept))
    }

    fn upload_due(
        &self,
        now: Timestamp,
        before: Option<Timestamp>,
        max: usize,
    ) -> Reading<Vec<Upload>> {
        self.look(move |connection| uploads::due(connection, now, before, max))
    }

    fn upload_slots(&self, after: Arc<str>, max: usize) -> Reading<Vec<Upload>> {
        self.look(move |connection| uploads::slots(connection, &after, max))
    }

    fn upload_ids(&self, prefix: Arc<str>) -> Reading<Vec<(Arc<str>, bool)>> {
        self.look(move |connection| uploads::ids(connection, &prefix))
    }

    fn upload_usage(&self, account: AccountId) -> Reading<UploadUsage> {
        self.look(move |connection| uploads::usage(connection, account))
    }

    fn backup(&self, target: PathBuf, progress: Option<Progress>) -> Reading<()> {
        backup::backup(self, target, progress)
    }

    fn check(&self, depth: CheckDepth) -> Reading<CheckReport> {
        self.read(move |view| backup::check(view, depth))
    }
}
