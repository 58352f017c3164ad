//! Nodes of publish-subscribe (XEP-0060) with their items, subscriptions and affiliations, and which
//! avatar an owner shows.
//!
//! A node belongs to an owner: an account has its own (XEP-0163). How a node is configured is its
//! users' matter: the store keeps the text, and knows only what it must act on itself.

use std::sync::Arc;

use base::Timestamp;

use crate::batch::Write;
use crate::{Batch, OwnerId, Reading, Store, Subscription};

/// What can be set of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its name, unique among the owner's.
    pub name: Arc<str>,
    /// How it is configured, in whatever form its users like; kept as it is.
    pub configuration: Arc<str>,
    /// Its newest item goes to whoever comes online; see [`Store::newest_items`].
    pub on_presence: bool,
    /// How many items stay: the newest. The others go when one is published, and when this changes.
    pub keep: u32,
    /// How long an item lasts; `None` for ever. See [`Batch::node_items_expire`].
    pub item_seconds: Option<u32>,
    /// Bare address of who made it. Kept when the node is made, ignored afterwards.
    pub creator: Arc<str>,
    /// When it was made. Kept when the node is made, ignored afterwards.
    pub created: Timestamp,
}

/// A node as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// What was set.
    pub settings: NodeSettings,
    /// Explicit subscriptions, ordered by address.
    pub subscriptions: Vec<NodeSubscription>,
    /// Affiliations other than the owner's own, ordered by address.
    pub affiliations: Vec<(Arc<str>, NodeAffiliation)>,
    /// How many items it has.
    pub items: u64,
    /// What its items take: payloads, ids and publishers, in bytes.
    pub bytes: u64,
}

/// An explicit subscription (XEP-0060 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSubscription {
    /// The address that was subscribed, bare or full, normalised.
    pub subscriber: Arc<str>,
    /// It waits for the owner's word (XEP-0060 §4.2 `pending`).
    pub pending: bool,
}

/// What an address may do at a node, besides what its access model says (XEP-0060 §4.1). That of
/// the owner is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeAffiliation {
    /// Publishes, retracts, subscribes and reads.
    Publisher,
    /// Publishes, and nothing else.
    PublishOnly,
    /// Subscribes and reads, also where a list says who may.
    Member,
    /// May do nothing.
    Outcast,
}

/// An item of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeItem {
    /// Its id, unique in the node.
    pub id: Arc<str>,
    /// Full address of who published it.
    pub publisher: Arc<str>,
    /// When it was published.
    pub published: Timestamp,
    /// The payload: one element, self-contained; empty when there is none.
    pub payload: Arc<str>,
}

/// What an owner's nodes take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeUsage {
    /// Nodes.
    pub nodes: u64,
    /// Items in all of them.
    pub items: u64,
    /// Bytes of all items.
    pub bytes: u64,
}

/// Which items of a node are wanted. Items are ordered by their publication, oldest first; one that
/// was published again is new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemQuery {
    /// Where the page lies.
    pub position: ItemPosition,
    /// Most items on it.
    pub max: usize,
    /// The page ends when its items take this many bytes; one item always fits.
    pub max_bytes: usize,
    /// Items published before this time count as gone.
    pub since: Option<Timestamp>,
}

/// Where a page of items lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ItemPosition {
    /// At the oldest.
    #[default]
    First,
    /// At the newest: the last ones.
    Last,
    /// Behind this item.
    After(Arc<str>),
    /// Before this item: the last ones ahead of it.
    Before(Arc<str>),
    /// From this place on.
    Index(u32),
    /// Exactly these, as far as they are there; in their order in the node.
    Ids(Vec<Arc<str>>),
}

/// A page of items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemPage {
    /// The items, oldest first.
    pub items: Vec<NodeItem>,
    /// How many items there are in all.
    pub count: u64,
    /// How many lie before the first of the page.
    pub index: u64,
}

/// Who comes online, for [`Store::newest_items`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newcomer {
    /// Bare address, as rosters name it.
    pub bare: Arc<str>,
    /// Entries in a block list that would keep it away.
    pub barred_by: Vec<Arc<str>>,
    /// Names of nodes that it wants to hear of, sorted.
    pub nodes: Arc<[Arc<str>]>,
}

/// A node's newest item, and what is to be known to decide who may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestItem {
    /// Local part of the account that owns the node.
    pub owner: Arc<str>,
    /// The node.
    pub node: Arc<Node>,
    /// The newcomer in the owner's roster, if it is there: whose presence is seen, and the groups.
    pub contact: Option<(Subscription, Vec<Arc<str>>)>,
    /// The item.
    pub item: NodeItem,
}

/// Writes of this domain.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "each is documented at the method of Batch that makes it"
)]
pub enum NodeWrite {
    Set(NodeSettings),
    Remove(Arc<str>),
    Publish(Arc<str>, NodeItem),
    Retract(Arc<str>, Arc<str>),
    Purge(Arc<str>),
    Subscribe(Arc<str>, NodeSubscription),
    Unsubscribe(Arc<str>, Arc<str>),
    Affiliate(Arc<str>, Arc<str>, Option<NodeAffiliation>),
    Avatar(Option<Arc<str>>),
}

impl Batch {
    fn push_node(&mut self, owner: OwnerId, write: NodeWrite) {
        self.push(Write::Node(owner, Box::new(write)));
    }

    /// Makes a node, or gives one other settings.
    pub fn node_set(&mut self, owner: impl Into<OwnerId>, settings: NodeSettings) {
        self.push_node(owner.into(), NodeWrite::Set(settings));
    }

    /// Removes a node with all that is in it.
    pub fn node_remove(&mut self, owner: impl Into<OwnerId>, node: &str) {
        self.push_node(owner.into(), NodeWrite::Remove(node.into()));
    }

    /// Keeps an item as the newest of a node that is there; one of the same id gives way, and so do
    /// the oldest above [`NodeSettings::keep`].
    pub fn node_publish(&mut self, owner: impl Into<OwnerId>, node: &str, item: NodeItem) {
        self.push_node(owner.into(), NodeWrite::Publish(node.into(), item));
    }

    /// Removes an item.
    pub fn node_retract(&mut self, owner: impl Into<OwnerId>, node: &str, item: &str) {
        self.push_node(owner.into(), NodeWrite::Retract(node.into(), item.into()));
    }

    /// Removes all items of a node.
    pub fn node_purge(&mut self, owner: impl Into<OwnerId>, node: &str) {
        self.push_node(owner.into(), NodeWrite::Purge(node.into()));
    }

    /// Keeps a subscription to a node that is there; one of the same address gives way.
    pub fn node_subscribe(
        &mut self,
        owner: impl Into<OwnerId>,
        node: &str,
        subscription: NodeSubscription,
    ) {
        self.push_node(
            owner.into(),
            NodeWrite::Subscribe(node.into(), subscription),
        );
    }

    /// Removes a subscription.
    pub fn node_unsubscribe(&mut self, owner: impl Into<OwnerId>, node: &str, subscriber: &str) {
        self.push_node(
            owner.into(),
            NodeWrite::Unsubscribe(node.into(), subscriber.into()),
        );
    }

    /// Gives a bare address an affiliation to a node that is there, or (with `None`) takes it away.
    pub fn node_affiliate(
        &mut self,
        owner: impl Into<OwnerId>,
        node: &str,
        address: &str,
        affiliation: Option<NodeAffiliation>,
    ) {
        let write = NodeWrite::Affiliate(node.into(), address.into(), affiliation);
        self.push_node(owner.into(), write);
    }

    /// Removes the items of all owners that have lasted longer at `now` than their nodes let them.
    pub fn node_items_expire(&mut self, now: Timestamp) {
        self.push(Write::NodeItemsExpire(now));
    }

    /// Keeps the hash of the picture that an owner shows (XEP-0153), or that it shows none. It is
    /// part of [`AccountState`](crate::AccountState), because each presence carries it.
    pub fn avatar_set(&mut self, owner: impl Into<OwnerId>, hash: Option<&str>) {
        self.push_node(owner.into(), NodeWrite::Avatar(hash.map(Into::into)));
    }
}

impl Store {
    /// A node, if it is there, and what all nodes of its owner take.
    pub fn node(
        &self,
        owner: impl Into<OwnerId>,
        node: &str,
    ) -> Reading<(Option<Node>, NodeUsage)> {
        self.backend().node(owner.into(), node.into())
    }

    /// All nodes of an owner, ordered by name.
    pub fn nodes(&self, owner: impl Into<OwnerId>) -> Reading<Vec<Node>> {
        self.backend().nodes(owner.into())
    }

    /// Items of a node; none when the node is not there.
    ///
    /// # Errors
    /// [`StoreError::ItemNotFound`](crate::StoreError::ItemNotFound) when the item that the page
    /// lies behind or before is not there.
    pub fn node_items(
        &self,
        owner: impl Into<OwnerId>,
        node: &str,
        query: ItemQuery,
    ) -> Reading<ItemPage> {
        self.backend().node_items(owner.into(), node.into(), query)
    }

    /// The newest item of each node that `newcomer` wants to hear of, of all `accounts` (local
    /// parts) that are enabled and do not block it, in the order of the accounts. Only of nodes whose
    /// settings say so ([`NodeSettings::on_presence`]). Who may see what is for the caller to
    /// decide.
    pub fn newest_items(
        &self,
        newcomer: Newcomer,
        accounts: Vec<Arc<str>>,
    ) -> Reading<Vec<NewestItem>> {
        self.backend().newest_items(newcomer, accounts)
    }
}
