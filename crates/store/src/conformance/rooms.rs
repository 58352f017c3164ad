//! Rooms.

use std::sync::Arc;

use super::{Subject, copy, count, message, time, write};
use crate::{
    Affiliation, ArchiveOwner, ArchiveQuery, NewRoom, RoomConfig, RoomHat, RoomId, RoomInvitation,
    RoomPerson, RoomState, RoomSubject, RoomsQuery, RosterVersion, StoreError, wait,
};

fn person(address: &str, affiliation: Affiliation) -> RoomPerson {
    RoomPerson {
        address: address.into(),
        affiliation,
        ..RoomPerson::default()
    }
}

fn make(subject: &dyn Subject, localpart: &str, config: RoomConfig) -> RoomId {
    let room = NewRoom {
        localpart: localpart.into(),
        config,
        people: vec![person("anna@x", Affiliation::Owner)],
    };
    wait(subject.store().room_create(room)).unwrap().0
}

fn state(subject: &dyn Subject, localpart: &str) -> Option<RoomState> {
    wait(subject.store().room_state(localpart)).unwrap()
}

fn addresses(people: &[RoomPerson]) -> Vec<(&str, Affiliation)> {
    let mut found: Vec<_> = people
        .iter()
        .map(|person| (&*person.address, person.affiliation))
        .collect();
    found.sort_unstable();
    found
}

pub(super) fn keeping(subject: &mut dyn Subject) {
    assert_eq!(state(subject, "garden"), None);
    let id = make(subject, "garden", RoomConfig::group_chat());
    let again = NewRoom {
        localpart: "garden".into(),
        ..NewRoom::default()
    };
    assert_eq!(
        wait(subject.store().room_create(again)),
        Err(StoreError::AlreadyExists)
    );
    subject.reopen();
    let made = state(subject, "garden").unwrap();
    assert_eq!((made.id, &*made.localpart), (id, "garden"));
    assert_eq!(made.config, RoomConfig::group_chat());
    assert_eq!(addresses(&made.people), [("anna@x", Affiliation::Owner)]);
    assert_eq!((made.subject, made.avatar.len()), (None, 0));

    let config = RoomConfig {
        name: Some("The garden".into()),
        ..RoomConfig::default()
    };
    let set = RoomSubject {
        stanza: b"<message><subject>Roses</subject></message>"
            .as_slice()
            .into(),
        at: time(77),
    };
    let hat = |uri: &str| RoomHat {
        uri: uri.into(),
        title: "Host".into(),
        hue: None,
        worn_by: Vec::new(),
    };
    write(subject, |batch| {
        batch.room_config_set(id, &config);
        batch.room_subject_set(id, set.clone());
        batch.room_vcard_set(id, Some("<vCard/>"), vec!["hash".into()]);
        batch.room_hat_set(id, hat("a:host"));
        batch.room_hat_set(id, hat("a:guest"));
        batch.room_hat_wear(id, "a:host", "anna@x", true);
        batch.room_hat_wear(id, "a:guest", "anna@x", true);
        batch.room_hat_wear(id, "a:none", "anna@x", true);
        batch.room_hat_remove(id, "a:guest");
    });
    subject.reopen();
    let kept = state(subject, "garden").unwrap();
    assert_eq!((kept.config, kept.subject), (config, Some(set)));
    assert_eq!(kept.avatar, [Arc::from("hash")]);
    let vcard = wait(subject.store().room_vcard(id)).unwrap();
    assert_eq!(vcard.as_deref(), Some("<vCard/>"));
    let worn = RoomHat {
        worn_by: vec!["anna@x".into()],
        ..hat("a:host")
    };
    assert_eq!(kept.hats, [worn]);
}

pub(super) fn people(subject: &mut dyn Subject) {
    let id = make(subject, "garden", RoomConfig::default());
    let first = state(subject, "garden").unwrap().version;
    assert!(first > RosterVersion::NONE);
    let second = write(subject, |batch| {
        batch.room_person_set(id, person("bert@x", Affiliation::Member));
        batch.room_person_set(id, person("carl@x", Affiliation::Outcast));
    })
    .version;
    assert!(second > first);
    subject.reopen();
    let third = write(subject, |batch| {
        batch.room_person_set(id, person("bert@x", Affiliation::None));
        batch.room_nick_set(id, "dora@x", Some("Dora"));
        batch.room_nick_set(id, "anna@x", Some("Anna"));
    })
    .version;
    assert!(third > second);
    let now = state(subject, "garden").unwrap();
    assert_eq!(now.version, third);
    assert_eq!(
        addresses(&now.people),
        [
            ("anna@x", Affiliation::Owner),
            ("carl@x", Affiliation::Outcast),
            ("dora@x", Affiliation::None)
        ]
    );
    let since = |version| wait(subject.store().room_people_since(id, version)).unwrap();
    let changes = since(first).unwrap();
    assert_eq!(changes.version, third);
    assert_eq!(
        addresses(&changes.people),
        [
            ("anna@x", Affiliation::Owner),
            ("bert@x", Affiliation::None),
            ("carl@x", Affiliation::Outcast),
            ("dora@x", Affiliation::None)
        ]
    );
    assert_eq!(since(third).unwrap().people, []);
    assert_eq!(since(RosterVersion::from_number(third.number() + 1)), None);

    make(subject, "barn", RoomConfig::default());
    let rooms = wait(subject.store().room_memberships("anna@x")).unwrap();
    let names: Vec<_> = rooms.iter().map(|room| &*room.localpart).collect();
    assert_eq!(names, ["barn", "garden"]);
    assert_eq!(
        wait(subject.store().room_memberships("dora@x")).unwrap(),
        []
    );
}

/// The rooms of somebody, by a standing, by a group, by name.
pub(super) fn of_somebody(subject: &mut dyn Subject) {
    let sales = |group: &str| RoomConfig {
        group: Some(group.into()),
        ..RoomConfig::default()
    };
    let member = make(subject, "member", RoomConfig::default());
    let banned = make(subject, "banned", sales("Sales"));
    make(subject, "group", sales("Sales"));
    make(subject, "other", sales("Buyers"));
    let shut = make(subject, "shut", RoomConfig::default());
    make(subject, "named", RoomConfig::default());
    write(subject, |batch| {
        batch.room_person_set(member, person("bert@x", Affiliation::Member));
        batch.room_person_set(banned, person("bert@x", Affiliation::Outcast));
        batch.room_person_set(shut, person("x", Affiliation::Outcast));
    });
    // A group that comes with a later configuration.
    let late = make(subject, "late", RoomConfig::default());
    write(subject, |batch| {
        batch.room_config_set(late, &sales("Sales"));
    });
    subject.reopen();
    let query = RoomsQuery {
        address: "bert@x".into(),
        domain: "x".into(),
        groups: vec!["Sales".into()],
        named: vec![
            "named".into(),
            "shut".into(),
            "nowhere".into(),
            "group".into(),
        ],
    };
    let mut found: Vec<_> = wait(subject.store().rooms_of(query))
        .unwrap()
        .into_iter()
        .map(|room| (room.localpart.to_string(), room.affiliation))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            ("banned".to_owned(), Affiliation::Outcast),
            ("group".to_owned(), Affiliation::None),
            ("late".to_owned(), Affiliation::None),
            ("member".to_owned(), Affiliation::Member),
            ("named".to_owned(), Affiliation::None),
            ("shut".to_owned(), Affiliation::Outcast),
        ]
    );
}

pub(super) fn traces(subject: &mut dyn Subject) {
    let id = make(subject, "garden", RoomConfig::default());
    let other = make(subject, "hall", RoomConfig::default());
    let invitation = |invitee: &str, inviter: &str| RoomInvitation {
        invitee: invitee.into(),
        inviter: inviter.into(),
        at: time(5),
    };
    write(subject, |batch| {
        batch.room_person_set(id, person("bert@x", Affiliation::Member));
        batch.room_nick_set(id, "bert@x", Some("Bert"));
        batch.room_hat_set(
            id,
            RoomHat {
                uri: "a:host".into(),
                title: "Host".into(),
                hue: None,
                worn_by: Vec::new(),
            },
        );
        batch.room_hat_wear(id, "a:host", "bert@x", true);
        batch.room_invitation_set(id, invitation("carl@x", "bert@x"));
        batch.room_invitation_set(id, invitation("carl@x", "anna@x"));
        batch.room_invitation_set(id, invitation("dora@x", "anna@x"));
        batch.room_invitation_set(other, invitation("bert@x", "anna@x"));
    });
    subject.reopen();
    let traces =
        |subject: &dyn Subject, address: &str| wait(subject.store().room_traces(address)).unwrap();
    assert_eq!(
        traces(subject, "bert@x"),
        [Arc::from("garden"), Arc::from("hall")]
    );
    assert_eq!(traces(subject, "dora@x"), [Arc::from("garden")]);
    assert_eq!(
        state(subject, "garden").unwrap().invitations,
        [
            invitation("carl@x", "anna@x"),
            invitation("carl@x", "bert@x"),
            invitation("dora@x", "anna@x")
        ]
    );
    let before = state(subject, "garden").unwrap().version;
    write(subject, |batch| {
        batch.room_person_forget(id, "bert@x");
        batch.room_person_forget(other, "bert@x");
        batch.room_invitation_end(id, "dora@x", None);
        batch.room_invitation_end(id, "carl@x", Some("nobody@x"));
    });
    subject.reopen();
    assert_eq!(traces(subject, "bert@x"), [] as [Arc<str>; 0]);
    let garden = state(subject, "garden").unwrap();
    assert_eq!(garden.invitations, [invitation("carl@x", "anna@x")]);
    assert!(garden.hats[0].worn_by.is_empty());
    assert_eq!(addresses(&garden.people), [("anna@x", Affiliation::Owner)]);
    let changes = wait(subject.store().room_people_since(id, before)).unwrap();
    assert_eq!(
        addresses(&changes.unwrap().people),
        [("bert@x", Affiliation::None)]
    );
    write(subject, |batch| {
        batch.room_invitation_end(id, "carl@x", None);
    });
    assert!(state(subject, "garden").unwrap().invitations.is_empty());
    assert!(state(subject, "hall").unwrap().invitations.is_empty());
}

pub(super) fn list(subject: &mut dyn Subject) {
    for number in 0..30 {
        let config = RoomConfig {
            listed: number % 3 == 0,
            ..RoomConfig::default()
        };
        make(subject, &format!("room{number:02}"), config);
    }
    let store = subject.store();
    assert_eq!(wait(store.room_count(false)), Ok(30));
    assert_eq!(wait(store.room_count(true)), Ok(10));
    let first = wait(store.room_list(None, 4, true)).unwrap();
    let names: Vec<_> = first.rooms.iter().map(|room| &*room.localpart).collect();
    assert_eq!(names, ["room00", "room03", "room06", "room09"]);
    assert!(first.more);
    let last = wait(store.room_list(Some("room20"), 4, true)).unwrap();
    assert_eq!((last.rooms.len(), last.more), (3, false));
    assert_eq!(
        wait(store.room_list(None, 99, false)).unwrap().rooms.len(),
        30
    );
}

pub(super) fn archive_of_a_room(subject: &mut dyn Subject) {
    let account = super::create(subject, "anna");
    let id = make(subject, "garden", RoomConfig::default());
    let other = make(subject, "barn", RoomConfig::default());
    let owner = |id: RoomId| ArchiveOwner {
        id: id.into(),
        ..copy(account, "anna@x")
    };
    let mut ids = Vec::new();
    for number in 0..200 {
        let owners = [owner(id), owner(other), copy(account, "bert@x")];
        let submitted = write(subject, |batch| {
            batch.archive_shared(message(number).as_bytes(), &owners);
        });
        ids.push(submitted.ids[0]);
    }
    subject.reopen();
    let store = subject.store();
    let page = |id: RoomId| wait(store.archive_page(id, ArchiveQuery::default())).unwrap();
    assert_eq!((page(id).items.len(), page(id).count), (50, Some(200)));
    assert_eq!(page(id).items[7].id, ids[7]);
    write(subject, |batch| {
        batch.room_tombstone_set(id, ids[7], b"<message/>");
        batch.room_tombstone_set(id, ids[70], b"<message/>");
    });
    let store = subject.store();
    let stones = wait(store.room_tombstones(id, ids[0], ids[49])).unwrap();
    assert_eq!(stones, [(ids[7], b"<message/>".as_slice().into())]);

    assert_eq!(wait(store.room_remove(id)), Ok(true));
    assert_eq!(wait(store.room_remove(id)), Ok(false));
    subject.reopen();
    let store = subject.store();
    let left = |id: RoomId| wait(store.archive_page(id, ArchiveQuery::default())).unwrap();
    // It goes in slices: asking for its end waits for that.
    wait(store.archive_purge(id, time(i64::from(i32::MAX)))).unwrap();
    assert_eq!(left(id).items, []);
    assert_eq!(left(other).count, Some(200));
    assert_eq!(count(subject, account), Some(200));
    let anew = make(subject, "garden", RoomConfig::default());
    assert_ne!(anew, id);
}
