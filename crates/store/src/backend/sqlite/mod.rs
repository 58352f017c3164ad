//! SQLite.
use crate::store::Figures;
use crate::*;
use base::Timestamp;
use smallvec::SmallVec;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub(crate) struct Sqlite;
impl Sqlite {
    pub(crate) fn open(_config: StoreConfig) -> Result<Self, OpenError> {
        Ok(Self)
    }
}
pub(crate) fn restore(_: &Path, _: &Path) -> Result<Option<PathBuf>, OpenError> {
    Err(OpenError::Store(StoreError::Closed))
}
impl Backend for Sqlite {
    fn submit(&self, _: Batch) -> Submitted {
        Submitted {
            ids: SmallVec::new(),
            version: RosterVersion::NONE,
            ticket: Ticket::failed(StoreError::Closed),
        }
    }
    fn congested(&self) -> bool {
        false
    }
    fn figures(&self) -> Figures {
        Figures::default()
    }
    fn close(&self) {}
    fn account_create(&self, _: NewAccount) -> Reading<AccountId> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account_import(&self, _: Vec<NewAccount>) -> Reading<Vec<Imported>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account_remove(&self, _: AccountId) -> Reading<bool> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account_find(&self, _: Arc<str>) -> Reading<Option<Account>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account(&self, _: AccountId) -> Reading<Option<Account>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn login(&self, _: Arc<str>, _: Option<Arc<str>>) -> Reading<Option<Login>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account_list(&self, _: Option<Arc<str>>, _: usize) -> Reading<AccountPage> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account_count(&self) -> Reading<u64> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn account_state(&self, _: AccountId) -> Reading<Option<AccountState>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn roster(&self, _: AccountId) -> Reading<Roster> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn roster_changes_since(
        &self,
        _: AccountId,
        _: RosterVersion,
    ) -> Reading<Option<RosterChanges>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn archive_page(&self, _: AccountId, _: ArchiveQuery) -> Reading<ArchivePage> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn archive_bounds(&self, _: AccountId) -> Reading<Option<ArchiveBounds>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn archive_expire(&self, _: Timestamp) -> Reading<u64> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn archive_purge(&self, _: AccountId, _: Timestamp) -> Reading<u64> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn offline(&self, _: AccountId, _: Option<ArchiveId>, _: usize) -> Reading<Vec<ArchiveItem>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn offline_count(&self, _: AccountId) -> Reading<u64> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn blocklist(&self, _: AccountId) -> Reading<Vec<Arc<str>>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn private(&self, _: AccountId, _: Arc<str>) -> Reading<Option<String>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn vcard(&self, _: AccountId) -> Reading<Option<String>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn activity(&self, _: AccountId) -> Reading<Option<Activity>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn preferences(&self, _: AccountId) -> Reading<Option<ArchivePreferences>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn tokens(&self, _: AccountId, _: Option<Arc<str>>) -> Reading<Vec<TokenRecord>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn invitation(&self, _: Vec<u8>) -> Reading<Option<Invitation>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn invitation_redeem(&self, _: Vec<u8>, _: Timestamp) -> Reading<Option<Invitation>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn setting(&self, _: Arc<str>) -> Reading<Option<Vec<u8>>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn setting_or(&self, _: Arc<str>, _: Vec<u8>) -> Reading<Vec<u8>> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn backup(&self, _: PathBuf, _: Option<Progress>) -> Reading<()> {
        Reading::ready(Err(StoreError::Closed))
    }
    fn check(&self, _: CheckDepth) -> Reading<CheckReport> {
        Reading::ready(Err(StoreError::Closed))
    }
}
