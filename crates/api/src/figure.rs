//! A value that is read when the metrics are.

/// Whether a figure only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Only grows; the text adds `_total` to its name.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One value of a source at scrape time.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Metric name without `_total`, unit at its end (`_bytes`, `_seconds`).
    pub name: &'static str,
    /// What it counts, in one sentence without a full stop.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: FigureKind,
    /// The value.
    pub value: f64,
}
