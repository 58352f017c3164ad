//! XEP-0280: Message Carbons

use std::sync::Arc;

use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::hints::Hints;
use xmpp::xml::Stanza;

use super::content::is_instant_messaging;
use super::{
    Feature, IqContext, IqHandler, MessageContext, MessagePlan, MessageType, Module, Reply, Run,
    Seat, Status, Target, Verdict,
};
use crate::{Account, Sender, SessionEntry, Work};

/// The declaration. `urn:xmpp:carbons:rules:0` would promise copies of errors by what they answer,
/// which nobody here remembers; so it is not announced.
pub(super) static MODULE: Module = Module {
    name: "carbons",
    specification: "XEP-0280",
    title: "Message Carbons",
    version: "1.0.1",
    status: Status::Partial(
        "Errors are copied when they hold what they answer, not by remembering what was sent.",
    ),
    features: &[Feature {
        var: ns::CARBONS,
        seat: Seat::Both,
    }],
    bind_features: &[ns::CARBONS],
    iq: &[
        IqHandler {
            targets: &[Target::Own, Target::Host],
            set: true,
            payload: "enable",
            namespace: ns::CARBONS,
            run: Run::Client(enable),
        },
        IqHandler {
            targets: &[Target::Own, Target::Host],
            set: true,
            payload: "disable",
            namespace: ns::CARBONS,
            run: Run::Client(disable),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "",
            namespace: ns::CARBONS,
            run: Run::Client(not_allowed),
        },
    ],
    message: Some(message),
    ..Module::NONE
};

/// §4, as often as the client likes (§10.1).
fn enable(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    context.session.set_carbons(true);
    Box::pin(async { Ok(Reply::empty()) })
}

/// §5.
fn disable(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    context.session.set_carbons(false);
    Box::pin(async { Ok(Reply::empty()) })
}

/// §4.1 and §5.1: for oneself only.
fn not_allowed(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(
            StanzaError::new(xmpp::condition::StanzaCondition::NotAllowed)
                .text("Copies can be switched on and off for one's own sessions only."),
        )
    })
}

/// Who else gets the message: every other session that wants copies and did not send or get it.
fn message(context: &mut MessageContext<'_>) -> Verdict {
    let (stanza, kind) = (context.stanza, context.kind);
    let recipient = context.recipient.map(AsRef::as_ref);
    add_copies(stanza, kind, context.sender, recipient, context.plan);
    Verdict::Next
}

/// Adds those to a plan who want copies and are not in it. Once it is kept, this finds those who have come since it was made.
pub(crate) fn add_copies(
    stanza: &Stanza,
    kind: MessageType,
    sender: &Sender,
    recipient: Option<&Account>,
    plan: &mut MessagePlan,
) {
    let has = |list: &[Arc<SessionEntry>], session: &Arc<SessionEntry>| {
        list.iter().any(|other| Arc::ptr_eq(other, session))
    };
    let mut eligible = None;
    let mut is_eligible = || *eligible.get_or_insert_with(|| is_eligible(stanza, kind));
    let mut add = |session: &Arc<SessionEntry>, sent: bool, plan: &mut MessagePlan| {
        if session.wants_carbons()
            && !sender.is_session(session)
            && !has(&plan.deliver, session)
            && !has(&plan.sent_copies, session)
            && !has(&plan.received_copies, session)
            && is_eligible()
        {
            let copies = if sent {
                &mut plan.sent_copies
            } else {
                &mut plan.received_copies
            };
            copies.push(Arc::clone(session));
        }
    };
    if let Some(account) = sender.account() {
        account.each_session(|session| add(session, true, plan));
    }
    if let Some(recipient) = recipient
        && !is_private_room_message(stanza)
    {
        recipient.each_session(|session| add(session, false, plan));
    }
}

/// §6.1.
fn is_eligible(message: &Stanza, kind: MessageType) -> bool {
    if message.has("private", ns::CARBONS) || Hints::of(message).no_copy {
        return false;
    }
    match kind {
        MessageType::GroupChat => false,
        MessageType::Chat => true,
        MessageType::Headline => is_instant_messaging(message),
        MessageType::Normal | MessageType::Error => {
            message.has("body", ns::CLIENT)
                || is_instant_messaging(message)
                || is_invitation(message)
        }
    }
}

/// A direct invitation (XEP-0249) or one by way of a room (XEP-0045 §7.8.2).
fn is_invitation(message: &Stanza) -> bool {
    message.has("x", ns::CONFERENCE) || is_mediated_invitation(message)
}

fn is_mediated_invitation(message: &Stanza) -> bool {
    message
        .child("x", ns::MUC_USER)
        .is_some_and(|child| child.tree().root().child("invite", ns::MUC_USER).is_some())
}

/// §6.1: the room has sent its own copy to every session that is in it.
fn is_private_room_message(message: &Stanza) -> bool {
    message.has("x", ns::MUC_USER) && !is_mediated_invitation(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eligible(text: &str) -> bool {
        let message = Stanza::parse(text).expect("a message");
        is_eligible(&message, MessageType::of(&message))
    }

    #[test]
    fn what_is_copied() {
        for text in [
            "<message type='chat'/>",
            "<message><body>Hi</body></message>",
            "<message><received xmlns='urn:xmpp:receipts' id='a'/></message>",
            "<message><displayed xmlns='urn:xmpp:chat-markers:0' id='a'/></message>",
            "<message><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
            "<message><x xmlns='jabber:x:conference' jid='a@b'/></message>",
            "<message><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x></message>",
            "<message type='error'><body>Hi</body><error type='cancel'/></message>",
        ] {
            assert!(eligible(text), "{text}");
        }
        for text in [
            "<message/>",
            "<message type='headline'><body>Hi</body></message>",
            "<message type='groupchat'><body>Hi</body></message>",
            "<message type='chat'><body>Hi</body><private xmlns='urn:xmpp:carbons:2'/></message>",
            "<message type='chat'><body>Hi</body><no-copy xmlns='urn:xmpp:hints'/></message>",
            "<message type='error'><error type='cancel'/></message>",
        ] {
            assert!(!eligible(text), "{text}");
        }
    }
}
