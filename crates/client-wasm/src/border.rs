//! What the worker calls. Times are those of its clocks, in milliseconds; errors are [`Failure`]s as JSON.

use base::{BareJid, Moment, Now, Timestamp};
use client::{Input, Randomness, Settings};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::FileSystemSyncAccessHandle;

use crate::engine::{self, json_of};
use crate::store::opfs::OpenFile;
use crate::store::{DataKey, Log};
use crate::types::{Failure, FailureKind};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(into: &mut [u8]);
}

/// The browser's own.
struct Dice;

/// `crypto.getRandomValues` gives so many bytes at once.
const MOST_RANDOM: usize = 65_536;

impl Randomness for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(MOST_RANDOM) {
            get_random_values(chunk);
        }
    }
}

/// `since` is `performance.now()`, `wall` is `Date.now()`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both clocks are far from the limits"
)]
fn now(since: f64, wall: f64) -> Now {
    Now::new(
        Moment::from_micros((since * 1_000.0) as u64),
        Timestamp::from_micros((wall * 1_000.0) as i64),
    )
}

fn failed(failure: impl Into<Failure>) -> String {
    json_of(&failure.into())
}

/// What a page tells when it opens the engine.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening {
    account: String,
    device_name: String,
    language: String,
    utc_offset_minutes: i32,
    host: String,
}

/// Where a file can be had.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Download {
    url: String,
    media_type: Option<String>,
}

/// The engine of one account, over two files of the browser.
#[wasm_bindgen]
pub struct Engine(engine::Engine<Log<OpenFile>>);

#[wasm_bindgen]
impl Engine {
    /// Opens what is kept in the two files, with the key under which it is sealed (32 bytes).
    pub fn open(
        one: FileSystemSyncAccessHandle,
        two: FileSystemSyncAccessHandle,
        key: &[u8],
        opening: &str,
        since: f64,
        wall: f64,
    ) -> Result<Self, String> {
        let protocol =
            |error: serde_json::Error| failed(Failure::new(FailureKind::Protocol, error));
        let opening: Opening = serde_json::from_str(opening).map_err(protocol)?;
        let account = BareJid::parse(&opening.account)
            .map_err(|error| failed(Failure::new(FailureKind::NotPossible, error)))?;
        let mut settings = Settings::new(account, opening.device_name);
        settings.language = opening.language;
        settings.utc_offset_minutes = opening.utc_offset_minutes;
        // The browser has seen to that: a page over TLS opens no socket without.
        settings.without_tls = true;
        let storage =
            |error: client::StorageError| failed(Failure::new(FailureKind::Storage, error));
        let key = DataKey::new(key).map_err(storage)?;
        let log = Log::open(OpenFile::new(one), OpenFile::new(two), key, Box::new(Dice));
        let engine = engine::Engine::open(
            log.map_err(storage)?,
            settings,
            opening.host,
            now(since, wall),
            &mut Dice,
        );
        Ok(Self(engine.map_err(failed)?))
    }

    /// Whether there is something to log in with.
    #[wasm_bindgen(js_name = hasCredentials)]
    pub fn has_credentials(&self) -> bool {
        self.0.has_credentials()
    }

    /// Connects and logs in.
    pub fn login(&mut self, password: String, since: f64, wall: f64) -> Result<(), String> {
        let done = self.0.login(password, now(since, wall), &mut Dice);
        done.map_err(failed)
    }

    /// Makes the account by an invitation, with this password, and logs in.
    #[wasm_bindgen(js_name = signUp)]
    pub fn sign_up(
        &mut self,
        token: String,
        password: String,
        since: f64,
        wall: f64,
    ) -> Result<(), String> {
        let done = self.0.sign_up(token, password, now(since, wall), &mut Dice);
        done.map_err(failed)
    }

    /// Connects and logs in with what is kept.
    pub fn connect(&mut self, since: f64, wall: f64) -> Result<(), String> {
        self.command(client::Command::Connect, since, wall)
    }

    /// Says good-bye for good: what was kept to log in ends.
    #[wasm_bindgen(js_name = logOut)]
    pub fn log_out(&mut self, since: f64, wall: f64) -> Result<(), String> {
        self.command(client::Command::LogOut, since, wall)
    }

    /// Whether the person looks at one of the pages.
    #[wasm_bindgen(js_name = setActive)]
    pub fn set_active(&mut self, active: bool, since: f64, wall: f64) -> Result<(), String> {
        self.command(client::Command::SetActive(active), since, wall)
    }

    /// Whether the machine has a network.
    pub fn online(&mut self, online: bool, since: f64, wall: f64) -> Result<(), String> {
        let done = self
            .0
            .input(Input::Online(online), now(since, wall), &mut Dice);
        done.map_err(failed)
    }

    /// The WebSocket is open.
    pub fn connected(&mut self, since: f64, wall: f64) -> Result<(), String> {
        self.0
            .connected(now(since, wall), &mut Dice)
            .map_err(failed)
    }

    /// A frame has come.
    pub fn received(&mut self, frame: String, since: f64, wall: f64) -> Result<(), String> {
        let done = self.0.received(frame, now(since, wall), &mut Dice);
        done.map_err(failed)
    }

    /// The connection is gone; with a text, nobody answered.
    pub fn closed(
        &mut self,
        unreachable: Option<String>,
        since: f64,
        wall: f64,
    ) -> Result<(), String> {
        let done = self.0.closed(unreachable, now(since, wall), &mut Dice);
        done.map_err(failed)
    }

    /// Lets time do its work.
    pub fn tick(&mut self, since: f64, wall: f64) -> Result<(), String> {
        self.0.tick(now(since, wall), &mut Dice).map_err(failed)
    }

    /// When `tick` is to be called, by the clock of `since`.
    #[expect(clippy::cast_precision_loss, reason = "it is milliseconds that count")]
    pub fn deadline(&self) -> Option<f64> {
        self.0.deadline().map(|moment| moment as f64 / 1_000.0)
    }

    /// Answers a request of a page.
    pub fn request(&mut self, page: &str, json: &str, since: f64, wall: f64) -> String {
        self.0.request(page, json, now(since, wall), &mut Dice)
    }

    /// A page is gone.
    pub fn forget(&mut self, page: &str) {
        self.0.forget(page);
    }

    /// What is to be told next: to which page (empty for all), and what.
    pub fn told(&mut self) -> Option<Vec<String>> {
        let (audience, json) = self.0.told()?;
        Some(vec![audience.unwrap_or_default(), json])
    }

    /// What is to be done next.
    pub fn effect(&mut self) -> Option<String> {
        self.0.effect().map(|effect| json_of(&effect))
    }

    /// The bytes of a picture.
    pub fn picture(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.0.picture(name).map_err(failed)
    }

    /// Begins to seal a file.
    #[wasm_bindgen(js_name = beginFile)]
    pub fn begin_file(
        &mut self,
        transfer: String,
        conversation: &str,
        facts: &str,
    ) -> Result<(), String> {
        let facts = serde_json::from_str(facts)
            .map_err(|error| failed(Failure::new(FailureKind::Protocol, error)))?;
        let done = self.0.begin_file(transfer, conversation, facts, &mut Dice);
        done.map_err(failed)
    }

    /// Seals the next bytes of it.
    #[wasm_bindgen(js_name = sealFile)]
    pub fn seal_file(&mut self, transfer: &str, mut chunk: Vec<u8>) -> Result<Vec<u8>, String> {
        self.0.seal_file(transfer, &mut chunk).map_err(failed)?;
        Ok(chunk)
    }

    /// All bytes were sealed: those that stand behind them.
    #[wasm_bindgen(js_name = placeFile)]
    pub fn place_file(&mut self, transfer: &str, since: f64, wall: f64) -> Result<Vec<u8>, String> {
        let tag = self.0.place_file(transfer, now(since, wall), &mut Dice);
        tag.map_err(failed)
    }

    /// The file is where it should be.
    #[wasm_bindgen(js_name = sendFile)]
    pub fn send_file(&mut self, transfer: &str, since: f64, wall: f64) -> Result<String, String> {
        let sent = self.0.send_file(transfer, now(since, wall), &mut Dice);
        sent.map_err(failed)
    }

    /// The bytes of a part of a history that is to be put somewhere.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are numbered from 0"
    )]
    pub fn chunk(&mut self, upload: f64) -> Option<Vec<u8>> {
        self.0.chunk(upload as u64)
    }

    /// It was put there, or was not.
    #[wasm_bindgen(js_name = chunkUploaded)]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are numbered from 0"
    )]
    pub fn chunk_uploaded(
        &mut self,
        upload: f64,
        success: bool,
        since: f64,
        wall: f64,
    ) -> Result<(), String> {
        let now = now(since, wall);
        let done = self
            .0
            .chunk_uploaded(upload as u64, success, now, &mut Dice);
        done.map_err(failed)
    }

    /// A part of a history is here, or cannot be had.
    #[wasm_bindgen(js_name = chunkFetched)]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are numbered from 0"
    )]
    pub fn chunk_fetched(
        &mut self,
        download: f64,
        bytes: Option<Vec<u8>>,
        since: f64,
        wall: f64,
    ) -> Result<(), String> {
        let now = now(since, wall);
        let done = self.0.chunk_fetched(download as u64, bytes, now, &mut Dice);
        done.map_err(failed)
    }

    /// A file is not to be sent or opened any more.
    #[wasm_bindgen(js_name = dropFile)]
    pub fn drop_file(&mut self, transfer: &str) {
        self.0.drop_file(transfer);
    }

    /// Begins to open a file of a message: where it can be had, as JSON.
    #[wasm_bindgen(js_name = beginDownload)]
    pub fn begin_download(
        &mut self,
        transfer: String,
        conversation: &str,
        message: &str,
        index: usize,
    ) -> Result<String, String> {
        let begun = self
            .0
            .begin_download(transfer, conversation, message, index);
        let (url, media_type) = begun.map_err(failed)?;
        Ok(json_of(&Download { url, media_type }))
    }

    /// Opens the next bytes of a download.
    #[wasm_bindgen(js_name = openFile)]
    pub fn open_file(&mut self, transfer: &str, chunk: &[u8]) -> Result<Vec<u8>, String> {
        self.0.open_file(transfer, chunk).map_err(failed)
    }

    /// All bytes have come: those that stand behind what was opened. Before, nothing of it may be used.
    #[wasm_bindgen(js_name = endDownload)]
    pub fn end_download(&mut self, transfer: &str) -> Result<Vec<u8>, String> {
        self.0.end_download(transfer).map_err(failed)
    }

    /// Ends the engine and closes its files.
    pub fn close(self) {
        if let Some(log) = self.0.close() {
            let (one, two) = log.close();
            one.close();
            two.close();
        }
    }

    fn command(&mut self, command: client::Command, since: f64, wall: f64) -> Result<(), String> {
        let done = self.0.command(command, now(since, wall), &mut Dice);
        done.map(drop).map_err(failed)
    }
}
