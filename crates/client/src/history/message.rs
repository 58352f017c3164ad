//! A message as it is handed over.

use base::{BareJid, Timestamp};

use crate::storage::record::{Decoder, Encoder, RecordError};

const VERSION: u8 = 1;

/// A message as it stands at the time, with what others have made of it. Nothing of how it was encrypted: no keys, no
/// sessions, no devices.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryMessage {
    /// With whom, or in which room.
    pub conversation: BareJid,
    /// It is a group or room.
    pub group: bool,
    /// Who said it: the account where it is known.
    pub account: Option<BareJid>,
    /// The name in the room, or what the person was called.
    pub name: String,
    /// The person said it.
    pub own: bool,
    /// When.
    pub time: Timestamp,
    /// The id that it has for others.
    pub id: String,
    /// Its id in the archive, if it is known.
    pub archive_id: Option<String>,
    /// To which message it answers: the id of that.
    pub reply: Option<String>,
    /// When it was changed last.
    pub edited: Option<Timestamp>,
    /// It was taken back; then it says nothing.
    pub removed: bool,
    /// What it says.
    pub text: String,
    /// Other elements as XML, such as files, mentions and previews.
    pub elements: String,
    /// Reactions: whose (an account, or a name in the room), and which.
    pub reactions: Vec<(String, Vec<String>)>,
}

/// By what a message is known. It is the same one when either fits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity<'m> {
    /// By its id in the archive of this conversation.
    Archive(&'m BareJid, &'m str),
    /// By its sender's id for it: the conversation, who (the account, else the name), and the id.
    Sender(&'m BareJid, &'m str, &'m str),
}

impl HistoryMessage {
    /// By what it is known: one or two.
    pub fn identities(&self) -> impl Iterator<Item = Identity<'_>> {
        let archive = self.archive_id.as_deref();
        let sender = self
            .account
            .as_ref()
            .map_or(self.name.as_str(), |account| account.as_str());
        let by_sender =
            (!self.id.is_empty()).then(|| Identity::Sender(&self.conversation, sender, &self.id));
        archive
            .map(|id| Identity::Archive(&self.conversation, id))
            .into_iter()
            .chain(by_sender)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Encoder::new(VERSION);
        out.text(self.conversation.as_str())
            .flag(self.group)
            .option_text(self.account.as_ref().map(|account| account.as_str()))
            .text(&self.name)
            .flag(self.own)
            .time(self.time)
            .text(&self.id)
            .option_text(self.archive_id.as_deref())
            .option_text(self.reply.as_deref())
            .option_time(self.edited)
            .flag(self.removed)
            .text(&self.text)
            .text(&self.elements);
        out.list(self.reactions.iter(), |out, (who, which)| {
            out.text(who);
            out.list(which.iter(), |out, emoji| {
                out.text(emoji);
            });
        });
        out.finish()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let (_, mut fields) = Decoder::new(bytes, VERSION)?;
        Ok(Self {
            conversation: fields.jid()?,
            group: fields.flag()?,
            account: fields.option(Decoder::jid)?,
            name: fields.string()?,
            own: fields.flag()?,
            time: fields.time()?,
            id: fields.string()?,
            archive_id: fields.option_string()?,
            reply: fields.option_string()?,
            edited: fields.option_time()?,
            removed: fields.flag()?,
            text: fields.string()?,
            elements: fields.string()?,
            reactions: fields
                .list(|fields| Ok((fields.string()?, fields.list(Decoder::string)?)))?,
        })
    }
}

/// What was said is not for logs.
impl std::fmt::Debug for HistoryMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HistoryMessage")
            .field("conversation", &self.conversation)
            .field("id", &self.id)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Leaves out what is there already: what `known` says yes to (asked once for each identity of each message), and what
/// stands twice among them. The order stays.
///
/// # Errors
/// What `known` gives.
pub fn without_doubles<E>(
    messages: Vec<HistoryMessage>,
    mut known: impl FnMut(&Identity<'_>) -> Result<bool, E>,
) -> Result<Vec<HistoryMessage>, E> {
    let mut seen = std::collections::BTreeSet::new();
    let mut new = Vec::with_capacity(messages.len());
    for message in &messages {
        let mut is_new = true;
        for identity in message.identities() {
            is_new &= !known(&identity)?;
            is_new &= seen.insert(identity);
        }
        new.push(is_new);
    }
    drop(seen);
    let kept = messages.into_iter().zip(new).filter(|(_, new)| *new);
    Ok(kept.map(|(message, _)| message).collect())
}
