//! RFC 6121 §2 at the level of connections.

mod common;

use common::{House, items, short};

const ROSTER: &str = "<query xmlns='jabber:iq:roster'/>";

fn set(inner: &str) -> String {
    format!("<query xmlns='jabber:iq:roster'>{inner}</query>")
}

#[test]
fn items_are_added_changed_removed_and_pushed_to_interested_sessions() {
    let mut house = House::new(&["juliet", "romeo"]);
    let balcony = house.come("juliet@example.org/balcony");
    let chamber = house.come("juliet@example.org/chamber");
    let hall = house.log_in("juliet@example.org/hall");
    house.forget();

    let put = set(
        "<item jid='romeo@example.org' name='Romeo' subscription='both' ask='subscribe' approved='true'>\
        <group>Friends</group><group>Lovers</group></item>",
    );
    assert_eq!(short(&house.ask(balcony, "set", None, &put)), "result");
    let push = "push romeo Romeo none @Friends @Lovers";
    assert_eq!(house.seen(balcony), [push]);
    assert_eq!(house.seen(chamber), [push]);
    assert!(
        house.seen(hall).is_empty(),
        "it has not asked for the roster"
    );

    house.ask(
        chamber,
        "set",
        None,
        &set("<item jid='ROMEO@Example.org/orchard'/>"),
    );
    assert_eq!(house.seen(balcony), ["push romeo none"]);
    assert_eq!(items(&house.ask(hall, "get", None, ROSTER)), ["romeo none"]);

    house.ask(
        balcony,
        "set",
        None,
        &set("<item jid='romeo@example.org' subscription='remove'/>"),
    );
    assert_eq!(house.seen(hall), ["push romeo remove"]);
    assert!(items(&house.ask(hall, "get", None, ROSTER)).is_empty());
    let again = house.ask(
        balcony,
        "set",
        None,
        &set("<item jid='romeo@example.org' subscription='remove'/>"),
    );
    assert_eq!(short(&again), "error iq item-not-found");
}

#[test]
fn wrong_sets_change_nothing() {
    let mut house = House::with(&["juliet", "romeo"], |config| {
        config.limits.roster_items = 2
    });
    let juliet = house.come("juliet@example.org/balcony");
    let long = "x".repeat(1_024);
    let cases = [
        (String::new(), "bad-request"),
        (
            "<item jid='a@example.org'/><item jid='b@example.org'/>".to_owned(),
            "bad-request",
        ),
        ("<item name='x'/>".to_owned(), "bad-request"),
        ("<item jid='@'/>".to_owned(), "jid-malformed"),
        (
            "<item jid='a@example.org'><group>x</group><group>x</group></item>".to_owned(),
            "bad-request",
        ),
        (
            "<item jid='a@example.org'><group/></item>".to_owned(),
            "not-acceptable",
        ),
        (
            format!("<item jid='a@example.org' name='{long}'/>"),
            "not-acceptable",
        ),
        (
            format!("<item jid='a@example.org'><group>{long}</group></item>"),
            "not-acceptable",
        ),
    ];
    for (inner, condition) in cases {
        let answer = house.ask(juliet, "set", None, &set(&inner));
        assert_eq!(short(&answer), format!("error iq {condition}"), "{inner}");
    }
    for contact in ["a", "b"] {
        house.ask(
            juliet,
            "set",
            None,
            &set(&format!("<item jid='{contact}@example.org'/>")),
        );
    }
    house.forget();
    let third = house.ask(juliet, "set", None, &set("<item jid='c@example.org'/>"));
    assert_eq!(short(&third), "error iq resource-constraint");
    let asked = "<presence to='romeo@example.org' type='subscribe'/>";
    house.send(juliet, asked);
    assert_eq!(house.seen(juliet), ["error presence resource-constraint"]);
    for kind in ["get", "set"] {
        let foreign = house.ask(
            juliet,
            kind,
            Some("romeo@example.org"),
            &set("<item jid='d@example.org'/>"),
        );
        assert_eq!(short(&foreign), "error iq forbidden");
    }
    assert_eq!(
        items(&house.ask(juliet, "get", None, ROSTER)),
        ["a none", "b none"]
    );
}

#[test]
fn versions_save_what_is_known() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    let ver = |house: &mut House, who, known: &str| {
        let answer = house.ask(
            who,
            "get",
            None,
            &format!("<query xmlns='jabber:iq:roster' ver='{known}'/>"),
        );
        answer.child("query", "jabber:iq:roster").map(|query| {
            let tree = query.tree();
            let version = tree
                .root()
                .attr("ver")
                .expect("a versioned answer")
                .to_owned();
            (version, tree.root().children().count())
        })
    };
    for contact in ["a", "b", "c"] {
        house.ask(
            juliet,
            "set",
            None,
            &set(&format!("<item jid='{contact}@example.org'/>")),
        );
    }
    let (first, count) = ver(&mut house, juliet, "").expect("all of it");
    assert_eq!(count, 3);
    assert_eq!(ver(&mut house, juliet, &first), None);
    house.ask(
        juliet,
        "set",
        None,
        &set("<item jid='b@example.org' name='Bee'/>"),
    );
    house.ask(
        juliet,
        "set",
        None,
        &set("<item jid='a@example.org' subscription='remove'/>"),
    );
    house.log_out(juliet);

    let juliet = house.log_in("juliet@example.org/balcony");
    assert_eq!(ver(&mut house, juliet, &first), None);
    let pushes = house.take(juliet);
    let told: Vec<String> = pushes.iter().map(short).collect();
    assert_eq!(told, ["push b Bee none", "push a remove"]);
    let last = pushes
        .last()
        .and_then(|push| push.child("query", "jabber:iq:roster"));
    let last = last
        .and_then(|query| query.tree().root().attr("ver").map(str::to_owned))
        .expect("a version");
    assert_eq!(ver(&mut house, juliet, &last), None);
    assert!(house.seen(juliet).is_empty(), "nothing is new");
    let (all, count) = ver(&mut house, juliet, "not one of ours").expect("all of it");
    assert_eq!((all, count), (last, 2));
}
