//! Who a client certificate says its holder is (SASL EXTERNAL; XEP-0178 §2, RFC 6120 §13.7.1.4).

use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::asn1_rs::oid;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Addresses in a verified client certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientIdentity {
    /// `id-on-xmppAddr` entries (RFC 6120 §13.7.1.4), as written.
    pub xmpp_addresses: Vec<String>,
    /// Mail addresses, as written.
    pub mail_addresses: Vec<String>,
}

impl ClientIdentity {
    /// The addresses that name accounts: the XMPP ones, or, if there is none, the mail ones.
    pub fn addresses(self) -> Vec<String> {
        if self.xmpp_addresses.is_empty() {
            self.mail_addresses
        } else {
            self.xmpp_addresses
        }
    }
}

/// Reads the names of a certificate whose chain was verified already; `None` if it is no X.509.
pub fn client_identity(der: &[u8]) -> Option<ClientIdentity> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut identity = ClientIdentity::default();
    let names = certificate.subject_alternative_name().ok()??;
    for name in &names.value.general_names {
        match name {
            GeneralName::OtherName(kind, value) if *kind == oid!(1.3.6.1.5.5.7.8.5) => {
                identity.xmpp_addresses.extend(explicit_utf8(value));
            }
            GeneralName::RFC822Name(mail) => identity.mail_addresses.push((*mail).to_owned()),
            _ => {}
        }
    }
    Some(identity)
}

/// The text in `[0] EXPLICIT UTF8String` (RFC 5280 §4.2.1.6, RFC 6120 §13.7.1.4).
pub(super) fn explicit_utf8(value: &[u8]) -> Option<String> {
    let inner = tagged(value, 0xa0)?;
    let text = tagged(inner, 0x0c)?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// The text in `[0] EXPLICIT IA5String` (RFC 4985 §2).
pub(super) fn explicit_ia5(value: &[u8]) -> Option<String> {
    let inner = tagged(value, 0xa0)?;
    let text = tagged(inner, 0x16)?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// Content of one DER element with the given tag that fills `bytes`.
fn tagged(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_at_checked(2)?;
            (usize::from(length[0]) << 8 | usize::from(length[1]), rest)
        }
        _ => return None,
    };
    (first == tag && rest.len() == length).then_some(rest)
}
