//! What the person asks and waits for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use client::question;
use serde::{Deserialize, Serialize};

use super::Time;
use super::answer::{Failure, FailureKind};
use super::command::{account, conversation};
use super::people::{Affiliation, Role};

/// What is asked, or wanted with an answer. Rooms are named as conversations, people by their addresses.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "ask", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Question {
    /// How a room is set up, for its owners; gives `roomSetup`.
    RoomSetup {
        /// Which.
        room: String,
    },
    /// Sets a room up.
    SetUpRoom {
        /// Which.
        room: String,
        /// How.
        setup: RoomSetup,
    },
    /// Gives a room its picture, or takes it.
    SetRoomPicture {
        /// Which.
        room: String,
        /// It.
        picture: Option<NewPicture>,
    },
    /// Makes somebody something to a room, or nothing.
    SetAffiliation {
        /// Which.
        room: String,
        /// Whom.
        who: String,
        /// What.
        affiliation: Affiliation,
        /// Why, for them and those in the room.
        reason: Option<String>,
    },
    /// What somebody may do for as long as they are there; `none` puts them out.
    SetRole {
        /// Which.
        room: String,
        /// Whom, by their name there.
        nick: String,
        /// What.
        role: Role,
        /// Why, for them and those in the room.
        reason: Option<String>,
    },
    /// Who is banned from a room, for its administrators; gives `banned`.
    Banned {
        /// Which.
        room: String,
    },
    /// Closes a room for good, for everybody.
    CloseRoom {
        /// Which.
        room: String,
        /// Why, for those in it.
        reason: Option<String>,
    },
    /// The public rooms of the house; gives `rooms`.
    FindRooms {
        /// All of these words; none for all rooms.
        words: String,
        /// Behind this one, the last of the page before.
        after: Option<String>,
    },
    /// The rooms of the departments that the person is in; gives `departments`.
    DepartmentRooms,
    /// People of the house by name; gives `people`.
    FindPeople {
        /// All of these words.
        words: String,
    },
    /// What invitations the person may give; gives `invitations`.
    Invitations,
    /// Access to the REST interface of the house, for those with a role in it; gives `administration`.
    Administration,
    /// Makes an invitation; gives `invitation`.
    InvitePerson {
        /// An account is made by it, and the rest can be chosen; else it is as the house has it.
        account: bool,
        /// The name of the account; free to choose without.
        name: Option<String>,
        /// For how many days it holds.
        days: Option<u32>,
    },
}

/// How a room is set up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RoomSetup {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Only members come in, and see each other's addresses, so that they can encrypt.
    pub members_only: bool,
    /// It stands in the public list.
    pub listed: bool,
    /// Newcomers read only, until somebody gives them voice.
    pub moderated: bool,
    /// Everybody in it may change the subject, not only moderators.
    pub subject_by_all: bool,
    /// Members may invite others, not only administrators.
    pub members_invite: bool,
    /// What is said is kept.
    pub archived: bool,
    /// So many messages are shown to who comes in without a history of their own.
    pub history: u32,
    /// The department whose people are its members; only read.
    pub department: Option<String>,
}

/// A picture that was chosen.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct NewPicture {
    /// `image/png` or `image/jpeg`.
    pub media_type: String,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Its bytes, as base64.
    pub data: String,
}

/// Who is banned.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Ban {
    /// Who, by address.
    pub account: String,
    /// Why.
    pub reason: Option<String>,
}

/// A room that was found.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FoundRoom {
    /// Its address.
    pub room: String,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How many are there, where that is told.
    pub people: Option<u32>,
    /// Anybody may come in, as far as it is known.
    pub open: Option<bool>,
    /// We are in it.
    pub joined: bool,
}

/// The rooms of a department.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Department {
    /// Its name.
    pub name: String,
    /// Its rooms.
    pub rooms: Vec<FoundRoom>,
}

/// Somebody who was found.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct FoundPerson {
    /// Who, by address.
    pub account: String,
    /// What they are called.
    pub name: String,
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "answer",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Answer {
    /// It is done.
    Done,
    /// How a room is set up.
    RoomSetup {
        /// So.
        setup: RoomSetup,
    },
    /// Who is banned.
    Banned {
        /// They.
        bans: Vec<Ban>,
    },
    /// Rooms that were found.
    Rooms {
        /// They.
        rooms: Vec<FoundRoom>,
        /// There are more.
        more: bool,
    },
    /// The rooms of departments.
    Departments {
        /// They.
        departments: Vec<Department>,
    },
    /// People who were found.
    People {
        /// They.
        people: Vec<FoundPerson>,
    },
    /// What invitations the person may give.
    Invitations {
        /// To become a contact, and to make an account where the house lets everybody invite.
        contacts: bool,
        /// To make an account, with name and days.
        accounts: bool,
    },
    /// An invitation.
    Invitation {
        /// For programs, `xmpp:`.
        uri: String,
        /// The page to pass on, where the house says which it is.
        page: Option<String>,
        /// Until when it holds, as XEP-0082 writes it.
        expires: Option<String>,
    },
    /// Access to the REST interface.
    Administration {
        /// What stands behind `Authorization: Bearer`.
        token: String,
        /// When it ends.
        expires: Time,
    },
    /// Something that this version cannot name.
    Other,
}

/// Why a question was not answered.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// What the server calls it, such as `forbidden`; `null` when it did not answer.
    pub condition: Option<String>,
    /// In words of the server, or ours.
    pub text: String,
}

/// A QR code of this text: each a row of modules, `1` for dark.
pub(crate) fn qr(text: &str) -> Option<Vec<String>> {
    let code = qrcodegen::QrCode::encode_text(text, qrcodegen::QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let row = |y| {
        let module = |x| if code.get_module(x, y) { '1' } else { '0' };
        (0..size).map(module).collect()
    };
    Some((0..size).map(row).collect())
}

impl TryFrom<Question> for question::Question {
    type Error = Failure;

    fn try_from(asked: Question) -> Result<Self, Failure> {
        use Question as Q;
        let room = |text: String| conversation(&text);
        Ok(match asked {
            Q::RoomSetup { room: which } => Self::RoomSetup(room(which)?),
            Q::SetUpRoom { room: which, setup } => Self::SetUpRoom {
                room: room(which)?,
                setup: setup.into(),
            },
            Q::SetRoomPicture {
                room: which,
                picture,
            } => Self::SetRoomPicture {
                room: room(which)?,
                picture: picture.map(TryInto::try_into).transpose()?,
            },
            Q::SetAffiliation {
                room: which,
                who,
                affiliation,
                reason,
            } => Self::SetAffiliation {
                room: room(which)?,
                who: account(&who)?,
                affiliation: affiliation.into(),
                reason,
            },
            Q::SetRole {
                room: which,
                nick,
                role,
                reason,
            } => Self::SetRole {
                room: room(which)?,
                nick,
                role: role.into(),
                reason,
            },
            Q::Banned { room: which } => Self::Banned(room(which)?),
            Q::CloseRoom {
                room: which,
                reason,
            } => Self::CloseRoom {
                room: room(which)?,
                reason,
            },
            Q::FindRooms { words, after } => Self::FindRooms { words, after },
            Q::DepartmentRooms => Self::DepartmentRooms,
            Q::FindPeople { words } => Self::FindPeople { words },
            Q::Invitations => Self::Invitations,
            Q::Administration => Self::Administration,
            Q::InvitePerson {
                account,
                name,
                days,
            } => Self::InvitePerson {
                account,
                name,
                days,
            },
        })
    }
}

impl TryFrom<NewPicture> for client::Picture {
    type Error = Failure;

    fn try_from(picture: NewPicture) -> Result<Self, Failure> {
        let bytes = STANDARD
            .decode(picture.data.as_bytes())
            .map_err(|error| Failure::new(FailureKind::Protocol, error))?;
        Ok(Self {
            media_type: picture.media_type,
            width: picture.width,
            height: picture.height,
            bytes: bytes.into(),
        })
    }
}

impl From<RoomSetup> for question::RoomSetup {
    fn from(setup: RoomSetup) -> Self {
        Self {
            name: setup.name,
            description: setup.description,
            members_only: setup.members_only,
            listed: setup.listed,
            moderated: setup.moderated,
            subject_by_all: setup.subject_by_all,
            members_invite: setup.members_invite,
            archived: setup.archived,
            history: setup.history,
            department: setup.department,
        }
    }
}

impl From<question::RoomSetup> for RoomSetup {
    fn from(setup: question::RoomSetup) -> Self {
        Self {
            name: setup.name,
            description: setup.description,
            members_only: setup.members_only,
            listed: setup.listed,
            moderated: setup.moderated,
            subject_by_all: setup.subject_by_all,
            members_invite: setup.members_invite,
            archived: setup.archived,
            history: setup.history,
            department: setup.department,
        }
    }
}

impl From<question::FoundRoom> for FoundRoom {
    fn from(found: question::FoundRoom) -> Self {
        Self {
            room: found.room.as_str().to_owned(),
            name: found.name,
            description: found.description,
            people: found.people,
            open: found.open,
            joined: found.joined,
        }
    }
}

impl From<question::Answer> for Answer {
    fn from(answer: question::Answer) -> Self {
        use question::Answer as A;
        match answer {
            A::Done => Self::Done,
            A::Administration { token, expires } => Self::Administration {
                token: token.into_inner(),
                expires: expires.into(),
            },
            A::RoomSetup(setup) => Self::RoomSetup {
                setup: setup.into(),
            },
            A::Banned(bans) => {
                let bans = bans.into_iter().map(|ban| Ban {
                    account: ban.account.as_str().to_owned(),
                    reason: ban.reason,
                });
                Self::Banned {
                    bans: bans.collect(),
                }
            }
            A::Rooms { rooms, more } => Self::Rooms {
                rooms: rooms.into_iter().map(Into::into).collect(),
                more,
            },
            A::Departments(departments) => {
                let departments = departments.into_iter().map(|department| Department {
                    name: department.name,
                    rooms: department.rooms.into_iter().map(Into::into).collect(),
                });
                Self::Departments {
                    departments: departments.collect(),
                }
            }
            A::People(people) => {
                let people = people.into_iter().map(|person| FoundPerson {
                    account: person.account.as_str().to_owned(),
                    name: person.name,
                });
                Self::People {
                    people: people.collect(),
                }
            }
            A::Invitations(may) => Self::Invitations {
                contacts: may.contacts,
                accounts: may.accounts,
            },
            A::Invitation(made) => Self::Invitation {
                uri: made.uri,
                page: made.page,
                expires: made.expires,
            },
            _ => Self::Other,
        }
    }
}

impl From<question::Refusal> for Refusal {
    fn from(refusal: question::Refusal) -> Self {
        Self {
            condition: refusal.condition.map(|condition| condition.to_string()),
            text: refusal.text,
        }
    }
}
