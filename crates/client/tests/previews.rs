//! What is behind a link goes along with the message, sealed, when its writer wants it to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::sync::{Arc, Mutex};

use chat::{NoPreview, Previewer};
use client::previews::{self, Preview};
use client::text::Document;
use client::views::Body;
use client::{Command, Done, Draft, Event, Redacted};
use world::{World, with};
use xmpp::xep::previews as wire;

const LINK: &str = "https://garden.example/november";

fn found() -> wire::Preview {
    wire::Preview {
        url: LINK.into(),
        target: LINK.into(),
        title: "The garden".into(),
        description: Some("What is to be done".into()),
        site_name: None,
        picture: Some(wire::Picture {
            media_type: "image/jpeg".into(),
            data: vec![0xff, 0xd8, 0xff],
            alt: Some("A bed".into()),
        }),
    }
}

/// A server that finds this behind every link; gives what it was asked.
fn world(finds: Result<wire::Preview, NoPreview>) -> (World, Arc<Mutex<Vec<String>>>) {
    let world = World::new();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    world.house.chat.set_previewer(Previewer {
        per_minute: 10,
        fetch: Box::new(move |url, answer| {
            log.lock().unwrap().push(url);
            answer(finds.clone());
        }),
    });
    (world, asked)
}

fn looks(world: &mut World, at: usize, text: &str) -> (Option<String>, Option<Preview>) {
    world.took_events(at);
    let text = Redacted::new(text.to_owned());
    let Done::Link(link) = world.command(at, Command::LookAtLink { text }) else {
        panic!("it says which link it is");
    };
    world.settle();
    let told = world
        .took_events(at)
        .into_iter()
        .find_map(|event| match event {
            Event::Preview { preview, .. } => preview,
            _ => None,
        });
    (link, told)
}

fn previews_read(world: &World, at: usize, conversation: &str) -> Vec<Preview> {
    let messages = world.messages(at, conversation);
    let Body::Text { text, elements, .. } = &messages.last().unwrap().body else {
        panic!("it can be read");
    };
    previews::read(&Document::parse(text.expose(), &[]), elements.expose())
}

#[test]
fn a_preview_is_shown_to_its_writer_and_sealed_for_all() {
    let (mut world, asked) = world(Ok(found()));
    let romeo = world.device("romeo", "phone");
    let juliet = world.device("juliet", "laptop");
    let text = format!("look: {LINK}");
    let (link, shown) = looks(&mut world, romeo, &text);
    assert_eq!(link.as_deref(), Some(LINK));
    let shown = shown.unwrap();
    assert_eq!(shown.title, "The garden");
    assert_eq!(
        shown.picture.as_ref().unwrap().uri,
        "data:image/jpeg;base64,/9j/"
    );
    // Once is enough.
    assert_eq!(
        looks(&mut world, romeo, &text),
        (link.clone(), Some(shown.clone()))
    );
    assert_eq!(asked.lock().unwrap().len(), 1);

    let with_juliet = "juliet@example.org";
    world.say(romeo, with_juliet, "first without");
    for (preview, expected) in [(link, vec![shown]), (None, vec![])] {
        let message = Draft {
            preview,
            ..Draft::text(text.clone())
        };
        let conversation = with(with_juliet);
        world.command(
            romeo,
            Command::Send {
                conversation,
                message,
            },
        );
        world.settle();
        assert_eq!(previews_read(&world, juliet, "romeo@example.org"), expected);
        assert_eq!(previews_read(&world, romeo, with_juliet), expected);
    }
    assert_eq!(asked.lock().unwrap().len(), 1, "who reads asks nobody");
}

#[test]
fn nothing_is_asked_and_nothing_is_shown_where_there_is_nothing() {
    let (mut world, asked) = world(Err(NoPreview::Nothing));
    let romeo = world.device("romeo", "phone");
    for text in [
        "no link",
        "> https://quoted.example/",
        "`https://code.example/`",
        "xmpp:a@b.example",
    ] {
        assert_eq!(looks(&mut world, romeo, text), (None, None), "{text}");
    }
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(looks(&mut world, romeo, LINK), (Some(LINK.into()), None));
    looks(&mut world, romeo, LINK);
    assert_eq!(
        asked.lock().unwrap().len(),
        1,
        "it is known that there is nothing"
    );
}

#[test]
fn a_server_that_makes_none_is_asked_once() {
    let mut world = World::new();
    let romeo = world.device("romeo", "phone");
    assert_eq!(looks(&mut world, romeo, LINK), (Some(LINK.into()), None));
    assert_eq!(
        looks(&mut world, romeo, "https://other.example/"),
        (None, None)
    );
}
