//! Where people come from besides this server's own accounts.

pub mod ldap;
mod plan;
mod rooms;
mod sync;

pub use ldap::Directory;
pub use sync::{Report, Wish, settings_of};
