//! The keys that the store hands out.

use std::fmt;
use std::str::FromStr;

use base::Timestamp;

/// Key of an account; never used again after the account is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(i64);

impl AccountId {
    /// The account with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number behind the key, positive.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// Key of a room; never used again after the room is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId(i64);

impl RoomId {
    /// The room with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number behind the key, positive and less than 2⁵⁶.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// Whose archive it is: an account's, a room's, or a queue's.
///
/// One `i64` for all kinds, so that the archive needs to know none of them. The upper eight bits say
/// the kind (0 an account, 1 a room, 2 a queue), the lower 56 the number within the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(i64);

/// An [`OwnerId`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// An account's own archive, and what waits for the account.
    Account(AccountId),
    /// A room's archive.
    Room(RoomId),
    /// What waits for something that has no archive, such as another server; by its number.
    Queue(i64),
    /// A kind that this version does not know.
    Unknown,
}

impl OwnerId {
    const KIND_SHIFT: u32 = 56;
    const NUMBER: i64 = (1 << Self::KIND_SHIFT) - 1;

    /// The owner with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The queue with a number of its keeper's choice, of which the lower 56 bits count.
    #[must_use]
    pub const fn queue(number: i64) -> Self {
        Self(2 << Self::KIND_SHIFT | number & Self::NUMBER)
    }

    /// The number behind the key, positive.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// What it is that owns.
    #[must_use]
    pub const fn kind(self) -> OwnerKind {
        let number = self.0 & Self::NUMBER;
        match self.0 >> Self::KIND_SHIFT {
            0 => OwnerKind::Account(AccountId(number)),
            1 => OwnerKind::Room(RoomId(number)),
            2 => OwnerKind::Queue(number),
            _ => OwnerKind::Unknown,
        }
    }
}

impl From<AccountId> for OwnerId {
    fn from(account: AccountId) -> Self {
        Self(account.0 & Self::NUMBER)
    }
}

impl From<RoomId> for OwnerId {
    fn from(room: RoomId) -> Self {
        Self(1 << Self::KIND_SHIFT | room.0 & Self::NUMBER)
    }
}

/// Version of an account's roster: it grows with every change (RFC 6121 §2.6, opaque to clients).
///
/// Versions are time-ordered over the whole store and never repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RosterVersion(i64);

impl RosterVersion {
    /// The version of a roster that was never changed.
    pub const NONE: Self = Self(0);

    /// The version with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number behind the version; 0 for a roster that was never changed.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for RosterVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&ArchiveId(self.0), f)
    }
}

impl FromStr for RosterVersion {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Ok(Self::NONE);
        }
        text.parse::<ArchiveId>().map(|id| Self(id.0))
    }
}

/// Key of one archive entry: strictly increasing over the whole store, ordered by time.
///
/// Microseconds since 1970 shifted left by ten, plus a counter. As text 13 lower-case characters of
/// base 32 (`0-9a-v`), whose order as text is their order in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveId(i64);

/// The text is no id that this store made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this archive")]
pub struct IdError;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const TEXT_LENGTH: usize = 13;
const COUNTER_BITS: u32 = 10;

impl ArchiveId {
    /// Smaller than every id in use.
    pub const FIRST: Self = Self(0);
    /// Larger than every id in use.
    pub const LAST: Self = Self(i64::MAX);

    /// The id with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number behind the id, never negative in ids that the store made.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// When the entry was submitted.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_micros(self.0 >> COUNTER_BITS)
    }

    /// The smallest id that an entry of `time` may have. Times outside what ids can say (before
    /// 1970, after 2255) give the end of the range.
    #[must_use]
    pub const fn lowest_at(time: Timestamp) -> Self {
        let micros = time.micros();
        if micros <= 0 {
            Self::FIRST
        } else if micros > i64::MAX >> COUNTER_BITS {
            Self::LAST
        } else {
            Self(micros << COUNTER_BITS)
        }
    }

    /// The largest id that an entry of `time` may have.
    #[must_use]
    pub const fn highest_at(time: Timestamp) -> Self {
        let micros = time.micros();
        if micros < 0 {
            Self::FIRST
        } else if micros >= i64::MAX >> COUNTER_BITS {
            Self::LAST
        } else {
            Self(((micros + 1) << COUNTER_BITS) - 1)
        }
    }
}

impl fmt::Display for ArchiveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; TEXT_LENGTH];
        let mut rest = self.0 as u64;
        for slot in text.iter_mut().rev() {
            *slot = DIGITS[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for ArchiveId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != TEXT_LENGTH {
            return Err(IdError);
        }
        let mut number = 0u64;
        for byte in text.bytes() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'v' => byte - b'a' + 10,
                _ => return Err(IdError),
            };
            if number >> 58 != 0 {
                return Err(IdError);
            }
            number = number << 5 | u64::from(digit);
        }
        i64::try_from(number).map(Self).map_err(|_| IdError)
    }
}

/// Gives out numbers for archive ids and roster versions: strictly increasing, near the clock.
#[derive(Debug)]
pub(crate) struct IdSource {
    next: i64,
}

impl IdSource {
    /// Continues after `last`, the largest number that is in use.
    pub(crate) fn after(last: i64) -> Self {
        Self {
            next: last.saturating_add(1).max(1),
        }
    }

    /// Takes `count` consecutive numbers at `now`; the first of them.
    pub(crate) fn take(&mut self, now: Timestamp, count: usize) -> i64 {
        let first = self.next.max(ArchiveId::lowest_at(now).0);
        self.next = first.saturating_add(count as i64);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for number in [0, 1, 31, 32, 1_795_000_000_000_000 << 10, i64::MAX] {
            let id = ArchiveId(number);
            let text = id.to_string();
            assert_eq!(text.len(), TEXT_LENGTH);
            assert_eq!(text.parse(), Ok(id));
        }
        for wrong in [
            "",
            "0",
            "000000000000w",
            "vvvvvvvvvvvvv",
            "00000000000000",
            "0000000000É",
        ] {
            assert_eq!(wrong.parse::<ArchiveId>(), Err(IdError), "{wrong}");
        }
        assert!(ArchiveId(99).to_string() < ArchiveId(1 << 40).to_string());
    }

    #[test]
    fn owners_of_different_kinds_are_never_the_same() {
        let account = AccountId(7);
        let room = RoomId(7);
        assert_eq!(OwnerId::from(account).kind(), OwnerKind::Account(account));
        assert_eq!(OwnerId::from(account).number(), account.number());
        assert_eq!(OwnerId::from(room).kind(), OwnerKind::Room(room));
        assert_eq!(OwnerId::queue(7).kind(), OwnerKind::Queue(7));
        assert_eq!(OwnerId::from_number(-1).kind(), OwnerKind::Unknown);
        for owner in [room.into(), OwnerId::queue(-1), OwnerId::queue(0)] {
            assert!(owner.number() > OwnerId::NUMBER);
        }
    }

    #[test]
    fn ids_grow_also_when_the_clock_stands_or_goes_back() {
        let mut source = IdSource::after(0);
        let now = Timestamp::from_micros(1_000_000);
        let first = source.take(now, 3);
        assert_eq!(ArchiveId(first).timestamp(), now);
        assert_eq!(source.take(now, 1), first + 3);
        assert_eq!(source.take(Timestamp::from_micros(5), 1), first + 4);
        let later = Timestamp::from_micros(2_000_000);
        assert_eq!(ArchiveId(source.take(later, 1)).timestamp(), later);
    }

    #[test]
    fn borders_of_a_time() {
        let time = Timestamp::from_micros(77);
        assert_eq!(ArchiveId::lowest_at(time).timestamp(), time);
        assert_eq!(ArchiveId::highest_at(time).timestamp(), time);
        assert_eq!(
            ArchiveId::highest_at(Timestamp::from_micros(i64::MAX)),
            ArchiveId::LAST
        );
        assert_eq!(
            ArchiveId::lowest_at(Timestamp::from_micros(-1)),
            ArchiveId::FIRST
        );
    }
}
