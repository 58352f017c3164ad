//! RFC 6121 §2: Roster; and what else is kept of people: what they call themselves, which picture they show, whether they
//! are blocked.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::BareJid;
use xmpp::ns;
use xmpp::xep::roster::Item;
use xmpp::xml::{Element, Writer};

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::turn::Turn;
use crate::views::{Contact, PictureId, Profile};

const VERSION: &[u8] = b"roster";

/// What is kept of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) in_roster: bool,
    /// What we call them.
    pub(crate) name: Option<String>,
    /// They let us see when they are there.
    pub(crate) seen: bool,
    /// We let them.
    pub(crate) sees_us: bool,
    pub(crate) asked: bool,
    pub(crate) groups: Vec<String>,
    /// What they call themselves (XEP-0172).
    pub(crate) nickname: Option<String>,
    /// The picture that they show (XEP-0084).
    pub(crate) picture: Option<String>,
    pub(crate) blocked: bool,
    /// They want to see when we are there, and nobody has answered.
    pub(crate) requests: bool,
}

impl Person {
    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(1);
        record
            .flag(self.in_roster)
            .option_text(self.name.as_deref())
            .flag(self.seen)
            .flag(self.sees_us)
            .flag(self.asked)
            .list(self.groups.iter(), |record, group| {
                record.text(group);
            })
            .option_text(self.nickname.as_deref())
            .option_text(self.picture.as_deref())
            .flag(self.blocked)
            .flag(self.requests);
        record.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (_, mut fields) = Decoder::new(bytes, 1)?;
        Ok(Self {
            in_roster: fields.flag()?,
            name: fields.option_string()?,
            seen: fields.flag()?,
            sees_us: fields.flag()?,
            asked: fields.flag()?,
            groups: fields.list(Decoder::string)?,
            nickname: fields.option_string()?,
            picture: fields.option_string()?,
            blocked: fields.flag()?,
            requests: fields.flag()?,
        })
    }
}

/// Everybody of whom something is kept.
#[derive(Debug, Default)]
pub(crate) struct People {
    all: BTreeMap<BareJid, Person>,
    version: Option<String>,
}

impl People {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let rows = database.scan(
            Table::People,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        let mut all = BTreeMap::new();
        for (key, value) in rows {
            let jid = std::str::from_utf8(&key)
                .ok()
                .and_then(|jid| BareJid::parse(jid).ok());
            let jid = jid.ok_or_else(|| StorageError::damaged("people"))?;
            let person = Person::decode(&value).map_err(|error| error.of("a person"))?;
            all.insert(jid, person);
        }
        let version = database
            .get(Table::State, VERSION)?
            .and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Self { all, version })
    }

    pub(crate) fn get(&self, jid: &BareJid) -> Option<&Person> {
        self.all.get(jid)
    }

    pub(crate) fn picture(&self, jid: &BareJid) -> Option<PictureId> {
        let id = self.all.get(jid)?.picture.as_deref()?;
        Some(PictureId(Arc::from(id)))
    }

    pub(crate) fn blocked(&self) -> Vec<BareJid> {
        let all = self.all.iter();
        all.filter(|(_, person)| person.blocked)
            .map(|(jid, _)| jid.clone())
            .collect()
    }

    pub(crate) fn is_blocked(&self, jid: &BareJid) -> bool {
        self.all.get(jid).is_some_and(|person| person.blocked)
    }
}

impl<S: Storage> Client<S> {
    /// Changes what is kept of somebody.
    pub(crate) fn change_person(&mut self, jid: &BareJid, change: impl FnOnce(&mut Person)) {
        let before = self.people.all.get(jid).cloned().unwrap_or_default();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return;
        }
        let key = jid.as_str().as_bytes().to_vec();
        if after == Person::default() {
            self.people.all.remove(jid);
            self.database.delete(Table::People, key);
        } else {
            self.database.put(Table::People, key, after.encode());
            self.people.all.insert(jid.clone(), after);
        }
        self.conversations.redraw(jid);
        // Contacts are shown also where no conversation is.
        self.conversations.tell();
    }

    /// What to call an account.
    pub(crate) fn name_of(&self, jid: &BareJid) -> Arc<str> {
        let person = self.people.get(jid);
        let name = person.and_then(|person| person.name.as_ref().or(person.nickname.as_ref()));
        Arc::from(match name {
            Some(name) => name.as_str(),
            None => jid.local().unwrap_or_else(|| jid.as_str()),
        })
    }

    pub(crate) fn fetch_roster(&mut self, turn: &Turn<'_>) {
        let mut writer = Writer::new();
        writer.start("query").xmlns(ns::ROSTER);
        writer.attr("ver", self.people.version.as_deref().unwrap_or_default());
        writer.end();
        self.ask(false, None, &writer.finish(), Asked::Roster, turn);
    }

    pub(crate) fn roster_came(&mut self, answer: Answer<'_>) -> Result<(), StorageError> {
        // Without a payload it is as before (RFC 6121 §2.6.3).
        let Some(query) = answer.payload() else {
            return Ok(());
        };
        let there: Vec<BareJid> = query
            .children()
            .filter_map(|item| BareJid::parse(item.attr("jid")?).ok())
            .collect();
        let gone: Vec<BareJid> = self
            .people
            .all
            .iter()
            .filter(|(jid, person)| person.in_roster && !there.contains(jid))
            .map(|(jid, _)| jid.clone())
            .collect();
        for jid in gone {
            self.change_person(&jid, take_out);
        }
        self.roster_pushed(query)
    }

    /// Items of the roster are these now.
    pub(crate) fn roster_pushed(&mut self, query: Element<'_>) -> Result<(), StorageError> {
        for item in query.children().filter(|item| item.is("item", ns::ROSTER)) {
            let Some(jid) = item.attr("jid").and_then(|jid| BareJid::parse(jid).ok()) else {
                continue;
            };
            let subscription = item.attr("subscription").unwrap_or("none");
            if subscription == "remove" {
                self.change_person(&jid, take_out);
                continue;
            }
            self.change_person(&jid, |person| {
                person.in_roster = true;
                person.name = item
                    .attr("name")
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned);
                person.seen = matches!(subscription, "to" | "both");
                person.sees_us = matches!(subscription, "from" | "both");
                person.asked = item.attr("ask") == Some("subscribe");
                person.groups = item
                    .children()
                    .filter(|group| group.is("group", ns::ROSTER))
                    .map(|group| group.text().into_owned())
                    .collect();
                if person.sees_us {
                    person.requests = false;
                }
            });
        }
        if let Some(version) = query.attr("ver") {
            self.database
                .put(Table::State, VERSION.to_vec(), version.as_bytes().to_vec());
            self.people.version = Some(version.to_owned());
        }
        Ok(())
    }

    pub(crate) fn set_contact(
        &mut self,
        account: &BareJid,
        name: Option<&str>,
        remove: bool,
        turn: &Turn<'_>,
    ) -> bool {
        let known = self.people.get(account);
        let groups = known
            .map(|person| person.groups.clone())
            .unwrap_or_default();
        let mut writer = Writer::new();
        writer.start("query").xmlns(ns::ROSTER);
        if remove {
            writer.start("item").attr("jid", account.as_str());
            writer.attr("subscription", "remove").end();
        } else {
            Item {
                jid: account.as_str(),
                name,
                subscription: "none",
                groups: groups.iter().map(String::as_str).collect(),
                ..Item::default()
            }
            .write(&mut writer);
        }
        writer.end();
        let xml = writer.finish().replace(" subscription='none'", "");
        self.ask(true, None, &xml, Asked::Command("change the contact"), turn)
    }

    /// Everybody in the roster, by name.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        let mut contacts: Vec<Contact> = self
            .people
            .all
            .iter()
            .filter(|(_, person)| person.in_roster)
            .map(|(jid, person)| self.contact(jid, person))
            .collect();
        contacts.sort_by(|one, other| {
            (one.name.to_lowercase(), &one.account)
                .cmp(&(other.name.to_lowercase(), &other.account))
        });
        contacts
    }

    fn contact(&self, jid: &BareJid, person: &Person) -> Contact {
        let (availability, status) = self.presences.best(jid);
        Contact {
            account: jid.clone(),
            name: self.name_of(jid),
            seen: person.seen,
            sees_us: person.sees_us,
            asked: person.asked,
            groups: person
                .groups
                .iter()
                .map(|group| Arc::from(&**group))
                .collect(),
            availability,
            status,
            picture: self.people.picture(jid),
        }
    }

    /// What is known of somebody, in the roster or not; also of ourselves.
    #[must_use]
    pub fn profile(&self, account: &BareJid) -> Profile {
        let person = self.people.get(account);
        let (availability, status) = if *account == self.settings.account {
            let (availability, status) = &self.presences.own;
            (*availability, Arc::from(status.as_str()))
        } else {
            self.presences.best(account)
        };
        Profile {
            account: account.clone(),
            name: self.name_of(account),
            contact: person
                .filter(|person| person.in_roster)
                .map(|person| self.contact(account, person)),
            requests: person.is_some_and(|person| person.requests),
            blocked: person.is_some_and(|person| person.blocked),
            picture: self.people.picture(account),
            availability,
            status,
        }
    }

    /// Who wants to see when we are there, and was not answered.
    #[must_use]
    pub fn contact_requests(&self) -> Vec<BareJid> {
        let all = self.people.all.iter();
        all.filter(|(_, person)| person.requests)
            .map(|(jid, _)| jid.clone())
            .collect()
    }
}

fn take_out(person: &mut Person) {
    person.in_roster = false;
    person.name = None;
    person.seen = false;
    person.sees_us = false;
    person.asked = false;
    person.groups.clear();
}
