//! XML as XMPP restricts it (RFC 6120 §11): an incremental validating reader that finds stanzas
//! without building a tree, a tree for those who need one, and a writer.

mod error;
mod found;
mod header;
mod names;
mod reader;
mod reference;
mod relay;
mod rewrite;
mod scan;
mod stanza;
mod tree;
mod writer;

pub use error::XmlError;
pub use header::StreamHeader;
pub use reader::{Frame, Framing, Input, Reader, ReaderLimits};
pub use relay::{Edit, Head, Received};
pub use stanza::{Child, Kind, Stanza};
pub use tree::{Element, Tree};
pub use writer::{Writer, escape};
