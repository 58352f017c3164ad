//! XEP-0280: Message Carbons.

use bytes::Bytes;

use crate::ns;
use crate::xep::forwarding::{self, Forwarded};
use crate::xml::{Stanza, Writer};

/// Which way the copied message went, seen from the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Another session of the account has sent it (§8).
    Sent,
    /// Another session of the account has received it (§7).
    Received,
}

impl Direction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

/// A copy of a message, for the session `to` of the account with the bare address `account`.
/// `kind` is the type of the message (§7), `None` for a normal one; `message` is its text on a
/// client stream.
pub fn wrap(
    direction: Direction,
    account: &str,
    to: &str,
    kind: Option<&str>,
    message: &[u8],
) -> Bytes {
    let mut head = Writer::with_capacity(message.len() + account.len() + to.len() + 224);
    head.start("message")
        .attr("from", account)
        .attr("to", to)
        .attr_opt("type", kind);
    head.start(direction.as_str())
        .xmlns(ns::CARBONS)
        .start("forwarded")
        .xmlns(ns::FORWARD);
    let mut out = head.finish_open().into_bytes();
    forwarding::push_message(&mut out, message);
    out.extend_from_slice(b"</forwarded></");
    out.extend_from_slice(direction.as_str().as_bytes());
    out.extend_from_slice(b"></message>");
    out.into()
}

/// The copy in a message. Only believe one that comes from the own bare address (§11).
pub fn unwrap(message: &Stanza) -> Option<(Direction, Forwarded)> {
    [Direction::Sent, Direction::Received]
        .into_iter()
        .find_map(|direction| {
            let tree = message.child(direction.as_str(), ns::CARBONS)?.tree();
            let forwarded = tree.root().child("forwarded", ns::FORWARD)?;
            Some((direction, Forwarded::read(forwarded)?))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_and_what_is_in_it() {
        let message = b"<message from='juliet@capulet.example/balcony' type='chat'><body>What man art thou</body></message>";
        let copy = wrap(
            Direction::Received,
            "romeo@montague.example",
            "romeo@montague.example/home",
            Some("chat"),
            message,
        );
        let copy = Stanza::parse(std::str::from_utf8(&copy).expect("UTF-8")).expect("a message");
        assert_eq!(copy.type_().as_deref(), Some("chat"));
        let (direction, forwarded) = unwrap(&copy).expect("a copy");
        assert_eq!(direction, Direction::Received);
        assert_eq!(
            forwarded.stanza.from().as_deref(),
            Some("juliet@capulet.example/balcony")
        );
    }
}
