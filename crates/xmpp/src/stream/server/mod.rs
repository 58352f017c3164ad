//! The accepting side of a client stream.

mod config;
mod question;

pub use config::ServerConfig;
pub use question::{Answer, BindRequest, Established, Inline, Output, Question, SmRequest, StoredToken};
