//! XEP-0386: Bind 2.

use crate::ns;
use crate::sm::SmElement;
use crate::xml::{Element, Writer};

/// `<enable/>` of XEP-0198.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SmRequest {
    /// The stream shall be resumable.
    pub resume: bool,
    /// The longest time to wait for resumption, seconds.
    pub max: Option<u32>,
}

/// What a client enables within Bind 2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inline {
    /// XEP-0280.
    pub carbons: bool,
    /// XEP-0352: the session begins inactive.
    pub inactive: bool,
    /// XEP-0198.
    pub stream_management: Option<SmRequest>,
    /// Further children of `<bind/>` in other namespaces, raw.
    pub others: Vec<String>,
}

/// `<bind/>` (§3.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bind {
    /// Names the program in the resource.
    pub tag: Option<String>,
    /// What is to be enabled.
    pub enable: Inline,
}

impl Bind {
    pub(crate) fn read(element: Element<'_>) -> Bind {
        let mut bind = Bind::default();
        for child in element.children() {
            match (child.name(), child.namespace()) {
                ("tag", ns::BIND2) => {
                    let tag = child.text().trim().to_owned();
                    bind.tag = (!tag.is_empty()).then_some(tag);
                }
                (_, ns::BIND2) => {}
                ("enable", ns::CARBONS) => bind.enable.carbons = true,
                ("active", ns::CLIENT_STATE) => bind.enable.inactive = false,
                ("inactive", ns::CLIENT_STATE) => bind.enable.inactive = true,
                ("enable", ns::STREAM_MANAGEMENT) => {
                    if let Some(SmElement::Enable { resume, max }) = SmElement::of(child) {
                        bind.enable.stream_management = Some(SmRequest { resume, max });
                    }
                }
                _ if bind.enable.others.len() < 16 => {
                    bind.enable.others.push(String::from(child.raw()))
                }
                _ => {}
            }
        }
        bind
    }

    /// Writes `<bind/>`.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::with_capacity(256);
        writer.start("bind").xmlns(ns::BIND2);
        if let Some(tag) = &self.tag {
            writer.leaf_text("tag", None, tag);
        }
        if self.enable.carbons {
            writer.leaf("enable", ns::CARBONS);
        }
        if self.enable.inactive {
            writer.leaf("inactive", ns::CLIENT_STATE);
        }
        if let Some(SmRequest { resume, max }) = self.enable.stream_management {
            writer.raw(&SmElement::Enable { resume, max }.to_xml());
        }
        for other in &self.enable.others {
            writer.raw(other);
        }
        writer.end();
        writer.finish()
    }
}

/// The feature `<bind/>` within SASL2's `<inline/>` (§3.1).
pub fn feature<'a>(vars: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = Writer::with_capacity(256);
    writer.start("bind").xmlns(ns::BIND2).start("inline");
    for var in vars {
        writer.start("feature").attr("var", var).end();
    }
    writer.end().end();
    writer.finish()
}
