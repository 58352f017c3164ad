//! What comes in and goes out: bodies, parameters, pages, tags of versions. Each failure is a [`Problem`].

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base::BareJid;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::gate::limited;
use super::{Problem, Rest};

/// Items of a page, when nobody says how many.
pub(crate) const USUAL: usize = 50;
/// Items of a page at most.
pub(crate) const MOST: usize = 200;

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body is not JSON",
                "send the body as JSON, with Content-Type: application/json",
            ));
        }
        let body = limited(request.into_body()).await?;
        match serde_json::from_slice(&body) {
            Ok(value) => Ok(Self(value)),
            Err(error) if error.is_data() => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong-fields",
                "The body has the wrong fields",
                format!("{error}; /api/v1/openapi.json says what is expected"),
            )),
            Err(error) => Err(Problem::bad(format!("the body is not valid JSON: {error}"))),
        }
    }
}

/// Parameters behind the question mark.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|error| Problem::bad(error.body_text()))
    }
}

/// Parts of the path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value))
            .map_err(|error| Problem::bad(error.body_text()))
    }
}

/// How many items a page has.
///
/// # Errors
/// For numbers that are too large, or none.
pub(crate) fn limit(wanted: Option<u32>) -> Result<usize, Problem> {
    match wanted {
        None => Ok(USUAL),
        Some(wanted) if (1..=MOST as u32).contains(&wanted) => Ok(wanted as usize),
        Some(_) => Err(Problem::bad(format!("`limit` is 1 to {MOST}"))),
    }
}

/// Where the next page begins, as text that says nothing to others.
pub(crate) fn cursor(position: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// The position of a cursor.
///
/// # Errors
/// When it is none of ours.
pub(crate) fn position<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .map(Some)
        .ok_or_else(|| {
            Problem::bad("this `cursor` is none: take `next` of the page before, or leave it out")
        })
}

/// Something with the tag of its version (RFC 9110 §8.8.3).
pub(crate) struct Tagged<T>(pub(crate) T);

/// The tag of a version.
fn tag(value: &impl Serialize) -> String {
    let digest = Sha256::digest(serde_json::to_vec(value).unwrap_or_default());
    format!("\"{}\"", base::id::short(&digest[..10]))
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let tag = HeaderValue::from_str(&tag(&self.0));
        let mut response = Json(self.0).into_response();
        if let Ok(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// Whether the version that a change is meant for is the one that is there. A change that names none is meant for any.
///
/// # Errors
/// 412 (RFC 9110 §13.1.1).
pub(crate) fn is_current(headers: &HeaderMap, there: &impl Serialize) -> Result<(), Problem> {
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        return Ok(());
    };
    let tag = tag(there);
    let wanted = wanted.to_str().unwrap_or_default();
    if wanted
        .split(',')
        .any(|one| matches!(one.trim(), "*") || one.trim() == tag)
    {
        return Ok(());
    }
    Err(Problem::changed())
}

/// The account of a name in a path.
///
/// # Errors
/// When it can be none.
pub(crate) fn address(rest: &Rest, name: &str) -> Result<BareJid, Problem> {
    let local = rest.chat().localpart(name)?;
    BareJid::new(Some(&local), &rest.chat().domain())
        .map_err(|_| Problem::missing("there is no such account"))
}

/// Something new, and where it is.
pub(crate) fn created(place: String, body: impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}
