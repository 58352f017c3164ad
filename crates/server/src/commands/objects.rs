//! What `hauspost check` says of the place where files are.

use rustix::fs::{Access, access};

use super::finding::{Finding, Verdict};
use crate::config::Config;
use crate::objects::Objects;

const SUBJECT: &str = "files";

/// Whether files can be kept and read; makes nothing.
pub(super) fn check(config: &Config, findings: &mut Vec<Finding>) {
    if !config.uploads.enabled {
        let text = "uploads are switched off".to_owned();
        return findings.push(Finding::new(Verdict::Note, SUBJECT, text));
    }
    findings.push(match config.objects.url.strip_prefix("file:") {
        Some(folder) => folder_finding(&config.data_dir.join(folder)),
        None => store_finding(config),
    });
}

fn folder_finding(folder: &std::path::Path) -> Finding {
    let shown = folder.display();
    if !folder.exists() {
        let text = format!("{shown} is made at the first start");
        return Finding::new(Verdict::Ok, SUBJECT, text);
    }
    if access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Finding::new(Verdict::Ok, SUBJECT, format!("{shown} can be used"));
    }
    Finding::new(
        Verdict::Failed,
        SUBJECT,
        format!("{shown} cannot be read and written"),
    )
    .mend(format!(
        "give it to the user that runs the server: chown -R USER {shown}"
    ))
}

fn store_finding(config: &Config) -> Finding {
    let asked = || -> anyhow::Result<()> {
        let objects = Objects::open(&config.objects, &config.data_dir)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(objects.mark())?;
        Ok(())
    };
    match asked() {
        Ok(()) => Finding::new(
            Verdict::Ok,
            SUBJECT,
            format!("{} answers", config.objects.url),
        ),
        Err(error) => Finding::new(
            Verdict::Failed,
            SUBJECT,
            format!("{} cannot be used: {error:#}", config.objects.url),
        )
        .mend(
            "see that the bucket is there, and endpoint, region and keys in [objects]".to_owned(),
        ),
    }
}
