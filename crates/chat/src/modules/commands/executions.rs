//! Executions under way: bounded, and over after a while.

use std::collections::HashMap;
use std::time::Duration;

use base::{FullJid, Moment};
use parking_lot::Mutex;
use xmpp::xep::data_form::DataForm;

use crate::Language;

/// Executions of one account; one more ends its oldest.
const OF_ACCOUNT: usize = 10;
/// Executions in all.
const IN_ALL: usize = 1_000;
/// How long an execution waits for its next request.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// An execution that waits for its requester.
pub(crate) struct Execution {
    /// Who has begun it; nobody else goes on with it.
    pub(crate) owner: FullJid,
    /// Which command.
    pub(crate) node: &'static str,
    /// The language it was begun in.
    pub(crate) language: Language,
    /// The forms that were filled in.
    pub(crate) forms: Vec<DataForm>,
    /// The form that is to be filled in.
    pub(crate) asked: DataForm,
    /// With it the command is done.
    pub(crate) last: bool,
    /// When it was last heard of.
    pub(crate) heard: Moment,
}

/// All executions under way, by their session id.
#[derive(Default)]
pub(crate) struct Executions {
    list: Mutex<HashMap<Box<str>, Execution>>,
}

impl Executions {
    /// Takes the execution of this id.
    pub(crate) fn take(&self, id: &str, now: Moment) -> Option<Execution> {
        let execution = self.list.lock().remove(id)?;
        (execution.heard + PATIENCE > now).then_some(execution)
    }

    /// Keeps an execution until its next request. False when there is no room.
    pub(crate) fn keep(&self, id: &str, execution: Execution) -> bool {
        let mut list = self.list.lock();
        let owner = execution.owner.bare_str();
        let own = list
            .iter()
            .filter(|(_, other)| other.owner.bare_str() == owner);
        if own.clone().count() >= OF_ACCOUNT {
            let oldest = own.min_by_key(|(_, other)| other.heard);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                list.remove(&oldest);
            }
        }
        if list.len() >= IN_ALL {
            return false;
        }
        list.insert(id.into(), execution);
        true
    }

    /// Forgets those whose requesters do not come back.
    pub(crate) fn sweep(&self, now: Moment) {
        self.list
            .lock()
            .retain(|_, execution| execution.heard + PATIENCE > now);
    }
}

#[cfg(test)]
mod tests {
    use xmpp::xep::data_form::FormKind;

    use super::*;

    fn execution(owner: &str, heard: u64) -> Execution {
        Execution {
            owner: FullJid::parse(owner).expect("an address"),
            node: "n",
            language: Language::English,
            forms: Vec::new(),
            asked: DataForm::new(FormKind::Form, "t"),
            last: true,
            heard: Moment::from_micros(heard),
        }
    }

    #[test]
    fn each_account_has_few_and_all_together_have_a_bound() {
        let executions = Executions::default();
        for number in 0..=OF_ACCOUNT as u64 {
            assert!(executions.keep(&number.to_string(), execution("a@x/y", number)));
        }
        let now = Moment::from_micros(100);
        assert!(executions.take("0", now).is_none(), "the oldest made room");
        assert!(executions.take("1", now).is_some());
        assert!(executions.take("1", now).is_none(), "taken once");
        let kept = (0..IN_ALL + 5)
            .filter(|number| {
                executions.keep(
                    &format!("n{number}"),
                    execution(&format!("u{number}@x/y"), 1),
                )
            })
            .count();
        assert_eq!(kept, IN_ALL - (OF_ACCOUNT - 1));
    }

    #[test]
    fn patience_ends() {
        let executions = Executions::default();
        executions.keep("a", execution("a@x/y", 0));
        executions.keep("b", execution("b@x/y", 0));
        let late = Moment::from_micros(PATIENCE.as_micros() as u64);
        assert!(executions.take("a", late).is_none());
        executions.sweep(late);
        assert!(executions.list.lock().is_empty());
    }
}
