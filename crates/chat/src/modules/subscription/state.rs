//! The subscription states of RFC 6121 Appendix A, and how each stanza moves them. Pure tables.

use store::Subscription;

/// What one account knows of the subscriptions between it and a contact (RFC 6121 §A.1). *Out* is
/// a request of its own that waits, *In* one of the contact's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum State {
    /// "None"
    None,
    /// "None + Pending Out"
    NoneOut,
    /// "None + Pending In"
    NoneIn,
    /// "None + Pending Out+In"
    NoneOutIn,
    /// "To"
    To,
    /// "To + Pending In"
    ToIn,
    /// "From"
    From,
    /// "From + Pending Out"
    FromOut,
    /// "Both"
    Both,
}

/// The stanzas that move subscriptions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Ask for the contact's presence.
    Subscribe,
    /// Want the contact's presence no more.
    Unsubscribe,
    /// Grant the contact one's own presence.
    Subscribed,
    /// Deny or end that.
    Unsubscribed,
}

/// What an outbound stanza does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Outbound {
    /// Whether it goes on to the contact.
    pub(crate) route: bool,
    /// The state afterwards.
    pub(crate) next: State,
    /// Whether the contact's future request is granted afterwards (RFC 6121 §3.4).
    pub(crate) approved: bool,
}

/// What an inbound stanza does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Inbound {
    /// Whether the account's clients get it.
    pub(crate) deliver: bool,
    /// The state afterwards.
    pub(crate) next: State,
    /// Whether the server answers `subscribed` by itself.
    pub(crate) grant: bool,
}

use State::{Both, From, FromOut, None, NoneIn, NoneOut, NoneOutIn, To, ToIn};

/// One row for each state in the order of [`State`]: whether the stanza passes, and what is next.
type Rows = [(bool, State); 9];

/// RFC 6121 §A.2.1.
const SUBSCRIBE_OUT: Rows = [
    (true, NoneOut),
    (true, NoneOut),
    (true, NoneOutIn),
    (true, NoneOutIn),
    (true, To),
    (true, ToIn),
    (true, FromOut),
    (true, FromOut),
    (true, Both),
];

/// RFC 6121 §A.2.2.
const UNSUBSCRIBE_OUT: Rows = [
    (true, None),
    (true, None),
    (true, NoneIn),
    (true, NoneIn),
    (true, None),
    (true, NoneIn),
    (true, From),
    (true, From),
    (true, From),
];

/// RFC 6121 §A.2.3.
const SUBSCRIBED_OUT: Rows = [
    (false, None),
    (false, NoneOut),
    (true, From),
    (true, FromOut),
    (false, To),
    (true, Both),
    (false, From),
    (false, FromOut),
    (false, Both),
];

/// RFC 6121 §A.2.4.
const UNSUBSCRIBED_OUT: Rows = [
    (false, None),
    (false, NoneOut),
    (true, None),
    (true, NoneOut),
    (false, To),
    (true, To),
    (true, None),
    (true, NoneOut),
    (true, To),
];

/// RFC 6121 §A.3.1.
const SUBSCRIBE_IN: Rows = [
    (true, NoneIn),
    (true, NoneOutIn),
    (false, NoneIn),
    (false, NoneOutIn),
    (true, ToIn),
    (false, ToIn),
    (false, From),
    (false, FromOut),
    (false, Both),
];

/// RFC 6121 §A.3.2.
const UNSUBSCRIBE_IN: Rows = [
    (false, None),
    (false, NoneOut),
    (true, None),
    (true, NoneOut),
    (false, To),
    (true, To),
    (true, None),
    (true, NoneOut),
    (true, To),
];

/// RFC 6121 §A.3.3.
const SUBSCRIBED_IN: Rows = [
    (false, None),
    (true, To),
    (false, NoneIn),
    (true, ToIn),
    (false, To),
    (false, ToIn),
    (false, From),
    (true, Both),
    (false, Both),
];

/// RFC 6121 §A.3.4.
const UNSUBSCRIBED_IN: Rows = [
    (false, None),
    (true, None),
    (false, NoneIn),
    (true, NoneIn),
    (true, None),
    (true, NoneIn),
    (false, From),
    (true, From),
    (true, From),
];

/// The account sends `action` to the contact.
pub(crate) fn outbound(state: State, approved: bool, action: Action) -> Outbound {
    let rows = match action {
        Action::Subscribe => &SUBSCRIBE_OUT,
        Action::Unsubscribe => &UNSUBSCRIBE_OUT,
        Action::Subscribed => &SUBSCRIBED_OUT,
        Action::Unsubscribed => &UNSUBSCRIBED_OUT,
    };
    let (route, next) = rows[state as usize];
    let approved = match action {
        // §3.4.2: nothing to answer yet, so the answer is noted.
        Action::Subscribed => approved || matches!(state, None | NoneOut | To),
        Action::Unsubscribed => false,
        Action::Subscribe | Action::Unsubscribe => approved,
    };
    Outbound {
        route,
        next,
        approved,
    }
}

/// `action` comes from the contact.
pub(crate) fn inbound(state: State, approved: bool, action: Action) -> Inbound {
    let rows = match action {
        Action::Subscribe => &SUBSCRIBE_IN,
        Action::Unsubscribe => &UNSUBSCRIBE_IN,
        Action::Subscribed => &SUBSCRIBED_IN,
        Action::Unsubscribed => &UNSUBSCRIBED_IN,
    };
    let (deliver, next) = rows[state as usize];
    if action != Action::Subscribe {
        return Inbound {
            deliver,
            next,
            grant: false,
        };
    }
    if state.is_from() {
        // §3.1.3: granted long ago; the contact has forgotten.
        return Inbound {
            deliver: false,
            next: state,
            grant: true,
        };
    }
    if approved && deliver {
        // §3.4.2: granted in advance.
        let next = State::new(state.is_to(), true, state.is_asking(), false);
        return Inbound {
            deliver: false,
            next,
            grant: true,
        };
    }
    Inbound {
        deliver,
        next,
        grant: false,
    }
}

impl State {
    /// All, in the order of the appendix.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 9] = [
        None, NoneOut, NoneIn, NoneOutIn, To, ToIn, From, FromOut, Both,
    ];

    /// The state of these facts: the account sees the contact, the contact sees the account, the
    /// account's request waits, the contact's request waits. A request for what is granted counts
    /// for nothing.
    pub(crate) fn new(to: bool, from: bool, out: bool, asked: bool) -> Self {
        match (to, from, out, asked) {
            (true, true, ..) => Both,
            (true, false, _, true) => ToIn,
            (true, false, _, false) => To,
            (false, true, true, _) => FromOut,
            (false, true, false, _) => From,
            (false, false, true, true) => NoneOutIn,
            (false, false, true, false) => NoneOut,
            (false, false, false, true) => NoneIn,
            (false, false, false, false) => None,
        }
    }

    /// The state of a roster item (`subscription` and `ask`) and of whether a request waits.
    pub(crate) fn of(subscription: Subscription, ask: bool, asked: bool) -> Self {
        let (to, from) = match subscription {
            Subscription::None => (false, false),
            Subscription::To => (true, false),
            Subscription::From => (false, true),
            Subscription::Both => (true, true),
        };
        Self::new(to, from, ask, asked)
    }

    /// As the roster shows it.
    pub(crate) fn subscription(self) -> Subscription {
        match self {
            None | NoneOut | NoneIn | NoneOutIn => Subscription::None,
            To | ToIn => Subscription::To,
            From | FromOut => Subscription::From,
            Both => Subscription::Both,
        }
    }

    /// The account sees the contact's presence.
    pub(crate) fn is_to(self) -> bool {
        matches!(self, To | ToIn | Both)
    }

    /// The contact sees the account's presence.
    pub(crate) fn is_from(self) -> bool {
        matches!(self, From | FromOut | Both)
    }

    /// The account's request waits.
    pub(crate) fn is_asking(self) -> bool {
        matches!(self, NoneOut | NoneOutIn | FromOut)
    }

    /// The contact's request waits.
    pub(crate) fn is_asked(self) -> bool {
        matches!(self, NoneIn | NoneOutIn | ToIn)
    }
}

impl Action {
    /// Reads the `type` of a presence stanza.
    pub(crate) fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "subscribe" => Self::Subscribe,
            "unsubscribe" => Self::Unsubscribe,
            "subscribed" => Self::Subscribed,
            "unsubscribed" => Self::Unsubscribed,
            _ => return Option::None,
        })
    }

    /// The `type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
