//! When the account's messages went to a session: by the ids under which they are kept.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use store::ArchiveId;

/// Former spans that are remembered.
const MOST: usize = 64;

/// The times during which a session was reachable, each from the first kept message to the last one that was
/// meant for it. Clocks cannot tell: a presence takes effect some time after it came.
#[derive(Default)]
pub(crate) struct Spans {
    /// Number of the first and the last message of the present span; 0 before there is any.
    first: AtomicI64,
    last: AtomicI64,
    former: Mutex<Vec<(i64, i64)>>,
}

impl Spans {
    /// A kept message is meant for the session. Senders go side by side, so the first to come here need not be
    /// the first that was kept.
    pub(crate) fn note(&self, id: ArchiveId) {
        let number = id.number();
        let is_first = |first: i64| first == 0 || number < first;
        if is_first(self.first.load(Ordering::Relaxed)) {
            let _ = self
                .first
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |first| {
                    is_first(first).then_some(number)
                });
        }
        self.last.fetch_max(number, Ordering::Relaxed);
    }

    /// Messages do not go to the session any more.
    pub(crate) fn end(&self) {
        let first = self.first.swap(0, Ordering::Relaxed);
        let last = self.last.swap(0, Ordering::Relaxed);
        if first != 0 {
            let mut former = self.former.lock();
            if former.len() >= MOST {
                former.remove(0);
            }
            former.push((first, last));
        }
    }

    /// Whether messages went to the session when this one was kept.
    pub(crate) fn contain(&self, id: ArchiveId) -> bool {
        let number = id.number();
        let first = self.first.load(Ordering::Relaxed);
        (first != 0 && first <= number)
            || self
                .former
                .lock()
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_comes_again_knows_what_it_had_before() {
        let id = ArchiveId::from_number;
        let spans = Spans::default();
        assert!(!spans.contain(id(5)));
        spans.note(id(7));
        spans.note(id(5));
        assert!(spans.contain(id(5)) && spans.contain(id(900)) && !spans.contain(id(4)));
        spans.end();
        spans.end();
        assert!(spans.contain(id(5)) && spans.contain(id(7)) && !spans.contain(id(8)));
        spans.note(id(10));
        assert!(spans.contain(id(6)) && !spans.contain(id(9)) && spans.contain(id(11)));
    }
}
