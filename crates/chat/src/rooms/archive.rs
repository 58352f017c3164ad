//! XEP-0313: Message Archive Management, the archive of a room

use std::collections::HashMap;

use base::BareJid;
use bytes::Bytes;
use store::{ArchiveId, ArchiveItem, StoreError};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::message_archive::{self, ArchiveRequest, ResultWriter};
use xmpp::xep::muc::{Affiliation, Role};
use xmpp::xml::{Element, Stanza, Writer};

use super::line::Said;
use super::room::{Room, Who};
use crate::modules::{Reply, archive_metadata, archive_query, stanza_ids, store_failed};
use crate::readable_rooms::without_address;
use crate::{Chat, Sender};

/// How somebody may read the archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    /// With real addresses.
    sees_addresses: bool,
}

/// Whether somebody may read: those who are in the room, and members. Whoever may merely enter does so
/// first; a stranger, somebody who was removed or banned learns nothing.
pub(super) fn reader(room: &Room, sender: &Sender) -> Result<Reader, StanzaError> {
    let who = Who::of(sender);
    let state = room.state();
    let affiliation = state.affiliation(&who);
    let here = state.occupant_of(sender.jid());
    if affiliation == Affiliation::Outcast
        || (affiliation < Affiliation::Member && here.is_none() && !state.is_present(&who.bare))
    {
        return Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("The archive of this room is for those who are in it, and for its members."));
    }
    let moderates = here.is_some_and(|occupant| occupant.role == Role::Moderator)
        || affiliation >= Affiliation::Admin;
    Ok(Reader {
        sees_addresses: state.is_non_anonymous() || moderates,
    })
}

/// §4: a query.
pub(super) async fn query(
    chat: &Chat,
    room: &Room,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let reader = reader(room, sender)?;
    let mut request = ArchiveRequest::read(payload)?;
    if let Some(with) = request.with.take() {
        // Everything in it was said in the room; who has said it is known by real addresses.
        if with.bare_str() != room.jid().as_str() {
            if !reader.sees_addresses {
                return Err(StanzaError::new(StanzaCondition::Forbidden)
                    .text("Real addresses are not shown in this room."));
            }
            request.with = Some(with);
        } else if with.resource().is_some() {
            return Err(StanzaError::new(StanzaCondition::FeatureNotImplemented)
                .text("This archive cannot be searched by nickname."));
        }
    }
    let account = sender.account().map(|account| &**account);
    let page = archive_query::read(chat, room.id(), account, &request).await?;
    let stones = tombstones(chat, room, &page.items).await?;
    let bytes = page.items.iter().map(|item| item.stanza.len()).sum();
    let mut writer = ResultWriter::new(
        room.jid().as_str(),
        sender.jid().as_str(),
        request.queryid.as_deref(),
        page.items.len(),
        bytes,
    );
    let mut ends = Vec::with_capacity(page.items.len());
    for item in &page.items {
        let stanza = stones.get(&item.id).unwrap_or(&item.stanza);
        let shown = if reader.sees_addresses {
            stanza.clone()
        } else {
            without_address(stanza)
        };
        ends.push(writer.push(item.id, item.timestamp, &shown));
    }
    let all = writer.finish();
    let mut start = 0;
    let before = ends
        .into_iter()
        .map(|end| all.slice(std::mem::replace(&mut start, end)..end))
        .collect();
    Ok(Reply {
        later: false,
        before,
        payload: archive_query::fin(&page).to_xml(),
        after: Vec::new(),
    })
}

/// §4.1.5.
pub(super) fn form(room: &Room, sender: &Sender) -> Result<String, StanzaError> {
    reader(room, sender)?;
    Ok(message_archive::form())
}

/// §5.
pub(super) async fn metadata(
    chat: &Chat,
    room: &Room,
    sender: &Sender,
) -> Result<String, StanzaError> {
    reader(room, sender)?;
    let bounds = chat.store().archive_bounds(room.id()).await;
    let bounds = bounds.map_err(|error| store_failed(&error))?;
    let mut out = Writer::with_capacity(192);
    archive_metadata(&mut out, bounds);
    Ok(out.finish())
}

/// What stands in place of messages of a page.
async fn tombstones(
    chat: &Chat,
    room: &Room,
    items: &[ArchiveItem],
) -> Result<HashMap<ArchiveId, Bytes>, StanzaError> {
    let ids = || items.iter().map(|item| item.id);
    let (Some(first), Some(last)) = (ids().min(), ids().max()) else {
        return Ok(HashMap::new());
    };
    let stones = chat.store().room_tombstones(room.id(), first, last).await;
    Ok(stones
        .map_err(|error| store_failed(&error))?
        .into_iter()
        .collect())
}

/// Messages of the archive as those who enter get them: what has words, without real addresses.
pub(super) async fn said(
    chat: &Chat,
    room: &Room,
    items: Vec<ArchiveItem>,
) -> Result<Vec<Said>, StanzaError> {
    let stones = tombstones(chat, room, &items).await?;
    let mut said = Vec::with_capacity(items.len());
    for item in items {
        let stanza = stones.get(&item.id).unwrap_or(&item.stanza);
        let parsed = std::str::from_utf8(stanza)
            .ok()
            .and_then(|text| Stanza::parse(text).ok());
        let words = parsed.is_some_and(|parsed| {
            parsed.has("body", ns::CLIENT) || crate::modules::content::is_encrypted(&parsed)
        });
        if words {
            let text = without_address(stanza);
            said.push(Said {
                id: Some(item.id),
                at: item.timestamp,
                text: stanza_ids::with_id(&text, room.jid().as_str(), item.id),
            });
        }
    }
    Ok(said)
}

/// The one message of the archive with this id, as it is kept.
pub(super) async fn find(
    chat: &Chat,
    room: &Room,
    id: ArchiveId,
) -> Result<Option<ArchiveItem>, StanzaError> {
    only(chat, room, id, None).await
}

/// The same if it is of this author.
pub(super) async fn find_by(
    chat: &Chat,
    room: &Room,
    id: ArchiveId,
    author: &BareJid,
) -> Result<Option<ArchiveItem>, StanzaError> {
    only(chat, room, id, Some(author.as_str().into())).await
}

async fn only(
    chat: &Chat,
    room: &Room,
    id: ArchiveId,
    with: Option<std::sync::Arc<str>>,
) -> Result<Option<ArchiveItem>, StanzaError> {
    let query = store::ArchiveQuery {
        ids: vec![id],
        with,
        max: 1,
        ..store::ArchiveQuery::default()
    };
    match chat.store().archive_page(room.id(), query).await {
        Ok(page) => Ok(page.items.into_iter().next()),
        Err(StoreError::ItemNotFound) => Ok(None),
        Err(error) => Err(store_failed(&error)),
    }
}
