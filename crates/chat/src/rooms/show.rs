//! Presence of occupants as others see it (XEP-0045 §7.2.2), and how it stays cheap in large rooms.
//!
//! Everyone in a small room is told at once. From [`COALESCED_FROM`] occupants on, coming, going and
//! changes are gathered and told together, about once a second or ahead of the next message; who comes
//! and goes in between is not told at all. Above [`SHOWN_UP_TO`] occupants, only moderators are shown to
//! others: with n occupants, presence costs n².

use std::sync::Arc;

use base::Jid;
use bytes::Bytes;
use smallvec::SmallVec;
use xmpp::ns;
use xmpp::xep::affiliation_versions::Versions;
use xmpp::xep::hats::{self, Hat};
use xmpp::xep::muc::{Destroy, Item, Role, status, write_status};
use xmpp::xep::occupant_id;
use xmpp::xml::Writer;

use super::line::{Audience, Output, Recipient, Shared};
use super::room::{Occupant, Room, State};

/// Occupants from which on presence is gathered.
pub(super) const COALESCED_FROM: usize = 100;
/// Occupants up to which everybody is shown to everybody.
pub(super) const SHOWN_UP_TO: usize = 1_000;

/// A presence for those who may see real addresses, and for those who may not.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Whose it is (XEP-0421).
    id: Arc<str>,
    full: Arc<Shared>,
    anonymous: Arc<Shared>,
}

/// What a presence says besides the occupant's own words.
#[derive(Clone, Debug, Default)]
pub(super) struct Notice {
    /// The occupant goes.
    pub(super) unavailable: bool,
    /// Its new nickname (with status 303).
    pub(super) new_nick: Option<String>,
    /// Who did it, and why.
    pub(super) actor: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) statuses: SmallVec<[u16; 4]>,
    pub(super) versions: Option<Versions>,
    pub(super) destroy: Option<Destroy>,
    /// Its own words, when they are not those of its last presence.
    pub(super) words: Option<Box<str>>,
    /// One of many changes at once: in a large room the others hear of it with what the occupant says
    /// or does next, so that n changes among n occupants are not n² presences.
    pub(super) one_of_many: bool,
}

impl Notice {
    pub(super) fn gone(statuses: &[u16]) -> Self {
        Self {
            unavailable: true,
            statuses: statuses.into(),
            ..Self::default()
        }
    }
}

/// The presence of an occupant as text without `to`. `jid` is its real address, where it may be seen.
pub(super) fn render(
    room: &Room,
    state: &State,
    occupant: &Occupant,
    notice: &Notice,
    jid: Option<&Jid>,
    own: bool,
) -> String {
    let mut out = Writer::with_capacity(512);
    out.start("presence")
        .attr("from", room.occupant_jid(&occupant.nick));
    if notice.unavailable {
        out.attr("type", "unavailable");
    }
    let words = match &notice.words {
        Some(words) => words,
        None if notice.unavailable => "",
        None => occupant
            .sessions
            .last()
            .map_or("", |attendance| &attendance.presence),
    };
    out.raw(words);
    let worn = state.hats.iter().filter(|hat| {
        hat.worn_by
            .binary_search_by(|address| (**address).cmp(occupant.bare.as_str()))
            .is_ok()
    });
    hats::write(
        worn.map(|hat| Hat {
            uri: &hat.uri,
            title: &hat.title,
            hue: hat.hue.as_deref(),
        }),
        &mut out,
    );
    occupant_id::write(&occupant.id, &mut out);
    out.start("x").xmlns(ns::MUC_USER);
    if let Some(versions) = &notice.versions {
        versions.write(&mut out);
    }
    // A new nickname is no going: the role stays (§7.6).
    let stays = !notice.unavailable || notice.new_nick.is_some();
    Item {
        affiliation: Some(occupant.affiliation),
        role: Some(if stays { occupant.role } else { Role::None }),
        jid: jid.cloned(),
        nick: notice.new_nick.clone(),
        reason: notice.reason.clone(),
        actor: notice.actor.clone(),
    }
    .write(&mut out);
    for code in &notice.statuses {
        write_status(*code, &mut out);
    }
    if own {
        write_status(status::SELF, &mut out);
    }
    if let Some(destroy) = &notice.destroy {
        destroy.write(&mut out);
    }
    out.end().end();
    out.finish()
}

fn both(room: &Room, state: &State, occupant: &Occupant, notice: &Notice) -> Shown {
    let shared = |jid| {
        Arc::new(Shared::of(&render(
            room, state, occupant, notice, jid, false,
        )))
    };
    Shown {
        id: Arc::clone(&occupant.id),
        full: shared(occupant.jid()),
        anonymous: shared(None),
    }
}

/// The presence that others see, made once until something in it changes.
fn shown(room: &Room, state: &mut State, nick: &str) -> Option<Arc<Shown>> {
    let occupant = state.occupants.get(nick)?;
    if let Some(shown) = &occupant.shown {
        return Some(Arc::clone(shown));
    }
    let made = Arc::new(both(room, state, occupant, &Notice::default()));
    state.occupants.get_mut(nick)?.shown = Some(Arc::clone(&made));
    Some(made)
}

/// Whether somebody with this role is shown to others.
fn is_shown(state: &State, role: Role) -> bool {
    let by_role = match role {
        Role::Moderator => state.config.presence_of[0],
        Role::Participant => state.config.presence_of[1],
        Role::Visitor | Role::None => state.config.presence_of[2],
    };
    by_role && (role == Role::Moderator || state.occupants.len() <= SHOWN_UP_TO)
}

/// Outputs of a presence to everyone but the occupant itself.
fn to_others(state: &mut State, nick: &str, shown: &Shown, outputs: &mut Vec<Output>) {
    let mut full: Vec<Arc<Recipient>> = Vec::new();
    let mut anonymous: Vec<Arc<Recipient>> = Vec::new();
    let open = state.is_non_anonymous();
    for viewer in state.occupants.values() {
        if *viewer.nick == *nick {
            continue;
        }
        let list = if open || viewer.role == Role::Moderator {
            &mut full
        } else {
            &mut anonymous
        };
        list.extend(
            viewer
                .sessions
                .iter()
                .map(|attendance| Arc::clone(&attendance.recipient)),
        );
    }
    for (text, list) in [(&shown.full, full), (&shown.anonymous, anonymous)] {
        if !list.is_empty() {
            outputs.push(Output::Many(Arc::clone(text), list.into()));
        }
    }
}

/// Tells of an occupant who is there: to others as it is, to its own sessions with `own`.
pub(super) fn tell(
    room: &Room,
    state: &mut State,
    nick: &str,
    own: Option<&Notice>,
    outputs: &mut Vec<Output>,
) {
    let Some(occupant) = state.occupants.get(nick) else {
        return;
    };
    let (role, announced) = (occupant.role, occupant.announced);
    if is_shown(state, role) || announced {
        if state.occupants.len() > COALESCED_FROM {
            let nick = Arc::clone(&occupant.nick);
            state.pending.entry(nick).or_default();
        } else if let Some(shown) = shown(room, state, nick) {
            to_others(state, nick, &shown, outputs);
            if let Some(occupant) = state.occupants.get_mut(nick) {
                occupant.announced = true;
                occupant.untold = false;
            }
        }
    }
    if let Some(notice) = own {
        to_own(room, state, nick, notice, outputs);
    }
}

/// Tells of an occupant with a notice that is said once (a change of role, with its reason), to
/// everyone at once.
pub(super) fn tell_with(
    room: &Room,
    state: &mut State,
    nick: &str,
    notice: &Notice,
    outputs: &mut Vec<Output>,
) {
    let Some(occupant) = state.occupants.get_mut(nick) else {
        return;
    };
    occupant.shown = None;
    if notice.one_of_many && state.occupants.len() > COALESCED_FROM {
        if let Some(occupant) = state.occupants.get_mut(nick) {
            occupant.untold = true;
        }
        to_own(room, state, nick, notice, outputs);
        return;
    }
    let Some(occupant) = state.occupants.get(nick) else {
        return;
    };
    if is_shown(state, occupant.role) || occupant.announced {
        let shown = both(room, state, occupant, notice);
        if let Some(Some(gone)) = state.pending.remove(nick)
            && gone.id != shown.id
        {
            to_others(state, nick, &gone, outputs);
        }
        to_others(state, nick, &shown, outputs);
        if let Some(occupant) = state.occupants.get_mut(nick) {
            occupant.announced = true;
            occupant.untold = false;
        }
    }
    to_own(room, state, nick, notice, outputs);
}

/// An occupant's presence to its own sessions.
pub(super) fn to_own(
    room: &Room,
    state: &State,
    nick: &str,
    notice: &Notice,
    outputs: &mut Vec<Output>,
) {
    let Some(occupant) = state.occupants.get(nick) else {
        return;
    };
    let text = render(room, state, occupant, notice, occupant.jid(), true);
    let audience: Audience = occupant
        .sessions
        .iter()
        .map(|attendance| Arc::clone(&attendance.recipient))
        .collect();
    outputs.push(Output::Many(Arc::new(Shared::of(&text)), audience));
}

/// Tells of an occupant who was just taken out: to others, and to its own sessions.
pub(super) fn tell_gone(
    room: &Room,
    state: &mut State,
    occupant: &Occupant,
    notice: &Notice,
    outputs: &mut Vec<Output>,
) {
    // Its own sessions first: they hear nothing of the room afterwards.
    let text = Shared::of(&render(room, state, occupant, notice, occupant.jid(), true));
    let own: Audience = occupant
        .sessions
        .iter()
        .map(|attendance| Arc::clone(&attendance.recipient))
        .collect();
    outputs.push(Output::Many(Arc::new(text), own));
    let waits = state.pending.remove(&occupant.nick);
    if !occupant.announced {
        // Nobody has heard of it. (Somebody of the same name may have left before.)
        if let Some(Some(earlier)) = waits {
            state
                .pending
                .insert(Arc::clone(&occupant.nick), Some(earlier));
        }
        return;
    }
    let shown = both(room, state, occupant, notice);
    if state.occupants.len() >= COALESCED_FROM && notice.new_nick.is_none() {
        state
            .pending
            .insert(Arc::clone(&occupant.nick), Some(shown));
    } else {
        to_others(state, &occupant.nick, &shown, outputs);
    }
}

/// Everything that waits to be told.
pub(super) fn flush(room: &Room, state: &mut State, outputs: &mut Vec<Output>) {
    if state.pending.is_empty() {
        return;
    }
    for (nick, gone) in std::mem::take(&mut state.pending) {
        let here = shown(room, state, &nick);
        // Who has gone and come back meanwhile has never gone; somebody else of that name has.
        if let Some(gone) = gone
            && here.as_ref().is_none_or(|here| here.id != gone.id)
        {
            to_others(state, &nick, &gone, outputs);
        }
        if let Some(here) = here {
            to_others(state, &nick, &here, outputs);
            if let Some(occupant) = state.occupants.get_mut(&nick) {
                occupant.announced = true;
                occupant.untold = false;
            }
        }
    }
}

/// Somebody is about to say something: what the others have not been told of it is due.
pub(super) fn speaks(state: &mut State, nick: &Arc<str>) {
    if let Some(occupant) = state.occupants.get(nick)
        && occupant.untold
        && (occupant.announced || is_shown(state, occupant.role))
    {
        state.pending.entry(Arc::clone(nick)).or_default();
    }
}

/// Everyone who is shown, to somebody who comes: all in one allocation.
pub(super) fn everyone_to(
    room: &Room,
    state: &mut State,
    to: &Arc<Recipient>,
    sees_all: bool,
    but: &str,
) -> Vec<Output> {
    let nicks: Vec<Arc<str>> = state
        .occupants
        .values()
        .filter(|occupant| *occupant.nick != *but && is_shown(state, occupant.role))
        .map(|occupant| Arc::clone(&occupant.nick))
        .collect();
    let mut texts = Vec::with_capacity(nicks.len());
    for nick in &nicks {
        if let Some(shown) = shown(room, state, nick) {
            texts.push(shown);
        }
    }
    let text_of = |shown: &Shown| {
        Arc::clone(if sees_all {
            &shown.full
        } else {
            &shown.anonymous
        })
    };
    let length = texts.iter().map(|shown| text_of(shown).length(to)).sum();
    let mut all = Vec::with_capacity(length);
    let mut ends = Vec::with_capacity(texts.len());
    for shown in &texts {
        text_of(shown).write(to, &mut all);
        ends.push(all.len());
    }
    let all = Bytes::from(all);
    let mut start = 0;
    ends.into_iter()
        .map(|end| {
            let stanza = all.slice(std::mem::replace(&mut start, end)..end);
            Output::One(Arc::clone(to), stanza)
        })
        .collect()
}
