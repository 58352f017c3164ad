//! `send`: says something and waits for how far it comes.

use std::path::PathBuf;
use std::time::Duration;

use client::views::Delivery;
use client::{Command, ConnectionState, ConversationId, Done, Draft, Event, MessageKey};
use tokio::time::Instant;

use super::{Answer, Answers, Progress, SendRequest};
use crate::runtime::engine::{Engine, FileId, FileOutcome, Happening};

/// The server, the policy or the recipient's keys stand in the way.
pub(crate) const REFUSED: u8 = 3;
/// It waits here until there is a connection.
pub(crate) const WAITS: u8 = 4;
/// The server has it, no device of the recipient yet.
pub(crate) const NOT_DELIVERED: u8 = 5;

/// A message on its way.
pub(super) struct Sending {
    conversation: ConversationId,
    /// A file that no place was found for yet: without a connection nobody knows where files go.
    unplaced: Option<Unplaced>,
    /// The file that goes before the message.
    file: Option<FileId>,
    /// The messages that stand in the timeline and are not as far as they should be; and whether the server has them.
    messages: Vec<(MessageKey, bool)>,
    wait_delivered: bool,
    deadline: Instant,
}

/// A file that is to be sent as soon as there is a place for it.
struct Unplaced {
    path: PathBuf,
    description: Option<String>,
    /// Why there is none.
    why: String,
}

/// Says it; `None` when that was not possible.
pub(super) fn begin(
    engine: &mut Engine,
    request: SendRequest,
    answers: &Answers,
) -> Option<Sending> {
    let refuse = |text: String| {
        let _ = answers.send(Answer::failed(text));
    };
    let conversation = match super::conversation(engine, &request.to) {
        Ok(conversation) => conversation,
        Err(text) => {
            refuse(text);
            return None;
        }
    };
    let is_open = engine.client().conversation(&conversation).is_some();
    if !is_open {
        let open = Command::OpenChat {
            with: conversation.jid().clone(),
        };
        if let Err(error) = engine.command(open) {
            refuse(error.to_string());
            return None;
        }
    }
    let mut unplaced = None;
    let mut messages = Vec::new();
    match request.file {
        Some(path) => {
            if let Err(text) = crate::runtime::transfers::sizes(&path) {
                refuse(text);
                return None;
            }
            unplaced = Some(Unplaced {
                path,
                description: request.texts.into_iter().find(|text| !text.is_empty()),
                why: String::new(),
            });
        }
        None => {
            for text in request.texts {
                let send = Command::Send {
                    conversation: conversation.clone(),
                    message: Draft::text(text),
                };
                match engine.command(send) {
                    Ok(Done::Message(message)) => messages.push((message, false)),
                    Ok(_) => {
                        refuse("the engine did not say which message this is".to_owned());
                        return None;
                    }
                    Err(error) => {
                        refuse(error.to_string());
                        return None;
                    }
                }
            }
        }
    }
    let mut sending = Sending {
        conversation,
        unplaced,
        file: None,
        messages,
        wait_delivered: request.wait_delivered,
        deadline: Instant::now() + Duration::from_secs(request.timeout_seconds),
    };
    sending.place(engine);
    Some(sending)
}

impl Sending {
    /// Sends the file, if there is a place for it by now.
    fn place(&mut self, engine: &mut Engine) {
        let Some(unplaced) = &mut self.unplaced else {
            return;
        };
        let description = unplaced.description.clone();
        match engine.send_file(&self.conversation, &unplaced.path, description) {
            Ok(file) => {
                self.file = Some(file);
                self.unplaced = None;
            }
            Err(why) => unplaced.why = why,
        }
    }

    pub(super) fn look_at(
        &mut self,
        engine: &mut Engine,
        happening: &Happening,
        answers: &Answers,
    ) -> Progress {
        self.place(engine);
        if let Happening::File(file, outcome) = happening
            && Some(*file) == self.file
        {
            return self.transferred(outcome, answers);
        }
        let Happening::Event(Event::Delivery {
            conversation,
            message,
            delivery,
        }) = happening
        else {
            return Progress::Waits;
        };
        if *conversation != self.conversation {
            return Progress::Waits;
        }
        let Some(place) = self.messages.iter().position(|(key, _)| key == message) else {
            return Progress::Waits;
        };
        match delivery {
            Delivery::Kept if self.wait_delivered => {
                if let Some((_, kept)) = self.messages.get_mut(place) {
                    *kept = true;
                }
                return Progress::Waits;
            }
            Delivery::Kept | Delivery::Delivered | Delivery::Displayed => {}
            Delivery::Failed(text) => {
                let _ = answers.send(Answer::Failed {
                    code: REFUSED,
                    text: text.to_string(),
                });
                return Progress::Ended;
            }
            Delivery::Waiting | Delivery::Received => return Progress::Waits,
        }
        self.messages.remove(place);
        if !self.messages.is_empty() {
            return Progress::Waits;
        }
        let _ = answers.send(Answer::Done);
        Progress::Ended
    }

    fn transferred(&mut self, outcome: &FileOutcome, answers: &Answers) -> Progress {
        match outcome {
            FileOutcome::Sent(_, message) => {
                self.messages.push((*message, false));
                Progress::Waits
            }
            FileOutcome::Saved(_) => Progress::Waits,
            FileOutcome::Failed(text) => {
                let _ = answers.send(Answer::Failed {
                    code: REFUSED,
                    text: text.clone(),
                });
                Progress::Ended
            }
        }
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time is over.
    pub(super) fn expire(&self, state: &ConnectionState, answers: &Answers) {
        let kept = !self.messages.is_empty() && self.messages.iter().all(|(_, kept)| *kept);
        let answer = if kept {
            Answer::Failed {
                code: NOT_DELIVERED,
                text: format!(
                    "the server has the message; no device of {} has said yet that it came",
                    self.conversation
                ),
            }
        } else {
            let why = match (&self.unplaced, state) {
                (Some(unplaced), _) => format!(" ({})", unplaced.why),
                (None, ConnectionState::Waiting { text, .. }) => format!(" ({text})"),
                _ => String::new(),
            };
            let what = if self.messages.is_empty() {
                "The file was not sent"
            } else {
                "It is kept here and goes out with the next command that connects"
            };
            Answer::Failed {
                code: WAITS,
                text: format!("the message could not be sent yet{why}. {what}"),
            }
        };
        let _ = answers.send(answer);
    }
}
