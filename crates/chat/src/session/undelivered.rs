//! What a session held when it ended.

use super::outbox::Sent;
use crate::delivery::{Keeping, Kept};
use crate::modules::{SessionContext, offline};
use crate::undelivered::{Undelivered, place, refuse_request};

/// Finds a place for what the session of `context`, which is gone, has left.
pub(super) async fn return_undelivered(context: SessionContext, left: Vec<Sent>) {
    let SessionContext {
        chat,
        account,
        session: ended,
        ..
    } = &context;
    let mut waiting = Vec::new();
    let mut others = Vec::new();
    for sent in left {
        match sent.keeping {
            Keeping::Waiting(id) => waiting.push(id),
            Keeping::Copy(id) => match ended.copies().lost(id) {
                Some(Kept::Waiting) => waiting.push(id),
                Some(Kept::Archived) => others.push(sent),
                None => {}
            },
            Keeping::Nowhere | Keeping::Archive(_) => others.push(sent),
        }
    }
    if !waiting.is_empty() {
        // They have waited all the time; the next session gets them.
        let mut order = account.waiting_order();
        waiting.iter().for_each(|id| {
            order.on_their_way().remove(id);
        });
    }
    for Sent { stanza, .. } in &others {
        refuse_request(chat, ended.jid(), stanza);
    }
    let left: Vec<_> = others
        .into_iter()
        .filter_map(|Sent { stanza, keeping }| Undelivered::read(stanza, keeping, ended.jid()))
        .collect();
    if !left.is_empty()
        && let Err(error) = place(chat, account, ended, &left).await
    {
        tracing::error!(%error, "undelivered messages could not be marked as waiting");
    }
    if !waiting.is_empty() {
        let there = account.sessions();
        if let Some(session) = there.into_iter().find(|session| session.takes_messages()) {
            offline::hand_over_to(SessionContext { session, ..context }).await;
        }
    }
}
