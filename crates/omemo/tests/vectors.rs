//! Our machine against python-omemo, in both forms.
//!
//! `vectors/*.jsonl` are talks with it that went well, each line a request and its answer. They are held against what
//! the machine does now: with the same randomness it must say the same bytes, which python-omemo has read, and it must
//! read what python-omemo has said. `cargo xtask test` has the talks live as well: it names a Python that has the packages
//! of `tests/suites/requirements.txt`. To write them anew, say so:
//!
//! ```sh
//! OMEMO_RECORD=1 OMEMO_PYTHON=$PWD/tests/.venv/bin/python cargo test -p omemo --test vectors
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod world;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use base::{BareJid, Timestamp};
use omemo::{
    Answer, Audience, Config, DeviceList, Form, Incoming, Machine, MemoryStore, Outgoing, Received,
    RequestKind, read_fingerprint,
};
use serde_json::{Value, json};
use world::{Seeded, jid, text_of};
use xmpp::xml::{Stanza, Tree};

/// The other side: a process, or what it once said.
enum Voice {
    Live(Child, BufReader<std::process::ChildStdout>),
    Recorded(VecDeque<(Value, Value)>),
}

struct Talk {
    voice: Voice,
    script: String,
    path: PathBuf,
}

impl Talk {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let path = folder.join(format!("{name}.jsonl"));
        let voice = if let Some(python) = std::env::var_os("OMEMO_PYTHON") {
            let mut child = Command::new(python)
                .arg(folder.join("peer.py"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let answers = BufReader::new(child.stdout.take().unwrap());
            Voice::Live(child, answers)
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let values: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            Voice::Recorded(
                values
                    .chunks_exact(2)
                    .map(|pair| (pair[0].clone(), pair[1].clone()))
                    .collect(),
            )
        };
        Self {
            voice,
            script: String::new(),
            path,
        }
    }

    fn ask(&mut self, request: Value) -> Value {
        match &mut self.voice {
            Voice::Live(child, answers) => {
                writeln!(child.stdin.as_mut().unwrap(), "{request}").unwrap();
                let mut line = String::new();
                answers.read_line(&mut line).unwrap();
                let answer: Value = serde_json::from_str(&line).unwrap();
                writeln!(self.script, "{request}\n{answer}").unwrap();
                answer
            }
            Voice::Recorded(talk) => {
                let (expected, answer) = talk.pop_front().expect("the talk goes on");
                assert_eq!(request, expected, "our side of the talk has changed");
                answer
            }
        }
    }

    /// Keeps the talk when it was a real one, and is to be kept.
    fn finish(self) {
        if let Voice::Live(mut child, _) = self.voice {
            drop(child.stdin.take());
            assert!(child.wait().unwrap().success());
            if std::env::var_os("OMEMO_RECORD").is_some() {
                std::fs::write(self.path, self.script).unwrap();
            }
        }
    }
}

/// Our device and the other one.
struct Both {
    talk: Talk,
    random: Seeded,
    now: Timestamp,
    machine: Machine<MemoryStore>,
    peer: BareJid,
    peer_device: u32,
    form: Form,
    name: &'static str,
    references: usize,
}

const OURS: &str = "romeo@montague.example";
const THEIRS: &str = "juliet@capulet.example";

impl Both {
    fn new(name: &'static str, form: Form, seed: u64) -> Self {
        let mut random = Seeded::new(seed);
        let now = Timestamp::from_seconds(1_800_000_000);
        let config = Config {
            label: Some("Laptop".to_owned()),
            ..Config::default()
        };
        let store = MemoryStore::new();
        let mut machine = Machine::open(store, jid(OURS), config, now, &mut random).unwrap();
        machine.connected();
        let mut talk = Talk::new(name);
        let (form_name, label) = match form {
            Form::Current => ("current", Some("Phone")),
            // The legacy form has no labels.
            Form::Legacy => ("legacy", None),
        };
        let started =
            talk.ask(json!({"do": "start", "account": THEIRS, "label": label, "form": form_name}));
        let mut both = Self {
            talk,
            random,
            now,
            machine,
            peer: jid(THEIRS),
            peer_device: u32::try_from(started["device"].as_u64().unwrap()).unwrap(),
            form,
            name: form_name,
            references: 0,
        };
        both.pump();
        let published = both.talk.ask(json!({"do": "published", "form": both.name}));
        for other in Form::ALL {
            let list = if other == form {
                let text = published["list"].as_str().unwrap();
                DeviceList::read(other, Tree::parse(text).unwrap().root()).unwrap()
            } else {
                DeviceList::default()
            };
            both.machine
                .device_list(&both.peer, other, list, both.now, &mut both.random)
                .unwrap();
        }
        both.fetch_bundle();
        let devices = both.machine.devices(&both.peer).unwrap();
        let fingerprint = read_fingerprint(started["fingerprint"].as_str().unwrap());
        assert_eq!(devices[0].identity, fingerprint);
        assert_eq!(devices[0].label.as_deref(), label, "signed by python-omemo");
        both
    }

    /// Does what the machine asks for; what goes to the other device is handed to it.
    fn pump(&mut self) -> Vec<Value> {
        let mut answers = Vec::new();
        let (mut bundles, mut lists) = (Vec::new(), Vec::new());
        loop {
            let requests = self.machine.requests(self.now, &mut self.random).unwrap();
            if requests.is_empty() {
                break;
            }
            for request in requests {
                match &request.kind {
                    RequestKind::Message(children) => {
                        self.machine.mark_sent(request.id).unwrap();
                        answers.push(self.hand_over(children));
                        continue;
                    }
                    RequestKind::Set(payload) => {
                        let tree = Tree::parse(payload).unwrap();
                        let publish = tree.root().children().next().unwrap();
                        let item = publish.children().next().unwrap();
                        let item = item.children().next().unwrap();
                        let form = Form::ALL
                            .into_iter()
                            .find(|form| item.namespace() == form.namespace());
                        let form = form.unwrap();
                        if item.is("bundle", form.namespace()) {
                            bundles.push((form, item.raw().into_owned()));
                        } else {
                            lists.push((form, item.raw().into_owned()));
                        }
                    }
                    RequestKind::Get(_) => {}
                }
                let answer = match &request.kind {
                    RequestKind::Get(_) if request.to.is_some() => {
                        let published =
                            self.talk.ask(json!({"do": "published", "form": self.name}));
                        let bundle = published["bundle"].as_str().unwrap();
                        let text = format!(
                            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items><item id='{}'>{bundle}</item></items></pubsub>",
                            self.peer_device
                        );
                        let tree = Tree::parse(&text).unwrap();
                        self.machine
                            .answered(
                                request.id,
                                Answer::Result(Some(tree.root())),
                                self.now,
                                &mut self.random,
                            )
                            .unwrap();
                        continue;
                    }
                    _ => Answer::Result(None),
                };
                self.machine
                    .answered(request.id, answer, self.now, &mut self.random)
                    .unwrap();
            }
        }
        for (form, bundle) in bundles {
            if form == self.form {
                let device = self.machine.device();
                let list = lists
                    .iter()
                    .find(|(other, _)| *other == form)
                    .map(|(_, list)| list.clone())
                    .unwrap_or_else(|| own_list(form, device));
                self.talk.ask(json!({
                    "do": "know", "account": OURS, "device": device, "form": self.name,
                    "list": list, "bundle": bundle,
                }));
            }
        }
        answers
    }

    fn fetch_bundle(&mut self) {
        let audience = Audience::direct(self.peer.clone());
        self.machine.prepare(&audience, self.now).unwrap();
        self.pump();
    }

    /// Encrypts a text; gives the children of the message.
    fn say(&mut self, text: &str) -> String {
        let audience = Audience::direct(self.peer.clone());
        let elements = format!("<body xmlns='jabber:client'>{text}</body>");
        let outgoing = Outgoing {
            elements: &elements,
            text: Some(text),
        };
        let encrypted = self
            .machine
            .encrypt(&audience, outgoing, self.now, &mut self.random)
            .unwrap();
        assert_eq!(encrypted.readers.len(), 1, "{:?}", encrypted.unreached);
        encrypted.elements
    }

    /// Has the other device read a message; its empty answers come back to us.
    fn hand_over(&mut self, children: &str) -> Value {
        let message = Tree::parse(&format!("<message>{children}</message>")).unwrap();
        let encrypted = message
            .root()
            .child("encrypted", self.form.namespace())
            .unwrap();
        let answer = self.talk.ask(json!({
            "do": "decrypt", "from": OURS, "own": THEIRS, "xml": encrypted.raw(),
        }));
        for sent in answer["sent"].as_array().into_iter().flatten() {
            let received = self.hear(sent.as_str().unwrap());
            assert_eq!(received, Received::KeysOnly);
        }
        answer
    }

    fn read_by_peer(&mut self, children: &str, text: &str) {
        let answer = self.hand_over(children);
        let read = answer["text"].as_str();
        let read = read.unwrap_or_else(|| panic!("not read: {answer}"));
        match self.form {
            Form::Current => assert!(read.contains(&format!(">{text}</body>")), "{read}"),
            Form::Legacy => assert_eq!(read, text),
        }
        self.pump();
    }

    /// Has the other device encrypt a text.
    fn peer_says(&mut self, text: &str) -> String {
        let text = match self.form {
            Form::Current => format!(
                "<envelope xmlns='urn:xmpp:sce:1'><content><body xmlns='jabber:client'>{text}</body></content>\
                 <rpad>x</rpad><from jid='{THEIRS}'/></envelope>"
            ),
            Form::Legacy => text.to_owned(),
        };
        let answer = self.talk.ask(json!({
            "do": "encrypt", "to": [OURS], "text": text, "form": self.name,
        }));
        assert_eq!(answer["errors"], json!([]));
        answer["messages"][0].as_str().unwrap().to_owned()
    }

    fn hear(&mut self, encrypted: &str) -> Received {
        self.references += 1;
        let reference = self.references.to_string();
        let stanza = Stanza::parse(&format!("<message>{encrypted}</message>")).unwrap();
        let received = self
            .machine
            .decrypt(
                Incoming {
                    reference: &reference,
                    from: &self.peer,
                    to: &jid(OURS),
                    group: false,
                    sent: self.now,
                    message: &stanza,
                },
                self.now,
                &mut self.random,
            )
            .unwrap();
        self.machine.taken(&reference).unwrap();
        received
    }

    fn read_by_us(&mut self, encrypted: &str, text: &str) {
        match self.hear(encrypted) {
            Received::Message(message) => assert_eq!(text_of(&message), text),
            other => panic!("not read: {other:?}"),
        }
        self.pump();
    }
}

fn own_list(form: Form, device: u32) -> String {
    match form {
        Form::Current => {
            format!("<devices xmlns='urn:xmpp:omemo:2'><device id='{device}'/></devices>")
        }
        Form::Legacy => {
            format!("<list xmlns='eu.siacs.conversations.axolotl'><device id='{device}'/></list>")
        }
    }
}

/// We begin; both talk; messages come late and in reverse.
fn we_begin(name: &'static str, form: Form) {
    let mut both = Both::new(name, form, 11);
    let (first, second) = (both.say("one"), both.say("two"));
    both.read_by_peer(&second, "two");
    both.read_by_peer(&first, "one");
    for turn in 0..4 {
        let said = both.peer_says(&format!("answer {turn}"));
        both.read_by_us(&said, &format!("answer {turn}"));
        let said = both.say(&format!("more {turn}"));
        both.read_by_peer(&said, &format!("more {turn}"));
    }
    let said: Vec<String> = (0..30).map(|n| both.say(&format!("our {n}"))).collect();
    for (number, said) in said.iter().enumerate().rev() {
        both.read_by_peer(said, &format!("our {number}"));
    }
    let said: Vec<String> = (0..30)
        .map(|n| both.peer_says(&format!("their {n}")))
        .collect();
    let answer = both.say("in between");
    both.read_by_peer(&answer, "in between");
    let later = both.peer_says("their last");
    both.read_by_us(&later, "their last");
    for (number, said) in said.iter().enumerate().rev() {
        both.read_by_us(said, &format!("their {number}"));
    }
    assert_eq!(both.hear(&said[3]), Received::Duplicate);
    both.talk.finish();
}

/// They begin, with a key exchange that is repeated until we have answered.
fn they_begin(name: &'static str, form: Form) {
    let mut both = Both::new(name, form, 12);
    let said: Vec<String> = (0..3)
        .map(|n| both.peer_says(&format!("their {n}")))
        .collect();
    let word = match form {
        Form::Current => "kex=",
        Form::Legacy => "prekey=",
    };
    assert!(said.iter().all(|said| said.contains(word)));
    for (number, said) in said.iter().enumerate().rev() {
        both.read_by_us(said, &format!("their {number}"));
    }
    let said = both.peer_says("answered");
    assert!(!said.contains(word), "our empty message was read");
    both.read_by_us(&said, "answered");
    let said = both.say("and back");
    both.read_by_peer(&said, "and back");
    // More than 53 messages without an answer: one of us sends an empty one.
    for number in 0..60 {
        let said = both.say(&format!("many {number}"));
        both.read_by_peer(&said, &format!("many {number}"));
    }
    both.talk.finish();
}

/// The other side replaces the session by hand.
fn they_replace(name: &'static str, form: Form) {
    let mut both = Both::new(name, form, 13);
    let said = both.say("one");
    both.read_by_peer(&said, "one");
    let replaced = both.talk.ask(json!({"do": "replace", "account": OURS}));
    for sent in replaced["sent"].as_array().unwrap() {
        assert_eq!(both.hear(sent.as_str().unwrap()), Received::KeysOnly);
    }
    both.pump();
    let said = both.say("two");
    both.read_by_peer(&said, "two");
    let said = both.peer_says("three");
    both.read_by_us(&said, "three");
    // And we do.
    let peer = both.peer.clone();
    both.machine
        .replace_session(&peer, both.peer_device)
        .unwrap();
    both.pump();
    let said = both.peer_says("four");
    both.read_by_us(&said, "four");
    let said = both.say("five");
    both.read_by_peer(&said, "five");
    both.talk.finish();
}

#[test]
fn we_begin_in_the_current_form() {
    we_begin("current-ours", Form::Current);
}

#[test]
fn we_begin_in_the_legacy_form() {
    we_begin("legacy-ours", Form::Legacy);
}

#[test]
fn they_begin_in_the_current_form() {
    they_begin("current-theirs", Form::Current);
}

#[test]
fn they_begin_in_the_legacy_form() {
    they_begin("legacy-theirs", Form::Legacy);
}

#[test]
fn they_replace_the_session_in_the_current_form() {
    they_replace("current-replaced", Form::Current);
}

#[test]
fn they_replace_the_session_in_the_legacy_form() {
    they_replace("legacy-replaced", Form::Legacy);
}
