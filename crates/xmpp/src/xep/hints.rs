//! XEP-0334: Message Processing Hints.

use crate::ns;
use crate::xml::Stanza;

/// What the sender would like to be done with a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// `<no-permanent-store/>` (§4.1): in no archive; it may wait for the recipient.
    pub no_permanent_store: bool,
    /// `<no-store/>` (§4.2): kept nowhere, not even until the recipient is there.
    pub no_store: bool,
    /// `<no-copy/>` (§4.3): only for the address it was sent to.
    pub no_copy: bool,
    /// `<store/>` (§4.4): worth keeping, whatever is in it.
    pub store: bool,
}

impl Hints {
    /// The hints in a message. There are none in an error, which may carry those of the message it
    /// answers (§5).
    pub fn of(message: &Stanza) -> Self {
        let mut hints = Self::default();
        for child in message
            .children()
            .filter(|child| child.namespace() == ns::HINTS)
        {
            match child.name() {
                "no-permanent-store" => hints.no_permanent_store = true,
                "no-store" => hints.no_store = true,
                "no-copy" => hints.no_copy = true,
                "store" => hints.store = true,
                _ => {}
            }
        }
        if hints != Self::default() && message.type_().as_deref() == Some("error") {
            return Self::default();
        }
        hints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_of_an_error_are_not_meant() {
        let of = |text: &str| Hints::of(&Stanza::parse(text).expect("a message"));
        let inner = "<no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/>";
        let hints = of(&format!("<message>{inner}</message>"));
        assert!(hints.no_store && hints.no_copy && !hints.store);
        assert_eq!(
            of(&format!("<message type='error'>{inner}</message>")),
            Hints::default()
        );
        assert_eq!(of("<message><store/></message>"), Hints::default());
    }
}
