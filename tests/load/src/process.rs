//! What the kernel says about a server: processor time and memory, all threads and children included.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A running server that ends with this value.
pub(crate) struct Process {
    child: Child,
    name: String,
}

/// Memory of a server, in KiB.
#[derive(Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Memory {
    pub(crate) resident_kib: u64,
    pub(crate) proportional_kib: u64,
}

impl Process {
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("{name} does not start: {command:?}"))?;
        Ok(Self {
            child,
            name: name.to_owned(),
        })
    }

    /// Fails when the server has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} has ended: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn family(&self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u32>().ok())
            else {
                continue;
            };
            if let Some(parent) = stat_fields(id).and_then(|fields| fields.get(1)?.parse().ok()) {
                children.entry(parent).or_default().push(id);
            }
        }
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(id) = family.get(next).copied() {
            family.extend(children.remove(&id).unwrap_or_default());
            next += 1;
        }
        family
    }

    /// User and system time since the start, in seconds (10 ms steps).
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let ticks: u64 = self
            .family()
            .into_iter()
            .filter_map(stat_fields)
            // utime, stime, and those of children that have ended: fields 14 to 17 of proc_pid_stat(5).
            .map(|fields| {
                fields
                    .iter()
                    .skip(11)
                    .take(4)
                    .filter_map(|field| field.parse::<u64>().ok())
                    .sum::<u64>()
            })
            .sum();
        ticks as f64 / 100.0
    }

    /// Waits until the server has next to nothing left to do (deferred writes count as its work), at most `patience`.
    pub(crate) async fn quiet(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut last = self.cpu_seconds();
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = self.cpu_seconds();
            if now - last < 0.025 {
                return;
            }
            last = now;
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for id in self.family() {
            let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
            for line in rollup.lines() {
                let mut words = line.split_whitespace();
                match (
                    words.next(),
                    words.next().and_then(|number| number.parse::<u64>().ok()),
                ) {
                    (Some("Rss:"), Some(kib)) => memory.resident_kib += kib,
                    (Some("Pss:"), Some(kib)) => memory.proportional_kib += kib,
                    _ => {}
                }
            }
        }
        memory
    }

    /// Asks the server to stop, and kills it when it does not within ten seconds.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

/// Fields of /proc/ID/stat after the command's name: state, parent, …
fn stat_fields(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// What was measured on.
#[derive(serde::Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Where the servers keep their data.
    pub(crate) file_system: String,
}

impl Machine {
    pub(crate) fn look(data: &Path) -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or_default();
        Self {
            processor: processor.trim_start_matches([' ', '\t', ':']).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            file_system: file_system_of(data),
        }
    }
}

fn file_system_of(path: &Path) -> String {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (mount, kind) = (words.next()?, words.next()?);
            path.starts_with(mount)
                .then(|| (mount.len(), kind.to_owned()))
        })
        .max_by_key(|(length, _)| *length)
        .map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}
