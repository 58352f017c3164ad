//! What the client can do, one file for each specification. A file that shows in service discovery declares itself in a
//! static, and this is the only list of them.

pub(crate) mod avatar;
pub(crate) mod blocking;
pub(crate) mod bookmarks;
pub(crate) mod carbons;
pub(crate) mod chat_states;
pub(crate) mod client_access;
pub(crate) mod client_state;
pub(crate) mod disco;
pub(crate) mod displayed;
pub(crate) mod http_upload;
pub(crate) mod inbox;
pub(crate) mod markers;
pub(crate) mod message_archive;
pub(crate) mod nickname;
pub(crate) mod omemo;
pub(crate) mod pep;
pub(crate) mod personal;
pub(crate) mod ping;
pub(crate) mod pins;
pub(crate) mod presence;
pub(crate) mod previews;
pub(crate) mod questions;
pub(crate) mod receipts;
pub(crate) mod rooms;
pub(crate) mod roster;
pub(crate) mod transfers;

/// What a specification adds to what we say of ourselves (XEP-0030).
#[derive(Debug)]
pub(crate) struct Feature {
    /// What it adds to the answer to `disco#info`.
    pub(crate) disco: &'static [&'static str],
    /// Nodes of others and of ourselves of whose changes we want to hear (XEP-0163 §4.3).
    pub(crate) notify: &'static [&'static str],
}

pub(crate) static FEATURES: [&Feature; 9] = [
    &avatar::FEATURE,
    &bookmarks::FEATURE,
    &chat_states::FEATURE,
    &disco::FEATURE,
    &displayed::FEATURE,
    &markers::FEATURE,
    &nickname::FEATURE,
    &omemo::FEATURE,
    &receipts::FEATURE,
];
