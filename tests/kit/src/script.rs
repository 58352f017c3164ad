//! Scenario scripts: what several parties do, and what each of them sees.
//!
//! ```text
//! # RFC 6121 §5: a message to a contact
//! party romeo romeo@example.org/garden
//! party juliet juliet@example.org/balcony managed
//!
//! juliet connects
//! juliet sends
//!   <presence/>
//! juliet receives
//!   <presence from='juliet@example.org/balcony'/>
//! romeo receives nothing
//! after 30 seconds
//! ```
//!
//! `X receives` looks at the next stanza, `X receives in any order` at as many as there are
//! patterns. Further lines: `X disconnects`, `X is cut`, `X reconnects`, `X is ended with
//! CONDITION`, `X forgets` (what came so far is of no interest).

use std::time::Duration;

use xmpp::xml::{Stanza, Tree};

use crate::pattern::{self, Captures};

/// A parsed script.
#[derive(Debug)]
pub struct Script {
    /// Names and wishes of the parties.
    pub parties: Vec<Party>,
    steps: Vec<Step>,
}

/// A party of a script.
#[derive(Clone, Debug)]
pub struct Party {
    name: String,
    /// Bare address.
    pub account: String,
    /// Resource.
    pub resource: String,
    /// Uses stream management.
    pub managed: bool,
}

#[derive(Debug)]
struct Step {
    line: usize,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Connect(usize),
    Disconnect(usize),
    Cut(usize),
    Reconnect(usize),
    Send(usize, String),
    Receive(usize, Vec<Tree>, bool),
    Nothing(usize),
    Ended(usize, String),
    Forget(usize),
    Pass(Duration),
}

/// Where a script runs: in memory or against the binary.
pub trait Stage {
    /// Adds a party whose account exists afterwards; gives its index.
    fn add(&mut self, party: &Party) -> usize;
    /// Opens the party's stream, and waits until it is bound or resumed.
    ///
    /// # Errors
    /// Why it cannot.
    fn connect(&mut self, party: usize) -> Result<(), String>;
    /// Sends bytes.
    fn send(&mut self, party: usize, bytes: &[u8]);
    /// The party's socket is cut.
    fn cut(&mut self, party: usize);
    /// The next stanza for the party, or `None` when there is none and none will come.
    fn next(&mut self, party: usize) -> Option<Stanza>;
    /// True when nothing waits for the party and nothing is on its way.
    fn quiet(&mut self, party: usize) -> bool;
    /// Drops what came so far.
    fn forget(&mut self, party: usize);
    /// Why the party's stream has ended.
    fn ended(&mut self, party: usize) -> Option<String>;
    /// Lets time pass; false when that cannot be done here.
    fn pass(&mut self, duration: Duration) -> bool;
}

impl Script {
    /// Reads a script.
    ///
    /// # Panics
    /// When it cannot be read; the message names the line.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parties: Vec<Party> = Vec::new();
        let mut steps = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at < lines.len() {
            let line = at + 1;
            let words: Vec<&str> = lines[at].split_whitespace().collect();
            at += 1;
            if words.is_empty() || words[0].starts_with('#') {
                continue;
            }
            let block = |at: &mut usize| {
                let mut block = String::new();
                while *at < lines.len()
                    && (lines[*at].starts_with(' ') || lines[*at].trim().is_empty())
                {
                    block.push_str(lines[*at].trim());
                    block.push('\n');
                    *at += 1;
                }
                block.trim().to_owned()
            };
            if words[0] == "party" {
                let (account, resource) = words[2]
                    .split_once('/')
                    .unwrap_or_else(|| panic!("line {line}: name a full address"));
                parties.push(Party {
                    name: words[1].to_owned(),
                    account: account.to_owned(),
                    resource: resource.to_owned(),
                    managed: words.get(3) == Some(&"managed"),
                });
                continue;
            }
            if words[0] == "after" {
                let seconds = words[1]
                    .parse()
                    .unwrap_or_else(|_| panic!("line {line}: a number of seconds"));
                steps.push(Step {
                    line,
                    action: Action::Pass(Duration::from_secs(seconds)),
                });
                continue;
            }
            let party = parties
                .iter()
                .position(|party| party.name == words[0])
                .unwrap_or_else(|| panic!("line {line}: there is no party {}", words[0]));
            let action = match words[1..] {
                ["connects"] => Action::Connect(party),
                ["disconnects"] => Action::Disconnect(party),
                ["is", "cut"] => Action::Cut(party),
                ["reconnects"] => Action::Reconnect(party),
                ["forgets"] => Action::Forget(party),
                ["is", "ended", "with", condition] => Action::Ended(party, condition.to_owned()),
                ["sends"] => Action::Send(party, block(&mut at)),
                ["receives", "nothing"] => Action::Nothing(party),
                ["receives"] => Action::Receive(party, patterns(&block(&mut at), line), false),
                ["receives", "in", "any", "order"] => {
                    Action::Receive(party, patterns(&block(&mut at), line), true)
                }
                _ => panic!("line {line}: not understood: {}", lines[line - 1]),
            };
            steps.push(Step { line, action });
        }
        Self { parties, steps }
    }

    /// Runs the script.
    ///
    /// # Errors
    /// Says the line and what was seen instead.
    pub fn run(&self, stage: &mut impl Stage) -> Result<(), String> {
        let seats: Vec<usize> = self.parties.iter().map(|party| stage.add(party)).collect();
        let mut captures = Captures::new();
        for step in &self.steps {
            let failed = |why: String| format!("line {}: {why}", step.line);
            match &step.action {
                Action::Connect(party) | Action::Reconnect(party) => {
                    stage.connect(seats[*party]).map_err(failed)?
                }
                Action::Disconnect(party) => {
                    stage.send(seats[*party], b"</stream:stream>");
                    while stage.next(seats[*party]).is_some() {}
                }
                Action::Cut(party) => stage.cut(seats[*party]),
                Action::Send(party, xml) => {
                    stage.send(seats[*party], pattern::fill(xml, &captures).as_bytes())
                }
                Action::Receive(party, patterns, false) => {
                    for wanted in patterns {
                        let stanza = stage
                            .next(seats[*party])
                            .ok_or_else(|| failed("nothing came".into()))?;
                        pattern::fits(wanted, &stanza.tree(), &mut captures)
                            .map_err(|why| failed(format!("{why}\n  came: {}", stanza.text())))?;
                    }
                }
                Action::Receive(party, patterns, true) => {
                    let mut came = Vec::new();
                    for _ in patterns {
                        came.push(
                            stage
                                .next(seats[*party])
                                .ok_or_else(|| failed(format!("too little came: {came:?}")))?,
                        );
                    }
                    for wanted in patterns {
                        let found = came.iter().position(|stanza| {
                            pattern::fits(wanted, &stanza.tree(), &mut captures).is_ok()
                        });
                        let Some(found) = found else {
                            let texts: Vec<&str> = came.iter().map(Stanza::text).collect();
                            return Err(failed(format!(
                                "nothing fits {:?}\n  left: {texts:#?}",
                                wanted.root().raw()
                            )));
                        };
                        came.remove(found);
                    }
                }
                Action::Nothing(party) => {
                    if !stage.quiet(seats[*party]) {
                        let stanza = stage
                            .next(seats[*party])
                            .map(|stanza| stanza.text().to_owned());
                        return Err(failed(format!("nothing was to come, but: {stanza:?}")));
                    }
                }
                Action::Ended(party, condition) => {
                    while stage.next(seats[*party]).is_some() {}
                    let ended = stage.ended(seats[*party]);
                    if ended.as_deref() != Some(condition) {
                        return Err(failed(format!(
                            "the stream was to end with {condition}, but: {ended:?}"
                        )));
                    }
                }
                Action::Forget(party) => stage.forget(seats[*party]),
                Action::Pass(duration) => {
                    if !stage.pass(*duration) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

fn patterns(block: &str, line: usize) -> Vec<Tree> {
    let whole = format!(
        "<patterns xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>{block}</patterns>"
    );
    let tree = Tree::parse(&whole).unwrap_or_else(|error| panic!("line {line}: {error:?}"));
    tree.root()
        .children()
        .map(|child| {
            Tree::parse(&child.raw()).unwrap_or_else(|error| panic!("line {line}: {error:?}"))
        })
        .collect()
}

/// The scripts in `tests/scenarios`, by name.
#[must_use]
pub fn all() -> Vec<(String, Script)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut scripts: Vec<(String, Script)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "scn"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (
                name,
                Script::parse(&std::fs::read_to_string(&path).unwrap()),
            )
        })
        .collect();
    scripts.sort_by(|one, other| one.0.cmp(&other.0));
    scripts
}

impl Stage for crate::house::House {
    fn add(&mut self, party: &Party) -> usize {
        Self::add(self, &party.account, &party.resource, party.managed)
    }

    fn connect(&mut self, party: usize) -> Result<(), String> {
        Self::connect(self, party);
        self.settle();
        let client = self.guests[party].client.as_ref();
        match client {
            Some(client) if client.is_ready() => Ok(()),
            Some(client) => Err(format!("not logged in: {:?}", client.ended)),
            None => Err("not connected".into()),
        }
    }

    fn send(&mut self, party: usize, bytes: &[u8]) {
        Self::send(self, party, bytes);
        self.settle();
    }

    fn cut(&mut self, party: usize) {
        Self::cut(self, party);
        self.settle();
    }

    fn next(&mut self, party: usize) -> Option<Stanza> {
        self.settle();
        self.guests[party].client.as_mut()?.inbox.pop_front()
    }

    fn quiet(&mut self, party: usize) -> bool {
        self.settle();
        self.guests[party]
            .client
            .as_ref()
            .is_none_or(|client| client.inbox.is_empty())
    }

    fn forget(&mut self, party: usize) {
        self.settle();
        if let Some(client) = &mut self.guests[party].client {
            client.inbox.clear();
        }
    }

    fn ended(&mut self, party: usize) -> Option<String> {
        self.settle();
        self.guests[party].client.as_ref()?.ended.clone()
    }

    fn pass(&mut self, duration: Duration) -> bool {
        Self::pass(self, duration);
        true
    }
}
