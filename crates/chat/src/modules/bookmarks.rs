//! XEP-0402: PEP Native Bookmarks
//!
//! Bookmarks are kept once, as items of the node. What XEP-0048 has in one element is made of them
//! for who asks for it, and compared with them when it is set (§5.3).

use std::collections::HashMap;
use std::sync::Arc;

use base::Jid;
use store::{Batch, ItemPosition, ItemQuery};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::bookmarks::{Bookmark, Storage};
use xmpp::xep::pubsub::{error, write_item};
use xmpp::xml::{Tree, Writer};

use super::pubsub::{Publication, Visit, tell_own};
use super::{Feature, Module, Reply, Seat, store_failed};
use crate::account::Turn;
use crate::{Account, Chat};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "bookmarks",
    specification: "XEP-0402",
    title: "PEP Native Bookmarks",
    version: "1.2.0",
    features: &[
        Feature {
            var: ns::BOOKMARKS_COMPAT,
            seat: Seat::Account,
        },
        Feature {
            var: ns::BOOKMARKS_COMPAT_PEP,
            seat: Seat::Account,
        },
    ],
    ..Module::NONE
};

/// Id of the one item of the older form (XEP-0048 §3.1).
const CURRENT: &str = "current";

/// All bookmarks in the older form.
pub(super) async fn storage(visit: &Visit) -> Result<Storage, StanzaError> {
    let mut storage = apart(visit).await?;
    let native = native(visit).await?;
    storage
        .rooms
        .retain(|(jid, _)| !native.iter().any(|(known, _)| **known == *normal(jid)));
    storage.rooms.extend(
        native
            .into_iter()
            .map(|(jid, bookmark)| (jid.to_string(), bookmark)),
    );
    Ok(storage)
}

/// What is kept apart of the items: bookmarks that are no rooms.
async fn apart(visit: &Visit) -> Result<Storage, StanzaError> {
    let store = visit.chat.store();
    let kept = store.private(visit.owner.id(), "storage", ns::LEGACY_BOOKMARKS);
    let kept = kept.await.map_err(|error| store_failed(&error))?;
    let tree = kept.and_then(|kept| Tree::parse(&kept).ok());
    Ok(tree
        .and_then(|tree| Storage::read(tree.root()))
        .unwrap_or_default())
}

/// The items of the node, in order.
async fn native(visit: &Visit) -> Result<Vec<(Arc<str>, Bookmark)>, StanzaError> {
    items(&visit.chat, &visit.owner).await
}

/// All bookmarks of an account, in order; each address normalised where it is one.
pub(super) async fn of(
    chat: &Chat,
    account: &Account,
) -> Result<Vec<(Arc<str>, Bookmark)>, StanzaError> {
    let items = items(chat, account).await?.into_iter();
    Ok(items
        .map(|(id, bookmark)| (normal(&id), bookmark))
        .collect())
}

async fn items(chat: &Chat, account: &Account) -> Result<Vec<(Arc<str>, Bookmark)>, StanzaError> {
    let query = ItemQuery {
        position: ItemPosition::First,
        max: usize::MAX,
        max_bytes: usize::MAX,
        since: None,
    };
    let page = chat.store().node_items(account.id(), ns::BOOKMARKS, query);
    let page = page.await;
    let page = page.map_err(|error| store_failed(&error))?;
    let bookmarks = page.items.into_iter().filter_map(|item| {
        let tree = Tree::parse(&item.payload).ok()?;
        Some((item.id, Bookmark::read(tree.root())?))
    });
    Ok(bookmarks.collect())
}

/// The address of a room as an id.
fn normal(jid: &str) -> Arc<str> {
    Jid::parse(jid).map_or_else(|_| jid.into(), |jid| jid.as_str().into())
}

/// Takes all bookmarks in the older form: what differs is published or retracted. The caller holds
/// the owner's turn.
pub(super) async fn replace(
    visit: &Visit,
    turn: &Turn<'_>,
    storage: &Storage,
) -> Result<(), StanzaError> {
    let known = native(visit).await?;
    let known: HashMap<&str, &Bookmark> = known
        .iter()
        .map(|(id, bookmark)| (&**id, bookmark))
        .collect();
    let mut named: Vec<Arc<str>> = Vec::new();
    let mut changed = Vec::new();
    for (jid, bookmark) in &storage.rooms {
        let id = normal(jid);
        if named.contains(&id) {
            continue;
        }
        let bookmark = match known.get(&*id) {
            Some(known) => bookmark.clone().keeping_extensions_of(known),
            None => bookmark.clone(),
        };
        if known.get(&*id) != Some(&&bookmark) {
            changed.push((Arc::clone(&id), Arc::from(bookmark.to_xml())));
        }
        named.push(id);
    }
    let others = Storage {
        rooms: Vec::new(),
        others: storage.others.clone(),
    };
    if apart(visit).await? != others {
        let text = (!others.others.is_empty()).then(|| others.to_xml());
        let mut batch = Batch::new();
        let owner = visit.owner.id();
        batch.private_set(owner, "storage", ns::LEGACY_BOOKMARKS, text.as_deref());
        let kept = visit.chat.store().submit(batch).ticket.await;
        kept.map_err(|error| store_failed(&error))?;
    }
    if !changed.is_empty() {
        let publication = Publication {
            node: ns::BOOKMARKS,
            items: changed,
            options: None,
        };
        visit.publish(turn, publication).await?;
    }
    let gone: Vec<&str> = known
        .keys()
        .filter(|id| !named.iter().any(|named| **named == ***id))
        .copied()
        .collect();
    if !gone.is_empty() {
        visit.retract(turn, ns::BOOKMARKS, &gone, true).await?;
    }
    Ok(())
}

/// A publication at the node of the older form.
pub(super) async fn publish_legacy(
    visit: &Visit,
    turn: &Turn<'_>,
    publication: &Publication<'_>,
) -> Result<(), StanzaError> {
    let storage = publication.items.last().and_then(|(_, payload)| {
        let tree = Tree::parse(payload).ok()?;
        Storage::read(tree.root())
    });
    let storage = storage.ok_or_else(|| error(StanzaCondition::BadRequest, "invalid-payload"))?;
    replace(visit, turn, &storage).await
}

/// The node of the older form is read.
pub(super) async fn read_legacy(visit: &Visit) -> Result<Reply, StanzaError> {
    let storage = storage(visit).await?;
    let mut out = Writer::with_capacity(512);
    out.start("pubsub").xmlns(ns::PUBSUB);
    out.start("items").attr("node", ns::LEGACY_BOOKMARKS);
    if storage != Storage::default() {
        write_item(&mut out, CURRENT, None, &storage.to_xml());
    }
    out.end().end();
    Ok(Reply::payload(out.finish()))
}

/// Something has changed at a node: if it is that of the bookmarks, sessions that want the older
/// form hear of it. The caller holds the owner's turn.
pub(super) async fn has_changed(visit: &Visit, _turn: &Turn<'_>, node: &str) {
    if node != ns::BOOKMARKS {
        return;
    }
    *visit.owner.settings() = None;
    let mut interested = false;
    visit.owner.each_session(|session| {
        interested |= session.features().wants(ns::LEGACY_BOOKMARKS);
    });
    if !interested {
        return;
    }
    match storage(visit).await {
        Ok(storage) => tell_own(visit, ns::LEGACY_BOOKMARKS, CURRENT, &storage.to_xml()),
        Err(error) => tracing::warn!(%error, "bookmarks could not be read to tell of them"),
    }
}
