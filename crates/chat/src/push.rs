//! Telling devices that sleep: what is due, what has been asked, what is coalesced.
//!
//! A message that somebody should be woken for is noted when it is planned. Once it is kept, every
//! registration of its recipient whose session does not attend is told, at most once in a while, with a
//! count of what came meanwhile. Nothing of a message goes into a notification.

mod rooms;

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base::{BareJid, Jid, Moment, Now};
use parking_lot::Mutex;
use store::{AccountId, Batch, PushRegistration, PushTarget, Ticket};
use xmpp::condition::StanzaError;
use xmpp::xep::notification_settings::NotificationSetting;
use xmpp::xep::push::{Summary, is_transient, publish};
use xmpp::xml::Stanza;

use crate::modules::notification_settings;
use crate::rooms::Room;
use crate::{Account, Chat, SessionEntry, Work};

/// Messages that are noted and not yet looked at; with more, the devices of the later ones are told with
/// the next message.
const MOST_NOTED: usize = 100_000;
/// How long a client may leave a question for its acknowledgement (XEP-0198 §4) unanswered before its
/// device counts as asleep.
const DOUBT: Duration = Duration::from_secs(30);
/// Failures in a row after which a registration ends.
const MOST_FAILURES: u32 = 16;
/// Wait after the first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// Longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A notification for a browser, to be sealed and sent by the roof (RFC 8291).
#[derive(Clone)]
pub struct WebNotification {
    /// Whose browser it is.
    pub account: BareJid,
    /// The address at the push service, a secret of the browser.
    pub endpoint: Arc<str>,
    /// 65 bytes of public key and 16 bytes of secret.
    pub keys: Arc<[u8]>,
    /// New messages since the last notification.
    pub messages: u32,
}

/// Whether an address may be pushed to; the error says why not.
pub(crate) type Check = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The roof's way to push services of browsers.
pub struct WebCourier {
    /// The public key under which this server signs (RFC 8292), 65 bytes.
    pub key: Vec<u8>,
    /// Whether an address may be asked at all; the words say why not.
    pub check: Check,
    /// Takes a notification; false when too many wait.
    pub send: Box<dyn Fn(WebNotification) -> bool + Send + Sync>,
}

/// Everything about notifications that lives in memory.
#[derive(Default)]
pub(crate) struct Pushes {
    noted: Mutex<Vec<Noted>>,
    rooms: rooms::RoomPushes,
    doubts: Mutex<Vec<Doubt>>,
    devices: Mutex<HashMap<(AccountId, PushTarget), Device>>,
    open: Mutex<Vec<Open>>,
    web: OnceLock<WebCourier>,
}

/// A message to an account.
struct Noted {
    account: Arc<Account>,
    /// Bare address of the other side.
    peer: Box<str>,
    ticket: Ticket,
}

/// Messages that went to a client which may not be there any more.
struct Doubt {
    account: Arc<Account>,
    target: PushTarget,
    messages: u32,
    /// The room in which they were said.
    room: Option<Arc<Room>>,
    until: Moment,
}

/// Whether a device needs to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Attention {
    /// Nobody sees what comes.
    None,
    /// Its client has not said for a while that it is there.
    Doubtful,
    /// Its client gets what comes.
    Full,
}

impl Attention {
    /// Of a session that gets messages.
    fn of(session: &SessionEntry) -> Self {
        if session.is_silent() {
            Self::Doubtful
        } else {
            Self::Full
        }
    }
}

/// A device that was told lately or is to be told.
struct Device {
    account: Arc<Account>,
    /// Messages that it was not told of, and that its client finds when it is back.
    messages: u32,
    /// Messages of rooms that its client is not in: it does not get them by being there.
    elsewhere: u32,
    /// Not before this.
    next: Moment,
    failures: u32,
    /// An app server has not answered yet.
    asked: bool,
}

/// A question to an app server.
struct Open {
    device: (AccountId, PushTarget),
    messages: u32,
    answer: Work<Option<Stanza>>,
}

impl Chat {
    /// Notes that `account` has got something that its sleeping devices are to be told of, once
    /// `ticket` is good: from `peer`, a bare address.
    pub(crate) fn note(&self, account: &Arc<Account>, peer: &str, ticket: &Ticket) {
        if account.facts().push.is_empty() || !self.config().push.enabled {
            return;
        }
        let mut noted = self.pushes().noted.lock();
        if noted.len() < MOST_NOTED {
            noted.push(Noted {
                account: Arc::clone(account),
                peer: peer.into(),
                ticket: ticket.clone(),
            });
        }
    }

    /// Gives the way to push services of browsers; only the first counts.
    pub fn set_web_courier(&self, courier: WebCourier) {
        let _ = self.pushes().web.set(courier);
    }

    pub(crate) fn web_courier(&self) -> Option<&WebCourier> {
        self.pushes().web.get()
    }

    /// A push service says that a subscription is no more.
    pub async fn web_push_gone(&self, account: &BareJid, endpoint: &str) {
        if let Ok(Some(account)) = self.account(account).await {
            let endpoint = endpoint.into();
            self.end_push(&account, &PushTarget::Web { endpoint }).await;
        }
    }

    /// Ends a registration.
    pub(crate) async fn end_push(&self, account: &Account, target: &PushTarget) {
        let _turn = account.turn().await;
        let known = account.facts().push.iter().any(|one| one.target == *target);
        if !known {
            return;
        }
        let mut batch = Batch::new();
        batch.push_remove(account.id(), target);
        match self.store().submit(batch).ticket.await {
            Ok(()) => account.facts().push.retain(|one| one.target != *target),
            Err(error) => tracing::error!(%error, "a push registration could not be removed"),
        }
    }

    /// Looks at what was noted, answered and held back. Called about once a second.
    pub(crate) async fn tick_pushes(&self, now: Now) {
        self.count_doubts(now);
        self.count_noted(now).await;
        self.count_rooms(now).await;
        for (device, answer, messages) in self.take_answers() {
            if let Some(gone) = self.judge(&device, answer, messages, now) {
                self.end_push(&gone, &device.1).await;
            }
        }
        self.tell_due(now);
    }

    /// Counts what is durable now for every registration that sleeps.
    async fn count_noted(&self, now: Now) {
        let ready: Vec<_> = self
            .pushes()
            .noted
            .lock()
            .extract_if(.., |noted| noted.ticket.is_ready())
            .collect();
        for Noted {
            account,
            peer,
            ticket,
        } in ready
        {
            if !matches!(at_once(pin!(ticket)), Some(Ok(()))) {
                continue;
            }
            let sleeping: Vec<PushTarget> = account
                .facts()
                .push
                .iter()
                .map(|registration| registration.target.clone())
                .collect();
            // A message for nobody else names its recipient: only who wants to hear nothing is not told.
            let muted = notification_settings::of(self, &account)
                .await
                .is_ok_and(|settings| {
                    settings.get(&*peer) == Some(&Some(NotificationSetting::Never))
                });
            if muted {
                continue;
            }
            for target in sleeping {
                self.weigh(&account, target, 1, None, false, now);
            }
        }
    }

    /// Counts messages for a device, unless its client gets them: those of `room` by being in it, others
    /// by being there. `elsewhere` are those that it does not get by either.
    fn weigh(
        &self,
        account: &Arc<Account>,
        target: PushTarget,
        messages: u32,
        room: Option<&Arc<Room>>,
        elsewhere: bool,
        now: Now,
    ) {
        let attention = match room {
            _ if elsewhere => Attention::None,
            Some(room) => rooms::attention(account, &target, room),
            None => attention(account, &target),
        };
        match attention {
            Attention::Full => {}
            Attention::None => self.count(account, target, messages, elsewhere, now),
            Attention::Doubtful => {
                let mut doubts = self.pushes().doubts.lock();
                if doubts.len() < MOST_NOTED {
                    doubts.push(Doubt {
                        account: Arc::clone(account),
                        target,
                        messages,
                        room: room.cloned(),
                        until: now.moment + DOUBT,
                    });
                }
            }
        }
    }

    /// Counts what went to clients that turn out to be gone.
    fn count_doubts(&self, now: Now) {
        let mut gone = Vec::new();
        let mut doubts = std::mem::take(&mut *self.pushes().doubts.lock());
        doubts.retain_mut(|doubt| {
            let attention = match &doubt.room {
                Some(room) => rooms::attention(&doubt.account, &doubt.target, room),
                None => attention(&doubt.account, &doubt.target),
            };
            match attention {
                Attention::Full => false,
                Attention::Doubtful if doubt.until > now.moment => true,
                _ => {
                    let target = doubt.target.clone();
                    gone.push((Arc::clone(&doubt.account), target, doubt.messages));
                    false
                }
            }
        });
        self.pushes().doubts.lock().append(&mut doubts);
        for (account, target, messages) in gone {
            self.count(&account, target, messages, false, now);
        }
    }

    fn count(
        &self,
        account: &Arc<Account>,
        target: PushTarget,
        messages: u32,
        elsewhere: bool,
        now: Now,
    ) {
        let mut devices = self.pushes().devices.lock();
        let device = devices
            .entry((account.id(), target))
            .or_insert_with(|| Device {
                account: Arc::clone(account),
                messages: 0,
                elsewhere: 0,
                next: now.moment,
                failures: 0,
                asked: false,
            });
        let count = if elsewhere {
            &mut device.elsewhere
        } else {
            &mut device.messages
        };
        *count = count.saturating_add(messages);
    }

    fn take_answers(&self) -> Vec<((AccountId, PushTarget), Option<Stanza>, u32)> {
        let mut answers = Vec::new();
        self.pushes()
            .open
            .lock()
            .retain_mut(|open| match at_once(open.answer.as_mut()) {
                None => true,
                Some(answer) => {
                    answers.push((open.device.clone(), answer, open.messages));
                    false
                }
            });
        answers
    }

    /// What an app server's answer means (XEP-0357 §7.1); gives the account whose registration ends.
    fn judge(
        &self,
        key: &(AccountId, PushTarget),
        answer: Option<Stanza>,
        messages: u32,
        now: Now,
    ) -> Option<Arc<Account>> {
        let mut devices = self.pushes().devices.lock();
        let device = devices.get_mut(key)?;
        device.asked = false;
        let error = match &answer {
            // Nobody was there, or nobody answered.
            None => None,
            Some(answer) => match StanzaError::of(answer) {
                Some(error) if answer.type_().as_deref() == Some("error") => Some(error),
                _ => {
                    device.failures = 0;
                    return None;
                }
            },
        };
        // What it was not told of counts next time.
        device.messages = device.messages.saturating_add(messages);
        device.failures += 1;
        let lasts = error.is_none_or(|error| is_transient(&error));
        if lasts && device.failures < MOST_FAILURES {
            let wait = FIRST_WAIT.saturating_mul(1 << (device.failures - 1).min(10));
            device.next = now.moment + wait.min(LONGEST_WAIT);
            return None;
        }
        let account = Arc::clone(&device.account);
        devices.remove(key);
        Some(account)
    }

    /// Tells every device whose time it is; forgets those that need nothing any more.
    fn tell_due(&self, now: Now) {
        let config = self.config();
        let mut due = Vec::new();
        self.pushes().devices.lock().retain(|key, device| {
            if device.asked || device.next > now.moment {
                return true;
            }
            if device.messages == 0 && device.elsewhere == 0 {
                return device.failures > 0 && device.next + LONGEST_WAIT > now.moment;
            }
            // The client may have come back meanwhile: it has got everything then, but for what is said
            // where it is not.
            if attention(&device.account, &key.1) == Attention::Full {
                device.messages = 0;
                if device.elsewhere == 0 {
                    return false;
                }
            }
            due.push((key.clone(), Arc::clone(&device.account)));
            true
        });
        for (key, account) in due {
            let registration = account
                .facts()
                .push
                .iter()
                .find(|one| one.target == key.1)
                .cloned();
            let Some(registration) = registration else {
                self.pushes().devices.lock().remove(&key);
                continue;
            };
            let mut messages = 0;
            if let Some(device) = self.pushes().devices.lock().get_mut(&key) {
                messages = std::mem::take(&mut device.messages);
                messages = messages.saturating_add(std::mem::take(&mut device.elsewhere));
                device.next = now.moment + config.push.coalesce;
                device.asked = matches!(key.1, PushTarget::Service { .. });
            }
            self.tell(key, &account, &registration, messages, now);
        }
    }

    fn tell(
        &self,
        key: (AccountId, PushTarget),
        account: &Arc<Account>,
        registration: &PushRegistration,
        messages: u32,
        now: Now,
    ) {
        let config = self.config();
        match &registration.target {
            PushTarget::Service { jid, node } => {
                let summary = Summary {
                    messages,
                    subscriptions: u32::try_from(account.facts().requests.len())
                        .unwrap_or(u32::MAX),
                    placeholder: config.push.placeholder.clone(),
                };
                let options = registration.options.as_deref();
                let options = options.and_then(|options| std::str::from_utf8(options).ok());
                let payload = publish(node, &summary, options);
                let answer: Work<Option<Stanza>> =
                    match (Jid::domain_only(&config.domain), Jid::parse(jid)) {
                        (Ok(from), Ok(to)) => self.ask(&from, &to, true, &payload, now),
                        _ => Box::pin(async { None }),
                    };
                let open = Open {
                    device: key,
                    messages,
                    answer,
                };
                self.pushes().open.lock().push(open);
            }
            PushTarget::Web { endpoint } => {
                let (Some(courier), Some(keys)) = (self.web_courier(), &registration.options)
                else {
                    return;
                };
                let notification = WebNotification {
                    account: account.jid().clone(),
                    endpoint: Arc::clone(endpoint),
                    keys: Arc::clone(keys),
                    messages,
                };
                if !(courier.send)(notification)
                    && let Some(device) = self.pushes().devices.lock().get_mut(&key)
                {
                    device.messages = device.messages.saturating_add(messages);
                }
            }
        }
    }
}

/// Whether the client that has made a registration is there, awake, and gets messages.
fn attention(account: &Account, target: &PushTarget) -> Attention {
    let mut attention = Attention::None;
    account.each_session(|session| {
        if session.attends() && session.is_reachable() && session.has_push(target) {
            attention = attention.max(Attention::of(session));
        }
    });
    attention
}

/// What a future gives now, if it gives anything; nobody is woken for it later.
fn at_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
