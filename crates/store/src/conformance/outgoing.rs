//! Stanzas on their way to other servers.

use bytes::Bytes;

use super::{Subject, time, write};
use crate::*;

pub(super) fn outgoing(subject: &mut dyn Subject) {
    let entry = |id: u64, remote: &str| Outgoing {
        id,
        local: "house.example".into(),
        remote: remote.into(),
        at: time(id as i64),
        stanza: Bytes::from(format!("<message to='b@{remote}' id='{id}'/>")),
    };
    let all = [
        entry(3, "b.example"),
        entry(7, "a.example"),
        entry(9, "b.example"),
    ];
    write(subject, |batch| {
        all.iter()
            .rev()
            .for_each(|entry| batch.outgoing_set(entry.clone()));
    });
    subject.reopen();
    let list =
        |subject: &dyn Subject, after, max| wait(subject.store().outgoing(after, max)).unwrap();
    assert_eq!(list(subject, 0, 10), all);
    assert_eq!(list(subject, 3, 1), all[1..2]);
    assert_eq!(list(subject, 9, 10), []);
    write(subject, |batch| {
        batch.outgoing_remove(3);
        batch.outgoing_remove(8);
    });
    subject.reopen();
    assert_eq!(list(subject, 0, 10), all[1..]);
}
