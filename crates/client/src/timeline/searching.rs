//! What was said is found again: lines go into the index of the search in the commit that writes them down.

use base::{BareJid, Timestamp};

use super::record::{Content, Entry};
use crate::client::{Client, ClientError};
use crate::files::{Attachment, AttachmentKind};
use crate::search::{self, Cursor, Has, Page, Query, QueryError, TAIL_ROWS};
use crate::storage::{Changes, Storage, StorageError};
use crate::text::Document;
use crate::views::MessageKey;

impl<S: Storage> Client<S> {
    /// A line says this now. `is_new`: it was not there before.
    pub(crate) fn index(&mut self, number: u32, key: MessageKey, entry: &Entry, is_new: bool) {
        let Some(record) = self.conversations.get(number) else {
            return;
        };
        let conversation = record.id();
        let mut changes = Changes::new();
        if let Content::Text { text, elements } = &entry.content {
            let mut has = Has {
                link: !Document::parse(text, &entry.mentions).urls().is_empty(),
                ..Has::default()
            };
            if !elements.is_empty() || text.starts_with("aesgcm:") {
                for attachment in Attachment::read_all(text, elements) {
                    match attachment.kind() {
                        AttachmentKind::Image => has.image = true,
                        AttachmentKind::Voice => has.voice = true,
                        _ => {}
                    }
                    has.file = true;
                }
            }
            let own = &self.settings.account;
            let sender = if entry.author.own {
                own.as_str()
            } else {
                let account = entry.author.account.as_ref().map(|jid| jid.as_str());
                account.or(entry.author.nick.as_deref()).unwrap_or_default()
            };
            let row = search::Entry {
                conversation: &conversation,
                message: key,
                sender,
                has,
                texts: &[text.as_str()],
            };
            if is_new {
                search::insert(&mut changes, &row);
            } else {
                search::replace(&mut changes, &row);
            }
        } else if !is_new {
            search::remove(&mut changes, &conversation, key);
        }
        self.untidy += changes.len();
        self.database.apply(&changes);
    }

    /// Whether the index of the search wants to be put in order.
    pub(crate) const fn is_untidy(&self) -> bool {
        self.untidy >= TAIL_ROWS
    }

    pub(crate) fn tidy_index(&mut self) -> Result<(), StorageError> {
        if self.is_untidy() {
            self.untidy = 0;
            let mut changes = Changes::new();
            search::tidy(&self.database, &mut changes)?;
            self.database.apply(&changes);
        }
        Ok(())
    }

    /// Reads what somebody has typed to search for; names behind `from:` and `in:` are those of people and rooms here.
    ///
    /// # Errors
    /// [`QueryError`], when it cannot be read so.
    pub fn query(&self, text: &str, now: Timestamp) -> Result<Query, QueryError> {
        let mut query = Query::parse(text, now, self.settings.utc_offset_minutes)?;
        let named = |text: &str, jid: &BareJid, name: &str| {
            let text = text.to_lowercase();
            jid.as_str() == text || name.to_lowercase().contains(&text)
        };
        let own = &self.settings.account;
        let list = self.conversations();
        let contacts = self.contacts();
        query.resolve(
            |text| {
                let mut found: Vec<BareJid> = contacts
                    .iter()
                    .filter(|contact| named(text, &contact.account, &contact.name))
                    .map(|contact| contact.account.clone())
                    .collect();
                found.extend(
                    list.rows
                        .iter()
                        .filter(|row| named(text, row.id.jid(), &row.name))
                        .map(|row| row.id.jid().clone()),
                );
                if named(text, own, &self.name_of(own)) {
                    found.push(own.clone());
                }
                found.sort();
                found.dedup();
                found
            },
            |text| {
                list.rows
                    .iter()
                    .filter(|row| named(text, row.id.jid(), &row.name))
                    .map(|row| row.id.jid().clone())
                    .collect()
            },
        );
        Ok(query)
    }

    /// Finds what was said, the newest first; from where the page before has ended.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn search(
        &self,
        query: &Query,
        from: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, ClientError> {
        Ok(search::find(&self.database, query, from, limit)?)
    }
}
