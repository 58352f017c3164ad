//! The documents that are made of what the code declares.

use crate::{accounts, compliance, specifications};

/// A document made of what the code declares.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where it belongs, from the root of the repository.
    pub path: &'static str,
    /// What is in it.
    pub text: String,
}

/// The documents that say what Hauspost follows.
#[must_use]
pub fn documents() -> Vec<Document> {
    let rows = specifications::rows();
    vec![
        Document {
            path: "docs/xeps.md",
            text: specifications::table(&rows),
        },
        Document {
            path: "docs/hauspost.doap",
            text: specifications::doap(&rows),
        },
        Document {
            path: "docs/compliance.md",
            text: compliance::document(),
        },
        Document {
            path: "docs/roles.md",
            text: accounts::roles_document(),
        },
    ]
}
