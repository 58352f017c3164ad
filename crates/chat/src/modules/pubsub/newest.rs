//! XEP-0163 §4.3.4: who comes online, here or elsewhere, is sent the newest items of the nodes that its
//! client wants to hear of.
//!
//! What is read from the store may be older than what a contact is publishing at this moment. An
//! owner's events have an order and a count: when something was told in between, the owner is
//! asked again.

use std::sync::Arc;

use base::{Jid, Now};
use bytes::Bytes;
use store::{Newcomer, NewestItem};
use xmpp::xep::delay::Delay;
use xmpp::xep::node_configuration::{NodeConfiguration, SendLast};
use xmpp::xep::pubsub::Event;
use xmpp::xml::Writer;

use super::access::Standing;
use super::notify::{kind, message};
use super::visit::{grants, listed, oldest};
use crate::delivery::Delivery;
use crate::modules::{SessionContext, blocks};
use crate::{Account, Chat, SessionEntry};

/// Contacts that are looked up at once.
const AT_ONCE: usize = 100;

/// Who is sent something.
struct Viewer<'a> {
    chat: &'a Chat,
    now: Now,
    /// The full address.
    jid: &'a Jid,
    /// The session and whose it is, when it is one of ours.
    here: Option<(&'a Arc<SessionEntry>, &'a Account)>,
}

impl<'a> Viewer<'a> {
    fn of(context: &'a SessionContext) -> Self {
        Self {
            chat: &context.chat,
            now: context.now,
            jid: context.session.jid(),
            here: Some((&context.session, &context.account)),
        }
    }
}

/// Sends a session the newest items at these nodes, of its own account and of those that it watches.
pub(crate) async fn send_newest(context: &SessionContext, nodes: &Arc<[Arc<str>]>) {
    if nodes.is_empty() {
        return;
    }
    let mut owners = watched(context);
    owners.insert(0, context.account.jid().local().unwrap_or_default().into());
    for owners in owners.chunks(AT_ONCE) {
        send(&Viewer::of(context), nodes, owners).await;
    }
}

/// Sends the sessions of `viewer` the newest items of `owner` alone: it may see them from now on.
pub(crate) async fn introduce(context: &SessionContext, owner: &Account) {
    let Some(features) = context.session.features().known() else {
        return;
    };
    if let Some(local) = owner.jid().local() {
        send(&Viewer::of(context), features.nodes(), &[local.into()]).await;
    }
}

/// Sends a client of a contact elsewhere the newest items of `owner` at these nodes.
pub(crate) async fn send_newest_elsewhere(
    chat: &Chat,
    owner: &Account,
    client: &Jid,
    nodes: &Arc<[Arc<str>]>,
    now: Now,
) {
    if nodes.is_empty() {
        return;
    }
    let viewer = Viewer {
        chat,
        now,
        jid: client,
        here: None,
    };
    if let Some(local) = owner.jid().local() {
        send(&viewer, nodes, &[local.into()]).await;
    }
}

/// Sends all clients of a contact elsewhere that are there the newest items of `owner`: it may see them from
/// now on.
pub(crate) async fn introduce_elsewhere(chat: &Chat, owner: &Account, contact: &Jid, now: Now) {
    for (client, features) in owner.elsewhere().of(contact) {
        send_newest_elsewhere(chat, owner, &client, features.nodes(), now).await;
    }
}

/// Local parts of the contacts on this server whose presence the account sees.
fn watched(context: &SessionContext) -> Vec<Arc<str>> {
    let facts = context.account.facts();
    let watches = facts.roster.items.iter().filter(|item| {
        use store::Subscription::{Both, To};
        matches!(item.subscription, To | Both)
    });
    watches
        .filter_map(|item| {
            let (local, domain) = item.contact.split_once('@')?;
            (domain == context.account.jid().domain()).then(|| local.into())
        })
        .collect()
}

async fn send(viewer: &Viewer<'_>, nodes: &Arc<[Arc<str>]>, owners: &[Arc<str>]) {
    let count = |local: &Arc<str>| owner(viewer, local).map_or(0, |owner| *owner.event_order());
    let before: Vec<(Arc<str>, u64)> = owners
        .iter()
        .map(|local| (Arc::clone(local), count(local)))
        .collect();
    let Some(found) = read(viewer, nodes, owners.to_vec()).await else {
        return;
    };
    let mut found = found.into_iter().peekable();
    while let Some(first) = found.next() {
        let mut items = vec![first];
        while let Some(next) = found.next_if(|next| next.owner == items[0].owner) {
            items.push(next);
        }
        let local = Arc::clone(&items[0].owner);
        let Some(account) = owner(viewer, &local) else {
            // Not in memory: nobody publishes there now.
            deliver(viewer, None, &items);
            continue;
        };
        let known = before.iter().find(|(owner, _)| *owner == local);
        let is_current = {
            let order = account.event_order();
            let is_current = known.is_some_and(|(_, count)| *count == *order);
            if is_current {
                deliver(viewer, Some(&account), &items);
            }
            is_current
        };
        if !is_current {
            let _turn = account.turn().await;
            if let Some(items) = read(viewer, nodes, vec![local]).await {
                let _order = account.event_order();
                deliver(viewer, Some(&account), &items);
            }
        }
    }
}

fn owner(viewer: &Viewer<'_>, local: &str) -> Option<Arc<Account>> {
    let address = format!("{local}@{}", viewer.chat.domain());
    viewer.chat.cached_account(&address)
}

async fn read(
    viewer: &Viewer<'_>,
    nodes: &Arc<[Arc<str>]>,
    owners: Vec<Arc<str>>,
) -> Option<Vec<NewestItem>> {
    let jid = viewer.jid;
    let newcomer = Newcomer {
        bare: jid.bare_str().into(),
        barred_by: [jid.as_str(), jid.bare_str(), jid.domain()]
            .map(Arc::from)
            .to_vec(),
        nodes: Arc::clone(nodes),
    };
    match viewer.chat.store().newest_items(newcomer, owners).await {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::warn!(%error, "newest items could not be read for a client that came online");
            None
        }
    }
}

/// Delivers what the session may see. The caller holds the owner's order of events, if the owner is
/// in memory.
fn deliver(viewer: &Viewer<'_>, owner: Option<&Account>, items: &[NewestItem]) {
    for found in items {
        let configuration = NodeConfiguration::decode(&found.node.settings.configuration);
        let is_gone =
            oldest(&configuration, viewer.now).is_some_and(|oldest| found.item.published < oldest);
        if !is_gone
            && configuration.send_last == SendLast::OnPresence
            && may_see(viewer, owner, found, &configuration)
        {
            let text = newest(viewer, found, &configuration);
            match viewer.here {
                Some((session, _)) => Delivery::new(session, text).perform(),
                // Who cannot be reached is told when it shows itself again.
                None => {
                    viewer.chat.hand(viewer.jid, text);
                }
            }
        }
    }
}

fn may_see(
    viewer: &Viewer<'_>,
    owner: Option<&Account>,
    found: &NewestItem,
    configuration: &NodeConfiguration,
) -> bool {
    let address = viewer.jid;
    if let Some((_, account)) = viewer.here {
        if Some(&*found.owner) == address.local() {
            return Standing::OWN.reads(configuration);
        }
        let Ok(owner) = Jid::parse(&format!("{}@{}", found.owner, address.domain())) else {
            return false;
        };
        if blocks(account, &owner) {
            return false;
        }
    }
    if owner.is_some_and(|owner| blocks(owner, address)) {
        return false;
    }
    let (visible, groups) = match &found.contact {
        Some((subscription, groups)) => (grants(*subscription), groups.clone()),
        None => (false, Vec::new()),
    };
    visible && listed(address, visible, groups, &found.node).reads(configuration)
}

fn newest(viewer: &Viewer<'_>, found: &NewestItem, configuration: &NodeConfiguration) -> Bytes {
    let from = format!("{}@{}", found.owner, viewer.chat.domain());
    let payload = if configuration.deliver_payloads {
        &*found.item.payload
    } else {
        ""
    };
    let by_other = found.item.publisher.split('/').next() != Some(&*from);
    let event = Event::Published {
        node: &found.node.settings.name,
        items: vec![(
            &found.item.id,
            by_other.then_some(&*found.item.publisher),
            payload,
        )],
    };
    let mut delay = Writer::new();
    Delay {
        from: None,
        stamp: found.item.published,
    }
    .write(&mut delay);
    message(
        &from,
        viewer.jid.as_str(),
        &viewer.chat.new_id("event"),
        kind(configuration),
        &[&event.to_xml(), &delay.finish()],
    )
}
