//! A client that asks for much and never reads: its mailbox is bounded, its stream ends, and its archive has it all.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::Target;
use super::stranger::{End, provoke};
use crate::client::{Client, Login};
use crate::servers::{DOMAIN, PASSWORD};

/// Messages to the deaf: more than the system's own buffers and the mailbox hold together.
const MESSAGES: usize = 7_000;
const PAGE: usize = 100;

/// A socket with a small receive buffer: what is not read waits at the server.
async fn small_socket(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(64 * 1024)?;
    Ok(socket.connect(address).await?)
}

pub(super) async fn run(target: Target) -> Result<String> {
    let before = archived(&target).await?;
    let login = Login {
        address: target.address,
        domain: DOMAIN,
        username: "deaf",
        password: PASSWORD,
        resource: "deaf",
        tls: None,
    };
    let mut deaf = Client::over(small_socket(target.address).await?);
    deaf.enter(&login).await?;
    deaf.send("<presence/>").await?;
    deaf.answer(&["<presence"]).await?;
    let deaf = deaf.into_tcp().context("a plain connection")?;

    // Somebody floods it, and has each message taken over: the answer to the ping comes after all of them.
    let flood = target
        .log_in("rude", "flood")
        .await?
        .into_tcp()
        .context("a plain connection")?;
    let filler = "y".repeat(1024);
    let messages = (0..MESSAGES).map(move |number| {
        format!("<message to='deaf@{DOMAIN}' type='chat' id='d{number}'><body>{number} {filler}</body></message>").into_bytes()
    });
    let ping =
        format!("<iq type='get' id='flooded' to='{DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>");
    let (end, came) = provoke(
        flood,
        messages.chain(std::iter::once(ping.into_bytes())),
        Some("flooded"),
    )
    .await?;
    ensure!(end == End::Open, "the sender's stream ended: {end:?}");
    ensure!(
        !came.contains("<message"),
        "the sender got an error: {}",
        &came[..came.len().min(500)]
    );

    // Now it reads: what was under way, and the end of its stream.
    let (heard, tail) = drain(deaf).await?;
    ensure!(
        heard < MESSAGES,
        "all {heard} messages were held for one that does not read"
    );
    let archived = archived(&target).await? - before;
    ensure!(
        archived == MESSAGES,
        "{archived} of {MESSAGES} messages are in the archive"
    );
    let told = if tail.contains("<stream:error") {
        "told why"
    } else {
        "cut"
    };
    Ok(format!(
        "{heard} of {MESSAGES} delivered, then {told}; all in the archive"
    ))
}

/// Reads to the end: how many messages came, and the last bytes.
async fn drain(mut stream: TcpStream) -> Result<(usize, String)> {
    let mut messages = 0;
    let mut rest: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let reading = async {
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(length) => rest.extend_from_slice(&buffer[..length]),
            }
            let mut at = 0;
            while let Some(found) = memmem::find(&rest[at..], b"</message>") {
                messages += 1;
                at += found + b"</message>".len();
            }
            rest.drain(..at);
        }
        let _ = stream.shutdown().await;
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), reading).await;
    ensure!(
        ended.is_ok(),
        "the stream of one that never read does not end; {messages} messages came, and last {}",
        String::from_utf8_lossy(&rest[rest.len().saturating_sub(200)..])
    );
    Ok((messages, String::from_utf8_lossy(&rest).into_owned()))
}

/// How many messages the archive of the deaf has, page by page.
async fn archived(target: &Target) -> Result<usize> {
    let mut client = target.log_in("deaf", "reading").await?;
    let mut count = 0;
    let mut after = String::new();
    loop {
        let from = if after.is_empty() {
            String::new()
        } else {
            format!("<after>{after}</after>")
        };
        client
            .send(&format!(
                "<iq type='set' id='page'><query xmlns='urn:xmpp:mam:2'>\
                 <set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max>{from}</set></query></iq>"
            ))
            .await?;
        let page = client.answer(&["</fin></iq>", "</fin>", "<fin "]).await?;
        let page = if page.ends_with("<fin ") {
            page + &client.answer(&["</fin>"]).await?
        } else {
            page
        };
        count += memmem::find_iter(page.as_bytes(), b"<result ").count();
        let complete = page.contains("complete='true'") || page.contains("complete=\"true\"");
        match page
            .rsplit_once("<last>")
            .and_then(|(_, rest)| rest.split_once("</last>"))
        {
            Some((last, _)) if !complete => last.clone_into(&mut after),
            _ => break,
        }
    }
    client.close().await;
    Ok(count)
}
