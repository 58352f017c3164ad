//! How the server is.

use axum::Json;
use axum::extract::State;
use base::Timestamp;
use chat::accounts::Act;
use serde::Serialize;
use utoipa::ToSchema;

use super::gate::Visitor;
use super::{Problem, Rest};

/// What is known of the certificate in force.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The names that it is for.
    pub names: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
    /// Whether nobody has signed it but itself.
    pub self_signed: bool,
}

/// What only the roof knows.
pub trait House: Send + Sync {
    /// Whether the server takes clients, or why not.
    fn health(&self) -> Result<(), String>;
    /// The certificate in force.
    fn certificate(&self) -> Option<Certificate>;
}

/// The certificate in force.
#[derive(Serialize, ToSchema)]
pub(crate) struct CertificateStatus {
    /// The names that it is for.
    names: Vec<String>,
    /// When it ends.
    #[schema(format = DateTime)]
    expires: String,
    /// Days until then; negative when it has ended.
    days_left: i64,
    /// Whether nobody has signed it but itself.
    self_signed: bool,
}

/// The store.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoreStatus {
    /// Whether the last commit failed.
    failing: bool,
    /// Bytes that wait to be written.
    queued_bytes: u64,
    /// Bytes of the write-ahead log.
    log_bytes: u64,
    /// Commits since the start.
    commits: u64,
    /// Commits that failed since the start.
    failed_commits: u64,
}

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    /// Version of the program.
    version: String,
    /// The domain that it is for.
    domain: String,
    /// When it was started.
    #[schema(format = DateTime)]
    started: String,
    /// Whether it takes clients.
    ready: bool,
    /// Why not.
    problem: Option<String>,
    /// How many accounts there are.
    accounts: u64,
    /// How many rooms there are.
    rooms: u64,
    /// How many sessions are bound now.
    sessions: u64,
    /// The certificate in force; not known where a proxy ends TLS.
    certificate: Option<CertificateStatus>,
    /// The store.
    store: StoreStatus,
    /// When `hauspost backup` last copied the store of the running server; not known, if that was before the start.
    #[schema(format = DateTime)]
    last_backup: Option<String>,
}

/// How the server is
#[utoipa::path(get, path = "/api/v1/status", tag = "server", operation_id = "showStatus", responses((status = 200, body = Status)))]
pub(super) async fn show(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<Status>, Problem> {
    visitor.may(Act::SeeRules)?;
    let (chat, now) = (rest.chat(), rest.now());
    let store = chat.store();
    let figures = store.figures();
    let health = rest.inner.house.health();
    let certificate = rest.inner.house.certificate();
    let day = 86_400_000_000;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        domain: chat.domain().to_string(),
        started: chat.started().wall.to_string(),
        ready: health.is_ok(),
        problem: health.err(),
        accounts: store.account_count().await?,
        rooms: store.room_count(false).await?,
        sessions: chat.sessions_now(),
        certificate: certificate.map(|certificate| CertificateStatus {
            days_left: (certificate.expires.micros() - now.wall.micros()).div_euclid(day),
            expires: certificate.expires.to_string(),
            names: certificate.names,
            self_signed: certificate.self_signed,
        }),
        store: StoreStatus {
            failing: figures.failing,
            queued_bytes: figures.queued_bytes,
            log_bytes: figures.wal_bytes,
            commits: figures.commits,
            failed_commits: figures.failed_commits,
        },
        last_backup: chat.last_backup().map(|at| at.to_string()),
    }))
}
