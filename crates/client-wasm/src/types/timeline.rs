//! What was said in a conversation.

use client::files::{self, AttachmentKind as Kind, Location};
use client::{previews, text, views};
use serde::Serialize;

use super::Time;
use super::people::{Trust, Unreached};
use super::text::{Block, blocks};

/// A part of a timeline.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Of which conversation.
    pub conversation: String,
    /// What there is, the oldest first. What has not changed is the same object as before.
    pub items: Vec<Item>,
    /// There is something before, here or in the archive.
    pub has_earlier: bool,
    /// There is something behind: the part does not reach to the newest message.
    pub has_later: bool,
    /// Up to where others have read.
    pub read_by: Vec<ReadBy>,
}

/// Up to where somebody has read.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ReadBy {
    /// Who, by name.
    pub name: String,
    /// The newest message that they have seen.
    pub key: String,
}

/// A line of a timeline. `id` tells what is the same line in two lists.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Item {
    /// A new day begins.
    Day {
        /// Names the line.
        id: String,
        /// Days since 1970-01-01, in the person's time.
        #[cfg_attr(test, ts(type = "number"))]
        day: i64,
    },
    /// What follows is unread. It stays until the conversation is left.
    Unread {
        /// Names the line.
        id: String,
    },
    /// Here messages are missing that are still to be fetched.
    Missing {
        /// Names the line.
        id: String,
    },
    /// Something was said.
    Message {
        /// Names the line: the message's key.
        id: String,
        /// It.
        message: Message,
    },
    /// Something has happened.
    Notice {
        /// Names the line: its key.
        id: String,
        /// When.
        time: Time,
        /// What.
        notice: Notice,
    },
}

impl Item {
    /// What names the line.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Day { id, .. }
            | Self::Unread { id }
            | Self::Missing { id }
            | Self::Message { id, .. }
            | Self::Notice { id, .. } => id,
        }
    }
}

/// Something that has happened in a conversation.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Notice {
    /// Somebody has a device that is new, and it is believed on first use.
    NewDevice {
        /// Whose.
        account: String,
        /// Which.
        device: u32,
    },
    /// A device has another key than before: it is not written to until somebody has looked at it.
    KeyChanged {
        /// Whose.
        account: String,
        /// Which.
        device: u32,
    },
    /// We are in a group or room now.
    Invited {
        /// Who wanted it, if that is known.
        by: Option<String>,
    },
    /// We are in a group or room no more.
    Expelled {
        /// Why; empty for no reason.
        reason: String,
    },
    /// It was closed for good.
    Closed {
        /// Why; empty when nobody said.
        reason: String,
    },
    /// The person wanted to be reminded of a message.
    Reminder {
        /// Of which; `null` when it is not here any more.
        message: Option<String>,
        /// One line of it.
        text: String,
    },
    /// Its subject is another one.
    Subject {
        /// Who has set it.
        by: String,
        /// What it says.
        subject: String,
    },
    /// Something that this version cannot name.
    Other,
}

/// Something that was said.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Names it within its conversation. As text, the larger, the later it stands.
    pub key: String,
    /// Its id in the archive, once it is known: for links to it.
    pub archive_id: Option<String>,
    /// Who said it.
    pub sender: Sender,
    /// When.
    pub time: Time,
    /// What.
    pub body: Body,
    /// To what it answers.
    pub reply: Option<ReplyTo>,
    /// The other one, when it was said to one alone within a room.
    pub private: Option<String>,
    /// It mentions us.
    pub mentions_us: bool,
    /// When it was changed last.
    pub edited: Option<Time>,
    /// What some feel about it, the first one first.
    pub reactions: Vec<Reaction>,
    /// How far it came.
    pub delivery: Delivery,
    /// How it was protected on its way.
    pub protection: Protection,
    /// Whom it could not reach.
    pub unreached: Vec<Unreached>,
    /// It is pinned.
    pub pinned: bool,
    /// The person is reminded of it then.
    pub remind_at: Option<Time>,
}

/// Who says something.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Sender {
    /// What to call them.
    pub name: String,
    /// The account, where it is known.
    pub account: Option<String>,
    /// What stands for them where a colour or a grouping is needed: the account, else the name in the room.
    pub id: String,
    /// It is us.
    pub own: bool,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Body {
    /// Words, and what else belongs to them.
    Text {
        /// The words, to be drawn. Empty when files say it all.
        blocks: Vec<Block>,
        /// Of how many emoji it consists, if of nothing else: such messages are shown large.
        only_emoji: Option<usize>,
        /// The words as they were written, to edit or to copy them.
        source: String,
        /// Files.
        attachments: Vec<Attachment>,
        /// What is behind its links, as its sender says.
        previews: Vec<Preview>,
    },
    /// It has come and waits for those before it to be decrypted.
    Waiting,
    /// It cannot be read.
    Unreadable {
        /// Why, for the person.
        reason: String,
        /// It was changed on its way, or is not by whom it says: not only lost, but suspicious.
        suspicious: bool,
    },
    /// It was taken back.
    Removed {
        /// By whom; `null` for its sender, else a moderator.
        by: Option<String>,
        /// Why.
        reason: Option<String>,
    },
}

/// What kind of file it is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A voice message.
    Voice,
    /// Other sound.
    Audio,
    /// Anything else.
    File,
}

/// A file in a message. `core.download` fetches it; keys stay on the other side of the border.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Which one of the message.
    pub index: usize,
    /// What kind it is.
    pub kind: AttachmentKind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its media type, if it is known.
    pub media_type: Option<String>,
    /// Its size in bytes, if it is known.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub size: Option<u64>,
    /// Width of a picture or video, in pixels.
    pub width: Option<u32>,
    /// Height of a picture or video, in pixels.
    pub height: Option<u32>,
    /// How long it takes, in milliseconds.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub length: Option<u64>,
    /// What its sender says of it.
    pub description: Option<String>,
    /// How loud a voice message is from its beginning to its end: 0 silent, 255 loudest.
    pub waveform: Vec<u8>,
    /// A small picture of it, in its own address (`data:`).
    pub thumbnail: Option<String>,
    /// It is encrypted; else whoever has its address can read it.
    pub sealed: bool,
    /// The host from which it would be fetched, if that is not ours.
    pub foreign_host: Option<String>,
}

/// What is behind a link, as the sender of the message says.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The link, as it stands in the text.
    pub url: String,
    /// Its host, to be shown whatever else the preview says.
    pub host: String,
    /// What the page is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// What the site says it is called.
    pub site_name: Option<String>,
    /// A small picture, in its own address (`data:`).
    pub picture: Option<String>,
    /// What the picture shows, in words.
    pub picture_alt: Option<String>,
}

/// To what a message answers.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ReplyTo {
    /// Which message, when it is here.
    pub to: Option<String>,
    /// Who had said it.
    pub sender: String,
    /// One line of it; empty when it is not here.
    pub text: String,
}

/// What some feel about a message.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Whose it is, by name.
    pub senders: Vec<String>,
    /// We are among them.
    pub own: bool,
}

/// How far a message came.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Delivery {
    /// It came to us.
    Received,
    /// It waits to be sent.
    Waiting,
    /// The server has it.
    Kept,
    /// A device of the other person has it.
    Delivered,
    /// The other person has seen it.
    Displayed,
    /// It was not sent or not taken.
    Failed {
        /// Why, and what to do, for the person.
        text: String,
    },
}

/// How a message was protected on its way.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Protection {
    /// Encrypted by a device of ours.
    Own,
    /// Encrypted by a device of its sender.
    Encrypted {
        /// Which.
        device: u32,
        /// How far that device was trusted when the message came.
        trust: Trust,
        /// When it says it was written is not when it was sent: a clock is wrong, or somebody sent it again.
        time_is_off: bool,
    },
    /// The servers could read it.
    Readable,
    /// Encrypted, and not read by us.
    Sealed,
}

/// Who draws: what is ours is told apart by these.
#[derive(Clone, Copy)]
pub struct Viewer<'v> {
    /// Our address.
    pub account: &'v str,
    /// The host of the page.
    pub host: &'v str,
}

impl Viewer<'_> {
    /// Whether a host (with its port, if it has one) is the house's own: that of the page, or the domain of our address, which
    /// the same server answers for.
    fn is_ours(&self, host: &str) -> bool {
        let domain = self.account.split_once('@').map(|(_, domain)| domain);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        host == self.host || domain == Some(name)
    }
}

/// The lines of a timeline as they cross the border.
pub fn items(timeline: &views::Timeline, viewer: Viewer<'_>) -> Vec<Item> {
    let one = |item: &views::TimelineItem| match item {
        views::TimelineItem::Day(day) => Item::Day {
            id: format!("day {day}"),
            day: *day,
        },
        views::TimelineItem::Unread => Item::Unread {
            id: "unread".to_owned(),
        },
        views::TimelineItem::Message(said) => Item::Message {
            id: said.key.to_string(),
            message: self::said(said, viewer),
        },
        views::TimelineItem::Notice { key, time, notice } => Item::Notice {
            id: key.to_string(),
            time: (*time).into(),
            notice: notice.into(),
        },
        _ => Item::Missing {
            id: "missing".to_owned(),
        },
    };
    timeline.items.iter().map(one).collect()
}

/// Up to where others have read.
pub fn read_by(timeline: &views::Timeline) -> Vec<ReadBy> {
    let all = timeline.read_by.iter();
    all.map(|(name, key)| ReadBy {
        name: name.to_string(),
        key: key.to_string(),
    })
    .collect()
}

impl From<&views::Notice> for Notice {
    fn from(notice: &views::Notice) -> Self {
        match notice {
            views::Notice::NewDevice { account, device } => Self::NewDevice {
                account: account.as_str().to_owned(),
                device: *device,
            },
            views::Notice::KeyChanged { account, device } => Self::KeyChanged {
                account: account.as_str().to_owned(),
                device: *device,
            },
            views::Notice::Invited { by } => Self::Invited {
                by: by.as_ref().map(|jid| jid.as_str().to_owned()),
            },
            views::Notice::Closed { reason } => Self::Closed {
                reason: reason.expose().to_string(),
            },
            views::Notice::Expelled { reason } => Self::Expelled {
                reason: reason.expose().to_string(),
            },
            views::Notice::Reminder { message, text } => Self::Reminder {
                message: message.map(|key| key.to_string()),
                text: text.expose().to_string(),
            },
            views::Notice::Subject { by, subject } => Self::Subject {
                by: by.to_string(),
                subject: subject.expose().to_string(),
            },
            _ => Self::Other,
        }
    }
}

/// A message as it crosses the border.
pub fn said(said: &views::Message, viewer: Viewer<'_>) -> Message {
    let account = said.sender.account.as_ref().map(|jid| jid.as_str());
    let nick = said.sender.nick.as_deref();
    Message {
        key: said.key.to_string(),
        archive_id: said.archive_id.as_ref().map(ToString::to_string),
        sender: Sender {
            name: said.sender.name.to_string(),
            account: account.map(str::to_owned),
            id: account.or(nick).unwrap_or(&said.sender.name).to_owned(),
            own: said.sender.own,
        },
        time: said.time.into(),
        body: body(said, viewer),
        reply: said.reply.as_ref().map(|reply| ReplyTo {
            to: reply.to.map(|key| key.to_string()),
            sender: reply.sender.to_string(),
            text: super::conversation::words_of(reply.text.expose()),
        }),
        private: said.private.as_ref().map(ToString::to_string),
        mentions_us: said.mentions_us,
        edited: said.edited.map(Into::into),
        reactions: said
            .reactions
            .iter()
            .map(|reaction| Reaction {
                emoji: reaction.emoji.to_string(),
                senders: reaction.senders.iter().map(ToString::to_string).collect(),
                own: reaction.own,
            })
            .collect(),
        delivery: (&said.delivery).into(),
        protection: match said.protection {
            views::Protection::Own => Protection::Own,
            views::Protection::Encrypted {
                device,
                trust,
                time_is_off,
            } => Protection::Encrypted {
                device,
                trust: trust.into(),
                time_is_off,
            },
            views::Protection::Readable => Protection::Readable,
            views::Protection::Sealed => Protection::Sealed,
        },
        unreached: said.unreached.iter().map(Into::into).collect(),
        pinned: said.pinned,
        remind_at: said.remind_at.map(Into::into),
    }
}

impl From<&views::Delivery> for Delivery {
    fn from(delivery: &views::Delivery) -> Self {
        match delivery {
            views::Delivery::Received => Self::Received,
            views::Delivery::Waiting => Self::Waiting,
            views::Delivery::Kept => Self::Kept,
            views::Delivery::Delivered => Self::Delivered,
            views::Delivery::Displayed => Self::Displayed,
            views::Delivery::Failed(text) => Self::Failed {
                text: text.to_string(),
            },
        }
    }
}

fn body(said: &views::Message, viewer: Viewer<'_>) -> Body {
    match &said.body {
        views::Body::Text {
            text: words,
            elements,
        } => {
            let (words, elements) = (words.expose(), elements.expose());
            let files = if elements.is_empty() && !words.starts_with("aesgcm:") {
                Vec::new()
            } else {
                files::Attachment::read_all(words, elements)
            };
            // The address of a file is no words: it is there for those who know nothing better.
            let is_address = !files.is_empty() && words.starts_with("aesgcm:");
            let words: &str = if is_address { "" } else { words };
            let document = text::Document::parse(words, &said.mentions);
            let previews = if elements.is_empty() {
                Vec::new()
            } else {
                previews::read(&document, elements)
            };
            Body::Text {
                only_emoji: document.only_emoji(),
                blocks: if words.is_empty() {
                    Vec::new()
                } else {
                    blocks(&document, viewer.account)
                },
                source: words.to_owned(),
                attachments: files
                    .iter()
                    .enumerate()
                    .map(|(index, file)| attachment(index, file, viewer))
                    .collect(),
                previews: previews.into_iter().map(Into::into).collect(),
            }
        }
        views::Body::Unreadable { reason, suspicious } => Body::Unreadable {
            reason: reason.to_string(),
            suspicious: *suspicious,
        },
        views::Body::Removed(removal) => Body::Removed {
            by: removal.by.as_ref().map(ToString::to_string),
            reason: removal.reason.as_ref().map(|it| it.expose().to_string()),
        },
        _ => Body::Waiting,
    }
}

fn attachment(index: usize, attachment: &files::Attachment, viewer: Viewer<'_>) -> Attachment {
    let file = &attachment.file;
    let url = attachment.locations.first().and_then(|place| match place {
        Location::Plain { url } => Some(url),
        Location::Sealed { urls, .. } => urls.first(),
    });
    let from = url.and_then(|url| host_of(url));
    let inside = |uri: &&str| uri.starts_with("data:image/") && !uri.starts_with("data:image/svg");
    Attachment {
        index,
        kind: match attachment.kind() {
            Kind::Image => AttachmentKind::Image,
            Kind::Video => AttachmentKind::Video,
            Kind::Voice => AttachmentKind::Voice,
            Kind::Audio => AttachmentKind::Audio,
            Kind::File => AttachmentKind::File,
        },
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: file.size,
        width: file.width,
        height: file.height,
        length: file.length_milliseconds,
        description: file.description.clone(),
        waveform: file.waveform.clone(),
        thumbnail: file
            .thumbnails
            .iter()
            .map(|thumbnail| thumbnail.uri.as_str())
            .find(inside)
            .map(str::to_owned),
        sealed: attachment
            .locations
            .iter()
            .any(|place| matches!(place, Location::Sealed { .. })),
        foreign_host: from.filter(|from| !viewer.is_ours(from)).map(str::to_owned),
    }
}

/// Host and port of an address of the web.
pub fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    authority.rsplit('@').next()
}

impl From<previews::Preview> for Preview {
    fn from(preview: previews::Preview) -> Self {
        Self {
            url: preview.url,
            host: preview.host,
            title: preview.title,
            description: preview.description,
            site_name: preview.site_name,
            picture: preview.picture.map(|picture| picture.uri),
            picture_alt: preview.picture_alt,
        }
    }
}
