//! Writing an object piece by piece, with bounded memory.

use std::sync::Arc;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

use super::{Objects, ObjectsError};

/// Bytes that are gathered before they go to a file.
const PIECE: usize = 64 * 1024;
/// Least bytes of a part in S3, but for the last.
const LEAST_PART: u64 = 5 * 1024 * 1024;
/// Parts of one object in S3 at most, with room to spare (it takes 10,000).
const MOST_PARTS: u64 = 9_000;

/// An object that is being written. Dropped without an end it leaves nothing in a folder; elsewhere
/// see [`transfer`](Self::transfer).
pub struct Writing {
    target: Target,
    gathered: Vec<Bytes>,
    bytes: usize,
    piece: usize,
}

enum Target {
    /// A file beside the place of the object.
    File(Box<dyn MultipartUpload>),
    /// One request with all of it.
    Whole(Arc<dyn ObjectStore>, Path),
    /// A request for each part.
    Parts {
        s3: Arc<AmazonS3>,
        path: Path,
        id: String,
        sent: Vec<PartId>,
    },
}

impl Writing {
    pub(super) async fn begin(
        objects: &Objects,
        path: Path,
        size: u64,
    ) -> Result<Self, ObjectsError> {
        let (target, piece) = match &objects.s3 {
            None => {
                let file = objects.store.put_multipart(&path).await?;
                (Target::File(file), PIECE as u64)
            }
            Some(_) if size <= LEAST_PART => {
                (Target::Whole(Arc::clone(&objects.store), path), u64::MAX)
            }
            Some(s3) => {
                let id = s3.create_multipart(&path).await?;
                let target = Target::Parts {
                    s3: Arc::clone(s3),
                    path,
                    id,
                    sent: Vec::new(),
                };
                (target, LEAST_PART.max(size / MOST_PARTS + 1))
            }
        };
        Ok(Self {
            target,
            gathered: Vec::new(),
            bytes: 0,
            piece: usize::try_from(piece).unwrap_or(usize::MAX),
        })
    }

    /// Name of the transfer, where the store would keep what was sent if this process dies: to be
    /// noted before the first piece is sent, for [`Objects::end_transfer`].
    pub fn transfer(&self) -> Option<&str> {
        match &self.target {
            Target::Parts { id, .. } => Some(id),
            Target::File(_) | Target::Whole(..) => None,
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When the store failed; [`abort`](Self::abort) then.
    pub async fn push(&mut self, mut bytes: Bytes) -> Result<(), ObjectsError> {
        while self.bytes.saturating_add(bytes.len()) >= self.piece {
            let rest = bytes.split_off(self.piece - self.bytes);
            self.bytes += bytes.len();
            self.gathered.push(bytes);
            self.send().await?;
            bytes = rest;
        }
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.gathered.push(bytes);
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), ObjectsError> {
        let payload: PutPayload = std::mem::take(&mut self.gathered).into_iter().collect();
        self.bytes = 0;
        match &mut self.target {
            Target::File(file) => file.put_part(payload).await?,
            Target::Whole(store, path) => {
                store.put(path, payload).await?;
            }
            Target::Parts { s3, path, id, sent } => {
                let part = s3.put_part(path, id, sent.len(), payload).await?;
                sent.push(part);
            }
        }
        Ok(())
    }

    /// Ends it: when this returns, the object is there and durable.
    ///
    /// # Errors
    /// When the store failed; nothing is there then.
    pub async fn finish(mut self) -> Result<(), ObjectsError> {
        let ended = self.end().await;
        if ended.is_err() {
            self.abort().await;
        }
        ended
    }

    async fn end(&mut self) -> Result<(), ObjectsError> {
        if self.bytes > 0 {
            self.send().await?;
        }
        match &mut self.target {
            Target::File(file) => {
                file.complete().await?;
            }
            Target::Whole(..) => {}
            Target::Parts { s3, path, id, sent } => {
                s3.complete_multipart(path, id, std::mem::take(sent))
                    .await?;
            }
        }
        Ok(())
    }

    /// Gives it up, and takes away what was written.
    pub async fn abort(mut self) {
        let gone = match &mut self.target {
            Target::File(file) => file.abort().await,
            Target::Whole(..) => Ok(()),
            Target::Parts { s3, path, id, .. } => s3.abort_multipart(path, id).await,
        };
        if let Err(error) = gone {
            // The next start, or the store's own rules, take it away.
            tracing::debug!(error = %ObjectsError::from(error), "a broken upload could not be taken away");
        }
    }
}
