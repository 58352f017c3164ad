//! An element as a tree, for those who need one. Flat and never recursive: a hostile depth costs
//! nobody a stack.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::found::{Namespace, Sink, Span, StartTag};
use super::reference::{attribute_value, line_ends};
use super::scan::Scanner;
use super::stanza::{Child, Stanza, same_namespace};
use super::{XmlError, rewrite};

/// No node.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the text that was read.
    Source,
    /// In the texts that had to be made.
    Made,
}

#[derive(Debug, Clone, Copy)]
struct Piece0 {
    span: Span,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
struct Attribute {
    prefix: Span,
    local: Span,
    namespace: Namespace,
    value: Piece0,
}

#[derive(Debug, Clone, Copy)]
enum Content {
    Text(Piece0),
    Element {
        source: Span,
        local: Span,
        namespace: Namespace,
        /// First and last-plus-one of its attributes.
        attributes: (u32, u32),
        first_child: u32,
        /// The outermost level of a declaration that it, or an element in it, leans on.
        leans_on: u16,
        /// Its own level: that of declarations on it.
        level: u16,
    },
}

#[derive(Debug, Clone, Copy)]
struct Node {
    next: u32,
    content: Content,
}

/// An element with all that is in it. Holds the text it was read from, shared with the stanza.
#[derive(Debug, Clone)]
pub struct Tree {
    source: Arc<str>,
    made: String,
    outside: String,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    root: u32,
}

/// Builds a tree while text is scanned.
struct Builder {
    made: String,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    /// The open elements, each with its last child.
    open: Vec<(u32, u32)>,
}

impl Builder {
    fn push(&mut self, content: Content) -> u32 {
        let index = self.nodes.len() as u32;
        self.nodes.push(Node {
            next: NONE,
            content,
        });
        if let Some((parent, last)) = self.open.last_mut() {
            match std::mem::replace(last, index) {
                NONE => {
                    if let Content::Element { first_child, .. } =
                        &mut self.nodes[*parent as usize].content
                    {
                        *first_child = index;
                    }
                }
                before => self.nodes[before as usize].next = index,
            }
        }
        index
    }

    fn keep(&mut self, made: &str) -> Piece0 {
        let start = self.made.len();
        self.made.push_str(made);
        Piece0 {
            span: Span::new(start, self.made.len()),
            place: Place::Made,
        }
    }
}

impl Sink for Builder {
    fn open(&mut self, text: &str, tag: &StartTag<'_>) {
        let first = self.attributes.len() as u32;
        for attribute in tag.attributes {
            let value = if attribute.escaped {
                self.keep(&attribute_value(attribute.value.of(text)))
            } else {
                Piece0 {
                    span: attribute.value,
                    place: Place::Source,
                }
            };
            self.attributes.push(Attribute {
                prefix: attribute.prefix,
                local: attribute.local,
                namespace: attribute.namespace,
                value,
            });
        }
        let index = self.push(Content::Element {
            source: tag.span,
            local: tag.local,
            namespace: tag.namespace,
            attributes: (first, self.attributes.len() as u32),
            first_child: NONE,
            leans_on: tag.prefix_level.min(tag.default_level),
            level: tag.depth as u16 + 1,
        });
        self.open.push((index, NONE));
    }

    fn close(&mut self, _start: usize, end: usize, _depth: usize) {
        let Some((index, _)) = self.open.pop() else {
            return;
        };
        let mut inner = u16::MAX;
        if let Content::Element {
            source, leans_on, ..
        } = &mut self.nodes[index as usize].content
        {
            source.end = end as u32;
            inner = *leans_on;
        }
        if let Some(&(parent, _)) = self.open.last()
            && let Content::Element { leans_on, .. } = &mut self.nodes[parent as usize].content
        {
            *leans_on = inner.min(*leans_on);
        }
    }

    fn text(&mut self, text: &str, span: Span) {
        if span.start == span.end {
            return;
        }
        let piece = match line_ends(span.of(text)) {
            Cow::Borrowed(_) => Piece0 {
                span,
                place: Place::Source,
            },
            Cow::Owned(made) => self.keep(&made),
        };
        self.push(Content::Text(piece));
    }

    fn character(&mut self, c: char) {
        let piece = self.keep(c.encode_utf8(&mut [0; 4]));
        // References in a row make one piece.
        let last = self.open.last().map_or(NONE, |&(_, last)| last);
        if let Some(Node {
            content: Content::Text(before),
            ..
        }) = self.nodes.get_mut(last as usize)
            && before.place == Place::Made
            && before.span.end == piece.span.start
        {
            before.span.end = piece.span.end;
        } else {
            self.push(Content::Text(piece));
        }
    }
}

impl Tree {
    /// Reads one element from text, in the content namespace `jabber:client`.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        Ok(Stanza::parse(text)?.tree())
    }

    fn empty(source: Arc<str>) -> Self {
        Self {
            source,
            made: String::new(),
            outside: String::new(),
            nodes: Vec::new(),
            attributes: Vec::new(),
            root: 0,
        }
    }

    /// The tree of a part of checked text.
    fn build(stanza: &Stanza, part: Span, mut scanner: Scanner) -> Self {
        let mut tree = Self::empty(stanza.text.clone());
        let mut builder = Builder {
            made: String::new(),
            nodes: Vec::with_capacity(8),
            attributes: Vec::with_capacity(8),
            open: Vec::with_capacity(8),
        };
        scanner.begin_at(part.start as usize);
        // It was checked when the stanza was read.
        let text = &tree.source[..part.end as usize];
        let whole = matches!(scanner.scan(text, &mut builder), Ok(Some(_)));
        debug_assert!(whole, "a stanza did not scan twice");
        while !builder.open.is_empty() {
            builder.close(0, part.end as usize, 0);
        }
        tree.outside = scanner.into_outside();
        tree.made = builder.made;
        tree.nodes = builder.nodes;
        tree.attributes = builder.attributes;
        tree
    }

    pub(super) fn of_stanza(stanza: &Stanza) -> Self {
        Self::build(stanza, Span::new(0, stanza.text.len()), stanza.scanner())
    }

    pub(super) fn of_child(child: &Child<'_>) -> Self {
        if child.is_separable() {
            return Self::build(child.stanza, child.span.span, child.scanner());
        }
        let mut tree = Self::of_stanza(child.stanza);
        let at = child.span.span.start;
        let found = tree.nodes.iter().position(
            |node| matches!(node.content, Content::Element { source, .. } if source.start == at),
        );
        tree.root = found.unwrap_or_default() as u32;
        tree
    }

    /// The outermost element.
    pub fn root(&self) -> Element<'_> {
        Element {
            tree: self,
            index: self.root,
        }
    }

    fn read(&self, piece: Piece0) -> &str {
        match piece.place {
            Place::Source => piece.span.of(&self.source),
            Place::Made => piece.span.of(&self.made),
        }
    }

    fn name_of(&self, namespace: Namespace) -> &str {
        namespace.name(&self.source, &self.outside)
    }
}

/// An element of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub struct Element<'t> {
    tree: &'t Tree,
    index: u32,
}

/// What stands in an element.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Element(Element<'t>),
}

/// A view of the fields of an element node.
struct View {
    source: Span,
    local: Span,
    namespace: Namespace,
    attributes: (u32, u32),
    first_child: u32,
    leans_on: u16,
    level: u16,
}

impl<'t> Element<'t> {
    fn view(self) -> View {
        match self
            .tree
            .nodes
            .get(self.index as usize)
            .map(|node| node.content)
        {
            Some(Content::Element {
                source,
                local,
                namespace,
                attributes,
                first_child,
                leans_on,
                level,
            }) => View {
                source,
                local,
                namespace,
                attributes,
                first_child,
                leans_on,
                level,
            },
            _ => View {
                source: Span::default(),
                local: Span::default(),
                namespace: Namespace::None,
                attributes: (0, 0),
                first_child: NONE,
                leans_on: u16::MAX,
                level: 0,
            },
        }
    }

    /// The local name.
    pub fn name(self) -> &'t str {
        self.view().local.of(&self.tree.source)
    }

    /// The namespace. Every content namespace is given as [`crate::ns::CLIENT`].
    pub fn namespace(self) -> &'t str {
        self.tree.name_of(self.view().namespace)
    }

    /// Whether it has this name and namespace. The content namespaces `jabber:client`,
    /// `jabber:server` and `jabber:component:accept` are one, and so is `""`.
    pub fn is(self, name: &str, namespace: &str) -> bool {
        self.name() == name && same_namespace(self.namespace(), namespace)
    }

    fn own_attributes(self) -> &'t [Attribute] {
        let (from, to) = self.view().attributes;
        self.tree
            .attributes
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    /// The value of an attribute without prefix.
    pub fn attr(self, name: &str) -> Option<&'t str> {
        self.attr_ns("", name)
    }

    /// The value of an attribute by namespace and local name; the namespace of `xml:lang` is
    /// [`crate::ns::XML`].
    pub fn attr_ns(self, namespace: &str, name: &str) -> Option<&'t str> {
        let tree = self.tree;
        self.own_attributes()
            .iter()
            .find(|attribute| {
                attribute.local.of(&tree.source) == name
                    && tree.name_of(attribute.namespace) == namespace
            })
            .map(|attribute| tree.read(attribute.value))
    }

    /// All attributes but namespace declarations: prefix, namespace, local name, value.
    pub fn attributes(
        self,
    ) -> impl ExactSizeIterator<Item = (&'t str, &'t str, &'t str, &'t str)> + use<'t> {
        let tree = self.tree;
        self.own_attributes().iter().map(|attribute| {
            (
                attribute.prefix.of(&tree.source),
                tree.name_of(attribute.namespace),
                attribute.local.of(&tree.source),
                tree.read(attribute.value),
            )
        })
    }

    /// Texts and elements in it, in order.
    pub(super) fn pieces(self) -> impl Iterator<Item = Piece<'t>> + use<'t> {
        let tree = self.tree;
        let mut next = self.view().first_child;
        std::iter::from_fn(move || {
            let node = tree.nodes.get(next as usize)?;
            let index = std::mem::replace(&mut next, node.next);
            Some(match node.content {
                Content::Text(piece) => Piece::Text(tree.read(piece)),
                Content::Element { .. } => Piece::Element(Element { tree, index }),
            })
        })
    }

    /// The elements in it, in order.
    pub fn children(self) -> impl Iterator<Item = Element<'t>> + use<'t> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Element(element) => Some(element),
            Piece::Text(_) => None,
        })
    }

    /// The first child of this name and namespace; see [`Element::is`].
    pub fn child(self, name: &str, namespace: &str) -> Option<Element<'t>> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// The text directly in it, references resolved.
    pub fn text(self) -> Cow<'t, str> {
        let mut texts = self.pieces().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Element(_) => None,
        });
        let first = texts.next().unwrap_or_default();
        match texts.next() {
            None => Cow::Borrowed(first),
            Some(second) => {
                let mut all = [first, second].concat();
                all.extend(texts);
                Cow::Owned(all)
            }
        }
    }

    /// Where it stands in the text of the stanza that the tree was made of: bytes from the start of
    /// its start tag to behind its end tag.
    pub fn place(self) -> Range<usize> {
        let source = self.view().source;
        source.start as usize..source.end as usize
    }

    /// The XML text of the element, self-contained: every namespace it needs is declared in it.
    /// Borrowed when it came that way, as payloads do.
    pub fn raw(self) -> Cow<'t, str> {
        let view = self.view();
        if view.leans_on >= view.level {
            Cow::Borrowed(view.source.of(&self.tree.source))
        } else {
            Cow::Owned(rewrite::to_string(self))
        }
    }
}
