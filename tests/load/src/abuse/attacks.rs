//! The list of abuses.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use super::stranger::{End, connect_from, expect, header, provoke, provoke_from_start};
use super::{PREAUTH_SECONDS, Target, deaf};
use crate::client::{Client, Login};
use crate::servers::{DOMAIN, PASSWORD};

type Running = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// One abuse: its result is a few words, or why the server did not bear it.
pub(super) struct Attack {
    pub(super) name: &'static str,
    run: fn(Target) -> Running,
}

impl Attack {
    pub(super) fn run(&self, target: Target) -> Running {
        (self.run)(target)
    }
}

macro_rules! attacks {
    ($($name:literal => $run:expr),* $(,)?) => {
        /// All, in the order in which they run.
        pub(super) const ALL: &[Attack] = &[$(Attack { name: $name, run: |target| Box::pin(($run)(target)) }),*];
    };
}

attacks! {
    "half-open-1000" => half_open,
    "slow-loris" => slow_loris,
    "depth-10000-before-login" => |target| before_login(target, "<a>".repeat(10_000), &["policy-violation"]),
    "depth-100000-before-login" => |target| before_login(target, "<a>".repeat(100_000), &["policy-violation"]),
    "depth-10000-in-header" => |target| raw(target, "<a>".repeat(10_000), &["policy-violation", "bad-format", "invalid-namespace", "not-well-formed", "invalid-xml"]),
    "depth-10000-in-message" => |target| logged_in(target, || nested(10_000), &["policy-violation"]),
    "depth-100000-in-message" => |target| logged_in(target, || nested(100_000), &["policy-violation"]),
    "attributes-10000" => |target| logged_in(target, attributes, &["policy-violation"]),
    "attributes-before-login" => |target| before_login(target, attributes_text(), &["policy-violation"]),
    "one-attribute-of-1-mb" => |target| logged_in(target, || one(format!("<message id='{}'/>", "a".repeat(1 << 20))), &["policy-violation"]),
    "white-space-10-mb" => white_space,
    "white-space-before-login" => |target| flood_before_login(target, || blocks(b" ", 10), &["policy-violation", "connection-timeout"]),
    "stanza-100-mb" => |target| logged_in(target, || std::iter::once(format!("<message to='victim@{DOMAIN}'><body>").into_bytes()).chain(blocks(b"x", 100)), &["policy-violation"]),
    "stanza-100-mb-before-login" => |target| flood_before_login(target, || std::iter::once(b"<message><body>".to_vec()).chain(blocks(b"x", 100)), &["policy-violation"]),
    "tag-without-end" => |target| flood_before_login(target, || std::iter::once(b"<message ".to_vec()).chain(blocks(b"a", 10)), &["policy-violation"]),
    "entity-bomb" => |target| raw(target, BOMB.to_owned(), &["restricted-xml", "not-well-formed"]),
    "document-type" => |target| raw(target, "<!DOCTYPE stream:stream SYSTEM 'file:///etc/passwd'>".to_owned() + &header(), &["restricted-xml", "not-well-formed"]),
    "unknown-entity" => |target| logged_in(target, || one(format!("<message to='victim@{DOMAIN}'><body>&lol;</body></message>")), &["restricted-xml", "not-well-formed"]),
    "comment" => |target| logged_in(target, || one("<!-- hello -->".to_owned()), &["restricted-xml", "not-well-formed"]),
    "comment-in-message" => |target| logged_in(target, || one(format!("<message to='victim@{DOMAIN}'><!-- x --><body/></message>")), &["restricted-xml", "not-well-formed"]),
    "processing-instruction" => |target| logged_in(target, || one("<?php evil() ?>".to_owned()), &["restricted-xml", "not-well-formed"]),
    "bad-utf-8" => |target| logged_in(target, || std::iter::once(b"<message><body>\xC0\xAF\xED\xA0\x80</body></message>".to_vec()), &["unsupported-encoding", "bad-format", "not-well-formed", "invalid-xml"]),
    "noise" => |target| raw(target, noise(), &["not-well-formed", "bad-format", "unsupported-encoding", "invalid-xml", "restricted-xml", "invalid-namespace"]),
    "forged-from" => forged_from,
    "deaf-reader" => deaf::run,
}

const BOMB: &str = "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY a 'lollollollollollollollollollol'>\
    <!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>\
    <!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>]>\
    <stream:stream to='&e;' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

fn one(text: String) -> impl Iterator<Item = Vec<u8>> + Send {
    std::iter::once(text.into_bytes())
}

/// So many mebibytes of one byte.
fn blocks(byte: &'static [u8; 1], mebibytes: usize) -> impl Iterator<Item = Vec<u8>> + Send {
    (0..mebibytes * 16).map(|_| byte.repeat(1 << 16))
}

fn nested(depth: usize) -> impl Iterator<Item = Vec<u8>> + Send {
    let text = format!("<message to='victim@{DOMAIN}'>{}", "<a>".repeat(depth));
    text.into_bytes()
        .chunks(1 << 15)
        .map(<[u8]>::to_vec)
        .collect::<Vec<_>>()
        .into_iter()
}

fn attributes_text() -> String {
    let attributes: String = (0..10_000).map(|number| format!(" a{number}=''")).collect();
    format!("<message to='victim@{DOMAIN}'{attributes}/>")
}

fn attributes() -> impl Iterator<Item = Vec<u8>> + Send {
    one(attributes_text())
}

fn noise() -> String {
    // The same noise every time.
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    (0..4096)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(33 + (state % 94) as u8)
        })
        .collect()
}

/// Repeats an abuse, four at once, until time is up; at least one abuser must have seen a condition.
async fn repeat<F>(target: &Target, allowed: &[&str], abuse: impl Fn() -> F) -> Result<String>
where
    F: Future<Output = Result<End>> + Send + 'static,
{
    let (mut told, mut all) = (0, 0);
    loop {
        let mut abusers = JoinSet::new();
        for _ in 0..4 {
            abusers.spawn(abuse());
        }
        while let Some(end) = abusers.join_next().await {
            all += 1;
            told += u32::from(expect(&end??, allowed)?);
        }
        if target.is_over() {
            break;
        }
    }
    ensure!(told > 0, "none of {all} was told why its stream ended");
    Ok(format!("{all} times, {told} told why"))
}

/// Bytes from the first on.
async fn raw(target: Target, text: String, allowed: &'static [&'static str]) -> Result<String> {
    repeat(&target, allowed, || {
        let (address, text) = (target.address, text.clone());
        async move {
            let stream = connect_from(Ipv4Addr::LOCALHOST, address).await?;
            provoke_from_start(stream, one(text)).await
        }
    })
    .await
}

/// Bytes after the stream header.
async fn before_login(
    target: Target,
    text: String,
    allowed: &'static [&'static str],
) -> Result<String> {
    raw(target, header() + &text, allowed).await
}

/// Much after the stream header. Input of strangers is slow: it may take until they must be logged in.
async fn flood_before_login<I>(
    target: Target,
    pieces: fn() -> I,
    allowed: &'static [&'static str],
) -> Result<String>
where
    I: Iterator<Item = Vec<u8>> + Send + 'static,
{
    repeat(&target, allowed, || {
        let address = target.address;
        async move {
            let stream = connect_from(Ipv4Addr::LOCALHOST, address).await?;
            provoke_from_start(stream, one(header()).chain(pieces())).await
        }
    })
    .await
}

/// Bytes of a user.
async fn logged_in<I>(
    target: Target,
    pieces: fn() -> I,
    allowed: &'static [&'static str],
) -> Result<String>
where
    I: Iterator<Item = Vec<u8>> + Send + 'static,
{
    repeat(&target, allowed, || {
        let target = target.clone();
        async move {
            static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 8;
            let client = target.log_in("rude", &format!("r{number}")).await?;
            let stream = client.into_tcp().context("a plain connection")?;
            Ok(provoke(stream, pieces(), None).await?.0)
        }
    })
    .await
}

/// A thousand connections that never log in; from elsewhere somebody still can.
async fn half_open(target: Target) -> Result<String> {
    let mut held = Vec::new();
    for number in 0..1000_u32 {
        // Forty from each address.
        let source = Ipv4Addr::new(127, 0, 1, 1 + (number / 40) as u8);
        let mut stream = connect_from(source, target.address).await?;
        if number % 2 == 0 {
            stream.write_all(header().as_bytes()).await?;
        }
        held.push(stream);
    }
    let begin = Instant::now();
    let login = async {
        let client = target.log_in("victim", "while-half-open").await?;
        client.close().await;
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(10), login)
        .await
        .context("nobody gets in meanwhile")??;
    let login = begin.elapsed();
    let (mut told, mut cut) = (0, 0);
    let mut ends = JoinSet::new();
    for stream in held {
        ends.spawn(provoke_from_start(stream, std::iter::empty()));
    }
    while let Some(end) = ends.join_next().await {
        match end?? {
            End::Error(condition) if condition == "connection-timeout" => told += 1,
            End::Cut => cut += 1,
            other => anyhow::bail!("{other:?} instead of connection-timeout"),
        }
    }
    let passed = begin.elapsed();
    ensure!(
        passed < Duration::from_secs(u64::from(PREAUTH_SECONDS) + 10),
        "they were held for {passed:?}"
    );
    ensure!(told >= 900, "only {told} were told why, {cut} were cut");
    Ok(format!(
        "login meanwhile {} ms; {told} told why",
        login.as_millis()
    ))
}

/// Connections that send one byte now and then.
async fn slow_loris(target: Target) -> Result<String> {
    let mut ends = JoinSet::new();
    for number in 0..200_u32 {
        let source = Ipv4Addr::new(127, 0, 2, 1 + (number / 40) as u8);
        let address = target.address;
        ends.spawn(async move {
            let stream = connect_from(source, address).await?;
            let (mut read, mut write) = stream.into_split();
            let dripping = async {
                for byte in header().bytes().cycle() {
                    if write.write_all(&[byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let begin = Instant::now();
            let mut came = String::new();
            let hearing = tokio::io::AsyncReadExt::read_to_string(&mut read, &mut came);
            let heard = tokio::time::timeout(
                Duration::from_secs(u64::from(PREAUTH_SECONDS) + 10),
                async {
                    tokio::select! {
                        heard = hearing => drop(heard),
                        () = async { dripping.await; std::future::pending::<()>().await } => {}
                    }
                },
            )
            .await;
            ensure!(heard.is_ok(), "still open after {:?}", begin.elapsed());
            anyhow::Ok(came.contains("connection-timeout"))
        });
    }
    let mut told = 0;
    while let Some(end) = ends.join_next().await {
        told += u32::from(end??);
    }
    ensure!(told > 0, "nobody was told connection-timeout");
    Ok(format!("200 ended, {told} told why"))
}

/// White space of a user is swallowed, or too much of it ends the stream; the user after it is heard.
async fn white_space(target: Target) -> Result<String> {
    let client = target.log_in("rude", "white").await?;
    let stream = client.into_tcp().context("a plain connection")?;
    let ping = format!(
        "<iq type='get' id='after-white-space' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
    );
    let pieces = blocks(b" ", 10).chain(one(ping));
    let (end, _) = provoke(stream, pieces, Some("after-white-space")).await?;
    match end {
        End::Open => Ok("swallowed".to_owned()),
        End::Error(condition) if condition == "policy-violation" => Ok(condition),
        other => anyhow::bail!("{other:?}"),
    }
}

/// A sender who says to be somebody else is not believed (RFC 6120 §8.1.2.1).
async fn forged_from(target: Target) -> Result<String> {
    let mut victim = target.log_in("victim", "listening").await?;
    victim.send("<presence/>").await?;
    let mut words = "";
    for forged in [
        format!("juliet@{DOMAIN}/pair"),
        DOMAIN.to_owned(),
        "someone@elsewhere.example".to_owned(),
        "@@@".to_owned(),
    ] {
        let login = Login {
            address: target.address,
            domain: DOMAIN,
            username: "rude",
            password: PASSWORD,
            resource: "forger",
            tls: None,
        };
        let stream = Client::log_in(&login)
            .await?
            .into_tcp()
            .context("a plain connection")?;
        let message = format!(
            "<message from='{forged}' to='victim@{DOMAIN}/listening' type='chat'><body>forged</body></message>\
             <iq type='get' id='after-forgery' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>"
        );
        let (end, _) = provoke(stream, one(message), Some("after-forgery")).await?;
        match end {
            End::Error(condition) if condition == "invalid-from" => words = "invalid-from",
            End::Open => {
                let heard = victim.answer(&["</message>"]).await?;
                ensure!(
                    heard.contains(&format!("rude@{DOMAIN}/forger")),
                    "the forgery was delivered: {heard}"
                );
                ensure!(
                    !heard.contains(&format!("from='{forged}'"))
                        && !heard.contains(&format!("from=\"{forged}\"")),
                    "the forgery was delivered: {heard}"
                );
                words = "replaced by the true one";
            }
            other => anyhow::bail!("{other:?}"),
        }
    }
    victim.close().await;
    Ok(words.to_owned())
}
