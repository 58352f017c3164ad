//! `hauspost directory`.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use arc_swap::ArcSwap;

use super::finding::{Finding, Verdict};
use super::print;
use crate::admin::{Reply, Request, open_existing, open_target};
use crate::cli::Directory;
use crate::config::Config;
use crate::identity::{self, Report};
use crate::tls;

/// Runs one of the commands about the directory.
pub(super) fn run(config: &Config, command: &Directory) -> anyhow::Result<()> {
    ensure!(
        config.identity.ldap.is_on(),
        "no directory is configured: write its address at `identity.ldap.servers` (`hauspost config --default` shows all keys)"
    );
    match command {
        Directory::Sync {
            dry_run,
            shut_out_many,
        } => {
            let request = Request::DirectorySync {
                dry_run: *dry_run,
                shut_out_many: *shut_out_many,
            };
            let Reply::Directory(report) = open_target(config)?.ask(request)? else {
                bail!("the server answered something else");
            };
            print(&in_words(&report, *dry_run))?;
            match report.refused {
                Some(refused) => bail!(refused),
                None => Ok(()),
            }
        }
        Directory::Check => {
            let mut findings = Vec::new();
            examine(config, &mut findings)?;
            let mut text = String::new();
            for finding in &findings {
                let verdict = match finding.verdict {
                    Verdict::Ok => "ok",
                    Verdict::Note => "note",
                    Verdict::Warning => "warning",
                    Verdict::Failed => "FAILED",
                };
                let _ = writeln!(text, "{verdict:8}{}", finding.text);
            }
            print(&text)?;
            let failed = |finding: &Finding| finding.verdict == Verdict::Failed;
            ensure!(
                !findings.iter().any(failed),
                "the directory cannot be used as it is"
            );
            Ok(())
        }
        Directory::Adopt { names } => {
            let mut target = open_existing(config)?;
            for name in names {
                target.ask(Request::DirectoryAdopt { name: name.clone() })?;
                print(&format!(
                    "{name} belongs to the person of the directory now\n"
                ))?;
            }
            Ok(())
        }
    }
}

fn in_words(report: &Report, dry_run: bool) -> String {
    let Report {
        people,
        groups,
        created,
        changed,
        shut_out,
        ..
    } = report;
    let mut text = String::new();
    for name in &report.names {
        let _ = writeln!(text, "{name}");
    }
    for problem in &report.problems {
        let _ = writeln!(text, "! {problem}");
    }
    if report.rooms > 0 {
        let _ = writeln!(text, "rooms made for groups: {}", report.rooms);
    }
    let would = if dry_run { "; nothing was changed" } else { "" };
    let _ = writeln!(
        text,
        "{people} people and {groups} groups in the directory; {created} made, {changed} changed, {shut_out} shut out{would}"
    );
    text
}

/// Tries each server.
pub(super) fn examine(config: &Config, findings: &mut Vec<Finding>) -> anyhow::Result<()> {
    let subject = "directory";
    if !config.identity.ldap.is_on() {
        return Ok(());
    }
    tls::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the directory cannot be tried")?;
    let directory = identity::Directory::new(Arc::new(ArcSwap::from_pointee(config.clone())));
    for examined in runtime.block_on(directory.examine()) {
        match examined.found {
            Ok((people, groups, problems)) => {
                let text = format!("{}: {people} people, {groups} groups", examined.server);
                findings.push(Finding::new(Verdict::Ok, subject, text));
                for problem in problems.into_iter().take(20) {
                    findings.push(Finding::new(Verdict::Warning, subject, problem));
                }
                if people == 0 {
                    let text = format!("{}: nobody fits `identity.ldap.filter`", examined.server);
                    findings.push(Finding::new(Verdict::Failed, subject, text));
                }
            }
            Err(trouble) => {
                findings.push(Finding::new(Verdict::Failed, subject, trouble.to_string()));
            }
        }
    }
    Ok(())
}
