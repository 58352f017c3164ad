//! Figures of the process itself, by the names that Prometheus clients have agreed on. Linux only; elsewhere none.

use crate::figure::{Figure, FigureKind};

/// Clock ticks a second in `/proc`; fixed by the Linux ABI.
const TICKS: f64 = 100.0;
/// Bytes of a page where `/proc/self/status` does not say.
const KIB: f64 = 1024.0;

/// Appends what `/proc/self` tells.
pub(crate) fn figures(out: &mut Vec<Figure>) {
    if let Ok(status) = std::fs::read_to_string("/proc/self/status")
        && let Some(kib) = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| {
                rest.trim()
                    .trim_end_matches("kB")
                    .trim()
                    .parse::<f64>()
                    .ok()
            })
    {
        out.push(Figure {
            name: "process_resident_memory_bytes",
            help: "Memory in use",
            kind: FigureKind::Gauge,
            value: kib * KIB,
        });
    }
    if let Ok(stat) = std::fs::read_to_string("/proc/self/stat")
        && let Some((_, fields)) = stat.rsplit_once(") ")
    {
        // Fields 14 and 15 of proc(5), counted from the state, which is field 3.
        let ticks = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum::<f64>();
        out.push(Figure {
            name: "process_cpu_seconds",
            help: "Processor time used",
            kind: FigureKind::Counter,
            value: ticks / TICKS,
        });
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        out.push(Figure {
            name: "process_open_fds",
            help: "Open files and sockets",
            kind: FigureKind::Gauge,
            value: open.count() as f64,
        });
    }
}
