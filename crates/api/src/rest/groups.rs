//! Departments and teams.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chat::accounts::Act;
use serde::Serialize;
use utoipa::ToSchema;

use super::gate::Visitor;
use super::input::{Segments, address};
use super::{Problem, Rest};

/// A group that somebody is in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Group {
    /// Its name.
    name: String,
    /// How many are in it. `/api/v1/people?group=…` says who.
    people: u64,
}

/// All groups.
#[derive(Serialize, ToSchema)]
pub(crate) struct GroupList {
    /// By name. A group is there as long as somebody is in it.
    items: Vec<Group>,
}

/// List all groups
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", operation_id = "listGroups", responses((status = 200, body = GroupList)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
) -> Result<Json<GroupList>, Problem> {
    visitor.may(Act::SeePeople)?;
    let groups = rest.chat().store().groups().await?;
    let items = groups.into_iter().map(|group| Group {
        name: group.name.to_string(),
        people: group.people,
    });
    Ok(Json(GroupList {
        items: items.collect(),
    }))
}

async fn change(
    rest: &Rest,
    visitor: &Visitor,
    (group, name): (String, String),
    belongs: bool,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::ChangePeople)?;
    let address = address(rest, &name)?;
    let chat = rest.chat();
    let account = chat.kept_account(&address).await?;
    let others = account.groups.iter().filter(|one| ***one != *group.trim());
    let mut groups: Vec<String> = others.map(ToString::to_string).collect();
    if belongs {
        groups.push(group);
    }
    let by = &visitor.0.authority;
    chat.set_groups(&address, &groups, by, rest.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put somebody into a group
#[utoipa::path(put, path = "/api/v1/groups/{group}/people/{name}", tag = "groups", operation_id = "joinGroup", params(("group" = String, Path, description = "Name of the group"), ("name" = String, Path, description = "The name before the @")), responses((status = 204)))]
pub(super) async fn join(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(place): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&rest, &visitor, place, true).await
}

/// Take somebody out of a group
#[utoipa::path(delete, path = "/api/v1/groups/{group}/people/{name}", tag = "groups", operation_id = "leaveGroup", params(("group" = String, Path, description = "Name of the group"), ("name" = String, Path, description = "The name before the @")), responses((status = 204)))]
pub(super) async fn leave(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(place): Segments<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&rest, &visitor, place, false).await
}
