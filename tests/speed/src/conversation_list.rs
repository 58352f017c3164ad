//! The first sight of the conversation list: a client is opened on what is kept, before there is any network.

use std::rc::Rc;

use client::{Client, Command, Draft, MemoryStorage, Settings};

use crate::device::{Dice, START};
use crate::world::jid;
use crate::{Step, TIMES};

const CONVERSATIONS: usize = 1_000;
const LINES_EACH: usize = 3;

/// Every conversation has lines, all of which still wait to be sent, which is more than anybody will find.
fn filled(settings: &Settings) -> MemoryStorage {
    let mut dice = Dice::new(1);
    let storage = MemoryStorage::new();
    let mut client = Client::open(storage, settings.clone(), START, &mut dice).unwrap();
    for number in 0..CONVERSATIONS {
        let with = jid(&format!("somebody{number}@example.org"));
        let open = Command::OpenChat { with: with.clone() };
        client.command(open, START, &mut dice).unwrap();
        for line in 0..LINES_EACH {
            let send = Command::Send {
                conversation: with.clone().into(),
                message: Draft::text(format!("Line {line} of what was said, as long as most")),
            };
            client.command(send, START, &mut dice).unwrap();
        }
    }
    client.with_storage(MemoryStorage::clone)
}

pub(crate) fn steps() -> Vec<Step> {
    let settings = Settings::new(jid("romeo@example.org"), "speed");
    let storage = Rc::new(filled(&settings));
    let mut steps = Vec::new();
    for _ in 0..TIMES {
        let (storage, settings) = (Rc::clone(&storage), settings.clone());
        steps.push(Step::Prepare(Box::new(move || {
            // What a browser has on its disk needs no copy.
            let storage = MemoryStorage::clone(&storage);
            vec![Step::Measure(
                2,
                Box::new(move || {
                    let mut dice = Dice::new(2);
                    let client = Client::open(storage, settings, START, &mut dice).unwrap();
                    assert_eq!(client.conversations().rows.len(), CONVERSATIONS);
                    // Taking it down is not what anybody waits for.
                    std::mem::forget(client);
                }),
            )]
        })));
    }
    steps
}
