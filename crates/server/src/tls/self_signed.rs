//! A certificate of our own, made at the first start: for trying it out, and until a real one has come.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::sign::CertifiedKey;

use super::TlsError;
use super::files::{pair_from_pem, read_pair, write_private};
use super::inspect::certificate_facts;

/// Longest life that all platforms accept (Apple: 825 days).
const LIFE: Duration = Duration::from_secs(820 * 24 * 3600);
/// Made anew when less than this is left.
const REST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Takes the kept certificate if it is good for `hosts` and lasts; else makes one and keeps it in `folder`.
///
/// # Errors
/// When nothing can be written there.
pub(super) fn open(folder: &Path, hosts: &[String]) -> Result<Arc<CertifiedKey>, TlsError> {
    let certificate = folder.join("self-signed.crt");
    let key = folder.join("self-signed.key");
    if certificate.exists() && key.exists() {
        match read_pair(&certificate, &key) {
            Ok(kept) if good_for(&kept, hosts) => return Ok(kept),
            Ok(_) => tracing::info!(
                "the self-signed certificate is about to end or lacks a name; making a new one"
            ),
            Err(error) => {
                tracing::warn!(%error, "the kept self-signed certificate cannot be used; making a new one")
            }
        }
    }
    let (certificate_pem, key_pem) = make(hosts).map_err(|error| {
        TlsError::new(
            format!(
                "no certificate could be made for {}: {error}",
                hosts.join(", ")
            ),
            "write a plain host name as `domain`",
        )
    })?;
    write_private(&key, &key_pem)?;
    write_private(&certificate, &certificate_pem)?;
    pair_from_pem(&certificate_pem, &key_pem)
}

fn good_for(kept: &CertifiedKey, hosts: &[String]) -> bool {
    let Some(facts) = kept.cert.first().and_then(|leaf| certificate_facts(leaf)) else {
        return false;
    };
    facts.not_after > SystemTime::now() + REST
        && hosts.iter().all(|host| facts.covers(&ascii(host)))
}

/// A host name as certificates write it (IDNA A-labels are left to the one who configures them).
fn ascii(host: &str) -> String {
    host.to_owned()
}

fn make(hosts: &[String]) -> Result<(String, String), rcgen::Error> {
    let mut names: Vec<String> = hosts.iter().map(|host| ascii(host)).collect();
    if hosts.iter().any(|host| host == "localhost") {
        names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    }
    let mut params = CertificateParams::new(names)?;
    let mut name = DistinguishedName::new();
    if let Some(first) = hosts.first() {
        name.push(DnType::CommonName, first.as_str());
    }
    name.push(DnType::OrganizationName, "Hauspost, self-signed");
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(24 * 3600)).into();
    params.not_after = (now + LIFE).into();
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
