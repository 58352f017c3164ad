//! XEP-0454: OMEMO Media sharing: `aesgcm:` addresses, as Conversations and its kin send files in the legacy form.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xmpp::xep::encrypted_files::Cipher;
use xmpp::xep::thumbnails::{LONGEST_URI, Thumbnail};
use zeroize::Zeroizing;

use super::cipher::FileKey;

const LONGEST: usize = 4096;
const KEY: usize = 32;

/// Where a file is, and its key. Never to be shown as something that one can open: the key would get to the server
/// (§6). `Debug` shows the address without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct AesgcmAddress {
    url: String,
    key: FileKey,
}

impl AesgcmAddress {
    /// An address for a file that was uploaded to `url`. `None` when that is not `https:`, or the key is not one of
    /// AES-256-GCM (§3).
    #[must_use]
    pub fn new(url: &str, key: FileKey) -> Option<Self> {
        let rest = url.strip_prefix("https://")?;
        let bearable = is_address(rest) && !rest.contains('#') && url.len() <= LONGEST;
        (bearable && key.cipher() == Cipher::Aes256Gcm).then(|| Self {
            url: url.to_owned(),
            key,
        })
    }

    /// Reads an address: `aesgcm://…#` and 88 hexadecimal digits: 12 bytes of initialisation vector and the key; of older
    /// clients 96, with 16 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (rest, fragment) = rest.rsplit_once('#')?;
        if !scheme.eq_ignore_ascii_case("aesgcm") || text.len() > LONGEST || !is_address(rest) {
            return None;
        }
        let bytes = unhexed(fragment)?;
        let (iv, key) = bytes.split_at_checked(bytes.len().checked_sub(KEY)?)?;
        Some(Self {
            url: format!("https://{rest}"),
            key: FileKey::new(Cipher::Aes256Gcm, key, iv)?,
        })
    }

    /// Where the encrypted file is: an `https:` address without the key.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &FileKey {
        &self.key
    }

    /// The address with the key in it: a secret, for the inside of an encrypted message only.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = String::with_capacity(self.url.len() + 100);
        text.push_str("aesgcm");
        text.push_str(self.url.strip_prefix("https").unwrap_or_default());
        text.push('#');
        for byte in self.key.iv().iter().chain(self.key.expose_key()) {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        text
    }
}

impl fmt::Debug for AesgcmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AesgcmAddress")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Host and path that can stand behind `https://`.
fn is_address(rest: &str) -> bool {
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    !host.is_empty()
        && !rest
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
}

fn unhexed(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if ![88, 96].contains(&text.len()) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(48));
    for [high, low] in text.as_bytes().as_chunks::<2>().0 {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    Some(bytes)
}

/// A message that is a file (§4, §5): nothing but the address, perhaps with a small picture in the next line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AesgcmMessage {
    /// Where the file is.
    pub address: AesgcmAddress,
    /// A small, blurred picture of it.
    pub thumbnail: Option<Thumbnail>,
}

impl AesgcmMessage {
    /// Reads a body. `None` when there is anything else in it, as the specification wants it (§5).
    #[must_use]
    pub fn read(body: &str) -> Option<Self> {
        let body = body.trim();
        let (address, second) = match body.split_once('\n') {
            Some((address, second)) => (address.trim_end_matches('\r'), Some(second)),
            None => (body, None),
        };
        let thumbnail = second.map(|line| {
            let data = line.strip_prefix("data:image/jpeg")?;
            // The specification leaves `;base64` out, and so do its readers.
            let data = data
                .strip_prefix(";base64")
                .unwrap_or(data)
                .strip_prefix(',')?;
            let known = line.len() <= LONGEST_URI && STANDARD.decode(data).is_ok();
            known.then(|| Thumbnail {
                uri: format!("data:image/jpeg;base64,{data}"),
                media_type: Some("image/jpeg".into()),
                width: None,
                height: None,
            })
        });
        Some(Self {
            address: AesgcmAddress::parse(address)?,
            thumbnail: match thumbnail {
                None => None,
                Some(thumbnail) => Some(thumbnail?),
            },
        })
    }

    /// The body with the key in it: a secret, for the inside of an encrypted message only. Thumbnails that are no JPEG in
    /// a `data:` address, or too large, are left out.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut body = self.address.expose();
        let data = self
            .thumbnail
            .as_ref()
            .filter(|thumbnail| thumbnail.uri.len() <= LONGEST_URI)
            .and_then(|thumbnail| thumbnail.uri.strip_prefix("data:image/jpeg;base64,"));
        // With anything else in it the body would be taken for words, and the key be shown.
        if let Some(data) = data.filter(|data| STANDARD.decode(data).is_ok()) {
            body.push_str("\ndata:image/jpeg,");
            body.push_str(data);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody else called a picture may be sent on with the file.
    #[test]
    fn a_picture_that_is_none_does_not_make_words_of_the_address() {
        let key = FileKey::new(Cipher::Aes256Gcm, &[1; KEY], &[2; 12]).unwrap();
        let address = AesgcmAddress::new("https://a.example/x", key).unwrap();
        for data in [
            "data:image/png;base64,AAAA",
            "AAA",
            &"A".repeat(LONGEST_URI),
        ] {
            let message = AesgcmMessage {
                address: address.clone(),
                thumbnail: Some(Thumbnail {
                    uri: format!("data:image/jpeg;base64,{data}"),
                    media_type: None,
                    width: None,
                    height: None,
                }),
            };
            let read = AesgcmMessage::read(&message.expose()).unwrap();
            assert_eq!((read.address, read.thumbnail), (address.clone(), None));
        }
    }
}
