//! Who accounts are in directories.

use super::{Subject, create, write};
use crate::*;

fn identity(external: &str, groups: &[&str], gone: bool) -> Identity {
    Identity {
        source: "ldap".into(),
        external: external.into(),
        groups: groups.iter().map(|group| (*group).into()).collect(),
        password_changed: gone.then(|| "20261124".into()),
        gone,
    }
}

pub(super) fn identities(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    let bert = create(subject, "bert");
    let known = |subject: &dyn Subject| -> Vec<(String, Identity)> {
        let all = wait(subject.store().identities("ldap")).unwrap();
        let names = all.into_iter();
        names
            .map(|(account, identity)| (account.localpart.to_string(), identity))
            .collect()
    };
    let carl = NewAccount {
        localpart: "carl".into(),
        identity: Some(identity("c", &["Sales"], false)),
        ..NewAccount::default()
    };
    let made = wait(subject.store().account_import(vec![carl])).unwrap();
    assert!(matches!(made[..], [Imported::Created(_)]));
    write(subject, |batch| {
        batch.identity_set(bert, identity("b", &["Sales", "Board"], false));
    });
    subject.reopen();
    let sorted = identity("b", &["Board", "Sales"], false);
    let all = [
        ("bert".to_owned(), sorted.clone()),
        ("carl".to_owned(), identity("c", &["Sales"], false)),
    ];
    assert_eq!(known(subject), all);
    assert_eq!(wait(subject.store().identities("oidc")), Ok(vec![]));
    let login = wait(subject.store().login("bert", None)).unwrap().unwrap();
    assert_eq!(login.identity, Some(sorted));
    let login = wait(subject.store().login("anna", None)).unwrap().unwrap();
    assert_eq!(login.identity, None);
    // One person is one account.
    let mut batch = Batch::new();
    batch.identity_set(anna, identity("b", &[], false));
    let refused = wait(subject.store().submit(batch).ticket);
    assert_eq!(refused, Err(StoreError::AlreadyExists));
    write(subject, |batch| {
        batch.identity_set(bert, identity("b2", &[], true));
        batch.identity_set(anna, identity("b", &[], false));
    });
    subject.reopen();
    let changed = [
        ("anna".to_owned(), identity("b", &[], false)),
        ("bert".to_owned(), identity("b2", &[], true)),
        all[1].clone(),
    ];
    assert_eq!(known(subject), changed);
    assert_eq!(wait(subject.store().account_remove(bert)), Ok(true));
    assert_eq!(known(subject).len(), 2);
}
