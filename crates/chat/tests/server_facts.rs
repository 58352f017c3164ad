//! What the server says of itself and of accounts: disco, caps, contact, version, ping, time, last
//! activity, legacy session, server information.

mod common;

use std::time::Duration;

use common::{House, short};
use xmpp::xep::disco::Info;

fn info(stanza: &xmpp::xml::Stanza) -> Info {
    let query = stanza
        .child("query", xmpp::ns::DISCO_INFO)
        .expect("an answer to disco#info");
    Info::read(query.tree().root())
}

const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

#[test]
fn the_server_describes_itself() {
    let mut house = House::with(&["juliet"], |config| {
        config.contact = vec![chat::Contact {
            kind: "abuse-addresses".to_owned(),
            addresses: vec!["mailto:abuse@example.org".to_owned()],
        }];
    });
    let juliet = house.come("juliet@example.org/balcony");
    let host = info(&house.ask(juliet, "get", Some("example.org"), INFO));
    assert_eq!(host.identities[0].category, "server");
    assert!(
        host.features
            .iter()
            .any(|feature| feature == "http://jabber.org/protocol/caps")
    );
    let types: Vec<_> = host.forms.iter().map(|form| &*form.form_type).collect();
    assert_eq!(
        types,
        [
            "http://jabber.org/network/serverinfo",
            "urn:hauspost:encryption:0"
        ]
    );
    assert_eq!(host.forms[0].fields[0].1, ["mailto:abuse@example.org"]);

    let node = format!("urn:hauspost:server#{}", host.verification());
    let ask = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>");
    assert_eq!(
        info(&house.ask(juliet, "get", Some("example.org"), &ask)),
        host
    );
    let other = "<query xmlns='http://jabber.org/protocol/disco#info' node='other'/>";
    assert_eq!(
        short(&house.ask(juliet, "get", Some("example.org"), other)),
        "error iq item-not-found"
    );
    assert_eq!(
        short(&house.ask(juliet, "get", Some("example.org"), ITEMS)),
        "result"
    );
    let pubsub =
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='serverinfo'/></pubsub>";
    assert_eq!(
        short(&house.ask(juliet, "get", Some("example.org"), pubsub)),
        "error iq service-unavailable"
    );
}

#[test]
fn server_information_is_published_when_wanted() {
    let mut house = House::with(&["juliet"], |config| {
        config.publish_server_information = true
    });
    let juliet = house.come("juliet@example.org/balcony");
    let host = info(&house.ask(juliet, "get", Some("example.org"), INFO));
    assert!(
        host.features
            .iter()
            .any(|feature| feature == "urn:xmpp:serverinfo:0")
    );
    assert_eq!(
        host.forms[0].fields[0].1,
        ["xmpp:example.org?;node=serverinfo"]
    );
    let leaf = "<query xmlns='http://jabber.org/protocol/disco#info' node='serverinfo'/>";
    assert_eq!(
        info(&house.ask(juliet, "get", Some("example.org"), leaf)).identities[0].kind,
        "leaf"
    );
    let pubsub =
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='serverinfo'/></pubsub>";
    let answer = house.ask(juliet, "get", Some("example.org"), pubsub);
    assert!(
        answer
            .text()
            .contains("<domain name='example.org'><federation/></domain>"),
        "{}",
        answer.text()
    );
}

#[test]
fn accounts_are_described_to_those_who_see_their_presence() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let own = info(&house.ask(juliet, "get", None, INFO));
    for said in [("account", "registered"), ("pubsub", "pep")] {
        let mut identities = own.identities.iter();
        assert!(
            identities.any(|identity| (&*identity.category, &*identity.kind) == said),
            "{said:?}"
        );
    }
    for to in ["juliet@example.org", "nobody@example.org"] {
        assert_eq!(
            short(&house.ask(romeo, "get", Some(to), INFO)),
            "error iq service-unavailable"
        );
        let items = house.ask(romeo, "get", Some(to), ITEMS);
        assert!(!items.text().contains("<item"), "an empty list");
        let last = house.ask(romeo, "get", Some(to), "<query xmlns='jabber:iq:last'/>");
        assert_eq!(short(&last), "error iq forbidden");
    }
    house.send(
        romeo,
        "<presence to='juliet@example.org' type='subscribe'/>",
    );
    house.send(
        juliet,
        "<presence to='romeo@example.org' type='subscribed'/>",
    );
    house.forget();
    assert_eq!(
        info(&house.ask(romeo, "get", Some("juliet@example.org"), INFO)),
        own
    );
    let items = house.ask(romeo, "get", Some("juliet@example.org"), ITEMS);
    assert!(items.text().contains("jid='juliet@example.org/balcony'"));
}

#[test]
fn last_activity() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let query = "<query xmlns='jabber:iq:last'/>";
    let seconds = |answer: xmpp::xml::Stanza| {
        let query = answer
            .child("query", "jabber:iq:last")
            .expect("an answer")
            .tree();
        (
            query.root().attr("seconds").unwrap_or_default().to_owned(),
            query.root().text().into_owned(),
        )
    };
    assert_eq!(
        short(&house.ask(romeo, "get", Some("juliet@example.org/balcony"), query)),
        "error iq forbidden",
        "nor does the request reach the session"
    );
    assert!(house.seen(juliet).is_empty());
    house.send(
        romeo,
        "<presence to='juliet@example.org' type='subscribe'/>",
    );
    house.send(
        juliet,
        "<presence to='romeo@example.org' type='subscribed'/>",
    );
    assert_eq!(
        seconds(house.ask(romeo, "get", Some("juliet@example.org"), query)),
        ("0".into(), String::new())
    );
    house.send(
        juliet,
        "<presence type='unavailable'><status>Heading Home</status></presence>",
    );
    house.log_out(juliet);
    house.pass(Duration::from_secs(903));
    let away = seconds(house.ask(romeo, "get", Some("juliet@example.org"), query));
    assert_eq!(away, ("903".into(), "Heading Home".into()));
    assert_eq!(
        seconds(house.ask(romeo, "get", Some("example.org"), query)).0,
        "903"
    );
    assert_eq!(seconds(house.ask(romeo, "get", None, query)).0, "0");
}

#[test]
fn small_questions() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    house.pass(Duration::from_millis(1_500));
    for to in [None, Some("example.org"), Some("juliet@example.org")] {
        assert_eq!(
            short(&house.ask(juliet, "get", to, "<ping xmlns='urn:xmpp:ping'/>")),
            "result"
        );
        let session = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";
        assert_eq!(short(&house.ask(juliet, "set", to, session)), "result");
    }
    let time = house.ask(
        juliet,
        "get",
        Some("example.org"),
        "<time xmlns='urn:xmpp:time'/>",
    );
    assert!(
        time.text()
            .contains("<tzo>+00:00</tzo><utc>2026-11-23T00:00:01Z</utc>"),
        "{}",
        time.text()
    );
    let version = house.ask(
        juliet,
        "get",
        Some("example.org"),
        "<query xmlns='jabber:iq:version'/>",
    );
    assert!(version.text().contains("<name>Hauspost</name>"));
}
