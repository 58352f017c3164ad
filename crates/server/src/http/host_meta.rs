//! XEP-0156: where WebSocket and BOSH are (version 1.4.0).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use xmpp::ns;
use xmpp::xml::Writer;

use super::Web;
use crate::config::Config;

/// Property: the part behind the `@` of addresses here, which need not be the host of the page.
const DOMAIN: &str = "urn:hauspost:domain";

/// Relation and address of each way in. XEP-0156 §2.2 allows `https` and `wss` only.
fn links(config: &Config) -> Vec<(&'static str, String)> {
    let base = config.public_url();
    let Some(rest) = base.strip_prefix("https://") else {
        return Vec::new();
    };
    let mut links = Vec::new();
    if config.http.websocket {
        links.push((
            ns::ALT_CONNECTIONS_WEBSOCKET,
            format!("wss://{rest}/xmpp-websocket"),
        ));
    }
    if config.http.bosh {
        links.push((ns::ALT_CONNECTIONS_BOSH, format!("{base}/http-bind")));
    }
    links
}

/// `/.well-known/host-meta` (RFC 6415 §3).
pub(super) async fn xrd(State(web): State<Web>) -> Response {
    let mut out = Writer::new();
    out.start("XRD")
        .xmlns("http://docs.oasis-open.org/ns/xri/xrd-1.0");
    for (relation, address) in links(&web.config.load()) {
        out.start("Link")
            .attr("rel", relation)
            .attr("href", address)
            .end();
    }
    out.end();
    let text = format!("<?xml version='1.0' encoding='utf-8'?>\n{}\n", out.finish());
    answer("application/xrd+xml; charset=utf-8", text)
}

/// `/.well-known/host-meta.json` (RFC 6415 appendix A).
pub(super) async fn jrd(State(web): State<Web>) -> Response {
    let config = web.config.load();
    let links: Vec<_> = links(&config)
        .into_iter()
        .map(|(relation, address)| serde_json::json!({ "rel": relation, "href": address }))
        .collect();
    answer(
        "application/json",
        serde_json::json!({ "properties": { DOMAIN: config.domain }, "links": links }).to_string(),
    )
}

fn answer(kind: &'static str, text: String) -> Response {
    // XEP-0156 §3: scripts of every origin may read this, and nothing else.
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        ],
        text,
    )
        .into_response()
}
