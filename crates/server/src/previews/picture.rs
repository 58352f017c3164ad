//! Pictures of pages, made small and anew: nothing of what the other side put beside the picture goes on.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageReader, Limits, Rgba, RgbaImage, imageops};
use xmpp::xep::previews::LARGEST_PICTURE_BYTES;

/// Longest side of a picture that is read, in pixels.
const LARGEST_SIDE: u32 = 8_192;
/// Memory that reading one may take, in bytes.
const MEMORY: u64 = 96 * 1024 * 1024;
/// Sides and qualities of JPEG that are tried, until it is small enough.
const ATTEMPTS: [(u32, u8); 5] = [(400, 75), (400, 55), (320, 50), (240, 45), (160, 40)];

/// A small JPEG of a picture in PNG, JPEG, GIF (its first frame) or WebP; `None` when it is none of these, or too large.
pub(super) fn small(bytes: &[u8]) -> Option<Vec<u8>> {
    let format = image::guess_format(bytes).ok()?;
    let known = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ];
    if !known.contains(&format) {
        return None;
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    ATTEMPTS.iter().find_map(|(side, quality)| {
        let small = match picture.width().max(picture.height()) > *side {
            true => picture.thumbnail(*side, *side),
            false => picture.clone(),
        };
        let mut out = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut out, *quality);
        opaque(&small).write_with_encoder(encoder).ok()?;
        (out.len() <= LARGEST_PICTURE_BYTES).then_some(out)
    })
}

/// On white, as pages mostly are.
fn opaque(picture: &DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.to_rgb8());
    }
    let mut ground = RgbaImage::from_pixel(
        picture.width(),
        picture.height(),
        Rgba([255, 255, 255, 255]),
    );
    imageops::overlay(&mut ground, &picture.to_rgba8(), 0, 0);
    DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(ground).to_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).expect("a picture");
        out.into_inner()
    }

    /// Hard to make small: no two pixels are alike.
    fn noise(side: u32) -> DynamicImage {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let picture = RgbaImage::from_fn(side, side, |_, _| Rgba([next(), next(), next(), 255]));
        DynamicImage::ImageRgba8(picture)
    }

    #[test]
    fn every_kind_of_picture_becomes_a_small_jpeg() {
        for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
            let small = small(&encoded(&noise(600), format)).expect("a picture");
            assert!(small.len() <= LARGEST_PICTURE_BYTES);
            assert_eq!(image::guess_format(&small).ok(), Some(ImageFormat::Jpeg));
        }
        let tiny = RgbaImage::from_pixel(2, 1, Rgba([0, 0, 0, 0]));
        let made = small(&encoded(&tiny.into(), ImageFormat::Png)).expect("a picture");
        let made = image::load_from_memory(&made).expect("a JPEG").to_rgb8();
        assert_eq!(made.dimensions(), (2, 1));
        assert!(
            made.pixels().all(|pixel| pixel.0[0] > 250),
            "white behind it"
        );
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_none() {
        let large = encoded(
            &DynamicImage::new_luma8(LARGEST_SIDE + 1, 1),
            ImageFormat::Png,
        );
        let cut = encoded(&noise(64), ImageFormat::Png);
        for bytes in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"[..],
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"BM",
            &large,
            &cut[..cut.len() / 2],
        ] {
            assert_eq!(small(bytes), None);
        }
    }
}
