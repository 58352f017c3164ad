//! Tokens of this interface.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use base::BareJid;
use chat::accounts::{Act, ApiTokenWish};
use serde::{Deserialize, Serialize};
use store::ApiToken;
use utoipa::ToSchema;

use super::gate::Visitor;
use super::input::{Body, Segments, address, created};
use super::{Problem, Rest};

/// A token. The token itself is shown only when it is made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Token {
    /// What to revoke it by.
    id: String,
    /// What it is for.
    label: String,
    /// What it may do, as long as the role of the account allows it.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires: Option<String>,
    /// When it was used last, to about a minute.
    #[schema(format = DateTime)]
    last_used: Option<String>,
}

impl From<&ApiToken> for Token {
    fn from(token: &ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            label: token.label.to_string(),
            scopes: token.scopes.iter().map(ToString::to_string).collect(),
            created: token.created.to_string(),
            expires: token.expires.map(|at| at.to_string()),
            last_used: token.last_used.map(|at| at.to_string()),
        }
    }
}

/// All tokens of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    /// Newest first.
    items: Vec<Token>,
}

async fn all(
    rest: &Rest,
    visitor: &Visitor,
    address: &BareJid,
) -> Result<Json<TokenList>, Problem> {
    let by = &visitor.0.authority;
    let tokens = rest.chat().api_tokens(address, by).await?;
    Ok(Json(TokenList {
        items: tokens.iter().map(Token::from).collect(),
    }))
}

/// One's own tokens
#[utoipa::path(get, path = "/api/v1/me/tokens", tag = "me", operation_id = "listOwnTokens", responses((status = 200, body = TokenList)))]
pub(super) async fn list_own(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<TokenList>, Problem> {
    visitor.may_own()?;
    all(&rest, &visitor, &visitor.0.address).await
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    label: String,
    /// What it may do: `self`, `rooms.post`, or rights as in docs/roles.md.
    #[schema(min_items = 1, max_items = 30)]
    scopes: Vec<String>,
    /// Days that it works; without, until it is revoked.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<u32>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// What is kept of it.
    #[serde(flatten)]
    token: Token,
    /// The token; it is shown only now.
    secret: String,
}

/// Make a token. Not by a token
#[utoipa::path(post, path = "/api/v1/me/tokens", tag = "me", operation_id = "makeToken", request_body = NewToken, responses((status = 201, body = MadeToken)))]
pub(super) async fn make(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(new): Body<NewToken>,
) -> Result<Response, Problem> {
    visitor.is_person()?;
    let days = match new.days {
        Some(days) if !(1..=3650).contains(&days) => {
            return Err(Problem::bad("`days` is 1 to 3650"));
        }
        days => days,
    };
    let wish = ApiTokenWish {
        label: new.label,
        scopes: new.scopes,
        lifetime: days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
    };
    let (address, by) = (&visitor.0.address, &visitor.0.authority);
    let made = rest
        .chat()
        .create_api_token(address, wish, by, rest.now())
        .await?;
    Ok(created(
        format!("/api/v1/me/tokens/{}", made.kept.id),
        MadeToken {
            token: Token::from(&made.kept),
            secret: made.secret.into_inner(),
        },
    ))
}

/// End one of one's own tokens
#[utoipa::path(delete, path = "/api/v1/me/tokens/{id}", tag = "me", operation_id = "revokeOwnToken", params(("id" = String, Path, description = "As in the list")), responses((status = 204)))]
pub(super) async fn revoke_own(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(id): Segments<String>,
) -> Result<StatusCode, Problem> {
    visitor.may_own()?;
    let (address, by) = (&visitor.0.address, &visitor.0.authority);
    rest.chat()
        .revoke_api_token(address, &id, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The tokens of somebody
#[utoipa::path(get, path = "/api/v1/people/{name}/tokens", tag = "people", operation_id = "listTokens", params(("name" = String, Path, description = "The name before the @")), responses((status = 200, body = TokenList)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
) -> Result<Json<TokenList>, Problem> {
    visitor.may(Act::SeePeople)?;
    all(&rest, &visitor, &address(&rest, &name)?).await
}

/// End a token of somebody
#[utoipa::path(delete, path = "/api/v1/people/{name}/tokens/{id}", tag = "people", operation_id = "revokeToken", params(("name" = String, Path, description = "The name before the @"), ("id" = String, Path, description = "As in the list")), responses((status = 204)))]
pub(super) async fn revoke(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::EndSessions)?;
    let by = &visitor.0.authority;
    rest.chat()
        .revoke_api_token(&address(&rest, &name)?, &id, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
