//! Entering a room, being in it, and leaving it (XEP-0045 §7.2, §7.6, §7.7, §7.14).

use std::sync::Arc;

use base::{Jid, Now};
use smallvec::smallvec;
use store::{
    ArchiveQuery, Batch, NewRoom, PagePosition, RoomConfig, RoomPerson, RosterVersion, StoreError,
};
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::affiliation_versions::Versions;
use xmpp::xep::muc::{Affiliation, Join, Role, status};
use xmpp::xml::{Edit, Head, Stanza};

use super::history::{MOST, Wish};
use super::line::{Entry, HistoryOutput, Output, Recipient, Said};
use super::room::{Attendance, Occupant, Room, State, Who};
use super::show::{self, Notice};
use super::versions;
use crate::modules::store_failed;
use crate::service::Served;
use crate::{Chat, Sender};

/// Most occupants of a room that names no smaller number.
pub(super) const MOST_OCCUPANTS: u32 = 10_000;
/// Longest presence that is shown to a room, in bytes: everyone there gets it.
const LONGEST_PRESENCE: usize = 16 * 1024;
/// Longest nickname, in bytes.
const LONGEST_NICK: usize = 256;

/// Presence to an address in a room.
pub(super) async fn presence(
    chat: &Chat,
    sender: &Sender,
    to: &Jid,
    stanza: &Stanza,
    now: Now,
) -> Result<Served, StanzaError> {
    let Some(local) = to.local() else {
        return Ok(Served::default());
    };
    let kind = stanza.type_();
    match kind.as_deref() {
        None => {}
        Some("unavailable") => {
            if let Some(room) = chat.rooms().load(chat, local).await? {
                leave(chat, &room, sender.jid(), Some(stanza), &[], now);
                chat.rooms().forget_if_over(chat, &room).await;
            }
            return Ok(Served::default());
        }
        Some("error") => {
            if let Some(room) = chat.rooms().load(chat, local).await? {
                failed(chat, &room, sender.jid(), now);
            }
            return Ok(Served::default());
        }
        // A probe or a subscription is neither coming nor going (§17.3).
        Some(_) => return Ok(Served::default()),
    }
    let join = stanza
        .child("x", ns::MUC)
        .map(|x| Join::read(x.tree().root()));
    let Some(nick) = to.resource() else {
        return Err(StanzaError::new(StanzaCondition::JidMalformed)
            .kind(ErrorType::Modify)
            .text("Please choose a nickname: presence goes to room@service/nickname."));
    };
    check_nick(nick)?;
    if stanza.text().len() > LONGEST_PRESENCE {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable).text(
            "Presence in a room has 16 KiB at the most; please leave out what others need not see.",
        ));
    }
    loop {
        let room = match (chat.rooms().load(chat, local).await?, &join) {
            (Some(room), _) => room,
            (None, Some(_)) => match create(chat, sender, local).await? {
                Some(room) => room,
                None => continue,
            },
            (None, None) => return Ok(not_there(sender, to)),
        };
        room.touch(now.moment);
        if let Some(served) = step(chat, &room, sender, nick, stanza, join.as_ref(), now).await? {
            return Ok(served);
        }
        // The room was destroyed meanwhile: look again.
        chat.rooms().forget(&room);
    }
}

/// What can be a nickname.
pub(super) fn check_nick(nick: &str) -> Result<(), StanzaError> {
    if nick.trim().is_empty() || nick.len() > LONGEST_NICK {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text("A nickname has some visible characters, and 256 bytes at the most."));
    }
    Ok(())
}

/// §7.2.16: presence that is no entering, from somebody who is not there.
fn not_there(sender: &Sender, to: &Jid) -> Served {
    let mut out = xmpp::xml::Writer::with_capacity(256);
    out.start("presence")
        .attr("from", to.as_str())
        .attr("to", sender.jid().as_str())
        .attr("type", "unavailable");
    out.start("x").xmlns(ns::MUC_USER);
    xmpp::xep::muc::Item {
        affiliation: Some(Affiliation::None),
        role: Some(Role::None),
        ..Default::default()
    }
    .write(&mut out);
    for code in [status::SELF, status::KICKED, status::ERROR] {
        xmpp::xep::muc::write_status(code, &mut out);
    }
    out.end().end();
    Served {
        own: vec![out.into_bytes()],
        ..Served::default()
    }
}

/// Makes a room for who enters first (§10.1). `None`: somebody else was faster.
async fn create(
    chat: &Chat,
    sender: &Sender,
    local: &str,
) -> Result<Option<Arc<Room>>, StanzaError> {
    if !may_create(sender) {
        return Err(no_entry());
    }
    let new = NewRoom {
        localpart: local.into(),
        config: RoomConfig {
            locked: true,
            ..RoomConfig::default()
        },
        people: vec![RoomPerson {
            address: sender.jid().bare_str().into(),
            affiliation: store::Affiliation::Owner,
            ..RoomPerson::default()
        }],
    };
    match chat.store().room_create(new).await {
        Ok(_) => Ok(chat.rooms().load(chat, local).await?),
        Err(StoreError::AlreadyExists) => Ok(None),
        Err(error) => Err(store_failed(&error)),
    }
}

/// The answer at a door behind which there is no room, or one that must not be known of. Who may make
/// rooms sees that the name cannot be had, and no more.
fn no_entry() -> StanzaError {
    StanzaError::new(StanzaCondition::NotAllowed).text(
        "There is no room of this name that you may enter, and you cannot make one of this name.",
    )
}

/// Who may make rooms: people of this server.
pub(super) fn may_create(sender: &Sender) -> bool {
    !matches!(sender, Sender::Elsewhere(_))
}

/// One presence of somebody in, or at the door of, a room. `None`: the room is gone.
async fn step(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    nick: &str,
    stanza: &Stanza,
    join: Option<&Join>,
    now: Now,
) -> Result<Option<Served>, StanzaError> {
    let Some(join) = join else {
        let mut state = room.state();
        if state.gone {
            return Ok(None);
        }
        let Some(occupant) = state.occupant_of(sender.jid()) else {
            let to = Jid::parse(&room.occupant_jid(nick));
            drop(state);
            return Ok(Some(match to {
                Ok(to) => not_there(sender, &to),
                Err(_) => Served::default(),
            }));
        };
        let outputs = if *occupant.nick == *nick {
            update(room, &mut state, sender.jid(), stanza)
        } else {
            rename(room, &mut state, sender.jid(), nick, stanza)?
        };
        room.say(outputs);
        drop(state);
        room.line.drain(chat);
        return Ok(Some(Served::default()));
    };
    let config = room.config();
    let wish = Wish::of(join.history.as_ref(), config.history, now.wall);
    let older = if wish.is_nothing() || !config.archived || room.line.covers(wish.stanzas) {
        Vec::new()
    } else {
        older(chat, room, wish.stanzas).await?
    };
    let affiliations = match &join.affiliations {
        Some(wanted) => Some(versions::since(chat, room, wanted).await?),
        None => None,
    };
    let entering = Entering {
        sender,
        nick,
        words: words(stanza),
        join,
        wish,
        older,
        affiliations,
    };
    let was_invited = {
        let mut state = room.state();
        if state.gone {
            return Ok(None);
        }
        // Its groups are read under the lock: whoever changes them looks for the occupants after that.
        let who = Who::of(sender);
        let outputs = entering.enter(chat, room, &mut state, &who)?;
        room.line.push(Entry::now(outputs));
        state.invitations.end(who.bare.as_str(), None)
    };
    room.line.drain(chat);
    if was_invited {
        let mut batch = Batch::new();
        batch.room_invitation_end(room.id(), sender.jid().bare_str(), None);
        // Should it fail, the invitation is one to somebody who has come.
        drop(chat.store().submit(batch));
    }
    Ok(Some(Served::default()))
}

/// The last messages of the archive, oldest first.
async fn older(chat: &Chat, room: &Room, count: usize) -> Result<Vec<Said>, StanzaError> {
    let query = ArchiveQuery {
        position: PagePosition::Last,
        max: count.min(MOST),
        ..ArchiveQuery::default()
    };
    let page = chat.store().archive_page(room.id(), query).await;
    let page = page.map_err(|error| store_failed(&error))?;
    super::archive::said(chat, room, page.items).await
}

/// Somebody at the door.
struct Entering<'a> {
    sender: &'a Sender,
    nick: &'a str,
    words: Box<str>,
    join: &'a Join,
    wish: Wish,
    older: Vec<Said>,
    affiliations: Option<versions::Answer>,
}

impl Entering<'_> {
    fn enter(
        self,
        chat: &Chat,
        room: &Room,
        state: &mut State,
        who: &Who,
    ) -> Result<Vec<Output>, StanzaError> {
        let jid = self.sender.jid();
        let affiliation = state.affiliation(who);
        let already = state
            .occupant_of(jid)
            .map(|occupant| Arc::clone(&occupant.nick));
        if already.is_none() {
            self.may_enter(state, who, affiliation)?;
        }
        let nick: Arc<str> = self.nick_for(state, already.as_deref())?.into();
        let assigned = *nick != *self.nick;
        if let Some(old) = already.filter(|old| *old != nick) {
            // Known under another name here: as a change of nickname, then all is sent anew.
            let Some(occupant) = state.occupants.get(&old) else {
                return Err(StanzaError::new(StanzaCondition::UnexpectedRequest));
            };
            if occupant.sessions.len() == 1 {
                let gone = state.remove(&old);
                let mut outputs = Vec::new();
                if let Some(gone) = gone {
                    let notice = Notice {
                        new_nick: Some(nick.to_string()),
                        ..Notice::gone(&[status::NEW_NICK])
                    };
                    show::tell_gone(room, state, &gone, &notice, &mut outputs);
                }
                outputs.extend(self.sit_down(chat, room, state, &nick, affiliation, assigned));
                return Ok(outputs);
            }
            state.depart(jid);
        }
        Ok(self.sit_down(chat, room, state, &nick, affiliation, assigned))
    }

    /// §7.2.5 to §7.2.10: who is not let in, and why.
    fn may_enter(
        &self,
        state: &State,
        who: &Who,
        affiliation: Affiliation,
    ) -> Result<(), StanzaError> {
        if state.is_secret_from(who) {
            return Err(no_entry());
        }
        if affiliation == Affiliation::Outcast {
            return Err(
                StanzaError::new(StanzaCondition::Forbidden).text("You are banned from this room.")
            );
        }
        if state.config.locked && affiliation < Affiliation::Owner {
            return Err(StanzaError::new(StanzaCondition::ItemNotFound)
                .text("The room is being set up; please try again in a moment."));
        }
        if state.config.members_only && affiliation < Affiliation::Member {
            return Err(StanzaError::new(StanzaCondition::RegistrationRequired)
                .text("This room is for members; please ask one of them to invite you."));
        }
        if let Some(password) = &state.config.password
            && affiliation < Affiliation::Owner
        {
            let given = self.join.password.as_ref();
            if given.is_none_or(|given| *given.expose() != **password.expose()) {
                return Err(StanzaError::new(StanzaCondition::NotAuthorized)
                    .text("This room asks for a password."));
            }
        }
        let most = state.config.max_occupants.unwrap_or(MOST_OCCUPANTS);
        let full = state.occupants.len() >= usize::try_from(most).unwrap_or(usize::MAX);
        if full && affiliation < Affiliation::Admin && !state.is_present(&who.bare) {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable)
                .kind(ErrorType::Wait)
                .text("The room is full; please try again later."));
        }
        Ok(())
    }

    /// The nickname to enter under: the one asked for, unless the room gives another.
    fn nick_for(&self, state: &State, already: Option<&str>) -> Result<String, StanzaError> {
        let bare = self.sender.jid().bare_str();
        let reserved = state
            .people
            .get(bare)
            .and_then(|person| person.nick.clone());
        let nick = match reserved {
            Some(reserved) if state.config.nick_locked => reserved.to_string(),
            _ => self.nick.to_owned(),
        };
        if already != Some(&*nick) {
            free_nick(state, &nick, bare)?;
        }
        Ok(nick)
    }

    /// Takes the place and makes what everyone is sent, in the order of §7.1.
    fn sit_down(
        self,
        chat: &Chat,
        room: &Room,
        state: &mut State,
        nick: &Arc<str>,
        affiliation: Affiliation,
        assigned: bool,
    ) -> Vec<Output> {
        let jid = self.sender.jid();
        let known = state
            .sessions
            .contains_key(jid)
            .then(|| {
                state.occupants.get_mut(nick).and_then(|occupant| {
                    occupant
                        .sessions
                        .iter_mut()
                        .find(|attendance| attendance.recipient.jid == *jid)
                })
            })
            .flatten();
        let mut changed = true;
        let recipient = if let Some(attendance) = known {
            changed = attendance.presence != self.words;
            attendance.presence = self.words.clone();
            let recipient = Arc::clone(&attendance.recipient);
            if changed && let Some(occupant) = state.occupants.get_mut(nick) {
                occupant.shown = None;
            }
            recipient
        } else {
            let recipient = Recipient::of(self.sender);
            let attendance = Attendance {
                recipient: Arc::clone(&recipient),
                presence: self.words.clone(),
            };
            if state.occupants.contains_key(nick) {
                state.attend(nick, attendance);
            } else {
                let bare = self.sender.jid().bare();
                let id = room.occupant_id(chat, &bare).into();
                state.insert(Occupant {
                    nick: Arc::clone(nick),
                    bare,
                    role: state.role_of(affiliation),
                    affiliation,
                    id,
                    sessions: smallvec![attendance],
                    announced: false,
                    untold: false,
                    shown: None,
                });
            }
            recipient
        };
        let role = state
            .occupants
            .get(nick)
            .map_or(Role::None, |occupant| occupant.role);
        let sees_all = state.is_non_anonymous() || role == Role::Moderator;
        let mut outputs = Vec::new();
        let mut own = Notice::default();
        if let Some(answer) = &self.affiliations {
            outputs.extend(answer.message(room, state, affiliation, &recipient));
            own.versions = Some(Versions {
                since: None,
                until: Some(state.version.to_string()),
            });
        }
        outputs.extend(show::everyone_to(room, state, &recipient, sees_all, nick));
        if changed {
            show::tell(room, state, nick, None, &mut outputs);
        }
        if state.is_non_anonymous() {
            own.statuses.push(status::NON_ANONYMOUS);
        }
        if state.config.archived {
            own.statuses.push(status::LOGGING);
        }
        if state.config.locked {
            own.statuses.push(status::CREATED);
        }
        if assigned {
            own.statuses.push(status::NICK_ASSIGNED);
        }
        show::to_own(room, state, nick, &own, &mut outputs);
        outputs.push(Output::History(Box::new(HistoryOutput {
            to: recipient,
            wish: self.wish,
            older: self.older,
        })));
        outputs
    }
}

/// §7.2.8: whether a nickname may be taken by an address.
pub(super) fn free_nick(state: &State, nick: &str, bare: &str) -> Result<(), StanzaError> {
    let taken = state
        .occupants
        .get(nick)
        .is_some_and(|occupant| occupant.bare.as_str() != bare);
    let reserved = state
        .reserved
        .get(nick)
        .is_some_and(|holder| **holder != *bare);
    if taken || reserved {
        return Err(StanzaError::new(StanzaCondition::Conflict)
            .text("Somebody else has this nickname; please choose another."));
    }
    Ok(())
}

/// What is inside of a presence, without what only the room may say and what enters the room.
pub(super) fn words(stanza: &Stanza) -> Box<str> {
    let ours = |child: &xmpp::xml::Child<'_>| {
        matches!(
            child.namespace(),
            ns::MUC | ns::MUC_USER | ns::MUC_ADMIN | ns::MUC_OWNER | ns::OCCUPANT_ID | ns::HATS
        )
    };
    let text = stanza.relay(
        &Head::default(),
        &Edit {
            drop: &ours,
            append: b"",
        },
    );
    let text = std::str::from_utf8(&text).unwrap_or_default();
    text.strip_prefix("<presence>")
        .and_then(|text| text.strip_suffix("</presence>"))
        .unwrap_or_default()
        .into()
}

/// §7.7: another presence of somebody who is there.
fn update(room: &Room, state: &mut State, jid: &Jid, stanza: &Stanza) -> Vec<Output> {
    let words = words(stanza);
    let Some(nick) = state.sessions.get(jid).cloned() else {
        return Vec::new();
    };
    if let Some(occupant) = state.occupants.get_mut(&nick)
        && let Some(at) = occupant
            .sessions
            .iter()
            .position(|attendance| attendance.recipient.jid == *jid)
    {
        // The session that spoke last is the one that is shown.
        let mut attendance = occupant.sessions.remove(at);
        attendance.presence = words;
        occupant.sessions.push(attendance);
        occupant.shown = None;
    }
    let mut outputs = Vec::new();
    show::tell(room, state, &nick, Some(&Notice::default()), &mut outputs);
    outputs
}

/// §7.6: another nickname.
fn rename(
    room: &Room,
    state: &mut State,
    jid: &Jid,
    nick: &str,
    stanza: &Stanza,
) -> Result<Vec<Output>, StanzaError> {
    let Some(occupant) = state.occupant_of(jid) else {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable));
    };
    if !state.config.nick_changes && occupant.role < Role::Moderator {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text("Nicknames may not be changed in this room."));
    }
    let bare = occupant.bare.clone();
    let reserved = state
        .people
        .get(bare.as_str())
        .and_then(|person| person.nick.as_deref());
    if state.config.nick_locked && reserved.is_some_and(|reserved| reserved != nick) {
        return Err(StanzaError::new(StanzaCondition::NotAcceptable)
            .text("In this room people have the nickname that they have registered."));
    }
    free_nick(state, nick, bare.as_str())?;
    if state.occupants.contains_key(nick) {
        return Err(StanzaError::new(StanzaCondition::Conflict)
            .text("Another of your devices is here under that nickname."));
    }
    let old = Arc::clone(&occupant.nick);
    let Some(mut occupant) = state.remove(&old) else {
        return Ok(Vec::new());
    };
    let mut outputs = Vec::new();
    let notice = Notice {
        new_nick: Some(nick.to_owned()),
        ..Notice::gone(&[status::NEW_NICK])
    };
    show::tell_gone(room, state, &occupant, &notice, &mut outputs);
    let nick: Arc<str> = nick.into();
    occupant.nick = Arc::clone(&nick);
    occupant.shown = None;
    if let Some(attendance) = occupant
        .sessions
        .iter_mut()
        .find(|attendance| attendance.recipient.jid == *jid)
    {
        attendance.presence = words(stanza);
    }
    state.insert(occupant);
    show::tell_with(room, state, &nick, &Notice::default(), &mut outputs);
    Ok(outputs)
}

/// A session leaves, or is made to. `stanza` is its last presence.
pub(super) fn leave(
    chat: &Chat,
    room: &Room,
    jid: &Jid,
    stanza: Option<&Stanza>,
    statuses: &[u16],
    now: Now,
) {
    {
        let mut state = room.state();
        let Some(nick) = state.sessions.get(jid).cloned() else {
            // §7.14: unavailable presence of somebody who is not there says nothing.
            return;
        };
        room.touch(now.moment);
        let notice = Notice {
            words: stanza.map(words),
            ..Notice::gone(statuses)
        };
        let mut outputs = Vec::new();
        let leaving = state.occupants.get(&nick).and_then(|occupant| {
            let attendance = occupant
                .sessions
                .iter()
                .find(|attendance| attendance.recipient.jid == *jid)?;
            let text = show::render(room, &state, occupant, &notice, Some(jid), true);
            Some((Arc::clone(&attendance.recipient), text))
        });
        if state.depart(jid) {
            if let Some(occupant) = state.remove(&nick) {
                show::tell_gone(room, &mut state, &occupant, &notice, &mut outputs);
            }
        } else {
            if let Some((recipient, text)) = leaving {
                let stanza = super::line::Shared::of(&text).to(&recipient);
                outputs.push(Output::One(recipient, stanza));
            }
            // Another device of the same person stays, and may look different.
            show::tell(room, &mut state, &nick, None, &mut outputs);
        }
        room.say(outputs);
    }
    room.line.drain(chat);
}

/// §18.1.2 and §11.1: what was sent to an occupant has come back.
pub(super) fn failed(chat: &Chat, room: &Room, jid: &Jid, now: Now) {
    leave(chat, room, jid, None, &[status::ERROR], now);
}

/// A version of affiliations as text, where there is one.
pub(super) fn version_text(version: RosterVersion) -> Option<String> {
    (version != RosterVersion::NONE).then(|| version.to_string())
}

/// The outputs that take everyone out of a room that ends.
pub(super) fn everyone_out(room: &Room, state: &mut State, notice: &Notice) -> Vec<Output> {
    let mut outputs = Vec::new();
    let occupants = std::mem::take(&mut state.occupants);
    for occupant in occupants.values() {
        let text = show::render(room, state, occupant, notice, None, true);
        outputs.push(Output::Many(
            Arc::new(super::line::Shared::of(&text)),
            occupant
                .sessions
                .iter()
                .map(|attendance| Arc::clone(&attendance.recipient))
                .collect(),
        ));
    }
    state.clear();
    outputs
}
