//! `hauspost check`: each thing with a verdict and the mend.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::bail;
use aws_lc_rs::digest;
use rustix::fs::{Access, access, statvfs};

use super::finding::{Finding, Verdict};
use super::{backup, directory, dns, objects, print};
use crate::admin::{Reply, Request, connect, open_target};
use crate::config::{Config, FederationMode, Loaded, TlsMode};
use crate::tls::{self, certificate_facts};

/// Space below which an administrator should act, in bytes.
const LITTLE_SPACE: u64 = 1 << 30;

/// Checks everything and prints the report.
pub(super) fn run(loaded: &Loaded, full: bool, audit_heads: &[String]) -> anyhow::Result<()> {
    let config = &loaded.config;
    let mut findings = Vec::new();
    findings.push(match &loaded.file {
        Some(file) => Finding::new(
            Verdict::Ok,
            "config",
            format!(
                "{} is valid; the domain is {}",
                file.display(),
                config.domain
            ),
        ),
        None => Finding::new(
            Verdict::Ok,
            "config",
            format!(
                "there is no file; all defaults; the domain is {}",
                config.domain
            ),
        ),
    });
    data_dir(&config.data_dir, &mut findings);
    let running = matches!(connect(&config.data_dir), Ok(Some(_)));
    store(config, full, audit_heads, &mut findings);
    objects::check(config, &mut findings);
    backup::check(config, &mut findings);
    certificate(config, &mut findings);
    dns::check(config, &mut findings);
    directory::examine(config, &mut findings)?;
    ports(config, running, &mut findings);

    let mut text = String::new();
    for finding in &findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        let _ = writeln!(text, "{verdict:8}{:12}{}", finding.subject, finding.text);
        if let Some(mend) = &finding.mend {
            let _ = writeln!(text, "        mend: {mend}");
        }
    }
    print(&text)?;
    match findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Failed)
        .count()
    {
        0 => Ok(()),
        1 => bail!("one check failed"),
        count => bail!("{count} checks failed"),
    }
}

fn data_dir(path: &Path, findings: &mut Vec<Finding>) {
    let subject = "data";
    let Ok(metadata) = std::fs::metadata(path) else {
        findings.push(Finding::new(
            Verdict::Note,
            subject,
            format!(
                "{} is not there yet; the first start makes it",
                path.display()
            ),
        ));
        return;
    };
    if !metadata.is_dir() {
        findings.push(
            Finding::new(
                Verdict::Failed,
                subject,
                format!("{} is no folder", path.display()),
            )
            .mend("name a folder at `data_dir` or with --data".to_owned()),
        );
        return;
    }
    if access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        findings.push(
            Finding::new(
                Verdict::Failed,
                subject,
                format!("{} cannot be written by this user", path.display()),
            )
            .mend(format!(
                "chown it to the user the server runs as: chown -R USER {}",
                path.display()
            )),
        );
        return;
    }
    let others = metadata.permissions().mode() & 0o077;
    findings.push(if others == 0 {
        Finding::new(
            Verdict::Ok,
            subject,
            format!("{} is ours alone", path.display()),
        )
    } else {
        Finding::new(
            Verdict::Warning,
            subject,
            format!(
                "other users of this machine can look into {}",
                path.display()
            ),
        )
        .mend(format!("chmod 700 {}", path.display()))
    });
    if let Ok(space) = statvfs(path) {
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let gib = free as f64 / f64::from(1 << 30);
        findings.push(if free < LITTLE_SPACE {
            Finding::new(
                Verdict::Warning,
                subject,
                format!("only {gib:.1} GiB are free on its disk"),
            )
            .mend("make space; a full disk refuses messages, but damages nothing".to_owned())
        } else {
            Finding::new(
                Verdict::Ok,
                subject,
                format!("{gib:.1} GiB are free on its disk"),
            )
        });
    }
}

fn store(config: &Config, full: bool, audit_heads: &[String], findings: &mut Vec<Finding>) {
    let subject = "store";
    if !config.data_dir.exists() {
        return;
    }
    let reply = open_target(config).and_then(|mut target| {
        let state = if target.is_running() {
            "the server runs"
        } else {
            "the server is stopped"
        };
        target
            .ask(Request::Check {
                full,
                audit_heads: audit_heads.to_vec(),
            })
            .map(|reply| (state, reply))
    });
    match reply {
        Ok((
            state,
            Reply::Checked {
                problems,
                accounts,
                entries,
            },
        )) if problems.is_empty() => {
            let entries = if full {
                format!(" and {entries} kept messages")
            } else {
                String::new()
            };
            findings.push(Finding::new(
                Verdict::Ok,
                subject,
                format!("sound, {accounts} accounts{entries}; {state}"),
            ));
        }
        Ok((_, Reply::Checked { problems, .. })) => {
            for problem in problems {
                findings.push(Finding::new(Verdict::Failed, subject, problem).mend(
                    "stop the server, keep a copy of the data folder, and restore the last backup with `hauspost restore`".to_owned(),
                ));
            }
        }
        Ok(_) => findings.push(Finding::new(
            Verdict::Failed,
            subject,
            "the server answered something else".to_owned(),
        )),
        Err(error) => findings.push(Finding::new(Verdict::Failed, subject, format!("{error:#}"))),
    }
}

fn certificate(config: &Config, findings: &mut Vec<Finding>) {
    let subject = "certificate";
    let folder = config.data_dir.join("tls");
    let (certificate, key) = match config.tls.mode {
        TlsMode::Files => (config.tls.certificate.clone(), config.tls.key.clone()),
        TlsMode::SelfSigned => (
            folder.join("self-signed.crt"),
            folder.join("self-signed.key"),
        ),
        TlsMode::Acme => (folder.join("acme.crt"), folder.join("acme.key")),
    };
    if config.tls.mode != TlsMode::Files && !certificate.exists() {
        findings.push(Finding::new(
            Verdict::Note,
            subject,
            "there is none yet; the first start gets one".to_owned(),
        ));
        return;
    }
    tls::install_provider();
    let pair = match tls::read_pair(&certificate, &key) {
        Ok(pair) => pair,
        Err(error) => {
            findings.push(Finding::new(Verdict::Failed, subject, error.to_string()));
            return;
        }
    };
    let Some(facts) = pair.cert.first().and_then(|leaf| certificate_facts(leaf)) else {
        findings.push(Finding::new(
            Verdict::Failed,
            subject,
            format!("{} holds no X.509 certificate", certificate.display()),
        ));
        return;
    };
    let now = SystemTime::now();
    let days = facts
        .not_after
        .duration_since(now)
        .map_or(0, |rest| rest.as_secs() / 86_400);
    let renew = "get a new one; with mode = \"acme\" the server does that by itself";
    findings.push(if facts.not_after <= now {
        Finding::new(
            Verdict::Failed,
            subject,
            format!("{} has ended", certificate.display()),
        )
        .mend(renew.to_owned())
    } else if facts.not_before > now {
        Finding::new(
            Verdict::Failed,
            subject,
            format!("{} is not valid yet", certificate.display()),
        )
        .mend("see whether the clock of this machine is right".to_owned())
    } else if days < 14 {
        Finding::new(
            Verdict::Warning,
            subject,
            format!("{} ends in {days} days", certificate.display()),
        )
        .mend(renew.to_owned())
    } else {
        Finding::new(
            Verdict::Ok,
            subject,
            format!("{} is valid for {days} days", certificate.display()),
        )
    });
    let missing: Vec<String> = config
        .hosts()
        .into_iter()
        .filter(|host| !facts.covers(host))
        .collect();
    findings.push(if missing.is_empty() {
        Finding::new(Verdict::Ok, subject, format!("it names {}", facts.names.join(", ")))
    } else {
        let verdict = if missing.contains(&config.domain) { Verdict::Failed } else { Verdict::Warning };
        Finding::new(verdict, subject, format!("it does not name {}", missing.join(", ")))
            .mend("have it made for these names too: XMPP clients check the domain, not the name of the machine".to_owned())
    });
    if let Some(leaf) = pair.cert.first() {
        // Who believes the certificate by this alone must be able to hear it from the administrator.
        let text = format!("its fingerprint (SHA-256) is {}", fingerprint(leaf));
        findings.push(Finding::new(Verdict::Note, subject, text));
    }
    if facts.self_issued {
        findings.push(
            Finding::new(
                Verdict::Warning,
                subject,
                "it is self-signed: every client will ask whether to trust it".to_owned(),
            )
            .mend("set mode = \"acme\" or mode = \"files\" under [tls]".to_owned()),
        );
    }
}

/// As `openssl x509 -fingerprint -sha256` and `hauspost-agent` write it.
fn fingerprint(certificate: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, certificate);
    let pairs: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    pairs.join(":")
}

fn ports(config: &Config, running: bool, findings: &mut Vec<Finding>) {
    let listen = &config.listen;
    let mut doors = vec![
        ("listen.xmpp", &listen.xmpp),
        ("listen.xmpp_tls", &listen.xmpp_tls),
        ("listen.http", &listen.http),
        ("listen.https", &listen.https),
        ("listen.component", &listen.component),
    ];
    if config.policy.federation.mode != FederationMode::Off {
        doors.push(("listen.federation", &listen.federation));
        doors.push(("listen.federation_tls", &listen.federation_tls));
    }
    for (key, addresses) in doors {
        for address in addresses {
            findings.push(if address.port() == 0 {
                let text = format!("{address}: the system chooses a port at each start (`{key}`)");
                Finding::new(Verdict::Note, "port", text)
            } else if running {
                answers(key, *address)
            } else {
                free(key, *address)
            });
        }
    }
}

fn answers(key: &str, address: SocketAddr) -> Finding {
    let mut near = address;
    if near.ip().is_unspecified() {
        near.set_ip(if near.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let alternative = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let patience = Duration::from_secs(3);
    let reached = TcpStream::connect_timeout(&near, patience).is_ok()
        || (address.ip().is_unspecified()
            && TcpStream::connect_timeout(&alternative, patience).is_ok());
    if reached {
        Finding::new(Verdict::Ok, "port", format!("{address} answers (`{key}`)"))
    } else {
        Finding::new(
            Verdict::Failed,
            "port",
            format!("{address} does not answer (`{key}`)"),
        )
        .mend("restart the server: the configuration was changed since it started".to_owned())
    }
}

fn free(key: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::new(
            Verdict::Ok,
            "port",
            format!("{address} is free for `{key}`"),
        ),
        Err(error) => Finding::new(
            Verdict::Failed,
            "port",
            format!("{address} cannot be opened for `{key}`: {error}"),
        )
        .mend(crate::doors::mend(key, address, &error)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_fingerprint_reads_as_that_of_openssl() {
        // FIPS 180-4: the hash of nothing.
        let text = super::fingerprint(b"");
        assert!(text.starts_with("E3:B0:C4:42:98:FC:1C:14:"), "{text}");
        assert_eq!(text.len(), 32 * 3 - 1);
    }
}
