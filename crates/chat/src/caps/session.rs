//! What the client of a session can do.

use std::sync::Arc;

use parking_lot::Mutex;
use xmpp::xep::caps::Capabilities;

use super::Features;

/// What a session can do, as far as it has told.
#[derive(Default)]
pub(crate) struct SessionFeatures(Mutex<State>);

#[derive(Default)]
struct State {
    known: Option<Arc<Features>>,
    asked: Option<Box<Pending>>,
}

/// A question that the client has not answered yet.
struct Pending {
    id: Box<str>,
    capabilities: Capabilities,
}

impl SessionFeatures {
    /// What is known.
    pub(crate) fn known(&self) -> Option<Arc<Features>> {
        self.0.lock().known.clone()
    }

    /// Whether the session wants to hear of events at a node of this name.
    pub(crate) fn wants(&self, node: &str) -> bool {
        let state = self.0.lock();
        state.known.as_ref().is_some_and(|known| known.wants(node))
    }

    /// Whether it shows this already: its client was asked for it, or it is known.
    pub(crate) fn is_of(&self, capabilities: &Capabilities) -> bool {
        let state = self.0.lock();
        let known = state.known.as_ref().map(|known| &known.capabilities);
        let asked = state.asked.as_ref().map(|asked| &asked.capabilities);
        asked.or(known) == Some(capabilities)
    }

    /// Its client is asked for what it shows.
    pub(crate) fn ask(&self, id: Box<str>, capabilities: Capabilities) {
        self.0.lock().asked = Some(Box::new(Pending { id, capabilities }));
    }

    /// What it was asked for in the request of this id; `None` when that is not the last one, or was answered.
    pub(crate) fn take_asked(&self, id: &str) -> Option<Capabilities> {
        let mut state = self.0.lock();
        let asked = state.asked.take_if(|asked| *asked.id == *id);
        asked.map(|asked| asked.capabilities)
    }

    /// Takes what is known now. Returns the nodes that the session did not want to hear of before.
    pub(crate) fn learn(&self, features: Option<Arc<Features>>) -> Vec<Arc<str>> {
        let mut state = self.0.lock();
        state.asked = None;
        let before = std::mem::replace(&mut state.known, features);
        let Some(known) = &state.known else {
            return Vec::new();
        };
        let is_new = |node: &&Arc<str>| before.as_ref().is_none_or(|before| !before.wants(node));
        known.nodes().iter().filter(is_new).cloned().collect()
    }
}
