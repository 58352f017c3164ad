//! What the stream brings about devices and keys.

use base::{BareJid, Timestamp};
use xmpp::condition::StanzaCondition;
use xmpp::ns;
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::{Element, Stanza};

use super::publications::{Node, node_name};
use super::requests::{RequestId, Task, Want};
use super::{Event, MAX_BUNDLES, Machine, Peer, Trouble, Unreachable, slot};
use crate::account::device_number;
use crate::bundle::Bundle;
use crate::crypto::{EdwardsKey, IdentityKey, PublicKey, Randomness};
use crate::device_list::DeviceList;
use crate::error::Error;
use crate::records::{DeviceRecord, TrustRecord};
use crate::store::{Draft, KeyStore};
use crate::trust::Trust;

/// The answer to a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// It was done; with the payload of the `iq`, if there is one.
    Result(Option<Element<'a>>),
    /// It was refused.
    Error(StanzaCondition),
    /// None came. Better than to wait for ever.
    None,
}

/// The payloads of the items in `<items/>`, with their ids.
fn items<'t>(items: Element<'t>, namespace: &str) -> Vec<(&'t str, Element<'t>)> {
    items
        .children()
        .filter(|child| child.is("item", namespace))
        .filter_map(|item| Some((item.attr("id").unwrap_or_default(), item.children().next()?)))
        .collect()
}

/// The list among the items: the one with the id that it should have, or else the last.
fn list_in(form: Form, items: &[(&str, Element<'_>)]) -> Option<DeviceList> {
    let read = |(_, payload): &(&str, Element<'_>)| DeviceList::read(form, *payload);
    items
        .iter()
        .find(|(id, _)| *id == "current")
        .and_then(read)
        .or_else(|| items.iter().rev().find_map(read))
}

impl<S: KeyStore> Machine<S> {
    /// A device list came by itself: a `<message/>` with an event (XEP-0163 §4.3). `from` is the bare address of the
    /// stanza's `from`; believe it only from the stanza itself. Says whether there was a device list in it. That of an
    /// account whose devices were never asked for is not kept.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn notified(
        &mut self,
        from: &BareJid,
        message: &Stanza,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<bool, Error<S::Error>> {
        let Some(event) = message.child("event", ns::PUBSUB_EVENT) else {
            return Ok(false);
        };
        let tree = event.tree();
        let mut found = false;
        for child in tree.root().children() {
            let Some(form) = child.attr("node").and_then(Form::of_device_list_node) else {
                continue;
            };
            let list = match child.name() {
                "items" => {
                    let items = items(child, ns::PUBSUB_EVENT);
                    match list_in(form, &items) {
                        Some(list) => list,
                        // Taken back; what is no list at all tells nothing.
                        None if items.is_empty() => DeviceList::default(),
                        None => continue,
                    }
                }
                "delete" | "purge" => DeviceList::default(),
                _ => continue,
            };
            found = true;
            if *from != self.own && !self.is_of_interest(from)? {
                continue;
            }
            self.device_list(from, form, list, now, random)?;
        }
        Ok(found)
    }

    /// Whether an account's devices were ever asked for. Those of others are fetched when they are needed; to keep all
    /// that comes would let any stranger fill the store.
    fn is_of_interest(&self, account: &BareJid) -> Result<bool, Error<S::Error>> {
        let draft = Draft::new(&self.store);
        for form in Form::ALL {
            if draft.list(account, form)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The device list of an account is this.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn device_list(
        &mut self,
        account: &BareJid,
        form: Form,
        list: DeviceList,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<(), Error<S::Error>> {
        let mut draft = Draft::new(&self.store);
        let before = draft.list(account, form)?;
        let changed = before.as_ref() != Some(&list);
        let mut own = self.account.clone();
        let mut renumbered = false;
        if *account == self.own && list.contains(own.device) && !own.form(form).announced {
            // Never published by us and yet there: it is another device's.
            let never = |form: &Form| !own.form(*form).announced && own.form(*form).unpublished;
            if Form::ALL.iter().all(never) {
                let other = Form::ALL.into_iter().find(|other| *other != form);
                let other = match other {
                    Some(other) => draft.list(account, other)?.unwrap_or_default(),
                    None => DeviceList::default(),
                };
                while list.contains(own.device) || other.contains(own.device) {
                    own.device = device_number(random);
                }
                own.current.unpublished = true;
                own.legacy.unpublished = true;
                renumbered = true;
            } else {
                own.form_mut(form).announced = true;
            }
            draft.put_account(&own);
        }
        if changed {
            draft.put_list(account, form, &list);
        }
        let changes = draft.finish();
        self.commit(&changes)?;
        self.account = own;
        if *account == self.own {
            let listed = |list: &DeviceList| list.contains(self.account.device);
            self.taken_out |= before.as_ref().is_some_and(listed) && !listed(&list);
            self.own_lists_seen[slot(form)] = true;
        }
        if renumbered {
            let device = self.account.device;
            self.tell(Event::Renumbered { device });
        }
        let key = (account.clone(), form);
        self.failed_lists.remove(&key);
        // Without a stream nothing more would be heard of it.
        if self.connected {
            self.seen_lists.insert(key, now);
        }
        if changed {
            // A device that is new on the list may have published meanwhile what was not there before.
            let new = |device: &DeviceId| {
                before
                    .as_ref()
                    .is_none_or(|before| !before.contains(*device))
            };
            let ours = self.account.device;
            let after_us = before.as_ref().is_some_and(|before| before.contains(ours));
            for device in list.ids().filter(new) {
                let peer = (account.clone(), device, form);
                self.troubles.remove(&peer);
                if *account != self.own || device == ours {
                    continue;
                }
                // The person is to hear of their own at once and can compare them, not only after they have written.
                self.wanted.insert(Want::Bundle(peer));
                if after_us {
                    self.came_after_us.insert(device);
                }
            }
            self.tell(Event::Devices {
                account: account.clone(),
            });
        }
        Ok(())
    }

    /// A request was answered, or never will be.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn answered(
        &mut self,
        id: RequestId,
        answer: Answer<'_>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<(), Error<S::Error>> {
        let Some(task) = self.in_flight.remove(&id) else {
            return Ok(());
        };
        match task {
            Task::Fetch(Want::List(account, form)) => {
                self.list_fetched(&account, form, answer, now, random)
            }
            Task::Fetch(Want::Bundle(peer)) => self.bundle_fetched(peer, answer, now, random),
            Task::Publish(node, form, generation) => self.published(node, form, generation, answer),
            Task::Configure(node, form) => {
                // When it was refused, what is there may do as it is.
                self.configure.remove(&(node, form));
                self.configured.insert((node, form));
                Ok(())
            }
            // Were it refused, nobody would find them by the list any more either.
            Task::Withdraw(form) => {
                self.bundle_gone[slot(form)] = !matches!(answer, Answer::None);
                Ok(())
            }
            // These want no answer. They stay due until they were marked as sent.
            Task::Empty(_) | Task::Letter(_) => Ok(()),
        }
    }

    fn list_fetched(
        &mut self,
        account: &BareJid,
        form: Form,
        answer: Answer<'_>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<(), Error<S::Error>> {
        let list = match answer {
            Answer::Result(payload) => {
                let found = payload
                    .filter(|payload| payload.is("pubsub", ns::PUBSUB))
                    .and_then(|payload| payload.child("items", ns::PUBSUB))
                    .and_then(|element| list_in(form, &items(element, ns::PUBSUB)));
                found.unwrap_or_default()
            }
            // There is no such node, so there are no devices.
            Answer::Error(StanzaCondition::ItemNotFound) => DeviceList::default(),
            // Our own lists must be seen; that our server cannot keep any shows when we publish.
            Answer::Error(_) if *account == self.own => DeviceList::default(),
            Answer::Error(_) | Answer::None => {
                self.failed_lists.insert((account.clone(), form), now);
                return Ok(());
            }
        };
        self.device_list(account, form, list, now, random)
    }

    fn bundle_fetched(
        &mut self,
        peer: Peer,
        answer: Answer<'_>,
        now: Timestamp,
        random: &mut dyn Randomness,
    ) -> Result<(), Error<S::Error>> {
        let (account, device, form) = &peer;
        let payload = match answer {
            Answer::Result(payload) => payload
                .filter(|payload| payload.is("pubsub", ns::PUBSUB))
                .and_then(|payload| payload.child("items", ns::PUBSUB)),
            Answer::Error(_) | Answer::None => None,
        };
        let wanted = device.to_string();
        let bundle = payload.and_then(|element| {
            items(element, ns::PUBSUB)
                .into_iter()
                .rev()
                .find(|(id, _)| *form == Form::Legacy || *id == wanted)
        });
        let reason = match bundle.map(|(_, payload)| Bundle::read(*form, payload)) {
            // Too many wait already; this one must be asked for again.
            Some(Ok(_)) if self.bundles.len() >= MAX_BUNDLES => Unreachable::BundleUnavailable,
            Some(Ok(mut bundle)) => {
                bundle.choose(random);
                let mut draft = Draft::new(&self.store);
                let identity = bundle.identity.identity();
                let edwards = Some(bundle.identity);
                let (_, events) =
                    self.learn(&mut draft, account, *device, identity, edwards, now)?;
                let changes = draft.finish();
                self.commit(&changes)?;
                for event in events {
                    self.tell(event);
                }
                self.troubles.remove(&peer);
                self.bundles.insert(peer, (bundle, now));
                return Ok(());
            }
            Some(Err(fault)) => Unreachable::BundleInvalid(fault),
            None => Unreachable::BundleUnavailable,
        };
        self.troubles.insert(peer, Trouble { reason, since: now });
        Ok(())
    }

    fn published(
        &mut self,
        node: Node,
        form: Form,
        generation: u64,
        answer: Answer<'_>,
    ) -> Result<(), Error<S::Error>> {
        match answer {
            Answer::Result(_) => {
                let mut account = self.account.clone();
                let mut draft = Draft::new(&self.store);
                match node {
                    // A prekey that was used while the bundle was on its way makes it out of date again.
                    Node::Bundle => {
                        account.form_mut(form).unpublished =
                            self.generations[slot(form)] != generation;
                    }
                    Node::Devices => {
                        account.form_mut(form).announced = true;
                        if let Some(list) = self.list_to_publish(form)? {
                            let before = draft.list(&self.own, form)?.unwrap_or_default();
                            for device in before.ids().filter(|device| !list.contains(*device)) {
                                let times = self.removals.entry(device).or_default();
                                *times = times.saturating_add(1);
                            }
                            draft.put_list(&self.own, form, &list);
                        }
                    }
                }
                draft.put_account(&account);
                let changes = draft.finish();
                self.commit(&changes)?;
                self.account = account;
                if node == Node::Devices {
                    // What we publish ourselves is told to us by nobody, or comes as what is known already.
                    let account = self.own.clone();
                    self.tell(Event::Devices { account });
                }
                Ok(())
            }
            // Most likely the node is configured otherwise than we demand (XEP-0060 §7.1.5); servers say so in several
            // ways, and some know no `max`.
            Answer::Error(_) if !self.configured.contains(&(node, form)) => {
                self.configure.insert((node, form));
                Ok(())
            }
            Answer::Error(_) => {
                self.refused.insert((node, form));
                let node = node_name(node, form, self.account.device);
                self.tell(Event::Refused { node });
                Ok(())
            }
            // It is due again.
            Answer::None => Ok(()),
        }
    }
}

/// Reads what is known of a key in its Edwards shape as if it were in the other one: so it was kept when a trust
/// message named it before it was seen.
fn as_named(edwards: &EdwardsKey) -> IdentityKey {
    IdentityKey::new(PublicKey::new(*edwards.as_bytes()))
}

/// A device has shown another key: the one before is no longer believed merely because it came first. Whoever has it
/// could else make us turn back to it unnoticed.
fn demote<S: KeyStore>(
    draft: &mut Draft<'_, S>,
    account: &BareJid,
    identity: &IdentityKey,
    now: Timestamp,
) -> Result<(), Error<S::Error>> {
    let record = draft.trust(account, identity)?;
    if record.is_some_and(|record| record.trust == Trust::FirstUse) {
        let trust = Trust::Undecided;
        draft.put_trust(account, identity, &TrustRecord { trust, since: now });
    }
    Ok(())
}

impl<S: KeyStore> Machine<S> {
    /// A device has this key: notes it, and what it is worth. Gives its trust and what there is to tell.
    pub(super) fn learn(
        &self,
        draft: &mut Draft<'_, S>,
        account: &BareJid,
        device: DeviceId,
        identity: IdentityKey,
        edwards: Option<EdwardsKey>,
        now: Timestamp,
    ) -> Result<(Trust, Vec<Event>), Error<S::Error>> {
        let before = draft.device(account, device)?;
        let known = before
            .as_ref()
            .is_some_and(|before| before.identity == identity);
        let record = DeviceRecord {
            identity,
            edwards: edwards.map(|key| *key.as_bytes()).or_else(|| {
                before
                    .as_ref()
                    .filter(|_| known)
                    .and_then(|record| record.edwards)
            }),
        };
        if before.as_ref() != Some(&record) {
            draft.put_device(account, device, &record);
        }
        let mut events = Vec::new();
        let mut decided = draft.trust(account, &identity)?;
        if decided.is_none()
            && let Some(named) = edwards.as_ref().map(as_named)
            && let Some(record) = draft.trust(account, &named)?
        {
            draft.put_trust(account, &identity, &record);
            decided = Some(record);
        }
        let changed = before.is_some() && !known;
        if let Some(before) = before.as_ref().filter(|_| changed) {
            demote(draft, account, &before.identity, now)?;
        }
        let trust = match decided {
            Some(record) => record.trust,
            None => {
                let verified = draft
                    .trusts(account)?
                    .iter()
                    .any(|(_, record)| record.trust.is_verified());
                let trust = if changed || verified {
                    Trust::Undecided
                } else {
                    Trust::FirstUse
                };
                draft.put_trust(account, &identity, &TrustRecord { trust, since: now });
                trust
            }
        };
        if !known {
            events.push(if before.is_some() {
                Event::KeyChanged {
                    account: account.clone(),
                    device,
                }
            } else {
                Event::NewDevice {
                    account: account.clone(),
                    device,
                    trust,
                }
            });
        }
        Ok((trust, events))
    }
}
