//! Which domains a server's certificate is good for (RFC 6120 §13.7.1.2, RFC 6125).

use base::Jid;

/// The service part of a SRVName for streams between servers (RFC 6120 §13.7.1.2.1).
const SERVICE: &str = "_xmpp-server.";

/// The names in a certificate whose chain was verified. Without such a certificate there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateNames {
    /// `dNSName`, as written; a wildcard stands for exactly one label.
    pub dns: Vec<String>,
    /// `id-on-dnsSRV`, as written: `_xmpp-server.example.org`.
    pub srv: Vec<String>,
    /// `id-on-xmppAddr`, as written; one that is a domain counts.
    pub xmpp: Vec<String>,
}

impl CertificateNames {
    /// Whether the certificate may speak for `domain` (in the form of [`base::Jid::domain`]).
    pub fn covers(&self, domain: &str) -> bool {
        if domain.starts_with('[') || domain.parse::<std::net::Ipv4Addr>().is_ok() {
            return false;
        }
        let is_domain =
            |name: &str| Jid::domain_only(name).is_ok_and(|name| name.domain() == domain);
        let dns = |name: &String| match name.strip_prefix("*.") {
            // `*.example.org` is good for `a.example.org`, not for `example.org` or `a.b.example.org`.
            Some(parent) => domain
                .split_once('.')
                .is_some_and(|(_, own)| own.contains('.') && is_same(parent, own)),
            None => is_domain(name),
        };
        self.dns.iter().any(dns)
            || self.srv.iter().any(|name| {
                name.get(..SERVICE.len())
                    .is_some_and(|service| service.eq_ignore_ascii_case(SERVICE))
                    && is_domain(&name[SERVICE.len()..])
            })
            || self.xmpp.iter().any(|name| is_domain(name))
    }

    /// Whether there is no name at all.
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.srv.is_empty() && self.xmpp.is_empty()
    }
}

fn is_same(name: &str, domain: &str) -> bool {
    Jid::domain_only(name).is_ok_and(|name| name.domain() == domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_what_they_say_and_no_more() {
        let names = |kind: &str, name: &str| {
            let name = vec![name.to_owned()];
            match kind {
                "dns" => CertificateNames {
                    dns: name,
                    ..CertificateNames::default()
                },
                "srv" => CertificateNames {
                    srv: name,
                    ..CertificateNames::default()
                },
                _ => CertificateNames {
                    xmpp: name,
                    ..CertificateNames::default()
                },
            }
        };
        for (kind, name, domain, good) in [
            ("dns", "example.org", "example.org", true),
            ("dns", "EXAMPLE.org", "example.org", true),
            ("dns", "example.org", "rooms.example.org", false),
            ("dns", "*.example.org", "rooms.example.org", true),
            ("dns", "*.example.org", "a.rooms.example.org", false),
            ("dns", "*.example.org", "example.org", false),
            ("dns", "*.org", "example.org", false),
            ("dns", "r*.example.org", "rooms.example.org", false),
            ("dns", "xn--bcher-kva.example", "bücher.example", true),
            ("dns", "192.0.2.1", "192.0.2.1", false),
            ("srv", "_xmpp-server.example.org", "example.org", true),
            ("srv", "_xmpp-client.example.org", "example.org", false),
            ("srv", "_xmpp-server.*.example.org", "a.example.org", false),
            ("srv", "ü", "example.org", false),
            ("xmpp", "example.org", "example.org", true),
            ("xmpp", "romeo@example.org", "example.org", false),
            ("xmpp", "example.org/x", "example.org", false),
        ] {
            assert_eq!(
                names(kind, name).covers(domain),
                good,
                "{kind} {name} {domain}"
            );
        }
        assert!(!CertificateNames::default().covers("example.org"));
    }
}
