//! Files over HTTP: sealed while they go out, opened while they come in, in pieces of bounded size. What comes in is a
//! temporary file until it was verified, and nothing that is there is overwritten.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use client::UploadSlot;
use client::files::{Attachment, Expected, FileKey, Location, Opener, Sealed, Sealer, sealed_size};
use futures_util::StreamExt;
use reqwest::redirect::Policy;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connection::Dialer;
use crate::chat::harmless;

/// Bytes that are read and sealed at once.
const PIECE_BYTES: usize = 64 * 1024;
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
/// Largest file that is taken, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024 * 1024;
/// Names that are tried beside the one that a file has.
const MOST_NAMES: u32 = 1_000;

/// Makes requests for files, with the same trust as the connection.
///
/// # Errors
/// In words for the person.
pub(crate) async fn http(dialer: &Dialer, domain: &str) -> Result<reqwest::Client, String> {
    let config = dialer
        .tls
        .config(&[b"h2", b"http/1.1"])
        .map_err(|error| error.to_string())?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .https_only(true)
        .redirect(Policy::limited(5))
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(SILENCE)
        .user_agent("Hauspost");
    if let Some(place) = &dialer.place {
        // Where the connection goes by hand, the files of the same domain go, too; the port is that of the address.
        let addresses = super::names::addresses(place).await?;
        let addresses: Vec<_> = addresses
            .into_iter()
            .map(|address| std::net::SocketAddr::new(address.ip(), 0))
            .collect();
        builder = builder.resolve_to_addrs(domain, &addresses);
    }
    builder
        .build()
        .map_err(|error| format!("HTTP cannot be used: {error}"))
}

/// The size of a file, and that of what is uploaded.
///
/// # Errors
/// In words for the person.
pub(crate) fn sizes(path: &Path) -> Result<(u64, u64), String> {
    let facts = std::fs::metadata(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    if !facts.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let sealed = sealed_size(facts.len())
        .ok_or_else(|| format!("{} is too large to be sent", path.display()))?;
    Ok((facts.len(), sealed))
}

/// Puts a file where the server said, sealed on its way.
///
/// # Errors
/// In words for the person.
pub(crate) async fn upload(
    http: reqwest::Client,
    slot: UploadSlot,
    path: PathBuf,
    key: FileKey,
) -> Result<Sealed, String> {
    let file = File::open(&path)
        .await
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let sealer = Sealer::new(&key).map_err(|error| error.to_string())?;
    let sealed = Arc::new(Mutex::new(None));
    let pieces = pieces(file, sealer, Arc::clone(&sealed));
    let mut request = http
        .put(slot.put.expose().as_str())
        .header("content-type", "application/octet-stream")
        .header("content-length", slot.size)
        .body(reqwest::Body::wrap_stream(pieces));
    for (name, value) in &slot.headers {
        request = request.header(name.as_str(), value.expose().as_str());
    }
    let answer = request.send().await.map_err(|error| failed(&error))?;
    if !answer.status().is_success() {
        return Err(format!(
            "the server did not take the file (HTTP {}): try again later, or ask its administrator",
            answer.status().as_u16()
        ));
    }
    let sealed = sealed.lock().unwrap_or_else(PoisonError::into_inner).take();
    sealed.ok_or_else(|| {
        format!(
            "{} was changed while it was sent: send it again",
            path.display()
        )
    })
}

/// The sealed pieces of a file, the tag last.
fn pieces(
    file: File,
    sealer: Sealer,
    sealed: Arc<Mutex<Option<Sealed>>>,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    futures_util::stream::unfold(Some((file, sealer)), move |state| {
        let sealed = Arc::clone(&sealed);
        async move {
            let (mut file, mut sealer) = state?;
            let mut piece = vec![0; PIECE_BYTES];
            let read = match file.read(&mut piece).await {
                Ok(read) => read,
                Err(error) => return Some((Err(error), None)),
            };
            if read == 0 {
                let done = sealer.finish();
                let tag = Bytes::copy_from_slice(&done.tag);
                *sealed.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
                return Some((Ok(tag), None));
            }
            piece.truncate(read);
            if let Err(error) = sealer.seal(&mut piece) {
                return Some((Err(io::Error::other(error)), None));
            }
            Some((Ok(Bytes::from(piece)), Some((file, sealer))))
        }
    })
}

/// Fetches a file into a folder; gives where it is.
///
/// # Errors
/// In words for the person.
pub(crate) async fn download(
    http: reqwest::Client,
    attachment: Attachment,
    folder: PathBuf,
) -> Result<PathBuf, String> {
    let mut why = "the message does not say where the file is".to_owned();
    for location in &attachment.locations {
        let (urls, key) = match location {
            Location::Sealed { urls, key } => (urls.clone(), Some(key)),
            Location::Plain { url } => (vec![url.clone()], None),
        };
        for url in urls {
            let temporary = folder.join(format!(".hauspost-{:016x}.part", random()));
            match fetch(&http, &url, key, &attachment, &temporary).await {
                Ok(()) => {
                    let kept = keep(&temporary, &folder, attachment.file.name.as_deref());
                    if kept.is_err() {
                        let _ = std::fs::remove_file(&temporary);
                    }
                    return kept;
                }
                Err(error) => {
                    let _ = std::fs::remove_file(&temporary);
                    why = error;
                }
            }
        }
    }
    Err(why)
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness the file of before is refused as being there.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

async fn fetch(
    http: &reqwest::Client,
    url: &str,
    key: Option<&FileKey>,
    attachment: &Attachment,
    temporary: &Path,
) -> Result<(), String> {
    let answer = http.get(url).send().await.map_err(|error| failed(&error))?;
    if !answer.status().is_success() {
        return Err(match answer.status().as_u16() {
            404 | 410 => "the file is no longer there".to_owned(),
            status => format!("the server does not give the file (HTTP {status})"),
        });
    }
    let unwritable =
        |error: io::Error| format!("{} cannot be written: {error}", temporary.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(temporary)
        .await
        .map_err(unwritable)?;
    let expected = Expected::of(&attachment.file, LARGEST);
    let mut opener = match key {
        Some(key) => Opener::new(key, expected),
        None => Opener::plain(expected),
    }
    .map_err(|error| error.to_string())?;
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(&error))?;
        let opened = opener.open(&piece).map_err(|error| error.to_string())?;
        file.write_all(opened.for_temporary_file())
            .await
            .map_err(unwritable)?;
    }
    let opened = opener.finish().map_err(|error| error.to_string())?;
    file.write_all(&opened.rest).await.map_err(unwritable)?;
    file.flush().await.map_err(unwritable)?;
    file.sync_all().await.map_err(unwritable)
}

/// Gives a verified file its name, or one beside it that is free.
fn keep(temporary: &Path, folder: &Path, name: Option<&str>) -> Result<PathBuf, String> {
    let name = safe_name(name);
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() => (stem.to_owned(), format!(".{end}")),
        _ => (name, String::new()),
    };
    for number in 1..=MOST_NAMES {
        let name = match number {
            1 => format!("{stem}{end}"),
            _ => format!("{stem} ({number}){end}"),
        };
        let path = folder.join(name);
        match renameat_with(CWD, temporary, CWD, &path, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(path),
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(format!("{} cannot be written: {error}", path.display())),
        }
    }
    Err(format!(
        "{} has too many files of this name",
        folder.display()
    ))
}

/// Longest name of a file, in bytes: file systems take 255, and a number may have to stand in it.
const NAME_BYTES: usize = 200;
/// Longest end of a name behind its last dot that is kept when a name is cut, in bytes.
const END_BYTES: usize = 20;

/// A name that is one, without folders, not hidden, not longer than file systems take, and that ends as it seems to.
fn safe_name(name: Option<&str>) -> String {
    let name: String = harmless(name.unwrap_or_default())
        .chars()
        .filter(|character| *character != '/')
        .collect();
    let name = name.trim().trim_start_matches('.');
    if name.is_empty() {
        return "file".to_owned();
    }
    if name.len() <= NAME_BYTES {
        return name.to_owned();
    }
    let end = name.rsplit_once('.').map(|(_, end)| end);
    let end = end.filter(|end| end.len() <= END_BYTES);
    let room = NAME_BYTES - end.map_or(0, |end| end.len() + 1);
    let stem = &name[..name.floor_char_boundary(room)];
    match end {
        Some(end) => format!("{stem}.{end}"),
        None => stem.to_owned(),
    }
}

/// The media type that a file's name tells.
pub(crate) fn media_type(path: &Path) -> Option<&'static str> {
    let end = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match end.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "txt" | "log" | "md" => "text/plain",
        "csv" => "text/csv",
        "json" => "application/json",
        "zip" => "application/zip",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => return None,
    })
}

fn failed(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "the server is silent: try again".to_owned()
    } else if error.is_connect() {
        "the server of the file does not answer, or its certificate is not to be believed"
            .to_owned()
    } else {
        format!(
            "the transfer broke: {}",
            error
                .to_string()
                .split(" for url")
                .next()
                .unwrap_or("try again")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::tests::Scratch;

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let scratch = Scratch::new();
        for (content, expected) in [("1", "a.txt"), ("2", "a (2).txt"), ("3", "a (3).txt")] {
            let temporary = scratch.path().join(".part");
            std::fs::write(&temporary, content).expect("written");
            let path = keep(&temporary, scratch.path(), Some("a.txt")).expect("kept");
            assert_eq!(path, scratch.path().join(expected));
            assert_eq!(std::fs::read_to_string(path).expect("read"), content);
        }
    }

    #[test]
    fn names_of_others_stay_within_the_folder() {
        for (name, safe) in [
            (Some("../../etc/passwd"), "etcpasswd"),
            (Some(".bashrc"), "bashrc"),
            (Some("a\x1b[2J\nb.txt"), "a[2J b.txt"),
            (Some("bill\u{202e}fdp.exe"), "billfdp.exe"),
            (Some("  "), "file"),
            (Some(".."), "file"),
            (None, "file"),
        ] {
            assert_eq!(safe_name(name), safe, "{name:?}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_and_keeps_its_end() {
        let scratch = Scratch::new();
        for name in [
            "界".repeat(100) + ".tar.gz",
            "x".repeat(900),
            ".".repeat(400) + "é.pdf",
        ] {
            let safe = safe_name(Some(&name));
            assert!(safe.len() <= NAME_BYTES, "{safe}");
            assert_eq!(safe.rsplit_once('.').is_some(), name.contains('.'));
            let temporary = scratch.path().join(".part");
            std::fs::write(&temporary, name.as_bytes()).expect("written");
            let path = keep(&temporary, scratch.path(), Some(&name)).expect("kept");
            assert_eq!(path, scratch.path().join(safe));
        }
    }

    #[tokio::test]
    async fn a_file_is_sealed_piece_by_piece_and_opens_again() {
        let scratch = Scratch::new();
        let path = scratch.path().join("plan.bin");
        let content: Vec<u8> = (0..200_000_u32)
            .map(|at| u8::try_from(at % 251).expect("small"))
            .collect();
        std::fs::write(&path, &content).expect("written");
        let key = FileKey::generate(&mut super::super::clock::Dice);
        let sealed = Arc::new(Mutex::new(None));
        let file = File::open(&path).await.expect("a file");
        let sealer = Sealer::new(&key).expect("a sealer");
        let pieces: Vec<Bytes> = pieces(file, sealer, Arc::clone(&sealed))
            .map(|piece| piece.expect("a piece"))
            .collect()
            .await;
        let sealed = sealed.lock().expect("unpoisoned").take().expect("sealed");
        let total: usize = pieces.iter().map(Bytes::len).sum();
        assert_eq!(Some(total as u64), sealed_size(content.len() as u64));
        let expected = Expected {
            size: Some(sealed.size),
            hashes: vec![sealed.hash.clone()],
            largest: LARGEST,
        };
        let mut opener = Opener::new(&key, expected).expect("an opener");
        let mut opened = Vec::new();
        for piece in pieces {
            opened.extend_from_slice(opener.open(&piece).expect("opened").for_temporary_file());
        }
        opened.extend(opener.finish().expect("verified").rest);
        assert_eq!(opened, content);
    }
}
