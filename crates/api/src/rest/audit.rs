//! The audit log.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::Timestamp;
use chat::accounts::Act;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use store::{AuditEntry, AuditQuery};
use utoipa::{IntoParams, ToSchema};

use super::gate::Visitor;
use super::input::{Params, cursor, limit, position};
use super::{Problem, Rest};

/// An entry of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Its place, from 1.
    number: u64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who: an address, `console` or `house`.
    actor: String,
    /// By which door.
    door: String,
    /// What.
    action: String,
    /// To whom or what.
    subject: String,
    /// What else there is to know.
    detail: String,
    /// Digest over it and all before it, in hexadecimal digits; docs/audit.md says how it is made.
    digest: String,
}

impl From<&AuditEntry> for Entry {
    fn from(entry: &AuditEntry) -> Self {
        let note = &entry.note;
        Self {
            number: entry.number,
            at: note.at.to_string(),
            actor: note.actor.to_string(),
            door: note.door.to_string(),
            action: note.action.to_string(),
            subject: note.subject.to_string(),
            detail: note.detail.to_string(),
            digest: entry.digest.to_string(),
        }
    }
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryPage {
    /// Newest first.
    items: Vec<Entry>,
    /// The `cursor` of the next page, if there is one.
    next: Option<String>,
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// By this actor: an address, `console` or `house`.
    actor: Option<String>,
    /// To this subject.
    subject: Option<String>,
    /// With this action, or one that begins with it and a dot.
    action: Option<String>,
    /// Not earlier than this.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Earlier than this.
    #[param(format = DateTime)]
    until: Option<String>,
    /// With these letters in actor, subject or detail.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Where the page begins: `next` of the one before.
    cursor: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

fn time(name: &str, text: Option<String>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| {
        Timestamp::parse(&text).map_err(|_| {
            Problem::bad(format!(
                "`{name}` is no point in time; write it like 2026-11-24T08:00:00Z"
            ))
        })
    })
    .transpose()
}

impl Filter {
    fn query(self) -> Result<AuditQuery, Problem> {
        let max = limit(self.limit)?;
        if self.search.as_ref().is_some_and(|text| text.len() > 200) {
            return Err(Problem::bad("`search` has at most 200 bytes"));
        }
        Ok(AuditQuery {
            before: position(self.cursor.as_deref())?,
            after: None,
            actor: self.actor.map(Into::into),
            subject: self.subject.map(Into::into),
            action: self.action.map(Into::into),
            since: time("since", self.since)?,
            until: time("until", self.until)?,
            text: self.search.map(Into::into),
            max,
        })
    }
}

/// Search the audit log
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "listAudit", params(Filter), responses((status = 200, body = EntryPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
    Params(filter): Params<Filter>,
) -> Result<Json<EntryPage>, Problem> {
    visitor.may(Act::SeeAudit)?;
    let page = rest.chat().store().audit(filter.query()?).await?;
    let last = page.entries.last().filter(|_| page.more);
    Ok(Json(EntryPage {
        next: last.map(|last| cursor(&last.number)),
        items: page.entries.iter().map(Entry::from).collect(),
    }))
}

/// Entries of an export that are read at once.
const READ_AT_ONCE: usize = 1_000;

/// Export the audit log, oldest first, as JSON lines with digests
///
/// `cursor` and `limit` mean nothing here: all that the filter lets through comes.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", operation_id = "exportAudit", params(Filter), responses((status = 200, content_type = "application/x-ndjson", body = String)))]
pub(super) async fn export(
    State(rest): State<Rest>,
    visitor: Visitor,
    Params(filter): Params<Filter>,
) -> Result<Response, Problem> {
    visitor.may(Act::SeeAudit)?;
    let query = AuditQuery {
        before: None,
        max: READ_AT_ONCE,
        ..filter.query()?
    };
    let store = rest.chat().store().clone();
    let pages = stream::try_unfold(Some(0), move |after| {
        let (store, query) = (store.clone(), query.clone());
        async move {
            let Some(after) = after else {
                return Ok::<_, store::StoreError>(None);
            };
            let page = store
                .audit(AuditQuery {
                    after: Some(after),
                    ..query
                })
                .await?;
            let mut lines = Vec::new();
            for entry in &page.entries {
                if serde_json::to_writer(&mut lines, &Entry::from(entry)).is_ok() {
                    lines.push(b'\n');
                }
            }
            let next = page.entries.last().filter(|_| page.more);
            Ok(Some((lines, next.map(|last| last.number))))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"audit.jsonl\"",
        ),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

/// Where the audit log ends.
#[derive(Serialize, ToSchema)]
pub(crate) struct Head {
    /// Number and digest of the newest entry: to be noted where the server cannot write, and compared later by
    /// `hauspost check --audit-head`.
    head: String,
}

/// Where the audit log ends
#[utoipa::path(get, path = "/api/v1/audit/head", tag = "audit", operation_id = "auditHead", responses((status = 200, body = Head)))]
pub(super) async fn head(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<Head>, Problem> {
    visitor.may(Act::SeeAudit)?;
    let head = rest.chat().store().audit_head().await?.to_string();
    Ok(Json(Head { head }))
}
