//! What those who administer do to rooms without being in them, on their authority; each act is noted in the audit log in the
//! commit that does it. None of it shows what is said.

use std::sync::Arc;

use base::{BareJid, Now, Timestamp};
use store::{Affiliation, Batch, NewRoom, RoomConfig, RoomPage, RoomPerson, StoreError};
use xmpp::condition::StanzaError;
use xmpp::xep::muc::Destroy;

use super::room::{Room, of_store, to_store};
use super::{admin, owner};
use crate::Chat;
use crate::accounts::{Act, Authority, Refusal};

/// Why something about a room is not done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomRefusal {
    /// There is no such room, or none that may be known of.
    #[error("there is no such room")]
    NoSuchRoom,
    /// The name is taken.
    #[error("there is a room of this name; choose another")]
    NameTaken,
    /// The name cannot be one.
    #[error("this cannot be the name of a room; use letters, digits, `.`, `-` and `_`")]
    NameInvalid,
    /// The server cannot write what people of this room could take for theirs.
    #[error(
        "this room is end-to-end encrypted, so the server cannot write into it: write with `hauspost-agent send` from a device of a member, or use an open room"
    )]
    Encrypted,
    /// Not everybody may write there.
    #[error("you may not write into this room; ask one of its admins to make you a member")]
    NoVoice,
    /// Nobody would be left to own it.
    #[error("a room needs an owner; make somebody else one first")]
    OwnerNeeded,
    /// It cannot be done as it was asked for.
    #[error("{0}")]
    Invalid(&'static str),
    /// As with accounts.
    #[error(transparent)]
    Account(#[from] Refusal),
    /// As at the door for clients.
    #[error(transparent)]
    Stanza(#[from] StanzaError),
}

impl From<StoreError> for RoomRefusal {
    fn from(error: StoreError) -> Self {
        Self::Account(Refusal::Store(error))
    }
}

/// A room, as those who administer see it.
#[derive(Clone, Debug)]
pub struct RoomFacts {
    /// The part before the `@`.
    pub localpart: Arc<str>,
    /// How it is set up.
    pub config: Arc<RoomConfig>,
    /// When it was made.
    pub created: Timestamp,
    /// Its subject.
    pub subject: Option<Arc<str>>,
    /// How many occupants are there now.
    pub occupants: usize,
    /// How many have a standing, banned ones left out.
    pub members: usize,
    /// Whether the server can read and write what is said there.
    pub open: bool,
}

/// Somebody's standing in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomStandingOf {
    /// Bare address; a domain alone for a ban of a whole domain.
    pub address: Arc<str>,
    /// How it stands.
    pub affiliation: Affiliation,
    /// The nickname that is reserved for it.
    pub nick: Option<Arc<str>>,
    /// Why, in somebody's words.
    pub reason: Option<Arc<str>>,
    /// Whether it is there now.
    pub present: bool,
}

impl Chat {
    /// Whether what is said in such a room can be read here: whether it is no private group, or the house's rules have private
    /// groups not encrypted.
    #[must_use]
    pub fn is_open_room(&self, config: &RoomConfig) -> bool {
        !crate::modules::encryption::is_sealed(self, config)
    }

    /// The address of a room.
    ///
    /// # Errors
    /// [`RoomRefusal::NameInvalid`].
    pub fn room_address(&self, local: &str) -> Result<BareJid, RoomRefusal> {
        let domain = crate::readable_rooms::address(self);
        BareJid::new(Some(local), &domain).map_err(|_| RoomRefusal::NameInvalid)
    }

    /// Up to `max` rooms behind a name, hidden ones included.
    ///
    /// # Errors
    /// Those of who may not.
    pub async fn rooms_behind(
        &self,
        after: Option<&str>,
        max: usize,
        by: &Authority,
    ) -> Result<RoomPage, RoomRefusal> {
        by.may(Act::SeeRooms)?;
        Ok(self.store().room_list(after, max, false).await?)
    }

    async fn governed(&self, local: &str) -> Result<Arc<Room>, RoomRefusal> {
        self.room(local).await?.ok_or(RoomRefusal::NoSuchRoom)
    }

    /// A room.
    ///
    /// # Errors
    /// [`RoomRefusal::NoSuchRoom`], and those of who may not.
    pub async fn room_facts(&self, local: &str, by: &Authority) -> Result<RoomFacts, RoomRefusal> {
        by.may(Act::SeeRooms)?;
        self.seen_room(local).await
    }

    /// The same for somebody who may see it by what he has just done.
    ///
    /// # Errors
    /// [`RoomRefusal::NoSuchRoom`].
    pub async fn seen_room(&self, local: &str) -> Result<RoomFacts, RoomRefusal> {
        let room = self.governed(local).await?;
        let state = room.state();
        let of_people = state.people.values();
        let config = Arc::clone(&state.config);
        Ok(RoomFacts {
            localpart: room.jid().local().unwrap_or_default().into(),
            open: self.is_open_room(&config),
            config,
            created: room.created(),
            subject: state.subject.clone().filter(|subject| !subject.is_empty()),
            occupants: state.occupants.len(),
            members: of_people
                .filter(|person| to_store(person.affiliation) >= Affiliation::Member)
                .count(),
        })
    }

    /// Everybody who has a standing in a room, owners first, then by address.
    ///
    /// # Errors
    /// [`RoomRefusal::NoSuchRoom`], and those of who may not.
    pub async fn room_people(
        &self,
        local: &str,
        by: &Authority,
    ) -> Result<Vec<RoomStandingOf>, RoomRefusal> {
        by.may(Act::SeeRooms)?;
        let room = self.governed(local).await?;
        let state = room.state();
        let mut people: Vec<RoomStandingOf> = state
            .people
            .iter()
            .map(|(address, person)| RoomStandingOf {
                address: Arc::clone(address),
                affiliation: to_store(person.affiliation),
                nick: person.nick.clone(),
                reason: person.reason.clone(),
                present: state.is_here(address),
            })
            .filter(|person| person.affiliation != Affiliation::None)
            .collect();
        drop(state);
        people.sort_unstable_by(|one, other| {
            (other.affiliation, &one.address).cmp(&(one.affiliation, &other.address))
        });
        Ok(people)
    }

    /// Makes a room that stays. `owner` is its first owner.
    ///
    /// # Errors
    /// [`RoomRefusal::NameTaken`], [`RoomRefusal::NameInvalid`], and those of who may not.
    pub async fn make_room(
        &self,
        local: &str,
        config: RoomConfig,
        owner: &BareJid,
        by: &Authority,
        now: Now,
    ) -> Result<(), RoomRefusal> {
        by.may(Act::ChangeRooms)?;
        let address = self.room_address(local)?;
        let local = address.local().unwrap_or_default();
        let new = NewRoom {
            localpart: local.into(),
            config: RoomConfig {
                persistent: true,
                locked: false,
                ..config
            },
            people: vec![RoomPerson {
                address: owner.as_str().into(),
                affiliation: Affiliation::Owner,
                ..RoomPerson::default()
            }],
        };
        let detail = format!("owner {owner}");
        let note = by.note(now.wall, "room.made", address.as_str(), detail);
        match self.store().room_create_noted(new, Some(note)).await {
            Ok(_) => {}
            Err(StoreError::AlreadyExists) => return Err(RoomRefusal::NameTaken),
            Err(error) => return Err(error.into()),
        }
        let room = self.governed(local).await?;
        let config = room.config();
        self.rooms().note(self, &room, Some(&config));
        Ok(())
    }

    /// Sets a room up anew; those who are there are told. `expected` is the configuration that it must have now.
    ///
    /// # Errors
    /// [`RoomRefusal::NoSuchRoom`], [`RoomRefusal::Invalid`] when it was changed meanwhile, and those of who may not.
    pub async fn configure_room(
        &self,
        local: &str,
        expected: Option<&RoomConfig>,
        config: RoomConfig,
        by: &Authority,
        now: Now,
    ) -> Result<(), RoomRefusal> {
        by.may(Act::ChangeRooms)?;
        let room = self.governed(local).await?;
        let _turn = room.turn().await;
        let old = {
            let state = room.state();
            if state.gone {
                return Err(RoomRefusal::NoSuchRoom);
            }
            Arc::clone(&state.config)
        };
        if expected.is_some_and(|expected| *expected != *old) {
            return Err(RoomRefusal::Invalid(
                "the room was changed meanwhile; read it again",
            ));
        }
        if config == *old {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.audit(by.note(
            now.wall,
            "room.configured",
            room.jid().as_str(),
            changed(&old, &config).join(", "),
        ));
        batch.room_config_set(room.id(), &config);
        self.store().submit(batch).ticket.await?;
        owner::apply(self, &room, &old, config);
        Ok(())
    }

    /// Ends a room with all that was kept of it; those who are there are told why.
    ///
    /// # Errors
    /// [`RoomRefusal::NoSuchRoom`], and those of who may not.
    pub async fn remove_room(
        &self,
        local: &str,
        reason: Option<&str>,
        by: &Authority,
        now: Now,
    ) -> Result<(), RoomRefusal> {
        by.may(Act::ChangeRooms)?;
        let room = self.governed(local).await?;
        let note = by.note(
            now.wall,
            "room.removed",
            room.jid().as_str(),
            reason.unwrap_or_default(),
        );
        let end = Destroy {
            reason: reason.map(str::to_owned),
            ..Destroy::default()
        };
        Ok(owner::destroy(self, &room, end, Some(note)).await?)
    }

    /// Gives somebody a standing in a room, or takes it.
    ///
    /// # Errors
    /// [`RoomRefusal::NoSuchRoom`], [`RoomRefusal::OwnerNeeded`], and those of who may not.
    pub async fn set_room_person(
        &self,
        local: &str,
        address: &BareJid,
        affiliation: Affiliation,
        reason: Option<&str>,
        by: &Authority,
        now: Now,
    ) -> Result<(), RoomRefusal> {
        by.may(Act::ChangeRooms)?;
        let room = self.governed(local).await?;
        let whose = format!(
            "{address}: {}",
            match affiliation {
                Affiliation::Outcast => "outcast",
                Affiliation::None => "none",
                Affiliation::Member => "member",
                Affiliation::Admin => "admin",
                Affiliation::Owner => "owner",
            }
        );
        let note = by.note(now.wall, "room.affiliation", room.jid().as_str(), whose);
        let _turn = room.turn().await;
        admin::set_person_noted(self, &room, address, of_store(affiliation), reason, note).await
    }
}

/// The names of what differs, for the audit log.
fn changed(old: &RoomConfig, new: &RoomConfig) -> Vec<&'static str> {
    let mut names = Vec::new();
    macro_rules! compare {
        ($($field:ident),*) => {
            $(if old.$field != new.$field { names.push(stringify!($field)); })*
        };
    }
    compare!(
        name,
        description,
        language,
        contacts,
        persistent,
        listed,
        members_only,
        moderated,
        password,
        whois,
        max_occupants,
        occupants_change_subject,
        members_invite,
        private_messages,
        voice_requests,
        nick_changes,
        nick_locked,
        presence_of,
        member_list_for,
        archived,
        history,
        group
    );
    names
}
