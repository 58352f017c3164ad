//! The web client: files that are part of this binary, each in the smallest form that the browser takes.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::{Web, pages};

/// A file of the web client.
#[derive(Debug)]
struct File {
    /// From the root of the origin.
    path: &'static str,
    /// Its entity tag.
    tag: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// All of them, by path; none when the web client was not built (build.rs).
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/web.rs"));

const START: &str = "/index.html";
/// Vite writes into their names what is in these files.
const HASHED: &str = "/assets/";

fn file(path: &str) -> Option<&'static File> {
    let at = FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    FILES.get(at)
}

/// `/`: the web client, or a page that says what this is.
pub(super) async fn start(State(web): State<Web>, request: Request) -> Response {
    match file(START) {
        Some(start) => answer(&web, start, request.uri(), request.headers()),
        None => pages::landing(State(web), request.headers().clone()).await,
    }
}

/// The web client, for a page of its own that the server would else draw itself; none where it was not built.
pub(super) fn instead(web: &Web, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let mut response = answer(web, file(START)?, uri, headers);
    // The same address has other forms for others, and its bearer is none of anybody's business.
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    Some(response)
}

/// Whatever no other route has: a file of the web client, or nothing.
pub(super) async fn any(State(web): State<Web>, request: Request) -> Response {
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    match file(request.uri().path()).filter(|_| asks) {
        Some(file) => answer(&web, file, request.uri(), request.headers()),
        None => pages::not_found(request.headers().clone()).await,
    }
}

fn answer(web: &Web, file: &'static File, uri: &Uri, headers: &HeaderMap) -> Response {
    let caching = if file.path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == file.tag);
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let (encoding, bytes) = packed(file, headers);
        let mut response = Body::from(bytes).into_response();
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, encoding);
        }
        response
    };
    let framers = {
        let config = web.config.load();
        let sidebar = uri
            .query()
            .is_some_and(|query| query.split('&').any(|pair| pair == "view=sidebar"));
        match config.http.embed_origins.join(" ") {
            origins if sidebar && !origins.is_empty() => origins,
            _ => "'none'".to_owned(),
        }
    };
    let out = response.headers_mut();
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(file.path)),
    );
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    out.insert(header::ETAG, HeaderValue::from_static(file.tag));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // For voice messages and codes to scan; frames of others get neither.
    out.insert(
        header::HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(self), microphone=(self), geolocation=()"),
    );
    if let Ok(policy) = HeaderValue::from_str(&policy(&framers)) {
        out.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What scripts and pages of the web client may do: nothing that leaves this origin. A worker has the policy of its own file,
/// so all files carry it. Text becomes elements by Svelte's templates alone, and scripts are started by web/src/core/trusted.ts
/// alone (Trusted Types).
fn policy(framers: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; font-src 'self'; \
         img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; form-action 'none'; \
         base-uri 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html hauspost; \
         frame-ancestors {framers}"
    )
}

/// The smallest form that the browser takes (RFC 9110 §12.5.3).
fn packed(file: &'static File, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
    let accepted = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|part| {
            let (name, weight) = part.split_once(';').unwrap_or((part, ""));
            let refused = weight.trim().trim_start_matches("q=").parse() == Ok(0.0_f32);
            (!refused).then(|| name.trim())
        });
    let accepted: Vec<&str> = accepted.collect();
    let takes = |name: &str| {
        accepted
            .iter()
            .any(|other| other.eq_ignore_ascii_case(name))
    };
    match (file.brotli, file.gzip) {
        (Some(bytes), _) if takes("br") => (Some("br"), bytes),
        (_, Some(bytes)) if takes("gzip") => (Some("gzip"), bytes),
        _ => (None, file.identity),
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SCRIPT: File = File {
        path: "/assets/a.js",
        tag: "\"1\"",
        identity: b"whole",
        brotli: Some(b"br"),
        gzip: Some(b"gzip"),
    };

    #[test]
    fn the_smallest_form_that_is_taken() {
        for (accepted, expected) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip;q=1.0, br;q=0", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("", None),
            ("identity", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().expect("header"));
            assert_eq!(packed(&SCRIPT, &headers).0, expected, "{accepted}");
        }
    }

    #[test]
    fn nothing_inline_and_no_other_origin() {
        let policy = policy("'none'");
        for word in ["unsafe-inline", "'unsafe-eval'", "http", "*"] {
            assert!(!policy.contains(word), "{word}");
        }
        assert!(policy.ends_with("frame-ancestors 'none'"));
    }

    #[test]
    fn files_are_in_order() {
        assert!(FILES.is_sorted_by_key(|file| file.path));
    }
}
