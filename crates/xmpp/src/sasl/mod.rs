//! SASL for both roles: what is said in a login, without saying how it travels.
//!
//! The profiles that carry these messages (RFC 6120 §6 and XEP-0388) live in [`crate::stream`]. Here are the
//! mechanisms: SCRAM (RFC 5802, RFC 7677) with channel binding and downgrade protection (XEP-0474), PLAIN
//! (RFC 4616), EXTERNAL (RFC 4422, XEP-0178) and the hashed tokens of XEP-0484. Nothing here asks for time or
//! randomness, and nothing here keeps a password longer than the call that needs it.

mod binding;
mod downgrade;
mod external;
mod hash;
mod keys;
mod mechanism;
mod password;
mod plain;
pub mod scram;
mod token;

pub use binding::{BindingType, ChannelBindings};
pub use downgrade::{advertised_hash, advertised_text};
pub use external::{authorization, respond as external_response};
pub use hash::{Key, ScramHash};
pub(crate) use keys::MAXIMUM_ITERATIONS;
pub use keys::{KeysError, MINIMUM_ITERATIONS, SaltedPassword, ScramKeys, UnknownAccounts};
pub use mechanism::{Mechanism, TokenBinding, UnknownMechanism};
pub use password::{Password, prepare};
pub use plain::Plain;
pub use token::{Token, TokenResponse, derive_token};

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine};

/// Why a mechanism's exchange cannot go on. The profile turns it into its failure element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SaslError {
    /// The message does not follow the mechanism's grammar (`<malformed-request/>`).
    #[error("the SASL message is not well formed")]
    Malformed,
    /// The base64 is wrong (`<incorrect-encoding/>`).
    #[error("the SASL message is not valid base64")]
    IncorrectEncoding,
    /// Proof, password or channel binding do not match (`<not-authorized/>`).
    #[error("the credentials do not match")]
    NotAuthorized,
    /// An identity was asked for that these credentials do not open (`<invalid-authzid/>`).
    #[error("the requested authorization identity is not this account")]
    InvalidAuthorization,
}

/// Accepts base64 with and without padding, since both occur in the field.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Standard base64 with padding and without line breaks (RFC 6120 §6.4.2, XEP-0388 §2.2).
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64, surrounding white space allowed.
///
/// # Errors
/// [`SaslError::IncorrectEncoding`] for any other character or a wrong length.
pub fn decode(text: &str) -> Result<Vec<u8>, SaslError> {
    Engine::decode(&TOLERANT, text.trim_ascii()).map_err(|_| SaslError::IncorrectEncoding)
}
