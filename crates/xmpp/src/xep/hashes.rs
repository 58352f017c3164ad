//! XEP-0300: Use of Cryptographic Hash Functions in XMPP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::avatar::decode;
use crate::ns;
use crate::xml::{Element, Writer};

/// More hashes than that of one thing are not read.
pub const MOST_HASHES: usize = 8;

/// A hash function, by the name that it has in `algo` (§3). Others are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashFunction {
    /// `sha-1`: only to recognise what others sent.
    Sha1,
    /// `sha-256`.
    Sha256,
    /// `sha-512`.
    Sha512,
    /// `sha3-256`.
    Sha3_256,
    /// `sha3-512`.
    Sha3_512,
    /// `blake2b-256`, also written `id-blake2b256`.
    Blake2b256,
    /// `blake2b-512`, also written `id-blake2b512`.
    Blake2b512,
}

impl HashFunction {
    /// The function of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sha-1" => Self::Sha1,
            "sha-256" => Self::Sha256,
            "sha-512" => Self::Sha512,
            "sha3-256" => Self::Sha3_256,
            "sha3-512" => Self::Sha3_512,
            "blake2b-256" | "id-blake2b256" => Self::Blake2b256,
            "blake2b-512" | "id-blake2b512" => Self::Blake2b512,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
            Self::Sha512 => "sha-512",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_512 => "sha3-512",
            Self::Blake2b256 => "blake2b-256",
            Self::Blake2b512 => "blake2b-512",
        }
    }

    /// Length of its digests, in bytes.
    #[must_use]
    pub const fn digest_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 | Self::Sha3_256 | Self::Blake2b256 => 32,
            Self::Sha512 | Self::Sha3_512 | Self::Blake2b512 => 64,
        }
    }
}

/// `<hash/>`: a digest and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    /// The function.
    pub function: HashFunction,
    /// Its digest, of the length that the function gives.
    pub digest: Vec<u8>,
}

impl Hash {
    /// Reads `<hash/>`. `None` for other elements, functions that are not known, and digests of another length.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("hash", ns::HASHES) {
            return None;
        }
        let function = HashFunction::named(element.attr("algo")?)?;
        let text = element.text();
        // Longer than any digest with a few line breaks in it.
        let digest = (text.len() <= 256).then(|| decode(&text))??;
        (digest.len() == function.digest_bytes()).then_some(Self { function, digest })
    }

    /// The hashes among the children of an element, at most [`MOST_HASHES`].
    #[must_use]
    pub fn read_all(parent: Element<'_>) -> Vec<Self> {
        parent
            .children()
            .filter_map(Self::read)
            .take(MOST_HASHES)
            .collect()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.start("hash").xmlns(ns::HASHES);
        writer.attr("algo", self.function.name());
        writer.text(&STANDARD.encode(&self.digest)).end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    #[test]
    fn the_example_of_the_specification() {
        let text = "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>";
        let hash = Hash::read(Tree::parse(text).expect("XML").root()).expect("a hash");
        assert_eq!(hash.function, HashFunction::Sha256);
        let mut writer = Writer::new();
        hash.write(&mut writer);
        assert_eq!(writer.finish(), text);
    }

    #[test]
    fn what_is_no_digest_is_not_read() {
        for (algo, text) in [
            ("md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
            ("sha-256", "2AfMGH8O7UNPTvUVAM9aK13mpCY="),
            ("sha-1", "not base64"),
            ("sha-1", ""),
        ] {
            let text = format!("<hash xmlns='urn:xmpp:hashes:2' algo='{algo}'>{text}</hash>");
            assert_eq!(Hash::read(Tree::parse(&text).expect("XML").root()), None);
        }
        let many =
            "<hash xmlns='urn:xmpp:hashes:2' algo='sha-1'>2AfMGH8O7UNPTvUVAM9aK13mpCY=</hash>";
        let tree = Tree::parse(&format!("<a>{}</a>", many.repeat(100))).expect("XML");
        assert_eq!(Hash::read_all(tree.root()).len(), MOST_HASHES);
    }
}
