//! Copies of messages (XEP-0280) on their way to a session.
//!
//! A message that was copied to a session may wait for the account at the same time, while messages
//! do not reach the session itself, or may come back from the session that it was for. The session is not
//! told again then what it has by a copy: it answers for the copy instead, and what it has not got of
//! these when it ends finds another place.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use store::ArchiveId;

/// Copies that are remembered.
const MOST: usize = 20_000;

/// What is known of the copies that a session was given.
#[derive(Default)]
pub(crate) struct Copies(Mutex<BTreeMap<ArchiveId, Copy>>);

/// A copy that a session was given.
struct Copy {
    progress: Progress,
    /// Messages of its time do not reach the session themselves: only this tells that it has this one.
    remembered: bool,
}

/// How far a copy is.
enum Progress {
    /// On its way; somebody else answers for the message.
    Sent,
    /// On its way, and nobody else answers for the message.
    ReliedOn(Kept),
    /// The client has it.
    Arrived,
}

/// Where a message is kept.
#[derive(Clone, core::marker::Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    /// In the archive.
    Archived,
    /// Only where it waits.
    Waiting,
}

/// What a session has of a message by a copy.
#[derive(Clone, core::marker::Copy, Debug, Eq, PartialEq)]
pub(crate) enum ByCopy {
    /// Nothing that is remembered.
    Nothing,
    /// A copy is on its way, and the session answers for it from now on.
    Coming,
    /// The client has it.
    Arrived,
}

impl Copies {
    /// A copy of the message with this id is given to the session, which messages reach itself or not.
    pub(crate) fn sent(&self, id: ArchiveId, is_reachable: bool) {
        let mut copies = self.0.lock();
        copies.entry(id).or_insert(Copy {
            progress: Progress::Sent,
            remembered: !is_reachable,
        });
        if copies.len() > MOST {
            copies.pop_first();
        }
    }

    /// The session is to be given the message itself: asks whether the copy does, which it answers for then.
    pub(crate) fn rely(&self, id: ArchiveId, kept: Kept) -> ByCopy {
        match self.0.lock().get_mut(&id).map(|copy| &mut copy.progress) {
            None => ByCopy::Nothing,
            Some(Progress::Arrived) => ByCopy::Arrived,
            Some(progress) => {
                *progress = Progress::ReliedOn(kept);
                ByCopy::Coming
            }
        }
    }

    /// The client has the copy. True when the message waits no more by that.
    pub(crate) fn arrived(&self, id: ArchiveId) -> bool {
        let mut copies = self.0.lock();
        let Some(copy) = copies.get_mut(&id) else {
            return false;
        };
        let before = std::mem::replace(&mut copy.progress, Progress::Arrived);
        if !copy.remembered {
            copies.remove(&id);
        }
        matches!(before, Progress::ReliedOn(Kept::Waiting))
    }

    /// The client has not got the copy and is gone: where the message is kept, if it has to find another place.
    pub(crate) fn lost(&self, id: ArchiveId) -> Option<Kept> {
        match self.0.lock().remove(&id)?.progress {
            Progress::ReliedOn(kept) => Some(kept),
            Progress::Sent | Progress::Arrived => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ArchiveId = ArchiveId::FIRST;

    #[test]
    fn a_session_answers_for_what_it_is_not_told_again() {
        let copies = Copies::default();
        assert_eq!(copies.rely(ID, Kept::Archived), ByCopy::Nothing);
        assert_eq!(copies.lost(ID), None);
        copies.sent(ID, false);
        assert_eq!(copies.rely(ID, Kept::Waiting), ByCopy::Coming);
        assert!(copies.arrived(ID), "it waits no more");
        assert!(!copies.arrived(ID));
        assert_eq!(copies.rely(ID, Kept::Waiting), ByCopy::Arrived);
        assert_eq!(copies.lost(ID), None);
    }

    #[test]
    fn a_copy_that_nobody_has_relied_on_may_be_lost() {
        let copies = Copies::default();
        copies.sent(ID, false);
        assert_eq!(copies.lost(ID), None);
        copies.sent(ID, false);
        assert!(!copies.arrived(ID));
        copies.sent(ID, false);
        assert_eq!(copies.rely(ID, Kept::Archived), ByCopy::Arrived);
    }

    #[test]
    fn what_is_known_without_it_is_not_remembered() {
        let copies = Copies::default();
        copies.sent(ID, true);
        assert!(!copies.arrived(ID));
        assert_eq!(copies.rely(ID, Kept::Archived), ByCopy::Nothing);
    }

    #[test]
    fn what_was_relied_on_and_is_lost_finds_another_place() {
        let copies = Copies::default();
        copies.sent(ID, false);
        copies.rely(ID, Kept::Archived);
        assert_eq!(copies.lost(ID), Some(Kept::Archived));
    }
}
