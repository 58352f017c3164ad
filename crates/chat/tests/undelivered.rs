//! What is acknowledged to its sender and does not reach a session waits for the next one, whatever
//! has kept it from arriving.

mod common;

use std::time::Duration;

use common::{House, Who};
use futures_util::FutureExt;
use xmpp::ns;
use xmpp::xep::carbons;
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

/// Bodies of what came, copies included.
fn bodies_and_copies(received: Vec<Stanza>) -> Vec<String> {
    let unwrapped: Vec<_> = received
        .into_iter()
        .map(|stanza| match carbons::unwrap(&stanza) {
            Some((_, forwarded)) => forwarded.stanza,
            None => stanza,
        })
        .collect();
    bodies(&unwrapped)
}

/// A client of romeo's that wants copies and has not said yet that it is there, as clients come.
fn coming(house: &mut House, resource: &str) -> Who {
    let romeo = house.log_in(&format!("romeo@example.org/{resource}"));
    house.send(romeo, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    house.ask(romeo, "set", None, "<enable xmlns='urn:xmpp:carbons:2'/>");
    house.forget();
    romeo
}

/// Every way in which messages are kept: in the archive, and only where they wait.
fn with_archive_and_without(test: impl Fn(&mut House)) {
    for archive in [true, false] {
        let mut house = House::with(&["juliet", "romeo"], |config| {
            config.archive = archive;
        });
        test(&mut house);
    }
}

#[test]
fn what_is_copied_to_a_client_that_is_coming_does_not_come_again_with_what_waits() {
    with_archive_and_without(|house| {
        let juliet = house.come("juliet@example.org/balcony");
        house.send(juliet, &message(0));
        let romeo = coming(house, "orchard");
        house.send(juliet, &message(1));
        let mut got = bodies_and_copies(house.take(romeo));
        house.send(romeo, "<presence/>");
        house.send(juliet, &message(2));
        got.extend(bodies_and_copies(house.take(romeo)));
        got.sort();
        assert_eq!(got, numbers(3));
    });
}

#[test]
fn a_copy_that_was_not_acknowledged_is_no_reason_to_lose_what_waits() {
    with_archive_and_without(|house| {
        let juliet = house.come("juliet@example.org/balcony");
        let romeo = coming(house, "orchard");
        house.send(juliet, &message(0));
        house.send(romeo, "<presence/>");
        assert_eq!(bodies_and_copies(house.take(romeo)), ["0"]);
        // It has acknowledged nothing, and does not come back.
        house.cut(romeo);
        stall(house);
        assert_eq!(all_that_waits(house), ["0"]);
    });
}

#[test]
fn what_was_copied_and_acknowledged_waits_for_nobody_once_its_client_is_there() {
    with_archive_and_without(|house| {
        let juliet = house.come("juliet@example.org/balcony");
        let romeo = coming(house, "orchard");
        house.send(juliet, &message(0));
        assert_eq!(bodies_and_copies(house.take(romeo)), ["0"]);
        house.send(romeo, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
        house.send(romeo, "<presence/>");
        assert!(bodies_and_copies(house.take(romeo)).is_empty());
        house.cut(romeo);
        stall(house);
        assert!(all_that_waits(house).is_empty());
    });
}

#[test]
fn a_copy_for_a_client_that_wants_no_messages_leaves_them_waiting_for_others() {
    with_archive_and_without(|house| {
        let juliet = house.come("juliet@example.org/balcony");
        let watcher = coming(house, "watcher");
        house.send(watcher, "<presence><priority>-1</priority></presence>");
        house.send(juliet, &message(0));
        assert_eq!(bodies_and_copies(house.take(watcher)), ["0"]);
        assert_eq!(all_that_waits(house), ["0"]);
        house.send(watcher, "<presence/>");
        assert!(bodies_and_copies(house.take(watcher)).is_empty());
    });
}

#[test]
fn what_another_leaves_does_not_come_twice_to_who_has_gone_away_and_come_back() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.resumption_seconds = 0;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let orchard = managed(&mut house, "orchard");
    let garden = managed(&mut house, "garden");
    house.send(juliet, &message(0));
    assert_eq!(bodies(&house.take(garden)), ["0"]);
    house.send(garden, "<presence type='unavailable'/>");
    house.cut(orchard);
    stall(&house);
    house.settle();
    house.send(garden, "<presence/>");
    assert!(bodies(&house.take(garden)).is_empty(), "it has it");
}
