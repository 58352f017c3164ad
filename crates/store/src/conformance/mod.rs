//! What every backend must do, as functions that panic where one does not.
//!
//! A backend joins with [`run`], giving a way to open an empty store and one to open it again. The
//! suite calls `reopen` after each step where that must make no difference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite for tests: it panics on purpose"
)]

mod admission;
mod api;
mod archive;
mod audit;
mod identities;
mod inbox;
mod outgoing;
mod people;
mod personal;
mod pubsub;
mod push;
mod rooms;
mod uploads;

use base::Timestamp;

use crate::{
    AccountId, ArchiveId, ArchiveOwner, ArchiveQuery, Batch, CheckDepth, EntryFlags, NewAccount,
    Store, StoreError, wait,
};

/// A store under test.
pub trait Subject {
    /// The store.
    fn store(&self) -> &Store;
    /// Closes it and opens it again, where there is something to open again.
    fn reopen(&mut self);
}

/// A named part of the suite.
pub type Part = (&'static str, fn(&mut dyn Subject));

/// All parts; each wants an empty store.
pub const PARTS: &[Part] = &[
    ("accounts", people::accounts),
    ("import", people::import),
    ("tokens", people::tokens),
    ("invitations", people::invitations),
    ("app passwords", admission::app_passwords),
    ("devices", admission::devices),
    ("registration", admission::registration),
    ("removal", admission::removal),
    ("identities", identities::identities),
    ("roster", people::roster),
    ("roster marks are bounded", people::roster_marks),
    ("personal", personal::personal),
    ("nodes", pubsub::nodes),
    ("node items", pubsub::node_items),
    ("node sums and expiry", pubsub::node_sums),
    ("newest items", pubsub::newest_items),
    ("archive pages", archive::archive_pages),
    ("archive filters", archive::archive_filters),
    ("archive errors", archive::archive_errors),
    ("archive expiry", archive::archive_expiry),
    ("inbox", inbox::inbox),
    ("inbox of rooms", inbox::rooms),
    ("inbox moves on", inbox::moves_on),
    ("inbox of large rooms", inbox::large_rooms),
    ("own messages of rooms", inbox::own_messages_of_rooms),
    ("archive import", admission::archive_import),
    ("offline", archive::offline),
    ("outgoing", outgoing::outgoing),
    ("account removal", people::account_removal),
    ("rooms", rooms::keeping),
    ("people of rooms", rooms::people),
    ("traces of people in rooms", rooms::traces),
    ("list of rooms", rooms::list),
    ("rooms of somebody", rooms::of_somebody),
    ("archive of a room", rooms::archive_of_a_room),
    ("push", push::push),
    ("audience of pushes", push::audience),
    ("uploads", uploads::life),
    ("bounds of uploads", uploads::bounds),
    ("uploads of removed accounts", uploads::removed_accounts),
    ("audit log", audit::audit),
    ("tokens of the REST interface", api::tokens),
    ("answers that are given again", api::answers),
    ("list of people", api::people),
    ("failures are exact", failures_are_exact),
    ("check finds nothing", check_finds_nothing),
];

/// Runs all parts, each on a store that `open` makes.
pub fn run<S: Subject>(mut open: impl FnMut() -> S) {
    for (_, part) in PARTS {
        part(&mut open());
    }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn named(localpart: &str) -> NewAccount {
    NewAccount {
        localpart: localpart.into(),
        ..NewAccount::default()
    }
}

fn create(subject: &dyn Subject, localpart: &str) -> AccountId {
    wait(subject.store().account_create(named(localpart))).unwrap()
}

fn write(subject: &dyn Subject, fill: impl FnOnce(&mut Batch)) -> crate::Submitted {
    let mut batch = Batch::new();
    fill(&mut batch);
    let mut submitted = subject.store().submit(batch);
    let ticket = std::mem::replace(&mut submitted.ticket, crate::Ticket::DONE);
    ticket.wait().unwrap();
    submitted
}

fn copy(account: AccountId, with: &str) -> ArchiveOwner<'_> {
    ArchiveOwner {
        id: account.into(),
        with,
        with_resource: None,
        flags: EntryFlags::default(),
    }
}

fn message(number: usize) -> String {
    format!(
        "<message id='{number}'><body>{}</body></message>",
        "x".repeat(number % 700)
    )
}

fn fill(
    subject: &dyn Subject,
    owners: &[ArchiveOwner<'_>],
    numbers: std::ops::Range<usize>,
) -> Vec<ArchiveId> {
    let mut ids = Vec::new();
    for number in numbers {
        let submitted = write(subject, |batch| {
            batch.archive_shared(message(number).as_bytes(), owners);
        });
        assert_eq!(submitted.ids.len(), owners.len());
        ids.push(submitted.ids[0]);
    }
    ids
}

fn count(subject: &dyn Subject, account: AccountId) -> Option<u64> {
    let query = ArchiveQuery {
        max: 0,
        ..ArchiveQuery::default()
    };
    wait(subject.store().archive_page(account, query))
        .unwrap()
        .count
}

fn failures_are_exact(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let gone = AccountId::from_number(account.number() + 1000);
    let mut tickets = Vec::new();
    for number in 0..20 {
        let mut batch = Batch::new();
        let owner = if number % 5 == 3 { gone } else { account };
        batch.archive(copy(account, "b@x"), message(number).as_bytes());
        batch.roster_set(owner, people::contact(&format!("c{number}@x")));
        tickets.push(subject.store().submit(batch).ticket);
    }
    for (number, ticket) in tickets.into_iter().enumerate() {
        let expected = if number % 5 == 3 {
            Err(StoreError::NoSuchAccount)
        } else {
            Ok(())
        };
        assert_eq!(ticket.wait(), expected, "batch {number}");
    }
    for _ in 0..2 {
        assert_eq!(
            count(subject, account),
            Some(16),
            "a batch is kept whole or not at all"
        );
        assert_eq!(
            wait(subject.store().roster(account)).unwrap().items.len(),
            16
        );
        subject.reopen();
    }
    assert!(subject.store().submit(Batch::new()).ticket.is_ready());
}

fn check_finds_nothing(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    fill(subject, &[copy(account, "b@x")], 0..200);
    for depth in [CheckDepth::Quick, CheckDepth::Full] {
        let report = wait(subject.store().check(depth)).unwrap();
        assert_eq!(report.problems, [""; 0]);
        assert_eq!(report.accounts, 1);
    }
    assert_eq!(
        wait(subject.store().check(CheckDepth::Full))
            .unwrap()
            .entries,
        200
    );
}
