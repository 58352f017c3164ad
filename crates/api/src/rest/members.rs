//! Who stands how in a room.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base::BareJid;
use chat::accounts::Act;
use serde::{Deserialize, Serialize};
use store::Affiliation;
use utoipa::ToSchema;

use super::gate::Visitor;
use super::input::{Body, Segments};
use super::{Problem, Rest};

/// How somebody stands in a room (XEP-0045 §5.2).
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Standing {
    /// Banned.
    Outcast,
    /// A member.
    Member,
    /// An administrator of the room.
    Admin,
    /// An owner of the room.
    Owner,
}

/// Somebody with a standing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    /// The address; a domain alone, where all of it are banned.
    address: String,
    /// How it stands.
    affiliation: Standing,
    /// The nickname that is reserved for it.
    nick: Option<String>,
    /// Why it has its standing.
    reason: Option<String>,
    /// Whether it is there now.
    present: bool,
}

/// Everybody with a standing.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberList {
    /// Owners first, then by address. People of the room's department are members without being listed.
    items: Vec<Member>,
}

/// Who stands how in a room
#[utoipa::path(get, path = "/api/v1/rooms/{room}/members", tag = "rooms", operation_id = "listMembers", params(("room" = String, Path, description = "The name before the @ of the room")), responses((status = 200, body = MemberList)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(room): Segments<String>,
) -> Result<Json<MemberList>, Problem> {
    visitor.may(Act::SeeRooms)?;
    let people = rest.chat().room_people(&room, &visitor.0.authority).await?;
    let items = people.into_iter().filter_map(|person| {
        Some(Member {
            affiliation: match person.affiliation {
                Affiliation::Outcast => Standing::Outcast,
                Affiliation::None => return None,
                Affiliation::Member => Standing::Member,
                Affiliation::Admin => Standing::Admin,
                Affiliation::Owner => Standing::Owner,
            },
            address: person.address.to_string(),
            nick: person.nick.as_deref().map(str::to_owned),
            reason: person.reason.as_deref().map(str::to_owned),
            present: person.present,
        })
    });
    Ok(Json(MemberList {
        items: items.collect(),
    }))
}

/// A standing to be given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStanding {
    /// Which.
    affiliation: Standing,
    /// Why.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

fn whose(rest: &Rest, address: &str) -> Result<BareJid, Problem> {
    let whole = if address.contains(['@', '.']) {
        address.to_owned()
    } else {
        format!("{address}@{}", rest.chat().domain())
    };
    BareJid::parse(&whole).map_err(|_| {
        Problem::bad(format!(
            "{whole} is no address; write it like anna@example.org"
        ))
    })
}

async fn change(
    rest: &Rest,
    visitor: &Visitor,
    (room, address): (String, String),
    affiliation: Affiliation,
    reason: Option<&str>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::ChangeRooms)?;
    let address = whose(rest, &address)?;
    let by = &visitor.0.authority;
    rest.chat()
        .set_room_person(&room, &address, affiliation, reason, by, rest.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give somebody a standing in a room
#[utoipa::path(put, path = "/api/v1/rooms/{room}/members/{address}", tag = "rooms", operation_id = "setMember", params(("room" = String, Path, description = "The name before the @ of the room"), ("address" = String, Path, description = "An address; of this server, the name before the @ is enough")), request_body = NewStanding, responses((status = 204)))]
pub(super) async fn set(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(place): Segments<(String, String)>,
    Body(new): Body<NewStanding>,
) -> Result<StatusCode, Problem> {
    let affiliation = match new.affiliation {
        Standing::Outcast => Affiliation::Outcast,
        Standing::Member => Affiliation::Member,
        Standing::Admin => Affiliation::Admin,
        Standing::Owner => Affiliation::Owner,
    };
    change(&rest, &visitor, place, affiliation, new.reason.as_deref()).await
}

/// Take somebody's standing in a room
#[utoipa::path(delete, path = "/api/v1/rooms/{room}/members/{address}", tag = "rooms", operation_id = "removeMember", params(("room" = String, Path, description = "The name before the @ of the room"), ("address" = String, Path, description = "An address; of this server, the name before the @ is enough")), responses((status = 204)))]
pub(super) async fn remove(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(place): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&rest, &visitor, place, Affiliation::None, None).await
}
