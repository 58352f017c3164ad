//! Links with which people make their accounts.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chat::accounts::{Act, InvitationWish};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::gate::Visitor;
use super::input::{Body, Segments, created};
use super::{Problem, Rest};

/// An invitation. Its link is shown only when it is made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// What to revoke it by.
    id: String,
    /// Address of who invites; nobody: the house.
    inviter: Option<String>,
    /// The name that it is for, if it is for one.
    name: Option<String>,
    /// Whether it makes an account, or a contact only.
    makes_account: bool,
    /// How often it was used.
    times: u32,
    /// How often it may be used.
    uses: u32,
    /// When it was made.
    #[schema(format = DateTime)]
    created: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires: String,
    /// Whether it can be used now.
    open: bool,
}

/// Invitations.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationList {
    /// Newest first; the newest 500.
    items: Vec<Invitation>,
}

/// List invitations
#[utoipa::path(get, path = "/api/v1/invitations", tag = "invitations", operation_id = "listInvitations", responses((status = 200, body = InvitationList)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<InvitationList>, Problem> {
    visitor.may(Act::SeePeople)?;
    let (chat, now) = (rest.chat(), rest.now());
    let mut items = Vec::new();
    for (id, invitation) in chat.invitations(None).await? {
        let inviter = chat.inviter(&invitation).await?;
        items.push(Invitation {
            id,
            inviter: inviter.map(|(address, _)| address.to_string()),
            name: invitation.localpart.as_deref().map(str::to_owned),
            makes_account: chat.makes_accounts(&invitation).await?,
            times: invitation.times,
            uses: invitation.uses,
            created: invitation.created.to_string(),
            expires: invitation.expires.to_string(),
            open: invitation.is_open(now.wall),
        });
    }
    Ok(Json(InvitationList { items }))
}

/// An invitation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// The name that it is for; without, the person chooses.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// Days that it works.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u32>,
    /// How many people may use it; one, without.
    #[schema(minimum = 1, maximum = 1000)]
    uses: Option<u32>,
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeInvitation {
    /// The page for people, where browsers reach this server; it is shown only now.
    page: Option<String>,
    /// The same for programs.
    uri: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires: String,
}

/// Make an invitation to an account
#[utoipa::path(post, path = "/api/v1/invitations", tag = "invitations", operation_id = "makeInvitation", request_body = NewInvitation, responses((status = 201, body = MadeInvitation)))]
pub(super) async fn make(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(new): Body<NewInvitation>,
) -> Result<Response, Problem> {
    visitor.may(Act::CreateAccounts)?;
    if new.days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(Problem::bad("`days` is 1 to 3650"));
    }
    if new.uses.is_some_and(|uses| !(1..=1000).contains(&uses)) {
        return Err(Problem::bad("`uses` is 1 to 1000"));
    }
    let wish = InvitationWish {
        name: new.name,
        uses: new.uses.unwrap_or(1),
        lifetime: new
            .days
            .map(|days| Duration::from_secs(u64::from(days) * 86_400)),
        ..InvitationWish::default()
    };
    let by = &visitor.0.authority;
    let made = rest
        .chat()
        .invite_to_account(None, wish, by, rest.now())
        .await?;
    Ok(created(
        "/api/v1/invitations".to_owned(),
        MadeInvitation {
            page: made.page,
            uri: made.uri,
            expires: made.expires.to_string(),
        },
    ))
}

/// Take an invitation back
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations", operation_id = "revokeInvitation", params(("id" = String, Path, description = "As in the list")), responses((status = 204)))]
pub(super) async fn revoke(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::RevokeInvitations)?;
    let by = &visitor.0.authority;
    rest.chat()
        .revoke_invitation(None, &id, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
