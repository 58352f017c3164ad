//! GET and HEAD: a file goes out, whole or in part.

use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use store::Upload;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::conditions::{Wanted, http_date, wanted};
use super::{Web, entity_tag, later, not_found, types};
use crate::config::Config;
use crate::objects::{ObjectsError, Reading};

/// Longest time that browsers may keep a file without asking again, in seconds.
const CACHED: i64 = 30 * 24 * 3600;

/// Gives a file to whoever has its address.
pub(super) async fn get(web: &Web, config: &Config, upload: &Upload, request: &Parts) -> Response {
    let now = web.clock.now().wall;
    let (Some(kept), Some(tag)) = (upload.kept, entity_tag(upload)) else {
        return not_found();
    };
    if !upload.is_readable(now) {
        return not_found();
    }
    let is_get = request.method == Method::GET;
    let decided = wanted(&request.headers, &tag, kept.at, upload.size, is_get);
    let mut response = match &decided {
        Wanted::Known => StatusCode::NOT_MODIFIED.into_response(),
        Wanted::Changed => return StatusCode::PRECONDITION_FAILED.into_response(),
        Wanted::Outside => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            insert(
                &mut response,
                header::CONTENT_RANGE,
                &format!("bytes */{}", upload.size),
            );
            return response;
        }
        Wanted::Whole if !is_get => StatusCode::OK.into_response(),
        Wanted::Whole => match body(web, config, upload, 0..upload.size).await {
            Ok(body) => body.into_response(),
            Err(refusal) => return refusal,
        },
        Wanted::Part(range) => match body(web, config, upload, range.clone()).await {
            Ok(body) => (StatusCode::PARTIAL_CONTENT, body).into_response(),
            Err(refusal) => return refusal,
        },
    };
    let life = upload.due.map_or(CACHED, |due| {
        (due.seconds() - now.seconds()).clamp(0, CACHED)
    });
    // Under one address there is never another content; but it is for those who were given it.
    insert(
        &mut response,
        header::CACHE_CONTROL,
        &format!("private, max-age={life}, immutable"),
    );
    insert(&mut response, header::ETAG, &tag);
    insert(&mut response, header::LAST_MODIFIED, &http_date(kept.at));
    insert(&mut response, header::ACCEPT_RANGES, "bytes");
    if decided == Wanted::Known {
        return response;
    }
    let length = match &decided {
        Wanted::Part(range) => {
            let told = format!("bytes {}-{}/{}", range.start, range.end - 1, upload.size);
            insert(&mut response, header::CONTENT_RANGE, &told);
            range.end - range.start
        }
        _ => upload.size,
    };
    insert(&mut response, header::CONTENT_LENGTH, &length.to_string());
    let (content_type, shown) = types::outgoing(upload.content_type.as_deref());
    insert(&mut response, header::CONTENT_TYPE, content_type);
    insert(
        &mut response,
        header::CONTENT_DISPOSITION,
        &types::disposition(shown, &upload.name),
    );
    response
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

async fn body(
    web: &Web,
    config: &Config,
    upload: &Upload,
    range: std::ops::Range<u64>,
) -> Result<Body, Response> {
    let Some(place) = web.uploads.send() else {
        return Err(later(
            "The server is sending too many files at once; please try again.",
        ));
    };
    let stall = Duration::from_secs(u64::from(config.limits.upload_stall_seconds.max(1)));
    match web.uploads.objects().read(&upload.id, range).await {
        Ok(reading) => Ok(patient(reading, place, stall)),
        Err(ObjectsError::NotFound) => {
            tracing::error!(file = %upload.id, "a file is not where it was kept");
            Err(not_found())
        }
        Err(error) => {
            tracing::error!(%error, "a file could not be read");
            Err(later("The file could not be read; please try again later."))
        }
    }
}

/// A body that gives up its file and its place when its reader does not read for `stall`.
fn patient(mut reading: Reading, place: OwnedSemaphorePermit, stall: Duration) -> Body {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, ObjectsError>>(1);
    tokio::spawn(async move {
        let _place = place;
        while let Some(piece) = reading.next().await {
            let broken = piece.is_err();
            if let Err(error) = &piece {
                tracing::error!(%error, "a file could not be read to its end");
            }
            match tokio::time::timeout(stall, sender.send(piece)).await {
                Ok(Ok(())) if !broken => {}
                _ => return,
            }
        }
    });
    // When the pieces end too early, the length that was announced tells the reader so.
    Body::from_stream(futures_util::stream::unfold(
        receiver,
        |mut receiver| async move { receiver.recv().await.map(|piece| (piece, receiver)) },
    ))
}
