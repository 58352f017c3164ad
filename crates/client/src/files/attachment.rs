//! Files in messages: what they are, where they are, and how a message says so in both forms.

use xmpp::ns;
use xmpp::xep::encrypted_files::EncryptedSource;
use xmpp::xep::fallback::Fallback;
use xmpp::xep::file_metadata::FileMetadata;
use xmpp::xep::file_sharing::{Disposition, FileSharing, Source};
use xmpp::xep::hashes::HashFunction;
use xmpp::xep::out_of_band;
use xmpp::xml::{Element, Tree};

use base::Redacted;

use super::address::{AesgcmAddress, AesgcmMessage};
use super::cipher::FileKey;
use super::opener::{Expected, OpenError, Opener};
use super::sealer::Sealed;

/// Where a file can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// As it is, at an address of the web.
    Plain {
        /// The address. One that is not `https:` is to be fetched only after the person was asked (XEP-0447 §5).
        url: String,
    },
    /// Encrypted.
    Sealed {
        /// Addresses of the web, the first one that works.
        urls: Vec<String>,
        /// What it is opened with.
        key: FileKey,
    },
}

impl Location {
    /// What the bytes of a download from here go through.
    ///
    /// # Errors
    /// [`OpenError`], when it is too large, or could not be checked.
    pub fn opener(&self, expected: Expected) -> Result<Opener, OpenError> {
        match self {
            Self::Plain { .. } => Opener::plain(expected),
            Self::Sealed { key, .. } => Opener::new(key, expected),
        }
    }
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What is told about it.
    pub file: FileMetadata,
    /// Where it can be had, the best place first; nowhere yet while it is being sent.
    pub locations: Vec<Location>,
    /// It is meant to be shown in the conversation.
    pub inline: bool,
}

/// What kind of file it is, for drawing and for `has:` of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How a message says that it is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentMessage {
    /// The body: what those show who do not know better. It holds the key.
    pub text: Redacted<String>,
    /// XML elements: the file (XEP-0447, XEP-0448), and that the body is a fallback for it (XEP-0428). They hold the key.
    pub elements: Redacted<String>,
    /// The body for devices that speak only the legacy form. It holds the key.
    pub legacy_text: Redacted<String>,
}

impl Attachment {
    /// A file that is about to be sent.
    #[must_use]
    pub const fn new(file: FileMetadata, inline: bool) -> Self {
        Self {
            file,
            locations: Vec::new(),
            inline,
        }
    }

    /// The file is at `url` now, sealed with `key`: size and hash are told as they were found.
    pub fn seal(&mut self, url: impl Into<String>, key: FileKey, sealed: &Sealed) {
        self.file.size = Some(sealed.size);
        self.file.hashes = vec![sealed.hash.clone()];
        self.locations.push(Location::Sealed {
            urls: vec![url.into()],
            key,
        });
    }

    /// How the message reads that shares this file alone. `None` while it is not sealed, or its address is not `https:`.
    ///
    /// Words that go with a file are [`FileMetadata::description`] or a message of their own: in the legacy form nothing may
    /// stand beside the address (XEP-0454 §5).
    #[must_use]
    pub fn message(&self) -> Option<AttachmentMessage> {
        let address = self.locations.iter().find_map(|location| match location {
            Location::Sealed { urls, key } => AesgcmAddress::new(urls.first()?, key.clone()),
            Location::Plain { .. } => None,
        })?;
        let thumbnail = self.file.thumbnails.first().cloned();
        let legacy = AesgcmMessage { address, thumbnail };
        let sharing = FileSharing {
            id: None,
            disposition: Some(match self.inline {
                true => Disposition::Inline,
                false => Disposition::Attachment,
            }),
            file: self.file.clone(),
            sources: self.locations.iter().map(source_of).collect(),
        };
        let mut elements = sharing.to_xml();
        elements.push_str(&Fallback::whole(ns::FILE_SHARING).to_xml());
        Some(AttachmentMessage {
            text: Redacted::new(legacy.address.expose()),
            elements: Redacted::new(elements),
            legacy_text: Redacted::new(legacy.expose()),
        })
    }

    /// The files of a message: `body` is its text, `elements` the XML of its other elements, each self-contained, as
    /// [`Body::Text`](crate::views::Body::Text) has them. Files of XEP-0447 count before an `aesgcm:` address, and that
    /// before the address of XEP-0066, which must be all that the body says.
    #[must_use]
    pub fn read_all(body: &str, elements: &str) -> Vec<Self> {
        let content = Tree::parse(&format!("<content>{elements}</content>")).ok();
        let content = content.iter().flat_map(|content| content.root().children());
        let content: Vec<Element<'_>> = content.collect();
        let shared = FileSharing::read_all(content.iter().copied());
        if !shared.is_empty() {
            return shared.into_iter().map(Self::of_sharing).collect();
        }
        if let Some(message) = AesgcmMessage::read(body) {
            return vec![Self::of_aesgcm(message)];
        }
        let url = content
            .into_iter()
            .filter_map(out_of_band::read)
            .find(|url| url == body.trim());
        url.map(|url| {
            let file = described_by(&url);
            let locations = match AesgcmAddress::parse(&url) {
                Some(address) => vec![sealed_at(&address)],
                None => vec![Location::Plain { url }],
            };
            Self {
                file,
                locations,
                inline: true,
            }
        })
        .into_iter()
        .collect()
    }

    fn of_sharing(sharing: FileSharing) -> Self {
        let mut locations: Vec<Location> = Vec::new();
        let is_hashed = sharing
            .file
            .hashes
            .iter()
            .any(|hash| matches!(hash.function, HashFunction::Sha256 | HashFunction::Sha512));
        for source in sharing.sources {
            locations.extend(match source {
                // XEP-0447 §5: what nobody protects and no hash that we know would show to be changed is no source.
                Source::Url(url) => {
                    (is_protected(&url) || is_hashed).then_some(Location::Plain { url })
                }
                Source::Encrypted(source) => FileKey::of(&source)
                    .filter(|_| !source.urls.is_empty())
                    .map(|key| Location::Sealed {
                        urls: source.urls,
                        key,
                    }),
            });
        }
        // What the server cannot read comes first.
        locations.sort_by_key(|location| matches!(location, Location::Plain { .. }));
        let shown = matches!(
            kind_of(&sharing.file, true),
            AttachmentKind::Image
                | AttachmentKind::Video
                | AttachmentKind::Voice
                | AttachmentKind::Audio
        );
        Self {
            inline: sharing
                .disposition
                .map_or(shown, |disposition| disposition == Disposition::Inline),
            file: sharing.file,
            locations,
        }
    }

    fn of_aesgcm(message: AesgcmMessage) -> Self {
        let mut file = described_by(message.address.url());
        file.thumbnails.extend(message.thumbnail);
        Self {
            file,
            locations: vec![sealed_at(&message.address)],
            inline: true,
        }
    }

    /// What kind of file it is.
    #[must_use]
    pub fn kind(&self) -> AttachmentKind {
        kind_of(&self.file, self.inline)
    }
}

fn is_protected(url: &str) -> bool {
    url.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn kind_of(file: &FileMetadata, inline: bool) -> AttachmentKind {
    let media_type = file.media_type.as_deref().unwrap_or_default();
    let spoken = !file.waveform.is_empty() || inline;
    match media_type.split('/').next().unwrap_or_default() {
        // What has scripts in it is not shown as a picture.
        "image" if media_type != "image/svg+xml" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" if spoken => AttachmentKind::Voice,
        "audio" => AttachmentKind::Audio,
        _ => AttachmentKind::File,
    }
}

fn sealed_at(address: &AesgcmAddress) -> Location {
    Location::Sealed {
        urls: vec![address.url().to_owned()],
        key: address.key().clone(),
    }
}

fn source_of(location: &Location) -> Source {
    match location {
        Location::Plain { url } => Source::Url(url.clone()),
        Location::Sealed { urls, key } => Source::Encrypted(EncryptedSource {
            cipher: key.cipher(),
            key: Redacted::new(key.expose_key().to_vec()),
            iv: key.iv().to_vec(),
            hashes: Vec::new(),
            urls: urls.clone(),
        }),
    }
}

/// What the end of an address tells about a file: its name, and by that its media type.
fn described_by(url: &str) -> FileMetadata {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let segment = path.rsplit('/').next().unwrap_or_default();
    let name = xmpp::xep::http_upload::decode_segment(segment);
    let ending = name
        .as_deref()
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, ending)| ending.to_ascii_lowercase());
    let media_type = match ending.as_deref() {
        Some("jpg" | "jpeg") => Some("image/jpeg"),
        Some("png") => Some("image/png"),
        Some("gif") => Some("image/gif"),
        Some("webp") => Some("image/webp"),
        Some("avif") => Some("image/avif"),
        Some("mp4" | "m4v") => Some("video/mp4"),
        Some("webm") => Some("video/webm"),
        Some("ogg" | "oga" | "opus") => Some("audio/ogg"),
        Some("m4a") => Some("audio/mp4"),
        Some("mp3") => Some("audio/mpeg"),
        Some("wav") => Some("audio/wav"),
        Some("pdf") => Some("application/pdf"),
        Some("txt") => Some("text/plain"),
        _ => None,
    };
    FileMetadata {
        name,
        media_type: media_type.map(Into::into),
        ..FileMetadata::default()
    }
}
