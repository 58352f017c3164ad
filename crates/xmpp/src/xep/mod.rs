//! The payloads of the XEPs: one file each, types to and from XML.

pub mod bind2;
pub mod channel_binding;
pub mod fast;
pub mod sasl2;
