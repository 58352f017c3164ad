//! What clients of contacts on other servers can do: by that it is known which events they want to hear of
//! (XEP-0163 §4.2). They tell it in the presence that they send to an account of ours.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Jid, Now};
use futures_util::FutureExt;
use parking_lot::Mutex;
use xmpp::ns;
use xmpp::xep::caps::Capabilities;
use xmpp::xep::disco::Info;
use xmpp::xml::{Stanza, Writer};

use super::Features;
use crate::modules::pubsub;
use crate::{Account, Chat, Work};

/// Clients elsewhere that are remembered for one account.
const MOST_CLIENTS: usize = 1_000;
/// Questions that wait for answers, of all accounts together.
const MOST_ASKED: usize = 1_000;

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

    fn forget(&self, address: &Jid) {
        let mut clients = self.0.lock();
        clients.remove(address);
        if clients.is_empty() {
            clients.shrink_to_fit();
        }
    }

    /// Takes note of what a client shows; false when that is known already, or there are too many.
    fn show(&self, address: &Jid, capabilities: &Capabilities) -> bool {
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
    fn learn(&self, address: &Jid, features: &Arc<Features>) -> bool {
        let mut clients = self.0.lock();
        let client = clients.get_mut(address);
        let client = client.filter(|client| client.capabilities == features.capabilities);
        client.is_some_and(|client| {
            client.features = Some(Arc::clone(features));
            true
        })
    }
}

/// Questions to clients elsewhere.
#[derive(Default)]
pub(crate) struct Asked(Mutex<Vec<Question>>);

struct Question {
    account: Arc<Account>,
    client: Jid,
    capabilities: Capabilities,
    answer: Work<Option<Stanza>>,
}

/// Whether the roster has a subscription with an address, in whichever direction: what is told is decided when
/// there is something to tell.
fn is_contact(account: &Account, address: &Jid) -> bool {
    crate::modules::roster::item(&account.facts(), address.bare_str())
        .is_some_and(|item| item.subscription != store::Subscription::None)
}

/// A presence that a contact elsewhere sends to the account.
pub(crate) fn noted_elsewhere(
    chat: &Chat,
    account: &Arc<Account>,
    from: &Jid,
    presence: &Stanza,
    now: Now,
) {
    if from.resource().is_none() || !is_contact(account, from) {
        return;
    }
    let gone = presence.type_().is_some();
    let Some(capabilities) = Capabilities::of(presence).filter(|_| !gone) else {
        return account.elsewhere().forget(from);
    };
    if !account.elsewhere().show(from, &capabilities) {
        return;
    }
    let mut asked = chat.asked_elsewhere().0.lock();
    if asked.len() >= MOST_ASKED {
        return account.elsewhere().forget(from);
    }
    let answer: Work<Option<Stanza>> = if chat.known_features().get(&capabilities).is_some() {
        Box::pin(std::future::ready(None))
    } else {
        let mut query = Writer::with_capacity(128);
        query
            .start("query")
            .xmlns(ns::DISCO_INFO)
            .attr("node", capabilities.disco_node())
            .end();
        let own: Jid = account.jid().clone().into();
        chat.ask(&own, from, false, &query.finish(), now)
    };
    asked.push(Question {
        account: Arc::clone(account),
        client: from.clone(),
        capabilities,
        answer,
    });
}

/// Takes the answers that have come, and tells who has answered of the newest items at the nodes that it
/// wants to hear of (XEP-0163 §4.3.4). To be called about once a second.
pub(crate) async fn learn_elsewhere(chat: &Chat, now: Now) {
    let answered: Vec<(Question, Option<Stanza>)> = {
        let mut asked = chat.asked_elsewhere().0.lock();
        let mut answered = Vec::new();
        let mut waiting = Vec::with_capacity(asked.len());
        for mut question in asked.drain(..) {
            match (&mut question.answer).now_or_never() {
                Some(answer) => answered.push((question, answer)),
                None => waiting.push(question),
            }
        }
        *asked = waiting;
        answered
    };
    for (question, answer) in answered {
        let Question {
            account,
            client,
            capabilities,
            ..
        } = question;
        let known = match &answer {
            Some(answer) => understood(chat, capabilities, answer),
            None => chat.known_features().get(&capabilities),
        };
        // Without an answer it stays unknown until the client shows something else.
        if let Some(features) = known
            && account.elsewhere().learn(&client, &features)
        {
            pubsub::send_newest_elsewhere(chat, &account, &client, features.nodes(), now).await;
        }
    }
}

fn understood(chat: &Chat, capabilities: Capabilities, answer: &Stanza) -> Option<Arc<Features>> {
    if answer.type_().as_deref() != Some("result") {
        return None;
    }
    let tree = answer.child("query", ns::DISCO_INFO)?.tree();
    let info = Info::read(tree.root());
    let verified = capabilities.is_of(&info);
    let features = Arc::new(Features::of(capabilities, &info));
    if verified {
        chat.known_features().insert(&features);
    }
    Some(features)
}

#[cfg(test)]
mod tests {
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
