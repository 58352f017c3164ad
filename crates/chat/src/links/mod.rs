//! Links to other domains: other servers, and components that attach to this one.
//!
//! A [`link::Link`] is the way from one of our domains to one elsewhere. It queues what is to go there, asks the
//! roof to connect ([`Dial`]), and gives the queue to the connection that writes ([`PeerConnection`]). Messages are in
//! the store until the other side has them. What comes from elsewhere is checked by the stream machine and handed on in
//! order by [`inbound::Inbound`].

mod claims;
mod connection;
mod dial;
mod inbound;
mod link;
pub(crate) mod outward;
mod privilege;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Jid, Moment, Now, Redacted};
use bytes::Bytes;
use futures_channel::oneshot;
use parking_lot::{Mutex, RwLock};
use store::{Batch, Outgoing, StoreError};
use xmpp::condition::{StanzaCondition, StanzaError, error_reply, may_be_answered};
use xmpp::stream::federation::{FederationConfig, Verification};
use xmpp::xml::Stanza;

use crate::place::Place;
use crate::shares::{Share, Shares};
use crate::{Chat, Work};

pub use connection::PeerConnection;
pub use dial::{Dial, DialError};

use claims::{Asker, Claim, Claims};
use dial::{Dials, Goal};
use link::{Carrier, Link, Parcel, Refusal};

/// Entries read from the store at once.
const AT_ONCE: usize = 500;
/// Ways that may be in memory at once.
const MOST_LINKS: usize = 20_000;

/// Our domain and theirs.
type Pair = (Box<str>, Box<str>);
/// A component's connection, and how it is told to end.
type Attached = (Carrier, oneshot::Sender<()>);

/// All ways to elsewhere.
pub(crate) struct Links {
    /// By our domain and theirs; our domain is empty for components, which take from all.
    links: RwLock<HashMap<Pair, Arc<Link>>>,
    dials: Arc<Dials>,
    claims: Arc<Claims>,
    /// Streams that servers have open to us, by their domain.
    streams: Shares,
    /// What time it was when somebody last said so.
    time: Mutex<Now>,
    carriers: AtomicU64,
    /// The last id of an outgoing entry.
    last_id: AtomicU64,
    /// Work that nobody waits for; done with the chores.
    works: Mutex<Vec<Work<()>>>,
    /// Connections of components, to be ended when another one comes.
    components: Mutex<HashMap<Box<str>, Attached>>,
}

impl Chat {
    pub(crate) fn links(&self) -> &Links {
        &self.house.links
    }

    /// The next connection to another server that is wanted.
    pub async fn next_dial(&self) -> Dial {
        std::future::poll_fn(|cx| {
            let most = self.config().federation.dials.max(1);
            self.links().dials.poll(most, cx)
        })
        .await
    }

    /// Takes up what the last run of the program has not delivered. To be called once, at start.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn resume_outgoing(&self, now: Now) -> Result<(), StoreError> {
        let links = self.links();
        links.note_time(now);
        let mut after = 0;
        loop {
            let page = self.store().outgoing(after, AT_ONCE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            links.last_id.fetch_max(after, Ordering::Relaxed);
            for entry in page {
                let asker = self.asker_of(&entry.stanza, &entry.local);
                let claim = links.claims.bytes_anyhow(&asker, entry.stanza.len());
                let parcel = Parcel {
                    stanza: entry.stanza,
                    kept: Some(entry.id),
                    at: entry.at,
                    claim: claim.map(Arc::new),
                };
                let way = || links.claims.way_anyhow(&asker);
                let link = links.made_link(&entry.local, &entry.remote, &asker, way, now.moment);
                let Some(link) = link else { continue };
                let _ = links.push(self, &link, parcel, now);
            }
        }
    }

    /// Who has sent what the last run left.
    fn asker_of(&self, stanza: &Bytes, local: &str) -> Asker {
        let parsed = std::str::from_utf8(stanza)
            .ok()
            .and_then(|text| Stanza::parse(text).ok());
        let from = parsed.and_then(|stanza| Jid::parse(&stanza.from()?).ok());
        match from {
            Some(from) => Asker::of(self, &from),
            None => Asker::of_many(self, local),
        }
    }

    /// What holds for the streams of all servers.
    pub(crate) fn federation_config(&self) -> Arc<FederationConfig> {
        let config = self.config();
        let settings = &config.federation;
        let mut domains = vec![config.domain.to_string()];
        domains.extend(
            self.services()
                .iter()
                .map(|service| format!("{}.{}", service.label, config.domain)),
        );
        domains.extend(settings.components.keys().map(|domain| domain.to_string()));
        Arc::new(FederationConfig {
            domains,
            peers: settings.peers.clone(),
            secret: Redacted::new(config.secret),
            dialback: settings.dialback,
            certificate: settings.certificate,
            stream_management: true,
            bidirectional: true,
        })
    }

    /// Why stanzas do not go to the domain of `to`.
    pub(crate) fn bars_domain(&self, to: &Jid) -> Option<StanzaError> {
        if self.place(to.domain()) != Place::Elsewhere {
            return None;
        }
        let config = self.config();
        if !config.federation.enabled {
            return Some(
                StanzaError::new(StanzaCondition::RemoteServerNotFound)
                    .text("This server does not talk with other servers."),
            );
        }
        (!config.federation.peers.permits(to.domain())).then(|| {
            StanzaError::new(StanzaCondition::NotAllowed)
                .text("The administrators of this server do not allow messages to that domain.")
        })
    }

    /// Sends a stanza with all its addresses, from an address of this house or of a component of it, to another
    /// domain. Nothing keeps it: for answers and presence.
    ///
    /// # Errors
    /// What the sender is told when it does not go there.
    pub(crate) fn send_away(
        &self,
        from: &Jid,
        to: &Jid,
        stanza: Bytes,
        now: Now,
    ) -> Result<(), StanzaError> {
        if let Some(error) = self.bars_domain(to) {
            return Err(error);
        }
        let links = self.links();
        let asker = Asker::of(self, from);
        let link = links.link_between(self, &asker, from, to, now.moment)?;
        let parcel = Parcel {
            claim: Some(links.claim(&asker, stanza.len())?),
            stanza,
            kept: None,
            at: now.wall,
        };
        links.push(self, &link, parcel, now)
    }
}

impl Chat {
    /// The same for what needs no exact time: presence.
    pub(crate) fn send_soon(&self, from: &Jid, to: &Jid, stanza: Bytes) -> Result<(), StanzaError> {
        let now = *self.links().time.lock();
        self.send_away(from, to, stanza, now)
    }

    /// Gives an answer, complete with its addresses, to whoever has asked, wherever that is.
    pub(crate) fn answer_soon(&self, asker: &Jid, answer: &Stanza) {
        let now = *self.links().time.lock();
        inbound::give(self, asker, answer, now);
    }
}

fn refused(refusal: Refusal) -> StanzaError {
    match refusal {
        Refusal::Full => StanzaError::new(StanzaCondition::ResourceConstraint)
            .text("Too much waits for that domain already; please try again later."),
        Refusal::Greedy => StanzaError::new(StanzaCondition::ResourceConstraint).text(
            "You have too much on its way to other domains already; please try again when some of it has arrived.",
        ),
        Refusal::Unreachable => StanzaError::new(StanzaCondition::RemoteServerTimeout)
            .text("The server of that domain cannot be reached now; please try again later."),
    }
}

impl Links {
    pub(crate) fn new(now: Now) -> Self {
        let links = Self {
            links: RwLock::default(),
            dials: Arc::default(),
            claims: Arc::default(),
            streams: Shares::default(),
            time: Mutex::new(now),
            carriers: AtomicU64::new(0),
            last_id: AtomicU64::new(0),
            works: Mutex::default(),
            components: Mutex::default(),
        };
        links.note_time(now);
        links
    }

    fn note_time(&self, now: Now) {
        *self.time.lock() = now;
        let micros = u64::try_from(now.wall.micros()).unwrap_or_default();
        self.last_id.fetch_max(micros, Ordering::Relaxed);
    }

    /// An id above all that were before.
    fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn next_carrier(&self) -> Carrier {
        self.carriers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The way between two addresses.
    pub(crate) fn link_between(
        &self,
        chat: &Chat,
        asker: &Asker,
        from: &Jid,
        to: &Jid,
        now: Moment,
    ) -> Result<Arc<Link>, StanzaError> {
        if chat.place(to.domain()) == Place::Component {
            return Ok(self.link("", to.domain(), now));
        }
        let full = self.links.read().len() >= MOST_LINKS;
        let way = || self.claims.way(asker).filter(|_| !full);
        self.made_link(from.domain(), to.domain(), asker, way, now)
            .ok_or_else(|| refused(if full { Refusal::Full } else { Refusal::Greedy }))
    }

    /// A way that is there, or one that is made when there is a claim to it.
    fn made_link(
        &self,
        local: &str,
        remote: &str,
        asker: &Asker,
        claim: impl FnOnce() -> Option<Claim>,
        now: Moment,
    ) -> Option<Arc<Link>> {
        let key = (Box::from(local), Box::from(remote));
        if let Some(link) = self.links.read().get(&key) {
            return Some(Arc::clone(link));
        }
        let made = Arc::new(Link::new(local, remote, now).made_for(asker, claim()?));
        Some(Arc::clone(self.links.write().entry(key).or_insert(made)))
    }

    /// A part of what the asker may have on its way.
    pub(crate) fn claim(&self, asker: &Asker, bytes: usize) -> Result<Arc<Claim>, StanzaError> {
        let claim = self.claims.bytes(asker, bytes);
        claim.map(Arc::new).ok_or_else(|| refused(Refusal::Greedy))
    }

    /// A place for another stream that the server of a domain opens to us, unless it has too many.
    pub(crate) fn stream_comes(&self, remote: &str, most: usize) -> Option<Share> {
        self.streams.take(remote, most)
    }

    pub(crate) fn link(&self, local: &str, remote: &str, now: Moment) -> Arc<Link> {
        let key = (Box::from(local), Box::from(remote));
        if let Some(link) = self.links.read().get(&key) {
            return Arc::clone(link);
        }
        let mut links = self.links.write();
        Arc::clone(
            links
                .entry(key)
                .or_insert_with(|| Arc::new(Link::new(local, remote, now))),
        )
    }

    /// Puts a parcel in the queue. What the store keeps is not refused.
    pub(crate) fn push(
        &self,
        chat: &Chat,
        link: &Arc<Link>,
        parcel: Parcel,
        now: Now,
    ) -> Result<(), StanzaError> {
        match link.push(parcel, &chat.config().federation, now.moment) {
            Ok(true) => self.connect(chat, link, now),
            Ok(false) => {}
            Err(refusal) => return Err(refused(refusal)),
        }
        Ok(())
    }

    /// Asks for a connection. A component connects by itself: what it is to have waits for that.
    fn connect(&self, chat: &Chat, link: &Arc<Link>, now: Now) {
        if !link.local.is_empty() {
            let goal = Goal::Speak(Arc::clone(link));
            let dial = Dial::new(chat, &link.local, &link.remote, goal);
            return self.dials.push(link.line(), dial);
        }
        let back = link.failed(false, &chat.config().federation, now);
        let why = "the component that serves that address is not connected";
        self.undelivered(chat, back, StanzaCondition::RemoteServerTimeout, why, now);
    }

    /// Asks the server of a domain about a key (XEP-0220 §2.4) that has come from an address.
    pub(crate) fn verify(
        &self,
        chat: &Chat,
        verification: Verification,
        peer: IpAddr,
    ) -> oneshot::Receiver<Result<bool, StanzaCondition>> {
        let (answer, answered) = oneshot::channel();
        let (local, remote) = (verification.local.clone(), verification.remote.clone());
        let goal = Goal::Verify(verification, answer);
        let line = peer.to_string().into();
        self.dials
            .push(line, Dial::new(chat, &local, &remote, goal));
        answered
    }

    /// A connection has ended and leaves this for the link.
    pub(crate) fn closed(
        &self,
        chat: &Chat,
        link: &Arc<Link>,
        carrier: Carrier,
        left: Vec<Parcel>,
        now: Now,
    ) {
        if link.closed(carrier, left) {
            self.connect(chat, link, now);
        }
    }

    /// Stanzas that do not reach the other side go back to their senders.
    pub(crate) fn undelivered(
        &self,
        chat: &Chat,
        parcels: Vec<Parcel>,
        condition: StanzaCondition,
        why: &str,
        now: Now,
    ) {
        if parcels.is_empty() {
            return;
        }
        let mut batch = Batch::new();
        for parcel in &parcels {
            if let Some(id) = parcel.kept {
                batch.outgoing_remove(id);
            }
        }
        if !batch.is_empty() {
            // The entry may come again after a crash: then it is tried and returned once more.
            drop(chat.store().submit(batch));
        }
        let error = StanzaError::new(condition).text(format!("It could not be delivered: {why}."));
        for parcel in parcels {
            if let Some((to, stanza)) = returned(&parcel.stanza, &error) {
                inbound::give(chat, &to, &stanza, now);
            }
        }
    }

    /// The other side has these.
    pub(crate) fn delivered(&self, chat: &Chat, ids: impl IntoIterator<Item = u64>) {
        let mut batch = Batch::new();
        ids.into_iter().for_each(|id| batch.outgoing_remove(id));
        if !batch.is_empty() {
            drop(chat.store().submit(batch));
        }
    }

    /// Attempts that are due, and links that nobody needs any more.
    pub(crate) fn tick(&self, chat: &Chat, now: Now) {
        self.note_time(now);
        let links: Vec<Arc<Link>> = self.links.read().values().cloned().collect();
        let mut idle = false;
        for link in links {
            if link.is_due(now.moment) {
                self.connect(chat, &link, now);
            }
            idle |= link.is_idle(now.moment);
        }
        if idle {
            self.links
                .write()
                .retain(|_, link| Arc::strong_count(link) > 1 || !link.is_idle(now.moment));
        }
    }

    /// Work that nobody waits for.
    pub(crate) fn later(&self, work: Work<()>) {
        self.works.lock().push(work);
    }

    /// The works that nobody waits for.
    pub(crate) fn take_works(&self) -> Vec<Work<()>> {
        std::mem::take(&mut *self.works.lock())
    }

    /// A component has connected. Its former connection, if there is one, ends; the receiver tells when this one is
    /// to end.
    pub(crate) fn component_came(&self, domain: &str, carrier: Carrier) -> oneshot::Receiver<()> {
        let (end, ends) = oneshot::channel();
        let former = self.components.lock().insert(domain.into(), (carrier, end));
        if let Some((_, former)) = former {
            let _ = former.send(());
        }
        ends
    }

    pub(crate) fn component_went(&self, domain: &str, carrier: Carrier) {
        let mut components = self.components.lock();
        if components
            .get(domain)
            .is_some_and(|(current, _)| *current == carrier)
        {
            components.remove(domain);
        }
    }

    /// Keeps a stanza in a batch until the other side has it. Gives what is to be queued once that is durable.
    pub(crate) fn keep(
        &self,
        link: &Link,
        stanza: Bytes,
        claim: Arc<Claim>,
        now: Now,
        batch: &mut Batch,
    ) -> Parcel {
        let id = self.next_id();
        batch.outgoing_set(Outgoing {
            id,
            local: link.local.clone(),
            remote: link.remote.clone(),
            at: now.wall,
            stanza: stanza.clone(),
        });
        Parcel {
            stanza,
            kept: Some(id),
            at: now.wall,
            claim: Some(claim),
        }
    }
}

/// The error that goes back for a stanza, and to whom.
fn returned(stanza: &Bytes, error: &StanzaError) -> Option<(Jid, Stanza)> {
    let stanza = Stanza::parse(std::str::from_utf8(stanza).ok()?).ok()?;
    if !may_be_answered(&stanza) {
        return None;
    }
    let (from, to) = (stanza.to()?, stanza.from()?);
    let reply = error_reply(&stanza, Some(&from), &to, error);
    let back = Jid::parse(&to).ok()?;
    let reply = Stanza::parse(std::str::from_utf8(&reply).ok()?).ok()?;
    Some((back, reply))
}
