//! Accounts, what lets them in, and rosters.

use std::sync::Arc;

use bytes::Bytes;

use super::{Subject, copy, count, create, fill, named, time, write};
use crate::*;

fn key(hash: &str, iterations: u32) -> ScramRecord {
    ScramRecord {
        hash: hash.into(),
        iterations,
        salt: vec![1, 2],
        stored_key: vec![3; 32],
        server_key: vec![4; 32],
    }
}

pub(super) fn accounts(subject: &mut dyn Subject) {
    let new = NewAccount {
        localpart: "anna".into(),
        display_name: Some("Anna Ä".into()),
        role: Role::Helpdesk,
        groups: vec!["sales".into(), "board".into(), "sales".into()],
        keys: vec![key("SHA-1", 4096), key("SHA-256", 10_000)],
        identity: None,
        audit: None,
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
    assert!(found.role == Role::Helpdesk && found.enabled);
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
            role: Some(Role::Person),
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
    assert!(account.role == Role::Person && !account.enabled && account.groups.is_empty());
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

pub(super) fn import(subject: &mut dyn Subject) {
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
        app_password: None,
    }
}

pub(super) fn tokens(subject: &mut dyn Subject) {
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
        batch.token_used(account, "phone", &[2; 32], Some(5), time(20))
    });
    assert_eq!(
        secrets(subject, Some("phone")),
        [3, 2],
        "the older one still works"
    );
    write(subject, |batch| {
        batch.token_used(account, "phone", &[3; 32], Some(7), time(30))
    });
    assert_eq!(
        secrets(subject, Some("phone")),
        [3],
        "the newer one is in use"
    );
    // The same count twice, at once and later: one of them is the first.
    let mut uses = [8, 8, 7].map(|count| {
        let mut batch = Batch::new();
        batch.token_used(account, "phone", &[3; 32], Some(count), time(30));
        subject.store().submit(batch).ticket
    });
    let passed: Vec<_> = uses.iter_mut().map(|ticket| wait(ticket).is_ok()).collect();
    assert_eq!(passed, [true, false, false]);
    write(subject, |batch| {
        batch.token_used(account, "phone", &[3; 32], None, time(30))
    });
    subject.reopen();
    let login = wait(subject.store().login("anna", Some("phone")))
        .unwrap()
        .unwrap();
    assert_eq!(login.tokens[0].last_used, Some(time(30)));
    assert_eq!(login.tokens[0].counter, 8);
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

pub(super) fn invitations(subject: &mut dyn Subject) {
    let invitation = Invitation {
        expires: time(100),
        ..Invitation::new(vec![7; 32], InvitationPurpose::Administrator, time(1))
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
        times: 1,
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

pub(super) fn contact(address: &str) -> RosterItem {
    RosterItem {
        contact: address.into(),
        ..RosterItem::default()
    }
}

pub(super) fn roster(subject: &mut dyn Subject) {
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

pub(super) fn roster_marks(subject: &mut dyn Subject) {
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

pub(super) fn account_removal(subject: &mut dyn Subject) {
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
