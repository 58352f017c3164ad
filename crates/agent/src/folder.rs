//! Where accounts are kept: one folder for each, that only its user can read, and one process at a time in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use client::BareJid;
use serde::{Deserialize, Serialize};

/// The folder of this program: `--data`, else where XDG says.
///
/// # Errors
/// When there is no home.
pub(crate) fn root(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return std::path::absolute(given)
            .with_context(|| format!("{} is no usable path", given.display()));
    }
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .context("neither XDG_DATA_HOME nor HOME is set: say with --data where to keep accounts")?;
    Ok(base.join("hauspost-agent"))
}

/// What is kept about an account beside its database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The address.
    pub(crate) address: String,
    /// What this device is called.
    pub(crate) device_name: String,
    /// Where to connect in place of what DNS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connect: Option<String>,
    /// File with further certificate authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// The one certificate that is believed although no authority vouches for it (SHA-256).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trusted_certificate: Option<String>,
}

/// The folder of one account.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of this account, whether it is there or not.
    pub(crate) fn of(root: &Path, account: &BareJid) -> Self {
        // An address has no slash before its resource; a path must not be built of one that has.
        let name = account.as_str().replace('%', "%25").replace('/', "%2f");
        Self {
            path: root.join(name),
        }
    }

    /// Makes the folder for its user alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        let cannot = || {
            format!(
                "{} cannot be made; see whether its folder can be written, or choose one with --data",
                self.path.display()
            )
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .with_context(cannot)?;
        let for_its_user = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&self.path, for_its_user).with_context(cannot)
    }

    /// Sees to it that nobody but its user can look into the folder, or change what is in it.
    ///
    /// # Errors
    /// When it belongs to somebody else, or cannot be closed to others.
    pub(crate) fn close_to_others(&self) -> anyhow::Result<()> {
        let shown = self.path.display();
        let facts = fs::metadata(&self.path).with_context(|| format!("{shown} cannot be read"))?;
        if facts.uid() != rustix::process::geteuid().as_raw() {
            bail!(
                "{shown} belongs to another user of this machine, who can read and change what is in it: move it away and log in anew"
            );
        }
        if facts.mode() & 0o077 != 0 {
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700)).with_context(|| {
                format!("{shown} can be read by others and cannot be closed to them: run `chmod 700 {shown}`")
            })?;
        }
        Ok(())
    }

    /// Whether somebody has logged in here.
    pub(crate) fn has_account(&self) -> bool {
        self.file("account.json").exists()
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What is kept about the account.
    ///
    /// # Errors
    /// When nobody has logged in, or the file cannot be read.
    pub(crate) fn profile(&self) -> anyhow::Result<Profile> {
        let file = self.file("account.json");
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{} cannot be read; log in again", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; log in again", file.display()))
    }

    /// Keeps what is known about the account: whole, or as it was.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep(&self, profile: &Profile) -> anyhow::Result<()> {
        let file = self.file("account.json");
        let new = self.file("account.json.new");
        let write = || -> anyhow::Result<()> {
            let mut out = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            out.write_all(serde_json::to_string_pretty(profile)?.as_bytes())?;
            out.sync_all()?;
            fs::rename(&new, &file)?;
            Ok(())
        };
        write().with_context(|| format!("{} cannot be written", file.display()))
    }

    /// Removes the account with keys and messages.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn remove(&self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.path)
            .with_context(|| format!("{} cannot be removed", self.path.display()))
    }

    /// Takes the account for this process; `None` when another one has it. The lock ends with the process, however it
    /// ends.
    ///
    /// # Errors
    /// When the lock cannot be made.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<Lock>> {
        let file = self.file("lock");
        let open = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .with_context(|| format!("{} cannot be opened", file.display()))?;
        match open.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: open })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", file.display()))
            }
        }
    }
}

/// This process has the account.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The accounts that are kept, by address.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn accounts(root: &Path) -> anyhow::Result<Vec<BareJid>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", root.display()));
        }
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let folder = Folder { path: entry.path() };
        if folder.has_account()
            && let Ok(profile) = folder.profile()
            && let Ok(account) = BareJid::parse(&profile.address)
        {
            found.push(account);
        }
    }
    found.sort();
    Ok(found)
}

/// The account that is meant: the given one, else the only one.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) fn choose(root: &Path, given: Option<&BareJid>) -> anyhow::Result<BareJid> {
    if let Some(given) = given {
        if !Folder::of(root, given).has_account() {
            bail!("{given} is not logged in here: run `hauspost-agent login {given}`");
        }
        return Ok(given.clone());
    }
    let mut accounts = accounts(root)?;
    match accounts.pop() {
        Some(only) if accounts.is_empty() => Ok(only),
        None => bail!("nobody is logged in: run `hauspost-agent login ADDRESS`"),
        Some(last) => {
            accounts.push(last);
            let list: Vec<&str> = accounts.iter().map(|account| account.as_str()).collect();
            bail!(
                "several accounts are logged in: say with --account which one is meant ({})",
                list.join(", ")
            )
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder that vanishes.
    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        pub(crate) fn new() -> Self {
            let mut random = [0; 8];
            getrandom::fill(&mut random).expect("randomness");
            let name = format!("hauspost-agent-{:016x}", u64::from_le_bytes(random));
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).expect("a folder");
            Self(path)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn account(text: &str) -> BareJid {
        BareJid::parse(text).expect("an address")
    }

    fn profile(address: &str) -> Profile {
        Profile {
            address: address.to_owned(),
            device_name: "desk".to_owned(),
            connect: None,
            ca: None,
            trusted_certificate: Some("AB".to_owned()),
        }
    }

    #[test]
    fn nobody_else_can_look_into_an_account() {
        let scratch = Scratch::new();
        let folder = Folder::of(scratch.path(), &account("romeo@example.org"));
        folder.make().expect("a folder");
        folder.keep(&profile("romeo@example.org")).expect("kept");
        let mode = |path: &Path| fs::metadata(path).expect("it").permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path), 0o700);
        assert_eq!(mode(&folder.file("account.json")), 0o600);
        assert_eq!(folder.profile().expect("it"), profile("romeo@example.org"));
    }

    #[test]
    fn a_folder_that_was_opened_to_others_is_closed_again() {
        let scratch = Scratch::new();
        let folder = Folder::of(scratch.path(), &account("romeo@example.org"));
        folder.make().expect("a folder");
        fs::set_permissions(&folder.path, fs::Permissions::from_mode(0o777)).expect("opened");
        folder.close_to_others().expect("closed");
        let mode = fs::metadata(&folder.path).expect("it").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn one_process_has_an_account() {
        let scratch = Scratch::new();
        let folder = Folder::of(scratch.path(), &account("romeo@example.org"));
        folder.make().expect("a folder");
        let lock = folder.lock().expect("a lock");
        assert!(lock.is_some());
        assert!(folder.lock().expect("an answer").is_none());
        drop(lock);
        assert!(folder.lock().expect("a lock").is_some());
    }

    #[test]
    fn the_only_account_need_not_be_named() {
        let scratch = Scratch::new();
        let error = choose(scratch.path(), None).expect_err("nobody");
        assert!(error.to_string().contains("login ADDRESS"), "{error}");
        for (address, expected) in [
            ("romeo@example.org", Some("romeo@example.org")),
            ("juliet@example.org", None),
        ] {
            let folder = Folder::of(scratch.path(), &account(address));
            folder.make().expect("a folder");
            folder.keep(&profile(address)).expect("kept");
            let chosen = choose(scratch.path(), None).ok();
            assert_eq!(chosen.as_ref().map(|account| account.as_str()), expected);
        }
        let juliet = account("juliet@example.org");
        assert_eq!(choose(scratch.path(), Some(&juliet)).expect("her"), juliet);
        assert!(choose(scratch.path(), Some(&account("nurse@example.org"))).is_err());
    }
}
