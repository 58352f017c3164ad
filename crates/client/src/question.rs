//! What the person asks and waits for: an answer comes for each question, so that it can be shown where it was asked.

use base::{BareJid, Redacted, Timestamp};
use xmpp::condition::StanzaCondition;
use xmpp::xep::muc::{Affiliation, Role};

use crate::command::Picture;
use crate::views::ConversationId;

/// Names a question within its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u64);

/// What is asked, or wanted with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// How a room is set up (XEP-0045 §10.2), for its owners; gives [`Answer::RoomSetup`].
    RoomSetup(ConversationId),
    /// Sets a room up; what its form does not have is left as it is.
    SetUpRoom {
        /// Which.
        room: ConversationId,
        /// How.
        setup: RoomSetup,
    },
    /// Gives a room its picture (XEP-0486), or takes it.
    SetRoomPicture {
        /// Which.
        room: ConversationId,
        /// It.
        picture: Option<Picture>,
    },
    /// Makes somebody something to a room, or nothing (XEP-0045 §9, §10).
    SetAffiliation {
        /// Which.
        room: ConversationId,
        /// Whom.
        who: BareJid,
        /// What.
        affiliation: Affiliation,
        /// Why, for them and those in the room.
        reason: Option<String>,
    },
    /// What somebody may do for as long as they are there (XEP-0045 §8); [`Role::None`] puts them out.
    SetRole {
        /// Which.
        room: ConversationId,
        /// Whom, by their name there.
        nick: String,
        /// What.
        role: Role,
        /// Why, for them and those in the room.
        reason: Option<String>,
    },
    /// Who is banned from a room, for its administrators; gives [`Answer::Banned`].
    Banned(ConversationId),
    /// Closes a room for good, for everybody (XEP-0045 §10.9).
    CloseRoom {
        /// Which.
        room: ConversationId,
        /// Why, for those in it.
        reason: Option<String>,
    },
    /// The public rooms of the house (XEP-0433, else XEP-0045 §6.3); gives [`Answer::Rooms`].
    FindRooms {
        /// All of these words; none for all rooms.
        words: String,
        /// Behind this one, the last of the page before.
        after: Option<String>,
    },
    /// The rooms of the departments that the person is in (XEP-0503); gives [`Answer::Departments`].
    DepartmentRooms,
    /// People of the house by name (XEP-0055); gives [`Answer::People`].
    FindPeople {
        /// All of these words.
        words: String,
    },
    /// What invitations the person may give (XEP-0401); gives [`Answer::Invitations`].
    Invitations,
    /// Access to the REST interface of the house, for those with a role in it (`docs/api-session.md`); gives
    /// [`Answer::Administration`].
    Administration,
    /// Makes an invitation; gives [`Answer::Invitation`].
    InvitePerson {
        /// An account is made by it: where [`Invitations::accounts`]. Else it makes a contact, and an account where the house
        /// lets everybody invite.
        account: bool,
        /// The name of the account; free to choose without.
        name: Option<String>,
        /// For how many days it holds; as the house has it without.
        days: Option<u32>,
    },
}

/// How a room is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomSetup {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Only members come in. Their addresses are shown to each other then, so that they can encrypt.
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
    /// The department whose people are its members; it is set by the directory, and only read here.
    pub department: Option<String>,
}

/// Who is banned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Who.
    pub account: BareJid,
    /// Why.
    pub reason: Option<String>,
}

/// A room that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRoom {
    /// Its address.
    pub room: BareJid,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Its name.
    pub name: String,
    /// Its rooms.
    pub rooms: Vec<FoundRoom>,
}

/// Somebody who was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPerson {
    /// Who.
    pub account: BareJid,
    /// What they are called.
    pub name: String,
}

/// What invitations somebody may give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Invitations {
    /// To become a contact, and to make an account where the house lets everybody invite.
    pub contacts: bool,
    /// To make an account, with name and days.
    pub accounts: bool,
}

/// An invitation that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeInvitation {
    /// For programs, `xmpp:`.
    pub uri: String,
    /// For people: a page.
    pub page: Option<String>,
    /// Until when it holds (XEP-0082), as the server said.
    pub expires: Option<String>,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It is done.
    Done,
    /// Of [`Question::RoomSetup`].
    RoomSetup(RoomSetup),
    /// Of [`Question::Banned`].
    Banned(Vec<Ban>),
    /// Of [`Question::FindRooms`].
    Rooms {
        /// They.
        rooms: Vec<FoundRoom>,
        /// There are more.
        more: bool,
    },
    /// Of [`Question::DepartmentRooms`]: those with rooms, by name.
    Departments(Vec<Department>),
    /// Of [`Question::FindPeople`].
    People(Vec<FoundPerson>),
    /// Of [`Question::Invitations`].
    Invitations(Invitations),
    /// Of [`Question::InvitePerson`].
    Invitation(MadeInvitation),
    /// Of [`Question::Administration`].
    Administration {
        /// What stands behind `Authorization: Bearer` in requests of the REST interface.
        token: Redacted<String>,
        /// When it ends; a new one can be asked for before.
        expires: Timestamp,
    },
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// As the server has it; `None` when it did not answer.
    pub condition: Option<StanzaCondition>,
    /// In words: what happened and what to do.
    pub text: String,
}

impl Refusal {
    pub(crate) fn no_answer() -> Self {
        Self {
            condition: None,
            text: "No answer came: try again.".to_owned(),
        }
    }
}
