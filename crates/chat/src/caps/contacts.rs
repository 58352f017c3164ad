//! What clients of contacts on other servers can do, by account.

use std::collections::HashMap;
use std::sync::Arc;

use base::Jid;
use parking_lot::Mutex;
use xmpp::xep::caps::Capabilities;

use super::Features;

/// Clients elsewhere that are remembered for one account.
const MOST_CLIENTS: usize = 1_000;

/// The clients of an account's contacts on other servers, by their full addresses.
#[derive(Default)]
pub(crate) struct Clients(Mutex<HashMap<Jid, Client>>);

struct Client {
    capabilities: Capabilities,
    /// `None` until it has answered.
    features: Option<Arc<Features>>,
}

impl Clients {
    /// Those that want to hear of events at a node of this name.
    pub(crate) fn that_want(&self, node: &str) -> Vec<Jid> {
        let clients = self.0.lock();
        let want = clients.iter().filter(|(_, client)| {
            let features = client.features.as_ref();
            features.is_some_and(|features| features.wants(node))
        });
        want.map(|(address, _)| address.clone()).collect()
    }

    /// Those of one contact that have answered, and what they can do.
    pub(crate) fn of(&self, contact: &Jid) -> Vec<(Jid, Arc<Features>)> {
        let clients = self.0.lock();
        let own = clients
            .iter()
            .filter(|(address, _)| address.bare_str() == contact.bare_str());
        own.filter_map(|(address, client)| Some((address.clone(), client.features.clone()?)))
            .collect()
    }

    /// A client has gone.
    pub(crate) fn forget(&self, address: &Jid) {
        let mut clients = self.0.lock();
        clients.remove(address);
        if clients.is_empty() {
            clients.shrink_to_fit();
        }
    }

    /// Takes note of what a client shows; false when that is known already, or there are too many.
    pub(crate) fn show(&self, address: &Jid, capabilities: &Capabilities) -> bool {
        let mut clients = self.0.lock();
        let client = clients.get(address);
        if client.is_some_and(|client| client.capabilities == *capabilities)
            || (client.is_none() && clients.len() >= MOST_CLIENTS)
        {
            return false;
        }
        let client = Client {
            capabilities: capabilities.clone(),
            features: None,
        };
        clients.insert(address.clone(), client);
        true
    }

    /// Takes what was learned; false when the client has gone or shows something else by now.
    pub(crate) fn learn(&self, address: &Jid, features: &Arc<Features>) -> bool {
        let mut clients = self.0.lock();
        let client = clients.get_mut(address);
        let client = client.filter(|client| client.capabilities == features.capabilities);
        client.is_some_and(|client| {
            client.features = Some(Arc::clone(features));
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use xmpp::xep::disco::Info;

    use super::*;

    #[test]
    fn what_is_remembered_of_others_is_bounded_and_forgotten() {
        let clients = Clients::default();
        let capabilities = Capabilities {
            node: "n".into(),
            ver: "v".into(),
            hash: Some("sha-1".into()),
        };
        let info = Info {
            features: vec!["a+notify".into()],
            ..Info::default()
        };
        let features = Arc::new(Features::of(capabilities.clone(), &info));
        let address =
            |number: usize| Jid::parse(&format!("romeo@example.net/{number}")).expect("an address");
        for number in 0..MOST_CLIENTS {
            assert!(clients.show(&address(number), &capabilities));
        }
        assert!(!clients.show(&address(0), &capabilities), "it is known");
        assert!(!clients.show(&address(MOST_CLIENTS), &capabilities));
        assert!(clients.that_want("a").is_empty(), "nobody has answered");
        assert!(clients.learn(&address(0), &features));
        assert_eq!(clients.that_want("a"), [address(0)]);
        assert!(clients.that_want("b").is_empty());
        clients.forget(&address(0));
        assert!(!clients.learn(&address(0), &features), "it has gone");
        assert!(clients.show(&address(MOST_CLIENTS), &capabilities));
    }
}
