//! XEP-0084: User Avatar
//!
//! Pictures are items of two nodes. Which one is shown is known of every account in memory, since
//! its hash is written into each presence (XEP-0398 §4).

use std::sync::Arc;

use store::{Batch, ItemPage, ItemPosition, ItemQuery, NodeItem};
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::avatar::{self, Picture};
use xmpp::xml::Tree;

use super::pubsub::Visit;
use super::{Module, store_failed, vcard_update};
use crate::{Account, Chat};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "avatar",
    specification: "XEP-0084",
    title: "User Avatar",
    version: "1.1.4",
    ..Module::NONE
};

/// A change of the picture that an account shows: its hash, or none. `None` when nothing changes.
pub(crate) type Change = Option<Option<Arc<str>>>;

/// Sees whether a publication shows another picture, and adds that to what is kept with it.
pub(super) async fn will_publish(
    visit: &Visit,
    node: &str,
    items: &[NodeItem],
    batch: &mut Batch,
) -> Result<Change, StanzaError> {
    let Some(item) = items.last().filter(|_| node == ns::AVATAR_METADATA) else {
        return Ok(None);
    };
    let id = Tree::parse(&item.payload)
        .ok()
        .and_then(|tree| avatar::shown(tree.root()).map(|shown| shown.id.to_ascii_lowercase()));
    let hash = match id {
        // XEP-0398 §3.1: only what is there is shown to those who look into the card.
        Some(id) if !data(&visit.chat, &visit.owner, &id).await?.items.is_empty() => Some(id),
        _ => None,
    };
    batch.avatar_set(visit.owner.id(), hash.as_deref());
    Ok(Some(hash.map(Into::into)))
}

/// Sees whether the picture that is shown goes with these items, or with the whole node.
pub(super) fn will_vanish(
    visit: &Visit,
    node: &str,
    items: Option<&[&str]>,
    batch: &mut Batch,
) -> Change {
    let goes = match node {
        ns::AVATAR_METADATA => true,
        ns::AVATAR_DATA => {
            let facts = visit.owner.facts();
            let shown = facts.avatar.as_deref();
            items.is_none_or(|items| items.iter().any(|id| Some(*id) == shown))
        }
        _ => false,
    };
    if !goes {
        return None;
    }
    batch.avatar_set(visit.owner.id(), None);
    Some(None)
}

/// What was kept is so: presence says it from now on.
pub(super) fn settle(visit: &Visit, change: Change) {
    let Some(shown) = change else { return };
    let before = std::mem::replace(&mut visit.owner.facts().avatar, shown.clone());
    if before != shown {
        vcard_update::show_again(&visit.chat, &visit.owner, before.as_deref());
    }
}

/// The picture that an account shows, if it is there.
pub(super) async fn picture(
    chat: &Chat,
    account: &Account,
) -> Result<Option<Picture>, StanzaError> {
    let shown = account.facts().avatar.clone();
    let Some(id) = shown else { return Ok(None) };
    let page = data(chat, account, &id).await?;
    let bytes = page.items.first().and_then(|item| {
        let tree = Tree::parse(&item.payload).ok()?;
        avatar::data(tree.root())
    });
    let Some(bytes) = bytes else { return Ok(None) };
    let newest = ItemQuery {
        position: ItemPosition::Last,
        max: 1,
        max_bytes: usize::MAX,
        since: None,
    };
    let page = items(chat, account, ns::AVATAR_METADATA, newest).await?;
    let kind = page.items.first().and_then(|item| {
        let tree = Tree::parse(&item.payload).ok()?;
        avatar::shown(tree.root()).map(|shown| shown.kind.to_owned())
    });
    Ok(kind.map(|kind| Picture { kind, data: bytes }))
}

/// The item of the data node with this id.
async fn data(chat: &Chat, account: &Account, id: &str) -> Result<ItemPage, StanzaError> {
    let query = ItemQuery {
        position: ItemPosition::Ids(vec![id.into()]),
        max: 1,
        max_bytes: usize::MAX,
        since: None,
    };
    items(chat, account, ns::AVATAR_DATA, query).await
}

async fn items(
    chat: &Chat,
    account: &Account,
    node: &str,
    query: ItemQuery,
) -> Result<ItemPage, StanzaError> {
    let page = chat.store().node_items(account.id(), node, query).await;
    page.map_err(|error| store_failed(&error))
}
