//! What everybody is told.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chat::accounts::Act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::gate::Visitor;
use super::input::{Body, created};
use super::{Problem, Rest};

/// Something for everybody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announcement {
    /// The text.
    #[schema(min_length = 1, max_length = 2500)]
    text: String,
}

/// Who has got it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Announced {
    /// To how many clients it went.
    recipients: usize,
}

/// Tell everybody who is there now
#[utoipa::path(post, path = "/api/v1/announcements", tag = "server", operation_id = "announce", request_body = Announcement, responses((status = 201, body = Announced)))]
pub(super) async fn announce(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(announcement): Body<Announcement>,
) -> Result<Response, Problem> {
    visitor.may(Act::Announce)?;
    let by = &visitor.0.authority;
    let recipients = rest
        .chat()
        .announce(&announcement.text, by, rest.now())
        .await?;
    Ok(created(
        "/api/v1/announcements".to_owned(),
        Announced { recipients },
    ))
}

/// The message that everybody gets who comes.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageOfTheDay {
    /// The text, if there is one.
    text: Option<String>,
}

/// The message that everybody gets who comes
#[utoipa::path(get, path = "/api/v1/announcements/motd", tag = "server", operation_id = "showMotd", responses((status = 200, body = MessageOfTheDay)))]
pub(super) async fn show(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<MessageOfTheDay>, Problem> {
    visitor.may(Act::Announce)?;
    let text = rest.chat().message_of_the_day().await?;
    Ok(Json(MessageOfTheDay {
        text: text.as_deref().map(str::to_owned),
    }))
}

/// Set the message that everybody gets who comes
#[utoipa::path(put, path = "/api/v1/announcements/motd", tag = "server", operation_id = "setMotd", request_body = Announcement, responses((status = 204)))]
pub(super) async fn set(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(announcement): Body<Announcement>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::Announce)?;
    let by = &visitor.0.authority;
    rest.chat()
        .set_message_of_the_day(Some(&announcement.text), by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take the message away that everybody gets who comes
#[utoipa::path(delete, path = "/api/v1/announcements/motd", tag = "server", operation_id = "removeMotd", responses((status = 204)))]
pub(super) async fn remove(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::Announce)?;
    let by = &visitor.0.authority;
    rest.chat()
        .set_message_of_the_day(None, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
