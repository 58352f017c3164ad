//! XEP-0490: Message Displayed Synchronization: how far a conversation was displayed.

use crate::ns;
use crate::xml::{Child, Stanza};

/// The marker in a message that the server is to publish and to take out (§4.4.1). One without a
/// stanza id is none.
#[must_use]
pub fn marker(message: &Stanza) -> Option<Child<'_>> {
    let marker = message.child("displayed", ns::DISPLAYED)?;
    let tree = marker.tree();
    let mut ids = tree
        .root()
        .children()
        .filter(|child| child.is("stanza-id", ns::STANZA_ID));
    let whole = ids
        .next()
        .is_some_and(|id| id.attr("id").is_some() && id.attr("by").is_some());
    (whole && ids.next().is_none()).then_some(marker)
}

/// Whether a child is a marker, whole or not: none of them leaves the server (§6).
#[must_use]
pub fn is_marker(child: &Child<'_>) -> bool {
    child.is("displayed", ns::DISPLAYED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_marker_counts() {
        let whole = "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.lit' id='0423'/></displayed>";
        for (inner, expected) in [
            (whole, true),
            ("<displayed xmlns='urn:xmpp:mds:displayed:0'/>", false),
            (
                "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' id='0423'/></displayed>",
                false,
            ),
            ("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", false),
        ] {
            let message = format!("<message to='romeo@montague.lit'>{inner}</message>");
            let message = Stanza::parse(&message).expect("XML");
            assert_eq!(marker(&message).is_some(), expected, "{inner}");
        }
    }
}
