//! What can be wrong with received XML.

use crate::condition::StreamCondition;

/// Why received bytes were refused. Every one of them ends the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum XmlError {
    /// The text breaks a rule of XML 1.0.
    #[error("the XML is not well-formed")]
    NotWellFormed,
    /// The text breaks a rule of Namespaces in XML 1.0: an undeclared prefix, an attribute twice, a
    /// reserved prefix or name bound.
    #[error("the XML is not namespace-well-formed")]
    InvalidNamespace,
    /// A comment, a processing instruction, a DTD or an entity reference other than the five
    /// (RFC 6120 §11.1).
    #[error(
        "the XML has a feature that XMPP forbids (comment, processing instruction, DTD or entity)"
    )]
    RestrictedXml,
    /// The bytes are not UTF-8, or the XML declaration names another encoding (RFC 6120 §11.6).
    #[error("the bytes are not UTF-8")]
    InvalidUtf8,
    /// Something other than white space between two stanzas.
    #[error("there is text between stanzas")]
    TextBetweenStanzas,
    /// An element is longer than [`super::ReaderLimits::element_bytes`].
    #[error("an element is larger than allowed")]
    TooBig,
    /// Elements nest deeper than [`super::ReaderLimits::depth`].
    #[error("elements nest deeper than allowed")]
    TooDeep,
    /// An element has more attributes than [`super::ReaderLimits::attributes`], or more namespaces
    /// are in scope than [`super::ReaderLimits::namespaces`].
    #[error("an element has more attributes or namespaces than allowed")]
    TooManyAttributes,
    /// The input ended inside an element (only where a whole text is parsed at once).
    #[error("the XML ends too early")]
    Unfinished,
}

impl XmlError {
    /// The stream error to close the stream with (RFC 6120 §4.9.3, §11).
    pub fn condition(self) -> StreamCondition {
        match self {
            Self::NotWellFormed | Self::InvalidNamespace | Self::Unfinished => {
                StreamCondition::NotWellFormed
            }
            Self::RestrictedXml => StreamCondition::RestrictedXml,
            Self::InvalidUtf8 => StreamCondition::UnsupportedEncoding,
            Self::TextBetweenStanzas => StreamCondition::BadFormat,
            Self::TooBig | Self::TooDeep | Self::TooManyAttributes => {
                StreamCondition::PolicyViolation
            }
        }
    }
}
