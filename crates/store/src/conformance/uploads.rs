//! Records of uploaded files.

use std::time::Duration;

use super::{Subject, create, time, write};
use crate::*;

const BOUNDS: UploadBounds = UploadBounds {
    account_bytes: 1000,
    slots: 3,
    retention: None,
};

fn slot(account: AccountId, id: &str, size: u64) -> NewUpload {
    NewUpload {
        id: id.into(),
        account,
        name: "très cool.jpg".into(),
        content_type: Some("image/jpeg".into()),
        size,
        purpose: UploadPurpose::Message,
        token: [7; 32],
        created: time(100),
        slot_ends: time(400),
        expires: None,
    }
}

fn reserve(subject: &dyn Subject, upload: NewUpload) -> Reserved {
    wait(subject.store().upload_reserve(upload, BOUNDS)).unwrap()
}

fn keep(subject: &dyn Subject, id: &str, at: i64) -> bool {
    let kept = Kept {
        at: time(at),
        digest: [9; 32],
    };
    wait(subject.store().upload_keep(id, kept)).unwrap()
}

fn get(subject: &dyn Subject, id: &str) -> Option<Upload> {
    wait(subject.store().upload(id)).unwrap()
}

fn due(subject: &dyn Subject, now: i64, before: Option<i64>) -> Vec<String> {
    let found = wait(subject.store().upload_due(time(now), before.map(time), 10)).unwrap();
    let mut ids: Vec<_> = found.iter().map(|upload| upload.id.to_string()).collect();
    ids.sort();
    ids
}

pub(super) fn life(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    assert_eq!(reserve(subject, slot(anna, "aaone", 10)), Reserved::Made);
    subject.reopen();
    let upload = get(subject, "aaone").unwrap();
    assert_eq!(&*upload.name, "très cool.jpg");
    assert_eq!(upload.content_type.as_deref(), Some("image/jpeg"));
    assert_eq!((upload.size, upload.token), (10, [7; 32]));
    assert!(upload.is_open(time(399)) && !upload.is_open(time(400)));
    assert!(!upload.is_readable(time(200)));
    write(subject, |batch| batch.upload_transfer("aaone", Some("t1")));
    assert_eq!(
        get(subject, "aaone").unwrap().transfer.as_deref(),
        Some("t1")
    );
    assert!(keep(subject, "aaone", 300));
    assert!(!keep(subject, "aaone", 301), "a slot is filled once");
    assert!(!keep(subject, "nosuch", 301));
    subject.reopen();
    let upload = get(subject, "aaone").unwrap();
    let kept = Kept {
        at: time(300),
        digest: [9; 32],
    };
    assert_eq!(upload.kept, Some(kept));
    assert_eq!((upload.token, upload.transfer.clone()), ([0; 32], None));
    assert!(upload.is_readable(time(1_000_000)) && !upload.is_open(time(350)));

    let ephemeral = NewUpload {
        purpose: UploadPurpose::Ephemeral,
        expires: Some(time(900)),
        ..slot(anna, "abtwo", 20)
    };
    assert_eq!(reserve(subject, ephemeral), Reserved::Made);
    assert!(keep(subject, "abtwo", 310));
    let upload = get(subject, "abtwo").unwrap();
    assert!(upload.is_readable(time(899)) && !upload.is_readable(time(900)));
    assert_eq!(reserve(subject, slot(anna, "aathree", 5)), Reserved::Made);
    let ids = |prefix| wait(subject.store().upload_ids(prefix)).unwrap();
    assert_eq!(
        ids("aa"),
        [("aaone".into(), true), ("aathree".into(), false)]
    );
    assert_eq!(ids("ab"), [("abtwo".into(), true)]);
    assert_eq!(ids("ac"), []);
    let slots = wait(subject.store().upload_slots("", 10)).unwrap();
    assert_eq!(slots.len(), 1);
    assert!(
        wait(subject.store().upload_slots("aathree", 10))
            .unwrap()
            .is_empty()
    );

    assert_eq!(due(subject, 399, None), [""; 0]);
    assert_eq!(due(subject, 400, None), ["aathree"]);
    assert_eq!(due(subject, 900, None), ["aathree", "abtwo"]);
    assert_eq!(due(subject, 900, Some(305)), ["aaone", "aathree", "abtwo"]);
    assert_eq!(due(subject, 300, Some(311)), ["aaone", "abtwo"]);
    write(subject, |batch| {
        batch.upload_remove("aathree");
        batch.upload_remove("aathree");
        batch.upload_remove("aaone");
    });
    subject.reopen();
    assert_eq!(get(subject, "aaone"), None);
    let usage = wait(subject.store().upload_usage(anna)).unwrap();
    assert_eq!(
        usage,
        UploadUsage {
            bytes: 20,
            files: 1
        }
    );
}

pub(super) fn bounds(subject: &mut dyn Subject) {
    let (anna, bert) = (create(subject, "anna"), create(subject, "bert"));
    for id in ["one", "two", "three"] {
        assert_eq!(reserve(subject, slot(anna, id, 300)), Reserved::Made);
    }
    assert_eq!(
        reserve(subject, slot(anna, "four", 1)),
        Reserved::TooManySlots { next: time(400) }
    );
    assert!(keep(subject, "one", 200) && keep(subject, "two", 210));
    let full = |fits_at| Reserved::Full { used: 900, fits_at };
    // The open slot ends, should nobody fill it.
    assert_eq!(
        reserve(subject, slot(anna, "four", 101)),
        full(Some(time(400)))
    );
    assert!(keep(subject, "three", 220));
    assert_eq!(reserve(subject, slot(anna, "four", 101)), full(None));
    let with_retention = UploadBounds {
        retention: Some(Duration::from_secs(1000)),
        ..BOUNDS
    };
    let refused = wait(
        subject
            .store()
            .upload_reserve(slot(anna, "four", 401), with_retention),
    );
    assert_eq!(refused, Ok(full(Some(time(1210)))));
    assert_eq!(reserve(subject, slot(anna, "four", 100)), Reserved::Made);
    assert_eq!(
        reserve(subject, slot(anna, "huge", u64::MAX)),
        Reserved::Full {
            used: 1000,
            fits_at: None
        }
    );
    assert_eq!(reserve(subject, slot(bert, "five", 1000)), Reserved::Made);
    let gone = AccountId::from_number(anna.number() + 1000);
    let refused = wait(subject.store().upload_reserve(slot(gone, "six", 1), BOUNDS));
    assert_eq!(refused, Err(StoreError::NoSuchAccount));
    subject.reopen();
    let usage = wait(subject.store().upload_usage(anna)).unwrap();
    assert_eq!((usage.bytes, usage.files), (1000, 4));
}

pub(super) fn removed_accounts(subject: &mut dyn Subject) {
    let (anna, bert) = (create(subject, "anna"), create(subject, "bert"));
    for (account, id) in [(anna, "one"), (anna, "two"), (bert, "three")] {
        assert_eq!(reserve(subject, slot(account, id, 100)), Reserved::Made);
    }
    assert!(keep(subject, "one", 200) && keep(subject, "three", 200));
    assert_eq!(wait(subject.store().account_remove(anna)), Ok(true));
    subject.reopen();
    let one = get(subject, "one").unwrap();
    assert!(one.account.is_none() && !one.is_readable(time(201)));
    assert!(!get(subject, "two").unwrap().is_open(time(201)));
    assert!(!keep(subject, "two", 201), "an upload that was on its way");
    assert_eq!(due(subject, 1, None), ["one", "two"]);
    write(subject, |batch| {
        batch.upload_remove("one");
        batch.upload_remove("two");
    });
    assert_eq!(due(subject, 1, None), [""; 0]);
    assert!(get(subject, "three").unwrap().is_readable(time(201)));
}
