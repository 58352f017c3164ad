//! XEP-0363: HTTP File Upload.

use std::fmt::Write as _;

use base::Timestamp;

use crate::condition::{ErrorType, StanzaCondition, StanzaError};
use crate::ns;
use crate::sasl::ScramHash;
use crate::xep::data_form::{DataForm, Field, FormKind};
use crate::xml::{Element, Writer};

/// Longest file name, in bytes: what file systems take.
pub const LONGEST_NAME: usize = 255;
/// Longest media type, in bytes.
const LONGEST_TYPE: usize = 255;

/// What a file is for (§5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Sent in a message; also when the request names none.
    #[default]
    Message,
    /// An avatar or the like.
    Profile,
    /// Not to be had after this time.
    Ephemeral(Timestamp),
    /// For good.
    Permanent,
}

/// `<request/>` (§4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRequest {
    /// Name of the file, without folders and control characters, at most [`LONGEST_NAME`] bytes.
    pub filename: String,
    /// Its exact size in bytes, at least one.
    pub size: u64,
    /// Its media type, if a well-formed one is given.
    pub content_type: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
}

impl SlotRequest {
    /// Reads `<request/>`.
    ///
    /// # Errors
    /// `bad-request` when name or size are missing or cannot be used, or the time of an ephemeral
    /// file is none; `not-acceptable` when the name is too long, or the purpose is not known.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        let filename = element
            .attr("filename")
            .and_then(clean_name)
            .ok_or_else(|| bad("The request needs the attribute filename: the name of a file."))?;
        if filename.len() > LONGEST_NAME {
            return Err(StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
                "The name of the file is longer than {LONGEST_NAME} bytes; please choose a shorter one."
            )));
        }
        let size = element
            .attr("size")
            .and_then(|size| size.trim().parse().ok())
            .filter(|size| *size > 0)
            .ok_or_else(|| {
                bad("The request needs the attribute size: a number of bytes, at least 1.")
            })?;
        let content_type = element.attr("content-type").map(str::trim);
        let mut purpose = Purpose::Message;
        for child in element
            .children()
            .filter(|child| child.namespace() == ns::HTTP_UPLOAD_PURPOSE)
        {
            purpose = match child.name() {
                "message" => Purpose::Message,
                "profile" => Purpose::Profile,
                "permanent" => Purpose::Permanent,
                "ephemeral" => Purpose::Ephemeral(
                    child
                        .attr("expire-before")
                        .and_then(|time| Timestamp::parse(time).ok())
                        .ok_or_else(|| bad("An ephemeral file needs expire-before: a time such as 2025-09-10T23:08:25Z."))?,
                ),
                _ => return Err(unknown_purpose()),
            };
        }
        Ok(Self {
            filename,
            size,
            content_type: content_type
                .filter(|text| is_media_type(text))
                .map(Into::into),
            purpose,
        })
    }
}

/// The error for a purpose that this service does not offer.
pub fn unknown_purpose() -> StanzaError {
    StanzaError::new(StanzaCondition::NotAcceptable)
        .text("This service does not keep files for that purpose; see its service discovery for those that it offers.")
}

/// The last part of a path, without what no name should have in it.
pub(super) fn clean_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next()?;
    let clean: String = last
        .chars()
        .filter(|character| !character.is_control() && !is_reordering(*character))
        .collect();
    let clean = clean.trim();
    (!clean.is_empty() && clean != "." && clean != "..").then(|| clean.to_owned())
}

/// Characters that make a name read differently from what it is (`gpj.exe` for `exe.jpg`).
fn is_reordering(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether `text` is a media type (RFC 9110 §8.3.1), parameters included.
pub fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    text.len() <= LONGEST_TYPE
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// The key under which a file is kept: from the secret in its address, so that neither records nor
/// names of objects give away an address. 32 characters, lower-case hexadecimal.
#[must_use]
pub fn key_of(secret: &str) -> String {
    let digest = ScramHash::Sha256.digest(secret.as_bytes());
    let mut key = String::with_capacity(32);
    for byte in digest.expose().iter().take(16) {
        let _ = write!(key, "{byte:02x}");
    }
    key
}

/// What is kept of the token that fills a slot: its SHA-256.
#[must_use]
pub fn token_digest(token: &str) -> [u8; 32] {
    let digest = ScramHash::Sha256.digest(token.as_bytes());
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(digest.expose()) {
        *to = *from;
    }
    bytes
}

/// A name as the last segment of a path (RFC 3986 §3.3): everything but unreserved characters encoded.
#[must_use]
pub fn encode_segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 16);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The name of a file as it stands in the last segment of an address, without what no name should have in it.
#[must_use]
pub fn decode_segment(segment: &str) -> Option<String> {
    clean_name(&percent_decoded(segment)?).filter(|name| name.len() <= LONGEST_NAME)
}

/// `None` when what is encoded is no UTF-8, or a `%` has no two digits.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
            bytes.push((high? << 4 | low?) as u8);
            rest = after;
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// `<slot/>` (§4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Where the file is to be put.
    pub put: String,
    /// Value of the header `Authorization` of that request.
    pub authorization: Option<String>,
    /// Where it can be had afterwards.
    pub get: String,
}

impl Slot {
    /// The slot as XML.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(512);
        writer.start("slot").xmlns(ns::HTTP_UPLOAD);
        writer.start("put").attr("url", &self.put);
        if let Some(authorization) = &self.authorization {
            writer.start("header").attr("name", "Authorization");
            writer.text(authorization).end();
        }
        writer.end();
        writer.start("get").attr("url", &self.get).end();
        writer.end();
        writer.finish()
    }
}

/// The form of service discovery that tells the largest size (§3).
#[must_use]
pub fn limits_form(max_file_size: u64) -> DataForm {
    DataForm::new(FormKind::Result, ns::HTTP_UPLOAD).with(Field {
        var: "max-file-size".into(),
        values: vec![max_file_size.to_string()],
        ..Field::default()
    })
}

/// The error for a file above the largest size (§6).
#[must_use]
pub fn file_too_large(max_file_size: u64) -> StanzaError {
    let mut app = Writer::new();
    app.start("file-too-large").xmlns(ns::HTTP_UPLOAD);
    app.leaf_text("max-file-size", None, &max_file_size.to_string());
    app.end();
    StanzaError::new(StanzaCondition::NotAcceptable)
        .kind(ErrorType::Modify)
        .text(format!(
            "File too large. The maximum file size is {max_file_size} bytes"
        ))
        .app(app.finish())
}

/// The error for someone who may try again, at `stamp` if that is known (§6).
#[must_use]
pub fn try_again(text: impl Into<String>, stamp: Option<Timestamp>) -> StanzaError {
    let error = StanzaError::new(StanzaCondition::ResourceConstraint)
        .kind(ErrorType::Wait)
        .text(text);
    match stamp {
        Some(stamp) => {
            // XEP-0082: whole seconds, not earlier than the time itself.
            let stamp = Timestamp::from_seconds(stamp.seconds().saturating_add(1));
            let mut app = Writer::new();
            app.start("retry").xmlns(ns::HTTP_UPLOAD);
            app.attr("stamp", stamp.to_string()).end();
            error.app(app.finish())
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Result<SlotRequest, StanzaError> {
        SlotRequest::read(Tree::parse(text).expect("XML").root())
    }

    fn request(attributes: &str, inner: &str) -> Result<SlotRequest, StanzaError> {
        read(&format!(
            "<request xmlns='urn:xmpp:http:upload:0' {attributes}>{inner}</request>"
        ))
    }

    #[test]
    fn requests_of_the_specification() {
        let asked = request(
            "filename='très cool.jpg' size='23456' content-type='image/jpeg'",
            "",
        );
        let expected = SlotRequest {
            filename: "très cool.jpg".into(),
            size: 23456,
            content_type: Some("image/jpeg".into()),
            purpose: Purpose::Message,
        };
        assert_eq!(asked, Ok(expected));
        let purpose = |inner| {
            request("filename='a' size='1'", inner)
                .map(|request| request.purpose)
                .map_err(|error| error.condition)
        };
        assert_eq!(
            purpose("<profile xmlns='urn:xmpp:http:upload:purpose:0'/>"),
            Ok(Purpose::Profile)
        );
        assert_eq!(
            purpose("<permanent xmlns='urn:xmpp:http:upload:purpose:0'/>"),
            Ok(Purpose::Permanent)
        );
        let time = Timestamp::parse("2025-09-10T23:08:25Z").expect("a time");
        assert_eq!(
            purpose(
                "<ephemeral xmlns='urn:xmpp:http:upload:purpose:0' expire-before='2025-09-10T23:08:25Z'/>"
            ),
            Ok(Purpose::Ephemeral(time))
        );
        assert_eq!(
            purpose("<ephemeral xmlns='urn:xmpp:http:upload:purpose:0'/>"),
            Err(StanzaCondition::BadRequest)
        );
        assert_eq!(
            purpose("<other xmlns='urn:xmpp:http:upload:purpose:0'/>"),
            Err(StanzaCondition::NotAcceptable)
        );
    }

    #[test]
    fn what_cannot_be_asked_for() {
        for attributes in [
            "filename='a'",
            "size='1'",
            "filename='' size='1'",
            "filename='..' size='1'",
            "filename='a/' size='1'",
            "filename='a' size='0'",
            "filename='a' size='-1'",
            "filename='a' size='many'",
            "filename='a' size='99999999999999999999999'",
        ] {
            let condition = request(attributes, "").map_err(|error| error.condition);
            assert_eq!(
                condition.err(),
                Some(StanzaCondition::BadRequest),
                "{attributes}"
            );
        }
        let long = format!("filename='{}' size='1'", "é".repeat(128));
        assert_eq!(
            request(&long, "").map_err(|error| error.condition).err(),
            Some(StanzaCondition::NotAcceptable)
        );
    }

    #[test]
    fn names_are_the_last_part_of_a_path() {
        let name = |filename: &str| {
            request(&format!("filename='{filename}' size='1'"), "")
                .map(|request| request.filename)
                .ok()
        };
        assert_eq!(name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(name("C:\\photos\\a b.jpg").as_deref(), Some("a b.jpg"));
        assert_eq!(
            name("photo\u{202e}gpj.exe").as_deref(),
            Some("photogpj.exe")
        );
        assert_eq!(name("a&#10;b.txt").as_deref(), Some("ab.txt"));
        assert_eq!(
            encode_segment("très cool.jpg"),
            "tr%C3%A8s%20cool.jpg",
            "XEP-0363 §4"
        );
        assert_eq!(
            decode_segment("tr%C3%A8s%20cool.jpg").as_deref(),
            Some("très cool.jpg")
        );
        assert_eq!(
            decode_segment("..%2F..%2Fpasswd").as_deref(),
            Some("passwd")
        );
        assert_eq!(decode_segment("%FF"), None);
    }

    #[test]
    fn media_types() {
        for good in [
            "image/jpeg",
            "text/plain; charset=utf-8",
            "application/vnd.x+xml",
        ] {
            assert!(is_media_type(good), "{good}");
        }
        for wrong in ["", "image", "image/", "/a", "a b/c", "a/b\r\nX: y", "ä/b"] {
            assert!(!is_media_type(wrong), "{wrong}");
        }
        let asked = request("filename='a' size='1' content-type='nonsense'", "");
        assert_eq!(asked.expect("a request").content_type, None);
    }

    #[test]
    fn answers_of_the_specification() {
        let slot = Slot {
            put: "https://a/x%20y".into(),
            authorization: Some("Bearer abc".into()),
            get: "https://a/x%20y".into(),
        };
        assert_eq!(
            slot.to_xml(),
            "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://a/x%20y'>\
             <header name='Authorization'>Bearer abc</header></put><get url='https://a/x%20y'/></slot>"
        );
        assert_eq!(
            file_too_large(20000).app.as_deref(),
            Some(
                "<file-too-large xmlns='urn:xmpp:http:upload:0'><max-file-size>20000</max-file-size></file-too-large>"
            )
        );
        let stamp = Timestamp::parse("2017-12-03T23:42:04.2Z").ok();
        assert_eq!(
            try_again("Quota reached", stamp).app.as_deref(),
            Some("<retry xmlns='urn:xmpp:http:upload:0' stamp='2017-12-03T23:42:05Z'/>")
        );
    }

    #[test]
    fn keys_tell_nothing_and_stay_the_same() {
        // printf secret | sha256sum
        assert_eq!(key_of("secret"), "2bb80d537b1da3e38bd30361aa855686");
        assert_eq!(token_digest("secret")[..2], [0x2b, 0xb8]);
    }
}
