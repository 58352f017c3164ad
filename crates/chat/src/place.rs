//! What a domain is to this house.

use crate::Chat;

/// A domain, seen from this house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The house itself.
    House,
    /// A service of it.
    Service,
    /// A component that attaches to it.
    Component,
    /// Another server's.
    Elsewhere,
}

impl Chat {
    /// What a domain is to this house.
    pub(crate) fn place(&self, domain: &str) -> Place {
        let config = self.config();
        if domain == &*config.domain {
            Place::House
        } else if self.service(domain).is_some() {
            Place::Service
        } else if config.federation.components.contains_key(domain) {
            Place::Component
        } else {
            Place::Elsewhere
        }
    }
}
