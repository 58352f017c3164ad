//! What goes over the wire, in both forms.

pub(crate) mod element;
pub(crate) mod key;
mod protobuf;
