//! EXTERNAL (RFC 4422 appendix A): the client certificate of the TLS connection says who it is (XEP-0178).

use super::SaslError;

/// Reads the one message: the authorization identity, `None` when left to the server.
///
/// # Errors
/// [`SaslError::Malformed`] when it is not UTF-8 or contains NUL.
pub fn authorization(message: &[u8]) -> Result<Option<&str>, SaslError> {
    let text = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
    if text.contains('\0') {
        return Err(SaslError::Malformed);
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Writes the one message.
pub fn respond(authorization: Option<&str>) -> Vec<u8> {
    authorization.unwrap_or_default().as_bytes().to_vec()
}
