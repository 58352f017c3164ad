//! Keeping: accounts, rosters, archive and what else must outlive the process.
//!
//! Writes are gathered in a [`Batch`] and [submitted](Store::submit): ids at once, durability by
//! [`Ticket`]. What must come back with a result (making an account) and all reads give a [`Reading`],
//! a future that needs no particular runtime. Each domain has one file with its types, its writes on
//! `Batch` and its reads on [`Store`]; behind them stands a [`Backend`], and SQL is found only there.

mod accounts;
mod activity;
mod api_tokens;
mod app_passwords;
mod archive;
mod audit;
mod backend;
mod backup;
mod batch;
mod blocking;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod devices;
mod error;
mod identities;
mod ids;
mod inbox;
mod invitations;
mod omemo;
mod outgoing;
mod people;
mod preferences;
mod private;
mod pubsub;
mod push;
mod reading;
mod rooms;
mod roster;
mod settings;
mod state;
mod store;
mod ticket;
mod tokens;
mod uploads;
mod vcard;

pub use accounts::{
    Account, AccountChange, AccountPage, Imported, Login, NewAccount, Role, ScramRecord,
};
pub use activity::Activity;
pub use api_tokens::{ApiToken, KeptAnswer};
pub use app_passwords::{AppPassword, AppPasswordId};
pub use archive::{
    ArchiveBounds, ArchiveItem, ArchiveOwner, ArchivePage, ArchiveQuery, EntryFlags, ImportedEntry,
    PagePosition,
};
pub use audit::{AuditDigest, AuditEntry, AuditHead, AuditNote, AuditPage, AuditQuery, NotAHead};
pub use backend::Backend;
pub use backup::{BackupProgress, CheckDepth, CheckReport, Progress, restore};
pub use batch::{Batch, Submitted, Write};
pub use config::{Clock, Location, StoreConfig};
pub use devices::{Device, MOST_DEVICES};
pub use error::{OpenError, StoreError};
pub use identities::Identity;
pub use ids::{AccountId, ArchiveId, IdError, OwnerId, OwnerKind, RoomId, RosterVersion};
pub use inbox::{Conversation, InboxPage, InboxQuery, InboxRoom, MOST_UNREAD, Mentions};
pub use invitations::{Invitation, InvitationPurpose, Registered};
pub use omemo::MOST_OMEMO_DEVICES;
pub use outgoing::Outgoing;
pub use people::{GroupSize, PeopleOrder, PeoplePage, PeoplePosition, PeopleQuery};
pub use preferences::{ArchiveDefault, ArchivePreferences};
pub use pubsub::{
    ItemPage, ItemPosition, ItemQuery, Newcomer, NewestItem, Node, NodeAffiliation, NodeItem,
    NodeSettings, NodeSubscription, NodeUsage, NodeWrite,
};
pub use push::{PushAudience, PushRegistration, PushTarget};
pub use reading::{Answer, Reading, wait};
pub use rooms::{
    Affiliation, NewRoom, PeopleChanges, PrivateMessages, RoomConfig, RoomHat, RoomInvitation,
    RoomMembership, RoomPage, RoomPerson, RoomStanding, RoomState, RoomSubject, RoomSummary,
    RoomsQuery, Whois,
};
pub use roster::{Roster, RosterChange, RosterChanges, RosterItem, RosterRequest, Subscription};
pub use state::AccountState;
pub use store::{Figures, Store};
pub use ticket::Ticket;
pub use tokens::TokenRecord;
pub use uploads::{Kept, NewUpload, Reserved, Upload, UploadBounds, UploadPurpose, UploadUsage};

/// Entry points for fuzzing: decoders of what is read from the disk.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::archive::codec::{check_chunk, check_journal, with_checksum};
}
