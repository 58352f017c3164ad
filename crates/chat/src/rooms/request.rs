//! Requests to the service, to a room, and to somebody in a room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Jid, Moment, Now};
use parking_lot::Mutex;
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::iq::{self, Iq, IqBody};
use xmpp::ns;
use xmpp::xep::muc::Role;
use xmpp::xml::{Edit, Head, Stanza, Writer};

use super::line::Recipient;
use super::private::is_barred;
use super::room::{Room, Who};
use super::{admin, archive, avatar, disco, hats, moderation, no_room, owner, register, search};
use crate::modules::{Reply, Target};
use crate::requests::{self, Addressee};
use crate::service::{Served, ServiceContext, Taken};
use crate::shares::{Share, Shares};
use crate::{Chat, Sender};

/// Requests between occupants that wait for an answer, at most: in all, of one account, and of all accounts of another
/// domain.
const MOST_RELAYED: usize = 50_000;
const MOST_OF_ACCOUNT: usize = 200;
const MOST_OF_DOMAIN: usize = 1_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Requests that went from one occupant to another, by the id that they went with.
#[derive(Default)]
pub(crate) struct Relayed {
    open: Mutex<HashMap<Box<str>, Open>>,
    /// How many each has open.
    by_asker: Shares,
}

struct Open {
    /// Who asks, and under which id.
    asker: Arc<Recipient>,
    id: Box<str>,
    /// Who is asked: the real address that answers, and the address in the room.
    asked: Jid,
    asked_as: String,
    until: Moment,
    _share: Share,
}

impl Relayed {
    /// One more request of somebody, unless he has too many.
    fn share(&self, chat: &Chat, asker: &Jid) -> Option<Share> {
        if asker.domain() == &*chat.domain() {
            self.by_asker.take(asker.bare_str(), MOST_OF_ACCOUNT)
        } else {
            self.by_asker.take(asker.domain(), MOST_OF_DOMAIN)
        }
    }

    /// Gives up what nobody has answered in time, and tells those who have asked (RFC 6120 §8.2.3).
    pub(crate) fn sweep(&self, chat: &Chat, now: Moment) {
        let given_up: Vec<Open> = {
            let mut open = self.open.lock();
            let over = open.extract_if(|_, open| open.until <= now);
            over.map(|(_, open)| open).collect()
        };
        let error = StanzaError::new(StanzaCondition::RemoteServerTimeout)
            .text("No answer has come in time.");
        for Open {
            asker,
            id,
            asked_as,
            ..
        } in given_up
        {
            let mut out = Writer::with_capacity(320);
            out.start("iq")
                .attr("from", asked_as)
                .attr("to", asker.jid.as_str())
                .attr("id", id)
                .attr("type", "error");
            error.write(&mut out);
            out.end();
            asker.hand(chat, out.into_bytes());
        }
    }
}

/// Takes a request or an answer.
pub(super) fn take(context: ServiceContext) -> Taken {
    match Iq::parse(&context.stanza).map(|iq| iq.body) {
        Err(error) => return Taken::Refused(error),
        Ok(IqBody::Result(_) | IqBody::Error(_)) => {
            answered(&context);
            return Taken::Done;
        }
        Ok(IqBody::Get(_) | IqBody::Set(_)) => {}
    }
    Taken::Wait(Box::pin(async move {
        let ServiceContext {
            chat,
            now,
            sender,
            to,
            stanza,
        } = context;
        let (asker, request) = (sender.jid().clone(), stanza.clone());
        if let (Some(local), Some(nick)) = (to.local(), to.resource()) {
            let Some(room) = chat.rooms().load(&chat, local).await? else {
                return Err(no_room());
            };
            return to_occupant(&chat, &room, &sender, nick, &stanza, now).await;
        }
        let work = Box::pin(async move { answer(&chat, &sender, &to, &stanza, now).await });
        let (own, deliveries) = requests::finish(&request, asker.as_str(), work).await;
        Ok(Served { own, deliveries })
    }))
}

async fn answer(
    chat: &Chat,
    sender: &Sender,
    to: &Jid,
    stanza: &Stanza,
    now: Now,
) -> Result<Reply, StanzaError> {
    let iq = Iq::parse(stanza)?;
    let (set, child) = iq.request().ok_or_else(unavailable)?;
    let key = (set, child.name(), child.namespace());
    let payload = child.tree();
    let payload = payload.root();
    let Some(local) = to.local() else {
        return match key {
            (false, "query", ns::DISCO_INFO) => disco::service_info(payload),
            (false, "query", ns::DISCO_ITEMS) => disco::service_items(chat, payload).await,
            (_, "search", ns::CHANNEL_SEARCH) => search::search(chat, payload).await,
            (false, "unique", ns::MUC_UNIQUE) => Ok(unique(chat)),
            (false, "ping", ns::PING) => Ok(Reply::empty()),
            _ => Err(unavailable()),
        };
    };
    let room = chat.rooms().load(chat, local).await?;
    let room = room.filter(|room| !room.state().is_secret_from(&Who::of(sender)));
    let Some(room) = room else {
        return Err(no_room());
    };
    room.touch(now.moment);
    match key {
        (false, "query", ns::DISCO_INFO) => disco::room_info(chat, &room, sender, payload),
        (false, "query", ns::DISCO_ITEMS) => disco::room_items(&room, sender, payload),
        (false, "query", ns::MUC_ADMIN) => admin::list(&room, sender, payload),
        (true, "query", ns::MUC_ADMIN) => admin::change(chat, &room, sender, payload).await,
        (false, "query", ns::MUC_OWNER) => owner::form(&room, sender, payload),
        (true, "query", ns::MUC_OWNER) => owner::submit(chat, &room, sender, payload).await,
        (true, "query", ns::ARCHIVE) => archive::query(chat, &room, sender, payload).await,
        (false, "query", ns::ARCHIVE) => archive::form(&room, sender).map(Reply::payload),
        (false, "metadata", ns::ARCHIVE) => archive::metadata(chat, &room, sender)
            .await
            .map(Reply::payload),
        (false, "vCard", ns::VCARD) => avatar::get(chat, &room).await,
        (true, "vCard", ns::VCARD) => avatar::set(chat, &room, sender, payload).await,
        (false, "query", ns::REGISTER) => register::form(&room, sender),
        (true, "query", ns::REGISTER) => register::submit(chat, &room, sender, payload).await,
        (true, "moderate", ns::MODERATION) => {
            moderation::moderate(chat, &room, sender, payload, now).await
        }
        (true, "command", ns::COMMANDS) => hats::command(chat, &room, sender, payload).await,
        (false, "ping", ns::PING) => Ok(Reply::empty()),
        _ => Err(unavailable()),
    }
}

fn unavailable() -> StanzaError {
    StanzaError::new(StanzaCondition::ServiceUnavailable)
}

/// XEP-0307: a name that no room has.
fn unique(chat: &Chat) -> Reply {
    let name: String = chat
        .new_id("room")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect();
    let mut out = Writer::new();
    out.leaf_text("unique", Some(ns::MUC_UNIQUE), &name.to_lowercase());
    Reply::payload(out.finish())
}

/// A request to somebody in a room: answered here when it asks whether one is still there oneself
/// (XEP-0410), else passed on (§17.4), without telling either who the other really is.
async fn to_occupant(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    nick: &str,
    stanza: &Stanza,
    now: Now,
) -> Result<Served, StanzaError> {
    let iq = Iq::parse(stanza)?;
    let (set, child) = iq.request().ok_or_else(unavailable)?;
    let pings = !set && child.is("ping", ns::PING);
    // What an account answers for its owner: cards, and nodes of its own (PEP).
    let to_account = matches!(child.namespace(), ns::VCARD | ns::PUBSUB);
    let (asker, asker_nick, target, own, sees_addresses) = {
        let state = room.state();
        let Some(asker) = state.occupant_of(sender.jid()) else {
            // §17.2; XEP-0410 §3: so a client learns that it is out.
            return Err(super::talk::outside(&state, sender));
        };
        let recipient = asker
            .sessions
            .iter()
            .find(|attendance| attendance.recipient.jid == *sender.jid())
            .map(|attendance| Arc::clone(&attendance.recipient));
        let target = state.occupants.get(nick);
        let own = *asker.nick == *nick;
        (
            recipient,
            Arc::clone(&asker.nick),
            target.and_then(|target| target.jid().cloned()),
            own,
            state.is_non_anonymous() || target.is_some_and(|target| target.role == Role::Moderator),
        )
    };
    let (Some(asker), Some(target)) = (asker, target) else {
        return Err(StanzaError::new(StanzaCondition::ItemNotFound)
            .text("Nobody of that name is in the room."));
    };
    if own && pings {
        let to = room.occupant_jid(nick);
        return Ok(Served {
            own: vec![iq::result(
                stanza,
                Some(&to),
                Some(sender.jid().as_str()),
                "",
            )],
            ..Served::default()
        });
    }
    let from = room.occupant_jid(&asker_nick);
    let is_ours = target.domain() == &*chat.domain();
    let account = if is_ours {
        let account = chat.account(&target.bare()).await;
        account.map_err(|error| crate::modules::store_failed(&error))?
    } else {
        None
    };
    let known = sees_addresses.then(|| sender.jid());
    if account
        .as_deref()
        .is_some_and(|account| is_barred(account, room, &asker_nick, known))
    {
        // What is refused in private is refused here: as if nobody answered.
        return Err(unavailable());
    }
    if to_account && is_ours {
        let house = Jid::parse(&from).map_err(|_| unavailable())?;
        let addressee = Addressee {
            to: target.bare().into(),
            target: Target::Other,
            account,
        };
        let work = requests::answer(chat, &Sender::House(house), addressee, stanza, now)?;
        let Some(work) = work else {
            return Ok(Served::default());
        };
        let (own, deliveries) = requests::finish(stanza, sender.jid().as_str(), work).await;
        return Ok(Served { own, deliveries });
    }
    let id = chat.new_id("relay");
    {
        let share = chat.relayed().share(chat, sender.jid());
        let mut open = chat.relayed().open.lock();
        let Some(share) = share.filter(|_| open.len() < MOST_RELAYED) else {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                .text("Too many requests wait for answers; please try again later."));
        };
        open.insert(
            id.clone(),
            Open {
                asker,
                id: stanza.id().unwrap_or_default().into(),
                asked: target.clone(),
                asked_as: room.occupant_jid(nick),
                until: now.moment + PATIENCE,
                _share: share,
            },
        );
    }
    let received = stanza.head();
    let head = Head {
        from: Some(&from),
        to: Some(target.as_str()),
        id: Some(&id),
        ..received.as_head()
    };
    if !chat.hand(&target, stanza.relay(&head, &Edit::NONE)) {
        chat.relayed().open.lock().remove(&id);
        return Err(StanzaError::new(StanzaCondition::RecipientUnavailable));
    }
    Ok(Served::default())
}

/// An answer on its way back to the occupant who has asked.
fn answered(context: &ServiceContext) {
    let chat = &context.chat;
    let Some(id) = context.stanza.id() else {
        return;
    };
    let open = {
        let mut relayed = chat.relayed().open.lock();
        // Nobody answers for another one.
        if relayed
            .get(&*id)
            .is_some_and(|open| open.asked == *context.sender.jid())
        {
            relayed.remove(&*id)
        } else {
            None
        }
    };
    let Some(open) = open else {
        chat.questions()
            .answered(context.sender.jid(), &context.stanza);
        return;
    };
    let received = context.stanza.head();
    let head = Head {
        from: Some(&open.asked_as),
        to: Some(open.asker.jid.as_str()),
        id: Some(&open.id),
        ..received.as_head()
    };
    open.asker
        .hand(chat, context.stanza.relay(&head, &Edit::NONE));
}
