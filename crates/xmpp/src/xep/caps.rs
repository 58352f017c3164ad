//! XEP-0115: Entity Capabilities, as a client tells them in its presence.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::disco::Info;
use crate::ns;
use crate::sasl::ScramHash;
use crate::xml::Stanza;

/// `<c/>` of a presence (§4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Which program it is.
    pub node: String,
    /// Hash of what it can do.
    pub ver: String,
    /// With which function; `None` in the form of before 2008.
    pub hash: Option<String>,
}

impl Capabilities {
    /// Reads it from a presence; `None` when it is not there, or not whole.
    #[must_use]
    pub fn of(presence: &Stanza) -> Option<Self> {
        let child = presence.child("c", ns::CAPS)?;
        let tree = child.tree();
        let root = tree.root();
        Some(Self {
            node: root.attr("node")?.to_owned(),
            ver: root.attr("ver")?.to_owned(),
            hash: root.attr("hash").map(str::to_owned),
        })
    }

    /// The node to ask for what the hash stands for (§6.2).
    #[must_use]
    pub fn disco_node(&self) -> String {
        format!("{}#{}", self.node, self.ver)
    }

    /// Whether this answer is what the hash stands for (§5.4): then it is so for everyone who shows
    /// the same hash. False too for functions that are not known.
    #[must_use]
    pub fn is_of(&self, info: &Info) -> bool {
        let function = match self.hash.as_deref() {
            Some("sha-1") => ScramHash::Sha1,
            Some("sha-256") => ScramHash::Sha256,
            Some("sha-512") => ScramHash::Sha512,
            _ => return false,
        };
        let hash = function.digest(info.capabilities().as_bytes());
        is_unambiguous(info) && STANDARD.encode(hash.expose()) == self.ver
    }
}

/// Whether nothing stands there twice, which could make two answers look alike (§5.4 step 3).
fn is_unambiguous(info: &Info) -> bool {
    fn has_no_doubles<T: Ord>(mut all: Vec<T>) -> bool {
        all.sort_unstable();
        all.windows(2).all(|pair| pair[0] != pair[1])
    }
    let features = info.features.iter().map(AsRef::<str>::as_ref).collect();
    let forms = info.forms.iter().map(|form| &*form.form_type).collect();
    has_no_doubles::<&str>(features)
        && has_no_doubles::<&str>(forms)
        && has_no_doubles(info.identities.iter().collect())
        // The separator of what is hashed must not stand in it.
        && !info.features.iter().any(|feature| feature.contains('<'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xep::disco::Identity;

    fn exodus() -> Info {
        Info {
            identities: vec![Identity {
                category: "client".into(),
                kind: "pc".into(),
                lang: None,
                name: Some("Exodus 0.9.1".into()),
            }],
            features: [
                "http://jabber.org/protocol/caps",
                "http://jabber.org/protocol/disco#info",
                "http://jabber.org/protocol/disco#items",
                "http://jabber.org/protocol/muc",
            ]
            .map(Into::into)
            .to_vec(),
            forms: Vec::new(),
        }
    }

    /// XEP-0115 §2 and §5.2.
    #[test]
    fn a_hash_is_checked() {
        let presence = Stanza::parse(
            "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' \
             node='http://code.google.com/p/exodus' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>",
        );
        let presence = presence.expect("XML");
        let caps = Capabilities::of(&presence).expect("capabilities");
        assert_eq!(
            caps.disco_node(),
            "http://code.google.com/p/exodus#QgayPKawpkPSDYmwT/WM94uAlu0="
        );
        assert!(caps.is_of(&exodus()));
        let mut other = exodus();
        other
            .features
            .push("urn:xmpp:omemo:2:devices+notify".into());
        assert!(!caps.is_of(&other));
        let mut doubled = exodus();
        doubled
            .features
            .push("http://jabber.org/protocol/muc".into());
        assert!(!caps.is_of(&doubled));
        let unknown = Capabilities {
            hash: Some("md5".into()),
            ..caps
        };
        assert!(!unknown.is_of(&exodus()));
    }
}
