//! XEP-0012: Last Activity

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xml::{Stanza, Writer};

use super::presence::is_visible_to;
use super::{Feature, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Target};
use crate::{Account, Sender, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "last",
    specification: "XEP-0012",
    title: "Last Activity",
    version: "2.0",
    features: &[Feature {
        var: ns::LAST_ACTIVITY,
        seat: Seat::Both,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Host],
            set: false,
            payload: "query",
            namespace: ns::LAST_ACTIVITY,
            run: Run::Anyone(uptime),
        },
        IqHandler {
            targets: &[Target::Own, Target::Other],
            set: false,
            payload: "query",
            namespace: ns::LAST_ACTIVITY,
            run: Run::Anyone(account),
        },
    ],
    ..Module::NONE
};

fn uptime(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let up = context.now.moment.since(context.chat.started().moment);
        Ok(Reply::payload(query(up.as_secs(), None)))
    })
}

fn account(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let target = context
            .target_account
            .as_deref()
            .filter(|target| may_ask(target, &context.sender));
        let Some(target) = target else {
            return Err(forbidden());
        };
        if target.is_connected() {
            return Ok(Reply::payload(query(0, None)));
        }
        let (since, status) = {
            let facts = target.facts();
            match &facts.activity {
                Some(activity) => (activity.at, activity.status.clone()),
                None => (facts.account.created, None),
            }
        };
        let seconds = context.now.wall.since(since).as_secs();
        Ok(Reply::payload(query(seconds, status.as_deref())))
    })
}

/// Whether `sender` may know when `target` was there: who sees its presence may (§7).
fn may_ask(target: &Account, sender: &Sender) -> bool {
    sender.is_of(target) || is_visible_to(target, sender)
}

fn forbidden() -> StanzaError {
    StanzaError::new(StanzaCondition::Forbidden)
        .text("Only those who see this contact's presence may ask.")
}

fn query(seconds: u64, status: Option<&str>) -> String {
    let mut out = Writer::new();
    out.start("query")
        .xmlns(ns::LAST_ACTIVITY)
        .attr("seconds", seconds.to_string())
        .text(status.unwrap_or_default())
        .end();
    out.finish()
}

/// A request to another's session that the server must not pass on (§4); the error that answers
/// it instead.
pub(crate) fn refuses(stanza: &Stanza, target: &Account, sender: &Sender) -> Option<StanzaError> {
    let asks = stanza.type_().as_deref() == Some("get") && stanza.has("query", ns::LAST_ACTIVITY);
    (asks && !may_ask(target, sender)).then(forbidden)
}
