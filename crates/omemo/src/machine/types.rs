//! What goes into the machine and what comes out.

use std::fmt;

use base::{BareJid, Redacted, Timestamp};
use xmpp::xep::omemo::{DeviceId, Form};
use xmpp::xml::Stanza;

use crate::bundle::BundleFault;
use crate::crypto::IdentityKey;
use crate::envelope::EnvelopeFault;
use crate::trust::Trust;

/// Who is meant to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    /// The chat: the other account, or the room.
    pub chat: BareJid,
    /// The accounts in it. Our own need not be among them: our own devices always read.
    pub members: Vec<BareJid>,
    /// Whether it is a room.
    pub group: bool,
}

impl Audience {
    /// A chat with one account.
    #[must_use]
    pub fn direct(account: BareJid) -> Self {
        Self {
            members: vec![account.clone()],
            chat: account,
            group: false,
        }
    }

    /// A room: its members, admins and owners by their real addresses (XEP-0384 §5.8.1).
    #[must_use]
    pub const fn group(room: BareJid, members: Vec<BareJid>) -> Self {
        Self {
            chat: room,
            members,
            group: true,
        }
    }
}

/// What is to be said. Which of the two goes to a device depends on the form that it speaks.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// XML text: the elements for the envelope, each self-contained: `<body xmlns='jabber:client'>…`.
    pub elements: &'a str,
    /// The text for devices of the legacy form, which carries nothing else. Without it they are left out.
    pub text: Option<&'a str>,
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outgoing(…)")
    }
}

/// Whether a message can be encrypted right away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preparation {
    /// All is there that can be had.
    Ready,
    /// Device lists or bundles are being fetched: do what [`Machine::requests`](crate::Machine::requests) says, and ask
    /// again. To encrypt now would leave out the devices that are waited for.
    Waiting,
}

/// A device that can read a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Its account.
    pub account: BareJid,
    /// Its number.
    pub device: DeviceId,
    /// The form in which it gets the message.
    pub form: Form,
    /// Its key.
    pub identity: IdentityKey,
    /// What was decided about its key.
    pub trust: Trust,
}

/// Why a device or an account cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The account has no device that encrypts.
    #[error("has no device that can read encrypted messages")]
    NoDevices,
    /// Its device list has not been fetched yet.
    #[error("its devices are not known yet")]
    ListUnknown,
    /// Its server did not give its device list.
    #[error("its server does not tell its devices")]
    ListUnavailable,
    /// Its keys have not been fetched yet.
    #[error("its keys are not known yet")]
    BundleUnknown,
    /// Its server did not give its keys.
    #[error("its keys cannot be fetched")]
    BundleUnavailable,
    /// Its keys are of no use.
    #[error("its keys are of no use: {0}")]
    BundleInvalid(BundleFault),
    /// Nobody has looked at its key yet.
    #[error("somebody must look at its key first")]
    Undecided,
    /// Its key is not believed.
    #[error("its key is not trusted")]
    Distrusted,
    /// Policy demands that it be verified.
    #[error("it must be verified first")]
    NotVerified,
    /// It has been silent for long.
    #[error("it has been silent for long")]
    Stale,
    /// It only speaks the legacy form, which cannot carry this.
    #[error("it cannot read messages of this kind")]
    OldForm,
}

/// Somebody who cannot read a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// The account.
    pub account: BareJid,
    /// The device; without one the whole account.
    pub device: Option<DeviceId>,
    /// Why.
    pub reason: Unreachable,
}

/// An encrypted message.
#[derive(Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// XML text: the children of the `<message/>`. Empty when nobody but ourselves could read it: then it must not be
    /// sent, and [`Encrypted::unreached`] says why.
    pub elements: String,
    /// Who can read it.
    pub readers: Vec<Reader>,
    /// Who cannot, and why.
    pub unreached: Vec<Unreached>,
}

impl Encrypted {
    pub(super) const fn nothing(unreached: Vec<Unreached>) -> Self {
        Self {
            elements: String::new(),
            readers: Vec::new(),
            unreached,
        }
    }

    /// Whether anybody of the audience can read it.
    #[must_use]
    pub const fn reaches_somebody(&self) -> bool {
        !self.elements.is_empty()
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted")
            .field("bytes", &self.elements.len())
            .field("readers", &self.readers)
            .field("unreached", &self.unreached)
            .finish()
    }
}

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// By what the caller knows it again, such as its id in the archive: unique, not longer than 512 bytes.
    pub reference: &'a str,
    /// The sender's account: in a room its real address. In a carbon copy, that of the message in it.
    pub from: &'a BareJid,
    /// For whom it was: the bare `to` of the stanza, or the room.
    pub to: &'a BareJid,
    /// Whether it came through a room.
    pub group: bool,
    /// When the stanza was sent: its `<delay/>`, or now.
    pub sent: Timestamp,
    /// The `<message/>`.
    pub message: &'a Stanza,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// XML text: the elements of the envelope, each self-contained.
    Elements(Redacted<String>),
    /// The text of the legacy form.
    Text(Redacted<String>),
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// Who wrote it.
    pub account: BareJid,
    /// On which device.
    pub device: DeviceId,
    /// With which key.
    pub identity: IdentityKey,
    /// What was decided about that key when the message came.
    pub trust: Trust,
    /// What it says.
    pub content: Content,
    /// When its writer says that it was written.
    pub time: Option<Timestamp>,
    /// That is not when its stanza was sent: a clock is wrong, or somebody sent it again. To be shown.
    pub time_is_off: bool,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It was read. It stays in the inbox until [`Machine::taken`](crate::Machine::taken).
    Message(Decrypted),
    /// It only moved keys; nothing is to be shown.
    KeysOnly,
    /// It said whose keys are to be trusted, and that was done; nothing is to be shown.
    TrustMessage,
    /// It was read before; nothing is to be shown (XEP-0384 §6).
    Duplicate,
    /// This device wrote it itself.
    FromThisDevice,
    /// It is not encrypted.
    NotEncrypted,
    /// It could not be read. To be shown in its place.
    Failed(Failure),
}

/// Why a message could not be read. The text is for the person who waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was not encrypted for this device.
    #[error("This message was not encrypted for this device")]
    NotForThisDevice,
    /// It is not what it should be.
    #[error("This message is damaged")]
    Malformed,
    /// It is larger than what is read.
    #[error("This message is too large")]
    TooLarge,
    /// It is of a version that nobody speaks any more, or not yet.
    #[error("This message was encrypted by a version that is not understood")]
    UnknownVersion,
    /// There is no session with the device that sent it. A new one is being started, so that the next ones can be read.
    #[error(
        "This message was written for keys that this device does not have; the next ones will be readable"
    )]
    NoSession,
    /// It starts a session with a key that was used up or has expired.
    #[error("This message was written for keys that are used up")]
    UnknownPreKey,
    /// Its account has shown more devices than anybody has.
    #[error("This message came from one device too many")]
    TooManyDevices,
    /// It starts a session with keys that are none.
    #[error("This message was written with unusable keys")]
    BadKeyExchange,
    /// It was changed on the way, or the session is broken. If that goes on, the session can be replaced by hand.
    #[error("This message could not be decrypted")]
    Undecryptable,
    /// Too many messages came before it.
    #[error("This message came too late: its key was deleted")]
    KeyExpired,
    /// More messages are missing before it than are ever waited for.
    #[error("Too many messages before this one are missing")]
    TooFarAhead,
    /// Its key was read, but the text does not fit it.
    #[error("The text of this message was changed on the way")]
    BadPayload,
    /// It was read, but it is not by or for whom it says. It is not shown.
    #[error("This message does not belong here: {0}")]
    Envelope(EnvelopeFault),
}

/// Something that has happened and that somebody may want to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The devices of an account are others than before.
    Devices {
        /// Whose.
        account: BareJid,
    },
    /// A device was seen for the first time.
    NewDevice {
        /// Whose.
        account: BareJid,
        /// Which.
        device: DeviceId,
        /// How far it is trusted.
        trust: Trust,
    },
    /// A device has another key than before. It is not written to until somebody has looked at it.
    KeyChanged {
        /// Whose.
        account: BareJid,
        /// Which.
        device: DeviceId,
    },
    /// A key is trusted otherwise than before.
    Trust {
        /// Whose.
        account: BareJid,
        /// Which.
        identity: IdentityKey,
        /// How far.
        trust: Trust,
    },
    /// The server refuses to keep our keys or our device list. Others cannot write to this device.
    Refused {
        /// The node.
        node: String,
    },
    /// Another device had the number of this one: it has a new one.
    Renumbered {
        /// The new number.
        device: DeviceId,
    },
}
