//! urn:hauspost:inbox:0: Inbox
//!
//! A client that starts asks once and has its list of conversations: the newest message of each, how
//! many are unread, what the user has set. A protocol of ours, described in `docs/inbox.md`. Rooms are
//! those that the account may read at this moment, so a room that it has lost is not there any more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base::BareJid;
use store::{ArchiveId, InboxPage, InboxQuery, InboxRoom, Mentions};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::bookmarks::Bookmark;
use xmpp::xep::inbox::{Entry, InboxRequest, InboxWriter};
use xmpp::xep::result_set::PageAnswer;
use xmpp::xml::Stanza;

use super::{
    Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target, bookmarks, content,
    notification_settings, omemo, store_failed,
};
use crate::Work;
use crate::readable_rooms::{self, ReadableRoom};

/// Conversations in one answer, whatever the client would like.
const MOST: usize = 1000;
/// How much of what may wait for a client unacknowledged (XEP-0198) one answer may take.
const SHARE: usize = 2;
/// What stands in an answer beside the message of a conversation, roughly, in bytes.
const FRAME: usize = 320;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "inbox",
    specification: "urn:hauspost:inbox:0",
    title: "Inbox",
    version: "0",
    features: &[Feature {
        var: ns::INBOX,
        seat: Seat::Account,
    }],
    iq: &[IqHandler {
        targets: &[Target::Own],
        set: false,
        payload: "inbox",
        namespace: ns::INBOX,
        run: Run::Client(run),
    }],
    ..Module::NONE
};

fn run(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let request = InboxRequest::read(payload.root())?;
        drop(payload);
        let (chat, account) = (&context.chat, &context.account);
        let limit = chat.config().limits.unacknowledged_bytes;
        let bookmarks = bookmarks::of(chat, account).await?;
        let bookmarked = bookmarks.iter().map(|(address, _)| &**address);
        let rooms = readable_rooms::readable(chat, account, bookmarked).await?;
        let query = InboxQuery {
            rooms: rooms.iter().map(to_wanted).collect(),
            rooms_domain: Some(readable_rooms::address(chat).into()),
            reader: account.jid().as_str().into(),
            ..to_query(&request, limit / SHARE)?
        };
        let mentions = mentions_of(account.jid());
        let page = chat.store().inbox(account.id(), query, mentions).await;
        let page = page.map_err(|error| store_failed(&error))?;
        let settings = bookmarks.iter().map(|(address, bookmark)| {
            let address: &str = address;
            (address, bookmark)
        });
        let anonymous = rooms.iter().filter(|room| !room.sees_addresses);
        let around = Around {
            bookmarks: settings.collect(),
            anonymous: anonymous.map(|room| &*room.address).collect(),
        };
        Ok(Reply::payload(answer(&context, &page, &around)))
    })
}

fn to_wanted(room: &ReadableRoom) -> InboxRoom {
    InboxRoom {
        address: Arc::clone(&room.address),
        owner: room.id.into(),
        since: room.since,
    }
}

/// Whether a message names the account by its bare address.
fn mentions_of(address: &BareJid) -> Mentions {
    let address = address.clone();
    Arc::new(move |text| {
        let message = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Stanza::parse(text).ok());
        let named = message.map(|message| content::mentioned(&message));
        named.is_some_and(|named| named.iter().any(|named| named.as_str() == address.as_str()))
    })
}

/// What else is known of conversations, by address.
struct Around<'a> {
    bookmarks: HashMap<&'a str, &'a Bookmark>,
    /// Rooms that do not show real addresses to the account.
    anonymous: HashSet<&'a str>,
}

impl Around<'_> {
    /// What the account has set for a conversation, as it is kept.
    fn settings(&self, address: &str) -> String {
        let Some(bookmark) = self.bookmarks.get(address) else {
            return String::new();
        };
        let kept = [
            ("notify", ns::NOTIFICATION_SETTINGS),
            ("pinned", ns::BOOKMARKS_PINNING),
        ];
        let kept = kept.iter().filter_map(|(name, namespace)| {
            let tree = notification_settings::extension(bookmark, name, namespace)?;
            Some(tree.root().raw().into_owned())
        });
        kept.collect()
    }
}

fn to_query(request: &InboxRequest, max_bytes: usize) -> Result<InboxQuery, StanzaError> {
    let page = &request.page;
    if page.before.is_some() || page.index.is_some() {
        return Err(StanzaError::new(StanzaCondition::FeatureNotImplemented)
            .text("The inbox is read from the newest conversation on, with <after/>."));
    }
    let id = |text: &str| {
        text.parse::<ArchiveId>().map_err(|_| {
            StanzaError::new(StanzaCondition::ItemNotFound)
                .text("That is no id or version of an earlier answer; please ask without it.")
        })
    };
    let after = page.after.as_deref().filter(|after| !after.is_empty());
    Ok(InboxQuery {
        since: request.since.as_deref().map(id).transpose()?,
        before: after.map(id).transpose()?,
        max: page
            .max
            .map_or(MOST, |max| usize::try_from(max).unwrap_or(MOST))
            .min(MOST),
        max_bytes,
        ..InboxQuery::default()
    })
}

fn answer(context: &IqContext, page: &InboxPage, around: &Around<'_>) -> String {
    let conversations = &page.conversations;
    let bytes: usize = conversations
        .iter()
        .map(|conversation| conversation.last.stanza.len() + FRAME)
        .sum();
    let version = page.version.map(|version| version.to_string());
    let mut writer = InboxWriter::new(version.as_deref(), page.complete, bytes + FRAME);
    for conversation in conversations {
        let last = &conversation.last;
        let displayed = conversation.displayed.map(|id| id.to_string());
        let peer = &*conversation.peer;
        let message = if around.anonymous.contains(peer) {
            readable_rooms::without_address(&last.stanza)
        } else {
            last.stanza.clone()
        };
        writer.push(&Entry {
            jid: peer,
            room: conversation.room.is_some(),
            unread: conversation.unread,
            mentions: conversation.mentions,
            displayed: displayed.as_deref(),
            id: &last.id.to_string(),
            stamp: last.timestamp,
            message: &omemo::kept(&context.chat, &context.account, &message),
            settings: &around.settings(peer),
        });
    }
    let id = |place: Option<&store::Conversation>| place.map(|found| found.last.id.to_string());
    writer.finish(&PageAnswer {
        first: id(conversations.first()),
        index: None,
        last: id(conversations.last()),
        count: u64::try_from(page.count).ok(),
    })
}
