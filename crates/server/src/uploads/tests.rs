//! What is collected, and what is not.

use base::{Moment, Now, Timestamp};
use bytes::Bytes;
use store::{
    AccountId, Kept, NewAccount, NewUpload, Reserved, Store, StoreConfig, UploadBounds,
    UploadPurpose,
};

use super::collect::Orphans;
use super::*;
use crate::objects::tests::Folder;

const START: i64 = 1_790_000_000;

/// A server's uploads, over a folder and a store in memory.
struct Files {
    uploads: Arc<Uploads>,
    account: AccountId,
    folder: Folder,
}

fn at(seconds: i64) -> Now {
    let wall = Timestamp::from_seconds(START + seconds);
    Now::new(Moment::from_micros(0), wall)
}

impl Files {
    async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let store = Store::open(StoreConfig::inline(|| at(0).wall)).expect("a store");
        let account = store
            .account_create(NewAccount {
                localpart: "anna".into(),
                ..NewAccount::default()
            })
            .await
            .expect("an account");
        let files = Self {
            uploads: Self::open(&store, &folder),
            account,
            folder,
        };
        files.uploads.recover().await.expect("recovers");
        files
    }

    fn open(store: &Store, folder: &Folder) -> Arc<Uploads> {
        let config = crate::config::Objects {
            url: format!("file:{}", folder.0.display()),
            ..crate::config::Objects::default()
        };
        let objects = Objects::open(&config, std::path::Path::new("/")).expect("opens");
        Arc::new(Uploads::new(store.clone(), objects, 4))
    }

    /// The same after the process was started again.
    async fn restarted(&self) -> anyhow::Result<Arc<Uploads>> {
        let uploads = Self::open(&self.uploads.store, &self.folder);
        uploads.recover().await?;
        Ok(uploads)
    }

    async fn slot(&self, key: &str) {
        let upload = NewUpload {
            id: key.into(),
            account: self.account,
            name: "a.jpg".into(),
            content_type: None,
            size: 3,
            purpose: UploadPurpose::Message,
            token: [0; 32],
            created: at(0).wall,
            slot_ends: at(600).wall,
            expires: None,
        };
        let bounds = UploadBounds {
            account_bytes: 1000,
            slots: 10,
            retention: None,
        };
        let reserved = self.uploads.store.upload_reserve(upload, bounds).await;
        assert_eq!(reserved, Ok(Reserved::Made));
    }

    async fn object(&self, key: &str) {
        let objects = self.uploads.objects();
        let mut writing = objects.write(key, 3).await.expect("begins");
        writing
            .push(Bytes::from_static(b"abc"))
            .await
            .expect("takes it");
        writing.finish().await.expect("finishes");
    }

    async fn file(&self, key: &str) {
        self.slot(key).await;
        self.object(key).await;
        let kept = Kept {
            at: at(10).wall,
            digest: [0; 32],
        };
        assert_eq!(self.uploads.store.upload_keep(key, kept).await, Ok(true));
    }

    async fn has_object(&self, key: &str) -> bool {
        self.uploads.objects().read(key, 0..3).await.is_ok()
    }

    async fn has_record(&self, key: &str) -> bool {
        let found = self.uploads.store.upload(key).await;
        found.expect("a store").is_some()
    }
}

const BOUNDS: AtOnce = AtOnce { all: 2, account: 2 };

#[tokio::test]
async fn what_a_killed_process_left_goes_at_the_next_start() {
    let files = Files::new("recover").await;
    files.slot("aa01").await;
    files.object("aa01").await;
    files.file("aa02").await;
    files.restarted().await.expect("recovers");
    assert!(!files.has_object("aa01").await, "it was never acknowledged");
    assert!(files.has_record("aa01").await, "the slot may still be used");
    assert!(files.has_object("aa02").await && files.has_record("aa02").await);
}

#[tokio::test]
async fn files_and_slots_go_when_their_time_has_come() {
    let files = Files::new("expire").await;
    files.slot("aa01").await;
    files.slot("aa02").await;
    files.object("aa02").await;
    files.file("aa03").await;
    let expire = async |seconds, before: Option<i64>| {
        let before = before.map(|seconds| at(seconds).wall);
        files.uploads.expire(at(seconds), before).await
    };
    assert_eq!(expire(599, None).await.expect("expires"), 0);
    assert!(files.has_record("aa01").await);
    // One that is being received at the moment is left alone.
    let record = files.uploads.store.upload("aa02").await;
    let record = record.expect("a store").expect("a record");
    let place = files.uploads.receive(&record, files.account, BOUNDS);
    let place = place.expect("a place");
    assert_eq!(expire(601, None).await.expect("expires"), 0);
    assert!(!files.has_record("aa01").await && files.has_record("aa02").await);
    drop(place);
    assert_eq!(expire(601, None).await.expect("expires"), 0);
    assert!(!files.has_record("aa02").await && !files.has_object("aa02").await);
    assert_eq!(expire(700, Some(10)).await.expect("expires"), 0);
    assert!(files.has_object("aa03").await);
    assert_eq!(expire(700, Some(11)).await.expect("expires"), 1);
    assert!(!files.has_record("aa03").await && !files.has_object("aa03").await);
}

#[tokio::test]
async fn files_of_a_removed_account_go() {
    let files = Files::new("removed").await;
    files.file("aa01").await;
    let removed = files.uploads.store.account_remove(files.account).await;
    assert_eq!(removed, Ok(true));
    assert_eq!(
        files.uploads.expire(at(20), None).await.expect("expires"),
        1
    );
    assert!(!files.has_record("aa01").await && !files.has_object("aa01").await);
}

#[tokio::test]
async fn what_has_no_counterpart_goes() {
    let files = Files::new("orphans").await;
    files.file("aa01").await;
    files.file("bb02").await;
    files.object("cc03").await;
    files
        .uploads
        .objects()
        .delete("bb02")
        .await
        .expect("deletes");
    // The objects' times are the system's: look from far ahead.
    let later = Now::new(
        Moment::from_micros(0),
        Timestamp::from_seconds(4_000_000_000),
    );
    let compared = files.uploads.compare(later).await.expect("compares");
    assert_eq!(
        compared,
        Orphans {
            objects: 1,
            records: 1
        }
    );
    assert!(files.has_record("aa01").await && files.has_object("aa01").await);
    assert!(!files.has_record("bb02").await && !files.has_object("cc03").await);
    files.object("dd04").await;
    let fresh = files.uploads.compare(at(0)).await.expect("compares");
    assert_eq!(fresh, Orphans::default(), "a fresh one has a day");
    assert!(files.has_object("dd04").await);
}

#[tokio::test]
async fn an_empty_folder_is_not_taken_for_the_right_one() {
    let files = Files::new("lost").await;
    files.file("aa01").await;
    std::fs::remove_dir_all(&files.folder.0).expect("removes");
    let error = files.restarted().await.err().expect("refuses").to_string();
    assert!(error.contains("mounted"), "{error}");
    assert!(files.has_record("aa01").await);
    // The administrator says that they are lost.
    std::fs::write(files.folder.0.join("hauspost-objects"), "").expect("writes");
    let uploads = files.restarted().await.expect("opens");
    uploads.compare(at(0)).await.expect("compares");
    assert!(!files.has_record("aa01").await);
    std::fs::write(files.folder.0.join("hauspost-objects"), "other").expect("writes");
    assert!(files.restarted().await.is_err());
}

#[tokio::test]
async fn places_are_bounded() {
    let files = Files::new("places").await;
    for key in ["aa01", "aa02", "aa03"] {
        files.slot(key).await;
    }
    let record = async |key| {
        let found = files.uploads.store.upload(key).await;
        found.expect("a store").expect("a record")
    };
    let (one, two, three) = (
        record("aa01").await,
        record("aa02").await,
        record("aa03").await,
    );
    let bounds = AtOnce { all: 2, account: 1 };
    let other = AccountId::from_number(files.account.number() + 1);
    let receive = |upload, account| files.uploads.receive(upload, account, bounds);
    let first = receive(&one, files.account).expect("a place");
    assert_eq!(receive(&one, other).err(), Some(Busy::Same));
    assert_eq!(receive(&two, files.account).err(), Some(Busy::Account));
    let second = receive(&two, other).expect("a place");
    assert_eq!(receive(&three, files.account).err(), Some(Busy::All));
    drop((first, second));
    assert!(receive(&three, files.account).is_ok());
    let sent: Vec<_> = std::iter::from_fn(|| files.uploads.send()).collect();
    assert_eq!(sent.len(), 4);
}
