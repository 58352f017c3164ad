//! What clients of contacts on other servers can do: by that it is known which events they want to hear of
//! (XEP-0163 §4.2). They tell it in the presence that they send to an account of ours.

use std::sync::Arc;

use base::{Jid, Now};
use futures_util::FutureExt;
use parking_lot::Mutex;
use xmpp::ns;
use xmpp::xep::caps::Capabilities;
use xmpp::xep::disco::Info;
use xmpp::xml::{Stanza, Writer};

use crate::caps::Features;
use crate::modules::pubsub;
use crate::{Account, Chat, Work};

/// Questions that wait for answers, of all accounts together.
const MOST_ASKED: usize = 1_000;

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
