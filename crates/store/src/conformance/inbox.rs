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
    mentions: false,
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

/// Archives one message of `author` in a room.
fn say(subject: &dyn Subject, room: OwnerId, author: &str, flags: EntryFlags) -> ArchiveId {
    let owner = ArchiveOwner {
        id: room,
        with: author,
        with_resource: Some("Nick"),
        flags: EntryFlags {
            groupchat: true,
            ..flags
        },
    };
    write(subject, |batch| {
        batch.archive(owner, message(20).as_bytes());
    })
    .ids[0]
}

fn make(subject: &dyn Subject, name: &str) -> InboxRoom {
    let room = NewRoom {
        localpart: name.into(),
        ..NewRoom::default()
    };
    let (room, _) = wait(subject.store().room_create(room)).unwrap();
    InboxRoom {
        address: format!("{name}@rooms.x").into(),
        owner: room.into(),
        since: RosterVersion::NONE,
    }
}

const NAMING: EntryFlags = EntryFlags {
    mentions: true,
    ..RECEIVED
};

/// Rooms have archives of their own; markers are the account's.
pub(super) fn rooms(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    let room = make(subject, "r");
    let in_room = |subject: &dyn Subject, flags| say(subject, room.owner, "b@x", flags);
    let query = || InboxQuery {
        rooms: vec![room.clone()],
        reader: "anna@x".into(),
        ..query()
    };
    assert_eq!(page(subject, anna, query()).count, 0, "nothing was said");
    let first = in_room(subject, NAMING);
    in_room(subject, NAMING);
    let last = in_room(subject, NAMING);
    in_room(subject, QUIET);
    let direct = archive(subject, anna, "b@x", RECEIVED);
    for _ in 0..2 {
        let found = page(subject, anna, query());
        assert_eq!(seen(&found), [("b@x", direct, 1), ("r@rooms.x", last, 3)]);
        assert_eq!(found.conversations[1].room, Some(room.owner));
        assert_eq!(found.conversations[0].room, None);
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
    let newest = in_room(subject, NAMING);
    assert_eq!(
        seen(&page(subject, anna, query()))[0],
        ("r@rooms.x", newest, 3)
    );
    let OwnerKind::Room(id) = room.owner.kind() else {
        panic!("a room");
    };
    write(subject, |batch| {
        batch.room_tombstone_set(id, newest, b"<message/>");
    });
    let found = page(subject, anna, query());
    assert_eq!(found.conversations[0].last.stanza, b"<message/>".as_slice());
    // Whoever becomes a member hears of what there is, though nothing is new in it.
    let version = found.version.unwrap();
    let since = |number| InboxQuery {
        since: Some(version),
        rooms: vec![InboxRoom {
            since: RosterVersion::from_number(number),
            ..room.clone()
        }],
        ..query()
    };
    assert_eq!(page(subject, anna, since(version.number())).count, 0);
    assert_eq!(page(subject, anna, since(version.number() + 1)).count, 1);
}

/// What is unread of a room with many messages, by many readers, while entries leave the journal.
pub(super) fn large_rooms(subject: &mut dyn Subject) {
    const AUTHORS: [&str; 3] = ["b@x", "c@x", "d@x"];
    let anna = create(subject, "anna");
    let room = make(subject, "r");
    let mut said: Vec<(ArchiveId, &str, EntryFlags)> = Vec::new();
    let mut displayed = ArchiveId::FIRST;
    for round in 0..200usize {
        let author = if round % 61 == 60 {
            "anna@x"
        } else {
            AUTHORS[round % 3]
        };
        let flags = match round % 11 {
            4 => QUIET,
            7 => NAMING,
            _ => RECEIVED,
        };
        said.push((say(subject, room.owner, author, flags), author, flags));
        if round % 23 == 22 {
            displayed = said[round - 9].0;
            write(subject, |batch| {
                batch.inbox_displayed(anna, "r@rooms.x", displayed);
            });
        }
        if round % 50 == 49 {
            subject.reopen();
        }
        for reader in ["anna@x", "c@x", "nobody@x"] {
            let own = said
                .iter()
                .rfind(|(_, author, flags)| *author == reader && !flags.quiet)
                .map_or(ArchiveId::FIRST, |(id, ..)| *id);
            let seen = own.max(displayed);
            let new = said
                .iter()
                .filter(|(id, _, flags)| *id > seen && !flags.quiet);
            let mentions = new.clone().filter(|(.., flags)| flags.mentions).count();
            let last = said.iter().rfind(|(.., flags)| !flags.quiet).unwrap().0;
            let found = page(
                subject,
                anna,
                InboxQuery {
                    rooms: vec![room.clone()],
                    reader: reader.into(),
                    ..query()
                },
            );
            let [found] = &found.conversations[..] else {
                panic!("one conversation");
            };
            assert_eq!(
                (found.last.id, found.unread, found.mentions),
                (last, new.count(), mentions),
                "{reader}, round {round}"
            );
        }
    }
    // What is deleted does not count any more.
    let other = create(subject, "other");
    let limit = said[99].0;
    let purged = subject.store().archive_purge(room.owner, limit.timestamp());
    wait(purged).unwrap();
    let query = InboxQuery {
        rooms: vec![room.clone()],
        reader: "nobody@x".into(),
        ..query()
    };
    let found = page(subject, other, query);
    let left = said.iter().filter(|(id, ..)| *id >= limit);
    let left = left.filter(|(.., flags)| !flags.quiet);
    assert_eq!(found.conversations[0].unread, left.clone().count());
    let named = left.filter(|(.., flags)| flags.mentions).count();
    assert_eq!(found.conversations[0].mentions, named);
}

/// What an account's own archive has of addresses of rooms (invitations) is shown for rooms that the
/// account may read and in which nothing was said.
pub(super) fn own_messages_of_rooms(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    let (quiet, loud) = (make(subject, "quiet"), make(subject, "loud"));
    let invitation = archive(subject, anna, "quiet@rooms.x", RECEIVED);
    archive(subject, anna, "gone@rooms.x", RECEIVED);
    archive(subject, anna, "loud@rooms.x", RECEIVED);
    let direct = archive(subject, anna, "b@x", RECEIVED);
    let last = say(subject, loud.owner, "b@x", RECEIVED);
    for _ in 0..2 {
        let query = InboxQuery {
            rooms: vec![quiet.clone(), loud.clone()],
            rooms_domain: Some("rooms.x".into()),
            reader: "anna@x".into(),
            ..query()
        };
        let found = page(subject, anna, query);
        let found: Vec<_> = found
            .conversations
            .iter()
            .map(|found| (&*found.peer, found.last.id, found.room))
            .collect();
        assert_eq!(
            found,
            [
                ("loud@rooms.x", last, Some(loud.owner)),
                ("b@x", direct, None),
                ("quiet@rooms.x", invitation, Some(quiet.owner)),
            ]
        );
        subject.reopen();
    }
}
