//! The gate before every request: how often, who, and whether the same was asked before.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base::{Now, Timestamp};
use chat::accounts::{Act, ApiVisitor, Scope};
use sha2::{Digest, Sha256};
use store::{Batch, KeptAnswer};

use super::{LARGEST_BODY, Problem, Rest};

/// From which address a request comes; put into it by the roof.
#[derive(Clone, Copy, Debug)]
pub struct CallerAddress(pub IpAddr);

/// How long an answer is given again.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Answers that are kept at most.
const MOST_KEPT: usize = 20_000;
/// Largest answer that is kept, in bytes.
const LARGEST_KEPT: usize = 64 * 1024;
/// The header that makes a request one that is carried out once.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Who asks.
pub(crate) struct Visitor(pub(crate) ApiVisitor);

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let visitor = parts.extensions.get::<ApiVisitor>().cloned();
        visitor.map(Self).ok_or_else(nobody)
    }
}

impl Visitor {
    /// Whether it may do this: by the scope of its token and by its role.
    pub(crate) fn may(&self, act: Act) -> Result<(), Problem> {
        let scope = Scope::Act(act);
        if !self.0.has(scope) {
            return Err(Problem::scope(scope.name()));
        }
        Ok(self.0.authority.may(act)?)
    }

    /// Whether it may see and change what belongs to its account.
    pub(crate) fn may_own(&self) -> Result<(), Problem> {
        if self.0.has(Scope::Own) {
            return Ok(());
        }
        Err(Problem::scope(Scope::Own.name()))
    }

    /// Whether it is the person, and no token: what was given less must not make more of itself.
    pub(crate) fn is_person(&self) -> Result<(), Problem> {
        if self.0.is_session() {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "session-needed",
            "A token does not make such a thing",
            "tokens and app passwords are made by the person, logged in to the web client, or with `hauspost token create`",
        ))
    }
}

fn nobody() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "Who are you?",
        "send a valid token as `Authorization: Bearer hpt_…`; `hauspost token create` makes one",
    )
}

/// The header of a request with a token in it.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

/// Whether German is preferred.
fn speaks_german(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_LANGUAGE);
    let first = accepted
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next())
        .unwrap_or_default();
    let tag = first.split(';').next().unwrap_or_default().trim();
    tag.eq_ignore_ascii_case("de")
        || tag
            .get(..3)
            .is_some_and(|start| start.eq_ignore_ascii_case("de-"))
}

/// Lets those in who may ask; whatever comes out is stored by nobody.
pub(super) async fn gate(State(rest): State<Rest>, request: Request, next: Next) -> Response {
    let german = speaks_german(request.headers());
    let mut response = match enter(&rest, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    if german && let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = problem.in_german().into_response();
    }
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn enter(rest: &Rest, mut request: Request, next: Next) -> Result<Response, Problem> {
    let now = rest.now();
    if let Some(CallerAddress(address)) = request.extensions().get().copied() {
        let taken = rest.inner.by_address.take(address, now.moment);
        taken.map_err(Problem::busy)?;
    }
    let visitor = match bearer(request.headers()) {
        Some(token) => rest.inner.chat.api_visitor(token, now).await?,
        None => None,
    };
    let visitor = visitor.ok_or_else(nobody)?;
    let whose = (visitor.account.id, Arc::clone(&visitor.token));
    let taken = rest.inner.by_token.take(whose, now.moment);
    taken.map_err(Problem::busy)?;
    let key = request.headers().get(IDEMPOTENCY_KEY).cloned();
    request.extensions_mut().insert(visitor.clone());
    match key.filter(|_| *request.method() == Method::POST) {
        Some(key) => once(rest, &visitor, &key, request, next, now).await,
        None => Ok(next.run(request).await),
    }
}

/// A request that is under way under its key.
struct UnderWay<'a>(&'a Rest, [u8; 32]);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.inner.under_way.lock().remove(&self.1);
    }
}

/// What of an answer is kept: its type, its place and its body.
const KEPT_HEADERS: [header::HeaderName; 2] = [header::CONTENT_TYPE, header::LOCATION];

/// Carries a request out once: under the same key the same answer is given again for a day.
async fn once(
    rest: &Rest,
    visitor: &ApiVisitor,
    key: &HeaderValue,
    request: Request,
    next: Next,
    now: Now,
) -> Result<Response, Problem> {
    if key.is_empty() || key.len() > 255 {
        return Err(Problem::bad("an Idempotency-Key has 1 to 255 characters"));
    }
    let (parts, body) = request.into_parts();
    let body = limited(body).await?;
    let key: [u8; 32] = {
        let mut hash = Sha256::new();
        hash.update(visitor.account.id.number().to_be_bytes());
        hash.update(key.as_bytes());
        hash.finalize().into()
    };
    let digest = {
        let mut hash = Sha256::new();
        hash.update(parts.uri.to_string().as_bytes());
        hash.update([0]);
        hash.update(&body);
        hash.finalize().to_vec()
    };
    if !rest.inner.under_way.lock().insert(key) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "under-way",
            "It is under way",
            "the same Idempotency-Key is just being worked on; ask again in a moment",
        ));
    }
    let _under_way = UnderWay(rest, key);
    let store = rest.inner.chat.store();
    let known = store.answer(&key).await?;
    if let Some(known) = known.filter(|known| known.at + KEPT > now.wall) {
        if known.request != digest {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key-used",
                "The key was used for something else",
                "this Idempotency-Key came with another request before; take a new one for each request",
            ));
        }
        return Ok(again(&known));
    }
    let request = Request::from_parts(parts, Body::from(body));
    let response = next.run(request).await;
    // What may work the next time is not kept.
    let retried =
        response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS;
    if retried {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_KEPT).await else {
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "answer-too-large",
            "The answer is too large to be kept",
            "it was done; ask without an Idempotency-Key to see the answer",
        ));
    };
    let mut batch = Batch::new();
    let answer = KeptAnswer {
        key: key.to_vec(),
        request: digest,
        status: parts.status.as_u16(),
        answer: written(&parts.headers, &body),
        at: now.wall,
    };
    let before = Timestamp::from_micros(now.wall.micros() - KEPT.as_micros() as i64);
    batch.answer_keep(answer, before, MOST_KEPT);
    store.submit(batch).ticket.await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Headers, each on a line, and behind an empty line the body.
fn written(headers: &HeaderMap, body: &Bytes) -> Vec<u8> {
    let mut kept = Vec::with_capacity(body.len() + 128);
    for name in &KEPT_HEADERS {
        if let Some(value) = headers.get(name) {
            kept.extend_from_slice(name.as_str().as_bytes());
            kept.push(b':');
            kept.extend_from_slice(value.as_bytes());
            kept.push(b'\n');
        }
    }
    kept.push(b'\n');
    kept.extend_from_slice(body);
    kept
}

fn again(known: &KeptAnswer) -> Response {
    let mut headers = HeaderMap::new();
    let mut rest = known.answer.as_slice();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        rest = behind;
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = KEPT_HEADERS
            .iter()
            .find(|name| name.as_str().as_bytes() == &line[..colon]);
        let value = line.get(colon + 1..).unwrap_or_default();
        if let (Some(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.insert(name.clone(), value);
        }
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    let status = StatusCode::from_u16(known.status).unwrap_or(StatusCode::OK);
    (status, headers, rest.to_vec()).into_response()
}

/// A whole body, if it is not too large.
pub(super) async fn limited(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, LARGEST_BODY).await.map_err(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The request is too large",
            format!("send at most {LARGEST_BODY} bytes"),
        )
    })
}

/// Keys of requests that are under way.
pub(super) type Keys = std::collections::HashSet<[u8; 32]>;
/// Requests by token.
pub(super) type TokenKey = (store::AccountId, Arc<str>);
