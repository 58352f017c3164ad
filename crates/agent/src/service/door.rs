//! The door of the process that has the account: a socket in its folder, a request as a line of JSON in, answers as
//! lines of JSON out. Only the same user comes in.

use std::os::fd::AsRawFd;
use std::path::PathBuf;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Answer, Answers, Request};
use crate::folder::Folder;

/// Longest request, in bytes.
const REQUEST_BYTES: u64 = 4 * 1024 * 1024;

/// An open door; it closes when this is dropped.
pub(super) struct Door {
    file: PathBuf,
    accepting: AbortHandle,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The address of the socket: paths of sockets are short (108 bytes), so it is named through its folder.
fn address(folder: &Folder) -> anyhow::Result<(std::fs::File, PathBuf)> {
    let path = folder.file("");
    let open = std::fs::File::open(&path)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/socket", open.as_raw_fd()));
    Ok((open, short))
}

impl Door {
    /// Opens it. The caller has the lock, so a socket that lies there is that of a dead process.
    pub(super) fn open(
        folder: &Folder,
        requests: mpsc::Sender<(Request, Answers)>,
    ) -> anyhow::Result<Self> {
        let file = folder.file("socket");
        let _ = std::fs::remove_file(&file);
        let (_open, short) = address(folder)?;
        let listener = UnixListener::bind(&short)
            .with_context(|| format!("{} cannot be made", file.display()))?;
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, requests.clone()));
            }
        });
        Ok(Self {
            file,
            accepting: accepting.abort_handle(),
        })
    }
}

async fn serve(stream: UnixStream, requests: mpsc::Sender<(Request, Answers)>) {
    let own = rustix::process::geteuid().as_raw();
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
        return;
    }
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(tokio::io::AsyncReadExt::take(reader, REQUEST_BYTES));
    let mut line = String::new();
    if reader.read_line(&mut line).await.is_err() {
        return;
    }
    let (answers, mut receiver) = mpsc::unbounded_channel();
    match serde_json::from_str(&line) {
        Ok(request) => {
            if requests.send((request, answers)).await.is_err() {
                return;
            }
        }
        Err(error) => {
            let _ = answers.send(Answer::failed(format!(
                "the hauspost-agent that has this account does not understand this one ({error}): both must be of one version"
            )));
            drop(answers);
        }
    }
    let mut nothing = String::new();
    loop {
        tokio::select! {
            answer = receiver.recv() => {
                let Some(answer) = answer else { return };
                let Ok(mut text) = serde_json::to_string(&answer) else { return };
                text.push('\n');
                if writer.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            // The asker says nothing more: this is its end.
            _ = reader.read_line(&mut nothing) => return,
        }
    }
}

/// A request to the process that has the account.
pub(crate) struct Ask {
    reader: tokio::io::Lines<BufReader<tokio::net::unix::OwnedReadHalf>>,
    _writer: tokio::net::unix::OwnedWriteHalf,
}

/// Asks the process that has the account; `None` when nobody listens there (any more).
///
/// # Errors
/// When the socket is there and fails.
pub(crate) async fn ask(folder: &Folder, request: &Request) -> anyhow::Result<Option<Ask>> {
    let (_open, short) = address(folder)?;
    let Ok(stream) = UnixStream::connect(&short).await else {
        return Ok(None);
    };
    let (reader, mut writer) = stream.into_split();
    let mut text = serde_json::to_string(request)?;
    if text.len() as u64 >= REQUEST_BYTES {
        bail!("this is too long to be said: send it as a file");
    }
    text.push('\n');
    writer.write_all(text.as_bytes()).await?;
    Ok(Some(Ask {
        reader: BufReader::new(reader).lines(),
        _writer: writer,
    }))
}

impl Ask {
    /// The next answer; `None` when the other process has ended before it was done.
    ///
    /// # Errors
    /// When the other process says what this one does not understand.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Answer>> {
        let Ok(Some(line)) = self.reader.next_line().await else {
            return Ok(None);
        };
        let answer = serde_json::from_str(&line).context(
            "the hauspost-agent that has this account is of another version: end it, or use that version",
        )?;
        Ok(Some(answer))
    }
}
