//! RFC 6121 §4 at the level of connections.

mod common;

use std::time::Duration;

use common::{House, Who, short};

/// Accounts of which each sees each.
fn friends(names: &[&str]) -> House {
    let mut house = House::new(names);
    let all: Vec<Who> = names
        .iter()
        .map(|name| house.come(&format!("{name}@example.org/setup")))
        .collect();
    for (at, one) in names.iter().enumerate() {
        for (other_at, other) in names
            .iter()
            .enumerate()
            .filter(|(other_at, _)| *other_at != at)
        {
            house.send(
                all[at],
                &format!("<presence to='{other}@example.org' type='subscribe'/>"),
            );
            house.send(
                all[other_at],
                &format!("<presence to='{one}@example.org' type='subscribed'/>"),
            );
        }
    }
    all.into_iter().for_each(|who| house.log_out(who));
    house
}

#[test]
fn everyone_sees_everyone_come_change_and_go() {
    let mut house = friends(&["juliet", "romeo", "nurse"]);
    let juliet = house.log_in("juliet@example.org/balcony");
    house.send(
        juliet,
        "<presence><show>away</show><priority>5</priority></presence>",
    );
    assert_eq!(house.seen(juliet), ["presence juliet/balcony"]);

    house.pass(Duration::from_secs(60));
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence id='p1'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>");
    let got = house.take(juliet);
    assert_eq!(got.len(), 1);
    assert_eq!(
        got[0].text(),
        "<presence from='romeo@example.org/orchard' to='juliet@example.org' id='p1'>\
         <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>"
    );
    let got = house.take(romeo);
    assert_eq!(
        got.iter().map(short).collect::<Vec<_>>(),
        // What its capabilities stand for is asked once.
        ["presence romeo/orchard", "presence juliet/balcony", "get"]
    );
    assert_eq!(
        got[1].text(),
        "<presence from='juliet@example.org/balcony' to='romeo@example.org/orchard'><show>away</show>\
         <priority>5</priority><delay xmlns='urn:xmpp:delay' from='juliet@example.org/balcony' \
         stamp='2026-11-23T00:00:00Z'/></presence>"
    );

    let garden = house.log_in("romeo@example.org/garden");
    house.send(garden, "<presence/>");
    assert_eq!(
        house.seen(garden),
        [
            "presence romeo/garden",
            "presence juliet/balcony",
            "presence romeo/orchard"
        ]
    );
    assert_eq!(house.seen(romeo), ["presence romeo/garden"]);
    assert_eq!(house.seen(juliet), ["presence romeo/garden"]);

    house.send(garden, "<presence><show>dnd</show></presence>");
    assert_eq!(
        house.seen(garden),
        ["presence romeo/garden"],
        "nobody is probed twice"
    );
    assert_eq!(house.seen(juliet), ["presence romeo/garden"]);
    house.forget();

    house.send(
        garden,
        "<presence type='unavailable'><status>Night</status></presence>",
    );
    assert_eq!(house.seen(garden), ["unavailable romeo/garden"]);
    assert_eq!(house.seen(romeo), ["unavailable romeo/garden"]);
    let got = house.take(juliet);
    assert!(got[0].text().contains("<status>Night</status>"));
    house.log_out(garden);
    assert!(house.seen(juliet).is_empty(), "it was gone already");
    house.cut(romeo);
    assert_eq!(house.seen(juliet), ["unavailable romeo/orchard"]);
}

#[test]
fn priorities_are_bytes() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.log_in("juliet@example.org/balcony");
    for wrong in ["128", "-129", "high", "", "1.5"] {
        house.send(
            juliet,
            &format!("<presence><priority>{wrong}</priority></presence>"),
        );
        assert_eq!(
            house.seen(juliet),
            ["error presence bad-request"],
            "{wrong}"
        );
    }
    house.send(juliet, "<presence type='invisible'/>");
    assert_eq!(house.seen(juliet), ["error presence bad-request"]);
    for right in ["-128", "127", " 0 ", "+7"] {
        house.send(
            juliet,
            &format!("<presence><priority>{right}</priority></presence>"),
        );
        assert_eq!(house.seen(juliet), ["presence juliet/balcony"], "{right}");
    }
}

#[test]
fn directed_presence_is_taken_back() {
    let mut house = House::new(&["juliet", "romeo", "nurse"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let nurse = house.come("nurse@example.org/kitchen");
    house.send(juliet, "<presence to='romeo@example.org'/>");
    house.send(juliet, "<presence to='nurse@example.org/kitchen'/>");
    house.send(juliet, "<presence to='nurse@example.org/elsewhere'/>");
    house.send(juliet, "<presence to='nobody@example.org'/>");
    house.send(juliet, "<presence to='romeo@example.net'/>");
    house.send(juliet, "<presence to='example.org'/>");
    assert_eq!(house.seen(romeo), ["presence juliet/balcony"]);
    assert_eq!(house.seen(nurse), ["presence juliet/balcony"]);
    house.send(juliet, "<presence><show>away</show></presence>");
    assert!(house.seen(romeo).is_empty(), "changes are for subscribers");
    house.send(
        juliet,
        "<presence type='unavailable' to='nurse@example.org/kitchen'/>",
    );
    assert_eq!(house.seen(nurse), ["unavailable juliet/balcony"]);
    house.log_out(juliet);
    assert_eq!(house.seen(romeo), ["unavailable juliet/balcony"]);
    assert!(house.seen(nurse).is_empty());
}

#[test]
fn a_subscriber_hears_of_the_end_once() {
    let mut house = friends(&["juliet", "romeo"]);
    let juliet = house.log_in("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    // Before initial presence, so it must be remembered.
    house.send(juliet, "<presence to='romeo@example.org'/>");
    house.send(juliet, "<presence/>");
    house.forget();
    house.log_out(juliet);
    assert_eq!(house.seen(romeo), ["unavailable juliet/balcony"]);
}

#[test]
fn probes_are_answered_to_those_who_may_see() {
    let mut house = friends(&["juliet", "romeo"]);
    house.pass(Duration::from_secs(30));
    let romeo = house.come("romeo@example.org/orchard");
    house.send(romeo, "<presence type='probe' to='juliet@example.org'/>");
    let away = house.take(romeo);
    assert_eq!(
        away[0].text(),
        "<presence from='juliet@example.org' to='romeo@example.org/orchard' type='unavailable'>\
         <delay xmlns='urn:xmpp:delay' from='juliet@example.org' stamp='2026-11-23T00:00:00Z'/></presence>"
    );
    let juliet = house.come("juliet@example.org/balcony");
    for to in ["juliet@example.org", "juliet@example.org/balcony"] {
        house.send(romeo, &format!("<presence type='probe' to='{to}'/>"));
        assert_eq!(house.seen(romeo), ["presence juliet/balcony"]);
    }
    house.send(romeo, "<presence type='probe' to='nobody@example.org'/>");
    assert!(house.seen(romeo).is_empty());
    house.send(
        juliet,
        "<presence type='unsubscribed' to='romeo@example.org'/>",
    );
    house.forget();
    house.send(romeo, "<presence type='probe' to='juliet@example.org'/>");
    assert!(house.seen(romeo).is_empty());
}

#[test]
fn the_blocked_see_nothing() {
    let mut house = friends(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    house.ask(
        juliet,
        "set",
        None,
        "<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.org'/></block>",
    );
    house.forget();
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert_eq!(house.seen(romeo), ["presence romeo/orchard"]);
    assert!(house.seen(juliet).is_empty());
    house.send(juliet, "<presence/>");
    house.send(romeo, "<presence type='probe' to='juliet@example.org'/>");
    house.send(romeo, "<presence to='juliet@example.org/balcony'/>");
    assert!(house.seen(romeo).is_empty());
    assert_eq!(house.seen(juliet), ["presence juliet/balcony"]);
    house.send(juliet, "<presence to='romeo@example.org'/>");
    assert_eq!(house.seen(juliet), ["error presence not-acceptable"]);
}

#[test]
fn a_session_that_takes_over_an_address_stays_visible() {
    let mut house = friends(&["juliet", "romeo"]);
    let romeo = house.come("romeo@example.org/orchard");
    let old = house.come("juliet@example.org/balcony");
    let new = house.come("juliet@example.org/balcony");
    house.forget();
    assert!(house.is_closed(old));
    house.cut(old);
    assert!(
        house.seen(romeo).is_empty(),
        "the address is still available"
    );
    house.log_out(new);
    assert_eq!(house.seen(romeo), ["unavailable juliet/balcony"]);
}
