//! A line of a timeline as it is kept.

use base::{BareJid, Timestamp};
use omemo::{Trust, Unreachable, Unreached};

use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::views::Mention;

const NEWEST: u8 = 3;

/// Who said something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Author {
    pub(crate) own: bool,
    pub(crate) account: Option<BareJid>,
    /// In a room.
    pub(crate) nick: Option<String>,
    /// XEP-0421.
    pub(crate) occupant: Option<String>,
}

impl Author {
    /// By what the same one is known again, within one conversation.
    pub(crate) fn name(&self) -> &str {
        if self.own {
            return "";
        }
        if let Some(account) = &self.account {
            return account.as_str();
        }
        let occupant = self.occupant.as_deref().or(self.nick.as_deref());
        occupant.unwrap_or("?")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Text {
        text: String,
        elements: String,
    },
    /// To be decrypted.
    Waiting,
    Unreadable {
        reason: String,
        suspicious: bool,
    },
    Removed {
        by: Option<String>,
        reason: Option<String>,
    },
    /// Nothing was said, something has happened.
    Notice(Happened),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    NewDevice(BareJid, u32),
    KeyChanged(BareJid, u32),
    Invited(Option<BareJid>),
    Expelled(String),
    Closed(String),
    Subject(String, String),
    /// Of the message with this key, as text; and one line of it. Since version 3.
    Reminder(String, String),
}

/// How far a message of ours came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is not ours.
    Received,
    Waiting,
    Kept,
    Delivered,
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guard {
    Own,
    Encrypted {
        device: u32,
        trust: Trust,
        time_is_off: bool,
    },
    Readable,
    /// Encrypted, and not read.
    Sealed,
}

/// The reactions of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feeling {
    /// [`Author::name`].
    pub(crate) who: String,
    /// What to call them, where that is not known otherwise.
    pub(crate) nick: Option<String>,
    pub(crate) emoji: Vec<String>,
    pub(crate) time: Timestamp,
}

/// A line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) archive_id: Option<String>,
    pub(crate) author: Author,
    pub(crate) time: Timestamp,
    pub(crate) content: Content,
    /// The id that is answered to, whose it is, and what was quoted.
    pub(crate) reply: Option<(String, Option<String>, String)>,
    pub(crate) mentions: Vec<Mention>,
    pub(crate) mentions_us: bool,
    pub(crate) markable: bool,
    pub(crate) edited: Option<Timestamp>,
    pub(crate) feelings: Vec<Feeling>,
    pub(crate) progress: Progress,
    pub(crate) guard: Guard,
    pub(crate) unreached: Vec<Unreached>,
    /// It was said in a room to one alone; the other's name there. Since version 2.
    pub(crate) private: Option<String>,
    /// Another device of ours has handed it over. Since version 2.
    pub(crate) handed_over: bool,
    /// Somebody has pinned it, or taken the pin out, at that time. Since version 3.
    pub(crate) pin: Option<(bool, Timestamp)>,
}

fn trust_number(trust: Trust) -> u8 {
    match trust {
        Trust::Undecided => 0,
        Trust::FirstUse => 1,
        Trust::Verified { automatic } => 2 + u8::from(automatic),
        Trust::Distrusted { automatic } => 4 + u8::from(automatic),
    }
}

fn trust_of(number: u8) -> Result<Trust, RecordError> {
    Ok(match number {
        0 => Trust::Undecided,
        1 => Trust::FirstUse,
        2 | 3 => Trust::Verified {
            automatic: number == 3,
        },
        4 | 5 => Trust::Distrusted {
            automatic: number == 5,
        },
        _ => return Err(RecordError::Damaged),
    })
}

fn unreachable_number(reason: Unreachable) -> u8 {
    match reason {
        Unreachable::NoDevices => 0,
        Unreachable::ListUnknown => 1,
        Unreachable::ListUnavailable => 2,
        Unreachable::BundleUnknown => 3,
        Unreachable::BundleUnavailable => 4,
        Unreachable::BundleInvalid(_) => 5,
        Unreachable::Undecided => 6,
        Unreachable::Distrusted => 7,
        Unreachable::NotVerified => 8,
        Unreachable::Stale => 9,
        Unreachable::OldForm => 10,
    }
}

fn unreachable_of(number: u8) -> Result<Unreachable, RecordError> {
    Ok(match number {
        0 => Unreachable::NoDevices,
        1 => Unreachable::ListUnknown,
        2 => Unreachable::ListUnavailable,
        3 => Unreachable::BundleUnknown,
        // What exactly was wrong with a bundle is not kept.
        4 | 5 => Unreachable::BundleUnavailable,
        6 => Unreachable::Undecided,
        7 => Unreachable::Distrusted,
        8 => Unreachable::NotVerified,
        9 => Unreachable::Stale,
        10 => Unreachable::OldForm,
        _ => return Err(RecordError::Damaged),
    })
}

impl Entry {
    /// A line that somebody has said, with nothing but who and when.
    pub(crate) fn new(id: String, author: Author, time: Timestamp, content: Content) -> Self {
        Self {
            id,
            archive_id: None,
            author,
            time,
            content,
            reply: None,
            mentions: Vec::new(),
            mentions_us: false,
            markable: false,
            edited: None,
            feelings: Vec::new(),
            progress: Progress::Received,
            guard: Guard::Readable,
            unreached: Vec::new(),
            private: None,
            handed_over: false,
            pin: None,
        }
    }

    pub(crate) const fn is_notice(&self) -> bool {
        matches!(self.content, Content::Notice(_))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(NEWEST);
        record
            .text(&self.id)
            .option_text(self.archive_id.as_deref())
            .flag(self.author.own)
            .option_text(self.author.account.as_ref().map(|jid| jid.as_str()))
            .option_text(self.author.nick.as_deref())
            .option_text(self.author.occupant.as_deref())
            .time(self.time);
        match &self.content {
            Content::Text { text, elements } => record.byte(0).text(text).text(elements),
            Content::Waiting => record.byte(1),
            Content::Unreadable { reason, suspicious } => {
                record.byte(2).text(reason).flag(*suspicious)
            }
            Content::Removed { by, reason } => record
                .byte(3)
                .option_text(by.as_deref())
                .option_text(reason.as_deref()),
            Content::Notice(happened) => {
                record.byte(4);
                match happened {
                    Happened::NewDevice(account, device) => record
                        .byte(0)
                        .text(account.as_str())
                        .number(u64::from(*device)),
                    Happened::KeyChanged(account, device) => record
                        .byte(1)
                        .text(account.as_str())
                        .number(u64::from(*device)),
                    Happened::Invited(by) => record
                        .byte(2)
                        .option_text(by.as_ref().map(|jid| jid.as_str())),
                    Happened::Expelled(reason) => record.byte(3).text(reason),
                    Happened::Closed(reason) => record.byte(5).text(reason),
                    Happened::Subject(by, subject) => record.byte(4).text(by).text(subject),
                    Happened::Reminder(key, line) => record.byte(6).text(key).text(line),
                }
            }
        };
        record
            .option(self.reply.as_ref(), |record, (id, to, quote)| {
                record.text(id).option_text(to.as_deref()).text(quote);
            })
            .list(self.mentions.iter(), |record, mention| {
                record
                    .number(u64::from(mention.begin))
                    .number(u64::from(mention.end))
                    .text(mention.account.as_str());
            })
            .flag(self.mentions_us)
            .flag(self.markable)
            .option_time(self.edited)
            .list(self.feelings.iter(), |record, feeling| {
                record
                    .text(&feeling.who)
                    .option_text(feeling.nick.as_deref())
                    .list(feeling.emoji.iter(), |record, emoji| {
                        record.text(emoji);
                    })
                    .time(feeling.time);
            });
        match &self.progress {
            Progress::Received => record.byte(0),
            Progress::Waiting => record.byte(1),
            Progress::Kept => record.byte(2),
            Progress::Delivered => record.byte(3),
            Progress::Failed(text) => record.byte(4).text(text),
        };
        match &self.guard {
            Guard::Own => record.byte(0),
            Guard::Encrypted {
                device,
                trust,
                time_is_off,
            } => record
                .byte(1)
                .number(u64::from(*device))
                .byte(trust_number(*trust))
                .flag(*time_is_off),
            Guard::Readable => record.byte(2),
            Guard::Sealed => record.byte(3),
        };
        record.list(self.unreached.iter(), |record, unreached| {
            record
                .text(unreached.account.as_str())
                .option(unreached.device, |record, device| {
                    record.number(u64::from(device));
                })
                .byte(unreachable_number(unreached.reason));
        });
        record
            .option_text(self.private.as_deref())
            .flag(self.handed_over)
            .option(self.pin, |record, (pinned, time)| {
                record.flag(pinned).time(time);
            });
        record.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, mut fields) = Decoder::new(bytes, NEWEST)?;
        let fields = &mut fields;
        Ok(Self {
            id: fields.string()?,
            archive_id: fields.option_string()?,
            author: Author {
                own: fields.flag()?,
                account: fields.option(Decoder::jid)?,
                nick: fields.option_string()?,
                occupant: fields.option_string()?,
            },
            time: fields.time()?,
            content: match fields.byte()? {
                0 => Content::Text {
                    text: fields.string()?,
                    elements: fields.string()?,
                },
                1 => Content::Waiting,
                2 => Content::Unreadable {
                    reason: fields.string()?,
                    suspicious: fields.flag()?,
                },
                3 => Content::Removed {
                    by: fields.option_string()?,
                    reason: fields.option_string()?,
                },
                4 => Content::Notice(match fields.byte()? {
                    0 => Happened::NewDevice(fields.jid()?, fields.small()?),
                    1 => Happened::KeyChanged(fields.jid()?, fields.small()?),
                    2 => Happened::Invited(fields.option(Decoder::jid)?),
                    3 => Happened::Expelled(fields.string()?),
                    5 => Happened::Closed(fields.string()?),
                    4 => Happened::Subject(fields.string()?, fields.string()?),
                    6 => Happened::Reminder(fields.string()?, fields.string()?),
                    _ => return Err(RecordError::Damaged),
                }),
                _ => return Err(RecordError::Damaged),
            },
            reply: fields.option(|fields| {
                Ok((fields.string()?, fields.option_string()?, fields.string()?))
            })?,
            mentions: fields.list(|fields| {
                Ok(Mention {
                    begin: fields.small()?,
                    end: fields.small()?,
                    account: fields.jid()?,
                })
            })?,
            mentions_us: fields.flag()?,
            markable: fields.flag()?,
            edited: fields.option_time()?,
            feelings: fields.list(|fields| {
                Ok(Feeling {
                    who: fields.string()?,
                    nick: fields.option_string()?,
                    emoji: fields.list(Decoder::string)?,
                    time: fields.time()?,
                })
            })?,
            progress: match fields.byte()? {
                0 => Progress::Received,
                1 => Progress::Waiting,
                2 => Progress::Kept,
                3 => Progress::Delivered,
                4 => Progress::Failed(fields.string()?),
                _ => return Err(RecordError::Damaged),
            },
            guard: match fields.byte()? {
                0 => Guard::Own,
                1 => Guard::Encrypted {
                    device: fields.small()?,
                    trust: trust_of(fields.byte()?)?,
                    time_is_off: fields.flag()?,
                },
                2 => Guard::Readable,
                3 => Guard::Sealed,
                _ => return Err(RecordError::Damaged),
            },
            unreached: fields.list(|fields| {
                Ok(Unreached {
                    account: fields.jid()?,
                    device: fields.option(Decoder::small)?,
                    reason: unreachable_of(fields.byte()?)?,
                })
            })?,
            private: match version {
                0 | 1 => None,
                _ => fields.option_string()?,
            },
            handed_over: match version {
                0 | 1 => false,
                _ => fields.flag()?,
            },
            pin: match version {
                0..=2 => None,
                _ => fields.option(|fields| Ok((fields.flag()?, fields.time()?)))?,
            },
        })
    }
}
