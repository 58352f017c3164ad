//! What has access to an account: sessions, devices, app passwords; and taking it back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base::{BareJid, Timestamp};
use chat::Account;
use chat::accounts::{Act, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::gate::Visitor;
use super::input::{Body, Segments, address, created};
use super::{Problem, Rest};

/// Something that has access to an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Access {
    /// What to revoke it by.
    id: String,
    /// Whether it is connected now, or may resume.
    connected: bool,
    /// Whether it is an app password.
    app_password: bool,
    /// Whether it has shown the password; such a one can come back until there is another.
    knows_password: bool,
    /// Name of its software, or what the app password is for.
    software: Option<String>,
    /// Name of its device.
    device: Option<String>,
    /// When it first had access.
    #[schema(format = DateTime)]
    first_seen: Option<String>,
    /// When it was seen last.
    #[schema(format = DateTime)]
    last_seen: Option<String>,
}

/// All that has access.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessList {
    /// App passwords, devices, and sessions of clients that do not say which device they are.
    items: Vec<Access>,
}

async fn account(rest: &Rest, address: &BareJid) -> Result<Arc<Account>, Problem> {
    let account = rest.chat().opened_account(address).await?;
    Ok(account.ok_or(Refusal::NoSuchAccount)?)
}

async fn all(rest: &Rest, address: &BareJid) -> Result<Json<AccessList>, Problem> {
    let account = account(rest, address).await?;
    let clients = rest.chat().clients(&account, rest.now()).await?;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let items = clients.into_iter().map(|client| Access {
        id: client.id,
        connected: client.connected,
        app_password: client.grant,
        knows_password: client.password,
        software: client.software,
        device: client.device,
        first_seen: time(client.first_seen),
        last_seen: time(client.last_seen),
    });
    Ok(Json(AccessList {
        items: items.collect(),
    }))
}

/// What has access to one's own account
#[utoipa::path(get, path = "/api/v1/me/access", tag = "me", operation_id = "listOwnAccess", responses((status = 200, body = AccessList)))]
pub(super) async fn list_own(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<AccessList>, Problem> {
    visitor.may_own()?;
    all(&rest, &visitor.0.address).await
}

/// Take access to one's own account back
#[utoipa::path(delete, path = "/api/v1/me/access/{id}", tag = "me", operation_id = "revokeOwnAccess", params(("id" = String, Path, description = "As in the list")), responses((status = 204)))]
pub(super) async fn revoke_own(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    visitor.may_own()?;
    // A token is not for signing the person out.
    visitor.is_person()?;
    let account = account(&rest, &visitor.0.address).await?;
    let by = &visitor.0.authority;
    rest.chat()
        .revoke_client(&account, &id, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An app password to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAppPassword {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    label: String,
}

/// An app password that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeAppPassword {
    /// What to revoke it by, in the list of what has access.
    id: String,
    /// The password; it is shown only now.
    password: String,
    /// What it is for.
    label: String,
}

/// Make an app password: it lets one program in. Not by a token
#[utoipa::path(post, path = "/api/v1/me/app-passwords", tag = "me", operation_id = "makeAppPassword", request_body = NewAppPassword, responses((status = 201, body = MadeAppPassword)))]
pub(super) async fn make_app_password(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(new): Body<NewAppPassword>,
) -> Result<Response, Problem> {
    visitor.is_person()?;
    let account = account(&rest, &visitor.0.address).await?;
    let made = rest
        .chat()
        .create_app_password(&account, &new.label, rest.now())
        .await?;
    let id = format!("app-{}", made.id.number());
    Ok(created(
        format!("/api/v1/me/access/{id}"),
        MadeAppPassword {
            id,
            password: made.password.expose().to_owned(),
            label: made.label.to_string(),
        },
    ))
}

/// What has access to somebody's account
#[utoipa::path(get, path = "/api/v1/people/{name}/access", tag = "people", operation_id = "listAccess", params(("name" = String, Path, description = "The name before the @")), responses((status = 200, body = AccessList)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
) -> Result<Json<AccessList>, Problem> {
    visitor.may(Act::SeePeople)?;
    all(&rest, &address(&rest, &name)?).await
}

/// Take access to somebody's account back
#[utoipa::path(delete, path = "/api/v1/people/{name}/access/{id}", tag = "people", operation_id = "revokeAccess", params(("name" = String, Path, description = "The name before the @"), ("id" = String, Path, description = "As in the list")), responses((status = 204)))]
pub(super) async fn revoke(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::EndSessions)?;
    let account = account(&rest, &address(&rest, &name)?).await?;
    let by = &visitor.0.authority;
    rest.chat()
        .revoke_client(&account, &id, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all sessions of somebody
#[utoipa::path(delete, path = "/api/v1/people/{name}/sessions", tag = "people", operation_id = "endSessions", params(("name" = String, Path, description = "The name before the @")), responses((status = 204)))]
pub(super) async fn end_sessions(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::EndSessions)?;
    let address = address(&rest, &name)?;
    let by = &visitor.0.authority;
    rest.chat()
        .end_user_session(&address, None, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
