//! The part of a timeline that a page looks at: it begins at a message and moves when the page says so.

use client::views::{self, TimelineItem, Window};
use client::{
    ClientError, Command, CommandError, ConversationId, MessageKey, Now, Randomness, Storage,
};

use super::Engine;
use super::shown::{Watched, steps};
use crate::types::{
    Failure, Item, MoveTo, ReadBy, Shown, Timeline, Update, Viewer, items, message, read_by,
};

/// How many messages come at a time.
const STEP: usize = 60;
/// How many there are at most. What is more goes at the other end.
const MOST: usize = 300;

/// A part.
pub(super) struct Part {
    conversation: ConversationId,
    place: Place,
    told: Option<(Vec<Item>, bool, bool, Vec<ReadBy>)>,
    /// The keys of the messages that were told last, the oldest first.
    keys: Vec<MessageKey>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Not looked at yet: around a message, or the newest.
    Unknown(Option<MessageKey>),
    /// From this message to the newest, and what is to come.
    Live(MessageKey),
    /// So many from this message on.
    Fixed(MessageKey, usize),
}

fn keys(timeline: &views::Timeline) -> Vec<MessageKey> {
    let key = |item: &TimelineItem| match item {
        TimelineItem::Message(said) => Some(said.key),
        TimelineItem::Notice { key, .. } => Some(*key),
        _ => None,
    };
    timeline.items.iter().filter_map(key).collect()
}

impl Part {
    pub(super) const fn new(conversation: ConversationId, around: Option<MessageKey>) -> Self {
        Self {
            conversation,
            place: Place::Unknown(around),
            told: None,
            keys: Vec::new(),
        }
    }

    pub(super) const fn conversation(&self) -> &ConversationId {
        &self.conversation
    }

    fn look<S: Storage>(&mut self, engine: &Engine<S>) -> Result<views::Timeline, ClientError> {
        let client = &engine.client;
        let see = |window| client.timeline(&self.conversation, window);
        let timeline = match self.place {
            Place::Unknown(None) => see(Window::Latest(STEP))?,
            Place::Unknown(Some(key)) => see(Window::Around(key, STEP / 2))?,
            Place::Live(first) => {
                let timeline = see(Window::From(first))?;
                if keys(&timeline).len() > MOST + STEP {
                    see(Window::Latest(MOST))?
                } else {
                    timeline
                }
            }
            Place::Fixed(first, count) => {
                let mut timeline = see(Window::Around(first, 0))?;
                let behind = see(Window::After(first, count.saturating_sub(1)))?;
                let last_day = timeline.items.iter().find_map(|item| match item {
                    TimelineItem::Day(day) => Some(*day),
                    _ => None,
                });
                timeline.items.retain(|item| *item != TimelineItem::Missing);
                let more = behind.items.into_iter().filter(
                    |item| !matches!(item, TimelineItem::Day(day) if Some(*day) == last_day),
                );
                timeline.items.extend(more);
                timeline.has_later = behind.has_later;
                timeline
            }
        };
        self.keys = keys(&timeline);
        if let Some(first) = self.keys.first() {
            self.place = if timeline.has_later {
                Place::Fixed(*first, self.keys.len())
            } else {
                Place::Live(*first)
            };
        }
        Ok(timeline)
    }

    pub(super) fn update<S: Storage>(
        &mut self,
        engine: &Engine<S>,
    ) -> Result<Option<Update>, ClientError> {
        let timeline = self.look(engine)?;
        let after = items(&timeline, engine.viewer());
        let (has_earlier, has_later) = (timeline.has_earlier, timeline.has_later);
        let read_by = read_by(&timeline);
        let update = match &self.told {
            None => Some(Update::Whole {
                shown: Shown::Timeline(Timeline {
                    conversation: self.conversation.as_str().to_owned(),
                    items: after.clone(),
                    has_earlier,
                    has_later,
                    read_by: read_by.clone(),
                }),
            }),
            Some((before, earlier, later, read)) => {
                let changes = steps(before, &after);
                let same = changes.is_empty()
                    && (*earlier, *later) == (has_earlier, has_later)
                    && *read == read_by;
                (!same).then(|| Update::Timeline {
                    changes,
                    has_earlier,
                    has_later,
                    read_by: read_by.clone(),
                })
            }
        };
        self.told = Some((after, has_earlier, has_later, read_by));
        Ok(update)
    }
}

impl<S: Storage> Engine<S> {
    pub(super) fn viewer(&self) -> Viewer<'_> {
        Viewer {
            account: self.client.account().as_str(),
            host: &self.host,
        }
    }

    pub(super) fn move_timeline(
        &mut self,
        name: (String, String),
        to: MoveTo,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), Failure> {
        let Some(mut subscription) = self.subscriptions.remove(&name) else {
            return Ok(());
        };
        let moved = match &mut subscription.watched {
            Watched::Timeline(part) => self.move_part(part, to, now, random),
            _ => Ok(()),
        };
        let shown = self.show(&name, &mut subscription, now);
        self.subscriptions.insert(name, subscription);
        moved?;
        Ok(shown?)
    }

    fn move_part(
        &mut self,
        part: &mut Part,
        to: MoveTo,
        now: Now,
        random: &mut dyn Randomness,
    ) -> Result<(), Failure> {
        let shown = part.keys.len();
        match to {
            MoveTo::Latest => part.place = Place::Unknown(None),
            MoveTo::Around { message: key } => part.place = Place::Unknown(Some(message(&key)?)),
            MoveTo::Earlier => {
                let Some(first) = part.keys.first().copied() else {
                    return Ok(());
                };
                let before = self
                    .client
                    .timeline(&part.conversation, Window::Before(first, STEP))?;
                let before = keys(&before);
                match before.first() {
                    Some(first) => {
                        let count = (shown + before.len()).min(MOST);
                        let live =
                            matches!(part.place, Place::Live(_)) && shown + before.len() <= MOST;
                        part.place = if live {
                            Place::Live(*first)
                        } else {
                            Place::Fixed(*first, count)
                        };
                    }
                    None => {
                        let conversation = part.conversation.clone();
                        let load = Command::LoadEarlier { conversation };
                        match self.client.command(load, now, random) {
                            // What is in the archive comes when there is a network again.
                            Ok(_) | Err(CommandError::Offline) => {}
                            Err(error) => return Err(error.into()),
                        }
                        self.settle(now)?;
                    }
                }
            }
            MoveTo::Later => {
                let (Place::Fixed(first, count), Some(last)) = (part.place, part.keys.last())
                else {
                    return Ok(());
                };
                let behind = self
                    .client
                    .timeline(&part.conversation, Window::After(*last, STEP))?;
                let more = keys(&behind).len();
                let over = (count + more).saturating_sub(MOST);
                let first = part.keys.get(over).copied().unwrap_or(first);
                part.place = Place::Fixed(first, (count + more).min(MOST));
            }
        }
        Ok(())
    }
}
