//! XEP-0191 at the level of connections: the list, and what it keeps out.

mod common;

use common::{House, Who, short};

fn command(name: &str, addresses: &[&str]) -> String {
    let items: String = addresses
        .iter()
        .map(|address| format!("<item jid='{address}'/>"))
        .collect();
    format!("<{name} xmlns='urn:xmpp:blocking'>{items}</{name}>")
}

fn list(house: &mut House, who: Who) -> Vec<String> {
    let answer = house.ask(who, "get", None, "<blocklist xmlns='urn:xmpp:blocking'/>");
    let tree = answer
        .child("blocklist", "urn:xmpp:blocking")
        .expect("a list")
        .tree();
    tree.root()
        .children()
        .filter_map(|item| item.attr("jid").map(str::to_owned))
        .collect()
}

/// Juliet and Romeo, each in the other's roster, seeing each other.
fn lovers() -> (House, Who, Who) {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    house.send(
        juliet,
        "<presence to='romeo@example.org' type='subscribe'/>",
    );
    house.send(
        romeo,
        "<presence to='juliet@example.org' type='subscribed'/>",
    );
    house.send(
        romeo,
        "<presence to='juliet@example.org' type='subscribe'/>",
    );
    house.send(
        juliet,
        "<presence to='romeo@example.org' type='subscribed'/>",
    );
    house.forget();
    (house, juliet, romeo)
}

#[test]
fn the_list_is_kept_and_changes_are_pushed_to_those_who_asked() {
    let mut house = House::new(&["juliet"]);
    let balcony = house.come("juliet@example.org/balcony");
    let chamber = house.come("juliet@example.org/chamber");
    assert!(list(&mut house, balcony).is_empty());
    house.forget();
    let block = command("block", &["ROMEO@example.org", "mantua.example"]);
    assert_eq!(short(&house.ask(chamber, "set", None, &block)), "result");
    let push = house.take(balcony);
    assert_eq!(push.len(), 1);
    assert!(
        push[0]
            .text()
            .contains("<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.org'/>")
    );
    assert!(
        house.take(chamber).is_empty(),
        "it has not asked for the list"
    );
    assert_eq!(
        list(&mut house, chamber),
        ["mantua.example", "romeo@example.org"]
    );
    house.ask(
        chamber,
        "set",
        None,
        &command("unblock", &["romeo@example.org"]),
    );
    assert_eq!(list(&mut house, chamber), ["mantua.example"]);
    house.ask(chamber, "set", None, &command("unblock", &[]));
    assert!(list(&mut house, chamber).is_empty());
    for wrong in [
        command("block", &[]),
        "<block xmlns='urn:xmpp:blocking'><item/></block>".to_owned(),
    ] {
        assert_eq!(
            short(&house.ask(chamber, "set", None, &wrong)),
            "error iq bad-request"
        );
    }
    assert_eq!(
        short(&house.ask(chamber, "set", None, &command("block", &["@"]))),
        "error iq jid-malformed"
    );
    house.log_out(balcony);
    house.log_out(chamber);
}

#[test]
fn who_is_blocked_reaches_nobody_and_sees_nobody() {
    let (mut house, juliet, romeo) = lovers();
    house.ask(
        juliet,
        "set",
        None,
        &command("block", &["romeo@example.org"]),
    );
    assert_eq!(house.seen(romeo), ["unavailable juliet/balcony"]);
    let say = |to: &str| format!("<message to='{to}' type='chat'><body>Hi</body></message>");
    house.send(romeo, &say("juliet@example.org"));
    house.send(romeo, &say("juliet@example.org/balcony"));
    assert_eq!(house.seen(romeo), ["error message service-unavailable"; 2]);
    house.send(juliet, &say("romeo@example.org"));
    let error = house.take(juliet);
    assert_eq!(short(&error[0]), "error message not-acceptable");
    assert!(
        error[0]
            .text()
            .contains("<blocked xmlns='urn:xmpp:blocking:errors'/>")
    );
    for to in ["juliet@example.org", "juliet@example.org/balcony"] {
        let answer = house.ask(romeo, "get", Some(to), "<vCard xmlns='vcard-temp'/>");
        assert_eq!(short(&answer), "error iq service-unavailable");
    }
    let answer = house.ask(
        juliet,
        "get",
        Some("romeo@example.org"),
        "<vCard xmlns='vcard-temp'/>",
    );
    assert_eq!(short(&answer), "error iq not-acceptable");
    house.send(romeo, "<presence><show>away</show></presence>");
    house.send(juliet, "<presence><show>dnd</show></presence>");
    let of_others =
        |seen: Vec<String>, own: &str| seen.into_iter().filter(|word| !word.ends_with(own)).count();
    assert_eq!(of_others(house.seen(juliet), "juliet/balcony"), 0);
    assert_eq!(of_others(house.seen(romeo), "romeo/orchard"), 0);

    house.ask(
        juliet,
        "set",
        None,
        &command("unblock", &["romeo@example.org"]),
    );
    assert_eq!(house.seen(romeo), ["presence juliet/balcony"]);
    assert_eq!(house.seen(juliet), ["presence romeo/orchard"]);
    house.send(romeo, &say("juliet@example.org"));
    assert_eq!(house.seen(juliet), ["message romeo/orchard"]);
}

#[test]
fn domains_and_single_sessions_can_be_blocked() {
    let (mut house, juliet, romeo) = lovers();
    let garden = house.come("romeo@example.org/garden");
    house.forget();
    house.ask(
        juliet,
        "set",
        None,
        &command("block", &["romeo@example.org/orchard"]),
    );
    assert_eq!(house.seen(romeo), ["unavailable juliet/balcony"]);
    assert!(house.seen(garden).is_empty());
    let hello = "<message to='juliet@example.org' type='chat'><body>Hi</body></message>";
    house.send(romeo, hello);
    assert_eq!(house.seen(romeo), ["error message service-unavailable"]);
    house.send(garden, hello);
    assert_eq!(house.seen(juliet), ["message romeo/garden"]);
    house.ask(juliet, "set", None, &command("block", &["example.org"]));
    house.forget();
    house.send(garden, hello);
    assert_eq!(house.seen(garden), ["error message service-unavailable"]);
    let chamber = house.come("juliet@example.org/chamber");
    house.send(
        chamber,
        "<message to='juliet@example.org/balcony' type='chat'><body>Hi</body></message>",
    );
    assert!(
        house
            .seen(juliet)
            .contains(&"message juliet/chamber".to_owned()),
        "one's own sessions are never blocked"
    );
}
