//! Two devices and their sessions.

use super::*;
use crate::bundle::Bundle;
use crate::crypto::{IdentityKeyPair, SecretKey};
use crate::tests::Seeded;
use crate::wire::key::Exchange;

struct Device {
    identity: IdentityKeyPair,
    signed_prekey: SecretKey,
    prekey: SecretKey,
    sessions: Sessions,
    /// It keeps nothing but the newest session, as XEP-0384 §5.6 says and python-omemo does.
    keeps_one: bool,
    random: Seeded,
}

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

impl Device {
    fn new(seed: u8) -> Self {
        let mut random = Seeded::new(u64::from(seed));
        Self {
            identity: IdentityKeyPair::from_seed(&[seed; 32]).unwrap(),
            signed_prekey: SecretKey::generate(&mut random),
            prekey: SecretKey::generate(&mut random),
            sessions: Sessions::default(),
            keeps_one: false,
            random,
        }
    }

    fn bundle(&self, form: Form) -> Bundle {
        Bundle {
            form,
            identity: *self.identity.public(),
            signed_prekey_id: 1,
            signed_prekey: self.signed_prekey.public(),
            prekeys: vec![(7, self.prekey.public())],
        }
    }

    fn start_with(&mut self, form: Form, other: &Device) {
        let session = initiate(&self.identity, &other.bundle(form), &mut self.random).unwrap();
        self.sessions.put_first(session, NOW);
    }

    fn say(&mut self, form: Form, text: &str) -> (Vec<u8>, bool) {
        let own = self.identity.public();
        self.sessions.seal(form, own, 3, text.as_bytes()).unwrap()
    }

    fn hear(
        &mut self,
        form: Form,
        (bytes, exchange): &(Vec<u8>, bool),
    ) -> Result<String, SessionFault> {
        let opened = if *exchange {
            let exchange = Exchange::read(form, bytes)?;
            let known = self.sessions.open_known(
                form,
                &exchange.ephemeral,
                exchange.message,
                NOW,
                &mut self.random,
            );
            match known {
                Some(opened) => opened?,
                None => {
                    assert_eq!((exchange.prekey, exchange.signed_prekey), (7, 1));
                    let own = OwnKeys {
                        identity: &self.identity,
                        signed_prekey: &self.signed_prekey,
                        prekey: &self.prekey,
                    };
                    let mut sessions = self.sessions.clone();
                    sessions.put_first(accept(form, &own, &exchange).unwrap(), NOW);
                    let opened = sessions
                        .open_known(
                            form,
                            &exchange.ephemeral,
                            exchange.message,
                            NOW,
                            &mut self.random,
                        )
                        .unwrap()?;
                    self.sessions = sessions;
                    if self.keeps_one {
                        self.sessions.sessions.truncate(1);
                    }
                    opened
                }
            }
        } else {
            self.sessions.open(form, bytes, NOW, &mut self.random)?
        };
        Ok(String::from_utf8(opened.secret.to_vec()).unwrap())
    }
}

#[test]
fn a_session_starts_with_a_key_exchange_that_is_repeated_until_answered() {
    for form in Form::ALL {
        let (mut alice, mut bob) = (Device::new(1), Device::new(2));
        alice.start_with(form, &bob);
        let first = alice.say(form, "one");
        let second = alice.say(form, "two");
        assert!(first.1 && second.1);
        // The second comes first: it is enough to start the session.
        assert_eq!(bob.hear(form, &second), Ok("two".to_owned()));
        assert_eq!(bob.hear(form, &first), Ok("one".to_owned()));
        assert_eq!(
            bob.hear(form, &first),
            Err(SessionFault::Ratchet(RatchetFault::Duplicate))
        );
        let answer = bob.say(form, "three");
        assert!(!answer.1);
        assert_eq!(alice.hear(form, &answer), Ok("three".to_owned()));
        let next = alice.say(form, "four");
        assert!(!next.1, "no key exchange any more");
        assert_eq!(bob.hear(form, &next), Ok("four".to_owned()));
        assert_eq!(bob.sessions.identity(), Some(alice.identity.identity()));
    }
}

#[test]
fn both_may_start_at_once() {
    for form in Form::ALL {
        let (mut alice, mut bob) = (Device::new(1), Device::new(2));
        alice.start_with(form, &bob);
        bob.start_with(form, &alice);
        let to_bob: Vec<_> = (0..3).map(|n| alice.say(form, &format!("a{n}"))).collect();
        let to_alice: Vec<_> = (0..3).map(|n| bob.say(form, &format!("b{n}"))).collect();
        for n in 0..3 {
            assert_eq!(bob.hear(form, &to_bob[n]), Ok(format!("a{n}")));
            assert_eq!(alice.hear(form, &to_alice[n]), Ok(format!("b{n}")));
        }
        for turn in 0..4 {
            let (to_bob, to_alice) = (alice.say(form, "x"), bob.say(form, "y"));
            assert_eq!(bob.hear(form, &to_bob), Ok("x".to_owned()), "{turn}");
            assert_eq!(alice.hear(form, &to_alice), Ok("y".to_owned()), "{turn}");
        }
        let last = alice.say(form, "z");
        assert_eq!(bob.hear(form, &last), Ok("z".to_owned()));
        assert!(alice.sessions.sessions.len() <= 2);
    }
}

/// Two on a network that keeps the order of what each of them writes. Each key exchange is answered at once.
struct Pair {
    form: Form,
    devices: [Device; 2],
    /// What is on its way to each.
    queues: [std::collections::VecDeque<(Vec<u8>, bool)>; 2],
    /// What the one that keeps a single session could not read.
    lost: Vec<String>,
}

impl Pair {
    /// The second one keeps a single session.
    fn new(form: Form) -> Self {
        let mut devices = [Device::new(1), Device::new(2)];
        devices[1].keeps_one = true;
        Self {
            form,
            devices,
            queues: Default::default(),
            lost: Vec::new(),
        }
    }

    fn write(&mut self, from: usize, text: &str) {
        let form = self.form;
        if !self.devices[from].sessions.is_ready() {
            let [first, second] = &mut self.devices;
            if from == 0 {
                first.start_with(form, second);
            } else {
                second.start_with(form, first);
            }
        }
        let said = self.devices[from].say(form, text);
        self.queues[1 - from].push_back(said);
    }

    fn read(&mut self, at: usize) -> Option<Result<String, SessionFault>> {
        let message = self.queues[at].pop_front()?;
        let heard = self.devices[at].hear(self.form, &message);
        if let Err(fault) = &heard {
            assert_eq!(at, 1, "who keeps older sessions reads all: {fault:?}");
            self.lost.push(format!("{fault:?}"));
        } else if message.1 {
            self.write(at, "");
        }
        Some(heard)
    }

    fn read_all(&mut self) {
        while self.read(0).is_some() || self.read(1).is_some() {}
    }

    /// Each reads what the other writes.
    fn agree(&mut self) {
        for (from, text) in [(0, "a"), (1, "b"), (0, "c"), (0, "d"), (1, "e")] {
            self.write(from, text);
            assert_eq!(self.read(1 - from), Some(Ok(text.to_owned())));
            self.read_all();
        }
    }
}

#[test]
fn who_has_read_what_waited_writes_what_a_single_session_reads() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        for number in 0..3 {
            pair.write(1, &format!("hers {number}"));
        }
        // All of hers first, and then his: that is what a client has to see to.
        while pair.read(0).is_some() {}
        for number in 0..3 {
            pair.write(0, &format!("his {number}"));
        }
        pair.read_all();
        assert!(pair.lost.is_empty(), "{:?}", pair.lost);
        pair.agree();
        assert!(pair.lost.is_empty(), "{:?}", pair.lost);
        assert_eq!(pair.devices[0].sessions.sessions.len(), 1);
    }
}

/// She takes his session for hers, and he hers for his: what he writes then has no session there, until he hears of her.
#[test]
fn of_two_who_start_at_once_one_may_keep_a_single_session() {
    for form in Form::ALL {
        let mut pair = Pair::new(form);
        pair.write(0, "his");
        pair.write(1, "hers");
        assert_eq!(pair.read(0), Some(Ok("hers".to_owned())));
        pair.read_all();
        assert_eq!(pair.lost.len(), 1, "the answer to hers: {:?}", pair.lost);
        pair.agree();
        assert_eq!(pair.lost.len(), 1, "{:?}", pair.lost);
    }
}

#[test]
fn who_keeps_a_single_session_is_read_always_and_reads_once_all_was_heard() {
    let step = (0..2_usize, proptest::bool::ANY);
    let steps = proptest::collection::vec(step, 0..40);
    kit::schedules::check_all(64, &steps, |steps| {
        for form in Form::ALL {
            let mut pair = Pair::new(form);
            for (at, writes) in &steps {
                if *writes {
                    pair.write(*at, "x");
                } else {
                    pair.read(*at);
                }
            }
            pair.read_all();
            let lost = pair.lost.len();
            pair.agree();
            assert_eq!(pair.lost.len(), lost);
        }
    });
}

#[test]
fn a_message_without_session_is_named() {
    for form in Form::ALL {
        let (mut alice, mut bob, mut eve) = (Device::new(1), Device::new(2), Device::new(3));
        alice.start_with(form, &bob);
        let first = alice.say(form, "one");
        bob.hear(form, &first).unwrap();
        let answer = bob.say(form, "two");
        assert_eq!(eve.hear(form, &answer), Err(SessionFault::None));
        eve.start_with(form, &bob);
        assert_eq!(
            eve.hear(form, &answer),
            Err(SessionFault::Ratchet(RatchetFault::Forged))
        );
    }
}

#[test]
fn sessions_survive_being_kept() {
    for form in Form::ALL {
        let (mut alice, mut bob) = (Device::new(1), Device::new(2));
        for turn in 0..8 {
            if turn % 3 == 0 {
                alice.start_with(form, &bob);
            }
            let said = alice.say(form, "x");
            bob.hear(form, &said).unwrap();
            for device in [&mut alice, &mut bob] {
                let kept = device.sessions.encode();
                device.sessions = Sessions::decode(&kept).unwrap();
                assert_eq!(device.sessions.encode(), kept);
                for cut in 0..kept.len() {
                    assert!(Sessions::decode(&kept[..cut]).is_err());
                }
            }
            let said = bob.say(form, "y");
            alice.hear(form, &said).unwrap();
        }
    }
    assert_eq!(
        Sessions::decode(&[9, 0]).err(),
        Some(crate::StateError::Newer(9))
    );
}

#[test]
fn only_a_few_sessions_are_kept() {
    let (mut alice, mut bob) = (Device::new(1), Device::new(2));
    for _ in 0..9 {
        alice.start_with(Form::Current, &bob);
        let said = alice.say(Form::Current, "x");
        bob.hear(Form::Current, &said).unwrap();
    }
    assert_eq!(bob.sessions.sessions.len(), MAX_SESSIONS);
    assert_eq!(alice.sessions.sessions.len(), MAX_SESSIONS);
}

#[test]
fn nothing_secret_is_shown() {
    let (mut alice, bob) = (Device::new(1), Device::new(2));
    alice.start_with(Form::Current, &bob);
    let shown = format!("{:?}", alice.sessions);
    assert!(
        shown.contains("Key(…)") && shown.contains("SecretKey(…)"),
        "{shown}"
    );
}
