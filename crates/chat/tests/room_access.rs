//! Rooms and those who are not entitled: strangers, banned people, successors of removed accounts, and
//! people who are no longer of a department.

mod common;

use base::BareJid;
use chat::accounts::Authority;
use common::{House, Who, short};
use futures_util::FutureExt;
use store::{Affiliation, NewRoom, Role, RoomConfig, RoomPerson, wait};
use xmpp::condition::StreamCondition;
use xmpp::ns;
use xmpp::xml::Stanza;

const ROOM: &str = "garden@rooms.example.org";
const MISSING: &str = "nowhere@rooms.example.org";

fn person(address: &str, affiliation: Affiliation) -> RoomPerson {
    RoomPerson {
        address: address.into(),
        affiliation,
        ..RoomPerson::default()
    }
}

fn make(house: &House, config: RoomConfig, people: &[(&str, Affiliation)]) {
    let room = NewRoom {
        localpart: "garden".into(),
        config,
        people: people
            .iter()
            .map(|(name, affiliation)| person(&format!("{name}@example.org"), *affiliation))
            .collect(),
    };
    wait(house.chat.store().room_create(room)).expect("a room");
}

fn open() -> RoomConfig {
    RoomConfig {
        persistent: true,
        ..RoomConfig::default()
    }
}

fn come<const N: usize>(house: &mut House, names: [&str; N]) -> [Who; N] {
    names.map(|name| house.come(&format!("{name}@example.org/x")))
}

fn enter(house: &mut House, who: Who, nick: &str) {
    house.send(
        who,
        &format!(
            "<presence to='{ROOM}/{nick}'><x xmlns='{}'/></presence>",
            ns::MUC
        ),
    );
}

fn mediated(house: &mut House, who: Who, what: &str, to: &str) -> Vec<Stanza> {
    house.send(
        who,
        &format!(
            "<message to='{ROOM}'><x xmlns='{}'><{what} to='{to}'><reason>Boo</reason></{what}></x></message>",
            ns::MUC_USER
        ),
    );
    house.take(who)
}

fn shorts(stanzas: &[Stanza]) -> Vec<String> {
    stanzas.iter().map(short).collect()
}

fn register(house: &mut House, who: Who, nick: &str) -> String {
    let payload = registration(nick);
    short(&house.ask(who, "set", Some(ROOM), &payload))
}

fn registration(nick: &str) -> String {
    format!(
        "<query xmlns='{}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>{}</value></field><field var='muc#register_roomnick'><value>{nick}</value></field>\
         </x></query>",
        ns::REGISTER,
        ns::MUC_REGISTER
    )
}

fn affiliate(house: &mut House, who: Who, target: &str, affiliation: &str) -> String {
    let payload = format!(
        "<query xmlns='{}'><item jid='{target}' affiliation='{affiliation}'/></query>",
        ns::MUC_ADMIN
    );
    short(&house.ask(who, "set", Some(ROOM), &payload))
}

fn configure(house: &mut House, who: Who, fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(var, value)| format!("<field var='{var}'><value>{value}</value></field>"))
        .collect();
    let payload = format!(
        "<query xmlns='{}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>{}</value></field>{fields}</x></query>",
        ns::MUC_OWNER,
        ns::MUC_ROOM_CONFIG
    );
    short(&house.ask(who, "set", Some(ROOM), &payload))
}

fn statuses(stanza: &Stanza) -> Vec<u16> {
    let Some(x) = stanza.child("x", ns::MUC_USER) else {
        return Vec::new();
    };
    let tree = x.tree();
    tree.root()
        .children()
        .filter(|child| child.is("status", ns::MUC_USER))
        .filter_map(|status| status.attr("code")?.parse().ok())
        .collect()
}

#[test]
fn nobody_refuses_what_was_never_offered() {
    let mut house = House::new(&["anna", "bert", "carl", "dora"]);
    let [_, bert, carl, _] = come(&mut house, ["anna", "bert", "carl", "dora"]);
    make(
        &house,
        RoomConfig::group_chat(),
        &[("anna", Affiliation::Owner), ("bert", Affiliation::Member)],
    );
    let answers = ["bert@example.org", "dora@example.org"].map(|to| {
        let answer = mediated(&mut house, carl, "decline", to);
        shorts(&answer)
    });
    assert_eq!(answers[0], ["error message item-not-found"]);
    assert_eq!(answers[0], answers[1], "the answer says who is in the room");
    assert_eq!(house.seen(bert), [] as [String; 0]);
}

#[test]
fn an_invitation_into_an_open_room_is_refused_once_and_to_who_gave_it() {
    let mut house = House::new(&["anna", "bert", "carl"]);
    let [anna, bert, carl] = come(&mut house, ["anna", "bert", "carl"]);
    make(&house, open(), &[("anna", Affiliation::Owner)]);
    enter(&mut house, anna, "Anna");
    enter(&mut house, bert, "Bert");
    house.forget();
    let answer = mediated(&mut house, carl, "decline", "anna@example.org");
    assert_eq!(shorts(&answer), ["error message item-not-found"]);
    assert_eq!(house.seen(anna), [] as [String; 0]);
    let none = mediated(&mut house, anna, "invite", "carl@example.org");
    assert!(none.is_empty(), "{none:?}");
    assert_eq!(house.seen(carl), [format!("message {ROOM}")]);
    // The room shows no addresses: who has invited is known by nickname.
    let bert_is_not_it = mediated(&mut house, carl, "decline", &format!("{ROOM}/Bert"));
    assert_eq!(shorts(&bert_is_not_it), ["error message item-not-found"]);
    assert_eq!(house.seen(bert), [] as [String; 0]);
    let none = mediated(&mut house, carl, "decline", &format!("{ROOM}/Anna"));
    assert!(none.is_empty(), "{none:?}");
    assert_eq!(house.seen(anna), [format!("message {ROOM}")]);
    let again = mediated(&mut house, carl, "decline", &format!("{ROOM}/Anna"));
    assert_eq!(shorts(&again), ["error message item-not-found"]);
    assert_eq!(house.seen(anna), [] as [String; 0]);
}

#[test]
fn whoever_has_come_has_nothing_to_refuse() {
    let mut house = House::new(&["anna", "bert"]);
    let [anna, bert] = come(&mut house, ["anna", "bert"]);
    make(
        &house,
        RoomConfig::group_chat(),
        &[("anna", Affiliation::Owner)],
    );
    mediated(&mut house, anna, "invite", "bert@example.org");
    enter(&mut house, bert, "Bert");
    house.forget();
    let answer = mediated(&mut house, bert, "decline", "anna@example.org");
    assert_eq!(shorts(&answer), ["error message item-not-found"]);
    assert_eq!(house.seen(anna), [] as [String; 0]);
    let kept = wait(house.chat.store().room_state("garden")).expect("read");
    assert_eq!(kept.expect("a room").invitations, []);
}

#[test]
fn members_invite_no_more_than_a_bounded_number_who_do_not_come() {
    let mut house = House::new(&["anna", "bert"]);
    let [anna, bert] = come(&mut house, ["anna", "bert"]);
    make(
        &house,
        RoomConfig::group_chat(),
        &[("anna", Affiliation::Owner), ("bert", Affiliation::Member)],
    );
    for number in 0..200 {
        let answer = mediated(
            &mut house,
            bert,
            "invite",
            &format!("p{number}@example.org"),
        );
        let refused = shorts(&answer);
        // Nobody of that name is here to get it; the invitation counts all the same.
        assert!(!refused.contains(&"error message resource-constraint".to_owned()));
    }
    let answer = mediated(&mut house, bert, "invite", "late@example.org");
    assert_eq!(shorts(&answer), ["error message resource-constraint"]);
    let answer = mediated(&mut house, anna, "invite", "late@example.org");
    assert!(!shorts(&answer).contains(&"error message resource-constraint".to_owned()));
}

#[test]
fn the_successor_of_a_removed_account_stands_nowhere() {
    let mut house = House::new(&["anna", "eve"]);
    let [anna, eve] = come(&mut house, ["anna", "eve"]);
    make(
        &house,
        RoomConfig::group_chat(),
        &[("anna", Affiliation::Owner), ("eve", Affiliation::Admin)],
    );
    assert_eq!(register(&mut house, eve, "Eve"), "result");
    enter(&mut house, anna, "Anna");
    house.forget();
    remove(&mut house, "eve");
    assert!(house.is_closed(eve));
    let told = house.take(anna);
    assert!(
        told.iter()
            .any(|stanza| stanza.text().contains("eve@example.org")
                && stanza.text().contains("affiliation='none'")),
        "nobody is told: {told:?}"
    );
    house.add_account("eve");
    let successor = house.come("eve@example.org/y");
    for payload in [
        format!("<query xmlns='{}'/>", ns::ARCHIVE),
        format!(
            "<query xmlns='{}'><item jid='eve@example.org' affiliation='owner'/></query>",
            ns::MUC_ADMIN
        ),
    ] {
        let answer = house.ask(successor, "set", Some(ROOM), &payload);
        assert_eq!(short(&answer), "error iq item-not-found");
    }
    let kept = wait(house.chat.store().room_traces("eve@example.org"));
    assert_eq!(kept, Ok(Vec::new()));
}

fn remove(house: &mut House, name: &str) {
    let address = BareJid::new(Some(name), "example.org").expect("an address");
    let now = house.now();
    let by = Authority::console();
    let removed = house.chat.remove_account(&address, &by, now).now_or_never();
    removed
        .expect("the store answers at once")
        .expect("removed");
    house.settle();
}

#[test]
fn a_room_whose_owner_is_removed_goes_to_its_admins_and_ends_when_nobody_is_left() {
    let mut house = House::new(&["anna", "bert", "carl"]);
    make(
        &house,
        RoomConfig::group_chat(),
        &[
            ("anna", Affiliation::Owner),
            ("bert", Affiliation::Admin),
            ("carl", Affiliation::Member),
        ],
    );
    let people = |house: &House| {
        let state = wait(house.chat.store().room_state("garden")).expect("read");
        state.map(|state| {
            let mut people: Vec<_> = state
                .people
                .iter()
                .map(|person| (person.address.to_string(), person.affiliation))
                .collect();
            people.sort();
            people
        })
    };
    remove(&mut house, "anna");
    assert_eq!(
        people(&house).expect("a room"),
        [
            ("bert@example.org".to_owned(), Affiliation::Owner),
            ("carl@example.org".to_owned(), Affiliation::Member)
        ]
    );
    remove(&mut house, "carl");
    remove(&mut house, "bert");
    assert_eq!(people(&house), None, "nobody can ever enter it again");
}

#[test]
fn however_many_members_there_are_somebody_can_be_banned() {
    let mut house = House::new(&["anna", "bert"]);
    let [anna, bert] = come(&mut house, ["anna", "bert"]);
    let mut people: Vec<RoomPerson> = (1..50_000)
        .map(|number| person(&format!("p{number}@far.example"), Affiliation::Member))
        .collect();
    people.push(person("anna@example.org", Affiliation::Owner));
    let room = NewRoom {
        localpart: "garden".into(),
        config: open(),
        people,
    };
    wait(house.chat.store().room_create(room)).expect("a room");
    assert_eq!(
        register(&mut house, bert, "Bert"),
        "error iq resource-constraint"
    );
    assert_eq!(
        affiliate(&mut house, anna, "x@far.example", "member"),
        "error iq resource-constraint"
    );
    assert_eq!(
        affiliate(&mut house, anna, "bert@example.org", "outcast"),
        "result"
    );
    assert_eq!(
        affiliate(&mut house, anna, "far.example", "outcast"),
        "result"
    );
    assert_eq!(
        affiliate(&mut house, anna, "p1@far.example", "outcast"),
        "result"
    );
    assert_eq!(
        affiliate(&mut house, anna, "x@near.example", "member"),
        "result",
        "a banned member has left a place"
    );
}

#[test]
fn registering_gives_no_voice_and_no_endless_name() {
    let mut house = House::new(&["anna", "bert"]);
    let [anna, bert] = come(&mut house, ["anna", "bert"]);
    let moderated = RoomConfig {
        moderated: true,
        ..open()
    };
    make(&house, moderated, &[("anna", Affiliation::Owner)]);
    assert_eq!(register(&mut house, bert, "Bert"), "error iq not-allowed");
    let asked = house.ask(
        bert,
        "get",
        Some(ROOM),
        &format!("<query xmlns='{}'/>", ns::REGISTER),
    );
    assert_eq!(short(&asked), "error iq not-allowed");
    let long = "a".repeat(257);
    assert_eq!(register(&mut house, anna, &long), "error iq not-acceptable");
    assert_eq!(register(&mut house, anna, "Anna"), "result");
}

#[test]
fn nobody_without_a_right_tells_a_hidden_room_from_none() {
    let mut house = House::new(&["anna", "bert", "carl", "dora"]);
    let [anna, bert, carl, dora] = come(&mut house, ["anna", "bert", "carl", "dora"]);
    make(
        &house,
        RoomConfig::group_chat(),
        &[
            ("anna", Affiliation::Owner),
            ("bert", Affiliation::Member),
            ("dora", Affiliation::Outcast),
        ],
    );
    enter(&mut house, anna, "Anna");
    house.forget();
    let doors = [
        "<message to='ROOM' type='groupchat' id='1'><body>Hello</body></message>".to_owned(),
        "<message to='ROOM/Anna' type='chat' id='1'><body>Hello</body></message>".to_owned(),
        "<message to='ROOM/Anna' type='groupchat' id='1'><body>Hello</body></message>".to_owned(),
        "<message to='ROOM' id='1'><body>Hello</body></message>".to_owned(),
        format!(
            "<message to='ROOM' id='1'><x xmlns='{}'><invite to='carl@example.org'/></x></message>",
            ns::MUC_USER
        ),
        format!(
            "<message to='ROOM' id='1'><x xmlns='{}'><decline to='anna@example.org'/></x></message>",
            ns::MUC_USER
        ),
        format!(
            "<message to='ROOM' id='1'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
             <value>{}</value></field><field var='muc#role'><value>participant</value></field></x></message>",
            ns::MUC_REQUEST
        ),
        format!(
            "<iq to='ROOM/Anna' type='get' id='1'><ping xmlns='{}'/></iq>",
            ns::PING
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><ping xmlns='{}'/></iq>",
            ns::PING
        ),
        format!(
            "<iq to='ROOM/Anna' type='get' id='1'><vCard xmlns='{}'/></iq>",
            ns::VCARD
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><vCard xmlns='{}'/></iq>",
            ns::VCARD
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><query xmlns='{}'/></iq>",
            ns::DISCO_INFO
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><query xmlns='{}'/></iq>",
            ns::DISCO_ITEMS
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><query xmlns='{}' node='{}'/></iq>",
            ns::DISCO_ITEMS,
            ns::COMMANDS
        ),
        format!(
            "<iq to='ROOM' type='set' id='1'><query xmlns='{}'/></iq>",
            ns::ARCHIVE
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><query xmlns='{}'/></iq>",
            ns::REGISTER
        ),
        format!(
            "<iq to='ROOM' type='set' id='1'>{}</iq>",
            registration("Anna")
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><query xmlns='{}'/></iq>",
            ns::MUC_OWNER
        ),
        format!(
            "<iq to='ROOM' type='get' id='1'><query xmlns='{}'><item affiliation='member'/></query></iq>",
            ns::MUC_ADMIN
        ),
        "<presence to='ROOM/Anna' id='1'/>".to_owned(),
        "<presence to='ROOM/Anna' id='1' type='unavailable'/>".to_owned(),
        "<presence to='ROOM/Anna' id='1' type='probe'/>".to_owned(),
    ];
    for (who, name) in [(carl, "a stranger"), (dora, "a banned person")] {
        for door in &doors {
            let [hidden, missing] = [ROOM, MISSING].map(|room| {
                house.send(who, &door.replace("ROOM", room));
                let answer = house.take(who);
                let texts: Vec<String> = answer
                    .iter()
                    .map(|stanza| stanza.text().replace(room, "ROOM"))
                    .collect();
                texts
            });
            assert_eq!(hidden, missing, "{name} at {door}");
        }
        // Who may make rooms sees that the name cannot be had, and not why.
        enter(&mut house, who, "Anna");
        assert_eq!(house.seen(who), ["error presence not-allowed"], "{name}");
    }
    assert_eq!(house.seen(anna), [] as [String; 0]);
    // Members who are not inside get through.
    let info = format!("<query xmlns='{}'/>", ns::DISCO_INFO);
    let answer = house.ask(bert, "get", Some(ROOM), &info);
    assert_eq!(short(&answer), "result");
    house.send(
        bert,
        &format!("<message to='{ROOM}' type='groupchat'><body>Hello</body></message>"),
    );
    assert_eq!(house.seen(bert), ["error message not-acceptable"]);
    let archive = format!("<query xmlns='{}'/>", ns::ARCHIVE);
    let answer = house.ask(bert, "set", Some(ROOM), &archive);
    assert_eq!(short(&answer), "result");
    enter(&mut house, bert, "Bert");
    assert_eq!(house.count(bert, &format!("presence {ROOM}")), 2);
    // And so does whoever is invited.
    mediated(&mut house, anna, "invite", "carl@example.org");
    house.forget();
    let answer = house.ask(carl, "get", Some(ROOM), &info);
    assert_eq!(short(&answer), "result");
    enter(&mut house, carl, "Carl");
    assert_eq!(house.count(carl, &format!("presence {ROOM}")), 3);
}

#[test]
fn what_goes_on_in_a_listed_room_is_for_those_who_may_enter() {
    let mut house = House::new(&["anna", "bert", "carl", "dora"]);
    let [anna, bert, carl, dora] = come(&mut house, ["anna", "bert", "carl", "dora"]);
    let listed = RoomConfig {
        listed: true,
        members_only: true,
        ..open()
    };
    make(
        &house,
        listed,
        &[
            ("anna", Affiliation::Owner),
            ("bert", Affiliation::Member),
            ("dora", Affiliation::Outcast),
        ],
    );
    enter(&mut house, anna, "Anna");
    house.send(
        anna,
        &format!("<message to='{ROOM}' type='groupchat'><subject>Plans</subject></message>"),
    );
    let mut reads = |who, info: &str| {
        let payload = format!("<query xmlns='{}'/>", ns::DISCO_INFO);
        let answer = house.ask(who, "get", Some(ROOM), &payload);
        assert_eq!(short(&answer), "result");
        answer.text().contains(info)
    };
    for info in ["Plans", "muc#roominfo_occupants"] {
        assert!(reads(bert, info));
        assert!(!reads(carl, info), "a stranger reads {info}");
        assert!(!reads(dora, info), "a banned person reads {info}");
    }
    // Nor does the search say how many are there.
    let search = "<search xmlns='urn:xmpp:channel-search:0:search'><x xmlns='jabber:x:data' type='submit'>\
         <field var='FORM_TYPE'><value>urn:xmpp:channel-search:0:search-params</value></field>\
         <field var='all'><value>true</value></field></x></search>";
    let found = house.ask(carl, "get", Some("rooms.example.org"), search);
    assert!(found.text().contains(ROOM), "{}", found.text());
    assert!(!found.text().contains("nusers"), "{}", found.text());
}

#[test]
fn a_search_finds_what_the_rooms_are_now() {
    let mut house = House::new(&["anna", "bert"]);
    let [anna, bert] = come(&mut house, ["anna", "bert"]);
    make(&house, open(), &[("anna", Affiliation::Owner)]);
    let finds = |house: &mut House, word: &str| {
        let search = format!(
            "<search xmlns='urn:xmpp:channel-search:0:search'><x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>urn:xmpp:channel-search:0:search-params</value></field>\
             <field var='q'><value>{word}</value></field></x></search>"
        );
        let found = house.ask(bert, "get", Some("rooms.example.org"), &search);
        assert_eq!(short(&found), "result");
        found.text().contains(ROOM)
    };
    assert!(!finds(&mut house, "garden"));
    let public = ("muc#roomconfig_publicroom", "1");
    let name = ("muc#roomconfig_roomname", "Roses");
    assert_eq!(configure(&mut house, anna, &[public, name]), "result");
    assert!(finds(&mut house, "ROSES") && finds(&mut house, "garden"));
    let name = ("muc#roomconfig_roomname", "Tulips");
    assert_eq!(configure(&mut house, anna, &[name]), "result");
    assert!(finds(&mut house, "tulips") && !finds(&mut house, "roses"));
    let hidden = ("muc#roomconfig_publicroom", "0");
    assert_eq!(configure(&mut house, anna, &[hidden]), "result");
    assert!(!finds(&mut house, "tulips"));
    assert_eq!(configure(&mut house, anna, &[public]), "result");
    assert!(finds(&mut house, "tulips"));
    let destroy = format!("<query xmlns='{}'><destroy/></query>", ns::MUC_OWNER);
    assert_eq!(
        short(&house.ask(anna, "set", Some(ROOM), &destroy)),
        "result"
    );
    assert!(!finds(&mut house, "tulips"));
}

fn set_groups(house: &mut House, name: &str, groups: &[&str]) {
    let address = BareJid::new(Some(name), "example.org").expect("an address");
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let by = Authority::console();
    let set = house.chat.set_groups(&address, &groups, &by, house.now());
    let set = set.now_or_never();
    set.expect("the store answers at once").expect("groups");
    house.settle_until(|_| true);
    house.settle();
}

#[test]
fn a_room_becomes_a_departments_by_its_people_or_administrators() {
    let mut house = House::new(&["anna", "root"]);
    let [anna, root] = come(&mut house, ["anna", "root"]);
    make(
        &house,
        open(),
        &[("anna", Affiliation::Owner), ("root", Affiliation::Owner)],
    );
    let sales = [
        ("hauspost#preset", "department-room"),
        ("hauspost#group", "Sales"),
    ];
    assert_eq!(configure(&mut house, anna, &sales), "error iq forbidden");
    assert_eq!(
        configure(&mut house, anna, &[("hauspost#group", "Sales")]),
        "error iq forbidden"
    );
    set_groups(&mut house, "anna", &["Sales"]);
    assert_eq!(configure(&mut house, anna, &sales), "result");
    assert_eq!(
        configure(&mut house, anna, &[("hauspost#group", "Board")]),
        "error iq forbidden"
    );
    // What is so already may stay.
    set_groups(&mut house, "anna", &[]);
    assert_eq!(configure(&mut house, anna, &sales), "result");
    let address = BareJid::new(Some("root"), "example.org").expect("an address");
    let by = Authority::console();
    let made = house
        .chat
        .set_role(&address, Role::Administrator, &by, house.now());
    let made = made.now_or_never();
    made.expect("at once").expect("an administrator");
    assert_eq!(
        configure(&mut house, root, &[("hauspost#group", "Board")]),
        "result"
    );
}

#[test]
fn whoever_leaves_a_department_leaves_its_room_at_once() {
    let mut house = House::new(&["anna", "bert", "carl"]);
    set_groups(&mut house, "anna", &["Sales"]);
    set_groups(&mut house, "bert", &["Sales", "Board"]);
    let [anna, bert, carl] = come(&mut house, ["anna", "bert", "carl"]);
    make(&house, RoomConfig::department_room("Sales", false), &[]);
    enter(&mut house, anna, "Anna");
    enter(&mut house, bert, "Bert");
    house.forget();
    enter(&mut house, carl, "Carl");
    assert_eq!(house.seen(carl), ["error presence not-allowed"]);
    set_groups(&mut house, "bert", &["Board"]);
    let told = house.take(bert);
    assert_eq!(shorts(&told), [format!("unavailable {ROOM}/Bert")]);
    assert_eq!(statuses(&told[0]), [321, 110]);
    let told = house.take(anna);
    assert_eq!(shorts(&told), [format!("unavailable {ROOM}/Bert")]);
    assert_eq!(statuses(&told[0]), [321]);
    let archive = format!("<query xmlns='{}'/>", ns::ARCHIVE);
    let answer = house.ask(bert, "set", Some(ROOM), &archive);
    assert_eq!(short(&answer), "error iq item-not-found");
    // And whoever comes into it may enter.
    set_groups(&mut house, "carl", &["Sales"]);
    enter(&mut house, carl, "Carl");
    assert_eq!(house.count(carl, &format!("presence {ROOM}")), 2);
}

#[test]
fn whoever_leaves_a_department_stays_in_its_open_room_as_a_guest() {
    let mut house = House::new(&["anna"]);
    set_groups(&mut house, "anna", &["Sales"]);
    let [anna] = come(&mut house, ["anna"]);
    make(&house, RoomConfig::department_room("Sales", true), &[]);
    enter(&mut house, anna, "Anna");
    house.forget();
    set_groups(&mut house, "anna", &[]);
    let told = house.take(anna);
    assert_eq!(shorts(&told), [format!("presence {ROOM}/Anna")]);
    assert!(told[0].text().contains("affiliation='none'"));
}

#[test]
fn who_is_in_a_room_when_the_server_stops_is_told_so() {
    let mut house = House::new(&["anna", "bert"]);
    let [anna, bert] = come(&mut house, ["anna", "bert"]);
    make(
        &house,
        RoomConfig::default(),
        &[("anna", Affiliation::Owner)],
    );
    enter(&mut house, anna, "Anna");
    enter(&mut house, bert, "Bert");
    house.forget();
    house.chat.close_all(StreamCondition::SystemShutdown);
    house.settle();
    for (who, nick) in [(anna, "Anna"), (bert, "Bert")] {
        let told = house.take(who);
        assert_eq!(
            shorts(&told).first(),
            Some(&format!("unavailable {ROOM}/{nick}"))
        );
        assert_eq!(statuses(&told[0]), [332, 110]);
        assert!(house.is_closed(who));
    }
    assert_eq!(
        wait(house.chat.store().room_count(false)),
        Ok(1),
        "a temporary room waits for those who were in it"
    );
}
