//! The old device: what it has goes into sealed chunks, one after the other, each put where files are put.

use base::Redacted;
use bytes::Bytes;

use super::State;
use crate::border::{Output, UploadId, UploadSlot};
use crate::client::Client;
use crate::conversations::Record;
use crate::event::{Event, HistoryProgress};
use crate::history::{Answer, ChunkPlace, HistoryKeys, HistoryMessage, HistorySealer, SealedChunk};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::timeline::record::{Content, Entry, Progress};
use crate::timeline::store::row_key;
use crate::turn::Turn;
use crate::views::MessageKey;

/// So many lines are read at once.
const LINES: usize = 500;

/// A chunk on its way.
#[derive(Debug)]
struct Chunk {
    sealed: SealedChunk,
    upload: UploadId,
    get: Option<String>,
}

/// How far the giving is.
#[derive(Debug)]
pub(super) struct Giving {
    answer: Option<Answer>,
    sealer: Option<HistorySealer>,
    /// Behind this line of this conversation it goes on.
    conversation: u32,
    line: MessageKey,
    chunk: Option<Chunk>,
    places: Vec<ChunkPlace>,
    messages: u64,
}

impl Giving {
    pub(super) fn new(keys: &HistoryKeys, answer: Option<Answer>) -> Self {
        Self {
            answer,
            sealer: Some(HistorySealer::new(keys)),
            conversation: 0,
            line: MessageKey::FIRST,
            chunk: None,
            places: Vec::new(),
            messages: 0,
        }
    }
}

impl<S: Storage> Client<S> {
    /// Seals the next chunk and asks where to put it; or says that all are there.
    pub(super) fn give_on(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let State::Giving(mut giving) = std::mem::take(&mut self.handover.state) else {
            return Ok(());
        };
        let Some(sealed) = self.next_chunk(&mut giving)? else {
            let messages = giving.messages;
            self.offer_chunks(giving.answer.take(), &giving.places);
            self.tell(Event::History(HistoryProgress::Given { messages }));
            return Ok(());
        };
        let size = sealed.bytes.len() as u64;
        let kind = Some("application/octet-stream");
        let Some(upload) = self.request_upload("file", size, kind, turn) else {
            let text = if self.is_online() {
                "This server takes no files, and history goes by files."
            } else {
                "History needs a connection: try again when you are online."
            };
            self.history_failed(text);
            return Ok(());
        };
        let messages = giving.messages;
        giving.chunk = Some(Chunk {
            sealed,
            upload,
            get: None,
        });
        self.handover.state = State::Giving(giving);
        self.tell(Event::History(HistoryProgress::Giving { messages }));
        Ok(())
    }

    /// There is a place for a file: if it is for a chunk, the chunk goes there.
    pub(crate) fn chunk_slot_came(&mut self, slot: &UploadSlot) -> bool {
        let State::Giving(giving) = &mut self.handover.state else {
            return false;
        };
        let Some(chunk) = giving
            .chunk
            .as_mut()
            .filter(|chunk| chunk.upload == slot.upload)
        else {
            return false;
        };
        chunk.get = Some(slot.get.expose().clone());
        let bytes = Bytes::from(chunk.sealed.bytes.clone());
        let slot = slot.clone();
        self.staged.push_back(Output::UploadChunk { slot, bytes });
        true
    }

    /// A file was put there, or was not. Says whether it was a chunk.
    pub(crate) fn chunk_uploaded(
        &mut self,
        upload: UploadId,
        success: bool,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StorageError> {
        let Some(chunk) = self.chunk_of(upload) else {
            return Ok(false);
        };
        let State::Giving(giving) = &mut self.handover.state else {
            return Ok(false);
        };
        match chunk.get.filter(|_| success) {
            Some(url) => {
                giving.places.push(ChunkPlace {
                    url: Redacted::new(url),
                    size: chunk.sealed.bytes.len() as u64,
                    hash: chunk.sealed.hash,
                });
                self.give_on(turn)?;
            }
            None => self.history_failed("The history did not reach the server: try again."),
        }
        Ok(true)
    }

    /// There is no place for a file. Says whether it was a chunk.
    pub(crate) fn chunk_refused(&mut self, upload: UploadId, text: &str) -> bool {
        let found = self.chunk_of(upload).is_some();
        if found {
            self.history_failed(text);
        }
        found
    }

    fn chunk_of(&mut self, upload: UploadId) -> Option<Chunk> {
        match &mut self.handover.state {
            State::Giving(giving) => giving.chunk.take_if(|chunk| chunk.upload == upload),
            _ => None,
        }
    }

    /// The next chunk; `None` after the last one.
    fn next_chunk(&self, giving: &mut Giving) -> Result<Option<SealedChunk>, StorageError> {
        let Some(mut sealer) = giving.sealer.take() else {
            return Ok(None);
        };
        while let Some(record) = self.conversations.get(giving.conversation) {
            let mut from = row_key(record.number, giving.line);
            from.push(0);
            let end = (record.number + 1).to_be_bytes();
            let range = KeyRange::between(&from, &end);
            let rows = self
                .database
                .scan(Table::Messages, &range, Direction::Forward, LINES)?;
            let count = rows.len();
            for (key, value) in rows {
                let entry = Entry::decode(&value).map_err(|error| error.of("a message"))?;
                let key = key.get(4..).and_then(MessageKey::from_bytes);
                giving.line = key.unwrap_or(giving.line);
                let Some(message) = self.history_message(record, &entry) else {
                    continue;
                };
                giving.messages += 1;
                if let Some(chunk) = sealer.push(&message) {
                    giving.sealer = Some(sealer);
                    return Ok(Some(chunk));
                }
            }
            if count < LINES {
                giving.conversation += 1;
                giving.line = MessageKey::FIRST;
            }
        }
        let (last, _) = sealer.finish();
        Ok(last)
    }

    /// A line as it is handed over; `None` for what says nothing to another device.
    fn history_message(&self, record: &Record, entry: &Entry) -> Option<HistoryMessage> {
        let sent = matches!(
            entry.progress,
            Progress::Received | Progress::Kept | Progress::Delivered
        );
        let (text, elements, removed) = match &entry.content {
            Content::Text { text, elements } => (text.clone(), elements.clone(), false),
            Content::Removed { .. } => (String::new(), String::new(), true),
            _ => return None,
        };
        if !sent || entry.private.is_some() {
            return None;
        }
        let reactions = entry.feelings.iter().map(|feeling| {
            let who = match (feeling.who.as_str(), &feeling.nick) {
                ("", _) => self.settings.account.to_string(),
                (who, _) => who.to_owned(),
            };
            (who, feeling.emoji.clone())
        });
        Some(HistoryMessage {
            conversation: record.jid.clone(),
            group: record.is_room(),
            account: entry.author.account.clone(),
            name: match &entry.author.nick {
                Some(nick) => nick.clone(),
                None => self.author_name(record.number, &entry.author).to_string(),
            },
            own: entry.author.own,
            time: entry.time,
            id: entry.id.clone(),
            archive_id: entry.archive_id.clone(),
            reply: entry.reply.as_ref().map(|(id, ..)| id.clone()),
            edited: entry.edited,
            removed,
            text,
            elements,
            reactions: reactions.collect(),
        })
    }
}
