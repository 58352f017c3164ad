//! XEP-0313, XEP-0441 and XEP-0359 at the level of connections.

mod common;

use std::time::Duration;

use common::{House, Who, short};
use xmpp::ns;
use xmpp::xep::forwarding::Forwarded;
use xmpp::xep::message_archive::Fin;
use xmpp::xml::Stanza;

/// A page: what is in the bodies, the ids, and how it ended.
struct Page {
    bodies: Vec<String>,
    ids: Vec<String>,
    fin: Fin,
}

fn body(stanza: &Stanza) -> String {
    stanza
        .child("body", ns::CLIENT)
        .map(|body| body.tree().root().text().into_owned())
        .unwrap_or_default()
}

fn query(house: &mut House, who: Who, inner: &str) -> Page {
    house.forget();
    let answer = house.ask(
        who,
        "set",
        None,
        &format!("<query xmlns='urn:xmpp:mam:2' queryid='q&lt;1'>{inner}</query>"),
    );
    let fin = answer.child("fin", ns::ARCHIVE).expect("a page");
    let fin = Fin::read(fin.tree().root());
    let (mut bodies, mut ids) = (Vec::new(), Vec::new());
    for message in house.take(who) {
        let tree = message
            .child("result", ns::ARCHIVE)
            .expect("a result")
            .tree();
        assert_eq!(tree.root().attr("queryid"), Some("q<1"));
        let forwarded = tree
            .root()
            .child("forwarded", ns::FORWARD)
            .and_then(Forwarded::read);
        let forwarded = forwarded.expect("a message");
        assert!(forwarded.delay.is_some());
        bodies.push(body(&forwarded.stanza));
        ids.push(tree.root().attr("id").expect("an id").to_owned());
    }
    Page { bodies, ids, fin }
}

fn form(fields: &[(&str, &[&str])]) -> String {
    let mut text = String::from(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>",
    );
    for (var, values) in fields {
        let values: String = values
            .iter()
            .map(|value| format!("<value>{value}</value>"))
            .collect();
        text += &format!("<field var='{var}'>{values}</field>");
    }
    text + "</x>"
}

fn set(inner: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>")
}

fn say(house: &mut House, who: Who, to: &str, text: &str) {
    house.send(
        who,
        &format!("<message to='{to}' type='chat'><body>{text}</body></message>"),
    );
    house.pass(Duration::from_secs(1));
}

/// Juliet and Romeo have said five things, Juliet and the nurse one in between.
fn talk() -> (House, Who, Who) {
    let mut house = House::new(&["juliet", "romeo", "nurse"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    say(&mut house, juliet, "romeo@example.org", "one");
    say(&mut house, romeo, "juliet@example.org/balcony", "two");
    say(&mut house, juliet, "romeo@example.org", "three");
    say(&mut house, juliet, "nurse@example.org", "aside");
    say(&mut house, romeo, "juliet@example.org", "four");
    say(&mut house, juliet, "romeo@example.org", "five");
    house.forget();
    (house, juliet, romeo)
}

#[test]
fn both_sides_page_through_what_they_said() {
    let (mut house, juliet, romeo) = talk();
    let all = query(&mut house, juliet, "");
    assert_eq!(all.bodies, ["one", "two", "three", "aside", "four", "five"]);
    assert!(all.fin.complete);
    assert_eq!(all.fin.page.first.as_ref(), all.ids.first());
    assert_eq!(all.fin.page.last.as_ref(), all.ids.last());
    assert_eq!(
        query(&mut house, romeo, "").bodies,
        ["one", "two", "three", "four", "five"]
    );

    let first = query(&mut house, juliet, &set("<max>4</max>"));
    assert_eq!(first.bodies, ["one", "two", "three", "aside"]);
    assert!(!first.fin.complete);
    let last = first.fin.page.last.expect("an id");
    let second = query(
        &mut house,
        juliet,
        &set(&format!("<max>4</max><after>{last}</after>")),
    );
    assert_eq!(second.bodies, ["four", "five"]);
    assert!(second.fin.complete);

    let newest = query(&mut house, juliet, &set("<max>2</max><before/>"));
    assert_eq!(newest.bodies, ["four", "five"]);
    assert!(!newest.fin.complete);
    let older = format!("<max>2</max><before>{}</before>", newest.ids[0]);
    assert_eq!(
        query(&mut house, juliet, &set(&older)).bodies,
        ["three", "aside"]
    );
    let flipped = query(&mut house, juliet, &(set(&older) + "<flip-page/>"));
    assert_eq!(flipped.bodies, ["aside", "three"]);
    assert_eq!(
        flipped.fin.page.first.as_ref(),
        flipped.ids.last(),
        "the oldest, whatever the order"
    );

    let none = query(&mut house, juliet, &set("<max>0</max>"));
    assert!(none.bodies.is_empty());
}

#[test]
fn filters_choose() {
    let (mut house, juliet, romeo) = talk();
    let all = query(&mut house, juliet, "");
    let mut chosen = |fields: &[(&str, &[&str])]| query(&mut house, juliet, &form(fields)).bodies;
    assert_eq!(chosen(&[("with", &["nurse@example.org"])]), ["aside"]);
    assert_eq!(
        chosen(&[("with", &["ROMEO@example.org"])]),
        ["one", "two", "three", "four", "five"]
    );
    assert_eq!(
        chosen(&[("with", &["romeo@example.org/orchard"])]),
        ["two", "four"]
    );
    assert!(
        chosen(&[("with", &["juliet@example.org"])]).is_empty(),
        "she said nothing to herself"
    );
    assert_eq!(
        chosen(&[("after-id", &[&all.ids[1]]), ("before-id", &[&all.ids[4]])]),
        ["three", "aside"]
    );
    assert_eq!(
        chosen(&[("ids", &[&all.ids[5], &all.ids[0]])]),
        ["one", "five"]
    );
    assert_eq!(
        chosen(&[
            ("start", &["2026-11-23T00:00:02Z"]),
            ("end", &["2026-11-23T00:00:03Z"])
        ]),
        ["three", "aside"]
    );
    assert_eq!(chosen(&[("include-groupchat", &["false"])]).len(), 6);

    let mut error = |inner: &str| {
        let query = format!("<query xmlns='urn:xmpp:mam:2'>{inner}</query>");
        short(&house.ask(juliet, "set", None, &query))
    };
    let unknown = "0000000000001";
    assert_eq!(
        error(&form(&[("after-id", &[unknown])])),
        "error iq item-not-found"
    );
    assert_eq!(
        error(&form(&[("ids", &["nonsense"])])),
        "error iq item-not-found"
    );
    assert_eq!(
        error(&set(&format!("<before>{unknown}</before>"))),
        "error iq item-not-found"
    );
    assert_eq!(
        error(&form(&[("start", &["yesterday"])])),
        "error iq bad-request"
    );
    assert_eq!(
        error(&form(&[("mood", &["lonely"])])),
        "error iq feature-not-implemented"
    );
    let others = house.ask(
        romeo,
        "set",
        Some("juliet@example.org"),
        "<query xmlns='urn:xmpp:mam:2'/>",
    );
    assert_eq!(short(&others), "error iq forbidden");
}

#[test]
fn form_and_metadata_tell_what_can_be_asked() {
    let (mut house, juliet, _) = talk();
    let form = house.ask(juliet, "get", None, "<query xmlns='urn:xmpp:mam:2'/>");
    assert!(form.text().contains("var='before-id'"));
    let all = query(&mut house, juliet, "");
    let metadata = house.ask(juliet, "get", None, "<metadata xmlns='urn:xmpp:mam:2'/>");
    let tree = metadata
        .child("metadata", ns::ARCHIVE)
        .expect("metadata")
        .tree();
    let id = |name: &str| {
        tree.root()
            .child(name, ns::ARCHIVE)
            .and_then(|end| end.attr("id"))
            .map(str::to_owned)
    };
    assert_eq!(id("start").as_ref(), all.ids.first());
    assert_eq!(id("end").as_ref(), all.ids.last());
    let nurse = house.come("nurse@example.org/kitchen");
    query(&mut house, nurse, "");
}

#[test]
fn what_is_kept_and_what_is_not() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let _romeo = house.come("romeo@example.org/orchard");
    let mut keeps = |kind: &str, inner: &str| {
        let before = query(&mut house, juliet, "").ids.len();
        house.send(
            juliet,
            &format!("<message to='romeo@example.org' type='{kind}'>{inner}</message>"),
        );
        query(&mut house, juliet, "").ids.len() > before
    };
    assert!(keeps("chat", "<body>Hi</body>"));
    assert!(keeps("normal", "<body>Hi</body>"));
    assert!(keeps("chat", "<encrypted xmlns='urn:xmpp:omemo:2'/>"));
    assert!(keeps(
        "chat",
        "<received xmlns='urn:xmpp:receipts' id='a'/>"
    ));
    assert!(keeps(
        "chat",
        "<reactions xmlns='urn:xmpp:reactions:0' id='a'/>"
    ));
    assert!(keeps(
        "chat",
        "<composing xmlns='http://jabber.org/protocol/chatstates'/><store xmlns='urn:xmpp:hints'/>"
    ));
    assert!(!keeps(
        "chat",
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    ));
    assert!(!keeps(
        "chat",
        "<body>Hi</body><no-store xmlns='urn:xmpp:hints'/>"
    ));
    assert!(!keeps(
        "chat",
        "<body>Hi</body><no-permanent-store xmlns='urn:xmpp:hints'/>"
    ));
    assert!(!keeps("headline", "<body>Hi</body>"));
    assert!(!keeps("error", "<body>Hi</body>"));
    assert!(!keeps("groupchat", "<body>Hi</body>"));
}

#[test]
fn ids_come_from_the_own_archive_only() {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let forged = "<stanza-id xmlns='urn:xmpp:sid:0' by='ROMEO@example.org' id='forged'/>";
    let other = "<stanza-id xmlns='urn:xmpp:sid:0' by='room@rooms.example.org' id='other'/>";
    house.send(
        juliet,
        &format!(
            "<message to='romeo@example.org' type='chat'>{forged}<body>Hi</body>{other}</message>"
        ),
    );
    let received = house.take(romeo);
    let text = received[0].text().to_owned();
    assert!(!text.contains("forged") && text.contains("other"), "{text}");
    let page = query(&mut house, romeo, "");
    let own = format!("by='romeo@example.org' id='{}'", page.ids[0]);
    assert!(text.contains(&own), "{text} has no {own}");
    assert!(!text.contains("by='juliet@example.org'"));
}

#[test]
fn a_message_to_oneself_is_kept_once() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    say(&mut house, juliet, "juliet@example.org", "note");
    assert_eq!(house.seen(juliet), ["message juliet/balcony"]);
    assert_eq!(query(&mut house, juliet, "").bodies, ["note"]);
    assert_eq!(
        query(
            &mut house,
            juliet,
            &form(&[("with", &["juliet@example.org"])])
        )
        .bodies,
        ["note"]
    );
}

#[test]
fn preferences_decide_for_their_owner() {
    let (mut house, juliet, romeo) = talk();
    let prefs = |default: &str, always: &str, never: &str| {
        format!(
            "<prefs xmlns='urn:xmpp:mam:2' default='{default}'><always>{always}</always><never>{never}</never></prefs>"
        )
    };
    let get = "<prefs xmlns='urn:xmpp:mam:2'/>";
    assert!(
        house
            .ask(juliet, "get", None, get)
            .text()
            .contains("default='always'")
    );
    let never = prefs("always", "", "<jid>romeo@example.org</jid>");
    let answer = house.ask(juliet, "set", None, &never);
    assert!(
        answer
            .text()
            .contains("<never><jid>romeo@example.org</jid></never>"),
        "{}",
        answer.text()
    );
    say(&mut house, juliet, "romeo@example.org", "six");
    say(&mut house, juliet, "nurse@example.org", "aside");
    assert_eq!(
        query(&mut house, juliet, "")
            .bodies
            .last()
            .map(String::as_str),
        Some("aside")
    );
    assert_eq!(query(&mut house, juliet, "").ids.len(), 7);
    assert_eq!(
        query(&mut house, romeo, "")
            .bodies
            .last()
            .map(String::as_str),
        Some("six")
    );

    house.ask(
        juliet,
        "set",
        None,
        &prefs("roster", "<jid>nurse@example.org</jid>", ""),
    );
    say(&mut house, romeo, "juliet@example.org", "seven");
    assert_eq!(
        query(&mut house, juliet, "").ids.len(),
        7,
        "he is not in her roster"
    );
    house.ask(
        juliet,
        "set",
        None,
        "<query xmlns='jabber:iq:roster'><item jid='romeo@example.org'/></query>",
    );
    say(&mut house, romeo, "juliet@example.org", "eight");
    assert_eq!(
        query(&mut house, juliet, "")
            .bodies
            .last()
            .map(String::as_str),
        Some("eight")
    );
    let wrong = house.ask(
        juliet,
        "set",
        None,
        "<prefs xmlns='urn:xmpp:mam:2' default='maybe'/>",
    );
    assert_eq!(short(&wrong), "error iq bad-request");
}
