//! What the scanner finds: parts of the text, names, tags.

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

    pub(super) fn len(self) -> usize {
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
    pub(super) level: u16,
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
