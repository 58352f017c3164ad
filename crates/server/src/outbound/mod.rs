//! Asking the web on behalf of somebody who may name any address: nothing inside the house is reached that way.
//!
//! The one place for such requests: push services of browsers, pages of which a preview is made. [`Reach`] says which
//! addresses may be asked; a client of [`client`] connects to those only, to the very address that was checked, and
//! follows no redirect by itself. [`Outbound::get`] does, checking each, and bounds what comes.

mod reach;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};

pub use reach::{Barred, Reach};

/// Redirects that are followed.
const REDIRECTS: usize = 4;

/// A client that connects to what `reach` permits and to nothing else. Literal addresses it does not check: that is
/// [`Reach::check`]'s.
///
/// # Errors
/// When the system's certificates cannot be used.
pub fn client(reach: &Reach, patience: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .dns_resolver(reach.clone())
        // A redirect could lead inside.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .timeout(patience)
        .connect_timeout(patience.min(Duration::from_secs(10)))
        .pool_max_idle_per_host(2)
        .pool_idle_timeout(Duration::from_secs(10))
        .user_agent(concat!("Hauspost/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Gets pages of the web.
pub struct Outbound {
    client: Client,
    reach: Reach,
    patience: Duration,
}

/// What was got.
#[derive(Debug)]
pub struct Got {
    /// Where it was in the end.
    pub url: Url,
    /// What the other side calls it (`Content-Type`), in lower case; empty when it says nothing.
    pub content_type: String,
    /// Its beginning.
    pub body: Bytes,
    /// It is all of it.
    pub complete: bool,
}

/// Why nothing was got.
#[derive(Debug, thiserror::Error)]
pub enum NotGot {
    /// It may not be asked.
    #[error(transparent)]
    Barred(#[from] Barred),
    /// It is not there, or leads nowhere.
    #[error("the other side has nothing there")]
    Nothing,
    /// It could not be reached, or not in time.
    #[error("the other side could not be reached in time")]
    Unreachable,
}

impl Outbound {
    /// Whoever is asked has `patience` for the whole answer, redirects included.
    ///
    /// # Errors
    /// When the system's certificates cannot be used.
    pub fn new(reach: Reach, patience: Duration) -> reqwest::Result<Self> {
        Ok(Self {
            client: client(&reach, patience)?,
            reach,
            patience,
        })
    }

    /// Gets what is at an address of the web: at most `most` bytes of it.
    ///
    /// # Errors
    /// See [`NotGot`].
    pub async fn get(&self, url: &str, accept: &str, most: usize) -> Result<Got, NotGot> {
        let got = self.follow(url, accept, most);
        match tokio::time::timeout(self.patience, got).await {
            Ok(got) => got,
            Err(_) => Err(NotGot::Unreachable),
        }
    }

    async fn follow(&self, url: &str, accept: &str, most: usize) -> Result<Got, NotGot> {
        let mut url = self.reach.check_page(url)?;
        for _ in 0..=REDIRECTS {
            let request = self.client.get(url.clone()).header(ACCEPT, accept);
            let answer = request.send().await.map_err(|error| why(&error))?;
            // The resolver has seen to it, and the check of the literal: here it is seen that it was so.
            let there = answer.remote_addr().map(|address| address.ip());
            if !there.is_some_and(|address| self.reach.permits(address)) {
                return Err(Barred::Inside.into());
            }
            match answer.status() {
                StatusCode::OK => return read(answer, url, most).await,
                status if status.is_redirection() => {
                    let location = answer.headers().get(LOCATION);
                    let next = location
                        .and_then(|location| url.join(location.to_str().ok()?).ok())
                        .ok_or(NotGot::Nothing)?;
                    url = self.reach.check_page(next.as_str())?;
                }
                status if status.is_server_error() => return Err(NotGot::Unreachable),
                _ => return Err(NotGot::Nothing),
            }
        }
        Err(NotGot::Nothing)
    }
}

async fn read(mut answer: Response, url: Url, most: usize) -> Result<Got, NotGot> {
    let content_type = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut body = BytesMut::new();
    let mut complete = true;
    while let Some(piece) = answer.chunk().await.map_err(|error| why(&error))? {
        let room = most - body.len();
        body.extend_from_slice(piece.get(..room).unwrap_or(&piece));
        if piece.len() > room {
            complete = false;
            break;
        }
    }
    Ok(Got {
        url,
        content_type,
        body: body.freeze(),
        complete,
    })
}

/// A name that leads inside is told from one that leads nowhere.
fn why(error: &reqwest::Error) -> NotGot {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        if let Some(barred) = one.downcast_ref::<Barred>() {
            return NotGot::Barred(*barred);
        }
        cause = one.source();
    }
    NotGot::Unreachable
}

#[cfg(test)]
mod tests;
