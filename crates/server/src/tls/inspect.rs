//! Reading our own certificate: names, validity, and its channel binding.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What administrators ask of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// DNS names and addresses it is good for.
    pub names: Vec<String>,
    /// Start of validity.
    pub not_before: SystemTime,
    /// End of validity.
    pub not_after: SystemTime,
    /// Subject and issuer are the same.
    pub self_issued: bool,
}

impl CertificateFacts {
    /// Whether the certificate is good for `host`, wildcards included (RFC 9525 §6.3).
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| {
            name.eq_ignore_ascii_case(host)
                || name.strip_prefix("*.").is_some_and(|parent| {
                    host.split_once('.')
                        .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
                })
        })
    }

    /// When to renew: after two thirds of its life.
    pub fn renewal(&self) -> SystemTime {
        let life = self
            .not_after
            .duration_since(self.not_before)
            .unwrap_or(Duration::ZERO);
        self.not_before + life * 2 / 3
    }
}

/// Reads a certificate; `None` if it is no X.509.
pub fn certificate_facts(der: &[u8]) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut names = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => {
                    if let Ok(four) = <[u8; 4]>::try_from(*bytes) {
                        names.push(std::net::Ipv4Addr::from(four).to_string());
                    } else if let Ok(sixteen) = <[u8; 16]>::try_from(*bytes) {
                        names.push(std::net::Ipv6Addr::from(sixteen).to_string());
                    }
                }
                _ => {}
            }
        }
    }
    let moment = |seconds: i64| {
        u64::try_from(seconds).map_or(SystemTime::UNIX_EPOCH, |seconds| {
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
        })
    };
    Some(CertificateFacts {
        names,
        not_before: moment(certificate.validity().not_before.timestamp()),
        not_after: moment(certificate.validity().not_after.timestamp()),
        self_issued: certificate.subject() == certificate.issuer(),
    })
}

/// `tls-server-end-point` (RFC 5929 §4.1): the certificate hashed with the hash of its signature, at least SHA-256.
/// `None` where the signature has no hash of its own (such as Ed25519), for which the RFC defines nothing.
pub fn end_point_hash(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm = &certificate.signature_algorithm;
    let oid = algorithm.algorithm.to_id_string();
    let hash = match oid.as_str() {
        // RSASSA-PSS names its hash in its parameters.
        "1.2.840.113549.1.1.10" => {
            let parameters = algorithm.parameters.as_ref()?;
            let parameters =
                x509_parser::signature_algorithm::RsaSsaPssParams::try_from(parameters).ok()?;
            match parameters.hash_algorithm_oid().to_id_string().as_str() {
                "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
                "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
                _ => &digest::SHA256,
            }
        }
        // sha384WithRSAEncryption, ecdsa-with-SHA384.
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        // sha512WithRSAEncryption, ecdsa-with-SHA512.
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        // MD5, SHA-1 and SHA-256 with RSA, SHA-1 and SHA-256 with ECDSA.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &digest::SHA256,
        _ => return None,
    };
    Some(digest::digest(hash, der).as_ref().to_vec())
}
