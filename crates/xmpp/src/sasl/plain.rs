//! PLAIN (RFC 4616). Only ever offered inside TLS.

use super::SaslError;
use super::password::Password;

/// The one message of PLAIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// Who to act as; empty in the message means whoever logs in.
    pub authorization: Option<String>,
    /// The simple user name.
    pub username: String,
    /// The password as it came, not prepared yet.
    pub password: Password,
}

impl Plain {
    /// Reads `[authzid] NUL authcid NUL passwd`.
    ///
    /// # Errors
    /// [`SaslError::Malformed`] when it is anything else or not UTF-8.
    pub fn parse(message: &[u8]) -> Result<Plain, SaslError> {
        let message = std::str::from_utf8(message).map_err(|_| SaslError::Malformed)?;
        let mut parts = message.split('\0');
        let (Some(authorization), Some(username), Some(password), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslError::Malformed);
        };
        if username.is_empty() || password.is_empty() {
            return Err(SaslError::Malformed);
        }
        Ok(Plain {
            authorization: (!authorization.is_empty()).then(|| authorization.to_owned()),
            username: username.to_owned(),
            password: Password::new(password),
        })
    }

    /// Writes the message.
    pub fn message(&self) -> Vec<u8> {
        let authorization = self.authorization.as_deref().unwrap_or_default();
        [
            authorization,
            self.username.as_str(),
            self.password.expose(),
        ]
        .join("\0")
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_4616() {
        let plain = Plain::parse(b"\0tim\0tanstaaftanstaaf").unwrap();
        assert_eq!(
            (plain.authorization.as_deref(), plain.username.as_str()),
            (None, "tim")
        );
        assert_eq!(plain.message(), b"\0tim\0tanstaaftanstaaf");
        let plain = Plain::parse(b"Ursel\0Kurt\0xipj3plmq").unwrap();
        assert_eq!(plain.authorization.as_deref(), Some("Ursel"));
        for wrong in [
            &b""[..],
            b"\0\0",
            b"\0a\0",
            b"a",
            b"a\0b",
            b"\0a\0b\0c",
            b"\0\xff\0b",
        ] {
            assert_eq!(Plain::parse(wrong), Err(SaslError::Malformed));
        }
    }
}
