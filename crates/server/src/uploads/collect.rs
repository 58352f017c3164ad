//! What is to go: files whose time has come, slots that nobody filled, what a crash left over.
//!
//! The object goes first and the record last: should the process die in between, the record tells
//! the next one what to do.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use base::Timestamp;
use store::{Batch, Upload};

use super::Uploads;

/// Records that are looked at in one go.
const PAGE: usize = 256;
/// Setting that says which objects are ours.
const MARK: &str = "objects-mark";
/// How long an object without a record is left alone: whoever restores an old backup and then a
/// newer one gets his files back.
const GRACE: i64 = 24 * 3600;

/// What [`Uploads::compare`] has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Objects without a record.
    pub objects: u64,
    /// Records of files without an object.
    pub records: u64,
}

/// Makes sure that these objects belong to these records.
async fn check_mark(uploads: &Uploads) -> anyhow::Result<()> {
    let known = uploads.store.setting(MARK).await?;
    let found = uploads.objects.mark().await?;
    match (known, found) {
        (Some(known), Some(found)) if known == found.as_bytes() => Ok(()),
        // Somebody says that the files are lost: what is left of them goes.
        (Some(known), Some(found)) if found.is_empty() => {
            let known = String::from_utf8_lossy(&known).into_owned();
            Ok(uploads.objects.set_mark(&known).await?)
        }
        (Some(_), Some(_)) => bail!(
            "the place of `objects.url` belongs to another server or another backup; name the right one"
        ),
        (Some(known), None) => {
            let some = uploads.store.upload_ids("").await?;
            if some.iter().any(|(_, is_file)| *is_file) {
                bail!(
                    "there should be files at the place of `objects.url`, and it is empty; is its volume mounted? \
                     If they are lost for good, put an empty file named {NAME} there",
                    NAME = crate::objects::MARK
                );
            }
            let known = String::from_utf8_lossy(&known).into_owned();
            Ok(uploads.objects.set_mark(&known).await?)
        }
        (None, Some(found)) => {
            // A restored store without uploads, or a new store over an old folder.
            let mut batch = Batch::new();
            batch.setting_set(MARK, Some(found.as_bytes()));
            Ok(uploads.store.submit(batch).ticket.await?)
        }
        (None, None) => {
            let mut fresh = [0; 16];
            getrandom::fill(&mut fresh)?;
            let fresh: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
            let kept = uploads.store.setting_or(MARK, fresh.into_bytes()).await?;
            let kept = String::from_utf8_lossy(&kept).into_owned();
            Ok(uploads.objects.set_mark(&kept).await?)
        }
    }
}

pub(super) async fn recover(uploads: &Uploads) -> anyhow::Result<()> {
    check_mark(uploads).await?;
    let mut after = String::new();
    loop {
        let slots = uploads.store.upload_slots(&after, PAGE).await?;
        let Some(last) = slots.last() else {
            return Ok(());
        };
        after = last.id.to_string();
        for slot in &slots {
            delete_object(uploads, slot).await?;
            if slot.transfer.is_some() {
                let mut batch = Batch::new();
                batch.upload_transfer(&slot.id, None);
                uploads.store.submit(batch).ticket.await?;
            }
        }
    }
}

async fn delete_object(uploads: &Uploads, upload: &Upload) -> anyhow::Result<()> {
    if let Some(transfer) = &upload.transfer {
        uploads.objects.end_transfer(&upload.id, transfer).await?;
    }
    uploads
        .objects
        .delete(&upload.id)
        .await
        .context("a file could not be deleted")
}

pub(super) async fn expire(
    uploads: &Uploads,
    now: Timestamp,
    before: Option<Timestamp>,
) -> anyhow::Result<u64> {
    let mut deleted = 0;
    loop {
        let due = uploads.store.upload_due(now, before, PAGE).await?;
        // One that is just being received ends by itself, kept or not.
        let due: Vec<_> = due
            .into_iter()
            .filter(|upload| !uploads.is_receiving(&upload.id))
            .collect();
        if due.is_empty() {
            return Ok(deleted);
        }
        let mut batch = Batch::new();
        for upload in &due {
            delete_object(uploads, upload).await?;
            batch.upload_remove(&upload.id);
            deleted += u64::from(upload.kept.is_some());
        }
        uploads.store.submit(batch).ticket.await?;
    }
}

pub(super) async fn compare(uploads: &Uploads, now: Timestamp) -> anyhow::Result<Orphans> {
    check_mark(uploads).await?;
    let mut orphans = Orphans::default();
    for shard in 0..=255_u8 {
        let shard = format!("{shard:02x}");
        // Objects first: a file that is finished in between is in both, or in the records alone, and
        // is then looked at again.
        let objects: BTreeMap<String, Timestamp> = uploads
            .objects
            .list(&shard)
            .await?
            .into_iter()
            .map(|found| (found.key, found.written))
            .collect();
        let records: BTreeMap<_, _> = uploads
            .store
            .upload_ids(&shard)
            .await?
            .into_iter()
            .collect();
        for (key, written) in &objects {
            let old = now.seconds().saturating_sub(written.seconds()) > GRACE;
            if old && !records.contains_key(key.as_str()) && !uploads.is_receiving(key) {
                uploads.objects.delete(key).await?;
                orphans.objects += 1;
            }
        }
        let missing: Vec<_> = records
            .iter()
            .filter(|(key, is_file)| **is_file && !objects.contains_key(&***key))
            .map(|(key, _)| key.clone())
            .collect();
        if missing.is_empty() {
            continue;
        }
        let there: BTreeSet<String> = uploads
            .objects
            .list(&shard)
            .await?
            .into_iter()
            .map(|found| found.key)
            .collect();
        let mut batch = Batch::new();
        for key in missing.iter().filter(|key| !there.contains(&***key)) {
            batch.upload_remove(key);
            orphans.records += 1;
        }
        if !batch.is_empty() {
            uploads.store.submit(batch).ticket.await?;
        }
    }
    Ok(orphans)
}
