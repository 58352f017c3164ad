//! Relays for calls, in words: `turn:turn.example.org:3478?transport=udp` (RFC 7065, RFC 7064).

use xmpp::xep::external_services::Service;

use super::secret::Secret;
use super::section::section;

section! {
    /// Relays for calls, told to clients (XEP-0215). For coturn: the same secret as its `static-auth-secret`, with
    /// `use-auth-secret`.
    pub struct Turn {
        /// Relays and helpers, such as `["turn:turn.example.org:3478", "turns:turn.example.org:5349", "stun:stun.example.org:3478"]`,
        /// with `?transport=tcp` behind those that speak TCP.
        servers: Vec<String> = Vec::new(),
        /// Secret shared with the relays. Better given as `HAUSPOST__TURN__SECRET`.
        secret: Secret = Secret::default(),
        /// How long credentials for a relay work, in seconds.
        credential_seconds: u32 = 12 * 3600,
    }
}

impl Turn {
    /// The services that are named, without credentials. What cannot be read is left out; see
    /// [`service`].
    pub fn services(&self) -> Vec<Service> {
        self.servers
            .iter()
            .filter_map(|server| service(server))
            .collect()
    }
}

/// Reads one of `stun:`, `stuns:`, `turn:` and `turns:` with host, port and transport.
pub(super) fn service(text: &str) -> Option<Service> {
    let (scheme, rest) = text.split_once(':')?;
    let (secure, restricted) = match scheme {
        "stun" => (false, false),
        "stuns" => (true, false),
        "turn" => (false, true),
        "turns" => (true, true),
        _ => return None,
    };
    let (place, transport) = match rest.split_once("?transport=") {
        Some((place, transport @ ("udp" | "tcp"))) => (place, transport),
        Some(_) => return None,
        // RFC 7065 §3.1: TLS is spoken over TCP unless said otherwise.
        None => (rest, if secure { "tcp" } else { "udp" }),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        None if secure => 5349,
        None => 3478,
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return None;
    }
    Some(Service {
        host: host.to_owned(),
        port: Some(port),
        kind: scheme.to_owned(),
        transport: Some(transport.to_owned()),
        restricted,
        ..Service::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, u16, String, bool)> {
        let service = service(text)?;
        Some((
            service.host,
            service.port?,
            service.transport?,
            service.restricted,
        ))
    }

    #[test]
    fn relays_in_words() {
        let some = |host: &str, port, transport: &str, restricted| {
            Some((host.to_owned(), port, transport.to_owned(), restricted))
        };
        assert_eq!(read("turn:t.example"), some("t.example", 3478, "udp", true));
        assert_eq!(
            read("turn:t.example:99?transport=tcp"),
            some("t.example", 99, "tcp", true)
        );
        assert_eq!(
            read("turns:[2001:db8::1]"),
            some("2001:db8::1", 5349, "tcp", true)
        );
        assert_eq!(
            read("stun:192.0.2.1:3478"),
            some("192.0.2.1", 3478, "udp", false)
        );
        for wrong in [
            "turn",
            "http://a",
            "turn:",
            "turn:a:0",
            "turn:a:x",
            "turn:a?transport=sctp",
            "turn:a b",
            "turn://a",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
