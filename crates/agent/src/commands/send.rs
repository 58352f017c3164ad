//! `send`: says something.

use std::io::Read;

use anyhow::{Context, bail};

use super::{Connection, Whereabouts};
use crate::cli::Send;
use crate::service::{Request, SendRequest};

/// Longest text that is read, in bytes; more belongs into a file.
const TEXT_BYTES: u64 = 64 * 1024;

pub(super) async fn send(place: &Whereabouts, send: &Send) -> anyhow::Result<()> {
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
        to: send.to.clone(),
        text,
        file,
        wait_delivered: send.wait_delivered,
        timeout_seconds: send.timeout,
    });
    place.request(request, Connection::Needed, |_| Ok(())).await
}

fn read() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(TEXT_BYTES + 1)
        .read_to_string(&mut text)
        .context("standard input is not UTF-8 text")?;
    if text.len() as u64 > TEXT_BYTES {
        bail!("standard input holds more than 64 KiB: that is too long for a message");
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
