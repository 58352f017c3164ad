//! urn:hauspost:inbox:0: Inbox
//!
//! A client that starts asks once and has its list of conversations: the newest message of each, how
//! many are unread, what the user has set. A protocol of ours, described in `docs/inbox.md`.

use std::sync::Arc;

use store::{ArchiveId, InboxPage, InboxQuery, Mentions};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::inbox::{Entry, InboxRequest, InboxWriter};
use xmpp::xep::result_set::PageAnswer;

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target, omemo, store_failed};
use crate::Work;

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
        let config = context.chat.config();
        let query = to_query(&request, config.limits.unacknowledged_bytes / SHARE)?;
        drop(config);
        let store = context.chat.store();
        let page = store
            .inbox(context.account.id(), query, nobody_is_mentioned())
            .await;
        let page = page.map_err(|error| store_failed(&error))?;
        Ok(Reply::payload(answer(&context, &page)))
    })
}

/// Outside of rooms every message is for its recipient.
fn nobody_is_mentioned() -> Mentions {
    Arc::new(|_| false)
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
        rooms: Vec::new(),
    })
}

fn answer(context: &IqContext, page: &InboxPage) -> String {
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
        writer.push(&Entry {
            jid: &conversation.peer,
            room: last.flags.groupchat,
            unread: conversation.unread,
            mentions: conversation.mentions,
            displayed: displayed.as_deref(),
            id: &last.id.to_string(),
            stamp: last.timestamp,
            message: &omemo::kept(&context.chat, &context.account, &last.stanza),
            settings: "",
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
