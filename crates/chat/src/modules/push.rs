//! XEP-0357: Push Notifications

use std::sync::Arc;

use store::{Batch, PushRegistration, PushTarget};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::push::{PushRequest, withdrawn_node};

use super::{
    Feature, IqContext, IqHandler, MessageContext, Module, Reply, Run, Seat, Target, Verdict,
    store_failed,
};
use crate::Work;

/// The declaration. When somebody is told, and what, is in `push.rs` beside the modules.
pub(super) static MODULE: Module = Module {
    name: "push",
    specification: "XEP-0357",
    title: "Push Notifications",
    version: "0.4.1",
    features: &[Feature {
        var: ns::PUSH,
        seat: Seat::Account,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "enable",
            namespace: ns::PUSH,
            run: Run::Client(request),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "disable",
            namespace: ns::PUSH,
            run: Run::Client(request),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "",
            namespace: ns::PUSH,
            run: Run::Client(forbidden),
        },
    ],
    message: Some(message),
    ..Module::NONE
};

/// Longest options that are sent along, in bytes.
const LONGEST_OPTIONS: usize = 4096;

fn request(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let request = PushRequest::read(context.payload().root())?;
        match request {
            PushRequest::Enable {
                service,
                node,
                options,
            } => {
                if options
                    .as_ref()
                    .is_some_and(|options| options.len() > LONGEST_OPTIONS)
                {
                    return Err(StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
                        "The publish options may have {LONGEST_OPTIONS} bytes. Nothing was changed."
                    )));
                }
                let target = PushTarget::Service {
                    jid: service.as_str().into(),
                    node: node.into(),
                };
                let options = options.map(|options| options.into_bytes().into());
                enable(&context, target, options).await?;
            }
            PushRequest::Disable { service, node } => {
                disable(&context, |target| {
                    matches!(target, PushTarget::Service { jid, node: known }
                        if **jid == *service.as_str()
                            && node.as_ref().is_none_or(|node| **node == **known))
                })
                .await?;
            }
        }
        Ok(Reply::empty())
    })
}

/// Keeps a registration of the asking client (§5).
pub(super) async fn enable(
    context: &IqContext,
    target: PushTarget,
    options: Option<Arc<[u8]>>,
) -> Result<(), StanzaError> {
    let config = context.chat.config();
    if !config.push.enabled {
        return Err(StanzaError::new(StanzaCondition::NotAllowed)
            .text("Push notifications are switched off on this server."));
    }
    let account = &context.account;
    let _turn = account.turn().await;
    if context.session.is_dismissed() {
        return Err(StanzaError::new(StanzaCondition::NotAuthorized)
            .text("This device has no access any more."));
    }
    let registration = PushRegistration {
        target: target.clone(),
        options,
        registered: context.now.wall,
        device: context.session.admission().device_key(),
    };
    let mut kept = account.facts().push.clone();
    kept.retain(|one| one.target != target);
    let mut batch = Batch::new();
    while kept.len() >= config.push.registrations.max(1) {
        // Devices that are long gone leave theirs behind: the oldest makes room.
        batch.push_remove(account.id(), &kept.remove(0).target);
    }
    kept.push(registration.clone());
    batch.push_set(account.id(), registration);
    let written = context.chat.store().submit(batch).ticket.await;
    written.map_err(|error| store_failed(&error))?;
    account.facts().push = kept;
    context.chat.has_push(account);
    context.session.add_push(target);
    Ok(())
}

/// Ends the registrations that are meant (§6).
pub(super) async fn disable(
    context: &IqContext,
    meant: impl Fn(&PushTarget) -> bool,
) -> Result<(), StanzaError> {
    let account = &context.account;
    let _turn = account.turn().await;
    let mut batch = Batch::new();
    for one in &account.facts().push {
        if meant(&one.target) {
            batch.push_remove(account.id(), &one.target);
        }
    }
    let written = context.chat.store().submit(batch).ticket.await;
    written.map_err(|error| store_failed(&error))?;
    account.facts().push.retain(|one| !meant(&one.target));
    Ok(())
}

/// A service withdraws (§8): no message for anybody to read.
fn message(context: &mut MessageContext<'_>) -> Verdict {
    let Some(recipient) = context.recipient else {
        return Verdict::Next;
    };
    if !context.stanza.has("pubsub", ns::PUBSUB) {
        return Verdict::Next;
    }
    let Some(node) = withdrawn_node(context.stanza, recipient.jid().as_str()) else {
        return Verdict::Next;
    };
    let target = PushTarget::Service {
        jid: context.sender.jid().as_str().into(),
        node: node.into(),
    };
    let mut facts = recipient.facts();
    let before = facts.push.len();
    facts.push.retain(|one| one.target != target);
    if facts.push.len() == before {
        return Verdict::Next;
    }
    let mut batch = Batch::new();
    batch.push_remove(recipient.id(), &target);
    // Should this be lost, the next notification meets an error.
    drop(context.chat.store().submit(batch).ticket);
    Verdict::Handled
}

fn forbidden(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("Push notifications are a matter of the account's owner only."))
    })
}
