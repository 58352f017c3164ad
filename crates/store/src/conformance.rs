//! What every backend must do, as functions that panic where one does not.
//!
//! A backend joins with [`run`], giving a way to open an empty store and one to open it again. The
//! suite calls `reopen` after each step where that must make no difference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a suite for tests: it panics on purpose"
)]

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::{
    AccountChange, AccountId, Activity, ArchiveDefault, ArchiveId, ArchiveOwner,
    ArchivePreferences, ArchiveQuery, Batch, CheckDepth, EntryFlags, Imported, Invitation,
    InvitationPurpose, NewAccount, PagePosition, RosterChange, RosterItem, RosterRequest,
    RosterVersion, ScramRecord, Store, StoreError, Subscription, TokenRecord, wait,
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
    ("accounts", accounts),
    ("import", import),
    ("tokens", tokens),
    ("invitations", invitations),
    ("roster", roster),
    ("roster marks are bounded", roster_marks),
    ("personal", personal),
    ("archive pages", archive_pages),
    ("archive filters", archive_filters),
    ("archive errors", archive_errors),
    ("archive expiry", archive_expiry),
    ("offline", offline),
    ("account removal", account_removal),
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

fn key(hash: &str, iterations: u32) -> ScramRecord {
    ScramRecord {
        hash: hash.into(),
        iterations,
        salt: vec![1, 2],
        stored_key: vec![3; 32],
        server_key: vec![4; 32],
    }
}

fn accounts(subject: &mut dyn Subject) {
    let new = NewAccount {
        localpart: "anna".into(),
        display_name: Some("Anna Ä".into()),
        admin: true,
        groups: vec!["sales".into(), "board".into(), "sales".into()],
        keys: vec![key("SHA-1", 4096), key("SHA-256", 10_000)],
    };
    let anna = wait(subject.store().account_create(new.clone())).unwrap();
    assert_eq!(
        wait(subject.store().account_create(new)),
        Err(StoreError::AlreadyExists)
    );
    let bert = create(subject, "bert");
    assert_ne!(anna, bert);
    subject.reopen();
    let store = subject.store();
    let found = wait(store.account_find("anna")).unwrap().unwrap();
    assert_eq!(found.id, anna);
    assert_eq!(found.display_name.as_deref(), Some("Anna Ä"));
    assert!(found.admin && found.enabled);
    assert_eq!(found.groups, [Arc::from("board"), Arc::from("sales")]);
    assert_eq!(wait(store.account_find("nobody")), Ok(None));
    let login = wait(store.login("anna", Some("client"))).unwrap().unwrap();
    assert_eq!(login.account, found);
    assert_eq!(login.keys.len(), 2);
    assert!(login.tokens.is_empty());
    assert_eq!(wait(store.login("nobody", None)), Ok(None));

    write(subject, |batch| {
        let change = AccountChange {
            display_name: Some(None),
            admin: Some(false),
            enabled: Some(false),
            groups: Some(vec![]),
            keys: Some(vec![key("SHA-512", 1)]),
        };
        batch.account_change(anna, change);
        batch.account_add_key(anna, key("SHA-256", 2));
        batch.account_add_key(anna, key("SHA-256", 3));
    });
    subject.reopen();
    let login = wait(subject.store().login("anna", None)).unwrap().unwrap();
    let account = login.account;
    assert!(!account.admin && !account.enabled && account.groups.is_empty());
    assert_eq!(account.display_name, None);
    let mut keys: Vec<_> = login
        .keys
        .iter()
        .map(|key| (key.hash.to_string(), key.iterations))
        .collect();
    keys.sort();
    assert_eq!(keys, [("SHA-256".to_owned(), 3), ("SHA-512".to_owned(), 1)]);
    write(subject, |batch| {
        batch.account_change(anna, AccountChange::default())
    });
    assert_eq!(wait(subject.store().account(anna)), Ok(Some(account)));
}

fn import(subject: &mut dyn Subject) {
    let there = create(subject, "user0500");
    let all: Vec<_> = (0..1000)
        .map(|number| named(&format!("user{number:04}")))
        .collect();
    let imported = wait(subject.store().account_import(all)).unwrap();
    assert_eq!(imported.len(), 1000);
    assert_eq!(imported[500], Imported::Exists(there));
    assert!(matches!(imported[999], Imported::Created(_)));
    subject.reopen();
    let store = subject.store();
    assert_eq!(wait(store.account_count()), Ok(1000));
    let mut seen = 0;
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = wait(store.account_list(after.as_deref(), 300)).unwrap();
        seen += page.accounts.len();
        after = page
            .accounts
            .last()
            .map(|account| account.localpart.clone());
        if !page.more {
            break;
        }
    }
    assert_eq!((seen, after.as_deref()), (1000, Some("user0999")));
}

fn token(client: &str, secret: u8) -> TokenRecord {
    TokenRecord {
        client: client.into(),
        mechanism: "HT-SHA-256-NONE".into(),
        secret: vec![secret; 32],
        issued: time(10),
        expires: time(1000 + i64::from(secret)),
        last_used: None,
        counter: 0,
        software: Some("App".into()),
        device: None,
    }
}

fn tokens(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let secrets = |subject: &dyn Subject, client: Option<&str>| -> Vec<u8> {
        let tokens = wait(subject.store().tokens(account, client)).unwrap();
        tokens.iter().map(|token| token.secret[0]).collect()
    };
    for secret in 1..=3 {
        write(subject, |batch| {
            batch.token_issue(account, token("phone", secret))
        });
        subject.reopen();
    }
    write(subject, |batch| {
        batch.token_issue(account, token("desk", 9))
    });
    assert_eq!(
        secrets(subject, Some("phone")),
        [3, 2],
        "the newest and the one before"
    );
    write(subject, |batch| {
        batch.token_used(account, "phone", &[2; 32], 5, time(20))
    });
    assert_eq!(
        secrets(subject, Some("phone")),
        [3, 2],
        "the older one still works"
    );
    write(subject, |batch| {
        batch.token_used(account, "phone", &[3; 32], 7, time(30))
    });
    assert_eq!(
        secrets(subject, Some("phone")),
        [3],
        "the newer one is in use"
    );
    subject.reopen();
    let login = wait(subject.store().login("anna", Some("phone")))
        .unwrap()
        .unwrap();
    assert_eq!(login.tokens[0].last_used, Some(time(30)));
    assert_eq!(login.tokens[0].counter, 7);
    assert_eq!(login.tokens[0].software.as_deref(), Some("App"));
    write(subject, |batch| batch.token_revoke(account, "phone"));
    assert_eq!(secrets(subject, None), [9]);
    write(subject, |batch| batch.token_expire(time(1009)));
    assert!(secrets(subject, None).is_empty());
    write(subject, |batch| {
        batch.token_issue(account, token("phone", 1));
        batch.token_issue(account, token("desk", 2));
        batch.token_revoke_all(account);
    });
    assert!(secrets(subject, None).is_empty());
}

fn invitations(subject: &mut dyn Subject) {
    let invitation = Invitation {
        hash: vec![7; 32],
        purpose: InvitationPurpose::Administrator,
        localpart: None,
        created: time(1),
        expires: time(100),
        used: None,
    };
    write(subject, |batch| batch.invitation_set(invitation.clone()));
    subject.reopen();
    let store = subject.store();
    assert_eq!(
        wait(store.invitation(&[7; 32])),
        Ok(Some(invitation.clone()))
    );
    assert_eq!(wait(store.invitation_redeem(&[8; 32], time(5))), Ok(None));
    assert_eq!(
        wait(store.invitation_redeem(&[7; 32], time(100))),
        Ok(None),
        "ended"
    );
    let used = Invitation {
        used: Some(time(5)),
        ..invitation
    };
    assert_eq!(
        wait(store.invitation_redeem(&[7; 32], time(5))),
        Ok(Some(used.clone()))
    );
    assert_eq!(
        wait(store.invitation_redeem(&[7; 32], time(6))),
        Ok(None),
        "used"
    );
    assert_eq!(wait(store.invitation(&[7; 32])), Ok(Some(used)));
    write(subject, |batch| batch.invitation_remove(&[7; 32]));
    assert_eq!(wait(subject.store().invitation(&[7; 32])), Ok(None));
}

fn contact(address: &str) -> RosterItem {
    RosterItem {
        contact: address.into(),
        ..RosterItem::default()
    }
}

fn roster(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let empty = wait(subject.store().roster(account)).unwrap();
    assert_eq!(empty.version, RosterVersion::NONE);
    assert!(empty.items.is_empty());
    let none = wait(
        subject
            .store()
            .roster_changes_since(account, RosterVersion::NONE),
    )
    .unwrap();
    assert!(none.unwrap().changes.is_empty());

    let item = RosterItem {
        contact: "c@x".into(),
        name: Some("C".into()),
        groups: vec!["Friends".into(), "Ä & <b>".into()],
        subscription: Subscription::Both,
        ask: true,
        approved: true,
        version: RosterVersion::NONE,
    };
    let one = write(subject, |batch| batch.roster_set(account, item.clone())).version;
    let two = write(subject, |batch| batch.roster_set(account, contact("b@x"))).version;
    assert!(RosterVersion::NONE < one && one < two);
    assert_eq!(two.to_string().parse(), Ok(two));
    subject.reopen();
    let roster = wait(subject.store().roster(account)).unwrap();
    assert_eq!(roster.version, two);
    assert_eq!(roster.items.len(), 2);
    assert_eq!(
        roster.items[1],
        RosterItem {
            version: one,
            ..item.clone()
        }
    );
    assert!(
        wait(subject.store().roster(other))
            .unwrap()
            .items
            .is_empty()
    );

    let three = write(subject, |batch| batch.roster_remove(account, "c@x")).version;
    write(subject, |batch| batch.roster_remove(account, "unknown@x"));
    subject.reopen();
    let since = |version| wait(subject.store().roster_changes_since(account, version)).unwrap();
    let changes = since(one).unwrap();
    assert_eq!(changes.version, three);
    assert!(matches!(&changes.changes[0], RosterChange::Set(item) if &*item.contact == "b@x"));
    assert_eq!(
        changes.changes[1],
        RosterChange::Removed("c@x".into(), three)
    );
    assert!(since(three).unwrap().changes.is_empty());
    assert_eq!(since(RosterVersion::NONE), None);
    assert_eq!(since(RosterVersion::from_number(three.number() + 1)), None);

    let four = write(subject, |batch| batch.roster_set(account, item)).version;
    let roster = wait(subject.store().roster(account)).unwrap();
    assert_eq!((roster.items.len(), roster.version), (2, four));

    let request = RosterRequest {
        contact: "d@x".into(),
        presence: Bytes::from_static(b"<presence type='subscribe'/>"),
        received: time(3),
    };
    write(subject, |batch| {
        batch.request_set(account, request.clone());
        batch.request_set(
            account,
            RosterRequest {
                contact: "e@x".into(),
                ..request.clone()
            },
        );
        batch.request_remove(account, "e@x");
    });
    subject.reopen();
    let state = wait(subject.store().account_state(account))
        .unwrap()
        .unwrap();
    assert_eq!(state.requests, [request]);
    assert_eq!(state.roster, roster);
}

fn roster_marks(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let first = write(subject, |batch| batch.roster_set(account, contact("a@x"))).version;
    let mut late = first;
    for number in 0..600 {
        let mut batch = Batch::new();
        let address = format!("c{number}@x");
        batch.roster_set(account, contact(&address));
        let _ = subject.store().submit(batch);
        late = write(subject, |batch| batch.roster_remove(account, &address)).version;
    }
    let store = subject.store();
    assert_eq!(wait(store.roster_changes_since(account, first)), Ok(None));
    assert!(
        wait(store.roster_changes_since(account, late))
            .unwrap()
            .is_some()
    );
    assert_eq!(wait(store.roster(account)).unwrap().items.len(), 1);
}

fn personal(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let store = subject.store();
    assert_eq!(wait(store.vcard(account)), Ok(None));
    assert_eq!(wait(store.activity(account)), Ok(None));
    assert_eq!(wait(store.preferences(account)), Ok(None));
    assert_eq!(wait(store.setting("secret")), Ok(None));
    let activity = Activity {
        at: time(9),
        status: Some("gone".into()),
    };
    let preferences = ArchivePreferences {
        default: ArchiveDefault::Roster,
        always: vec!["a@x".into(), "b@x/r".into()],
        never: vec![],
    };
    write(subject, |batch| {
        batch.vcard_set(account, Some("<vCard xmlns='vcard-temp'/>"));
        batch.private_set(
            account,
            "storage",
            "storage:bookmarks",
            Some("<storage>1</storage>"),
        );
        batch.private_set(account, "storage", "other", Some("<storage>2</storage>"));
        batch.activity_set(account, activity.clone());
        batch.preferences_set(account, preferences.clone());
        for address in ["b@x", "a@x", "spam.example", "b@x"] {
            batch.block(account, address);
        }
        batch.setting_set("secret", Some(&[1, 2, 3]));
    });
    subject.reopen();
    let store = subject.store();
    assert_eq!(
        wait(store.vcard(account)).unwrap().unwrap(),
        "<vCard xmlns='vcard-temp'/>"
    );
    let private = |name, space| wait(store.private(account, name, space)).unwrap();
    assert_eq!(
        private("storage", "storage:bookmarks").unwrap(),
        "<storage>1</storage>"
    );
    assert_eq!(private("storage", "other").unwrap(), "<storage>2</storage>");
    assert_eq!(private("storage", "third"), None);
    assert_eq!(wait(store.activity(account)), Ok(Some(activity)));
    assert_eq!(
        wait(store.preferences(account)),
        Ok(Some(preferences.clone()))
    );
    assert_eq!(wait(store.setting("secret")), Ok(Some(vec![1, 2, 3])));
    assert_eq!(wait(store.setting_or("secret", vec![9])), Ok(vec![1, 2, 3]));
    assert_eq!(wait(store.setting_or("other", vec![9])), Ok(vec![9]));
    assert_eq!(wait(store.setting("other")), Ok(Some(vec![9])));
    let blocked = wait(store.blocklist(account)).unwrap();
    assert_eq!(blocked, ["a@x", "b@x", "spam.example"].map(Arc::from));
    write(subject, |batch| {
        batch.unblock(account, "b@x");
        batch.vcard_set(account, None);
        batch.private_set(account, "storage", "other", None);
        batch.setting_set("secret", None);
    });
    let state = wait(subject.store().account_state(account))
        .unwrap()
        .unwrap();
    assert_eq!(state.blocklist.len(), 2);
    assert_eq!(state.preferences, Some(preferences));
    write(subject, |batch| batch.unblock_all(account));
    let store = subject.store();
    assert!(wait(store.blocklist(account)).unwrap().is_empty());
    assert_eq!(wait(store.vcard(account)), Ok(None));
    assert_eq!(wait(store.private(account, "storage", "other")), Ok(None));
    assert_eq!(wait(store.setting("secret")), Ok(None));
    assert_eq!(
        wait(store.account_state(AccountId::from_number(999))),
        Ok(None)
    );
}

fn copy(account: AccountId, with: &str) -> ArchiveOwner<'_> {
    ArchiveOwner {
        account,
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

fn archive_pages(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let empty = wait(
        subject
            .store()
            .archive_page(account, ArchiveQuery::default()),
    )
    .unwrap();
    assert!(empty.complete && empty.items.is_empty());
    assert_eq!(
        (empty.count, empty.first, empty.last),
        (Some(0), None, None)
    );
    assert_eq!(wait(subject.store().archive_bounds(account)), Ok(None));
    let mut ids = Vec::new();
    for start in (0..300).step_by(60) {
        let owners = [copy(account, "bert@x"), copy(other, "anna@x")];
        ids.extend(fill(subject, &owners, start..start + 60));
        subject.reopen();
    }
    assert!(ids.is_sorted());
    let store = subject.store();
    let bounds = wait(store.archive_bounds(account)).unwrap().unwrap();
    assert_eq!((bounds.first, bounds.last), (ids[0], ids[299]));
    let page = |position, max| {
        let query = ArchiveQuery {
            position,
            max,
            ..ArchiveQuery::default()
        };
        wait(store.archive_page(account, query)).unwrap()
    };
    let mut seen = Vec::new();
    let mut position = PagePosition::First;
    loop {
        let page = page(position, 50);
        assert_eq!(page.count, Some(300));
        assert_eq!(page.first, page.items.first().map(|item| item.id));
        for item in &page.items {
            assert_eq!(item.stanza, message(seen.len()), "entry {}", seen.len());
            assert_eq!(item.timestamp, item.id.timestamp());
            seen.push(item.id);
        }
        match page.last {
            Some(last) if !page.complete => position = PagePosition::After(last),
            _ => break,
        }
    }
    assert_eq!(seen, ids);
    let mut position = PagePosition::Last;
    let mut back = Vec::new();
    loop {
        let page = page(position, 70);
        back.splice(0..0, page.items.iter().map(|item| item.id));
        match page.first {
            Some(first) if !page.complete => position = PagePosition::Before(first),
            _ => break,
        }
    }
    assert_eq!(back, ids);
    for (position, max, complete) in [
        (PagePosition::First, 300, true),
        (PagePosition::First, 299, false),
        (PagePosition::Last, 300, true),
        (PagePosition::Last, 299, false),
        (PagePosition::After(ids[249]), 50, true),
        (PagePosition::After(ids[249]), 49, false),
        (PagePosition::After(ids[299]), 1, true),
        (PagePosition::Before(ids[50]), 50, true),
        (PagePosition::Before(ids[50]), 49, false),
        (PagePosition::Before(ids[0]), 1, true),
        (PagePosition::First, 0, false),
    ] {
        assert_eq!(page(position, max).complete, complete, "{position:?} {max}");
    }
    let query = ArchiveQuery {
        position: PagePosition::Last,
        max: 3,
        flipped: true,
        ..ArchiveQuery::default()
    };
    let flipped = wait(store.archive_page(account, query)).unwrap();
    let order: Vec<_> = flipped.items.iter().map(|item| item.id).collect();
    assert_eq!(order, [ids[299], ids[298], ids[297]]);
    assert_eq!(
        (flipped.first, flipped.last),
        (Some(ids[297]), Some(ids[299]))
    );
    let theirs = wait(store.archive_page(other, ArchiveQuery::default())).unwrap();
    assert_eq!(theirs.items[7].stanza, message(7));
    assert_ne!(theirs.items[7].id, ids[7], "each copy has its own id");
}

fn archive_filters(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let peers = [
        ("b@x", None),
        ("b@x", Some("phone")),
        ("c@x", Some("phone")),
        ("x", None),
    ];
    let mut ids = Vec::new();
    for number in 0..400 {
        let (with, with_resource) = peers[number % 7 % 4];
        let owner = ArchiveOwner {
            with_resource,
            ..copy(account, with)
        };
        ids.extend(fill(subject, &[owner], number..number + 1));
        if number % 150 == 149 {
            subject.reopen();
        }
    }
    let store = subject.store();
    let matching = |keep: &dyn Fn(usize) -> bool| -> Vec<ArchiveId> {
        (0..400)
            .filter(|number| keep(*number))
            .map(|number| ids[number])
            .collect()
    };
    let all = |query: ArchiveQuery| {
        let query = ArchiveQuery { max: 1000, ..query };
        let page = wait(store.archive_page(account, query.clone())).unwrap();
        assert!(page.complete);
        let back = ArchiveQuery {
            position: PagePosition::Last,
            ..query
        };
        assert_eq!(
            wait(store.archive_page(account, back)).unwrap().items,
            page.items
        );
        page.items.iter().map(|item| item.id).collect::<Vec<_>>()
    };
    let with = |with: &str| ArchiveQuery {
        with: Some(with.into()),
        ..ArchiveQuery::default()
    };
    assert_eq!(all(with("b@x")), matching(&|number| number % 7 % 4 < 2));
    assert_eq!(
        all(with("b@x/phone")),
        matching(&|number| number % 7 % 4 == 1)
    );
    assert_eq!(all(with("x")), matching(&|number| number % 7 % 4 == 3));
    assert_eq!(all(with("nobody@x")), []);
    assert_eq!(all(with("b@x/desk")), []);
    let ranged = ArchiveQuery {
        after_id: Some(ids[100]),
        before_id: Some(ids[333]),
        ..with("c@x")
    };
    assert_eq!(
        all(ranged.clone()),
        matching(&|number| number > 100 && number < 333 && number % 7 % 4 == 2)
    );
    let timed = ArchiveQuery {
        start: Some(ids[20].timestamp()),
        end: Some(ids[390].timestamp()),
        ..ArchiveQuery::default()
    };
    let (start, end) = (ids[20].timestamp(), ids[390].timestamp());
    assert_eq!(
        all(timed),
        matching(&|number| start <= ids[number].timestamp() && ids[number].timestamp() <= end)
    );
    let page = ArchiveQuery {
        max: 5,
        position: PagePosition::After(ids[200]),
        ..ranged.clone()
    };
    let page = wait(store.archive_page(account, page)).unwrap();
    let expected = matching(&|number| number > 200 && number < 333 && number % 7 % 4 == 2);
    assert_eq!(
        page.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        expected[..5]
    );
    assert!(!page.complete);
    let page = ArchiveQuery {
        max: 5,
        position: PagePosition::Before(ids[200]),
        ..ranged
    };
    let page = wait(store.archive_page(account, page)).unwrap();
    let expected = matching(&|number| number > 100 && number < 200 && number % 7 % 4 == 2);
    let tail = &expected[expected.len() - 5..];
    assert_eq!(
        page.items.iter().map(|item| item.id).collect::<Vec<_>>(),
        tail
    );
    let some = ArchiveQuery {
        ids: vec![ids[390], ids[3], ids[77], ids[3]],
        ..with("b@x")
    };
    let expected = [3, 77, 390].into_iter().filter(|number| number % 7 % 4 < 2);
    assert_eq!(
        all(some),
        expected.map(|number| ids[number]).collect::<Vec<_>>()
    );
}

fn archive_errors(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let ids = fill(subject, &[copy(account, "bert@x")], 0..100);
    let theirs = fill(subject, &[copy(other, "anna@x")], 0..1)[0];
    for _ in 0..2 {
        let store = subject.store();
        for unknown in [theirs, ArchiveId::FIRST, ArchiveId::LAST] {
            let ask = |query: ArchiveQuery| wait(store.archive_page(account, query));
            let error = Err(StoreError::ItemNotFound);
            for position in [PagePosition::After(unknown), PagePosition::Before(unknown)] {
                assert_eq!(
                    ask(ArchiveQuery {
                        position,
                        ..ArchiveQuery::default()
                    }),
                    error
                );
            }
            let (after_id, before_id) = (Some(unknown), Some(unknown));
            assert_eq!(
                ask(ArchiveQuery {
                    after_id,
                    ..ArchiveQuery::default()
                }),
                error
            );
            assert_eq!(
                ask(ArchiveQuery {
                    before_id,
                    ..ArchiveQuery::default()
                }),
                error
            );
            let named = vec![ids[0], unknown];
            assert_eq!(
                ask(ArchiveQuery {
                    ids: named,
                    ..ArchiveQuery::default()
                }),
                error
            );
        }
        subject.reopen();
    }
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

fn archive_expiry(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let owners = [copy(account, "bert@x"), copy(other, "anna@x")];
    let mut ids = fill(subject, &owners, 0..130);
    subject.reopen();
    ids.extend(fill(subject, &owners, 130..260));
    // Ids of one microsecond go together.
    let limit = ids[177].timestamp();
    let left: Vec<_> = ids
        .iter()
        .copied()
        .filter(|id| id.timestamp() >= limit)
        .collect();
    let gone = (ids.len() - left.len()) as u64;
    assert_eq!(wait(subject.store().archive_expire(limit)), Ok(gone * 2));
    for _ in 0..2 {
        let query = ArchiveQuery {
            max: 1000,
            ..ArchiveQuery::default()
        };
        let page = wait(subject.store().archive_page(account, query.clone())).unwrap();
        assert_eq!(
            page.items.iter().map(|item| item.id).collect::<Vec<_>>(),
            left
        );
        assert_eq!(page.count, Some(left.len() as u64));
        let with = ArchiveQuery {
            with: Some("bert@x".into()),
            ..query
        };
        assert_eq!(
            wait(subject.store().archive_page(account, with))
                .unwrap()
                .items,
            page.items
        );
        assert_eq!(count(subject, other), Some(left.len() as u64));
        subject.reopen();
    }
    let all = Timestamp::from_micros(i64::MAX);
    assert_eq!(
        wait(subject.store().archive_purge(account, all)),
        Ok(left.len() as u64)
    );
    assert_eq!(count(subject, account), Some(0));
    assert_eq!(count(subject, other), Some(left.len() as u64));
    let again = fill(subject, &owners, 0..3);
    assert!(again[0] > ids[259]);
    subject.reopen();
    assert_eq!(count(subject, account), Some(3));
    assert_eq!(wait(subject.store().archive_expire(time(0))), Ok(0));
}

fn offline(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let mut ids = Vec::new();
    for number in 0..120 {
        let flags = EntryFlags {
            offline: number % 2 == 0,
            hidden: number % 4 == 0,
            ..EntryFlags::default()
        };
        let owner = ArchiveOwner {
            flags,
            ..copy(account, "b@x")
        };
        ids.extend(fill(subject, &[owner], number..number + 1));
        if number == 90 {
            subject.reopen();
        }
    }
    let store = subject.store();
    assert_eq!(wait(store.offline_count(account)), Ok(60));
    assert_eq!(
        count(subject, account),
        Some(90),
        "hidden entries are no part of the archive"
    );
    let first = wait(store.offline(account, None, 10)).unwrap();
    assert_eq!(first.len(), 10);
    assert_eq!(first[0].id, ids[0]);
    assert!(first[0].flags.hidden && first[0].flags.offline);
    assert_eq!(first[3].stanza, message(6));
    let next = wait(store.offline(account, Some(first[9].id), 100)).unwrap();
    assert_eq!(next.len(), 50);
    assert_eq!(next[0].id, ids[20]);
    let hidden = ArchiveQuery {
        ids: vec![ids[0]],
        ..ArchiveQuery::default()
    };
    assert_eq!(
        wait(store.archive_page(account, hidden)),
        Err(StoreError::ItemNotFound)
    );

    write(subject, |batch| batch.offline_clear(account, ids[59]));
    subject.reopen();
    let left = wait(subject.store().offline(account, None, 100)).unwrap();
    assert_eq!(left.len(), 30);
    assert_eq!(left[0].id, ids[60]);
    let state = wait(subject.store().account_state(account))
        .unwrap()
        .unwrap();
    assert_eq!(state.offline_count, 30);
    write(subject, |batch| {
        batch.offline_mark(account, ids[1]);
        batch.offline_mark(account, ids[1]);
    });
    subject.reopen();
    let left = wait(subject.store().offline(account, None, 100)).unwrap();
    assert_eq!((left.len(), left[0].id), (31, ids[1]));
    write(subject, |batch| {
        batch.offline_clear(account, ArchiveId::LAST)
    });
    subject.reopen();
    assert_eq!(wait(subject.store().offline_count(account)), Ok(0));
    assert_eq!(count(subject, account), Some(90));
    let all = ArchiveQuery {
        max: 1000,
        ..ArchiveQuery::default()
    };
    let page = wait(subject.store().archive_page(account, all)).unwrap();
    assert_eq!(page.items.len(), 90);
    assert!(page.items.iter().all(|item| !item.flags.hidden));
}

fn account_removal(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let owners = [copy(account, "bert@x"), copy(other, "anna@x")];
    fill(subject, &owners, 0..150);
    write(subject, |batch| {
        batch.roster_set(account, contact("bert@x"));
        batch.block(account, "c@x");
        batch.vcard_set(account, Some("<vCard/>"));
        batch.token_issue(account, token("phone", 1));
    });
    assert_eq!(wait(subject.store().account_remove(account)), Ok(true));
    assert_eq!(wait(subject.store().account_remove(account)), Ok(false));
    subject.reopen();
    let store = subject.store();
    assert_eq!(wait(store.account_find("anna")), Ok(None));
    assert_eq!(wait(store.vcard(account)), Ok(None));
    assert_eq!(wait(store.tokens(account, None)), Ok(vec![]));
    assert!(wait(store.roster(account)).unwrap().items.is_empty());
    assert_eq!(count(subject, other), Some(150));
    let again = create(subject, "anna");
    assert_ne!(again, account, "a new account gets nothing of an old one");
    assert_eq!(count(subject, again), Some(0));
    fill(subject, &[copy(again, "bert@x")], 0..2);
    subject.reopen();
    assert_eq!(count(subject, again), Some(2));
}

fn failures_are_exact(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let gone = AccountId::from_number(account.number() + 1000);
    let mut tickets = Vec::new();
    for number in 0..20 {
        let mut batch = Batch::new();
        let owner = if number % 5 == 3 { gone } else { account };
        batch.archive(copy(account, "b@x"), message(number).as_bytes());
        batch.roster_set(owner, contact(&format!("c{number}@x")));
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
