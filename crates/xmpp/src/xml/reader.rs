//! The incremental reader of a stream.

use std::sync::Arc;

use super::XmlError;
use super::header::{StreamHeader, check_declaration};
use super::names::{CLASS, Rest, SPACE, check};
use super::scan::Scanner;
use super::stanza::{Outline, Outside, Stanza};

/// How elements follow each other on the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One document: `<stream:stream>` stays open around the stanzas (RFC 6120 §4).
    Stream,
    /// Every element is a document of its own (WebSocket, RFC 7395; BOSH). `<open/>` and `<close/>`
    /// are elements like others.
    Frames,
}

/// What the reader lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderLimits {
    /// The longest stanza (or stream header), in bytes, with its tags and white space.
    pub element_bytes: usize,
    /// How deep elements may nest; a stanza has depth 1.
    pub depth: usize,
    /// How many attributes an element may have, namespace declarations among them.
    pub attributes: usize,
    /// How many namespace declarations may be in scope at once, those of the header among them.
    pub namespaces: usize,
}

impl Default for ReaderLimits {
    /// 256 KiB, 64 levels, 64 attributes, 64 namespaces.
    fn default() -> Self {
        Self {
            element_bytes: 256 * 1024,
            depth: 64,
            attributes: 64,
            namespaces: 64,
        }
    }
}

impl ReaderLimits {
    /// For text that was accepted before, and perhaps rewritten since.
    pub(super) fn unlimited(self) -> Self {
        Self {
            element_bytes: usize::MAX,
            depth: usize::from(u16::MAX - 1),
            attributes: usize::MAX,
            namespaces: usize::MAX,
        }
    }
}

/// What comes out of a reader.
#[derive(Debug, Clone)]
pub enum Frame {
    /// The stream header. Only with [`Framing::Stream`].
    Open(StreamHeader),
    /// A first-level element.
    Element(Stanza),
    /// The end tag of the stream. Only with [`Framing::Stream`].
    Close,
}

/// Where the reader is between the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the stream header; `true` when the XML declaration was there.
    Prolog(bool),
    /// In the stream header.
    Header,
    /// Between two first-level elements.
    Between,
    /// In a first-level element.
    Element,
    /// In the end tag of the stream; its `>` is looked for from this offset on.
    End(usize),
    /// The header was empty (`<stream:stream/>`): the end is still to be told.
    Ended,
    /// Behind the end tag of the stream.
    Closed,
}

/// The longest XML declaration, in bytes.
const DECLARATION_BYTES: usize = 256;

/// Incremental validating reader. Feed bytes as they come from the transport, and take frames.
///
/// It keeps only the unfinished rest, and no buffer when there is none. Bytes in pieces give the same
/// frames and the same error as bytes in one. After an error it gives that error again.
#[derive(Debug)]
pub struct Reader {
    framing: Framing,
    stage: Stage,
    scanner: Scanner,
    outline: Outline,
    /// The namespace that elements inherit before any header.
    content: bool,
    header_name: Box<str>,
    lang: Option<Arc<str>>,
    /// Checked text; what stands before `start` is done with.
    buffer: String,
    start: usize,
    /// The begin of a character whose end has not come.
    tail: [u8; 3],
    tail_len: u8,
    /// What comes behind the buffer is illegal.
    fault: Option<XmlError>,
    failed: Option<XmlError>,
    whitespace: u64,
}

impl Reader {
    /// A reader at the begin of a stream.
    pub fn new(framing: Framing, limits: ReaderLimits) -> Self {
        let mut reader = Self {
            framing,
            stage: Stage::Between,
            scanner: Scanner::new(limits),
            outline: Outline::default(),
            content: false,
            header_name: Box::default(),
            lang: None,
            buffer: String::new(),
            start: 0,
            tail: [0; 3],
            tail_len: 0,
            fault: None,
            failed: None,
            whitespace: 0,
        };
        reader.set_limits(limits);
        reader.restart();
        reader
    }

    /// A reader whose elements inherit the content namespace without a header.
    pub(super) fn for_content(framing: Framing, limits: ReaderLimits) -> Self {
        let mut reader = Self::new(framing, limits);
        reader.content = true;
        reader.restart();
        reader
    }

    /// Sets other limits, as after authentication.
    pub fn set_limits(&mut self, limits: ReaderLimits) {
        self.scanner.limits = ReaderLimits {
            // Offsets have 32 bits.
            element_bytes: limits.element_bytes.min(u32::MAX as usize / 2),
            depth: limits.depth.min(usize::from(u16::MAX - 2)),
            ..limits
        };
    }

    /// A new stream begins on the same transport (after SASL; RFC 6120 §4.3.3). Bytes already fed
    /// stay. After STARTTLS, [`Reader::clear`] too: nothing that came before may count.
    pub fn restart(&mut self) {
        self.stage = match self.framing {
            Framing::Stream => Stage::Prolog(false),
            Framing::Frames => Stage::Between,
        };
        self.header_name = Box::default();
        self.lang = None;
        self.outline = Outline::default();
        if self.content {
            self.scanner.set_content_base();
        } else {
            self.scanner.set_no_base();
        }
    }

    /// Forgets all bytes that were fed and not yet taken.
    pub fn clear(&mut self) {
        self.buffer = String::new();
        self.start = 0;
        self.tail_len = 0;
        self.fault = None;
    }

    /// Whether no byte is waiting.
    pub fn is_empty(&self) -> bool {
        self.buffered() == 0
    }

    /// How many bytes are waiting: the unfinished element, and what was not yet taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start + usize::from(self.tail_len)
    }

    /// How many bytes of white space between elements were swallowed so far.
    pub fn whitespace(&self) -> u64 {
        self.whitespace
    }

    /// Takes bytes from the transport.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.fault.is_some() || self.failed.is_some() {
            return;
        }
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        while self.tail_len > 0 && !bytes.is_empty() && self.fault.is_none() {
            let have = usize::from(self.tail_len);
            let mut character = [0; 4];
            character[..have].copy_from_slice(&self.tail[..have]);
            character[have] = bytes[0];
            bytes = &bytes[1..];
            self.tail_len = 0;
            self.keep(&character[..=have]);
        }
        if self.fault.is_none() && !bytes.is_empty() {
            self.keep(bytes);
        }
    }

    /// Appends bytes to the buffer, as far as they are legal.
    fn keep(&mut self, bytes: &[u8]) {
        let checked = check(bytes);
        self.buffer.push_str(checked.text);
        self.keep_rest(&bytes[checked.text.len()..], checked.rest);
    }

    fn keep_rest(&mut self, rest: &[u8], state: Rest) {
        match state {
            Rest::Unfinished => {
                let length = rest.len().min(3);
                self.tail[..length].copy_from_slice(&rest[..length]);
                self.tail_len = length as u8;
            }
            Rest::Bad(error) => self.fault = Some(error),
        }
    }

    /// The next frame; `None` when more bytes are needed.
    #[allow(
        clippy::should_implement_trait,
        reason = "no iterator: it goes on after `None` once more was fed"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, XmlError> {
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.take(&buffer[self.start..], self.fault);
        let (used, frame) = result?;
        self.buffer = buffer;
        self.start += used;
        if self.start == self.buffer.len() {
            self.buffer = String::new();
            self.start = 0;
        }
        Ok(frame)
    }

    /// Reads straight from `bytes`, without a copy where nothing was waiting. What is left when the
    /// input is dropped stays in the reader. The same as [`Reader::feed`] and [`Reader::next`], but
    /// faster.
    pub fn input<'r, 'b>(&'r mut self, bytes: &'b [u8]) -> Input<'r, 'b> {
        let direct = self.is_empty() && self.fault.is_none() && self.failed.is_none();
        if !direct {
            self.feed(bytes);
            return Input {
                reader: self,
                text: "",
                rest: &[],
                state: Rest::Unfinished,
                direct,
            };
        }
        let checked = check(bytes);
        Input {
            reader: self,
            text: checked.text,
            rest: &bytes[checked.text.len()..],
            state: checked.rest,
            direct,
        }
    }

    /// Takes the next frame from `text`, behind which `fault` waits. Gives how much of it is done with.
    fn take(
        &mut self,
        text: &str,
        fault: Option<XmlError>,
    ) -> Result<(usize, Option<Frame>), XmlError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut used = 0;
        let result = loop {
            match self.step(&text[used..]) {
                Ok(Step::Frame(length, frame)) => break Ok((used + length, Some(frame))),
                Ok(Step::Done(length)) => used += length,
                Ok(Step::More(length)) => {
                    used += length;
                    break match fault {
                        Some(error) => Err(error),
                        None => Ok((used, None)),
                    };
                }
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = result {
            self.failed = Some(error);
            self.outline = Outline::default();
            self.scanner.reset();
            self.clear();
        }
        result
    }

    /// One step: white space and then the begin, the end or the whole of something.
    fn step(&mut self, text: &str) -> Result<Step, XmlError> {
        match self.stage {
            Stage::Element => return self.element(text),
            Stage::Header => return self.header(text),
            Stage::End(searched) => return self.end(text, searched),
            Stage::Ended => {
                self.stage = Stage::Closed;
                return Ok(Step::Frame(0, Frame::Close));
            }
            Stage::Prolog(_) | Stage::Between | Stage::Closed => {}
        }
        let bytes = text.as_bytes();
        let blank = bytes
            .iter()
            .position(|&byte| CLASS[byte as usize] & SPACE == 0)
            .unwrap_or(bytes.len());
        if blank > 0 {
            self.whitespace += blank as u64;
            return Ok(Step::Done(blank));
        }
        match (self.stage, bytes) {
            (_, []) => Ok(Step::More(0)),
            (Stage::Prolog(_) | Stage::Between, [b'<']) => Ok(Step::More(0)),
            (Stage::Prolog(false), [b'<', b'?', ..]) => self.declaration(text),
            (Stage::Between, [b'<', b'!']) => Ok(Step::More(0)),
            (Stage::Between, [b'<', b'!', b'[', ..]) => Err(XmlError::TextBetweenStanzas),
            (Stage::Prolog(_) | Stage::Between, [b'<', b'?' | b'!', ..]) => {
                Err(XmlError::RestrictedXml)
            }
            (Stage::Between, [b'<', b'/', ..]) if self.framing == Framing::Stream => {
                self.stage = Stage::End(2);
                Ok(Step::Done(0))
            }
            (Stage::Between, [b'<', ..]) => {
                self.stage = Stage::Element;
                Ok(Step::Done(0))
            }
            (Stage::Prolog(_), [b'<', ..]) => {
                self.stage = Stage::Header;
                Ok(Step::Done(0))
            }
            (Stage::Between, _) if self.framing == Framing::Stream => {
                Err(XmlError::TextBetweenStanzas)
            }
            _ => Err(XmlError::NotWellFormed),
        }
    }

    /// The first of `text`, no longer than an element may be, and whether that is all.
    fn within_limit<'t>(&self, text: &'t str) -> (&'t str, bool) {
        let limit = self.scanner.limits.element_bytes;
        if text.len() <= limit {
            (text, true)
        } else {
            (&text[..text.floor_char_boundary(limit)], false)
        }
    }

    fn element(&mut self, text: &str) -> Result<Step, XmlError> {
        let (text, all) = self.within_limit(text);
        match self.scanner.scan(text, &mut self.outline)? {
            Some(length) => {
                let outside = self.scanner.outside().map(|(text, bindings)| {
                    Arc::new(Outside {
                        text: text.to_owned(),
                        bindings: bindings.to_vec(),
                    })
                });
                let outline = std::mem::take(&mut self.outline);
                let inherits_content = self.scanner.inherits_content();
                self.scanner.reset();
                self.stage = Stage::Between;
                let lang = self.lang.clone();
                let text = &text[..length];
                let stanza = Stanza::new(text, outline, outside, lang, inherits_content);
                Ok(Step::Frame(length, Frame::Element(stanza)))
            }
            None if all => Ok(Step::More(0)),
            None => Err(XmlError::TooBig),
        }
    }

    fn header(&mut self, text: &str) -> Result<Step, XmlError> {
        let (text, all) = self.within_limit(text);
        let mut header = StreamHeader::default();
        match self.scanner.scan_head(text, &mut header)? {
            Some(length) => {
                let text = &text[..length];
                if text.ends_with("/>") {
                    self.stage = Stage::Ended;
                } else {
                    self.stage = Stage::Between;
                    self.scanner.inherit(text);
                }
                self.header_name = match &header.prefix {
                    Some(prefix) => format!("{prefix}:{}", header.name).into(),
                    None => header.name.as_str().into(),
                };
                self.lang = header
                    .lang
                    .as_deref()
                    .filter(|lang| !lang.is_empty())
                    .map(Arc::from);
                Ok(Step::Frame(length, Frame::Open(header)))
            }
            None if all => Ok(Step::More(0)),
            None => Err(XmlError::TooBig),
        }
    }

    /// The end tag of the stream.
    fn end(&mut self, text: &str, searched: usize) -> Result<Step, XmlError> {
        let (text, all) = self.within_limit(text);
        let Some(found) = memchr::memchr(b'>', &text.as_bytes()[searched..]) else {
            self.stage = Stage::End(text.len());
            return if all {
                Ok(Step::More(0))
            } else {
                Err(XmlError::TooBig)
            };
        };
        let end = searched + found;
        let rest = text[2..end].strip_prefix(&*self.header_name);
        if !rest.is_some_and(|rest| rest.bytes().all(|byte| CLASS[byte as usize] & SPACE != 0)) {
            return Err(XmlError::NotWellFormed);
        }
        self.stage = Stage::Closed;
        Ok(Step::Frame(end + 1, Frame::Close))
    }

    /// The XML declaration (XML 1.0 §2.8), which nobody needs and many send.
    fn declaration(&mut self, text: &str) -> Result<Step, XmlError> {
        let bytes = text.as_bytes();
        let opening = b"<?xml";
        let have = bytes.len().min(opening.len());
        let is_other = |byte: &u8| CLASS[*byte as usize] & SPACE == 0;
        if bytes[..have] != opening[..have] || bytes.get(have).is_some_and(is_other) {
            return Err(XmlError::RestrictedXml);
        }
        let window = &bytes[..bytes.len().min(DECLARATION_BYTES)];
        match memchr::memchr(b'>', window) {
            Some(end) => {
                check_declaration(&text[have..end])?;
                self.stage = Stage::Prolog(true);
                Ok(Step::Done(end + 1))
            }
            None if window.len() == DECLARATION_BYTES => Err(XmlError::NotWellFormed),
            None => Ok(Step::More(0)),
        }
    }
}

/// What one step did, and how many bytes are done with.
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one call; a box would be an allocation"
)]
enum Step {
    /// Something else can follow.
    Done(usize),
    /// More bytes are needed.
    More(usize),
    Frame(usize, Frame),
}

/// Bytes from the transport, being read; see [`Reader::input`].
#[derive(Debug)]
pub struct Input<'r, 'b> {
    reader: &'r mut Reader,
    /// What is left of the legal text.
    text: &'b str,
    rest: &'b [u8],
    state: Rest,
    /// Whether frames come from `text` and not from the reader's buffer.
    direct: bool,
}

impl Input<'_, '_> {
    /// The next frame; `None` when more bytes are needed.
    #[allow(
        clippy::should_implement_trait,
        reason = "no iterator: it goes on after `None` once more was fed"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, XmlError> {
        if !self.direct {
            return self.reader.next();
        }
        let fault = match self.state {
            Rest::Unfinished => None,
            Rest::Bad(error) => Some(error),
        };
        let (used, frame) = self.reader.take(self.text, fault)?;
        self.text = &self.text[used..];
        Ok(frame)
    }

    /// Sets other limits; see [`Reader::set_limits`].
    pub fn set_limits(&mut self, limits: ReaderLimits) {
        self.reader.set_limits(limits);
    }

    /// A new stream begins with the bytes that are left; see [`Reader::restart`].
    pub fn restart(&mut self) {
        self.reader.restart();
    }

    /// Forgets the bytes that are left, and those that the reader holds; see [`Reader::clear`].
    pub fn clear(&mut self) {
        self.text = "";
        self.rest = &[];
        self.state = Rest::Unfinished;
        self.reader.clear();
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.text.len() + self.rest.len() + self.reader.buffered()
    }
}

impl Drop for Input<'_, '_> {
    fn drop(&mut self) {
        if self.direct && self.reader.failed.is_none() {
            self.reader.buffer.push_str(self.text);
            self.reader.keep_rest(self.rest, self.state);
        }
    }
}
