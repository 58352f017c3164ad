//! What DNS says of our names.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::finding::{Finding, Verdict};
use crate::config::{Config, FederationMode};
use crate::dns::{Names, Service};

/// Longest wait for name servers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Addresses of the domain and its services, and the records that lead to them.
pub(super) fn check(config: &Config, findings: &mut Vec<Finding>) {
    if config.domain == "localhost" || config.domain.ends_with(".localhost") {
        findings.push(Finding::new(
            Verdict::Ok,
            "dns",
            format!("{} is this machine by definition", config.domain),
        ));
        return;
    }
    for host in config.hosts() {
        let found: Vec<SocketAddr> = (host.as_str(), 0)
            .to_socket_addrs()
            .map(Iterator::collect)
            .unwrap_or_default();
        findings.push(if found.is_empty() {
            let needed = if host == config.domain {
                Verdict::Warning
            } else {
                Verdict::Note
            };
            Finding::new(needed, "dns", format!("{host} has no address")).mend(format!(
                "publish A and AAAA records of {host} that lead to this machine"
            ))
        } else {
            let mut addresses: Vec<String> = found
                .iter()
                .map(|address| address.ip().to_string())
                .collect();
            addresses.dedup();
            Finding::new(
                Verdict::Ok,
                "dns",
                format!("{host} is {}", addresses.join(", ")),
            )
        });
    }
    services(config, findings);
}

/// The services that are found by SRV records: name, door, key, and the port without a record.
fn wanted(config: &Config) -> Vec<(&'static str, &[SocketAddr], Option<u16>)> {
    let listen = &config.listen;
    let mut wanted: Vec<(_, &[SocketAddr], _)> = vec![
        ("xmpp-client", &listen.xmpp, Some(5222)),
        ("xmpps-client", &listen.xmpp_tls, None),
    ];
    if config.policy.federation.mode != FederationMode::Off {
        wanted.push(("xmpp-server", &listen.federation, Some(5269)));
        wanted.push(("xmpps-server", &listen.federation_tls, None));
    }
    wanted.retain(|(_, door, _)| !door.is_empty());
    wanted
}

/// What SRV records say, beside what the doors say.
fn services(config: &Config, findings: &mut Vec<Finding>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let names = match Names::new(&config.federation) {
            Ok(names) => names,
            Err(error) => {
                let finding = Finding::new(Verdict::Failed, "dns", format!("{error:#}"));
                return findings.push(finding);
            }
        };
        for (service, door, without) in wanted(config) {
            let looked_up = names.services(service, &config.domain, false);
            let found = tokio::time::timeout(PATIENCE, looked_up).await;
            findings.push(match found {
                Ok(Ok(found)) => judged(service, &config.domain, door, without, found.as_deref()),
                Ok(Err(error)) => unanswered(service, &config.domain, door, &error.to_string()),
                Err(_) => unanswered(
                    service,
                    &config.domain,
                    door,
                    "the name servers do not answer",
                ),
            });
        }
    });
}

/// The record that leads to a door.
fn record(service: &str, domain: &str, door: &[SocketAddr]) -> String {
    let port = door.first().map_or(0, SocketAddr::port);
    format!("publish: _{service}._tcp.{domain}. SRV 0 5 {port} {domain}.")
}

fn unanswered(service: &str, domain: &str, door: &[SocketAddr], why: &str) -> Finding {
    Finding::new(
        Verdict::Note,
        "dns",
        format!("the SRV records of _{service}._tcp.{domain} could not be looked up: {why}"),
    )
    .mend(record(service, domain, door))
}

fn judged(
    service: &str,
    domain: &str,
    door: &[SocketAddr],
    without: Option<u16>,
    found: Option<&[Service]>,
) -> Finding {
    let name = format!("_{service}._tcp.{domain}");
    let is_door = |port: u16| door.iter().any(|address| address.port() == port);
    match found {
        None if without.is_some_and(is_door) => Finding::new(
            Verdict::Ok,
            "dns",
            format!("{name} has no SRV record, and needs none: the port is the usual one"),
        ),
        None => Finding::new(Verdict::Warning, "dns", format!("{name} has no SRV record"))
            .mend(record(service, domain, door)),
        Some([]) => Finding::new(
            Verdict::Warning,
            "dns",
            format!("{name} says that there is no such service"),
        )
        .mend(record(service, domain, door)),
        Some(services) => {
            let places: Vec<String> = services
                .iter()
                .map(|service| format!("{}:{}", service.target.host, service.target.port))
                .collect();
            let text = format!("{name} leads to {}", places.join(", "));
            if services.iter().any(|service| is_door(service.target.port)) {
                Finding::new(Verdict::Ok, "dns", text)
            } else {
                Finding::new(
                    Verdict::Warning,
                    "dns",
                    format!("{text}; no door here has that port"),
                )
                .mend(record(service, domain, door))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Target;

    #[test]
    fn records_are_judged_by_the_doors() {
        let door = ["[::]:5269".parse().expect("an address")];
        let leads_to = |port| Service {
            priority: 0,
            weight: 0,
            target: Target {
                host: "xmpp.example.org.".to_owned(),
                port,
                direct: false,
                secure: false,
            },
        };
        for (without, found, verdict) in [
            (Some(5269), None, Verdict::Ok),
            (None, None, Verdict::Warning),
            (Some(5269), Some(vec![]), Verdict::Warning),
            (Some(5269), Some(vec![leads_to(5269)]), Verdict::Ok),
            (Some(5269), Some(vec![leads_to(5299)]), Verdict::Warning),
        ] {
            let finding = judged(
                "xmpp-server",
                "example.org",
                &door,
                without,
                found.as_deref(),
            );
            assert_eq!(finding.verdict, verdict, "{finding:?}");
        }
    }
}
