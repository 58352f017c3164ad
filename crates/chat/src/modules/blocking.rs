//! XEP-0191: Blocking Command

mod visibility;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Jid;
use store::Batch;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::blocking::{BlockingCommand, blocked_by_sender, blocklist};
use xmpp::{iq, ns};

use super::{
    Feature, IqContext, IqHandler, MessageContext, Module, Reply, Run, Seat, Target, Verdict,
    store_failed,
};
use crate::delivery::Delivery;
use crate::{Account, Sender, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "blocking",
    specification: "XEP-0191",
    title: "Blocking Command",
    version: "1.3",
    features: &[Feature {
        var: ns::BLOCKING,
        seat: Seat::Both,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "blocklist",
            namespace: ns::BLOCKING,
            run: Run::Client(list),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "block",
            namespace: ns::BLOCKING,
            run: Run::Client(change),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "unblock",
            namespace: ns::BLOCKING,
            run: Run::Client(change),
        },
    ],
    message: Some(message),
    ..Module::NONE
};

/// True when `account` has blocked `address`: exactly, by its bare address, or by its domain (§5).
/// Nobody can block an own session (§4).
pub(crate) fn blocks(account: &Account, address: &Jid) -> bool {
    let facts = account.facts();
    if facts.blocklist.is_empty() || address.bare_str() == account.jid().as_str() {
        return false;
    }
    let has = |text: &str| {
        facts
            .blocklist
            .binary_search_by(|blocked| (**blocked).cmp(text))
            .is_ok()
    };
    has(address.as_str()) || has(address.bare_str()) || has(address.domain())
}

/// Why a stanza does not go from `sender` to `to` (§3.3).
pub(crate) fn barred(
    sender: &Sender,
    to: &Jid,
    recipient: Option<&Account>,
) -> Option<StanzaError> {
    if sender.account().is_some_and(|account| blocks(account, to)) {
        return Some(blocked_by_sender());
    }
    // The account looks as if nobody were there.
    let barred = recipient.is_some_and(|recipient| blocks(recipient, sender.jid()));
    barred.then(|| StanzaError::new(StanzaCondition::ServiceUnavailable))
}

fn message(context: &mut MessageContext<'_>) -> Verdict {
    let recipient = context.recipient.map(Arc::as_ref);
    match barred(context.sender, context.to, recipient) {
        Some(error) => Verdict::Reject(error),
        None => Verdict::Next,
    }
}

/// §3.2. From then on the session hears of changes.
fn list(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        // Changes under way come as pushes after the list.
        let _turn = context.account.turn().await;
        context.session.set_wants_blocking();
        let facts = context.account.facts();
        Ok(Reply::payload(blocklist(
            facts.blocklist.iter().map(|address| &**address),
        )))
    })
}

/// §3.3 to §3.5.
fn change(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let command = BlockingCommand::read(payload.root())?;
        drop(payload);
        let account = &context.account;
        let _turn = account.turn().await;
        let before = account.facts().blocklist.clone();
        let after = edited(&before, &command);
        let most = context.chat.config().limits.blocked_addresses;
        if after.len() > most && after.len() > before.len() {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                .text(format!("{most} addresses can be blocked; block a whole domain instead. Nothing was changed.")));
        }
        let batch = writes(account, &command);
        let kept = context.chat.store().submit(batch).ticket.await;
        kept.map_err(|error| store_failed(&error))?;
        let changed = |from: &[Arc<str>], to: &[Arc<str>]| -> Vec<Jid> {
            let new = from
                .iter()
                .filter(|address| to.binary_search(address).is_err());
            new.filter_map(|address| Jid::parse(address).ok()).collect()
        };
        let (added, removed) = (changed(&after, &before), changed(&before, &after));
        // Those who are blocked now see the account go, while it may still speak to them.
        visibility::hide(&context.chat, account, &added, || {
            account.facts().blocklist = after
        });
        visibility::show(&context.chat, account, &removed);
        Ok(Reply::empty().then(pushes(account, &command)))
    })
}

/// The list after a command.
fn edited(list: &[Arc<str>], command: &BlockingCommand) -> Vec<Arc<str>> {
    let mut list = list.to_vec();
    match command {
        BlockingCommand::Block(addresses) => {
            list.extend(addresses.iter().map(|address| Arc::from(address.as_str())));
            list.sort_unstable();
            list.dedup();
        }
        BlockingCommand::Unblock(addresses) => {
            list.retain(|blocked| {
                addresses
                    .iter()
                    .all(|address| address.as_str() != &**blocked)
            });
        }
        BlockingCommand::UnblockAll => list.clear(),
    }
    list
}

fn writes(account: &Account, command: &BlockingCommand) -> Batch {
    let mut batch = Batch::new();
    match command {
        BlockingCommand::Block(addresses) => {
            addresses
                .iter()
                .for_each(|address| batch.block(account.id(), address.as_str()));
        }
        BlockingCommand::Unblock(addresses) => {
            addresses
                .iter()
                .for_each(|address| batch.unblock(account.id(), address.as_str()));
        }
        BlockingCommand::UnblockAll => batch.unblock_all(account.id()),
    }
    batch
}

/// The command as those sessions hear of it that have asked for the list.
fn pushes(account: &Account, command: &BlockingCommand) -> Vec<Delivery> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let payload = command.to_xml();
    let mut pushes = Vec::new();
    account.each_session(|session| {
        if session.wants_blocking() {
            let id = format!("blocking-{}", COUNT.fetch_add(1, Ordering::Relaxed));
            let push = iq::set(
                &id,
                Some(account.jid().as_str()),
                Some(session.jid().as_str()),
                &payload,
            );
            pushes.push(Delivery::new(session, push));
        }
    });
    pushes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Jid> {
        texts
            .iter()
            .map(|text| Jid::parse(text).expect("an address"))
            .collect()
    }

    #[test]
    fn lists_stay_sorted_and_without_doubles() {
        let list = edited(
            &[],
            &BlockingCommand::Block(addresses(&["b@x", "a@x", "b@x", "x"])),
        );
        assert_eq!(list, ["a@x".into(), "b@x".into(), Arc::<str>::from("x")]);
        let list = edited(&list, &BlockingCommand::Unblock(addresses(&["b@x", "c@x"])));
        assert_eq!(list, ["a@x".into(), Arc::<str>::from("x")]);
        assert!(edited(&list, &BlockingCommand::UnblockAll).is_empty());
    }
}
