//! Who asks, and whether secrets may pass.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{Extensions, HeaderMap};
use xmpp::sasl::ChannelBindings;
use xmpp::stream::{Security, TlsFacts, TlsVersion, Transport, TransportKind};

use crate::config::Config;

/// What the socket of a request tells; put into each request by the listener.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<SocketTls>,
}

/// TLS that ends in this process.
#[derive(Clone, Debug)]
pub(super) struct SocketTls {
    pub(super) version: TlsVersion,
    pub(super) end_point: Option<Arc<[u8]>>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// The client, as far as trusted proxies tell.
    pub(super) address: IpAddr,
    tls: Option<SocketTls>,
    trusted: bool,
}

impl Origin {
    /// Reads the socket and, from trusted proxies only, what they say of the client.
    pub(super) fn of(
        config: &Config,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Option<Self> {
        let socket = extensions.get::<Socket>()?;
        Some(Self::from_socket(config, socket, headers))
    }

    fn from_socket(config: &Config, socket: &Socket, headers: &HeaderMap) -> Self {
        let peer = socket.peer.ip().to_canonical();
        let is_proxy = |address: IpAddr| is_proxy(config, address);
        if !is_proxy(peer) {
            return Self {
                address: peer,
                tls: socket.tls.clone(),
                trusted: false,
            };
        }
        // The nearest address that is none of our proxies is the client; what is left of it was said by the client.
        let mut chain: Vec<&str> = Vec::new();
        for value in headers.get_all("x-forwarded-for") {
            chain.extend(value.to_str().unwrap_or_default().split(',').map(str::trim));
        }
        let mut address = peer;
        for hop in chain.iter().rev() {
            let Some(hop) = forwarded_address(hop) else {
                break;
            };
            address = hop;
            if !is_proxy(hop) {
                break;
            }
        }
        let says_tls = headers
            .get_all("x-forwarded-proto")
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok())
            .is_some_and(|scheme| {
                let scheme = scheme.rsplit(',').next().unwrap_or_default().trim();
                scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss")
            });
        // A proxy vouches for nothing that it does not say, and a header of one tells that there is one. What comes
        // straight from this machine, and for nobody else, has never been on a wire.
        let trusted = says_tls || (address.is_loopback() && !is_proxied(headers));
        Self {
            address,
            tls: socket.tls.clone(),
            trusted,
        }
    }

    /// Whether secrets may pass.
    pub(super) fn is_protected(&self) -> bool {
        self.tls.is_some() || self.trusted
    }

    /// Whether the request comes from this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address.is_loopback()
    }

    /// The transport of a stream that this request begins.
    pub(super) fn transport(&self, kind: TransportKind) -> Transport {
        let security = match &self.tls {
            Some(tls) => Security::Tls(TlsFacts {
                version: tls.version,
                bindings: ChannelBindings {
                    exporter: None,
                    server_end_point: tls.end_point.as_deref().map(<[u8]>::to_vec),
                },
                client_addresses: Vec::new(),
            }),
            None => Security::Plain,
        };
        Transport {
            kind,
            security,
            trusted_proxy: self.tls.is_none() && self.trusted,
        }
    }
}

/// Whether a socket from there is one of a proxy that speaks for others; this machine may be one.
pub(super) fn is_proxy(config: &Config, address: IpAddr) -> bool {
    address.is_loopback()
        || config
            .http
            .trusted_proxies
            .iter()
            .any(|network| network.contains(address))
}

/// Whether any header tells of a proxy.
fn is_proxied(headers: &HeaderMap) -> bool {
    [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ]
    .iter()
    .any(|name| headers.contains_key(*name))
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    text.parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, headers: &[(&'static str, &'static str)]) -> Origin {
        let mut config = Config::default();
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().expect("network")];
        let socket = Socket {
            peer: SocketAddr::new(peer.parse().expect("address"), 1),
            tls: None,
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("header"));
        }
        Origin::from_socket(&config, &socket, &map)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let stranger = origin(
            "203.0.113.7",
            &[
                ("x-forwarded-for", "127.0.0.1"),
                ("x-forwarded-proto", "https"),
            ],
        );
        assert_eq!(stranger.address.to_string(), "203.0.113.7");
        assert!(!stranger.is_protected());
        let proxied = origin(
            "10.0.0.5",
            &[
                ("x-forwarded-for", "1.2.3.4, 198.51.100.9, 10.0.0.6"),
                ("x-forwarded-proto", "https"),
            ],
        );
        assert_eq!(proxied.address.to_string(), "198.51.100.9");
        assert!(proxied.is_protected() && !proxied.is_local());
    }

    #[test]
    fn a_proxy_in_clear_protects_nothing() {
        let plain = origin(
            "10.0.0.5",
            &[
                ("x-forwarded-for", "198.51.100.9"),
                ("x-forwarded-proto", "http"),
            ],
        );
        assert!(!plain.is_protected());
    }

    #[test]
    fn a_proxy_that_does_not_say_https_protects_nothing() {
        let silent: [(&str, &[(&str, &str)]); 5] = [
            ("10.0.0.5", &[]),
            ("10.0.0.5", &[("x-forwarded-for", "198.51.100.9")]),
            ("127.0.0.1", &[("x-forwarded-for", "198.51.100.9")]),
            // A client of this machine's proxy that claims to be this machine, and a proxy that does not say who asks.
            ("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")]),
            ("127.0.0.1", &[("via", "1.1 proxy")]),
        ];
        for (peer, headers) in silent {
            assert!(!origin(peer, headers).is_protected(), "{peer} {headers:?}");
        }
        let said = &[
            ("x-forwarded-for", "198.51.100.9"),
            ("x-forwarded-proto", "https"),
        ];
        assert!(origin("127.0.0.1", said).is_protected());
    }

    #[test]
    fn this_machine_needs_no_tls() {
        assert!(origin("::1", &[]).is_protected() && origin("::1", &[]).is_local());
        assert!(origin("::ffff:127.0.0.1", &[]).is_local());
    }
}
