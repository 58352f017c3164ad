//! Files as they come from others: sealed ones, chunks of history, pictures, sound. However they are cut they give the same,
//! and nothing opens that was not sealed with its key.

use base::BareJid;
use client::files::voice::{BARS, Listener, OggLength};
use client::files::{
    Cipher, Expected, FileKey, Hash, HashFunction, OpenError, Opener, Sealer, picture,
};
use client::history::{HistoryOpener, Role, Showing, scan};

fn open(
    key: &FileKey,
    expected: Expected,
    bytes: &[u8],
    chunk: usize,
) -> Result<Vec<u8>, OpenError> {
    let mut opener = Opener::new(key, expected)?;
    let mut file = Vec::new();
    for part in bytes.chunks(chunk) {
        file.extend_from_slice(opener.open(part)?.for_temporary_file());
    }
    let opened = opener.finish()?;
    file.extend_from_slice(&opened.rest);
    Ok(file)
}

/// See above. The first byte says how the rest is cut.
pub(crate) fn check(data: &[u8]) {
    let Some((&chunk, bytes)) = data.split_first() else {
        return;
    };
    let chunk = usize::from(chunk).max(1);

    let length = |chunk: usize| {
        let mut length = OggLength::default();
        bytes.chunks(chunk).for_each(|chunk| length.feed(chunk));
        length.milliseconds()
    };
    assert_eq!(length(chunk), length(bytes.len().max(1)));
    if let Some(picture) = picture::read(bytes) {
        assert!(picture.width > 0 && picture.height > 0);
    }
    let samples: Vec<i16> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect();
    let mut listener = Listener::new(8000);
    samples
        .chunks(chunk)
        .for_each(|chunk| listener.listen(chunk));
    assert!(listener.finish().waveform.len() <= BARS);

    let key = FileKey::new(Cipher::Aes256Gcm, &[1; 32], &[2; 12]).expect("a key");
    let expected = Expected {
        size: None,
        hashes: Vec::new(),
        largest: 1 << 20,
    };
    assert!(open(&key, expected.clone(), bytes, chunk).is_err());
    let cbc = FileKey::new(Cipher::Aes256Cbc, &[1; 32], &[2; 16]).expect("a key");
    let hashed = Expected {
        hashes: vec![Hash {
            function: HashFunction::Sha256,
            digest: vec![0; 32],
        }],
        ..expected.clone()
    };
    assert!(open(&cbc, hashed, bytes, chunk).is_err());

    let mut sealed = bytes.to_vec();
    let mut sealer = Sealer::new(&key).expect("a key of ours");
    for part in sealed.chunks_mut(chunk) {
        sealer.seal(part).expect("it is small");
    }
    sealed.extend_from_slice(&sealer.finish().tag);
    assert_eq!(
        open(&key, expected, &sealed, chunk.div_ceil(2)).as_deref(),
        Ok(bytes)
    );

    let account = BareJid::parse("juliet@capulet.example").expect("an address");
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let showing = Showing::new(account.clone(), Role::New, &mut random);
    let (_, keys) =
        scan(&showing.code().expose(), &account, Role::Old, &mut random).expect("a code");
    assert!(HistoryOpener::new(&keys).open(bytes).is_err());
}
