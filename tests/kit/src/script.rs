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
//! The crate's own page says what else there is.

use std::time::Duration;

use xmpp::xml::{Stanza, Tree};

use crate::client::{Client, Wishes};
use crate::pattern::{self, Captures};

/// A parsed script.
#[derive(Debug)]
pub struct Script {
    /// Names and wishes of the parties.
    pub parties: Vec<Party>,
    /// It needs settings that only the house in memory has.
    pub only_in_memory: bool,
    /// The house publishes what XEP-0485 tells.
    pub server_information: bool,
    /// The house's rules on encryption are the default ones: what could be read is refused.
    pub encryption: bool,
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
    /// Logs in by SASL2 and Bind 2.
    pub sasl2: bool,
    /// Administers the server.
    pub admin: bool,
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
    /// What is sent to the party is lost.
    Deaf(usize),
    Forsake(usize),
    /// Connects to resume this stream, having received so many stanzas.
    Resume(usize, String, u32, Option<String>),
    Resumed(usize, bool),
    Acknowledged(usize),
    Offered(usize, Vec<Tree>),
    Fail(usize, String),
    /// Logs in with another password from now on.
    Password(usize, String),
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
    /// The party's socket is gone, but the server does not know.
    fn forsake(&mut self, party: usize);
    /// How the party logs in next time.
    fn wishes(&mut self, party: usize) -> &mut Wishes;
    /// The party's client.
    fn client(&mut self, party: usize) -> Option<&mut Client>;
    /// Asks for an acknowledgement; whether it covers all that the party has sent.
    fn acknowledged(&mut self, party: usize) -> bool;
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
        let mut only_in_memory = false;
        let mut server_information = false;
        let mut encryption = false;
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
                    managed: words[3..].contains(&"managed"),
                    sasl2: words[3..].contains(&"sasl2"),
                    admin: words[3..].contains(&"admin"),
                });
                continue;
            }
            if words[..] == ["only", "in", "memory"] {
                only_in_memory = true;
                continue;
            }
            if words[..] == ["with", "server", "information"] {
                server_information = true;
                continue;
            }
            if words[..] == ["with", "required", "encryption"] {
                encryption = true;
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
                ["is", "deaf"] => Action::Deaf(party),
                ["is", "forsaken"] => Action::Forsake(party),
                ["is", "resumed"] => Action::Resumed(party, true),
                ["is", "not", "resumed"] => Action::Resumed(party, false),
                ["is", "acknowledged"] => Action::Acknowledged(party),
                ["resumes", id, "at", h] => {
                    Action::Resume(party, id.to_owned(), count(h, line), None)
                }
                ["resumes", id, "at", h, "and", "fails", "with", condition] => Action::Resume(
                    party,
                    id.to_owned(),
                    count(h, line),
                    Some(condition.to_owned()),
                ),
                ["has", "password", password] => Action::Password(party, password.to_owned()),
                ["fails", "to", "connect", "with", condition] => {
                    Action::Fail(party, condition.to_owned())
                }
                ["is", "offered"] => Action::Offered(party, patterns(&block(&mut at), line)),
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
        Self {
            parties,
            only_in_memory,
            server_information,
            encryption,
            steps,
        }
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
                    stage.connect(seats[*party]).map_err(failed)?;
                    self.name(*party, stage.client(seats[*party]), &mut captures);
                }
                Action::Resume(party, id, h, refused) => {
                    let id = pattern::fill(id, &captures);
                    stage.wishes(seats[*party]).resume = Some((id, *h));
                    match (stage.connect(seats[*party]), refused) {
                        (Ok(()), None) => {}
                        // The server may refuse only after it has said yes.
                        (Ok(()), Some(condition)) => {
                            while stage.next(seats[*party]).is_some() {}
                            let ended = stage.ended(seats[*party]);
                            if ended.as_ref() != Some(condition) {
                                return Err(failed(format!("ended: {ended:?}")));
                            }
                        }
                        (Err(why), Some(condition)) if why.contains(&**condition) => {}
                        (Err(why), _) => return Err(failed(why)),
                    }
                    self.name(*party, stage.client(seats[*party]), &mut captures);
                }
                Action::Password(party, password) => {
                    let password = pattern::fill(password, &captures);
                    let wishes = stage.wishes(seats[*party]);
                    wishes.password = password;
                    wishes.salted = None;
                }
                Action::Fail(party, condition) => match stage.connect(seats[*party]) {
                    Ok(()) => return Err(failed("it has connected".into())),
                    Err(why) if why.contains(&**condition) => {}
                    Err(why) => return Err(failed(why)),
                },
                Action::Resumed(party, wanted) => {
                    let client = stage.client(seats[*party]);
                    let resumed = client.is_some_and(|client| client.resumed.is_some());
                    if resumed != *wanted {
                        return Err(failed(format!("resumed: {resumed}")));
                    }
                }
                Action::Deaf(party) => {
                    if let Some(client) = stage.client(seats[*party]) {
                        client.deaf = true;
                    }
                }
                Action::Forsake(party) => stage.forsake(seats[*party]),
                Action::Acknowledged(party) => {
                    if !stage.acknowledged(seats[*party]) {
                        let client = stage.client(seats[*party]);
                        return Err(failed(format!(
                            "sent and acknowledged: {:?}",
                            client.map(|client| (client.sent, client.acknowledged))
                        )));
                    }
                }
                Action::Offered(party, patterns) => {
                    let client = stage.client(seats[*party]);
                    let features = client.and_then(|client| client.features.clone());
                    let features = features.ok_or_else(|| failed("no features came".into()))?;
                    for wanted in patterns {
                        pattern::fits(wanted, &features.tree(), &mut captures)
                            .map_err(|why| failed(format!("{why}\n  came: {}", features.text())))?;
                    }
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

impl Script {
    /// After login `{party}` is the party's full address, and `{party.stream}` the id to resume by.
    fn name(&self, party: usize, client: Option<&mut Client>, captures: &mut Captures) {
        let name = &self.parties[party].name;
        let Some(client) = client else { return };
        if let Some(jid) = &client.jid {
            captures.insert(name.clone(), jid.to_string());
        }
        if let Some(id) = &client.resume_id {
            captures.insert(format!("{name}.stream"), id.clone());
        }
    }
}

fn count(text: &str, line: usize) -> u32 {
    text.parse()
        .unwrap_or_else(|_| panic!("line {line}: a number of stanzas is wanted"))
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
        let guest = Self::add(self, &party.account, &party.resource, party.managed);
        self.guests[guest].wishes.sasl2 = party.sasl2;
        if party.admin {
            self.make_admin(&party.account);
        }
        guest
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

    fn forsake(&mut self, party: usize) {
        Self::forsake(self, party);
    }

    fn wishes(&mut self, party: usize) -> &mut Wishes {
        &mut self.guests[party].wishes
    }

    fn client(&mut self, party: usize) -> Option<&mut Client> {
        self.guests[party].client.as_mut()
    }

    fn acknowledged(&mut self, party: usize) -> bool {
        Self::send(self, party, b"<r xmlns='urn:xmpp:sm:3'/>");
        self.settle();
        let client = self.guests[party].client.as_ref();
        client
            .is_some_and(|client| client.acknowledgements > 0 && client.acknowledged == client.sent)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::House;

    const PARTY: &str = "party romeo romeo@example.org/garden\nromeo connects\n";

    fn run(script: &str) -> Result<(), String> {
        Script::parse(&format!("{PARTY}{script}")).run(&mut House::new(|_| {}))
    }

    #[test]
    fn scripts_fail_where_something_else_happens() {
        let ping = "romeo sends\n  <iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>\n";
        assert_eq!(
            run(&format!(
                "{ping}romeo receives\n  <iq id='1'/>\nromeo receives nothing"
            )),
            Ok(())
        );
        for (script, why) in [
            ("romeo receives\n  <iq/>".to_owned(), "line 3: nothing came"),
            (
                format!("{ping}romeo receives nothing"),
                "line 5: nothing was to come",
            ),
            (
                format!("{ping}romeo receives\n  <iq id='2'/>"),
                "line 5: attribute id of <iq>",
            ),
            (
                format!("{ping}romeo receives in any order\n  <iq id='2'/>"),
                "line 5: nothing fits",
            ),
            (
                format!("{ping}romeo receives in any order\n  <iq/>\n  <iq/>"),
                "line 5: too little came",
            ),
            (
                "romeo is ended with conflict".to_owned(),
                "line 3: the stream was to end",
            ),
            ("romeo is resumed".to_owned(), "line 3: resumed: false"),
            (
                "romeo is acknowledged".to_owned(),
                "line 3: sent and acknowledged",
            ),
            (
                "romeo fails to connect with not-authorized".to_owned(),
                "line 3: it has connected",
            ),
        ] {
            let error = run(&script).unwrap_err();
            assert!(error.starts_with(why), "{script}: {error}");
        }
    }

    #[test]
    fn what_is_not_a_script_is_refused_by_line() {
        for (script, why) in [
            ("romeo dances", "line 3: not understood: romeo dances"),
            ("tybalt connects", "line 3: there is no party tybalt"),
            ("after some seconds", "line 3: a number of seconds"),
            ("romeo receives\n  <iq>", "line 3: "),
        ] {
            let panic = std::panic::catch_unwind(|| Script::parse(&format!("{PARTY}{script}")))
                .unwrap_err();
            let text = panic.downcast_ref::<String>().unwrap();
            assert!(text.starts_with(why), "{text}");
        }
    }
}
