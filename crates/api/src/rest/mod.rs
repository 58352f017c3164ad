//! `/api/v1`: what those who administer and their programs do by HTTP.
//!
//! Every request passes the [gate], which knows who asks; each handler then asks for the scope and the right, and calls the
//! same functions as every other door, which write the audit log. What is here is described in `/api/v1/openapi.json`, made of
//! the handlers themselves.

mod access;
mod announcements;
mod audit;
mod gate;
mod groups;
mod input;
mod invitations;
mod limits;
mod me;
mod members;
mod openapi;
mod people;
mod problem;
mod rooms;
mod status;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use base::Now;
use chat::Chat;
use parking_lot::Mutex;

pub use gate::CallerAddress;
pub use openapi::document;
pub use problem::Problem;
pub use status::{Certificate, House};

use gate::{Keys, TokenKey};
use limits::Limits;

/// Largest body of a request, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// What the REST interface works with; cheap to clone.
#[derive(Clone)]
pub struct Rest {
    inner: Arc<Inner>,
}

struct Inner {
    chat: Chat,
    clock: Box<dyn Fn() -> Now + Send + Sync>,
    house: Box<dyn House>,
    by_address: Limits<IpAddr>,
    by_token: Limits<TokenKey>,
    under_way: Mutex<Keys>,
}

impl Rest {
    /// The interface over a messenger. `house` says what only the roof knows.
    #[must_use]
    pub fn new(
        chat: Chat,
        clock: impl Fn() -> Now + Send + Sync + 'static,
        house: impl House + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                chat,
                clock: Box::new(clock),
                house: Box::new(house),
                by_address: Limits::new(100, 400),
                by_token: Limits::new(50, 200),
                under_way: Mutex::default(),
            }),
        }
    }

    fn chat(&self) -> &Chat {
        &self.inner.chat
    }

    fn now(&self) -> Now {
        (self.inner.clock)()
    }

    /// All routes, to be merged at the root of the origin. Who reaches them by which transport is for the caller to decide.
    pub fn router(&self) -> Router {
        let (router, document) = openapi::routes().split_for_parts();
        let document = openapi::finished(document).to_json().unwrap_or_default();
        let router = router
            .method_not_allowed_fallback(async || {
                Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method",
                    "Not that way",
                    "this cannot be done with this method; /api/v1/openapi.json says which there are",
                )
            })
            .layer(from_fn_with_state(self.clone(), gate::gate))
            .with_state(self.clone());
        Router::new()
            .route(
                "/api/v1/openapi.json",
                axum::routing::get(async move || {
                    (
                        [(axum::http::header::CONTENT_TYPE, "application/json")],
                        document,
                    )
                }),
            )
            .route("/api/v1/{*rest}", axum::routing::any(nothing))
            .merge(router)
    }
}

async fn nothing() -> Problem {
    Problem::missing("there is nothing at this address; /api/v1/openapi.json says what there is")
}
