//! The grammar: one pass over an element, byte by byte where it must and in bulk where it can.
//!
//! The scanner remembers where it is, so that it can go on when more bytes come, and looks at no byte
//! more often than a fixed number of times. A tag is read in one go; when its end is not there yet,
//! only that end is looked for until it is, and nothing is said about the tag before. So input in
//! pieces gives the same result as input in one.

mod tag;

use smallvec::SmallVec;

use super::XmlError::{self, *};
use super::found::{Binding, Namespace, Sink, Span};
use super::names::{CLASS, SPACE};
use super::reader::ReaderLimits;
use super::reference::{Reference, parse as parse_reference};

/// An element that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    name: Span,
    /// How many bindings were in scope before it.
    bindings: u16,
    /// The index of the binding of the default namespace before it.
    default: u16,
}

/// What the scanner is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Character data that began there.
    Content { start: usize },
    /// A tag at `position` whose end is looked for from `searched` on, inside of that quote or none.
    Tag { searched: usize, quote: u8 },
    /// A CDATA section whose content began there.
    Cdata { start: usize },
}

/// Why a tag could not be read.
enum Fail {
    /// Its end is not there yet.
    Unfinished,
    Error(XmlError),
}

impl From<XmlError> for Fail {
    fn from(error: XmlError) -> Self {
        Self::Error(error)
    }
}

/// Scans one element after another. All positions count from the start of the element.
#[derive(Debug)]
pub(super) struct Scanner {
    position: usize,
    mode: Mode,
    stack: SmallVec<[Open; 8]>,
    bindings: SmallVec<[Binding; 4]>,
    /// How many bindings come from outside.
    base: usize,
    /// The index of the binding of the default namespace.
    default: u16,
    /// Names from outside, then those of the element that were written with references.
    outside: String,
    outside_base: usize,
    /// Whether the element uses anything of `outside`.
    leans: bool,
    pub(super) limits: ReaderLimits,
}

/// What is larger than every level.
const UNUSED: u16 = u16::MAX;

impl Scanner {
    /// A scanner for elements that inherit no namespace.
    pub(super) fn new(limits: ReaderLimits) -> Self {
        let mut scanner = Self {
            position: 0,
            mode: Mode::Content { start: 0 },
            stack: SmallVec::new(),
            bindings: SmallVec::new(),
            base: 1,
            default: 0,
            outside: String::new(),
            outside_base: 0,
            leans: false,
            limits,
        };
        scanner.clear_base(Namespace::None);
        scanner
    }

    fn clear_base(&mut self, default: Namespace) {
        self.outside = String::new();
        self.outside_base = 0;
        self.base = 1;
        self.bindings = SmallVec::new();
        self.bindings.push(Binding {
            prefix: Span::default(),
            namespace: default,
            level: 0,
        });
        self.reset();
    }

    /// Elements inherit no namespace.
    pub(super) fn set_no_base(&mut self) {
        self.clear_base(Namespace::None);
    }

    /// Elements inherit the content namespace as default.
    pub(super) fn set_content_base(&mut self) {
        self.clear_base(Namespace::Content);
    }

    /// Elements inherit these declarations; the first is that of the default namespace.
    pub(super) fn set_base(&mut self, outside: &str, bindings: &[Binding]) {
        self.clear_base(Namespace::None);
        if let Some(default) = bindings.first() {
            self.outside = outside.to_owned();
            self.outside_base = outside.len();
            self.bindings = SmallVec::from_slice(bindings);
            self.base = bindings.len();
            self.reset();
            debug_assert_eq!(default.prefix.len(), 0);
        }
    }

    /// Elements inherit what is declared in the tag that was just scanned with
    /// [`Scanner::scan_head`], whose text this is.
    pub(super) fn inherit(&mut self, text: &str) {
        let mut outside = String::new();
        let mut base: SmallVec<[Binding; 4]> = SmallVec::new();
        let mut keep = |words: &str| {
            let start = outside.len();
            outside.push_str(words);
            Span::new(start, start + words.len())
        };
        let default = self.bindings[self.default as usize];
        let prefixed = self
            .bindings
            .iter()
            .filter(|binding| binding.prefix.len() > 0);
        for binding in std::iter::once(&default).chain(prefixed) {
            let prefix = keep(binding.prefix.of(text));
            let namespace = match binding.namespace {
                Namespace::Text(_) | Namespace::Outside(_) => {
                    Namespace::Outside(keep(binding.namespace.name(text, &self.outside)))
                }
                other => other,
            };
            base.push(Binding {
                prefix,
                namespace,
                level: 0,
            });
        }
        self.set_base(&outside, &base);
    }

    /// Begins with the element that stands there in the text; positions still count from the start of
    /// the text.
    pub(super) fn begin_at(&mut self, at: usize) {
        self.position = at;
        self.mode = Mode::Content { start: at };
    }

    /// Names from outside and those that were written with references.
    pub(super) fn into_outside(self) -> String {
        self.outside
    }

    /// Makes ready for the next element.
    pub(super) fn reset(&mut self) {
        self.position = 0;
        self.mode = Mode::Content { start: 0 };
        if self.stack.spilled() {
            self.stack = SmallVec::new();
        } else {
            self.stack.clear();
        }
        if self.bindings.spilled() && self.base <= 4 {
            self.bindings = SmallVec::from_slice(&self.bindings[..self.base]);
        } else {
            self.bindings.truncate(self.base);
        }
        self.default = 0;
        self.leans = false;
        if self.outside.len() > self.outside_base {
            self.outside.truncate(self.outside_base);
            self.outside.shrink_to_fit();
        }
    }

    /// Whether elements inherit the content namespace as default.
    pub(super) fn inherits_content(&self) -> bool {
        self.bindings
            .first()
            .is_some_and(|base| base.namespace == Namespace::Content)
    }

    /// What the element takes from outside; `None` when nothing.
    pub(super) fn outside(&self) -> Option<(&str, &[Binding])> {
        self.leans
            .then(|| (self.outside.as_str(), &self.bindings[..self.base]))
    }

    /// Goes on with the element that `text` begins with. Gives its length when it ends in `text`, and
    /// `None` when more is needed: then call again with the same text and more behind it.
    pub(super) fn scan(
        &mut self,
        text: &str,
        sink: &mut impl Sink,
    ) -> Result<Option<usize>, XmlError> {
        let bytes = text.as_bytes();
        loop {
            match self.mode {
                Mode::Content { start } => {
                    match bytes.get(self.position) {
                        None => return Ok(None),
                        Some(b'<') => {}
                        Some(_) => {
                            if !self.content(text, start, sink)? {
                                return Ok(None);
                            }
                        }
                    }
                    if !self.markup(text, sink)? {
                        return Ok(None);
                    }
                }
                Mode::Tag { .. } => {
                    if !self.tag_is_whole(bytes) {
                        return Ok(None);
                    }
                    if !self.markup(text, sink)? {
                        return Ok(None);
                    }
                }
                Mode::Cdata { start } => {
                    if !self.cdata(text, start, sink) {
                        return Ok(None);
                    }
                }
            }
            if self.stack.is_empty() {
                return Ok(Some(self.position));
            }
        }
    }

    /// Reads only the start tag that `text` begins with. Gives its length when it is whole.
    pub(super) fn scan_head(
        &mut self,
        text: &str,
        sink: &mut impl Sink,
    ) -> Result<Option<usize>, XmlError> {
        if matches!(self.mode, Mode::Tag { .. }) && !self.tag_is_whole(text.as_bytes()) {
            return Ok(None);
        }
        Ok(self.markup(text, sink)?.then_some(self.position))
    }

    /// Goes over character data up to the next `<`; `false` when that is not there yet.
    fn content(
        &mut self,
        text: &str,
        start: usize,
        sink: &mut impl Sink,
    ) -> Result<bool, XmlError> {
        let bytes = text.as_bytes();
        let mut start = start;
        let mut run = self.position;
        loop {
            let rest = &bytes[self.position..];
            let Some(found) = memchr::memchr3(b'<', b'&', b'>', rest) else {
                sink.text(text, Span::new(run, bytes.len()));
                self.position = bytes.len();
                self.mode = Mode::Content { start };
                return Ok(false);
            };
            self.position += found;
            let at = self.position;
            match bytes[at] {
                b'>' => {
                    if at >= start + 2 && bytes[at - 2..at] == *b"]]" {
                        return Err(NotWellFormed);
                    }
                    self.position = at + 1;
                }
                b'&' => {
                    if at > run {
                        sink.text(text, Span::new(run, at));
                    }
                    match parse_reference(&bytes[at..])? {
                        Reference::Whole(c, length) => {
                            sink.character(c);
                            self.position = at + length;
                            run = self.position;
                            start = self.position;
                        }
                        Reference::Unfinished => {
                            self.mode = Mode::Content { start };
                            return Ok(false);
                        }
                    }
                }
                _ => {
                    if at > run {
                        sink.text(text, Span::new(run, at));
                    }
                    return Ok(true);
                }
            }
        }
    }

    /// Reads the markup at `position`, which is `<`; `false` when its end is not there yet.
    fn markup(&mut self, text: &str, sink: &mut impl Sink) -> Result<bool, XmlError> {
        let bytes = text.as_bytes();
        let at = self.position;
        let result = match bytes.get(at + 1) {
            None => return Ok(self.wait()),
            Some(b'/') => self.end_tag(bytes, sink),
            Some(b'?') => return Err(RestrictedXml),
            Some(b'!') => return self.section(bytes),
            Some(_) => self.start_tag(text, sink),
        };
        match result {
            Ok(()) => {
                self.mode = Mode::Content {
                    start: self.position,
                };
                Ok(true)
            }
            Err(fail) => {
                if !matches!(self.mode, Mode::Tag { .. }) {
                    self.mode = Mode::Tag {
                        searched: at + 1,
                        quote: 0,
                    };
                    if !self.tag_is_whole(bytes) {
                        return Ok(false);
                    }
                }
                match fail {
                    // The tag is whole and still something is missing, as in `<a b='>`: no, that is
                    // not whole. Whatever else it is, it is wrong.
                    Fail::Unfinished => Err(NotWellFormed),
                    Fail::Error(error) => Err(error),
                }
            }
        }
    }

    /// Waits at `position` for what follows `<`.
    fn wait(&mut self) -> bool {
        self.mode = Mode::Content {
            start: self.position,
        };
        false
    }

    /// Looks for the `>` that ends the tag at `position`: the first outside of quotes.
    fn tag_is_whole(&mut self, bytes: &[u8]) -> bool {
        let Mode::Tag {
            mut searched,
            mut quote,
        } = self.mode
        else {
            return true;
        };
        let whole = loop {
            let rest = bytes.get(searched..).unwrap_or_default();
            let found = match quote {
                0 => memchr::memchr3(b'>', b'\'', b'"', rest),
                _ => memchr::memchr(quote, rest),
            };
            let Some(found) = found else {
                searched = bytes.len();
                break false;
            };
            searched += found;
            match (quote, bytes[searched]) {
                (0, b'>') => break true,
                (0, byte) => quote = byte,
                _ => quote = 0,
            }
            searched += 1;
        };
        self.mode = Mode::Tag { searched, quote };
        whole
    }

    /// Reads `<!`: only a CDATA section may follow.
    fn section(&mut self, bytes: &[u8]) -> Result<bool, XmlError> {
        const OPEN: &[u8] = b"<![CDATA[";
        let at = self.position;
        let have = &bytes[at..bytes.len().min(at + OPEN.len())];
        if have.len() > 2 && have[2] != b'[' {
            return Err(RestrictedXml);
        }
        if !OPEN.starts_with(have) || self.stack.is_empty() {
            return Err(NotWellFormed);
        }
        if have.len() < OPEN.len() {
            return Ok(self.wait());
        }
        self.position = at + OPEN.len();
        self.mode = Mode::Cdata {
            start: self.position,
        };
        Ok(true)
    }

    /// Looks for the end of a CDATA section.
    fn cdata(&mut self, text: &str, start: usize, sink: &mut impl Sink) -> bool {
        let bytes = text.as_bytes();
        loop {
            let rest = &bytes[self.position..];
            let Some(found) = memchr::memchr(b'>', rest) else {
                self.position = bytes.len();
                return false;
            };
            let at = self.position + found;
            self.position = at + 1;
            if at >= start + 2 && bytes[at - 2..at] == *b"]]" {
                sink.text(text, Span::new(start, at - 2));
                self.mode = Mode::Content {
                    start: self.position,
                };
                return true;
            }
        }
    }

    fn end_tag(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<(), Fail> {
        let at = self.position;
        let Some(open) = self.stack.last().copied() else {
            return Err(Fail::Error(NotWellFormed));
        };
        let name = &bytes[open.name.start as usize..open.name.end as usize];
        let rest = &bytes[at + 2..];
        if !rest.starts_with(name) {
            // Too short or different; in both cases nothing is said before the tag is whole.
            return Err(Fail::Error(NotWellFormed));
        }
        let mut end = at + 2 + name.len();
        loop {
            match bytes.get(end) {
                None => return Err(Fail::Unfinished),
                Some(b'>') => break,
                Some(&byte) if CLASS[byte as usize] & SPACE != 0 => end += 1,
                Some(_) => return Err(Fail::Error(NotWellFormed)),
            }
        }
        self.position = end + 1;
        self.pop(open, at, sink);
        Ok(())
    }

    #[inline]
    fn pop(&mut self, open: Open, start: usize, sink: &mut impl Sink) {
        self.stack.pop();
        self.bindings.truncate(open.bindings as usize);
        self.default = open.default;
        sink.close(start, self.position, self.stack.len());
    }
}
