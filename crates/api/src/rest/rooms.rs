//! Rooms: which there are, how they are set up, and posting into open ones.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chat::accounts::{Act, Refusal, Scope};
use chat::rooms::governing::RoomFacts;
use chat::rooms::posting::{Post, Poster};
use serde::{Deserialize, Serialize};
use store::{RoomConfig, Whois};
use utoipa::{IntoParams, ToSchema};

use super::gate::Visitor;
use super::input::{
    Body, Params, Segments, Tagged, address, created, cursor, is_current, limit, position,
};
use super::people::encoded;
use super::{Problem, Rest};

/// A room.
#[derive(Serialize, ToSchema)]
pub(crate) struct Room {
    /// The name before the @.
    name: String,
    /// The whole address.
    address: String,
    /// Its name for people.
    title: Option<String>,
    /// What it is about.
    description: Option<String>,
    /// The department whose people are its members.
    group: Option<String>,
    /// Whether the server can read and write there; else its people encrypt what they say.
    open: bool,
    /// Whether it is in the public list.
    listed: bool,
    /// Whether only members may enter.
    members_only: bool,
    /// Whether who enters without a standing may only listen.
    moderated: bool,
    /// Whether it stays when the last has left.
    persistent: bool,
    /// Whether everybody in it may see real addresses.
    addresses_shown: bool,
    /// Whether a password is needed to enter.
    password: bool,
    /// Whether messages are kept.
    archived: bool,
    /// Most occupants, where it has a bound of its own.
    max_occupants: Option<u32>,
}

/// A room, with what is known when one looks at it alone.
#[derive(Serialize, ToSchema)]
pub(crate) struct RoomDetails {
    /// The room.
    #[serde(flatten)]
    room: Room,
    /// Its subject; not of encrypted rooms.
    subject: Option<String>,
    /// How many are there now.
    occupants: usize,
    /// How many have a standing, those of its department left out.
    members: usize,
    /// When it was made.
    #[schema(format = DateTime)]
    created: String,
}

/// A page of rooms.
#[derive(Serialize, ToSchema)]
pub(crate) struct RoomPage {
    /// By name.
    items: Vec<Room>,
    /// The `cursor` of the next page, if there is one.
    next: Option<String>,
    /// How many rooms there are.
    total: u64,
}

fn room_of(rest: &Rest, local: &str, config: &RoomConfig) -> Room {
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let address = rest.chat().room_address(local);
    Room {
        name: local.to_owned(),
        address: address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        title: text(&config.name),
        description: text(&config.description),
        group: text(&config.group),
        open: rest.chat().is_open_room(config),
        listed: config.listed,
        members_only: config.members_only,
        moderated: config.moderated,
        persistent: config.persistent,
        addresses_shown: config.whois == Whois::Anyone,
        password: config.password.is_some(),
        archived: config.archived,
        max_occupants: config.max_occupants,
    }
}

fn details(rest: &Rest, facts: &RoomFacts) -> RoomDetails {
    RoomDetails {
        room: room_of(rest, &facts.localpart, &facts.config),
        subject: facts
            .subject
            .as_deref()
            .filter(|_| facts.open)
            .map(str::to_owned),
        occupants: facts.occupants,
        members: facts.members,
        created: facts.created.to_string(),
    }
}

/// Which rooms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomParams {
    /// Letters in the name, the title or the description.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Where the page begins: `next` of the one before.
    cursor: Option<String>,
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Rooms that are looked at for one page of a search.
const MOST_SEARCHED: usize = 20_000;
/// Rooms read at once in a search.
const READ_AT_ONCE: usize = 1_000;

/// List and search rooms, hidden ones included
#[utoipa::path(get, path = "/api/v1/rooms", tag = "rooms", operation_id = "listRooms", params(RoomParams), responses((status = 200, body = RoomPage)))]
pub(super) async fn list(
    State(rest): State<Rest>,
    visitor: Visitor,
    Params(params): Params<RoomParams>,
) -> Result<Json<RoomPage>, Problem> {
    visitor.may(Act::SeeRooms)?;
    let most = limit(params.limit)?;
    let search = params.search.unwrap_or_default().trim().to_lowercase();
    let mut after = position::<String>(params.cursor.as_deref())?;
    let by = &visitor.0.authority;
    let fits = |room: &store::RoomSummary| {
        let config = &room.config;
        let texts = [
            Some(&room.localpart),
            config.name.as_ref(),
            config.description.as_ref(),
        ];
        search.is_empty()
            || texts
                .into_iter()
                .flatten()
                .any(|text| text.to_lowercase().contains(&search))
    };
    let read = if search.is_empty() {
        most
    } else {
        READ_AT_ONCE
    };
    let mut items = Vec::new();
    let mut looked = 0;
    let next = loop {
        let page = rest.chat().rooms_behind(after.as_deref(), read, by).await?;
        let mut stopped = None;
        for room in &page.rooms {
            if items.len() == most {
                stopped = after.clone();
                break;
            }
            looked += 1;
            after = Some(room.localpart.to_string());
            if fits(room) {
                items.push(room_of(&rest, &room.localpart, &room.config));
            }
        }
        if stopped.is_some() || !page.more {
            break stopped;
        }
        if items.len() == most || looked >= MOST_SEARCHED {
            break after;
        }
    };
    Ok(Json(RoomPage {
        items,
        next: next.map(|next| cursor(&next)),
        total: rest.chat().store().room_count(false).await?,
    }))
}

/// How a room is set up. What is left out stays as it is, or as is usual.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomSettings {
    /// Its name for people; an empty one takes it away.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// What it is about; an empty text takes it away.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// The department whose people are its members; an empty name: of none.
    #[schema(max_length = 200)]
    group: Option<String>,
    /// Whether it is in the public list.
    listed: Option<bool>,
    /// Whether only members may enter.
    members_only: Option<bool>,
    /// Whether who enters without a standing may only listen.
    moderated: Option<bool>,
    /// Whether everybody in it may see real addresses.
    addresses_shown: Option<bool>,
    /// Whether messages are kept.
    archived: Option<bool>,
    /// Most occupants.
    #[schema(minimum = 1, maximum = 100_000)]
    max_occupants: Option<u32>,
}

impl RoomSettings {
    fn upon(self, config: &RoomConfig) -> Result<RoomConfig, Problem> {
        let text = |wanted: Option<String>, most: usize, there: &Option<Arc<str>>| {
            let Some(wanted) = wanted else {
                return Ok(there.clone());
            };
            let bad = |letter: char| letter.is_control() && letter != '\n';
            if wanted.len() > most || wanted.contains(bad) {
                return Err(Problem::bad(format!(
                    "texts of rooms have no control characters, and this one at most {most} bytes"
                )));
            }
            let wanted = wanted.trim();
            Ok((!wanted.is_empty()).then(|| wanted.into()))
        };
        if self
            .max_occupants
            .is_some_and(|most| !(1..=100_000).contains(&most))
        {
            return Err(Problem::bad("`max_occupants` is 1 to 100000"));
        }
        let mut new = config.clone();
        new.name = text(self.title, 1_000, &config.name)?;
        new.description = text(self.description, 4_000, &config.description)?;
        new.group = text(self.group, 256, &config.group)?;
        for (field, wanted) in [
            (&mut new.listed, self.listed),
            (&mut new.members_only, self.members_only),
            (&mut new.moderated, self.moderated),
            (&mut new.archived, self.archived),
        ] {
            *field = wanted.unwrap_or(*field);
        }
        if let Some(shown) = self.addresses_shown {
            new.whois = if shown {
                Whois::Anyone
            } else {
                Whois::Moderators
            };
        }
        new.max_occupants = self.max_occupants.or(new.max_occupants);
        Ok(new)
    }
}

/// A room to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoom {
    /// The name before the @.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The name before the @ of its first owner; whose token it is, without.
    owner: Option<String>,
    /// Its name for people.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// What it is about.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// The department whose people are its members.
    #[schema(max_length = 200)]
    group: Option<String>,
    /// Whether it is in the public list; it is, without.
    listed: Option<bool>,
    /// Whether only members may enter.
    members_only: Option<bool>,
    /// Whether who enters without a standing may only listen.
    moderated: Option<bool>,
    /// Whether everybody in it may see real addresses.
    addresses_shown: Option<bool>,
    /// Whether messages are kept; they are, without.
    archived: Option<bool>,
    /// Most occupants.
    #[schema(minimum = 1, maximum = 100_000)]
    max_occupants: Option<u32>,
}

impl NewRoom {
    fn settings(self) -> RoomSettings {
        RoomSettings {
            title: self.title,
            description: self.description,
            group: self.group,
            listed: self.listed,
            members_only: self.members_only,
            moderated: self.moderated,
            addresses_shown: self.addresses_shown,
            archived: self.archived,
            max_occupants: self.max_occupants,
        }
    }
}

/// Make a room that stays
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", operation_id = "makeRoom", request_body = NewRoom, responses((status = 201, body = RoomDetails)))]
pub(super) async fn make(
    State(rest): State<Rest>,
    visitor: Visitor,
    Body(new): Body<NewRoom>,
) -> Result<Response, Problem> {
    visitor.may(Act::ChangeRooms)?;
    let (chat, by) = (rest.chat(), &visitor.0.authority);
    let owner = match &new.owner {
        Some(name) => {
            let owner = address(&rest, name)?;
            chat.kept_account(&owner).await?;
            owner
        }
        None => visitor.0.address.clone(),
    };
    let local = new.name.trim().to_lowercase();
    let config = new.settings().upon(&RoomConfig {
        listed: true,
        ..RoomConfig::default()
    })?;
    chat.make_room(&local, config, &owner, by, rest.now())
        .await?;
    let facts = chat.seen_room(&local).await?;
    Ok(created(
        format!("/api/v1/rooms/{}", encoded(&facts.localpart)),
        details(&rest, &facts),
    ))
}

/// One room
#[utoipa::path(get, path = "/api/v1/rooms/{room}", tag = "rooms", operation_id = "showRoom", params(("room" = String, Path, description = "The name before the @")), responses((status = 200, body = RoomDetails, headers(("ETag" = String, description = "The tag of this version, for If-Match")))))]
pub(super) async fn show(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(room): Segments<String>,
) -> Result<Tagged<RoomDetails>, Problem> {
    visitor.may(Act::SeeRooms)?;
    let facts = rest.chat().seen_room(&room).await?;
    Ok(Tagged(details(&rest, &facts)))
}

/// Set a room up anew; those who are there are told
#[utoipa::path(patch, path = "/api/v1/rooms/{room}", tag = "rooms", operation_id = "changeRoom", params(("room" = String, Path, description = "The name before the @"), ("If-Match" = Option<String>, Header, description = "Only if this is still its version")), request_body = RoomSettings, responses((status = 200, body = RoomDetails)))]
pub(super) async fn change(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(room): Segments<String>,
    headers: HeaderMap,
    Body(change): Body<RoomSettings>,
) -> Result<Tagged<RoomDetails>, Problem> {
    visitor.may(Act::ChangeRooms)?;
    let (chat, by) = (rest.chat(), &visitor.0.authority);
    let there = chat.seen_room(&room).await?;
    is_current(&headers, &details(&rest, &there))?;
    let config = change.upon(&there.config)?;
    chat.configure_room(&room, Some(&there.config), config, by, rest.now())
        .await?;
    Ok(Tagged(details(&rest, &chat.seen_room(&room).await?)))
}

/// Remove a room with all that was said in it
#[utoipa::path(delete, path = "/api/v1/rooms/{room}", tag = "rooms", operation_id = "removeRoom", params(("room" = String, Path, description = "The name before the @")), responses((status = 204)))]
pub(super) async fn remove(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(room): Segments<String>,
) -> Result<StatusCode, Problem> {
    visitor.may(Act::ChangeRooms)?;
    let by = &visitor.0.authority;
    rest.chat().remove_room(&room, None, by, rest.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMessage {
    /// The text; XEP-0393 says how to style it.
    #[schema(min_length = 1, max_length = 5000)]
    text: String,
}

/// A message that is in the room.
#[derive(Serialize, ToSchema)]
pub(crate) struct PostedMessage {
    /// The id under which the room's archive keeps it (XEP-0359); none where nothing is kept.
    id: Option<String>,
}

/// Write into an open room, as the account of the token
///
/// Encrypted rooms refuse it: the server cannot write what their people could read as theirs.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/messages", tag = "rooms", operation_id = "postMessage", params(("room" = String, Path, description = "The name before the @"), ("Idempotency-Key" = Option<String>, Header, description = "With the same key it is written once")), request_body = NewMessage, responses((status = 201, body = PostedMessage)))]
pub(super) async fn post(
    State(rest): State<Rest>,
    visitor: Visitor,
    Segments(room): Segments<String>,
    Body(message): Body<NewMessage>,
) -> Result<Response, Problem> {
    if !visitor.0.has(Scope::Post) {
        return Err(Problem::scope(Scope::Post.name()));
    }
    let account = rest.chat().account(&visitor.0.address).await?;
    let poster = Poster::Person(account.ok_or(Refusal::NoSuchAccount)?);
    let post = Post {
        text: message.text,
        ..Post::default()
    };
    let id = rest
        .chat()
        .post_in_room(&room, &poster, &post, rest.now())
        .await?;
    let id = id.map(|id| id.to_string());
    Ok(created(
        format!("/api/v1/rooms/{}/messages", encoded(&room)),
        PostedMessage { id },
    ))
}
