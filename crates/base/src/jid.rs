//! Addresses of XMPP (RFC 7622): `local@domain/resource`.
//!
//! One text and three borders: an address is one shared string, so that a clone costs a counter and
//! a hash costs the text. [`BareJid`] and [`FullJid`] are [`Jid`]s of which more is known; all that
//! a `Jid` can, they can by dereferencing. All three hash and compare as their normalised text, so
//! a map keyed by any of them is looked up with a `&str`.
//!
//! How strict is it? Addresses of strangers are normalised as RFC 7622 says (UsernameCaseMapped,
//! OpaqueString, IDNA) but refused only where two servers could not agree on what they name, since
//! a refused address costs its sender the stanza: symbols in a local part and whole emoji
//! sequences in a resource pass, as do code points younger than our tables. For accounts that this
//! server makes, [`local_part_strict`] asks for all of PRECIS.

mod domain;
mod local;
mod precis;
mod resource;

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

pub use local::local_part_strict;

/// Most bytes a part may have after normalisation (RFC 7622 §3.2, §3.3, §3.4).
pub const PART_BYTES: usize = 1023;

/// Any address: of a domain, of an account or room, or of one of its resources.
///
/// ```
/// use base::Jid;
///
/// let jid = Jid::parse("Juliet@Example.org/Balcony 🌹")?;
/// assert_eq!(jid, "juliet@example.org/Balcony 🌹");
/// assert_eq!(jid.local(), Some("juliet"));
/// assert_eq!(jid.bare(), "juliet@example.org");
/// # Ok::<(), base::JidError>(())
/// ```
#[derive(Clone)]
pub struct Jid {
    /// Shared between a full address and its bare one, hence `end`.
    text: Arc<str>,
    /// Length of the local part; zero when there is none.
    local: u16,
    /// Where the domain ends.
    domain: u16,
    /// Where the address ends; equal to `domain` in a bare one.
    end: u16,
}

/// An address without a resource: a domain, an account, a room.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareJid(Jid);

/// An address with a resource: one session of an account, one occupant of a room.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullJid(Jid);

/// Which part of an address an error speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What stands before the `@`.
    Local,
    /// The host.
    Domain,
    /// What stands after the `/`.
    Resource,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local part",
            Self::Domain => "domain",
            Self::Resource => "resource",
        })
    }
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JidError {
    /// A border without a part (`@example.org`, `example.org/`), or no domain at all.
    #[error("the {0} is empty")]
    Empty(Part),
    /// Longer than [`PART_BYTES`] after normalisation.
    #[error("the {0} is longer than 1023 bytes")]
    TooLong(Part),
    /// A character that may not stand in this part, or not at this place.
    #[error("the {0} may not contain U+{code:04X}", code = u32::from(*.1))]
    Forbidden(Part, char),
    /// The domain is neither a host name by IDNA nor an IP address.
    #[error("the domain is not a valid host name")]
    Domain,
    /// Letters of both writing directions in an order that could be read as another name (RFC 5893).
    #[error("the local part mixes writing directions")]
    Directions,
    /// A resource where a bare address was asked for.
    #[error("an address without a resource is needed here")]
    NotBare,
    /// No resource where a full address was asked for.
    #[error("an address with a resource is needed here")]
    NotFull,
}

impl Jid {
    /// Reads and normalises an address (RFC 7622 §3).
    ///
    /// The resource is what follows the first `/`; the local part is what stands before the first
    /// `@` of the rest. Plain lower-case ASCII takes one pass and one allocation.
    pub fn parse(text: &str) -> Result<Self, JidError> {
        if let Some(jid) = Self::parse_plain(text) {
            return Ok(jid);
        }
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(local), domain),
            None => (None, bare),
        };
        Self::from_parts(local, domain, resource)
    }

    /// The address of a host: a server, a service, a component.
    pub fn domain_only(domain: &str) -> Result<Self, JidError> {
        Self::from_parts(None, domain, None)
    }

    /// Normalises and joins parts that are already apart.
    pub fn from_parts(
        local: Option<&str>,
        domain: &str,
        resource: Option<&str>,
    ) -> Result<Self, JidError> {
        let local = local.map(local::normalise).transpose()?;
        let domain = domain::normalise(domain)?;
        let resource = resource.map(resource::normalise).transpose()?;
        Ok(Self::join(local.as_deref(), &domain, resource.as_deref()))
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> Option<&str> {
        (self.local > 0).then(|| &self.text[..usize::from(self.local)])
    }

    /// The host: a name with its labels in Unicode, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn domain(&self) -> &str {
        let start = if self.local > 0 {
            usize::from(self.local) + 1
        } else {
            0
        };
        &self.text[start..usize::from(self.domain)]
    }

    /// The part after the `/`.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        (!self.is_bare()).then(|| &self.text[usize::from(self.domain) + 1..usize::from(self.end)])
    }

    /// The whole normalised address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text[..usize::from(self.end)]
    }

    /// The text of the address without its resource, for a look-up without a clone.
    #[must_use]
    pub fn bare_str(&self) -> &str {
        &self.text[..usize::from(self.domain)]
    }

    /// Whether there is no resource.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.end == self.domain
    }

    /// Whether there is neither local part nor resource.
    #[must_use]
    pub fn is_domain(&self) -> bool {
        self.local == 0 && self.is_bare()
    }

    /// The address without its resource. Shares the text: no allocation.
    #[must_use]
    pub fn bare(&self) -> BareJid {
        BareJid(Self {
            end: self.domain,
            ..self.clone()
        })
    }

    /// The same address, if it has a resource. Shares the text: no allocation.
    #[must_use]
    pub fn full(&self) -> Option<FullJid> {
        (!self.is_bare()).then(|| FullJid(self.clone()))
    }

    /// The one-pass way for an address that is its own normal form: lower-case ASCII throughout,
    /// nothing that needs IDNA. `None` says nothing about validity.
    fn parse_plain(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (mut local, mut at) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'/' => break,
                b'@' if local == 0 && at > 0 => local = at,
                _ if local == 0 && local::is_plain(byte) => {}
                _ if domain::is_plain(byte) => {}
                _ => return None,
            }
            at += 1;
        }
        let domain = if local > 0 {
            &bytes[local + 1..at]
        } else {
            &bytes[..at]
        };
        let resource = bytes.get(at + 1..).unwrap_or_default();
        if (at < bytes.len() && resource.is_empty())
            || !domain::is_plain_name(domain)
            || !resource.iter().copied().all(resource::is_plain)
            || [local, domain.len(), resource.len()]
                .into_iter()
                .any(|length| length > PART_BYTES)
        {
            return None;
        }
        Some(Self {
            text: Arc::from(text),
            local: short(local),
            domain: short(at),
            end: short(bytes.len()),
        })
    }

    /// Joins parts that are in normal form and within [`PART_BYTES`].
    fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Self {
        let local = local.unwrap_or_default();
        let mut text =
            String::with_capacity(local.len() + domain.len() + resource.map_or(0, str::len) + 2);
        if !local.is_empty() {
            text.push_str(local);
            text.push('@');
        }
        text.push_str(domain);
        let end_of_domain = text.len();
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        Self {
            local: short(local.len()),
            domain: short(end_of_domain),
            end: short(text.len()),
            text: text.into(),
        }
    }
}

impl BareJid {
    /// Reads an address that must have no resource; see [`Jid::parse`].
    pub fn parse(text: &str) -> Result<Self, JidError> {
        Jid::parse(text)?.try_into()
    }

    /// Normalises and joins parts that are already apart.
    pub fn new(local: Option<&str>, domain: &str) -> Result<Self, JidError> {
        Jid::from_parts(local, domain, None).map(Self)
    }

    /// The address of one of its resources.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        let resource = resource::normalise(resource)?;
        Ok(FullJid(Jid::join(
            self.local(),
            self.domain(),
            Some(&resource),
        )))
    }
}

impl FullJid {
    /// Reads an address that must have a resource; see [`Jid::parse`].
    pub fn parse(text: &str) -> Result<Self, JidError> {
        Jid::parse(text)?.try_into()
    }

    /// The part after the `/`, which is always there.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.resource().unwrap_or_default()
    }
}

/// A position in an address: three parts of at most 1023 bytes and two borders fit.
fn short(position: usize) -> u16 {
    debug_assert!(position <= 3 * PART_BYTES + 2);
    u16::try_from(position).unwrap_or(u16::MAX)
}

/// Refuses a part that no normalisation can bring within [`PART_BYTES`], before any work on it.
fn worth_normalising(part: Part, text: &str) -> Result<(), JidError> {
    if text.len() > 8 * PART_BYTES {
        Err(JidError::TooLong(part))
    } else {
        Ok(())
    }
}

/// Refuses a part that is empty or too long once it is in normal form.
fn bounded(part: Part, text: Cow<'_, str>) -> Result<Cow<'_, str>, JidError> {
    match text.len() {
        0 => Err(JidError::Empty(part)),
        1..=PART_BYTES => Ok(text),
        _ => Err(JidError::TooLong(part)),
    }
}

impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Jid {}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Deref for BareJid {
    type Target = Jid;

    fn deref(&self) -> &Jid {
        &self.0
    }
}

impl Deref for FullJid {
    type Target = Jid;

    fn deref(&self) -> &Jid {
        &self.0
    }
}

impl From<BareJid> for Jid {
    fn from(jid: BareJid) -> Self {
        jid.0
    }
}

impl From<FullJid> for Jid {
    fn from(jid: FullJid) -> Self {
        jid.0
    }
}

impl TryFrom<Jid> for BareJid {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        if jid.is_bare() {
            Ok(Self(jid))
        } else {
            Err(JidError::NotBare)
        }
    }
}

impl TryFrom<Jid> for FullJid {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        if jid.is_bare() {
            Err(JidError::NotFull)
        } else {
            Ok(Self(jid))
        }
    }
}

/// What the three kinds have in common as texts. `Borrow<str>` is lawful because equality, order
/// and hash are those of the text.
macro_rules! address_text {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl AsRef<str> for $kind {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $kind {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl PartialEq<str> for $kind {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $kind {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }

        impl FromStr for $kind {
            type Err = JidError;

            fn from_str(text: &str) -> Result<Self, JidError> {
                Self::parse(text)
            }
        }
    )*};
}

address_text!(Jid, BareJid, FullJid);

#[cfg(test)]
#[path = "jid/tests.rs"]
mod tests;
