//! What lets people in besides the password: app passwords, devices, invitations.

use super::{Subject, create, named, time, write};
use crate::*;

fn key(hash: &str, salt: u8) -> ScramRecord {
    ScramRecord {
        hash: hash.into(),
        iterations: 4096,
        salt: vec![salt; 16],
        stored_key: vec![3; 32],
        server_key: vec![4; 32],
    }
}

fn device(client: &str, seen: i64) -> Device {
    Device {
        client: client.into(),
        software: None,
        device: None,
        first_seen: time(seen),
        last_seen: time(seen),
        password: false,
        app_password: None,
    }
}

fn app_password(subject: &dyn Subject, account: AccountId, label: &str) -> AppPasswordId {
    let keys = vec![key("SHA-1", 1), key("SHA-256", 2)];
    wait(
        subject
            .store()
            .app_password_create(account, label, keys, time(1)),
    )
    .unwrap()
}

pub(super) fn app_passwords(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let other = create(subject, "bert");
    let phone = app_password(subject, account, "phone");
    let gateway = app_password(subject, account, "gateway");
    assert_ne!(phone, gateway);
    let token = TokenRecord {
        client: "c".into(),
        mechanism: "HT-SHA-256-NONE".into(),
        secret: vec![1; 32],
        issued: time(1),
        expires: time(1000),
        last_used: None,
        counter: 0,
        software: None,
        device: None,
        app_password: Some(phone),
    };
    write(subject, |batch| {
        batch.app_password_used(account, phone, time(7));
        batch.app_password_used(other, gateway, time(8));
        batch.app_password_remove(other, gateway);
        batch.token_issue(account, token.clone());
        batch.device_seen(
            account,
            Device {
                app_password: Some(phone),
                ..device("c", 7)
            },
        );
    });
    subject.reopen();
    let store = subject.store();
    let list = wait(store.app_passwords(account)).unwrap();
    let shown: Vec<_> = list
        .iter()
        .map(|one| (&*one.label, one.last_used))
        .collect();
    assert_eq!(shown, [("phone", Some(time(7))), ("gateway", None)]);
    assert_eq!(wait(store.app_passwords(other)), Ok(vec![]));
    let login = wait(store.login("anna", Some("c"))).unwrap().unwrap();
    let keys: Vec<_> = login
        .app_keys
        .iter()
        .map(|(id, key)| (*id, key.salt[0]))
        .collect();
    assert_eq!(keys, [(phone, 1), (phone, 2), (gateway, 1), (gateway, 2)]);
    assert_eq!(login.tokens, [token]);
    write(subject, |batch| batch.app_password_remove(account, phone));
    subject.reopen();
    let store = subject.store();
    assert_eq!(wait(store.app_passwords(account)).unwrap().len(), 1);
    assert_eq!(wait(store.tokens(account, None)), Ok(vec![]));
    assert_eq!(wait(store.devices(account)), Ok(vec![]));
    write(subject, |batch| batch.app_password_remove_all(account));
    assert_eq!(wait(subject.store().app_passwords(account)), Ok(vec![]));
    let gone = AccountId::from_number(account.number() + 1000);
    assert_eq!(
        wait(
            subject
                .store()
                .app_password_create(gone, "x", vec![], time(1))
        ),
        Err(StoreError::NoSuchAccount)
    );
}

pub(super) fn devices(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    write(subject, |batch| {
        batch.device_seen(
            account,
            Device {
                software: Some("App".into()),
                password: true,
                ..device("phone", 1)
            },
        );
        batch.device_seen(account, device("desk", 2));
        batch.device_seen(account, device("phone", 3));
    });
    subject.reopen();
    let phone = Device {
        software: Some("App".into()),
        first_seen: time(1),
        password: true,
        ..device("phone", 3)
    };
    let list = wait(subject.store().devices(account)).unwrap();
    assert_eq!(list, [phone.clone(), device("desk", 2)]);
    write(subject, |batch| batch.device_expire(time(3)));
    assert_eq!(wait(subject.store().devices(account)), Ok(vec![phone]));
    write(subject, |batch| {
        for number in 0..150 {
            batch.device_seen(account, device(&format!("d{number}"), 10 + number));
        }
    });
    let list = wait(subject.store().devices(account)).unwrap();
    assert_eq!(list.len(), MOST_DEVICES);
    assert_eq!((&*list[0].client, &*list[99].client), ("d149", "d50"));
    write(subject, |batch| batch.device_forget(account, "d149"));
    assert_eq!(wait(subject.store().devices(account)).unwrap().len(), 99);
    write(subject, |batch| batch.device_forget_all(account));
    assert_eq!(wait(subject.store().devices(account)), Ok(vec![]));
}

pub(super) fn registration(subject: &mut dyn Subject) {
    let inviter = create(subject, "anna");
    let invitation = Invitation {
        localpart: Some("bert".into()),
        expires: time(100),
        inviter: Some(inviter),
        subscribe: true,
        ..Invitation::new(vec![1; 32], InvitationPurpose::Account, time(1))
    };
    let twice = Invitation {
        localpart: None,
        uses: 2,
        created: time(2),
        ..Invitation::new(vec![2; 32], InvitationPurpose::Contact, time(1))
    };
    write(subject, |batch| {
        batch.invitation_set(invitation.clone());
        batch.invitation_set(twice.clone());
    });
    subject.reopen();
    let store = subject.store();
    let register = |name: &str, hash: Option<&[u8]>, at| {
        wait(store.account_register(named(name), hash, time(at))).unwrap()
    };
    assert_eq!(
        wait(store.invitations(None, 10)),
        Ok(vec![twice.clone(), invitation.clone()])
    );
    assert_eq!(wait(store.invitations(None, 1)).unwrap().len(), 1);
    assert_eq!(
        wait(store.invitations(Some(inviter), 10)),
        Ok(vec![invitation])
    );
    assert_eq!(register("bert", None, 5), Registered::Taken, "kept");
    assert_eq!(register("bert", Some(&[2; 32]), 5), Registered::Taken);
    assert_eq!(register("carl", Some(&[9; 32]), 5), Registered::Spent);
    assert_eq!(register("anna", Some(&[1; 32]), 5), Registered::Taken);
    let Registered::Created(bert) = register("bert", Some(&[1; 32]), 5) else {
        panic!("bert is invited");
    };
    assert_eq!(wait(store.account_find("bert")).unwrap().unwrap().id, bert);
    assert_eq!(register("carl", Some(&[1; 32]), 5), Registered::Spent);
    assert_eq!(wait(store.account_find("carl")), Ok(None));
    // Who began in time may finish late, as often as there are uses.
    for name in ["carl", "dora"] {
        let made = register(name, Some(&[2; 32]), 500);
        assert!(matches!(made, Registered::Created(_)), "{name}");
    }
    assert_eq!(register("emil", Some(&[2; 32]), 500), Registered::Spent);
    assert!(matches!(
        register("emil", None, 500),
        Registered::Created(_)
    ));
    write(subject, |batch| batch.invitation_expire(time(50)));
    assert_eq!(
        wait(subject.store().invitations(None, 10)).unwrap().len(),
        1
    );
    assert_eq!(wait(subject.store().account_remove(inviter)), Ok(true));
    assert_eq!(wait(subject.store().invitations(None, 10)), Ok(vec![]));
}

pub(super) fn removal(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    create(subject, "bert");
    write(subject, |batch| batch.account_removal_begin(account));
    subject.reopen();
    let store = subject.store();
    let waiting = wait(store.accounts_being_removed()).unwrap();
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].id == account && !waiting[0].enabled);
    write(subject, |batch| batch.account_removal_cancel(account, true));
    let store = subject.store();
    assert_eq!(wait(store.accounts_being_removed()), Ok(vec![]));
    assert!(wait(store.account(account)).unwrap().unwrap().enabled);
    write(subject, |batch| batch.account_removal_begin(account));
    let store = subject.store();
    assert_eq!(wait(store.account_remove(account)), Ok(true));
    assert_eq!(wait(store.accounts_being_removed()), Ok(vec![]));
    let mut batch = Batch::new();
    batch.account_removal_begin(account);
    assert_eq!(
        store.submit(batch).ticket.wait(),
        Err(StoreError::NoSuchAccount)
    );
}

pub(super) fn archive_import(subject: &mut dyn Subject) {
    let account = create(subject, "anna");
    let entry = |second: i64, number: usize| ImportedEntry {
        at: time(second),
        with: format!("c{}@x", number % 3).into(),
        with_resource: None,
        flags: EntryFlags {
            offline: number == 5,
            outgoing: number.is_multiple_of(2),
            ..EntryFlags::default()
        },
        stanza: bytes::Bytes::from(super::message(number)),
    };
    let mut ids = Vec::new();
    for slice in 0..5 {
        // Several of one time keep their order.
        let entries = (0..100).map(|step| entry(10 + slice, slice as usize * 100 + step));
        let imported = subject.store().archive_import(account, entries.collect());
        ids.extend(wait(imported).unwrap());
        subject.reopen();
    }
    assert!(ids.is_sorted_by(|one, other| one < other));
    assert!(ids[0].timestamp() == time(10) && ids[499].timestamp() == time(14));
    let after = super::fill(subject, &[super::copy(account, "c1@x")], 500..502);
    assert!(after[0] > ids[499]);
    subject.reopen();
    assert_eq!(super::count(subject, account), Some(502));
    let page = |query| wait(subject.store().archive_page(account, query)).unwrap();
    let first = page(ArchiveQuery::default());
    assert_eq!(first.items[0].stanza, super::message(0).as_bytes());
    assert_eq!(first.items[0].timestamp, time(10));
    assert!(first.items[0].flags.outgoing && !first.items[1].flags.outgoing);
    let with = page(ArchiveQuery {
        with: Some("c2@x".into()),
        start: Some(time(12)),
        max: 1000,
        ..ArchiveQuery::default()
    });
    assert_eq!(with.items.len(), 100);
    let waiting = wait(subject.store().offline(account, None, 10)).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].id, ids[5]);
    let gone = AccountId::from_number(account.number() + 1000);
    assert_eq!(
        wait(subject.store().archive_import(gone, vec![entry(1, 1)])),
        Err(StoreError::NoSuchAccount)
    );
    let report = wait(subject.store().check(CheckDepth::Full)).unwrap();
    assert_eq!(report.problems, [""; 0]);
}
