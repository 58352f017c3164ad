//! Metrics in the OpenMetrics text format (Prometheus). Counters of the stanza path are kept by their owners and pulled
//! at scrape time, so that counting costs nothing but an atomic addition.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::figure::{Figure, FigureKind};
use crate::process;

/// Content type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// XMPP with STARTTLS.
    Xmpp,
    /// XMPP with direct TLS.
    XmppTls,
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
    /// WebSocket over HTTP or HTTPS.
    WebSocket,
    /// BOSH sessions.
    Bosh,
}

impl EncodeLabelValue for Door {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), fmt::Error> {
        fmt::Write::write_str(
            encoder,
            match self {
                Self::Xmpp => "xmpp",
                Self::XmppTls => "xmpp_tls",
                Self::Http => "http",
                Self::Https => "https",
                Self::WebSocket => "websocket",
                Self::Bosh => "bosh",
            },
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AtDoor {
    door: Door,
}

/// Counts of one door.
#[derive(Clone, Debug)]
pub struct DoorMetrics {
    open: Gauge,
    accepted: Counter,
    refused: Counter,
}

impl DoorMetrics {
    /// A connection came in.
    pub fn opened(&self) {
        self.accepted.inc();
        self.open.inc();
    }

    /// It ended.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// It was turned away.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// Connections open now.
    pub fn open(&self) -> i64 {
        self.open.get()
    }
}

type Source = Box<dyn Fn(&mut Vec<Figure>) + Send + Sync>;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    sources: Arc<Sources>,
    open: Family<AtDoor, Gauge>,
    accepted: Family<AtDoor, Counter>,
    refused: Family<AtDoor, Counter>,
}

impl Metrics {
    /// Metrics of the doors and of the process; further ones come by [`Metrics::add_source`].
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let (open, accepted, refused) = (Family::default(), Family::default(), Family::default());
        registry.register("hauspost_connections", "Open connections", open.clone());
        registry.register(
            "hauspost_connections_accepted",
            "Connections accepted",
            accepted.clone(),
        );
        registry.register(
            "hauspost_connections_refused",
            "Connections turned away at the door",
            refused.clone(),
        );
        let sources = Arc::new(Sources::default());
        registry.register_collector(Box::new(sources.clone()));
        let metrics = Self {
            registry,
            sources,
            open,
            accepted,
            refused,
        };
        metrics.add_source(process::figures);
        metrics
    }

    /// Adds figures that are read at each scrape; must not block.
    pub fn add_source(&self, source: impl Fn(&mut Vec<Figure>) + Send + Sync + 'static) {
        self.sources
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(source));
    }

    /// The counts of one door; keep the handle, asking takes a lock.
    pub fn door(&self, door: Door) -> DoorMetrics {
        let label = AtDoor { door };
        DoorMetrics {
            open: self.open.get_or_create_owned(&label),
            accepted: self.accepted.get_or_create_owned(&label),
            refused: self.refused.get_or_create_owned(&label),
        }
    }

    /// All metrics as OpenMetrics text.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(8 * 1024);
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Default)]
struct Sources(RwLock<Vec<Source>>);

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut figures = Vec::new();
        for source in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            source(&mut figures);
        }
        for figure in figures {
            match figure.kind {
                FigureKind::Counter => {
                    let metric = ConstCounter::new(figure.value);
                    let inner = encoder.encode_descriptor(
                        figure.name,
                        figure.help,
                        None,
                        metric.metric_type(),
                    )?;
                    metric.encode(inner)?;
                }
                FigureKind::Gauge => {
                    let metric = ConstGauge::new(figure.value);
                    let inner = encoder.encode_descriptor(
                        figure.name,
                        figure.help,
                        None,
                        metric.metric_type(),
                    )?;
                    metric.encode(inner)?;
                }
            }
        }
        Ok(())
    }
}
