//! The REST interface's place at the origin: who reaches it, from where, and what it is told of the house.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use api::rest::{CallerAddress, Certificate, House, Problem, Rest};
use api::{Api, Health};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use base::Timestamp;

use super::Web;
use super::origin::Origin;
use crate::config::Config;
use crate::tls::{Resolver, certificate_facts};

/// What the REST interface asks the roof.
struct Roof {
    health: Arc<Health>,
    resolver: Arc<Resolver>,
    terminates_tls: bool,
}

fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

impl House for Roof {
    fn health(&self) -> Result<(), String> {
        self.health.verdict()
    }

    fn certificate(&self) -> Option<Certificate> {
        if !self.terminates_tls {
            return None;
        }
        let key = self.resolver.current();
        let facts = certificate_facts(key.cert.first()?)?;
        Some(Certificate {
            names: facts.names,
            expires: timestamp(facts.not_after),
            self_signed: facts.self_issued,
        })
    }
}

/// The routes of `/api/v1`.
pub(super) fn routes(web: &Web) -> Router {
    let Api { health, .. } = &web.api;
    let listen = &web.config.load().listen;
    let roof = Roof {
        health: Arc::clone(health),
        resolver: Arc::clone(&web.resolver),
        terminates_tls: !listen.https.is_empty()
            || !listen.xmpp.is_empty()
            || !listen.xmpp_tls.is_empty(),
    };
    let clock = web.clock;
    let rest = Rest::new(web.chat.clone(), move || clock.now(), roof);
    rest.router().layer(from_fn_with_state(web.clone(), door))
}

/// The page that asks, where it is of another origin than ours: whether its scripts may, by name. Any page, as for XMPP, is
/// not enough here.
fn foreign<'a>(config: &Config, headers: &'a HeaderMap) -> Result<Option<&'a HeaderValue>, ()> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(None);
    };
    let name = origin.to_str().map_err(|_| ())?;
    let own = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| name.split_once("://").is_some_and(|(_, of)| of == host));
    if own || name.eq_ignore_ascii_case(&config.public_url()) {
        return Ok(None);
    }
    let allowed = config.http.allowed_origins.iter();
    let named = |entry: &String| entry.trim_end_matches('/').eq_ignore_ascii_case(name);
    if allowed.into_iter().any(named) {
        Ok(Some(origin))
    } else {
        Err(())
    }
}

/// No token goes over a wire that others read, and no page of another origin asks unless it was named.
async fn door(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let config = web.config.load_full();
    let Some(origin) = Origin::of(&config, request.extensions(), request.headers()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !origin.is_protected() {
        return Problem::unprotected().into_response();
    }
    let Ok(page) = foreign(&config, request.headers()) else {
        return Problem::foreign_page().into_response();
    };
    let page = page.cloned();
    request
        .extensions_mut()
        .insert(CallerAddress(origin.address));
    let mut response = match (&page, request.method()) {
        (Some(_), &Method::OPTIONS) => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    if let Some(page) = page {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        for (name, value) in [
            (
                header::ACCESS_CONTROL_ALLOW_METHODS,
                "GET, POST, PUT, PATCH, DELETE",
            ),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, if-match, idempotency-key",
            ),
            (
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                "etag, location, retry-after",
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
