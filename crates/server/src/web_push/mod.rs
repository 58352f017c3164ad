//! Web Push (RFC 8030): telling browsers of people who are away that something has come, and nothing else.

mod courier;
mod encryption;
mod vapid;

use std::time::Duration;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use base::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use store::Store;

use self::vapid::Vapid;
use crate::config::Config;
use crate::outbound::{self, Reach};

/// How long a push service keeps what it cannot deliver, in seconds (RFC 8030 §5.2).
const TTL: &str = "604800";
/// A later notification takes the place of one that waits (RFC 8030 §5.4).
const TOPIC: &str = "hauspost";
/// Time for a request.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest time that a push service may make us wait.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Where a notification goes, and for whom it is sealed.
#[derive(Clone, Copy)]
pub struct Subscription<'a> {
    /// Address at the push service.
    pub endpoint: &'a str,
    /// Public key of the user agent, 65 bytes.
    pub key: &'a [u8],
    /// Secret of the user agent, 16 bytes.
    pub secret: &'a [u8],
}

/// What became of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The push service has it.
    Taken,
    /// The subscription is no more, or never can be used: forget it.
    Gone,
    /// Perhaps later, after this time if the service said one.
    Later(Option<Duration>),
}

/// The sender; shared by all.
pub struct WebPush {
    client: Client,
    vapid: Vapid,
    reach: Reach,
}

impl WebPush {
    /// With the key of this server, which is made at the first start.
    ///
    /// # Errors
    /// When the store or the system's certificates cannot be used.
    pub async fn open(store: &Store, config: &Config) -> anyhow::Result<Self> {
        let reach = Reach {
            allowed: config.push.allowed_networks.clone(),
        };
        let client = outbound::client(&reach, PATIENCE)?;
        Ok(Self {
            client,
            vapid: Vapid::open(store, config.public_url()).await?,
            reach,
        })
    }

    /// The public key that browsers want to know of, 65 bytes.
    pub fn public_key(&self) -> &[u8] {
        self.vapid.public()
    }

    /// Sends a notification whose content is `payload`.
    pub async fn send(&self, to: Subscription<'_>, payload: &[u8], now: Timestamp) -> Sent {
        let url = match self.reach.check(to.endpoint) {
            Ok(url) => url,
            Err(error) => {
                tracing::info!(%error, "a Web Push subscription was removed");
                return Sent::Gone;
            }
        };
        let Some((body, authorization)) = self.prepare(&url, to, payload, now) else {
            tracing::info!("a Web Push subscription was removed: its key is none");
            return Sent::Gone;
        };
        let answer = self
            .client
            .post(url)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("TTL", TTL)
            .header("Urgency", "high")
            .header("Topic", TOPIC)
            .body(body)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let wait = answer
                    .headers()
                    .get(RETRY_AFTER)
                    .and_then(|value| value.to_str().ok()?.parse().ok())
                    .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
                judge(answer.status(), wait)
            }
            Err(error) => {
                // Without the address, which is a secret of the user agent.
                let error = error.without_url();
                tracing::debug!(%error, "a push service could not be reached");
                Sent::Later(None)
            }
        }
    }

    fn prepare(
        &self,
        url: &Url,
        to: Subscription<'_>,
        payload: &[u8],
        now: Timestamp,
    ) -> Option<(Vec<u8>, String)> {
        let own = PrivateKey::generate(&ECDH_P256).ok()?;
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).ok()?;
        let body = encryption::seal(payload, to.key, to.secret, &own, salt).ok()?;
        let audience = url.origin().ascii_serialization();
        Some((body, self.vapid.authorization(&audience, now)?))
    }
}

/// What the status of a push service means (RFC 8030 §5, §7.3, §8.4).
fn judge(status: StatusCode, wait: Option<Duration>) -> Sent {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Sent::Gone,
        status if status.is_success() => Sent::Taken,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Sent::Later(wait),
        status if status.is_server_error() => Sent::Later(wait),
        status => {
            tracing::warn!(%status, "a push service refuses our notifications");
            Sent::Later(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_push_services_say() {
        let wait = Some(Duration::from_secs(7));
        for (status, expected) in [
            (200, Sent::Taken),
            (201, Sent::Taken),
            (202, Sent::Taken),
            (404, Sent::Gone),
            (410, Sent::Gone),
            (429, Sent::Later(wait)),
            (503, Sent::Later(wait)),
            (400, Sent::Later(None)),
            (307, Sent::Later(None)),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(judge(status, wait), expected, "{status}");
        }
    }
}
