//! One contact of one account while it is being changed: read, drafted, committed, told.

use std::sync::Arc;

use base::{BareJid, Timestamp};
use bytes::Bytes;
use store::{Batch, RosterItem, RosterRequest, RosterVersion, Submitted};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq;
use xmpp::ns;
use xmpp::xep::roster::Item;
use xmpp::xml::Writer;

use crate::account::Turn;
use crate::delivery::Delivery;
use crate::modules::subscription::State;
use crate::modules::{privilege, store_failed};
use crate::{Account, Chat};

/// A drafted change. Whoever holds it holds the account's turn, so nobody else changes the roster
/// meanwhile; memory is changed by [`commit`] alone, after the store has said yes.
pub(crate) struct Draft {
    account: Arc<Account>,
    contact: BareJid,
    before: Option<RosterItem>,
    item: Option<RosterItem>,
    asked_before: bool,
    asked: bool,
    /// The contact's request that begins to wait with this change.
    request: Option<RosterRequest>,
}

impl Draft {
    /// What `account` knows of `contact` now. `turn` is the account's.
    pub(crate) fn of(account: &Arc<Account>, contact: &BareJid, _turn: &Turn<'_>) -> Self {
        let facts = account.facts();
        let before = super::item(&facts, contact.as_str()).cloned();
        let asked = facts
            .requests
            .iter()
            .any(|request| *request.contact == *contact.as_str());
        Self {
            account: Arc::clone(account),
            contact: contact.clone(),
            item: before.clone(),
            before,
            asked_before: asked,
            asked,
            request: None,
        }
    }

    /// Whose roster it is.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The subscription state as drafted.
    pub(crate) fn state(&self) -> State {
        state_of(self.item.as_ref(), self.asked)
    }

    /// The subscription state before.
    pub(crate) fn state_before(&self) -> State {
        state_of(self.before.as_ref(), self.asked_before)
    }

    /// Whether the contact's future request is granted.
    pub(crate) fn is_approved(&self) -> bool {
        self.item.as_ref().is_some_and(|item| item.approved)
    }

    /// Whether the contact is in the roster.
    pub(crate) fn is_listed(&self) -> bool {
        self.item.is_some()
    }

    /// Moves to another subscription state. The contact comes into the roster when there is
    /// something to say there: a request that merely waits for an answer is not (RFC 6121 §3.1.3).
    pub(crate) fn become_state(&mut self, next: State, approved: bool) {
        self.asked = next.is_asked();
        let subscription = next.subscription();
        if self.item.is_none()
            && State::of(subscription, next.is_asking(), false) == State::None
            && !approved
        {
            return;
        }
        let item = self.listed();
        item.subscription = subscription;
        item.ask = next.is_asking();
        item.approved = approved;
    }

    /// Gives the contact this name and these groups.
    pub(crate) fn rename(&mut self, name: Option<Arc<str>>, groups: Vec<Arc<str>>) {
        let item = self.listed();
        item.name = name;
        item.groups = groups;
    }

    /// Takes the contact out of the roster.
    pub(crate) fn remove(&mut self) {
        self.item = None;
    }

    /// Keeps the contact's request until it is answered.
    pub(crate) fn keep_request(&mut self, presence: Bytes, received: Timestamp) {
        self.request = Some(RosterRequest {
            contact: self.contact.as_str().into(),
            presence,
            received,
        });
    }

    fn listed(&mut self) -> &mut RosterItem {
        let contact = &self.contact;
        self.item.get_or_insert_with(|| RosterItem {
            contact: contact.as_str().into(),
            ..RosterItem::default()
        })
    }

    /// Refuses a contact too many.
    ///
    /// # Errors
    /// What the client is told.
    pub(crate) fn check_room(&self, most: usize) -> Result<(), StanzaError> {
        let is_new = self.before.is_none() && self.item.is_some();
        if is_new && self.account.facts().roster.items.len() >= most {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                .text("The contact list is full; please remove a contact first."));
        }
        Ok(())
    }

    fn write(&self, batch: &mut Batch) {
        let account = self.account.id();
        match (&self.before, &self.item) {
            (Some(_), None) => batch.roster_remove(account, self.contact.as_str()),
            (before, Some(item)) if before.as_ref() != Some(item) => {
                batch.roster_set(account, item.clone())
            }
            _ => {}
        }
        match &self.request {
            Some(request) if self.asked => batch.request_set(account, request.clone()),
            _ if self.asked_before && !self.asked => {
                batch.request_remove(account, self.contact.as_str())
            }
            _ => {}
        }
    }

    /// Whether the roster differs afterwards.
    pub(crate) fn changes_roster(&self) -> bool {
        self.before != self.item
    }

    fn apply(&mut self, version: RosterVersion) {
        let changes = self.changes_roster();
        let contact = self.contact.as_str();
        let mut facts = self.account.facts();
        if changes {
            facts.roster.version = version;
            let items = &mut facts.roster.items;
            match (
                items.binary_search_by(|item| (*item.contact).cmp(contact)),
                &mut self.item,
            ) {
                (Ok(at), None) => {
                    items.remove(at);
                }
                (Ok(at), Some(item)) => {
                    item.version = version;
                    items[at] = item.clone();
                }
                (Err(at), Some(item)) => {
                    item.version = version;
                    items.insert(at, item.clone());
                }
                (Err(_), None) => {}
            }
        }
        if self.asked_before && !self.asked {
            facts
                .requests
                .retain(|request| *request.contact != *contact);
        } else if self.asked
            && let Some(request) = self.request.take()
        {
            facts
                .requests
                .retain(|request| *request.contact != *contact);
            facts.requests.push(request);
        }
    }

    /// Tells every interested session of the account how the item is now (RFC 6121 §2.1.6).
    pub(crate) fn push(&self, version: RosterVersion) {
        if !self.changes_roster() {
            return;
        }
        let payload = self.payload(version);
        self.account.each_session(|session| {
            if session.is_interested() {
                push_to(session, &payload, version);
            }
        });
    }

    /// What a roster push says of the item as it is now.
    fn payload(&self, version: RosterVersion) -> String {
        let removed = RosterItem {
            contact: self.contact.as_str().into(),
            ..RosterItem::default()
        };
        let shown = match &self.item {
            Some(item) => shown(item),
            None => Item {
                subscription: "remove",
                ..shown(&removed)
            },
        };
        push_payload(&shown, version)
    }
}

fn state_of(item: Option<&RosterItem>, asked: bool) -> State {
    match item {
        Some(item) => State::of(item.subscription, item.ask, asked),
        None => State::of(store::Subscription::None, false, asked),
    }
}

/// The item as clients see it.
pub(super) fn shown(item: &RosterItem) -> Item<'_> {
    Item {
        jid: &item.contact,
        name: item.name.as_deref(),
        subscription: match item.subscription {
            store::Subscription::None => "none",
            store::Subscription::To => "to",
            store::Subscription::From => "from",
            store::Subscription::Both => "both",
        },
        ask: item.ask,
        approved: item.approved,
        groups: item.groups.iter().map(AsRef::as_ref).collect(),
    }
}

/// The payload of a roster push.
pub(super) fn push_payload(item: &Item<'_>, version: RosterVersion) -> String {
    let mut out = Writer::with_capacity(256);
    out.start("query")
        .xmlns(ns::ROSTER)
        .attr("ver", version.to_string());
    item.write(&mut out);
    out.end();
    out.finish()
}

/// Puts a roster push into the mailbox of one session.
pub(super) fn push_to(session: &Arc<crate::SessionEntry>, payload: &str, version: RosterVersion) {
    let id = format!("push-{version}");
    let push = iq::set(&id, None, Some(session.jid().as_str()), payload);
    Delivery::new(session, push).perform();
}

/// Keeps all drafts, in the store first and then in memory: all or none. The version is that of the
/// rosters that change.
///
/// # Errors
/// When the store could not keep them; nothing is changed then.
pub(crate) async fn commit(
    chat: &Chat,
    drafts: &mut [&mut Draft],
) -> Result<RosterVersion, StanzaError> {
    let mut batch = Batch::new();
    for draft in &*drafts {
        draft.write(&mut batch);
    }
    if batch.is_empty() {
        return Ok(RosterVersion::NONE);
    }
    let Submitted {
        version, ticket, ..
    } = chat.store().submit(batch);
    ticket.await.map_err(|error| store_failed(&error))?;
    for draft in drafts {
        draft.apply(version);
        if draft.changes_roster() {
            privilege::roster_changed(chat, &draft.account, &draft.payload(version));
        }
    }
    Ok(version)
}
