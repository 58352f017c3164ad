//! The grammar: one pass over an element, byte by byte where it must and in bulk where it can.
//!
//! The scanner remembers where it is, so that it can go on when more bytes come, and looks at no byte
//! more often than a fixed number of times. A tag is read in one go; when its end is not there yet,
//! only that end is looked for until it is, and nothing is said about the tag before. So input in
//! pieces gives the same result as input in one.

use smallvec::SmallVec;

use super::names::{CLASS, HIGH, NAME, NAME_START, SPACE, VALUE_STOP, is_ncname};
use super::reader::ReaderLimits;
use super::reference::{Reference, attribute_value, parse as parse_reference};
use super::{XmlError, XmlError::*};
use crate::ns;

/// A part of the text: byte offsets from the start of the element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The part that it names.
    #[inline]
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// A namespace name, by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// No namespace.
    None,
    /// One of the content namespaces.
    Content,
    /// That of the prefix `xml`.
    Xml,
    /// In the text of the element.
    Text(Span),
    /// In what comes from outside, or was written with references.
    Outside(Span),
}

impl Namespace {
    pub(super) fn name<'t>(self, text: &'t str, outside: &'t str) -> &'t str {
        match self {
            Self::None => "",
            Self::Content => ns::CLIENT,
            Self::Xml => ns::XML,
            Self::Text(span) => span.of(text),
            Self::Outside(span) => span.of(outside),
        }
    }
}

/// A namespace declaration in scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding {
    /// Empty for the default namespace. It stands in the text, or outside for level 0.
    pub(super) prefix: Span,
    pub(super) namespace: Namespace,
    /// The depth of the element that declares it plus one; 0 for what comes from outside.
    level: u16,
}

/// An attribute that declares no namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) prefix: Span,
    pub(super) local: Span,
    pub(super) namespace: Namespace,
    pub(super) value: Span,
    /// The value has references or white space other than blanks.
    pub(super) escaped: bool,
}

/// A start tag, checked and resolved.
pub(super) struct StartTag<'a> {
    /// The whole tag, from `<` to behind `>`.
    pub(super) span: Span,
    /// The name with its prefix.
    pub(super) name: Span,
    pub(super) local: Span,
    pub(super) namespace: Namespace,
    pub(super) attributes: &'a [Attribute],
    /// 0 for the outermost element.
    pub(super) depth: usize,
    /// The default namespace inside.
    pub(super) default: Namespace,
    /// The default namespace as it is declared in the tag.
    pub(super) default_written: Option<Span>,
    /// The level of the outermost declaration of a prefix used in the tag; large when none is.
    pub(super) prefix_level: u16,
    /// The level of the default namespace when the name has no prefix; large otherwise.
    pub(super) default_level: u16,
    /// Namespace names and prefixes that do not stand in the text.
    pub(super) outside: &'a str,
}

/// Gets what the scanner finds.
pub(super) trait Sink {
    /// An element begins.
    fn open(&mut self, text: &str, tag: &StartTag<'_>);
    /// An element ends; its end tag (or what follows an empty element's tag) spans `start..end`.
    fn close(&mut self, start: usize, end: usize, depth: usize);
    /// Character data without references.
    fn text(&mut self, _text: &str, _span: Span) {}
    /// A character that was written as a reference.
    fn character(&mut self, _c: char) {}
}

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

    fn start_tag(&mut self, text: &str, sink: &mut impl Sink) -> Result<(), Fail> {
        let bytes = text.as_bytes();
        let tag_start = self.position;
        let (name, local) = qualified_name(text, tag_start + 1)?;
        let open = Open {
            name,
            bindings: self.bindings.len() as u16,
            default: self.default,
        };
        let depth = self.stack.len();
        let mut attributes: SmallVec<[Attribute; 8]> = SmallVec::new();
        let mut count = 0;
        let mut default_written = None;
        let mut at = name.end as usize;
        let empty = loop {
            let before = at;
            at = skip_space(bytes, at);
            match bytes.get(at) {
                None => return self.undo(open, Fail::Unfinished),
                Some(b'>') => {
                    at += 1;
                    break false;
                }
                Some(b'/') => match bytes.get(at + 1) {
                    None => return self.undo(open, Fail::Unfinished),
                    Some(b'>') => {
                        at += 2;
                        break true;
                    }
                    Some(_) => return self.undo(open, NotWellFormed.into()),
                },
                Some(_) if before == at => return self.undo(open, NotWellFormed.into()),
                Some(_) => {}
            }
            count += 1;
            if count > self.limits.attributes {
                return self.undo(open, TooManyAttributes.into());
            }
            let attribute = match attribute(text, at) {
                Ok((attribute, end)) => {
                    at = end;
                    attribute
                }
                Err(fail) => return self.undo(open, fail),
            };
            let declares = match (attribute.prefix.of(text), attribute.local.of(text)) {
                ("", "xmlns") => {
                    default_written = Some(attribute.value);
                    Some(Span::default())
                }
                ("xmlns", _) => Some(attribute.local),
                _ => None,
            };
            let result = match declares {
                Some(prefix) => self.declare(text, prefix, &attribute, open),
                None => {
                    let twice = attributes.iter().any(|other| {
                        other.local.len() == attribute.local.len()
                            && other.prefix.len() == attribute.prefix.len()
                            && other.local.of(text) == attribute.local.of(text)
                            && other.prefix.of(text) == attribute.prefix.of(text)
                    });
                    attributes.push(attribute);
                    if twice { Err(NotWellFormed) } else { Ok(()) }
                }
            };
            if let Err(error) = result {
                return self.undo(open, error.into());
            }
        };
        if depth >= self.limits.depth {
            return self.undo(open, TooDeep.into());
        }

        // All declarations are known now.
        let default = self.bindings[self.default as usize];
        let mut prefix_level = UNUSED;
        let mut default_level = UNUSED;
        let namespace = if name.start == local.start {
            default_level = default.level;
            self.leans |= matches!(default.namespace, Namespace::Outside(_));
            default.namespace
        } else {
            let prefix = Span {
                start: name.start,
                end: local.start - 1,
            };
            match self.prefixed(text, prefix, &mut prefix_level) {
                // `xmlns` and `xml` are no prefixes for elements, but `xml` is not forbidden.
                Some(namespace) => namespace,
                None => return self.undo(open, InvalidNamespace.into()),
            }
        };
        for index in 0..attributes.len() {
            let attribute = attributes[index];
            if attribute.prefix.len() == 0 {
                continue;
            }
            let Some(namespace) = self.prefixed(text, attribute.prefix, &mut prefix_level) else {
                return self.undo(open, InvalidNamespace.into());
            };
            attributes[index].namespace = namespace;
            let uri = namespace.name(text, &self.outside);
            let twice = attributes[..index].iter().any(|other| {
                other.prefix.len() > 0
                    && other.local.of(text) == attribute.local.of(text)
                    && other.namespace.name(text, &self.outside) == uri
            });
            if twice {
                return self.undo(open, InvalidNamespace.into());
            }
        }

        self.position = at;
        self.stack.push(open);
        sink.open(
            text,
            &StartTag {
                span: Span::new(tag_start, at),
                name,
                local,
                namespace,
                attributes: &attributes,
                depth,
                default: default.namespace,
                default_written,
                prefix_level,
                default_level,
                outside: &self.outside,
            },
        );
        if empty {
            self.pop(open, at, sink);
        }
        Ok(())
    }

    /// Takes back the declarations of a tag that failed.
    #[cold]
    fn undo(&mut self, open: Open, fail: Fail) -> Result<(), Fail> {
        self.bindings.truncate(open.bindings as usize);
        self.default = open.default;
        Err(fail)
    }

    /// The namespace of a prefix.
    fn prefixed(&mut self, text: &str, prefix: Span, level: &mut u16) -> Option<Namespace> {
        let wanted = prefix.of(text);
        if wanted == "xml" {
            return Some(Namespace::Xml);
        }
        let found = self.bindings.iter().rposition(|binding| {
            let place = if binding.level == 0 {
                &self.outside
            } else {
                text
            };
            binding.prefix.len() == wanted.len() && binding.prefix.of(place) == wanted
        })?;
        let binding = self.bindings[found];
        *level = binding.level.min(*level);
        self.leans |= binding.level == 0 || matches!(binding.namespace, Namespace::Outside(_));
        Some(binding.namespace)
    }

    /// Takes a namespace declaration (Namespaces in XML 1.0 §2.2, §3).
    fn declare(
        &mut self,
        text: &str,
        prefix: Span,
        attribute: &Attribute,
        open: Open,
    ) -> Result<(), XmlError> {
        let raw = attribute.value.of(text);
        let expanded;
        let name = if attribute.escaped {
            expanded = attribute_value(raw);
            &*expanded
        } else {
            raw
        };
        let prefix_name = prefix.of(text);
        let declared_here = &self.bindings[open.bindings as usize..];
        if declared_here
            .iter()
            .any(|other| other.prefix.len() == prefix.len() && other.prefix.of(text) == prefix_name)
        {
            return Err(NotWellFormed);
        }
        if (prefix_name == "xml") != (name == ns::XML)
            || prefix_name == "xmlns"
            || name == ns::XMLNS
            || (name.is_empty() && !prefix_name.is_empty())
        {
            return Err(InvalidNamespace);
        }
        if self.bindings.len() >= self.limits.namespaces.min(usize::from(u16::MAX - 1)) {
            return Err(TooManyAttributes);
        }
        let namespace = if name.is_empty() {
            Namespace::None
        } else if ns::is_content(name) {
            Namespace::Content
        } else if attribute.escaped {
            let start = self.outside.len();
            self.outside.push_str(name);
            Namespace::Outside(Span::new(start, self.outside.len()))
        } else {
            Namespace::Text(attribute.value)
        };
        if prefix.len() == 0 {
            self.default = self.bindings.len() as u16;
        }
        self.bindings.push(Binding {
            prefix,
            namespace,
            level: self.stack.len() as u16 + 1,
        });
        Ok(())
    }
}

#[inline]
fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = bytes.get(at)
        && CLASS[byte as usize] & SPACE != 0
    {
        at += 1;
    }
    at
}

/// Reads a name without colon; gives its end.
#[inline]
fn plain_name(text: &str, start: usize) -> Result<usize, Fail> {
    let bytes = text.as_bytes();
    let mut seen = match bytes.get(start) {
        None => return Err(Fail::Unfinished),
        Some(&byte) => CLASS[byte as usize],
    };
    if seen & NAME_START == 0 {
        return Err(Fail::Error(NotWellFormed));
    }
    let mut end = start + 1;
    loop {
        let Some(&byte) = bytes.get(end) else {
            return Err(Fail::Unfinished);
        };
        let class = CLASS[byte as usize];
        if class & NAME == 0 {
            break;
        }
        seen |= class;
        end += 1;
    }
    if seen & HIGH != 0 && !text.get(start..end).is_some_and(is_ncname) {
        return Err(Fail::Error(NotWellFormed));
    }
    Ok(end)
}

/// Reads a name with or without prefix; gives the whole and the local part.
#[inline]
fn qualified_name(text: &str, start: usize) -> Result<(Span, Span), Fail> {
    let end = plain_name(text, start)?;
    if text.as_bytes()[end] != b':' {
        let span = Span::new(start, end);
        return Ok((span, span));
    }
    let local_end = plain_name(text, end + 1)?;
    if text.as_bytes()[local_end] == b':' {
        return Err(Fail::Error(InvalidNamespace));
    }
    Ok((Span::new(start, local_end), Span::new(end + 1, local_end)))
}

/// Reads an attribute; gives it (its namespace not yet resolved) and its end.
#[inline]
fn attribute(text: &str, start: usize) -> Result<(Attribute, usize), Fail> {
    let bytes = text.as_bytes();
    let (name, local) = qualified_name(text, start)?;
    let equals = skip_space(bytes, name.end as usize);
    match bytes.get(equals) {
        None => return Err(Fail::Unfinished),
        Some(b'=') => {}
        Some(_) => return Err(Fail::Error(NotWellFormed)),
    }
    let at = skip_space(bytes, equals + 1);
    let quote = match bytes.get(at) {
        None => return Err(Fail::Unfinished),
        Some(&quote @ (b'\'' | b'"')) => quote,
        Some(_) => return Err(Fail::Error(NotWellFormed)),
    };
    let value_start = at + 1;
    let mut end = value_start;
    let mut escaped = false;
    loop {
        let Some(&byte) = bytes.get(end) else {
            return Err(Fail::Unfinished);
        };
        if CLASS[byte as usize] & VALUE_STOP == 0 {
            end += 1;
            continue;
        }
        match byte {
            _ if byte == quote => break,
            b'<' => return Err(Fail::Error(NotWellFormed)),
            b'&' => match parse_reference(&bytes[end..])? {
                Reference::Whole(_, length) => {
                    escaped = true;
                    end += length;
                }
                Reference::Unfinished => return Err(Fail::Unfinished),
            },
            b'\t' | b'\n' | b'\r' => {
                escaped = true;
                end += 1;
            }
            _ => end += 1,
        }
    }
    let prefix = if name.start == local.start {
        Span::default()
    } else {
        Span {
            start: name.start,
            end: local.start - 1,
        }
    };
    let attribute = Attribute {
        prefix,
        local,
        namespace: Namespace::None,
        value: Span::new(value_start, end),
        escaped,
    };
    Ok((attribute, end + 1))
}
