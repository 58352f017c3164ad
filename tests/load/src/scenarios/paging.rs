//! Reading a long archive: four clients of one account walk it backwards, 50 messages a page, from the newest on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use super::archive::{between, count_archived};
use super::{Extent, Measured, available_session};
use crate::client::{Client, Login};
use crate::histogram::Histogram;
use crate::message::{Content, Message, Scanner, now_nanos};
use crate::servers::{ARCHIVIST, DOMAIN, PASSWORD, Server};

const READERS: usize = 4;
const PAGE: usize = 50;
/// Messages in flight while an archive is filled through the server.
const AHEAD: usize = 500;

pub(super) async fn run(server: &Server, extent: &Extent, messages: usize) -> Result<Measured> {
    if server.prefilled < messages {
        fill(server, messages - server.prefilled).await?;
    }
    let held = count_archived(server, ARCHIVIST).await?;
    ensure!(
        held == messages as u64,
        "the archive holds {held} messages, {messages} expected"
    );
    server.process.quiet(Duration::from_secs(30)).await;

    let cpu = server.process.cpu_seconds();
    let start = Instant::now();
    let end = start + extent.duration;
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let address = server.address;
        readers.spawn(async move {
            let resource = format!("reader{number}");
            let login = Login {
                address,
                domain: DOMAIN,
                username: ARCHIVIST,
                password: PASSWORD,
                resource: &resource,
                tls: None,
            };
            let client = Client::log_in(&login).await?;
            walk(client, end).await
        });
    }
    let mut times = Histogram::new();
    while let Some(done) = readers.join_next().await {
        times.merge(&done??);
    }
    let wall = start.elapsed().as_secs_f64();
    server.process.quiet(Duration::from_secs(5)).await;
    let cpu = server.process.cpu_seconds() - cpu;
    let pages = times.count() as f64;
    Ok(Measured {
        figure: pages / cpu,
        details: BTreeMap::from([
            ("pages", pages),
            ("per_second", pages / wall),
            ("cpu_seconds", cpu),
            ("p50_us", times.micros(0.5)),
            ("p99_us", times.micros(0.99)),
        ]),
        note: format!("{messages} messages verified"),
    })
}

/// Reads page after page until `end`, and starts over at the archive's beginning.
async fn walk(mut client: Client, end: Instant) -> Result<Histogram> {
    let mut times = Histogram::new();
    let mut before = String::new();
    while Instant::now() < end {
        let begin = Instant::now();
        client
            .send(&format!(
                "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2' queryid='q'><set xmlns='http://jabber.org/protocol/rsm'>\
                 <max>{PAGE}</max><before>{before}</before></set></query></iq>"
            ))
            .await?;
        let page = client
            .answer(&["</fin></iq>", "type='error'", "type=\"error\""])
            .await?;
        times.record(begin.elapsed().as_nanos() as u64);
        let results = page.matches("<forwarded").count();
        let (_, fin) = page
            .rsplit_once("<fin")
            .with_context(|| format!("no page: {page}"))?;
        ensure!(results == PAGE, "a page of {results} messages: {fin}");
        let complete = fin.contains("complete='true'") || fin.contains("complete=\"true\"");
        let first = between(fin, "<first", "</first>")
            .and_then(|first| first.split_once('>'))
            .map(|(_, id)| id.to_owned());
        before = if complete {
            String::new()
        } else {
            first.with_context(|| format!("no first id: {fin}"))?
        };
    }
    client.close().await;
    Ok(times)
}

/// Sends `messages` messages to the archive's owner, who reads them.
async fn fill(server: &Server, messages: usize) -> Result<()> {
    let mut sender = available_session(server, "u0", None).await?;
    let mut owner = available_session(server, ARCHIVIST, None).await?;
    let message = Message::new(&format!("{ARCHIVIST}@{DOMAIN}"), Content::Text, false);
    let mut scanner = Scanner::new();
    let mut input = vec![0; 64 * 1024];
    let (mut sent, mut received) = (0, 0);
    while received < messages {
        let room = (AHEAD - (sent - received)).min(messages - sent);
        if room >= AHEAD / 4 || sent + room == messages && room > 0 {
            let mut output = Vec::with_capacity(message.len() * room);
            let now = now_nanos();
            for number in 0..room {
                message.write(now + number as u64, &mut output);
            }
            sender.write(&output).await?;
            sent += room;
        }
        let length =
            tokio::time::timeout(Duration::from_secs(30), owner.read(&mut input)).await??;
        ensure!(length > 0, "the stream ended while the archive was filled");
        let found = scanner.feed(&input[..length], |_| ());
        ensure!(!found.error, "an error while the archive was filled");
        received += found.messages as usize;
    }
    sender.close().await;
    owner.close().await;
    Ok(())
}
