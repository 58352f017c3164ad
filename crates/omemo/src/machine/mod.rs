//! The machine: events in, requests out.
//!
//! It is pushed with what the stream brings (device lists, answers, encrypted messages) and pulled for what must go
//! out ([`Machine::requests`]). It opens nothing, waits for nothing and remembers in its [`KeyStore`] all that must
//! not be forgotten. Every operation commits once, before its result is given away.

mod answers;
mod decrypt;
mod encrypt;
mod messages;
mod plan;
mod publications;
mod requests;
mod trust;
mod types;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use base::{BareJid, Timestamp};
use xmpp::xep::omemo::{DeviceId, Form};

use crate::account::Account;
use crate::bundle::Bundle;
use crate::crypto::{IdentityKey, Randomness};
use crate::error::Error;
use crate::store::{Draft, KeyStore};
use crate::trust::Policy;
use requests::{Task, Want};

pub use answers::Answer;
pub use requests::{Request, RequestId, RequestKind};
pub use trust::{DeviceView, Readership, Verification};
pub use types::{
    Audience, Content, Decrypted, Encrypted, Event, Failure, Incoming, Outgoing, Preparation,
    Reader, Received, Unreachable, Unreached,
};

/// How many events are kept for [`Machine::take_events`] before the oldest are lost.
const MAX_EVENTS: usize = 1_000;

/// How many bundles are kept that were fetched and not used.
const MAX_BUNDLES: usize = 20_000;

/// How long a bundle is kept that was fetched and not used: another device may take the same prekey meanwhile.
const BUNDLE_AGE: Duration = Duration::from_secs(60 * 60);

/// How often a device is taken from the list of one connection that puts itself back.
const MAX_REMOVALS: u8 = 16;

/// How many references to devices are remembered for one connection.
const MAX_REMEMBERED: usize = 10_000;

/// What may be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// What this device is called in the device list; at most 52 characters are shown by others.
    pub label: Option<String>,
    /// Which devices are written to.
    pub policy: Policy,
    /// How long a signed prekey is offered; afterwards it is kept for as long again. A week to a month (XEP-0384 §4.2).
    pub signed_prekey_period: Duration,
    /// How far the time in an envelope may be from that of its stanza before it is marked.
    pub time_margin: Duration,
    /// The largest encrypted text that is read, in bytes.
    pub payload_bytes: usize,
    /// A device is written to no more when so many messages went unanswered and, besides, [`Config::stale_after`] has
    /// passed since it was heard. It is again as soon as it is heard.
    pub stale_messages: u32,
    /// See [`Config::stale_messages`].
    pub stale_after: Duration,
    /// After how long a device list is fetched again before something is written. Those of contacts come by themselves;
    /// those of others in a room do not.
    pub list_age: Duration,
    /// How long a failed fetch of a device list or bundle is taken for an answer.
    pub retry_after: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Config {
    fn default() -> Self {
        Self {
            label: None,
            policy: Policy::FirstUse,
            signed_prekey_period: DAY * 7,
            time_margin: Duration::from_secs(10 * 60),
            payload_bytes: 512 * 1024,
            stale_messages: 500,
            stale_after: DAY * 60,
            list_age: Duration::from_secs(6 * 60 * 60),
            retry_after: Duration::from_secs(10 * 60),
        }
    }
}

/// A device in one form: what a session is with.
type Peer = (BareJid, DeviceId, Form);

/// What of a device's bundle went wrong, and when.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    reason: Unreachable,
    since: Timestamp,
}

/// The end-to-end-encryption machine of one device of one account.
pub struct Machine<S: KeyStore> {
    store: S,
    own: BareJid,
    config: Config,
    account: Account,
    /// Bundles that were fetched and have not started a session yet.
    bundles: BTreeMap<Peer, (Bundle, Timestamp)>,
    /// Devices whose bundle cannot be had.
    troubles: BTreeMap<Peer, Trouble>,
    /// Device lists that could not be fetched, and when that was.
    failed_lists: BTreeMap<(BareJid, Form), Timestamp>,
    /// When each device list was last seen on this connection. Not everybody's comes by itself.
    seen_lists: BTreeMap<(BareJid, Form), Timestamp>,
    /// What is to be fetched.
    wanted: BTreeSet<Want>,
    in_flight: BTreeMap<RequestId, Task>,
    next_request: u64,
    connected: bool,
    /// Our own lists, as the server has them on this connection.
    own_lists_seen: [bool; 2],
    /// Nodes whose configuration must be changed before they can be published to.
    configure: BTreeSet<(publications::Node, Form)>,
    /// Nodes that were configured on this connection: publish options are left out.
    configured: BTreeSet<(publications::Node, Form)>,
    /// What the server refused on this connection for good.
    refused: BTreeSet<(publications::Node, Form)>,
    /// Devices that got a new session of ourselves on this connection, because they wrote in one that we do not have.
    repaired: BTreeSet<Peer>,
    /// How often the keys of each form have changed, to tell whether what was published is still right.
    generations: [u64; 2],
    /// Devices of ours that are to go from the list, and from it again when they put themselves back.
    revoked: BTreeSet<DeviceId>,
    /// How often that was done on this connection.
    removals: BTreeMap<DeviceId, u8>,
    /// Devices of ours that were put on a list on which this one was already, since the program was started.
    came_after_us: BTreeSet<DeviceId>,
    /// Another device of ours has taken this one from a list, on this connection.
    taken_out: bool,
    /// Encryption was switched off.
    withdrawn: bool,
    /// Whether our bundle was taken back.
    bundle_gone: [bool; 2],
    /// Devices that wrote without being on a list, for which it was fetched on this connection.
    looked_up: BTreeSet<Peer>,
    events: VecDeque<Event>,
}

impl<S: KeyStore> Machine<S> {
    /// Opens what is in the store. An empty one gets the keys of a new device.
    ///
    /// # Errors
    /// [`Error`], when the store fails or was written by a newer version.
    pub fn open(
        mut store: S,
        own: BareJid,
        config: Config,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<Self, Error<S::Error>> {
        let mut draft = Draft::new(&store);
        draft.migrate()?;
        let account = if let Some(account) = draft.account()? {
            account
        } else {
            let account = Account::generate(now, random)?;
            draft.put_account(&account);
            for form in Form::ALL {
                let mut prekeys = draft.prekeys(form)?;
                prekeys.refill(random);
                draft.put_prekeys(form, &prekeys);
            }
            account
        };
        let revoked = draft.revoked()?;
        let changes = draft.finish();
        if !changes.is_empty() {
            store.commit(&changes).map_err(Error::Store)?;
        }
        Ok(Self {
            store,
            own,
            config,
            account,
            bundles: BTreeMap::new(),
            troubles: BTreeMap::new(),
            failed_lists: BTreeMap::new(),
            seen_lists: BTreeMap::new(),
            wanted: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            next_request: 1,
            connected: false,
            own_lists_seen: [false; 2],
            taken_out: false,
            came_after_us: BTreeSet::new(),
            configure: BTreeSet::new(),
            configured: BTreeSet::new(),
            refused: BTreeSet::new(),
            repaired: BTreeSet::new(),
            generations: [0; 2],
            revoked,
            removals: BTreeMap::new(),
            withdrawn: false,
            bundle_gone: [false; 2],
            looked_up: BTreeSet::new(),
            events: VecDeque::new(),
        })
    }

    /// The account.
    pub const fn account(&self) -> &BareJid {
        &self.own
    }

    /// The number of this device. Until it was announced it may change: another device may have the same.
    pub const fn device(&self) -> DeviceId {
        self.account.device
    }

    /// The public key of this device.
    pub fn identity(&self) -> IdentityKey {
        self.account.identity.identity()
    }

    /// The settings.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Which devices are written to from now on.
    pub const fn set_policy(&mut self, policy: Policy) {
        self.config.policy = policy;
    }

    /// The store, for looking at it.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Gives the store back.
    pub fn into_store(self) -> S {
        self.store
    }

    /// What has happened since the last call, for whoever shows it. The oldest are lost after 1,000.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// A stream is up: our own device lists are looked at, and what waits is due.
    pub fn connected(&mut self) {
        self.disconnected();
        self.connected = true;
        for form in Form::ALL {
            self.wanted.insert(Want::List(self.own.clone(), form));
        }
    }

    /// The stream is gone, and with it all answers that were outstanding. A resumed stream is none that went.
    pub fn disconnected(&mut self) {
        self.connected = false;
        for (_, task) in std::mem::take(&mut self.in_flight) {
            if let Task::Fetch(want) = task {
                self.wanted.insert(want);
            }
        }
        self.own_lists_seen = [false; 2];
        self.removals.clear();
        self.taken_out = false;
        self.configure.clear();
        self.configured.clear();
        self.refused.clear();
        self.repaired.clear();
        self.looked_up.clear();
        self.failed_lists.clear();
        self.seen_lists.clear();
    }

    /// Lets time do its work: call it after connecting and about every hour. Rotates signed prekeys, and forgets those that
    /// were used a day ago.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn tick(
        &mut self,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<(), Error<S::Error>> {
        let mut account = self.account.clone();
        if account.rotate(now, self.config.signed_prekey_period, random) {
            let mut draft = Draft::new(&self.store);
            draft.put_account(&account);
            let changes = draft.finish();
            self.commit(&changes)?;
            self.account = account;
            self.generations = self.generations.map(|generation| generation + 1);
        }
        if !self.account.catching_up {
            self.forget_used_prekeys(now)?;
        }
        self.troubles
            .retain(|_, trouble| now.since(trouble.since) < self.config.retry_after);
        self.bundles
            .retain(|_, (_, fetched)| now.since(*fetched) < BUNDLE_AGE);
        self.failed_lists
            .retain(|_, since| now.since(*since) < self.config.retry_after);
        for form in Form::ALL {
            let list = (self.own.clone(), form);
            if self.connected
                && !self.own_lists_seen[slot(form)]
                && !self.failed_lists.contains_key(&list)
            {
                // Nothing can be published before they were seen.
                self.want(Want::List(self.own.clone(), form));
            }
        }
        Ok(())
    }

    /// Prekeys that were used long ago go.
    fn forget_used_prekeys(&mut self, now: Timestamp) -> Result<(), Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        for form in Form::ALL {
            let mut prekeys = draft.prekeys(form)?;
            if prekeys.forget_used(now) {
                draft.put_prekeys(form, &prekeys);
            }
        }
        let changes = draft.finish();
        self.commit(&changes)
    }

    /// Messages from the archive follow. Until [`Machine::catch_up_ended`], prekeys that were used are kept, however long ago
    /// that was: of two messages that used the same one, none shall be lost (XEP-0384 §6).
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn catch_up_started(&mut self) -> Result<(), Error<S::Error>> {
        self.set_catching_up(true)
    }

    /// The archive has been read. Used prekeys are deleted when they are old.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn catch_up_ended(&mut self) -> Result<(), Error<S::Error>> {
        self.set_catching_up(false)
    }

    fn set_catching_up(&mut self, catching_up: bool) -> Result<(), Error<S::Error>> {
        if self.account.catching_up == catching_up {
            return Ok(());
        }
        let mut account = self.account.clone();
        account.catching_up = catching_up;
        let mut draft = Draft::new(&self.store);
        draft.put_account(&account);
        let changes = draft.finish();
        self.commit(&changes)?;
        self.account = account;
        Ok(())
    }

    fn commit(&mut self, changes: &crate::store::Changes) -> Result<(), Error<S::Error>> {
        if changes.is_empty() {
            return Ok(());
        }
        self.store.commit(changes).map_err(Error::Store)
    }
}

impl<S: KeyStore> fmt::Debug for Machine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("own", &self.own)
            .field("device", &self.account.device)
            .field("identity", &self.identity())
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}

const fn slot(form: Form) -> usize {
    match form {
        Form::Current => 0,
        Form::Legacy => 1,
    }
}
