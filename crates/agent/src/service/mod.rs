//! What one process does for all: whoever has the account runs the engine, does what its own command wants, and serves
//! the commands of others over a socket in the account's folder. A command is the same [`Request`] either way.

mod door;
mod export;
mod people;
pub(crate) mod record;
mod send;

use client::{Command, ConnectionState, ConversationId, Event};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use self::record::{DeviceRecord, MessageRecord};
use crate::folder::Folder;
use crate::runtime::engine::{Engine, Happening};

pub(crate) use self::door::ask;
pub(crate) use self::send::{NOT_DELIVERED, WAITS};

/// What a command wants of the process that has the account.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Say something.
    Send(SendRequest),
    /// Tell what happens from now on.
    Listen,
    /// List devices.
    Devices {
        /// Whose; without one, our own.
        account: Option<String>,
    },
    /// Take a device of ours out.
    Revoke {
        /// Its number.
        device: u32,
    },
    /// Decide about a device by its fingerprint.
    Decide {
        /// Whose.
        account: String,
        /// Its key, as fingerprints are written.
        fingerprint: String,
        /// What.
        decision: Decision,
    },
    /// Hold a verification address against the devices that are known.
    VerifyUri {
        /// What the QR code says.
        uri: String,
    },
    /// The address that others verify this account's devices by.
    OwnUri,
    /// All that was said.
    Export {
        /// Where; everywhere without one.
        conversation: Option<String>,
    },
}

/// What to say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SendRequest {
    /// To whom: an address, or the name of a conversation.
    pub(crate) to: String,
    /// In words: a message each, in this order.
    pub(crate) texts: Vec<String>,
    /// A file in place of words; the first of these describes it.
    pub(crate) file: Option<std::path::PathBuf>,
    /// Wait until a device of the recipient has it.
    pub(crate) wait_delivered: bool,
    /// How long to wait, in seconds.
    pub(crate) timeout_seconds: u64,
}

/// What the person thinks of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    /// Its fingerprint was compared.
    Verify,
    /// It is believed without that.
    Accept,
    /// It is not believed.
    Distrust,
}

/// What comes of a request, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// A message.
    Message(Box<MessageRecord>),
    /// Something that happens.
    Happened(record::Happening),
    /// A device.
    Device(DeviceRecord),
    /// Something in words, or an address.
    Text {
        /// It.
        text: String,
    },
    /// It could not be done.
    Failed {
        /// Exit status.
        code: u8,
        /// What happened and what to do, for the person.
        text: String,
    },
    /// It is done.
    Done,
}

impl Answer {
    fn failed(text: impl Into<String>) -> Self {
        Self::Failed {
            code: 1,
            text: text.into(),
        }
    }
}

/// Where answers go.
pub(crate) type Answers = mpsc::UnboundedSender<Answer>;

/// A request, and where its answers go.
type Asked = (Request, Answers);

/// A request that is being worked on.
enum Task {
    Send(send::Sending),
    Listen,
    Revoke(people::Revoking),
    Export(export::Export),
}

/// Whether a task goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waits,
    /// It has more to do at once.
    More,
    Ended,
}

/// The process that has an account.
pub(crate) struct Host {
    engine: Engine,
    tasks: Vec<(Task, Answers)>,
    requests: (mpsc::Sender<Asked>, mpsc::Receiver<Asked>),
    state: ConnectionState,
    door: Option<door::Door>,
}

impl Host {
    /// A host of this engine, for itself alone.
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            tasks: Vec::new(),
            requests: mpsc::channel(16),
            state: ConnectionState::Offline,
            door: None,
        }
    }

    /// Lets other processes of this user in.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn open_door(&mut self, folder: &Folder) -> anyhow::Result<()> {
        self.door = Some(door::Door::open(folder, self.requests.0.clone())?);
        Ok(())
    }

    /// The engine.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, for commands.
    pub(crate) const fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// How far we are with the server.
    pub(crate) const fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// Begins to work on a request of this process itself.
    pub(crate) fn submit(&mut self, request: Request) -> mpsc::UnboundedReceiver<Answer> {
        let (answers, receiver) = mpsc::unbounded_channel();
        self.begin(request, answers);
        receiver
    }

    /// What has changed next, after all tasks have looked at it. May be dropped while it waits.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Happening> {
        loop {
            self.drop_unheard();
            if self.work() {
                // A long task must not keep anybody else from being served.
                tokio::task::yield_now().await;
                if let Ok((request, answers)) = self.requests.1.try_recv() {
                    self.begin(request, answers);
                }
                continue;
            }
            let due = self.deadline();
            let due = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                happening = self.engine.next() => {
                    let happening = happening?;
                    self.look_at(&happening);
                    return Ok(happening);
                }
                Some((request, answers)) = self.requests.1.recv() => self.begin(request, answers),
                () = due => self.expire(),
            }
        }
    }

    /// Says good-bye to the server and waits a moment until that is out.
    pub(crate) async fn leave(&mut self) {
        if self.state == ConnectionState::Offline
            || self.engine.command(Command::Disconnect).is_err()
        {
            return;
        }
        let gone = async {
            while self.state != ConnectionState::Offline {
                if self.next().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(3), gone).await;
    }

    fn begin(&mut self, request: Request, answers: Answers) {
        let begun = match request {
            Request::Send(request) => {
                send::begin(&mut self.engine, request, &answers).map(Task::Send)
            }
            Request::Listen => {
                // What holds now comes first: who listens then knows that nothing is missed from here on.
                let now = Event::Connection(self.state.clone());
                if let Some(told) = record::happening(&self.engine, &now) {
                    let _ = answers.send(Answer::Happened(told));
                }
                Some(Task::Listen)
            }
            Request::Export { conversation } => {
                export::begin(&self.engine, conversation.as_deref(), &answers).map(Task::Export)
            }
            Request::Devices { account } => {
                people::devices(&self.engine, account.as_deref(), &answers);
                None
            }
            Request::Revoke { device } => {
                people::revoke(&mut self.engine, device, &answers).map(Task::Revoke)
            }
            Request::Decide {
                account,
                fingerprint,
                decision,
            } => {
                people::decide(&mut self.engine, &account, &fingerprint, decision, &answers);
                None
            }
            Request::VerifyUri { uri } => {
                people::verify_uri(&mut self.engine, uri, &answers);
                None
            }
            Request::OwnUri => {
                people::own_uri(&self.engine, &answers);
                None
            }
        };
        if let Some(task) = begun {
            self.tasks.push((task, answers));
        }
    }

    fn look_at(&mut self, happening: &Happening) {
        if let Happening::Event(Event::Connection(state)) = happening {
            self.state = state.clone();
        }
        let engine = &mut self.engine;
        self.tasks.retain_mut(|(task, answers)| {
            let progress = match task {
                Task::Send(sending) => sending.look_at(engine, happening, answers),
                Task::Listen => {
                    if let Happening::Event(event) = happening
                        && let Some(told) = record::happening(engine, event)
                    {
                        let _ = answers.send(Answer::Happened(told));
                    }
                    Progress::Waits
                }
                Task::Revoke(revoking) => revoking.look_at(engine, answers),
                Task::Export(_) => Progress::Waits,
            };
            progress != Progress::Ended
        });
    }

    /// Does a little of what is long; whether there is more.
    fn work(&mut self) -> bool {
        let engine = &self.engine;
        let mut more = false;
        self.tasks.retain_mut(|(task, answers)| match task {
            Task::Export(export) => {
                let progress = export.work(engine, answers);
                more |= progress == Progress::More;
                progress != Progress::Ended
            }
            Task::Send(_) | Task::Listen | Task::Revoke(_) => true,
        });
        more
    }

    fn deadline(&self) -> Option<tokio::time::Instant> {
        let deadlines = self.tasks.iter().filter_map(|(task, _)| match task {
            Task::Send(sending) => Some(sending.deadline()),
            Task::Revoke(revoking) => Some(revoking.deadline()),
            _ => None,
        });
        deadlines.min()
    }

    fn expire(&mut self) {
        let now = tokio::time::Instant::now();
        let state = &self.state;
        self.tasks.retain_mut(|(task, answers)| match task {
            Task::Send(sending) if sending.deadline() <= now => {
                sending.expire(state, answers);
                false
            }
            Task::Revoke(revoking) if revoking.deadline() <= now => {
                revoking.expire(answers);
                false
            }
            _ => true,
        });
    }

    /// Ends tasks whose askers are gone.
    fn drop_unheard(&mut self) {
        self.tasks.retain(|(_, answers)| !answers.is_closed());
    }
}

/// The conversation that a person means: its address, or its name when only one has it.
///
/// # Errors
/// In words for the person.
fn conversation(engine: &Engine, meant: &str) -> Result<ConversationId, String> {
    let meant = meant.trim();
    let address = meant.strip_prefix("xmpp:").unwrap_or(meant);
    let address = address
        .split_once('?')
        .map_or(address, |(address, _)| address);
    if address.contains('@')
        && let Ok(id) = ConversationId::parse(address)
    {
        return Ok(id);
    }
    let list = engine.client().conversations();
    let named: Vec<_> = list
        .rows
        .iter()
        .filter(|row| row.name.to_lowercase() == meant.to_lowercase())
        .collect();
    match named.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(format!(
            "no conversation is called “{meant}”: give its address, such as name@{}",
            engine.account().domain()
        )),
        several => Err(format!(
            "{} conversations are called “{meant}”: give the address of the one you mean ({})",
            several.len(),
            several
                .iter()
                .map(|row| row.id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}
