//! Accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base::Redacted;
use chat::accounts::{Act, Refusal};
use serde::{Deserialize, Serialize};
use store::{NewAccount, PeopleOrder, PeoplePosition, PeopleQuery, Role};
use utoipa::{IntoParams, ToSchema};

use super::gate::Visitor;
use super::input::{
    Body, Params, Segments, Tagged, address, created, cursor, is_current, limit, position,
};
use super::{Problem, Rest};

/// What an account may do for the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    /// Nothing.
    Person,
    /// Looks at everything that administrators see, and changes nothing.
    Auditor,
    /// Helps people.
    Helpdesk,
    /// Administers people, rooms and rules.
    Administrator,
    /// Administers, and says who administers.
    Owner,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Person => Self::Person,
            Role::Auditor => Self::Auditor,
            Role::Helpdesk => Self::Helpdesk,
            Role::Administrator => Self::Administrator,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Person => Self::Person,
            RoleName::Auditor => Self::Auditor,
            RoleName::Helpdesk => Self::Helpdesk,
            RoleName::Administrator => Self::Administrator,
            RoleName::Owner => Self::Owner,
        }
    }
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Person {
    /// The name before the @.
    pub(crate) name: String,
    /// The whole address.
    pub(crate) address: String,
    /// Name for people, if one is set.
    pub(crate) display_name: Option<String>,
    /// What it may do for the house.
    pub(crate) role: RoleName,
    /// Whether it may log in.
    pub(crate) enabled: bool,
    /// Departments and teams, sorted.
    pub(crate) groups: Vec<String>,
    /// When the account was made.
    #[schema(format = DateTime)]
    pub(crate) created: String,
}

impl Person {
    pub(super) fn of(account: &store::Account, address: &str) -> Self {
        Self {
            name: account.localpart.to_string(),
            address: address.to_owned(),
            display_name: account.display_name.as_deref().map(str::to_owned),
            role: account.role.into(),
            enabled: account.enabled,
            groups: account.groups.iter().map(ToString::to_string).collect(),
            created: account.created.to_string(),
        }
    }
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonPage {
    /// The accounts.
    items: Vec<Person>,
    /// The `cursor` of the next page, if there is one.
    next: Option<String>,
    /// How many accounts there are in all pages.
    total: u64,
}

/// What a list of people is ordered by.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeopleSort {
    /// The name before the @.
    #[default]
    Name,
    /// The name for people.
    DisplayName,
    /// When the account was made.
    Created,
    /// The role.
    Role,
}

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeopleParams {
    /// Words that stand in the name, the name for people or a group; all of them.
    #[param(max_length = 200)]
    search: Option<String>,
    /// With this role.
    #[param(inline)]
    role: Option<RoleName>,
    /// Who may log in, or who may not.
    enabled: Option<bool>,
    /// In this group.
    group: Option<String>,
    /// In which order.
    #[param(inline)]
    sort: Option<PeopleSort>,
    /// The other way round.
    descending: Option<bool>,
    /// Where the page begins: `next` of the one before.
    cursor: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Words of a search at most.
const MOST_WORDS: usize = 10;

#[derive(Serialize, Deserialize)]
struct Cursor(String, i64, String);

/// List and search accounts
#[utoipa::path(get, path = "/api/v1/people", tag = "people", operation_id = "listPeople", params(PeopleParams), responses((status = 200, body = PersonPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
    Params(params): Params<PeopleParams>,
) -> Result<Json<PersonPage>, Problem> {
    visitor.may(Act::SeePeople)?;
    let search = params.search.unwrap_or_default();
    if search.len() > 200 {
        return Err(Problem::bad("`search` has at most 200 bytes"));
    }
    let after = position::<Cursor>(params.cursor.as_deref())?;
    let query = PeopleQuery {
        words: search
            .split_whitespace()
            .take(MOST_WORDS)
            .map(Into::into)
            .collect(),
        role: params.role.map(Into::into),
        enabled: params.enabled,
        group: params.group.map(Into::into),
        order: match params.sort.unwrap_or_default() {
            PeopleSort::Name => PeopleOrder::Name,
            PeopleSort::DisplayName => PeopleOrder::DisplayName,
            PeopleSort::Created => PeopleOrder::Created,
            PeopleSort::Role => PeopleOrder::Role,
        },
        descending: params.descending.unwrap_or_default(),
        after: after.map(|Cursor(text, number, localpart)| PeoplePosition {
            text: text.into(),
            number,
            localpart: localpart.into(),
        }),
        max: limit(params.limit)?,
    };
    let page = rest.chat().store().people(query).await?;
    let domain = rest.chat().domain();
    let person =
        |account: &store::Account| Person::of(account, &format!("{}@{domain}", account.localpart));
    Ok(Json(PersonPage {
        items: page.people.iter().map(person).collect(),
        next: page.next.map(|next| {
            cursor(&Cursor(
                next.text.to_string(),
                next.number,
                next.localpart.to_string(),
            ))
        }),
        total: page.total,
    }))
}

/// An account to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPerson {
    /// The name before the @.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Name for people.
    #[schema(max_length = 200)]
    display_name: Option<String>,
    /// What it may do for the house; a person, without.
    role: Option<RoleName>,
    /// Departments and teams.
    #[serde(default)]
    groups: Vec<String>,
    /// The first password. Without, nobody can log in until one is set.
    #[schema(format = Password)]
    password: Option<String>,
}

async fn found(rest: &Rest, name: &str) -> Result<(base::BareJid, Person), Problem> {
    let address = address(rest, name).map_err(|_| Problem::from(Refusal::NoSuchAccount))?;
    let account = rest.chat().kept_account(&address).await?;
    let person = Person::of(&account, address.as_str());
    Ok((address, person))
}

/// Make an account
#[utoipa::path(post, path = "/api/v1/people", tag = "people", operation_id = "makePerson", request_body = NewPerson, responses((status = 201, body = Person)))]
pub(super) async fn make(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(new): Body<NewPerson>,
) -> Result<Response, Problem> {
    visitor.may(Act::CreateAccounts)?;
    let role = new.role.map_or(Role::Person, Into::into);
    if role != Role::Person {
        visitor.may(Act::SetRoles)?;
    }
    if !new.groups.is_empty() {
        visitor.may(Act::ChangePeople)?;
    }
    let chat = rest.chat();
    let local = chat.localpart(&new.name)?;
    let display_name = chat.display_name(new.display_name.as_deref())?;
    let groups = chat.group_names(&new.groups)?;
    let keys = match new.password {
        Some(password) => chat.keys_of(&local, Redacted::new(password)).await?,
        None => Vec::new(),
    };
    let account = NewAccount {
        localpart: local.as_str().into(),
        display_name,
        role,
        groups,
        keys,
        ..NewAccount::default()
    };
    chat.create_account(account, &visitor.0.authority, rest.now())
        .await?;
    let (_, person) = found(&rest, &local).await?;
    Ok(created(
        format!("/api/v1/people/{}", encoded(&local)),
        person,
    ))
}

/// A name within a path.
pub(super) fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// One account
#[utoipa::path(get, path = "/api/v1/people/{name}", tag = "people", operation_id = "showPerson", params(("name" = String, Path, description = "The name before the @")), responses((status = 200, body = Person, headers(("ETag" = String, description = "The tag of this version, for If-Match")))))]
pub(super) async fn show(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
) -> Result<Tagged<Person>, Problem> {
    visitor.may(Act::SeePeople)?;
    Ok(Tagged(found(&rest, &name).await?.1))
}

/// What of an account is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    /// Name for people; `null` takes it away.
    #[schema(max_length = 200)]
    display_name: Option<String>,
}

/// Change the name for people
#[utoipa::path(patch, path = "/api/v1/people/{name}", tag = "people", operation_id = "renamePerson", params(("name" = String, Path, description = "The name before the @"), ("If-Match" = Option<String>, Header, description = "Only if this is still its version")), request_body = PersonChange, responses((status = 200, body = Person)))]
pub(super) async fn rename(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    Body(change): Body<PersonChange>,
) -> Result<Tagged<Person>, Problem> {
    visitor.may(Act::ChangePeople)?;
    let (address, there) = found(&rest, &name).await?;
    is_current(&headers, &there)?;
    let to = change.display_name.as_deref();
    let by = &visitor.0.authority;
    rest.chat()
        .set_display_name(&address, to, by, rest.now())
        .await?;
    Ok(Tagged(found(&rest, &name).await?.1))
}

/// Remove an account with all that is kept of it
#[utoipa::path(delete, path = "/api/v1/people/{name}", tag = "people", operation_id = "removePerson", params(("name" = String, Path, description = "The name before the @")), responses((status = 204)))]
pub(super) async fn remove(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::RemoveAccounts)?;
    let (address, _) = found(&rest, &name).await?;
    let by = &visitor.0.authority;
    rest.chat().remove_account(&address, by, rest.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleChange {
    /// The new one.
    role: RoleName,
}

/// Give a role
#[utoipa::path(put, path = "/api/v1/people/{name}/role", tag = "people", operation_id = "setRole", params(("name" = String, Path, description = "The name before the @"), ("If-Match" = Option<String>, Header, description = "Only if this is still the version of the account")), request_body = RoleChange, responses((status = 200, body = Person)))]
pub(super) async fn set_role(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    Body(change): Body<RoleChange>,
) -> Result<Tagged<Person>, Problem> {
    visitor.may(Act::SetRoles)?;
    let (address, there) = found(&rest, &name).await?;
    is_current(&headers, &there)?;
    let by = &visitor.0.authority;
    let role = change.role.into();
    rest.chat().set_role(&address, role, by, rest.now()).await?;
    Ok(Tagged(found(&rest, &name).await?.1))
}

/// Whether somebody may log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnabledChange {
    /// `false` ends all sessions and tokens at once; everything is kept.
    enabled: bool,
}

/// Let an account log in, or not
#[utoipa::path(put, path = "/api/v1/people/{name}/enabled", tag = "people", operation_id = "setEnabled", params(("name" = String, Path, description = "The name before the @")), request_body = EnabledChange, responses((status = 200, body = Person)))]
pub(super) async fn set_enabled(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
    Body(change): Body<EnabledChange>,
) -> Result<Tagged<Person>, Problem> {
    visitor.may(Act::DisableAccounts)?;
    let (address, _) = found(&rest, &name).await?;
    let by = &visitor.0.authority;
    rest.chat()
        .set_enabled(&address, change.enabled, by, rest.now())
        .await?;
    Ok(Tagged(found(&rest, &name).await?.1))
}

/// The groups of somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupsChange {
    /// All of them; whoever is in another one leaves it.
    groups: Vec<String>,
}

/// Put somebody into groups, and out of all others
#[utoipa::path(put, path = "/api/v1/people/{name}/groups", tag = "people", operation_id = "setGroups", params(("name" = String, Path, description = "The name before the @"), ("If-Match" = Option<String>, Header, description = "Only if this is still the version of the account")), request_body = GroupsChange, responses((status = 200, body = Person)))]
pub(super) async fn set_groups(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
    headers: HeaderMap,
    Body(change): Body<GroupsChange>,
) -> Result<Tagged<Person>, Problem> {
    visitor.may(Act::ChangePeople)?;
    let (address, there) = found(&rest, &name).await?;
    is_current(&headers, &there)?;
    let by = &visitor.0.authority;
    rest.chat()
        .set_groups(&address, &change.groups, by, rest.now())
        .await?;
    Ok(Tagged(found(&rest, &name).await?.1))
}

/// A password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The new one.
    #[schema(format = Password)]
    password: String,
}

/// Set a new password; everything that has had access is signed out
#[utoipa::path(put, path = "/api/v1/people/{name}/password", tag = "people", operation_id = "setPassword", params(("name" = String, Path, description = "The name before the @")), request_body = PasswordChange, responses((status = 204)))]
pub(super) async fn set_password(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(name): Segments<String>,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::SetPasswords)?;
    let (address, _) = found(&rest, &name).await?;
    let chat = rest.chat();
    let by = &visitor.0.authority;
    // Before the work of milliseconds; asked again where it is done.
    by.may_to(
        Act::SetPasswords,
        &address,
        &chat.kept_account(&address).await?,
    )?;
    let local: Arc<str> = address.local().unwrap_or_default().into();
    let keys = chat.keys_of(&local, Redacted::new(change.password)).await?;
    chat.set_keys(&address, keys, None, by, rest.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
