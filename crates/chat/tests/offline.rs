//! XEP-0160 at the level of connections: what waits, for whom, and in which order it comes.

mod common;

use std::time::Duration;

use common::{House, Who};
use xmpp::ns;
use xmpp::xep::delay::Delay;
use xmpp::xml::{Kind, Stanza};

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
                    .into_owned(),
            )
        })
        .collect()
}

fn say(house: &mut House, who: Who, inner: &str) {
    house.send(
        who,
        &format!("<message to='romeo@example.org' type='chat'>{inner}</message>"),
    );
    house.pass(Duration::from_secs(1));
}

#[test]
fn messages_wait_and_come_once_in_order_with_their_time() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    for number in ["one", "two", "three"] {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    assert!(house.seen(juliet).is_empty(), "no error");
    let romeo = house.log_in("romeo@example.org/orchard");
    house.pass(Duration::from_secs(60));
    house.send(romeo, "<presence/>");
    let received = house.take(romeo);
    assert_eq!(bodies(&received), ["one", "two", "three"]);
    let message = received
        .iter()
        .find(|stanza| stanza.kind() == Kind::Message)
        .expect("a message");
    let delay = Delay::of(message, "example.org").expect("a delay");
    assert_eq!(delay.stamp.to_string(), "2026-11-23T00:00:00Z");
    assert!(message.has("stanza-id", ns::STANZA_ID));
    house.send(romeo, "<presence><show>away</show></presence>");
    assert!(bodies(&house.take(romeo)).is_empty());
    house.log_out(romeo);
    let romeo = house.come("romeo@example.org/orchard");
    assert!(bodies(&house.take(romeo)).is_empty());
}

#[test]
fn a_session_with_a_negative_priority_gets_them_when_it_wants_messages() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence><priority>-1</priority></presence>");
    house.forget();
    say(&mut house, juliet, "<body>one</body>");
    assert!(bodies(&house.take(romeo)).is_empty());
    house.send(romeo, "<presence><priority>0</priority></presence>");
    assert_eq!(bodies(&house.take(romeo)), ["one"]);
}

#[test]
fn what_waits_and_what_does_not() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    say(
        &mut house,
        juliet,
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    );
    assert!(
        house.seen(juliet).is_empty(),
        "typing is not worth an error"
    );
    say(
        &mut house,
        juliet,
        "<body>no</body><no-store xmlns='urn:xmpp:hints'/>",
    );
    assert_eq!(house.seen(juliet), ["error message service-unavailable"]);
    say(
        &mut house,
        juliet,
        "<body>hidden</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
    );
    house.send(
        juliet,
        "<message to='romeo@example.org' type='headline'><body>news</body></message>",
    );
    house.send(
        juliet,
        "<message to='romeo@example.org' type='groupchat'><body>room</body></message>",
    );
    assert_eq!(house.seen(juliet), ["error message service-unavailable"]);
    house.send(
        juliet,
        "<message to='nobody@example.org' type='chat'><body>Hi</body></message>",
    );
    assert_eq!(house.seen(juliet), ["error message service-unavailable"]);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    let received = house.take(romeo);
    assert_eq!(bodies(&received), ["hidden"]);
    assert!(
        !received
            .iter()
            .any(|stanza| stanza.has("stanza-id", ns::STANZA_ID)),
        "it is in no archive"
    );
}

#[test]
fn only_so_many_wait() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.offline_messages = 2
    });
    let juliet = house.come("juliet@example.org/balcony");
    for number in ["one", "two", "three"] {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    assert_eq!(house.seen(juliet), ["error message service-unavailable"]);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), ["one", "two"]);
    house.log_out(romeo);
    say(&mut house, juliet, "<body>four</body>");
    assert!(house.seen(juliet).is_empty(), "there is room again");
}

#[test]
fn more_than_a_mailbox_holds_comes_bit_by_bit() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20
    });
    let juliet = house.come("juliet@example.org/balcony");
    for number in 0..25 {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    let romeo = house.log_in("romeo@example.org/orchard");
    // It all comes with the first presence.
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), numbers(0..25));
    assert!(!house.is_closed(romeo));
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn what_is_sent_now_does_not_overtake_what_waits_still() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20
    });
    let juliet = house.come("juliet@example.org/balcony");
    for number in 0..25 {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    let romeo = house.log_in("romeo@example.org/orchard");
    house.get_stuck(romeo);
    house.send(romeo, "<presence/>");
    // It has not got what it was given: more does not come yet.
    assert_eq!(bodies(&house.take(romeo)), numbers(0..10));
    for number in 25..28 {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    assert!(bodies(&house.take(romeo)).is_empty());
    house.get_unstuck(romeo);
    assert_eq!(bodies(&house.take(romeo)), numbers(10..28));
    say(&mut house, juliet, "<body>28</body>");
    assert_eq!(bodies(&house.take(romeo)), ["28"]);
}

#[test]
fn who_acknowledges_gets_all_that_waits() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20;
        config.limits.unacknowledged_stanzas = 20;
    });
    let juliet = house.come("juliet@example.org/balcony");
    for number in 0..25 {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<enable xmlns='urn:xmpp:sm:3'/>");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), numbers(0..10));
    say(&mut house, juliet, "<body>25</body>");
    house.send(romeo, "<a xmlns='urn:xmpp:sm:3' h='10'/>");
    assert_eq!(bodies(&house.take(romeo)), numbers(10..20));
    house.send(romeo, "<a xmlns='urn:xmpp:sm:3' h='20'/>");
    assert_eq!(bodies(&house.take(romeo)), numbers(20..26));
    assert!(!house.is_closed(romeo));
}

#[test]
fn a_session_that_leaves_in_between_leaves_the_rest_in_order() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.mailbox_stanzas = 20
    });
    let juliet = house.come("juliet@example.org/balcony");
    for number in 0..25 {
        say(&mut house, juliet, &format!("<body>{number}</body>"));
    }
    let romeo = house.log_in("romeo@example.org/orchard");
    house.get_stuck(romeo);
    house.send(romeo, "<presence/>");
    say(&mut house, juliet, "<body>25</body>");
    house.cut(romeo);
    let romeo = house.log_in("romeo@example.org/hall");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), numbers(0..26));
}

#[test]
fn what_a_cut_session_has_not_acknowledged_waits() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.resumption_seconds = 0
    });
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<enable xmlns='urn:xmpp:sm:3'/>");
    house.send(romeo, "<presence/>");
    say(&mut house, juliet, "<body>kept</body>");
    say(
        &mut house,
        juliet,
        "<body>hidden</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
    );
    house.forget();
    house.cut(romeo);
    let romeo = house.log_in("romeo@example.org/hall");
    house.send(romeo, "<presence/>");
    let received = house.take(romeo);
    assert_eq!(bodies(&received), ["kept", "hidden"]);
}

#[test]
fn a_session_that_reads_the_archive_gets_what_is_not_in_it() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    say(&mut house, juliet, "<body>kept</body>");
    say(
        &mut house,
        juliet,
        "<body>hidden</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
    );
    let romeo = house.log_in("romeo@example.org/orchard");
    let account = house
        .chat
        .cached_account("romeo@example.org")
        .expect("it is connected");
    account.each_session(|session| session.set_reads_archive());
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), ["hidden"]);
    house.log_out(romeo);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert!(
        bodies(&house.take(romeo)).is_empty(),
        "nothing waits any more"
    );
}

#[test]
fn what_a_session_held_goes_to_those_who_lack_it() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.resumption_seconds = 0
    });
    let juliet = house.come("juliet@example.org/balcony");
    let orchard = house.log_in("romeo@example.org/orchard");
    house.send(orchard, "<enable xmlns='urn:xmpp:sm:3'/>");
    house.send(orchard, "<presence/>");
    say(&mut house, juliet, "<body>before</body>");
    let garden = house.log_in("romeo@example.org/garden");
    house.send(garden, "<presence/>");
    let to_orchard =
        "<message to='romeo@example.org/orchard' type='chat'><body>direct</body></message>";
    house.send(juliet, to_orchard);
    house.pass(Duration::from_secs(1));
    say(&mut house, juliet, "<body>both</body>");
    assert_eq!(bodies(&house.take(garden)), ["both"]);
    house.cut(orchard);
    assert_eq!(bodies(&house.take(garden)), ["before", "direct"]);
}

/// How many messages the store has waiting for romeo: what a process that dies now leaves.
fn kept_waiting(house: &House) -> u64 {
    let store = house.chat.store();
    let romeo = store::wait(store.account_find("romeo")).expect("a store");
    store::wait(store.offline_count(romeo.expect("an account").id)).expect("a store")
}

const HIDDEN: &str = "<body>hidden</body><no-permanent-store xmlns='urn:xmpp:hints'/>";

#[test]
fn what_is_in_no_archive_waits_until_it_is_acknowledged() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    say(&mut house, juliet, HIDDEN);
    say(&mut house, juliet, "<body>kept</body>");
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<enable xmlns='urn:xmpp:sm:3'/>");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), ["hidden", "kept"]);
    assert_eq!(kept_waiting(&house), 1, "nobody has said that it is there");
    // Meanwhile another client comes: it is not given the same message.
    let hall = house.log_in("romeo@example.org/hall");
    house.send(hall, "<presence/>");
    assert!(bodies(&house.take(hall)).is_empty());
    house.send(romeo, "<a xmlns='urn:xmpp:sm:3' h='100'/>");
    assert!(house.is_closed(romeo), "so many were not sent");
    house.cut(romeo);
    assert_eq!(
        bodies(&house.take(hall)),
        ["hidden", "kept"],
        "it goes to who is there"
    );
    assert_eq!(
        kept_waiting(&house),
        0,
        "it was written to one that does not acknowledge"
    );
}

#[test]
fn an_acknowledgement_ends_the_wait() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    for _ in 0..3 {
        say(&mut house, juliet, HIDDEN);
    }
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<enable xmlns='urn:xmpp:sm:3'/>");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)).len(), 3);
    assert_eq!(kept_waiting(&house), 3);
    // Its own presence comes behind them.
    house.send(romeo, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(kept_waiting(&house), 1);
    house.send(romeo, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    assert_eq!(kept_waiting(&house), 0);
    house.log_out(romeo);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert!(bodies(&house.take(romeo)).is_empty());
    house.log_out(romeo);
    say(&mut house, juliet, "<body>next</body>");
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), ["next"], "the count is right");
}

#[test]
fn what_a_stuck_socket_has_not_taken_waits() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    say(&mut house, juliet, HIDDEN);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.get_stuck(romeo);
    house.send(romeo, "<presence/>");
    say(&mut house, juliet, "<body>kept</body>");
    assert_eq!(kept_waiting(&house), 1);
    house.cut(romeo);
    assert_eq!(kept_waiting(&house), 2);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert_eq!(bodies(&house.take(romeo)), ["hidden", "kept"]);
    assert_eq!(kept_waiting(&house), 0);
    house.cut(romeo);
    let romeo = house.log_in("romeo@example.org/orchard");
    house.send(romeo, "<presence/>");
    assert!(
        bodies(&house.take(romeo)).is_empty(),
        "what was written is not told again"
    );
}
