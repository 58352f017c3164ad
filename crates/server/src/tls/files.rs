//! PEM files: certificate chains, keys, authorities.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;

/// Reads a certificate chain and its key, and checks that they belong together.
///
/// # Errors
/// Names the file and what to do.
pub fn read_pair(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, "certificate", &error))?;
    if chain.is_empty() {
        return Err(TlsError::new(
            format!("{} holds no certificate", certificate.display()),
            "name the PEM file of the whole chain, own certificate first",
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable(key, "private key", &error))?;
    pair(chain, private).map_err(|error| {
        TlsError::new(
            format!("{} and {} cannot be used together: {error}", certificate.display(), key.display()),
            "name the key that this certificate was made for, and put the own certificate first in its file",
        )
    })
}

/// The same from memory.
pub(super) fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map(Arc::new)
}

/// The same from PEM text.
pub(super) fn pair_from_pem(certificate: &str, key: &str) -> Result<Arc<CertifiedKey>, TlsError> {
    let mend = "remove the files in data_dir/tls; they are made anew";
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::new(format!("the certificate cannot be read: {error}"), mend))?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|error| TlsError::new(format!("the private key cannot be read: {error}"), mend))?;
    pair(chain, key)
        .map_err(|error| TlsError::new(format!("certificate and key do not fit: {error}"), mend))
}

fn unreadable(path: &Path, what: &str, error: &rustls_pki_types::pem::Error) -> TlsError {
    use rustls_pki_types::pem::Error;
    let mend = match error {
        Error::Io(io) if io.kind() == std::io::ErrorKind::NotFound => {
            "name an existing file under [tls]"
        }
        Error::Io(io) if io.kind() == std::io::ErrorKind::PermissionDenied => {
            "let the user this runs as read it"
        }
        _ => "name a PEM file (it has lines like -----BEGIN …-----)",
    };
    TlsError::new(
        format!("the {what} {} cannot be read: {error}", path.display()),
        mend,
    )
}

/// Reads authorities.
pub(super) fn read_roots(path: &Path, key: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(path, "authority", &error))?;
    for certificate in certificates {
        roots.add(certificate).map_err(|error| {
            TlsError::new(
                format!(
                    "{} holds something that is no authority: {error}",
                    path.display()
                ),
                format!("name a PEM file of authorities at {key}"),
            )
        })?;
    }
    if roots.is_empty() {
        return Err(TlsError::new(
            format!("{} holds no certificate", path.display()),
            format!("name a PEM file at {key}"),
        ));
    }
    Ok(roots)
}

/// Writes a file that only we can read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), TlsError> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let new = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write().map_err(|error| {
        TlsError::new(
            format!("{} cannot be written: {error}", path.display()),
            "let the user this runs as write in data_dir, and see whether the disk is full",
        )
    })
}
