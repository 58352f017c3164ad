//! Lists and changes of roles and affiliations (XEP-0045 §8 and §9).

use std::collections::HashSet;
use std::sync::Arc;

use base::BareJid;
use store::{AuditNote, Batch, RoomPerson};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::affiliation_versions::Versions;
use xmpp::xep::muc::{Affiliation, Item, Role, status};
use xmpp::xml::{Element, Writer};

use super::governing::RoomRefusal;
use super::line::{Audience, Output};
use super::room::{Room, State, Who, of_store, to_store};
use super::show::{self, Notice};
use super::talk::shared;
use super::versions;
use crate::modules::{Reply, store_failed};
use crate::{Chat, Sender};

/// People with a standing or a nickname in one room at most, and banned ones beside them: however many
/// members there are, somebody can be banned.
const MOST_PEOPLE: usize = 50_000;
const MOST_BANNED: usize = 50_000;
/// Longest reason, in bytes.
const LONGEST_REASON: usize = 1024;
/// Items of one request at most.
const MOST_ITEMS: usize = 1_000;
/// Changes at once from which on each is one of many.
const MANY: usize = 20;
/// People in one message about those who are not there.
const TOLD_AT_ONCE: usize = 250;

/// Somebody who changes something.
struct Actor {
    who: Who,
    affiliation: Affiliation,
    role: Role,
    nick: Option<Arc<str>>,
}

impl Actor {
    fn of(state: &State, sender: &Sender) -> Self {
        let who = Who::of(sender);
        let affiliation = state.affiliation(&who);
        let here = state.occupant_of(sender.jid());
        Self {
            affiliation,
            // Whoever has the standing needs not be there.
            role: here.map_or(state.role_of(affiliation), |occupant| occupant.role),
            nick: here.map(|occupant| Arc::clone(&occupant.nick)),
            who,
        }
    }
}

fn bad(text: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::BadRequest).text(text)
}

fn forbidden(text: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::Forbidden).text(text)
}

fn not_allowed(text: &str) -> StanzaError {
    StanzaError::new(StanzaCondition::NotAllowed).text(text)
}

fn items(payload: Element<'_>) -> Result<Vec<Item>, StanzaError> {
    let items = payload
        .children()
        .filter(|child| child.is("item", ns::MUC_ADMIN));
    let items = items.map(Item::read).collect::<Result<Vec<_>, _>>()?;
    if items.is_empty() || items.len() > MOST_ITEMS {
        return Err(bad("Please name the roles or affiliations that are meant."));
    }
    Ok(items)
}

/// A list of those with a role or an affiliation (§8.5, §9.2, §9.5, §9.8, §10.5, §10.8).
pub(super) fn list(
    room: &Room,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let items = items(payload)?;
    let state = room.state();
    let actor = Actor::of(&state, sender);
    let mut out = Writer::with_capacity(512);
    out.start("query").xmlns(ns::MUC_ADMIN);
    for item in items {
        match (item.affiliation, item.role) {
            (Some(affiliation), None) => list_affiliation(&state, &actor, affiliation, &mut out)?,
            (None, Some(role)) => list_role(&state, &actor, role, &mut out)?,
            _ => return Err(bad("Please ask for a role or for an affiliation.")),
        }
    }
    out.end();
    Ok(Reply::payload(out.finish()))
}

fn list_affiliation(
    state: &State,
    actor: &Actor,
    affiliation: Affiliation,
    out: &mut Writer,
) -> Result<(), StanzaError> {
    let may = match affiliation {
        Affiliation::None => return Err(bad("Nobody can list those without an affiliation.")),
        Affiliation::Outcast => actor.affiliation >= Affiliation::Admin,
        Affiliation::Member | Affiliation::Admin | Affiliation::Owner => {
            versions::may_read(state, actor.affiliation)
        }
    };
    if !may {
        return Err(forbidden(
            "Who stands how in this room is not for everyone to read.",
        ));
    }
    let mut people: Vec<_> = state
        .people
        .iter()
        .filter(|(_, person)| person.affiliation == affiliation)
        .collect();
    people.sort_unstable_by_key(|(address, _)| Arc::clone(address));
    for (address, person) in people {
        Item {
            affiliation: Some(affiliation),
            jid: base::Jid::parse(address).ok(),
            nick: person.nick.as_deref().map(str::to_owned),
            reason: person.reason.as_deref().map(str::to_owned),
            ..Item::default()
        }
        .write(out);
    }
    Ok(())
}

fn list_role(
    state: &State,
    actor: &Actor,
    role: Role,
    out: &mut Writer,
) -> Result<(), StanzaError> {
    // §9.8: the list of moderators is for admins; §8.5: that of voices for moderators.
    let may = match role {
        Role::None => return Err(bad("Nobody can list those who are not there.")),
        Role::Moderator => actor.affiliation >= Affiliation::Admin || actor.role == Role::Moderator,
        Role::Visitor | Role::Participant => actor.role == Role::Moderator,
    };
    if !may {
        return Err(forbidden("This list is for moderators."));
    }
    for occupant in state.occupants.values().filter(|one| one.role == role) {
        Item {
            affiliation: Some(occupant.affiliation),
            role: Some(role),
            jid: occupant.jid().cloned(),
            nick: Some(occupant.nick.to_string()),
            ..Item::default()
        }
        .write(out);
    }
    Ok(())
}

/// One change that was found to be allowed.
enum Change {
    Role {
        nick: Arc<str>,
        role: Role,
        reason: Option<String>,
    },
    Affiliation {
        person: RoomPerson,
        reason: Option<String>,
    },
}

/// Changes roles and affiliations: all that is asked for, or nothing.
pub(super) async fn change(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let items = items(payload)?;
    change_items(chat, room, sender, items).await?;
    Ok(Reply::empty())
}

/// The same, from elsewhere in this house (an approved request, an invitation).
async fn change_items(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    items: Vec<Item>,
) -> Result<(), StanzaError> {
    let _turn = room.turn().await;
    let (changes, nick) = {
        let state = room.state();
        if state.gone {
            return Err(super::no_room());
        }
        let actor = Actor::of(&state, sender);
        let mut changes = Vec::with_capacity(items.len());
        for item in items {
            changes.push(decide(&state, &actor, item)?);
        }
        owners_stay(&state, &changes)?;
        (changes, actor.nick)
    };
    carry_out(chat, room, Batch::new(), changes, nick.as_deref()).await
}

fn decide(state: &State, actor: &Actor, item: Item) -> Result<Change, StanzaError> {
    let mut reason = item.reason;
    if let Some(reason) = &mut reason {
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
    }
    match (item.role, item.affiliation) {
        (Some(role), None) => {
            let nick = item
                .nick
                .as_deref()
                .ok_or_else(|| bad("A role is changed by nickname."))?;
            decide_role(state, actor, nick, role)?;
            Ok(Change::Role {
                nick: nick.into(),
                role,
                reason,
            })
        }
        (None, Some(affiliation)) => {
            let bare = match (&item.jid, &item.nick) {
                (Some(jid), _) => jid.bare(),
                (None, Some(nick)) => state
                    .occupants
                    .get(&**nick)
                    .map(|occupant| occupant.bare.clone())
                    .ok_or_else(|| {
                        StanzaError::new(StanzaCondition::ItemNotFound)
                            .text("Nobody of that name is in the room.")
                    })?,
                (None, None) => return Err(bad("An affiliation is changed by address.")),
            };
            decide_affiliation(state, actor, &bare, affiliation)?;
            let mut person = state.person(bare.as_str());
            person.affiliation = to_store(affiliation);
            person.reason = reason.as_deref().map(Into::into);
            if affiliation == Affiliation::Outcast {
                // §17.4: outcasts have no reserved nicknames.
                person.nick = None;
            }
            Ok(Change::Affiliation { person, reason })
        }
        _ => Err(bad(
            "Please change either a role or an affiliation of each person (XEP-0045 §17.4).",
        )),
    }
}

/// §8.2 to §8.4, §9.6, §9.7.
fn decide_role(state: &State, actor: &Actor, nick: &str, role: Role) -> Result<(), StanzaError> {
    if actor.role < Role::Moderator {
        return Err(forbidden("Only moderators change roles."));
    }
    let target = state.occupants.get(nick).ok_or_else(|| {
        StanzaError::new(StanzaCondition::ItemNotFound).text("Nobody of that name is in the room.")
    })?;
    if role == Role::Moderator && actor.affiliation < Affiliation::Admin {
        return Err(forbidden("Only admins and owners make moderators."));
    }
    let itself = target.bare == actor.who.bare;
    let above = target.affiliation > actor.affiliation
        || (target.affiliation >= Affiliation::Admin && !itself && role != Role::None);
    if role < target.role && above {
        return Err(not_allowed(
            "This person stands at least as high in the room as you do.",
        ));
    }
    if role == Role::None && target.affiliation > actor.affiliation {
        return Err(not_allowed(
            "This person stands higher in the room than you.",
        ));
    }
    if target.role == Role::Moderator
        && role < Role::Moderator
        && role != Role::None
        && actor.affiliation < Affiliation::Admin
    {
        return Err(not_allowed(
            "Only admins and owners take moderators their role.",
        ));
    }
    Ok(())
}

/// §9.1, §9.3, §9.4, §10.3 to §10.7.
fn decide_affiliation(
    state: &State,
    actor: &Actor,
    target: &BareJid,
    affiliation: Affiliation,
) -> Result<(), StanzaError> {
    if actor.affiliation < Affiliation::Admin {
        return Err(forbidden("Only admins and owners change who stands how."));
    }
    let known = state.people.get(target.as_str());
    let now = known.map_or(Affiliation::None, |person| person.affiliation);
    if target.local().is_none() && !matches!(affiliation, Affiliation::Outcast | Affiliation::None)
    {
        return Err(bad("A whole domain can be banned, but be no member."));
    }
    if affiliation == Affiliation::Outcast && *target == actor.who.bare {
        return Err(StanzaError::new(StanzaCondition::Conflict).text("You cannot ban yourself."));
    }
    if actor.affiliation < Affiliation::Owner {
        if now >= Affiliation::Admin {
            return Err(not_allowed(
                "Only owners change how admins and owners stand.",
            ));
        }
        if affiliation >= Affiliation::Admin {
            return Err(forbidden("Only owners make admins and owners."));
        }
    }
    if affiliation == Affiliation::Outcast {
        if now != Affiliation::Outcast && state.outcasts >= MOST_BANNED {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                .text("As many people are banned from this room as may be; ban a whole domain."));
        }
    } else if affiliation != Affiliation::None {
        has_place(state, target)?;
    }
    Ok(())
}

/// Whether somebody may get a standing, or a nickname, as far as the room's size goes.
fn has_place(state: &State, target: &BareJid) -> Result<(), StanzaError> {
    let known = state.people.get(target.as_str());
    let counted = known.is_some_and(|person| person.affiliation != Affiliation::Outcast);
    if !counted && state.people.len() - state.outcasts >= MOST_PEOPLE {
        return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
            .text("This room has as many members as a room may have."));
    }
    Ok(())
}

/// §10.4: a room keeps an owner.
fn owners_stay(state: &State, changes: &[Change]) -> Result<(), StanzaError> {
    let mut owners: HashSet<&str> = state
        .people
        .iter()
        .filter(|(_, person)| person.affiliation == Affiliation::Owner)
        .map(|(address, _)| &**address)
        .collect();
    let had = !owners.is_empty();
    for change in changes {
        if let Change::Affiliation { person, .. } = change {
            if person.affiliation == store::Affiliation::Owner {
                owners.insert(&person.address);
            } else {
                owners.remove(&*person.address);
            }
        }
    }
    if had && owners.is_empty() {
        return Err(StanzaError::new(StanzaCondition::Conflict)
            .text("A room needs an owner; please make somebody else one first."));
    }
    Ok(())
}

/// Keeps the changes, with what else stands in the batch, then tells of them. The caller has the turn.
async fn carry_out(
    chat: &Chat,
    room: &Arc<Room>,
    mut batch: Batch,
    changes: Vec<Change>,
    actor: Option<&str>,
) -> Result<(), StanzaError> {
    for change in &changes {
        if let Change::Affiliation { person, .. } = change {
            batch.room_person_set(room.id(), person.clone());
        }
    }
    let standing = |change: &Change| matches!(change, Change::Affiliation { .. });
    let advances = changes.iter().any(standing);
    let (version, ticket) = if batch.is_empty() {
        (None, store::Ticket::DONE)
    } else {
        let submitted = chat.store().submit(batch);
        (advances.then_some(submitted.version), submitted.ticket)
    };
    ticket.await.map_err(|error| store_failed(&error))?;
    if changes.is_empty() {
        return Ok(());
    }
    {
        let mut state = room.state();
        let mut outputs = Vec::new();
        show::flush(room, &mut state, &mut outputs);
        let versions = version.map(|version| {
            let since = super::enter::version_text(state.version);
            state.version = version;
            Versions {
                since,
                until: Some(version.to_string()),
            }
        });
        let one_of_many = changes.len() > MANY;
        let mut absent = Vec::new();
        for change in changes {
            match change {
                Change::Role { nick, role, reason } => {
                    let notice = Notice {
                        actor: actor.map(str::to_owned),
                        reason,
                        one_of_many,
                        ..Notice::default()
                    };
                    set_role(room, &mut state, &nick, role, notice, &mut outputs);
                }
                Change::Affiliation { person, reason } => {
                    let notice = Notice {
                        actor: actor.map(str::to_owned),
                        reason,
                        one_of_many,
                        versions: versions.clone(),
                        ..Notice::default()
                    };
                    state.note_person(&person);
                    if !set_affiliation(chat, room, &mut state, &person, &notice, &mut outputs) {
                        absent.push(Item {
                            affiliation: Some(of_store(person.affiliation)),
                            role: Some(Role::None),
                            jid: base::Jid::parse(&person.address).ok(),
                            ..Item::default()
                        });
                    }
                }
            }
        }
        if let Some(versions) = &versions {
            tell_lists(room, &state, versions, &absent, &mut outputs);
        }
        room.say(outputs);
    }
    room.line.drain(chat);
    Ok(())
}

fn set_role(
    room: &Room,
    state: &mut State,
    nick: &str,
    role: Role,
    mut notice: Notice,
    outputs: &mut Vec<Output>,
) {
    if role == Role::None {
        notice.unavailable = true;
        notice.statuses.push(status::KICKED);
        remove(room, state, nick, &notice, outputs);
    } else if let Some(occupant) = state.occupants.get_mut(nick) {
        let became_moderator = role == Role::Moderator && occupant.role != role;
        occupant.role = role;
        show::tell_with(room, state, nick, &notice, outputs);
        if became_moderator && !state.is_non_anonymous() {
            reveal(room, state, nick, outputs);
        }
    }
}

/// A new moderator may see who everyone is.
fn reveal(room: &Room, state: &mut State, nick: &str, outputs: &mut Vec<Output>) {
    let recipients: Vec<_> = state
        .occupants
        .get(nick)
        .map(|occupant| {
            occupant
                .sessions
                .iter()
                .map(|attendance| Arc::clone(&attendance.recipient))
                .collect()
        })
        .unwrap_or_default();
    for recipient in recipients {
        outputs.extend(show::everyone_to(room, state, &recipient, true, nick));
    }
}

/// Takes an occupant out for a reason that the notice says.
pub(super) fn remove(
    room: &Room,
    state: &mut State,
    nick: &str,
    notice: &Notice,
    outputs: &mut Vec<Output>,
) {
    if let Some(occupant) = state.remove(nick) {
        show::tell_gone(room, state, &occupant, notice, outputs);
    }
}

/// What a changed standing means for those who are there; true when it concerns one of them.
fn set_affiliation(
    chat: &Chat,
    room: &Room,
    state: &mut State,
    person: &RoomPerson,
    notice: &Notice,
    outputs: &mut Vec<Output>,
) -> bool {
    let is_domain = !person.address.contains('@');
    if !is_domain && !state.is_here(&person.address) {
        return false;
    }
    // A banned domain takes everyone of it along.
    let nicks: Vec<Arc<str>> = state
        .occupants
        .values()
        .filter(|occupant| {
            occupant.bare.as_str() == &*person.address || occupant.bare.domain() == &*person.address
        })
        .map(|occupant| Arc::clone(&occupant.nick))
        .collect();
    let present = !nicks.is_empty();
    for nick in nicks {
        let Some(bare) = state.occupants.get(&nick).map(|one| one.bare.clone()) else {
            continue;
        };
        let affiliation = state.affiliation(&Who::at(chat, bare));
        settle(room, state, &nick, affiliation, notice, outputs);
    }
    present
}

/// Gives an occupant another affiliation, and the role that comes with it; or takes it out.
pub(super) fn settle(
    room: &Room,
    state: &mut State,
    nick: &str,
    affiliation: Affiliation,
    notice: &Notice,
    outputs: &mut Vec<Output>,
) {
    let role = state.role_of(affiliation);
    let members_only = state.config.members_only;
    let Some(occupant) = state.occupants.get_mut(nick) else {
        return;
    };
    let was_moderator = occupant.role == Role::Moderator;
    occupant.affiliation = affiliation;
    occupant.shown = None;
    let out = match affiliation {
        Affiliation::Outcast => Some(status::BANNED),
        Affiliation::None if members_only => Some(status::UNAFFILIATED),
        _ => None,
    };
    if let Some(code) = out {
        let mut notice = notice.clone();
        notice.unavailable = true;
        notice.statuses.push(code);
        remove(room, state, nick, &notice, outputs);
        return;
    }
    occupant.role = role;
    show::tell_with(room, state, nick, notice, outputs);
    if role == Role::Moderator && !was_moderator && !state.is_non_anonymous() {
        reveal(room, state, nick, outputs);
    }
}

/// §9.3, §10.3 and XEP-0463 §4.4: messages about those who are not there, to those who may read the
/// lists: few for many.
fn tell_lists(
    room: &Room,
    state: &State,
    versions: &Versions,
    absent: &[Item],
    outputs: &mut Vec<Output>,
) {
    if absent.is_empty() {
        return;
    }
    let audience: Vec<_> = state
        .occupants
        .values()
        .filter(|occupant| versions::may_read(state, occupant.affiliation))
        .flat_map(|occupant| &occupant.sessions)
        .map(|attendance| Arc::clone(&attendance.recipient))
        .collect();
    if audience.is_empty() {
        return;
    }
    let audience: Audience = audience.into();
    for items in absent.chunks(TOLD_AT_ONCE) {
        let text = versions::message(room, versions, items);
        outputs.push(Output::Many(shared(&text), Arc::clone(&audience)));
    }
}

/// Gives somebody a standing on the authority of those who administer, with a note for the audit log. The caller has the turn.
pub(super) async fn set_person_noted(
    chat: &Chat,
    room: &Arc<Room>,
    address: &BareJid,
    affiliation: Affiliation,
    reason: Option<&str>,
    note: AuditNote,
) -> Result<(), RoomRefusal> {
    let change = {
        let state = room.state();
        if state.gone {
            return Err(RoomRefusal::NoSuchRoom);
        }
        let banned = matches!(affiliation, Affiliation::Outcast | Affiliation::None);
        if address.local().is_none() && !banned {
            return Err(RoomRefusal::Invalid(
                "a whole domain can be banned, but be no member",
            ));
        }
        let mut person = state.person(address.as_str());
        if person.affiliation == to_store(affiliation) {
            return Ok(());
        }
        if !banned {
            has_place(&state, address)?;
        }
        let reason =
            reason.map(|reason| reason[..reason.floor_char_boundary(LONGEST_REASON)].to_owned());
        person.affiliation = to_store(affiliation);
        person.reason = reason.as_deref().map(Into::into);
        if affiliation == Affiliation::Outcast {
            person.nick = None;
        }
        Change::Affiliation { person, reason }
    };
    let changes = vec![change];
    owners_stay(&room.state(), &changes).map_err(|_| RoomRefusal::OwnerNeeded)?;
    let mut batch = Batch::new();
    batch.audit(note);
    Ok(carry_out(chat, room, batch, changes, None).await?)
}

/// Makes somebody a member, if it has no standing yet: by an invitation or a registration that was
/// found to be allowed. `nick` is reserved for it as well. `may` is asked when nothing changes in between.
/// Gives whether anything has changed.
pub(super) async fn make_member(
    chat: &Chat,
    room: &Arc<Room>,
    bare: &BareJid,
    nick: Option<&str>,
    may: impl FnOnce(&State) -> Result<(), StanzaError>,
) -> Result<bool, StanzaError> {
    let _turn = room.turn().await;
    let person = {
        let state = room.state();
        if state.gone {
            return Err(super::no_room());
        }
        may(&state)?;
        let mut person = state.person(bare.as_str());
        let changed = person.affiliation == store::Affiliation::None || nick.is_some();
        if !changed {
            return Ok(false);
        }
        has_place(&state, bare)?;
        if person.affiliation == store::Affiliation::None {
            person.affiliation = store::Affiliation::Member;
            person.reason = None;
        }
        if let Some(nick) = nick {
            person.nick = Some(nick.into());
        }
        person
    };
    let change = Change::Affiliation {
        person,
        reason: None,
    };
    carry_out(chat, room, Batch::new(), vec![change], None).await?;
    Ok(true)
}

/// Sets several people's standing as an owner's form says (§10.2), in one commit with what else stands
/// in the batch. The caller has the turn.
pub(super) async fn set_people(
    chat: &Chat,
    room: &Arc<Room>,
    batch: Batch,
    people: Vec<RoomPerson>,
) -> Result<(), StanzaError> {
    let changes: Vec<Change> = people
        .into_iter()
        .map(|person| Change::Affiliation {
            person,
            reason: None,
        })
        .collect();
    if !changes.is_empty() {
        owners_stay(&room.state(), &changes)?;
    }
    carry_out(chat, room, batch, changes, None).await
}

/// Forgets somebody who is nobody any more: the account is gone, and another of its name must not
/// stand where it stood. If no owner is left, the admins become owners. Gives whether the room has
/// nobody left whose it could be. The caller has the turn.
pub(super) async fn forget(
    chat: &Chat,
    room: &Arc<Room>,
    address: &BareJid,
) -> Result<bool, StanzaError> {
    let address = address.as_str();
    let (changes, forlorn) = {
        let state = room.state();
        let standing = |least: Affiliation| {
            let people = state.people.iter();
            people
                .filter(move |(other, person)| ***other != *address && person.affiliation >= least)
        };
        let mut changes = vec![Change::Affiliation {
            person: RoomPerson {
                address: address.into(),
                ..RoomPerson::default()
            },
            reason: None,
        }];
        if standing(Affiliation::Owner).next().is_none() {
            for (other, _) in standing(Affiliation::Admin) {
                let mut person = state.person(other);
                person.affiliation = store::Affiliation::Owner;
                changes.push(Change::Affiliation {
                    person,
                    reason: None,
                });
            }
        }
        let reachable = !state.config.members_only || state.config.group.is_some();
        let forlorn = !reachable && standing(Affiliation::Member).next().is_none();
        (changes, forlorn)
    };
    let mut batch = Batch::new();
    batch.room_person_forget(room.id(), address);
    carry_out(chat, room, batch, changes, None).await?;
    let mut state = room.state();
    state.invitations.forget(address);
    for hat in &mut state.hats {
        hat.worn_by.retain(|wearer| **wearer != *address);
    }
    Ok(forlorn)
}

/// Grants voice to a visitor: a moderator has said so (§8.6), or the room is moderated no more and so
/// do many.
pub(super) fn grant_voice(
    room: &Room,
    state: &mut State,
    nick: &str,
    one_of_many: bool,
    outputs: &mut Vec<Output>,
) {
    if state
        .occupants
        .get(nick)
        .is_some_and(|occupant| occupant.role == Role::Visitor)
    {
        set_role(
            room,
            state,
            nick,
            Role::Participant,
            Notice {
                one_of_many,
                ..Notice::default()
            },
            outputs,
        );
    }
}
