//! A first-level element: its text, and where the things that routing needs stand in it.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use super::found::{Binding, Namespace, Sink, Span, StartTag};
use super::reader::{Frame, Framing, Reader, ReaderLimits};
use super::reference::attribute_value;
use super::scan::Scanner;
use super::tree::Tree;
use super::{XmlError, rewrite};
use crate::ns;

/// What a first-level element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `<message/>` in a content namespace.
    Message,
    /// `<presence/>` in a content namespace.
    Presence,
    /// `<iq/>` in a content namespace.
    Iq,
    /// Any other element: a nonza.
    Other,
}

/// An attribute of the head: where its value stands. Empty with `start` 0 when absent.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    span: Span,
    /// The value has references or white space to be normalised.
    escaped: bool,
}

/// The attributes that routing looks at.
#[derive(Debug, Clone, Copy)]
enum Attribute {
    To,
    From,
    Id,
    Type,
    Lang,
}

/// Where a first-level child stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChildSpan {
    pub(super) span: Span,
    name: Span,
    pub(super) namespace: Namespace,
    /// A prefix in it is declared outside of it.
    outer_prefix: bool,
    /// The default namespace of an element in it is declared outside of it.
    outer_default: bool,
    /// Its own name is in the default namespace of the stanza.
    own_default: bool,
}

/// What an element takes from outside of its text: namespaces of the stream header, or namespace
/// names that are written with references. Hardly any stanza has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Outside {
    pub(super) text: String,
    pub(super) bindings: Vec<Binding>,
}

/// Collects what a [`Stanza`] knows, while the text is scanned.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    name: Span,
    namespace: Namespace,
    head: [Value; 5],
    inner: Span,
    children: SmallVec<[ChildSpan; 4]>,
    /// The default namespace of the children is a content namespace.
    content_default: bool,
    /// The default namespace as it is declared in the tag.
    default_written: Option<Span>,
}

impl Default for Outline {
    fn default() -> Self {
        Self {
            name: Span::default(),
            namespace: Namespace::None,
            head: [Value::default(); 5],
            inner: Span::default(),
            children: SmallVec::new(),
            content_default: false,
            default_written: None,
        }
    }
}

impl Sink for Outline {
    #[inline]
    fn open(&mut self, text: &str, tag: &StartTag<'_>) {
        let outer_prefix = tag.prefix_level <= 1;
        let outer_default = tag.default_level <= 1;
        match tag.depth {
            0 => {
                self.name = tag.local;
                self.namespace = tag.namespace;
                self.inner.start = tag.span.end;
                self.content_default = tag.default == Namespace::Content;
                self.default_written = tag.default_written;
                for attribute in tag.attributes {
                    let index = match (attribute.namespace, attribute.local.of(text)) {
                        (Namespace::None, "to") => Attribute::To,
                        (Namespace::None, "from") => Attribute::From,
                        (Namespace::None, "id") => Attribute::Id,
                        (Namespace::None, "type") => Attribute::Type,
                        (Namespace::Xml, "lang") => Attribute::Lang,
                        _ => continue,
                    };
                    self.head[index as usize] = Value {
                        span: attribute.value,
                        escaped: attribute.escaped,
                    };
                }
            }
            1 => self.children.push(ChildSpan {
                span: tag.span,
                name: tag.local,
                namespace: tag.namespace,
                outer_prefix,
                outer_default,
                own_default: outer_default,
            }),
            _ => {
                if let Some(child) = self.children.last_mut() {
                    child.outer_prefix |= outer_prefix;
                    child.outer_default |= outer_default;
                }
            }
        }
    }

    #[inline]
    fn close(&mut self, start: usize, end: usize, depth: usize) {
        match depth {
            0 => self.inner.end = start as u32,
            1 => {
                if let Some(child) = self.children.last_mut() {
                    child.span.end = end as u32;
                }
            }
            _ => {}
        }
    }
}

/// Any first-level element, stanza or nonza: validated and self-contained.
///
/// It owns its text in one allocation, which clones share.
#[derive(Clone)]
pub struct Stanza {
    pub(super) text: Arc<str>,
    /// The language of the stream, for a stanza that names none.
    stream_lang: Option<Arc<str>>,
    outside: Option<Arc<Outside>>,
    kind: Kind,
    /// Where it came from, the default namespace is a content namespace.
    inherits_content: bool,
    outline: Outline,
}

impl Stanza {
    pub(super) fn new(
        text: &str,
        outline: Outline,
        outside: Option<Arc<Outside>>,
        stream_lang: Option<Arc<str>>,
        inherits_content: bool,
    ) -> Self {
        let kind = match (outline.namespace, outline.name.of(text)) {
            (Namespace::Content, "message") => Kind::Message,
            (Namespace::Content, "presence") => Kind::Presence,
            (Namespace::Content, "iq") => Kind::Iq,
            _ => Kind::Other,
        };
        Self {
            text: Arc::from(text),
            stream_lang,
            outside,
            kind,
            inherits_content,
            outline,
        }
    }

    /// Reads one element from text, in the content namespace `jabber:client`. For what was stored,
    /// and for tests. There is no limit on its size, and the usual one on its depth.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let limits = ReaderLimits {
            element_bytes: usize::MAX,
            ..ReaderLimits::default()
        };
        let mut reader = Reader::for_content(Framing::Frames, limits);
        let mut input = reader.input(text.as_bytes());
        let stanza = match input.next()? {
            Some(Frame::Element(stanza)) => stanza,
            _ => return Err(XmlError::Unfinished),
        };
        let more = input.next()?.is_some();
        drop(input);
        if more || !reader.is_empty() {
            return Err(XmlError::NotWellFormed);
        }
        Ok(stanza)
    }

    /// Message, presence, iq, or something else.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The local name.
    pub fn name(&self) -> &str {
        self.outline.name.of(&self.text)
    }

    /// The default namespace that its own tag declares, as it is written there. It tells the content namespaces apart.
    pub fn own_default(&self) -> Option<&str> {
        self.outline.default_written.map(|span| span.of(&self.text))
    }

    /// The namespace. Every content namespace is given as [`ns::CLIENT`].
    pub fn namespace(&self) -> &str {
        self.resolve(self.outline.namespace)
    }

    fn resolve(&self, namespace: Namespace) -> &str {
        let outside = self.outside.as_ref().map_or("", |outside| &outside.text);
        namespace.name(&self.text, outside)
    }

    fn value(&self, attribute: Attribute) -> Option<Cow<'_, str>> {
        let value = self.outline.head[attribute as usize];
        if value.span.start == 0 {
            return None;
        }
        let raw = value.span.of(&self.text);
        Some(if value.escaped {
            attribute_value(raw)
        } else {
            Cow::Borrowed(raw)
        })
    }

    /// The attribute `to`, as it came.
    pub fn to(&self) -> Option<Cow<'_, str>> {
        self.value(Attribute::To)
    }

    /// The attribute `from`, as it came.
    pub fn from(&self) -> Option<Cow<'_, str>> {
        self.value(Attribute::From)
    }

    /// The attribute `id`.
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.value(Attribute::Id)
    }

    /// The attribute `type`.
    pub fn type_(&self) -> Option<Cow<'_, str>> {
        self.value(Attribute::Type)
    }

    /// The language: the attribute `xml:lang`, or that of the stream header (RFC 6120 §8.1.5).
    pub fn lang(&self) -> Option<Cow<'_, str>> {
        self.value(Attribute::Lang)
            .or_else(|| self.stream_lang.as_deref().map(Cow::Borrowed))
    }

    /// The first-level children, in order.
    pub fn children(&self) -> impl ExactSizeIterator<Item = Child<'_>> + Clone {
        self.outline
            .children
            .iter()
            .map(|span| Child { stanza: self, span })
    }

    /// The first child of this name and namespace; see [`Child::is`].
    pub fn child(&self, name: &str, namespace: &str) -> Option<Child<'_>> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// Whether there is a child of this name and namespace; see [`Child::is`].
    pub fn has(&self, name: &str, namespace: &str) -> bool {
        self.child(name, namespace).is_some()
    }

    /// The whole element as a tree.
    pub fn tree(&self) -> Tree {
        Tree::of_stanza(self)
    }

    /// The whole element as it came. It is not self-contained: it may lean on the declarations of the
    /// stream header.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands between start and end tag, as it came.
    pub fn inner(&self) -> &str {
        self.outline.inner.of(&self.text)
    }

    /// Where the inner text stands.
    pub(super) fn inner_span(&self) -> Span {
        self.outline.inner
    }

    /// A scanner for the text, with the declarations that it leans on.
    pub(super) fn scanner(&self) -> Scanner {
        let mut scanner = Scanner::new(ReaderLimits::default().unlimited());
        match &self.outside {
            Some(outside) => scanner.set_base(&outside.text, &outside.bindings),
            None if self.inherits_content => scanner.set_content_base(),
            None => {}
        }
        scanner
    }

    /// Whether the inner text means the same inside of any head in a content namespace.
    pub(super) fn is_portable(&self) -> bool {
        self.outline.content_default
            && self.outline.children.iter().all(|child| {
                !child.outer_prefix && (child.own_default || child.namespace != Namespace::Content)
            })
    }
}

impl std::fmt::Debug for Stanza {
    /// Prints no content: only what kind of element it is, and its size.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stanza")
            .field("name", &self.name())
            .field("namespace", &self.namespace())
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// A first-level child of a stanza.
#[derive(Clone, Copy)]
pub struct Child<'s> {
    pub(super) stanza: &'s Stanza,
    pub(super) span: &'s ChildSpan,
}

impl<'s> Child<'s> {
    /// The local name.
    pub fn name(&self) -> &'s str {
        self.span.name.of(&self.stanza.text)
    }

    /// The namespace. Every content namespace is given as [`ns::CLIENT`].
    pub fn namespace(&self) -> &'s str {
        self.stanza.resolve(self.span.namespace)
    }

    /// Whether it has this name and namespace. The content namespaces `jabber:client`,
    /// `jabber:server` and `jabber:component:accept` are one, and so is `""`.
    pub fn is(&self, name: &str, namespace: &str) -> bool {
        self.name() == name && same_namespace(self.namespace(), namespace)
    }

    /// The text of the element as it came.
    pub fn source(&self) -> &'s str {
        self.span.span.of(&self.stanza.text)
    }

    /// The text of the element, self-contained: every namespace it needs is declared in it. Borrowed
    /// when it came that way, as payloads do.
    pub fn raw(&self) -> Cow<'s, str> {
        if self.span.outer_prefix || self.span.outer_default {
            Cow::Owned(rewrite::to_string(self.tree().root()))
        } else {
            Cow::Borrowed(self.source())
        }
    }

    /// The element as a tree.
    pub fn tree(&self) -> Tree {
        Tree::of_child(self)
    }

    /// A scanner for its text, if that [`Child::is_separable`].
    pub(super) fn scanner(&self) -> Scanner {
        let mut scanner = Scanner::new(ReaderLimits::default().unlimited());
        scanner.set_content_base();
        scanner
    }

    /// Whether nothing in it leans on a declaration outside of it, but for the default namespace.
    pub(super) fn is_separable(&self) -> bool {
        !self.span.outer_prefix && (!self.span.outer_default || self.stanza.outline.content_default)
    }
}

impl std::fmt::Debug for Child<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Child {{{}}}{}", self.namespace(), self.name())
    }
}

/// Whether two namespace names are the same, all content namespaces (and `""`, in what is `wanted`)
/// taken as one.
pub(super) fn same_namespace(found: &str, wanted: &str) -> bool {
    found == wanted || (found == ns::CLIENT && (wanted.is_empty() || ns::is_content(wanted)))
}
