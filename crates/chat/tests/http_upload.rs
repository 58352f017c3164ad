//! XEP-0363: who may have a slot, and what is kept of it.

mod common;

use base::Jid;
use chat::{Sender, Served, ServiceContext, Taken, services};
use common::House;
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::xep::http_upload::{key_of, token_digest};
use xmpp::xml::Stanza;

fn asked_by(house: &House, sender: Sender, payload: &str) -> Result<Served, StanzaError> {
    let service = services::find("upload.example.org", "example.org").expect("the service");
    let text = format!("<iq type='get' id='1' to='upload.example.org'>{payload}</iq>");
    let context = ServiceContext {
        chat: house.chat.clone(),
        now: house.now(),
        sender,
        to: Jid::parse("upload.example.org").expect("an address"),
        stanza: Stanza::parse(&text).expect("a request"),
    };
    match (service.take)(context) {
        Taken::Done => Ok(Served::default()),
        Taken::Refused(error) => Err(error),
        Taken::Wait(work) | Taken::Later(work) => store::wait(work),
    }
}

const REQUEST: &str = "<request xmlns='urn:xmpp:http:upload:0' filename='a.jpg' size='10'/>";

#[test]
fn nobody_from_elsewhere_uploads() {
    let house = House::new(&["romeo"]);
    let stranger = || Sender::Elsewhere(Jid::parse("x@other.example/y").expect("an address"));
    let error = asked_by(&house, stranger(), REQUEST)
        .err()
        .expect("an error");
    assert_eq!(
        (error.condition, error.kind),
        (StanzaCondition::Forbidden, ErrorType::Auth)
    );
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    assert!(
        asked_by(&house, stranger(), info).is_ok(),
        "that it is there is no secret"
    );
}

#[test]
fn a_slot_says_all_and_what_is_kept_of_it_does_not() {
    let mut house = House::new(&["romeo"]);
    let romeo = house.come("romeo@example.org/orchard");
    let answer = house.ask(romeo, "get", Some("upload.example.org"), REQUEST);
    let tree = answer.tree();
    let url = "urn:xmpp:http:upload:0";
    let slot = tree.root().child("slot", url).expect("a slot");
    let put = slot.child("put", url).expect("put");
    let address = put.attr("url").expect("an address");
    let secret = address
        .strip_prefix("https://example.org/upload/")
        .and_then(|rest| rest.strip_suffix("/a.jpg"))
        .expect("the form of an address");
    assert!(secret.len() >= 24, "nobody guesses {secret}");
    let header = put.child("header", url).expect("a header");
    let text = header.text();
    let token = text.strip_prefix("Bearer ").expect("a token");
    let kept = store::wait(house.chat.store().upload(&key_of(secret)));
    let kept = kept.expect("a store").expect("a record");
    assert_eq!((kept.size, kept.token), (10, token_digest(token)));
    assert!(kept.is_open(house.now().wall));
    let shown = format!("{kept:?}");
    assert!(
        !shown.contains(secret) && !shown.contains("a.jpg"),
        "{shown}"
    );
    let by_secret = store::wait(house.chat.store().upload(secret));
    assert_eq!(by_secret, Ok(None));
}

#[test]
fn where_nothing_may_be_uploaded_there_is_no_service() {
    let mut house = House::with(&["romeo"], |config| config.uploads = None);
    let romeo = house.come("romeo@example.org/orchard");
    let answer = house.ask(romeo, "get", Some("upload.example.org"), REQUEST);
    assert!(answer.text().contains("<service-unavailable"));
    let items = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
    let answer = house.ask(romeo, "get", Some("example.org"), items);
    assert!(!answer.text().contains("upload."), "{}", answer.text());
}

#[test]
fn files_for_good_are_offered_where_files_stay() {
    let request = "<request xmlns='urn:xmpp:http:upload:0' filename='a.jpg' size='10'>\
        <permanent xmlns='urn:xmpp:http:upload:purpose:0'/></request>";
    let info = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    for days in [None, Some(30)] {
        let mut house = House::with(&["romeo"], |config| {
            if let Some(uploads) = &mut config.uploads {
                uploads.retention = days.map(|days| std::time::Duration::from_secs(days * 86_400));
            }
        });
        let romeo = house.come("romeo@example.org/orchard");
        let mut says = |payload: &str, words: &str| {
            let answer = house.ask(romeo, "get", Some("upload.example.org"), payload);
            answer.text().contains(words)
        };
        assert_eq!(says(info, "purpose:0#permanent"), days.is_none());
        assert_eq!(says(request, "<slot"), days.is_none());
    }
}
