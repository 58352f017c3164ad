//! XEP-0160: Best Practices for Handling Offline Messages

use std::sync::Arc;

use base::{Jid, Timestamp};
use bytes::Bytes;
use store::{ArchiveId, ArchiveItem, Batch, StoreError, Ticket};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::delay::Delay;
use xmpp::xep::hints::Hints;
use xmpp::xml::{Stanza, Writer};

use super::content::is_only_chat_state;
use super::omemo;
use super::stanza_ids::{with_child, with_id};
use super::{Feature, MessageContext, MessageType, Module, Seat, SessionContext, Verdict};
use crate::account::Waiting;
use crate::delivery::Parcel;
use crate::delivery::{ByCopy, Keeping, Kept};
use crate::{Account, Chat, SessionEntry, Work};

/// The declaration. What waits is the archive's own entry, marked; what is in no archive waits
/// hidden in it.
pub(super) static MODULE: Module = Module {
    name: "offline",
    specification: "XEP-0160",
    title: "Best Practices for Handling Offline Messages",
    version: "1.0.1",
    features: &[Feature {
        var: ns::OFFLINE,
        seat: Seat::Host,
    }],
    message: Some(message),
    session_reachable: Some(reachable),
    ..Module::NONE
};

/// Entries read from the store at once.
const AT_ONCE: usize = 100;
/// What is handed over at once may take this part of a mailbox; the rest comes when that was taken, ahead of
/// what was sent meanwhile.
const MAILBOX_SHARE: usize = 2;

/// Which messages wait (§3).
fn message(context: &mut MessageContext<'_>) -> Verdict {
    let (plan, Some(recipient)) = (&mut *context.plan, context.recipient) else {
        return Verdict::Next;
    };
    if !plan.deliver.is_empty() || !matches!(context.kind, MessageType::Chat | MessageType::Normal)
    {
        return Verdict::Next;
    }
    if is_only_chat_state(context.stanza) {
        // Nobody wants to know later that somebody was typing, nor that nobody saw it.
        plan.bounce = false;
        return Verdict::Next;
    }
    let waiting = recipient.facts().offline_count;
    if usize::try_from(waiting)
        .is_ok_and(|waiting| waiting >= context.chat.config().limits.offline_messages)
    {
        return Verdict::Reject(StanzaError::new(StanzaCondition::ServiceUnavailable).text(
            "The recipient is away, and no more messages can wait; please try again later.",
        ));
    }
    plan.wait = true;
    Verdict::Next
}

/// Hands over what waits, ahead of everything that came in meanwhile (§2).
fn reachable(context: SessionContext) -> Work<()> {
    Box::pin(async move {
        let waiting = {
            let _order = context.account.waiting_order();
            context.account.facts().offline_count
        };
        // One that has had no room is about to end, and may have got what waits for the next one.
        if waiting == 0 || !context.session.takes_messages() {
            return;
        }
        hand_over_to(context).await;
    })
}

/// Hands over more of what waits to a session that has taken what it was given.
pub(crate) fn hand_over_rest(context: SessionContext) -> Work<()> {
    context.session.mailbox().rest_comes();
    Box::pin(async move {
        let session = Arc::clone(&context.session);
        if session.takes_messages() {
            hand_over_to(context).await;
        } else {
            session.mailbox().without_rest();
        }
    })
}

/// Hands over what waits to the session of `context`, ahead of what waits for it already. Should it
/// end meanwhile, another one of the account gets it.
pub(crate) async fn hand_over_to(mut context: SessionContext) {
    // One at a time: nothing is handed over twice.
    let account = Arc::clone(&context.account);
    let _turn = account.turn().await;
    while !hand_over(&context).await {
        let next = account
            .sessions()
            .into_iter()
            .find(|session| session.takes_messages());
        let Some(session) = next else {
            return;
        };
        context.session = session;
    }
}

/// False when the session has ended meanwhile: everything waits on.
async fn hand_over(context: &SessionContext) -> bool {
    let mut parcels = Vec::new();
    let mut there = Vec::new();
    let result = collect(context, &mut parcels, &mut there).await;
    if !there.is_empty() {
        arrived(&context.chat, &context.account, &there);
    }
    if let Err(error) = &result {
        tracing::error!(%error, "waiting messages could not be read; they wait on");
    }
    let (taken, forgotten) = {
        let mut order = context.account.waiting_order();
        let more = matches!(result, Ok((_, true)));
        let back = context.session.mailbox().put_first(parcels, more);
        let taken = back.is_empty();
        for parcel in back {
            if let Parcel::Waiting { id, .. } = parcel {
                order.on_their_way().remove(&id);
            }
        }
        let forgotten = match result {
            // A session that nobody reaches any more does not see what has come to wait meanwhile.
            Ok((Some(through), _)) if taken && context.session.is_reachable() => {
                Some(forget_archived(context, through, &order))
            }
            _ => None,
        };
        (taken, forgotten)
    };
    if let Some(forgotten) = forgotten
        && let Err(error) = count_anew(context, forgotten).await
    {
        tracing::error!(%error, "messages that were handed over could not be marked so");
    }
    taken
}

/// The client has these messages, which have waited and are in no archive.
pub(crate) fn arrived(chat: &Chat, account: &Account, messages: &[ArchiveId]) {
    let mut batch = Batch::new();
    batch.offline_remove(account.id(), messages);
    // Submitted before they are forgotten: whoever hands over afterwards reads what is left.
    let mut order = account.waiting_order();
    // Should it fail, they are handed over once more: better than never.
    drop(chat.store().submit(batch).ticket);
    order.arrived(account, messages);
}

/// Gathers what is to be handed over; gives up to where, and whether there is more. What is in the archive and not gathered is for clients that
/// read the archive. `there` is in no archive and with the client by a copy already.
async fn collect(
    context: &SessionContext,
    parcels: &mut Vec<Parcel>,
    there: &mut Vec<ArchiveId>,
) -> Result<(Option<ArchiveId>, bool), StoreError> {
    let (store, account, session) = (context.chat.store(), &context.account, &context.session);
    let on_their_way = account.waiting_order().on_their_way().clone();
    // A message that found nobody here was submitted before this, as was the end of those that have arrived; tickets
    // come in order.
    let mut nothing = Batch::new();
    nothing.offline_clear(account.id(), ArchiveId::FIRST);
    store.submit(nothing).ticket.await?;
    let limits = context.chat.config().limits.clone();
    let domain = context.chat.domain();
    let mut room = limits.mailbox_bytes / MAILBOX_SHARE;
    let most = (limits.mailbox_stanzas / MAILBOX_SHARE).max(1);
    let mut through = None;
    loop {
        let items = store.offline(account.id(), through, AT_ONCE).await?;
        let last_page = items.len() < AT_ONCE;
        for mut item in items {
            item.stanza = omemo::kept(&context.chat, account, &item.stanza);
            let id = item.id;
            let hidden = item.flags.hidden;
            // XEP-0386 §4: a client may read the archive itself. What is in no archive it gets.
            let wanted = if hidden {
                !on_their_way.contains(&id)
            } else {
                !session.reads_archive()
            };
            let kept = if hidden {
                Kept::Waiting
            } else {
                Kept::Archived
            };
            let by_copy = match wanted {
                true => session.copies().rely(id, kept),
                false => ByCopy::Nothing,
            };
            if hidden && by_copy == ByCopy::Coming {
                account.waiting_order().on_their_way().insert(id);
            } else if hidden && by_copy == ByCopy::Arrived {
                there.push(id);
            }
            if wanted && by_copy == ByCopy::Nothing {
                let parcel = to_parcel(item, account.jid().as_str(), &domain);
                let size = parcel.bytes();
                if parcels.len() >= most || (size > room && !parcels.is_empty()) {
                    return Ok((through, true));
                }
                // What another session has left here before is not told again, nor what it got when it was here before.
                if hidden || (!had_it(session, id, &parcel) && session.take_returned(id)) {
                    room = room.saturating_sub(size);
                    parcels.push(parcel);
                }
                if hidden {
                    account.waiting_order().on_their_way().insert(id);
                }
            }
            through = Some(id);
        }
        if last_page {
            return Ok((through, false));
        }
    }
}

/// Whether a session that is here again got a message of the archive when it was here before, which then came to wait
/// because another one has left it.
fn had_it(session: &SessionEntry, id: ArchiveId, parcel: &Parcel) -> bool {
    let Parcel::Stanza { stanza, .. } = parcel else {
        return false;
    };
    session.had_messages_at(id)
        && std::str::from_utf8(stanza)
            .ok()
            .and_then(|text| Stanza::parse(text).ok())
            .is_some_and(|stanza| {
                let to_account = !stanza.to().is_some_and(|to| to.contains('/'));
                let copied = !Hints::of(&stanza).no_copy && !stanza.has("private", ns::CARBONS);
                to_account || (copied && session.wants_carbons())
            })
}

/// Marks that are being removed.
struct Forgotten {
    ticket: Ticket,
    /// How often it had changed by then how many wait.
    changes: u64,
}

/// What is in the archive waits no more once it is handed over. What is in none waits until it has arrived.
///
/// It is submitted in the order in which it was handed over: should the session end at once, what it leaves is
/// marked afterwards.
fn forget_archived(context: &SessionContext, through: ArchiveId, order: &Waiting) -> Forgotten {
    let mut handed_over = Batch::new();
    handed_over.offline_clear(context.account.id(), through);
    Forgotten {
        ticket: context.chat.store().submit(handed_over).ticket,
        changes: order.changes(),
    }
}

/// The count in memory drifts when a commit fails; here it is set right.
async fn count_anew(context: &SessionContext, forgotten: Forgotten) -> Result<(), StoreError> {
    let (store, account) = (context.chat.store(), &context.account);
    forgotten.ticket.await?;
    let count = store.offline_count(account.id()).await?;
    account
        .waiting_order()
        .counted(account, count, forgotten.changes);
    Ok(())
}

fn to_parcel(item: ArchiveItem, account: &str, domain: &str) -> Parcel {
    let delayed = with_delay(&item.stanza, domain, item.timestamp);
    if item.flags.hidden {
        return Parcel::Waiting {
            stanza: delayed,
            id: item.id,
        };
    }
    Parcel::Stanza {
        stanza: with_id(&delayed, account, item.id),
        keeping: Keeping::Archive(item.id),
    }
}

/// The message with our word on when it came, unless we have said so before.
pub(crate) fn with_delay(message: &Bytes, domain: &str, stamp: Timestamp) -> Bytes {
    let said = std::str::from_utf8(message)
        .ok()
        .and_then(|text| Stanza::parse(text).ok())
        .is_some_and(|stanza| Delay::of(&stanza, domain).is_some());
    if said {
        return message.clone();
    }
    let mut delay = Writer::with_capacity(96);
    Delay {
        from: Jid::domain_only(domain).ok(),
        stamp,
    }
    .write(&mut delay);
    with_child(message, &delay.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_on_a_delay_counts() {
        let message = Bytes::from_static(b"<message><body>Hi</body></message>");
        let first = with_delay(
            &message,
            "capulet.com",
            Timestamp::from_seconds(1_000_000_000),
        );
        let text = std::str::from_utf8(&first).expect("UTF-8");
        assert!(text.contains(
            "<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2001-09-09T01:46:40Z'/>"
        ));
        assert_eq!(
            with_delay(&first, "capulet.com", Timestamp::from_seconds(2)),
            first
        );
    }
}
