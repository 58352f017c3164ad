//! Other servers and components at the level of connections: the other side is played by hand.

mod common;
#[path = "common/peer.rs"]
mod peer;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use chat::{ChatConfig, Dial, DialError, Output, PeerConnection};
use common::House;
use peer::*;
use store::StoreConfig;
use xmpp::xml::{Frame, Stanza};

#[test]
fn messages_go_out_in_order_and_answers_come_to_the_session() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    write(&mut house, juliet, "romeo@mantua.example", "one");
    write(&mut house, juliet, "romeo@mantua.example", "two");
    house.send(
        juliet,
        "<iq type='get' id='q1' to='mantua.example'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    let first = dial(&house);
    assert_eq!((first.local(), first.remote()), ("example.org", MANTUA));
    assert!(wanted(&house).is_none(), "one connection is enough");
    let mut peer = Peer::is_met(&mut house, first, false);
    assert_eq!(
        texts(&peer.hear(&mut house)),
        [
            "<body>one</body>",
            "<body>two</body>",
            "<ping xmlns='urn:xmpp:ping'/>"
        ]
    );
    let mut back = Peer::comes(&mut house, false);
    back.say(
        &mut house,
        "<iq type='result' id='q1' from='mantua.example' to='juliet@example.org/balcony'/>\
         <message from='romeo@mantua.example/orchard' to='juliet@example.org' type='chat'><body>Hi</body></message>",
    );
    let came = house.take(juliet);
    assert_eq!(came[0].from().as_deref(), Some(MANTUA));
    assert_eq!(
        came[1].from().as_deref(),
        Some("romeo@mantua.example/orchard")
    );
    assert!(
        came[1].has("stanza-id", "urn:xmpp:sid:0"),
        "it is in the archive"
    );
}

#[test]
fn what_is_acknowledged_is_kept_until_the_other_side_has_it() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    write(&mut house, juliet, "romeo@mantua.example", "one");
    write(&mut house, juliet, "romeo@mantua.example", "two");
    let waiting = |house: &House| {
        store::wait(house.chat.store().outgoing(0, 10))
            .expect("read")
            .len()
    };
    assert_eq!(waiting(&house), 2);
    let first = dial(&house);
    let mut peer = Peer::is_met(&mut house, first, true);
    let said = peer.say(&mut house, "<enabled xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(texts(&said), ["<body>one</body>", "<body>two</body>", "r"]);
    peer.say(&mut house, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_eq!(waiting(&house), 1);
    // The connection is lost: only what was not acknowledged goes out again.
    peer.cut(&mut house);
    let again = dial(&house);
    let mut peer = Peer::is_met(&mut house, again, false);
    assert_eq!(texts(&peer.hear(&mut house)), ["<body>two</body>"]);
    peer.hear(&mut house);
    assert_eq!(waiting(&house), 0);
}

#[test]
fn a_new_run_takes_up_what_the_last_one_left() {
    let folder = std::env::temp_dir().join(format!("hauspost-links-{}", std::process::id()));
    let open_store = || store::Store::open(StoreConfig::folder(&folder)).expect("a store");
    let clock = std::sync::Arc::default();
    let mut before = House::over(open_store(), clock, &["juliet"], open);
    let juliet = before.log_in("juliet@example.org/balcony");
    write(&mut before, juliet, "romeo@mantua.example", "one");
    before.settle_until(|house| wanted(house).is_some());
    before.chat.store().close();
    drop(before);
    let mut after = House::over(open_store(), std::sync::Arc::default(), &[], open);
    let now = after.now();
    store::wait(after.chat.resume_outgoing(now)).expect("it is there");
    let first = dial(&after);
    let mut peer = Peer::is_met(&mut after, first, false);
    assert_eq!(texts(&peer.hear(&mut after)), ["<body>one</body>"]);
    after.chat.store().close();
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn failures_come_back_with_their_reason() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    write(&mut house, juliet, "romeo@mantua.example", "one");
    fails(
        &mut house,
        &DialError::NotFound("mantua.example is not there".into()),
    );
    assert_eq!(
        house.seen(juliet),
        ["error message remote-server-not-found"]
    );
    // A request is answered at once; a message waits for the next attempt, but not for ever.
    write(&mut house, juliet, "romeo@mantua.example", "two");
    house.send(
        juliet,
        "<iq type='get' id='q1' to='mantua.example'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    let unreachable = DialError::Unreachable("nobody answers".into());
    fails(&mut house, &unreachable);
    assert_eq!(house.seen(juliet), ["error iq remote-server-timeout"]);
    house.send(
        juliet,
        "<iq type='get' id='q2' to='mantua.example'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert_eq!(house.seen(juliet), ["error iq remote-server-timeout"]);
    pass(&mut house, Duration::from_secs(14));
    assert!(wanted(&house).is_none());
    pass(&mut house, Duration::from_secs(1));
    fails(&mut house, &unreachable);
    assert!(house.seen(juliet).is_empty());
    pass(&mut house, Duration::from_secs(48 * 3600));
    fails(&mut house, &unreachable);
    assert_eq!(house.seen(juliet), ["error message remote-server-timeout"]);
    assert!(
        store::wait(house.chat.store().outgoing(0, 10))
            .expect("read")
            .is_empty()
    );
}

#[test]
fn what_becomes_of_an_attempt_tells_nothing_of_addresses_and_ports() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    house.send(
        juliet,
        "<iq type='get' id='q1' to='mantua.example'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    let why = "127.0.0.1:1: Connection refused";
    fails(&mut house, &DialError::Unreachable(why.into()));
    let answers = house.take(juliet);
    let text = answers[0].inner().to_owned();
    assert!(text.contains("cannot be reached now"), "{text}");
    assert!(
        !text.contains("127.0.0.1") && !text.contains("refused"),
        "{text}"
    );
}

fn narrow(config: &mut ChatConfig) {
    open(config);
    config.federation.account_domains = 3;
    config.federation.dials = 4;
}

#[test]
fn one_account_does_not_take_the_ways_of_others() {
    let mut house = House::with(&["juliet", "nurse"], narrow);
    let juliet = house.come("juliet@example.org/balcony");
    let nurse = house.come("nurse@example.org/garden");
    for number in 0..5 {
        write(&mut house, juliet, &format!("x@10.0.0.{number}"), "one");
    }
    assert_eq!(
        house.seen(juliet),
        [
            "error message resource-constraint",
            "error message resource-constraint"
        ]
    );
    write(
        &mut house,
        juliet,
        "x@10.0.0.0",
        "what is there already takes more",
    );
    write(&mut house, nurse, "romeo@mantua.example", "one");
    assert!(house.seen(juliet).is_empty() && house.seen(nurse).is_empty());
    // Of four connections that may be made at once one is hers: the nurse does not wait for her others.
    let hers = dial(&house);
    assert_eq!(hers.remote(), "10.0.0.0");
    let next = dial(&house);
    assert_eq!(next.remote(), MANTUA);
    assert!(wanted(&house).is_none());
    let _peer = Peer::is_met(&mut house, next, false);
    assert!(wanted(&house).is_none());
    let now = house.now();
    hers.failed(&DialError::NotFound("it is not there".into()), now);
    house.settle();
    assert_eq!(
        house.seen(juliet),
        [
            "error message remote-server-not-found",
            "error message remote-server-not-found"
        ]
    );
    assert_eq!(dial(&house).remote(), "10.0.0.1");
    // A domain that was reached does not count, and one that is not there no more.
    pass(&mut house, Duration::from_secs(1));
    write(&mut house, juliet, "romeo@mantua.example", "two");
    write(&mut house, juliet, "x@10.0.0.9", "one");
    assert!(house.seen(juliet).is_empty());
}

#[test]
fn one_account_does_not_take_the_room_for_what_waits() {
    let mut house = House::with(&["juliet", "nurse"], |config| {
        open(config);
        config.federation.account_bytes = 1_000;
    });
    let juliet = house.come("juliet@example.org/balcony");
    let nurse = house.come("nurse@example.org/garden");
    for _ in 0..6 {
        write(&mut house, juliet, "romeo@mantua.example", &"x".repeat(100));
    }
    assert_eq!(
        house.seen(juliet).first().map(String::as_str),
        Some("error message resource-constraint")
    );
    write(&mut house, nurse, "romeo@mantua.example", "one");
    assert!(house.seen(nurse).is_empty());
    let first = dial(&house);
    let mut peer = Peer::is_met(&mut house, first, false);
    peer.hear(&mut house);
    peer.hear(&mut house);
    write(&mut house, juliet, "romeo@mantua.example", "two");
    assert!(
        house.seen(juliet).is_empty(),
        "what has arrived gives its room back"
    );
}

#[test]
fn a_new_run_does_not_connect_with_all_at_once() {
    let folder = std::env::temp_dir().join(format!("hauspost-links-many-{}", std::process::id()));
    let open_store = || store::Store::open(StoreConfig::folder(&folder)).expect("a store");
    let clock = std::sync::Arc::default();
    let mut before = House::over(open_store(), clock, &["juliet"], |config| {
        open(config);
        config.federation.account_domains = 20;
    });
    let juliet = before.log_in("juliet@example.org/balcony");
    for number in 0..20 {
        write(&mut before, juliet, &format!("x@d{number}.example"), "one");
    }
    let kept = |house: &House| {
        let entries = store::wait(house.chat.store().outgoing(0, 100));
        entries.expect("read").len()
    };
    before.settle_until(|house| kept(house) == 20);
    before.chat.store().close();
    drop(before);
    // Less is let through now; what is kept is kept.
    let after = House::over(open_store(), std::sync::Arc::default(), &[], |config| {
        narrow(config);
        config.federation.dials = 8;
    });
    let now = after.now();
    store::wait(after.chat.resume_outgoing(now)).expect("it is there");
    let under_way: Vec<Dial> = std::iter::from_fn(|| wanted(&after)).collect();
    assert_eq!(under_way.len(), 2);
    drop(under_way);
    assert!(wanted(&after).is_some());
    after.chat.store().close();
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn one_domain_does_not_take_all_streams() {
    let mut house = House::with(&["juliet"], |config| {
        open(config);
        config.federation.domain_streams = 2;
    });
    let first = Peer::comes(&mut house, false);
    let mut second = Peer::comes(&mut house, false);
    let third = Peer::comes(&mut house, false);
    assert!(!first.closed && !second.closed);
    assert!(third.closed, "the third is one too many");
    second.cut(&mut house);
    assert!(!Peer::comes(&mut house, false).closed);
}

#[test]
fn policy_is_told_to_the_sender() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    write(&mut house, juliet, "iago@rooms.bad.example", "one");
    house.send(juliet, "<presence to='iago@bad.example' type='subscribe'/>");
    assert_eq!(
        house.seen(juliet),
        ["error message not-allowed", "error presence not-allowed"]
    );
    assert!(wanted(&house).is_none());
    let mut alone = House::new(&["juliet"]);
    let juliet = alone.come("juliet@example.org/balcony");
    write(&mut alone, juliet, "romeo@mantua.example", "one");
    assert_eq!(
        alone.seen(juliet),
        ["error message remote-server-not-found"]
    );
}

#[test]
fn subscriptions_and_presence_cross_the_border() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    let mut peer = Peer::comes(&mut house, true);
    // Juliet asks, and is let.
    house.send(
        juliet,
        "<presence to='romeo@mantua.example' type='subscribe'/>",
    );
    assert_eq!(
        house.seen(juliet),
        ["push romeo@mantua.example none subscribe"]
    );
    assert_eq!(texts(&peer.hear(&mut house)), ["subscribe juliet"]);
    peer.say(
        &mut house,
        "<presence from='romeo@mantua.example' to='juliet@example.org' type='subscribed'/>\
         <presence from='romeo@mantua.example/orchard' to='juliet@example.org'/>",
    );
    assert_eq!(
        house.seen(juliet),
        [
            "subscribed romeo@mantua.example",
            "push romeo@mantua.example to",
            "presence romeo@mantua.example/orchard"
        ]
    );
    // Romeo asks, and is let.
    let said = peer.say(
        &mut house,
        "<presence from='romeo@mantua.example' to='juliet@example.org' type='probe'/>\
         <presence from='romeo@mantua.example' to='juliet@example.org' type='subscribe'/>",
    );
    assert_eq!(
        texts(&said),
        ["unsubscribed juliet"],
        "a stranger learns nothing"
    );
    assert_eq!(house.seen(juliet), ["subscribe romeo@mantua.example"]);
    house.send(
        juliet,
        "<presence to='romeo@mantua.example' type='subscribed'/>",
    );
    assert_eq!(
        texts(&peer.hear(&mut house)),
        ["subscribed juliet", "presence juliet/balcony"]
    );
    house.send(juliet, "<presence><show>away</show></presence>");
    assert_eq!(texts(&peer.hear(&mut house)), ["<show>away</show>"]);
    let said = peer.say(
        &mut house,
        "<presence from='romeo@mantua.example' to='juliet@example.org' type='probe'/>",
    );
    assert!(texts(&said)[0].starts_with("<show>away</show>"));
    // A later session asks for what it should see, and the last one takes its leave.
    house.log_out(juliet);
    assert_eq!(
        texts(&peer.hear(&mut house)),
        ["unavailable juliet/balcony"]
    );
    let juliet = house.come("juliet@example.org/tomb");
    assert_eq!(
        texts(&peer.hear(&mut house)),
        ["presence juliet/tomb", "probe juliet"]
    );
    house.send(
        juliet,
        "<presence to='romeo@mantua.example' type='unsubscribed'/>",
    );
    assert_eq!(
        texts(&peer.hear(&mut house)),
        ["unavailable juliet/tomb", "unsubscribed juliet"]
    );
}

#[test]
fn directed_presence_is_taken_back() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    let mut peer = Peer::comes(&mut house, true);
    house.send(juliet, "<presence to='room@rooms.mantua.example/Juliet'/>");
    // The room has a domain of its own: another stream.
    let first = dial(&house);
    assert_eq!(first.remote(), "rooms.mantua.example");
    let mut rooms = Peer::is_met(&mut house, first, false);
    assert_eq!(texts(&rooms.hear(&mut house)), ["presence juliet/balcony"]);
    house.cut(juliet);
    assert_eq!(
        texts(&rooms.hear(&mut house)),
        ["unavailable juliet/balcony"]
    );
    assert!(peer.hear(&mut house).is_empty());
}

#[test]
fn strangers_learn_nothing_and_the_blocked_are_not_heard() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    let mut peer = Peer::comes(&mut house, true);
    let said = peer.say(
        &mut house,
        "<iq type='get' id='1' from='romeo@mantua.example/x' to='juliet@example.org'><query xmlns='jabber:iq:roster'/></iq>\
         <iq type='get' id='2' from='romeo@mantua.example/x' to='nobody@example.org'><query xmlns='jabber:iq:roster'/></iq>\
         <iq type='get' id='3' from='romeo@mantua.example/x' to='juliet@example.org/nowhere'><ping xmlns='urn:xmpp:ping'/></iq>\
         <iq type='set' id='4' from='romeo@mantua.example/x' to='juliet@example.org'><enable xmlns='urn:xmpp:carbons:2'/></iq>\
         <presence type='probe' from='romeo@mantua.example' to='nobody@example.org'/>\
         <message from='romeo@mantua.example/x' to='nobody@example.org'><body>Hi</body></message>",
    );
    let said: Vec<String> = said.iter().map(common::short).collect();
    assert_eq!(
        said,
        [
            "error iq service-unavailable",
            "error iq service-unavailable",
            "error iq service-unavailable",
            "error iq service-unavailable",
            "unsubscribed nobody",
            "error message service-unavailable"
        ]
    );
    house.ask(
        juliet,
        "set",
        None,
        "<block xmlns='urn:xmpp:blocking'><item jid='mantua.example'/></block>",
    );
    house.forget();
    let said = peer.say(
        &mut house,
        "<message from='romeo@mantua.example/x' to='juliet@example.org' type='chat'><body>Hi</body></message>\
         <presence from='romeo@mantua.example' to='juliet@example.org' type='subscribe'/>\
         <presence from='romeo@mantua.example/x' to='juliet@example.org/balcony'/>",
    );
    assert_eq!(
        said.iter().map(common::short).collect::<Vec<_>>(),
        ["error message service-unavailable"]
    );
    assert!(house.seen(juliet).is_empty());
    write(&mut house, juliet, "romeo@mantua.example", "one");
    assert_eq!(house.seen(juliet), ["error message not-acceptable"]);
}

/// The component `gateway.example` connects.
fn attach(house: &mut House, seed: u8) -> (Peer, Vec<Stanza>) {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let connection = PeerConnection::component(&house.chat, address, [seed; 32], house.now());
    let mut gateway = Peer::of(connection);
    let now = house.now();
    let header = "<stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' to='gateway.example'>";
    let connection = gateway.connection.as_mut().expect("connected");
    connection.receive(header.as_bytes(), now);
    let opened = connection.next_output().and_then(|output| match output {
        Output::Send(opened) => Some(opened),
        _ => None,
    });
    gateway.reader.feed(&opened.expect("a header"));
    let opened = gateway.reader.next().expect("well-formed");
    let opened = opened.and_then(|frame| match frame {
        Frame::Open(opened) => Some(opened),
        _ => None,
    });
    let opened = opened.expect("a header");
    let both = format!("{}hush", opened.id.expect("an id"));
    let digest = xmpp::sasl::ScramHash::Sha1.digest(both.as_bytes());
    let key: String = digest
        .expose()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let said = gateway.say(house, &format!("<handshake>{key}</handshake>"));
    assert_eq!(said[0].name(), "handshake");
    (gateway, said)
}

#[test]
fn people_of_other_servers_take_no_places_in_rooms_by_themselves() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    let room = "square@rooms.example.org";
    house.send(
        juliet,
        &format!(
            "<presence to='{room}/Juliet'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        ),
    );
    house.ask(
        juliet,
        "set",
        Some(room),
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
    );
    let (mut peer, _) = attach(&mut house, 1);
    let register = format!(
        "<iq type='set' id='1' from='romeo@gateway.example/x' to='{room}'><query xmlns='jabber:iq:register'>\
         <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>\
         http://jabber.org/protocol/muc#register</value></field><field var='muc#register_roomnick'>\
         <value>Romeo</value></field></x></query></iq>"
    );
    let said = peer.say(&mut house, &register);
    assert_eq!(
        said.iter().map(common::short).collect::<Vec<_>>(),
        ["error iq not-allowed"]
    );
    // Made a member, anyone reserves a nickname.
    let member = house.ask(
        juliet,
        "set",
        Some(room),
        "<query xmlns='http://jabber.org/protocol/muc#admin'>\
         <item jid='romeo@gateway.example' affiliation='member'/></query>",
    );
    assert_eq!(common::short(&member), "result");
    let said = peer.say(&mut house, &register);
    assert_eq!(
        said.iter().map(common::short).collect::<Vec<_>>(),
        ["result"]
    );
    // A room that is hidden is none, as far as they learn.
    house.ask(
        juliet,
        "set",
        Some(room),
        "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>\
         <field var='hauspost#preset'><value>group-chat</value></field></x></query>",
    );
    let answers = ["square", "nowhere"].map(|name| {
        let said = peer.say(
            &mut house,
            &format!(
                "<presence from='tybalt@gateway.example/x' to='{name}@rooms.example.org/Tybalt'>\
                 <x xmlns='http://jabber.org/protocol/muc'/></presence>"
            ),
        );
        assert_eq!(
            said.iter().map(common::short).collect::<Vec<_>>(),
            ["error presence not-allowed"]
        );
        said[0].text().replace(name, "")
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn forged_senders_cost_the_stream() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    for forged in ["nurse@example.org", "romeo@padua.example"] {
        let mut peer = Peer::comes(&mut house, false);
        let said = peer.say(
            &mut house,
            &format!("<message from='{forged}' to='juliet@example.org'><body>Hi</body></message>"),
        );
        assert!(said[0].text().contains("invalid-from") && peer.closed);
    }
    assert!(house.seen(juliet).is_empty());
}

#[test]
fn stanzas_are_acknowledged_when_they_are_kept() {
    let mut house = house();
    let mut peer = Peer::comes(&mut house, false);
    let said = peer.say(
        &mut house,
        "<enable xmlns='urn:xmpp:sm:3'/>\
         <message from='romeo@mantua.example/x' to='juliet@example.org' type='chat'><body>Hi</body></message>\
         <r xmlns='urn:xmpp:sm:3'/>",
    );
    assert_eq!(said[0].name(), "enabled");
    assert_eq!(said[1].text(), "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    let juliet = house.come("juliet@example.org/balcony");
    house.send(juliet, "<presence/>");
    let archive = house.ask(juliet, "set", None, "<query xmlns='urn:xmpp:mam:2'/>");
    assert!(archive.text().contains("complete='true'"));
    assert_eq!(house.count(juliet, "message"), 1);
}

#[test]
fn a_component_is_served_and_waited_for() {
    let mut house = house();
    let juliet = house.come("juliet@example.org/balcony");
    write(&mut house, juliet, "friend@gateway.example", "early");
    house.send(
        juliet,
        "<iq type='get' id='q1' to='gateway.example'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert_eq!(house.seen(juliet), ["error iq remote-server-timeout"]);
    assert!(wanted(&house).is_none(), "components come by themselves");
    let (mut gateway, said) = attach(&mut house, 1);
    assert_eq!(texts(&said[1..]), ["<body>early</body>"]);
    gateway.say(
        &mut house,
        "<message from='friend@gateway.example' to='juliet@example.org' type='chat'><body>Hi</body></message>\
         <message from='friend@gateway.example' to='romeo@mantua.example' type='chat'><body>Ho</body></message>",
    );
    assert_eq!(house.seen(juliet), ["message friend@gateway.example"]);
    let away = dial(&house);
    assert_eq!((away.local(), away.remote()), ("gateway.example", MANTUA));
    // The same component over another connection: the older one ends.
    let (_later, _) = attach(&mut house, 2);
    let said = gateway.hear(&mut house);
    assert!(said[0].text().contains("conflict") && gateway.closed);
}
