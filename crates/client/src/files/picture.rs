//! How large a picture is, from its first bytes, without decoding it.

/// Bytes from the beginning of a file within which the size of nearly every picture stands.
pub const HEADER_BYTES: usize = 256 * 1024;

/// What the first bytes of a picture tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Its media type.
    pub media_type: &'static str,
    /// Width in pixels, as it is to be shown.
    pub width: u32,
    /// Height in pixels, as it is to be shown.
    pub height: u32,
}

/// Reads the beginning of a file. `None` when it is no PNG, GIF, JPEG or WebP, or what is there does not tell a size.
#[must_use]
pub fn read(header: &[u8]) -> Option<Picture> {
    let (media_type, (width, height)) = if header.starts_with(b"\x89PNG\r\n\x1a\n") {
        ("image/png", png(header)?)
    } else if header.starts_with(b"GIF87a") || header.starts_with(b"GIF89a") {
        ("image/gif", gif(header)?)
    } else if header.starts_with(&[0xff, 0xd8]) {
        ("image/jpeg", jpeg(header)?)
    } else if header.starts_with(b"RIFF") && header.get(8..12)? == b"WEBP" {
        ("image/webp", webp(header)?)
    } else {
        return None;
    };
    (width > 0 && height > 0).then_some(Picture {
        media_type,
        width,
        height,
    })
}

type Size = (u32, u32);

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn png(bytes: &[u8]) -> Option<Size> {
    (array(bytes, 12)? == *b"IHDR").then_some(())?;
    Some((
        u32::from_be_bytes(array(bytes, 16)?),
        u32::from_be_bytes(array(bytes, 20)?),
    ))
}

fn gif(bytes: &[u8]) -> Option<Size> {
    let number = |at| Some(u32::from(u16::from_le_bytes(array(bytes, at)?)));
    Some((number(6)?, number(8)?))
}

fn webp(bytes: &[u8]) -> Option<Size> {
    let three = |at| {
        let [a, b, c] = array(bytes, at)?;
        Some(u32::from_le_bytes([a, b, c, 0]) + 1)
    };
    match &array::<4>(bytes, 12)? {
        b"VP8X" => Some((three(24)?, three(27)?)),
        b"VP8L" => {
            (array(bytes, 20)? == [0x2f]).then_some(())?;
            let bits = u32::from_le_bytes(array(bytes, 21)?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8 " => {
            (array(bytes, 23)? == [0x9d, 0x01, 0x2a]).then_some(())?;
            let number = |at| Some(u32::from(u16::from_le_bytes(array(bytes, at)?) & 0x3fff));
            Some((number(26)?, number(28)?))
        }
        _ => None,
    }
}

/// Goes from segment to segment (ITU T.81 §B.1.1) up to the frame header.
fn jpeg(bytes: &[u8]) -> Option<Size> {
    let mut at = 2;
    let mut turned = false;
    loop {
        let [mark, kind] = array(bytes, at)?;
        if mark != 0xff {
            return None;
        }
        at += 1;
        match kind {
            // Fill bytes.
            0xff => continue,
            // Marks that stand alone.
            0x01 | 0xd0..=0xd8 => {
                at += 1;
                continue;
            }
            // The picture itself begins, or it ends: no size came.
            0xd9 | 0xda => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(array(bytes, at + 1)?));
        if length < 2 {
            return None;
        }
        match kind {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let number = |at| Some(u32::from(u16::from_be_bytes(array(bytes, at)?)));
                let (height, width) = (number(at + 4)?, number(at + 6)?);
                return Some(if turned {
                    (height, width)
                } else {
                    (width, height)
                });
            }
            0xe1 => {
                let segment = bytes.get(at + 3..)?;
                let segment = segment.get(..length - 2).unwrap_or(segment);
                turned |= is_turned(segment).unwrap_or(false);
            }
            _ => {}
        }
        at += 1 + length;
    }
}

/// Whether Exif says that the picture lies on its side (tag 0x0112, values 5 to 8).
fn is_turned(segment: &[u8]) -> Option<bool> {
    let tiff = segment.strip_prefix(b"Exif\0\0")?;
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = array(tiff, at)?;
        Some(match little {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        })
    };
    let directory = {
        let bytes = array(tiff, 4)?;
        match little {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        }
    };
    let directory = usize::try_from(directory).ok()?;
    let count = usize::from(short(directory)?);
    for entry in 0..count {
        let entry = directory.checked_add(2 + entry * 12)?;
        if short(entry)? == 0x0112 {
            return Some((5..=8).contains(&short(entry.checked_add(8)?)?));
        }
    }
    Some(false)
}
