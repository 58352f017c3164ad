//! `hauspost audit`.

use std::fmt::Write;

use super::print;
use crate::admin::{AuditLine, AuditWish, Reply, Request, Target, open_target};
use crate::cli::{Audit, AuditFilter};
use crate::config::Config;

/// Runs one of the commands about the audit log.
pub(super) fn run(config: &Config, audit: &Audit) -> anyhow::Result<()> {
    let mut target = open_target(config)?;
    match audit {
        Audit::List { filter, last } => {
            let wish = AuditWish {
                max: Some(usize::from(*last)),
                ..wish(filter)
            };
            let (mut entries, _) = page(&mut target, wish)?;
            entries.reverse();
            let text: String = entries.iter().map(line).collect();
            print(&text)
        }
        Audit::Export { filter } => {
            let mut after = Some(0);
            while after.is_some() {
                let wish = AuditWish {
                    after,
                    ..wish(filter)
                };
                let (entries, more) = page(&mut target, wish)?;
                let mut text = String::new();
                for entry in &entries {
                    let _ = writeln!(text, "{}", serde_json::to_string(entry)?);
                }
                print(&text)?;
                after = entries.last().filter(|_| more).map(|entry| entry.number);
            }
            Ok(())
        }
        Audit::Head => match target.ask(Request::AuditHead)? {
            Reply::AuditHead { head } => print(&format!("{head}\n")),
            _ => anyhow::bail!("the server answered something else"),
        },
    }
}

fn page(target: &mut Target, wish: AuditWish) -> anyhow::Result<(Vec<AuditLine>, bool)> {
    match target.ask(Request::Audit(wish))? {
        Reply::Audit { entries, more } => Ok((entries, more)),
        _ => anyhow::bail!("the server answered something else"),
    }
}

fn wish(filter: &AuditFilter) -> AuditWish {
    let AuditFilter {
        actor,
        subject,
        action,
        since,
        until,
        text,
    } = filter.clone();
    AuditWish {
        actor,
        subject,
        action,
        since,
        until,
        text,
        ..AuditWish::default()
    }
}

fn line(entry: &AuditLine) -> String {
    let AuditLine {
        number,
        at,
        actor,
        door,
        action,
        subject,
        detail,
        digest: _,
    } = entry;
    let columns = [actor, door, action, subject, detail];
    let columns = columns.map(|column| column.replace(['\t', '\n', '\r'], " "));
    format!("{number}\t{at}\t{}\n", columns.join("\t"))
}
