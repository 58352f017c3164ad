//! RFC 6121 §4: Presence, and §3: who may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::{BareJid, Jid, Moment};
use xmpp::ns;
use xmpp::xml::{Stanza, Writer};

use crate::client::Client;
use crate::event::Event;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;
use crate::views::Availability;

/// So many resources of one account are enough.
const MOST_RESOURCES: usize = 32;
/// Somebody who types says so again and again; after this they have stopped, whether they said so or not.
const TYPING: Duration = Duration::from_secs(60);

/// Who is there, and who is typing.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    all: BTreeMap<BareJid, BTreeMap<String, (Availability, Arc<str>)>>,
    typing: BTreeMap<BareJid, BTreeMap<Arc<str>, Moment>>,
    pub(crate) own: (Availability, String),
}

impl Presences {
    /// The most available of an account's resources.
    pub(crate) fn best(&self, jid: &BareJid) -> (Availability, Arc<str>) {
        self.all
            .get(jid)
            .and_then(|resources| resources.values().max_by_key(|(available, _)| *available))
            .cloned()
            .unwrap_or((Availability::Offline, Arc::from("")))
    }

    pub(crate) fn typing(&self, jid: &BareJid) -> Vec<Arc<str>> {
        let names = self.typing.get(jid).map(BTreeMap::keys);
        names.into_iter().flatten().cloned().collect()
    }

    /// Somebody types, or has stopped. Says whether that is new.
    pub(crate) fn set_typing(
        &mut self,
        jid: &BareJid,
        who: &Arc<str>,
        since: Option<Moment>,
    ) -> bool {
        match since {
            Some(since) => {
                let names = self.typing.entry(jid.clone()).or_default();
                names.len() < MOST_RESOURCES
                    && names.insert(Arc::clone(who), since + TYPING).is_none()
            }
            None => {
                let Some(names) = self.typing.get_mut(jid) else {
                    return false;
                };
                let was = names.remove(who).is_some();
                if names.is_empty() {
                    self.typing.remove(jid);
                }
                was
            }
        }
    }

    pub(crate) fn deadline(&self) -> Moment {
        let ends = self.typing.values().flat_map(BTreeMap::values).copied();
        ends.min().unwrap_or(Moment::NEVER)
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        for names in self.typing.values_mut() {
            names.retain(|_, until| *until > now);
        }
        self.typing.retain(|_, names| !names.is_empty());
    }

    /// Nothing is known any more.
    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.typing.clear();
    }
}

fn show(availability: Availability) -> Option<&'static str> {
    match availability {
        Availability::Away => Some("away"),
        Availability::ExtendedAway => Some("xa"),
        Availability::Busy => Some("dnd"),
        Availability::Online | Availability::Offline => None,
    }
}

/// What a presence says of who sent it.
pub(crate) fn availability_of(presence: &Stanza) -> Availability {
    if presence.type_().is_some() {
        return Availability::Offline;
    }
    match presence.child("show", ns::CLIENT) {
        None => Availability::Online,
        Some(show) => match show.tree().root().text().trim() {
            "away" => Availability::Away,
            "xa" => Availability::ExtendedAway,
            "dnd" => Availability::Busy,
            _ => Availability::Online,
        },
    }
}

impl<S: Storage> Client<S> {
    /// Tells everybody that we are there.
    pub(crate) fn send_presence(&mut self) {
        let mut writer = Writer::new();
        writer.start("presence");
        self.presence_children(&mut writer);
        writer.end();
        self.send(writer.into_bytes());
    }

    pub(crate) fn presence_children(&self, writer: &mut Writer) {
        let (availability, status) = &self.presences.own;
        if let Some(show) = show(*availability) {
            writer.leaf_text("show", None, show);
        }
        if !status.is_empty() {
            writer.leaf_text("status", None, status);
        }
        self.capabilities(writer);
    }

    pub(crate) fn set_availability(&mut self, availability: Availability, status: String) {
        self.presences.own = (availability, status);
        if availability == Availability::Offline {
            self.send("<presence type='unavailable'/>");
        } else {
            self.send_presence();
            self.rooms_presence();
        }
    }

    /// Somebody may see when we are there, or we want to see when they are.
    pub(crate) fn send_subscription(&mut self, to: &BareJid, kind: &str) {
        let mut writer = Writer::new();
        writer.start("presence").attr("to", to.as_str());
        writer.attr("type", kind).end();
        self.send(writer.into_bytes());
    }

    pub(crate) fn presence_came(
        &mut self,
        stanza: &Stanza,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(from) = stanza.from().and_then(|from| Jid::parse(&from).ok()) else {
            return Ok(());
        };
        let account = from.bare();
        if self.rooms.is_room(&account) || stanza.has("x", ns::MUC_USER) {
            return self.room_presence_came(&from, stanza, turn);
        }
        match stanza.type_().as_deref() {
            Some("subscribe") => {
                let known = self.people.get(&account);
                if known.is_some_and(|person| person.sees_us) {
                    self.send_subscription(&account, "subscribed");
                } else if !self.people.is_blocked(&account) {
                    self.change_person(&account, |person| person.requests = true);
                    self.tell(Event::ContactRequest(account));
                }
            }
            Some("unsubscribe") => self.change_person(&account, |person| person.requests = false),
            Some("unavailable") | None => {
                let availability = availability_of(stanza);
                let status = stanza.child("status", ns::CLIENT).map(|status| {
                    let text: String = status.tree().root().text().chars().take(500).collect();
                    Arc::from(text)
                });
                let resource = from.resource().unwrap_or_default().to_owned();
                if account == self.settings.account
                    && self
                        .full_jid()
                        .is_some_and(|own| own.as_str() == from.as_str())
                {
                    return Ok(());
                }
                // Whoever wants to may show us presence; of strangers without end none is kept.
                let of_interest = account.domain() == self.settings.account.domain()
                    || self.conversations.find(&account).is_some()
                    || self
                        .people
                        .get(&account)
                        .is_some_and(|person| person.in_roster);
                if !of_interest {
                    return Ok(());
                }
                let before = self.presences.best(&account);
                let resources = self.presences.all.entry(account.clone()).or_default();
                if availability == Availability::Offline {
                    resources.remove(&resource);
                } else if resources.len() < MOST_RESOURCES || resources.contains_key(&resource) {
                    let said = (availability, status.unwrap_or_else(|| Arc::from("")));
                    resources.insert(resource, said);
                }
                if resources.is_empty() {
                    self.presences.all.remove(&account);
                }
                if self.presences.best(&account) != before {
                    self.conversations.redraw(&account);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The session has ended: nobody is seen any more.
    pub(crate) fn presences_lost(&mut self) {
        let seen: BTreeSet<BareJid> = self.presences.all.keys().cloned().collect();
        self.presences.clear();
        for jid in seen {
            self.conversations.redraw(&jid);
        }
    }
}
