//! Quotas of nodes, items that go by time, capabilities that are not what they say, and the one
//! order of events while everything happens at once.

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use common::{House, Who, short};
use store::{Location, Store, StoreConfig};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xml::Stanza;

const NODE: &str = "urn:test:node";
const PUBSUB: &str = "xmlns='http://jabber.org/protocol/pubsub'";

fn publication(node: &str, id: &str, text: &str) -> String {
    format!(
        "<pubsub {PUBSUB}><publish node='{node}'><item id='{id}'><note xmlns='urn:test'>{text}</note>\
         </item></publish></pubsub>"
    )
}

fn configuration(node: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(var, value)| format!("<field var='pubsub#{var}'><value>{value}</value></field>"))
        .collect();
    format!(
        "<pubsub {PUBSUB}><create node='{node}'/><configure><x xmlns='jabber:x:data' type='submit'>\
         {fields}</x></configure></pubsub>"
    )
}

/// What an answer says: `ok`, or its condition.
fn outcome(answer: &Stanza) -> Result<(), StanzaCondition> {
    match StanzaError::of(answer) {
        None => Ok(()),
        Some(error) => Err(error.condition),
    }
}

fn publish(
    house: &mut House,
    who: Who,
    node: &str,
    id: &str,
    text: &str,
) -> Result<(), StanzaCondition> {
    outcome(&house.ask(who, "set", None, &publication(node, id, text)))
}

/// The ids of a node's items, as its owner reads them.
fn items(house: &mut House, who: Who, node: &str) -> Vec<String> {
    let request = format!("<pubsub {PUBSUB}><items node='{node}'/></pubsub>");
    ids(&house.ask(who, "get", None, &request))
}

/// The ids of all items in a stanza.
fn ids(stanza: &Stanza) -> Vec<String> {
    let tree = stanza.tree();
    let mut found = Vec::new();
    for outer in tree.root().children() {
        for items in outer.children().filter(|items| items.name() == "items") {
            found.extend(
                items
                    .children()
                    .filter_map(|item| item.attr("id").map(str::to_owned)),
            );
        }
    }
    found
}

#[test]
fn quotas_of_an_account_hold() {
    let mut house = House::with(&["juliet"], |config| {
        config.limits.pubsub_nodes = 2;
        config.limits.pubsub_items = 3;
        config.limits.pubsub_node_items = 3;
        config.limits.pubsub_bytes = 2_000;
    });
    let juliet = house.log_in("juliet@example.org/balcony");
    let many = [("max_items", "max")];
    for node in ["a", "b"] {
        let made = house.ask(juliet, "set", None, &configuration(node, &many));
        assert_eq!(outcome(&made), Ok(()));
    }
    let third = house.ask(juliet, "set", None, &configuration("c", &many));
    assert_eq!(outcome(&third), Err(StanzaCondition::NotAllowed));
    assert_eq!(
        publish(&mut house, juliet, "c", "1", ""),
        Err(StanzaCondition::NotAllowed),
        "a node that would make itself counts too"
    );
    for (node, id) in [("a", "1"), ("a", "2"), ("b", "1")] {
        assert_eq!(publish(&mut house, juliet, node, id, "x"), Ok(()));
    }
    assert_eq!(
        publish(&mut house, juliet, "b", "2", "x"),
        Err(StanzaCondition::ResourceConstraint)
    );
    let retract = format!("<pubsub {PUBSUB}><retract node='a'><item id='1'/></retract></pubsub>");
    assert_eq!(outcome(&house.ask(juliet, "set", None, &retract)), Ok(()));
    assert_eq!(publish(&mut house, juliet, "b", "2", "x"), Ok(()));
    assert_eq!(
        outcome(&house.ask(juliet, "set", None, &retract.replace("'1'", "'2'"))),
        Ok(())
    );
    let long = "y".repeat(2_000);
    assert_eq!(
        publish(&mut house, juliet, "b", "3", &long),
        Err(StanzaCondition::ResourceConstraint),
        "bytes count"
    );
    assert_eq!(items(&mut house, juliet, "b"), ["1", "2"]);
    let too_long = "n".repeat(4_000);
    assert_eq!(
        publish(&mut house, juliet, &too_long, "1", ""),
        Err(StanzaCondition::NotAcceptable)
    );
}

#[test]
fn a_full_node_may_refuse_and_a_payload_may_be_too_big() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.log_in("juliet@example.org/balcony");
    let strict = [
        ("max_items", "2"),
        ("publish_node_full", "reject"),
        ("max_payload_size", "60"),
    ];
    let made = house.ask(juliet, "set", None, &configuration(NODE, &strict));
    assert_eq!(outcome(&made), Ok(()));
    assert_eq!(publish(&mut house, juliet, NODE, "1", "x"), Ok(()));
    assert_eq!(publish(&mut house, juliet, NODE, "2", "x"), Ok(()));
    assert_eq!(
        publish(&mut house, juliet, NODE, "3", "x"),
        Err(StanzaCondition::Conflict)
    );
    assert_eq!(
        publish(&mut house, juliet, NODE, "2", "another"),
        Ok(()),
        "an item in place of itself needs no room"
    );
    assert_eq!(
        publish(&mut house, juliet, NODE, "2", &"x".repeat(60)),
        Err(StanzaCondition::NotAcceptable)
    );
    assert_eq!(items(&mut house, juliet, NODE), ["1", "2"]);
}

#[test]
fn items_go_by_time() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.log_in("juliet@example.org/balcony");
    let brief = [("max_items", "max"), ("item_expire", "60")];
    house.ask(juliet, "set", None, &configuration(NODE, &brief));
    assert_eq!(publish(&mut house, juliet, NODE, "1", "x"), Ok(()));
    house.pass(Duration::from_secs(40));
    assert_eq!(publish(&mut house, juliet, NODE, "2", "x"), Ok(()));
    assert_eq!(items(&mut house, juliet, NODE), ["1", "2"]);
    house.pass(Duration::from_secs(30));
    assert_eq!(items(&mut house, juliet, NODE), ["2"]);
    house.pass(Duration::from_secs(40));
    assert!(items(&mut house, juliet, NODE).is_empty());
}

/// What a client answers that wants to hear of the node.
fn interest(id: &str) -> String {
    format!(
        "<iq type='result' to='example.org' id='{id}'><query xmlns='{}'>\
         <identity category='client' type='pc'/><feature var='{NODE}+notify'/></query></iq>",
        ns::DISCO_INFO
    )
}

fn with_capabilities(ver: &str) -> String {
    format!(
        "<presence><c xmlns='{}' hash='sha-1' node='n' ver='{ver}'/></presence>",
        ns::CAPS
    )
}

/// The question about capabilities among what came.
fn question(stanzas: &[Stanza]) -> Option<String> {
    stanzas
        .iter()
        .find(|stanza| short(stanza) == "get")
        .and_then(|stanza| stanza.id().map(std::borrow::Cow::into_owned))
}

#[test]
fn a_false_hash_counts_for_its_session_alone() {
    let mut house = House::new(&["juliet"]);
    let one = house.log_in("juliet@example.org/one");
    let two = house.log_in("juliet@example.org/two");
    house.send(one, &with_capabilities("false"));
    let asked = question(&house.take(one)).expect("the server asks");
    house.send(one, &interest(&asked));
    house.send(one, &with_capabilities("false"));
    assert!(question(&house.take(one)).is_none(), "it is asked once");
    // Nobody answers for another one.
    house.send(two, &with_capabilities("false"));
    let asked = question(&house.take(two)).expect("the answer of another session does not count");
    house.send(one, &interest(&asked));
    house.forget();
    assert_eq!(publish(&mut house, two, NODE, "1", "x"), Ok(()));
    assert_eq!(house.count(one, "message"), 1);
    assert_eq!(house.count(two, "message"), 0);
    house.send(two, &interest(&asked));
    assert_eq!(house.count(two, "message"), 1, "now it gets the newest");
}

/// Logs in and wants to hear of the node, in a house whose store takes its time.
fn listen(house: &mut House, address: &str) -> Who {
    let who = house.log_in(address);
    house.put(who, &with_capabilities("x"));
    house.settle_until(|house| house.count(who, "get") == 1);
    let asked = question(&house.take(who)).expect("it has come");
    house.put(who, &interest(&asked));
    house.put(
        who,
        "<iq type='get' id='p' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    house.settle_until(|house| house.count(who, "result") == 1);
    who
}

#[test]
fn events_have_the_order_of_publishing_whoever_comes_meanwhile() {
    const EACH: usize = 60;
    let config = StoreConfig {
        location: Location::Memory,
        ..StoreConfig::folder("")
    };
    let store = Store::open(config).expect("a store");
    let mut house = House::over(store, Arc::new(AtomicI64::new(0)), &["juliet"], |_| {});
    let writers = ["one", "two"].map(|name| house.log_in(&format!("juliet@example.org/{name}")));
    let reader = listen(&mut house, "juliet@example.org/reader");
    let comer = listen(&mut house, "juliet@example.org/comer");
    house.put(
        writers[0],
        &format!(
            "<iq type='set' id='made'>{}</iq>",
            configuration(NODE, &[("max_items", "max")])
        ),
    );
    house.settle_until(|house| house.count(writers[0], "result") == 1);
    house.forget();
    for number in 0..EACH {
        for (writer, who) in writers.iter().enumerate() {
            let text = publication(NODE, &format!("{writer}-{number}"), "x");
            house.put(*who, &format!("<iq type='set' id='i{number}'>{text}</iq>"));
        }
        // Leaves and comes back while others publish.
        house.put(
            comer,
            &format!("<presence type='unavailable'/>{}", with_capabilities("x")),
        );
        if number % 10 == 9 {
            let done = number + 1;
            house.settle_until(|house| {
                writers
                    .iter()
                    .all(|who| house.count(*who, "result") == done)
            });
        }
    }
    house.settle_until(|house| house.count(reader, "message") == 2 * EACH);
    let told: Vec<String> = house.take(reader).iter().flat_map(ids).collect();
    let request = format!("<pubsub {PUBSUB}><items node='{NODE}'/></pubsub>");
    house.put(comer, &format!("<iq type='get' id='all'>{request}</iq>"));
    house.settle_until(|house| house.count(comer, "result") == 1);
    let mut seen = house.take(comer);
    let kept = ids(&seen.pop().expect("the answer comes last"));
    assert_eq!(
        told, kept,
        "events come in the order in which items are kept"
    );
    let places: Vec<usize> = seen
        .iter()
        .flat_map(ids)
        .filter_map(|id| kept.iter().position(|kept| *kept == id))
        .collect();
    assert!(places.len() >= EACH, "it came often enough");
    assert!(
        places.windows(2).all(|pair| pair[0] <= pair[1]),
        "nothing older comes after something newer: {places:?}"
    );
}
