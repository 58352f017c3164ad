//! XEP-0363: HTTP File Upload: where to put a file.

use std::collections::BTreeMap;

use base::Redacted;
use xmpp::ns;
use xmpp::xml::{Element, Writer};

use crate::border::{Output, Transfer, UploadId, UploadSlot};
use crate::client::Client;
use crate::connection::requests::{Answer, Asked, words};
use crate::event::Event;
use crate::storage::Storage;
use crate::turn::Turn;

/// Only these headers are for the upload (§4).
const HEADERS: [&str; 3] = ["authorization", "cookie", "expires"];

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    sizes: BTreeMap<UploadId, u64>,
    next: u64,
}

fn slot(upload: UploadId, size: u64, slot: Element<'_>) -> Option<UploadSlot> {
    let put = slot.child("put", ns::HTTP_UPLOAD)?;
    let get = slot.child("get", ns::HTTP_UPLOAD)?.attr("url")?;
    let address = put.attr("url")?;
    let headers = put
        .children()
        .filter(|header| header.is("header", ns::HTTP_UPLOAD))
        .filter_map(|header| {
            let name = header.attr("name")?;
            let meant = HEADERS.contains(&name.to_ascii_lowercase().as_str());
            // A line break would begin another header (§4).
            let value = header.text().replace(['\r', '\n'], "");
            meant.then(|| (name.to_owned(), Redacted::new(value)))
        })
        .collect();
    let safe = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    (safe(address) && safe(get)).then(|| UploadSlot {
        upload,
        put: Redacted::new(address.to_owned()),
        headers,
        get: Redacted::new(get.to_owned()),
        size,
    })
}

impl<S: Storage> Client<S> {
    pub(crate) fn request_upload(
        &mut self,
        name: &str,
        size: u64,
        media_type: Option<&str>,
        turn: &Turn<'_>,
    ) -> Option<UploadId> {
        let service = self.surroundings.uploads.clone()?;
        let upload = UploadId(self.uploads.next);
        let mut writer = Writer::new();
        writer.start("request").xmlns(ns::HTTP_UPLOAD);
        writer
            .attr("filename", name)
            .attr("size", size.to_string())
            .attr_opt("content-type", media_type)
            .end();
        let asked = Asked::Slot(upload);
        if !self.ask(false, Some(&service), &writer.finish(), asked, turn) {
            return None;
        }
        self.uploads.next += 1;
        self.uploads.sizes.insert(upload, size);
        Some(upload)
    }

    pub(crate) fn slot_came(&mut self, upload: UploadId, answer: Answer<'_>) {
        let Some(size) = self.uploads.sizes.remove(&upload) else {
            return;
        };
        let refused = |text: String| Event::UploadRefused { upload, text };
        let event = match answer {
            Answer::Result(payload) => match payload.and_then(|found| slot(upload, size, found)) {
                Some(slot) if self.chunk_slot_came(&slot) => return,
                Some(slot) => {
                    self.transfer_began(Transfer::Upload(upload), Some(size));
                    self.staged.push_back(Output::Upload(slot));
                    return;
                }
                None => refused("The server gave no place for the file.".to_owned()),
            },
            Answer::Error(error) => refused(words(error)),
            Answer::None => refused("The server did not answer. Try again later.".to_owned()),
        };
        if let Event::UploadRefused { text, .. } = &event
            && self.chunk_refused(upload, text)
        {
            return;
        }
        self.tell(event);
    }
}
