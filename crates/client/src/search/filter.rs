//! What a chunk may have: a Bloom filter over the beginnings of its words and over their trigrams, and over who has said them,
//! where, and with what.

use std::collections::BTreeSet;

use super::Hit;
use super::chunk::Record;
use super::query::folded;

/// How many bits a gram gets in the filter.
const BITS_EACH: usize = 10;
/// How many of them are set.
const HASHES: u64 = 5;

/// Calls `each` with a number for each gram of a word: its first letter, its first two, and all that are three in a row. A
/// longer word has all grams of its beginnings.
fn grams(word: &str, mut each: impl FnMut(u64)) {
    let mut two: [char; 2] = ['\0'; 2];
    for (at, character) in word.chars().enumerate() {
        match at {
            0 => each(hash(&['\u{1}', '\u{1}', character])),
            1 => each(hash(&['\u{1}', two[1], character])),
            _ => each(hash(&[two[0], two[1], character])),
        }
        two = [two[1], character];
    }
}

fn hash(letters: &[char; 3]) -> u64 {
    // Each letter has 21 bits. The mixing is that of SplitMix64; what is written to disk depends on it.
    let mut number = letters.iter().fold(0u64, |number, letter| {
        number << 21 | u64::from(u32::from(*letter))
    });
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// The bits of a gram in a filter with so many of them.
fn bits(gram: u64, count: u64) -> impl Iterator<Item = u64> {
    let (first, step) = (gram >> 32, gram & 0xffff_ffff | 1);
    (0..HASHES).map(move |at| first.wrapping_add(at.wrapping_mul(step)) % count)
}

/// What begins a word in the filter that is none: no word of a text begins with a control character.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    Sender = 2,
    Conversation = 3,
    Has = 4,
}

/// A word in the filter that is none.
pub(super) fn marked(mark: Mark, text: &str) -> String {
    let mut word = String::with_capacity(text.len() + 1);
    word.push(char::from(mark as u8));
    word.push_str(text);
    word
}

/// The words for what a message has.
pub(super) fn has(bits: u8) -> impl Iterator<Item = String> {
    (0..8)
        .filter(move |bit| bits >> bit & 1 == 1)
        .map(|bit| marked(Mark::Has, &bit.to_string()))
}

/// A filter over messages.
pub(super) fn make(messages: &[(Hit, Record)]) -> Vec<u8> {
    let mut all: Vec<u64> = Vec::new();
    let mut others: BTreeSet<(u8, &str)> = BTreeSet::new();
    let mut bits_of_all = 0;
    for (hit, record) in messages {
        for word in record.text.split(' ') {
            grams(word, |gram| all.push(gram));
        }
        others.insert((Mark::Sender as u8, &record.sender));
        others.insert((Mark::Conversation as u8, hit.conversation.as_str()));
        bits_of_all |= record.has;
    }
    for (mark, address) in others {
        let mark = match mark {
            2 => Mark::Sender,
            _ => Mark::Conversation,
        };
        grams(&marked(mark, &folded(address)), |gram| all.push(gram));
    }
    for word in has(bits_of_all) {
        grams(&word, |gram| all.push(gram));
    }
    all.sort_unstable();
    all.dedup();
    let mut filter = vec![0u8; (all.len() * BITS_EACH).div_ceil(8).max(1)];
    let count = filter.len() as u64 * 8;
    for gram in all {
        for bit in bits(gram, count) {
            if let Some(byte) = filter.get_mut((bit / 8) as usize) {
                *byte |= 1 << (bit % 8);
            }
        }
    }
    filter
}

/// What a filter is asked: the grams of some words, all of which a chunk must have.
#[derive(Debug, Clone)]
pub(super) struct Wanted(Vec<u64>);

impl Wanted {
    /// `needle` has words behind spaces.
    pub(super) fn of(needle: &str) -> Self {
        let mut all = Vec::new();
        for word in needle.split(' ') {
            grams(word, |gram| all.push(gram));
        }
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Whether a chunk with this filter may have them. Never a wrong no.
    pub(super) fn may_be_in(&self, filter: &[u8]) -> bool {
        let count = filter.len() as u64 * 8;
        count == 0
            || self.0.iter().all(|gram| {
                bits(*gram, count).all(|bit| {
                    filter
                        .get((bit / 8) as usize)
                        .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_in_it_and_most_others_are_not() {
        let messages: Vec<(Hit, Record)> = (0..250)
            .map(|at| {
                let hit = Hit {
                    message: crate::views::MessageKey::FIRST,
                    conversation: crate::views::ConversationId::parse("room@rooms.example")
                        .unwrap(),
                };
                let record = Record {
                    sender: "Jülia".into(),
                    has: 5,
                    text: format!(" wort{at} etwas{} hallo", at * 7),
                };
                (hit, record)
            })
            .collect();
        let filter = make(&messages);
        for there in [
            marked(Mark::Sender, "jul"),
            marked(Mark::Conversation, "room@rooms.example"),
            marked(Mark::Has, "0"),
            marked(Mark::Has, "2"),
        ] {
            assert!(Wanted::of(&there).may_be_in(&filter), "{there}");
        }
        for missing in [
            marked(Mark::Sender, "rom"),
            marked(Mark::Conversation, "other"),
            marked(Mark::Has, "1"),
        ] {
            assert!(!Wanted::of(&missing).may_be_in(&filter), "{missing}");
        }
        for there in [
            " w",
            " wo",
            " wort12",
            " etwas700",
            " hallo",
            " hallo etwas",
        ] {
            assert!(Wanted::of(there).may_be_in(&filter), "{there}");
        }
        let mut wrong = 0;
        for at in 0..1000 {
            wrong += usize::from(Wanted::of(&format!(" quatsch{at}")).may_be_in(&filter));
        }
        assert_eq!(wrong, 0);
        assert!(!Wanted::of(" x").may_be_in(&filter));
    }
}
