//! XEP-0313: Message Archive Management

use store::ArchiveBounds;
use xmpp::ns;
use xmpp::xml::Writer;

use super::{Feature, MessageContext, MessageType, Module, Seat, Verdict};

/// The declaration.
pub static MODULE: Module = Module {
    name: "message_archive",
    specification: "XEP-0313",
    title: "Message Archive Management",
    version: "1.1.3",
    features: &[Feature {
        var: ns::ARCHIVE,
        seat: Seat::Account,
    }],
    message: Some(message),
    ..Module::NONE
};

fn message(context: &mut MessageContext<'_>) -> Verdict {
    if matches!(context.kind, MessageType::Chat | MessageType::Normal)
        && context.chat.config().archive
    {
        context.plan.keep_for_sender = true;
        context.plan.keep_for_recipient = true;
    }
    Verdict::Next
}

/// `<metadata/>`: where the archive begins and ends (XEP-0313 §5.1).
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
