//! A subscription stanza on its way: drafted on both sides, kept, and told.

use std::sync::Arc;

use base::{BareJid, Now};
use bytes::Bytes;
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::xml::{Edit, Head, Stanza, Writer};

use super::state::{Action, inbound, outbound};
use crate::delivery::Delivery;
use crate::modules::blocks;
use crate::modules::presence::{Party, reveal, withdraw};
use crate::modules::roster::{Draft, commit};
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

/// Both sides while they change.
struct Sides {
    own: Draft,
    /// `None` when the contact is not an account of ours.
    peer: Option<Draft>,
    notices: Vec<Notice>,
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
        // A request to another domain was refused before, and of the rest only our half is done:
        // there is no way to that domain.
        let (true, Some(peer)) = (step.route, &mut sides.peer) else {
            return Ok(());
        };

        // XEP-0191 §3.3: nothing of a blocked contact arrives. That he ends a subscription is still
        // noted, or the two sides would believe different things.
        let is_blocked = blocks(peer.account(), self.account.jid());
        if is_blocked && matches!(action, Action::Subscribe | Action::Subscribed) {
            return Ok(());
        }
        let text = notice(action, stanza, self.account.jid(), self.contact);
        let was_asked = peer.state().is_asked();
        let step = inbound(peer.state(), peer.is_approved(), action);
        peer.become_state(step.next, peer.is_approved());
        if step.next.is_asked() && !was_asked {
            if peer.account().facts().requests.len() >= self.chat.config().limits.pending_requests {
                return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                    .kind(ErrorType::Wait)
                    .text("Too many requests wait for this contact; please ask again later."));
            }
            let kept = if text.len() > MOST_REQUEST_BYTES {
                notice(action, None, self.account.jid(), self.contact)
            } else {
                text.clone()
            };
            peer.keep_request(kept, self.now.wall);
        }
        if step.deliver && !is_blocked {
            let request = action == Action::Subscribe;
            sides.notices.push(Notice {
                account: Arc::clone(peer.account()),
                request,
                stanza: text,
            });
        }
        if step.grant {
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
        let Sides { own, peer, notices } = sides;

        let shows = |draft: &Draft| (draft.state_before().is_from(), draft.state().is_from());
        let both = peer
            .as_ref()
            .map(|peer| [(&own, peer.account()), (peer, own.account())]);
        for (draft, viewer) in both.iter().flatten() {
            if shows(draft) == (true, false) {
                withdraw(draft.account(), viewer);
            }
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
            }
        }
        Ok(())
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
