//! Registrations for notifications.

use std::sync::Arc;

use super::{Subject, create, named, time, write};
use crate::*;

/// Those who are to be told of a room without being on its list.
pub(super) fn audience(subject: &mut dyn Subject) {
    let make = |name: &str, groups: &[&str]| {
        let account = NewAccount {
            groups: groups.iter().map(|group| Arc::from(*group)).collect(),
            ..named(name)
        };
        wait(subject.store().account_create(account)).unwrap()
    };
    let anna = make("anna", &["Sales"]);
    let bert = make("bert", &["After Sales", "Sales Force"]);
    let carl = make("carl", &["Sales"]);
    let item = |id: &str| NodeItem {
        id: id.into(),
        publisher: "x".into(),
        published: time(1),
        payload: "<a/>".into(),
    };
    write(subject, |batch| {
        for account in [anna, bert] {
            let target = PushTarget::Web {
                endpoint: "https://push.example/a".into(),
            };
            batch.push_set(
                account,
                PushRegistration {
                    target,
                    options: None,
                    registered: time(1),
                    device: None,
                },
            );
        }
        for account in [anna, bert, carl] {
            for node in ["bookmarks", "other"] {
                let settings = NodeSettings {
                    name: node.into(),
                    keep: 9,
                    ..NodeSettings::default()
                };
                batch.node_set(account, settings);
            }
        }
        batch.node_publish(bert, "bookmarks", item("r@rooms.x"));
        batch.node_publish(carl, "bookmarks", item("r@rooms.x"));
        batch.node_publish(anna, "other", item("r@rooms.x"));
    });
    subject.reopen();
    let of = |group: Option<&str>, item: Option<&str>| {
        let audience = PushAudience {
            group: group.map(Into::into),
            item: item.map(|item| ("bookmarks".into(), item.into())),
        };
        wait(subject.store().push_audience(audience)).unwrap()
    };
    let (anna, bert): (Arc<str>, Arc<str>) = ("anna".into(), "bert".into());
    assert_eq!(of(None, None), [] as [Arc<str>; 0]);
    assert_eq!(of(Some("Sales"), None), [Arc::clone(&anna)]);
    assert_eq!(of(None, Some("r@rooms.x")), [Arc::clone(&bert)]);
    assert_eq!(of(Some("Sales"), Some("r@rooms.x")), [anna, bert]);
    assert_eq!(of(None, Some("s@rooms.x")), [] as [Arc<str>; 0]);
}

pub(super) fn push(subject: &mut dyn Subject) {
    let (anna, bert) = (create(subject, "anna"), create(subject, "bert"));
    let service = |jid: &str, node: &str| PushTarget::Service {
        jid: jid.into(),
        node: node.into(),
    };
    let registration = |target: PushTarget, options: Option<&[u8]>, at| PushRegistration {
        target,
        options: options.map(Into::into),
        registered: time(at),
        device: (at == 3).then(|| "device one".into()),
    };
    let web = PushTarget::Web {
        endpoint: "https://push.example/a".into(),
    };
    let phone = registration(service("app.example", "one"), Some(b"<x/>"), 3);
    let tablet = registration(service("app.example", "two"), None, 2);
    let browser = registration(web.clone(), Some(&[7; 81]), 1);
    write(subject, |batch| {
        for one in [&phone, &tablet, &browser] {
            batch.push_set(anna, one.clone());
        }
        batch.push_set(bert, phone.clone());
    });
    subject.reopen();
    let kept = |account| wait(subject.store().push_registrations(account)).unwrap();
    assert_eq!(kept(anna), [browser.clone(), tablet.clone(), phone.clone()]);
    let state = wait(subject.store().account_state(anna)).unwrap().unwrap();
    assert_eq!(state.push, kept(anna));
    // The same again with other options; and one that goes.
    let renewed = registration(phone.target.clone(), None, 9);
    write(subject, |batch| {
        batch.push_set(anna, renewed.clone());
        batch.push_remove(anna, &web);
        batch.push_remove(anna, &service("app.example", "three"));
    });
    subject.reopen();
    let kept = |account| wait(subject.store().push_registrations(account)).unwrap();
    assert_eq!(kept(anna), [tablet, renewed]);
    assert_eq!(kept(bert), [phone]);
    let accounts = |subject: &dyn Subject| wait(subject.store().push_accounts()).unwrap();
    assert_eq!(
        accounts(subject),
        ["anna".into(), "bert".into()] as [Arc<str>; 2]
    );
    assert_eq!(wait(subject.store().account_remove(anna)), Ok(true));
    assert_eq!(accounts(subject), ["bert".into()] as [Arc<str>; 1]);
    assert_eq!(
        wait(subject.store().push_registrations(anna)),
        Ok(Vec::new())
    );
}
