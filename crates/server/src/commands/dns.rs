//! What DNS says of our names, as far as the system's resolver can ask.

use std::net::{SocketAddr, ToSocketAddrs};

use super::check::{Finding, Verdict};
use crate::config::Config;

/// Addresses of the domain and its services, and the records that only an administrator can look at.
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
    let domain = &config.domain;
    let mut records = Vec::new();
    let mut record = |service: &str, addresses: &[SocketAddr]| {
        if let Some(address) = addresses.first() {
            records.push(format!(
                "_{service}._tcp.{domain}. SRV 0 5 {} {domain}.",
                address.port()
            ));
        }
    };
    record("xmpp-client", &config.listen.xmpp);
    record("xmpps-client", &config.listen.xmpp_tls);
    findings.push(
        Finding::new(
            Verdict::Note,
            "dns",
            "SRV records are not checked: this program does not ask for them itself".to_owned(),
        )
        .mend(format!(
            "see that these are published (`dig +short SRV …` shows them):\n{}",
            indent(&records)
        )),
    );
}

fn indent(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("          {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
