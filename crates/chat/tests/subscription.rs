//! RFC 6121 §3 at the level of connections.

mod common;

use common::{House, Who, items};

fn presence(house: &mut House, who: Who, kind: &str, to: &str) {
    house.send(
        who,
        &format!("<presence to='{to}@example.org' type='{kind}'/>"),
    );
}

fn roster(house: &mut House, who: Who) -> Vec<String> {
    items(&house.ask(who, "get", None, "<query xmlns='jabber:iq:roster'/>"))
}

/// Juliet and Romeo see each other.
fn lovers() -> (House, Who, Who) {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    presence(&mut house, romeo, "subscribe", "juliet");
    presence(&mut house, juliet, "subscribed", "romeo");
    presence(&mut house, juliet, "subscribe", "romeo");
    presence(&mut house, romeo, "subscribed", "juliet");
    house.forget();
    assert_eq!(roster(&mut house, juliet), ["romeo both"]);
    assert_eq!(roster(&mut house, romeo), ["juliet both"]);
    (house, juliet, romeo)
}

#[test]
fn a_request_is_granted() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    house.send(romeo, "<presence to='juliet@example.org/balcony' type='subscribe' id='s1'><status>Hi</status></presence>");
    assert_eq!(house.seen(romeo), ["push juliet none subscribe"]);
    let asked = house.take(juliet);
    assert_eq!(asked.len(), 1, "no push for someone who merely asks");
    assert_eq!(
        asked[0].text(),
        "<presence from='romeo@example.org' to='juliet@example.org' id='s1' type='subscribe'>\
         <status>Hi</status></presence>"
    );
    assert!(roster(&mut house, juliet).is_empty());

    presence(&mut house, juliet, "subscribed", "romeo");
    assert_eq!(house.seen(juliet), ["push romeo from"]);
    assert_eq!(
        house.seen(romeo),
        [
            "subscribed juliet",
            "push juliet to",
            "presence juliet/balcony"
        ]
    );
    presence(&mut house, juliet, "subscribed", "romeo");
    assert!(
        house.seen(juliet).is_empty() && house.seen(romeo).is_empty(),
        "said already"
    );
}

#[test]
fn a_request_waits_until_it_is_answered() {
    let mut house = House::new(&["juliet", "romeo"]);
    let romeo = house.come("romeo@example.org/orchard");
    presence(&mut house, romeo, "subscribe", "juliet");
    presence(&mut house, romeo, "subscribe", "juliet");
    for _ in 0..2 {
        let juliet = house.log_in("juliet@example.org/balcony");
        house.send(juliet, "<presence/>");
        assert_eq!(
            house.seen(juliet),
            ["presence juliet/balcony", "subscribe romeo"]
        );
        house.send(juliet, "<presence><show>away</show></presence>");
        assert_eq!(house.seen(juliet), ["presence juliet/balcony"]);
        house.log_out(juliet);
    }
    house.forget();
    let juliet = house.come("juliet@example.org/balcony");
    presence(&mut house, juliet, "unsubscribed", "romeo");
    assert!(house.seen(juliet).is_empty());
    assert_eq!(
        house.seen(romeo),
        ["unsubscribed juliet", "push juliet none"]
    );
    house.log_out(juliet);
    let juliet = house.log_in("juliet@example.org/balcony");
    house.send(juliet, "<presence/>");
    assert_eq!(
        house.seen(juliet),
        ["presence juliet/balcony"],
        "it was answered"
    );
}

#[test]
fn a_request_is_taken_back() {
    let mut house = House::new(&["juliet", "romeo"]);
    let romeo = house.come("romeo@example.org/orchard");
    presence(&mut house, romeo, "subscribe", "juliet");
    presence(&mut house, romeo, "unsubscribe", "juliet");
    assert_eq!(roster(&mut house, romeo), ["juliet none"]);
    let juliet = house.log_in("juliet@example.org/balcony");
    house.send(juliet, "<presence/>");
    assert_eq!(house.seen(juliet), ["presence juliet/balcony"]);
}

#[test]
fn either_side_ends_it() {
    let (mut house, juliet, romeo) = lovers();
    presence(&mut house, juliet, "unsubscribed", "romeo");
    assert_eq!(house.seen(juliet), ["push romeo to"]);
    assert_eq!(
        house.seen(romeo),
        [
            "unavailable juliet/balcony",
            "unsubscribed juliet",
            "push juliet from"
        ]
    );
    presence(&mut house, juliet, "unsubscribe", "romeo");
    assert_eq!(
        house.seen(juliet),
        ["unavailable romeo/orchard", "push romeo none"]
    );
    assert_eq!(
        house.seen(romeo),
        ["unsubscribe juliet", "push juliet none"]
    );
    house.send(romeo, "<presence/>");
    assert!(house.seen(juliet).is_empty());
}

#[test]
fn removing_a_contact_ends_both_directions() {
    let (mut house, juliet, romeo) = lovers();
    let remove = "<query xmlns='jabber:iq:roster'><item jid='romeo@example.org' subscription='remove'/></query>";
    house.ask(juliet, "set", None, remove);
    assert_eq!(
        house.seen(juliet),
        ["unavailable romeo/orchard", "push romeo remove"]
    );
    assert_eq!(
        house.seen(romeo),
        [
            "unavailable juliet/balcony",
            "unsubscribe juliet",
            "unsubscribed juliet",
            "push juliet none"
        ]
    );
    assert!(roster(&mut house, juliet).is_empty());
    assert_eq!(roster(&mut house, romeo), ["juliet none"]);
}

#[test]
fn a_request_is_granted_in_advance() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    presence(&mut house, juliet, "subscribed", "romeo");
    assert_eq!(house.seen(juliet), ["push romeo none approved"]);
    assert!(house.seen(romeo).is_empty());
    presence(&mut house, romeo, "subscribe", "juliet");
    assert_eq!(house.seen(juliet), ["push romeo from approved"]);
    assert_eq!(
        house.seen(romeo),
        [
            "subscribed juliet",
            "push juliet to",
            "presence juliet/balcony"
        ]
    );
    presence(&mut house, juliet, "unsubscribed", "romeo");
    assert_eq!(house.seen(juliet), ["push romeo none"]);
    house.forget();
    presence(&mut house, romeo, "subscribe", "juliet");
    assert_eq!(
        house.seen(juliet),
        ["subscribe romeo"],
        "the approval is gone"
    );
}

#[test]
fn nobody_elsewhere_and_oneself() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    for (to, condition) in [
        ("romeo@example.net", "remote-server-not-found"),
        ("juliet@example.org", "not-allowed"),
    ] {
        house.send(juliet, &format!("<presence to='{to}' type='subscribe'/>"));
        assert_eq!(
            house.seen(juliet),
            [format!("error presence {condition}")],
            "{to}"
        );
        for kind in ["unsubscribe", "unsubscribed"] {
            house.send(juliet, &format!("<presence to='{to}' type='{kind}'/>"));
            assert!(house.seen(juliet).is_empty(), "{to}");
        }
    }
    house.send(juliet, "<presence type='subscribe'/>");
    assert_eq!(house.seen(juliet), ["error presence bad-request"]);
    assert!(roster(&mut house, juliet).is_empty());
}

#[test]
fn nobody_looks_like_somebody_who_does_not_answer() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    for to in ["nobody", "romeo"] {
        presence(&mut house, juliet, "subscribe", to);
        let pushed = format!("push {to} none subscribe");
        assert_eq!(house.seen(juliet), [pushed], "{to}");
    }
    for to in ["nobody", "romeo"] {
        presence(&mut house, juliet, "unsubscribe", to);
        assert_eq!(house.seen(juliet), [format!("push {to} none")], "{to}");
    }
}

#[test]
fn the_blocked_ask_in_vain() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    house.ask(
        juliet,
        "set",
        None,
        "<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.org'/></block>",
    );
    house.forget();
    presence(&mut house, romeo, "subscribe", "juliet");
    assert!(house.seen(juliet).is_empty());
    assert_eq!(
        house.seen(romeo),
        ["push juliet none subscribe"],
        "it looks like waiting"
    );
    presence(&mut house, juliet, "subscribe", "romeo");
    assert_eq!(house.seen(juliet), ["error presence not-acceptable"]);
}

#[test]
fn it_is_kept() {
    let (mut house, juliet, romeo) = lovers();
    house.log_out(juliet);
    house.log_out(romeo);
    let id = |name: &str| {
        let found = futures_util::FutureExt::now_or_never(house.chat.store().account_find(name));
        found
            .expect("at once")
            .expect("the store works")
            .expect("it is there")
            .id
    };
    for (name, other) in [("juliet", "romeo"), ("romeo", "juliet")] {
        let kept =
            futures_util::FutureExt::now_or_never(house.chat.store().account_state(id(name)));
        let kept = kept
            .expect("at once")
            .expect("the store works")
            .expect("it is there");
        let account = house
            .chat
            .cached_account(&format!("{name}@example.org"))
            .expect("it is in memory");
        assert_eq!(*account.facts(), kept, "memory and store agree");
        assert_eq!(
            &*kept.roster.items[0].contact,
            format!("{other}@example.org")
        );
        assert!(kept.requests.is_empty());
    }
}
