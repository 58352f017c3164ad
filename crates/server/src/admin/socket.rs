//! The answering side: `data_dir/admin.sock`, for our own user and root only.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::{Envelope, Execution, LINE_BYTES, Reply, Request, VERSION, execute, socket_path};

/// The open socket; its file goes when this is dropped.
pub struct AdminSocket {
    listener: UnixListener,
    path: std::path::PathBuf,
    owner: u32,
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens the socket. The caller holds the store's lock, so a socket that is there already is a leftover.
///
/// # Errors
/// When the data folder cannot be written.
pub fn listen(data_dir: &Path) -> anyhow::Result<AdminSocket> {
    let path = socket_path(data_dir);
    // sockaddr_un(7) holds 108 bytes with the closing zero.
    if path.as_os_str().len() > 107 {
        bail!(
            "{} is too long for a socket; move the data folder to a shorter path",
            path.display()
        );
    }
    let named = || {
        format!(
            "{} cannot be made; let this user write in the data folder",
            path.display()
        )
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(named);
        }
        _ => {}
    }
    let listener = UnixListener::bind(&path).with_context(named)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).with_context(named)?;
    let owner = std::fs::metadata(&path).with_context(named)?.uid();
    Ok(AdminSocket {
        listener,
        path,
        owner,
    })
}

impl AdminSocket {
    /// Answers for as long as the server runs. Conversations in which [`Request::Pause`] was asked go into `pauses`, for
    /// [`give_way`].
    pub async fn serve(&self, execution: Execution, pauses: mpsc::Sender<UnixStream>) {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // Out of file descriptors: others will close theirs.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == self.owner || peer.uid() == 0 => {
                    tokio::spawn(converse(stream, execution.clone(), pauses.clone()));
                }
                Ok(peer) => tracing::warn!(
                    uid = peer.uid(),
                    "a stranger asked at the admin socket and was turned away"
                ),
                Err(error) => {
                    tracing::warn!(%error, "who asks at the admin socket cannot be known; turned away")
                }
            }
        }
    }
}

/// Answers a [`Request::Pause`], now that the store is closed, and waits until whoever has asked is done with it.
///
/// # Errors
/// When the conversation is broken: nobody has the store then.
pub fn give_way(mut stream: std::os::unix::net::UnixStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut text = serde_json::to_vec(&Reply::Done)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    std::io::copy(&mut stream, &mut std::io::sink()).map(|_| ())
}

async fn converse(stream: UnixStream, execution: Execution, pauses: mpsc::Sender<UnixStream>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        match (&mut read)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let reply = match serde_json::from_slice::<Envelope>(&line) {
            Ok(Envelope { version: VERSION, request: Request::Pause }) => {
                if let Ok(stream) = read.into_inner().reunite(write) {
                    let _ = pauses.send(stream).await;
                }
                return;
            }
            Ok(envelope) if envelope.version == VERSION => execute(&execution, envelope.request).await,
            Ok(_) => Reply::Failed {
                problem: "the server speaks another version of this protocol; use the program of the same version".to_owned(),
            },
            Err(error) => Reply::Failed { problem: format!("the request cannot be read: {error}") },
        };
        let Ok(mut text) = serde_json::to_vec(&reply) else {
            return;
        };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() {
            return;
        }
    }
}
