//! A client whose socket dies in the middle of its work resumes at once, every time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base::BareJid;
use kit::client::Wishes;
use kit::server::{Link, Server};

const CUTS: u32 = 40;

#[test]
fn a_session_is_resumed_while_its_old_socket_dies() {
    let server = Server::start("resumption", "");
    server.add_accounts(["juliet", "romeo"]);
    let mut wishes = Wishes {
        managed: true,
        ..Wishes::new(
            BareJid::parse("juliet@example.org").unwrap(),
            "balcony",
            "secret",
        )
    };
    let mut link = Link::open(server.address, &wishes).unwrap();
    let id = link.client.resume_id.clone().unwrap();
    for cut in 0..CUTS {
        wishes.salted = link.client.salted.clone();
        wishes.resume = Some((id.clone(), link.client.handled));
        let message = format!(
            "<message to='romeo@example.org' type='chat' id='{cut}'><body>{cut}</body></message>"
        );
        link.send(message.repeat(5).as_bytes());
        drop(link);
        link = Link::open(server.address, &wishes).unwrap();
        assert!(link.client.resumed.is_some(), "cut {cut}: not resumed");
    }
}
