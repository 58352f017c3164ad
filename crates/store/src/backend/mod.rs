//! What stands behind a [`Store`](crate::Store).

pub(crate) mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::store::Figures;
use crate::{
    Account, AccountId, AccountPage, AccountState, Activity, AppPassword, AppPasswordId,
    ArchiveBounds, ArchiveId, ArchiveItem, ArchivePage, ArchivePreferences, ArchiveQuery,
    AuditHead, AuditPage, AuditQuery, Batch, CheckDepth, CheckReport, Device, Identity, Imported,
    ImportedEntry, InboxPage, InboxQuery, Invitation, ItemPage, ItemQuery, Login, Mentions,
    NewAccount, NewRoom, Newcomer, NewestItem, Node, NodeUsage, Outgoing, OwnerId, PeopleChanges,
    Progress, Reading, Registered, RoomId, RoomMembership, RoomPage, RoomStanding, RoomState,
    RoomsQuery, Roster, RosterChanges, RosterVersion, ScramRecord, Submitted, TokenRecord,
};
use crate::{ApiToken, AuditNote, GroupSize, KeptAnswer, PeoplePage, PeopleQuery};
use crate::{
    Kept, NewUpload, PushAudience, PushRegistration, Reserved, Upload, UploadBounds, UploadUsage,
};

/// One kind of database. The methods are those of [`Store`](crate::Store), which documents them; each
/// backend is free to be fast in its own way. The suite in `conformance` says what all must do.
#[allow(
    missing_docs,
    reason = "documented at the methods of Store of the same names"
)]
pub trait Backend: Send + Sync + 'static {
    fn submit(&self, batch: Batch) -> Submitted;
    fn congested(&self) -> bool;
    fn figures(&self) -> Figures;
    fn close(&self);

    fn account_create(&self, account: NewAccount) -> Reading<AccountId>;
    fn account_import(&self, accounts: Vec<NewAccount>) -> Reading<Vec<Imported>>;
    fn account_remove(&self, account: AccountId) -> Reading<bool>;
    fn accounts_being_removed(&self) -> Reading<Vec<Account>>;
    fn account_find(&self, localpart: Arc<str>) -> Reading<Option<Account>>;
    fn account(&self, account: AccountId) -> Reading<Option<Account>>;
    fn login(&self, localpart: Arc<str>, client: Option<Arc<str>>) -> Reading<Option<Login>>;
    fn account_list(&self, after: Option<Arc<str>>, max: usize) -> Reading<AccountPage>;
    fn account_count(&self) -> Reading<u64>;
    fn account_state(&self, account: AccountId) -> Reading<Option<AccountState>>;

    fn roster(&self, account: AccountId) -> Reading<Roster>;
    fn roster_changes_since(
        &self,
        account: AccountId,
        version: RosterVersion,
    ) -> Reading<Option<RosterChanges>>;

    fn archive_page(&self, owner: OwnerId, query: ArchiveQuery) -> Reading<ArchivePage>;
    fn archive_import(
        &self,
        owner: OwnerId,
        entries: Vec<ImportedEntry>,
    ) -> Reading<Vec<ArchiveId>>;
    fn archive_bounds(&self, owner: OwnerId) -> Reading<Option<ArchiveBounds>>;
    fn inbox(
        &self,
        account: AccountId,
        query: InboxQuery,
        mentions: Mentions,
    ) -> Reading<InboxPage>;
    fn archive_expire(&self, before: Timestamp) -> Reading<u64>;
    fn archive_purge(&self, owner: OwnerId, before: Timestamp) -> Reading<u64>;
    fn offline(
        &self,
        owner: OwnerId,
        after: Option<ArchiveId>,
        max: usize,
    ) -> Reading<Vec<ArchiveItem>>;
    fn offline_count(&self, owner: OwnerId) -> Reading<u64>;

    fn blocklist(&self, account: AccountId) -> Reading<Vec<Arc<str>>>;
    fn private_all(&self, account: AccountId) -> Reading<Vec<String>>;
    fn private(&self, account: AccountId, key: Arc<str>) -> Reading<Option<String>>;
    fn private_count(&self, account: AccountId) -> Reading<u64>;
    fn vcard(&self, account: AccountId) -> Reading<Option<String>>;
    fn node(&self, owner: OwnerId, node: Arc<str>) -> Reading<(Option<Node>, NodeUsage)>;
    fn nodes(&self, owner: OwnerId) -> Reading<Vec<Node>>;
    fn node_items(&self, owner: OwnerId, node: Arc<str>, query: ItemQuery) -> Reading<ItemPage>;
    fn newest_items(&self, newcomer: Newcomer, accounts: Vec<Arc<str>>)
    -> Reading<Vec<NewestItem>>;
    fn activity(&self, account: AccountId) -> Reading<Option<Activity>>;
    fn preferences(&self, account: AccountId) -> Reading<Option<ArchivePreferences>>;
    fn tokens(&self, account: AccountId, client: Option<Arc<str>>) -> Reading<Vec<TokenRecord>>;

    fn invitation(&self, hash: Vec<u8>) -> Reading<Option<Invitation>>;
    fn app_password_create(
        &self,
        account: AccountId,
        label: Arc<str>,
        keys: Vec<ScramRecord>,
        now: Timestamp,
    ) -> Reading<AppPasswordId>;
    fn app_passwords(&self, account: AccountId) -> Reading<Vec<AppPassword>>;
    fn devices(&self, account: AccountId) -> Reading<Vec<Device>>;
    fn identities(&self, source: Arc<str>) -> Reading<Vec<(Account, Identity)>>;

    fn account_register(
        &self,
        account: NewAccount,
        invitation: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Reading<Registered>;
    fn invitations(&self, inviter: Option<AccountId>, max: usize) -> Reading<Vec<Invitation>>;
    fn invitation_redeem(&self, hash: Vec<u8>, now: Timestamp) -> Reading<Option<Invitation>>;
    fn setting(&self, key: Arc<str>) -> Reading<Option<Vec<u8>>>;
    fn setting_or(&self, key: Arc<str>, value: Vec<u8>) -> Reading<Vec<u8>>;

    fn room_create(
        &self,
        room: NewRoom,
        note: Option<AuditNote>,
    ) -> Reading<(RoomId, RosterVersion)>;
    fn room_remove(&self, room: RoomId, note: Option<AuditNote>) -> Reading<bool>;
    fn room_state(&self, localpart: Arc<str>) -> Reading<Option<RoomState>>;
    fn room_list(&self, after: Option<Arc<str>>, max: usize, listed: bool) -> Reading<RoomPage>;
    fn room_count(&self, listed: bool) -> Reading<u64>;
    fn room_memberships(&self, address: Arc<str>) -> Reading<Vec<RoomMembership>>;
    fn rooms_of(&self, query: RoomsQuery) -> Reading<Vec<RoomStanding>>;
    fn room_traces(&self, address: Arc<str>) -> Reading<Vec<Arc<str>>>;
    fn room_people_since(
        &self,
        room: RoomId,
        version: RosterVersion,
    ) -> Reading<Option<PeopleChanges>>;
    fn room_vcard(&self, room: RoomId) -> Reading<Option<String>>;
    fn room_tombstones(
        &self,
        room: RoomId,
        from: ArchiveId,
        to: ArchiveId,
    ) -> Reading<Vec<(ArchiveId, Bytes)>>;

    fn api_token(&self, hash: Vec<u8>) -> Reading<Option<(ApiToken, Account)>>;
    fn api_tokens(&self, account: AccountId) -> Reading<Vec<ApiToken>>;
    fn answer(&self, key: Vec<u8>) -> Reading<Option<KeptAnswer>>;
    fn people(&self, query: PeopleQuery) -> Reading<PeoplePage>;
    fn groups(&self) -> Reading<Vec<GroupSize>>;

    fn audit(&self, query: AuditQuery) -> Reading<AuditPage>;
    fn audit_head(&self) -> Reading<AuditHead>;
    fn audit_check(&self, noted: Vec<AuditHead>) -> Reading<Vec<String>>;

    fn outgoing(&self, after: u64, max: usize) -> Reading<Vec<Outgoing>>;

    fn push_registrations(&self, account: AccountId) -> Reading<Vec<PushRegistration>>;
    fn push_accounts(&self) -> Reading<Vec<Arc<str>>>;
    fn push_audience(&self, audience: PushAudience) -> Reading<Vec<Arc<str>>>;

    fn upload_reserve(&self, upload: NewUpload, bounds: UploadBounds) -> Reading<Reserved>;
    fn upload(&self, id: Arc<str>) -> Reading<Option<Upload>>;
    fn upload_keep(&self, id: Arc<str>, kept: Kept) -> Reading<bool>;
    fn upload_due(
        &self,
        now: Timestamp,
        before: Option<Timestamp>,
        max: usize,
    ) -> Reading<Vec<Upload>>;
    fn upload_slots(&self, after: Arc<str>, max: usize) -> Reading<Vec<Upload>>;
    fn upload_ids(&self, prefix: Arc<str>) -> Reading<Vec<(Arc<str>, bool)>>;
    fn upload_usage(&self, account: AccountId) -> Reading<UploadUsage>;

    fn backup(&self, target: PathBuf, progress: Option<Progress>) -> Reading<()>;
    fn check(&self, depth: CheckDepth) -> Reading<CheckReport>;
}
