//! Mechanism names.

use std::fmt;
use std::str::FromStr;

use super::binding::BindingType;
use super::hash::ScramHash;

/// A SASL mechanism this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// SCRAM, with channel binding when `plus` (RFC 5802).
    Scram {
        /// With channel binding?
        plus: bool,
        /// The hash function.
        hash: ScramHash,
    },
    /// A hashed token (XEP-0484, draft-schmaus-kitten-sasl-ht) over SHA-256.
    Token(TokenBinding),
    /// A client certificate (RFC 4422 appendix A).
    External,
}

/// The channel binding that is part of a hashed token mechanism's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenBinding {
    /// `HT-SHA-256-NONE`.
    None,
    /// `HT-SHA-256-ENDP`: tls-server-end-point.
    EndPoint,
    /// `HT-SHA-256-UNIQ`: tls-unique. Known by name; this server never has the data for it.
    Unique,
    /// `HT-SHA-256-EXPR`: tls-exporter.
    Exporter,
}

impl TokenBinding {
    /// The channel binding it names, if one.
    pub fn binding(self) -> Option<BindingType> {
        match self {
            TokenBinding::None => None,
            TokenBinding::EndPoint => Some(BindingType::TlsServerEndPoint),
            TokenBinding::Unique => Some(BindingType::TlsUnique),
            TokenBinding::Exporter => Some(BindingType::TlsExporter),
        }
    }
}

impl Mechanism {
    /// Every mechanism, the one to prefer first: certificates, then SCRAM with channel binding, then without.
    /// Tokens are not listed, they have a place of their own (XEP-0484 §3.1).
    pub const PREFERENCE: [Mechanism; 8] = [
        Mechanism::External,
        Mechanism::Scram {
            plus: true,
            hash: ScramHash::Sha512,
        },
        Mechanism::Scram {
            plus: true,
            hash: ScramHash::Sha256,
        },
        Mechanism::Scram {
            plus: true,
            hash: ScramHash::Sha1,
        },
        Mechanism::Scram {
            plus: false,
            hash: ScramHash::Sha512,
        },
        Mechanism::Scram {
            plus: false,
            hash: ScramHash::Sha256,
        },
        Mechanism::Scram {
            plus: false,
            hash: ScramHash::Sha1,
        },
        Mechanism::Plain,
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::External => "EXTERNAL",
            Mechanism::Scram {
                plus: false,
                hash: ScramHash::Sha1,
            } => "SCRAM-SHA-1",
            Mechanism::Scram {
                plus: false,
                hash: ScramHash::Sha256,
            } => "SCRAM-SHA-256",
            Mechanism::Scram {
                plus: false,
                hash: ScramHash::Sha512,
            } => "SCRAM-SHA-512",
            Mechanism::Scram {
                plus: true,
                hash: ScramHash::Sha1,
            } => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram {
                plus: true,
                hash: ScramHash::Sha256,
            } => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram {
                plus: true,
                hash: ScramHash::Sha512,
            } => "SCRAM-SHA-512-PLUS",
            Mechanism::Token(TokenBinding::None) => "HT-SHA-256-NONE",
            Mechanism::Token(TokenBinding::EndPoint) => "HT-SHA-256-ENDP",
            Mechanism::Token(TokenBinding::Unique) => "HT-SHA-256-UNIQ",
            Mechanism::Token(TokenBinding::Exporter) => "HT-SHA-256-EXPR",
        }
    }

    /// Whether it proves knowledge of the password, as opposed to a token or a certificate.
    pub fn uses_password(self) -> bool {
        matches!(self, Mechanism::Plain | Mechanism::Scram { .. })
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name belongs to no mechanism this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown SASL mechanism")]
pub struct UnknownMechanism;

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    fn from_str(name: &str) -> Result<Mechanism, UnknownMechanism> {
        const TOKENS: [Mechanism; 4] = [
            Mechanism::Token(TokenBinding::None),
            Mechanism::Token(TokenBinding::EndPoint),
            Mechanism::Token(TokenBinding::Unique),
            Mechanism::Token(TokenBinding::Exporter),
        ];
        Mechanism::PREFERENCE
            .into_iter()
            .chain(TOKENS)
            .find(|mechanism| mechanism.name() == name)
            .ok_or(UnknownMechanism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for mechanism in Mechanism::PREFERENCE {
            assert_eq!(mechanism.name().parse(), Ok(mechanism));
        }
        assert_eq!(
            "HT-SHA-256-EXPR".parse(),
            Ok(Mechanism::Token(TokenBinding::Exporter))
        );
        assert_eq!("scram-sha-1".parse::<Mechanism>(), Err(UnknownMechanism));
    }
}
