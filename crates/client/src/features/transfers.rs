//! Files on their way. The runtime moves the bytes; here is known which files move, and how far they are.

use std::collections::BTreeMap;

use base::Redacted;

use crate::border::{DownloadId, DownloadOrder, Output, Transfer};
use crate::client::Client;
use crate::command::CommandError;
use crate::event::{Event, TransferProgress};
use crate::storage::Storage;

/// How often it is told how far a file is: once for each of so many parts of it.
const PARTS: u64 = 100;
/// Of files whose size nobody knows: once for each of so many bytes.
const STEP_BYTES: u64 = 256 * 1024;
/// So many at once are enough.
const MOST: usize = 64;

#[derive(Debug, Default)]
struct Moving {
    size: Option<u64>,
    told: u64,
}

/// Files that move.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    moving: BTreeMap<Transfer, Moving>,
    next: u64,
}

impl Transfers {
    pub(crate) const fn new_download(&mut self) -> DownloadId {
        self.next += 1;
        DownloadId(self.next)
    }
}

impl<S: Storage> Client<S> {
    pub(crate) fn download(
        &mut self,
        url: Redacted<String>,
        size: Option<u64>,
    ) -> Result<DownloadId, CommandError> {
        let no = |text: &str| Err(CommandError::NotPossible(text.to_owned()));
        if !url.expose().starts_with("https://") {
            return no("Only files at an https: address are fetched.");
        }
        if self.transfers.moving.len() >= MOST {
            return no("Too many files are on their way: wait for one of them.");
        }
        let download = self.transfers.new_download();
        self.transfer_began(Transfer::Download(download), size);
        let order = DownloadOrder {
            download,
            url,
            size,
        };
        self.staged.push_back(Output::Download(order));
        Ok(download)
    }

    pub(crate) fn transfer_began(&mut self, transfer: Transfer, size: Option<u64>) {
        let moving = Moving { size, told: 0 };
        self.transfers.moving.insert(transfer, moving);
    }

    pub(crate) fn transfer_moved(&mut self, transfer: Transfer, bytes: u64) {
        let Some(moving) = self.transfers.moving.get_mut(&transfer) else {
            return;
        };
        let step = moving.size.map_or(STEP_BYTES, |size| size / PARTS);
        if bytes <= moving.told || bytes - moving.told < step {
            return;
        }
        moving.told = bytes;
        let of = moving.size;
        self.tell(Event::Transfer {
            transfer,
            progress: TransferProgress::Moving { bytes, of },
        });
    }

    pub(crate) fn transfer_ended(&mut self, transfer: Transfer, failed: Option<String>) {
        if self.transfers.moving.remove(&transfer).is_none() {
            return;
        }
        let progress = match failed {
            None => TransferProgress::Done,
            Some(text) => TransferProgress::Failed { text },
        };
        self.tell(Event::Transfer { transfer, progress });
    }

    pub(crate) fn cancel_transfer(&mut self, transfer: Transfer) {
        if self.transfers.moving.remove(&transfer).is_some() {
            self.staged.push_back(Output::StopTransfer(transfer));
        }
    }
}
