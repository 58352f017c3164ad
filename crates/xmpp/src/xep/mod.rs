//! The payloads of the XEPs: one file each, types to and from XML.

pub mod archive_preferences;
pub mod bind2;
pub mod blocking;
pub mod carbons;
pub mod channel_binding;
pub mod data_form;
pub mod delay;
pub mod disco;
pub mod fast;
pub mod forwarding;
pub mod hints;
pub mod message_archive;
pub mod result_set;
pub mod roster;
pub mod sasl2;
