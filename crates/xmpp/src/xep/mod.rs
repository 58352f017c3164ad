//! The payloads of the XEPs: one file each, types to and from XML.

pub mod affiliation_versions;
pub mod archive_preferences;
pub mod bind2;
pub mod blocking;
pub mod carbons;
pub mod channel_binding;
pub mod channel_search;
pub mod data_form;
pub mod delay;
pub mod delegation;
pub mod dialback;
pub mod disco;
pub mod fast;
pub mod forwarding;
pub mod hats;
pub mod hints;
pub mod message_archive;
pub mod moderation;
pub mod muc;
pub mod occupant_id;
pub mod privilege;
pub mod result_set;
pub mod room_avatar;
pub mod roster;
pub mod sasl2;
