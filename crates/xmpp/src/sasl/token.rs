//! Hashed tokens (draft-schmaus-kitten-sasl-ht): one message there, one back; the login of XEP-0484.

use std::fmt;

use zeroize::Zeroize;

use super::SaslError;
use super::binding::ChannelBindings;
use super::hash::{Key, ScramHash};
use super::mechanism::TokenBinding;

/// A secret that replaces the password of one device. Wiped when dropped, printed as `…`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Token {
        Token(text.into())
    }

    /// The text, for the wire or a computation. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the client proves: HMAC(token, "Initiator" ‖ channel binding data).
    fn initiator(&self, data: &[u8]) -> Key {
        ScramHash::Sha256.hmac(self.0.as_bytes(), &[b"Initiator", data])
    }

    /// What the server proves: HMAC(token, "Responder" ‖ channel binding data).
    fn responder(&self, data: &[u8]) -> Key {
        ScramHash::Sha256.hmac(self.0.as_bytes(), &[b"Responder", data])
    }

    /// The client's message.
    ///
    /// # Errors
    /// [`SaslError::NotAuthorized`] when this connection has no data for the binding.
    pub fn message(
        &self,
        username: &str,
        binding: TokenBinding,
        bindings: &ChannelBindings,
    ) -> Result<Vec<u8>, SaslError> {
        let data = data(binding, bindings)?;
        let mut message = username.as_bytes().to_vec();
        message.push(0);
        message.extend_from_slice(self.initiator(data).expose());
        Ok(message)
    }

    /// Whether the server's closing message proves that it knows the token too.
    pub fn check_response(
        &self,
        message: &[u8],
        binding: TokenBinding,
        bindings: &ChannelBindings,
    ) -> bool {
        data(binding, bindings).is_ok_and(|data| self.responder(data).matches(message))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn data(binding: TokenBinding, bindings: &ChannelBindings) -> Result<&[u8], SaslError> {
    match binding.binding() {
        None => Ok(b""),
        Some(binding) => bindings.data(binding).ok_or(SaslError::NotAuthorized),
    }
}

/// The client's message on the server's side.
pub struct TokenResponse {
    /// The simple user name.
    pub username: String,
    hash: Vec<u8>,
}

impl TokenResponse {
    /// Reads `authcid NUL initiator-hashed-token`.
    ///
    /// # Errors
    /// [`SaslError::Malformed`].
    pub fn parse(message: &[u8]) -> Result<TokenResponse, SaslError> {
        let at = message
            .iter()
            .position(|byte| *byte == 0)
            .ok_or(SaslError::Malformed)?;
        let username = std::str::from_utf8(&message[..at]).map_err(|_| SaslError::Malformed)?;
        if username.is_empty() {
            return Err(SaslError::Malformed);
        }
        Ok(TokenResponse {
            username: username.to_owned(),
            hash: message[at + 1..].to_vec(),
        })
    }

    /// The server's closing message, if the client knows this token on this connection.
    pub fn check(
        &self,
        token: &Token,
        binding: TokenBinding,
        bindings: &ChannelBindings,
    ) -> Option<Vec<u8>> {
        let data = data(binding, bindings).ok()?;
        token
            .initiator(data)
            .matches(&self.hash)
            .then(|| token.responder(data).expose().to_vec())
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Makes the token that belongs to what is kept of it. The store keeps `seed` only; without the server's
/// secret a stolen copy of the store opens nothing. The token holds for this account, device and mechanism.
pub fn derive_token(
    secret: &[u8],
    seed: &[u8; 32],
    account: &str,
    client: &str,
    mechanism: &str,
) -> Token {
    let mut parts: Vec<&[u8]> = vec![b"token\0", seed];
    for part in [account, client, mechanism] {
        parts.extend_from_slice(&[part.as_bytes(), b"\0"]);
    }
    let key = ScramHash::Sha256.hmac(secret, &parts);
    Token(super::encode(key.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_and_bindings_count() {
        let bindings = ChannelBindings {
            exporter: Some([7; 32]),
            server_end_point: Some(vec![1; 32]),
        };
        let others = ChannelBindings {
            exporter: Some([8; 32]),
            server_end_point: None,
        };
        let token = derive_token(b"secret", &[1; 32], "a@b", "device", "HT-SHA-256-EXPR");
        let message = token
            .message("a", TokenBinding::Exporter, &bindings)
            .unwrap();
        let response = TokenResponse::parse(&message).unwrap();
        assert_eq!(response.username, "a");
        let closing = response
            .check(&token, TokenBinding::Exporter, &bindings)
            .unwrap();
        assert!(token.check_response(&closing, TokenBinding::Exporter, &bindings));
        assert!(!token.check_response(&closing, TokenBinding::Exporter, &others));
        assert!(
            response
                .check(&token, TokenBinding::Exporter, &others)
                .is_none()
        );
        assert!(
            response
                .check(&token, TokenBinding::EndPoint, &bindings)
                .is_none()
        );
        assert!(
            response
                .check(&token, TokenBinding::Unique, &bindings)
                .is_none()
        );
        let other = derive_token(b"secret", &[1; 32], "a@b", "device", "HT-SHA-256-NONE");
        assert!(
            response
                .check(&other, TokenBinding::Exporter, &bindings)
                .is_none()
        );
        assert!(TokenResponse::parse(b"nobody").is_err());
        assert!(TokenResponse::parse(b"\0x").is_err());
    }

    #[test]
    fn message_is_the_one_that_python_computes() {
        // hmac.digest(b'token', b'Initiator', 'sha256').hex()
        let message = Token::new("token")
            .message("romeo", TokenBinding::None, &ChannelBindings::NONE)
            .unwrap();
        let hex: String = message[6..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "d24d95482f0d6e035c56e787dac4ed832bdd84ee3ea242aaadd982270c330006"
        );
    }
}
