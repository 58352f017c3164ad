//! What browsers are told a file is: never anything that could act on our origin.
//!
//! A media type that is not in these lists goes out as `application/octet-stream`. With `nosniff` such a
//! file is neither a script nor a style nor a page for anybody, whatever its content; and what is not shown
//! as a picture or played is offered for saving.

/// Pictures, sounds and films: shown in place. No SVG, which is a program.
const SHOWN: &[&str] = &[
    "audio/aac",
    "audio/flac",
    "audio/m4a",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/wav",
    "audio/webm",
    "audio/x-m4a",
    "audio/x-wav",
    "image/apng",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/jxl",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/mpeg",
    "video/ogg",
    "video/quicktime",
    "video/webm",
];

/// Known, and inert: clients may choose a program by them. Offered for saving.
const SAVED: &[&str] = &[
    "application/epub+zip",
    "application/gzip",
    "application/json",
    "application/msword",
    "application/pdf",
    "application/pgp-encrypted",
    "application/pgp-keys",
    "application/rtf",
    "application/vnd.android.package-archive",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.graphics",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "application/zstd",
    "text/calendar",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/vcard",
];

const UNKNOWN: &str = "application/octet-stream";

/// Media type without parameters, in lower case.
pub(super) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// The media type under which a file goes out, and whether it is shown in place.
pub(super) fn outgoing(content_type: Option<&str>) -> (&'static str, bool) {
    let essence = essence(content_type.unwrap_or_default());
    let known =
        |list: &'static [&'static str]| list.iter().copied().find(|known| *known == essence);
    match (known(SHOWN), known(SAVED)) {
        (Some(shown), _) => (shown, true),
        (None, Some("text/plain")) => ("text/plain; charset=utf-8", false),
        (None, Some(saved)) => (saved, false),
        (None, None) => (UNKNOWN, false),
    }
}

/// `Content-Disposition` (RFC 6266): the name for those who know UTF-8 there, and one for all others.
pub(super) fn disposition(shown: bool, name: &str) -> String {
    let kind = if shown { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '%' => '_',
            ' '..='~' => character,
            _ => '_',
        })
        .collect();
    let encoded = xmpp::xep::http_upload::encode_segment(name);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_keeps_its_type() {
        for active in [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "text/javascript",
            "application/javascript",
            "text/css",
            "application/wasm",
            "application/manifest+json",
            "text/cache-manifest",
            "application/x-shockwave-flash",
            "multipart/x-mixed-replace",
            "message/rfc822",
            "",
        ] {
            assert_eq!(outgoing(Some(active)), (UNKNOWN, false), "{active}");
        }
        assert_eq!(outgoing(None), (UNKNOWN, false));
    }

    #[test]
    fn pictures_are_shown_and_documents_saved() {
        assert_eq!(outgoing(Some("Image/JPEG")), ("image/jpeg", true));
        assert_eq!(
            outgoing(Some("audio/ogg; codecs=opus")),
            ("audio/ogg", true)
        );
        assert_eq!(
            outgoing(Some("application/pdf")),
            ("application/pdf", false)
        );
        assert_eq!(
            outgoing(Some("text/plain; charset=latin1")),
            ("text/plain; charset=utf-8", false)
        );
    }

    #[test]
    fn names_cannot_leave_their_place() {
        assert_eq!(
            disposition(false, "très \"cool\"; x=\\y.jpg"),
            "attachment; filename=\"tr_s _cool_; x=_y.jpg\"; filename*=UTF-8''tr%C3%A8s%20%22cool%22%3B%20x%3D%5Cy.jpg"
        );
        assert!(disposition(true, "a.png").starts_with("inline; filename=\"a.png\""));
    }
}
