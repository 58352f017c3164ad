//! Small things of one account, and settings.

use std::sync::Arc;

use super::{Subject, create, time, write};
use crate::*;

pub(super) fn personal(subject: &mut dyn Subject) {
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
    assert_eq!(wait(store.private_count(account)), Ok(2));
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
    devices(subject, account);
    let store = subject.store();
    assert!(wait(store.blocklist(account)).unwrap().is_empty());
    assert_eq!(wait(store.vcard(account)), Ok(None));
    assert_eq!(wait(store.private(account, "storage", "other")), Ok(None));
    assert_eq!(wait(store.private_count(account)), Ok(1));
    assert_eq!(wait(store.setting("secret")), Ok(None));
    assert_eq!(
        wait(store.account_state(AccountId::from_number(999))),
        Ok(None)
    );
}

/// A device that was listed once is known for ever, up to a bound.
fn devices(subject: &mut dyn Subject, account: AccountId) {
    let known = |subject: &dyn Subject| {
        let state = wait(subject.store().account_state(account));
        state.unwrap().unwrap().devices.to_vec()
    };
    assert!(known(subject).is_empty());
    write(subject, |batch| {
        batch.devices_listed(account, &[7, u32::MAX])
    });
    write(subject, |batch| batch.devices_listed(account, &[3, 7]));
    write(subject, |batch| batch.devices_listed(account, &[]));
    subject.reopen();
    assert_eq!(known(subject), [3, 7, u32::MAX]);
    let most = MOST_OMEMO_DEVICES as u32;
    write(subject, |batch| {
        batch.devices_listed(account, &(3..most + 1).collect::<Vec<_>>());
    });
    assert_eq!(known(subject).len(), MOST_OMEMO_DEVICES - 1);
    for _ in 0..2 {
        write(subject, |batch| {
            batch.devices_listed(account, &(most..3 * most).collect::<Vec<_>>());
        });
        assert!(known(subject).is_empty(), "too many to be told apart");
    }
}
