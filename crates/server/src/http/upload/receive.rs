//! PUT: a file comes in, and is kept before its sender is told so.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, SHA256};
use axum::body::BodyDataStream;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use store::{Batch, Kept, Upload};
use tokio::time::{Instant, timeout_at};
use xmpp::xep::http_upload::token_digest;

use super::{Web, later, not_found, refuse, text, types};
use crate::config::Config;
use crate::net::Clock;
use crate::objects::ObjectsError;
use crate::uploads::{AtOnce, Busy, Place, Uploads};

/// Bytes that must come within the time for which a sender may stall.
const PROGRESS: u64 = 64 * 1024;

/// Takes the file of a slot.
pub(super) async fn put(web: &Web, config: &Config, upload: Upload, request: Request) -> Response {
    if upload.kept.is_some() {
        return refuse(
            StatusCode::CONFLICT,
            "This file is there already; ask for a new slot.",
        );
    }
    let Some(account) = upload.account else {
        return not_found();
    };
    if !holds_token(request.headers(), &upload) {
        return refuse(
            StatusCode::FORBIDDEN,
            "The slot's Authorization is missing or wrong; send the header that came with the slot.",
        );
    }
    match web.uploads.store().account(account).await {
        Ok(Some(account)) if account.enabled => {}
        Ok(_) => {
            return refuse(
                StatusCode::FORBIDDEN,
                "The account that asked for this slot may not send files any more.",
            );
        }
        Err(error) => {
            tracing::error!(%error, "the store failed");
            return later("The server could not look that up; please try again later.");
        }
    }
    if !upload.is_open(web.clock.now().wall) {
        return refuse(
            StatusCode::GONE,
            "The time of this slot is over; ask for a new one.",
        );
    }
    if let Some(refusal) = unfit(request.headers(), &upload) {
        return refusal;
    }
    let limits = &config.limits;
    let at_once = AtOnce {
        all: limits.uploads_at_once,
        account: limits.uploads_at_once_per_account,
    };
    let place = match web.uploads.receive(&upload, account, at_once) {
        Ok(place) => place,
        Err(Busy::Same) => {
            return refuse(StatusCode::CONFLICT, "This file is just being received.");
        }
        Err(Busy::Account) => {
            let mut response = later("You are sending too many files at once; let some finish.");
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            return response;
        }
        Err(Busy::All) => {
            return later("The server is receiving too many files at once; please try again.");
        }
    };
    let receipt = Receipt {
        uploads: Arc::clone(&web.uploads),
        clock: web.clock,
        stall: Duration::from_secs(u64::from(limits.upload_stall_seconds.max(1))),
        upload,
        _place: place,
    };
    // A task of its own: should the sender go away, it still takes away what it has written; or, if all
    // has come, keeps it.
    let body = request.into_body().into_data_stream();
    match tokio::spawn(receipt.run(body)).await {
        Ok(response) => response,
        Err(_) => refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The file could not be received; please try again.",
        ),
    }
}

fn holds_token(headers: &HeaderMap, upload: &Upload) -> bool {
    text(headers, &header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .is_some_and(|(_, token)| {
            verify_slices_are_equal(&token_digest(token.trim()), &upload.token).is_ok()
        })
}

/// XEP-0363 §7: the size must be that of the slot, and so should the type be.
fn unfit(headers: &HeaderMap, upload: &Upload) -> Option<Response> {
    let Some(length) = text(headers, &header::CONTENT_LENGTH) else {
        return Some(refuse(
            StatusCode::LENGTH_REQUIRED,
            "Say the size in Content-Length; it is that of the slot.",
        ));
    };
    if length.parse() != Ok(upload.size) {
        return Some(refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The size is not that of the slot; ask for one of the right size.",
        ));
    }
    let asked = upload.content_type.as_deref().map(types::essence);
    let comes = text(headers, &header::CONTENT_TYPE).map(types::essence);
    if let (Some(asked), Some(comes)) = (asked, comes)
        && asked != comes
    {
        return Some(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The Content-Type is not that of the slot.",
        ));
    }
    None
}

/// A file on its way in.
struct Receipt {
    uploads: Arc<Uploads>,
    clock: Clock,
    stall: Duration,
    upload: Upload,
    _place: Place,
}

/// Why it did not come to an end.
enum Broken {
    /// The connection or the framing broke.
    Cut,
    /// Nothing came for too long.
    Stalled,
    /// More or fewer bytes than announced.
    WrongSize,
    /// The object store failed.
    Objects(ObjectsError),
    /// The records failed.
    Store(store::StoreError),
}

impl From<ObjectsError> for Broken {
    fn from(error: ObjectsError) -> Self {
        Self::Objects(error)
    }
}

impl From<store::StoreError> for Broken {
    fn from(error: store::StoreError) -> Self {
        Self::Store(error)
    }
}

impl Receipt {
    async fn run(self, body: BodyDataStream) -> Response {
        match self.receive(body).await {
            Ok(true) => StatusCode::CREATED.into_response(),
            Ok(false) => not_found(),
            Err(broken) => answer(broken),
        }
    }

    /// Whether the file is kept; if not, its account has gone meanwhile.
    async fn receive(&self, mut body: BodyDataStream) -> Result<bool, Broken> {
        let (objects, store) = (self.uploads.objects(), self.uploads.store());
        let key = &self.upload.id;
        let mut writing = objects.write(key, self.upload.size).await?;
        if let Some(transfer) = writing.transfer() {
            let mut batch = Batch::new();
            batch.upload_transfer(key, Some(transfer));
            store.submit(batch).ticket.await?;
        }
        let mut digest = Context::new(&SHA256);
        let mut left = self.upload.size;
        let mut since = 0_u64;
        let mut deadline = Instant::now() + self.stall;
        let ended = loop {
            let piece = match timeout_at(deadline, body.next()).await {
                Err(_) => break Err(Broken::Stalled),
                Ok(None) if left == 0 => break Ok(()),
                Ok(None) => break Err(Broken::WrongSize),
                Ok(Some(Err(_))) => break Err(Broken::Cut),
                Ok(Some(Ok(piece))) => piece,
            };
            let Some(rest) = left.checked_sub(piece.len() as u64) else {
                break Err(Broken::WrongSize);
            };
            left = rest;
            since += piece.len() as u64;
            digest.update(&piece);
            if let Err(error) = writing.push(piece).await {
                break Err(error.into());
            }
            // The time that the disk takes is not the sender's.
            if since >= PROGRESS || left == 0 {
                since = 0;
                deadline = Instant::now() + self.stall;
            }
        };
        if let Err(broken) = ended {
            writing.abort().await;
            return Err(broken);
        }
        writing.finish().await?;
        let mut kept = Kept {
            at: self.clock.now().wall,
            digest: [0; 32],
        };
        kept.digest.copy_from_slice(digest.finish().as_ref());
        let is_kept = store.upload_keep(key, kept).await?;
        if !is_kept {
            objects.delete(key).await?;
        }
        Ok(is_kept)
    }
}

fn answer(broken: Broken) -> Response {
    match broken {
        Broken::Cut => refuse(
            StatusCode::BAD_REQUEST,
            "The connection broke; please try again.",
        ),
        Broken::Stalled => refuse(
            StatusCode::REQUEST_TIMEOUT,
            "The file came too slowly; please try again.",
        ),
        Broken::WrongSize => refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The size is not that of the slot.",
        ),
        Broken::Objects(error @ ObjectsError::Full) => {
            tracing::error!(%error, "a file could not be kept");
            refuse(
                StatusCode::INSUFFICIENT_STORAGE,
                "The server has no space left; please tell its administrators.",
            )
        }
        Broken::Objects(error) => {
            tracing::error!(%error, "a file could not be kept");
            later("The file could not be kept; please try again later.")
        }
        Broken::Store(error) => {
            tracing::error!(%error, "a file could not be kept");
            later("The file could not be kept; please try again later.")
        }
    }
}
