//! The inbox: where conversations stand, whether their messages are in the journal or in chunks.

use std::sync::Arc;

use super::{Subject, copy, create, message, time, write};
use crate::*;

/// Archives one message of an account with `with`.
fn archive(subject: &dyn Subject, account: AccountId, with: &str, flags: EntryFlags) -> ArchiveId {
    let owner = ArchiveOwner {
        flags,
        ..copy(account, with)
    };
    write(subject, |batch| {
        batch.archive(owner, message(20).as_bytes());
    })
    .ids[0]
}

const RECEIVED: EntryFlags = EntryFlags {
    outgoing: false,
    offline: false,
    hidden: false,
    groupchat: false,
    quiet: false,
};
const SENT: EntryFlags = EntryFlags {
    outgoing: true,
    ..RECEIVED
};
const QUIET: EntryFlags = EntryFlags {
    quiet: true,
    ..RECEIVED
};

fn query() -> InboxQuery {
    InboxQuery {
        max: 100,
        max_bytes: usize::MAX,
        ..InboxQuery::default()
    }
}

fn page(subject: &dyn Subject, account: AccountId, query: InboxQuery) -> InboxPage {
    let mentions: Mentions = Arc::new(|text| text.starts_with(b"<message id='20'"));
    wait(subject.store().inbox(account, query, mentions)).unwrap()
}

/// Peer, newest message and unread ones of each conversation.
fn seen(page: &InboxPage) -> Vec<(&str, ArchiveId, usize)> {
    let conversations = page.conversations.iter();
    conversations
        .map(|conversation| {
            let last = &conversation.last;
            assert_eq!(last.timestamp, last.id.timestamp());
            assert_eq!(last.stanza, message(20).as_bytes());
            let is_room = conversation.peer.contains("rooms");
            let mentions = if is_room { conversation.unread } else { 0 };
            assert_eq!(conversation.mentions, mentions);
            (&*conversation.peer, last.id, conversation.unread)
        })
        .collect()
}

pub(super) fn inbox(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    let other = create(subject, "other");
    let nothing = page(subject, anna, query());
    assert_eq!(
        (nothing.count, nothing.complete, nothing.version),
        (0, true, None)
    );
    archive(subject, anna, "b@x", RECEIVED);
    let b = archive(subject, anna, "b@x", RECEIVED);
    archive(subject, anna, "c@x", RECEIVED);
    let c = archive(subject, anna, "c@x", SENT);
    archive(subject, anna, "c@x", QUIET);
    archive(subject, anna, "d@x", QUIET);
    let hidden = EntryFlags {
        hidden: true,
        offline: true,
        ..RECEIVED
    };
    archive(subject, anna, "b@x", hidden);
    archive(subject, other, "b@x", RECEIVED);
    let e = archive(subject, anna, "e@x", RECEIVED);
    for _ in 0..2 {
        let found = page(subject, anna, query());
        assert_eq!(seen(&found), [("e@x", e, 1), ("c@x", c, 0), ("b@x", b, 2)]);
        assert_eq!((found.count, found.complete), (3, true));
        assert_eq!(found.version, Some(e));
        subject.reopen();
    }
    // Page by page.
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let one = InboxQuery {
            before,
            max: 1,
            ..query()
        };
        let one = page(subject, anna, one);
        assert_eq!(one.count, 3);
        all.extend(one.conversations.iter().map(|found| found.last.id));
        before = all.last().copied();
        if one.complete {
            break;
        }
    }
    assert_eq!(all, [e, c, b]);
    let small = InboxQuery {
        max_bytes: 1,
        ..query()
    };
    assert_eq!(page(subject, anna, small).conversations.len(), 1);
    // What has changed.
    let since = |since| InboxQuery {
        since: Some(since),
        ..query()
    };
    assert_eq!(seen(&page(subject, anna, since(b))).len(), 2);
    assert_eq!(seen(&page(subject, anna, since(e))), []);
    write(subject, |batch| batch.inbox_displayed(anna, "b@x", b));
    for _ in 0..2 {
        let changed = page(subject, anna, since(e));
        assert_eq!(seen(&changed), [("b@x", b, 0)]);
        assert_eq!(changed.conversations[0].displayed, Some(b));
        let version = changed.version.unwrap();
        assert!(version > e);
        assert_eq!(seen(&page(subject, anna, since(version))), []);
        subject.reopen();
    }
    let emptied = time(i64::from(u32::MAX) * 10);
    wait(subject.store().archive_purge(anna, emptied)).unwrap();
    assert_eq!(seen(&page(subject, anna, query())), []);
    assert_eq!(page(subject, other, query()).count, 1);
}

/// Markers that come early, late and out of order, while entries leave the journal.
pub(super) fn moves_on(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    let mut ids = Vec::new();
    for round in 0..40 {
        for _ in 0..5 {
            ids.push(archive(subject, anna, "b@x", RECEIVED));
            archive(subject, anna, &format!("c{round}@x"), RECEIVED);
        }
        let through = ids[ids.len().saturating_sub(8)];
        write(subject, |batch| batch.inbox_displayed(anna, "b@x", through));
        // An older one changes nothing.
        write(subject, |batch| batch.inbox_displayed(anna, "b@x", ids[0]));
        let expected = ids.iter().filter(|id| **id > through.max(ids[0])).count();
        let found = page(subject, anna, query());
        let found = found
            .conversations
            .iter()
            .find(|found| &*found.peer == "b@x")
            .unwrap();
        assert_eq!(found.unread, expected, "round {round}");
        assert_eq!(found.displayed, Some(through.max(ids[0])));
        if round % 7 == 3 {
            subject.reopen();
        }
    }
    assert_eq!(page(subject, anna, query()).count, 41);
    let own = archive(subject, anna, "b@x", SENT);
    let found = page(subject, anna, query());
    assert_eq!(seen(&found)[0], ("b@x", own, 0), "who writes has read");
    write(subject, |batch| batch.inbox_displayed(anna, "b@x", ids[3]));
    let found = page(subject, anna, query());
    assert_eq!(seen(&found)[0], ("b@x", own, 0));
}

/// Rooms have archives of their own; markers are the account's.
pub(super) fn rooms(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    let room = OwnerId::from(RoomId::from_number(7));
    let in_room = |subject: &dyn Subject, flags| {
        let owner = ArchiveOwner {
            id: room,
            with: "b@x",
            with_resource: None,
            flags,
        };
        write(subject, |batch| {
            batch.archive(owner, message(20).as_bytes());
        })
        .ids[0]
    };
    let query = || InboxQuery {
        rooms: vec![(Arc::from("r@rooms.x"), room)],
        ..query()
    };
    assert_eq!(page(subject, anna, query()).count, 0, "nothing was said");
    let first = in_room(subject, RECEIVED);
    in_room(subject, RECEIVED);
    let last = in_room(subject, RECEIVED);
    in_room(subject, QUIET);
    let direct = archive(subject, anna, "b@x", RECEIVED);
    for _ in 0..2 {
        let found = page(subject, anna, query());
        assert_eq!(seen(&found), [("b@x", direct, 1), ("r@rooms.x", last, 3)]);
        subject.reopen();
    }
    write(subject, |batch| {
        batch.inbox_displayed(anna, "r@rooms.x", first);
    });
    let changed = InboxQuery {
        since: Some(direct),
        ..query()
    };
    for _ in 0..2 {
        let found = page(subject, anna, changed.clone());
        assert_eq!(seen(&found), [("r@rooms.x", last, 2)]);
        assert_eq!(found.conversations[0].displayed, Some(first));
        subject.reopen();
    }
    let newest = in_room(subject, RECEIVED);
    assert_eq!(
        seen(&page(subject, anna, query()))[0],
        ("r@rooms.x", newest, 3)
    );
}
