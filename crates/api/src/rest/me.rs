//! Who one is.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Problem;
use super::gate::Visitor;
use super::people::Person;

/// The account of the token, and what the token may do now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The account.
    #[serde(flatten)]
    person: Person,
    /// What may be done now: the scopes of the token that the role of the account allows.
    scopes: Vec<String>,
    /// Whether this is the person at a client that is logged in, and no token.
    session: bool,
}

/// Who the token belongs to
#[utoipa::path(get, path = "/api/v1/me", tag = "me", operation_id = "showMe", responses((status = 200, body = Me)))]
pub(super) async fn show(visitor: Visitor) -> Result<Json<Me>, Problem> {
    let visitor = visitor.0;
    Ok(Json(Me {
        scopes: visitor.scopes().into_iter().map(str::to_owned).collect(),
        session: visitor.is_session(),
        person: Person::of(&visitor.account, visitor.address.as_str()),
    }))
}
