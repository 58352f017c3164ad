//! Where the server of a domain is: SRV records, addresses, and what the configuration says instead. And what DNSSEC says
//! of its certificate (RFC 7673).

mod resolvers;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::Jid;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{Name, RData};

use crate::config::{Federation, Network};
use crate::net::is_public;
use crate::tls::{Association, Expected};
use resolvers::{Resolvers, is_bogus, is_nothing, is_secure};

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
    /// Signed records say that it serves the domain, or it is the domain.
    pub secure: bool,
}

/// The addresses of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// In turn of IPv6 and IPv4 (RFC 8305 §4).
    pub list: Vec<SocketAddr>,
    /// The name that they stand at, if they and all aliases on the way are signed.
    signed_at: Option<Name>,
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
    resolvers: Arc<Resolvers>,
    hosts: BTreeMap<String, Vec<Target>>,
    /// Networks that may be reached although they are not public.
    allowed: Vec<Network>,
}

impl Names {
    /// Name servers of the configuration, or those of the system.
    ///
    /// # Errors
    /// When the trust anchors of the configuration cannot be read.
    pub fn new(config: &Federation) -> anyhow::Result<Self> {
        let hosts = config.hosts.iter().map(|(domain, targets)| {
            let targets = targets.iter().filter_map(|text| parse_target(text));
            (domain.to_lowercase(), targets.collect())
        });
        Ok(Self {
            resolvers: Arc::new(Resolvers::new(config)?),
            hosts: hosts.collect(),
            allowed: config.allowed_networks.clone(),
        })
    }

    /// Whether the server of `domain` may be at this address: anybody may name a domain, and publish what he likes for
    /// his own.
    #[must_use]
    pub fn permits(&self, domain: &str, address: IpAddr) -> bool {
        self.hosts.contains_key(domain)
            || is_public(address)
            || self.allowed.iter().any(|network| network.contains(address))
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
            secure: true,
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
        let found = match self.resolvers.current().await?.srv_lookup(name).await {
            Ok(found) => found,
            Err(error) if is_nothing(&error) => return Ok(None),
            Err(error) => return Err(failed(domain, &error)),
        };
        let secure = is_secure(found.answers());
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
                    secure,
                },
            });
        Ok(Some(services.collect()))
    }

    /// The addresses of a target.
    ///
    /// # Errors
    /// [`LookupError`].
    pub async fn addresses(&self, target: &Target) -> Result<Addresses, LookupError> {
        if let Ok(address) = target.host.parse::<IpAddr>() {
            return Ok(Addresses {
                list: vec![SocketAddr::new(address, target.port)],
                signed_at: None,
            });
        }
        let name = absolute(&target.host)?;
        let found = match self
            .resolvers
            .current()
            .await?
            .lookup_ip(name.clone())
            .await
        {
            Ok(found) => found,
            Err(error) if is_nothing(&error) => {
                return Err(LookupError::NotFound(format!(
                    "{} has no address",
                    target.host
                )));
            }
            Err(error) => return Err(failed(&target.host, &error)),
        };
        let (sixes, fours): (Vec<IpAddr>, Vec<IpAddr>) =
            found.iter().take(MOST_RECORDS).partition(IpAddr::is_ipv6);
        let answers = found.as_lookup().answers();
        let place = answers.iter().find(|record| {
            let data = &record.data;
            matches!(data, RData::A(_) | RData::AAAA(_))
        });
        Ok(Addresses {
            list: in_turn(sixes, fours)
                .into_iter()
                .map(|address| SocketAddr::new(address, target.port))
                .collect(),
            signed_at: place
                .filter(|_| is_secure(answers))
                .map(|record| record.name.clone()),
        })
    }

    /// What signed records say of the server at a target, whose addresses were looked up (RFC 7673 §3): nothing, when
    /// one of the records that lead there is not signed.
    ///
    /// # Errors
    /// [`LookupError::Failed`] when it cannot be said whether there is such a record: then nobody may connect (RFC 7672
    /// §2.1.1).
    pub async fn expected(
        &self,
        target: &Target,
        addresses: &Addresses,
    ) -> Result<Expected, LookupError> {
        let Some(place) = addresses.signed_at.as_ref().filter(|_| target.secure) else {
            return Ok(Expected::default());
        };
        let own = absolute(&target.host)?;
        let mut associations = self.associations(place, target.port).await?;
        if associations.is_none() && *place != own {
            // RFC 7671 §7: an alias may have records of its own.
            associations = self.associations(&own, target.port).await?;
        }
        let host = target.host.trim_end_matches('.');
        Ok(Expected {
            host: Jid::domain_only(host)
                .ok()
                .map(|host| host.domain().to_owned()),
            associations: associations.unwrap_or_default(),
        })
    }

    /// The TLSA records of a port that are signed and can be used; `None` when there are none that are signed.
    async fn associations(
        &self,
        host: &Name,
        port: u16,
    ) -> Result<Option<Vec<Association>>, LookupError> {
        let name = absolute(&format!("_{port}._tcp.{host}"))?;
        let found = match self.resolvers.current().await?.tlsa_lookup(name).await {
            Ok(found) => found,
            Err(error) if is_nothing(&error) => return Ok(None),
            Err(error) => return Err(failed(&host.to_string(), &error)),
        };
        if !is_secure(found.answers()) {
            return Ok(None);
        }
        let records = found.answers().iter().take(MOST_RECORDS);
        let associations = records.filter_map(|record| match &record.data {
            RData::TLSA(record) => Association::new(
                record.cert_usage.into(),
                record.selector.into(),
                record.matching.into(),
                &record.cert_data,
            ),
            _ => None,
        });
        Ok(Some(associations.collect()))
    }
}

fn failed(name: &str, error: &NetError) -> LookupError {
    if is_bogus(error) {
        return LookupError::Failed(format!(
            "what the name servers say of {name} is not what its zone has signed (DNSSEC)"
        ));
    }
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
        secure: false,
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
                secure: false,
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
                secure: false,
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
