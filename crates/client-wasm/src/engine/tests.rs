//! The engine on a storage in memory, without a network.

use client::{MemoryStorage, Moment, Now, Settings, Timestamp};
use serde_json::{Value, json};

use super::{Effect, Engine};

struct Page {
    engine: Engine<MemoryStorage>,
    now: u64,
}

fn dice() -> impl FnMut(&mut [u8]) {
    let mut state = 1u64;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}

impl Page {
    fn new() -> Self {
        let account = base::BareJid::parse("juliet@example.org").unwrap();
        let engine = Engine::open(
            MemoryStorage::new(),
            Settings::new(account, "Browser"),
            "example.org".to_owned(),
            at(0),
            &mut dice(),
        );
        Self {
            engine: engine.unwrap(),
            now: 0,
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.now += 1_000;
        let answer = self
            .engine
            .request("page", &request.to_string(), at(self.now), &mut dice());
        serde_json::from_str(&answer).unwrap()
    }

    fn command(&mut self, command: Value) -> Value {
        self.ask(&json!({ "type": "command", "command": command }))
    }

    fn subscribe(&mut self, name: &str, view: Value) {
        let done = self.ask(&json!({ "type": "subscribe", "subscription": name, "view": view }));
        assert_eq!(done["type"], "done", "{done}");
    }

    /// What was told of a subscription since.
    fn told(&mut self, name: &str) -> Vec<Value> {
        let mut told = Vec::new();
        while let Some((audience, json)) = self.engine.told() {
            let value: Value = serde_json::from_str(&json).unwrap();
            if audience.as_deref() == Some("page") && value["subscription"] == name {
                told.push(value["update"].clone());
            }
        }
        told
    }
}

fn at(micros: u64) -> Now {
    let wall = Timestamp::from_micros(1_800_000_000_000_000 + micros as i64);
    Now::new(Moment::from_micros(micros), wall)
}

#[test]
fn what_changes_comes_as_steps() {
    let mut page = Page::new();
    page.subscribe("list", json!({ "view": "conversations" }));
    let told = page.told("list");
    assert_eq!(told[0]["shown"]["value"]["rows"], json!([]));
    let done = page.command(json!({ "type": "openChat", "with": "romeo@example.org" }));
    assert_eq!(done["done"]["conversation"], "romeo@example.org");
    let told = page.told("list");
    assert_eq!(told[0]["type"], "conversations");
    assert_eq!(told[0]["changes"][0]["type"], "insert");
    assert_eq!(told[0]["changes"][0]["item"]["name"], "romeo");
    // Who looks no more hears no more.
    page.ask(&json!({ "type": "unsubscribe", "subscription": "list" }));
    page.command(json!({ "type": "openChat", "with": "nurse@example.org" }));
    assert_eq!(page.told("list"), Vec::<Value>::new());
}

fn words(item: &Value) -> Option<&str> {
    item["message"]["body"]["source"].as_str()
}

#[test]
fn a_part_of_a_timeline_moves() {
    let mut page = Page::new();
    let conversation = "romeo@example.org";
    page.command(json!({ "type": "openChat", "with": conversation }));
    let mut keys = Vec::new();
    for number in 0..400 {
        let draft = json!({ "text": format!("*{number}*") });
        let send = json!({ "type": "send", "conversation": conversation, "draft": draft });
        let done = page.command(send);
        keys.push(done["done"]["message"].as_str().unwrap().to_owned());
    }
    page.subscribe(
        "part",
        json!({ "view": "timeline", "conversation": conversation }),
    );
    let mut items: Vec<Value> = Vec::new();
    let mut look = |page: &mut Page| -> (String, String, usize) {
        for update in page.told("part") {
            if update["type"] == "whole" {
                items = update["shown"]["value"]["items"]
                    .as_array()
                    .unwrap()
                    .clone();
                continue;
            }
            for change in update["changes"].as_array().unwrap() {
                let place = change["at"].as_u64().unwrap() as usize;
                match change["type"].as_str().unwrap() {
                    "remove" => drop(items.remove(place)),
                    "insert" => items.insert(place, change["item"].clone()),
                    _ => items[place] = change["item"].clone(),
                }
            }
        }
        let said: Vec<&str> = items.iter().filter_map(words).collect();
        (
            said[0].to_owned(),
            said[said.len() - 1].to_owned(),
            said.len(),
        )
    };
    assert_eq!(look(&mut page), ("*340*".into(), "*399*".into(), 60));
    let moved = |to: &str| json!({ "type": "move", "subscription": "part", "to": { "type": to } });
    page.ask(&moved("earlier"));
    assert_eq!(look(&mut page), ("*280*".into(), "*399*".into(), 120));
    for _ in 0..4 {
        page.ask(&moved("earlier"));
    }
    // No more than so many: those at the other end go.
    assert_eq!(look(&mut page), ("*40*".into(), "*339*".into(), 300));
    // What is said meanwhile is not in this part.
    let draft = json!({ "text": "new" });
    page.command(json!({ "type": "send", "conversation": conversation, "draft": draft }));
    assert_eq!(look(&mut page), ("*40*".into(), "*339*".into(), 300));
    page.ask(&moved("later"));
    page.ask(&moved("later"));
    assert_eq!(look(&mut page), ("*101*".into(), "new".into(), 300));
    let around = json!({ "type": "around", "message": keys[100] });
    page.ask(&json!({ "type": "move", "subscription": "part", "to": around }));
    assert_eq!(look(&mut page), ("*70*".into(), "*130*".into(), 61));
    page.ask(&moved("latest"));
    assert_eq!(look(&mut page), ("*341*".into(), "new".into(), 60));
}

#[test]
fn bad_requests_say_what_to_do() {
    let mut page = Page::new();
    let answer = page.engine.request("page", "{", at(1), &mut dice());
    assert!(answer.contains("reload the page"), "{answer}");
    let failed = page.command(json!({ "type": "openChat", "with": "no address@" }));
    assert_eq!(failed["failure"]["kind"], "notPossible");
    let draft = json!({ "text": "hello" });
    let nobody = json!({ "type": "send", "conversation": "x@example.org", "draft": draft });
    assert_eq!(page.command(nobody)["failure"]["kind"], "notFound");
}

#[test]
fn a_login_asks_for_a_connection() {
    let mut page = Page::new();
    assert!(!page.engine.has_credentials());
    let done = page.engine.login("secret".to_owned(), at(1), &mut dice());
    assert!(done.is_ok());
    let mut effects = std::iter::from_fn(|| page.engine.effect());
    assert!(effects.any(|effect| effect == Effect::Connect));
}
