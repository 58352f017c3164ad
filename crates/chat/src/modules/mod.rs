//! Modules: one specification, one file, one static that declares it; and the one list.
//!
//! A module says in its [`Module`] what it is (specification, version, status, features) and
//! where it takes part: requests it answers, the message phase it decides in, the presence and
//! session events it wants. Disco, the stream features, the DOAP file and `docs/xeps.md` are made
//! from the same statics.

pub(crate) mod administration;
mod api_session;
pub(crate) mod archive_preferences;
mod avatar;
mod avatar_conversion;
mod blocking;
mod bookmarks;
pub(crate) mod caps;
pub(crate) mod carbons;
mod client_access;
mod client_state;
pub(crate) mod commands;
mod contact;
pub(crate) mod content;
mod context;
pub(crate) mod delegation;
mod disco;
pub(crate) mod displayed;
pub(crate) mod encryption;
pub(crate) mod external_services;
mod hints;
pub(crate) mod http_upload;
pub(crate) mod inbox;
mod invitations;
mod last;
mod legacy_bookmarks;
mod legacy_session;
mod markers;
mod message_archive;
pub(crate) mod notification_settings;
pub(crate) mod offline;
pub(crate) mod omemo;
mod pep;
mod ping;
mod presence;
pub(crate) mod previews;
mod private_data;
mod private_storage;
pub(crate) mod privilege;
mod public_data;
pub(crate) mod pubsub;
mod push;
mod receipts;
mod registration;
mod retraction;
mod roster;
mod search;
mod server_information;
pub(crate) mod stanza_ids;
pub(crate) mod stream_limits;
mod stream_management;
mod subscription;
mod table;
mod time;
mod vcard;
mod vcard4;
mod vcard_update;
mod version;
mod web_push;

use xmpp::condition::StanzaError;

pub(crate) use blocking::{barred, blocks};
pub use commands::{Audience, Command, Stage, Step};
pub use context::{
    IqContext, MessageContext, MessagePlan, MessageType, OpenIqContext, PresenceContext, Reply,
    SessionContext,
};
pub(crate) use last::refuses as refuses_last_activity;
pub(crate) use message_archive::{archive_metadata, query as archive_query};
pub(crate) use presence::{from_elsewhere, is_elsewhere};
pub use previews::{NoPreview, Previewer};
pub use pubsub::{ArrivingNodes, LeftOut};
pub use table::Table;

use crate::Work;
use crate::delivery::Delivery;
pub(crate) use crate::store_trouble::store_failed;

/// The list. Its order is the order of the phases in which modules decide about a message.
pub static ALL: &[&Module] = &[
    &blocking::MODULE,
    // Who is blocked learns nothing else; what is refused is neither kept nor told.
    &encryption::MODULE,
    &push::MODULE,
    &message_archive::MODULE,
    &archive_preferences::MODULE,
    &offline::MODULE,
    &hints::MODULE,
    &carbons::MODULE,
    &stanza_ids::MODULE,
    &receipts::MODULE,
    &markers::MODULE,
    &retraction::MODULE,
    &omemo::MODULE,
    &inbox::MODULE,
    // What accounts keep for themselves.
    &private_storage::MODULE,
    &vcard::MODULE,
    // What accounts publish.
    &pubsub::MODULE,
    &pep::MODULE,
    &public_data::MODULE,
    &private_data::MODULE,
    &avatar::MODULE,
    &vcard_update::MODULE,
    &avatar_conversion::MODULE,
    &vcard4::MODULE,
    &bookmarks::MODULE,
    &legacy_bookmarks::MODULE,
    &displayed::MODULE,
    &notification_settings::MODULE,
    // Contacts and their presence.
    &roster::MODULE,
    &subscription::MODULE,
    &presence::MODULE,
    // What becomes of accounts, and who gets in.
    &commands::MODULE,
    &registration::MODULE,
    &invitations::MODULE,
    &client_access::MODULE,
    &api_session::MODULE,
    &administration::MODULE,
    // What the server and its accounts tell of themselves.
    &disco::MODULE,
    &caps::MODULE,
    &contact::MODULE,
    &version::MODULE,
    &time::MODULE,
    &ping::MODULE,
    &last::MODULE,
    &search::MODULE,
    &server_information::MODULE,
    // What components may do.
    &privilege::MODULE,
    &delegation::MODULE,
    // Files and calls.
    &http_upload::MODULE,
    &external_services::MODULE,
    &previews::MODULE,
    // The stream.
    &stream_limits::MODULE,
    &legacy_session::MODULE,
    &stream_management::MODULE,
    &client_state::MODULE,
    &web_push::MODULE,
];

/// What a module does when something happens.
pub type Hook<Context, Done> = fn(Context) -> Work<Done>;

/// Everything a module declares.
pub struct Module {
    /// The stem its files share, such as `carbons`.
    pub name: &'static str,
    /// `XEP-0280` or `RFC 6121`.
    pub specification: &'static str,
    /// The title of the specification.
    pub title: &'static str,
    /// The version of it that this code follows.
    pub version: &'static str,
    /// How much of it is here.
    pub status: Status,
    /// Since which version of Hauspost.
    pub since: &'static str,
    /// Features shown by service discovery.
    pub features: &'static [Feature],
    /// Identities added to the account's service discovery.
    pub identities: &'static [Identity],
    /// Stream features after authentication, as XML.
    pub stream_features: &'static [&'static str],
    /// Features of Bind 2 (XEP-0386) that the module understands inline, by namespace.
    pub bind_features: &'static [&'static str],
    /// Ad-hoc commands (XEP-0050) at the server's own address.
    pub commands: &'static [commands::Command],
    /// Requests it answers.
    pub iq: &'static [IqHandler],
    /// Its word on a message on the way to or from an account of ours.
    pub message: Option<fn(&mut MessageContext<'_>) -> Verdict>,
    /// Its work on a presence stanza sent by one of our clients. Only one module has it.
    pub presence: Option<Hook<PresenceContext, Result<Vec<Delivery>, StanzaError>>>,
    /// A session was bound.
    pub session_started: Option<Hook<SessionContext, Vec<Delivery>>>,
    /// A session has sent its first available presence (initial presence, RFC 6121 §4.2).
    pub session_available: Option<Hook<SessionContext, Vec<Delivery>>>,
    /// A session has sent available presence with a priority that is not negative: messages to the
    /// account reach it from now on. They are held until the work is done, so what it gives to
    /// `Mailbox::release` comes ahead of them.
    pub session_reachable: Option<Hook<SessionContext, ()>>,
    /// A session is gone for good.
    pub session_ended: Option<Hook<SessionContext, Vec<Delivery>>>,
}

impl Module {
    /// A module that takes part nowhere; a static fills in what it has.
    pub const NONE: Self = Self {
        name: "",
        specification: "",
        title: "",
        version: "",
        status: Status::Complete,
        since: "0.1.0",
        features: &[],
        identities: &[],
        stream_features: &[],
        bind_features: &[],
        commands: &[],
        iq: &[],
        message: None,
        presence: None,
        session_started: None,
        session_available: None,
        session_reachable: None,
        session_ended: None,
    };
}

/// How much of a specification is implemented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// All of it that concerns a server.
    Complete,
    /// A part; the text says which.
    Partial(&'static str),
}

/// Where service discovery shows a feature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seat {
    /// On the server's own address.
    Host,
    /// On the bare address of an account.
    Account,
    /// On both.
    Both,
}

/// A feature of service discovery (XEP-0030 §3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Feature {
    /// The `var`.
    pub var: &'static str,
    /// Where it is shown.
    pub seat: Seat,
}

/// An identity of service discovery (XEP-0030 §3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The category.
    pub category: &'static str,
    /// The type.
    pub kind: &'static str,
    /// Where it is shown.
    pub seat: Seat,
}

/// Whose requests a handler answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// Sent to the server itself.
    Host,
    /// Sent by a client to its own account (no `to`, or its own bare address).
    Own,
    /// Sent to the bare address of another account of this domain.
    Other,
}

/// A request that a module answers.
pub struct IqHandler {
    /// To whom the request was sent.
    pub targets: &'static [Target],
    /// True for `set`, false for `get`.
    pub set: bool,
    /// The name of the payload; empty takes every name in the namespace.
    pub payload: &'static str,
    /// The namespace of the payload.
    pub namespace: &'static str,
    /// The work, and whose requests it is for.
    pub run: Run,
}

/// Who may ask, and the work.
#[derive(Clone, Copy)]
pub enum Run {
    /// Clients of ours only.
    Client(fn(IqContext) -> Work<Result<Reply, StanzaError>>),
    /// Anyone who can reach this server: clients, other servers' users, components.
    Anyone(fn(OpenIqContext) -> Work<Result<Reply, StanzaError>>),
}

/// What a module says of a message.
#[derive(Debug)]
pub enum Verdict {
    /// The next module decides.
    Next,
    /// The message goes no further, and the sender is told nothing.
    Handled,
    /// The message goes back to its sender.
    Reject(StanzaError),
}
