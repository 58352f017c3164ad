//! The asking side: a running server by its socket, a stopped one by its store.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use arc_swap::ArcSwap;
use chat::Chat;
use chat::accounts::Authority;
use store::{Store, StoreConfig};

use crate::messenger;
use crate::net::Clock;

use super::{
    Envelope, Execution, LINE_BYTES, Reply, Request, VERSION, execute, socket_path, store_path,
};
use crate::config::Config;
use crate::identity::Directory;

/// Whom requests go to.
pub enum Target {
    /// A running server.
    Running(BufReader<UnixStream>),
    /// The store of a stopped one.
    Stopped(Box<Execution>),
}

/// Finds the running server of a data folder, or opens its store.
///
/// # Errors
/// When neither can be had, with the mend.
pub fn open_target(config: &Config) -> anyhow::Result<Target> {
    if let Some(running) = connect(&config.data_dir)? {
        return Ok(running);
    }
    make_data_dir(&config.data_dir)?;
    let mut store_config = StoreConfig::folder(store_path(&config.data_dir));
    store_config.readers = 1;
    let store = Store::open(store_config)?;
    // The same messenger as in a running server, with nobody connected: what is done to accounts is
    // one thing.
    let secret = store::wait(std::pin::pin!(messenger::secret(&store)))?;
    let clock = Clock::start();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let chat = Chat::new(
        messenger::chat_config(config, secret),
        store,
        Arc::new(|work| work()),
        seed,
        clock.now(),
    );
    Ok(Target::Stopped(Box::new(Execution {
        chat,
        clock,
        by: Authority::console(),
        directory: Directory::new(Arc::new(ArcSwap::from_pointee(config.clone()))),
    })))
}

/// The same for what only looks: where there is no store yet, none is made.
///
/// # Errors
/// When there is neither, with the mend.
pub fn open_existing(config: &Config) -> anyhow::Result<Target> {
    if let Some(running) = connect(&config.data_dir)? {
        return Ok(running);
    }
    let path = store_path(&config.data_dir);
    anyhow::ensure!(
        path.exists(),
        "there is no store in {} yet: check `data_dir`, or start the server or add somebody with `hauspost user add`",
        config.data_dir.display()
    );
    open_target(config)
}

/// The running server of a data folder, if there is one.
///
/// # Errors
/// When one is there that will not talk to us.
pub fn connect(data_dir: &Path) -> anyhow::Result<Option<Target>> {
    let path = socket_path(data_dir);
    match UnixStream::connect(&path) {
        Ok(stream) => Ok(Some(Target::Running(BufReader::new(stream)))),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| {
            format!(
                "{} cannot be used; run this as the user that the server runs as, or as root",
                path.display()
            )
        }),
    }
}

/// Makes a data folder that only we can read.
///
/// # Errors
/// Names the folder and the mend.
pub fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| {
        format!("the data folder {} cannot be made; let this user write there, or name another with --data", path.display())
    })
}

impl Target {
    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The failure of the request itself, or of the way there.
    pub fn ask(&mut self, request: Request) -> anyhow::Result<Reply> {
        let reply = match self {
            Self::Running(stream) => ask_socket(stream, request)?,
            Self::Stopped(execution) => store::wait(std::pin::pin!(execute(execution, request))),
        };
        match reply {
            Reply::Failed { problem } => Err(anyhow!(problem)),
            reply => Ok(reply),
        }
    }

    /// Whether a server answers.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }
}

fn ask_socket(stream: &mut BufReader<UnixStream>, request: Request) -> anyhow::Result<Reply> {
    let mut line = serde_json::to_vec(&Envelope {
        version: VERSION,
        request,
    })?;
    line.push(b'\n');
    let broken = "the running server broke the conversation off; see its log";
    stream.get_mut().write_all(&line).context(broken)?;
    let mut answer = Vec::new();
    stream
        .take(LINE_BYTES)
        .read_until(b'\n', &mut answer)
        .context(broken)?;
    if answer.last() != Some(&b'\n') {
        bail!(broken);
    }
    serde_json::from_slice(&answer)
        .context("the running server answers in words this program does not know; use the same version of both")
}
