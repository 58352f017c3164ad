//! urn:hauspost:previews:0: Link previews
//!
//! A client asks what is behind a link that its user is about to send, and seals the answer in the message (XEP-0511).
//! Who receives it asks nobody. A protocol of ours, described in `docs/previews.md`. The roof fetches; here it is decided
//! who may ask, and how often. An answer may take seconds: the session goes on meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base::Moment;
use parking_lot::Mutex;
use store::AccountId;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq;
use xmpp::ns;
use xmpp::xep::previews::{self, Preview};

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::delivery::Delivery;
use crate::{Chat, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "previews",
    specification: "urn:hauspost:previews:0",
    title: "Link previews",
    version: "0",
    features: &[Feature {
        var: ns::PREVIEWS,
        seat: Seat::Account,
    }],
    iq: &[IqHandler {
        targets: &[Target::Own],
        set: false,
        payload: "preview",
        namespace: ns::PREVIEWS,
        run: Run::Client(ask),
    }],
    ..Module::NONE
};

/// Over which time requests are counted.
const SPAN: Duration = Duration::from_secs(60);
/// Requests of one account that may be under way at once.
const AT_ONCE: u32 = 3;

/// Why there is no preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPreview {
    /// The address is one that is not asked: not of the web, not public, another port.
    Barred,
    /// It is no page with a title, nor a picture.
    Nothing,
    /// It could not be reached, or took too long.
    Unreachable,
    /// Too much is under way.
    Busy,
}

impl NoPreview {
    fn error(self) -> StanzaError {
        let (condition, text) = match self {
            Self::Barred => (
                StanzaCondition::NotAcceptable,
                "That address is not asked: previews are made of public pages on the usual ports; see previews.allowed_networks.",
            ),
            Self::Nothing => (
                StanzaCondition::ItemNotFound,
                "There is nothing behind that link of which a preview could be made.",
            ),
            Self::Unreachable => (
                StanzaCondition::RemoteServerTimeout,
                "That page could not be reached in time.",
            ),
            Self::Busy => (
                StanzaCondition::ResourceConstraint,
                "Too many previews are being made; please try again in a moment.",
            ),
        };
        StanzaError::new(condition).text(text)
    }
}

/// Takes what was found. It is called once.
pub(crate) type Answer = Box<dyn FnOnce(Result<Preview, NoPreview>) + Send>;

/// The roof's way to the web.
pub struct Previewer {
    /// Requests of one account in a minute, at most.
    pub per_minute: u32,
    /// Fetches what is behind a link, in a time of its own.
    pub fetch: Box<dyn Fn(String, Answer) + Send + Sync>,
}

/// What is known of who asks.
#[derive(Default)]
pub(crate) struct Previews {
    previewer: OnceLock<Previewer>,
    askers: Mutex<HashMap<AccountId, Asker>>,
}

#[derive(Clone, Copy)]
struct Asker {
    since: Moment,
    asked: u32,
    under_way: u32,
}

impl Previews {
    /// Counts a request of an account; false when it is one too many.
    fn begin(&self, account: AccountId, now: Moment, per_minute: u32) -> bool {
        let mut askers = self.askers.lock();
        askers.retain(|_, asker| asker.under_way > 0 || asker.since + SPAN > now);
        let asker = askers.entry(account).or_insert(Asker {
            since: now,
            asked: 0,
            under_way: 0,
        });
        if asker.since + SPAN <= now {
            (asker.since, asker.asked) = (now, 0);
        }
        let admitted = asker.asked < per_minute && asker.under_way < AT_ONCE;
        if admitted {
            asker.asked += 1;
            asker.under_way += 1;
        }
        admitted
    }

    fn end(&self, account: AccountId) {
        if let Some(asker) = self.askers.lock().get_mut(&account) {
            asker.under_way = asker.under_way.saturating_sub(1);
        }
    }
}

impl Chat {
    /// Gives the way to the web; only the first counts.
    pub fn set_previewer(&self, previewer: Previewer) {
        let _ = self.previews().previewer.set(previewer);
    }
}

fn ask(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let url = previews::read_request(context.payload().root())?;
        let Some(previewer) = context.chat.previews().previewer.get() else {
            return Err(StanzaError::new(StanzaCondition::NotAllowed)
                .text("This server makes no previews of links."));
        };
        let account = context.account.id();
        let now = context.now.moment;
        if !context
            .chat
            .previews()
            .begin(account, now, previewer.per_minute)
        {
            return Err(StanzaError::new(StanzaCondition::PolicyViolation)
                .text("You have asked for too many previews; please wait a minute."));
        }
        let chat = context.chat.clone();
        let (session, request) = (Arc::clone(&context.session), context.stanza);
        let answer = move |found: Result<Preview, NoPreview>| {
            chat.previews().end(account);
            let from = request.to();
            let to = Some(session.jid().as_str());
            let answer = match found {
                Ok(preview) => iq::result(&request, from.as_deref(), to, &preview.to_xml()),
                Err(why) => iq::error(&request, from.as_deref(), to, &why.error()),
            };
            Delivery::new(&session, answer).perform();
        };
        (previewer.fetch)(url, Box::new(answer));
        Ok(Reply::later())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_asks_so_often_and_no_more() {
        let at = |seconds: u64| Moment::from_micros(seconds * 1_000_000);
        let previews = Previews::default();
        let account = AccountId::from_number(1);
        let begin = |second| previews.begin(account, at(second), 5);
        assert!(begin(0) && begin(1) && begin(2));
        assert!(!begin(3), "three are under way");
        for _ in 0..3 {
            previews.end(account);
        }
        assert!(begin(4) && begin(5));
        previews.end(account);
        previews.end(account);
        assert!(!begin(6), "five within a minute");
        assert!(
            previews.begin(AccountId::from_number(2), at(6), 5),
            "somebody else"
        );
        assert!(begin(61));
    }
}
