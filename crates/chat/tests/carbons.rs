//! XEP-0280 at the level of connections: who gets a copy, and of what.

mod common;

use common::{House, Who, short};
use xmpp::xep::carbons::{Direction, unwrap};
use xmpp::xml::Kind;

struct Rooms {
    house: House,
    juliet: Who,
    /// Romeo's sessions: two with copies, one without.
    orchard: Who,
    garden: Who,
    street: Who,
}

fn rooms() -> Rooms {
    let mut house = House::new(&["juliet", "romeo"]);
    let juliet = house.come("juliet@example.org/balcony");
    let orchard = house.come("romeo@example.org/orchard");
    let garden = house.come("romeo@example.org/garden");
    let street = house.come("romeo@example.org/street");
    for who in [orchard, garden] {
        let answer = house.ask(who, "set", None, "<enable xmlns='urn:xmpp:carbons:2'/>");
        assert_eq!(short(&answer), "result");
    }
    house.forget();
    Rooms {
        house,
        juliet,
        orchard,
        garden,
        street,
    }
}

impl Rooms {
    /// What Romeo's sessions got: `original`, `sent` or `received`, in the order orchard, garden,
    /// street.
    fn seen(&mut self) -> [Vec<&'static str>; 3] {
        [self.orchard, self.garden, self.street].map(|who| {
            let received = self.house.take(who);
            let messages = received
                .iter()
                .filter(|stanza| stanza.kind() == Kind::Message);
            messages
                .map(|stanza| match unwrap(stanza) {
                    None => "original",
                    Some((direction, forwarded)) => {
                        assert_eq!(stanza.from().as_deref(), Some("romeo@example.org"));
                        assert_eq!(stanza.type_(), forwarded.stanza.type_());
                        assert!(
                            forwarded
                                .stanza
                                .from()
                                .is_some_and(|from| from.contains('/'))
                        );
                        match direction {
                            Direction::Sent => "sent",
                            Direction::Received => "received",
                        }
                    }
                })
                .collect()
        })
    }

    fn juliet_says(&mut self, to: &str, rest: &str) -> [Vec<&'static str>; 3] {
        self.house.send(
            self.juliet,
            &format!("<message to='romeo@example.org{to}' {rest}</message>"),
        );
        self.seen()
    }
}

const NONE: Vec<&str> = Vec::new();

#[test]
fn received_copies_go_to_those_who_did_not_get_the_message() {
    let mut rooms = rooms();
    let chat = "type='chat'><body>Hi</body>";
    let one = |word: &'static str| vec![word];
    assert_eq!(
        rooms.juliet_says("/orchard", chat),
        [one("original"), one("received"), NONE]
    );
    assert_eq!(
        rooms.juliet_says("/street", chat),
        [one("received"), one("received"), one("original")]
    );
    assert_eq!(
        rooms.juliet_says("", chat),
        [one("original"), one("original"), one("original")]
    );
    assert_eq!(
        rooms.juliet_says("/orchard", "><body>Hi</body>"),
        [one("original"), one("received"), NONE]
    );
    let private = "type='chat'><body>Hi</body><private xmlns='urn:xmpp:carbons:2'/>";
    assert_eq!(
        rooms.juliet_says("/orchard", private),
        [one("original"), NONE, NONE]
    );
    let no_copy = "type='chat'><body>Hi</body><no-copy xmlns='urn:xmpp:hints'/>";
    assert_eq!(
        rooms.juliet_says("/orchard", no_copy),
        [one("original"), NONE, NONE]
    );
    assert_eq!(
        rooms.juliet_says("/orchard", "type='headline'><body>Hi</body>"),
        [one("original"), NONE, NONE]
    );
    let garden = rooms.garden;
    rooms
        .house
        .send(garden, "<presence><priority>-1</priority></presence>");
    rooms.seen();
    assert_eq!(
        rooms.juliet_says("", chat),
        [one("original"), one("received"), one("original")]
    );
    rooms
        .house
        .ask(garden, "set", None, "<disable xmlns='urn:xmpp:carbons:2'/>");
    assert_eq!(
        rooms.juliet_says("/orchard", chat),
        [one("original"), NONE, NONE]
    );
}

#[test]
fn sent_copies_go_to_the_other_sessions_with_the_id_of_the_own_archive() {
    let mut rooms = rooms();
    let chat = "<message to='juliet@example.org/balcony' type='chat'><body>Hi</body></message>";
    rooms.house.send(rooms.orchard, chat);
    let copy = rooms.house.take(rooms.garden);
    assert!(
        copy[0].text().contains("by='romeo@example.org'"),
        "{}",
        copy[0].text()
    );
    assert!(!copy[0].text().contains("by='juliet@example.org'"));
    let original = rooms.house.take(rooms.juliet);
    assert!(!original[0].text().contains("by='romeo@example.org'"));
    rooms.house.send(rooms.street, chat);
    assert_eq!(rooms.seen(), [vec!["sent"], vec!["sent"], NONE]);
    rooms.house.send(
        rooms.orchard,
        "<message to='romeo@example.org' type='chat'><body>note</body></message>",
    );
    assert_eq!(
        rooms.seen(),
        [vec!["original"], vec!["original"], vec!["original"]],
        "everyone once"
    );
    rooms.house.send(
        rooms.orchard,
        "<message to='romeo@example.org/street' type='chat'><body>note</body></message>",
    );
    assert_eq!(rooms.seen(), [NONE, vec!["sent"], vec!["original"]]);
    let answer = rooms.house.ask(
        rooms.juliet,
        "set",
        Some("romeo@example.org"),
        "<enable xmlns='urn:xmpp:carbons:2'/>",
    );
    assert_eq!(short(&answer), "error iq not-allowed");
}
