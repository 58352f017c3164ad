//! XEP-0313: Message Archive Management

pub(crate) mod query;

use store::ArchiveBounds;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::hints::Hints;
use xmpp::xep::message_archive::{self, GROUPCHAT_FIELD};
use xmpp::xml::Writer;

use super::archive_preferences::wants;
use super::content::is_conversation;
use super::{
    Feature, IqContext, IqHandler, MessageContext, MessageType, Module, Reply, Run, Seat, Target,
    Verdict, store_failed,
};
use crate::Work;

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "message_archive",
    specification: "XEP-0313",
    title: "Message Archive Management",
    version: "1.1.3",
    features: &[
        Feature {
            var: ns::ARCHIVE,
            seat: Seat::Account,
        },
        Feature {
            var: ns::ARCHIVE_EXTENDED,
            seat: Seat::Account,
        },
        Feature {
            var: GROUPCHAT_FIELD,
            seat: Seat::Account,
        },
    ],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "query",
            namespace: ns::ARCHIVE,
            run: Run::Client(query::run),
        },
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "query",
            namespace: ns::ARCHIVE,
            run: Run::Client(form),
        },
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "metadata",
            namespace: ns::ARCHIVE,
            run: Run::Client(metadata),
        },
        IqHandler {
            targets: &[Target::Other],
            set: true,
            payload: "",
            namespace: ns::ARCHIVE,
            run: Run::Client(forbidden),
        },
        IqHandler {
            targets: &[Target::Other],
            set: false,
            payload: "",
            namespace: ns::ARCHIVE,
            run: Run::Client(forbidden),
        },
    ],
    message: Some(message),
    ..Module::NONE
};

/// Which messages are kept, and in whose archive (§6.1.1).
fn message(context: &mut MessageContext<'_>) -> Verdict {
    if !matches!(context.kind, MessageType::Chat | MessageType::Normal) {
        return Verdict::Next;
    }
    if !is_conversation(context.stanza) && !Hints::of(context.stanza).store {
        return Verdict::Next;
    }
    let by_default = context.chat.config().archive;
    context.plan.keep_for_sender = context
        .sender
        .account()
        .is_some_and(|account| wants(&account.facts(), context.to, by_default));
    context.plan.keep_for_recipient = context
        .recipient
        .is_some_and(|recipient| wants(&recipient.facts(), context.sender.jid(), by_default));
    Verdict::Next
}

/// §4.1.5.
fn form(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async { Ok(Reply::payload(message_archive::form())) })
}

/// §5.
fn metadata(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let bounds = context
            .chat
            .store()
            .archive_bounds(context.account.id())
            .await;
        let bounds = bounds.map_err(|error| store_failed(&error))?;
        let mut out = Writer::with_capacity(192);
        archive_metadata(&mut out, bounds);
        Ok(Reply::payload(out.finish()))
    })
}

/// §8.1.
fn forbidden(_context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async {
        Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("An archive can be read by its owner only."))
    })
}

/// `<metadata/>`: where the archive begins and ends (§5).
pub(crate) fn archive_metadata(out: &mut Writer, bounds: Option<ArchiveBounds>) {
    out.start("metadata").xmlns(ns::ARCHIVE);
    if let Some(ArchiveBounds { first, last }) = bounds {
        for (name, id) in [("start", first), ("end", last)] {
            out.start(name)
                .attr("id", id.to_string())
                .attr("timestamp", id.timestamp().to_string())
                .end();
        }
    }
    out.end();
}
