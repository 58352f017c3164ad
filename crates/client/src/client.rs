//! The client as a whole.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use base::{BareJid, Moment, Now};
use omemo::{Config, DeviceView, Machine, Randomness, VerificationUri};

use crate::border::{Input, Output};
use crate::connection::Connection;
use crate::connection::invitation::Pending;
use crate::connection::requests::Request;
use crate::connection::stream::Stream;
use crate::conversations::Conversations;
use crate::event::Event;
use crate::features::disco::Surroundings;
use crate::features::http_upload::Uploads;
use crate::features::message_archive::CatchUp;
use crate::features::personal::Personal;
use crate::features::presence::Presences;
use crate::features::previews::Links;
use crate::features::questions::Questions;
use crate::features::rooms::Rooms;
use crate::features::roster::People;
use crate::features::transfers::Transfers;
use crate::handover::Handover;
use crate::outbox::Outbox;
use crate::settings::{Credentials, Settings};
use crate::storage::database::{Database, Keys};
use crate::storage::record::{Decoder, Encoder};
use crate::storage::{Storage, StorageError, StorageFault, Table};
use crate::turn::Turn;

/// How often the keys are looked after.
const KEYS_EVERY: Duration = Duration::from_secs(60 * 60);
/// Lists of devices come by themselves only from contacts; who writes to others looks again after so long.
const LIST_AGE: Duration = Duration::from_secs(60 * 60);
const ACCOUNT: &[u8] = b"account";

/// The client cannot go on: drop it, mend what the error says, and open it again on the same storage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The storage belongs to another account.
    #[error("this storage belongs to {0}: use another one for another account")]
    OtherAccount(BareJid),
    /// It was logged out.
    #[error("this device is logged out: open another client on an empty storage")]
    LoggedOut,
}

/// One account on one device.
///
/// After each call of [`Client::input`], [`Client::tick`], [`Client::command`] or [`Client::login`]: drain
/// [`Client::output`], do what it says, and call [`Client::tick`] at [`Client::deadline`]. An error of the storage ends
/// a client; what it was about to do did not happen.
pub struct Client<S: Storage> {
    pub(crate) database: Database<S>,
    pub(crate) machine: Machine<Keys<S>>,
    pub(crate) settings: Settings,
    /// Names this device at login (XEP-0388 §2.3.1).
    pub(crate) agent_id: String,
    /// Names this run of the program in the ids of its requests.
    pub(crate) run_id: String,
    pub(crate) asked: u64,
    pub(crate) connection: Connection,
    pub(crate) stream: Stream,
    pub(crate) requests: BTreeMap<String, Request>,
    pub(crate) links: Links,
    pub(crate) surroundings: Surroundings,
    pub(crate) conversations: Conversations,
    pub(crate) people: People,
    pub(crate) presences: Presences,
    pub(crate) rooms: Rooms,
    pub(crate) outbox: Outbox,
    pub(crate) catch_up: CatchUp,
    pub(crate) uploads: Uploads,
    pub(crate) transfers: Transfers,
    pub(crate) handover: Handover,
    /// Why the device that was taken out last was not logged out.
    pub(crate) access_refused: Option<String>,
    pub(crate) questions: Questions,
    pub(crate) personal: Personal,
    /// The person looks at this device.
    pub(crate) active: bool,
    keys_looked_after: Moment,
    /// How much the index of the search has grown since it was put in order.
    pub(crate) untidy: usize,
    /// What goes out once everything is written down.
    pub(crate) staged: VecDeque<Output>,
    /// Timelines that have changed.
    pub(crate) changed_timelines: BTreeSet<u32>,
    outputs: VecDeque<Output>,
    failed: Option<StorageError>,
}

impl<S: Storage> Client<S> {
    /// Opens what is in the storage; views are readable at once. An empty storage becomes that of a new device.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails, belongs to another account, or was written by a newer version.
    pub fn open(
        storage: S,
        settings: Settings,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<Self, ClientError> {
        let database = Database::new(storage);
        let mut turn = Turn { now, random };
        let agent_id = match database.get(Table::State, ACCOUNT)? {
            Some(bytes) => {
                let read = || {
                    let (_, mut fields) = Decoder::new(&bytes, 1)?;
                    Ok((fields.jid()?, fields.string()?))
                };
                let (account, agent) =
                    read().map_err(|error: crate::storage::record::RecordError| {
                        error.of("the account")
                    })?;
                if account != settings.account {
                    return Err(ClientError::OtherAccount(account));
                }
                agent
            }
            None => {
                let agent = uuid(turn.bytes());
                let mut record = Encoder::new(1);
                record.text(settings.account.as_str()).text(&agent);
                database.put(Table::State, ACCOUNT.to_vec(), record.finish());
                agent
            }
        };
        let config = Config {
            label: Some(settings.device_name.clone()),
            policy: settings.policy,
            list_age: LIST_AGE,
            ..Config::default()
        };
        let keys = Keys(database.clone());
        let machine = Machine::open(
            keys,
            settings.account.clone(),
            config,
            now.wall,
            turn.random,
        )
        .map_err(keys_failed)?;
        let run_id = base::id::short(&turn.bytes::<5>());
        let client = Self {
            connection: Connection::new(Self::kept_token(&database)?),
            stream: Stream::open(&database)?,
            conversations: Conversations::open(&database)?,
            people: People::open(&database)?,
            outbox: Outbox::open(&database)?,
            catch_up: CatchUp::open(&database)?,
            rooms: Rooms::open(&database)?,
            presences: Presences::default(),
            uploads: Uploads::default(),
            transfers: Transfers::default(),
            handover: Handover::default(),
            access_refused: None,
            questions: Questions::default(),
            personal: Personal::open(&database)?,
            surroundings: Surroundings::default(),
            requests: BTreeMap::new(),
            links: Links::default(),
            asked: 0,
            active: true,
            keys_looked_after: Moment::START,
            untidy: 0,
            staged: VecDeque::new(),
            changed_timelines: BTreeSet::new(),
            outputs: VecDeque::new(),
            failed: None,
            run_id,
            agent_id,
            machine,
            settings,
            database,
        };
        client.database.commit()?;
        Ok(client)
    }

    /// Connects, and logs in with these. They need not be given again while a token is kept; see
    /// [`Client::has_credentials`].
    pub fn login(
        &mut self,
        credentials: Credentials,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        if self.is_logged_out() {
            return Err(ClientError::LoggedOut);
        }
        self.operation(now, random, |client, turn| {
            match credentials {
                Credentials::Password(password) => {
                    client.connection.password = Some(password);
                    client.connection.invitation = None;
                }
                Credentials::Invitation { token, password } => {
                    client.connection.password = Some(password);
                    client.connection.invitation = Some(Pending::new(token));
                }
            }
            client.connection.salted = None;
            client.go_online(turn);
            Ok(())
        })
    }

    /// Whether there is something to log in with: then [`Command::Connect`](crate::Command::Connect) is enough.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.connection.has_credentials()
    }

    pub(crate) fn go_online(&mut self, turn: &Turn<'_>) {
        self.connection.wanted = true;
        self.connection.attempts = 0;
        if matches!(
            self.connection.link,
            crate::connection::Link::Offline | crate::connection::Link::Waiting { .. }
        ) {
            self.connect(turn);
        }
    }

    /// Takes what the runtime saw.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn input(
        &mut self,
        input: Input,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        if self.is_logged_out() {
            return Ok(());
        }
        self.operation(now, random, |client, turn| {
            Ok(client.take_input(input, turn)?)
        })
    }

    /// Lets time do its work. Call it at [`Client::deadline`]; earlier does no harm.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn tick(&mut self, now: Now, random: &mut dyn Randomness) -> Result<(), ClientError> {
        if self.is_logged_out() {
            return Ok(());
        }
        self.operation(now, random, |client, turn| {
            client.connection_tick(turn)?;
            client.requests_tick(turn)?;
            client.rooms_tick(turn)?;
            client.presences.tick(turn.now.moment);
            if turn.now.moment >= client.keys_looked_after + KEYS_EVERY {
                client.keys_looked_after = turn.now.moment;
                client
                    .machine
                    .tick(turn.now.wall, turn.random)
                    .map_err(keys_failed)?;
            }
            client.tidy_index()?;
            Ok(client.catch_up_tick(turn)?)
        })
    }

    /// When [`Client::tick`] is to be called; `None` for never.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        if self.failed.is_some() || self.is_logged_out() {
            return None;
        }
        if self.is_untidy() {
            return Some(Moment::START);
        }
        let mut next = self
            .connection_deadline()
            .min(self.leaving_deadline())
            .min(self.requests_deadline())
            .min(self.catch_up_deadline())
            .min(self.presences.deadline())
            .min(self.personal.deadline());
        if self.connection.is_online() {
            next = next
                .min(self.keys_looked_after + KEYS_EVERY)
                .min(self.rooms.deadline());
        }
        (next != Moment::NEVER).then_some(next)
    }

    /// What is to be done next. Drain it after each call until there is nothing.
    pub fn output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Does something as one commit: all that it changes is written down, then what it leads to goes out.
    pub(crate) fn operation<T, E: From<StorageError>>(
        &mut self,
        now: Now,
        random: &mut dyn Randomness,
        act: impl FnOnce(&mut Self, &mut Turn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone().into());
        }
        let mut turn = Turn { now, random };
        let done = act(self, &mut turn);
        if let Err(error) = self.settle(&mut turn) {
            // What is in memory is ahead of what is written down: nothing of it may go out.
            self.failed = Some(error.clone());
            self.staged.clear();
            return Err(error.into());
        }
        done
    }

    fn settle(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        self.encryption_events(turn)?;
        self.personal_pump(turn)?;
        self.outbox_pump(turn)?;
        self.handover_pump(turn)?;
        self.encryption_requests(turn)?;
        self.leaving_goes_on(turn)?;
        if self.is_logged_out() {
            self.wipe()?;
        } else {
            self.conversations_settle();
            self.stream_settle();
        }
        self.database.commit()?;
        self.outputs.append(&mut self.staged);
        Ok(())
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.staged.push_back(Output::Event(event));
    }

    /// The account.
    #[must_use]
    pub const fn account(&self) -> &BareJid {
        &self.settings.account
    }

    /// Whether we are logged in.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        self.connection.is_online()
    }

    /// Whether the account has a role in the house, as its server says at each login.
    #[must_use]
    pub const fn administers(&self) -> bool {
        self.surroundings.administers
    }

    /// The number of this device.
    #[must_use]
    pub const fn device(&self) -> omemo::DeviceId {
        self.machine.device()
    }

    /// The devices of an account, those that are gone with them.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn devices(&self, account: &BareJid) -> Result<Vec<DeviceView>, ClientError> {
        Ok(self.machine.devices(account).map_err(keys_failed)?)
    }

    /// The address that this device shows, as a QR code, for others to compare keys with.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn verification_uri(&self) -> Result<VerificationUri, ClientError> {
        Ok(self.machine.verification_uri().map_err(keys_failed)?)
    }

    /// Looks at the storage.
    pub fn with_storage<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        self.database.with(look)
    }

    /// Ends the client and gives the storage back.
    #[must_use]
    pub fn into_storage(self) -> Option<S> {
        let Self {
            database, machine, ..
        } = self;
        drop(machine);
        database.into_storage()
    }
}

/// A random UUID (RFC 9562 §5.4), as XEP-0388 wants it.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

/// What a failure of the keys is for the client.
pub(crate) fn keys_failed(error: omemo::Error<StorageError>) -> StorageError {
    let fault = match error {
        omemo::Error::Store(error) => return error,
        omemo::Error::State {
            fault: omemo::StateError::Newer(_),
            ..
        } => StorageFault::Newer,
        omemo::Error::State { .. } => StorageFault::Damaged,
        omemo::Error::Randomness(_) => StorageFault::Other,
    };
    StorageError::new(fault, error.to_string())
}

impl<S: Storage> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("account", &self.settings.account)
            .field("connection", &self.connection.told)
            .field("outbox", &self.outbox.len())
            .finish_non_exhaustive()
    }
}
