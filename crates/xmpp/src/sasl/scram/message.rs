//! The grammar of RFC 5802 §7.

use std::borrow::Cow;

use crate::sasl::SaslError;

/// What the client says about channel binding in its first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BindingFlag<'a> {
    /// `n`: it does not support channel binding.
    Unsupported,
    /// `y`: it does, and believes that the server does not.
    NotOffered,
    /// `p=`: it uses this one.
    Used(&'a str),
}

/// `client-first-message`.
#[derive(Debug)]
pub(super) struct First<'a> {
    pub(super) flag: BindingFlag<'a>,
    pub(super) authorization: Option<Cow<'a, str>>,
    /// `gs2-header`, that is all before `bare`.
    pub(super) header: &'a str,
    /// `client-first-message-bare`.
    pub(super) bare: &'a str,
    pub(super) username: Cow<'a, str>,
    pub(super) nonce: &'a str,
}

impl<'a> First<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<First<'a>, SaslError> {
        let message = text(message)?;
        let (flag, rest) = message.split_once(',').ok_or(SaslError::Malformed)?;
        let (authorization, bare) = rest.split_once(',').ok_or(SaslError::Malformed)?;
        let header = &message[..message.len() - bare.len()];
        let flag = match flag {
            "n" => BindingFlag::Unsupported,
            "y" => BindingFlag::NotOffered,
            other => match other.strip_prefix("p=") {
                Some(name) if !name.is_empty() => BindingFlag::Used(name),
                _ => return Err(SaslError::Malformed),
            },
        };
        let authorization = match authorization {
            "" => None,
            other => Some(unescape(
                other.strip_prefix("a=").ok_or(SaslError::Malformed)?,
            )?),
        };
        let mut attributes = Attributes(bare);
        // A mandatory extension (`m=`) comes before the name, and none is known here (RFC 5802 §5.1).
        let username = unescape(attributes.expect('n')?)?;
        let nonce = printable(attributes.expect('r')?)?;
        attributes.skip_extensions()?;
        if username.is_empty() {
            return Err(SaslError::Malformed);
        }
        Ok(First {
            flag,
            authorization,
            header,
            bare,
            username,
            nonce,
        })
    }
}

/// `server-first-message`.
pub(super) struct Challenge<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
    /// XEP-0474's attribute.
    pub(super) advertised: Option<&'a str>,
}

impl<'a> Challenge<'a> {
    pub(super) fn parse(message: &'a str) -> Result<Challenge<'a>, SaslError> {
        let mut attributes = Attributes(message);
        let nonce = printable(attributes.expect('r')?)?;
        let salt = crate::sasl::decode(attributes.expect('s')?)?;
        let iterations = attributes
            .expect('i')?
            .parse()
            .map_err(|_| SaslError::Malformed)?;
        let mut advertised = None;
        while let Some((name, value)) = attributes.next()? {
            if name == 'h' && advertised.replace(value).is_some() {
                return Err(SaslError::Malformed);
            }
        }
        Ok(Challenge {
            nonce,
            salt,
            iterations,
            advertised,
        })
    }
}

/// `client-final-message`.
pub(super) struct Final<'a> {
    /// `client-final-message-without-proof`.
    pub(super) without_proof: &'a str,
    /// Decoded `channel-binding`.
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    /// Decoded proof.
    pub(super) proof: Vec<u8>,
}

impl<'a> Final<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Final<'a>, SaslError> {
        let message = text(message)?;
        // The proof is last and base64 has no comma.
        let at = message.rfind(",p=").ok_or(SaslError::Malformed)?;
        let (without_proof, proof) = (&message[..at], &message[at + 3..]);
        let mut attributes = Attributes(without_proof);
        let binding = crate::sasl::decode(attributes.expect('c')?)?;
        let nonce = printable(attributes.expect('r')?)?;
        attributes.skip_extensions()?;
        Ok(Final {
            without_proof,
            binding,
            nonce,
            proof: crate::sasl::decode(proof)?,
        })
    }
}

/// Comma-separated `name=value`.
struct Attributes<'a>(&'a str);

impl<'a> Attributes<'a> {
    fn next(&mut self) -> Result<Option<(char, &'a str)>, SaslError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (attribute, rest) = match self.0.split_once(',') {
            // A comma with nothing behind it is none of the grammar's.
            Some((_, "")) => return Err(SaslError::Malformed),
            Some(parts) => parts,
            None => (self.0, ""),
        };
        self.0 = rest;
        let (name, value) = attribute.split_once('=').ok_or(SaslError::Malformed)?;
        let mut letters = name.chars();
        match (letters.next(), letters.next()) {
            (Some(name), None) if name.is_ascii_alphabetic() && !value.is_empty() => {
                Ok(Some((name, value)))
            }
            _ => Err(SaslError::Malformed),
        }
    }

    fn expect(&mut self, wanted: char) -> Result<&'a str, SaslError> {
        match self.next()? {
            Some((name, value)) if name == wanted => Ok(value),
            _ => Err(SaslError::Malformed),
        }
    }

    fn skip_extensions(&mut self) -> Result<(), SaslError> {
        while self.next()?.is_some() {}
        Ok(())
    }
}

fn text(message: &[u8]) -> Result<&str, SaslError> {
    std::str::from_utf8(message)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or(SaslError::Malformed)
}

fn printable(nonce: &str) -> Result<&str, SaslError> {
    let good = !nonce.is_empty() && nonce.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    good.then_some(nonce).ok_or(SaslError::Malformed)
}

/// `=2C` and `=3D` to `,` and `=`; any other `=` is an error.
fn unescape(name: &str) -> Result<Cow<'_, str>, SaslError> {
    if !name.contains('=') {
        return Ok(Cow::Borrowed(name));
    }
    let mut parts = name.split('=');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (letter, rest) = if let Some(rest) = part.strip_prefix("2C") {
            (',', rest)
        } else if let Some(rest) = part.strip_prefix("3D") {
            ('=', rest)
        } else {
            return Err(SaslError::Malformed);
        };
        out.push(letter);
        out.push_str(rest);
    }
    Ok(Cow::Owned(out))
}

pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}
