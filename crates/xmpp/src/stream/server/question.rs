//! What the negotiation asks of the outside, and what it is answered.

use base::{BareJid, FullJid, Timestamp};
use bytes::Bytes;

use crate::condition::{SaslCondition, StanzaCondition, StanzaError};
use crate::sasl::{Mechanism, Password, ScramHash, ScramKeys};
use crate::stream::ClientAgent;
use crate::xep::bind2::Inline;

use super::Passwords;

/// What to do next. Take outputs until there is none, in this order.
#[derive(Debug)]
pub enum Output {
    /// Bytes for the peer: one WebSocket frame, or one run of whole elements for TCP and BOSH.
    Send(Bytes),
    /// Find this out and give it to `Negotiation::answer`. Until then no frame may be handled.
    Ask(Question),
    /// Throw away what was received after this element, start TLS on the transport, put a new reader in
    /// place and call `Negotiation::tls_established`. Bytes that came in clear must never be read as if they
    /// had come inside TLS.
    StartTls,
    /// A new stream begins on the same transport: `Reader::restart`. Bytes already received stay.
    RestartStream,
    /// The peer is now known: limits for strangers may be raised.
    Authenticated {
        /// The account.
        account: BareJid,
    },
    /// Negotiation is over; the stream now belongs to the session.
    Established(Established),
    /// Send what is queued, then close the transport. Nothing comes after.
    Close,
}

/// Something only the outside knows. Exactly one is open at a time.
#[derive(Debug)]
pub enum Question {
    /// Where is the password of this account kept? Asked with [`super::DirectoryOffer`] only. Answer
    /// [`Answer::Passwords`], for accounts that are not there as for those of the directory.
    Passwords {
        /// Whom the stream says that it is for.
        account: BareJid,
    },
    /// The keys of an account for SCRAM: of its password, and of its app passwords. Answer [`Answer::Keys`], empty
    /// for an account that is not there, is disabled, or has no keys of that hash; or [`Answer::Refused`].
    Keys {
        /// Who wants in.
        account: BareJid,
        /// Which keys.
        hash: ScramHash,
    },
    /// Is this the password (PLAIN)? `ScramKeys::verify`, off the stanza threads; for unknown accounts verify
    /// against `UnknownAccounts::keys`, for the same time. Answer [`Answer::Admitted`] or [`Answer::Refused`].
    Password {
        /// Who wants in.
        account: BareJid,
        /// As it came.
        password: Password,
    },
    /// May the bearer of a verified certificate use this account (does it exist, is it enabled)?
    /// Answer [`Answer::Accepted`] or [`Answer::Refused`].
    Certificate {
        /// One of the certificate's addresses.
        account: BareJid,
    },
    /// The tokens of one device (XEP-0484 §6.1: at most "new" and "current", in that order). Answer
    /// [`Answer::Tokens`], empty for an unknown account.
    Tokens {
        /// Who wants in.
        account: BareJid,
        /// `ClientAgent::id`.
        client: String,
    },
    /// A token was used: remember its count, drop the tokens of this device that expire before it, or drop the
    /// token itself. The answer must come after the commit. Answer [`Answer::Accepted`] or [`Answer::Refused`].
    TokenUsed {
        /// Whose.
        account: BareJid,
        /// `ClientAgent::id`.
        client: String,
        /// [`StoredToken::id`].
        token: u64,
        /// The replay counter the client gave.
        count: Option<u64>,
        /// The client wants this token to end now.
        invalidate: bool,
    },
    /// Keep a new token for this device in the "new" place, whatever was there (XEP-0484 §3.5, §6.1).
    /// Answer [`Answer::TokenIssued`] or [`Answer::Refused`], which only leaves the token out.
    IssueToken {
        /// Whose.
        account: BareJid,
        /// The device.
        client: ClientAgent,
        /// The mechanism the token is bound to.
        mechanism: Mechanism,
        /// What to keep as [`StoredToken::seed`].
        seed: [u8; 32],
        /// What has let the client in; the token lasts no longer.
        credential: Credential,
    },
    /// Which of these hashes does the account have keys for? (XEP-0480.) Answer [`Answer::Hashes`].
    Hashes {
        /// Whose.
        account: BareJid,
    },
    /// Keep these keys beside those of other hashes. Answer [`Answer::Accepted`] or [`Answer::Refused`].
    StoreKeys {
        /// Whose.
        account: BareJid,
        /// The keys.
        keys: ScramKeys,
    },
    /// Bind a resource. Answer [`Answer::Bound`] or [`Answer::BindRefused`].
    Bind(BindRequest),
    /// Resume an earlier session (XEP-0198 §5). Answer [`Answer::Resumed`] or [`Answer::ResumeFailed`].
    Resume {
        /// Who asks; must own the session.
        account: BareJid,
        /// `previd`.
        previous: String,
        /// What the client has handled.
        h: u32,
        /// What has let the client in; the session must have begun with the same.
        credential: Credential,
    },
    /// Is this the token of an invitation to make an account (XEP-0445)? Answer [`Answer::Invited`].
    Invitation {
        /// As it came.
        token: String,
    },
    /// Make an account (XEP-0077 §3.1). Answer [`Answer::Registered`], after the commit.
    Register {
        /// As it came.
        username: String,
        /// As it came.
        password: Password,
        /// The token that was accepted before.
        token: Option<String>,
    },
    /// A login failed. The failure is sent when this is answered with [`Answer::Accepted`], so that guessing
    /// can be slowed down.
    Failed {
        /// The account that was named, where one could be read.
        account: Option<BareJid>,
        /// The mechanism, where known.
        mechanism: Option<Mechanism>,
    },
}

/// The answer to a [`Question`].
#[derive(Debug)]
pub enum Answer {
    /// To [`Question::Passwords`].
    Passwords(Passwords),
    /// To [`Question::Keys`].
    /// The client is told the salt and iterations of the first; of the others only those that share
    /// both can be meant.
    Keys(Vec<Candidate>),
    /// Yes; done.
    Accepted,
    /// To [`Question::Password`]: yes, by this.
    Admitted(Credential),
    /// To [`Question::Invitation`]: yes, for an account of this name, or of any; or why not.
    Invited(Result<Option<String>, StanzaError>),
    /// To [`Question::Register`].
    Registered(Result<(), StanzaError>),
    /// No, with the condition for the peer: `NotAuthorized` for wrong credentials, `AccountDisabled`,
    /// `TemporaryAuthFailure` when the store does not answer or the address is throttled.
    Refused(SaslCondition),
    /// To [`Question::Tokens`].
    Tokens(Vec<StoredToken>),
    /// To [`Question::IssueToken`].
    TokenIssued {
        /// When it ends.
        expiry: Timestamp,
    },
    /// To [`Question::Hashes`].
    Hashes(Vec<ScramHash>),
    /// To [`Question::Bind`].
    Bound {
        /// The full address, as in [`BindRequest::jid`] or another of the same account.
        jid: FullJid,
        /// Raw XML for `<bound/>` of Bind 2: archive metadata (XEP-0313), `<enabled/>` or `<failed/>` of
        /// XEP-0198, and other answers. Empty for a legacy bind.
        inline: String,
    },
    /// To [`Question::Bind`]: no resource.
    BindRefused(StanzaError),
    /// To [`Question::Resume`].
    Resumed {
        /// What the server has handled of the former stream.
        h: u32,
    },
    /// To [`Question::Resume`].
    ResumeFailed {
        /// What the server had handled, where still known.
        h: Option<u32>,
        /// `ItemNotFound`, mostly.
        condition: StanzaCondition,
    },
}

/// Which of an account's secrets lets a client in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The account's own: its password, or a certificate.
    #[default]
    Account,
    /// An app password, by its number.
    App(i64),
}

/// Keys that may be meant by a login.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What they are of.
    pub credential: Credential,
    /// The keys.
    pub keys: ScramKeys,
}

impl Candidate {
    /// Keys of the account's own password.
    pub fn own(keys: ScramKeys) -> Self {
        Self {
            credential: Credential::Account,
            keys,
        }
    }
}

/// What is kept of a token (XEP-0484).
#[derive(Clone)]
pub struct StoredToken {
    /// Names it in [`Question::TokenUsed`].
    pub id: u64,
    /// [`Question::IssueToken`]'s seed.
    pub seed: [u8; 32],
    /// The mechanism it is bound to.
    pub mechanism: Mechanism,
    /// Past its expiry.
    pub expired: bool,
    /// Near its expiry: hand out a new one.
    pub rotate: bool,
    /// The highest count seen.
    pub count: Option<u64>,
    /// What had let the client in that got it.
    pub credential: Credential,
}

/// A wish for a resource.
#[derive(Debug, Clone)]
pub struct BindRequest {
    /// The account.
    pub account: BareJid,
    /// The address to give: the client's own resource, or one made here (for Bind 2 with a device id, always
    /// the same for the same device and tag). If it is taken, replace the older session or choose another.
    pub jid: FullJid,
    /// The client chose the resource itself (legacy bind only).
    pub chosen_by_client: bool,
    /// Bind 2 rather than RFC 6120 §7: no offline messages are to be sent (XEP-0386 §3.2).
    pub bind2: bool,
    /// Which installation asks. An older session of the same id is to be ended (XEP-0386 §3.2).
    pub agent: ClientAgent,
    /// What is to be enabled at once.
    pub enable: Inline,
    /// What has let the client in.
    pub credential: Credential,
    /// It showed a password for it on this stream, not a token or a certificate.
    pub by_password: bool,
}

/// How negotiation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Established {
    /// A new session.
    Bound {
        /// Its address.
        jid: FullJid,
        /// What was asked for inline, and answered by the outside in [`Answer::Bound`].
        enable: Inline,
        /// By Bind 2.
        bind2: bool,
        /// Which installation.
        agent: ClientAgent,
    },
    /// An earlier session goes on; its replay follows at once.
    Resumed {
        /// The account.
        account: BareJid,
        /// `previd`.
        previous: String,
    },
}

impl std::fmt::Debug for StoredToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredToken")
            .field("id", &self.id)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}
