//! XEP-0313: Message Archive Management: what was said while we were away.
//!
//! What of an archive is not here yet is a gap, and gaps are kept: a page that came makes its gap smaller in the
//! same commit that takes what was on it. Pages come newest first, so that the list of conversations is right
//! at once. What is encrypted waits until all gaps are closed, and is then decrypted oldest first, because keys go
//! on from message to message; until then a line says that something is there.

mod queue;

use std::collections::{BTreeMap, BTreeSet};

use base::{BareJid, Jid, Timestamp};
use xmpp::ns;
use xmpp::xep::forwarding::Forwarded;
use xmpp::xep::message_archive::{ArchiveRequest, Fin};
use xmpp::xep::result_set::PageRequest;
use xmpp::xml::Stanza;

use crate::client::{Client, keys_failed};
use crate::connection::requests::{Answer, Asked};
use crate::conversations::Record;
use crate::messages::{Way, id_of};
use crate::storage::database::Database;
use crate::storage::record::{Decoder, Encoder, RecordError};
use crate::storage::{Direction, KeyRange, Storage, StorageError, Table};
use crate::turn::Turn;
use crate::views::MessageKey;

/// Messages on a page.
const PAGE: u32 = 200;
/// So much of an archive that was never seen.
const FIRST_PAGE: u32 = 50;
/// So many messages are decrypted at once, before others have their turn.
const AT_ONCE: usize = 100;
/// After so many pages that did not come the rest waits for the next session.
const MOST_LATE: u32 = 5;
/// A server forgets old messages: what is older than the gap by so much is not in it.
const SLACK_MICROS: u64 = 24 * 60 * 60 * 1_000_000;

/// A part of an archive that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gap {
    /// It begins behind this message; without one nobody knows where.
    after: Option<String>,
    /// It ends before this one; without one it has no end yet.
    before: Option<String>,
    /// What is in it stands behind what was there when it began: not before this order.
    floor: u64,
    /// Its begin cannot be asked for.
    unfiltered: bool,
}

/// What is known of one archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Archive {
    /// The newest message of it that is here.
    head: Option<String>,
    gaps: Vec<Gap>,
}

impl Archive {
    fn encode(&self) -> Vec<u8> {
        let mut record = Encoder::new(3);
        record
            .option_text(self.head.as_deref())
            .list(self.gaps.iter(), |record, gap| {
                record
                    .option_text(gap.after.as_deref())
                    .option_text(gap.before.as_deref())
                    .number(gap.floor)
                    .flag(gap.unfiltered);
            });
        record.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let (version, mut fields) = Decoder::new(bytes, 3)?;
        Ok(Self {
            head: fields.option_string()?,
            gaps: fields.list(|fields| {
                let (after, before) = (fields.option_string()?, fields.option_string()?);
                let floor = fields.number()?;
                // Earlier versions kept what had come by itself first.
                if version < 3 {
                    fields.number()?;
                }
                if version == 2 {
                    fields.option_string()?;
                }
                Ok(Gap {
                    after,
                    before,
                    floor,
                    unfiltered: fields.flag()?,
                })
            })?,
        })
    }
}

/// A page that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    archive: BareJid,
    query: String,
    /// The conversation whose earlier messages were wanted; else it is of a gap.
    earlier: Option<u32>,
    /// Where the gap begins that it is of; others may have opened meanwhile.
    after: Option<String>,
    /// It is the first of an archive that was never seen.
    first: bool,
}

impl Page {
    pub(crate) fn query(&self) -> &str {
        &self.query
    }

    pub(crate) const fn archive(&self) -> &BareJid {
        &self.archive
    }
}

/// What is being fetched.
#[derive(Debug, Default)]
pub(crate) struct CatchUp {
    archives: BTreeMap<BareJid, Archive>,
    /// Archives that are read on this session, and whether a page is on its way.
    active: BTreeMap<BareJid, bool>,
    /// Results of pages that are on their way, by the query.
    results: BTreeMap<String, Vec<(String, Timestamp, Stanza)>>,
    /// Since the session began, until all was read and decrypted.
    busy: bool,
    /// It is not known yet whether our account has an archive.
    asking: bool,
    /// What there is to be read is known for this session.
    known: bool,
    /// Ciphertexts wait.
    waiting: u64,
    /// What the server has is older than what is here: nothing to be decrypted.
    earlier: BTreeSet<u32>,
    queries: u64,
    /// How many pages did not come on this session.
    late: u32,
    /// All that was here when the session began stands before this order.
    pub(crate) began: u64,
    /// How much is unread where only the newest messages are here, as the inbox says.
    counts: BTreeMap<u32, (u64, u64)>,
}

impl CatchUp {
    pub(crate) fn open<S: Storage>(database: &Database<S>) -> Result<Self, StorageError> {
        let rows = database.scan(
            Table::Gaps,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        let mut catch_up = Self::default();
        for (key, value) in rows {
            let jid = std::str::from_utf8(&key)
                .ok()
                .and_then(|jid| BareJid::parse(jid).ok())
                .ok_or_else(|| StorageError::damaged("archives"))?;
            let archive = Archive::decode(&value).map_err(|error| error.of("an archive"))?;
            catch_up.archives.insert(jid, archive);
        }
        let waiting = database.scan(
            Table::Ciphertexts,
            &KeyRange::all(),
            Direction::Forward,
            usize::MAX,
        )?;
        catch_up.waiting = waiting.len() as u64;
        catch_up.busy = catch_up.waiting > 0;
        Ok(catch_up)
    }

    /// Whether what is encrypted has to wait for its turn.
    pub(crate) const fn is_busy(&self) -> bool {
        self.busy
    }

    pub(crate) const fn is_asking(&self) -> bool {
        self.asking
    }

    /// Whether messages of a conversation are still to be fetched.
    pub(crate) fn is_missing(&self, record: &Record) -> bool {
        self.active.iter().any(|(archive, _)| {
            let meant = if record.is_room() {
                *archive == record.jid
            } else {
                !self.archives.contains_key(&record.jid)
            };
            meant && self.has_gap(archive)
        })
    }

    /// What comes by itself stands behind what is missing: not before this order.
    pub(crate) fn floor_of_live(&self, archive: &BareJid) -> u64 {
        let gaps = self.archives.get(archive).map(|archive| &archive.gaps);
        let floors = gaps.into_iter().flatten().map(|gap| gap.floor);
        floors.max().unwrap_or(0)
    }

    fn has_gap(&self, archive: &BareJid) -> bool {
        let archive = self.archives.get(archive);
        archive.is_some_and(|archive| !archive.gaps.is_empty())
    }

    fn has_open_gaps(&self) -> bool {
        if self.known {
            return self.active.keys().any(|archive| self.has_gap(archive));
        }
        // Until there is a session nobody knows whether they can be closed.
        self.archives
            .values()
            .any(|archive| !archive.gaps.is_empty())
    }
}

impl<S: Storage> Client<S> {
    fn keep_archive(&self, jid: &BareJid) {
        if let Some(archive) = self.catch_up.archives.get(jid) {
            let key = jid.as_str().as_bytes().to_vec();
            self.database.put(Table::Gaps, key, archive.encode());
        }
    }

    /// A session has begun: what is encrypted waits until the archive was read.
    pub(crate) fn catch_up_begins(&mut self) -> Result<(), StorageError> {
        self.catch_up.busy = true;
        self.catch_up.asking = true;
        self.catch_up.known = false;
        let own = self.settings.account.clone();
        self.catch_up.began = self.order_behind_all(&own);
        self.open_gap(&own);
        self.machine.catch_up_started().map_err(keys_failed)
    }

    /// An order behind all lines of the conversations that an archive has.
    fn order_behind_all(&self, archive: &BareJid) -> u64 {
        let own = *archive == self.settings.account;
        let of_archive = |record: &&Record| {
            if own {
                !record.is_room()
            } else {
                record.jid == *archive
            }
        };
        let records = self.conversations.all().iter().filter(of_archive);
        let newest = records.map(|record| record.newest.order).max();
        newest.map_or(0, |newest| newest.saturating_add(1))
    }

    /// The session is over: nothing is on its way any more.
    pub(crate) fn catch_up_lost(&mut self) {
        self.catch_up.active.clear();
        self.catch_up.results.clear();
        self.catch_up.asking = false;
        self.catch_up.known = false;
        self.catch_up.late = 0;
        self.catch_up.earlier.clear();
    }

    /// It is known whether the server keeps an archive for us.
    pub(crate) fn archive_is_known(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        self.catch_up.asking = false;
        self.catch_up.known = true;
        let own = self.settings.account.clone();
        if self.surroundings.archive {
            let first = self.catch_up.archives.get(&own).is_none_or(|archive| {
                archive.head.is_none() && archive.gaps.iter().all(|gap| gap.after.is_none())
            });
            if first && self.surroundings.inbox {
                self.fetch_inbox(None, turn);
            }
            self.read_archive(&own, turn)?;
        } else {
            self.outbox_sure(|record| !record.is_room());
        }
        self.archives_go_on(turn)
    }

    /// From now on what is said in an archive comes by itself; what was said before may be missing.
    pub(crate) fn open_gap(&mut self, jid: &BareJid) {
        let floor = self.order_behind_all(jid);
        let archive = self.catch_up.archives.entry(jid.clone()).or_default();
        if !archive.gaps.iter().any(|gap| gap.before.is_none()) {
            archive.gaps.push(Gap {
                after: archive.head.clone(),
                before: None,
                floor,
                unfiltered: false,
            });
            self.keep_archive(jid);
        }
    }

    /// Reads what is missing of an archive.
    pub(crate) fn read_archive(
        &mut self,
        jid: &BareJid,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        self.open_gap(jid);
        // One page at a time.
        self.catch_up.active.entry(jid.clone()).or_insert(false);
        if !self.catch_up.busy {
            self.catch_up.busy = true;
            self.machine.catch_up_started().map_err(keys_failed)?;
        }
        self.archives_go_on(turn)
    }

    /// A message of an archive is here because it came by itself.
    pub(crate) fn note_archived(&mut self, jid: &BareJid, id: Option<&str>) {
        let Some(id) = id.filter(|id| !id.is_empty() && id.len() <= 512) else {
            return;
        };
        if let Some(archive) = self.catch_up.archives.get_mut(jid) {
            archive.head = Some(id.to_owned());
            // What is missing ends here; what comes after this is another matter.
            if let Some(gap) = archive.gaps.last_mut()
                && gap.before.is_none()
            {
                gap.before = Some(id.to_owned());
            }
            self.keep_archive(jid);
        }
    }

    /// Asks for the next pages, or begins to decrypt when there are none.
    fn archives_go_on(&mut self, turn: &mut Turn<'_>) -> Result<(), StorageError> {
        let idle: Vec<BareJid> = self
            .catch_up
            .active
            .iter()
            .filter(|(_, on_its_way)| !**on_its_way)
            .map(|(jid, _)| jid.clone())
            .collect();
        for jid in idle {
            self.fetch_page(&jid, turn);
        }
        self.catch_up_ends_if_done(turn)
    }

    fn fetch_page(&mut self, jid: &BareJid, turn: &Turn<'_>) {
        let Some(archive) = self.catch_up.archives.get(jid) else {
            return;
        };
        // The newest first.
        let Some(gap) = archive.gaps.last().cloned() else {
            return;
        };
        let first = gap.after.is_none();
        let own = *jid == self.settings.account;
        let filtered = !gap.unfiltered && (!own || self.surroundings.archive_extended);
        let request = ArchiveRequest {
            after_id: gap.after.clone().filter(|_| filtered),
            page: PageRequest {
                max: Some(if first { FIRST_PAGE } else { PAGE }),
                before: Some(gap.before.clone().unwrap_or_default()),
                ..PageRequest::default()
            },
            ..ArchiveRequest::default()
        };
        let page = Page {
            archive: jid.clone(),
            query: String::new(),
            earlier: None,
            after: gap.after,
            first,
        };
        self.ask_archive(page, request, turn);
    }

    fn ask_archive(
        &mut self,
        mut page: Page,
        mut request: ArchiveRequest,
        turn: &Turn<'_>,
    ) -> bool {
        self.catch_up.queries += 1;
        let query = format!("{}-q{}", self.run_id, self.catch_up.queries);
        request.queryid = Some(query.clone());
        page.query.clone_from(&query);
        let (jid, earlier) = (page.archive.clone(), page.earlier);
        let to = (jid != self.settings.account).then(|| jid.as_str().to_owned());
        let xml = request.to_xml();
        let sent = self.ask(true, to.as_deref(), &xml, Asked::Archive(page), turn);
        if sent {
            self.catch_up.results.insert(query, Vec::new());
            if earlier.is_none() {
                self.catch_up.active.insert(jid, true);
            }
        }
        sent
    }

    /// A message may be one of a page. Says whether it was.
    pub(crate) fn archive_result_came(
        &mut self,
        from: &Jid,
        message: &Stanza,
    ) -> Result<bool, StorageError> {
        let Some(result) = message.child("result", ns::ARCHIVE) else {
            return Ok(false);
        };
        let tree = result.tree();
        let root = tree.root();
        let query = root.attr("queryid").unwrap_or_default();
        // Whoever is in a room writes by an address that begins with that of the room.
        let meant = from.is_bare()
            && self
                .requests_page(query)
                .is_some_and(|archive| archive == from.bare());
        if !meant {
            return Ok(true);
        }
        let forwarded = root
            .child("forwarded", ns::FORWARD)
            .and_then(Forwarded::read);
        if let (Some(id), Some(forwarded)) = (root.attr("id"), forwarded)
            && let Some(results) = self.catch_up.results.get_mut(query)
            && results.len() < 5_000
        {
            let time = forwarded
                .delay
                .map_or(Timestamp::EPOCH, |delay| delay.stamp);
            results.push((id.to_owned(), time, forwarded.stanza));
        }
        Ok(true)
    }

    pub(crate) fn archive_answered(
        &mut self,
        page: Page,
        answer: Answer<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let results = self
            .catch_up
            .results
            .remove(&page.query)
            .unwrap_or_default();
        if page.earlier.is_none() {
            // The session may be over.
            if !self.catch_up.active.contains_key(&page.archive) {
                return Ok(());
            }
            self.catch_up.active.insert(page.archive.clone(), false);
        }
        let fin = match answer {
            Answer::Result(payload) => payload.map(Fin::read).unwrap_or_default(),
            Answer::Error(error) => {
                if let Some(number) = page.earlier {
                    self.earlier_failed(number, crate::connection::requests::words(error));
                    return Ok(());
                }
                let lost = error.condition == xmpp::condition::StanzaCondition::ItemNotFound;
                return self.page_refused(&page, lost, turn);
            }
            Answer::None => {
                // It is late, or lost: ask again, a few times.
                if let Some(number) = page.earlier {
                    let text = "The server did not answer. Try again later.";
                    self.earlier_failed(number, text.to_owned());
                    return Ok(());
                }
                self.catch_up.late += 1;
                if self.catch_up.late > MOST_LATE {
                    self.catch_up.active.remove(&page.archive);
                }
                return self.archives_go_on(turn);
            }
        };
        if let Some(number) = page.earlier {
            return self.earlier_came(number, &page, &results, &fin, turn);
        }
        self.gap_page_came(&page, &results, &fin, turn)?;
        self.archives_go_on(turn)
    }

    fn page_refused(
        &mut self,
        page: &Page,
        lost: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let mut go_on = false;
        if let Some(archive) = self.catch_up.archives.get_mut(&page.archive)
            && let Some(gap) = archive.gaps.iter_mut().find(|gap| gap.after == page.after)
            && lost
        {
            // The archive has forgotten where the gap begins or ends.
            if !gap.unfiltered && gap.after.is_some() {
                gap.unfiltered = true;
                go_on = true;
            } else if gap.before.is_some() {
                gap.before = None;
                go_on = true;
            }
        }
        if go_on {
            self.keep_archive(&page.archive);
        } else {
            self.catch_up.active.remove(&page.archive);
        }
        self.archives_go_on(turn)
    }

    fn gap_page_came(
        &mut self,
        page: &Page,
        results: &[(String, Timestamp, Stanza)],
        fin: &Fin,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let of_page = |gap: &Gap| gap.after == page.after;
        let archive = self.catch_up.archives.get(&page.archive);
        let Some(gap) = archive.and_then(|archive| archive.gaps.iter().find(|gap| of_page(gap)))
        else {
            return Ok(());
        };
        let gap = gap.clone();
        let mut reached = fin.complete || results.is_empty() || page.first;
        let begin = results.iter().rposition(|(id, time, _)| {
            let old = u64::try_from(time.micros()).unwrap_or(0) + SLACK_MICROS < gap.floor;
            gap.after.as_ref() == Some(id) || (gap.unfiltered && old)
        });
        let missing = match begin {
            Some(begin) => results.get(begin + 1..).unwrap_or_default(),
            None => results,
        };
        reached |= begin.is_some();
        self.take_page(&page.archive, missing, gap.floor, turn)?;
        let oldest = results.first().map(|(id, ..)| id.clone());
        if let Some(archive) = self.catch_up.archives.get_mut(&page.archive) {
            if gap.before.is_none()
                && let Some((newest, ..)) = results.last()
            {
                let newer = archive.head.is_none() || archive.head == gap.after;
                if newer {
                    archive.head = Some(newest.clone());
                }
            }
            if reached || oldest.is_none() || oldest == gap.before {
                archive.gaps.retain(|gap| !of_page(gap));
            } else if let Some(gap) = archive.gaps.iter_mut().find(|gap| of_page(gap)) {
                gap.before = oldest;
            }
            if archive.gaps.is_empty() {
                self.archive_is_read(&page.archive);
            }
        }
        self.keep_archive(&page.archive);
        Ok(())
    }

    fn archive_is_read(&mut self, jid: &BareJid) {
        let own = *jid == self.settings.account;
        let room = jid.clone();
        self.outbox_sure(|record| {
            if own {
                !record.is_room()
            } else {
                record.jid == room
            }
        });
    }

    /// Takes what a page has. The archive's order is that of the timeline, whatever of it came by itself before: a
    /// message stands behind all that the page has before it, and before what else is there.
    pub(crate) fn take_page(
        &mut self,
        archive: &BareJid,
        results: &[(String, Timestamp, Stanza)],
        floor: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        let mut behind: BTreeMap<u32, u64> = BTreeMap::new();
        let mut floors = Vec::with_capacity(results.len());
        for (id, _, message) in results {
            let number = self.conversation_of_archived(archive, message);
            let before = number.and_then(|number| behind.get(&number)).copied();
            floors.push(before.map_or(floor, |order| floor.max(order.saturating_add(1))));
            if let Some(number) = number
                && let Some(known) = self.find_known(number, id, message)?
            {
                let last = behind.entry(number).or_default();
                *last = known.order.max(*last);
            }
        }
        for ((id, time, message), floor) in results.iter().zip(floors).rev() {
            let way = Way {
                archive_id: Some(id.clone()),
                time: *time,
                live: false,
                floor: Some(floor),
            };
            self.take_archived(archive, message, &way, turn)?;
        }
        Ok(())
    }

    fn conversation_of_archived(&self, archive: &BareJid, message: &Stanza) -> Option<u32> {
        let own = &self.settings.account;
        if archive != own {
            return self.conversations.find(archive);
        }
        let from = message.from().and_then(|from| Jid::parse(&from).ok());
        let to = message.to().and_then(|to| Jid::parse(&to).ok());
        let peer = from.filter(|from| from.bare() != *own).or(to)?;
        self.conversations.find(&peer.bare())
    }

    /// Where a message of the archive stands that came by itself, or that this device has sent.
    fn find_known(
        &self,
        number: u32,
        id: &str,
        message: &Stanza,
    ) -> Result<Option<MessageKey>, StorageError> {
        match self.find_archived(number, id)? {
            Some(key) => Ok(Some(key)),
            None => self.find_message(number, "", &id_of(message)),
        }
    }

    /// Takes a message of an archive.
    pub(crate) fn take_archived(
        &mut self,
        archive: &BareJid,
        message: &Stanza,
        way: &Way,
        turn: &mut Turn<'_>,
    ) -> Result<(), StorageError> {
        if *archive == self.settings.account {
            return self.said(message, way, turn);
        }
        let from = message.from().and_then(|from| Jid::parse(&from).ok());
        match from {
            Some(from) if from.bare() == *archive => {
                self.room_message_came(&from, message, way, turn)
            }
            _ => Ok(()),
        }
    }
}
