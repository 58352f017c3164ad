//! What the REST interface keeps: tokens, answers that are given again, and the list of people.

use super::{Subject, create, time, write};
use crate::*;

fn token(hash: u8, id: &str, expires: Option<i64>) -> ApiToken {
    ApiToken {
        hash: vec![hash; 32],
        id: id.into(),
        label: "build".into(),
        scopes: vec!["people.see".into(), "self".into()],
        created: time(hash.into()),
        expires: expires.map(time),
        last_used: None,
    }
}

pub(super) fn tokens(subject: &mut dyn Subject) {
    let (anna, bert) = (create(subject, "anna"), create(subject, "bert"));
    write(subject, |batch| {
        batch.api_token_add(anna, token(1, "one", None));
        batch.api_token_add(anna, token(2, "two", Some(50)));
        batch.api_token_add(bert, token(3, "three", None));
        batch.api_token_used(anna, "one", time(9));
        // Not his.
        batch.api_token_revoke(bert, "one");
    });
    subject.reopen();
    let store = subject.store();
    let (found, account) = wait(store.api_token(&[1; 32])).unwrap().unwrap();
    let used = ApiToken {
        last_used: Some(time(9)),
        ..token(1, "one", None)
    };
    assert_eq!((found, account.id), (used.clone(), anna));
    let list = wait(store.api_tokens(anna)).unwrap();
    assert_eq!(list, [token(2, "two", Some(50)), used]);
    assert_eq!(wait(store.api_token(&[9; 32])), Ok(None));
    write(subject, |batch| batch.api_token_expire(time(50)));
    assert_eq!(wait(subject.store().api_token(&[2; 32])), Ok(None));
    write(subject, |batch| batch.api_token_revoke(anna, "one"));
    assert_eq!(wait(subject.store().api_tokens(anna)), Ok(vec![]));
    assert_eq!(wait(subject.store().account_remove(bert)), Ok(true));
    assert_eq!(wait(subject.store().api_token(&[3; 32])), Ok(None));
    let mut batch = Batch::new();
    batch.api_token_add(bert, token(4, "four", None));
    let late = subject.store().submit(batch).ticket.wait();
    assert_eq!(late, Err(StoreError::NoSuchAccount));
}

pub(super) fn answers(subject: &mut dyn Subject) {
    let answer = |key: u8| KeptAnswer {
        key: vec![key; 32],
        request: vec![7; 32],
        status: 201,
        answer: vec![key; 3],
        at: time(key.into()),
    };
    write(subject, |batch| {
        for key in 1..=5 {
            batch.answer_keep(answer(key), time(2), 3);
        }
    });
    subject.reopen();
    let kept = |key: u8| wait(subject.store().answer(&[key; 32])).unwrap();
    assert_eq!(kept(1), None, "too old");
    assert_eq!(kept(2), None, "too many are newer");
    for key in 3..=5 {
        assert_eq!(kept(key), Some(answer(key)));
    }
}

fn found(subject: &dyn Subject, query: PeopleQuery) -> (Vec<String>, u64) {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = wait(subject.store().people(PeopleQuery {
            after,
            max: 2,
            ..query.clone()
        }));
        let page = page.unwrap();
        names.extend(page.people.iter().map(|one| one.localpart.to_string()));
        after = page.next;
        if after.is_none() {
            return (names, page.total);
        }
    }
}

pub(super) fn people(subject: &mut dyn Subject) {
    for (name, display_name, role, groups) in [
        (
            "anna",
            Some("Zoë Ärmel"),
            Role::Owner,
            &["Board", "Sales"][..],
        ),
        ("bert", None, Role::Person, &["Sales"]),
        ("carl", Some("anton"), Role::Helpdesk, &[]),
        ("dora", Some("Anton"), Role::Person, &["Sales North"]),
        ("emil", Some("zz"), Role::Person, &[]),
    ] {
        let account = NewAccount {
            localpart: name.into(),
            display_name: display_name.map(Into::into),
            role,
            groups: groups.iter().map(|group| (*group).into()).collect(),
            ..NewAccount::default()
        };
        wait(subject.store().account_create(account)).unwrap();
    }
    subject.reopen();
    let words = |words: &[&str]| PeopleQuery {
        words: words.iter().map(|word| (*word).into()).collect(),
        ..PeopleQuery::default()
    };
    let by = |order, descending| PeopleQuery {
        order,
        descending,
        ..PeopleQuery::default()
    };
    let cases: [(PeopleQuery, &[&str]); 9] = [
        (
            PeopleQuery::default(),
            &["anna", "bert", "carl", "dora", "emil"],
        ),
        (
            by(PeopleOrder::Name, true),
            &["emil", "dora", "carl", "bert", "anna"],
        ),
        (
            by(PeopleOrder::DisplayName, false),
            &["carl", "dora", "bert", "anna", "emil"],
        ),
        (
            by(PeopleOrder::Role, true),
            &["anna", "carl", "emil", "dora", "bert"],
        ),
        (words(&["ärm"]), &["anna"]),
        (words(&["ANTON"]), &["carl", "dora"]),
        (words(&["sales", "o"]), &["anna", "dora"]),
        (words(&["nobody"]), &[]),
        (
            PeopleQuery {
                group: Some("Sales".into()),
                ..PeopleQuery::default()
            },
            &["anna", "bert"],
        ),
    ];
    for (query, expected) in cases {
        let (names, total) = found(subject, query.clone());
        assert_eq!(names, expected, "{query:?}");
        assert_eq!(total, expected.len() as u64, "{query:?}");
    }
    let bert = wait(subject.store().account_find("bert")).unwrap().unwrap();
    write(subject, |batch| {
        let change = AccountChange {
            display_name: Some(Some("Quirin".into())),
            groups: Some(vec!["Board".into()]),
            ..AccountChange::default()
        };
        batch.account_change(bert.id, change);
    });
    assert_eq!(found(subject, words(&["quirin", "board"])).1, 1);
    assert_eq!(found(subject, words(&["bert", "sales"])).1, 0);
    let groups = wait(subject.store().groups()).unwrap();
    let groups: Vec<_> = groups.iter().map(|one| (&*one.name, one.people)).collect();
    assert_eq!(groups, [("Board", 2), ("Sales", 1), ("Sales North", 1)]);
}
