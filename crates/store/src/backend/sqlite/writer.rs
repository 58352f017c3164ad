//! The one connection that writes: commits groups, and between them moves and deletes in slices.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::Connection;

use super::archive::expire::{self, Expiry};
use super::archive::flush::{self, Round, Slice};
use super::archive::is_gone;
use super::archive::tail::Tail;
use super::archive::{inbox, offline};
use super::checkpoint::Checkpointer;
use super::error::{damaged, fails_all};
use super::queue::{Group, Job, Next};
use super::{
    Shared, accounts, admission, api_tokens, audit, identities, outgoing, personal, pubsub, push,
    rooms, roster, uploads,
};
use crate::archive::codec::{self, JournalCopy, JournalWriter};
use crate::batch::Write;
use crate::ticket::Outcome;
use crate::{Answer, ArchiveId, OwnerId, RosterVersion, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// How long nothing must have been written before a middling tail is moved.
const IDLE: Duration = Duration::from_secs(10);

pub(super) struct Writer {
    pub(super) connection: Connection,
    shared: Arc<Shared>,
    /// Number of the next row of the journal.
    seq: i64,
    round: Option<Round>,
    expiries: VecDeque<(Expiry, Answer<u64>)>,
    /// Pages of the write-ahead log after the last commit.
    wal_pages: Arc<AtomicU32>,
    checkpointer: Option<Checkpointer>,
    /// Bytes of the log from which on it is copied.
    wal_due: u64,
    /// Moving failed (disk full): wait for the next commit that succeeds before trying again.
    stuck: bool,
}

/// What the journal said when the store was opened.
pub(super) struct Recovered {
    pub(super) tail: Tail,
    pub(super) seq: i64,
    /// Largest number in use as archive id or roster version.
    pub(super) last: i64,
}

/// Reads the journal into memory.
pub(super) fn recover(connection: &Connection) -> Result<Recovered> {
    let mut moved = std::collections::HashMap::new();
    let mut statement = connection.prepare("SELECT account, moved FROM archive_account")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        moved.insert(OwnerId::from_number(row.get(0)?), row.get::<_, i64>(1)?);
    }
    let mut last = moved.values().copied().max().unwrap_or(0);
    let version: i64 = connection.query_row(
        "SELECT coalesce(max(roster_version), 0) FROM account",
        [],
        |row| row.get(0),
    )?;
    last = last.max(version).max(rooms::last_version(connection)?);
    let mut tail = Tail::default();
    let mut seq = 1;
    let mut statement =
        connection.prepare("SELECT seq, entries FROM archive_journal ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let bytes = Bytes::from(row.get::<_, Vec<u8>>(1)?);
        let mut copies =
            codec::journal(&bytes).map_err(damaged(|| format!("archive journal row {number}")))?;
        last = copies
            .last()
            .map_or(last, |copy| last.max(copy.id.number()));
        copies.retain(|copy| {
            moved
                .get(&copy.owner)
                .is_none_or(|moved| copy.id.number() > *moved)
        });
        tail.add(number, bytes, copies);
        seq = number + 1;
    }
    Ok(Recovered { tail, seq, last })
}

/// Whatever ends the writer, nobody waits for it afterwards.
struct Abandon(Arc<Shared>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

impl Writer {
    pub(super) fn new(
        mut connection: Connection,
        shared: Arc<Shared>,
        seq: i64,
        checkpointer: Option<Checkpointer>,
    ) -> Result<Self> {
        let wal_pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&wal_pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            seen.store(pages.cast_unsigned(), Ordering::Relaxed);
            Ok(())
        }))?;
        let expiries = VecDeque::new();
        let round = None;
        let stuck = false;
        let wal_due = shared.config.wal_bytes as u64;
        let mut writer = Self {
            connection,
            shared,
            seq,
            round,
            expiries,
            wal_pages,
            checkpointer,
            wal_due,
            stuck,
        };
        writer.bury()?;
        Ok(writer)
    }

    /// Continues to delete the archives of owners that were removed before the last stop.
    fn bury(&mut self) -> Result<()> {
        let mut statement = self
            .connection
            .prepare("SELECT account FROM archive_account")?;
        let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
        for row in rows {
            let owner = row?;
            if !is_gone(&self.connection, OwnerId::from_number(owner))? {
                continue;
            }
            let (answer, _) = crate::Reading::pair();
            let all = Expiry {
                limit: ArchiveId::LAST,
                next: owner,
                end: owner,
                settled: false,
                deleted: 0,
            };
            self.expiries.push_back((all, answer));
        }
        Ok(())
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _abandoned = Abandon(Arc::clone(&self.shared));
        loop {
            let busy = self.attend();
            let patience = if busy {
                Some(Duration::ZERO)
            } else if self.shared.tail.read().bytes() > self.shared.config.tail_bytes / 8 {
                Some(IDLE)
            } else {
                None
            };
            match self.shared.queue.next(patience) {
                Next::Write(group) => self.write(group),
                Next::Idle if !busy => {
                    self.stuck = false;
                    self.begin_round();
                }
                Next::Idle => (),
                Next::Closed => break,
            }
        }
        // Expiries that were not finished go on after the next start, when they are asked for again.
        self.checkpoint_now();
    }

    /// Writes all that waits and attends to all that is due, for the inline mode.
    pub(super) fn run_inline(&mut self) {
        while let Next::Write(group) = self.shared.queue.next(Some(Duration::ZERO)) {
            self.write(group);
            while self.attend() {}
        }
    }

    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])?;
        let result = work(self);
        let result = match result {
            Ok(value) => self
                .connection
                .prepare_cached("COMMIT")
                .and_then(|mut commit| commit.execute([]))
                .map(|_| value)
                .map_err(StoreError::from),
            Err(error) => Err(error),
        };
        if result.is_err() && !self.connection.is_autocommit() {
            // A rollback in WAL mode touches no disk; should it fail, the next BEGIN says so.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        result
    }

    /// One commit.
    fn write(&mut self, mut group: Group) {
        let commit = Arc::clone(&group.commit);
        let (mut jobs, bytes) = (std::mem::take(&mut group.jobs), group.bytes);
        let figures = &self.shared.figures;
        figures.commits.fetch_add(1, Ordering::Relaxed);
        let outcome = match self.attempt(&mut jobs) {
            Ok(()) => Outcome::Kept,
            Err(error) if fails_all(&error) || jobs.len() == 1 => Outcome::Failed(error),
            // Something is wrong with one of them: each on its own, in order.
            Err(_) => {
                let mut failed = Vec::new();
                for (place, job) in jobs.iter_mut().enumerate() {
                    if let Err(error) = self.attempt(std::slice::from_mut(job)) {
                        failed.push((place as u32, error));
                    }
                }
                Outcome::Mixed(failed)
            }
        };
        let figures = &self.shared.figures;
        let failing = match &outcome {
            Outcome::Kept => false,
            Outcome::Failed(error) => fails_all(error),
            Outcome::Mixed(failed) => failed.iter().any(|(_, error)| fails_all(error)),
        };
        figures.failing.store(failing, Ordering::Relaxed);
        if !matches!(outcome, Outcome::Kept) {
            figures.failed_commits.fetch_add(1, Ordering::Relaxed);
        } else {
            figures
                .batches
                .fetch_add(jobs.len() as u64, Ordering::Relaxed);
            self.stuck = false;
        }
        self.shared.queue.written(bytes);
        let result_of = |place: usize| match &outcome {
            Outcome::Kept => Ok(()),
            Outcome::Failed(error) => Err(error.clone()),
            Outcome::Mixed(failed) => {
                let failure = failed.iter().find(|(index, _)| *index as usize == place);
                failure.map_or(Ok(()), |(_, error)| Err(error.clone()))
            }
        };
        let mut answers = Vec::new();
        for (place, job) in jobs.into_iter().enumerate() {
            match job {
                Job::Batch { .. } => (),
                job => answers.push((job, result_of(place))),
            }
        }
        commit.resolve(outcome);
        for (job, result) in answers {
            match job {
                Job::Task(task) => task.finish(result),
                Job::Expire(expiry, answer) => self.expiries.push_back((expiry, answer)),
                Job::Batch { .. } => (),
            }
        }
    }

    /// Tries to write these jobs in one transaction; the tail changes only when it is durable.
    fn attempt(&mut self, jobs: &mut [Job]) -> Result<()> {
        let length: usize = jobs
            .iter()
            .map(|job| match job {
                Job::Batch { batch, .. } => batch.entries.len() + 32,
                _ => 0,
            })
            .sum();
        let mut row = JournalWriter::with_capacity(length);
        let seq = self.seq;
        let (bytes, copies) = self.transaction(|writer| {
            let connection = &writer.connection;
            let mut copies = Vec::new();
            for job in jobs {
                match job {
                    Job::Batch {
                        batch,
                        first,
                        version,
                    } => {
                        if !batch.copies.is_empty() {
                            let at = row.section(*first, batch.copies.len(), &batch.entries);
                            for (step, copy) in batch.copies.iter().enumerate() {
                                let id = first.number() + step as i64;
                                if copy.offline {
                                    offline::wait(connection, copy.owner, id, copy.hidden)?;
                                }
                                copies.push(JournalCopy {
                                    id: ArchiveId::from_number(id),
                                    owner: copy.owner,
                                    owner_at: copy.owner_at + at,
                                    stanza_at: copy.stanza_at + at,
                                    hidden: copy.hidden,
                                });
                            }
                        }
                        for write in &batch.writes {
                            apply(connection, write, *version)?;
                        }
                    }
                    Job::Task(task) => task.run(connection)?,
                    Job::Expire(..) => (),
                }
            }
            if row.is_empty() {
                return Ok((Bytes::new(), copies));
            }
            let bytes = row.finish();
            connection
                .prepare_cached("INSERT INTO archive_journal (seq, entries) VALUES (?, ?)")?
                .execute(rusqlite::params![seq, &bytes[..]])?;
            Ok((bytes, copies))
        })?;
        if !bytes.is_empty() {
            self.seq = seq + 1;
            self.shared
                .figures
                .entries
                .fetch_add(copies.len() as u64, Ordering::Relaxed);
            self.shared.tail.write().add(seq, bytes, copies);
        }
        Ok(())
    }

    /// Does one slice of what is due besides commits. Whether there is more.
    pub(super) fn attend(&mut self) -> bool {
        self.checkpoint();
        let bytes = self.shared.tail.read().bytes();
        if bytes > self.shared.config.tail_bytes && !self.stuck {
            self.begin_round();
        }
        // When commits bring more than the slices take away, the slices grow.
        let factor = (bytes / self.shared.config.tail_bytes.max(1)).clamp(1, 16) as u32;
        let slice = Slice::of(self.shared.config.slice * factor);
        if self.round.is_some() {
            // A failure (disk full) loses nothing: the journal still has what was to be moved.
            if self.move_slice(&slice).is_err() {
                self.stuck = true;
                self.round = None;
            }
        } else if !self.expiries.is_empty() {
            self.expire_slice(&slice);
        }
        self.round.is_some() || !self.expiries.is_empty()
    }

    fn begin_round(&mut self) {
        if self.round.is_some() {
            return;
        }
        let tail = self.shared.tail.read();
        if let Some((seq, through)) = tail.newest() {
            let mut owners = tail.owners();
            owners.reverse();
            self.round = Some(Round {
                seq,
                through,
                owners,
            });
        }
    }

    fn move_slice(&mut self, slice: &Slice) -> Result<()> {
        let Some(mut round) = self.round.take() else {
            return Ok(());
        };
        // Until the next commit is synced, a power cut may undo this; the journal then still has all.
        self.synchronous("NORMAL")?;
        let moved = if round.owners.is_empty() {
            self.delete_rows(&round)
        } else {
            self.move_owners(&mut round, slice).map(|()| true)
        };
        self.synchronous("FULL")?;
        if moved? {
            self.round = Some(round);
        }
        Ok(())
    }

    fn synchronous(&self, mode: &str) -> Result<()> {
        // It takes effect when it is compiled, so it must not come from the statement cache.
        Ok(self
            .connection
            .execute_batch(&format!("PRAGMA synchronous = {mode}"))?)
    }

    fn move_owners(&mut self, round: &mut Round, slice: &Slice) -> Result<()> {
        let through = round.through;
        let owners = &mut round.owners;
        let moved = self.transaction(|writer| {
            let mut moved = Vec::new();
            while let Some(owner) = owners.last().copied() {
                let entries = writer
                    .shared
                    .tail
                    .read()
                    .oldest(owner, through, flush::STEP);
                flush::owner(&writer.connection, &writer.shared.config, owner, &entries)?;
                if entries.len() < flush::STEP {
                    owners.pop();
                }
                if let Some(last) = entries.last() {
                    moved.push((owner, last.id));
                    if entries.len() == flush::STEP {
                        // Its next step must see that these are gone from the tail.
                        break;
                    }
                }
                if slice.over() {
                    break;
                }
            }
            Ok(moved)
        })?;
        let mut tail = self.shared.tail.write();
        for (owner, through) in moved {
            tail.moved(owner, through);
        }
        Ok(())
    }

    /// Deletes some of the journal's rows; false when the round is at its end.
    fn delete_rows(&mut self, round: &Round) -> Result<bool> {
        let through = self.transaction(|writer| {
            let mut statement = writer.connection.prepare_cached(
                "DELETE FROM archive_journal WHERE seq IN
                 (SELECT seq FROM archive_journal WHERE seq <= ? ORDER BY seq LIMIT ?)
                 RETURNING seq",
            )?;
            let mut rows = statement.query([round.seq, flush::ROWS])?;
            let mut through = None;
            while let Some(row) = rows.next()? {
                through = through.max(Some(row.get::<_, i64>(0)?));
            }
            Ok(through)
        })?;
        let Some(through) = through else {
            return Ok(false);
        };
        self.shared.tail.write().deleted(through);
        Ok(through < round.seq)
    }

    fn expire_slice(&mut self, slice: &Slice) {
        let Some((mut expiry, answer)) = self.expiries.pop_front() else {
            return;
        };
        // What is to be deleted may still be in the tail.
        let waits = !expiry.settled && !self.stuck;
        if waits && self.shared.tail.read().begins_before(expiry.limit) {
            expiry.settled = true;
            self.expiries.push_front((expiry, answer));
            self.begin_round();
            return;
        }
        let mut next = expiry.clone();
        let more = self.transaction(|writer| expire::slice(&writer.connection, &mut next, slice));
        match more {
            Ok(true) => self.expiries.push_front((next, answer)),
            Ok(false) => answer.give(Ok(next.deleted)),
            Err(error) => answer.give(Err(error)),
        }
    }

    fn checkpoint(&mut self) {
        let Some(checkpointer) = &self.checkpointer else {
            return;
        };
        let bytes = u64::from(self.wal_pages.load(Ordering::Relaxed)) * super::schema::PAGE_BYTES;
        self.shared
            .figures
            .wal_bytes
            .store(bytes, Ordering::Relaxed);
        if bytes < self.wal_due {
            return;
        }
        // Most is copied by another thread while commits go on; the little that came meanwhile is
        // copied here, after which the log begins anew.
        let limit = self.shared.config.wal_bytes as u64;
        if checkpointer.take_done() || bytes > limit.saturating_mul(4) {
            let begins_anew = self.checkpoint_now();
            // A long read (a backup) holds the log: try again when it has grown by some more.
            self.wal_due = if begins_anew {
                limit
            } else {
                bytes + limit / 2
            };
        } else {
            checkpointer.begin();
        }
    }

    /// Copies what can be copied; whether that was all.
    fn checkpoint_now(&mut self) -> bool {
        let copied = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
        let whole = copied.is_ok_and(|(all, copied)| all == copied);
        if whole {
            self.wal_pages.store(0, Ordering::Relaxed);
        }
        whole
    }
}

fn apply(connection: &Connection, write: &Write, version: RosterVersion) -> Result<()> {
    match write {
        Write::AccountChange(account, change) => accounts::change(connection, *account, change),
        Write::AccountAddKey(account, key) => accounts::add_key(connection, *account, key),
        Write::AccountRemovalBegin(account) => accounts::removal_begin(connection, *account),
        Write::AccountRemovalCancel(account, enabled) => {
            accounts::removal_cancel(connection, *account, *enabled)
        }
        Write::IdentitySet(account, identity) => identities::set(connection, *account, identity),
        Write::Audit(note) => audit::add(connection, note),
        Write::ApiTokenAdd(account, token) => api_tokens::add(connection, *account, token),
        Write::ApiTokenRevoke(account, id) => {
            api_tokens::revoke(connection, *account, id.as_deref())
        }
        Write::ApiTokenUsed(account, id, at) => api_tokens::used(connection, *account, id, *at),
        Write::ApiTokenExpire(now) => api_tokens::expire(connection, *now),
        Write::AnswerKeep(answer, before, most) => {
            api_tokens::keep(connection, answer, *before, *most)
        }
        Write::AppPasswordUsed(account, id, at) => {
            admission::app_password_used(connection, *account, *id, *at)
        }
        Write::AppPasswordRemove(account, id) => {
            admission::app_password_remove(connection, *account, *id)
        }
        Write::DeviceSeen(account, device) => admission::device_seen(connection, *account, device),
        Write::DeviceForget(account, client) => {
            admission::device_forget(connection, *account, client.as_deref())
        }
        Write::DeviceExpire(before) => admission::device_expire(connection, *before),
        Write::RosterSet(account, item) => roster::set(connection, *account, item, version),
        Write::RosterRemove(account, contact) => {
            roster::remove(connection, *account, contact, version)
        }
        Write::RequestSet(account, request) => roster::request_set(connection, *account, request),
        Write::RequestRemove(account, contact) => {
            roster::request_remove(connection, *account, contact)
        }
        Write::OfflineClear(account, through) => offline::clear(connection, *account, *through),
        Write::OfflineRemove(account, entries) => offline::remove(connection, *account, entries),
        Write::OfflineMark(account, id) => offline::wait(connection, *account, id.number(), false),
        Write::Block(account, address) => personal::block(connection, *account, address),
        Write::Unblock(account, address) => personal::unblock(connection, *account, Some(address)),
        Write::UnblockAll(account) => personal::unblock(connection, *account, None),
        Write::Private(account, key, xml) => {
            personal::private_set(connection, *account, key, xml.as_deref())
        }
        Write::Vcard(account, xml) => personal::vcard_set(connection, *account, xml.as_deref()),
        Write::Node(owner, write) => pubsub::apply(connection, *owner, write),
        Write::NodeItemsExpire(now) => pubsub::expire(connection, *now),
        Write::Activity(account, activity) => {
            personal::activity_set(connection, *account, activity)
        }
        Write::Preferences(account, preferences) => {
            personal::preferences_set(connection, *account, preferences)
        }
        Write::DevicesListed(account, devices) => {
            personal::devices_listed(connection, *account, devices)
        }
        Write::InboxDisplayed(account, peer, through) => {
            inbox::displayed(connection, *account, peer, *through, version)
        }
        Write::TokenIssue(account, token) => accounts::token_issue(connection, *account, token),
        Write::TokenUsed {
            account,
            client,
            secret,
            count,
            at,
        } => accounts::token_used(connection, *account, client, secret, *count, *at),
        Write::TokenRevoke(account, client) => {
            accounts::token_revoke(connection, *account, client.as_deref())
        }
        Write::TokenExpire(now) => accounts::token_expire(connection, *now),
        Write::Room(room, write) => rooms::write(connection, *room, write, version),
        Write::OutgoingSet(entry) => outgoing::set(connection, entry),
        Write::OutgoingRemove(id) => outgoing::remove(connection, *id),
        Write::InvitationSet(invitation) => admission::invitation_set(connection, invitation),
        Write::InvitationRemove(hash) => admission::invitation_remove(connection, hash),
        Write::InvitationExpire(before) => admission::invitation_expire(connection, *before),
        Write::Setting(key, value) => personal::setting_set(connection, key, value.as_deref()),
        Write::UploadTransfer(id, transfer) => {
            uploads::transfer(connection, id, transfer.as_deref())
        }
        Write::PushSet(account, registration) => push::set(connection, *account, registration),
        Write::PushRemove(account, target) => push::remove(connection, *account, target),
        Write::UploadRemove(id) => uploads::remove(connection, id),
    }
}
