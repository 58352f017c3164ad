//! Every state with every stanza, against the meaning of the stanzas rather than a second table.

use super::*;

const ACTIONS: [Action; 4] = [
    Action::Subscribe,
    Action::Unsubscribe,
    Action::Subscribed,
    Action::Unsubscribed,
];

fn facts(state: State) -> (bool, bool, bool, bool) {
    (
        state.is_to(),
        state.is_from(),
        state.is_asking(),
        state.is_asked(),
    )
}

#[test]
fn states_are_their_facts() {
    for state in State::ALL {
        let (to, from, out, asked) = facts(state);
        assert_eq!(State::new(to, from, out, asked), state);
        assert_eq!(State::of(state.subscription(), out, asked), state);
        assert!(!(to && out), "{state:?} waits for what it has");
        assert!(!(from && asked), "{state:?} is asked for what it gave");
    }
    // What cannot be is read as what it comes down to.
    assert_eq!(State::of(Subscription::Both, true, true), Both);
    assert_eq!(State::of(Subscription::To, true, false), To);
    assert_eq!(State::of(Subscription::From, false, true), From);
}

#[test]
fn outbound_stanzas_move_what_is_one_s_own_to_move() {
    for state in State::ALL {
        let (to, from, out, asked) = facts(state);
        for action in ACTIONS {
            let (route, next) = match action {
                Action::Subscribe => (true, State::new(to, from, out || !to, asked)),
                Action::Unsubscribe => (true, State::new(false, from, false, asked)),
                Action::Subscribed => (asked, State::new(to, from || asked, out, false)),
                Action::Unsubscribed => (asked || from, State::new(to, false, out, false)),
            };
            let step = outbound(state, false, action);
            assert_eq!(
                (step.route, step.next),
                (route, next),
                "{state:?} {action:?}"
            );
        }
    }
}

#[test]
fn inbound_stanzas_move_what_is_the_contact_s_to_move() {
    for state in State::ALL {
        let (to, from, out, asked) = facts(state);
        for action in ACTIONS {
            let (deliver, next, grant) = match action {
                Action::Subscribe => (!from && !asked, State::new(to, from, out, !from), from),
                Action::Unsubscribe => (from || asked, State::new(to, false, out, false), false),
                Action::Subscribed => (out, State::new(to || out, from, false, asked), false),
                Action::Unsubscribed => (to || out, State::new(false, from, false, asked), false),
            };
            let step = inbound(state, false, action);
            assert_eq!(
                step,
                Inbound {
                    deliver,
                    next,
                    grant
                },
                "{state:?} {action:?}"
            );
        }
    }
}

#[test]
fn approval_in_advance_is_noted_used_and_taken_back() {
    for state in State::ALL {
        let noted = outbound(state, false, Action::Subscribed);
        let early = !state.is_from() && !state.is_asked();
        assert_eq!(noted.approved, early, "{state:?}");
        assert_eq!(noted.route, state.is_asked(), "{state:?}");
        assert!(!outbound(state, true, Action::Unsubscribed).approved);
        assert!(outbound(state, true, Action::Subscribe).approved);
        assert!(outbound(state, true, Action::Unsubscribe).approved);

        let granted = inbound(state, true, Action::Subscribe);
        assert_eq!(granted.grant, !state.is_asked(), "{state:?}");
        assert!(!granted.deliver, "{state:?}");
        if granted.grant {
            assert!(granted.next.is_from(), "{state:?}");
            assert_eq!(granted.next.is_to(), state.is_to());
            assert_eq!(granted.next.is_asking(), state.is_asking());
        }
        for action in [
            Action::Unsubscribe,
            Action::Subscribed,
            Action::Unsubscribed,
        ] {
            assert_eq!(inbound(state, true, action), inbound(state, false, action));
        }
    }
}

/// Two accounts that start in any pair of states that agree stay in agreement, whatever either sends.
#[test]
fn both_sides_always_agree() {
    let agrees = |one: State, other: State| {
        one.is_to() == other.is_from()
            && one.is_from() == other.is_to()
            && one.is_asking() == other.is_asked()
            && one.is_asked() == other.is_asking()
    };
    for mine in State::ALL {
        for theirs in State::ALL
            .into_iter()
            .filter(|theirs| agrees(mine, *theirs))
        {
            for action in ACTIONS {
                for approved in [false, true] {
                    let sent = outbound(mine, false, action);
                    let (mut mine_after, mut theirs_after) = (sent.next, theirs);
                    if sent.route {
                        let step = inbound(theirs, approved, action);
                        theirs_after = step.next;
                        if step.grant {
                            mine_after = inbound(mine_after, false, Action::Subscribed).next;
                        }
                    }
                    assert!(
                        agrees(mine_after, theirs_after),
                        "{mine:?} {action:?} {theirs:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn types_have_their_names() {
    for action in ACTIONS {
        assert_eq!(Action::of(action.as_str()), Some(action));
    }
    assert_eq!(Action::of("probe"), Option::None);
}
