//! XEP-0448: Encryption for stateless file sharing: where an encrypted file is, and its key.

use base::Redacted;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::avatar::decode;
use super::file_sharing::read_urls;
use super::hashes::Hash;
use crate::ns;
use crate::xml::{Element, Writer};

/// How a file is encrypted (§4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// `urn:xmpp:ciphers:aes-128-gcm-nopadding:0`: a key of 16 bytes.
    Aes128Gcm,
    /// `urn:xmpp:ciphers:aes-256-gcm-nopadding:0`: a key of 32 bytes. The only one that we send.
    Aes256Gcm,
    /// `urn:xmpp:ciphers:aes-256-cbc-pkcs7:0`: a key of 32 bytes, no tag; only a hash shows what was changed.
    Aes256Cbc,
}

impl Cipher {
    /// The cipher with this namespace.
    #[must_use]
    pub fn named(namespace: &str) -> Option<Self> {
        Some(match namespace {
            "urn:xmpp:ciphers:aes-128-gcm-nopadding:0" => Self::Aes128Gcm,
            "urn:xmpp:ciphers:aes-256-gcm-nopadding:0" => Self::Aes256Gcm,
            "urn:xmpp:ciphers:aes-256-cbc-pkcs7:0" => Self::Aes256Cbc,
            _ => return None,
        })
    }

    /// Its namespace.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "urn:xmpp:ciphers:aes-128-gcm-nopadding:0",
            Self::Aes256Gcm => "urn:xmpp:ciphers:aes-256-gcm-nopadding:0",
            Self::Aes256Cbc => "urn:xmpp:ciphers:aes-256-cbc-pkcs7:0",
        }
    }

    /// Length of its keys, in bytes.
    #[must_use]
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }

    /// Whether an initialisation vector of this length, in bytes, is one of the cipher. GCM's has 12; older clients
    /// send 16.
    #[must_use]
    pub const fn takes_iv(self, length: usize) -> bool {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => length == 12 || length == 16,
            Self::Aes256Cbc => length == 16,
        }
    }
}

/// `<encrypted/>` (§3.1): a source whose bytes need a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedSource {
    /// How it is encrypted.
    pub cipher: Cipher,
    /// The key, as long as the cipher wants it.
    pub key: Redacted<Vec<u8>>,
    /// The initialisation vector, as long as the cipher wants it.
    pub iv: Vec<u8>,
    /// Digests of the encrypted file.
    pub hashes: Vec<Hash>,
    /// Where the encrypted file is: addresses of the web, at most [`super::file_sharing::MOST_SOURCES`].
    pub urls: Vec<String>,
}

impl EncryptedSource {
    /// Reads `<encrypted/>`. `None` for other elements and ciphers, and for keys that do not fit the cipher. Some clients
    /// leave out the cipher; it is then the GCM that takes the key.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("encrypted", ns::ENCRYPTED_FILES) {
            return None;
        }
        let secret = |name: &str| {
            let text = element.child(name, ns::ENCRYPTED_FILES)?.text();
            (text.len() <= 256).then(|| decode(&text))?
        };
        let key = secret("key")?;
        let iv = secret("iv")?;
        let cipher = match (element.attr("cipher"), key.len()) {
            (Some(name), _) => Cipher::named(name)?,
            (None, 16) => Cipher::Aes128Gcm,
            (None, _) => Cipher::Aes256Gcm,
        };
        if key.len() != cipher.key_bytes() || !cipher.takes_iv(iv.len()) {
            return None;
        }
        let sources = element.children().find(|child| child.name() == "sources");
        Some(Self {
            cipher,
            key: Redacted::new(key),
            iv,
            hashes: Hash::read_all(element),
            urls: sources.map(read_urls).unwrap_or_default(),
        })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.start("encrypted").xmlns(ns::ENCRYPTED_FILES);
        writer.attr("cipher", self.cipher.namespace());
        writer.leaf_text("key", None, &STANDARD.encode(self.key.expose()));
        writer.leaf_text("iv", None, &STANDARD.encode(&self.iv));
        for hash in &self.hashes {
            hash.write(writer);
        }
        writer.start("sources").xmlns(ns::FILE_SHARING);
        for url in &self.urls {
            writer.start("url-data").xmlns(ns::URL_DATA);
            writer.attr("target", url).end();
        }
        writer.end().end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    const KEY: &str = "<key>SuRJ2agVm/pQbJQlPq/B23Xt1YOOJCcEGJA5HrcYOGQ=</key>";

    fn read(attributes: &str, inner: &str) -> Option<EncryptedSource> {
        let text = format!("<encrypted xmlns='urn:xmpp:esfs:0' {attributes}>{inner}</encrypted>");
        EncryptedSource::read(Tree::parse(&text).expect("XML").root())
    }

    #[test]
    fn the_example_of_the_specification() {
        let text = format!(
            "<encrypted xmlns='urn:xmpp:esfs:0' cipher='urn:xmpp:ciphers:aes-256-gcm-nopadding:0'>{KEY}<iv>T8RDMBaiqn6Ci4Nw</iv>\
             <hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>BgKI2gp2kNCRsARNvhFmw5kFf9BBo2pTbV2D8XHTMWI=</hash>\
             <sources xmlns='urn:xmpp:sfs:0'><url-data xmlns='http://jabber.org/protocol/url-data' \
             target='https://download.montague.lit/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/encrypted.jpg'/></sources></encrypted>"
        );
        let source = EncryptedSource::read(Tree::parse(&text).expect("XML").root()).expect("read");
        assert_eq!((source.key.expose().len(), source.iv.len()), (32, 12));
        let mut writer = Writer::new();
        source.write(&mut writer);
        assert_eq!(writer.finish(), text);
        assert!(
            !format!("{source:?}").contains("SuRJ"),
            "keys are not shown"
        );
    }

    #[test]
    fn shapes_of_older_clients() {
        let inner = format!(
            "{KEY}<iv>AAAAAAAAAAAAAAAAAAAAAA==</iv><sources><url-data target='https://a.example/x'/></sources>"
        );
        let source = read("", &inner).expect("read");
        assert_eq!(source.cipher, Cipher::Aes256Gcm);
        assert_eq!(source.iv.len(), 16);
        assert_eq!(source.urls, ["https://a.example/x"]);
    }

    #[test]
    fn keys_that_do_not_fit_are_not_read() {
        let gcm = "cipher='urn:xmpp:ciphers:aes-128-gcm-nopadding:0'";
        let cbc = "cipher='urn:xmpp:ciphers:aes-256-cbc-pkcs7:0'";
        let iv = "<iv>T8RDMBaiqn6Ci4Nw</iv>";
        assert_eq!(read(gcm, &format!("{KEY}{iv}")), None);
        assert_eq!(read(cbc, &format!("{KEY}{iv}")), None);
        assert_eq!(read("cipher='rot13'", &format!("{KEY}{iv}")), None);
        assert_eq!(read("", KEY), None);
        assert_eq!(read("", &format!("{KEY}<iv>AAAA</iv>")), None);
        assert_eq!(
            read("", &format!("<key>{}</key>{iv}", "A".repeat(999))),
            None
        );
    }
}
