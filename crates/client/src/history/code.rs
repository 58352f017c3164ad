//! What is shown as a QR code.

use std::fmt;

use base::BareJid;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xmpp::xep::references::{jid_of, xmpp_uri};
use zeroize::Zeroizing;

/// Longest text of a code, in bytes: an address has up to 3,071, encoded three times as many.
const LONGEST: usize = 10 * 1024;
const VERB: &str = "hauspost-history";
const VERSION: &str = "1";

/// Which part a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is to get the history.
    New,
    /// It has it.
    Old,
}

impl Role {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::New => Self::Old,
            Self::Old => Self::New,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Old => "old",
        }
    }
}

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// It is something else.
    #[error(
        "this is no code for handing over history: on the other device choose \"hand over history\""
    )]
    NotACode,
    /// A newer version made it.
    #[error("this code is of a newer version: update this device")]
    Newer,
}

/// What a code says. `Debug` shows no secret; the text does, and is to be shown to nobody but the other device.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    /// Whose history it is.
    pub account: BareJid,
    /// The part of the device that shows it.
    pub role: Role,
    pub(super) key: [u8; 32],
    pub(super) secret: Zeroizing<[u8; 16]>,
}

impl Code {
    /// Reads what was scanned.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let not = CodeError::NotACode;
        if text.len() > LONGEST {
            return Err(not);
        }
        let text = text.trim();
        let account = jid_of(text).ok_or(not)?;
        let (_, query) = text.split_once('?').ok_or(not)?;
        let mut parts = query.split(';');
        if parts.next() != Some(VERB) {
            return Err(not);
        }
        let parts: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let value = |name: &str| {
            let found = parts.iter().find(|(one, _)| *one == name);
            found.map(|(_, value)| *value).ok_or(not)
        };
        if value("v")? != VERSION {
            return Err(CodeError::Newer);
        }
        let role = match value("role")? {
            "new" => Role::New,
            "old" => Role::Old,
            _ => return Err(not),
        };
        let mut key = [0; 32];
        let mut secret = Zeroizing::new([0; 16]);
        decode(value("key")?, &mut key).ok_or(not)?;
        decode(value("secret")?, secret.as_mut_slice()).ok_or(not)?;
        Ok(Self {
            account,
            role,
            key,
            secret,
        })
    }

    /// The text of the QR code: an address `xmpp:…?hauspost-history;…`, about 150 bytes. It holds the secret.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "{}?{VERB};v={VERSION};role={};key={};secret={}",
            xmpp_uri(&self.account),
            self.role.name(),
            URL_SAFE_NO_PAD.encode(self.key),
            URL_SAFE_NO_PAD.encode(self.secret.as_slice())
        ))
    }
}

/// Base64 of exactly so many bytes.
pub(super) fn decode(text: &str, into: &mut [u8]) -> Option<()> {
    // The bytes are a secret, perhaps.
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    (bytes.len() == into.len()).then(|| into.copy_from_slice(&bytes))
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code")
            .field("account", &self.account)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
