//! A service: what has an address of its own below the domain, such as `rooms.example.org`. The list is in `services.rs`.
//!
//! A service gets every stanza that is sent to its domain, in the order in which its sender sent
//! them, from clients of ours and from elsewhere alike, and answers for itself.

use base::{Jid, Now};
use bytes::Bytes;
use xmpp::condition::StanzaError;
use xmpp::iq;
use xmpp::xep::disco::Item;
use xmpp::xml::Stanza;

use crate::delivery::Delivery;
use crate::{Chat, ChatConfig, Sender, Work};

/// A service declares itself.
#[derive(Debug)]
pub struct Service {
    /// The first label of its address: `rooms` in `rooms.example.org`.
    pub label: &'static str,
    /// What people read (XEP-0030 `name`).
    pub title: &'static str,
    /// Whether the configuration lets it be found.
    pub open: fn(&ChatConfig) -> bool,
    /// Takes a stanza.
    pub take: fn(ServiceContext) -> Taken,
}

/// A stanza for a service.
pub struct ServiceContext {
    /// The messenger.
    pub chat: Chat,
    /// When it came.
    pub now: Now,
    /// Who sends it.
    pub sender: Sender,
    /// Where it goes.
    pub to: Jid,
    /// The stanza as it came; `from` is not stamped.
    pub stanza: Stanza,
}

impl ServiceContext {
    /// The result of the request that this is, with `payload` as raw XML.
    #[must_use]
    pub fn result(&self, payload: &str) -> Served {
        let from = self.stanza.to();
        let to = self.sender.jid();
        Served {
            own: vec![iq::result(
                &self.stanza,
                from.as_deref(),
                Some(to.as_str()),
                payload,
            )],
            deliveries: Vec::new(),
        }
    }
}

/// What a service has made of a stanza.
pub enum Taken {
    /// Nothing more is to be done.
    Done,
    /// The stanza goes back to its sender.
    Refused(StanzaError),
    /// Work that must be done before the sender's next stanza is looked at.
    Wait(Work<Result<Served, StanzaError>>),
    /// Work that others of the same sender need not wait for; all such works of a sender are finished
    /// in the order of their stanzas.
    Later(Work<Result<Served, StanzaError>>),
}

/// What the work of a service brings.
#[derive(Default)]
pub struct Served {
    /// Whole stanzas for the sender, such as the result of a request.
    pub own: Vec<Bytes>,
    /// What follows.
    pub deliveries: Vec<Delivery>,
}

/// The one of `services` that is behind an address, as seen from the house's domain.
pub(crate) fn find(
    services: &[&'static Service],
    address: &str,
    domain: &str,
) -> Option<&'static Service> {
    let label = address.strip_suffix(domain)?.strip_suffix('.')?;
    let mut services = services.iter().copied();
    services.find(|service| service.label == label)
}

impl Chat {
    /// The service behind a domain.
    pub(crate) fn service(&self, domain: &str) -> Option<&'static Service> {
        find(self.services(), domain, &self.domain())
    }

    /// The services as the domain lists them (XEP-0030 §4).
    pub(crate) fn service_items(&self) -> Vec<Item> {
        let config = self.config();
        let services = self.services().iter();
        let open = services.filter(|service| (service.open)(&config));
        open.map(|service| Item {
            jid: format!("{}.{}", service.label, config.domain),
            name: Some(service.title.into()),
            ..Item::default()
        })
        .collect()
    }
}

/// Gives a stanza to a service and sees it through.
///
/// # Errors
/// What the sender is to be told.
pub(crate) async fn serve(
    service: &Service,
    context: ServiceContext,
) -> Result<Served, StanzaError> {
    match (service.take)(context) {
        Taken::Done => Ok(Served::default()),
        Taken::Refused(error) => Err(error),
        Taken::Wait(work) | Taken::Later(work) => work.await,
    }
}
