//! Questions of the person and their way to the server and back. One question may take several requests, one after the
//! other; its answer is told once.

mod directory;
mod invitations;
mod setup;

use std::collections::BTreeMap;

use base::BareJid;
use xmpp::ns;
use xmpp::xep::api_session::ApiSession;
use xmpp::xep::data_form::DataForm;
use xmpp::xep::muc::Item;
use xmpp::xml::Writer;

use crate::client::Client;
use crate::command::{CommandError, Done};
use crate::connection::requests::{self, Asked, words};
use crate::event::Event;
use crate::question::{
    Answer, Department, Invitations, MadeInvitation, Question, QuestionId, Refusal, RoomSetup,
};
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

/// What a request of a question is for.
#[derive(Debug, Clone)]
pub(crate) enum Inquiry {
    /// The answer says all.
    Plain,
    /// The form of a room: to be read.
    Setup,
    /// The form of a room: to be filled in.
    SetUp(Box<RoomSetup>),
    Affiliation(BareJid, xmpp::xep::muc::Affiliation),
    Closed,
    Banned,
    Search,
    Listing,
    Spaces,
    SpaceRooms(String),
    People,
    Commands,
    Administration,
    Invited,
    Invite {
        name: Option<String>,
        days: Option<u32>,
    },
}

/// A request that is out, for a question.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) question: QuestionId,
    pub(crate) to: String,
    pub(crate) inquiry: Inquiry,
}

/// What is known of questions that are open.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    newest: u64,
    /// Those that wait for several answers: how many, and what came so far.
    gathering: BTreeMap<QuestionId, (usize, Vec<Department>)>,
}

type Outcome = Result<Answer, Refusal>;

fn refusal(error: &xmpp::condition::StanzaError) -> Refusal {
    Refusal {
        condition: Some(error.condition),
        text: words(error),
    }
}

/// What came could not be understood.
fn not_understood() -> Refusal {
    Refusal {
        condition: None,
        text: "The server's answer cannot be understood.".to_owned(),
    }
}

impl<S: Storage> Client<S> {
    /// Asks what the person wants to know, or to have done.
    pub(crate) fn ask_question(
        &mut self,
        question: Question,
        turn: &Turn<'_>,
    ) -> Result<Done, CommandError> {
        if !self.is_online() {
            return Err(CommandError::Offline);
        }
        self.questions.newest += 1;
        let id = QuestionId(self.questions.newest);
        let query = |namespace: &str| format!("<query xmlns='{namespace}'/>");
        let (set, to, payload, inquiry) = match question {
            Question::RoomSetup(room) => (
                false,
                room.as_str().to_owned(),
                query(ns::MUC_OWNER),
                Inquiry::Setup,
            ),
            Question::SetUpRoom { room, setup } => (
                false,
                room.as_str().to_owned(),
                query(ns::MUC_OWNER),
                Inquiry::SetUp(Box::new(setup)),
            ),
            Question::SetRoomPicture { room, picture } => (
                true,
                room.as_str().to_owned(),
                setup::card(picture.as_ref()),
                Inquiry::Plain,
            ),
            Question::SetAffiliation {
                room,
                who,
                affiliation,
                reason,
            } => {
                let item = Item {
                    affiliation: Some(affiliation),
                    jid: Some(who.clone().into()),
                    reason,
                    ..Item::default()
                };
                let inquiry = Inquiry::Affiliation(who, affiliation);
                (true, room.as_str().to_owned(), admin(&item), inquiry)
            }
            Question::SetRole {
                room,
                nick,
                role,
                reason,
            } => {
                let item = Item {
                    role: Some(role),
                    nick: Some(nick),
                    reason,
                    ..Item::default()
                };
                (true, room.as_str().to_owned(), admin(&item), Inquiry::Plain)
            }
            Question::Banned(room) => {
                let item = Item {
                    affiliation: Some(xmpp::xep::muc::Affiliation::Outcast),
                    ..Item::default()
                };
                let room = room.as_str().to_owned();
                (false, room, admin(&item), Inquiry::Banned)
            }
            Question::CloseRoom { room, reason } => {
                let mut writer = Writer::new();
                writer.start("query").xmlns(ns::MUC_OWNER);
                writer.start("destroy");
                if let Some(reason) = &reason {
                    writer.leaf_text("reason", None, reason);
                }
                writer.end().end();
                let room = room.as_str().to_owned();
                (true, room, writer.finish(), Inquiry::Closed)
            }
            Question::FindRooms { words, after } => {
                let payload = directory::search(&words, after.as_deref());
                (true, self.room_service(), payload, Inquiry::Search)
            }
            Question::DepartmentRooms => {
                let Some(spaces) = self.surroundings.spaces.clone() else {
                    self.answer_question(id, Ok(Answer::Departments(Vec::new())));
                    return Ok(Done::Asked(id));
                };
                (false, spaces, query(ns::DISCO_ITEMS), Inquiry::Spaces)
            }
            Question::FindPeople { words } => {
                let domain = self.settings.account.domain().to_owned();
                (true, domain, directory::people(&words), Inquiry::People)
            }
            Question::Invitations => {
                let domain = self.settings.account.domain().to_owned();
                let items = format!(
                    "<query xmlns='{}' node='{}'/>",
                    ns::DISCO_ITEMS,
                    ns::COMMANDS
                );
                (false, domain, items, Inquiry::Commands)
            }
            Question::Administration => {
                let own = self.settings.account.as_str().to_owned();
                let payload = xmpp::xep::api_session::request();
                (true, own, payload, Inquiry::Administration)
            }
            Question::InvitePerson {
                account,
                name,
                days,
            } => {
                let domain = self.settings.account.domain().to_owned();
                let payload = invitations::execute(account, None, None);
                let inquiry = if account {
                    Inquiry::Invite { name, days }
                } else {
                    Inquiry::Invited
                };
                (true, domain, payload, inquiry)
            }
        };
        self.inquire(set, id, to, &payload, inquiry, turn);
        Ok(Done::Asked(id))
    }

    fn room_service(&self) -> String {
        let usual = || format!("rooms.{}", self.settings.account.domain());
        self.surroundings.rooms.clone().unwrap_or_else(usual)
    }

    fn inquire(
        &mut self,
        set: bool,
        question: QuestionId,
        to: String,
        payload: &str,
        inquiry: Inquiry,
        turn: &Turn<'_>,
    ) {
        let step = Step {
            question,
            to: to.clone(),
            inquiry,
        };
        let asked = Asked::Question(Box::new(step));
        if !self.ask(set, Some(&to), payload, asked, turn) {
            self.answer_question(question, Err(Refusal::no_answer()));
        }
    }

    fn answer_question(&mut self, question: QuestionId, answer: Outcome) {
        self.tell(Event::Answered { question, answer });
    }

    /// An answer of the server to a request of a question.
    pub(crate) fn question_answered(
        &mut self,
        step: Step,
        answer: requests::Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Step {
            question,
            to,
            inquiry,
        } = step;
        let payload = match answer {
            requests::Answer::Result(payload) => payload,
            requests::Answer::Error(error) => {
                match inquiry {
                    // Services of others know only the plain list.
                    Inquiry::Search if directory::knows_no_search(error) => {
                        let list = format!("<query xmlns='{}'/>", ns::DISCO_ITEMS);
                        self.inquire(false, question, to, &list, Inquiry::Listing, turn);
                    }
                    Inquiry::SpaceRooms(_) => self.gathered(question, None),
                    _ => self.answer_question(question, Err(refusal(error))),
                }
                return Ok(());
            }
            requests::Answer::None => {
                self.questions.gathering.remove(&question);
                self.answer_question(question, Err(Refusal::no_answer()));
                return Ok(());
            }
        };
        let outcome = match inquiry {
            Inquiry::Plain => Ok(Answer::Done),
            Inquiry::Affiliation(who, affiliation) => {
                if let Ok(room) = BareJid::parse(&to) {
                    self.affiliation_is(&room, &who, affiliation);
                }
                Ok(Answer::Done)
            }
            Inquiry::Closed => {
                if let Ok(room) = BareJid::parse(&to) {
                    self.part_room(&room, true);
                    self.publish_bookmark(&room, turn);
                }
                Ok(Answer::Done)
            }
            Inquiry::Setup | Inquiry::SetUp(_) => {
                let form = payload
                    .and_then(|query| query.child("x", ns::DATA_FORMS))
                    .and_then(|form| DataForm::read(form).ok());
                match (form, inquiry) {
                    (Some(form), Inquiry::SetUp(wanted)) => {
                        let filled = setup::filled(form, &wanted);
                        self.inquire(true, question, to, &filled, Inquiry::Plain, turn);
                        return Ok(());
                    }
                    (Some(form), _) => Ok(Answer::RoomSetup(setup::read(&form))),
                    (None, _) => Err(not_understood()),
                }
            }
            Inquiry::Banned => Ok(Answer::Banned(setup::bans(payload))),
            Inquiry::Search => Ok(self.rooms_found(payload)),
            Inquiry::Listing => Ok(self.rooms_listed(payload)),
            Inquiry::Spaces => {
                self.spaces_came(question, &to, payload, turn);
                return Ok(());
            }
            Inquiry::SpaceRooms(name) => {
                let rooms = self.space_rooms(payload);
                self.gathered(question, Some(Department { name, rooms }));
                return Ok(());
            }
            Inquiry::People => Ok(Answer::People(self.people_found(payload))),
            Inquiry::Commands => {
                let nodes: Vec<&str> = payload
                    .into_iter()
                    .flat_map(xmpp::xml::Element::children)
                    .filter_map(|item| item.attr("node"))
                    .collect();
                Ok(Answer::Invitations(Invitations {
                    contacts: nodes.contains(&invitations::INVITE),
                    accounts: nodes.contains(&invitations::CREATE),
                }))
            }
            Inquiry::Invite { name, days } => match invitations::session(payload) {
                Some(session) => {
                    let form = invitations::filled(name.as_deref(), days);
                    let payload = invitations::execute(true, Some(&session), Some(&form));
                    self.inquire(true, question, to, &payload, Inquiry::Invited, turn);
                    return Ok(());
                }
                None => Err(not_understood()),
            },
            Inquiry::Invited => invitations::made(payload).map(Answer::Invitation),
            Inquiry::Administration => match payload.map(ApiSession::read) {
                Some(Ok(access)) => Ok(Answer::Administration {
                    token: access.token,
                    expires: access.expires,
                }),
                _ => Err(not_understood()),
            },
        };
        self.answer_question(question, outcome);
        Ok(())
    }

    fn gathered(&mut self, question: QuestionId, department: Option<Department>) {
        let Some((open, found)) = self.questions.gathering.get_mut(&question) else {
            return;
        };
        *open -= 1;
        found.extend(department.filter(|department| !department.rooms.is_empty()));
        if *open == 0
            && let Some((_, mut found)) = self.questions.gathering.remove(&question)
        {
            found.sort_by(|one, other| one.name.cmp(&other.name));
            self.answer_question(question, Ok(Answer::Departments(found)));
        }
    }
}

fn admin(item: &Item) -> String {
    let mut writer = Writer::new();
    writer.start("query").xmlns(ns::MUC_ADMIN);
    item.write(&mut writer);
    writer.end();
    writer.finish()
}

/// A field that a result shows.
fn shown(form: &DataForm, var: &str) -> Option<String> {
    let field = form.field(var)?;
    field
        .value()
        .map(str::to_owned)
        .filter(|value| !value.is_empty())
}

impl MadeInvitation {
    fn of(form: &DataForm) -> Option<Self> {
        Some(Self {
            uri: shown(form, "uri")?,
            page: shown(form, "landing-url"),
            expires: shown(form, "expire").or_else(|| shown(form, "expiry")),
        })
    }
}
