//! Catching up: 10,000 archived messages, encrypted, 200 a page.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use client::{Command, ConversationId, Draft, MemoryStorage, Now};

use crate::Step;
use crate::device::{Device, START};
use crate::server::Server;
use crate::world::jid;

const ROMEO: &str = "romeo@example.org";
const JULIET: &str = "juliet@example.org";
const MESSAGES: usize = 10_000;
const TIMES: usize = 5;

fn say(device: &mut Device, to: &str, text: String, server: &mut Server, now: Now) {
    let send = Command::Send {
        conversation: ConversationId::parse(to).unwrap(),
        message: Draft::text(text),
    };
    device.command(send, server, now);
}

/// Both have heard of each other; then one writes and the other is away.
fn away() -> (Server, MemoryStorage, Now) {
    let mut server = Server::default();
    let mut now = START;
    let mut romeo = Device::new(ROMEO, &mut server, now);
    let mut juliet = Device::new(JULIET, &mut server, now);
    let open = |with: &str| Command::OpenChat { with: jid(with) };
    romeo.command(open(JULIET), &mut server, now);
    juliet.command(open(ROMEO), &mut server, now);
    say(&mut romeo, JULIET, "begin".to_owned(), &mut server, now);
    let disk = juliet.client.with_storage(MemoryStorage::clone);
    now = now + Duration::from_secs(60);
    let mut juliet = Device::open(JULIET, disk, 100, &mut server, now);
    say(&mut juliet, ROMEO, "begin".to_owned(), &mut server, now);
    let disk = romeo.client.with_storage(MemoryStorage::clone);
    now = now + Duration::from_secs(60);
    let mut romeo = Device::open(ROMEO, disk, 100, &mut server, now);
    for number in 0..MESSAGES {
        now = now + Duration::from_secs(1);
        let text = format!("Message {number}, as long as most of them are");
        say(&mut romeo, JULIET, text, &mut server, now);
    }
    let disk = juliet.client.with_storage(MemoryStorage::clone);
    (server, disk, now)
}

pub(crate) fn steps() -> Vec<Step> {
    let (server, disk, now) = away();
    let server = Rc::new(RefCell::new(server));
    let disk = Rc::new(disk);
    let mut steps = Vec::new();
    for time in 0..TIMES {
        let (server, disk) = (Rc::clone(&server), Rc::clone(&disk));
        steps.push(Step::Prepare(Box::new(move || {
            let disk = MemoryStorage::clone(&disk);
            vec![Step::Measure(
                3,
                Box::new(move || {
                    let server = &mut server.borrow_mut();
                    let juliet = Device::open(JULIET, disk, 200 + time as u64, server, now);
                    let row = &juliet.client.conversations().rows[0];
                    assert_eq!(row.unread, MESSAGES as u64);
                    let last = row.last.as_ref().map(|last| last.text.expose().clone());
                    assert!(last.is_some_and(|last| last.contains("Message 9999")));
                }),
            )]
        })));
    }
    steps
}
