//! Each endpoint by each role, with and without the scope.

mod common;

use axum::http::StatusCode;
use chat::accounts::{Act, Authority};
use common::{Place, address};
use futures_util::FutureExt;
use serde_json::{Value, json};
use store::{NewAccount, NewRoom, Role, RoomConfig, wait};

/// What an endpoint wants.
#[derive(Clone, Copy, Debug)]
enum Wants {
    Nothing,
    Act(Act),
    Own,
    Post,
    /// The person, not a token.
    Person,
}

/// Every endpoint, with something to send and what it wants.
fn endpoints() -> Vec<(&'static str, &'static str, Value, Wants)> {
    use Wants::{Nothing, Own, Person, Post};
    let act = Wants::Act;
    let none = || Value::Null;
    vec![
        ("GET", "/api/v1/me", none(), Nothing),
        ("GET", "/api/v1/me/access", none(), Own),
        ("DELETE", "/api/v1/me/access/{id}", none(), Person),
        (
            "POST",
            "/api/v1/me/app-passwords",
            json!({"label": "phone"}),
            Person,
        ),
        ("GET", "/api/v1/me/tokens", none(), Own),
        (
            "POST",
            "/api/v1/me/tokens",
            json!({"label": "more", "scopes": ["self"]}),
            Person,
        ),
        ("DELETE", "/api/v1/me/tokens/{id}", none(), Own),
        ("GET", "/api/v1/people", none(), act(Act::SeePeople)),
        (
            "POST",
            "/api/v1/people",
            json!({"name": "new"}),
            act(Act::CreateAccounts),
        ),
        ("GET", "/api/v1/people/{name}", none(), act(Act::SeePeople)),
        (
            "PATCH",
            "/api/v1/people/{name}",
            json!({"display_name": "T"}),
            act(Act::ChangePeople),
        ),
        (
            "PUT",
            "/api/v1/people/{name}/role",
            json!({"role": "person"}),
            act(Act::SetRoles),
        ),
        (
            "PUT",
            "/api/v1/people/{name}/enabled",
            json!({"enabled": true}),
            act(Act::DisableAccounts),
        ),
        (
            "PUT",
            "/api/v1/people/{name}/groups",
            json!({"groups": ["Sales"]}),
            act(Act::ChangePeople),
        ),
        (
            "PUT",
            "/api/v1/people/{name}/password",
            json!({"password": "a long password"}),
            act(Act::SetPasswords),
        ),
        (
            "GET",
            "/api/v1/people/{name}/access",
            none(),
            act(Act::SeePeople),
        ),
        (
            "DELETE",
            "/api/v1/people/{name}/access/{id}",
            none(),
            act(Act::EndSessions),
        ),
        (
            "DELETE",
            "/api/v1/people/{name}/sessions",
            none(),
            act(Act::EndSessions),
        ),
        (
            "GET",
            "/api/v1/people/{name}/tokens",
            none(),
            act(Act::SeePeople),
        ),
        (
            "DELETE",
            "/api/v1/people/{name}/tokens/{id}",
            none(),
            act(Act::EndSessions),
        ),
        (
            "DELETE",
            "/api/v1/people/{name}",
            none(),
            act(Act::RemoveAccounts),
        ),
        ("GET", "/api/v1/groups", none(), act(Act::SeePeople)),
        (
            "PUT",
            "/api/v1/groups/{group}/people/{name}",
            none(),
            act(Act::ChangePeople),
        ),
        (
            "DELETE",
            "/api/v1/groups/{group}/people/{name}",
            none(),
            act(Act::ChangePeople),
        ),
        ("GET", "/api/v1/invitations", none(), act(Act::SeePeople)),
        (
            "POST",
            "/api/v1/invitations",
            json!({}),
            act(Act::CreateAccounts),
        ),
        (
            "DELETE",
            "/api/v1/invitations/{id}",
            none(),
            act(Act::RevokeInvitations),
        ),
        ("GET", "/api/v1/rooms", none(), act(Act::SeeRooms)),
        (
            "POST",
            "/api/v1/rooms",
            json!({"name": "made"}),
            act(Act::ChangeRooms),
        ),
        ("GET", "/api/v1/rooms/{room}", none(), act(Act::SeeRooms)),
        (
            "PATCH",
            "/api/v1/rooms/{room}",
            json!({"title": "T"}),
            act(Act::ChangeRooms),
        ),
        (
            "GET",
            "/api/v1/rooms/{room}/members",
            none(),
            act(Act::SeeRooms),
        ),
        (
            "PUT",
            "/api/v1/rooms/{room}/members/{address}",
            json!({"affiliation": "member"}),
            act(Act::ChangeRooms),
        ),
        (
            "DELETE",
            "/api/v1/rooms/{room}/members/{address}",
            none(),
            act(Act::ChangeRooms),
        ),
        (
            "POST",
            "/api/v1/rooms/{room}/messages",
            json!({"text": "hello"}),
            Post,
        ),
        (
            "DELETE",
            "/api/v1/rooms/{room}",
            none(),
            act(Act::ChangeRooms),
        ),
        ("GET", "/api/v1/audit", none(), act(Act::SeeAudit)),
        ("GET", "/api/v1/audit/export", none(), act(Act::SeeAudit)),
        ("GET", "/api/v1/audit/head", none(), act(Act::SeeAudit)),
        ("GET", "/api/v1/status", none(), act(Act::SeeRules)),
        (
            "POST",
            "/api/v1/announcements",
            json!({"text": "hello"}),
            act(Act::Announce),
        ),
        (
            "GET",
            "/api/v1/announcements/motd",
            none(),
            act(Act::Announce),
        ),
        (
            "PUT",
            "/api/v1/announcements/motd",
            json!({"text": "hello"}),
            act(Act::Announce),
        ),
        (
            "DELETE",
            "/api/v1/announcements/motd",
            none(),
            act(Act::Announce),
        ),
    ]
}

fn filled(path: &str) -> String {
    path.replace("{name}", "target")
        .replace("{id}", "nothing")
        .replace("{group}", "Sales")
        .replace("{room}", "lobby")
        .replace("{address}", "target")
}

#[test]
fn the_table_has_every_endpoint() {
    let document: Value = serde_json::from_str(&api::rest::document()).expect("JSON");
    let mut described: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("methods").keys();
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let mut tried: Vec<String> = endpoints()
        .iter()
        .map(|(method, path, ..)| format!("{method} {path}"))
        .collect();
    described.sort();
    tried.sort();
    assert_eq!(described, tried);
}

#[test]
fn each_endpoint_asks_for_role_and_scope() {
    let place = Place::new();
    for role in Role::ALL {
        let name = role.name();
        place.account(name, role);
        let whole = place.token_of(name, role);
        for (method, path, body, wants) in endpoints() {
            let case = format!("{name}: {method} {path}");
            // What others have done to it before is of no matter.
            let target = NewAccount {
                localpart: "target".into(),
                ..NewAccount::default()
            };
            let _ = wait(place.chat.store().account_create(target));
            let lobby = NewRoom {
                localpart: "lobby".into(),
                config: RoomConfig {
                    persistent: true,
                    ..RoomConfig::default()
                },
                people: Vec::new(),
            };
            let _ = wait(place.chat.store().room_create(lobby));
            let path = filled(path);
            let may = match wants {
                Wants::Nothing | Wants::Own | Wants::Post => true,
                Wants::Act(act) => act.is_open_to(role),
                Wants::Person => false,
            };
            let answer = place.ask(&whole, method, &path, &body);
            assert_eq!(
                answer.status != StatusCode::FORBIDDEN,
                may,
                "{case}: {} {}",
                answer.status,
                answer.body
            );
            assert!(answer.status.as_u16() < 500, "{case}: {}", answer.body);
            let other = match wants {
                Wants::Own | Wants::Person => "rooms.post",
                _ => "self",
            };
            let narrow = place.token(name, &[other]);
            let answer = place.ask(&narrow, method, &path, &body);
            let expected = if matches!(wants, Wants::Nothing) {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(answer.status, expected, "{case} without the scope");
            for nobody in ["", "hpt_nonsense", "hps_nonsense", "nonsense"] {
                let answer = place.ask(nobody, method, &path, &body);
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{case}");
                assert_eq!(
                    answer.headers["www-authenticate"],
                    "Bearer realm=\"hauspost\""
                );
            }
        }
        let by = Authority::console();
        let to = address(name);
        let gone = place.chat.remove_account(&to, &by, place.now());
        gone.now_or_never().expect("at once").expect("removed");
    }
}
