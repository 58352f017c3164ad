//! XEP-0153: vCard-Based Avatars: the hash in presence, as a server writes it (XEP-0398 §4).

use crate::ns;
use crate::xml::{Child, Stanza, Writer};

/// What a presence says of the sender's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Photo {
    /// Nothing, or that the client is not ready to say (an empty `<x/>`).
    Unsaid,
    /// That there is none.
    None,
    /// Its hash.
    Hash(String),
}

impl Photo {
    /// Reads it from a presence.
    #[must_use]
    pub fn of(presence: &Stanza) -> Self {
        let Some(update) = presence.child("x", ns::VCARD_UPDATE) else {
            return Self::Unsaid;
        };
        let tree = update.tree();
        match tree.root().child("photo", ns::VCARD_UPDATE) {
            None => Self::Unsaid,
            Some(photo) => match photo.text().trim() {
                "" => Self::None,
                hash => Self::Hash(hash.to_ascii_lowercase()),
            },
        }
    }
}

/// The hash that is to be written into a presence in place of what it says; `None` when it is to
/// stay as it is. `own` is the hash of the picture that the account shows.
#[must_use]
pub fn injected<'a>(presence: &Stanza, own: Option<&'a str>) -> Option<&'a str> {
    let own = own?;
    match Photo::of(presence) {
        Photo::Unsaid => Some(own),
        Photo::None => None,
        Photo::Hash(said) => (said != own).then_some(own),
    }
}

/// Whether a child is one of these.
#[must_use]
pub fn is_update(child: &Child<'_>) -> bool {
    child.is("x", ns::VCARD_UPDATE)
}

/// The `<x/>` with this hash, or the one that says that there is no picture.
#[must_use]
pub fn update(hash: Option<&str>) -> String {
    let mut out = Writer::with_capacity(112);
    out.start("x").xmlns(ns::VCARD_UPDATE).start("photo");
    if let Some(hash) = hash {
        out.text(hash);
    }
    out.end().end();
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// XEP-0398 §4.
    #[test]
    fn the_hash_is_written_where_the_client_did_not_say_otherwise() {
        let own = "a9993e364706816aba3e25717850c26c9cd0d89d";
        for (said, expected) in [
            ("", Some(own)),
            ("<x xmlns='vcard-temp:x:update'/>", Some(own)),
            ("<x xmlns='vcard-temp:x:update'><photo/></x>", None),
            (
                "<x xmlns='vcard-temp:x:update'><photo>00</photo></x>",
                Some(own),
            ),
            (
                "<x xmlns='vcard-temp:x:update'><photo>A9993E364706816ABA3E25717850C26C9CD0D89D</photo></x>",
                None,
            ),
        ] {
            let presence = format!("<presence>{said}</presence>");
            let presence = Stanza::parse(&presence).expect("XML");
            assert_eq!(injected(&presence, Some(own)), expected, "{said}");
            assert_eq!(injected(&presence, None), None);
        }
        assert_eq!(
            update(Some(own)),
            format!("<x xmlns='vcard-temp:x:update'><photo>{own}</photo></x>")
        );
        assert_eq!(update(None), "<x xmlns='vcard-temp:x:update'><photo/></x>");
    }
}
