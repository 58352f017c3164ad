//! Web Push subscriptions of a client (RFC 8030, RFC 8291), in a namespace of ours; see
//! `docs/protocols/webpush.md`.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// Longest address of an endpoint, in bytes.
const LONGEST_ENDPOINT: usize = 2048;
/// Bytes of an uncompressed point on P-256 (RFC 8291 §3.1).
const KEY: usize = 65;
/// Bytes of the authentication secret (RFC 8291 §3.2).
const SECRET: usize = 16;

/// What a client asks of its account.
#[derive(Clone, PartialEq, Eq)]
pub enum WebPushRequest {
    /// `<subscribe/>`: notify this endpoint.
    Subscribe {
        /// Its address, beginning with `https://` (or `http://`, which only tests may use).
        endpoint: String,
        /// The public key of the user agent: an uncompressed point on P-256.
        key: [u8; KEY],
        /// The authentication secret of the user agent.
        secret: [u8; SECRET],
    },
    /// `<unsubscribe/>`: notify it no more.
    Unsubscribe {
        /// Its address.
        endpoint: String,
    },
}

// An endpoint is a secret of its user agent: whoever knows it may write there.
impl std::fmt::Debug for WebPushRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Subscribe { .. } => "Subscribe(…)",
            Self::Unsubscribe { .. } => "Unsubscribe(…)",
        })
    }
}

impl WebPushRequest {
    /// Reads `<subscribe/>` or `<unsubscribe/>`.
    ///
    /// # Errors
    /// `bad-request` when the endpoint is no web address, or a key has the wrong form.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
        let endpoint = element
            .attr("endpoint")
            .filter(|endpoint| {
                endpoint.len() <= LONGEST_ENDPOINT
                    && (endpoint.starts_with("https://") || endpoint.starts_with("http://"))
                    && endpoint.bytes().all(|byte| byte.is_ascii_graphic())
            })
            .ok_or_else(|| bad("The attribute endpoint is missing or no web address."))?
            .to_owned();
        match element.name() {
            "subscribe" => {
                let key = element
                    .attr("p256dh")
                    .and_then(decode::<KEY>)
                    .filter(|key| key[0] == 4)
                    .ok_or_else(|| bad("The attribute p256dh holds the public key of the subscription: 65 bytes in base64url."))?;
                let secret = element.attr("auth").and_then(decode).ok_or_else(|| {
                    bad("The attribute auth holds the secret of the subscription: 16 bytes in base64url.")
                })?;
                Ok(Self::Subscribe {
                    endpoint,
                    key,
                    secret,
                })
            }
            "unsubscribe" => Ok(Self::Unsubscribe { endpoint }),
            _ => Err(bad("Web Push is subscribed to or unsubscribed from.")),
        }
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let engine = if text.ends_with('=') {
        &URL_SAFE
    } else {
        &URL_SAFE_NO_PAD
    };
    engine.decode(text).ok()?.try_into().ok()
}

/// `<vapid/>`: the public key under which notifications of this server are signed (RFC 8292), 65
/// bytes.
#[must_use]
pub fn vapid(key: &[u8]) -> String {
    let mut writer = Writer::with_capacity(192);
    writer
        .start("vapid")
        .xmlns(ns::WEB_PUSH)
        .attr("key", URL_SAFE_NO_PAD.encode(key))
        .end();
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    /// RFC 8291 §5.
    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn read(attributes: &str) -> Result<WebPushRequest, StanzaError> {
        let text = format!("<subscribe xmlns='urn:hauspost:webpush:0' {attributes}/>");
        WebPushRequest::read(Tree::parse(&text).expect("XML").root())
    }

    #[test]
    fn a_subscription() {
        let good = read(&format!(
            "endpoint='https://push.example/a' p256dh='{P256DH}' auth='{AUTH}=='"
        ));
        let Ok(WebPushRequest::Subscribe { endpoint, key, .. }) = &good else {
            panic!("{good:?}");
        };
        assert_eq!(endpoint, "https://push.example/a");
        assert!(vapid(key).contains(P256DH));
        assert!(!format!("{good:?}").contains("push.example"));
    }

    #[test]
    fn what_is_none() {
        for attributes in [
            format!("p256dh='{P256DH}' auth='{AUTH}'"),
            format!("endpoint='ftp://a' p256dh='{P256DH}' auth='{AUTH}'"),
            format!("endpoint='https://a b' p256dh='{P256DH}' auth='{AUTH}'"),
            format!("endpoint='https://a' p256dh='{AUTH}' auth='{AUTH}'"),
            format!("endpoint='https://a' p256dh='{P256DH}' auth='{P256DH}'"),
            format!(
                "endpoint='https://a' p256dh='A{}' auth='{AUTH}'",
                &P256DH[1..]
            ),
        ] {
            assert!(read(&attributes).is_err(), "{attributes}");
        }
    }
}
