//! XEP-0215: External Service Discovery.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::sasl::ScramHash;
use crate::xml::{Element, Writer};

/// A service outside of XMPP (§2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: Option<u16>,
    /// `stun`, `turn`, …
    pub kind: String,
    /// `udp` or `tcp`.
    pub transport: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// Whether it wants credentials.
    pub restricted: bool,
    /// User name, password and end of credentials.
    pub credentials: Option<Credentials>,
}

/// What lets a client use a service for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// When they end.
    pub expires: Option<Timestamp>,
}

// Whoever reads a log must not be able to use the relay.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, …)", self.username)
    }
}

impl Credentials {
    /// Time-limited credentials as coturn's `use-auth-secret` and others check them: the user name is
    /// `<end in seconds since 1970>:<name>`, the password its HMAC-SHA-1 under the shared secret
    /// (draft-uberti-behave-turn-rest §2.2).
    #[must_use]
    pub fn time_limited(secret: &str, name: &str, expires: Timestamp) -> Self {
        let username = format!("{}:{name}", expires.seconds());
        let mac = ScramHash::Sha1.hmac(secret.as_bytes(), &[username.as_bytes()]);
        Self {
            password: STANDARD.encode(mac.expose()),
            username,
            expires: Some(Timestamp::from_seconds(expires.seconds())),
        }
    }
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// `<services/>` (§3.1, §3.2), of one type if that is named.
    Services(Option<String>),
    /// `<credentials/>` (§3.3) for a service.
    Credentials {
        /// Its host.
        host: String,
        /// Its type.
        kind: String,
        /// Its port, where there are several.
        port: Option<u16>,
    },
}

impl Query {
    /// Reads `<services/>` or `<credentials/>`.
    ///
    /// # Errors
    /// `bad-request` when it names no service, or the element is neither.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        match element.name() {
            "services" => Ok(Self::Services(element.attr("type").map(Into::into))),
            "credentials" => {
                let service = element
                    .child("service", ns::EXTERNAL_SERVICES)
                    .ok_or_else(|| bad("Name the service for which credentials are wanted."))?;
                let text = |name| service.attr(name).map(str::to_owned);
                let (Some(host), Some(kind)) = (text("host"), text("type")) else {
                    return Err(bad("A service is named by the attributes host and type."));
                };
                let port = match service.attr("port") {
                    None => None,
                    Some(port) => Some(
                        port.parse()
                            .map_err(|_| bad("A port is a number from 1 to 65535."))?,
                    ),
                };
                Ok(Self::Credentials { host, kind, port })
            }
            _ => Err(bad("Ask for services or for credentials.")),
        }
    }

    /// Whether `service` is among those that are asked for.
    #[must_use]
    pub fn wants(&self, service: &Service) -> bool {
        match self {
            Self::Services(None) => true,
            Self::Services(Some(kind)) => *kind == service.kind,
            Self::Credentials { host, kind, port } => {
                *host == service.host
                    && *kind == service.kind
                    && (port.is_none() || *port == service.port)
            }
        }
    }

    /// The answer with these services.
    #[must_use]
    pub fn answer(&self, services: &[Service]) -> String {
        let mut writer = Writer::with_capacity(128 + services.len() * 256);
        match self {
            Self::Services(kind) => writer
                .start("services")
                .xmlns(ns::EXTERNAL_SERVICES)
                .attr_opt("type", kind.as_deref()),
            Self::Credentials { .. } => writer.start("credentials").xmlns(ns::EXTERNAL_SERVICES),
        };
        for service in services {
            service.write(None, &mut writer);
        }
        writer.end();
        writer.finish()
    }
}

/// The push of services that have changed (§3.2), each with what happened to it: `add`, `delete` or
/// `modify`.
#[must_use]
pub fn push(kind: Option<&str>, services: &[(&str, &Service)]) -> String {
    let mut writer = Writer::with_capacity(128 + services.len() * 256);
    writer
        .start("services")
        .xmlns(ns::EXTERNAL_SERVICES)
        .attr_opt("type", kind);
    for (action, service) in services {
        service.write(Some(action), &mut writer);
    }
    writer.end();
    writer.finish()
}

impl Service {
    fn write(&self, action: Option<&str>, writer: &mut Writer) {
        writer.start("service");
        writer
            .attr_opt("action", action)
            .attr("host", &self.host)
            .attr_opt("port", self.port.map(|port| port.to_string()))
            .attr_opt("transport", self.transport.as_deref())
            .attr("type", &self.kind)
            .attr_opt("name", self.name.as_deref());
        if self.restricted {
            writer.attr("restricted", "true");
        }
        if let Some(credentials) = &self.credentials {
            writer
                .attr("username", &credentials.username)
                .attr("password", &credentials.password)
                .attr_opt("expires", credentials.expires.map(|time| time.to_string()));
        }
        writer.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Result<Query, StanzaError> {
        Query::read(Tree::parse(text).expect("XML").root())
    }

    fn turn() -> Service {
        Service {
            host: "turn.example.org".into(),
            port: Some(3478),
            kind: "turn".into(),
            transport: Some("udp".into()),
            restricted: true,
            ..Service::default()
        }
    }

    #[test]
    fn what_is_asked_for() {
        let all = read("<services xmlns='urn:xmpp:extdisco:2'/>").expect("a query");
        let stun = read("<services xmlns='urn:xmpp:extdisco:2' type='stun'/>").expect("a query");
        assert!(all.wants(&turn()) && !stun.wants(&turn()));
        let one = |attributes: &str| {
            read(&format!(
                "<credentials xmlns='urn:xmpp:extdisco:2'><service {attributes}/></credentials>"
            ))
        };
        let wants = |attributes: &str| one(attributes).expect("a query").wants(&turn());
        assert!(wants("host='turn.example.org' type='turn'"));
        assert!(wants("host='turn.example.org' type='turn' port='3478'"));
        assert!(!wants("host='turn.example.org' type='turn' port='1'"));
        assert!(!wants("host='other' type='turn'"));
        for wrong in [
            "host='a'",
            "type='turn'",
            "host='a' type='turn' port='70000'",
        ] {
            assert!(one(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_of_the_specification() {
        let mut service = turn();
        service.credentials = Some(Credentials {
            username: "u".into(),
            password: "p".into(),
            expires: Some(Timestamp::from_seconds(0)),
        });
        assert_eq!(
            Query::Services(Some("turn".into())).answer(&[service.clone()]),
            "<services xmlns='urn:xmpp:extdisco:2' type='turn'><service host='turn.example.org' port='3478' \
             transport='udp' type='turn' restricted='true' username='u' password='p' \
             expires='1970-01-01T00:00:00Z'/></services>"
        );
        service.credentials = None;
        assert_eq!(
            push(Some("turn"), &[("delete", &service)]),
            "<services xmlns='urn:xmpp:extdisco:2' type='turn'><service action='delete' host='turn.example.org' \
             port='3478' transport='udp' type='turn' restricted='true'/></services>"
        );
    }

    #[test]
    fn credentials_are_those_that_coturn_computes() {
        // printf '1700000000:juliet' | openssl dgst -sha1 -hmac north -binary | base64
        let credentials =
            Credentials::time_limited("north", "juliet", Timestamp::from_seconds(1_700_000_000));
        assert_eq!(credentials.username, "1700000000:juliet");
        assert_eq!(credentials.password, "uwI1whdHXUffOmvQlNqkWcD2Miw=");
        assert!(!format!("{credentials:?}").contains(&credentials.password));
    }
}
