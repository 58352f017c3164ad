//! XEP-0060 §6.5: items are read.

use std::sync::Arc;

use store::{ItemPage, ItemPosition, ItemQuery, StoreError};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::node_configuration::AccessModel;
use xmpp::xep::pubsub::{error, write_item};
use xmpp::xep::result_set::{PageAnswer, PageRequest};
use xmpp::xml::Writer;

use super::access::hidden;
use super::visit::Visit;
use crate::modules::{Reply, bookmarks, store_failed};

/// Bytes of payloads in one answer.
const PAGE_BYTES: usize = 1024 * 1024;
/// Items that one request may name.
const MOST_NAMED: usize = 1_000;

pub(super) async fn request(
    visit: &Visit,
    node: &str,
    ids: &[&str],
    max_items: Option<u32>,
    page: Option<PageRequest>,
) -> Result<Reply, StanzaError> {
    if node == ns::LEGACY_BOOKMARKS && visit.is_own() {
        return bookmarks::read_legacy(visit).await;
    }
    let (found, _) = visit.node(node).await?;
    let found = found.ok_or_else(hidden)?;
    if !found.standing.reads(&found.configuration) {
        // That such a node is there is known to whoever may ask for a subscription.
        return Err(match found.configuration.access {
            AccessModel::Authorize if found.standing.affiliation.is_none() => {
                error(StanzaCondition::NotAuthorized, "not-subscribed")
            }
            _ => hidden(),
        });
    }
    if ids.len() > MOST_NAMED {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text(format!("Please name {MOST_NAMED} items at the most.")));
    }
    let config = visit.chat.config();
    let most = config.limits.pubsub_page;
    let bounded = |number: u32| (number as usize).min(most);
    let (position, max) = match &page {
        _ if !ids.is_empty() => {
            let ids = ids.iter().map(|id| Arc::from(*id)).collect();
            (ItemPosition::Ids(ids), MOST_NAMED)
        }
        Some(page) => (position(page), page.max.map_or(most, bounded)),
        None => match max_items {
            Some(max) => (ItemPosition::Last, bounded(max)),
            None => (ItemPosition::First, most),
        },
    };
    let query = ItemQuery {
        position,
        max,
        max_bytes: PAGE_BYTES,
        since: visit.oldest(&found.configuration),
    };
    let store = visit.chat.store();
    let items = store.node_items(visit.owner.id(), node, query).await;
    let items = items.map_err(|error| match error {
        StoreError::ItemNotFound => StanzaError::new(StanzaCondition::ItemNotFound)
            .text("The item that the page begins or ends at is not there any more."),
        error => store_failed(&error),
    })?;
    // A page is told when it was asked for, and when it is not the whole (§6.5.4).
    let asked = ids.is_empty() && max_items.is_none();
    let is_part = asked && (items.items.len() as u64) < items.count;
    let with_page = page.is_some() && ids.is_empty() || is_part;
    Ok(Reply::payload(answer(visit, node, &items, with_page)))
}

/// XEP-0059 §2.
fn position(page: &PageRequest) -> ItemPosition {
    match (&page.after, &page.before, page.index) {
        (Some(after), _, _) => ItemPosition::After(after.as_str().into()),
        (None, Some(before), _) if before.is_empty() => ItemPosition::Last,
        (None, Some(before), _) => ItemPosition::Before(before.as_str().into()),
        (None, None, Some(index)) => ItemPosition::Index(index),
        (None, None, None) => ItemPosition::First,
    }
}

fn answer(visit: &Visit, node: &str, page: &ItemPage, with_page: bool) -> String {
    let owner = visit.owner.jid().as_str();
    let length: usize = page.items.iter().map(|item| item.payload.len() + 64).sum();
    let mut out = Writer::with_capacity(length + 128);
    out.start("pubsub").xmlns(ns::PUBSUB);
    out.start("items").attr("node", node);
    for item in &page.items {
        let by_other = item.publisher.split('/').next() != Some(owner);
        let publisher = by_other.then_some(&*item.publisher);
        write_item(&mut out, &item.id, publisher, &item.payload);
    }
    out.end();
    if with_page {
        let first = page.items.first();
        PageAnswer {
            first: first.map(|item| item.id.to_string()),
            index: first.map(|_| page.index),
            last: page.items.last().map(|item| item.id.to_string()),
            count: Some(page.count),
        }
        .write(&mut out);
    }
    out.end();
    out.finish()
}
