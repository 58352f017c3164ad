//! XEP-0440: SASL Channel-Binding Type Capability.

use crate::ns;
use crate::xml::{Stanza, Writer};

/// The feature `<sasl-channel-binding/>` (§2). Do not send it without a type.
pub fn feature<'a>(types: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = Writer::with_capacity(256);
    writer
        .start("sasl-channel-binding")
        .xmlns(ns::CHANNEL_BINDING);
    for name in types {
        writer.start("channel-binding").attr("type", name).end();
    }
    writer.end();
    writer.finish()
}

/// The types announced in `<stream:features/>`; `None` without the feature.
pub fn announced(features: &Stanza) -> Option<Vec<String>> {
    let tree = features
        .child("sasl-channel-binding", ns::CHANNEL_BINDING)?
        .tree();
    let types = tree
        .root()
        .children()
        .filter(|child| child.is("channel-binding", ns::CHANNEL_BINDING));
    Some(
        types
            .filter_map(|child| child.attr("type").map(str::to_owned))
            .collect(),
    )
}
