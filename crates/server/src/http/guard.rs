//! What every answer carries, and who may read metrics.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Web;
use super::origin::Origin;

/// Strict for everything: no script, no frame, no guess of types, no referrer.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// Adds the security headers where the answer does not bring its own.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets this machine and `http.metrics_from` read metrics; nobody else learns that there are any.
pub(super) async fn metrics_readers(
    State(web): State<Web>,
    request: Request,
    next: Next,
) -> Response {
    let config = web.config.load();
    let allowed =
        Origin::of(&config, request.extensions(), request.headers()).is_some_and(|origin| {
            origin.is_local()
                || config
                    .http
                    .metrics_from
                    .iter()
                    .any(|network| network.contains(origin.address))
        });
    drop(config);
    if allowed {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}
