//! Departments as spaces (XEP-0503): they list their rooms to their people, and are nothing to others.

mod common;

use base::BareJid;
use chat::accounts::Authority;
use common::{House, Who, short};
use futures_util::FutureExt;
use store::{Affiliation, NewRoom, RoomConfig, RoomPerson, wait};
use xmpp::ns;

const SPACES: &str = "spaces.example.org";

fn set_groups(house: &House, name: &str, groups: &[&str]) {
    let address = BareJid::new(Some(name), "example.org").expect("an address");
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let by = Authority::console();
    let set = house.chat.set_groups(&address, &groups, &by, house.now());
    let set = set.now_or_never();
    set.expect("the store answers at once").expect("groups");
}

fn make(house: &House, localpart: &str, config: RoomConfig, owner: &str) {
    let room = NewRoom {
        localpart: localpart.into(),
        config,
        people: vec![RoomPerson {
            address: format!("{owner}@example.org").into(),
            affiliation: Affiliation::Owner,
            ..RoomPerson::default()
        }],
    };
    wait(house.chat.store().room_create(room)).expect("a room");
}

fn items(house: &mut House, who: Who, node: &str) -> Option<Vec<String>> {
    let payload = format!(
        "<pubsub xmlns='{}'><items node='{node}'/></pubsub>",
        ns::PUBSUB
    );
    let answer = house.ask(who, "get", Some(SPACES), &payload);
    if short(&answer) == "error iq item-not-found" {
        return None;
    }
    assert_eq!(short(&answer), "result");
    let pubsub = answer.child("pubsub", ns::PUBSUB).expect("a payload");
    let tree = pubsub.tree();
    let items = tree.root().child("items", ns::PUBSUB).expect("items");
    let each = items.children().map(|item| {
        let conference = item.child("conference", ns::BOOKMARKS).expect("a bookmark");
        let name = conference.attr("name").unwrap_or_default();
        format!("{} {name}", item.attr("id").unwrap_or_default())
    });
    Some(each.collect())
}

fn listed(house: &mut House, who: Who, node: Option<&str>) -> String {
    let node = node
        .map(|node| format!(" node='{node}'"))
        .unwrap_or_default();
    let payload = format!("<query xmlns='{}'{node}/>", ns::DISCO_ITEMS);
    let answer = house.ask(who, "get", Some(SPACES), &payload);
    match short(&answer).as_str() {
        "result" => answer.text().to_owned(),
        other => other.to_owned(),
    }
}

#[test]
fn a_department_lists_its_rooms_to_its_people_only() {
    let mut house = House::new(&["anna", "bert"]);
    set_groups(&house, "anna", &["Sales", "Board & Co"]);
    let anna = house.come("anna@example.org/x");
    let bert = house.come("bert@example.org/x");
    make(
        &house,
        "sales",
        RoomConfig::department_room("Sales", false),
        "anna",
    );
    make(
        &house,
        "desk",
        RoomConfig::department_room("Sales", true),
        "anna",
    );
    make(&house, "cell", RoomConfig::group_chat(), "anna");

    let spaces = listed(&mut house, anna, None);
    assert!(spaces.contains("node='Sales'") && spaces.contains("Board &amp; Co"));
    assert!(!listed(&mut house, bert, None).contains("<item"));

    assert_eq!(
        items(&mut house, anna, "Sales"),
        Some(vec![
            "desk@rooms.example.org Sales".to_owned(),
            "sales@rooms.example.org Sales".to_owned()
        ])
    );
    assert_eq!(items(&mut house, anna, "Board &amp; Co"), Some(Vec::new()));
    // A space of others is one that is not there.
    assert_eq!(items(&mut house, bert, "Sales"), None);
    assert_eq!(items(&mut house, bert, "Nothing"), None);
    let members = listed(&mut house, anna, Some("Sales"));
    assert!(members.contains("name='sales@rooms.example.org'"));
    for node in ["Sales", "Nothing"] {
        assert_eq!(
            listed(&mut house, bert, Some(node)),
            "error iq item-not-found"
        );
    }
    let info = |house: &mut House, who, to: &str, node: &str| {
        let payload = format!("<query xmlns='{}'{node}/>", ns::DISCO_INFO);
        house.ask(who, "get", Some(to), &payload)
    };
    let space = info(&mut house, anna, SPACES, " node='Sales'");
    assert!(space.text().contains(ns::SPACES), "{}", space.text());
    assert_eq!(
        short(&info(&mut house, bert, SPACES, " node='Sales'")),
        "error iq item-not-found"
    );
    // A room says in which space it is.
    let room = info(&mut house, anna, "sales@rooms.example.org", "");
    assert!(
        room.text()
            .contains("<value>xmpp:spaces.example.org?;node=Sales</value>"),
        "{}",
        room.text()
    );
    let room = info(&mut house, anna, "cell@rooms.example.org", "");
    assert!(!room.text().contains(ns::SPACES));

    set_groups(&house, "anna", &[]);
    set_groups(&house, "bert", &["Sales"]);
    assert_eq!(items(&mut house, anna, "Sales"), None);
    assert_eq!(
        items(&mut house, bert, "Sales").map(|rooms| rooms.len()),
        Some(2)
    );
}

#[test]
fn nobody_puts_a_room_into_a_space_by_writing_there() {
    let mut house = House::new(&["anna"]);
    set_groups(&house, "anna", &["Sales"]);
    let anna = house.come("anna@example.org/x");
    let publish = format!(
        "<pubsub xmlns='{}'><publish node='Sales'><item id='a@b'/></publish></pubsub>",
        ns::PUBSUB
    );
    let answer = house.ask(anna, "set", Some(SPACES), &publish);
    assert_eq!(short(&answer), "error iq forbidden");
    let create = format!(
        "<pubsub xmlns='{}'><create node='Castle'/></pubsub>",
        ns::PUBSUB
    );
    let answer = house.ask(anna, "set", Some(SPACES), &create);
    assert_eq!(short(&answer), "error iq forbidden");
    let subscribe = format!(
        "<pubsub xmlns='{}'><subscribe node='Sales' jid='anna@example.org'/></pubsub>",
        ns::PUBSUB
    );
    let answer = house.ask(anna, "set", Some(SPACES), &subscribe);
    assert_eq!(short(&answer), "error iq feature-not-implemented");
    assert_eq!(items(&mut house, anna, "Sales"), Some(Vec::new()));
    // Nor by the form of a room that is not the department's.
    make(&house, "cell", RoomConfig::group_chat(), "anna");
    let form = format!(
        "<query xmlns='{}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{}</value>\
         </field><field var='muc#roomconfig_pubsub'><value>xmpp:{SPACES}?;node=Sales</value></field></x></query>",
        ns::MUC_OWNER,
        ns::MUC_ROOM_CONFIG
    );
    house.ask(anna, "set", Some("cell@rooms.example.org"), &form);
    assert_eq!(items(&mut house, anna, "Sales"), Some(Vec::new()));
}
