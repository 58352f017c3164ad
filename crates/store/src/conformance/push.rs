//! Registrations for notifications.

use super::{Subject, create, time, write};
use crate::*;

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
    assert_eq!(wait(subject.store().account_remove(anna)), Ok(true));
    assert_eq!(
        wait(subject.store().push_registrations(anna)),
        Ok(Vec::new())
    );
}
