//! Certificates of servers that connect with us, and which no authority vouches for: signed records may (RFC 7673). What a
//! domain says of the servers that it is found at counts for the one that connects in its name too.

use rustls_pki_types::CertificateDer;
use xmpp::stream::CertificateNames;

use super::Surroundings;

/// Servers of a domain that are looked at.
const MOST_SERVERS: usize = 5;

/// The names that a server of `domain` has shown to be its own by a chain that signed records name; `None` if they
/// do not.
pub(super) async fn shown(
    around: &Surroundings,
    domain: &str,
    chain: Option<&[CertificateDer<'_>]>,
) -> Option<CertificateNames> {
    let targets = around.names.servers(domain, 0).await.ok()?;
    for target in targets
        .iter()
        .filter(|target| target.secure)
        .take(MOST_SERVERS)
    {
        let Ok(addresses) = around.names.addresses(target).await else {
            continue;
        };
        let Ok(expected) = around.names.expected(target, &addresses).await else {
            continue;
        };
        if let Ok(shown) = around.tls.names_of(chain, domain, &expected)
            && shown.covers(domain)
        {
            return Some(shown);
        }
    }
    None
}
