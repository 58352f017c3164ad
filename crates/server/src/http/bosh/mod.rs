//! BOSH (XEP-0124 1.11, XEP-0206 1.4): `/http-bind`.

mod body;
mod drive;
mod receive;
mod session;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::Door;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};

use super::Web;
use super::origin::Origin;
use super::websocket::{crowded, origin_allowed};
use crate::config::Config;
use body::{Created, terminated};

/// Highest version spoken (XEP-0124 §7.1).
const VERSION: (u32, u32) = (1, 11);
/// Requests of one session that wait for its task.
const QUEUE: usize = 4;

/// A request on its way to its session.
struct Incoming {
    request: body::Request,
    respond: session::Responder,
    /// Its length as it came.
    bytes: usize,
}

/// The way to a session.
#[derive(Clone)]
struct Way {
    requests: mpsc::Sender<Incoming>,
    /// Its client is logged in.
    bound: Arc<AtomicBool>,
}

/// All sessions.
#[derive(Default)]
pub struct Sessions(RwLock<HashMap<String, Way>>);

impl Sessions {
    fn find(&self, sid: &str) -> Option<Way> {
        self.0.read().get(sid).cloned()
    }

    /// False when there are `most` already.
    fn add(&self, sid: &str, way: Way, most: usize) -> bool {
        let mut sessions = self.0.write();
        if sessions.len() >= most {
            return false;
        }
        sessions.insert(sid.to_owned(), way);
        true
    }

    fn remove(&self, sid: &str) {
        self.0.write().remove(sid);
    }
}

impl Way {
    /// A place in the line of requests; `None` when as many wait as no client that keeps to its window has.
    fn reserve(self) -> Option<mpsc::OwnedPermit<Incoming>> {
        self.requests.try_reserve_owned().ok()
    }
}

/// `POST /http-bind`.
pub(super) async fn request(State(web): State<Web>, request: Request) -> Response {
    let config = web.config.load_full();
    let (parts, body) = request.into_parts();
    let Some(origin) = Origin::of(&config, &parts.extensions, &parts.headers) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !origin_allowed(&config, &parts.headers) {
        return (
            StatusCode::FORBIDDEN,
            "Pages of this origin may not connect; see http.allowed_origins.\n",
        )
            .into_response();
    }
    let cors = allowed_origin(&config, &parts.headers);
    let Some(place) = web
        .requests
        .enter(origin.address, &web.chat.config().limits)
    else {
        return crowded();
    };
    // Slow senders are not waited for.
    let patience =
        std::time::Duration::from_secs(u64::from(config.limits.http_header_seconds.max(1)));
    let received = receive::whole(body.into_data_stream(), &config.limits, |sid| {
        let way = web.bosh.find(sid)?;
        way.bound.load(Ordering::Relaxed).then_some(way)?.reserve()
    });
    let Ok(received) = tokio::time::timeout(patience, received).await else {
        return StatusCode::REQUEST_TIMEOUT.into_response();
    };
    drop(place);
    let Some((text, permit)) = received else {
        return answer(
            terminated("policy-violation"),
            "text/xml; charset=utf-8",
            cors,
        );
    };
    let bytes = text.len();
    let Some(request) = std::str::from_utf8(&text)
        .ok()
        .and_then(body::Request::read)
    else {
        return answer(terminated("bad-request"), "text/xml; charset=utf-8", cors);
    };
    drop(text);
    let kind = content_type(request.content.as_deref());
    let (respond, response) = oneshot::channel();
    let refused = match request.sid.as_deref() {
        Some(sid) => match permit.map_or_else(|| place_of(&web, sid), Ok) {
            Ok(permit) => {
                permit.send(Incoming {
                    request,
                    respond,
                    bytes,
                });
                None
            }
            Err(condition) => Some(condition),
        },
        None => create(&web, &config, origin, request, respond).err(),
    };
    let text = match refused {
        Some(condition) => terminated(condition),
        None => response
            .await
            .unwrap_or_else(|_| terminated("item-not-found")),
    };
    answer(text, kind, cors)
}

/// A place in the line of a session.
fn place_of(web: &Web, sid: &str) -> Result<mpsc::OwnedPermit<Incoming>, &'static str> {
    let way = web.bosh.find(sid).ok_or("item-not-found")?;
    if way.requests.is_closed() {
        return Err("item-not-found");
    }
    way.reserve().ok_or("policy-violation")
}

fn create(
    web: &Web,
    config: &Config,
    origin: Origin,
    request: body::Request,
    respond: session::Responder,
) -> Result<(), &'static str> {
    if *web.stopping.borrow() {
        return Err("system-shutdown");
    }
    match request.to.as_deref() {
        None | Some("") => return Err("improper-addressing"),
        Some(to) if to.eq_ignore_ascii_case(&config.domain) => {}
        Some(_) => return Err("host-unknown"),
    }
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|_| "internal-server-error")?;
    let sid = URL_SAFE_NO_PAD.encode(random);
    let wait = request
        .wait
        .unwrap_or(config.limits.bosh_wait_seconds)
        .min(config.limits.bosh_wait_seconds);
    // One request is held at a time, whatever more a client would allow: the next one carries the next words.
    let hold = if wait == 0 {
        0
    } else {
        request.hold.unwrap_or(1).min(1)
    };
    let polling = (hold == 0).then_some(session::POLLING);
    let created = Created {
        sid: sid.clone(),
        wait: if hold == 0 { 0 } else { wait },
        hold,
        requests: hold + 1,
        inactivity: config.limits.bosh_inactivity_seconds + polling.unwrap_or(0) * 10,
        polling,
        maxpause: session::LONGEST_PAUSE,
        ver: version(request.ver.as_deref()),
        from: config.domain.clone(),
        ack: request.ack.map(|_| request.rid),
    };
    let door = web.api.metrics.door(Door::Bosh);
    let Some(place) = web.places.enter(origin.address, &web.chat.config().limits) else {
        door.refused();
        return Err("policy-violation");
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    let bound = Arc::new(AtomicBool::new(false));
    let way = Way {
        requests: sender,
        bound: Arc::clone(&bound),
    };
    if !web.bosh.add(&sid, way, config.limits.bosh_sessions) {
        return Err("policy-violation");
    }
    tokio::spawn(drive::run(
        web.clone(),
        origin,
        place,
        created,
        request,
        respond,
        drive::Requests { receiver, bound },
    ));
    Ok(())
}

/// The lower of both versions.
fn version(asked: Option<&str>) -> String {
    let parsed = asked.and_then(|text| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    });
    let (major, minor) = parsed.unwrap_or(VERSION).min(VERSION);
    format!("{major}.{minor}")
}

/// A content type that a client may choose (XEP-0124 §7.1), as far as it is harmless.
fn content_type(asked: Option<&str>) -> &'static str {
    match asked.map(|asked| asked.split(';').next().unwrap_or_default().trim()) {
        Some("text/html") => "text/html; charset=utf-8",
        Some("application/xml") => "application/xml; charset=utf-8",
        _ => "text/xml; charset=utf-8",
    }
}

fn answer(text: String, kind: &'static str, cors: Option<HeaderValue>) -> Response {
    let mut response = (
        [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, "no-store"),
            (header::VARY, "origin"),
        ],
        text,
    )
        .into_response();
    if let Some(origin) = cors {
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// The value of `Access-Control-Allow-Origin` for this request, if its page may read the answer.
pub(super) fn allowed_origin(config: &Config, headers: &HeaderMap) -> Option<HeaderValue> {
    if config.http.allowed_origins.iter().any(|entry| entry == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let origin = headers.get(header::ORIGIN)?;
    origin_allowed(config, headers).then(|| origin.clone())
}

/// `OPTIONS /http-bind`: what browsers ask before they send XML to another origin.
pub(super) async fn preflight(State(web): State<Web>, headers: HeaderMap) -> Response {
    let Some(origin) = allowed_origin(&web.config.load(), &headers) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let mut response = (
        StatusCode::NO_CONTENT,
        [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            (header::VARY, "origin"),
        ],
    )
        .into_response();
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    response
}

/// `GET /http-bind`: somebody looks with a browser.
pub(super) async fn explain() -> &'static str {
    "This address speaks XMPP over BOSH (XEP-0124, XEP-0206); give it to an XMPP client.\n"
}
