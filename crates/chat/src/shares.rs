//! How much each of many has of something that is there for all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

type Counts = Arc<Mutex<HashMap<Box<str>, usize>>>;

/// Counts by name.
#[derive(Default)]
pub(crate) struct Shares(Counts);

/// One of what somebody has; dropping it gives it back.
pub(crate) struct Share {
    counts: Counts,
    name: Box<str>,
}

impl Shares {
    /// One more for `name`, unless there are `most` already.
    pub(crate) fn take(&self, name: &str, most: usize) -> Option<Share> {
        let mut counts = self.0.lock();
        let held = counts.get(name).copied().unwrap_or_default();
        if held >= most {
            return None;
        }
        counts.insert(name.into(), held + 1);
        Some(Share {
            counts: Arc::clone(&self.0),
            name: name.into(),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        if let Some(held) = counts.get_mut(&self.name) {
            *held -= 1;
            if *held == 0 {
                counts.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Shares;

    #[test]
    fn what_one_has_does_not_count_for_others() {
        let shares = Shares::default();
        let first = shares.take("juliet", 2);
        let _second = shares.take("juliet", 2);
        assert!(first.is_some() && shares.take("juliet", 2).is_none());
        assert!(shares.take("nurse", 2).is_some());
        drop(first);
        assert!(shares.take("juliet", 2).is_some());
        drop(_second);
        assert!(shares.0.lock().is_empty());
    }
}
