//! `kill -9` under load, many times: what was acknowledged is in both archives, once and in order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it has seen"
)]

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base::BareJid;
use kit::client::Wishes;
use kit::house::DOMAIN;
use kit::server::{Link, Server};
use xmpp::ns;

/// Times that the process is killed.
const KILLS: u32 = 20;
/// No further kill after this long.
const LONGEST: Duration = Duration::from_secs(50);
const WRITERS: usize = 6;
/// Messages that a writer sends before it waits for an acknowledgement.
const WINDOW: u32 = 20;

/// A writer: one account that writes to the next one, over any number of lives of the server.
struct Writer {
    index: usize,
    wishes: Wishes,
    /// Messages written so far.
    written: u32,
    /// Messages acknowledged.
    acknowledged: HashSet<u32>,
    /// Messages that were sent more than once, since nobody knew what became of them.
    repeated: HashSet<u32>,
    /// Messages whose fate is unknown.
    unknown: Vec<u32>,
    refused: u32,
}

impl Writer {
    fn new(index: usize) -> Self {
        let account = BareJid::parse(&format!("w{index}@{DOMAIN}")).unwrap();
        let wishes = Wishes {
            managed: true,
            ..Wishes::new(account, "writer", "secret")
        };
        Self {
            index,
            wishes,
            written: 0,
            acknowledged: HashSet::new(),
            repeated: HashSet::new(),
            unknown: Vec::new(),
            refused: 0,
        }
    }

    fn text(&self, number: u32) -> String {
        let (from, to) = (self.index, (self.index + 1) % WRITERS);
        format!(
            "<message to='w{to}@{DOMAIN}' type='chat' id='{from}-{number}'><body>{from}-{number}</body></message>"
        )
    }

    /// One life of the server: writes until the connection breaks or `stop` says so.
    fn live(&mut self, address: SocketAddr, stop: &AtomicBool) {
        let resuming = self.wishes.resume.is_some();
        let Ok(mut link) = Link::open(address, &self.wishes) else {
            return;
        };
        assert_eq!(link.client.resumed, None, "no session outlives the process");
        if resuming {
            self.refused += 1;
        }
        self.wishes.salted = link.client.salted.clone();
        // XEP-0198 §6: a client that cannot resume sends again what was not acknowledged. Some of
        // it may be there already; a server cannot know that.
        let again = std::mem::take(&mut self.unknown);
        self.repeated.extend(&again);
        // Whoever is there gets what is written to him: the load is delivery, too.
        link.send(b"<presence/>");
        let mut sent: Vec<(u32, u32)> = Vec::new();
        let mut text = String::new();
        for number in again {
            text.push_str(&self.text(number));
            let count = sent.last().map_or(link.client.sent, |(count, _)| *count);
            sent.push((count + 1, number));
        }
        loop {
            if !stop.load(Ordering::Relaxed) {
                for _ in 0..WINDOW {
                    self.written += 1;
                    text.push_str(&self.text(self.written));
                    let count = sent.last().map_or(link.client.sent, |(count, _)| *count) + 1;
                    sent.push((count, self.written));
                }
            }
            text.push_str("<r xmlns='urn:xmpp:sm:3'/>");
            let before = link.client.acknowledgements;
            link.send(text.as_bytes());
            text.clear();
            while link.client.acknowledgements == before
                && link.client.ended.is_none()
                && link.read()
            {
                for stanza in link.client.inbox.drain(..) {
                    assert_ne!(
                        stanza.type_().as_deref(),
                        Some("error"),
                        "{}",
                        stanza.text()
                    );
                }
            }
            let h = link.client.acknowledged;
            sent.retain(|(count, number)| {
                let done = *count <= h;
                if done {
                    self.acknowledged.insert(*number);
                }
                !done
            });
            if link.client.ended.is_some() || (stop.load(Ordering::Relaxed) && sent.is_empty()) {
                break;
            }
        }
        self.unknown = sent.into_iter().map(|(_, number)| number).collect();
        if let Some(id) = link.client.resume_id.clone() {
            self.wishes.resume = Some((id, link.client.handled));
        }
    }
}

/// The ids of all messages in an account's archive, page by page.
fn archive(address: SocketAddr, account: usize) -> Vec<String> {
    let jid = BareJid::parse(&format!("w{account}@{DOMAIN}")).unwrap();
    let mut link = Link::open(address, &Wishes::new(jid, "reader", "secret")).unwrap();
    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let page = format!(
            "<iq type='set' id='page'><query xmlns='{}'><set xmlns='{}'><max>250</max>{after}</set></query></iq>",
            ns::ARCHIVE,
            ns::RSM
        );
        link.send(page.as_bytes());
        loop {
            let stanza = link.await_stanza().expect("a page");
            if let Some(result) = stanza.child("result", ns::ARCHIVE) {
                let tree = result.tree();
                let message = tree
                    .root()
                    .child("forwarded", ns::FORWARD)
                    .and_then(|forwarded| forwarded.child("message", ns::CLIENT))
                    .expect("a message");
                ids.push(message.attr("id").unwrap_or_default().to_owned());
            } else if let Some(fin) = stanza.child("fin", ns::ARCHIVE) {
                let tree = fin.tree();
                if tree.root().attr("complete") == Some("true") {
                    return ids;
                }
                let last = tree
                    .root()
                    .child("set", ns::RSM)
                    .and_then(|set| set.child("last", ns::RSM))
                    .expect("the last id of a page that is not the last");
                after = format!("<after>{}</after>", last.text());
                break;
            }
        }
    }
}

/// What is wrong with `ids` as an archive of what `writer` has sent.
fn check(writer: &Writer, ids: &[String], whose: &str) {
    let prefix = format!("{}-", writer.index);
    let mut times: HashMap<u32, u32> = HashMap::new();
    let mut last = 0;
    for id in ids {
        let Some(number) = id.strip_prefix(&prefix) else {
            continue;
        };
        let number: u32 = number.parse().unwrap();
        *times.entry(number).or_default() += 1;
        // What was sent again stands where it was sent again.
        if !writer.repeated.contains(&number) {
            assert!(
                number > last,
                "{whose} keeps {id} after {last}: out of order or doubled"
            );
            last = number;
        }
    }
    let lost: Vec<u32> = {
        let lost = writer.acknowledged.iter().copied();
        let mut lost: Vec<u32> = lost.filter(|number| !times.contains_key(number)).collect();
        lost.sort_unstable();
        lost
    };
    assert!(
        lost.is_empty(),
        "{whose} has lost {} of {} messages of w{}: {:?} …",
        lost.len(),
        writer.acknowledged.len(),
        writer.index,
        &lost[..lost.len().min(20)]
    );
    for number in &writer.acknowledged {
        let times = times.get(number).copied().unwrap_or_default();
        assert!(
            times == 1 || writer.repeated.contains(number),
            "{whose} has {prefix}{number} {times} times"
        );
    }
    for (number, times) in times {
        assert!(
            times == 1 || writer.repeated.contains(&number),
            "{whose} has {prefix}{number} {times} times"
        );
    }
}

#[test]
fn killing_the_process_loses_nothing_that_was_acknowledged() {
    let begun = Instant::now();
    // Nobody is available, so everything waits: more than an account may have waiting by default,
    // and what is refused is acknowledged too.
    let mut server = Server::start("kill", "[limits]\noffline_messages = 100000000\n");
    let names: Vec<String> = (0..WRITERS).map(|index| format!("w{index}")).collect();
    server.add_accounts(names.iter().map(String::as_str));
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let mut chance = u64::from(std::process::id());
    let mut kills = 0;
    println!("seed {chance}");
    while kills <= KILLS {
        let last = kills == KILLS || begun.elapsed() > LONGEST;
        let address = server.address;
        let stop = Arc::new(AtomicBool::new(last));
        std::thread::scope(|scope| {
            for writer in &mut writers {
                let stop = Arc::clone(&stop);
                scope.spawn(move || writer.live(address, &stop));
            }
            if !last {
                // Somewhere between the first log-in and a second of full load.
                chance = chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                std::thread::park_timeout(Duration::from_millis(50 + (chance >> 33) % 900));
                server.kill();
            }
        });
        if last {
            break;
        }
        server.launch();
        kills += 1;
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    let refused: u32 = writers.iter().map(|writer| writer.refused).sum();
    println!("{kills} kills, {acknowledged} acknowledged, {refused} resumptions refused");
    for writer in &writers {
        assert!(
            writer.unknown.is_empty(),
            "the last life acknowledges everything"
        );
        let recipient = (writer.index + 1) % WRITERS;
        for account in [writer.index, recipient] {
            check(
                writer,
                &archive(server.address, account),
                &format!("w{account}"),
            );
        }
    }
    assert!(
        kills >= KILLS.min(5),
        "the machine is too slow: {kills} kills"
    );
    assert!(acknowledged > 0 && refused > 0);
}
