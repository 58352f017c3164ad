//! `serve --demo`: a small lively organisation to try. All its people share one password, made at random and shown at
//! each start: known passwords on an open port would be an invitation.
//!
//! Its history is as plain as a server can write it, so it stands only where the rules on encryption let the server
//! read: always in the rooms that are open or a department's; between two people and in the private group only if
//! those are not `required` to be encrypted. As they are by default, such conversations begin empty: what is said
//! in them is for devices, which there are none of yet.

use std::sync::Arc;

use base::BareJid;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat::modules::ArrivingNodes;
use store::{
    AccountId, Affiliation, ArchiveOwner, Batch, EntryFlags, Imported, NewAccount, NewRoom,
    OwnerId, RoomConfig, RoomPerson, RosterItem, Store, Subscription,
};
use xmpp::ns;
use xmpp::sasl::Password;
use xmpp::xep::avatar::Picture;
use xmpp::xep::bookmarks::Bookmark;
use xmpp::xml::{Tree, Writer};

use crate::config::{Config, EncryptionRule};
use crate::keys;
use crate::net::Clock;

/// Name, displayed name, group.
const PEOPLE: [(&str, &str, &str); 6] = [
    ("anna", "Anna Abel", "Management"),
    ("ben", "Ben Brandt", "Workshop"),
    ("clara", "Clara Çelik", "Office"),
    ("david", "David Dorn", "Workshop"),
    ("emma", "Emma Eriksen", "Sales"),
    ("farid", "Farid Faber", "Sales"),
];

/// Their pictures, in this order.
const PICTURES: [&[u8]; 6] = [
    include_bytes!("demo_pictures/anna.png"),
    include_bytes!("demo_pictures/ben.png"),
    include_bytes!("demo_pictures/clara.png"),
    include_bytes!("demo_pictures/david.png"),
    include_bytes!("demo_pictures/emma.png"),
    include_bytes!("demo_pictures/farid.png"),
];

/// What somebody is called; the name in a room, too.
fn shown(name: &str) -> &str {
    let person = PEOPLE.iter().find(|person| person.0 == name);
    person.map_or(name, |person| person.1)
}

/// Who writes to whom, and what.
const TALK: [(&str, &str, &str); 14] = [
    ("anna", "ben", "Guten Morgen! Läuft die Presse wieder?"),
    ("ben", "anna", "Seit sieben. Es war doch der Riemen."),
    ("anna", "ben", "Wunderbar. Schaffen wir Donnerstag noch?"),
    ("ben", "anna", "Wenn morgen der Stahl kommt, locker."),
    ("clara", "emma", "The offer for Lindner is in the drive."),
    (
        "emma",
        "clara",
        "Thanks! I'll go through it before lunch. 🥪",
    ),
    (
        "emma",
        "clara",
        "Page 3: is that price with or without delivery?",
    ),
    ("clara", "emma", "With. I'll say so more clearly."),
    ("david", "ben", "Wer hat den Schlüssel zum Farblager?"),
    ("ben", "david", "Hängt hinter der Tür."),
    (
        "farid",
        "anna",
        "Lindner just called: they take the large one!",
    ),
    ("anna", "farid", "Super! Cake at three. 🎂"),
    (
        "anna",
        "clara",
        "Kannst du für drei Uhr einen Kuchen bestellen?",
    ),
    ("clara", "anna", "Schon geschehen. Mit Kirschen."),
];

/// A room: name, what people call it, its kind, and what was said in it.
struct DemoRoom {
    localpart: &'static str,
    config: fn() -> RoomConfig,
    /// Who has made it, and who else is a member by name.
    owner: &'static str,
    members: &'static [&'static str],
    talk: &'static [(&'static str, &'static str)],
}

const ROOMS: [DemoRoom; 4] = [
    DemoRoom {
        localpart: "canteen",
        config: || RoomConfig {
            name: Some("Canteen".into()),
            description: Some("Lunch, cake and the weather. Open to everyone.".into()),
            persistent: true,
            listed: true,
            occupants_change_subject: true,
            ..RoomConfig::default()
        },
        owner: "clara",
        members: &[],
        talk: &[
            ("clara", "Heute: Linsensuppe oder Nudeln mit Pilzen."),
            ("farid", "Suppe! 🥣"),
            ("emma", "Is there cake at three? I heard rumours."),
            ("clara", "There are cherries in it. I say no more."),
            (
                "david",
                "Wer hat die guten Kaffeetassen in die Werkstatt mitgenommen?",
            ),
            ("ben", "Fragst du für einen Freund? Drei davon stehen hier."),
            (
                "anna",
                "Bringt sie um drei bitte mit. Kuchen braucht Tassen. 🎂",
            ),
            ("farid", "We have something to celebrate anyway!"),
        ],
    },
    DemoRoom {
        localpart: "workshop",
        config: || RoomConfig::department_room("Workshop", false),
        owner: "ben",
        members: &[],
        talk: &[
            ("ben", "Der Stahl kommt morgen um acht. Wer kann abladen?"),
            ("david", "Ich bin da."),
            (
                "ben",
                "Die Presse läuft seit sieben wieder. Es war doch der Riemen.",
            ),
            ("david", "Dann bleibt es bei Donnerstag. 💪"),
            ("david", "Wer hat den Schlüssel zum Farblager?"),
            ("ben", "Hängt hinter der Tür."),
        ],
    },
    DemoRoom {
        localpart: "sales",
        config: || RoomConfig::department_room("Sales", false),
        owner: "emma",
        members: &[],
        talk: &[
            ("emma", "The offer for Lindner is in the drive."),
            ("farid", "Page 3: is that price with or without delivery?"),
            ("emma", "With. I'll say so more clearly."),
            ("farid", "They just called: they take the large one!"),
            ("emma", "Super!! 🥳"),
        ],
    },
    DemoRoom {
        localpart: "lindner",
        config: || RoomConfig {
            name: Some("Lindner".into()),
            description: Some("Everything about the Lindner order.".into()),
            ..RoomConfig::group_chat()
        },
        owner: "anna",
        members: &["ben", "emma", "farid"],
        talk: &[
            (
                "anna",
                "They take the large one. Delivery by the end of the month?",
            ),
            ("ben", "With the press running again: yes."),
            ("emma", "Then I'll send them the dates today."),
        ],
    },
];

/// Node and namespace of names (XEP-0172).
const NICK: &str = "http://jabber.org/protocol/nick";
/// Setting under which the password of the demo is kept.
const PASSWORD: &str = "demo-password";

/// Fills an empty store, and tells with what words the people log in. A store that holds others is left as it is.
///
/// # Errors
/// When the store cannot be used.
pub(crate) async fn fill(store: &Store, config: &Config) -> anyhow::Result<String> {
    if let Some(password) = store.setting(PASSWORD).await? {
        return Ok(words(config, &String::from_utf8_lossy(&password)));
    }
    if store.account_count().await? > 0 {
        return Ok(
            "--demo: there are people in the store already; it is left as it is\n".to_owned(),
        );
    }
    let mut random = [0; 9];
    getrandom::fill(&mut random)?;
    let password = URL_SAFE_NO_PAD.encode(random);
    let secret = Password::new(password.clone());
    let accounts = tokio::task::spawn_blocking(move || {
        PEOPLE
            .iter()
            .map(|(name, display_name, group)| {
                Ok(NewAccount {
                    localpart: (*name).into(),
                    display_name: Some((*display_name).into()),
                    groups: vec![(*group).into()],
                    keys: keys::derive(&secret, xmpp::sasl::MINIMUM_ITERATIONS)?,
                    ..NewAccount::default()
                })
            })
            .collect::<Result<Vec<_>, keys::KeysError>>()
    })
    .await??;
    let ids: Vec<AccountId> = store
        .account_import(accounts)
        .await?
        .into_iter()
        .map(|imported| match imported {
            Imported::Created(id) | Imported::Exists(id) => id,
        })
        .collect();
    let mut batch = Batch::new();
    know_each_other(&mut batch, &ids, &config.domain);
    for ((person, picture), id) in PEOPLE.iter().zip(PICTURES).zip(&ids) {
        publish(&mut batch, *id, person, picture, config)?;
    }
    batch.setting_set(PASSWORD, Some(password.as_bytes()));
    store.submit(batch).ticket.await?;
    if config.archive.enabled && may_be_read(config.policy.encryption.direct) {
        for (number, (from, to, body)) in TALK.iter().enumerate() {
            let mut batch = Batch::new();
            message(&mut batch, &ids, &config.domain, number, (from, to, body));
            store.submit(batch).ticket.await?;
        }
    }
    for room in &ROOMS {
        make_room(store, config, room).await?;
    }
    Ok(words(config, &password))
}

async fn make_room(store: &Store, config: &Config, room: &DemoRoom) -> anyhow::Result<()> {
    let domain = &config.domain;
    let person = |name: &str, affiliation| RoomPerson {
        address: format!("{name}@{domain}").into(),
        affiliation,
        ..RoomPerson::default()
    };
    let mut people = vec![person(room.owner, Affiliation::Owner)];
    let members = room.members.iter();
    people.extend(members.map(|name| person(name, Affiliation::Member)));
    let new = NewRoom {
        localpart: room.localpart.into(),
        config: (room.config)(),
        people,
    };
    let (id, _) = store.room_create(new).await?;
    let kept = (room.config)();
    let private = kept.members_only && kept.group.is_none();
    if !config.archive.enabled || (private && !may_be_read(config.policy.encryption.groups)) {
        return Ok(());
    }
    for (number, (from, body)) in room.talk.iter().enumerate() {
        let nick = shown(from);
        let mut out = Writer::new();
        out.start("message")
            .attr("from", format!("{}@rooms.{domain}/{nick}", room.localpart))
            .attr("id", format!("demo-{number}"))
            .attr("type", "groupchat");
        out.start("body").text(body).end();
        out.end();
        let sender = format!("{from}@{domain}");
        let mut batch = Batch::new();
        batch.archive(
            ArchiveOwner {
                id: id.into(),
                with: &sender,
                with_resource: Some(nick),
                flags: EntryFlags {
                    groupchat: true,
                    ..EntryFlags::default()
                },
            },
            out.finish().as_bytes(),
        );
        store.submit(batch).ticket.await?;
    }
    Ok(())
}

/// What clients read of somebody: name, picture and the rooms that they are in (XEP-0172, XEP-0084, XEP-0402).
fn publish(
    batch: &mut Batch,
    account: AccountId,
    (name, shown, group): &(&str, &str, &str),
    picture: &[u8],
    config: &Config,
) -> anyhow::Result<()> {
    let domain = &config.domain;
    let own = BareJid::new(Some(name), domain)?;
    let limits = config.limits.messenger();
    let mut nodes = ArrivingNodes::new(account, own, limits, Clock::start().now().wall);
    let picture = Picture {
        kind: "image/png".to_owned(),
        data: picture.to_vec(),
    };
    let nick = format!("<nick xmlns='{NICK}'>{shown}</nick>");
    let mut items = vec![
        (NICK, "current".to_owned(), nick),
        (ns::AVATAR_DATA, picture.id(), picture.data_payload()),
        (
            ns::AVATAR_METADATA,
            picture.id(),
            picture.metadata_payload(),
        ),
    ];
    for room in &ROOMS {
        let kept = (room.config)();
        let of_department = kept.group.as_deref() == Some(*group);
        let named = room.owner == *name || room.members.contains(name);
        let open = !kept.members_only;
        if of_department || named || open {
            let bookmark = Bookmark {
                name: kept.name.as_deref().map(str::to_owned),
                autojoin: true,
                nick: Some((*shown).to_owned()),
                ..Bookmark::default()
            };
            let address = format!("{}@rooms.{domain}", room.localpart);
            items.push((ns::BOOKMARKS, address, bookmark.to_xml()));
        }
    }
    for (node, id, payload) in items {
        let mut item = Writer::new();
        item.start("item").xmlns(ns::PUBSUB).attr("id", id);
        item.raw(&payload).end();
        let item = item.finish();
        let tree = Tree::parse(&item).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        nodes.publish(node, tree.root(), batch)?;
    }
    nodes.finish(batch);
    Ok(())
}

/// Whether the rules let the server read what is said.
fn may_be_read(rule: EncryptionRule) -> bool {
    rule != EncryptionRule::Required
}

fn words(config: &Config, password: &str) -> String {
    let names: Vec<String> = PEOPLE
        .iter()
        .map(|(name, ..)| format!("{name}@{}", config.domain))
        .collect();
    let mut words = format!(
        "Demo people: {}\n  all with the password {password}\n",
        names.join(", ")
    );
    if !may_be_read(config.policy.encryption.direct) {
        words.push_str(
            "  What they write to each other is end-to-end encrypted (policy.encryption), so those chats begin empty;\n  \
             the rooms canteen, workshop and sales have a history.\n",
        );
    }
    words
}

fn know_each_other(batch: &mut Batch, ids: &[AccountId], domain: &str) {
    for (owner, id) in PEOPLE.iter().zip(ids) {
        for contact in PEOPLE.iter().filter(|contact| contact.0 != owner.0) {
            batch.roster_set(
                *id,
                RosterItem {
                    contact: format!("{}@{domain}", contact.0).into(),
                    name: Some(contact.1.into()),
                    groups: vec![Arc::from(contact.2)],
                    subscription: Subscription::Both,
                    ..RosterItem::default()
                },
            );
        }
    }
}

fn message(
    batch: &mut Batch,
    ids: &[AccountId],
    domain: &str,
    number: usize,
    (from, to, body): (&str, &str, &str),
) {
    let find = |name: &str| {
        PEOPLE
            .iter()
            .zip(ids)
            .find(|(person, _)| person.0 == name)
            .map(|(_, id)| *id)
    };
    let (Some(sender), Some(receiver)) = (find(from), find(to)) else {
        return;
    };
    let (from, to) = (format!("{from}@{domain}"), format!("{to}@{domain}"));
    let mut out = Writer::new();
    // As on a client's stream, whose namespace is said once, outside.
    out.start("message");
    out.attr("from", format!("{from}/demo"))
        .attr("to", &to)
        .attr("type", "chat")
        .attr("id", format!("demo-{number}"));
    out.start("body").text(body).end();
    out.end();
    let stanza = out.finish();
    let copy = |account, with, with_resource, outgoing| ArchiveOwner {
        id: OwnerId::from(account),
        with,
        with_resource,
        flags: EntryFlags {
            outgoing,
            ..EntryFlags::default()
        },
    };
    batch.archive_shared(
        stanza.as_bytes(),
        &[
            copy(sender, to.as_str(), None, true),
            copy(receiver, from.as_str(), Some("demo"), false),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_demo_is_made_once_and_never_over_others() {
        let store = empty();
        let config = Config::default();
        let first = fill(&store, &config).await.expect("fills");
        assert!(first.contains("anna@localhost"));
        assert_eq!(fill(&store, &config).await.expect("again"), first);
        assert_eq!(
            store.account_count().await.expect("counted"),
            PEOPLE.len() as u64
        );
        let anna = store
            .account_find("anna")
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(
            store.roster(anna.id).await.expect("reads").items.len(),
            PEOPLE.len() - 1
        );
        assert_eq!(store.room_count(false).await, Ok(ROOMS.len() as u64));
    }

    #[tokio::test]
    async fn people_have_names_pictures_and_rooms_from_the_start() {
        let store = empty();
        let config = Config::default();
        fill(&store, &config).await.expect("fills");
        let ben = store.account_find("ben").await.expect("reads");
        let ben = ben.expect("is there").id;
        let read = async |node: &str| {
            let items = store.node_items(
                ben,
                node,
                store::ItemQuery {
                    max: 50,
                    max_bytes: 1024 * 1024,
                    ..store::ItemQuery::default()
                },
            );
            let items = items.await.expect("reads");
            items
                .items
                .into_iter()
                .map(|item| (item.id.to_string(), item.payload.to_string()))
                .collect::<Vec<_>>()
        };
        let names = read(NICK).await;
        assert!(names[0].1.contains("Ben Brandt"), "{names:?}");
        assert_eq!(read(ns::AVATAR_DATA).await.len(), 1);
        let metadata = read(ns::AVATAR_METADATA).await;
        assert!(metadata[0].1.contains("image/png"), "{metadata:?}");
        let mut rooms = read(ns::BOOKMARKS).await;
        rooms.sort();
        let addresses: Vec<&str> = rooms.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(
            addresses,
            [
                "canteen@rooms.localhost",
                "lindner@rooms.localhost",
                "workshop@rooms.localhost"
            ]
        );
        assert!(
            rooms
                .iter()
                .all(|(_, payload)| payload.contains("autojoin"))
        );
    }

    fn empty() -> Store {
        Store::open(store::StoreConfig::inline(|| {
            base::Timestamp::from_micros(1_800_000_000_000_000)
        }))
        .expect("opens")
    }

    /// How much is in an archive.
    async fn said(store: &Store, owner: impl Into<OwnerId>) -> usize {
        let page = store.archive_page(owner.into(), store::ArchiveQuery::default());
        page.await.expect("reads").items.len()
    }

    async fn said_in(store: &Store, room: &str) -> usize {
        let state = store.room_state(room).await.expect("reads");
        said(store, state.expect("is there").id).await
    }

    #[tokio::test]
    async fn the_history_stands_where_the_server_may_read() {
        let store = empty();
        let mut config = Config::default();
        let words = fill(&store, &config).await.expect("fills");
        assert!(words.contains("end-to-end encrypted"), "{words}");
        let anna = store.account_find("anna").await.expect("reads");
        assert_eq!(said(&store, anna.expect("is there").id).await, 0);
        assert_eq!(said_in(&store, "lindner").await, 0);
        for room in ["canteen", "workshop", "sales"] {
            assert!(said_in(&store, room).await > 4, "{room}");
        }

        let store = empty();
        config.policy.encryption.direct = EncryptionRule::Default;
        config.policy.encryption.groups = EncryptionRule::Off;
        fill(&store, &config).await.expect("fills");
        let anna = store.account_find("anna").await.expect("reads");
        let hers = TALK
            .iter()
            .filter(|talk| talk.0 == "anna" || talk.1 == "anna");
        assert_eq!(said(&store, anna.expect("is there").id).await, hers.count());
        assert_eq!(said_in(&store, "lindner").await, 3);
    }
}
