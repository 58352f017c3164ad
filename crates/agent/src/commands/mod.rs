//! What the command line does.

mod chat;
mod devices;
mod export;
mod login;
mod logout;
mod send;
mod terminal;
mod verify;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::CommandFactory;
use client::{BareJid, Command as Engines, Credentials, Event, Redacted, Settings};
use tokio::sync::mpsc;

use crate::cli::{Cli, Command};
use crate::folder::{self, Folder, Lock, Profile};
use crate::runtime::connection::Dialer;
use crate::runtime::engine::{Engine, Happening};
use crate::runtime::names::Place;
use crate::runtime::tls::{Fingerprint, Tls};
use crate::service::{Answer, Host, Request, ask};
use crate::storage::SqliteStorage;

pub(crate) use self::login::certificate_warning;

/// How long to wait for a process that has the account and does not answer yet.
const DOOR_PATIENCE: Duration = Duration::from_secs(5);

/// Exit status of what somebody has interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

/// An end with an exit status of its own.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Ended {
    code: u8,
    text: String,
}

/// An answer that is no failure; a failure ends the command.
fn unfailed(answer: Answer) -> anyhow::Result<Answer> {
    match answer {
        Answer::Failed { code, text } => Err(Ended { code, text }.into()),
        answer => Ok(answer),
    }
}

/// Runs a command line to its end.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime
        .context("the async runtime cannot start")
        .and_then(|runtime| runtime.block_on(perform(cli)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads our output has enough of it.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            remark(&format!("hauspost-agent: {error:#}"));
            error
                .downcast_ref::<Ended>()
                .map_or(ExitCode::FAILURE, |ended| ExitCode::from(ended.code))
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn perform(cli: &Cli) -> anyhow::Result<()> {
    let place = Whereabouts {
        root: folder::root(cli.data.as_deref())?,
        account: cli.account.clone(),
    };
    match &cli.command {
        Command::Login(login) => login::login(&place, login).await,
        Command::Logout(logout) => logout::logout(&place, logout).await,
        Command::Chat => chat::chat(&place, cli.lang.as_deref()).await,
        Command::Send(send) => send::send(&place, send).await,
        Command::Listen => listen(&place).await,
        Command::Devices(devices) => devices::devices(&place, devices).await,
        Command::Verify(verify) => verify::verify(&place, verify).await,
        Command::Export(export) => export::export(&place, export).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "hauspost-agent", &mut script);
            io::stdout().write_all(&script)?;
            Ok(())
        }
    }
}

async fn listen(place: &Whereabouts) -> anyhow::Result<()> {
    place
        .request(Request::Listen, Connection::Stays, |answer| match answer {
            Answer::Happened(happening) => say(&json(&happening)?),
            _ => Ok(()),
        })
        .await
}

/// Writes a line of what was asked for.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

/// Something as JSON in one line, in which a terminal finds nothing to obey either.
fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string(value)?;
    // JSON wants controls escaped below U+0020 only (RFC 8259 §7); outside of texts there are none.
    let is_left = |character: char| character.is_control();
    if !text.contains(is_left) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_left(character) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    Ok(escaped)
}

/// Writes a line for the person that is not what was asked for. Words of servers and of others may be in it.
fn remark(text: &str) {
    let lines: Vec<String> = text.lines().map(crate::chat::harmless).collect();
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
}

/// What a request needs of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// Nothing.
    None,
    /// A connection until the request is done.
    Needed,
    /// A connection until somebody ends the process.
    Stays,
}

/// Which account, and where it is kept.
struct Whereabouts {
    root: PathBuf,
    account: Option<BareJid>,
}

impl Whereabouts {
    fn folder(&self) -> anyhow::Result<(BareJid, Folder)> {
        let account = folder::choose(&self.root, self.account.as_ref())?;
        let folder = Folder::of(&self.root, &account);
        folder.close_to_others()?;
        Ok((account, folder))
    }

    /// Has a request done by whoever has the account, and gives the answers to `take` until it is done.
    async fn request(
        &self,
        request: Request,
        connection: Connection,
        mut take: impl FnMut(Answer) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // The other end is gone: nothing follows.
        let (_, rest) = mpsc::channel(1);
        self.requests(request, rest, connection, |answer| take(unfailed(answer)?))
            .await
    }

    /// Has one request after the other done by whoever has the account, until there are no more.
    async fn requests(
        &self,
        first: Request,
        mut rest: mpsc::Receiver<Request>,
        connection: Connection,
        mut take: impl FnMut(Answer) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (account, folder) = self.folder()?;
        let mut request = first;
        let mut begin = tokio::time::Instant::now();
        loop {
            if let Some(lock) = folder.lock()? {
                return serve(&account, &folder, lock, request, rest, connection, take).await;
            }
            if let Some(mut asked) = ask(&folder, &request).await? {
                loop {
                    match asked.next().await? {
                        Some(Answer::Done) => break,
                        Some(answer @ Answer::Failed { .. }) => {
                            take(answer)?;
                            break;
                        }
                        Some(answer) => take(answer)?,
                        None => bail!(
                            "the hauspost-agent that had {account} has ended before this was done: see whether it is done, and say it again if not"
                        ),
                    }
                }
                let Some(next) = rest.recv().await else {
                    return Ok(());
                };
                request = next;
                begin = tokio::time::Instant::now();
                continue;
            }
            if begin.elapsed() > DOOR_PATIENCE {
                bail!(
                    "another hauspost-agent has {account} and does not answer: end it and try again"
                );
            }
            // It is just starting, or just ending.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Does requests in this process, one after the other.
async fn serve(
    account: &BareJid,
    folder: &Folder,
    lock: Lock,
    first: Request,
    mut rest: mpsc::Receiver<Request>,
    connection: Connection,
    mut take: impl FnMut(Answer) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let _lock = lock;
    let engine = open(account, folder, &folder.profile()?)?;
    let mut host = Host::new(engine);
    host.open_door(folder)?;
    if connection != Connection::None {
        connect(&mut host)?;
    }
    let mut answers = Some(host.submit(first));
    let mut signals = Signals::new()?;
    let result = loop {
        let next = async {
            match &mut answers {
                Some(answers) => Next::Answer(answers.recv().await.unwrap_or(Answer::Done)),
                None => Next::Request(rest.recv().await),
            }
        };
        tokio::select! {
            biased;
            next = next => match next {
                Next::Answer(Answer::Done) => answers = None,
                Next::Answer(answer) => {
                    if matches!(answer, Answer::Failed { .. }) {
                        answers = None;
                    }
                    if let Err(error) = take(answer) {
                        break Err(error);
                    }
                }
                Next::Request(Some(request)) => answers = Some(host.submit(request)),
                Next::Request(None) => break Ok(()),
            },
            event = host.next() => match event {
                Ok(Happening::Event(Event::LoginFailed { text })) => break Err(anyhow!("{text}. Then run `hauspost-agent login {account}`")),
                Ok(happening) => {
                    if let Happening::Event(Event::Connection(_)) = happening
                        && let Some(refused) = host.engine().dialer().tls.take_refused() {
                        break Err(anyhow!(login::certificate_warning(account, &refused)));
                    }
                }
                Err(error) => break Err(error),
            },
            () = signals.next() => break match connection {
                Connection::Stays => Ok(()),
                Connection::None | Connection::Needed => Err(Ended {
                    code: INTERRUPTED,
                    text: "interrupted before this was done".to_owned(),
                }
                .into()),
            },
        }
    };
    if connection != Connection::None {
        host.leave().await;
    }
    result
}

/// What comes next while requests are done.
enum Next {
    Answer(Answer),
    Request(Option<Request>),
}

/// Connects with what is kept; a server that gives no token for a password wants it each time.
fn connect(host: &mut Host) -> anyhow::Result<()> {
    let account = host.engine().account().clone();
    if host.engine().client().has_credentials() {
        host.engine_mut().command(Engines::Connect)?;
        return Ok(());
    }
    let Some(terminal) = terminal::open() else {
        bail!(
            "the server of {account} wants the password each time, and there is no terminal to ask for it"
        );
    };
    let password = terminal::ask_hidden(&terminal, &format!("Password of {account}: "))?;
    host.engine_mut()
        .login(Credentials::Password(Redacted::new(password)))?;
    Ok(())
}

/// Opens the engine of an account.
fn open(account: &BareJid, folder: &Folder, profile: &Profile) -> anyhow::Result<Engine> {
    let place = profile
        .connect
        .as_deref()
        .map(str::parse::<Place>)
        .transpose()
        .map_err(|error| anyhow!("--connect: {error}"))?;
    let trusted = profile
        .trusted_certificate
        .as_deref()
        .map(str::parse::<Fingerprint>)
        .transpose()
        .map_err(|error| anyhow!("--trust-certificate: {error}"))?;
    let tls = Tls::new(profile.ca.as_deref(), trusted)?;
    let dialer = Arc::new(Dialer::new(place, tls)?);
    let storage = SqliteStorage::open(&folder.file("client.db"))?;
    let mut settings = Settings::new(account.clone(), profile.device_name.clone());
    settings.software = "Hauspost".to_owned();
    settings.utc_offset_minutes = utc_offset_minutes();
    Engine::open(storage, settings, dialer)
}

/// By how many minutes the time here is ahead of UTC just now.
pub(crate) fn utc_offset_minutes() -> i32 {
    let zone = jiff::tz::TimeZone::system();
    zone.to_offset(jiff::Timestamp::now()).seconds() / 60
}

/// What ends a process in good order.
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    pub(crate) fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_holds_nothing_that_a_terminal_would_obey() {
        let hostile = "a\x1b[2J\u{9b}31m\u{7f}\n\"ü";
        let text = super::json(&hostile).expect("JSON");
        assert_eq!(text, r#""a\u001b[2J\u009b31m\u007f\n\"ü""#);
        let back: String = serde_json::from_str(&text).expect("a text");
        assert_eq!(back, hostile);
    }
}
