//! Somebody at an account's nodes: who it is, and what it may know.

use std::sync::Arc;

use base::{Jid, Now, Timestamp};
use store::{Node, NodeUsage, Subscription};
use xmpp::condition::StanzaError;
use xmpp::xep::node_configuration::{Bound, NodeConfiguration};

use super::access::{Standing, hidden, not_yours};
use crate::modules::presence::is_visible_to;
use crate::modules::{IqContext, OpenIqContext, roster, store_failed};
use crate::{Account, Chat, Sender};

/// A request at the nodes of an account.
pub(crate) struct Visit {
    pub(crate) chat: Chat,
    pub(crate) now: Now,
    /// Who asks.
    pub(crate) sender: Sender,
    /// Whose nodes they are.
    pub(crate) owner: Arc<Account>,
}

/// A node that is there.
pub(super) struct Found {
    pub(super) node: Node,
    pub(super) configuration: NodeConfiguration,
    pub(super) standing: Standing,
}

impl Visit {
    /// `None` when there is no such account.
    pub(crate) fn of(context: &OpenIqContext) -> Option<Self> {
        Some(Self {
            chat: context.chat.clone(),
            now: context.now,
            sender: context.sender.clone(),
            owner: Arc::clone(context.target_account.as_ref()?),
        })
    }

    /// A client of ours at the nodes of its own account.
    pub(crate) fn at_home(context: &IqContext) -> Self {
        Self {
            chat: context.chat.clone(),
            now: context.now,
            sender: Sender::Client {
                session: Arc::clone(&context.session),
                account: Arc::clone(&context.account),
            },
            owner: Arc::clone(&context.account),
        }
    }

    /// The account itself at its own nodes, by one of its clients.
    pub(crate) fn own(chat: &Chat, now: Now, sender: &Sender) -> Option<Self> {
        Some(Self {
            chat: chat.clone(),
            now,
            sender: sender.clone(),
            owner: Arc::clone(sender.account()?),
        })
    }

    /// Whether the owner itself is here.
    pub(super) fn is_own(&self) -> bool {
        self.sender.is_of(&self.owner)
    }

    /// The owner's address, as events and answers bear it.
    pub(super) fn owner_jid(&self) -> Jid {
        self.owner.jid().clone().into()
    }

    /// What the visitor is to a node.
    pub(super) fn standing(&self, node: &Node) -> Standing {
        if self.is_own() {
            return Standing::OWN;
        }
        let visible = is_visible_to(&self.owner, &self.sender);
        standing(&self.owner, self.sender.jid(), visible, node)
    }

    /// A node, if it is there, whoever may see it; and what all nodes take.
    pub(super) async fn node(&self, name: &str) -> Result<(Option<Found>, NodeUsage), StanzaError> {
        let found = self.chat.store().node(self.owner.id(), name).await;
        let (node, usage) = found.map_err(|error| store_failed(&error))?;
        let found = node.map(|node| Found {
            configuration: NodeConfiguration::decode(&node.settings.configuration),
            standing: self.standing(&node),
            node,
        });
        Ok((found, usage))
    }

    /// A node that the visitor may read.
    pub(super) async fn readable(&self, name: &str) -> Result<Found, StanzaError> {
        let (found, _) = self.node(name).await?;
        found
            .filter(|found| found.standing.reads(&found.configuration))
            .ok_or_else(hidden)
    }

    /// Whether there is such a node, and the visitor may read it.
    pub(crate) async fn may_read(&self, name: &str) -> Result<bool, StanzaError> {
        let (found, _) = self.node(name).await?;
        Ok(found.is_some_and(|found| found.standing.reads(&found.configuration)))
    }

    /// A node that the visitor owns.
    pub(super) async fn owned(&self, name: &str) -> Result<Found, StanzaError> {
        let (found, _) = self.node(name).await?;
        let found = found.ok_or_else(hidden)?;
        if found.standing.own {
            Ok(found)
        } else {
            Err(found.standing.refusal(&found.configuration))
        }
    }

    /// Only the owner goes on.
    pub(super) fn must_be_own(&self) -> Result<(), StanzaError> {
        if self.is_own() {
            Ok(())
        } else {
            Err(not_yours())
        }
    }

    /// Before which time items of such a node have gone.
    pub(super) fn oldest(&self, configuration: &NodeConfiguration) -> Option<Timestamp> {
        oldest(configuration, self.now)
    }

    /// Keeps a batch.
    pub(super) async fn keep(&self, batch: store::Batch) -> Result<(), StanzaError> {
        let kept = self.chat.store().submit(batch).ticket.await;
        kept.map_err(|error| store_failed(&error))
    }
}

/// Before which time items of such a node have gone.
pub(super) fn oldest(configuration: &NodeConfiguration, now: Now) -> Option<Timestamp> {
    let seconds = match configuration.item_expire? {
        Bound::Number(seconds) => seconds,
        Bound::Max => return None,
    };
    let micros = i64::from(seconds) * 1_000_000;
    Some(Timestamp::from_micros(
        now.wall.micros().saturating_sub(micros),
    ))
}

/// What an address other than the owner's is to a node; `visible` says whether it sees the owner's
/// presence.
pub(super) fn standing(owner: &Account, address: &Jid, visible: bool, node: &Node) -> Standing {
    let groups = roster::item(&owner.facts(), address.bare_str())
        .map(|item| item.groups.clone())
        .unwrap_or_default();
    listed(address, visible, groups, node)
}

/// The same, with what the owner's roster says.
pub(super) fn listed(address: &Jid, visible: bool, groups: Vec<Arc<str>>, node: &Node) -> Standing {
    let bare = address.bare_str();
    let affiliation = node
        .affiliations
        .binary_search_by(|(known, _)| (**known).cmp(bare))
        .ok()
        .and_then(|at| node.affiliations.get(at))
        .map(|(_, affiliation)| *affiliation);
    let subscribed = node.subscriptions.iter().any(|subscription| {
        let of = subscription.subscriber.split('/').next();
        !subscription.pending && of == Some(bare)
    });
    Standing {
        own: false,
        sees_presence: visible,
        groups,
        affiliation,
        subscribed,
    }
}

/// Whether a roster item lets its contact see the owner's presence.
pub(super) fn grants(subscription: Subscription) -> bool {
    matches!(subscription, Subscription::From | Subscription::Both)
}
