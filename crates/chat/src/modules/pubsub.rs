//! XEP-0060: Publish-Subscribe
//!
//! Every account is a service with nodes of its own (XEP-0163). Who is not entitled to a node gets
//! the answer of a node that is not there, of an account that is not there: XEP-0060 names other
//! conditions, which would tell what is there, and leaves the last word to local privacy policy
//! (§6.5.1).

mod access;
mod arrival;
mod configure;
mod discovery;
mod items;
mod lists;
mod newest;
mod notify;
mod publish;
mod retract;
mod subscribe;
mod visit;
mod well_known;

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::pubsub::{self, OwnerRequest, Request};

pub use arrival::{ArrivingNodes, LeftOut};
pub(crate) use discovery::{node_info, node_items, visible_nodes};
pub(crate) use newest::{introduce, introduce_elsewhere, send_newest, send_newest_elsewhere};
pub(crate) use notify::tell_own;
pub(crate) use publish::Publication;
pub(crate) use subscribe::decided;
pub(crate) use visit::Visit;

use super::{Feature, IqHandler, Module, OpenIqContext, Reply, Run, Seat, Target};
use crate::Work;

/// A feature of this name, shown at accounts.
macro_rules! feature {
    ($name:literal) => {
        Feature {
            var: concat!("http://jabber.org/protocol/pubsub#", $name),
            seat: Seat::Account,
        }
    };
}

const BOTH: &[Target] = &[Target::Own, Target::Other];

const fn handler(
    set: bool,
    namespace: &'static str,
    run: fn(OpenIqContext) -> Work<Result<Reply, StanzaError>>,
) -> IqHandler {
    IqHandler {
        targets: BOTH,
        set,
        payload: "pubsub",
        namespace,
        run: Run::Anyone(run),
    }
}

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "pubsub",
    specification: "XEP-0060",
    title: "Publish-Subscribe",
    version: "1.30.0",
    status: super::Status::Partial(
        "At accounts. Options of subscriptions, leases and several subscriptions of one address are not there.",
    ),
    features: &[
        Feature {
            var: ns::PUBSUB,
            seat: Seat::Account,
        },
        feature!("access-authorize"),
        feature!("access-open"),
        feature!("access-presence"),
        feature!("access-roster"),
        feature!("access-whitelist"),
        feature!("auto-create"),
        feature!("auto-subscribe"),
        feature!("config-node"),
        feature!("config-node-max"),
        feature!("create-and-configure"),
        feature!("create-nodes"),
        feature!("delete-items"),
        feature!("delete-nodes"),
        feature!("filtered-notifications"),
        feature!("instant-nodes"),
        feature!("item-ids"),
        feature!("last-published"),
        feature!("manage-subscriptions"),
        feature!("member-affiliation"),
        feature!("meta-data"),
        feature!("modify-affiliations"),
        feature!("multi-items"),
        feature!("outcast-affiliation"),
        feature!("persistent-items"),
        feature!("presence-notifications"),
        feature!("presence-subscribe"),
        feature!("publish"),
        feature!("publish-node-full"),
        feature!("publish-only-affiliation"),
        feature!("publish-options"),
        feature!("publisher-affiliation"),
        feature!("purge-nodes"),
        feature!("retract-items"),
        feature!("retrieve-affiliations"),
        feature!("retrieve-default"),
        feature!("retrieve-items"),
        feature!("retrieve-subscriptions"),
        feature!("rsm"),
        feature!("subscribe"),
        feature!("subscription-notifications"),
    ],
    iq: &[
        handler(false, ns::PUBSUB, get),
        handler(true, ns::PUBSUB, set),
        handler(false, ns::PUBSUB_OWNER, get_as_owner),
        handler(true, ns::PUBSUB_OWNER, set_as_owner),
    ],
    ..Module::NONE
};

fn get(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(answer(context, false))
}

fn set(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(answer(context, true))
}

fn get_as_owner(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(answer_owner(context, false))
}

fn set_as_owner(context: OpenIqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(answer_owner(context, true))
}

async fn answer(context: OpenIqContext, set: bool) -> Result<Reply, StanzaError> {
    let payload = context.payload();
    let request = Request::read(payload.root(), set)?;
    let Some(visit) = Visit::of(&context) else {
        return Err(nobody(&request));
    };
    match request {
        Request::Create { node, configure } => {
            configure::create(&visit, node, configure.as_ref()).await
        }
        Request::Publish {
            node,
            items,
            options,
        } => publish::request(&visit, node, &items, options.as_ref()).await,
        Request::Retract {
            node,
            items,
            notify,
        } => retract::request(&visit, node, &items, notify).await,
        Request::Items {
            node,
            ids,
            max_items,
            page,
        } => items::request(&visit, node, &ids, max_items, page).await,
        Request::Subscribe { node, jid, options } => {
            subscribe::subscribe(&visit, node, jid, options).await
        }
        Request::Unsubscribe { node, jid, subid } => {
            subscribe::unsubscribe(&visit, node, jid, subid).await
        }
        Request::Subscriptions { node } => lists::subscriptions(&visit, node).await,
        Request::Affiliations { node } => lists::affiliations(&visit, node).await,
        Request::Options => Err(pubsub::unsupported("subscription-options")),
        Request::SubscriptionDefault => Err(pubsub::unsupported("retrieve-default-sub")),
    }
}

/// The answer on behalf of an account that is not there: the same as of one that shows nothing.
fn nobody(request: &Request<'_>) -> StanzaError {
    match request {
        Request::Create { .. } => access::not_yours(),
        Request::Options => pubsub::unsupported("subscription-options"),
        Request::SubscriptionDefault => pubsub::unsupported("retrieve-default-sub"),
        _ => access::hidden(),
    }
}

async fn answer_owner(context: OpenIqContext, set: bool) -> Result<Reply, StanzaError> {
    let payload = context.payload();
    let request = OwnerRequest::read(payload.root(), set)?;
    let Some(visit) = Visit::of(&context) else {
        return Err(match request {
            OwnerRequest::Default => access::not_yours(),
            _ => access::hidden(),
        });
    };
    match request {
        OwnerRequest::Configuration { node } => configure::show(&visit, node).await,
        OwnerRequest::Configure { node, form } => {
            configure::change(&visit, node, form.as_ref()).await
        }
        OwnerRequest::Default => configure::default(&visit),
        OwnerRequest::Delete { node, redirect } => retract::delete(&visit, node, redirect).await,
        OwnerRequest::Purge { node } => retract::purge(&visit, node).await,
        OwnerRequest::Subscriptions { node } => lists::all_subscriptions(&visit, node).await,
        OwnerRequest::SetSubscriptions { node, changes } => {
            lists::set_subscriptions(&visit, node, &changes).await
        }
        OwnerRequest::Affiliations { node } => lists::all_affiliations(&visit, node).await,
        OwnerRequest::SetAffiliations { node, changes } => {
            lists::set_affiliations(&visit, node, &changes).await
        }
    }
}

/// A name or id that is too long to be kept (RFC 7622 bounds addresses, which are often ids).
fn check_length(text: &str) -> Result<(), StanzaError> {
    const MOST_BYTES: usize = 3_071;
    if text.len() > MOST_BYTES {
        return Err(
            StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
                "Names of nodes and ids of items have {MOST_BYTES} bytes at the most."
            )),
        );
    }
    Ok(())
}
