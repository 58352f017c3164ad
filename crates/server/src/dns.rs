//! Where the server of a domain is: SRV records, addresses, and what the configuration says instead.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};

use crate::config::{Federation, Network};
use crate::net::is_public;

/// Records of one kind that are looked at; a domain with more has the rest ignored.
const MOST_RECORDS: usize = 20;

/// A server that may be the one of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name, or its address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// TLS from the first byte (XEP-0368).
    pub direct: bool,
}

/// Why no server was found.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The domain is not there, or says that it has no such service.
    #[error("{0}")]
    NotFound(String),
    /// The name servers do not answer.
    #[error("{0}")]
    Failed(String),
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Lower ones first.
    pub priority: u16,
    /// Share among those of one priority.
    pub weight: u16,
    /// The server; the port is in it.
    pub target: Target,
}

/// Asks name servers.
#[derive(Clone)]
pub struct Names {
    resolver: Option<TokioResolver>,
    hosts: BTreeMap<String, Vec<Target>>,
    /// Networks that may be reached although they are not public.
    allowed: Vec<Network>,
}

impl Names {
    /// Name servers of the configuration, or those of the system.
    pub fn new(config: &Federation) -> Self {
        let resolver = if config.name_servers.is_empty() {
            TokioResolver::builder_tokio().and_then(|builder| builder.build())
        } else {
            let servers = config.name_servers.iter().map(|address| {
                let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
                for connection in &mut connections {
                    connection.port = address.port();
                }
                NameServerConfig::new(address.ip(), true, connections)
            });
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build()
        };
        let resolver = resolver
            .inspect_err(|error| {
                tracing::warn!(%error, "no name server can be asked; see /etc/resolv.conf, or set federation.name_servers");
            })
            .ok();
        let hosts = config.hosts.iter().map(|(domain, targets)| {
            let targets = targets.iter().filter_map(|text| parse_target(text));
            (domain.to_lowercase(), targets.collect())
        });
        Self {
            resolver,
            hosts: hosts.collect(),
            allowed: config.allowed_networks.clone(),
        }
    }

    /// Whether the server of `domain` may be at this address: anybody may name a domain, and publish what he likes for
    /// his own.
    #[must_use]
    pub fn permits(&self, domain: &str, address: IpAddr) -> bool {
        self.hosts.contains_key(domain)
            || is_public(address)
            || self.allowed.iter().any(|network| network.contains(address))
    }

    fn resolver(&self) -> Result<&TokioResolver, LookupError> {
        self.resolver
            .as_ref()
            .ok_or_else(|| LookupError::Failed("no name server can be asked".to_owned()))
    }

    /// The servers of a domain, in the order in which they are to be tried (RFC 6120 §3.2, XEP-0368 §2). `random`
    /// decides among those of one priority.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn servers(&self, domain: &str, random: u64) -> Result<Vec<Target>, LookupError> {
        if let Some(targets) = self.hosts.get(domain) {
            return Ok(targets.clone());
        }
        let literal = domain.trim_start_matches('[').trim_end_matches(']');
        let plain = Target {
            host: literal.to_owned(),
            port: 5269,
            direct: false,
        };
        if literal.parse::<IpAddr>().is_ok() {
            return Err(LookupError::NotFound(format!(
                "{domain} is an address and stands not in federation.hosts"
            )));
        }
        let (plains, directs) = tokio::join!(
            self.services("xmpp-server", domain, false),
            self.services("xmpps-server", domain, true)
        );
        let (plains, directs) = (plains?, directs?);
        if plains.is_none() && directs.is_none() {
            return Ok(vec![plain]);
        }
        let services: Vec<Service> = plains.into_iter().chain(directs).flatten().collect();
        if services.is_empty() {
            return Err(LookupError::NotFound(format!(
                "{domain} says that it has no XMPP server"
            )));
        }
        Ok(in_order(services, random))
    }

    /// The SRV records of a service; `None` when there are none, empty when the domain says that it does not have the
    /// service.
    ///
    /// # Errors
    /// [`LookupError::Failed`] when nobody answers.
    pub async fn services(
        &self,
        service: &str,
        domain: &str,
        direct: bool,
    ) -> Result<Option<Vec<Service>>, LookupError> {
        let name = absolute(&format!("_{service}._tcp.{domain}"))?;
        let found = match self.resolver()?.srv_lookup(name).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(None),
            Err(error) => return Err(failed(domain, &error)),
        };
        let records = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::SRV(record) => Some(record),
                _ => None,
            });
        let services = records
            .filter(|record| !record.target.is_root())
            .take(MOST_RECORDS)
            .map(|record| Service {
                priority: record.priority,
                weight: record.weight,
                target: Target {
                    host: record.target.to_ascii(),
                    port: record.port,
                    direct,
                },
            });
        Ok(Some(services.collect()))
    }

    /// The addresses of a target, in turn of IPv6 and IPv4 (RFC 8305 §4).
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, LookupError> {
        if let Ok(address) = target.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, target.port)]);
        }
        let name = absolute(&target.host)?;
        let found = match self.resolver()?.lookup_ip(name).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => {
                return Err(LookupError::NotFound(format!(
                    "{} has no address",
                    target.host
                )));
            }
            Err(error) => return Err(failed(&target.host, &error)),
        };
        let (sixes, fours): (Vec<IpAddr>, Vec<IpAddr>) =
            found.iter().take(MOST_RECORDS).partition(IpAddr::is_ipv6);
        Ok(in_turn(sixes, fours)
            .into_iter()
            .map(|address| SocketAddr::new(address, target.port))
            .collect())
    }
}

fn failed(name: &str, error: &NetError) -> LookupError {
    LookupError::Failed(format!(
        "the name servers do not tell where {name} is: {error}"
    ))
}

fn absolute(name: &str) -> Result<Name, LookupError> {
    let parsed = Name::from_utf8(name).map(|mut name| {
        name.set_fqdn(true);
        name
    });
    parsed.map_err(|_| LookupError::NotFound(format!("{name} is no name that could be in DNS")))
}

/// `host:port`, `[address]:port`, or the same behind `tls://` for TLS from the first byte.
pub fn parse_target(text: &str) -> Option<Target> {
    let (direct, rest) = match text.strip_prefix("tls://") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (host, port) = rest.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return None;
    }
    Some(Target {
        host: host.to_owned(),
        port: port.parse().ok()?,
        direct,
    })
}

/// One of each, for as long as there are both.
fn in_turn(first: Vec<IpAddr>, second: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        match (first.next(), second.next()) {
            (None, None) => return all,
            (one, other) => all.extend(one.into_iter().chain(other)),
        }
    }
}

/// RFC 2782: by priority, and by chance within one, weighted.
fn in_order(mut services: Vec<Service>, random: u64) -> Vec<Target> {
    services.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut random = random;
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let end = services.partition_point(|service| service.priority <= first.priority);
        let total: u64 = services[..end]
            .iter()
            .map(|service| u64::from(service.weight))
            .sum();
        // A step of SplitMix64: enough to spread load.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let chosen = (random >> 33) % (total + 1);
        let mut sum = 0;
        let at = services[..end].iter().position(|service| {
            sum += u64::from(service.weight);
            sum >= chosen
        });
        ordered.push(services.remove(at.unwrap_or_default()).target);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(priority: u16, weight: u16, host: &str) -> Service {
        Service {
            priority,
            weight,
            target: Target {
                host: host.to_owned(),
                port: 5269,
                direct: false,
            },
        }
    }

    #[test]
    fn priority_goes_first_and_weight_decides_among_equals() {
        let services = vec![
            service(20, 0, "last"),
            service(10, 90, "heavy"),
            service(10, 10, "light"),
            service(10, 0, "never quite"),
        ];
        let mut first = BTreeMap::<String, u32>::new();
        for random in 0..2_000_u64 {
            let order = in_order(services.clone(), random.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            assert_eq!(order.len(), 4);
            assert_eq!(order[3].host, "last");
            *first.entry(order[0].host.clone()).or_default() += 1;
        }
        assert!(first["heavy"] > 1_600 && first["light"] > 100, "{first:?}");
    }

    #[test]
    fn families_take_turns() {
        let [a, b, c] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"]
            .map(|text| text.parse::<IpAddr>().expect("an address"));
        assert_eq!(in_turn(vec![a, b], vec![c]), [a, c, b]);
        assert_eq!(in_turn(vec![], vec![c]), [c]);
    }

    #[test]
    fn targets_are_written_like_addresses() {
        let target = |host: &str, port, direct| {
            Some(Target {
                host: host.to_owned(),
                port,
                direct,
            })
        };
        assert_eq!(
            parse_target("127.0.0.2:5269"),
            target("127.0.0.2", 5269, false)
        );
        assert_eq!(parse_target("tls://[::1]:5270"), target("::1", 5270, true));
        assert_eq!(
            parse_target("xmpp.example.org:1"),
            target("xmpp.example.org", 1, false)
        );
        assert_eq!(parse_target("127.0.0.2"), None);
        assert_eq!(parse_target(":5269"), None);
    }
}
