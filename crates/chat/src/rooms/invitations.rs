//! Invitations into a room that are open: who was invited, by whom, and has neither come nor refused.
//!
//! Without one, nobody has anything to refuse (XEP-0045 §7.8.2): the room carries no text to people
//! on the word of a stranger, and tells no stranger who is in it.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use store::RoomInvitation;

/// Open invitations that one person may have given into one room, unless it administers the room.
pub(super) const MOST_GIVEN: usize = 200;
/// Open invitations into one room; with more, the oldest is forgotten.
const MOST: usize = 10_000;

/// The open invitations into one room.
#[derive(Default)]
pub(super) struct Invitations {
    /// By invitee: who has invited, and when.
    of: HashMap<Arc<str>, Vec<(Arc<str>, Timestamp)>>,
    /// How many each has given.
    given: HashMap<Arc<str>, usize>,
    count: usize,
}

impl Invitations {
    pub(super) fn new(kept: Vec<RoomInvitation>) -> Self {
        let mut all = Self::default();
        for invitation in &kept {
            all.add(invitation);
        }
        all
    }

    /// How many of an inviter's invitations are open.
    pub(super) fn given_by(&self, inviter: &str) -> usize {
        self.given.get(inviter).copied().unwrap_or_default()
    }

    /// Whether one has invited the other.
    pub(super) fn is_open(&self, invitee: &str, inviter: &str) -> bool {
        self.inviters(invitee).any(|known| **known == *inviter)
    }

    /// Who has invited somebody.
    pub(super) fn inviters(&self, invitee: &str) -> impl Iterator<Item = &Arc<str>> {
        self.of
            .get(invitee)
            .into_iter()
            .flatten()
            .map(|(inviter, _)| inviter)
    }

    /// Adds one; gives the oldest if that had to go for it.
    pub(super) fn add(&mut self, invitation: &RoomInvitation) -> Option<RoomInvitation> {
        let RoomInvitation {
            invitee,
            inviter,
            at,
        } = invitation;
        let list = self.of.entry(Arc::clone(invitee)).or_default();
        if let Some(known) = list.iter_mut().find(|(known, _)| known == inviter) {
            known.1 = *at;
            return None;
        }
        list.push((Arc::clone(inviter), *at));
        *self.given.entry(Arc::clone(inviter)).or_default() += 1;
        self.count += 1;
        if self.count <= MOST {
            return None;
        }
        let oldest = self.all().min_by_key(|invitation| invitation.at)?;
        self.end(&oldest.invitee, Some(&oldest.inviter));
        Some(oldest)
    }

    fn all(&self) -> impl Iterator<Item = RoomInvitation> {
        self.of.iter().flat_map(|(invitee, list)| {
            list.iter().map(|(inviter, at)| RoomInvitation {
                invitee: Arc::clone(invitee),
                inviter: Arc::clone(inviter),
                at: *at,
            })
        })
    }

    /// Ends somebody's invitations: those of `inviter`, or all. True when there was one.
    pub(super) fn end(&mut self, invitee: &str, inviter: Option<&str>) -> bool {
        let Some(list) = self.of.get_mut(invitee) else {
            return false;
        };
        let gone: Vec<_> = list
            .extract_if(.., |(known, _)| {
                inviter.is_none_or(|inviter| **known == *inviter)
            })
            .collect();
        if list.is_empty() {
            self.of.remove(invitee);
        }
        self.count -= gone.len();
        for (inviter, _) in &gone {
            if let Some(given) = self.given.get_mut(inviter) {
                *given -= 1;
                if *given == 0 {
                    self.given.remove(inviter);
                }
            }
        }
        !gone.is_empty()
    }

    /// Forgets somebody, as invitee and as inviter.
    pub(super) fn forget(&mut self, address: &str) {
        self.end(address, None);
        if self.given_by(address) > 0 {
            let invited: Vec<Arc<str>> = self
                .all()
                .filter(|invitation| *invitation.inviter == *address)
                .map(|invitation| invitation.invitee)
                .collect();
            for invitee in invited {
                self.end(&invitee, Some(address));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(invitee: &str, inviter: &str, at: i64) -> RoomInvitation {
        RoomInvitation {
            invitee: invitee.into(),
            inviter: inviter.into(),
            at: Timestamp::from_micros(at),
        }
    }

    #[test]
    fn added_ended_and_forgotten() {
        let mut all = Invitations::new(vec![
            invitation("a", "x", 1),
            invitation("a", "y", 2),
            invitation("b", "x", 3),
            invitation("b", "x", 4),
        ]);
        assert_eq!((all.given_by("x"), all.given_by("y")), (2, 1));
        assert!(all.is_open("a", "y") && !all.is_open("y", "a"));
        assert!(!all.end("a", Some("z")));
        assert!(all.end("a", Some("y")));
        assert_eq!(all.given_by("y"), 0);
        all.forget("x");
        assert!(!all.is_open("a", "x") && !all.is_open("b", "x"));
        assert_eq!(all.count, 0);
        assert!(all.of.is_empty() && all.given.is_empty());
    }

    #[test]
    fn with_too_many_the_oldest_goes() {
        let mut all = Invitations::default();
        for number in 0..MOST {
            let one = invitation(&format!("p{number}"), "x", number as i64);
            assert_eq!(all.add(&one), None);
        }
        let gone = all.add(&invitation("late", "y", 99_999));
        assert_eq!(gone, Some(invitation("p0", "x", 0)));
        assert_eq!(all.count, MOST);
    }
}
