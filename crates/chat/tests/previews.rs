//! Link previews: who may ask, and that nobody waits for the answer.

mod common;

use std::sync::{Arc, Mutex};

use chat::{NoPreview, Previewer};
use common::{House, short};
use xmpp::xep::previews::{Preview, request};

type Answer = Box<dyn FnOnce(Result<Preview, NoPreview>) + Send>;
/// What was asked of the web, and who waits for it.
type Asked = Arc<Mutex<Vec<(String, Answer)>>>;

/// A house with a web that answers when it is told to.
fn house(per_minute: u32) -> (House, Asked) {
    let house = House::new(&["juliet", "romeo"]);
    let asked = Asked::default();
    let web = Arc::clone(&asked);
    house.chat.set_previewer(Previewer {
        per_minute,
        fetch: Box::new(move |url, answer| web.lock().expect("its lock").push((url, answer))),
    });
    (house, asked)
}

fn asking(id: &str, url: &str) -> String {
    format!("<iq type='get' id='{id}'>{}</iq>", request(url))
}

#[test]
fn an_answer_comes_when_it_is_there_and_nobody_waits_for_it() {
    let (mut house, asked) = house(10);
    let juliet = house.come("juliet@example.org/balcony");
    let link = "https://garden.example/?a&amp;b".replace("&amp;", "&");
    house.send(juliet, &asking("p", &link));
    assert!(house.take(juliet).is_empty(), "it is not there yet");
    house.ask(
        juliet,
        "get",
        Some("example.org"),
        "<ping xmlns='urn:xmpp:ping'/>",
    );
    let (url, answer) = asked.lock().expect("its lock").remove(0);
    assert_eq!(url, link);
    let found = Preview {
        url,
        target: "https://garden.example/".into(),
        title: "The <garden>".into(),
        ..Preview::default()
    };
    answer(Ok(found.clone()));
    house.settle();
    let [answer] = &house.take(juliet)[..] else {
        panic!("one answer");
    };
    assert_eq!(answer.id().as_deref(), Some("p"));
    let child = answer.children().next().expect("a preview").tree();
    assert_eq!(Preview::read(child.root()), Some(found));
}

#[test]
fn each_reason_is_told() {
    let (mut house, asked) = house(10);
    let juliet = house.come("juliet@example.org/balcony");
    for (why, expected) in [
        (NoPreview::Barred, "not-acceptable"),
        (NoPreview::Nothing, "item-not-found"),
        (NoPreview::Unreachable, "remote-server-timeout"),
        (NoPreview::Busy, "resource-constraint"),
    ] {
        house.send(juliet, &asking("p", "https://garden.example/"));
        let (_, answer) = asked.lock().expect("its lock").remove(0);
        answer(Err(why));
        house.settle();
        let answer = house.take(juliet).remove(0);
        assert_eq!(short(&answer), format!("error iq {expected}"));
    }
    house.send(juliet, &asking("p", "javascript:alert(1)"));
    assert_eq!(short(&house.take(juliet)[0]), "error iq bad-request");
}

#[test]
fn only_the_own_account_asks_and_only_so_often() {
    let (mut house, asked) = house(2);
    let juliet = house.come("juliet@example.org/balcony");
    let romeo = house.come("romeo@example.org/orchard");
    let link = request("https://garden.example/");
    let answer = house.ask(romeo, "get", Some("juliet@example.org"), &link);
    assert_eq!(short(&answer), "error iq service-unavailable");
    for _ in 0..2 {
        house.send(juliet, &asking("p", "https://garden.example/"));
    }
    let answer = house.ask(juliet, "get", None, &link);
    assert_eq!(short(&answer), "error iq policy-violation");
    house.send(romeo, &asking("p", "https://garden.example/"));
    assert_eq!(asked.lock().expect("its lock").len(), 3);
}

#[test]
fn a_server_that_makes_none_says_so() {
    let mut house = House::new(&["juliet"]);
    let juliet = house.come("juliet@example.org/balcony");
    let answer = house.ask(juliet, "get", None, &request("https://garden.example/"));
    assert_eq!(short(&answer), "error iq not-allowed");
}
