//! A person who comes and goes all the time gets every message that was acknowledged, once, whether
//! or not an archive keeps it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use base::BareJid;
use kit::client::Wishes;
use kit::server::{Link, Server};
use xmpp::xep::carbons;
use xmpp::xml::Stanza;

const MESSAGES: u32 = 600;

fn wishes(name: &str, resource: &str) -> Wishes {
    let account = BareJid::parse(&format!("{name}@example.org")).unwrap();
    Wishes::new(account, resource, "secret")
}

/// The id of a message with a text, also out of its copy (XEP-0280).
fn text_id(stanza: &Stanza) -> Option<String> {
    let copied = carbons::unwrap(stanza).map(|(_, forwarded)| forwarded.stanza);
    let message = copied.as_ref().unwrap_or(stanza);
    message
        .has("body", "jabber:client")
        .then(|| message.id().unwrap_or_default().into_owned())
}

/// Everything that comes until the stream ends.
fn read_to_end(mut link: Link, got: &mut HashMap<String, u32>) {
    while let Some(stanza) = link.await_stanza() {
        if let Some(id) = text_id(&stanza) {
            *got.entry(id).or_default() += 1;
        }
    }
}

/// Sends all messages, a few at a time, and waits until each is acknowledged.
fn write_all(address: SocketAddr) {
    let mut sender = Wishes {
        managed: true,
        ..wishes("juliet", "balcony")
    };
    sender.resume = None;
    let mut link = Link::open(address, &sender).unwrap();
    for number in 0..MESSAGES {
        let message = format!(
            "<message to='romeo@example.org' type='chat' id='{number}'><body>{number}</body></message>\
             <r xmlns='urn:xmpp:sm:3'/>"
        );
        let before = link.client.acknowledgements;
        link.send(message.as_bytes());
        while link.client.acknowledgements == before {
            assert!(link.read(), "the sender's stream ended");
        }
    }
    assert_eq!(link.client.acknowledged, MESSAGES);
}

fn come_and_go(name: &str, archive: bool, copies: bool) {
    let config = format!("[archive]\nenabled = {archive}\n");
    let server = Server::start(name, &config);
    server.add_accounts(["juliet", "romeo"]);
    let mut got = HashMap::new();
    let written = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write_all(server.address);
            written.store(true, Ordering::Release);
        });
        let mut visit = 0;
        loop {
            let last = written.load(Ordering::Acquire);
            let here = wishes("romeo", ["orchard", "garden", "tomb"][visit % 3]);
            let mut link = Link::open(server.address, &here).unwrap();
            if copies {
                // As many clients do it: copies first, then some questions, then the presence.
                link.send(
                    b"<iq type='set' id='copies'><enable xmlns='urn:xmpp:carbons:2'/></iq>\
                      <iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>",
                );
                while let Some(stanza) = link.await_stanza() {
                    if let Some(id) = text_id(&stanza) {
                        *got.entry(id).or_default() += 1;
                    } else if stanza.id().as_deref() == Some("roster") {
                        break;
                    }
                }
            }
            // Who has gone but stays connected gets copies, and what is copied waits on for who comes.
            let goodbye: &[u8] = if copies || visit % 2 == 0 {
                b"<presence/></stream:stream>"
            } else {
                b"<presence/><presence type='unavailable'/></stream:stream>"
            };
            link.send(goodbye);
            read_to_end(link, &mut got);
            visit += 1;
            if last {
                break;
            }
        }
    });
    // Once more, to stay: what waits comes ahead of the answer to a ping behind the presence.
    let mut link = Link::open(server.address, &wishes("romeo", "home")).unwrap();
    link.send(
        b"<presence/><iq type='get' id='ping' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    loop {
        let stanza = link.await_stanza().expect("the answer to the ping");
        match stanza.id().as_deref() {
            Some("ping") => break,
            _ => {
                if let Some(id) = text_id(&stanza) {
                    *got.entry(id).or_default() += 1;
                }
            }
        }
    }
    let wrong: Vec<_> = (0..MESSAGES)
        .map(|number| {
            (
                number,
                got.get(&number.to_string()).copied().unwrap_or_default(),
            )
        })
        .filter(|(_, times)| *times != 1)
        .collect();
    assert!(wrong.is_empty(), "number and times received: {wrong:?}");
}

#[test]
fn archived_messages_reach_who_comes_and_goes() {
    come_and_go("going-archived", true, false);
}

#[test]
fn messages_in_no_archive_reach_who_comes_and_goes() {
    come_and_go("going-unarchived", false, false);
}

#[test]
fn archived_messages_reach_who_wants_copies_before_he_is_there() {
    come_and_go("going-copied", true, true);
}

#[test]
fn messages_in_no_archive_reach_who_wants_copies_before_he_is_there() {
    come_and_go("going-copied-unarchived", false, true);
}
