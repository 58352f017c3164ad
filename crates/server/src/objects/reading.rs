//! Reading a part of an object piece by piece.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt};
use futures_util::{Stream, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectStore};
use tokio::io::AsyncReadExt;

use super::ObjectsError;

/// Bytes of one piece.
const PIECE: usize = 64 * 1024;

/// Bytes of an object on their way, in pieces of at most some 64 KiB; exactly as many as were asked for, or an error.
pub struct Reading {
    pieces: BoxStream<'static, Result<Bytes, ObjectsError>>,
    left: u64,
}

impl Reading {
    pub(super) async fn begin(
        store: &dyn ObjectStore,
        path: &Path,
        range: Range<u64>,
    ) -> Result<Self, ObjectsError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            ..GetOptions::default()
        };
        let result = store.get_opts(path, options).await?;
        let left = range.end - range.start;
        let pieces = match result.payload {
            GetResultPayload::File(file, _) => from_file(file, range),
            GetResultPayload::Stream(stream) => stream.map_err(ObjectsError::from).boxed(),
        };
        Ok(Self { pieces, left })
    }
}

fn from_file(mut file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes, ObjectsError>> {
    // Finding a place in a file costs no disk.
    if let Err(error) = file.seek(SeekFrom::Start(range.start)) {
        return futures_util::stream::iter([Err(ObjectsError::from_io(&error))]).boxed();
    }
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(PIECE);
    let state = (file, range.end - range.start);
    futures_util::stream::try_unfold(state, |(mut file, left)| async move {
        let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        if wanted == 0 {
            return Ok(None);
        }
        let mut piece = BytesMut::with_capacity(wanted);
        let read = (&mut file)
            .take(wanted as u64)
            .read_buf(&mut piece)
            .await
            .map_err(|error| ObjectsError::from_io(&error))?;
        if read == 0 {
            return Ok(None);
        }
        Ok(Some((piece.freeze(), (file, left - read as u64))))
    })
    .boxed()
}

impl Stream for Reading {
    type Item = Result<Bytes, ObjectsError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.pieces.as_mut().poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(piece))) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
            }
            Poll::Ready(None) if self.left > 0 => {
                self.left = 0;
                return Poll::Ready(Some(Err(ObjectsError::Failed(
                    "the object is shorter than it was".to_owned(),
                ))));
            }
            _ => {}
        }
        next
    }
}
