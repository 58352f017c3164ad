//! Writing to a room of 300 devices: 100 people with three each.

use std::cell::RefCell;
use std::rc::Rc;

use client::BareJid;
use omemo::{Audience, Outgoing};

use crate::world::{World, jid};
use crate::{Step, TIMES};

const MEMBERS: usize = 100;
const DEVICES_EACH: usize = 3;

const OUTGOING: Outgoing<'_> = Outgoing {
    elements: "<body xmlns='jabber:client'>But, soft! what light through yonder window breaks?</body>",
    text: None,
};

fn room() -> (World, Audience) {
    let mut world = World::new(51);
    world.device("writer@example.org");
    let members: Vec<BareJid> = (0..MEMBERS)
        .map(|number| jid(&format!("member{number}@example.org")))
        .collect();
    for member in &members {
        for _ in 0..DEVICES_EACH {
            world.device(member.as_str());
        }
    }
    (
        world,
        Audience::group(jid("room@rooms.example.org"), members),
    )
}

fn write(world: &mut World, audience: &Audience) {
    let now = world.now;
    let mut machine = world.parties[0].machine.take().unwrap();
    let said = machine.encrypt(audience, OUTGOING, now, &mut world.random);
    assert_eq!(said.unwrap().readers.len(), MEMBERS * DEVICES_EACH);
    world.parties[0].machine = Some(machine);
}

/// Bundles are fetched and no session is there; the first message starts all. Then everybody answers.
pub(crate) fn steps() -> Vec<Step> {
    let (mut world, audience) = room();
    for _ in 0..3 {
        let now = world.now;
        world.parties[0].machine().prepare(&audience, now).unwrap();
        world.pump(0);
    }
    let room = Rc::new(RefCell::new((world, audience)));
    let with = |act: fn(&mut World, &Audience)| {
        let room = Rc::clone(&room);
        move || {
            let (world, audience) = &mut *room.borrow_mut();
            act(world, audience);
        }
    };
    let first = with(write);
    let meet = with(|world, audience| {
        world.say(0, audience, "so that all have heard of it");
        world.settle();
    });
    let mut steps = vec![
        Step::Measure(1, Box::new(first)),
        Step::Prepare(Box::new(move || {
            meet();
            Vec::new()
        })),
    ];
    for _ in 0..TIMES {
        steps.push(Step::Measure(0, Box::new(with(write))));
    }
    steps
}
