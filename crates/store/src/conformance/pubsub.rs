//! Nodes, their items, and what newcomers are told.

use std::sync::Arc;

use super::{Subject, create, people, time, write};
use crate::*;

fn settings(name: &str, keep: u32) -> NodeSettings {
    NodeSettings {
        name: name.into(),
        configuration: "<x/>".into(),
        on_presence: true,
        keep,
        creator: "anna@x".into(),
        created: time(1),
        ..NodeSettings::default()
    }
}

fn item(id: &str, seconds: i64) -> NodeItem {
    NodeItem {
        id: id.into(),
        publisher: "anna@x/r".into(),
        published: time(seconds),
        payload: format!("<p>{id}</p>").into(),
    }
}

fn node(subject: &dyn Subject, owner: AccountId, name: &str) -> Option<Node> {
    wait(subject.store().node(owner, name)).unwrap().0
}

fn usage(subject: &dyn Subject, owner: AccountId) -> NodeUsage {
    wait(subject.store().node(owner, "")).unwrap().1
}

fn page(subject: &dyn Subject, owner: AccountId, position: ItemPosition, max: usize) -> ItemPage {
    let query = ItemQuery {
        position,
        max,
        max_bytes: usize::MAX,
        since: None,
    };
    wait(subject.store().node_items(owner, "n", query)).unwrap()
}

fn ids(page: &ItemPage) -> Vec<&str> {
    page.items.iter().map(|item| &*item.id).collect()
}

pub(super) fn nodes(subject: &mut dyn Subject) {
    let (anna, bert) = (create(subject, "anna"), create(subject, "bert"));
    assert_eq!(node(subject, anna, "n"), None);
    write(subject, |batch| {
        batch.node_set(anna, settings("n", 1));
        batch.node_set(anna, settings("a", 1));
        batch.node_set(bert, settings("n", 5));
        batch.node_subscribe(
            anna,
            "n",
            NodeSubscription {
                subscriber: "carl@x".into(),
                pending: true,
            },
        );
        batch.node_affiliate(anna, "n", "dora@x", Some(NodeAffiliation::Member));
        batch.node_affiliate(anna, "n", "emil@x", Some(NodeAffiliation::Outcast));
        batch.avatar_set(anna, Some("abcd"));
    });
    subject.reopen();
    let kept = node(subject, anna, "n").unwrap();
    assert_eq!(kept.settings, settings("n", 1));
    assert_eq!(kept.subscriptions.len(), 1);
    assert!(kept.subscriptions[0].pending);
    assert_eq!(
        kept.affiliations,
        [
            ("dora@x".into(), NodeAffiliation::Member),
            ("emil@x".into(), NodeAffiliation::Outcast)
        ]
    );
    let names = |owner| -> Vec<Arc<str>> {
        let nodes = wait(subject.store().nodes(owner)).unwrap();
        nodes.into_iter().map(|node| node.settings.name).collect()
    };
    assert_eq!(names(anna), ["a", "n"].map(Arc::from));
    assert_eq!(names(bert), ["n"].map(Arc::from));
    let state = |account| wait(subject.store().account_state(account)).unwrap();
    assert_eq!(state(anna).unwrap().avatar.as_deref(), Some("abcd"));
    write(subject, |batch| {
        batch.node_set(
            anna,
            NodeSettings {
                configuration: "<y/>".into(),
                creator: "other@x".into(),
                created: time(9),
                item_seconds: Some(5),
                ..settings("n", 1)
            },
        );
        batch.node_subscribe(
            anna,
            "n",
            NodeSubscription {
                subscriber: "carl@x".into(),
                pending: false,
            },
        );
        batch.node_affiliate(anna, "n", "dora@x", Some(NodeAffiliation::Publisher));
        batch.node_affiliate(anna, "n", "emil@x", None);
        batch.avatar_set(anna, None);
    });
    let kept = node(subject, anna, "n").unwrap();
    assert_eq!(&*kept.settings.configuration, "<y/>");
    assert_eq!(kept.settings.item_seconds, Some(5));
    assert_eq!(&*kept.settings.creator, "anna@x", "who made it stays");
    assert_eq!(kept.settings.created, time(1));
    assert!(!kept.subscriptions[0].pending);
    assert_eq!(
        kept.affiliations,
        [("dora@x".into(), NodeAffiliation::Publisher)]
    );
    assert_eq!(
        wait(subject.store().account_state(anna))
            .unwrap()
            .unwrap()
            .avatar,
        None
    );
    write(subject, |batch| {
        batch.node_unsubscribe(anna, "n", "carl@x");
        batch.node_remove(anna, "a");
    });
    assert!(node(subject, anna, "n").unwrap().subscriptions.is_empty());
    assert_eq!(node(subject, anna, "a"), None);
    let mut batch = Batch::new();
    batch.node_publish(anna, "gone", item("1", 1));
    let refused = subject.store().submit(batch).ticket.wait();
    assert!(
        matches!(refused, Err(StoreError::Refused(_))),
        "{refused:?}"
    );
    // Removed accounts take their nodes with them.
    assert!(wait(subject.store().account_remove(bert)).unwrap());
    assert!(wait(subject.store().nodes(bert)).unwrap().is_empty());
    assert_eq!(usage(subject, anna).nodes, 1);
}

pub(super) fn node_items(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    assert_eq!(
        page(subject, anna, ItemPosition::First, 9),
        ItemPage::default()
    );
    write(subject, |batch| {
        batch.node_set(anna, settings("n", 5));
        for (id, seconds) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)] {
            batch.node_publish(anna, "n", item(id, seconds));
        }
        // Published again, it is the newest.
        batch.node_publish(anna, "n", item("b", 6));
    });
    subject.reopen();
    let all = page(subject, anna, ItemPosition::First, 9);
    assert_eq!(ids(&all), ["a", "c", "d", "e", "b"]);
    assert_eq!((all.count, all.index), (5, 0));
    assert_eq!(all.items[4], item("b", 6));
    for (position, max, expected, index) in [
        (ItemPosition::First, 2, &["a", "c"][..], 0),
        (ItemPosition::Last, 2, &["e", "b"], 3),
        (ItemPosition::After("c".into()), 2, &["d", "e"], 2),
        (ItemPosition::After("b".into()), 2, &[], 0),
        (ItemPosition::Before("e".into()), 2, &["c", "d"], 1),
        (ItemPosition::Index(3), 9, &["e", "b"], 3),
        (ItemPosition::First, 0, &[], 0),
        (
            ItemPosition::Ids(vec!["b".into(), "x".into(), "a".into(), "b".into()]),
            9,
            &["a", "b"],
            0,
        ),
    ] {
        let found = page(subject, anna, position.clone(), max);
        assert_eq!(ids(&found), expected, "{position:?}");
        assert_eq!(found.index, index, "{position:?}");
    }
    let gone = ItemQuery {
        position: ItemPosition::After("x".into()),
        max: 9,
        max_bytes: 999,
        since: None,
    };
    assert_eq!(
        wait(subject.store().node_items(anna, "n", gone)),
        Err(StoreError::ItemNotFound)
    );
    let small = ItemQuery {
        position: ItemPosition::First,
        max: 9,
        max_bytes: 20,
        since: Some(time(3)),
    };
    let small = wait(subject.store().node_items(anna, "n", small)).unwrap();
    assert_eq!(ids(&small), ["c", "d"]);
    assert_eq!(small.count, 4, "what came earlier counts as gone");
    write(subject, |batch| {
        batch.node_retract(anna, "n", "d");
        batch.node_retract(anna, "n", "not there");
        batch.node_retract(anna, "no node", "d");
    });
    assert_eq!(
        ids(&page(subject, anna, ItemPosition::First, 9)),
        ["a", "c", "e", "b"]
    );
    write(subject, |batch| batch.node_purge(anna, "n"));
    assert_eq!(page(subject, anna, ItemPosition::First, 9).count, 0);
}

pub(super) fn node_sums(subject: &mut dyn Subject) {
    let anna = create(subject, "anna");
    // An id of one byte, a payload of eight, and the publisher.
    let each = 1 + 8 + "anna@x/r".len() as u64;
    write(subject, |batch| {
        batch.node_set(anna, settings("n", 3));
        batch.node_set(
            anna,
            NodeSettings {
                item_seconds: Some(10),
                ..settings("m", 9)
            },
        );
        for (id, seconds) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("d", 5)] {
            batch.node_publish(anna, "n", item(id, seconds));
            batch.node_publish(anna, "m", item(id, seconds));
        }
    });
    let sums = |nodes, items| NodeUsage {
        nodes,
        items,
        bytes: items * each,
    };
    subject.reopen();
    assert_eq!(usage(subject, anna), sums(2, 3 + 4));
    assert_eq!(
        ids(&page(subject, anna, ItemPosition::First, 9)),
        ["b", "c", "d"],
        "the oldest gave way"
    );
    write(subject, |batch| batch.node_set(anna, settings("n", 1)));
    assert_eq!(ids(&page(subject, anna, ItemPosition::First, 9)), ["d"]);
    assert_eq!(usage(subject, anna), sums(2, 1 + 4));
    write(subject, |batch| batch.node_items_expire(time(13)));
    assert_eq!(usage(subject, anna), sums(2, 1 + 2));
    assert_eq!(node(subject, anna, "m").unwrap().items, 2);
    write(subject, |batch| batch.node_purge(anna, "m"));
    assert_eq!(usage(subject, anna), sums(2, 1));
    write(subject, |batch| batch.node_remove(anna, "n"));
    assert_eq!(usage(subject, anna), sums(1, 0));
}

pub(super) fn newest_items(subject: &mut dyn Subject) {
    let owners = ["anna", "bert", "carl", "dora"].map(|name| create(subject, name));
    write(subject, |batch| {
        for owner in owners {
            batch.node_set(owner, settings("n", 2));
            batch.node_set(owner, settings("other", 2));
            batch.node_set(
                owner,
                NodeSettings {
                    on_presence: false,
                    ..settings("quiet", 2)
                },
            );
            batch.node_set(owner, settings("empty", 2));
            for node in ["n", "other", "quiet"] {
                batch.node_publish(owner, node, item("old", 1));
                batch.node_publish(owner, node, item("new", 2));
            }
        }
        batch.node_affiliate(owners[0], "n", "zoe@x", Some(NodeAffiliation::Member));
        let mut contact = people::contact("zoe@x");
        contact.subscription = Subscription::Both;
        contact.groups = vec!["Friends".into()];
        batch.roster_set(owners[0], contact);
        batch.block(owners[1], "zoe@x/phone");
        batch.account_change(
            owners[3],
            AccountChange {
                enabled: Some(false),
                ..AccountChange::default()
            },
        );
    });
    let newcomer = Newcomer {
        bare: "zoe@x".into(),
        barred_by: vec!["zoe@x".into(), "zoe@x/phone".into()],
        nodes: ["empty", "n", "nowhere", "quiet"].map(Arc::from).into(),
    };
    let accounts = ["dora", "carl", "bert", "anna", "nobody"].map(Arc::from);
    let found = wait(subject.store().newest_items(newcomer, accounts.to_vec())).unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|found| (&*found.owner, &*found.node.settings.name, &*found.item.id))
        .collect();
    assert_eq!(seen, [("carl", "n", "new"), ("anna", "n", "new")]);
    assert_eq!(found[0].contact, None);
    assert_eq!(
        found[1].contact,
        Some((Subscription::Both, vec!["Friends".into()]))
    );
    assert_eq!(found[1].node.affiliations.len(), 1);
}
