//! Looking for messages.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem::Finder;

use crate::storage::{Direction, KeyRange, StorageError};

use super::chunk::{
    CHUNK, Chunk, Fields, HEAD, Head, TAIL, TailRow, hit_of, key_at, newest_of, order_at,
};
use super::filter::{Mark, Wanted, has, marked};
use super::query::{Named, Term};
use super::{Cursor, Hit, Page, Query, Rows};

/// How many heads are read at once.
const HEADS: usize = 32;

/// Finds messages, newest first: at most `limit` of them, from `from` (the [`Page::next`] of the page before) on. An empty
/// query finds nothing.
///
/// # Errors
/// [`StorageError`].
pub fn find(
    rows: &impl Rows,
    query: &Query,
    from: Option<&Cursor>,
    limit: usize,
) -> Result<Page, StorageError> {
    if query.is_empty() || limit == 0 {
        return Ok(Page::default());
    }
    let search = Search::new(query, from, limit);
    search.run(rows)
}

/// A term, made ready.
struct Needle<'q> {
    spellings: Vec<(Finder<'q>, Wanted)>,
    exact: bool,
}

impl<'q> Needle<'q> {
    fn new(term: &'q Term) -> Self {
        let spellings = term
            .spellings
            .iter()
            .map(|spelling| (Finder::new(spelling.as_str()), Wanted::of(spelling)));
        Self {
            spellings: spellings.collect(),
            exact: term.exact,
        }
    }

    fn may_be_in(&self, filter: &[u8]) -> bool {
        self.spellings
            .iter()
            .any(|(_, wanted)| wanted.may_be_in(filter))
    }

    /// Whether a message with these words has it.
    fn is_in(&self, line: &str) -> bool {
        self.spellings.iter().any(|(finder, _)| {
            finder
                .find_iter(line.as_bytes())
                .any(|at| self.ends(finder, line, at))
        })
    }

    fn ends(&self, finder: &Finder<'_>, line: &str, at: usize) -> bool {
        !self.exact
            || matches!(
                line.as_bytes().get(at + finder.needle().len()),
                None | Some(b' ' | b'\n')
            )
    }
}

/// People or conversations, made ready.
struct Names<'q> {
    named: &'q [Named],
    /// One of these must be in a chunk; none when anybody will do.
    wanted: Vec<Wanted>,
    /// What is known of the addresses that came by: there are few of them, and many messages.
    known: BTreeMap<String, bool>,
}

impl<'q> Names<'q> {
    fn new(named: &'q [Named], mark: Mark) -> Self {
        let beginnings = named.iter().flat_map(Named::beginnings);
        Self {
            named,
            wanted: beginnings
                .filter(|beginning| !beginning.is_empty())
                .map(|beginning| Wanted::of(&marked(mark, &beginning)))
                .collect(),
            known: BTreeMap::new(),
        }
    }

    fn may_be_in(&self, filter: &[u8]) -> bool {
        self.named.is_empty() || self.wanted.iter().any(|wanted| wanted.may_be_in(filter))
    }

    fn mean(&mut self, address: &str) -> bool {
        if self.named.is_empty() {
            return true;
        }
        if let Some(known) = self.known.get(address) {
            return *known;
        }
        let mean = self.named.iter().any(|named| named.means(address));
        self.known.insert(address.to_owned(), mean);
        mean
    }
}

struct Search<'q> {
    query: &'q Query,
    needles: Vec<Needle<'q>>,
    senders: Names<'q>,
    conversations: Names<'q>,
    has: u8,
    has_wanted: Vec<Wanted>,
    /// Orders that may be found: from the first to before the second.
    oldest: u64,
    newest: Option<u64>,
    from: Option<&'q Hit>,
    limit: usize,
    hits: BTreeSet<Hit>,
}

impl<'q> Search<'q> {
    fn new(query: &'q Query, from: Option<&'q Cursor>, limit: usize) -> Self {
        let mut needles: Vec<Needle<'q>> = query.terms.iter().map(Needle::new).collect();
        // The longest first: it is the rarest. What has two spellings is not looked for in one go.
        needles.sort_by_key(|needle| {
            let shortest = needle
                .spellings
                .iter()
                .map(|(finder, _)| finder.needle().len())
                .min();
            (needle.spellings.len(), std::cmp::Reverse(shortest))
        });
        Self {
            query,
            needles,
            senders: Names::new(&query.from, Mark::Sender),
            conversations: Names::new(&query.conversations, Mark::Conversation),
            has: query.has.bits(),
            has_wanted: has(query.has.bits())
                .map(|word| Wanted::of(&word))
                .collect(),
            oldest: query.after.map_or(0, order_at),
            newest: query.before.map(order_at),
            from: from.map(|cursor| &cursor.0),
            limit,
            hits: BTreeSet::new(),
        }
    }

    fn run(mut self, rows: &impl Rows) -> Result<Page, StorageError> {
        let mut hidden: BTreeSet<Vec<u8>> = BTreeSet::new();
        for (key, value) in
            rows.rows(&KeyRange::prefix(&[TAIL]), Direction::Backward, usize::MAX)?
        {
            let row = TailRow::read(&value)?;
            if let Some(record) = &row.record {
                let hit = hit_of(&key)?;
                let fields = Fields {
                    message: hit.message,
                    conversation: hit.conversation.as_str(),
                    sender: &record.sender,
                    has: record.has,
                };
                if self.fits(&fields)
                    && self.needles.iter().all(|needle| needle.is_in(&record.text))
                {
                    self.add(hit);
                }
            }
            if row.hides {
                hidden.insert(key.get(1..).unwrap_or_default().to_vec());
            }
        }
        let first = match self.query.after {
            Some(after) => key_at(HEAD, after),
            None => vec![HEAD],
        };
        let mut range = KeyRange::between(&first, &[HEAD + 1]);
        loop {
            let heads = rows.rows(&range, Direction::Backward, HEADS)?;
            let more = heads.len() == HEADS;
            for (key, value) in heads {
                if self.is_full(newest_of(&key)?) {
                    return Ok(self.page());
                }
                if self.may_be_in(&Head::read(&value)?) {
                    let chunk_key = [&[CHUNK], &key[1..]].concat();
                    let bytes = rows.row(&chunk_key)?.unwrap_or_default();
                    self.look_into(Chunk::read(&bytes)?, &hidden)?;
                }
                range.to = Some(key);
            }
            if !more {
                return Ok(self.page());
            }
        }
    }

    /// Whether the page has all that it can have, when what comes is not newer than `newest`.
    fn is_full(&self, newest: u64) -> bool {
        self.hits.len() > self.limit
            && self
                .hits
                .first()
                .is_some_and(|hit| hit.message.order > newest)
    }

    fn may_be_in(&self, head: &Head) -> bool {
        self.newest.is_none_or(|newest| head.oldest < newest)
            && self
                .from
                .is_none_or(|from| head.oldest <= from.message.order)
            && self
                .needles
                .iter()
                .all(|needle| needle.may_be_in(&head.filter))
            && self.senders.may_be_in(&head.filter)
            && self.conversations.may_be_in(&head.filter)
            && self
                .has_wanted
                .iter()
                .all(|wanted| wanted.may_be_in(&head.filter))
    }

    fn look_into(
        &mut self,
        chunk: Chunk<'_>,
        hidden: &BTreeSet<Vec<u8>>,
    ) -> Result<(), StorageError> {
        let lines = self.lines(chunk.text);
        if lines.is_empty() {
            return Ok(());
        }
        let fields = chunk.fields()?;
        for line in lines {
            let Some(fields) = fields.get(line) else {
                return Err(StorageError::damaged("the search"));
            };
            if !self.fits(fields) {
                continue;
            }
            let hit = fields.hit()?;
            let is_hidden = !hidden.is_empty()
                && hidden.contains(
                    super::chunk::key_of(CHUNK, &hit)
                        .get(1..)
                        .unwrap_or_default(),
                );
            if !is_hidden {
                self.add(hit);
            }
        }
        Ok(())
    }

    /// The numbers of the lines that have all words.
    fn lines(&self, text: &str) -> Vec<usize> {
        let Some((first, others)) = self.needles.split_first() else {
            return (0..text.split('\n').count()).collect();
        };
        let fits = |line: &str| others.iter().all(|needle| needle.is_in(line));
        let [(finder, _)] = &first.spellings[..] else {
            let lines = text.split('\n').enumerate();
            return lines
                .filter(|(_, line)| first.is_in(line) && fits(line))
                .map(|(number, _)| number)
                .collect();
        };
        // From one place to the next, over everything that does not have the rarest word.
        let mut found = Vec::new();
        let (mut number, mut start) = (0, 0);
        let mut at = 0;
        while let Some(next) = finder.find(&text.as_bytes()[at..]) {
            let place = at + next;
            let before = &text.as_bytes()[start..place];
            number += memchr::memchr_iter(b'\n', before).count();
            start += memchr::memrchr(b'\n', before).map_or(0, |line| line + 1);
            if !first.ends(finder, text, place) {
                at = place + 1;
                continue;
            }
            let end = memchr::memchr(b'\n', &text.as_bytes()[place..])
                .map_or(text.len(), |line| place + line);
            if fits(&text[start..end]) {
                found.push(number);
            }
            at = end;
        }
        found
    }

    fn fits(&mut self, fields: &Fields<'_>) -> bool {
        let order = fields.message.order;
        order >= self.oldest
            && self.newest.is_none_or(|newest| order < newest)
            && fields.has & self.has == self.has
            && self.from.is_none_or(|from| {
                (fields.message, fields.conversation) < (from.message, from.conversation.as_str())
            })
            && self.senders.mean(fields.sender)
            && self.conversations.mean(fields.conversation)
    }

    fn add(&mut self, hit: Hit) {
        self.hits.insert(hit);
        // One more than the page has: it tells that there is another page.
        if self.hits.len() > self.limit + 1 {
            self.hits.pop_first();
        }
    }

    fn page(self) -> Page {
        let more = self.hits.len() > self.limit;
        let hits: Vec<Hit> = self.hits.into_iter().rev().take(self.limit).collect();
        Page {
            next: hits.last().filter(|_| more).cloned().map(Cursor),
            hits,
        }
    }
}
