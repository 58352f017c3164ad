//! The services of the house, in one list.

use crate::modules::http_upload;
use crate::rooms;
use crate::service::{self, Service};

/// The list.
pub static ALL: &[&Service] = &[&rooms::SERVICE, &rooms::SPACES, &http_upload::SERVICE];

/// The service behind a domain, as seen from the house's domain.
#[must_use]
pub fn find(address: &str, domain: &str) -> Option<&'static Service> {
    service::find(ALL, address, domain)
}
