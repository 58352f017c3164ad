//! What the two devices tell each other in encrypted messages: `<history xmlns='urn:hauspost:history:0'/>`.

use base::Redacted;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use super::code::decode;
use super::handshake::Answer;

/// Most chunks of one hand-over.
const MOST_CHUNKS: usize = 16_384;
const LONGEST_URL: usize = 4096;

/// Where a chunk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Its address, `https:`.
    pub url: Redacted<String>,
    /// Its size, in bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
}

/// The answer of the device that scanned, and where chunks are. A long history goes in several of them: those behind the
/// first have no answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The answer.
    pub answer: Option<Answer>,
    /// The number of the first of `chunks`.
    pub first: u32,
    /// Where they are, in their order.
    pub chunks: Vec<ChunkPlace>,
}

impl Offer {
    /// Reads `<history/>`. `None` for other elements, and when anything in it cannot be used.
    #[must_use]
    pub fn read(element: Element<'_>) -> Option<Self> {
        if !element.is("history", ns::HISTORY) {
            return None;
        }
        let bytes = |element: Element<'_>, name: &str| {
            let mut bytes = [0; 32];
            decode(element.attr(name)?, &mut bytes)?;
            Some(bytes)
        };
        let answer = match (element.attr("key"), element.attr("proof")) {
            (None, None) => None,
            _ => Some(Answer {
                key: bytes(element, "key")?,
                proof: bytes(element, "proof")?,
            }),
        };
        let mut chunks = Vec::new();
        for child in element
            .children()
            .filter(|child| child.is("chunk", ns::HISTORY))
        {
            let url = child.attr("url")?;
            let bearable = url.starts_with("https://") && url.len() <= LONGEST_URL;
            if !bearable || chunks.len() == MOST_CHUNKS {
                return None;
            }
            chunks.push(ChunkPlace {
                url: Redacted::new(url.to_owned()),
                size: child.attr("size")?.parse().ok()?,
                hash: bytes(child, "hash")?,
            });
        }
        let first = match element.attr("first") {
            Some(first) if !chunks.is_empty() => first.parse().ok()?,
            _ => 0,
        };
        Some(Self {
            answer,
            first,
            chunks,
        })
    }

    /// The offer as XML. It belongs into an encrypted message.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(256 + self.chunks.len() * 200);
        writer.start("history").xmlns(ns::HISTORY);
        if let Some(answer) = &self.answer {
            writer
                .attr("key", URL_SAFE_NO_PAD.encode(answer.key))
                .attr("proof", URL_SAFE_NO_PAD.encode(answer.proof));
        }
        if !self.chunks.is_empty() {
            writer.attr("first", self.first.to_string());
        }
        for chunk in &self.chunks {
            writer
                .start("chunk")
                .attr("url", chunk.url.expose())
                .attr("size", chunk.size.to_string())
                .attr("hash", URL_SAFE_NO_PAD.encode(chunk.hash))
                .end();
        }
        writer.end();
        writer.finish()
    }
}
