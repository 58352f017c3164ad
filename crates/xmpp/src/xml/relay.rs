//! Sending a stanza on: a new head, the inner bytes as they came.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

use super::stanza::{Child, Stanza};
use super::writer::{escape_attribute_into, escaped_attribute_len};
use super::{Writer, rewrite};
use crate::ns;

/// The head to write: the attributes of the start tag. Whatever is `None` is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Head<'a> {
    /// The sender.
    pub from: Option<&'a str>,
    /// The recipient.
    pub to: Option<&'a str>,
    /// The id.
    pub id: Option<&'a str>,
    /// The type.
    pub type_: Option<&'a str>,
    /// The language, `xml:lang`.
    pub lang: Option<&'a str>,
    /// The default namespace, where the surroundings do not give it: in WebSocket frames, and inside
    /// of `<forwarded/>`.
    pub xmlns: Option<&'a str>,
}

/// What to change in the inner part.
#[derive(Clone, Copy)]
pub struct Edit<'a> {
    /// Which first-level children to leave out.
    pub drop: &'a dyn Fn(&Child<'_>) -> bool,
    /// XML text to add after the last child. It must be well-formed.
    pub append: &'a [u8],
}

impl Edit<'_> {
    /// Nothing is changed.
    pub const NONE: Edit<'static> = Edit {
        drop: &|_| false,
        append: b"",
    };
}

impl<'a> Head<'a> {
    fn attributes(&self) -> [(&'static str, Option<&'a str>); 6] {
        [
            ("xmlns", self.xmlns),
            ("from", self.from),
            ("to", self.to),
            ("id", self.id),
            ("type", self.type_),
            ("xml:lang", self.lang),
        ]
    }
}

/// The head that a stanza came with.
#[derive(Debug, Clone)]
pub struct Received<'a> {
    from: Option<Cow<'a, str>>,
    to: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    type_: Option<Cow<'a, str>>,
    lang: Option<Cow<'a, str>>,
}

impl Received<'_> {
    /// The head to write, to be changed as needed.
    pub fn as_head(&self) -> Head<'_> {
        Head {
            from: self.from.as_deref(),
            to: self.to.as_deref(),
            id: self.id.as_deref(),
            type_: self.type_.as_deref(),
            lang: self.lang.as_deref(),
            xmlns: None,
        }
    }
}

impl Stanza {
    /// The head that it came with, and the language of its stream where it names none. In two steps,
    /// because a value that was written with references must live somewhere:
    /// `let received = stanza.head(); let head = Head { from: Some(jid), ..received.as_head() };`
    pub fn head(&self) -> Received<'_> {
        Received {
            from: self.from(),
            to: self.to(),
            id: self.id(),
            type_: self.type_(),
            lang: self.lang(),
        }
    }

    /// The stanza with another head: one allocation, the inner bytes as they came, but for the
    /// children that `edit` drops and the text it appends.
    ///
    /// For stanzas; the namespace of a nonza's root is not written unless `head.xmlns` says it. Root
    /// attributes other than those of [`Head`] are left out.
    ///
    /// The result means the same in a stream of any content namespace. A stanza that leans on odd
    /// declarations outside of its children is written anew instead; no client sends such.
    pub fn relay(&self, head: &Head<'_>, edit: &Edit<'_>) -> Bytes {
        let inner;
        let mut pieces: SmallVec<[&[u8]; 8]> = SmallVec::new();
        if self.is_portable() {
            let text = self.text.as_bytes();
            let mut from = self.inner_span().start as usize;
            for child in self.children() {
                if (edit.drop)(&child) {
                    pieces.push(&text[from..child.span.span.start as usize]);
                    from = child.span.span.end as usize;
                }
            }
            pieces.push(&text[from..self.inner_span().end as usize]);
        } else {
            inner = self.rewritten(head, edit);
            pieces.push(inner.as_bytes());
        }
        pieces.push(edit.append);
        let inner_len: usize = pieces.iter().map(|piece| piece.len()).sum();

        let name = self.name();
        let attributes = head.attributes();
        let head_len: usize = attributes
            .iter()
            .filter_map(|(name, value)| {
                value.map(|value| name.len() + 4 + escaped_attribute_len(value))
            })
            .sum();
        let tags = if inner_len == 0 {
            name.len() + 3
        } else {
            2 * name.len() + 5
        };
        let mut out = Vec::with_capacity(tags + head_len + inner_len);
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        for (name, value) in attributes {
            if let Some(value) = value {
                out.push(b' ');
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"='");
                escape_attribute_into(&mut out, value);
                out.push(b'\'');
            }
        }
        if inner_len == 0 {
            out.extend_from_slice(b"/>");
        } else {
            out.push(b'>');
            for piece in pieces {
                out.extend_from_slice(piece);
            }
            out.extend_from_slice(b"</");
            out.extend_from_slice(name.as_bytes());
            out.push(b'>');
        }
        debug_assert_eq!(out.len(), out.capacity(), "the length was counted wrong");
        Bytes::from(out)
    }

    /// The inner part, each child with the declarations it needs.
    fn rewritten(&self, head: &Head<'_>, edit: &Edit<'_>) -> String {
        let tree = self.tree();
        let mut writer = Writer::with_capacity(self.text.len() + 64);
        let default = head
            .xmlns
            .filter(|xmlns| !ns::is_content(xmlns))
            .unwrap_or(ns::CLIENT);
        let mut children = self.children();
        for piece in tree.root().pieces() {
            match piece {
                super::tree::Piece::Text(text) => {
                    writer.text(text);
                }
                super::tree::Piece::Element(element) => {
                    let child = children.next();
                    if !child.is_some_and(|child| (edit.drop)(&child)) {
                        rewrite::write(element, default, &mut writer);
                    }
                }
            }
        }
        writer.finish()
    }
}
