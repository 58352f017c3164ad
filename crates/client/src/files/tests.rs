use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use proptest::prelude::*;

use super::*;

/// Numbers that look drawn.
fn drawn(seed: u8) -> impl FnMut(&mut [u8]) {
    let mut state = u64::from(seed) + 1;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}

fn key(seed: u8) -> FileKey {
    FileKey::generate(&mut drawn(seed))
}

fn seal(key: &FileKey, file: &[u8], chunk: usize) -> (Vec<u8>, Sealed) {
    let mut sealer = Sealer::new(key).unwrap();
    let mut bytes = file.to_vec();
    for part in bytes.chunks_mut(chunk.max(1)) {
        sealer.seal(part).unwrap();
    }
    let sealed = sealer.finish();
    bytes.extend_from_slice(&sealed.tag);
    (bytes, sealed)
}

fn open(
    key: &FileKey,
    expected: Expected,
    bytes: &[u8],
    chunk: usize,
) -> Result<Vec<u8>, OpenError> {
    let mut opener = Opener::new(key, expected)?;
    let mut file = Vec::new();
    for part in bytes.chunks(chunk.max(1)) {
        file.extend_from_slice(opener.open(part)?.for_temporary_file());
    }
    let opened = opener.finish()?;
    file.extend_from_slice(&opened.rest);
    assert_eq!(opened.size, file.len() as u64);
    Ok(file)
}

fn expected(sealed: &Sealed) -> Expected {
    Expected {
        size: Some(sealed.size),
        hashes: vec![sealed.hash.clone()],
        largest: 1 << 30,
    }
}

const NOTHING_TOLD: Expected = Expected {
    size: None,
    hashes: Vec::new(),
    largest: 1 << 30,
};

proptest! {
    /// The stream is that of the audited crate, however it is cut.
    #[test]
    fn sealing_is_aes_gcm(file in prop::collection::vec(any::<u8>(), 0..300), seed: u8, cuts in (1usize..70, 1usize..70)) {
        let key = key(seed);
        let (bytes, sealed) = seal(&key, &file, cuts.0);
        let whole = Aes256Gcm::new_from_slice(key.expose_key()).unwrap()
            .encrypt(&Nonce::try_from(key.iv()).unwrap(), file.as_slice()).unwrap();
        prop_assert_eq!(&bytes, &whole);
        prop_assert_eq!(sealed_size(file.len() as u64), Some(bytes.len() as u64));
        prop_assert_eq!(open(&key, expected(&sealed), &bytes, cuts.1), Ok(file.clone()));
        prop_assert_eq!(open(&key, NOTHING_TOLD, &bytes, cuts.1), Ok(file));
    }

    #[test]
    fn whatever_is_changed_is_seen(
        file in prop::collection::vec(any::<u8>(), 0..100),
        at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>(), chunk in 1usize..40,
    ) {
        let key = key(1);
        let (bytes, sealed) = seal(&key, &file, 16);
        let mut changed = bytes.clone();
        *at.get_mut(&mut changed) ^= 1 << bit;
        for expected in [expected(&sealed), NOTHING_TOLD] {
            prop_assert_eq!(open(&key, expected, &changed, chunk), Err(OpenError::Tampered));
        }
        let cut = &bytes[..cut.index(bytes.len())];
        let missing = (bytes.len() - cut.len()) as u64;
        // Exactly the file without its tag is another form that the specification allows: there the hash shows it.
        let error = if missing == 16 { OpenError::Tampered } else { OpenError::Truncated { missing } };
        let found = open(&key, expected(&sealed), cut, chunk);
        if missing == 16 {
            prop_assert!(found == Err(error) || found.as_ref() == Ok(&file), "{:?}", found);
        } else {
            prop_assert_eq!(found, Err(error));
        }
        prop_assert!(open(&key, NOTHING_TOLD, cut, chunk).is_err());
    }
}

#[test]
fn a_file_without_tag_needs_a_hash() {
    let key = key(2);
    let (bytes, sealed) = seal(&key, b"a file of somebody's", 7);
    let bare = &bytes[..bytes.len() - 16];
    assert_eq!(
        open(&key, expected(&sealed), bare, 5).unwrap(),
        b"a file of somebody's"
    );
    let without = Expected {
        hashes: Vec::new(),
        ..expected(&sealed)
    };
    assert_eq!(
        open(&key, without, bare, 5),
        Err(OpenError::Truncated { missing: 16 })
    );
}

#[test]
fn files_that_are_not_encrypted_are_checked_as_well() {
    let (_, sealed) = seal(&key(2), b"plain words", 7);
    let location = Location::Plain {
        url: "https://a.example/x".into(),
    };
    let open = |bytes: &[u8], expected: Expected| {
        let mut opener = location.opener(expected)?;
        let mut file = Vec::new();
        for part in bytes.chunks(4) {
            file.extend_from_slice(opener.open(part)?.for_temporary_file());
        }
        opener.finish().map(|opened| (file, opened.rest))
    };
    let whole = (b"plain words".to_vec(), Vec::new());
    assert_eq!(open(b"plain words", expected(&sealed)), Ok(whole.clone()));
    assert_eq!(open(b"plain words", NOTHING_TOLD), Ok(whole));
    let truncated = OpenError::Truncated { missing: 2 };
    assert_eq!(open(b"plain wor", expected(&sealed)), Err(truncated));
    assert_eq!(
        open(b"other words", expected(&sealed)),
        Err(OpenError::Tampered)
    );
}

#[test]
fn sources_that_anybody_could_change_are_none() {
    let file = |url: &str, hash: &str| {
        attachments(
            "",
            &format!(
                "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>{hash}</file>\
                 <sources><url-data target='{url}'/></sources></file-sharing>"
            ),
        )
        .remove(0)
        .locations
        .len()
    };
    let hash = "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>";
    let unknown = "<hash xmlns='urn:xmpp:hashes:2' algo='sha3-256'>2XarmwTlNxDAMkvymloX3S5+VbylNrJt/l5QyPa+YoU=</hash>";
    assert_eq!(file("http://a.example/x", ""), 0);
    assert_eq!(file("http://a.example/x", unknown), 0);
    assert_eq!(file("http://a.example/x", hash), 1);
    assert_eq!(file("HTTPS://a.example/x", ""), 1);
}

#[test]
fn padding_is_cut_off() {
    let key = key(3);
    let (bytes, _) = seal(&key, b"text0000", 8);
    let (_, sealed) = seal(&key, b"text", 8);
    for chunk in [1, 3, 100] {
        assert_eq!(
            open(&key, expected(&sealed), &bytes, chunk).unwrap(),
            b"text"
        );
    }
}

#[test]
fn what_is_larger_than_one_takes_is_not_taken() {
    let key = key(4);
    let (bytes, sealed) = seal(&key, &[7; 1000], 100);
    let told = Expected {
        largest: 999,
        ..expected(&sealed)
    };
    assert_eq!(
        Opener::new(&key, told).err(),
        Some(OpenError::TooLarge { largest: 999 })
    );
    let untold = Expected {
        largest: 900,
        ..NOTHING_TOLD
    };
    assert_eq!(
        open(&key, untold, &bytes, 10),
        Err(OpenError::TooLarge { largest: 900 })
    );
    assert_eq!(sealed_size(1 << 40), None);
}

#[test]
fn all_ciphers_of_the_specification_are_opened() {
    use aes_gcm::aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
    for length in [0usize, 1, 15, 16, 17, 100] {
        let file = vec![b'x'; length];
        let sealed = seal(&key(1), &file, 10).1;
        let cbc = FileKey::new(Cipher::Aes256Cbc, &[1; 32], &[2; 16]).unwrap();
        let bytes = cbc::Encryptor::<aes::Aes256>::new(&[1; 32].into(), &[2; 16].into())
            .encrypt_padded_vec::<Pkcs7>(&file);
        for chunk in [1, 16, 31, 1000] {
            assert_eq!(
                open(&cbc, expected(&sealed), &bytes, chunk).as_ref(),
                Ok(&file)
            );
        }
        let cut = open(&cbc, expected(&sealed), &bytes[..bytes.len() - 16], 10);
        assert_eq!(cut, Err(OpenError::Truncated { missing: 16 }));
        let mut changed = bytes.clone();
        changed[0] ^= 1;
        assert_eq!(
            open(&cbc, expected(&sealed), &changed, 10),
            Err(OpenError::Tampered)
        );
        assert_eq!(
            Opener::new(&cbc, NOTHING_TOLD).err(),
            Some(OpenError::NotVerifiable)
        );

        let short = FileKey::new(Cipher::Aes128Gcm, &[3; 16], &[4; 12]).unwrap();
        let bytes = aes_gcm::Aes128Gcm::new(&[3; 16].into())
            .encrypt(&[4; 12].into(), &*file)
            .unwrap();
        assert_eq!(
            open(&short, expected(&sealed), &bytes, 7).as_ref(),
            Ok(&file)
        );
        assert_eq!(Sealer::new(&short).err(), Some(SealError::OtherCipher));
    }
}

#[test]
fn vectors_of_older_clients() {
    use aes_gcm::aead::array::typenum::U16;
    let old = FileKey::new(Cipher::Aes256Gcm, &[5; 32], &[6; 16]).unwrap();
    let bytes = aes_gcm::AesGcm::<aes::Aes256, U16>::new(&[5; 32].into())
        .encrypt(&[6; 16].into(), &b"from long ago"[..])
        .unwrap();
    assert_eq!(
        open(&old, NOTHING_TOLD, &bytes, 4).unwrap(),
        b"from long ago"
    );
}

/// XEP-0454 §3.
const ADDRESS: &str = "aesgcm://download.montague.tld/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/tr%C3%A8s%20cool.jpg#8c3d050e9386ec173861778f68e9af38a97aaf82faa4063b4d0878a61261534410c8a84331eaac851759f587";

#[test]
fn addresses_with_keys() {
    let address = AesgcmAddress::parse(ADDRESS).unwrap();
    assert_eq!(
        address.url(),
        "https://download.montague.tld/4a771ac1-f0b2-4a4a-9700-f2a26fa2bb67/tr%C3%A8s%20cool.jpg"
    );
    assert_eq!(address.key().iv().len(), 12);
    assert_eq!(address.expose(), ADDRESS);
    assert!(
        !format!("{address:?}").contains("68e9af"),
        "keys are not shown"
    );
    let old = ADDRESS.replace('#', "#00000000");
    assert_eq!(AesgcmAddress::parse(&old).unwrap().key().iv().len(), 16);
    for wrong in [
        "",
        "aesgcm://a.example/x",
        &ADDRESS.replace("aesgcm", "https"),
        &ADDRESS.replace('#', "#0"),
        &ADDRESS.replace("8c3d", "8c3g"),
        &ADDRESS.replace("download.montague.tld", ""),
        &ADDRESS.replace("%20", " "),
    ] {
        assert_eq!(AesgcmAddress::parse(wrong), None, "{wrong}");
    }
    assert_eq!(AesgcmAddress::new("http://a.example/x", key(1)), None);
}

#[test]
fn a_body_is_a_file_only_when_it_is_nothing_else() {
    let with_picture = format!("{ADDRESS}\ndata:image/jpeg,/9j/4AAQSkZJRgABAQEBLAEsAAA=");
    let message = AesgcmMessage::read(&with_picture).unwrap();
    let thumbnail = message.thumbnail.as_ref().unwrap();
    assert_eq!(
        thumbnail.uri,
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEBLAEsAAA="
    );
    assert_eq!(message.expose(), with_picture);
    assert_eq!(AesgcmMessage::read(ADDRESS).unwrap().expose(), ADDRESS);
    for body in [
        format!("look: {ADDRESS}"),
        format!("{ADDRESS} nice"),
        format!("{ADDRESS}\nnice"),
        format!("{ADDRESS}\n{ADDRESS}"),
        format!("{ADDRESS}\ndata:image/jpeg,?"),
        format!("{ADDRESS}\ndata:text/html,AAAA"),
    ] {
        assert_eq!(AesgcmMessage::read(&body), None, "{body}");
    }
}

fn attachments(body: &str, elements: &str) -> Vec<Attachment> {
    Attachment::read_all(body, elements)
}

#[test]
fn a_file_goes_from_one_to_another_in_both_forms() {
    let file = FileMetadata {
        name: Some("Sommer am See.jpg".into()),
        media_type: Some("image/jpeg".into()),
        width: Some(4000),
        height: Some(3000),
        thumbnails: vec![Thumbnail {
            uri: "data:image/jpeg;base64,AAAA".into(),
            media_type: Some("image/jpeg".into()),
            width: Some(32),
            height: Some(24),
        }],
        ..FileMetadata::default()
    };
    let mut sent = Attachment::new(file, true);
    assert_eq!(sent.message(), None, "it is nowhere yet");
    let key = key(9);
    let (bytes, sealed) = seal(&key, b"colours", 3);
    sent.seal("https://up.example.org/1/x", key.clone(), &sealed);
    let message = sent.message().unwrap();
    assert!(
        !format!("{message:?}").contains("example"),
        "keys are not shown"
    );

    let [received] = &attachments(message.text.expose(), message.elements.expose())[..] else {
        panic!("one file");
    };
    assert_eq!(*received, sent);
    assert_eq!(received.kind(), AttachmentKind::Image);
    let Location::Sealed { urls, key: found } = &received.locations[0] else {
        panic!("it is sealed");
    };
    assert_eq!(urls, &["https://up.example.org/1/x"]);
    let expected = Expected::of(&received.file, 1000);
    assert_eq!(open(found, expected, &bytes, 2).unwrap(), b"colours");

    let [legacy] = &attachments(message.legacy_text.expose(), "")[..] else {
        panic!("one file");
    };
    assert_eq!(legacy.locations, sent.locations);
    assert_eq!(legacy.file.thumbnails.len(), 1);
}

#[test]
fn files_of_other_clients() {
    let [file] = &attachments(ADDRESS, "")[..] else {
        panic!("one file");
    };
    assert_eq!(file.file.name.as_deref(), Some("très cool.jpg"));
    assert_eq!(file.kind(), AttachmentKind::Image);
    let url = "https://a.example/clip.ogg?x=1";
    let oob = format!("<x xmlns='jabber:x:oob'><url>{url}</url></x>");
    let [plain] = &attachments(url, &oob)[..] else {
        panic!("one file");
    };
    assert_eq!(plain.locations, [Location::Plain { url: url.into() }]);
    assert_eq!(plain.kind(), AttachmentKind::Voice);
    assert_eq!(
        attachments(&format!("see {url}"), &oob),
        [],
        "that is a link"
    );
    assert_eq!(attachments(url, ""), []);
}

#[test]
fn sizes_of_pictures() {
    use picture::{Picture, read};
    use std::io::Cursor;
    let whole = image::DynamicImage::ImageRgb8(image::RgbImage::new(33, 17));
    for (format, media_type) in [
        (image::ImageFormat::Png, "image/png"),
        (image::ImageFormat::Jpeg, "image/jpeg"),
        (image::ImageFormat::Gif, "image/gif"),
        (image::ImageFormat::WebP, "image/webp"),
    ] {
        let mut bytes = Vec::new();
        whole
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        let expected = Picture {
            media_type,
            width: 33,
            height: 17,
        };
        assert_eq!(read(&bytes), Some(expected), "{media_type}");
        for cut in 0..bytes.len().min(200) {
            let found = read(&bytes[..cut]);
            assert!(
                found.is_none() || found == Some(expected),
                "{media_type} {cut}"
            );
        }
        if media_type == "image/jpeg" {
            // A phone that was held upright: Exif with orientation 6.
            let exif = b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
            let turned = [&bytes[..2], exif, &bytes[2..]].concat();
            assert_eq!(
                read(&turned),
                Some(Picture {
                    media_type,
                    width: 17,
                    height: 33
                })
            );
        }
        let small = thumbnail(&bytes, 16, 5 * 1024).unwrap();
        assert_eq!(
            (small.width, small.height),
            (Some(16), Some(8)),
            "{media_type}"
        );
        assert!(small.uri.starts_with("data:image/jpeg;base64,"));
    }
    let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\x30\x01\x00\x9d\x01\x2a\x40\x01\xf0\x00";
    assert_eq!(
        read(lossy),
        Some(Picture {
            media_type: "image/webp",
            width: 320,
            height: 240
        })
    );
    let extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\x00\xef\x00\x00";
    assert_eq!(
        read(extended),
        Some(Picture {
            media_type: "image/webp",
            width: 320,
            height: 240
        })
    );
    assert_eq!(read(b"GIF89a\0\0\0\0"), None, "nothing is that small");
    assert_eq!(
        thumbnail(b"no picture", 16, 5000),
        Err(ThumbnailError::NotAPicture)
    );
}

#[test]
fn how_long_and_how_loud_a_recording_is() {
    use voice::{BARS, Listener};
    // A second of silence, a second of noise, a second of half of it.
    let wave = |height: i16| (0..8000).map(move |at| if at % 2 == 0 { height } else { -height });
    let samples: Vec<i16> = wave(0).chain(wave(16_000)).chain(wave(4_000)).collect();
    let whole = {
        let mut listener = Listener::new(8000);
        listener.listen(&samples);
        listener.finish()
    };
    assert_eq!(whole.length_milliseconds, 3000);
    assert!(whole.waveform.len() <= BARS && whole.waveform.len() > BARS / 2);
    let third = whole.waveform.len() / 3;
    assert_eq!(whole.waveform[third / 2], 0);
    assert_eq!(whole.waveform[third + third / 2], 255);
    assert_eq!(
        whole.waveform[2 * third + third / 2],
        128,
        "half as loud for the ear"
    );
    for chunk in [1, 7, 4096] {
        let mut listener = Listener::new(8000);
        samples
            .chunks(chunk)
            .for_each(|chunk| listener.listen(chunk));
        assert_eq!(listener.finish(), whole);
    }
    assert_eq!(Listener::new(0).finish(), voice::Voice::default());
    let mut long = Listener::new(8000);
    for _ in 0..1000 {
        long.listen(&samples);
    }
    let long = long.finish();
    assert_eq!(long.length_milliseconds, 3_000_000);
    assert!(long.waveform.len() <= BARS && long.waveform.iter().all(|bar| *bar == 255));
}

/// An Ogg page without a checksum, which nobody here looks at.
fn page(position: u64, serial: u32, body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0\0".to_vec();
    page.extend(position.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend([0; 8]);
    let mut segments = vec![255; body.len() / 255];
    segments.push((body.len() % 255) as u8);
    page.push(segments.len() as u8);
    page.extend(segments);
    page.extend(body);
    page
}

#[test]
fn how_long_an_ogg_file_is() {
    use voice::OggLength;
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
    let file = [
        page(0, 7, head),
        page(0, 7, b"OpusTags"),
        page(u64::MAX, 7, &[1; 700]),
        page(48_000, 7, &[2; 300]),
        page(999_999, 8, &[3; 10]),
        page(2 * 48_000 + 312, 7, &[4; 255]),
    ]
    .concat();
    for chunk in [1, 5, 27, 1000, 10_000] {
        let mut length = OggLength::default();
        file.chunks(chunk).for_each(|chunk| length.feed(chunk));
        assert_eq!(length.milliseconds(), Some(2000), "{chunk}");
    }
    for wrong in [
        &b"RIFF"[..],
        b"",
        &page(0, 1, b"\x01vorbis and what follows"),
        &page(0, 1, b"short"),
        &[
            page(0, 7, head),
            b"garbage, that is no page at all".to_vec(),
        ]
        .concat(),
        &[page(0, 7, head), page(u64::MAX - 1, 7, &[])].concat(),
    ] {
        let mut length = OggLength::default();
        length.feed(wrong);
        assert_eq!(length.milliseconds(), None);
    }
}
