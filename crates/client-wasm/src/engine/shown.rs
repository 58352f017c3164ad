//! What pages look at: computed when it may have changed, told when it has.

use std::collections::BTreeSet;
use std::sync::Arc;

use client::views::{self, diff};
use client::{BareJid, ClientError, ConversationId, Now, Storage};

use super::timeline::Part;
use super::{Engine, json_of};
use crate::types::{
    Connection, Contact, Conversation, ConversationList, Device, Failure, FailureKind, Found,
    FoundMessage, Item, OwnKey, Profile, Readers, Session, Shown, Told, Update, View, account,
    conversation, message, picture,
};

/// What may have changed.
#[derive(Default)]
pub(super) struct Dirty {
    pub(super) session: bool,
    pub(super) conversations: bool,
    pub(super) people: bool,
    pub(super) members: bool,
    pub(super) devices: bool,
    pub(super) timelines: BTreeSet<ConversationId>,
}

/// What somebody looks at.
pub(super) struct Subscription {
    pub(super) watched: Watched,
}

pub(super) enum Watched {
    Session(Option<Session>),
    Conversations(Vec<Arc<views::Conversation>>, Option<usize>),
    Conversation(ConversationId, Option<Option<Conversation>>),
    Timeline(Box<Part>),
    Members(ConversationId, Option<Shown>),
    Pins(ConversationId, Option<Shown>),
    Readers(ConversationId, Option<Shown>),
    Devices(BareJid, Option<Shown>),
    Profile(BareJid, Option<Shown>),
    Contacts(Option<Shown>),
    ContactRequests(Option<Shown>),
}

impl Subscription {
    pub(super) fn new(view: View) -> Result<Self, Failure> {
        let watched = match view {
            View::Session => Watched::Session(None),
            View::Conversations => Watched::Conversations(Vec::new(), None),
            View::Conversation { conversation: id } => {
                Watched::Conversation(conversation(&id)?, None)
            }
            View::Timeline {
                conversation: id,
                around,
            } => {
                let around = around.as_deref().map(message).transpose()?;
                Watched::Timeline(Box::new(Part::new(conversation(&id)?, around)))
            }
            View::Members { conversation: id } => Watched::Members(conversation(&id)?, None),
            View::Pins { conversation: id } => Watched::Pins(conversation(&id)?, None),
            View::Readers { conversation: id } => Watched::Readers(conversation(&id)?, None),
            View::Devices { account: whose } => Watched::Devices(account(&whose)?, None),
            View::Profile { account: whose } => Watched::Profile(account(&whose)?, None),
            View::Contacts => Watched::Contacts(None),
            View::ContactRequests => Watched::ContactRequests(None),
        };
        Ok(Self { watched })
    }

    fn is_touched(&self, dirty: &Dirty) -> bool {
        match &self.watched {
            Watched::Session(_) => dirty.session || dirty.people,
            Watched::Conversations(..) | Watched::Conversation(..) => dirty.conversations,
            Watched::Timeline(part) => dirty.timelines.contains(part.conversation()),
            Watched::Pins(id, _) => dirty.timelines.contains(id),
            Watched::Members(..) => dirty.members || dirty.people,
            Watched::Readers(..) => dirty.members || dirty.devices || dirty.conversations,
            Watched::Devices(..) => dirty.devices,
            Watched::Profile(..) | Watched::Contacts(_) | Watched::ContactRequests(_) => {
                dirty.people || dirty.members
            }
        }
    }
}

fn whole(shown: Shown) -> Option<Update> {
    Some(Update::Whole { shown })
}

/// The new one, if it is another one.
fn replaced(before: &mut Option<Shown>, now: Shown) -> Option<Update> {
    if before.as_ref() == Some(&now) {
        return None;
    }
    *before = Some(now.clone());
    whole(now)
}

impl<S: Storage> Engine<S> {
    /// Tells what has changed to those who look.
    pub(super) fn refresh(&mut self, now: Now) -> Result<(), ClientError> {
        let dirty = std::mem::take(&mut self.dirty);
        let mut subscriptions = std::mem::take(&mut self.subscriptions);
        let mut outcome = Ok(());
        for (name, subscription) in &mut subscriptions {
            if outcome.is_ok() && subscription.is_touched(&dirty) {
                outcome = self.show(name, subscription, now);
            }
        }
        self.subscriptions = subscriptions;
        outcome
    }

    /// Tells how something looks now, if it looks otherwise than before.
    pub(super) fn show(
        &mut self,
        name: &(String, String),
        subscription: &mut Subscription,
        now: Now,
    ) -> Result<(), ClientError> {
        if let Some(update) = self.update(&mut subscription.watched, now)? {
            let (page, name) = name;
            let told = Told::View {
                subscription: name.clone(),
                update,
            };
            self.told.push_back((Some(page.clone()), json_of(&told)));
        }
        Ok(())
    }

    fn update(&self, watched: &mut Watched, now: Now) -> Result<Option<Update>, ClientError> {
        Ok(match watched {
            Watched::Session(before) => {
                let session = self.session();
                if before.as_ref() == Some(&session) {
                    return Ok(None);
                }
                *before = Some(session.clone());
                whole(Shown::Session(session))
            }
            Watched::Conversations(before, unread) => {
                let list = self.client.conversations();
                let rows = list.rows.clone();
                let update = if unread.is_none() {
                    whole(Shown::Conversations(ConversationList {
                        rows: rows.iter().map(Into::into).collect(),
                        unread: list.unread,
                    }))
                } else {
                    let changes = diff(before, &rows, |row| row.id.clone());
                    (!changes.is_empty() || *unread != Some(list.unread)).then(|| {
                        Update::Conversations {
                            changes: changes.into_iter().map(row_of).collect(),
                            unread: list.unread,
                        }
                    })
                };
                *before = rows;
                *unread = Some(list.unread);
                update
            }
            Watched::Conversation(id, before) => {
                let row = self.client.conversation(id).as_ref().map(Into::into);
                if before.as_ref() == Some(&row) {
                    return Ok(None);
                }
                *before = Some(row.clone());
                whole(Shown::Conversation(row))
            }
            Watched::Timeline(part) => part.update(self)?,
            Watched::Members(id, before) => {
                let members = self.client.members(id).into_iter();
                replaced(before, Shown::Members(members.map(Into::into).collect()))
            }
            Watched::Pins(id, before) => {
                let pins = self.client.pins(id)?;
                let pins = pins
                    .iter()
                    .map(|said| crate::types::said(said, self.viewer()));
                replaced(before, Shown::Pins(pins.collect()))
            }
            Watched::Readers(id, before) => {
                let readers = match self.client.who_can_read(id, now.wall)? {
                    Some(readership) => readership.into(),
                    None => Readers {
                        known: false,
                        people: 0,
                        devices: 0,
                        verified: 0,
                        unreached: Vec::new(),
                    },
                };
                replaced(before, Shown::Readers(readers))
            }
            Watched::Devices(whose, before) => {
                let devices: Vec<Device> = self
                    .client
                    .devices(whose)?
                    .into_iter()
                    .map(Into::into)
                    .collect();
                replaced(before, Shown::Devices(devices))
            }
            Watched::Profile(whose, before) => {
                replaced(before, Shown::Profile(self.profile(whose)))
            }
            Watched::Contacts(before) => {
                let contacts: Vec<Contact> =
                    self.client.contacts().into_iter().map(Into::into).collect();
                replaced(before, Shown::Contacts(contacts))
            }
            Watched::ContactRequests(before) => {
                let requests = self.client.contact_requests().into_iter();
                let requests = requests.map(|jid| jid.as_str().to_owned()).collect();
                replaced(before, Shown::ContactRequests(requests))
            }
        })
    }

    fn session(&self) -> Session {
        let own = self.client.profile(self.client.account());
        Session::SignedIn {
            account: own.account.as_str().to_owned(),
            name: own.name.to_string(),
            picture: picture(own.picture.as_ref()),
            device: self.client.device(),
            availability: own.availability.into(),
            status: own.status.to_string(),
            connection: self.connection.clone(),
            login_failed: self.login_failed.clone(),
            catch_up: self
                .catch_up
                .filter(|_| self.connection == Connection::Online),
            administers: self.client.administers(),
        }
    }

    fn profile(&self, whose: &BareJid) -> Profile {
        let profile = self.client.profile(whose);
        Profile {
            own: whose == self.client.account(),
            account: profile.account.as_str().to_owned(),
            name: profile.name.to_string(),
            contact: profile.contact.map(Into::into),
            requests: profile.requests,
            blocked: profile.blocked,
            picture: picture(profile.picture.as_ref()),
            availability: profile.availability.into(),
            status: profile.status.to_string(),
        }
    }

    pub(super) fn own_key(&self) -> Result<OwnKey, Failure> {
        let uri = self.client.verification_uri()?;
        let device = self.client.device();
        let own = uri.claims.iter().find(|claim| claim.device == Some(device));
        let fingerprint = own.map(|claim| client::fingerprint(&claim.key));
        let text = uri.to_string();
        let too_long = || Failure::new(FailureKind::NotPossible, "The code would be too large.");
        let qr = crate::types::qr(&text).ok_or_else(too_long)?;
        Ok(OwnKey {
            device,
            fingerprint: fingerprint.unwrap_or_default(),
            uri: text,
            qr,
        })
    }

    pub(super) fn search(
        &mut self,
        text: &str,
        from: Option<&str>,
        limit: usize,
        now: Now,
    ) -> Result<Found, Failure> {
        let query = self.client.query(text, now.wall);
        let query = query.map_err(|error| Failure::new(FailureKind::NotPossible, error))?;
        let from = match from {
            None => None,
            Some(name) => {
                let known = self.cursors.iter().find(|(known, _)| known == name);
                let gone =
                    || Failure::new(FailureKind::NotFound, "Search again: this was long ago.");
                Some(known.map(|(_, cursor)| cursor.clone()).ok_or_else(gone)?)
            }
        };
        let page = self.client.search(&query, from.as_ref(), limit)?;
        let mut messages = Vec::with_capacity(page.hits.len());
        for hit in page.hits {
            let part = self
                .client
                .timeline(&hit.conversation, views::Window::Around(hit.message, 0))?;
            let found = part.items.into_iter().find_map(|item| match item {
                views::TimelineItem::Message(said) => Some(said),
                _ => None,
            });
            let name = self.client.conversation(&hit.conversation);
            if let Some(said) = found {
                messages.push(FoundMessage {
                    conversation: hit.conversation.as_str().to_owned(),
                    conversation_name: name.map(|row| row.name.to_string()).unwrap_or_default(),
                    message: crate::types::said(&said, self.viewer()),
                });
            }
        }
        let next = page.next.map(|cursor| {
            self.asked += 1;
            let name = self.asked.to_string();
            self.cursors.push_back((name.clone(), cursor));
            if self.cursors.len() > 32 {
                self.cursors.pop_front();
            }
            name
        });
        Ok(Found { messages, next })
    }
}

fn row_of(
    change: views::ListChange<Arc<views::Conversation>>,
) -> crate::types::Change<Conversation> {
    use views::ListChange as Step;
    match change {
        Step::Remove { at } => Step::Remove { at },
        Step::Insert { at, item } => Step::Insert {
            at,
            item: (&item).into(),
        },
        Step::Replace { at, item } => Step::Replace {
            at,
            item: (&item).into(),
        },
    }
    .into()
}

/// The steps from one part of a timeline to the next.
pub(super) fn steps(before: &[Item], after: &[Item]) -> Vec<crate::types::Change<Item>> {
    let changes = diff(before, after, |item| item.id().to_owned());
    changes.into_iter().map(Into::into).collect()
}
