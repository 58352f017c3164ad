//! Files (XEP-0363): `/upload/<secret>/<name>`, put once by whoever has the slot, read by whoever has the address.
//!
//! What people upload is data and never part of our pages: see [`types`] for what browsers are told of it.

mod conditions;
mod receive;
mod send;
mod types;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::Upload;
use xmpp::xep::http_upload::key_of;

use super::Web;
use super::bosh::allowed_origin;
use super::origin::Origin;

/// Where files live.
pub(super) const ROUTE: &str = "/upload/{secret}/{name}";
/// Nothing of a file runs, loads anything or stands in a frame.
const POLICY: &str = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; \
                      style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Everything at `/upload/<secret>/<name>`.
pub(super) async fn request(
    State(web): State<Web>,
    Path((secret, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let cors = allowed_origin(&web.config.load(), request.headers());
    let mut response = answer(&web, &secret, &name, request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // Pages of web clients elsewhere show these pictures, too.
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("cross-origin"),
    );
    if let Some(origin) = cors {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "accept-ranges, content-length, content-range, etag, retry-after",
            ),
        );
    }
    response
}

async fn answer(web: &Web, secret: &str, name: &str, request: Request) -> Response {
    let method = request.method();
    if method == Method::OPTIONS {
        return preflight();
    }
    if ![Method::GET, Method::HEAD, Method::PUT].contains(method) {
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "Files are put and read.");
        response.headers_mut().insert(
            header::ALLOW,
            HeaderValue::from_static("GET, HEAD, OPTIONS, PUT"),
        );
        return response;
    }
    let config = web.config.load_full();
    let protected = Origin::of(&config, request.extensions(), request.headers())
        .is_some_and(|origin| origin.is_protected());
    if !protected {
        return refuse(
            StatusCode::FORBIDDEN,
            "The address of a file is a secret: use it over https.",
        );
    }
    if !web.uploads.is_ready() {
        return later(
            "The place where files are kept cannot be used at the moment; please try again later.",
        );
    }
    let upload = match web.uploads.store().upload(&key_of(secret)).await {
        Ok(Some(upload)) if *upload.name == *name => upload,
        Ok(_) => return not_found(),
        Err(error) => {
            tracing::error!(%error, "the store failed");
            return later("The server could not look that up; please try again later.");
        }
    };
    if *request.method() == Method::PUT {
        receive::put(web, &config, upload, request).await
    } else {
        let (parts, _) = request.into_parts();
        send::get(web, &config, &upload, &parts).await
    }
}

/// What browsers ask before pages of another origin may put a file.
fn preflight() -> Response {
    (
        StatusCode::NO_CONTENT,
        [
            (
                header::ACCESS_CONTROL_ALLOW_METHODS,
                "GET, HEAD, OPTIONS, PUT",
            ),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, if-match, if-none-match, if-range, range",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ],
    )
        .into_response()
}

fn refuse(status: StatusCode, words: &'static str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        format!("{words}\n"),
    )
        .into_response()
}

fn not_found() -> Response {
    refuse(
        StatusCode::NOT_FOUND,
        "There is no such file. It may have expired.",
    )
}

fn later(words: &'static str) -> Response {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, words);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    response
}

/// The only value of a header, as text.
fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The entity tag of a whole file (RFC 9110 §8.8.3).
fn entity_tag(upload: &Upload) -> Option<String> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let digest = upload.kept?.digest;
    Some(format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..18])))
}
