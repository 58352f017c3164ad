//! Files on their way: sealed before they go, opened after they came. The bytes go by in pieces; keys stay here.

use std::collections::BTreeMap;

use bytes::Bytes;
use client::files::{
    self, Attachment, Expected, FileKey, FileMetadata, Location, Opener, Sealed, Sealer, Thumbnail,
};
use client::{
    Command, ConversationId, DownloadId, Draft, MessageKey, Now, Randomness, Storage, UploadId,
    UploadSlot, views,
};
use serde::Deserialize;

use super::{Effect, Engine};
use crate::types::{Failure, FailureKind};

/// Largest file that is opened, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// What a page knows of a file that it sends.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileFacts {
    name: String,
    media_type: String,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    #[serde(default)]
    length: Option<u64>,
    #[serde(default)]
    waveform: Vec<u8>,
    #[serde(default)]
    thumbnail: Option<String>,
    #[serde(default)]
    description: Option<String>,
    inline: bool,
}

/// Files on their way.
#[derive(Default)]
pub(super) struct Files {
    leaving: BTreeMap<String, Leaving>,
    coming: BTreeMap<String, Opener>,
    /// Parts of a history that the worker has not fetched yet.
    chunks: BTreeMap<u64, Bytes>,
}

struct Leaving {
    conversation: ConversationId,
    facts: FileFacts,
    key: FileKey,
    sealer: Option<Sealer>,
    sealed: Option<Sealed>,
    upload: Option<UploadId>,
    get: String,
}

fn gone() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        "This file is not on its way any more.",
    )
}

fn not_possible(error: impl ToString) -> Failure {
    Failure::new(FailureKind::NotPossible, error)
}

impl<S: Storage> Engine<S> {
    /// Begins to seal a file.
    ///
    /// # Errors
    /// [`Failure`], when it cannot be sent there.
    pub fn begin_file(
        &mut self,
        transfer: String,
        conversation: &str,
        facts: FileFacts,
        random: &mut dyn Randomness,
    ) -> Result<(), Failure> {
        let key = FileKey::generate(random);
        let sealer = Sealer::new(&key).map_err(not_possible)?;
        let leaving = Leaving {
            conversation: crate::types::conversation(conversation)?,
            facts,
            key,
            sealer: Some(sealer),
            sealed: None,
            upload: None,
            get: String::new(),
        };
        self.files.leaving.insert(transfer, leaving);
        Ok(())
    }

    /// Seals the next bytes of it in place.
    ///
    /// # Errors
    /// [`Failure`], when it is too large or not on its way.
    pub fn seal_file(&mut self, transfer: &str, chunk: &mut [u8]) -> Result<(), Failure> {
        let leaving = self.files.leaving.get_mut(transfer).ok_or_else(gone)?;
        let sealer = leaving.sealer.as_mut().ok_or_else(gone)?;
        sealer.seal(chunk).map_err(not_possible)
    }

    /// All bytes were sealed: gives those that stand behind them, and asks for a place.
    ///
    /// # Errors
    /// [`Failure`], when there is none.
    pub fn place_file(
        &mut self,
        transfer: &str,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<Vec<u8>, Failure> {
        let leaving = self.files.leaving.get_mut(transfer).ok_or_else(gone)?;
        let sealed = leaving.sealer.take().ok_or_else(gone)?.finish();
        let tag = sealed.tag.to_vec();
        let request = Command::RequestUpload {
            // What it is called is sealed with it; this tells nothing.
            name: "file".to_owned(),
            size: sealed.size + tag.len() as u64,
            media_type: None,
        };
        leaving.sealed = Some(sealed);
        let done = self.command(request, now, random)?;
        let leaving = self.files.leaving.get_mut(transfer).ok_or_else(gone)?;
        if let client::Done::Upload(upload) = done {
            leaving.upload = Some(upload);
        }
        Ok(tag)
    }

    fn transfer_of(&self, upload: UploadId) -> Option<String> {
        let mut leaving = self.files.leaving.iter();
        leaving
            .find(|(_, leaving)| leaving.upload == Some(upload))
            .map(|(transfer, _)| transfer.clone())
    }

    pub(super) fn slot_came(&mut self, slot: UploadSlot) {
        let Some(transfer) = self.transfer_of(slot.upload) else {
            return;
        };
        if let Some(leaving) = self.files.leaving.get_mut(&transfer) {
            leaving.get = slot.get.into_inner();
        }
        let headers = slot.headers.into_iter();
        self.effects.push_back(Effect::Upload {
            transfer,
            put: slot.put.into_inner(),
            headers: headers
                .map(|(name, value)| (name, value.into_inner()))
                .collect(),
        });
    }

    pub(super) fn chunk_goes(&mut self, slot: UploadSlot, bytes: Bytes) {
        self.files.chunks.insert(slot.upload.0, bytes);
        let headers = slot.headers.into_iter();
        self.effects.push_back(Effect::UploadChunk {
            upload: slot.upload.0,
            put: slot.put.into_inner(),
            headers: headers
                .map(|(name, value)| (name, value.into_inner()))
                .collect(),
        });
    }

    /// The bytes of a part of a history that is to be put somewhere: sealed. They are given once.
    pub fn chunk(&mut self, upload: u64) -> Option<Vec<u8>> {
        self.files
            .chunks
            .remove(&upload)
            .map(|bytes| bytes.to_vec())
    }

    /// It was put there, or was not.
    ///
    /// # Errors
    /// [`Failure`], when what follows from it cannot be done.
    pub fn chunk_uploaded(
        &mut self,
        upload: u64,
        success: bool,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), Failure> {
        let upload = UploadId(upload);
        let command = Command::FileUploaded { upload, success };
        self.command(command, now, random).map(drop)
    }

    /// A part of a history is here; `None` when it cannot be had.
    ///
    /// # Errors
    /// [`Failure`], when what follows from it cannot be done.
    pub fn chunk_fetched(
        &mut self,
        download: u64,
        bytes: Option<Vec<u8>>,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), Failure> {
        let command = Command::ChunkFetched {
            download: DownloadId(download),
            bytes: bytes.map(Bytes::from),
        };
        self.command(command, now, random).map(drop)
    }

    pub(super) fn upload_refused(&mut self, upload: UploadId, text: String) {
        if let Some(transfer) = self.transfer_of(upload) {
            self.files.leaving.remove(&transfer);
            self.effects
                .push_back(Effect::TransferEnded { transfer, text });
        }
    }

    /// The file is where it should be: says so in the conversation. Gives the key of the message.
    ///
    /// # Errors
    /// [`Failure`], when that cannot be said.
    pub fn send_file(
        &mut self,
        transfer: &str,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<String, Failure> {
        let leaving = self.files.leaving.remove(transfer).ok_or_else(gone)?;
        let sealed = leaving.sealed.ok_or_else(gone)?;
        if let Some(upload) = leaving.upload {
            let uploaded = Command::FileUploaded {
                upload,
                success: true,
            };
            // Who does not count uploads need not hear of it.
            let _ = self.client.command(uploaded, now, random);
        }
        let inline = leaving.facts.inline;
        let mut attachment = Attachment::new(metadata(leaving.facts), inline);
        attachment.seal(leaving.get, leaving.key, &sealed);
        let message = attachment.message().ok_or_else(|| {
            not_possible(
                "Files can be sent only where the server gives them an address with https.",
            )
        })?;
        let send = Command::Send {
            conversation: leaving.conversation,
            message: Draft {
                text: message.text,
                elements: message.elements,
                legacy_text: Some(message.legacy_text),
                ..Draft::default()
            },
        };
        match self.command(send, now, random)? {
            client::Done::Message(key) => Ok(key.to_string()),
            _ => Err(gone()),
        }
    }

    /// A file is not to be sent any more, or could not be.
    pub fn drop_file(&mut self, transfer: &str) {
        self.files.leaving.remove(transfer);
        self.files.coming.remove(transfer);
    }

    /// Begins to open a file of a message. Gives where it can be had.
    ///
    /// # Errors
    /// [`Failure`], when it is not there or could not be checked.
    pub fn begin_download(
        &mut self,
        transfer: String,
        conversation: &str,
        message: &str,
        index: usize,
    ) -> Result<(String, Option<String>), Failure> {
        let conversation = crate::types::conversation(conversation)?;
        let key: MessageKey = crate::types::message(message)?;
        let attachment = self.attachment(&conversation, key, index)?;
        let location = attachment.locations.first().ok_or_else(gone)?;
        let expected = Expected::of(&attachment.file, LARGEST);
        let opener = location.opener(expected).map_err(not_possible)?;
        let url = match location {
            Location::Plain { url } => Some(url),
            Location::Sealed { urls, .. } => urls.first(),
        };
        let url = url.ok_or_else(gone)?.clone();
        self.files.coming.insert(transfer, opener);
        Ok((url, attachment.file.media_type))
    }

    fn attachment(
        &self,
        conversation: &ConversationId,
        key: MessageKey,
        index: usize,
    ) -> Result<Attachment, Failure> {
        let part = self
            .client
            .timeline(conversation, views::Window::Around(key, 0))?;
        let body = part.items.iter().find_map(|item| match item {
            views::TimelineItem::Message(said) if said.key == key => Some(&said.body),
            _ => None,
        });
        let Some(views::Body::Text { text, elements }) = body else {
            return Err(gone());
        };
        let files = files::Attachment::read_all(text.expose(), elements.expose());
        files.into_iter().nth(index).ok_or_else(gone)
    }

    /// Opens the next bytes of a download. They must not be used before [`Engine::end_download`] has succeeded.
    ///
    /// # Errors
    /// [`Failure`], when they are too many.
    pub fn open_file(&mut self, transfer: &str, chunk: &[u8]) -> Result<Vec<u8>, Failure> {
        let opener = self.files.coming.get_mut(transfer).ok_or_else(gone)?;
        let opened = opener.open(chunk).map_err(not_possible)?;
        Ok(opened.for_temporary_file().to_vec())
    }

    /// All bytes have come: gives those that stand behind what was opened.
    ///
    /// # Errors
    /// [`Failure`], when it is not what its sender has sealed.
    pub fn end_download(&mut self, transfer: &str) -> Result<Vec<u8>, Failure> {
        let opener = self.files.coming.remove(transfer).ok_or_else(gone)?;
        Ok(opener.finish().map_err(not_possible)?.rest)
    }
}

fn metadata(facts: FileFacts) -> FileMetadata {
    FileMetadata {
        name: Some(facts.name).filter(|name| !name.is_empty()),
        media_type: Some(facts.media_type).filter(|kind| !kind.is_empty()),
        width: facts.width,
        height: facts.height,
        length_milliseconds: facts.length,
        description: facts.description,
        waveform: facts.waveform,
        thumbnails: facts
            .thumbnail
            .map(|uri| Thumbnail {
                uri,
                media_type: None,
                width: None,
                height: None,
            })
            .into_iter()
            .collect(),
        ..FileMetadata::default()
    }
}
