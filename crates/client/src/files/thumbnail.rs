//! Small pictures of pictures, for those who have no browser to make them.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::Thumbnail;

/// No picture with a longer side is decoded, in pixels.
const LONGEST_SIDE: u32 = 20_000;
/// No picture that needs more memory is decoded, in bytes.
const MOST_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Why there is no thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThumbnailError {
    /// It is no picture that can be decoded, or too large a one.
    #[error("this is no picture of which a small one can be made: it is sent without")]
    NotAPicture,
    /// Even the smallest is larger than wanted.
    #[error("a small picture of it does not fit into {most_bytes} bytes: it is sent without")]
    TooLarge {
        /// What was wanted.
        most_bytes: usize,
    },
}

/// A small picture of a picture, as JPEG in its own address (`data:`): at most `side` pixels on its longer side and
/// `most_bytes` bytes (about 5 KiB fits every server, XEP-0454 §4). It stands as the picture is to be shown; nothing else of
/// the file comes along, such as the place where it was taken.
///
/// # Errors
/// [`ThumbnailError`]; the file can be sent without.
pub fn thumbnail(
    picture: &[u8],
    side: u16,
    most_bytes: usize,
) -> Result<Thumbnail, ThumbnailError> {
    let whole = decode(picture).map_err(|_| ThumbnailError::NotAPicture)?;
    let mut side = u32::from(side.max(1));
    while side > 0 {
        let small = whole.thumbnail(side, side);
        // JPEG knows no transparency: what is transparent is white, as paper is.
        let mut paper =
            image::RgbaImage::from_pixel(small.width(), small.height(), image::Rgba([255; 4]));
        image::imageops::overlay(&mut paper, &small.to_rgba8(), 0, 0);
        let paper = DynamicImage::ImageRgba8(paper).to_rgb8();
        for quality in [70, 50, 30] {
            let mut bytes = Vec::with_capacity(most_bytes);
            JpegEncoder::new_with_quality(&mut bytes, quality)
                .encode_image(&paper)
                .map_err(|_| ThumbnailError::NotAPicture)?;
            if bytes.len() <= most_bytes {
                return Ok(Thumbnail {
                    uri: format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)),
                    media_type: Some("image/jpeg".into()),
                    width: u16::try_from(paper.width()).ok(),
                    height: u16::try_from(paper.height()).ok(),
                });
            }
        }
        side /= 2;
    }
    Err(ThumbnailError::TooLarge { most_bytes })
}

fn decode(picture: &[u8]) -> image::ImageResult<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY_BYTES);
    let mut reader = ImageReader::new(Cursor::new(picture)).with_guessed_format()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}
