//! XEP-0334: Message Processing Hints

use xmpp::xep::hints::Hints;

use super::{MessageContext, Module, Verdict};

/// The declaration. What the hints do is in the modules that keep and copy; here stands what they
/// leave when nothing is kept.
pub(super) static MODULE: Module = Module {
    name: "hints",
    specification: "XEP-0334",
    title: "Message Processing Hints",
    version: "1.0.0",
    message: Some(message),
    ..Module::NONE
};

/// A message that wants to be kept nowhere is not kept, whatever others have said before.
fn message(context: &mut MessageContext<'_>) -> Verdict {
    let Hints {
        no_store,
        no_permanent_store,
        ..
    } = Hints::of(context.stanza);
    if no_store || no_permanent_store {
        context.plan.keep_for_sender = false;
        context.plan.keep_for_recipient = false;
    }
    if no_store {
        context.plan.wait = false;
    }
    Verdict::Next
}
