//! XEP-0049 and XEP-0054 at the level of connections.

mod common;

use common::{House, short};

#[test]
fn private_data_are_kept_for_their_owner_only() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.private_xml_bytes = 200
    });
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let query = |inner: &str| format!("<query xmlns='jabber:iq:private'>{inner}</query>");
    let empty = query("<storage xmlns='storage:bookmarks'/>");
    let answer = house.ask(juliet, "get", None, &empty);
    assert!(
        answer
            .text()
            .contains("<storage xmlns='storage:bookmarks'/>"),
        "{}",
        answer.text()
    );
    let bookmarks = query(
        "<storage xmlns='storage:bookmarks'><conference jid='a@rooms.example.org'/></storage>",
    );
    assert_eq!(short(&house.ask(juliet, "set", None, &bookmarks)), "result");
    assert!(
        house
            .ask(juliet, "get", None, &empty)
            .text()
            .contains("a@rooms.example.org")
    );
    assert!(
        !house
            .ask(romeo, "get", None, &empty)
            .text()
            .contains("a@rooms.example.org")
    );
    let mut error = |kind: &str, to: Option<&str>, inner: &str| {
        short(&house.ask(juliet, kind, to, &query(inner)))
    };
    let other = "<storage xmlns='storage:bookmarks'/>";
    assert_eq!(
        error("get", Some("romeo@example.org"), other),
        "error iq forbidden"
    );
    assert_eq!(error("get", None, ""), "error iq bad-request");
    assert_eq!(error("set", None, "<a/>"), "error iq not-acceptable");
    let long = format!(
        "<storage xmlns='storage:bookmarks'>{}</storage>",
        "a".repeat(200)
    );
    assert_eq!(error("set", None, &long), "error iq resource-constraint");
}

#[test]
fn only_so_many_private_data_are_kept() {
    let mut house = House::with(&["juliet"], |config| config.limits.private_xml_items = 2);
    let juliet = house.come("juliet@example.org/balcony");
    let mut set = |names: &[&str], content: &str| {
        let inner: String = names
            .iter()
            .map(|name| format!("<a xmlns='{name}'>{content}</a>"))
            .collect();
        let query = format!("<query xmlns='jabber:iq:private'>{inner}</query>");
        short(&house.ask(juliet, "set", None, &query))
    };
    assert_eq!(
        set(&["one", "two", "three"], "x"),
        "error iq resource-constraint"
    );
    assert_eq!(set(&["one", "two", "two"], "x"), "result");
    assert_eq!(set(&["one", "two"], "changed"), "result");
    assert_eq!(set(&["three"], "x"), "error iq resource-constraint");
    assert_eq!(set(&["one"], ""), "result", "an empty one needs no place");
    assert_eq!(set(&["three"], "x"), "result");
}

#[test]
fn cards_are_shown_to_all_and_changed_by_their_owner() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.private_xml_bytes = 200
    });
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let empty = "<vCard xmlns='vcard-temp'/>";
    assert!(house.ask(juliet, "get", None, empty).text().contains(empty));
    for nobody in ["juliet@example.org", "nobody@example.org"] {
        assert_eq!(
            short(&house.ask(romeo, "get", Some(nobody), empty)),
            "error iq service-unavailable"
        );
    }
    let card = "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>";
    assert_eq!(short(&house.ask(juliet, "set", None, card)), "result");
    assert!(
        house
            .ask(romeo, "get", Some("juliet@example.org"), empty)
            .text()
            .contains("<FN>Juliet</FN>")
    );
    assert_eq!(
        short(&house.ask(romeo, "set", Some("juliet@example.org"), card)),
        "error iq forbidden"
    );
    let long = format!(
        "<vCard xmlns='vcard-temp'><PHOTO>{}</PHOTO></vCard>",
        "a".repeat(200)
    );
    assert_eq!(
        short(&house.ask(juliet, "set", None, &long)),
        "error iq resource-constraint"
    );
    assert!(house.ask(juliet, "get", None, empty).text().contains(card));
}
