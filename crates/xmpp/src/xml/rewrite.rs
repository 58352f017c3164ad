//! Writing an element of a tree anew, with the namespace declarations it needs where it stands.

use super::Writer;
use super::tree::{Element, Piece};
use crate::ns;

/// The element, self-contained.
pub(super) fn to_string(element: Element<'_>) -> String {
    let mut writer = Writer::new();
    write_in(element, None, &mut writer);
    writer.finish()
}

/// Writes the element to where `default` is the default namespace.
pub(super) fn write<'t>(element: Element<'t>, default: &'t str, writer: &mut Writer) {
    write_in(element, Some(default), writer);
}

fn write_in<'t>(element: Element<'t>, default: Option<&'t str>, writer: &mut Writer) {
    // What is left of each open element, and the default namespace in it.
    let mut open = vec![start(element, default, writer)];
    while let Some((pieces, inside)) = open.last_mut() {
        match pieces.next() {
            Some(Piece::Text(text)) => {
                writer.text(text);
            }
            Some(Piece::Element(child)) => {
                let inside = *inside;
                open.push(start(child, inside, writer));
            }
            None => {
                writer.end();
                open.pop();
            }
        }
    }
}

/// Writes a start tag. The name gets no prefix (but for `xml`, whose namespace cannot be declared
/// otherwise); attributes keep theirs.
fn start<'t>(
    element: Element<'t>,
    default: Option<&'t str>,
    writer: &mut Writer,
) -> (impl Iterator<Item = Piece<'t>> + use<'t>, Option<&'t str>) {
    let namespace = element.namespace();
    let mut inside = default;
    if namespace == ns::XML {
        writer.start(&format!("xml:{}", element.name()));
    } else {
        writer.start(element.name());
        if default != Some(namespace) {
            writer.xmlns(namespace);
        }
        inside = Some(namespace);
    }
    let mut declared: Vec<&str> = Vec::new();
    for (prefix, uri, local, value) in element.attributes() {
        if prefix.is_empty() {
            writer.attr(local, value);
            continue;
        }
        if uri != ns::XML && !declared.contains(&prefix) {
            declared.push(prefix);
            writer.attr(&format!("xmlns:{prefix}"), uri);
        }
        writer.attr(&format!("{prefix}:{local}"), value);
    }
    (element.pieces(), inside)
}
