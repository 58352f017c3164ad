//! Requests of ours and who waits for their answers; requests of others.

use std::time::Duration;

use base::{BareJid, Moment};
use omemo::{DeviceId, RequestId};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq::{self, Iq, IqBody};
use xmpp::ns;
use xmpp::xml::{Element, Stanza, Tree};

use crate::border::UploadId;
use crate::client::Client;
use crate::event::Event;
use crate::features::message_archive::Page;
use crate::features::questions::Step;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;

/// After so long nobody waits for an answer any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an answer is for.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// Whatever comes, it changes nothing.
    Nothing,
    /// The person wanted something; in a few words what.
    Command(&'static str),
    /// All that the server had kept for a stream that goes on has come when it is answered.
    GoesOn,
    /// All that was sent up to this number has reached the server when it is answered.
    Barrier(u64),
    AccountInfo,
    ServerInfo,
    ServerItems,
    ServiceInfo(String),
    Roster,
    Blocklist,
    Bookmarks,
    Displayed,
    /// Our card; and when it came, this name is to stand in it.
    OwnCard,
    CardFor(String),
    Inbox,
    Encryption(RequestId),
    Archive(Page),
    RoomInfo(BareJid),
    RoomMembers(BareJid),
    RoomSetUp(BareJid),
    RoomPicture(BareJid, String),
    SelfPing(BareJid),
    Picture(BareJid, String),
    Slot(UploadId),
    Question(Box<Step>),
    Access(DeviceId, Option<String>),
    AccessEnd,
    Preview(String),
}

/// A request that is out.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) asked: Asked,
    to: Option<String>,
    until: Moment,
}

/// What came of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer<'a> {
    Result(Option<Element<'a>>),
    Error(&'a StanzaError),
    /// None came.
    None,
}

impl<'a> Answer<'a> {
    /// The payload of a good answer.
    pub(crate) const fn payload(self) -> Option<Element<'a>> {
        match self {
            Answer::Result(payload) => payload,
            _ => None,
        }
    }
}

impl<S: Storage> Client<S> {
    /// Sends a request, if there is a stream; `to` nobody is the own account.
    pub(crate) fn ask(
        &mut self,
        set: bool,
        to: Option<&str>,
        payload: &str,
        asked: Asked,
        turn: &Turn<'_>,
    ) -> bool {
        if !self.connection.is_online() {
            return false;
        }
        self.asked += 1;
        let id = format!("{}-{}", self.run_id, self.asked);
        let stanza = if set {
            iq::set(&id, None, to, payload)
        } else {
            iq::get(&id, None, to, payload)
        };
        self.send(stanza);
        let request = Request {
            asked,
            to: to.map(str::to_owned),
            until: turn.now.moment + PATIENCE,
        };
        self.requests.insert(id, request);
        true
    }

    pub(crate) fn requests_deadline(&self) -> Moment {
        if !self.connection.is_online() {
            return Moment::NEVER;
        }
        let all = self.requests.values().map(|request| request.until);
        all.min().unwrap_or(Moment::NEVER)
    }

    /// The session goes on: what was asked is still waited for.
    pub(crate) fn requests_wait_on(&mut self, now: Moment) {
        for request in self.requests.values_mut() {
            request.until = now + PATIENCE;
        }
    }

    pub(crate) fn requests_tick(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        if !self.connection.is_online() {
            return Ok(());
        }
        let late: Vec<String> = self
            .requests
            .iter()
            .filter(|(_, request)| request.until <= turn.now.moment)
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            if let Some(request) = self.requests.remove(&id) {
                self.answered(request.asked, Answer::None, turn)?;
            }
        }
        Ok(())
    }

    /// The session is over: no answer comes any more.
    pub(crate) fn requests_lost(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        for (_, request) in std::mem::take(&mut self.requests) {
            self.answered(request.asked, Answer::None, turn)?;
        }
        Ok(())
    }

    /// Whether an answer comes from whom was asked (RFC 6120 §8.1.2.1).
    fn is_from(&self, from: Option<&str>, to: Option<&str>) -> bool {
        let own = self.settings.account.as_str();
        let Some(to) = to.filter(|to| *to != own) else {
            return from.is_none_or(|from| {
                from == own
                    || from == self.settings.account.domain()
                    || self.full_jid().is_some_and(|full| full.as_str() == from)
            });
        };
        from == Some(to)
    }

    pub(crate) fn iq_came(
        &mut self,
        stanza: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let from = stanza.from().map(std::borrow::Cow::into_owned);
        let iq = match Iq::parse(stanza) {
            Ok(iq) => iq,
            Err(error) => {
                if matches!(stanza.type_().as_deref(), Some("get" | "set")) {
                    self.send(iq::error(stanza, None, from.as_deref(), &error));
                }
                return Ok(());
            }
        };
        match &iq.body {
            IqBody::Get(child) => {
                let tree = child.tree();
                self.asked_for(stanza, false, tree.root(), from.as_deref(), turn)
            }
            IqBody::Set(child) => {
                let tree = child.tree();
                self.asked_for(stanza, true, tree.root(), from.as_deref(), turn)
            }
            IqBody::Result(child) => {
                let Some(request) = self.take_request(&iq.id, from.as_deref()) else {
                    return Ok(());
                };
                let tree = child.map(|child| child.tree());
                let answer = Answer::Result(tree.as_ref().map(Tree::root));
                self.answered(request.asked, answer, turn)
            }
            IqBody::Error(error) => {
                let Some(request) = self.take_request(&iq.id, from.as_deref()) else {
                    return Ok(());
                };
                self.answered(request.asked, Answer::Error(error), turn)
            }
        }
    }

    /// The archive of which the page of this query was asked for.
    pub(crate) fn requests_page(&self, query: &str) -> Option<BareJid> {
        self.requests
            .values()
            .find_map(|request| match &request.asked {
                Asked::Archive(page) if page.query() == query => Some(page.archive().clone()),
                _ => None,
            })
    }

    fn take_request(&mut self, id: &str, from: Option<&str>) -> Option<Request> {
        let request = self.requests.get(id)?;
        if !self.is_from(from, request.to.as_deref()) {
            return None;
        }
        self.requests.remove(id)
    }

    /// Whether a stanza is by our own account, which only our server can write.
    pub(crate) fn is_own(&self, from: Option<&str>) -> bool {
        from.is_none_or(|from| from == self.settings.account.as_str())
    }

    fn asked_for(
        &mut self,
        stanza: &Stanza,
        set: bool,
        payload: Element<'_>,
        from: Option<&str>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let own = self.is_own(from);
        let answer = match (set, payload.name(), payload.namespace()) {
            (false, "ping", ns::PING) => Ok(String::new()),
            (false, "query", ns::DISCO_INFO) => self.disco_info(payload.attr("node")),
            (false, "query", ns::DISCO_ITEMS) => {
                Ok(format!("<query xmlns='{}'/>", ns::DISCO_ITEMS))
            }
            (true, "query", ns::ROSTER) if own => {
                self.roster_pushed(payload)?;
                Ok(String::new())
            }
            (true, "block" | "unblock", ns::BLOCKING) if own => {
                self.blocking_pushed(payload)?;
                Ok(String::new())
            }
            _ => Err(StanzaError::new(StanzaCondition::ServiceUnavailable)),
        };
        let _ = turn;
        match answer {
            Ok(payload) => self.send(iq::result(stanza, None, from, &payload)),
            Err(error) => self.send(iq::error(stanza, None, from, &error)),
        };
        Ok(())
    }

    fn answered(
        &mut self,
        asked: Asked,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        match asked {
            Asked::Nothing => Ok(()),
            Asked::Command(what) => {
                if let Answer::Error(error) = answer {
                    self.refused(what, error);
                }
                Ok(())
            }
            Asked::GoesOn => {
                self.outbox.holds = false;
                self.outbox.due = true;
                Ok(())
            }
            Asked::Barrier(number) => self.barrier_answered(number, answer, turn),
            Asked::AccountInfo => self.account_info_came(answer, turn),
            Asked::ServerInfo => {
                self.server_info_came(answer);
                Ok(())
            }
            Asked::ServerItems => {
                self.server_items_came(answer, turn);
                Ok(())
            }
            Asked::ServiceInfo(service) => {
                self.service_info_came(service, answer);
                Ok(())
            }
            Asked::Roster => self.roster_came(answer),
            Asked::Blocklist => self.blocklist_came(answer),
            Asked::Bookmarks => self.bookmarks_came(answer, turn),
            Asked::Displayed => self.displayed_came(answer),
            Asked::OwnCard => {
                self.own_card_came(answer);
                Ok(())
            }
            Asked::CardFor(name) => {
                self.card_for_name_came(&name, answer, turn);
                Ok(())
            }
            Asked::Inbox => self.inbox_came(answer, turn),
            Asked::Encryption(request) => self.encryption_answered(request, answer, turn),
            Asked::Archive(page) => self.archive_answered(page, answer, turn),
            Asked::RoomInfo(room) => self.room_info_came(&room, answer, turn),
            Asked::RoomMembers(room) => self.room_members_came(&room, answer, turn),
            Asked::RoomSetUp(room) => self.room_is_set_up(&room, answer, turn),
            Asked::RoomPicture(room, id) => self.room_picture_came(&room, &id, answer),
            Asked::SelfPing(room) => {
                self.self_ping_answered(&room, answer, turn);
                Ok(())
            }
            Asked::Picture(account, id) => self.picture_came(&account, &id, answer),
            Asked::Slot(upload) => {
                self.slot_came(upload, answer);
                Ok(())
            }
            Asked::Access(device, name) => {
                self.access_came(device, name.as_deref(), answer, turn);
                Ok(())
            }
            Asked::AccessEnd => {
                self.access_ended(answer);
                Ok(())
            }
            Asked::Question(step) => self.question_answered(*step, answer, turn),
            Asked::Preview(link) => {
                self.preview_came(link, answer);
                Ok(())
            }
        }
    }

    /// The server refused what the person wanted.
    pub(crate) fn refused(&mut self, what: &str, error: &StanzaError) {
        self.tell(Event::Refused {
            what: what.to_owned(),
            text: words(error),
        });
    }
}

/// An error in words: its own, or else what its condition says.
pub(crate) fn words(error: &StanzaError) -> String {
    let text = error.text.as_deref().map(str::trim).unwrap_or_default();
    if text.is_empty() {
        error.condition.to_string().replace('-', " ")
    } else {
        text.chars().take(500).collect()
    }
}
