//! What clients can do (XEP-0115), as their sessions and the accounts of their contacts remember it; kept once for all
//! that show the same hash. How it is learned is in `modules/caps`.

mod contacts;
mod session;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use xmpp::xep::caps::Capabilities;
use xmpp::xep::disco::Info;

pub(crate) use contacts::Clients;
pub(crate) use session::SessionFeatures;

/// Different clients that are remembered at once.
const MOST_KNOWN: usize = 2_000;
/// Features of one client that are looked at.
const MOST_FEATURES: usize = 1_000;
/// What follows the name of a node in the feature of a client that wants to hear of it (XEP-0163 §4.2).
const NOTIFY: &str = "+notify";

/// What a client can do.
#[derive(Debug)]
pub(crate) struct Features {
    /// The hash that stands for it.
    pub(crate) capabilities: Capabilities,
    /// Nodes of whose events it wants to hear, sorted.
    nodes: Arc<[Arc<str>]>,
}

impl Features {
    /// Of an answer to `disco#info`.
    pub(crate) fn of(capabilities: Capabilities, info: &Info) -> Self {
        let features = info.features.iter().take(MOST_FEATURES);
        let mut nodes: Vec<Arc<str>> = features
            .filter_map(|feature| feature.strip_suffix(NOTIFY).map(Arc::from))
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        Self {
            capabilities,
            nodes: nodes.into(),
        }
    }

    /// Whether it wants to hear of events at a node of this name.
    pub(crate) fn wants(&self, node: &str) -> bool {
        self.nodes
            .binary_search_by(|wanted| (**wanted).cmp(node))
            .is_ok()
    }

    /// The nodes of whose events it wants to hear, sorted.
    pub(crate) fn nodes(&self) -> &Arc<[Arc<str>]> {
        &self.nodes
    }
}

/// What hashes stand for. Only what was verified is in it: nobody speaks for another client.
#[derive(Default)]
pub(crate) struct KnownFeatures(Mutex<HashMap<Capabilities, Arc<Features>>>);

impl KnownFeatures {
    /// What a hash stands for, if that is known.
    pub(crate) fn get(&self, capabilities: &Capabilities) -> Option<Arc<Features>> {
        self.0.lock().get(capabilities).cloned()
    }

    /// Remembers what was verified, as far as there is room.
    pub(crate) fn insert(&self, features: &Arc<Features>) {
        let mut known = self.0.lock();
        if known.len() >= MOST_KNOWN {
            // Those of clients that are connected stay.
            known.retain(|_, features| Arc::strong_count(features) > 1);
        }
        if known.len() < MOST_KNOWN {
            known.insert(features.capabilities.clone(), Arc::clone(features));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(ver: &str) -> Capabilities {
        Capabilities {
            node: "n".into(),
            ver: ver.into(),
            hash: Some("sha-1".into()),
        }
    }

    #[test]
    fn nodes_of_interest_are_found() {
        let info = Info {
            features: ["b+notify", "a+notify", "c", "a+notify"]
                .map(Into::into)
                .to_vec(),
            ..Info::default()
        };
        let features = Features::of(capabilities("1"), &info);
        assert_eq!(**features.nodes(), ["a", "b"].map(Arc::from));
        assert!(features.wants("a") && !features.wants("c"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = KnownFeatures::default();
        let kept = Arc::new(Features::of(capabilities("kept"), &Info::default()));
        known.insert(&kept);
        for number in 0..2 * MOST_KNOWN {
            let features = Features::of(capabilities(&number.to_string()), &Info::default());
            known.insert(&Arc::new(features));
        }
        assert!(known.0.lock().len() <= MOST_KNOWN);
        assert!(known.get(&capabilities("kept")).is_some());
    }
}
