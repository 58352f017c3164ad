//! Clients that ask and do not read.

mod common;

use common::House;

#[test]
fn who_does_not_read_its_answers_is_not_listened_to_until_it_does() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    let large = "x".repeat(100_000);
    house.ask(
        juliet,
        "set",
        None,
        &format!("<query xmlns='jabber:iq:private'><a xmlns='large'>{large}</a></query>"),
    );
    let asked: String = (0..50)
        .map(|number| {
            format!(
                "<iq type='get' id='unread-{number}'><query xmlns='jabber:iq:private'><a xmlns='large'/></query></iq>"
            )
        })
        .collect();
    house.put(juliet, &asked);
    let unread = house.settle_unread(juliet);
    assert!(!house.is_heard(juliet));
    assert!(unread < 500_000, "{unread} bytes wait");
    // Once it reads, it gets all answers, in order.
    house.settle();
    assert!(house.is_heard(juliet));
    let ids: Vec<String> = house
        .take(juliet)
        .iter()
        .filter_map(|stanza| Some(stanza.id()?.into_owned()))
        .filter(|id| id.starts_with("unread-"))
        .collect();
    let expected: Vec<String> = (0..50).map(|number| format!("unread-{number}")).collect();
    assert_eq!(ids, expected);
}
