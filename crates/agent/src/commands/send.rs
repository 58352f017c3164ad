//! `send`: says something.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use anyhow::{Context, bail};
use tokio::sync::mpsc;

use super::{Connection, Ended, Whereabouts, remark};
use crate::cli::Send;
use crate::service::{Answer, NOT_DELIVERED, Request, SendRequest, WAITS};

/// Longest text that is read, in bytes; more belongs into a file.
const TEXT_BYTES: u64 = 64 * 1024;

/// How many lines are said in one go when they come faster than they can be sent.
const LINES: usize = 256;

pub(super) async fn send(place: &Whereabouts, send: &Send) -> anyhow::Result<()> {
    if send.lines {
        return lines(place, send).await;
    }
    let file = send
        .file
        .as_deref()
        .map(|file| std::path::absolute(file).with_context(|| file.display().to_string()))
        .transpose()?;
    let text = match (&send.text, &file) {
        (Some(text), _) => text.clone(),
        (None, Some(_)) => String::new(),
        (None, None) => read()?,
    };
    if file.is_none() && text.trim().is_empty() {
        bail!("there is nothing to say: give a text, or pipe one in");
    }
    let request = Request::Send(SendRequest {
        file,
        ..saying(send, vec![text])
    });
    place.request(request, Connection::Needed, |_| Ok(())).await
}

fn saying(send: &Send, texts: Vec<String>) -> SendRequest {
    SendRequest {
        to: send.to.clone(),
        texts,
        file: None,
        wait_delivered: send.wait_delivered,
        timeout_seconds: send.timeout,
    }
}

fn read() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(TEXT_BYTES + 1)
        .read_to_string(&mut text)
        .context("standard input is not UTF-8 text")?;
    if text.len() as u64 > TEXT_BYTES {
        bail!("standard input holds more than 64 KiB: that is too long for a message");
    }
    Ok(without_end(&text).to_owned())
}

/// Without the end of the last line.
fn without_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Says each line as it comes.
async fn lines(place: &Whereabouts, send: &Send) -> anyhow::Result<()> {
    // What cannot be said by anybody is refused before a line is waited for.
    place.folder()?;
    let mut lines = standard_input();
    let Some(first) = batch(&mut lines).await? else {
        bail!("there is nothing to say: pipe lines in");
    };
    let (requests, rest) = mpsc::channel(1);
    let late = Cell::new(None);
    let feed = async {
        while let Some(texts) = batch(&mut lines).await? {
            if requests
                .send(Request::Send(saying(send, texts)))
                .await
                .is_err()
            {
                break;
            }
        }
        drop(requests);
        anyhow::Ok(())
    };
    let first = Request::Send(saying(send, first));
    let say = place.requests(first, rest, Connection::Needed, |answer| match answer {
        Answer::Failed {
            code: code @ (WAITS | NOT_DELIVERED),
            text,
        } => {
            remark(&format!("hauspost-agent: {text}"));
            late.set(late.get().or(Some(code)));
            Ok(())
        }
        answer => super::unfailed(answer).map(drop),
    });
    tokio::pin!(feed, say);
    // When what says ends first, it has failed: nobody waits for further lines then.
    let fed = tokio::select! {
        said = &mut say => return said,
        fed = &mut feed => fed,
    };
    say.await?;
    fed?;
    match late.get() {
        Some(code) => Err(Ended {
            code,
            text: "not every line came as far as it should".to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

/// The lines that are there, at least one; `None` after the last one.
async fn batch(
    lines: &mut mpsc::Receiver<io::Result<String>>,
) -> anyhow::Result<Option<Vec<String>>> {
    let Some(first) = lines.recv().await else {
        return Ok(None);
    };
    let mut texts = vec![first?];
    while texts.len() < LINES
        && let Ok(line) = lines.try_recv()
    {
        texts.push(line?);
    }
    Ok(Some(texts))
}

/// Lines of standard input, without those that say nothing. A thread reads them, which nobody waits for at the end.
fn standard_input() -> mpsc::Receiver<io::Result<String>> {
    let (lines, receiver) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut line = String::new();
            let read = input.by_ref().take(TEXT_BYTES + 1).read_line(&mut line);
            let line = match read {
                Ok(0) => return,
                Ok(_) if line.len() as u64 > TEXT_BYTES => Err(io::Error::other(
                    "a line is longer than 64 KiB: that is too long for a message",
                )),
                Ok(_) if line.trim().is_empty() => continue,
                Ok(_) => Ok(without_end(&line).to_owned()),
                Err(error) => Err(error),
            };
            let is_last = line.is_err();
            if lines.blocking_send(line).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}
