//! The rules on encryption at the level of connections: changed while people talk, and around them by departments.

mod common;

use chat::config::{EncryptionPolicy, EncryptionRule};
use common::{House, Who};
use store::{AccountChange, Batch, wait};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xml::{Kind, Stanza};

const WORDS: &str = "<body>Ay me</body>";

/// A house with the rules that an empty configuration has, and two people in it.
fn strict() -> (House, Who, Who) {
    let mut house = House::with(&["romeo", "juliet", "nurse"], |config| {
        config.encryption = EncryptionPolicy::default();
    });
    let romeo = house.come("romeo@example.org/garden");
    let juliet = house.come("juliet@example.org/balcony");
    (house, romeo, juliet)
}

/// Somebody of that department, connected.
fn in_sales(house: &mut House, name: &str) -> Who {
    let store = house.chat.store().clone();
    let account = wait(store.account_find(name)).expect("reads");
    let mut batch = Batch::new();
    batch.account_change(
        account.expect("is there").id,
        AccountChange {
            groups: Some(vec!["Sales".into()]),
            ..AccountChange::default()
        },
    );
    wait(store.submit(batch).ticket).expect("kept");
    house.come(&format!("{name}@example.org/hall"))
}

fn messages(house: &mut House, who: Who) -> Vec<Stanza> {
    let mut received = house.take(who);
    received.retain(|stanza| stanza.kind() == Kind::Message);
    received
}

/// The condition of the only message that has come, which is an error.
fn refusal(house: &mut House, who: Who) -> StanzaCondition {
    let received = messages(house, who);
    assert_eq!(received.len(), 1, "one error: {received:?}");
    let error = received.first().and_then(StanzaError::of);
    error.expect("an error").condition
}

fn tell(house: &mut House, who: Who, to: &str, inner: &str) {
    let kind = if to.contains("@rooms.") {
        "groupchat"
    } else {
        "chat"
    };
    house.send(
        who,
        &format!("<message to='{to}' type='{kind}'>{inner}</message>"),
    );
}

fn settle(house: &mut House, change: impl FnOnce(&mut EncryptionPolicy)) {
    let mut config = (*house.chat.config()).clone();
    change(&mut config.encryption);
    house.chat.reload(config, house.now());
}

#[test]
fn a_changed_rule_holds_at_once_on_open_streams() {
    let (mut house, romeo, juliet) = strict();
    tell(&mut house, romeo, "juliet@example.org", WORDS);
    assert_eq!(refusal(&mut house, romeo), StanzaCondition::PolicyViolation);
    for rule in [EncryptionRule::Default, EncryptionRule::Off] {
        settle(&mut house, |rules| rules.direct = rule);
        tell(&mut house, romeo, "juliet@example.org", WORDS);
        assert_eq!(messages(&mut house, juliet).len(), 1, "{rule:?}");
    }
    settle(&mut house, |rules| rules.direct = EncryptionRule::Required);
    tell(&mut house, romeo, "juliet@example.org", WORDS);
    assert_eq!(refusal(&mut house, romeo), StanzaCondition::PolicyViolation);
    assert!(messages(&mut house, juliet).is_empty());
}

fn set_up(
    house: &mut House,
    who: Who,
    room: &str,
    fields: &[(&str, &str)],
) -> Option<StanzaCondition> {
    house.send(
        who,
        &format!("<presence to='{room}/me'><x xmlns='http://jabber.org/protocol/muc'/></presence>"),
    );
    let fields: String = fields
        .iter()
        .map(|(var, value)| format!("<field var='{var}'><value>{value}</value></field>"))
        .collect();
    house.take(who);
    house.send(
        who,
        &format!(
            "<iq type='set' id='form' to='{room}'><query xmlns='http://jabber.org/protocol/muc#owner'>\
             <x xmlns='jabber:x:data' type='submit'>{fields}</x></query></iq>"
        ),
    );
    let answer = house.take(who);
    let answer = answer.iter().find(|stanza| stanza.kind() == Kind::Iq);
    StanzaError::of(answer.expect("an answer")).map(|error| error.condition)
}

#[test]
fn a_department_may_be_read_and_only_its_people_make_it_one() {
    let (mut house, romeo, _) = strict();
    let nurse = in_sales(&mut house, "nurse");
    let department = [
        ("hauspost#preset", "department-room"),
        ("hauspost#group", "Sales"),
    ];
    let room = "sales@rooms.example.org";
    let refused = set_up(&mut house, romeo, room, &department);
    assert_eq!(refused, Some(StanzaCondition::Forbidden));
    // As he may make it, it is a private group.
    let own = "own@rooms.example.org";
    assert_eq!(
        set_up(&mut house, romeo, own, &[("hauspost#preset", "group-chat")]),
        None
    );
    tell(&mut house, romeo, own, WORDS);
    assert_eq!(refusal(&mut house, romeo), StanzaCondition::PolicyViolation);

    let department_own = "people@rooms.example.org";
    assert_eq!(set_up(&mut house, nurse, department_own, &department), None);
    tell(&mut house, nurse, department_own, WORDS);
    let said = messages(&mut house, nurse);
    let types: Vec<_> = said.iter().map(|stanza| stanza.type_()).collect();
    assert_eq!(types, [Some("groupchat".into())], "{said:?}");
}
