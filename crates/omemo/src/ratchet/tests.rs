//! Two sides of a ratchet, with what a network does to their messages.

use super::*;
use crate::tests::Seeded;

struct Pair {
    form: Form,
    random: Seeded,
    alice: Ratchet,
    bob: Ratchet,
}

const ASSOCIATED: &[u8] = b"alice and bob";

impl Pair {
    fn new(form: Form) -> Self {
        let mut random = Seeded::new(7);
        let shared = Key::new([4; 32]);
        let signed_prekey = SecretKey::generate(&mut random);
        let alice = Ratchet::start(form, &shared, &signed_prekey.public(), &mut random).unwrap();
        Self {
            form,
            alice,
            bob: Ratchet::accept(shared, signed_prekey),
            random,
        }
    }

    fn alice_says(&mut self, text: &str) -> Vec<u8> {
        self.alice
            .seal(self.form, ASSOCIATED, text.as_bytes())
            .unwrap()
    }

    fn bob_says(&mut self, text: &str) -> Vec<u8> {
        self.bob
            .seal(self.form, ASSOCIATED, text.as_bytes())
            .unwrap()
    }

    fn open(&mut self, by_bob: bool, bytes: &[u8]) -> Result<String, RatchetFault> {
        let message = Message::read(self.form, bytes).unwrap();
        let side = if by_bob {
            &mut self.bob
        } else {
            &mut self.alice
        };
        let opened = side.open(self.form, ASSOCIATED, &message, &mut self.random)?;
        Ok(String::from_utf8(opened.text.to_vec()).unwrap())
    }

    fn bob_reads(&mut self, bytes: &[u8]) -> Result<String, RatchetFault> {
        self.open(true, bytes)
    }

    fn alice_reads(&mut self, bytes: &[u8]) -> Result<String, RatchetFault> {
        self.open(false, bytes)
    }
}

#[test]
fn both_talk_in_turn() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        assert!(!pair.bob.can_send());
        for turn in 0..5 {
            let said = pair.alice_says(&format!("to bob {turn}"));
            assert_eq!(pair.bob_reads(&said), Ok(format!("to bob {turn}")));
            let said = pair.bob_says(&format!("to alice {turn}"));
            assert_eq!(pair.alice_reads(&said), Ok(format!("to alice {turn}")));
        }
    }
}

#[test]
fn two_thousand_messages_in_reverse_order() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        let said: Vec<_> = (0..2_000)
            .map(|number| pair.alice_says(&number.to_string()))
            .collect();
        for (number, bytes) in said.iter().enumerate().rev() {
            assert_eq!(pair.bob_reads(bytes), Ok(number.to_string()));
        }
        assert_eq!(pair.bob_reads(&said[7]), Err(RatchetFault::Duplicate));
    }
}

#[test]
fn late_messages_of_chains_that_are_over_are_read_once() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        let first = pair.alice_says("first");
        assert_eq!(pair.bob_reads(&first), Ok("first".to_owned()));
        let late = [pair.alice_says("late 1"), pair.alice_says("late 2")];
        let answer = pair.bob_says("answer");
        assert_eq!(pair.alice_reads(&answer), Ok("answer".to_owned()));
        let next = pair.alice_says("next");
        assert_eq!(pair.bob_reads(&next), Ok("next".to_owned()));
        assert_eq!(pair.bob_reads(&late[1]), Ok("late 2".to_owned()));
        assert_eq!(pair.bob_reads(&late[0]), Ok("late 1".to_owned()));
        for bytes in [&first, &late[0], &late[1], &next] {
            assert_eq!(pair.bob_reads(bytes), Err(RatchetFault::Duplicate));
        }
    }
}

#[test]
fn a_forged_message_changes_nothing() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        let said = pair.alice_says("hello");
        let before = format!("{:?}", state(&pair.bob));
        for at in 0..said.len() {
            let mut changed = said.clone();
            changed[at] ^= 1;
            if let Ok(message) = Message::read(form, &changed) {
                assert!(
                    pair.bob
                        .open(form, ASSOCIATED, &message, &mut pair.random)
                        .is_err()
                );
            }
        }
        assert_eq!(format!("{:?}", state(&pair.bob)), before);
        assert_eq!(pair.bob_reads(&said), Ok("hello".to_owned()));
    }
}

#[test]
fn too_far_ahead_is_refused_and_the_session_lives_on() {
    let mut pair = Pair::new(Form::Current);
    let first = pair.alice_says("first");
    for _ in 0..=MAX_SKIP {
        pair.alice_says("lost");
    }
    let far = pair.alice_says("far");
    assert_eq!(pair.bob_reads(&far), Err(RatchetFault::TooFarAhead));
    assert_eq!(pair.bob_reads(&first), Ok("first".to_owned()));
    // The next turn heals it, without the messages that were lost.
    let answer = pair.bob_says("answer");
    assert_eq!(pair.alice_reads(&answer), Ok("answer".to_owned()));
    let next = pair.alice_says("next");
    assert_eq!(pair.bob_reads(&next), Ok("next".to_owned()));
    assert_eq!(
        pair.bob_reads(&far),
        Err(RatchetFault::Expired),
        "not silently"
    );
}

#[test]
fn skipped_keys_are_thrown_away_after_many_turns() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        let lost = [pair.alice_says("lost"), pair.alice_says("lost as well")];
        let turn = |pair: &mut Pair| {
            let said = pair.alice_says("x");
            pair.bob_reads(&said).unwrap();
            let said = pair.bob_says("y");
            pair.alice_reads(&said).unwrap();
            said
        };
        for _ in 0..250 {
            turn(&mut pair);
        }
        assert_eq!(pair.bob_reads(&lost[0]), Ok("lost".to_owned()));
        for _ in 0..10 {
            turn(&mut pair);
        }
        assert_eq!(pair.bob_reads(&lost[1]), Err(RatchetFault::Expired));
        let said = turn(&mut pair);
        assert_eq!(pair.alice_reads(&said), Err(RatchetFault::Duplicate));
    }
}

#[test]
fn the_oldest_skipped_keys_go_first_and_are_missed_by_name() {
    let mut pair = Pair::new(Form::Current);
    let said: Vec<_> = (0..MAX_SKIP + 12)
        .map(|number| pair.alice_says(&number.to_string()))
        .collect();
    assert!(pair.bob_reads(&said[MAX_SKIP as usize]).is_ok());
    assert!(pair.bob_reads(&said[MAX_SKIP as usize + 11]).is_ok());
    assert_eq!(pair.bob_reads(&said[9]), Err(RatchetFault::Expired));
    assert_eq!(pair.bob_reads(&said[10]), Ok("10".to_owned()));
    assert_eq!(pair.bob_reads(&said[10]), Err(RatchetFault::Duplicate));
}

#[test]
fn the_first_message_of_a_chain_says_its_number() {
    let mut pair = Pair::new(Form::Current);
    for _ in 0..60 {
        pair.alice_says("lost");
    }
    let said = pair.alice_says("here");
    let message = Message::read(Form::Current, &said).unwrap();
    let opened = pair
        .bob
        .open(Form::Current, ASSOCIATED, &message, &mut pair.random)
        .unwrap();
    assert_eq!(opened.first_of_chain, Some(60));
}

fn state(ratchet: &Ratchet) -> Vec<u8> {
    let mut out = crate::codec::Encoder::new(1, ratchet.size());
    ratchet.write(&mut out);
    out.finish().to_vec()
}

#[test]
fn a_ratchet_survives_being_kept() {
    let mut pair = Pair::new(Form::Legacy);
    let said: Vec<_> = (0..5)
        .map(|number| pair.alice_says(&number.to_string()))
        .collect();
    assert!(pair.bob_reads(&said[3]).is_ok());
    let kept = state(&pair.bob);
    assert!(kept.len() <= pair.bob.size(), "no growth while writing");
    let (_, mut from) = crate::codec::Decoder::new(&kept, 1).unwrap();
    pair.bob = Ratchet::read(&mut from).unwrap();
    from.finish().unwrap();
    assert_eq!(state(&pair.bob), kept);
    assert_eq!(pair.bob_reads(&said[1]), Ok("1".to_owned()));
    assert_eq!(pair.bob_reads(&said[4]), Ok("4".to_owned()));
    assert_eq!(pair.bob_reads(&said[3]), Err(RatchetFault::Duplicate));
}
