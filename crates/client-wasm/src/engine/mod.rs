//! The engine as a page sees it: requests in, what is told and what is to be done out. Native, so that it can be tested without
//! a browser.

mod files;
mod shown;
#[cfg(test)]
mod tests;
mod timeline;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use client::search::Cursor;
use client::{
    Client, ClientError, CloseReason, Credentials, Input, Now, Output, Randomness, Redacted,
    Security, Settings, Storage, TransportFacts, TransportKind,
};
use serde::Serialize;

pub use files::FileFacts;

use crate::types::{
    self, CatchUp, Connection, Event, Failure, FailureKind, Query, Reply, Request, Told,
};
use shown::{Dirty, Subscription};

/// Which pages may see it: one, or all.
pub type Audience = Option<String>;

/// What the worker is to do.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Effect {
    /// Connect to the WebSocket of this origin.
    Connect,
    /// Send a frame.
    Write {
        /// It.
        text: String,
    },
    /// Close the connection.
    Disconnect,
    /// How far we are with the server.
    Connection {
        /// It.
        connection: Connection,
        /// Nobody can log in any more: why, for the person.
        login_failed: Option<String>,
    },
    /// Put a sealed file where the server said.
    Upload {
        /// Which transfer it is.
        transfer: String,
        /// Where to.
        put: String,
        /// Headers to send with it.
        headers: Vec<(String, String)>,
    },
    /// Put a part of a history, which [`Engine::chunk`] gives, where the server said; then [`Engine::chunk_uploaded`].
    UploadChunk {
        /// Which.
        upload: u64,
        /// Where to.
        put: String,
        /// Headers to send with it.
        headers: Vec<(String, String)>,
    },
    /// Fetch a part of a history into memory; then [`Engine::chunk_fetched`].
    FetchChunk {
        /// Which.
        download: u64,
        /// Where it is.
        url: String,
        /// Its size, in bytes: more is not taken.
        size: u64,
    },
    /// Another device has taken this one out: delete what is kept.
    Revoked,
    /// A transfer is over, before its time.
    TransferEnded {
        /// Which.
        transfer: String,
        /// Why, for the person.
        text: String,
    },
}

/// The engine of one account.
pub struct Engine<S: Storage> {
    pub(crate) client: Client<S>,
    /// Host and port of the page.
    pub(crate) host: String,
    subscriptions: BTreeMap<(String, String), Subscription>,
    connection: Connection,
    login_failed: Option<String>,
    catch_up: Option<CatchUp>,
    dirty: Dirty,
    told: VecDeque<(Audience, String)>,
    effects: VecDeque<Effect>,
    files: files::Files,
    /// Where pages of a search go on.
    cursors: VecDeque<(String, Cursor)>,
    asked: u64,
}

impl<S: Storage> Engine<S> {
    /// Opens what is kept; nothing goes to the network before [`Engine::connect`] or [`Engine::login`].
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails or belongs to another account.
    pub fn open(
        storage: S,
        settings: Settings,
        host: String,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client: Client::open(storage, settings, now, random)?,
            host,
            subscriptions: BTreeMap::new(),
            connection: Connection::Offline,
            login_failed: None,
            catch_up: None,
            dirty: Dirty::default(),
            told: VecDeque::new(),
            effects: VecDeque::new(),
            files: files::Files::default(),
            cursors: VecDeque::new(),
            asked: 0,
        })
    }

    /// Whether there is something to log in with.
    #[must_use]
    pub const fn has_credentials(&self) -> bool {
        self.client.has_credentials()
    }

    /// Connects and logs in with a password.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn login(
        &mut self,
        password: String,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        self.login_failed = None;
        let credentials = Credentials::Password(Redacted::new(password));
        self.client.login(credentials, now, random)?;
        self.settle(now)
    }

    /// Makes the account by an invitation, with this password, and logs in.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn sign_up(
        &mut self,
        token: String,
        password: String,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        self.login_failed = None;
        let credentials = Credentials::Invitation {
            token: Redacted::new(token),
            password: Redacted::new(password),
        };
        self.client.login(credentials, now, random)?;
        self.settle(now)
    }

    /// Does something that has no place in [`types::Command`].
    ///
    /// # Errors
    /// [`Failure`], when it cannot be done.
    pub fn command(
        &mut self,
        command: client::Command,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<client::Done, Failure> {
        let done = self.client.command(command, now, random);
        self.dirty.people = true;
        self.settle(now)?;
        Ok(done?)
    }

    /// Takes what the worker saw.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn input(
        &mut self,
        input: Input,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        self.client.input(input, now, random)?;
        self.settle(now)
    }

    /// The WebSocket is open. The browser has seen to its TLS, where there is one.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn connected(&mut self, now: Now, random: &mut dyn Randomness) -> Result<(), ClientError> {
        let facts = TransportFacts {
            kind: TransportKind::WebSocket,
            security: Security::Plain,
            // A browser opens sockets without TLS only to this machine, from a page that came over TLS or from this machine.
            trusted_proxy: true,
        };
        self.input(Input::Connected(facts), now, random)
    }

    /// A frame has come.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn received(
        &mut self,
        frame: String,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        self.input(Input::Received(Bytes::from(frame)), now, random)
    }

    /// The connection is gone; with a text, nobody answered.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn closed(
        &mut self,
        unreachable: Option<String>,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), ClientError> {
        let reason = match unreachable {
            Some(text) => CloseReason::Unreachable(text),
            None => CloseReason::Ended,
        };
        self.input(Input::Closed(reason), now, random)
    }

    /// Lets time do its work.
    ///
    /// # Errors
    /// [`ClientError`], when the storage fails.
    pub fn tick(&mut self, now: Now, random: &mut dyn Randomness) -> Result<(), ClientError> {
        self.client.tick(now, random)?;
        self.settle(now)
    }

    /// Answers a request of a page, as JSON.
    pub fn request(
        &mut self,
        page: &str,
        json: &str,
        now: Now,
        random: &mut dyn Randomness,
    ) -> String {
        let reply = match serde_json::from_str(json) {
            Ok(request) => self.answer(page, request, now, random),
            Err(error) => Err(Failure::new(
                FailureKind::Protocol,
                format!(
                    "The page and its engine are of different versions ({error}): reload the page."
                ),
            )),
        };
        let reply = reply.unwrap_or_else(|failure| Reply::Failed { failure });
        json_of(&reply)
    }

    fn answer(
        &mut self,
        page: &str,
        request: Request,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<Reply, Failure> {
        let done = Reply::Done {
            done: types::Done::Done,
        };
        match request {
            Request::Subscribe { subscription, view } => {
                let name = (page.to_owned(), subscription);
                let mut subscription = Subscription::new(view)?;
                self.show(&name, &mut subscription, now)?;
                self.subscriptions.insert(name, subscription);
                Ok(done)
            }
            Request::Unsubscribe { subscription } => {
                self.subscriptions.remove(&(page.to_owned(), subscription));
                Ok(done)
            }
            Request::Move { subscription, to } => {
                self.move_timeline((page.to_owned(), subscription), to, now, random)?;
                Ok(done)
            }
            Request::Command { command } => {
                let done = self.command(command.try_into()?, now, random)?;
                Ok(Reply::Done { done: done.into() })
            }
            Request::Query { query } => self.query(query, now),
        }
    }

    fn query(&mut self, query: Query, now: Now) -> Result<Reply, Failure> {
        match query {
            Query::Search { text, from, limit } => {
                let found = self.search(&text, from.as_deref(), limit.min(200), now)?;
                Ok(Reply::Found { found })
            }
            Query::Emoji { prefix, limit } => {
                let choices = client::text::emoji_choices(&prefix, limit.min(200));
                let choices = choices.into_iter().map(|choice| types::EmojiChoice {
                    emoji: choice.emoji.to_owned(),
                    name: choice.name.to_owned(),
                });
                Ok(Reply::Emoji {
                    choices: choices.collect(),
                })
            }
            Query::Qr { text } => {
                let too_long =
                    || Failure::new(FailureKind::NotPossible, "It is too long for a code.");
                let rows = types::qr(&text).ok_or_else(too_long)?;
                Ok(Reply::Qr { rows })
            }
            Query::OwnKey => Ok(Reply::OwnKey {
                key: self.own_key()?,
            }),
        }
    }

    /// A page is gone: nobody looks at what it looked at.
    pub fn forget(&mut self, page: &str) {
        self.subscriptions.retain(|(of, _), _| of != page);
    }

    /// When [`Engine::tick`] is to be called, in microseconds of the worker's clock; `None` for never.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.client.deadline().map(client::Moment::micros)
    }

    /// What is to be told next, to whom, as JSON.
    pub fn told(&mut self) -> Option<(Audience, String)> {
        self.told.pop_front()
    }

    /// What is to be done next.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn tell(&mut self, event: Event) {
        let json = json_of(&Told::Event { event });
        self.told.push_back((None, json));
    }

    /// Looks at what the client wants to be done and what has changed.
    fn settle(&mut self, now: Now) -> Result<(), ClientError> {
        while let Some(output) = self.client.output() {
            match output {
                Output::Connect { .. } => self.effects.push_back(Effect::Connect),
                Output::Write(bytes) => self.effects.push_back(Effect::Write {
                    text: String::from_utf8_lossy(&bytes).into_owned(),
                }),
                Output::Disconnect => self.effects.push_back(Effect::Disconnect),
                Output::Upload(slot) => self.slot_came(slot),
                Output::UploadChunk { slot, bytes } => self.chunk_goes(slot, bytes),
                Output::FetchChunk(order) => self.effects.push_back(Effect::FetchChunk {
                    download: order.download.0,
                    url: order.url.into_inner(),
                    size: order.size.unwrap_or_default(),
                }),
                Output::Event(event) => self.happened(event),
                // A WebSocket has its TLS below it.
                _ => {}
            }
        }
        self.refresh(now)
    }

    fn happened(&mut self, event: client::Event) {
        use client::Event as E;
        match event {
            E::Connection(state) => {
                self.connection = (&state).into();
                if self.connection == Connection::Online {
                    self.login_failed = None;
                }
                self.connection_changed();
            }
            E::LoginFailed { text } => {
                self.login_failed = Some(text);
                self.connection_changed();
            }
            E::Revoked => self.effects.push_back(Effect::Revoked),
            E::History(progress) => self.tell(progress.into()),
            E::LoggedOut { .. } => {
                self.connection = Connection::Offline;
                self.connection_changed();
            }
            E::Conversations => {
                self.dirty.conversations = true;
                self.dirty.people = true;
            }
            // That there is nothing earlier is to be seen, too.
            E::Earlier { conversation, .. } | E::Timeline(conversation) => {
                self.dirty.timelines.insert(conversation);
            }
            E::Message {
                conversation,
                message,
                notify,
                mention,
            } => {
                let row = self.client.conversation(&conversation);
                let (sender, text) = row
                    .as_ref()
                    .map(|row| types::line_of(row, message))
                    .unwrap_or_default();
                self.tell(Event::Message {
                    conversation: conversation.as_str().to_owned(),
                    message: message.to_string(),
                    notify,
                    mention,
                    title: row.map(|row| row.name.to_string()).unwrap_or_default(),
                    sender,
                    text,
                });
            }
            E::Reminder {
                conversation,
                message,
            } => {
                let row = self.client.conversation(&conversation);
                let part = client::views::Window::Around(message, 0);
                let part = self.client.timeline(&conversation, part);
                let text = part.ok().and_then(|part| types::first_line(&part));
                self.tell(Event::Reminder {
                    conversation: conversation.as_str().to_owned(),
                    message: message.to_string(),
                    title: row.map(|row| row.name.to_string()).unwrap_or_default(),
                    text: text.unwrap_or_default(),
                });
            }
            E::Members(_) => {
                self.dirty.members = true;
                self.dirty.devices = true;
            }
            E::Devices(_) => self.dirty.devices = true,
            E::NewOwnDevice { device } => {
                self.dirty.devices = true;
                self.tell(Event::NewOwnDevice { device });
            }
            E::ContactRequest(account) => {
                self.dirty.people = true;
                self.tell(Event::ContactRequest {
                    account: account.as_str().to_owned(),
                });
            }
            E::Picture(_) => self.dirty.people = true,
            E::CatchUp { remaining, done } => {
                self.catch_up = (!done).then_some(CatchUp { remaining });
                self.dirty.session = true;
            }
            E::UploadRefused { upload, text } => self.upload_refused(upload, text),
            E::Answered { question, answer } => {
                let (answer, refusal) = match answer {
                    Ok(answer) => (Some(answer.into()), None),
                    Err(refusal) => (None, Some(refusal.into())),
                };
                self.tell(Event::Answered {
                    question: question.0,
                    answer,
                    refusal,
                });
            }
            E::Refused { what, text } => self.tell(Event::Refused { what, text }),
            E::Preview { link, preview } => self.tell(Event::Preview {
                link,
                preview: preview.map(Into::into),
            }),
            _ => {}
        }
    }

    fn connection_changed(&mut self) {
        self.dirty.session = true;
        self.effects.push_back(Effect::Connection {
            connection: self.connection.clone(),
            login_failed: self.login_failed.clone(),
        });
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// [`Failure`], when the storage fails.
    pub fn picture(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let picture = client::views::PictureId(name.into());
        let bytes = self.client.picture(&picture);
        let bytes = bytes.map_err(|error| Failure::new(FailureKind::Storage, error))?;
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }

    /// Ends the engine and gives the storage back.
    #[must_use]
    pub fn close(self) -> Option<S> {
        self.client.into_storage()
    }
}

/// Plain data always are JSON; should they once not be, the page is told.
pub(crate) fn json_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| {
        r#"{"type":"failed","failure":{"kind":"protocol","text":"Reload the page."}}"#.to_owned()
    })
}
