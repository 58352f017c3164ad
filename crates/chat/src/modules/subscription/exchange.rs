//! A subscription stanza on its way: drafted on both sides, kept, and told.

use std::sync::Arc;

use base::{BareJid, Now};
use bytes::Bytes;
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::xml::{Edit, Head, Stanza, Writer};

use super::state::{Action, inbound, outbound};
use crate::delivery::Delivery;
use crate::modules::presence::{Party, reveal, reveal_elsewhere, withdraw, withdraw_elsewhere};
use crate::modules::roster::{Draft, commit};
use crate::modules::{SessionContext, blocks, pubsub};
use crate::{Account, Chat, SessionEntry};

/// A request that is larger is kept without what is inside.
const MOST_REQUEST_BYTES: usize = 8 * 1024;

/// Two parties between whom subscriptions change.
pub(super) struct Exchange<'a> {
    pub(super) chat: &'a Chat,
    pub(super) now: Now,
    /// Who acts.
    pub(super) account: &'a Arc<Account>,
    /// Towards whom.
    pub(super) contact: &'a BareJid,
    /// The same, as far as we know.
    pub(super) peer: &'a Party,
}

/// A stanza that clients get once all is kept.
struct Notice {
    account: Arc<Account>,
    /// Requests go to available sessions (RFC 6121 §3.1.3), all else to interested ones.
    request: bool,
    stanza: Bytes,
}

/// What a stanza does to the side that it comes to.
struct Arrived {
    notice: Option<Notice>,
    /// The server answers `subscribed` by itself.
    grant: bool,
}

/// Both sides while they change.
struct Sides {
    own: Draft,
    /// `None` when the contact is not an account of ours.
    peer: Option<Draft>,
    notices: Vec<Notice>,
    /// For a contact on another domain.
    away: Vec<Bytes>,
}

impl Exchange<'_> {
    /// A client's stanza.
    pub(super) async fn send(&self, action: Action, stanza: &Stanza) -> Result<(), StanzaError> {
        let (own, peer) = self.turns().await;
        let mut sides = self.sides(&own, peer.as_ref());
        self.act(&mut sides, action, Some(stanza))?;
        self.settle(sides).await
    }

    /// The contact leaves the roster; the server says good-bye (RFC 6121 §2.5.2).
    pub(super) async fn remove(&self) -> Result<(), StanzaError> {
        let (own, peer) = self.turns().await;
        let mut sides = self.sides(&own, peer.as_ref());
        if !sides.own.is_listed() {
            return Err(StanzaError::new(StanzaCondition::ItemNotFound)
                .text("This contact is not in the list."));
        }
        for action in super::farewells(&sides.own) {
            self.act(&mut sides, action, None)?;
        }
        sides.own.remove();
        self.settle(sides).await
    }

    /// The account goes for good: it leaves every contact, listed or not.
    pub(super) async fn part(&self) -> Result<(), StanzaError> {
        let (own, peer) = self.turns().await;
        let mut sides = self.sides(&own, peer.as_ref());
        for action in super::farewells(&sides.own) {
            self.act(&mut sides, action, None)?;
        }
        if sides.own.state().is_asked() {
            self.act(&mut sides, Action::Unsubscribed, None)?;
        }
        sides.own.remove();
        self.settle(sides).await
    }

    async fn turns(&self) -> (crate::account::Turn<'_>, Option<crate::account::Turn<'_>>) {
        self.account
            .turns(self.peer_account().map(|peer| &**peer))
            .await
    }

    fn peer_account(&self) -> Option<&Arc<Account>> {
        match self.peer {
            Party::Account(account) => Some(account),
            Party::Nobody | Party::Elsewhere => None,
        }
    }

    fn sides(
        &self,
        own: &crate::account::Turn<'_>,
        peer: Option<&crate::account::Turn<'_>>,
    ) -> Sides {
        let peer = self.peer_account().zip(peer);
        Sides {
            own: Draft::of(self.account, self.contact, own),
            peer: peer.map(|(account, turn)| Draft::of(account, self.account.jid(), turn)),
            notices: Vec::new(),
            away: Vec::new(),
        }
    }

    /// Drafts what one stanza of the account does to both sides.
    fn act(
        &self,
        sides: &mut Sides,
        action: Action,
        stanza: Option<&Stanza>,
    ) -> Result<(), StanzaError> {
        let step = outbound(sides.own.state(), sides.own.is_approved(), action);
        sides.own.become_state(step.next, step.approved);
        if !step.route {
            return Ok(());
        }
        let Some(peer) = &mut sides.peer else {
            if matches!(self.peer, Party::Elsewhere) {
                let text = notice(action, stanza, self.account.jid(), self.contact);
                sides.away.push(text);
            }
            return Ok(());
        };
        let arrived = self.arrive(peer, self.account.jid(), action, stanza)?;
        sides.notices.extend(arrived.notice);
        if arrived.grant {
            let back = inbound(
                sides.own.state(),
                sides.own.is_approved(),
                Action::Subscribed,
            );
            sides.own.become_state(back.next, sides.own.is_approved());
            if back.deliver {
                let stanza = notice(Action::Subscribed, None, self.contact, self.account.jid());
                let account = Arc::clone(self.account);
                sides.notices.push(Notice {
                    account,
                    request: false,
                    stanza,
                });
            }
        }
        Ok(())
    }

    /// Drafts what a stanza `from` the other party does to the side of the account that it comes to.
    fn arrive(
        &self,
        side: &mut Draft,
        from: &BareJid,
        action: Action,
        stanza: Option<&Stanza>,
    ) -> Result<Arrived, StanzaError> {
        let account = Arc::clone(side.account());
        // XEP-0191 §3.3: nothing of a blocked contact arrives. That he ends a subscription is still
        // noted, or the two sides would believe different things.
        let is_blocked = blocks(&account, from);
        if is_blocked && matches!(action, Action::Subscribe | Action::Subscribed) {
            return Ok(Arrived {
                notice: None,
                grant: false,
            });
        }
        let text = notice(action, stanza, from, account.jid());
        let was_asked = side.state().is_asked();
        let step = inbound(side.state(), side.is_approved(), action);
        side.become_state(step.next, side.is_approved());
        if step.next.is_asked() && !was_asked {
            if account.facts().requests.len() >= self.chat.config().limits.pending_requests {
                return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                    .kind(ErrorType::Wait)
                    .text("Too many requests wait for this contact; please ask again later."));
            }
            let kept = if text.len() > MOST_REQUEST_BYTES {
                notice(action, None, from, account.jid())
            } else {
                text.clone()
            };
            side.keep_request(kept, self.now.wall);
        }
        let notice = (step.deliver && !is_blocked).then(|| Notice {
            account,
            request: action == Action::Subscribe,
            stanza: text,
        });
        Ok(Arrived {
            notice,
            grant: step.grant,
        })
    }

    /// A stanza from a contact on another domain.
    pub(super) async fn receive(&self, action: Action, stanza: &Stanza) -> Result<(), StanzaError> {
        let (own, _) = self.turns().await;
        let mut sides = self.sides(&own, None);
        let arrived = self.arrive(&mut sides.own, self.contact, action, Some(stanza))?;
        sides.notices.extend(arrived.notice);
        if arrived.grant {
            let granted = notice(Action::Subscribed, None, self.account.jid(), self.contact);
            sides.away.push(granted);
        }
        self.settle(sides).await
    }

    /// Sends what goes to a contact on another domain. It is kept until it is there: a lost one would leave the two
    /// sides believing different things for good.
    async fn send_away(&self, stanza: Bytes) {
        let parsed = std::str::from_utf8(&stanza)
            .ok()
            .and_then(|text| Stanza::parse(text).ok());
        let Some(parsed) = parsed else { return };
        let (from, to) = (self.account.jid(), self.contact);
        let sent = self.chat.send_kept(from, to, &parsed, stanza, self.now);
        if let Err(error) = sent.await {
            tracing::info!(%error, "a subscription stanza could not be sent to another domain");
        }
    }

    /// Keeps both sides, then tells everyone (in the order of RFC 6121 §3: who is not to see the
    /// other any more sees him leave; then the stanzas, the roster pushes, and who is to see the
    /// other from now on).
    async fn settle(&self, mut sides: Sides) -> Result<(), StanzaError> {
        sides
            .own
            .check_room(self.chat.config().limits.roster_items)?;
        let mut drafts: Vec<&mut Draft> = vec![&mut sides.own];
        drafts.extend(sides.peer.as_mut());
        let version = commit(self.chat, &mut drafts).await?;
        let Sides {
            own,
            peer,
            notices,
            away,
        } = sides;
        let elsewhere = matches!(self.peer, Party::Elsewhere);

        let shows = |draft: &Draft| (draft.state_before().is_from(), draft.state().is_from());
        let both = peer
            .as_ref()
            .map(|peer| [(&own, peer.account()), (peer, own.account())]);
        for (draft, viewer) in both.iter().flatten() {
            if shows(draft) == (true, false) {
                withdraw(draft.account(), viewer);
            }
        }
        if elsewhere && shows(&own) == (true, false) {
            withdraw_elsewhere(self.chat, self.account, self.contact);
        }
        for stanza in away {
            self.send_away(stanza).await;
        }
        for Notice {
            account,
            request,
            stanza,
        } in notices
        {
            account.each_session(|session: &Arc<SessionEntry>| {
                if if request {
                    session.is_available()
                } else {
                    session.is_interested()
                } {
                    Delivery::new(session, stanza.clone()).perform();
                }
            });
        }
        own.push(version);
        if let Some(peer) = &peer {
            peer.push(version);
        }
        for (draft, viewer) in both.iter().flatten() {
            if shows(draft) == (false, true) {
                reveal(draft.account(), viewer);
                self.introduce(draft.account(), viewer).await;
            }
        }
        if elsewhere && shows(&own) == (false, true) {
            reveal_elsewhere(self.chat, self.account, self.contact);
            pubsub::introduce_elsewhere(self.chat, self.account, self.contact, self.now).await;
        }
        Ok(())
    }

    /// Who sees the owner's presence from now on hears of what it has published (XEP-0163 §4.3.4).
    async fn introduce(&self, owner: &Account, viewer: &Arc<Account>) {
        for session in viewer.sessions() {
            if session.is_available() {
                let context = SessionContext {
                    chat: self.chat.clone(),
                    now: self.now,
                    session,
                    account: Arc::clone(viewer),
                };
                pubsub::introduce(&context, owner).await;
            }
        }
    }
}

/// The stanza between two bare addresses (RFC 6121 §3.1.2), with what the client has put inside.
fn notice(action: Action, stanza: Option<&Stanza>, from: &BareJid, to: &BareJid) -> Bytes {
    if let Some(stanza) = stanza {
        let received = stanza.head();
        let head = Head {
            from: Some(from.as_str()),
            to: Some(to.as_str()),
            ..received.as_head()
        };
        return stanza.relay(&head, &Edit::NONE);
    }
    let mut out = Writer::with_capacity(128);
    out.start("presence")
        .attr("from", from.as_str())
        .attr("to", to.as_str())
        .attr("type", action.as_str())
        .end();
    out.into_bytes()
}
