//! XEP-0463: MUC Affiliations Versioning.

use crate::ns;
use crate::xml::{Element, Writer};

/// `<mav/>`: from which version to which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// Where a difference begins; absent for all there is.
    pub since: Option<String>,
    /// Where it ends.
    pub until: Option<String>,
}

impl Versions {
    /// Reads the `<mav/>` in an `<x/>` of multi-user chat.
    #[must_use]
    pub fn of(x: Element<'_>) -> Option<Self> {
        let mav = x.child("mav", ns::AFFILIATION_VERSIONS)?;
        let text = |name| mav.attr(name).map(str::to_owned);
        Some(Self {
            since: text("since"),
            until: text("until"),
        })
    }

    /// Writes `<mav/>`.
    pub fn write(&self, writer: &mut Writer) {
        writer
            .start("mav")
            .xmlns(ns::AFFILIATION_VERSIONS)
            .attr_opt("since", self.since.as_deref())
            .attr_opt("until", self.until.as_deref())
            .end();
    }
}
