//! XEP-0215: External Service Discovery

use std::fmt::Write as _;
use std::sync::{Arc, Weak};

use base::Timestamp;
use parking_lot::Mutex;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq;
use xmpp::ns;
use xmpp::sasl::ScramHash;
use xmpp::xep::external_services::{Credentials, Query, Service, push};

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::config::RelayConfig;
use crate::delivery::Delivery;
use crate::{Account, Chat, ChatConfig, SessionEntry, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "external_services",
    specification: "XEP-0215",
    title: "External Service Discovery",
    version: "1.0.0",
    features: &[Feature {
        var: ns::EXTERNAL_SERVICES,
        seat: Seat::Host,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Host, Target::Own],
            set: false,
            payload: "services",
            namespace: ns::EXTERNAL_SERVICES,
            run: Run::Client(answer),
        },
        IqHandler {
            targets: &[Target::Host, Target::Own],
            set: false,
            payload: "credentials",
            namespace: ns::EXTERNAL_SERVICES,
            run: Run::Client(answer),
        },
    ],
    ..Module::NONE
};

/// Sessions that have asked, and are told of changes (§3.2).
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<Watcher>>);

struct Watcher {
    session: Weak<SessionEntry>,
    account: Weak<Account>,
    query: Query,
}

impl Watchers {
    fn add(&self, session: &Arc<SessionEntry>, account: &Arc<Account>, query: Query) {
        let mut watchers = self.0.lock();
        // Sessions are bounded, and each is here once.
        watchers.retain(|watcher| {
            watcher.session.strong_count() > 0
                && !std::ptr::eq(watcher.session.as_ptr(), Arc::as_ptr(session))
        });
        watchers.push(Watcher {
            session: Arc::downgrade(session),
            account: Arc::downgrade(account),
            query,
        });
    }
}

/// A service as one account is told of it: with credentials, where it wants them.
fn with_credentials(
    service: &Service,
    config: &ChatConfig,
    account: &Account,
    now: Timestamp,
) -> Service {
    let secret = config.relays.secret.expose();
    let mut service = service.clone();
    if service.restricted && !secret.is_empty() {
        let expires = now + config.relays.lifetime;
        let name = name_of(config, account);
        service.credentials = Some(Credentials::time_limited(secret, &name, expires));
    }
    service
}

/// The relay learns that it is always the same user, but not which.
fn name_of(config: &ChatConfig, account: &Account) -> String {
    let parts: [&[u8]; 2] = [b"relay\0", account.jid().as_str().as_bytes()];
    let digest = ScramHash::Sha256.hmac(&config.secret, &parts);
    let mut name = String::with_capacity(16);
    for byte in digest.expose().iter().take(8) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn answer(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let query = Query::read(context.payload().root())?;
        let config = context.chat.config();
        let services: Vec<Service> = config
            .relays
            .services
            .iter()
            .filter(|service| query.wants(service))
            .map(|service| with_credentials(service, &config, &context.account, context.now.wall))
            .collect();
        if matches!(query, Query::Credentials { .. }) {
            if services.is_empty() {
                return Err(StanzaError::new(StanzaCondition::ItemNotFound)
                    .text("This server knows no such service."));
            }
        } else {
            let watchers = context.chat.relay_watchers();
            watchers.add(&context.session, &context.account, query.clone());
        }
        Ok(Reply::payload(query.answer(&services)))
    })
}

/// Tells those who have asked what has changed (§3.2).
pub(crate) fn announce(chat: &Chat, before: &ChatConfig, now: Timestamp) {
    let config = chat.config();
    let changes = changes(&before.relays, &config.relays);
    if changes.is_empty() {
        return;
    }
    let mut watchers = chat.relay_watchers().0.lock();
    watchers.retain(|watcher| {
        let (Some(session), Some(account)) = (watcher.session.upgrade(), watcher.account.upgrade())
        else {
            return false;
        };
        let told: Vec<(&str, Service)> = changes
            .iter()
            .filter(|(_, service)| watcher.query.wants(service))
            .map(|(action, service)| match *action {
                "delete" => ("delete", service.clone()),
                action => (action, with_credentials(service, &config, &account, now)),
            })
            .collect();
        if !told.is_empty() {
            let told: Vec<_> = told
                .iter()
                .map(|(action, service)| (*action, service))
                .collect();
            let kind = match &watcher.query {
                Query::Services(kind) => kind.as_deref(),
                Query::Credentials { .. } => None,
            };
            let id = chat.new_id("services");
            let stanza = iq::set(
                &id,
                Some(&config.domain),
                Some(session.jid().as_str()),
                &push(kind, &told),
            );
            Delivery::new(&session, stanza).perform();
        }
        true
    });
}

/// What has become of which service.
fn changes(before: &RelayConfig, after: &RelayConfig) -> Vec<(&'static str, Service)> {
    let same = |one: &Service, other: &Service| {
        (&one.host, one.port, &one.kind, &one.transport)
            == (&other.host, other.port, &other.kind, &other.transport)
    };
    let secret_changed = before.secret.expose() != after.secret.expose();
    let gone = before
        .services
        .iter()
        .filter(|old| !after.services.iter().any(|new| same(old, new)))
        .map(|old| ("delete", old.clone()));
    let new = after.services.iter().filter_map(|new| {
        match before.services.iter().find(|old| same(old, new)) {
            None => Some(("add", new.clone())),
            Some(old) if old != new || (new.restricted && secret_changed) => {
                Some(("modify", new.clone()))
            }
            Some(_) => None,
        }
    });
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use base::Redacted;

    use super::*;

    fn service(host: &str) -> Service {
        Service {
            host: host.into(),
            kind: "turn".into(),
            restricted: true,
            ..Service::default()
        }
    }

    fn relays(hosts: &[&str], secret: &str) -> RelayConfig {
        RelayConfig {
            services: hosts.iter().map(|host| service(host)).collect(),
            secret: Redacted::new(secret.to_owned()),
            ..RelayConfig::default()
        }
    }

    #[test]
    fn what_has_changed() {
        let before = relays(&["a", "b"], "s");
        assert_eq!(changes(&before, &before), []);
        assert_eq!(
            changes(&before, &relays(&["b", "c"], "s")),
            [("delete", service("a")), ("add", service("c"))]
        );
        assert_eq!(
            changes(&before, &relays(&["a", "b"], "t")),
            [("modify", service("a")), ("modify", service("b"))]
        );
    }
}
