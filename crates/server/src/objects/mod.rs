//! Where the bytes of files are: a folder or an S3 store, through one library.
//!
//! An object is written whole or not at all: it appears under its name once all of it is durable.
//! Names of objects are no secrets (see [`xmpp::xep::http_upload::key_of`]).

mod reading;
mod writing;

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use base::Timestamp;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};

pub use reading::Reading;
pub use writing::Writing;

use crate::config::Objects as ObjectsConfig;

/// Folder of uploaded files, in which each two first characters of a name have a folder of their own.
const FILES: &str = "uploads";
/// Object that tells which server's objects these are.
pub(crate) const MARK: &str = "hauspost-objects";

/// The object store; cheap to clone.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// The same, where parts of an object are sent apart.
    s3: Option<Arc<AmazonS3>>,
    /// What all names begin with.
    root: Path,
    folder: Option<PathBuf>,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub key: String,
    /// When it was written.
    pub written: Timestamp,
}

/// What went wrong with an object. Says nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// It is not there.
    #[error("there is no such object")]
    NotFound,
    /// There is no space left for it.
    #[error("no space is left for files; make some, or name another place at `objects.url`")]
    Full,
    /// Anything else.
    #[error("the object store failed: {0}")]
    Failed(String),
}

impl From<object_store::Error> for ObjectsError {
    fn from(error: object_store::Error) -> Self {
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Self::NotFound;
        }
        let mut cause: &(dyn std::error::Error + 'static) = &error;
        loop {
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                return Self::from_io(io);
            }
            match cause.source() {
                Some(deeper) => cause = deeper,
                None => return Self::Failed(error.to_string()),
            }
        }
    }
}

impl ObjectsError {
    fn from_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::NotFound => Self::NotFound,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.folder {
            Some(folder) => write!(f, "Objects({})", folder.display()),
            None => f.write_str("Objects(S3)"),
        }
    }
}

impl Objects {
    /// Opens what the configuration names; folders are relative to `data_dir`.
    ///
    /// # Errors
    /// Says what cannot be used, and what to do.
    pub fn open(config: &ObjectsConfig, data_dir: &FilePath) -> anyhow::Result<Self> {
        if let Some(folder) = config.url.strip_prefix("file:") {
            return Self::folder(data_dir.join(folder));
        }
        let Some((bucket, prefix)) = bucket(&config.url) else {
            bail!(
                "`objects.url`: \"{}\" is neither file:FOLDER nor s3://BUCKET",
                config.url
            );
        };
        // What is not said here comes from where AWS's own tools take it.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(ClientOptions::new().with_timeout(Duration::from_secs(60)))
            .with_retry(RetryConfig {
                max_retries: 4,
                retry_timeout: Duration::from_secs(30),
                ..RetryConfig::default()
            });
        if !config.region.is_empty() {
            builder = builder.with_region(&config.region);
        }
        if !config.endpoint.is_empty() {
            builder = builder
                .with_endpoint(&config.endpoint)
                .with_allow_http(config.endpoint.starts_with("http://"));
        }
        if !config.access_key_id.is_empty() {
            builder = builder
                .with_access_key_id(&config.access_key_id)
                .with_secret_access_key(config.secret_access_key.expose());
        }
        let s3 = Arc::new(builder.build().context(
            "the S3 store of `objects.url` cannot be used; see region, endpoint and keys in [objects]",
        )?);
        Ok(Self {
            store: s3.clone(),
            s3: Some(s3),
            root: Path::from(prefix),
            folder: None,
        })
    }

    fn folder(folder: PathBuf) -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let cannot = || {
            format!(
                "the folder of `objects.url`, {}, cannot be used; make it writable for this user, or name another",
                folder.display()
            )
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(cannot)?;
        sweep_unfinished(&folder.join(FILES)).with_context(cannot)?;
        let store = LocalFileSystem::new_with_prefix(&folder)
            .with_context(cannot)?
            .with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            s3: None,
            root: Path::default(),
            folder: Some(folder),
        })
    }

    fn path(&self, key: &str) -> Path {
        let shard = key.get(..2).unwrap_or("00");
        self.shard(shard).join(key)
    }

    fn shard(&self, shard: &str) -> Path {
        self.root.clone().join(FILES).join(shard)
    }

    /// Begins to write an object of `size` bytes.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn write(&self, key: &str, size: u64) -> Result<Writing, ObjectsError> {
        Writing::begin(self, self.path(key), size).await
    }

    /// Reads the bytes `range` of an object, which must lie in it.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub async fn read(
        &self,
        key: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Reading, ObjectsError> {
        Reading::begin(&*self.store, &self.path(key), range).await
    }

    /// Deletes an object; fine when it is not there.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        match self
            .store
            .delete(&self.path(key))
            .await
            .map_err(ObjectsError::from)
        {
            Err(ObjectsError::NotFound) => Ok(()),
            other => other,
        }
    }

    /// Ends a transfer that a process which is gone had begun (see [`Writing::transfer`]).
    ///
    /// # Errors
    /// When the store failed.
    pub async fn end_transfer(&self, key: &str, transfer: &str) -> Result<(), ObjectsError> {
        let Some(s3) = &self.s3 else { return Ok(()) };
        let ended = s3
            .abort_multipart(&self.path(key), &transfer.to_owned())
            .await;
        match ended.map_err(ObjectsError::from) {
            Err(ObjectsError::NotFound) => Ok(()),
            other => other,
        }
    }

    /// The objects whose names begin with the two characters of `shard`, ordered by name.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn list(&self, shard: &str) -> Result<Vec<Found>, ObjectsError> {
        let listed = self.store.list(Some(&self.shard(shard)));
        let mut found: Vec<Found> = listed
            .try_filter_map(|object| async move {
                Ok(object.location.filename().map(|name| Found {
                    key: name.to_owned(),
                    written: Timestamp::from_micros(object.last_modified.timestamp_micros()),
                }))
            })
            .try_collect()
            .await?;
        found.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    /// Which server's objects these are; `None` while nobody has said so.
    ///
    /// # Errors
    /// When the store failed: most likely it is not reachable.
    pub async fn mark(&self) -> Result<Option<String>, ObjectsError> {
        let got = self.store.get(&self.root.clone().join(MARK)).await;
        match got.map_err(ObjectsError::from) {
            Err(ObjectsError::NotFound) => Ok(None),
            Err(error) => Err(error),
            Ok(object) => Ok(Some(
                String::from_utf8_lossy(&object.bytes().await?).into_owned(),
            )),
        }
    }

    /// Says whose objects these are.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn set_mark(&self, mark: &str) -> Result<(), ObjectsError> {
        let payload = PutPayload::from(mark.to_owned().into_bytes());
        self.store
            .put(&self.root.clone().join(MARK), payload)
            .await?;
        Ok(())
    }
}

/// Bucket and prefix of `s3://BUCKET/PREFIX`.
pub(crate) fn bucket(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then_some((bucket, prefix.trim_matches('/')))
}

/// Takes away what a process that was killed was writing. The library gives such files a `#` and a
/// number behind their names; nobody else writes here.
fn sweep_unfinished(files: &FilePath) -> std::io::Result<()> {
    let shards = match std::fs::read_dir(files) {
        Ok(shards) => shards,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for shard in shards {
        let shard = shard?;
        if !shard.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shard.path())? {
            let file = file?;
            if file.file_name().to_string_lossy().contains('#') {
                std::fs::remove_file(file.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::StreamExt;

    /// A folder that vanishes with the test.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir()
                .join(format!("hauspost-objects-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const KEY: &str = "aa0123456789";

    async fn whole(objects: &Objects, range: std::ops::Range<u64>) -> Vec<u8> {
        let mut reading = objects.read(KEY, range).await.expect("there");
        let mut bytes = Vec::new();
        while let Some(chunk) = reading.next().await {
            bytes.extend_from_slice(&chunk.expect("readable"));
        }
        bytes
    }

    #[tokio::test]
    async fn an_object_is_there_when_it_is_finished() {
        let folder = Folder::new("finished");
        let objects = Objects::folder(folder.0.clone()).expect("opens");
        let content: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
        let mut writing = objects
            .write(KEY, content.len() as u64)
            .await
            .expect("begins");
        for chunk in content.chunks(10_000) {
            writing
                .push(Bytes::copy_from_slice(chunk))
                .await
                .expect("takes it");
        }
        assert!(matches!(
            objects.read(KEY, 0..1).await,
            Err(ObjectsError::NotFound)
        ));
        assert_eq!(objects.list("aa").await.expect("lists"), []);
        writing.finish().await.expect("finishes");
        assert_eq!(whole(&objects, 0..300_000).await, content);
        assert_eq!(
            whole(&objects, 65_530..65_540).await,
            content[65_530..65_540]
        );
        assert_eq!(objects.list("aa").await.expect("lists")[0].key, KEY);
        assert_eq!(objects.list("ab").await.expect("lists"), []);
        objects.delete(KEY).await.expect("deletes");
        objects.delete(KEY).await.expect("deletes what is gone");
        assert_eq!(objects.list("aa").await.expect("lists"), []);
    }

    #[tokio::test]
    async fn a_broken_object_leaves_nothing() {
        let folder = Folder::new("broken");
        let objects = Objects::folder(folder.0.clone()).expect("opens");
        let mut writing = objects.write(KEY, 100_000).await.expect("begins");
        writing
            .push(Bytes::from(vec![1; 90_000]))
            .await
            .expect("takes it");
        writing.abort().await;
        let left = || {
            std::fs::read_dir(folder.0.join("uploads/aa"))
                .expect("a folder")
                .count()
        };
        assert_eq!(left(), 0);
        // As a killed process leaves it.
        std::fs::write(folder.0.join("uploads/aa/aa0123456789#1"), "half").expect("writes");
        Objects::folder(folder.0.clone()).expect("opens");
        assert_eq!(left(), 0);
    }

    #[tokio::test]
    async fn the_mark_stays() {
        let folder = Folder::new("mark");
        let objects = Objects::folder(folder.0.clone()).expect("opens");
        assert_eq!(objects.mark().await.expect("reads"), None);
        objects.set_mark("ours").await.expect("writes");
        let again = Objects::folder(folder.0.clone()).expect("opens");
        assert_eq!(again.mark().await.expect("reads").as_deref(), Some("ours"));
    }

    #[test]
    fn places_in_words() {
        assert_eq!(bucket("s3://files/house/a/"), Some(("files", "house/a")));
        assert_eq!(bucket("s3://files"), Some(("files", "")));
        assert_eq!(bucket("s3://"), None);
        assert_eq!(bucket("ftp://x"), None);
    }
}
