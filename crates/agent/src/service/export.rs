//! `export`: all that was said, as it is kept here, in pages.

use client::views::{TimelineItem, Window};
use client::{ConversationId, MessageKey};

use super::record::MessageRecord;
use super::{Answer, Answers, Progress};
use crate::runtime::engine::Engine;

/// Messages that are read at once.
const PAGE: usize = 200;

/// An export that is under way.
pub(super) struct Export {
    /// What is left, the last first.
    conversations: Vec<ConversationId>,
    /// The newest message of the first that was given away.
    last: Option<MessageKey>,
}

/// Begins; `None` when there is no such conversation.
pub(super) fn begin(
    engine: &Engine,
    conversation: Option<&str>,
    answers: &Answers,
) -> Option<Export> {
    let conversations = match conversation {
        None => {
            let list = engine.client().conversations();
            let mut all: Vec<ConversationId> = list.rows.iter().map(|row| row.id.clone()).collect();
            all.sort();
            all.reverse();
            all
        }
        Some(meant) => match super::conversation(engine, meant) {
            Ok(id) if engine.client().conversation(&id).is_some() => vec![id],
            Ok(id) => {
                let _ = answers.send(Answer::failed(format!(
                    "there is no conversation with {id} here"
                )));
                return None;
            }
            Err(text) => {
                let _ = answers.send(Answer::failed(text));
                return None;
            }
        },
    };
    Some(Export {
        conversations,
        last: None,
    })
}

impl Export {
    /// Gives a page away.
    pub(super) fn work(&mut self, engine: &Engine, answers: &Answers) -> Progress {
        let Some(id) = self.conversations.last() else {
            let _ = answers.send(Answer::Done);
            return Progress::Ended;
        };
        // Before the first there is nothing: keys are 24 digits.
        let from = self.last.or_else(|| "0".repeat(24).parse().ok());
        let timeline = from.map(|from| engine.client().timeline(id, Window::After(from, PAGE)));
        let timeline = match timeline {
            Some(Ok(timeline)) => timeline,
            Some(Err(error)) => {
                let _ = answers.send(Answer::failed(error.to_string()));
                return Progress::Ended;
            }
            None => return Progress::Ended,
        };
        let row = engine.client().conversation(id);
        let mut newest = None;
        for item in &timeline.items {
            if let TimelineItem::Message(message) = item {
                newest = Some(message.key);
                let record = MessageRecord::new(id, row.as_deref(), message);
                let _ = answers.send(Answer::Message(Box::new(record)));
            }
        }
        if timeline.has_later && newest.is_some() {
            self.last = newest;
        } else {
            self.last = None;
            self.conversations.pop();
        }
        Progress::More
    }
}
