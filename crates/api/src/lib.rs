//! The doors for machines: metrics, health and readiness, and the REST interface.

mod figure;
mod health;
mod metrics;
mod process;
pub mod rest;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use figure::{Figure, FigureKind};
pub use health::{Health, Phase};
pub use metrics::{Door, Metrics};

/// What the machine doors answer from.
#[derive(Clone)]
pub struct Api {
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Whether the server works, and whether it takes clients.
    pub health: Arc<Health>,
}

/// `/healthz` and `/readyz`, open to everybody: they tell nothing but yes or no.
pub fn health_routes(api: Api) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(api)
}

/// `/metrics`; who may read it is for the caller to decide.
pub fn metrics_routes(api: Api) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(api)
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(api): State<Api>) -> Response {
    match api.health.verdict() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    match api.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn ask(router: Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).expect("request");
        let response = router.oneshot(request).await.expect("answer");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.expect("body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn api() -> Api {
        Api {
            metrics: Arc::new(Metrics::new()),
            health: Arc::default(),
        }
    }

    #[tokio::test]
    async fn readiness_follows_the_phase_and_the_checks() {
        let api = api();
        assert_eq!(
            ask(health_routes(api.clone()), "/healthz").await.0,
            StatusCode::OK
        );
        assert_eq!(
            ask(health_routes(api.clone()), "/readyz").await.0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        api.health.enter(Phase::Serving);
        assert_eq!(
            ask(health_routes(api.clone()), "/readyz").await.0,
            StatusCode::OK
        );
        api.health
            .add_check(|| Err("the store is congested".to_owned()));
        let (status, why) = ask(health_routes(api.clone()), "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(why.contains("congested"));
        api.health.enter(Phase::Stopping);
        assert!(
            ask(health_routes(api), "/readyz")
                .await
                .1
                .contains("stopping")
        );
    }

    #[tokio::test]
    async fn metrics_pull_at_scrape_time() {
        let api = api();
        api.metrics.door(Door::Https).opened();
        let counter = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let seen = counter.clone();
        api.metrics.add_source(move |out| {
            let value = seen.load(std::sync::atomic::Ordering::Relaxed) as f64;
            out.push(Figure {
                name: "hauspost_messages_received",
                help: "Messages",
                kind: FigureKind::Counter,
                value,
            });
        });
        counter.store(7, std::sync::atomic::Ordering::Relaxed);
        let (status, text) = ask(metrics_routes(api.clone()), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(
            text.contains("hauspost_messages_received_total 7"),
            "{text}"
        );
        assert!(
            text.contains("hauspost_connections{door=\"https\"} 1"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
        counter.store(9, std::sync::atomic::Ordering::Relaxed);
        assert!(
            ask(metrics_routes(api), "/metrics")
                .await
                .1
                .contains("hauspost_messages_received_total 9")
        );
    }
}
