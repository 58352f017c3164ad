//! urn:hauspost:inbox:0 at the level of connections: the list of conversations in one answer.

mod common;

use common::{House, Who, short};
use xmpp::ns;
use xmpp::xep::inbox::Conversation;
use xmpp::xml::Stanza;

fn ask(house: &mut House, who: Who, inner: &str) -> Stanza {
    house.ask(who, "get", None, inner)
}

/// What an answer says: address and unread messages of each conversation, and the version.
fn list(
    house: &mut House,
    who: Who,
    attributes: &str,
    inner: &str,
) -> (Vec<(String, u64)>, String) {
    let request = format!("<inbox xmlns='urn:hauspost:inbox:0'{attributes}>{inner}</inbox>");
    let answer = ask(house, who, &request);
    let inbox = answer.child("inbox", ns::INBOX).expect("an inbox").tree();
    let root = inbox.root();
    let found = root
        .children()
        .filter(|child| child.is("conversation", ns::INBOX))
        .map(|child| Conversation::read(child).expect("a conversation"))
        .map(|found| (found.jid, found.unread))
        .collect();
    (found, root.attr("version").unwrap_or_default().to_owned())
}

fn says(house: &mut House, who: Who, to: &str, inner: &str) {
    house.send(
        who,
        &format!("<message to='{to}@example.org' type='chat'>{inner}</message>"),
    );
}

fn is(jid: &str, unread: u64) -> (String, u64) {
    (format!("{jid}@example.org"), unread)
}

#[test]
fn a_client_that_starts_asks_once() {
    let mut house = House::new(&["romeo", "juliet", "nurse"]);
    let romeo = house.come("romeo@example.org/desk");
    let nurse = house.come("nurse@example.org/kitchen");
    let (nothing, version) = list(&mut house, romeo, "", "");
    assert_eq!((nothing.len(), version.as_str()), (0, ""));
    says(&mut house, romeo, "juliet", "<body>But soft</body>");
    says(&mut house, romeo, "juliet", "<body>What light</body>");
    says(&mut house, nurse, "juliet", "<body>Madam!</body>");
    says(
        &mut house,
        nurse,
        "juliet",
        "<received xmlns='urn:xmpp:receipts' id='a'/>",
    );
    let juliet = house.come("juliet@example.org/balcony");
    let (all, version) = list(&mut house, juliet, "", "");
    assert_eq!(all, [is("nurse", 1), is("romeo", 2)]);
    let (own, _) = list(&mut house, romeo, "", "");
    assert_eq!(own, [is("juliet", 0)]);
    let since = format!(" since='{version}'");
    assert_eq!(list(&mut house, juliet, &since, "").0, []);
    says(&mut house, juliet, "romeo", "<body>Ay me</body>");
    assert_eq!(list(&mut house, juliet, &since, "").0, [is("romeo", 0)]);
    assert_eq!(list(&mut house, romeo, "", "").0, [is("juliet", 1)]);
}

#[test]
fn it_is_read_page_by_page() {
    let names = ["anna", "b", "c", "d"];
    let mut house = House::new(&names);
    let anna = house.come("anna@example.org/desk");
    for name in &names[1..] {
        says(&mut house, anna, name, "<body>Hi</body>");
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let answer = ask(
            &mut house,
            anna,
            &format!(
                "<inbox xmlns='urn:hauspost:inbox:0'><set xmlns='http://jabber.org/protocol/rsm'>\
                 <max>1</max><after>{after}</after></set></inbox>"
            ),
        );
        let tree = answer.child("inbox", ns::INBOX).expect("an inbox").tree();
        let set = tree.root().child("set", ns::RSM).expect("a page");
        assert_eq!(set.child("count", ns::RSM).expect("a count").text(), "3");
        after = set
            .child("last", ns::RSM)
            .expect("an id")
            .text()
            .into_owned();
        let found = tree.root().child("conversation", ns::INBOX);
        let found = found.and_then(Conversation::read).expect("a conversation");
        assert_eq!(found.id, after);
        seen.push(found.jid);
        if tree.root().attr("complete") == Some("true") {
            break;
        }
    }
    assert_eq!(seen, ["d@example.org", "c@example.org", "b@example.org"]);
}

#[test]
fn nobody_else_reads_it() {
    let mut house = House::new(&["romeo", "juliet"]);
    let romeo = house.come("romeo@example.org/desk");
    let request = "<inbox xmlns='urn:hauspost:inbox:0'/>";
    let others = house.ask(romeo, "get", Some("juliet@example.org"), request);
    assert_eq!(short(&others), "error iq service-unavailable");
    let wrong = ask(
        &mut house,
        romeo,
        "<inbox xmlns='urn:hauspost:inbox:0' since='yesterday'/>",
    );
    assert_eq!(short(&wrong), "error iq item-not-found");
}
