//! Drives the client engine: feeds it with what happens, does what it asks for, and tells what has changed.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use client::files::{Attachment, FileKey, FileMetadata, Sealed};
use client::{
    BareJid, Client, ClientError, Command, CommandError, ConversationId, Credentials, Done, Draft,
    Event, Input, MessageKey, Now, Output, Redacted, Settings, UploadId, UploadSlot,
};
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::clock::{Clock, Dice};
use super::connection::{self, Dialer, Order, Seen};
use super::transfers;
use crate::storage::SqliteStorage;

/// Reports of connections that may wait to be looked at; then the socket is not read.
const WAITING_REPORTS: usize = 16;

/// What has happened, for those who look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Something the engine tells.
    Event(Event),
    /// What became of a file.
    File(FileId, FileOutcome),
}

/// Names a file on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileId(u64);

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileOutcome {
    /// It is uploaded, and the message that says so is on its way.
    Sent(ConversationId, MessageKey),
    /// It is here.
    Saved(PathBuf),
    /// It did not come or go; the text says why.
    Failed(String),
}

/// A file that is being sent.
struct Parcel {
    id: FileId,
    conversation: ConversationId,
    path: PathBuf,
    key: FileKey,
    attachment: Attachment,
    get: Option<Redacted<String>>,
}

/// What a transfer reports when it has ended.
enum Transferred {
    Up(UploadId, Result<Sealed, String>),
    Down(FileId, Result<PathBuf, String>),
}

/// What a connection has seen, and which one it is.
type Report = (u64, Seen);

/// The engine of one account with its connection.
pub(crate) struct Engine {
    client: Client<SqliteStorage>,
    clock: Clock,
    dialer: Arc<Dialer>,
    link: Option<Link>,
    /// The number of the newest connection; what older ones report is of no interest.
    number: u64,
    reports: (mpsc::Sender<Report>, mpsc::Receiver<Report>),
    happenings: VecDeque<Happening>,
    parcels: HashMap<UploadId, Parcel>,
    files: u64,
    transferred: (
        mpsc::UnboundedSender<Transferred>,
        mpsc::UnboundedReceiver<Transferred>,
    ),
}

/// The connection that there is.
struct Link {
    orders: mpsc::UnboundedSender<Order>,
    task: AbortHandle,
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.task.abort();
        }
    }
}

impl Engine {
    /// Opens an account on what is kept of it.
    ///
    /// # Errors
    /// When the storage cannot be used.
    pub(crate) fn open(
        storage: SqliteStorage,
        settings: Settings,
        dialer: Arc<Dialer>,
    ) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let client = Client::open(storage, settings, clock.now(), &mut Dice)
            .context("the account cannot be opened")?;
        Ok(Self {
            client,
            clock,
            dialer,
            link: None,
            number: 0,
            reports: mpsc::channel(WAITING_REPORTS),
            happenings: VecDeque::new(),
            parcels: HashMap::new(),
            files: 0,
            transferred: mpsc::unbounded_channel(),
        })
    }

    /// The engine, for looking.
    pub(crate) const fn client(&self) -> &Client<SqliteStorage> {
        &self.client
    }

    /// The account.
    pub(crate) const fn account(&self) -> &BareJid {
        self.client.account()
    }

    /// How connections are made.
    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// This moment.
    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Logs in with these credentials.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) fn login(&mut self, credentials: Credentials) -> Result<(), ClientError> {
        self.client
            .login(credentials, self.clock.now(), &mut Dice)?;
        self.carry_out();
        Ok(())
    }

    /// Does what the person wants.
    ///
    /// # Errors
    /// [`CommandError`], for the person.
    pub(crate) fn command(&mut self, command: Command) -> Result<Done, CommandError> {
        let done = self.client.command(command, self.clock.now(), &mut Dice);
        self.carry_out();
        done
    }

    /// What has changed next. May be dropped while it waits: nothing is lost.
    ///
    /// # Errors
    /// When the storage fails: the engine is to be opened anew.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Happening> {
        loop {
            if let Some(happening) = self.happenings.pop_front() {
                return Ok(happening);
            }
            self.step().await?;
        }
    }

    /// Sends a file: uploads it sealed, then says where it is. What becomes of it is a [`Happening::File`].
    ///
    /// # Errors
    /// In words for the person.
    pub(crate) fn send_file(
        &mut self,
        conversation: &ConversationId,
        path: &Path,
        description: Option<String>,
    ) -> Result<FileId, String> {
        let (size, sealed) = transfers::sizes(path)?;
        let media_type = transfers::media_type(path);
        let file = FileMetadata {
            name: path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned()),
            media_type: media_type.map(str::to_owned),
            size: Some(size),
            description,
            ..FileMetadata::default()
        };
        let shown = media_type.is_some_and(|kind| kind.starts_with("image/"));
        let mut random = [0; 8];
        client::Randomness::fill(&mut Dice, &mut random);
        // The server need not know what the file is called.
        let name = format!("{:016x}", u64::from_le_bytes(random));
        let requested = self.command(Command::RequestUpload {
            name,
            size: sealed,
            media_type: Some("application/octet-stream".to_owned()),
        });
        let upload = match requested {
            Ok(Done::Upload(upload)) => upload,
            Ok(_) => return Err("the engine asked for no upload".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        let id = self.new_file();
        let parcel = Parcel {
            id,
            conversation: conversation.clone(),
            path: path.to_owned(),
            key: FileKey::generate(&mut Dice),
            attachment: Attachment::new(file, shown),
            get: None,
        };
        self.parcels.insert(upload, parcel);
        Ok(id)
    }

    /// Fetches a file into a folder. What becomes of it is a [`Happening::File`].
    pub(crate) fn save_file(&mut self, attachment: Attachment, folder: PathBuf) -> FileId {
        let id = self.new_file();
        let (dialer, domain) = (Arc::clone(&self.dialer), self.domain());
        let report = self.transferred.0.clone();
        tokio::spawn(async move {
            let saved = match transfers::http(&dialer, &domain).await {
                Ok(http) => transfers::download(http, attachment, folder).await,
                Err(error) => Err(error),
            };
            let _ = report.send(Transferred::Down(id, saved));
        });
        id
    }

    fn new_file(&mut self) -> FileId {
        self.files += 1;
        FileId(self.files)
    }

    fn domain(&self) -> String {
        self.client.account().domain().to_owned()
    }

    fn upload(&mut self, slot: UploadSlot) {
        let Some(parcel) = self.parcels.get_mut(&slot.upload) else {
            // Of a process before this one: its file is not here any more.
            return;
        };
        parcel.get = Some(slot.get.clone());
        let (path, key) = (parcel.path.clone(), parcel.key.clone());
        let (dialer, domain) = (Arc::clone(&self.dialer), self.domain());
        let report = self.transferred.0.clone();
        tokio::spawn(async move {
            let upload = slot.upload;
            let sealed = match transfers::http(&dialer, &domain).await {
                Ok(http) => transfers::upload(http, slot, path, key).await,
                Err(error) => Err(error),
            };
            let _ = report.send(Transferred::Up(upload, sealed));
        });
    }

    fn transferred(&mut self, transferred: Transferred) {
        let (id, outcome) = match transferred {
            Transferred::Down(id, Ok(path)) => (id, FileOutcome::Saved(path)),
            Transferred::Down(id, Err(why)) => (id, FileOutcome::Failed(why)),
            Transferred::Up(upload, sealed) => {
                let Some(parcel) = self.parcels.remove(&upload) else {
                    return;
                };
                let id = parcel.id;
                let success = sealed.is_ok();
                // The engine only keeps count of uploads: whether it minds is nothing to the file.
                let _ = self.command(Command::FileUploaded { upload, success });
                let outcome = match sealed {
                    Err(why) => FileOutcome::Failed(why),
                    Ok(sealed) => self.share(parcel, &sealed),
                };
                (id, outcome)
            }
        };
        self.happenings.push_back(Happening::File(id, outcome));
    }

    /// Says where an uploaded file is.
    fn share(&mut self, parcel: Parcel, sealed: &Sealed) -> FileOutcome {
        let Parcel {
            conversation,
            mut attachment,
            key,
            get,
            ..
        } = parcel;
        let get = get.map(Redacted::into_inner).unwrap_or_default();
        attachment.seal(get, key, sealed);
        let Some(message) = attachment.message() else {
            return FileOutcome::Failed(
                "the server gave no https: address for the file: ask its administrator".to_owned(),
            );
        };
        let said = self.command(Command::Send {
            conversation: conversation.clone(),
            message: Draft {
                text: message.text,
                elements: message.elements,
                legacy_text: Some(message.legacy_text),
                ..Draft::default()
            },
        });
        match said {
            Ok(Done::Message(key)) => FileOutcome::Sent(conversation, key),
            Ok(_) => FileOutcome::Failed("the engine did not say which message this is".to_owned()),
            Err(error) => FileOutcome::Failed(error.to_string()),
        }
    }

    /// The server gives no place for a file.
    fn refused(&mut self, event: &Event) {
        if let Event::UploadRefused { upload, text } = event
            && let Some(parcel) = self.parcels.remove(upload)
        {
            let failed = FileOutcome::Failed(text.clone());
            self.happenings
                .push_back(Happening::File(parcel.id, failed));
        }
    }

    /// Waits for one thing to happen and deals with it.
    async fn step(&mut self) -> Result<(), ClientError> {
        let deadline = self.client.deadline();
        let due = async {
            match deadline {
                Some(moment) => tokio::time::sleep_until(self.clock.instant(moment)).await,
                None => std::future::pending().await,
            }
        };
        let report = tokio::select! {
            report = self.reports.1.recv() => report,
            Some(transferred) = self.transferred.1.recv() => {
                self.transferred(transferred);
                return Ok(());
            }
            () = due => None,
        };
        let now = self.clock.now();
        match report {
            Some((number, seen)) if number == self.number => {
                let input = match seen {
                    Seen::Connected(facts) => Input::Connected(facts),
                    Seen::Secured(facts) => Input::TlsEstablished(facts),
                    Seen::Received(bytes) => Input::Received(bytes),
                    Seen::Closed(reason) => {
                        self.link = None;
                        Input::Closed(reason)
                    }
                };
                self.client.input(input, now, &mut Dice)?;
            }
            // An earlier connection.
            Some(_) => {}
            None => self.client.tick(now, &mut Dice)?,
        }
        self.carry_out();
        Ok(())
    }

    /// Does all that the engine asks for.
    fn carry_out(&mut self) {
        while let Some(output) = self.client.output() {
            match output {
                Output::Connect { domain } => self.connect(domain),
                Output::StartTls => self.order(Order::StartTls),
                Output::Write(bytes) => self.order(Order::Write(bytes)),
                Output::Disconnect => self.order(Order::Close),
                Output::Upload(slot) => self.upload(slot),
                Output::Event(event) => {
                    self.refused(&event);
                    self.happenings.push_back(Happening::Event(event));
                }
                _ => {}
            }
        }
    }

    fn order(&self, order: Order) {
        if let Some(link) = &self.link {
            // A connection that has ended reports it; what was for it is the engine's to repeat.
            let _ = link.orders.send(order);
        }
    }

    fn connect(&mut self, domain: String) {
        if let Some(link) = self.link.take() {
            link.task.abort();
        }
        self.number += 1;
        let number = self.number;
        let reports = self.reports.0.clone();
        let (orders, taken) = mpsc::unbounded_channel();
        let report = move |seen| {
            let reports = reports.clone();
            async move {
                // Nobody listens any more when the engine is gone.
                let _ = reports.send((number, seen)).await;
            }
            .boxed()
        };
        let task = tokio::spawn(connection::run(
            Arc::clone(&self.dialer),
            domain,
            taken,
            report,
        ));
        self.link = Some(Link {
            orders,
            task: task.abort_handle(),
        });
    }
}
