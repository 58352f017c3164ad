//! Sockets: one task a connection moves bytes between a socket and its [`chat::Connection`] or
//! [`chat::PeerConnection`].

mod allowance;
mod clock;
mod drive;
mod peers;
mod places;
mod public;
mod tcp;
mod tls_stream;

pub(crate) use allowance::Allowance;
pub use clock::Clock;
pub use peers::{PeerDoor, Peers};
pub use places::{Open, Place};
pub use public::is_public;
pub use tcp::{Door, Doors, bind, serve};
