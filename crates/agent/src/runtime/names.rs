//! Where the server of a domain is: SRV records (RFC 6120 §3.2, XEP-0368), addresses, or what the command line says.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{Name, RData};

/// Records of one kind that are looked at.
const MOST_RECORDS: usize = 20;
/// Addresses that are tried.
const MOST_ADDRESSES: usize = 20;

/// A place where a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its name, or its address.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// TLS from the first byte (XEP-0368).
    pub(crate) direct: bool,
}

impl FromStr for Place {
    type Err = &'static str;

    /// `host:port` or `[address]:port`; `tls://` before it for TLS from the first byte.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "write HOST:PORT, or tls://HOST:PORT for TLS from the first byte; IPv6 in brackets";
        let (direct, rest) = match text.strip_prefix("tls://") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (host, port) = rest.rsplit_once(':').ok_or(FORM)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(FORM);
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().map_err(|_| FORM)?,
            direct,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.direct {
            f.write_str("tls://")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An address, and whether TLS is there from the first byte.
pub(crate) type Candidate = (SocketAddr, bool);

/// Everything that is worth a try, in order.
///
/// # Errors
/// In words for the person.
pub(crate) async fn candidates(domain: &str, random: u64) -> Result<VecDeque<Candidate>, String> {
    let mut found = VecDeque::new();
    let mut last = None;
    for place in places(domain, random).await? {
        match addresses(&place).await {
            Ok(addresses) => {
                found.extend(addresses.into_iter().map(|address| (address, place.direct)));
            }
            Err(error) => last = Some(error),
        }
        if found.len() >= MOST_ADDRESSES {
            break;
        }
    }
    match last {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// The addresses of a place, in turn of IPv6 and IPv4 (RFC 8305 §4).
///
/// # Errors
/// In words for the person.
pub(crate) async fn addresses(place: &Place) -> Result<Vec<SocketAddr>, String> {
    let found = tokio::net::lookup_host((place.host.as_str(), place.port))
        .await
        .map_err(|error| {
            format!(
                "the name {} has no address: {error}. Check the address you sign in with, and your network",
                place.host
            )
        })?;
    let (sixes, fours): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.take(MOST_RECORDS).partition(SocketAddr::is_ipv6);
    Ok(in_turn(sixes, fours))
}

/// The places that a domain names, else those where one looks without a name.
async fn places(domain: &str, random: u64) -> Result<Vec<Place>, String> {
    let literal = domain.trim_start_matches('[').trim_end_matches(']');
    let usual = |port, direct| Place {
        host: literal.to_owned(),
        port,
        direct,
    };
    let usual = vec![usual(5222, false), usual(5223, true)];
    if literal.parse::<std::net::IpAddr>().is_ok() || domain == "localhost" {
        return Ok(usual);
    }
    let Ok(resolver) = TokioResolver::builder_tokio().and_then(|builder| builder.build()) else {
        // No name server can be asked for services; the system may still know the address.
        return Ok(usual);
    };
    let (plain, direct) = tokio::join!(
        services(&resolver, "xmpp-client", domain, false),
        services(&resolver, "xmpps-client", domain, true)
    );
    let (Some(plain), Some(direct)) = (&plain, &direct) else {
        // One of the two says nothing, or nobody answers: whatever is known is tried.
        let known: Vec<Service> = plain.into_iter().chain(direct).flatten().collect();
        return Ok(if known.is_empty() {
            usual
        } else {
            in_order(known, random)
        });
    };
    let known: Vec<Service> = plain.iter().chain(direct).cloned().collect();
    if known.is_empty() {
        return Err(format!(
            "{domain} says in its DNS that it has no XMPP service for people. Ask its administrator for the right address"
        ));
    }
    Ok(in_order(known, random))
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug)]
struct Service {
    priority: u16,
    weight: u16,
    place: Place,
}

/// The records of a service; `None` when there are none, empty when the domain says that it does not have the service.
async fn services(
    resolver: &TokioResolver,
    service: &str,
    domain: &str,
    direct: bool,
) -> Option<Vec<Service>> {
    let mut name = Name::from_utf8(format!("_{service}._tcp.{domain}")).ok()?;
    name.set_fqdn(true);
    let found = resolver.srv_lookup(name).await.ok()?;
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
            place: Place {
                host: record.target.to_ascii(),
                port: record.port,
                direct,
            },
        });
    Some(services.collect())
}

/// One of each, for as long as there are both.
fn in_turn(first: Vec<SocketAddr>, second: Vec<SocketAddr>) -> Vec<SocketAddr> {
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
fn in_order(mut services: Vec<Service>, mut random: u64) -> Vec<Place> {
    services.sort_by_key(|service| (service.priority, service.weight != 0));
    let mut ordered = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let end = services.partition_point(|service| service.priority <= first.priority);
        let total: u64 = services[..end]
            .iter()
            .map(|service| u64::from(service.weight))
            .sum();
        // A step of a linear congruence: enough to spread load.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let chosen = (random >> 33) % (total + 1);
        let mut sum = 0;
        let at = services[..end].iter().position(|service| {
            sum += u64::from(service.weight);
            sum >= chosen
        });
        ordered.push(services.remove(at.unwrap_or_default()).place);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_like_addresses() {
        for text in ["127.0.0.1:5222", "tls://[::1]:5223", "chat.example.org:1"] {
            assert_eq!(
                text.parse::<Place>().expect("a place").to_string(),
                text,
                "{text}"
            );
        }
        for text in ["example.org", ":1", "example.org:port", "a:99999"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn lower_priorities_come_first_whatever_the_dice_say() {
        let service = |priority, weight, host: &str| Service {
            priority,
            weight,
            place: Place {
                host: host.to_owned(),
                port: 1,
                direct: false,
            },
        };
        let services = vec![
            service(20, 0, "last"),
            service(10, 9, "one"),
            service(10, 1, "other"),
        ];
        for random in 0..100 {
            let order = in_order(services.clone(), random);
            assert_eq!(order.len(), 3);
            assert_eq!(order[2].host, "last");
        }
    }

    #[test]
    fn families_take_turns() {
        let [a, b, c] = ["[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1"]
            .map(|text| text.parse::<SocketAddr>().expect("an address"));
        assert_eq!(in_turn(vec![a, b], vec![c]), [a, c, b]);
    }
}
