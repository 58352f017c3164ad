//! urn:hauspost:inbox:0: Inbox: a device that knows nothing yet has the list of conversations by one request. Everything in it
//! can also be had from the archive, which is what happens on other servers.

use base::{BareJid, Timestamp};
use xmpp::ns;
use xmpp::xep::inbox::{Conversation, InboxRequest};
use xmpp::xep::result_set::{PageAnswer, PageRequest};

use crate::client::Client;
use crate::connection::requests::{Answer, Asked};
use crate::messages::Way;
use crate::storage::{Storage, StorageError};
use crate::turn::Turn;
use crate::views::{ConversationKind, Notify};

/// Conversations on a page.
const PAGE: u32 = 500;

impl<S: Storage> Client<S> {
    pub(crate) fn fetch_inbox(&mut self, after: Option<String>, turn: &Turn<'_>) {
        let request = InboxRequest {
            since: None,
            page: PageRequest {
                max: Some(PAGE),
                after,
                ..PageRequest::default()
            },
        };
        self.ask(false, None, &request.to_xml(), Asked::Inbox, turn);
    }

    pub(crate) fn inbox_came(
        &mut self,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Some(inbox) = answer.payload() else {
            return Ok(());
        };
        for element in inbox
            .children()
            .filter(|child| child.is("conversation", ns::INBOX))
        {
            if let Some(conversation) = Conversation::read(element) {
                self.take_inbox_row(&conversation, turn)?;
            }
        }
        let complete = matches!(inbox.attr("complete"), Some("true" | "1"));
        let last = inbox
            .child("set", ns::RSM)
            .and_then(|set| PageAnswer::read(set).last);
        if !complete && let Some(last) = last {
            self.fetch_inbox(Some(last), turn);
        }
        Ok(())
    }

    fn take_inbox_row(
        &mut self,
        row: &Conversation,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let Ok(jid) = BareJid::parse(&row.jid) else {
            return Ok(());
        };
        let kind = if row.room {
            ConversationKind::Room
        } else {
            ConversationKind::Person
        };
        let time = row
            .last
            .delay
            .as_ref()
            .map_or(Timestamp::EPOCH, |delay| delay.stamp);
        let way = Way {
            archive_id: Some(row.id.clone()),
            time,
            live: false,
            // What this device has said may be of before, though nothing has told yet where the archive has it.
            floor: Some(self.catch_up.began),
        };
        if row.room && !self.rooms.is_room(&jid) {
            // Whether we are in it, its bookmark says.
            return Ok(());
        }
        let number = self.conversations.find_or_add(&jid, kind, time);
        if !row.room {
            let archive = self.settings.account.clone();
            self.take_archived(&archive, &row.last.stanza, &way, turn)?;
        }
        if let Some(record) = self.conversations.change(number) {
            record.active = record.active.max(time);
            record.pinned |= row.pinned;
            if row.muted && record.notify.is_none() {
                record.notify = Some(Notify::Never);
            }
        }
        self.note_counts(number, row.unread, row.mentions);
        if let Some(displayed) = &row.displayed {
            self.read_elsewhere(number, displayed)?;
        }
        Ok(())
    }
}
