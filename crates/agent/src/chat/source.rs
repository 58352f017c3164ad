//! What the screen is made of: the engine's views, or what a test makes up.

use std::sync::Arc;

use client::search::Query;
use client::views::{ConversationList, Member, Message, Timeline, TimelineItem, Window};
use client::{BareJid, ConversationId, DeviceView};

use crate::runtime::engine::Engine;

/// Messages that are found at once.
const MOST_FOUND: usize = 100;

/// Somebody who has views.
pub(crate) trait Source {
    fn conversations(&self) -> Arc<ConversationList>;
    fn timeline(&self, conversation: &ConversationId, window: Window) -> Option<Timeline>;
    fn members(&self, conversation: &ConversationId) -> Vec<Member>;
    fn devices(&self, account: &BareJid) -> Vec<DeviceView>;
    fn verification_uri(&self) -> Option<String>;
    /// How many devices can read there, and how many of them are not verified.
    fn readers(&self, conversation: &ConversationId) -> Option<(usize, usize)>;
    /// What was found, newest first; the error is for the person.
    fn search(&self, text: &str) -> Result<Vec<Found>, String>;
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) conversation: ConversationId,
    pub(crate) name: Arc<str>,
    pub(crate) message: Arc<Message>,
}

impl Source for Engine {
    fn conversations(&self) -> Arc<ConversationList> {
        self.client().conversations()
    }

    fn timeline(&self, conversation: &ConversationId, window: Window) -> Option<Timeline> {
        self.client().timeline(conversation, window).ok()
    }

    fn members(&self, conversation: &ConversationId) -> Vec<Member> {
        self.client().members(conversation)
    }

    fn devices(&self, account: &BareJid) -> Vec<DeviceView> {
        self.client().devices(account).unwrap_or_default()
    }

    fn verification_uri(&self) -> Option<String> {
        self.client()
            .verification_uri()
            .ok()
            .map(|uri| uri.to_string())
    }

    fn readers(&self, conversation: &ConversationId) -> Option<(usize, usize)> {
        let found = self
            .client()
            .who_can_read(conversation, self.now().wall)
            .ok()??;
        let open = found
            .readers
            .iter()
            .filter(|reader| !reader.trust.is_verified())
            .count();
        Some((found.readers.len(), open))
    }

    fn search(&self, text: &str) -> Result<Vec<Found>, String> {
        let list = self.client().conversations();
        let offset = crate::commands::utc_offset_minutes();
        let mut query =
            Query::parse(text, self.now().wall, offset).map_err(|error| error.to_string())?;
        // Names are the person's own; the index knows addresses.
        for named in query.from.iter_mut().chain(&mut query.conversations) {
            let meant = named.text.to_lowercase();
            let rows = list.rows.iter();
            let named_so = rows.filter(|row| row.name.to_lowercase().starts_with(&meant));
            named.addresses = named_so.map(|row| row.id.jid().clone()).collect();
        }
        let page = self
            .client()
            .search(&query, None, MOST_FOUND)
            .map_err(|error| error.to_string())?;
        let found = page.hits.into_iter().filter_map(|hit| {
            let timeline = self.timeline(&hit.conversation, Window::Around(hit.message, 0))?;
            let message = timeline.items.into_iter().find_map(|item| match item {
                TimelineItem::Message(message) if message.key == hit.message => Some(message),
                _ => None,
            })?;
            let row = list.rows.iter().find(|row| row.id == hit.conversation)?;
            Some(Found {
                name: row.name.clone(),
                conversation: hit.conversation,
                message,
            })
        });
        Ok(found.collect())
    }
}
