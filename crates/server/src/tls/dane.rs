//! What DNSSEC says of a server's certificate: TLSA records (RFC 6698, RFC 7671), as they count for a server that SRV
//! records lead to (RFC 7673).

use aws_lc_rs::digest;
use rustls_pki_types::CertificateDer;
use webpki::{VerifiedPath, anchor_from_trusted_cert, spki_for_anchor};
use x509_parser::prelude::{FromDer, X509Certificate};
use xmpp::stream::CertificateNames;

use super::peers::{names, with_path};

/// What is known of a server before anybody connects with it, all of it signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The server's own name (in the form of [`base::Jid::domain`]), when signed records say that it serves the domain: a
    /// certificate may name it instead of the domain (RFC 7673 §4.1).
    pub host: Option<String>,
    /// Certificates that it may show; none: any that an authority vouches for.
    pub associations: Vec<Association>,
}

/// A TLSA record that can be used (RFC 7671 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    usage: Usage,
    selector: Selector,
    matching: Matching,
    data: Vec<u8>,
}

/// What has to match, and what else has to hold (RFC 6698 §2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    /// PKIX-TA: an authority on the chain, which leads to one that we trust.
    TrustedAuthority,
    /// PKIX-EE: the server's certificate, whose chain leads to an authority that we trust.
    TrustedServer,
    /// DANE-TA: the authority that the chain leads to, whoever else trusts it.
    Authority,
    /// DANE-EE: the server's certificate, and nothing else counts.
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selector {
    Certificate,
    PublicKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    Whole,
    Sha256,
    Sha512,
}

impl Association {
    /// An association of the numbers and the data of a TLSA record; `None` for one that says nothing that could be
    /// checked.
    #[must_use]
    pub fn new(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Option<Self> {
        let usage = match usage {
            0 => Usage::TrustedAuthority,
            1 => Usage::TrustedServer,
            2 => Usage::Authority,
            3 => Usage::Server,
            _ => return None,
        };
        let selector = match selector {
            0 => Selector::Certificate,
            1 => Selector::PublicKey,
            _ => return None,
        };
        let (matching, length) = match matching {
            0 => (Matching::Whole, None),
            1 => (Matching::Sha256, Some(32)),
            2 => (Matching::Sha512, Some(64)),
            _ => return None,
        };
        if data.is_empty() || length.is_some_and(|length| data.len() != length) {
            return None;
        }
        Some(Self {
            usage,
            selector,
            matching,
            data: data.to_vec(),
        })
    }

    /// Whether it means this certificate.
    fn is_of(&self, certificate: &[u8]) -> bool {
        match self.selector {
            Selector::Certificate => self.is_digest_of(certificate),
            Selector::PublicKey => X509Certificate::from_der(certificate)
                .is_ok_and(|(_, certificate)| self.is_digest_of(certificate.public_key().raw)),
        }
    }

    fn is_digest_of(&self, selected: &[u8]) -> bool {
        match self.matching {
            Matching::Whole => self.data == selected,
            Matching::Sha256 => digest::digest(&digest::SHA256, selected).as_ref() == self.data,
            Matching::Sha512 => digest::digest(&digest::SHA512, selected).as_ref() == self.data,
        }
    }

    /// Whether it means the authority that we trust and to which a path leads, or one on the way.
    fn is_on(&self, path: &VerifiedPath<'_>, others: &[CertificateDer<'_>]) -> bool {
        let anchor = path.anchor();
        let on_the_way = path
            .intermediate_certificates()
            .any(|certificate| self.is_of(&certificate.der()));
        // Of the authority itself we keep the key; the whole has to come from the server (RFC 7671 §5.4).
        let is_anchor = |certificate: &CertificateDer<'_>| {
            anchor_from_trusted_cert(certificate).is_ok_and(|other| other == *anchor)
        };
        on_the_way
            || (self.selector == Selector::PublicKey && self.is_digest_of(&spki_for_anchor(anchor)))
            || others
                .iter()
                .any(|certificate| self.is_of(certificate) && is_anchor(certificate))
    }
}

impl Expected {
    /// Whether the chain that a server of `domain` has shown is one that its records mean. `trusted` is the path to an
    /// authority that we trust, if there is one.
    pub(super) fn is_met(
        &self,
        domain: &str,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        trusted: Option<&VerifiedPath<'_>>,
    ) -> bool {
        let names = names(own).unwrap_or_default();
        let is_named = names.covers(domain) || self.covers_host(&names);
        let is_met = |association: &Association| match association.usage {
            // Whose key it is has been said by its own zone: names and dates add nothing (RFC 7671 §5.1).
            Usage::Server => association.is_of(own),
            Usage::Authority => is_named && leads_to(association, own, others),
            Usage::TrustedServer => trusted.is_some() && is_named && association.is_of(own),
            Usage::TrustedAuthority => {
                trusted.is_some_and(|path| association.is_on(path, others)) && is_named
            }
        };
        self.associations.iter().any(is_met)
    }

    /// Whether these are names of the server itself, which signed records say serves the domain.
    pub(super) fn covers_host(&self, names: &CertificateNames) -> bool {
        self.host.as_deref().is_some_and(|host| names.covers(host))
    }
}

/// Whether a chain leads to the authority that an association means, which the server has sent, or which stands in the
/// record as a whole.
fn leads_to(
    association: &Association,
    own: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
) -> bool {
    let whole = (association.matching == Matching::Whole
        && association.selector == Selector::Certificate)
        .then(|| CertificateDer::from(association.data.as_slice()));
    let sent = others.iter().filter(|other| association.is_of(other));
    sent.chain(&whole).any(|authority| {
        anchor_from_trusted_cert(authority)
            .is_ok_and(|anchor| with_path(own, others, &[anchor], |_| ()).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    const DOMAIN: &str = "example.org";

    /// An authority and a server that it vouches for.
    struct Chain {
        authority: Certificate,
        server: Certificate,
    }

    fn chain(name: &str, expired: bool) -> Chain {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "An authority");
        let made = authority.self_signed(&authority_key).expect("made");
        let mut server = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        if expired {
            server.not_after = rcgen::date_time_ymd(2001, 1, 1);
            server.not_before = rcgen::date_time_ymd(2000, 1, 1);
        }
        let issuer = Issuer::from_params(&authority, &authority_key);
        let server = server
            .signed_by(&KeyPair::generate().expect("a key"), &issuer)
            .expect("made");
        Chain {
            authority: made,
            server,
        }
    }

    /// What a record of `certificate` holds.
    fn data(certificate: &Certificate, selector: u8, matching: u8) -> Vec<u8> {
        let (_, parsed) = X509Certificate::from_der(certificate.der()).expect("X.509");
        let selected = match selector {
            0 => certificate.der().as_ref(),
            _ => parsed.public_key().raw,
        };
        match matching {
            0 => selected.to_vec(),
            1 => digest::digest(&digest::SHA256, selected).as_ref().to_vec(),
            _ => digest::digest(&digest::SHA512, selected).as_ref().to_vec(),
        }
    }

    fn expected(
        usage: u8,
        selector: u8,
        matching: u8,
        certificate: &Certificate,
        host: Option<&str>,
    ) -> Expected {
        let data = data(certificate, selector, matching);
        Expected {
            host: host.map(str::to_owned),
            associations: vec![
                Association::new(usage, selector, matching, &data).expect("can be used"),
            ],
        }
    }

    fn is_met(expected: &Expected, chain: &Chain, is_trusted: bool) -> bool {
        let own = chain.server.der();
        let others = [chain.authority.der().clone()];
        let anchor = anchor_from_trusted_cert(chain.authority.der()).expect("an authority");
        if is_trusted {
            with_path(own, &others, &[anchor], |path| {
                expected.is_met(DOMAIN, own, &others, Some(path))
            })
            .expect("a path")
        } else {
            expected.is_met(DOMAIN, own, &others, None)
        }
    }

    #[test]
    fn a_certificate_is_what_its_record_says_in_every_form() {
        let good = chain(DOMAIN, false);
        let other = chain(DOMAIN, false);
        for usage in 0..4 {
            for selector in 0..2 {
                for matching in 0..3 {
                    let meant = |chain: &Chain| match usage {
                        0 | 2 => expected(usage, selector, matching, &chain.authority, None),
                        _ => expected(usage, selector, matching, &chain.server, None),
                    };
                    let words = format!("{usage} {selector} {matching}");
                    assert!(is_met(&meant(&good), &good, true), "{words}");
                    assert!(!is_met(&meant(&other), &good, true), "{words}");
                    // Usages 0 and 1 want an authority that we trust in addition.
                    assert_eq!(is_met(&meant(&good), &good, false), usage >= 2, "{words}");
                }
            }
        }
    }

    #[test]
    fn names_and_dates_count_where_an_authority_does() {
        let elsewhere = chain("xmpp.example.net", false);
        let expired = chain(DOMAIN, true);
        let by_server = |chain: &Chain, host| expected(3, 1, 1, &chain.server, host);
        let by_authority = |chain: &Chain, host| expected(2, 1, 1, &chain.authority, host);
        assert!(is_met(&by_server(&elsewhere, None), &elsewhere, false));
        assert!(is_met(&by_server(&expired, None), &expired, false));
        assert!(!is_met(&by_authority(&elsewhere, None), &elsewhere, false));
        assert!(!is_met(&by_authority(&expired, None), &expired, false));
        let host = Some("xmpp.example.net");
        assert!(is_met(&by_authority(&elsewhere, host), &elsewhere, false));
    }

    #[test]
    fn records_that_say_nothing_are_no_associations() {
        for (usage, selector, matching, length) in [
            (4, 1, 1, 32),
            (3, 2, 1, 32),
            (3, 1, 3, 32),
            (3, 1, 1, 31),
            (3, 1, 2, 32),
            (3, 0, 0, 0),
        ] {
            assert_eq!(
                Association::new(usage, selector, matching, &vec![7; length]),
                None,
                "{usage} {selector} {matching}, {length} bytes"
            );
        }
    }
}
