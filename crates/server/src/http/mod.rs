//! The web face: one origin for pages, WebSocket, BOSH, host-meta and the machine doors.

mod bosh;
mod client;
mod element;
mod guard;
mod host_meta;
mod invite;
mod listener;
mod origin;
mod pages;
mod rest;
mod setup;
mod upload;
mod websocket;

use std::sync::Arc;

use api::Api;
use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use chat::Chat;
use tokio::sync::watch;

pub use listener::{Accept, serve};
pub use setup::Setup;

use crate::config::Config;
use crate::net::{Clock, Doors, Open};
use crate::tls::{HTTP01_PREFIX, Resolver};
use crate::uploads::Uploads;

/// What the web face works with; cheap to clone.
#[derive(Clone)]
pub struct Web {
    /// Configuration in force.
    pub config: Arc<ArcSwap<Config>>,
    /// The messenger.
    pub chat: Chat,
    /// Metrics and health.
    pub api: Api,
    /// The certificate in force, and ACME's challenges.
    pub resolver: Arc<Resolver>,
    /// The first administrator's link.
    pub setup: Arc<Setup>,
    /// Clocks.
    pub clock: Clock,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
    /// Places of connections that are not logged in yet, shared with the doors for TCP.
    pub places: Arc<Open>,
    /// Places of HTTP connections that have asked for nothing yet, and of requests that are held while they come.
    pub requests: Arc<Open>,
    /// BOSH sessions.
    pub bosh: Arc<bosh::Sessions>,
    /// Uploaded files.
    pub uploads: Arc<Uploads>,
}

impl Web {
    /// The web face over the messenger that is behind `doors`.
    pub fn new(
        config: Arc<ArcSwap<Config>>,
        doors: &Doors,
        api: Api,
        resolver: Arc<Resolver>,
        setup: Arc<Setup>,
        uploads: Arc<Uploads>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            config,
            chat: doors.chat().clone(),
            api,
            resolver,
            setup,
            clock: doors.clock(),
            stopping,
            places: doors.places(),
            requests: Arc::default(),
            bosh: Arc::default(),
            uploads,
        }
    }

    /// All routes.
    pub fn router(&self) -> Router {
        let metrics = api::metrics_routes(self.api.clone())
            .layer(from_fn_with_state(self.clone(), guard::metrics_readers));
        let http = self.config.load();
        let mut router = Router::new()
            .route("/", get(client::start))
            .route("/setup/{token}", get(setup::show).post(setup::submit))
            .route("/invite/{token}", get(invite::show).post(invite::submit))
            .route("/.well-known/host-meta", get(host_meta::xrd))
            .route("/.well-known/host-meta.json", get(host_meta::jrd))
            .route(&format!("{HTTP01_PREFIX}{{token}}"), get(acme_challenge));
        if http.http.websocket {
            router = router.route("/xmpp-websocket", any(websocket::upgrade));
        }
        if http.http.bosh {
            let bosh = post(bosh::request)
                .options(bosh::preflight)
                .get(bosh::explain);
            router = router
                .route("/http-bind", bosh.clone())
                .route("/http-bind/", bosh);
        }
        if http.uploads.enabled {
            // Every method comes to one place, which also says which there are.
            router = router.route(upload::ROUTE, any(upload::request));
        }
        router
            .fallback(client::any)
            .with_state(self.clone())
            .merge(api::health_routes(self.api.clone()))
            .merge(metrics)
            .merge(rest::routes(self))
            .layer(from_fn(guard::security_headers))
    }
}

async fn acme_challenge(State(web): State<Web>, Path(token): Path<String>) -> Response {
    match web.resolver.challenges().http(&token) {
        Some(answer) => answer.into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
