//! XEP-0317: Hats.

use crate::ns;
use crate::xml::Writer;

/// A hat that somebody wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hat<'a> {
    /// What it is, for programs.
    pub uri: &'a str,
    /// What it is, for people.
    pub title: &'a str,
    /// Its colour, a hue angle.
    pub hue: Option<&'a str>,
}

/// Writes `<hats/>`; nothing without hats.
pub fn write<'a>(hats: impl IntoIterator<Item = Hat<'a>>, writer: &mut Writer) {
    let mut hats = hats.into_iter().peekable();
    if hats.peek().is_none() {
        return;
    }
    writer.start("hats").xmlns(ns::HATS);
    for hat in hats {
        writer
            .start("hat")
            .attr("title", hat.title)
            .attr("uri", hat.uri)
            .attr_opt("hue", hat.hue)
            .end();
    }
    writer.end();
}
