//! What is acknowledged to its sender and does not reach a session waits for the next one, whatever
//! has kept it from arriving.

mod common;

use std::time::Duration;

use common::{House, Who};
use futures_util::FutureExt;
use xmpp::ns;
use xmpp::xml::{Kind, Stanza};

/// Longer than a session waits for its client, and an account without sessions stays in memory.
const LONG: Duration = Duration::from_secs(1_000);

fn bodies(received: &[Stanza]) -> Vec<String> {
    let messages = received
        .iter()
        .filter(|stanza| stanza.kind() == Kind::Message);
    messages
        .filter_map(|stanza| {
            Some(
                stanza
                    .child("body", ns::CLIENT)?
                    .tree()
                    .root()
                    .text()
                    .into(),
            )
        })
        .collect()
}

fn message(number: u32) -> String {
    format!("<message to='romeo@example.org' type='chat'><body>{number}</body></message>")
}

/// A client of romeo's that acknowledges nothing and can resume.
fn managed(house: &mut House, resource: &str) -> Who {
    let romeo = house.log_in(&format!("romeo@example.org/{resource}"));
    house.send(romeo, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    house.send(romeo, "<presence/>");
    house.forget();
    romeo
}

/// Time passes and sessions expire, before any connection does what it has to do.
fn stall(house: &House) {
    house.pass(LONG);
    let tick = house.chat.tick(house.now()).now_or_never();
    assert_eq!(tick, Some(()), "the store answers at once");
}

/// What comes to a client that says again and again that it is there.
fn all_that_waits(house: &mut House) -> Vec<String> {
    let romeo = house.log_in("romeo@example.org/tomb");
    let mut received = Vec::new();
    for _ in 0..5 {
        house.send(romeo, "<presence/>");
        received.extend(bodies(&house.take(romeo)));
    }
    received
}

fn numbers(count: u32) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[test]
fn a_message_on_its_way_outlives_its_session_and_the_memory_of_its_account() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    house.send(juliet, "<enable xmlns='urn:xmpp:sm:3'/>");
    let romeo = managed(&mut house, "orchard");
    house.cut(romeo);
    // Behind the answer in the line: it is planned for the session that waits, and not delivered.
    house.put(juliet, &format!("<r xmlns='urn:xmpp:sm:3'/>{}", message(0)));
    stall(&house);
    house.settle();
    assert_eq!(all_that_waits(&mut house), ["0"]);
}

#[test]
fn what_does_not_fit_into_a_mailbox_waits() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = managed(&mut house, "orchard");
    house.cut(romeo);
    for number in 0..25 {
        house.send(juliet, &message(number));
    }
    stall(&house);
    assert_eq!(all_that_waits(&mut house), numbers(25));
}

#[test]
fn what_does_not_fit_into_one_mailbox_is_in_the_other() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let orchard = managed(&mut house, "orchard");
    house.cut(orchard);
    let garden = managed(&mut house, "garden");
    for number in 0..25 {
        house.send(juliet, &message(number));
    }
    assert_eq!(bodies(&house.take(garden)), numbers(25));
    stall(&house);
    house.settle();
    assert!(bodies(&house.take(garden)).is_empty(), "none comes twice");
    assert!(all_that_waits(&mut house).is_empty());
}

#[test]
fn a_direct_message_that_does_not_fit_goes_to_who_is_there() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let orchard = managed(&mut house, "orchard");
    house.cut(orchard);
    let garden = managed(&mut house, "garden");
    for number in 0..25 {
        let direct = message(number).replace("romeo@example.org", "romeo@example.org/orchard");
        house.send(juliet, &direct);
    }
    stall(&house);
    house.settle();
    let mut got = bodies(&house.take(garden));
    got.sort_by_key(|number| number.parse::<u32>().ok());
    assert_eq!(got, numbers(25));
}

#[test]
fn what_does_not_fit_behind_the_unacknowledged_waits() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.unacknowledged_stanzas = 4;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = managed(&mut house, "orchard");
    for number in 0..8 {
        house.send(juliet, &message(number));
    }
    assert!(house.is_closed(romeo), "it acknowledges nothing");
    house.cut(romeo);
    assert_eq!(all_that_waits(&mut house), numbers(8));
}

#[test]
fn of_many_that_do_not_fit_behind_the_unacknowledged_all_wait() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.unacknowledged_stanzas = 4;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = managed(&mut house, "orchard");
    for number in 0..8 {
        house.put(juliet, &message(number));
    }
    house.settle();
    assert!(house.is_closed(romeo), "it acknowledges nothing");
    house.cut(romeo);
    assert_eq!(all_that_waits(&mut house), numbers(8));
}

#[test]
fn what_went_to_all_for_want_of_its_session_does_not_come_twice() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.resumption_seconds = 0;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let garden = managed(&mut house, "garden");
    let hall = managed(&mut house, "hall");
    let to_orchard = message(0).replace("romeo@example.org", "romeo@example.org/orchard");
    house.send(juliet, &to_orchard);
    assert_eq!(bodies(&house.take(garden)), ["0"]);
    let orchard = managed(&mut house, "orchard");
    house.cut(hall);
    stall(&house);
    house.settle();
    assert_eq!(bodies(&house.take(orchard)), ["0"], "it came later");
    house.cut(orchard);
    stall(&house);
    house.settle();
    assert!(bodies(&house.take(garden)).is_empty(), "it has it");
}

#[test]
fn many_messages_that_two_sessions_leave_behind_come_once() {
    const MANY: u32 = 1_100;
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    for resource in ["orchard", "garden"] {
        let romeo = managed(&mut house, resource);
        house.cut(romeo);
    }
    for number in 0..MANY {
        house.send(juliet, &message(number));
    }
    let tomb = house.come("romeo@example.org/tomb");
    house.take(tomb);
    stall(&house);
    house.settle();
    assert_eq!(bodies(&house.take(tomb)), numbers(MANY));
}
