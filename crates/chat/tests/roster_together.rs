//! Several sessions change one roster at once, and a store that fails: what is kept, what memory
//! knows and what clients hear stay one.

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use common::{House, Who, items, short};
use store::{Location, RosterVersion, Store, StoreConfig};
use xmpp::ns;
use xmpp::xml::Stanza;

const CHANGES: usize = 100;

fn version(push: &Stanza) -> RosterVersion {
    let query = push.child("query", ns::ROSTER).expect("a push");
    let tree = query.tree();
    tree.root()
        .attr("ver")
        .expect("a version")
        .parse()
        .expect("one of ours")
}

#[test]
fn changes_of_several_sessions_have_one_order() {
    let config = StoreConfig {
        location: Location::Memory,
        ..StoreConfig::folder("")
    };
    let store = Store::open(config).expect("a store");
    let mut house = House::over(
        store,
        Arc::new(AtomicI64::new(0)),
        &["juliet", "romeo"],
        |_| {},
    );
    let log_in = |house: &mut House, address: &str| {
        let who = house.log_in(address);
        house.put(
            who,
            "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq><presence/>",
        );
        house.settle_until(|house| {
            house.count(who, "result") == 1 && house.count(who, "presence") > 0
        });
        who
    };
    let writers: Vec<Who> = [
        "juliet@example.org/one",
        "juliet@example.org/two",
        "romeo@example.org/one",
    ]
    .iter()
    .map(|address| log_in(&mut house, address))
    .collect();
    let reader = log_in(&mut house, "juliet@example.org/reader");
    house.forget();

    // Both of Juliet's sessions work on the same three contacts; Romeo and they ask each other.
    for at in 0..CHANGES {
        for (session, writer) in writers.iter().enumerate() {
            let contact = ["a", "b", "romeo"][at % 3];
            let other = if session == 2 { "juliet" } else { "romeo" };
            let kind =
                ["subscribe", "subscribed", "unsubscribe", "unsubscribed"][(at / 2 + session) % 4];
            house.put(
                *writer,
                &format!(
                    "<iq type='set' id='s{at}'><query xmlns='jabber:iq:roster'>\
                     <item jid='{contact}@example.org' name='{session} {at}'/></query></iq>\
                     <presence to='{other}@example.org' type='{kind}'/>"
                ),
            );
        }
    }
    house.settle_until(|house| {
        writers
            .iter()
            .all(|writer| house.count(*writer, "result") == CHANGES)
    });
    // What was put last is done when a request behind it is answered.
    for writer in &writers {
        house.put(
            *writer,
            "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>",
        );
    }
    house.settle_until(|house| {
        writers
            .iter()
            .all(|writer| house.count(*writer, "result") == CHANGES + 1)
    });

    let pushes: Vec<Stanza> = house
        .take(reader)
        .into_iter()
        .filter(|stanza| short(stanza).starts_with("push"))
        .collect();
    assert!(pushes.len() >= 2 * CHANGES);
    assert!(
        pushes
            .windows(2)
            .all(|two| version(&two[0]) < version(&two[1])),
        "pushes keep the order of versions"
    );
    for name in ["juliet", "romeo"] {
        let account = house
            .chat
            .cached_account(&format!("{name}@example.org"))
            .expect("it is there");
        let kept = store::wait(house.chat.store().account_state(account.id())).expect("a read");
        assert_eq!(
            *account.facts(),
            kept.expect("it is there"),
            "memory and store agree"
        );
    }
    house.put(
        reader,
        "<iq type='get' id='r2'><query xmlns='jabber:iq:roster'/></iq>",
    );
    house.settle_until(|house| house.count(reader, "result") == 1);
    let roster = house.take(reader);
    let mut shown = items(&roster[0]);
    // The last push of each contact is what the roster says.
    let mut last: Vec<String> = ["a", "b", "romeo"]
        .iter()
        .filter_map(|contact| {
            let of = |push: &&Stanza| short(push).starts_with(&format!("push {contact} "));
            pushes
                .iter()
                .rev()
                .find(of)
                .map(|push| short(push)["push ".len()..].to_owned())
        })
        .collect();
    shown.sort();
    last.sort();
    assert_eq!(shown, last);
}

#[test]
fn what_cannot_be_kept_does_not_happen() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    house.chat.store().close();
    let set = "<query xmlns='jabber:iq:roster'><item jid='romeo@example.org'/></query>";
    assert_eq!(
        short(&house.ask(juliet, "set", None, set)),
        "error iq internal-server-error"
    );
    house.send(
        juliet,
        "<presence to='romeo@example.org' type='subscribe'/>",
    );
    assert_eq!(house.seen(juliet), ["error presence internal-server-error"]);
    assert!(house.seen(romeo).is_empty());
    for name in ["juliet", "romeo"] {
        let account = house
            .chat
            .cached_account(&format!("{name}@example.org"))
            .expect("it is there");
        let facts = account.facts();
        assert!(facts.roster.items.is_empty() && facts.requests.is_empty());
        assert_eq!(facts.roster.version, RosterVersion::NONE);
    }
}
