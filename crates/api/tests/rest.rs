//! The REST interface in memory: what programs rely on.

mod common;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chat::accounts::{ApiTokenWish, Authority, Door};
use common::{Place, address};
use futures_util::FutureExt;
use serde_json::{Value, json};
use store::{Role, RoomConfig};

#[test]
fn helpdesk_does_not_reach_those_above_it() {
    let place = Place::new();
    place.account("help", Role::Helpdesk);
    place.account("boss", Role::Owner);
    place.account("second", Role::Administrator);
    let token = place.token_of("help", Role::Helpdesk);
    for (path, body) in [
        ("password", json!({"password": "a long password"})),
        ("enabled", json!({"enabled": false})),
    ] {
        for target in ["boss", "second"] {
            let path = format!("/api/v1/people/{target}/{path}");
            let answer = place.ask(&token, "PUT", &path, &body);
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    let owner = json!({"name": "mine", "role": "owner"});
    let answer = place.ask(&token, "POST", "/api/v1/people", &owner);
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[test]
fn a_token_ends_when_its_account_may_not_come_in_any_more() {
    let place = Place::new();
    let console = Authority::console();
    for name in ["disabled", "removed", "revoked", "renewed", "expired"] {
        place.account(name, Role::Person);
        let token = place.token(name, &["self"]);
        let me = || place.ask(&token, "GET", "/api/v1/me", &Value::Null).status;
        assert_eq!(me(), StatusCode::OK);
        let (to, now) = (address(name), place.now());
        match name {
            "disabled" => {
                let set = place.chat.set_enabled(&to, false, &console, now);
                set.now_or_never().expect("at once").expect("done");
                assert_eq!(me(), StatusCode::UNAUTHORIZED);
                let set = place.chat.set_enabled(&to, true, &console, now);
                set.now_or_never().expect("at once").expect("done");
            }
            "removed" => {
                let gone = place.chat.remove_account(&to, &console, now);
                gone.now_or_never().expect("at once").expect("done");
            }
            "revoked" => {
                let list = place.ask(&token, "GET", "/api/v1/me/tokens", &Value::Null);
                let id = list.body["items"][0]["id"].as_str().expect("an id");
                let path = format!("/api/v1/me/tokens/{id}");
                let answer = place.ask(&token, "DELETE", &path, &Value::Null);
                assert_eq!(answer.status, StatusCode::NO_CONTENT);
            }
            "renewed" => {
                let set = place.chat.set_keys(&to, Vec::new(), None, &console, now);
                set.now_or_never().expect("at once").expect("done");
            }
            _ => {
                let wish = ApiTokenWish {
                    label: String::new(),
                    scopes: vec!["self".into()],
                    lifetime: Some(Duration::from_secs(60)),
                };
                let made = place.chat.create_api_token(&to, wish, &console, now);
                let made = made.now_or_never().expect("at once").expect("a token");
                let short = made.secret.into_inner();
                let ask = || place.ask(&short, "GET", "/api/v1/me", &Value::Null).status;
                assert_eq!(ask(), StatusCode::OK);
                place.pass(Duration::from_secs(60));
                assert_eq!(ask(), StatusCode::UNAUTHORIZED);
                continue;
            }
        }
        assert_eq!(me(), StatusCode::UNAUTHORIZED, "{name}");
    }
    let actors = place.entries("token.made");
    assert_eq!(actors.len(), 6);
}

#[test]
fn the_audit_log_says_who_and_by_which_door() {
    let place = Place::new();
    place.account("boss", Role::Owner);
    let token = place.token_of("boss", Role::Owner);
    let made = json!({"name": "Anna", "display_name": "Anna A.", "groups": ["Sales"]});
    let answer = place.ask(&token, "POST", "/api/v1/people", &made);
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.headers[header::LOCATION], "/api/v1/people/anna");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let change = |path: &str, method: &str, body: Value| {
        let answer = place.ask(&token, method, path, &body);
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
    };
    change(
        "/api/v1/people/anna",
        "PATCH",
        json!({"display_name": "A."}),
    );
    change(
        "/api/v1/rooms",
        "POST",
        json!({"name": "lobby", "title": "Lobby"}),
    );
    change("/api/v1/rooms/lobby", "PATCH", json!({"moderated": true}));
    change(
        "/api/v1/rooms/lobby/members/anna",
        "PUT",
        json!({"affiliation": "admin"}),
    );
    change("/api/v1/rooms/lobby", "DELETE", Value::Null);
    change(
        "/api/v1/announcements",
        "POST",
        json!({"text": "Cake at ten"}),
    );
    let boss = "boss@example.org";
    for (action, subject) in [
        ("account.created", "anna@example.org"),
        ("account.name", "anna@example.org"),
        ("room.made", "lobby@rooms.example.org"),
        ("room.configured", "lobby@rooms.example.org"),
        ("room.affiliation", "lobby@rooms.example.org"),
        ("room.removed", "lobby@rooms.example.org"),
        ("announcement", "everybody"),
    ] {
        let told = place.entries(action);
        let expected = (boss.to_owned(), "rest".to_owned(), subject.to_owned());
        assert_eq!(told, [expected], "{action}");
    }
    let by = Authority::of(&address("boss"), Role::Owner, Door::Rest);
    assert_eq!(by.actor(), boss);
}

#[test]
fn the_same_request_under_the_same_key_is_carried_out_once() {
    let place = Place::new();
    place.account("boss", Role::Owner);
    place.room("lobby", RoomConfig::default());
    let token = place.token_of("boss", Role::Owner);
    let path = "/api/v1/rooms/lobby/messages";
    let key = [("idempotency-key", "build-17")];
    let post = |text: &str| place.ask_with(&token, "POST", path, &json!({"text": text}), &key);
    let first = post("Build 17 is done");
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let again = post("Build 17 is done");
    assert_eq!(
        (again.status, &again.body),
        (StatusCode::CREATED, &first.body)
    );
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = post("Build 18 is done");
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    place.pass(Duration::from_secs(25 * 3600));
    let later = post("Build 17 is done");
    assert_ne!(later.body, first.body, "a day later it is another one");
}

#[test]
fn encrypted_rooms_refuse_posts_with_a_word_that_helps() {
    let place = Place::new();
    place.account("anna", Role::Person);
    place.room("private", RoomConfig::group_chat());
    place.room(
        "readers",
        RoomConfig {
            moderated: true,
            ..RoomConfig::default()
        },
    );
    let token = place.token("anna", &["rooms.post"]);
    let post = |room: &str| {
        let path = format!("/api/v1/rooms/{room}/messages");
        place.ask(&token, "POST", &path, &json!({"text": "hello"}))
    };
    // It is hidden, and she is no member: she does not learn that it is there.
    assert_eq!(post("private").status, StatusCode::NOT_FOUND);
    let console = Authority::console();
    let anna = address("anna");
    let member = place.chat.set_room_person(
        "private",
        &anna,
        store::Affiliation::Member,
        None,
        &console,
        place.now(),
    );
    member.now_or_never().expect("at once").expect("a member");
    let answer = post("private");
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.body["type"], "urn:hauspost:problem:encrypted-room");
    let detail = answer.body["detail"].as_str().expect("words");
    assert!(detail.contains("hauspost-agent send"), "{detail}");
    assert_eq!(post("readers").status, StatusCode::FORBIDDEN);
    assert_eq!(post("nowhere").status, StatusCode::NOT_FOUND);
}

#[test]
fn a_change_that_was_overtaken_is_refused() {
    let place = Place::new();
    place.account("boss", Role::Owner);
    place.account("anna", Role::Person);
    let token = place.token_of("boss", Role::Owner);
    let path = "/api/v1/people/anna";
    let read = place.ask(&token, "GET", path, &Value::Null);
    let tag = read.headers[header::ETAG]
        .to_str()
        .expect("a tag")
        .to_owned();
    let rename = |name: &str, tag: &str| {
        let body = json!({"display_name": name});
        place.ask_with(&token, "PATCH", path, &body, &[("if-match", tag)])
    };
    let first = rename("Anna", &tag);
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(rename("Anne", &tag).status, StatusCode::PRECONDITION_FAILED);
    let tag = first.headers[header::ETAG].to_str().expect("a tag");
    assert_eq!(rename("Anne", tag).status, StatusCode::OK);
}

#[test]
fn people_are_found_sorted_and_paged() {
    let place = Place::new();
    place.account("boss", Role::Owner);
    let token = place.token_of("boss", Role::Owner);
    for number in 0..30 {
        let person = json!({
            "name": format!("p{number:02}"),
            "display_name": format!("Ärztin {:02}", 99 - number),
            "groups": [if number % 2 == 0 { "Even" } else { "Odd" }],
        });
        let answer = place.ask(&token, "POST", "/api/v1/people", &person);
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    for (query, total, first) in [
        ("sort=name", 31, "boss"),
        ("sort=display_name&group=Even", 15, "p28"),
        ("search=%C3%A4RZTIN%20even", 15, "p00"),
        ("search=p07", 1, "p07"),
        ("role=owner", 1, "boss"),
        ("enabled=false", 0, ""),
        ("sort=created&descending=true", 31, "p29"),
    ] {
        let mut cursor = String::new();
        let mut names = Vec::new();
        loop {
            let path = format!("/api/v1/people?limit=7&{query}{cursor}");
            let page = place.ask(&token, "GET", &path, &Value::Null);
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert_eq!(page.body["total"], total, "{query}");
            for item in page.body["items"].as_array().expect("items") {
                names.push(item["name"].as_str().expect("a name").to_owned());
            }
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(names.len(), total, "{query}");
        assert_eq!(names.first().map_or("", String::as_str), first, "{query}");
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{query}: nobody twice");
    }
}

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let place = Place::new();
    place.account("boss", Role::Owner);
    let token = place.token_of("boss", Role::Owner);
    for (method, path, body, status) in [
        ("GET", "/api/v1/nothing", Value::Null, 404),
        ("PUT", "/api/v1/people", json!({}), 405),
        ("GET", "/api/v1/people?limit=0", Value::Null, 400),
        ("GET", "/api/v1/people?cursor=x", Value::Null, 400),
        ("GET", "/api/v1/people?unknown=x", Value::Null, 400),
        ("POST", "/api/v1/people", json!({"name": 7}), 422),
        (
            "POST",
            "/api/v1/people",
            json!({"name": "a", "colour": "red"}),
            422,
        ),
        ("POST", "/api/v1/people", json!({"name": "a b@c"}), 422),
        ("POST", "/api/v1/people", json!({"name": "boss"}), 409),
        (
            "POST",
            "/api/v1/people",
            json!({"name": "x", "display_name": "y".repeat(70_000)}),
            413,
        ),
        ("GET", "/api/v1/people/nobody", Value::Null, 404),
        (
            "PUT",
            "/api/v1/people/boss/role",
            json!({"role": "person"}),
            409,
        ),
        ("GET", "/api/v1/audit?since=yesterday", Value::Null, 400),
    ] {
        let answer = place.ask(&token, method, path, &body);
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{method} {path}: {}",
            answer.body
        );
        let kind = &answer.headers[header::CONTENT_TYPE];
        assert_eq!(kind, "application/problem+json", "{method} {path}");
        assert_eq!(answer.body["status"], status);
        assert!(answer.body["detail"].is_string());
    }
    let german = [("accept-language", "de-AT,de;q=0.9")];
    let answer = place.ask_with(
        &token,
        "GET",
        "/api/v1/people/nobody",
        &Value::Null,
        &german,
    );
    assert_eq!(answer.body["detail"], "Dieses Konto gibt es nicht.");
}

#[test]
fn whoever_asks_too_often_waits() {
    let place = Place::new();
    place.account("anna", Role::Person);
    let token = place.token("anna", &["self"]);
    let ask = || {
        let request = Request::get("/api/v1/me");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        place.send(request.body(Body::empty()).expect("a request"))
    };
    let refused = (0..1_000).map(|_| ask()).find(|answer| {
        let wait = answer.status == StatusCode::TOO_MANY_REQUESTS;
        assert!(wait || answer.status == StatusCode::OK);
        wait
    });
    assert_eq!(refused.expect("a bound").headers[header::RETRY_AFTER], "1");
    place.pass(Duration::from_secs(1));
    assert_eq!(ask().status, StatusCode::OK);
}
