//! The router: a pure decision straight from RFC 6121 §8, without a look at stanza contents.

use base::Jid;

use crate::service::Service;
use crate::services;

/// Where a stanza goes.
#[derive(Clone, Copy, Debug)]
pub enum Route<'a> {
    /// No `to`, or the sender's own bare address: the server answers on behalf of the account
    /// (RFC 6120 §10.3).
    Own,
    /// A bare address of this domain (RFC 6121 §8.5.2).
    Account(&'a str),
    /// A full address of this domain (RFC 6121 §8.5.3).
    Session(&'a str),
    /// This server itself, with or without a resource (RFC 6120 §10.5).
    Host,
    /// A service of this server: its own address, or one below it.
    Service(&'static Service),
    /// Another domain.
    Remote,
}

/// Decides for a stanza addressed `to` by someone whose bare address is `own`, on the server
/// for `domain`. The text inside is the account's bare address.
#[must_use]
pub fn route<'a>(to: Option<&'a Jid>, own: &str, domain: &str) -> Route<'a> {
    let Some(to) = to else { return Route::Own };
    if to.domain() != domain {
        return services::find(to.domain(), domain).map_or(Route::Remote, Route::Service);
    }
    if to.local().is_none() {
        return Route::Host;
    }
    let bare = to.bare_str();
    match to.resource() {
        Some(_) => Route::Session(bare),
        None if bare == own => Route::Own,
        None => Route::Account(bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(to: Option<&str>) -> String {
        let to = to.map(|text| Jid::parse(text).expect("a valid address"));
        format!(
            "{:?}",
            route(to.as_ref(), "juliet@example.org", "example.org")
        )
    }

    #[test]
    fn every_kind_of_address_has_its_route() {
        assert_eq!(decide(None), "Own");
        assert_eq!(decide(Some("juliet@example.org")), "Own");
        assert_eq!(
            decide(Some("juliet@example.org/balcony")),
            "Session(\"juliet@example.org\")"
        );
        assert_eq!(
            decide(Some("romeo@example.org")),
            "Account(\"romeo@example.org\")"
        );
        assert_eq!(
            decide(Some("romeo@example.org/garden")),
            "Session(\"romeo@example.org\")"
        );
        assert_eq!(decide(Some("example.org")), "Host");
        assert_eq!(decide(Some("example.org/admin")), "Host");
        assert_eq!(decide(Some("romeo@example.net")), "Remote");
    }
}
