//! The audit log.

use super::{Subject, named, time, write};
use crate::*;

fn note(second: i64, actor: &str, action: &str, subject: &str) -> AuditNote {
    AuditNote {
        at: time(second),
        actor: actor.into(),
        door: "console".into(),
        action: action.into(),
        subject: subject.into(),
        detail: format!("by {actor}").into(),
    }
}

fn numbers(subject: &dyn Subject, query: AuditQuery) -> (Vec<u64>, bool) {
    let page = wait(subject.store().audit(query)).unwrap();
    let numbers = page.entries.iter().map(|entry| entry.number).collect();
    (numbers, page.more)
}

pub(super) fn audit(subject: &mut dyn Subject) {
    assert_eq!(wait(subject.store().audit_head()), Ok(AuditHead::START));
    let made = NewAccount {
        audit: Some(note(1, "console", "account.created", "anna@x")),
        ..named("anna")
    };
    let anna = wait(subject.store().account_create(made.clone())).unwrap();
    // What was not done is not told, neither alone nor in a batch that fails.
    assert_eq!(
        wait(subject.store().account_create(made)),
        Err(StoreError::AlreadyExists)
    );
    let mut batch = Batch::new();
    batch.account_change(AccountId::from_number(999), AccountChange::default());
    batch.audit(note(2, "console", "account.changed", "nobody@x"));
    assert_eq!(
        subject.store().submit(batch).ticket.wait(),
        Err(StoreError::NoSuchAccount)
    );
    write(subject, |batch| {
        batch.account_change(anna, AccountChange::default());
        batch.audit(note(3, "anna@x", "account.changed", "anna@x"));
        batch.audit(note(4, "anna@x", "accounts.listed", "*"));
    });
    subject.reopen();
    write(subject, |batch| {
        batch.audit(note(5, "Bert@x", "account.changed.groups", "anna@x"));
    });
    let all = |query| numbers(subject, AuditQuery { max: 9, ..query });
    let any = AuditQuery::default;
    let text = |text: &str| Some(text.into());
    assert_eq!(all(any()), (vec![4, 3, 2, 1], false));
    for (query, expected) in [
        (
            AuditQuery {
                before: Some(3),
                ..any()
            },
            vec![2, 1],
        ),
        (
            AuditQuery {
                after: Some(2),
                ..any()
            },
            vec![3, 4],
        ),
        (
            AuditQuery {
                actor: text("anna@x"),
                ..any()
            },
            vec![3, 2],
        ),
        (
            AuditQuery {
                subject: text("anna@x"),
                ..any()
            },
            vec![4, 2, 1],
        ),
        (
            AuditQuery {
                action: text("account"),
                ..any()
            },
            vec![4, 2, 1],
        ),
        (
            AuditQuery {
                action: text("account.changed"),
                ..any()
            },
            vec![4, 2],
        ),
        (
            AuditQuery {
                action: text("account.*"),
                ..any()
            },
            vec![],
        ),
        (
            AuditQuery {
                since: Some(time(4)),
                ..any()
            },
            vec![4, 3],
        ),
        (
            AuditQuery {
                until: Some(time(4)),
                ..any()
            },
            vec![2, 1],
        ),
        (
            AuditQuery {
                text: text("BY BERT"),
                ..any()
            },
            vec![4],
        ),
        (
            AuditQuery {
                text: text("%"),
                ..any()
            },
            vec![],
        ),
    ] {
        assert_eq!(all(query.clone()).0, expected, "{query:?}");
    }
    assert_eq!(
        numbers(subject, AuditQuery { max: 3, ..any() }),
        (vec![4, 3, 2], true)
    );

    let head = wait(subject.store().audit_head()).unwrap();
    assert_eq!(head.number, 4);
    assert_eq!(head.to_string().parse(), Ok(head));
    let first = wait(subject.store().audit(AuditQuery {
        after: Some(0),
        max: 1,
        ..any()
    }));
    let first = first.unwrap().entries.remove(0);
    assert_eq!(first.digest, AuditDigest::START.follow(1, &first.note));
    let noted = AuditHead {
        number: 1,
        digest: first.digest,
    };
    let check = |noted: Vec<AuditHead>| wait(subject.store().audit_check(noted)).unwrap();
    assert_eq!(
        check(vec![AuditHead::START, noted, head]),
        Vec::<String>::new()
    );
    // Another log than the one that was noted, or a part of it.
    let other = AuditHead {
        number: 1,
        digest: head.digest,
    };
    let longer = AuditHead {
        number: 5,
        digest: head.digest,
    };
    assert_eq!(check(vec![other, longer]).len(), 2);
}
