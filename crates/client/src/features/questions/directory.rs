//! Finding rooms (XEP-0433, XEP-0045 §6.3, XEP-0503) and people (XEP-0055).

use base::BareJid;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::channel_search::BY_ADDRESS;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xml::{Element, Writer};

use super::Inquiry;
use crate::client::Client;
use crate::question::{Answer, FoundPerson, FoundRoom, QuestionId};
use crate::storage::Storage;
use crate::turn::Turn;

/// Rooms on one page.
const PAGE: usize = 50;
/// Departments that are looked at.
const MOST_SPACES: usize = 32;
/// Found people that are shown.
const MOST_PEOPLE: usize = 50;
/// Longer names and descriptions are cut, in characters.
const LONGEST: usize = 300;

fn cut(text: &str) -> String {
    text.trim().chars().take(LONGEST).collect()
}

/// XEP-0433 §3.2.
pub(super) fn search(words: &str, after: Option<&str>) -> String {
    let mut form = DataForm::new(FormKind::Submit, ns::CHANNEL_SEARCH_PARAMETERS);
    form = if words.trim().is_empty() {
        form.with(Field::new("all", "boolean", ["true"]))
            .with(Field::new("key", "list-single", [BY_ADDRESS]))
    } else {
        form.with(Field::new("q", "text-single", [words.trim()]))
    };
    let mut writer = Writer::new();
    writer.start("search").xmlns(ns::CHANNEL_SEARCH);
    writer.start("set").xmlns(ns::RSM);
    writer.leaf_text("max", None, &PAGE.to_string());
    if let Some(after) = after {
        writer.leaf_text("after", None, after);
    }
    writer.end();
    form.write(&mut writer);
    writer.end();
    writer.finish()
}

pub(super) const fn knows_no_search(error: &StanzaError) -> bool {
    matches!(
        error.condition,
        StanzaCondition::ServiceUnavailable | StanzaCondition::FeatureNotImplemented
    )
}

/// XEP-0055 §2.1, with a form (§3): the house takes words for names and addresses alike.
pub(super) fn people(words: &str) -> String {
    let form = DataForm::new(FormKind::Submit, ns::SEARCH).with(Field::new(
        "search",
        "text-single",
        [words.trim()],
    ));
    let mut writer = Writer::new();
    writer.start("query").xmlns(ns::SEARCH);
    form.write(&mut writer);
    writer.end();
    writer.finish()
}

impl<S: Storage> Client<S> {
    fn found_room(&self, address: &str, name: Option<&str>) -> Option<FoundRoom> {
        let room = BareJid::parse(address).ok()?;
        let name = name.map(cut).filter(|name| !name.is_empty());
        let local = || room.local().unwrap_or_default().to_owned();
        Some(FoundRoom {
            name: name.unwrap_or_else(local),
            description: None,
            people: None,
            open: None,
            joined: self.rooms.is_wanted(&room),
            room,
        })
    }

    pub(super) fn rooms_found(&self, payload: Option<Element<'_>>) -> Answer {
        let mut rooms = Vec::new();
        let mut last = None;
        let mut count = 0;
        for child in payload.into_iter().flat_map(Element::children) {
            let text = |name: &str| {
                let found = child.child(name, child.namespace());
                found.map(|found| found.text().into_owned())
            };
            if child.is("set", ns::RSM) {
                last = text("last");
                count = text("count")
                    .and_then(|count| count.parse().ok())
                    .unwrap_or(0);
            } else if child.is("item", ns::CHANNEL_SEARCH)
                && let Some(address) = child.attr("address")
                && let Some(found) = self.found_room(address, text("name").as_deref())
            {
                let description = text("description").map(|text| cut(&text));
                rooms.push(FoundRoom {
                    description: description.filter(|text| !text.is_empty()),
                    people: text("nusers").and_then(|users| users.parse().ok()),
                    open: text("is-open").map(|open| matches!(open.trim(), "true" | "1")),
                    ..found
                });
            }
        }
        let more = rooms.len() >= PAGE && last.is_some() && count > rooms.len();
        Answer::Rooms { rooms, more }
    }

    pub(super) fn rooms_listed(&self, payload: Option<Element<'_>>) -> Answer {
        let rooms: Vec<FoundRoom> = payload
            .into_iter()
            .flat_map(Element::children)
            .filter(|item| item.is("item", ns::DISCO_ITEMS))
            .filter_map(|item| self.found_room(item.attr("jid")?, item.attr("name")))
            .collect();
        Answer::Rooms { rooms, more: false }
    }

    /// XEP-0503 §5.1: the spaces there are; then what is in each.
    pub(super) fn spaces_came(
        &mut self,
        question: QuestionId,
        service: &str,
        payload: Option<Element<'_>>,
        turn: &Turn<'_>,
    ) {
        let spaces: Vec<(String, String)> = payload
            .into_iter()
            .flat_map(Element::children)
            .filter_map(|item| {
                let node = item.attr("node")?;
                Some((node.to_owned(), cut(item.attr("name").unwrap_or(node))))
            })
            .take(MOST_SPACES)
            .collect();
        if spaces.is_empty() {
            self.answer_question(question, Ok(Answer::Departments(Vec::new())));
            return;
        }
        let waiting = (spaces.len(), Vec::new());
        self.questions.gathering.insert(question, waiting);
        for (node, name) in spaces {
            let mut writer = Writer::new();
            writer.start("pubsub").xmlns(ns::PUBSUB);
            writer.start("items").attr("node", &node).end().end();
            let inquiry = Inquiry::SpaceRooms(name);
            let service = service.to_owned();
            self.inquire(false, question, service, &writer.finish(), inquiry, turn);
        }
    }

    /// XEP-0503 §5.4.
    pub(super) fn space_rooms(&self, payload: Option<Element<'_>>) -> Vec<FoundRoom> {
        payload
            .and_then(|pubsub| pubsub.child("items", ns::PUBSUB))
            .into_iter()
            .flat_map(Element::children)
            .filter_map(|item| {
                let bookmark = item.child("conference", ns::BOOKMARKS);
                let name = bookmark.and_then(|bookmark| bookmark.attr("name"));
                self.found_room(item.attr("id")?, name)
            })
            .collect()
    }

    pub(super) fn people_found(&self, payload: Option<Element<'_>>) -> Vec<FoundPerson> {
        let form = payload.and_then(|query| query.child("x", ns::DATA_FORMS));
        form.into_iter()
            .flat_map(Element::children)
            .filter(|item| item.is("item", ns::DATA_FORMS))
            .filter_map(|item| {
                let value = |var: &str| {
                    let field = item
                        .children()
                        .find(|field| field.attr("var") == Some(var))?;
                    let value = field.child("value", ns::DATA_FORMS)?;
                    Some(cut(&value.text())).filter(|value| !value.is_empty())
                };
                let account = BareJid::parse(&value("jid")?).ok()?;
                let local = || account.local().unwrap_or_default().to_owned();
                Some(FoundPerson {
                    name: value("name").unwrap_or_else(local),
                    account,
                })
            })
            .filter(|found| found.account != self.settings.account)
            .take(MOST_PEOPLE)
            .collect()
    }
}
