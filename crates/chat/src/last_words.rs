//! What a logged-in client is told beside the condition that ends its stream.

use xmpp::condition::StreamCondition;

/// What happened, and what to do; `None` where the condition says all there is to say.
pub(crate) fn last_words(condition: StreamCondition) -> Option<&'static str> {
    Some(match condition {
        StreamCondition::Conflict => {
            "Another client has logged in with the same resource; this stream makes room for it."
        }
        StreamCondition::InternalServerError => {
            "The server met a fault of its own; please come back, and tell its administrator if it happens again."
        }
        StreamCondition::InvalidFrom => {
            "The 'from' of a stanza is your own address or is left out; please send nobody else's."
        }
        StreamCondition::InvalidNamespace => {
            "Stanzas of a client are in the namespace jabber:client; please declare no other one for them."
        }
        StreamCondition::NotAuthorized => {
            "This account was disabled, removed, or given another password; please ask your administrator."
        }
        StreamCondition::PolicyViolation => {
            "This is not allowed within a stream; please open a new connection."
        }
        StreamCondition::ResourceConstraint => {
            "More waits for you than can be held, since you do not read or acknowledge it; please come back: \
             messages are kept."
        }
        StreamCondition::SystemShutdown => {
            "The server stops; please come back in a moment. Messages are kept."
        }
        StreamCondition::UnsupportedStanzaType => {
            "This server knows no such element; a stream carries message, presence and iq."
        }
        _ => return None,
    })
}
