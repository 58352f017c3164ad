//! Start tags: names, attributes, namespace declarations.

use smallvec::SmallVec;

use super::{Fail, Open, Scanner, UNUSED};
use crate::ns;
use crate::xml::XmlError::{self, *};
use crate::xml::found::{Attribute, Binding, Namespace, Sink, Span, StartTag};
use crate::xml::names::{CLASS, HIGH, NAME, NAME_START, SPACE, VALUE_STOP, is_ncname};
use crate::xml::reference::{Reference, attribute_value, parse as parse_reference};

impl Scanner {
    /// Reads the start tag at `position`.
    pub(super) fn start_tag(&mut self, text: &str, sink: &mut impl Sink) -> Result<(), Fail> {
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
