//! XEP-0060 §7.2, §8.4 and §8.5: items are retracted, nodes purged and deleted.

use std::sync::Arc;

use store::{Batch, ItemPosition, ItemQuery};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::pubsub::{Event, error};

use super::access::not_yours;
use super::notify::{self, Notice};
use super::visit::{Found, Visit};
use crate::account::Turn;
use crate::modules::{Reply, avatar, bookmarks, store_failed};

/// Items of one request at the most.
const MOST_AT_ONCE: usize = 1_000;

pub(super) async fn request(
    visit: &Visit,
    node: &str,
    items: &[&str],
    notify: bool,
) -> Result<Reply, StanzaError> {
    if items.is_empty() {
        return Err(error(StanzaCondition::BadRequest, "item-required"));
    }
    if items.len() > MOST_AT_ONCE {
        return Err(error(StanzaCondition::NotAllowed, "max-items-exceeded"));
    }
    let turn = visit.owner.turn().await;
    visit.retract(&turn, node, items, notify).await?;
    Ok(Reply::empty())
}

impl Visit {
    /// Removes items, and tells who is to be told. The caller holds the owner's turn.
    pub(crate) async fn retract(
        &self,
        turn: &Turn<'_>,
        node: &str,
        items: &[&str],
        notify: bool,
    ) -> Result<(), StanzaError> {
        let (found, _) = self.node(node).await?;
        let found = found.ok_or_else(super::access::hidden)?;
        if !found.standing.publishes(&found.configuration) {
            return Err(found.standing.refusal(&found.configuration));
        }
        let there = self.named(&found, items).await?;
        if there.is_empty() {
            return Err(
                StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such item.")
            );
        }
        // §4.1: others than the owner remove what they have published themselves.
        let own = self.sender.jid().bare_str();
        let of_others = |publisher: &str| publisher.split('/').next() != Some(own);
        if !found.standing.own && there.iter().any(|(_, publisher)| of_others(publisher)) {
            return Err(not_yours());
        }
        let mut batch = Batch::new();
        for (id, _) in &there {
            batch.node_retract(self.owner.id(), node, id);
        }
        let gone = avatar::will_vanish(self, node, Some(items), &mut batch);
        self.keep(batch).await?;
        if notify || found.configuration.notify_retract {
            let event = Event::Retracted {
                node,
                items: there.iter().map(|(id, _)| &**id).collect(),
            };
            notify::tell(self, &Notice::of(&found, vec![event.to_xml()])).await;
        }
        avatar::settle(self, gone);
        bookmarks::has_changed(self, turn, node).await;
        Ok(())
    }

    /// Id and publisher of those items that are there.
    async fn named(
        &self,
        found: &Found,
        items: &[&str],
    ) -> Result<Vec<(Arc<str>, Arc<str>)>, StanzaError> {
        let query = ItemQuery {
            position: ItemPosition::Ids(items.iter().map(|id| Arc::from(*id)).collect()),
            max: MOST_AT_ONCE,
            max_bytes: usize::MAX,
            since: None,
        };
        let name = &found.node.settings.name;
        let store = self.chat.store();
        let page = store.node_items(self.owner.id(), name, query).await;
        let page = page.map_err(|error| store_failed(&error))?;
        let items = page.items.into_iter();
        Ok(items.map(|item| (item.id, item.publisher)).collect())
    }
}

pub(super) async fn purge(visit: &Visit, node: &str) -> Result<Reply, StanzaError> {
    let turn = visit.owner.turn().await;
    let found = visit.owned(node).await?;
    if !found.configuration.persist_items {
        return Err(xmpp::xep::pubsub::unsupported("persistent-items"));
    }
    let mut batch = Batch::new();
    batch.node_purge(visit.owner.id(), node);
    let gone = avatar::will_vanish(visit, node, None, &mut batch);
    visit.keep(batch).await?;
    if found.configuration.notify_retract {
        let event = Event::Purged { node };
        notify::tell(visit, &Notice::of(&found, vec![event.to_xml()])).await;
    }
    avatar::settle(visit, gone);
    bookmarks::has_changed(visit, &turn, node).await;
    Ok(Reply::empty())
}

pub(super) async fn delete(
    visit: &Visit,
    node: &str,
    redirect: Option<&str>,
) -> Result<Reply, StanzaError> {
    let turn = visit.owner.turn().await;
    let found = visit.owned(node).await?;
    let mut batch = Batch::new();
    batch.node_remove(visit.owner.id(), node);
    let gone = avatar::will_vanish(visit, node, None, &mut batch);
    visit.keep(batch).await?;
    if found.configuration.notify_delete {
        let event = Event::Deleted { node, redirect };
        notify::tell(visit, &Notice::of(&found, vec![event.to_xml()])).await;
    }
    avatar::settle(visit, gone);
    bookmarks::has_changed(visit, &turn, node).await;
    Ok(Reply::empty())
}
