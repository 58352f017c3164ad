//! What the person wants.

use client::text::Composition;
use client::{BareJid, ConversationId, MessageKey, Redacted};
use serde::Deserialize;

use super::Time;
use super::answer::{Failure, FailureKind};
use super::conversation::{Availability, Notify};
use super::history::HistoryRole;
use super::people::Policy;
use super::picture::Picture;
use super::question::Question;

/// What the person wants. It shows at once and settles when the server has it; what is done offline goes out later.
/// Conversations are named by their ids, messages by their keys, people by their addresses.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Command {
    /// Opens a conversation with somebody; gives `conversation`.
    OpenChat {
        /// With whom.
        with: String,
    },
    /// Says something; gives `message`.
    Send {
        /// Where.
        conversation: String,
        /// What.
        draft: Draft,
    },
    /// Says something else in place of what was said.
    Edit {
        /// Where.
        conversation: String,
        /// A message of ours.
        message: String,
        /// What it says now; its `reply` counts for nothing.
        draft: Draft,
    },
    /// Takes back a message of ours, or in a room, as its moderator, that of somebody else.
    Remove {
        /// Where.
        conversation: String,
        /// Which.
        message: String,
        /// Why, for those in the room.
        reason: Option<String>,
    },
    /// Our reactions to a message are these, each an emoji; none takes them back.
    React {
        /// Where.
        conversation: String,
        /// To which message.
        message: String,
        /// All of them.
        reactions: Vec<String>,
    },
    /// Tries again to send a message that failed.
    Resend {
        /// Where.
        conversation: String,
        /// Which.
        message: String,
    },
    /// Throws a message away that failed or was not sent yet.
    Discard {
        /// Where.
        conversation: String,
        /// Which.
        message: String,
    },
    /// The person has seen this message and those before it.
    MarkRead {
        /// Where.
        conversation: String,
        /// The newest that was seen.
        message: String,
    },
    /// The person leaves a conversation: its unread line goes.
    Leave {
        /// Which.
        conversation: String,
    },
    /// The person types, or has stopped.
    Typing {
        /// Where.
        conversation: String,
        /// Whether.
        typing: bool,
    },
    /// Keeps what was typed and not sent; empty for nothing.
    SetDraft {
        /// Where.
        conversation: String,
        /// What.
        text: String,
    },
    /// Asks our server what is behind the first link of a text that is being written; gives `link`, then comes the event
    /// `preview`. The server learns the link.
    LookAtLink {
        /// The text, as it is so far.
        text: String,
    },
    /// What to hear of a conversation.
    SetNotify {
        /// Which.
        conversation: String,
        /// What.
        notify: Notify,
    },
    /// Mutes a conversation for a time; then it is as it was.
    Mute {
        /// Which.
        conversation: String,
        /// Until when.
        until: Time,
    },
    /// Pins a message for all who are in the conversation, or no longer.
    Pin {
        /// Where.
        conversation: String,
        /// Which.
        message: String,
        /// Whether.
        pinned: bool,
    },
    /// Reminds the person of a message, on all devices of theirs.
    Remind {
        /// Where.
        conversation: String,
        /// Which.
        message: String,
        /// When; `null` for no more.
        at: Option<Time>,
    },
    /// Pins a conversation, or no longer.
    SetPinned {
        /// Which.
        conversation: String,
        /// Whether.
        pinned: bool,
    },
    /// Whether what is said here is encrypted from now on. Policy of the server may refuse what is not.
    SetEncryption {
        /// Where.
        conversation: String,
        /// Whether.
        on: bool,
    },
    /// Fetches messages from before the oldest that is kept.
    LoadEarlier {
        /// Where.
        conversation: String,
    },
    /// Makes a private group, encrypted; gives `conversation`.
    CreateGroup {
        /// What it is called.
        name: String,
        /// Who is in it from the beginning.
        members: Vec<String>,
    },
    /// Makes an open room, readable by the server; gives `conversation`.
    CreateRoom {
        /// What it is called.
        name: String,
    },
    /// Joins a room and keeps it; gives `conversation`.
    Join {
        /// Which.
        room: String,
        /// The name to have in it; without one the usual.
        nick: Option<String>,
    },
    /// Leaves a group or room for good. What was said in it stays here.
    Part {
        /// Which.
        conversation: String,
    },
    /// Lets somebody into a group or room.
    Invite {
        /// Which.
        conversation: String,
        /// Whom.
        who: String,
    },
    /// Takes somebody out of a group or room.
    Expel {
        /// Which.
        conversation: String,
        /// Whom.
        who: String,
    },
    /// Gives a group or room a subject.
    SetSubject {
        /// Which.
        conversation: String,
        /// What.
        subject: String,
    },
    /// Adds somebody to the contacts and asks to see when they are there.
    AddContact {
        /// Whom.
        account: String,
        /// What to call them.
        name: Option<String>,
    },
    /// Takes somebody out of the contacts.
    RemoveContact {
        /// Whom.
        account: String,
    },
    /// Answers who wants to see when we are there.
    AnswerContact {
        /// Whom.
        account: String,
        /// Whether they may.
        allow: bool,
    },
    /// Wants nothing more of somebody, or no longer so.
    SetBlocked {
        /// Whom.
        account: String,
        /// Whether.
        blocked: bool,
    },
    /// What others see of us.
    SetAvailability {
        /// Whether we are there.
        availability: Availability,
        /// In words; empty for none.
        status: String,
    },
    /// What we are called.
    SetNickname {
        /// It.
        name: String,
    },
    /// Our picture; `null` for none.
    SetPicture {
        /// It.
        picture: Option<Picture>,
    },
    /// Which devices are written to.
    SetPolicy {
        /// Which.
        policy: Policy,
    },
    /// The person has compared the key of a device, and it matches.
    Verify {
        /// Whose.
        account: String,
        /// Which.
        identity: String,
    },
    /// The person believes a device without having compared.
    Accept {
        /// Whose.
        account: String,
        /// Which.
        identity: String,
    },
    /// The person does not believe a device.
    Distrust {
        /// Whose.
        account: String,
        /// Which.
        identity: String,
    },
    /// The person has scanned a QR code, or got an address `xmpp:…?omemo-sid-…`; gives `verified`.
    VerifyUri {
        /// What it says.
        uri: String,
    },
    /// Starts a new session with a device in place of a broken one.
    ReplaceSession {
        /// Whose.
        account: String,
        /// Which.
        device: u32,
    },
    /// Takes a device of ours out: it is lost.
    RevokeDevice {
        /// Which.
        device: u32,
    },
    /// Asks something, or wants something done with an answer; gives `asked`, later the event `answered`.
    Ask {
        /// What.
        question: Question,
    },
    /// Shows a code for handing history from one device of the person to another; gives `historyCode`. Mostly the new device
    /// shows it. How far it comes is told by the event `history`.
    ShowHistoryCode {
        /// What this device is.
        role: HistoryRole,
    },
    /// The person has scanned the code that the other device shows, or has carried it over as text.
    ScanHistoryCode {
        /// What it says.
        text: String,
        /// What this device is.
        role: HistoryRole,
    },
    /// Ends a hand-over.
    StopHistory,
    /// Connects with what is kept.
    Connect,
    /// Stays away until `connect`.
    Disconnect,
}

/// What is to be said.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// As it was typed. `:names:` of emoji are replaced.
    pub text: String,
    /// To which message of the conversation it answers.
    #[serde(default)]
    #[cfg_attr(test, ts(optional = nullable))]
    pub reply: Option<String>,
    /// Whom it mentions, and where.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<MentionIn>>"))]
    pub mentions: Vec<MentionIn>,
    /// To whom alone, in an open room: the name there.
    #[serde(default)]
    #[cfg_attr(test, ts(optional = nullable))]
    pub private_to: Option<String>,
    /// The link of which a preview goes along, as `lookAtLink` has given it.
    #[serde(default)]
    #[cfg_attr(test, ts(optional = nullable))]
    pub preview: Option<String>,
}

/// Somebody is mentioned in a text that is being written.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MentionIn {
    /// Where it begins, as JavaScript counts (UTF-16 units).
    pub begin: usize,
    /// Where it ends.
    pub end: usize,
    /// Who.
    pub account: String,
}

/// Reads the address of somebody.
pub fn account(text: &str) -> Result<BareJid, Failure> {
    BareJid::parse(text)
        .map_err(|error| Failure::new(FailureKind::NotPossible, format!("{text}: {error}")))
}

/// Reads the name of a conversation.
pub fn conversation(text: &str) -> Result<ConversationId, Failure> {
    account(text).map(Into::into)
}

/// Reads the key of a message.
pub fn message(text: &str) -> Result<MessageKey, Failure> {
    text.parse()
        .map_err(|error| Failure::new(FailureKind::NotFound, error))
}

fn identity(text: &str) -> Result<client::IdentityKey, Failure> {
    client::read_fingerprint(text)
        .ok_or_else(|| Failure::new(FailureKind::NotPossible, "This is not the key of a device."))
}

impl TryFrom<Command> for client::Command {
    type Error = Failure;

    #[expect(clippy::too_many_lines, reason = "one line each")]
    fn try_from(command: Command) -> Result<Self, Failure> {
        use Command as C;
        let read_conversation = |text: String| conversation(&text);
        let read_message = |text: String| message(&text);
        let read_account = |text: String| account(&text);
        Ok(match command {
            C::OpenChat { with } => Self::OpenChat {
                with: read_account(with)?,
            },
            C::Send {
                conversation,
                draft,
            } => Self::Send {
                conversation: read_conversation(conversation)?,
                message: draft.try_into()?,
            },
            C::Edit {
                conversation,
                message,
                draft,
            } => Self::Edit {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
                draft: draft.try_into()?,
            },
            C::Remove {
                conversation,
                message,
                reason,
            } => Self::Remove {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
                reason,
            },
            C::React {
                conversation,
                message,
                reactions,
            } => Self::React {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
                reactions,
            },
            C::Resend {
                conversation,
                message,
            } => Self::Resend {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
            },
            C::Discard {
                conversation,
                message,
            } => Self::Discard {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
            },
            C::MarkRead {
                conversation,
                message,
            } => Self::MarkRead {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
            },
            C::Leave { conversation } => Self::Leave {
                conversation: read_conversation(conversation)?,
            },
            C::Typing {
                conversation,
                typing,
            } => Self::Typing {
                conversation: read_conversation(conversation)?,
                typing,
            },
            C::SetDraft { conversation, text } => Self::SetDraft {
                conversation: read_conversation(conversation)?,
                text: Redacted::new(text),
            },
            C::SetNotify {
                conversation,
                notify,
            } => Self::SetNotify {
                conversation: read_conversation(conversation)?,
                notify: notify.into(),
            },
            C::Mute {
                conversation,
                until,
            } => Self::Mute {
                conversation: read_conversation(conversation)?,
                until: until.into(),
            },
            C::Pin {
                conversation,
                message,
                pinned,
            } => Self::Pin {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
                pinned,
            },
            C::Remind {
                conversation,
                message,
                at,
            } => Self::Remind {
                conversation: read_conversation(conversation)?,
                message: read_message(message)?,
                at: at.map(Into::into),
            },
            C::SetPinned {
                conversation,
                pinned,
            } => Self::SetPinned {
                conversation: read_conversation(conversation)?,
                pinned,
            },
            C::SetEncryption { conversation, on } => Self::SetEncryption {
                conversation: read_conversation(conversation)?,
                on,
            },
            C::LoadEarlier { conversation } => Self::LoadEarlier {
                conversation: read_conversation(conversation)?,
            },
            C::CreateGroup { name, members } => Self::CreateGroup {
                name,
                members: members
                    .into_iter()
                    .map(read_account)
                    .collect::<Result<_, _>>()?,
            },
            C::CreateRoom { name } => Self::CreateRoom { name },
            C::Join { room, nick } => Self::Join {
                room: read_account(room)?,
                nick,
            },
            C::Part { conversation } => Self::Part {
                conversation: read_conversation(conversation)?,
            },
            C::Invite { conversation, who } => Self::Invite {
                conversation: read_conversation(conversation)?,
                who: read_account(who)?,
            },
            C::Expel { conversation, who } => Self::Expel {
                conversation: read_conversation(conversation)?,
                who: read_account(who)?,
            },
            C::SetSubject {
                conversation,
                subject,
            } => Self::SetSubject {
                conversation: read_conversation(conversation)?,
                subject,
            },
            C::AddContact { account, name } => Self::AddContact {
                account: read_account(account)?,
                name,
            },
            C::RemoveContact { account } => Self::RemoveContact {
                account: read_account(account)?,
            },
            C::AnswerContact { account, allow } => Self::AnswerContact {
                account: read_account(account)?,
                allow,
            },
            C::SetBlocked { account, blocked } => Self::SetBlocked {
                account: read_account(account)?,
                blocked,
            },
            C::SetAvailability {
                availability,
                status,
            } => Self::SetAvailability {
                availability: availability.into(),
                status,
            },
            C::SetNickname { name } => Self::SetNickname(name),
            C::SetPicture { picture } => {
                Self::SetPicture(picture.map(TryInto::try_into).transpose()?)
            }
            C::SetPolicy { policy } => Self::SetPolicy(policy.into()),
            C::Verify { account, identity } => Self::Verify {
                account: read_account(account)?,
                identity: self::identity(&identity)?,
            },
            C::Accept { account, identity } => Self::Accept {
                account: read_account(account)?,
                identity: self::identity(&identity)?,
            },
            C::Distrust { account, identity } => Self::Distrust {
                account: read_account(account)?,
                identity: self::identity(&identity)?,
            },
            C::VerifyUri { uri } => Self::VerifyUri(uri),
            C::ReplaceSession { account, device } => Self::ReplaceSession {
                account: read_account(account)?,
                device,
            },
            C::RevokeDevice { device } => Self::RevokeDevice { device },
            C::Ask { question } => Self::Ask(question.try_into()?),
            C::ShowHistoryCode { role } => Self::ShowHistoryCode { role: role.into() },
            C::ScanHistoryCode { text, role } => Self::ScanHistoryCode {
                text: Redacted::new(text.trim().to_owned()),
                role: role.into(),
            },
            C::StopHistory => Self::StopHistory,
            C::LookAtLink { text } => Self::LookAtLink {
                text: Redacted::new(text),
            },
            C::Connect => Self::Connect,
            C::Disconnect => Self::Disconnect,
        })
    }
}

impl TryFrom<Draft> for client::Draft {
    type Error = Failure;

    fn try_from(draft: Draft) -> Result<Self, Failure> {
        let mut composition = Composition::new(draft.text.as_str());
        // From the last to the first, so that places before stay what they are.
        let mut mentions = draft.mentions;
        mentions.sort_by_key(|mention| std::cmp::Reverse(mention.begin));
        for mention in mentions {
            let begin = bytes_at(&draft.text, mention.begin);
            let end = bytes_at(&draft.text, mention.end);
            if let Some(name) = draft.text.get(begin..end) {
                composition.mention(begin..end, name, account(&mention.account)?);
            }
        }
        let composed = composition.finish();
        Ok(Self {
            text: Redacted::new(composed.text),
            mentions: composed.mentions,
            reply: draft.reply.as_deref().map(message).transpose()?,
            private_to: draft.private_to,
            preview: draft.preview,
            ..Self::default()
        })
    }
}

/// Which byte of the text stands behind so many UTF-16 units.
fn bytes_at(text: &str, units: usize) -> usize {
    let mut before = 0;
    for (at, character) in text.char_indices() {
        if before >= units {
            return at;
        }
        before += character.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_stand_where_they_were_typed() {
        let draft = Draft {
            text: "😀 @Ana and @Bo :tada:".to_owned(),
            mentions: vec![
                MentionIn {
                    begin: 3,
                    end: 7,
                    account: "ana@example.org".to_owned(),
                },
                MentionIn {
                    begin: 12,
                    end: 15,
                    account: "bo@example.org".to_owned(),
                },
            ],
            reply: None,
            private_to: None,
            preview: None,
        };
        let Ok(draft) = client::Draft::try_from(draft) else {
            panic!("it is a draft");
        };
        assert_eq!(draft.text.expose(), "😀 @Ana and @Bo 🎉");
        let places: Vec<(u32, u32, &str)> = draft
            .mentions
            .iter()
            .map(|mention| (mention.begin, mention.end, mention.account.as_str()))
            .collect();
        assert_eq!(
            places,
            [(2, 6, "ana@example.org"), (11, 14, "bo@example.org")]
        );
    }
}
