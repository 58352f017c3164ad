//! Tokens of sessions: what they allow, and when they end.

mod common;

use std::time::Duration;

use base::BareJid;
use chat::accounts::{Act, ApiVisitor, Authority, Scope};
use common::{House, Who};
use futures_util::FutureExt;
use store::Role;
use xmpp::ns;

fn session(house: &mut House, who: Who) -> String {
    let request = format!(
        "<iq type='set' id='s'><session xmlns='{}'/></iq>",
        ns::API_SESSION
    );
    house.send(who, &request);
    let answer = house.take(who).remove(0);
    let child = answer.child("session", ns::API_SESSION).expect("a session");
    let tree = child.tree();
    tree.root().attr("token").expect("a token").to_owned()
}

fn visitor(house: &House, token: &str) -> Option<ApiVisitor> {
    let found = house.chat.api_visitor(token, house.now()).now_or_never();
    found.expect("at once").expect("the store can be read")
}

#[test]
fn it_is_the_person_with_the_role_of_the_moment() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    let token = session(&mut house, juliet);
    let found = visitor(&house, &token).expect("somebody");
    assert!(found.is_session() && found.has(Scope::Own) && found.has(Scope::Post));
    assert!(!found.authority.allows(Act::SeePeople));
    let address = BareJid::new(Some("juliet"), "example.org").expect("an address");
    let by = Authority::console();
    let set = house.chat.set_role(&address, Role::Owner, &by, house.now());
    set.now_or_never().expect("at once").expect("a role");
    let found = visitor(&house, &token).expect("somebody");
    assert!(found.authority.allows(Act::SeePeople));
}

#[test]
fn it_ends_by_time_and_with_the_session() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    let first = session(&mut house, juliet);
    house.pass(Duration::from_secs(800));
    let second = session(&mut house, juliet);
    assert!(visitor(&house, &first).is_some() && visitor(&house, &second).is_some());
    house.pass(Duration::from_secs(100));
    assert!(
        visitor(&house, &first).is_none(),
        "after a quarter of an hour"
    );
    assert!(visitor(&house, &second).is_some());
    // A session has four at most.
    let more: Vec<String> = (0..4).map(|_| session(&mut house, juliet)).collect();
    assert!(visitor(&house, &second).is_none());
    assert!(more.iter().all(|token| visitor(&house, token).is_some()));
    let address = BareJid::new(Some("juliet"), "example.org").expect("an address");
    let by = Authority::console();
    let ended = house.chat.set_enabled(&address, false, &by, house.now());
    ended.now_or_never().expect("at once").expect("disabled");
    assert!(more.iter().all(|token| visitor(&house, token).is_none()));
}
