//! What may be uploaded, and where to (XEP-0363).

use std::time::Duration;

use store::UploadBounds;
use xmpp::xep::http_upload::Purpose;

/// What accounts may upload, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadConfig {
    /// What addresses of files begin with, such as `https://example.org/upload`.
    pub base: String,
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Largest file of a profile, in bytes.
    pub profile_bytes: u64,
    /// All files of one account together, in bytes.
    pub account_bytes: u64,
    /// How long a slot waits for its file.
    pub slot: Duration,
    /// Slots of one account that wait for their files.
    pub slots: u32,
    /// How long files sent in messages are kept; `None` is for ever.
    pub retention: Option<Duration>,
}

impl UploadConfig {
    /// The defaults, with files at `base`.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            file_bytes: 256 << 20,
            profile_bytes: 4 << 20,
            account_bytes: 10 << 30,
            slot: Duration::from_secs(600),
            slots: 100,
            retention: None,
        }
    }

    /// What the store holds an account to.
    pub(crate) fn bounds(&self) -> UploadBounds {
        UploadBounds {
            account_bytes: self.account_bytes,
            slots: self.slots,
            retention: self.retention,
        }
    }

    /// Largest file for this purpose, in bytes.
    pub(crate) fn largest(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Profile => self.profile_bytes.min(self.file_bytes),
            _ => self.file_bytes,
        }
    }

    /// XEP-0363 §5: files for good only where files are kept for good.
    pub(crate) fn offers_permanent(&self) -> bool {
        self.retention.is_none()
    }
}

/// The address under which files are, for a server whose web face is at `public_url`.
#[must_use]
pub fn upload_base(public_url: &str) -> String {
    format!("{}/upload", public_url.trim_end_matches('/'))
}
