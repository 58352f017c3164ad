//! Messages that are in no archive outlive `kill -9` until their client has said that it has them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use base::BareJid;
use kit::client::Wishes;
use kit::house::DOMAIN;
use kit::server::{Link, Server};
use xmpp::ns;
use xmpp::xml::{Kind, Stanza};

fn wishes(name: &str, managed: bool) -> Wishes {
    let account = BareJid::parse(&format!("{name}@{DOMAIN}")).unwrap();
    Wishes {
        managed,
        ..Wishes::new(account, "garden", "secret")
    }
}

fn is_message(stanza: &Stanza) -> bool {
    stanza.kind() == Kind::Message && stanza.has("body", ns::CLIENT)
}

/// Asks the server for a sign of life, and gives how many messages came before it.
fn messages_before_ping(link: &mut Link) -> usize {
    link.send(
        format!("<iq type='get' id='p' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>")
            .as_bytes(),
    );
    let mut messages = 0;
    loop {
        let stanza = link.await_stanza().expect("an answer");
        if stanza.kind() == Kind::Iq && stanza.id().as_deref() == Some("p") {
            return messages;
        }
        messages += usize::from(is_message(&stanza));
    }
}

#[test]
fn what_was_not_acknowledged_is_there_after_a_kill() {
    let mut server = Server::start("waiting", "");
    server.add_accounts(["juliet", "romeo"]);
    let mut juliet = Link::open(server.address, &wishes("juliet", false)).unwrap();
    for number in 0..3 {
        juliet.send(
            format!(
                "<message to='romeo@{DOMAIN}' type='chat' id='{number}'><body>{number}</body>\
                 <no-permanent-store xmlns='urn:xmpp:hints'/></message>"
            )
            .as_bytes(),
        );
    }
    assert_eq!(messages_before_ping(&mut juliet), 0);
    for _ in 0..3 {
        let mut romeo = Link::open(server.address, &wishes("romeo", true)).unwrap();
        romeo.send(b"<presence/>");
        // It hears all of it, and acknowledges nothing.
        while romeo
            .client
            .inbox
            .iter()
            .filter(|stanza| is_message(stanza))
            .count()
            < 3
        {
            romeo.hear().expect("the messages come");
        }
        server.kill();
        server.launch();
    }
    let mut romeo = Link::open(server.address, &wishes("romeo", true)).unwrap();
    romeo.send(b"<presence/>");
    assert_eq!(messages_before_ping(&mut romeo), 3);
    romeo.send(b"</stream:stream>");
    while romeo.read() {}
    let mut romeo = Link::open(server.address, &wishes("romeo", true)).unwrap();
    romeo.send(b"<presence/>");
    assert_eq!(
        messages_before_ping(&mut romeo),
        0,
        "they were acknowledged"
    );
}
