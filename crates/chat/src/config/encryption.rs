//! What must be end-to-end encrypted.

/// How a rule on end-to-end encryption holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionRule {
    /// The server refuses what it could read.
    Required,
    /// Clients encrypt unless their user says otherwise.
    Default,
    /// Clients do not encrypt by themselves.
    Off,
}

impl EncryptionRule {
    /// As the configuration and the form of service discovery write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Default => "default",
            Self::Off => "off",
        }
    }
}

/// The house's rules on end-to-end encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionPolicy {
    /// Between people of this server.
    pub direct: EncryptionRule,
    /// In private groups.
    pub groups: EncryptionRule,
    /// With people elsewhere.
    pub remote: EncryptionRule,
}

impl Default for EncryptionPolicy {
    fn default() -> Self {
        Self {
            direct: EncryptionRule::Required,
            groups: EncryptionRule::Required,
            remote: EncryptionRule::Default,
        }
    }
}

impl EncryptionPolicy {
    /// Everything is left to clients.
    pub const LENIENT: Self = Self {
        direct: EncryptionRule::Default,
        groups: EncryptionRule::Default,
        remote: EncryptionRule::Default,
    };
}
