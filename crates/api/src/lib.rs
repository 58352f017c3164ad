//! The doors over HTTP: health and metrics.
