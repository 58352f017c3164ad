//! Timelines: what was said in a conversation, in its order, with what was said about it later.

pub(crate) mod apply;
pub(crate) mod record;
mod searching;
pub(crate) mod store;
mod view;
