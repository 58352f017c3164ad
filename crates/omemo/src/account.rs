//! The keys of this device.

use std::time::Duration;

use base::Timestamp;
use xmpp::xep::omemo::{DeviceId, Form};
use zeroize::Zeroizing;

use crate::bundle::{OwnBundle, signed_bytes};
use crate::codec::{Decoder, Encoder, StateError};
use crate::crypto::{IdentityKeyPair, KeyError, PublicKey, Randomness, SecretKey, array, secret};

/// How many prekeys a bundle has (XEP-0384 §4.2).
pub(crate) const PREKEYS: usize = 100;

/// How many used prekeys are kept.
const MAX_USED: usize = 1_000;

/// How long a used prekey is kept. Whoever has fetched the bundle before it was published anew may take the same one, and
/// would else write what nobody can read (XEP-0384 §6).
const USED_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Numbers of devices and keys are from 1 to this (XEP-0384 §5.1).
const MAX_ID: u32 = 0x7FFF_FFFF;

/// A signed prekey.
#[derive(Debug, Clone)]
pub(crate) struct SignedPreKey {
    pub(crate) id: u32,
    pub(crate) secret: SecretKey,
    made: Timestamp,
}

/// What this device has for one form.
#[derive(Debug, Clone)]
pub(crate) struct FormKeys {
    signed_prekey: SignedPreKey,
    /// The one before, for one more period.
    previous: Option<SignedPreKey>,
    /// The bundle must be published.
    pub(crate) unpublished: bool,
    /// Our number was once in the published device list.
    pub(crate) announced: bool,
}

/// This device.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) identity: IdentityKeyPair,
    pub(crate) device: DeviceId,
    pub(crate) current: FormKeys,
    pub(crate) legacy: FormKeys,
    /// Messages from the archive are being read: used prekeys stay.
    pub(crate) catching_up: bool,
    pub(crate) next_letter: u32,
}

/// A number from 1 to 2^31 - 1.
pub(crate) fn device_number(random: &mut dyn Randomness) -> DeviceId {
    u32::from_le_bytes(array(random)) % MAX_ID + 1
}

const fn following(id: u32) -> u32 {
    if id >= MAX_ID { 1 } else { id + 1 }
}

impl SignedPreKey {
    fn generate(id: u32, now: Timestamp, random: &mut dyn Randomness) -> Self {
        Self {
            id,
            secret: SecretKey::generate(random),
            made: now,
        }
    }

    fn write(&self, out: &mut Encoder) {
        out.number(self.id).secret(&self.secret).time(self.made);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, StateError> {
        Ok(Self {
            id: from.number()?,
            secret: from.secret()?,
            made: from.time()?,
        })
    }
}

impl FormKeys {
    fn generate(now: Timestamp, random: &mut dyn Randomness) -> Self {
        Self {
            signed_prekey: SignedPreKey::generate(1, now, random),
            previous: None,
            unpublished: true,
            announced: false,
        }
    }

    pub(crate) fn signed_prekey(&self, id: u32) -> Option<&SecretKey> {
        std::iter::once(&self.signed_prekey)
            .chain(&self.previous)
            .find(|key| key.id == id)
            .map(|key| &key.secret)
    }

    /// A new signed prekey once a period is over; the one before goes with the next one.
    fn rotate(&mut self, now: Timestamp, period: Duration, random: &mut dyn Randomness) -> bool {
        if now.since(self.signed_prekey.made) < period {
            return false;
        }
        let next = SignedPreKey::generate(following(self.signed_prekey.id), now, random);
        self.previous = Some(std::mem::replace(&mut self.signed_prekey, next));
        self.unpublished = true;
        true
    }

    fn write(&self, out: &mut Encoder) {
        self.signed_prekey.write(out);
        out.option(self.previous.as_ref(), |out, key| key.write(out));
        out.flag(self.unpublished).flag(self.announced);
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, StateError> {
        Ok(Self {
            signed_prekey: SignedPreKey::read(from)?,
            previous: from.option(SignedPreKey::read)?,
            unpublished: from.flag()?,
            announced: from.flag()?,
        })
    }
}

const VERSION: u8 = 1;

/// Of the prekeys; in version 1 it was not written down when one was used.
const PREKEYS_VERSION: u8 = 2;

impl Account {
    pub(crate) fn generate(now: Timestamp, random: &mut dyn Randomness) -> Result<Self, KeyError> {
        let seed: Zeroizing<[u8; 32]> = secret(random);
        Ok(Self {
            identity: IdentityKeyPair::from_seed(&seed)?,
            device: device_number(random),
            current: FormKeys::generate(now, random),
            legacy: FormKeys::generate(now, random),
            catching_up: false,
            next_letter: 1,
        })
    }

    pub(crate) const fn form(&self, form: Form) -> &FormKeys {
        match form {
            Form::Current => &self.current,
            Form::Legacy => &self.legacy,
        }
    }

    pub(crate) const fn form_mut(&mut self, form: Form) -> &mut FormKeys {
        match form {
            Form::Current => &mut self.current,
            Form::Legacy => &mut self.legacy,
        }
    }

    pub(crate) fn rotate(
        &mut self,
        now: Timestamp,
        period: Duration,
        random: &mut dyn Randomness,
    ) -> bool {
        Form::ALL
            .into_iter()
            .filter(|form| self.form_mut(*form).rotate(now, period, random))
            .count()
            > 0
    }

    pub(crate) fn bundle(&self, form: Form, prekeys: &PreKeys) -> OwnBundle<'_> {
        let key = &self.form(form).signed_prekey;
        let public = key.secret.public();
        let signed = signed_bytes(form, &public);
        OwnBundle {
            form,
            identity: self.identity.public(),
            signed_prekey: (key.id, public),
            signature: match form {
                Form::Current => self.identity.sign(&signed),
                Form::Legacy => self.identity.sign_legacy(&signed),
            },
            prekeys: prekeys.offered().collect(),
        }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(VERSION, 512);
        out.array(self.identity.seed()).number(self.device);
        self.current.write(&mut out);
        self.legacy.write(&mut out);
        out.flag(self.catching_up).number(self.next_letter);
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (_, mut from) = Decoder::new(bytes, VERSION)?;
        let seed = Zeroizing::new(from.array::<32>()?);
        let account = Self {
            identity: IdentityKeyPair::from_seed(&seed).map_err(|_| StateError::Damaged)?,
            device: from.number()?,
            current: FormKeys::read(&mut from)?,
            legacy: FormKeys::read(&mut from)?,
            catching_up: from.flag()?,
            next_letter: from.number()?,
        };
        from.finish()?;
        Ok(account)
    }
}

#[derive(Debug, Clone)]
struct PreKey {
    id: u32,
    secret: SecretKey,
    public: PublicKey,
    /// Since then it is offered no more, and a day later it goes.
    used: Option<Timestamp>,
}

/// The prekeys of one form.
#[derive(Debug, Clone, Default)]
pub(crate) struct PreKeys {
    last_id: u32,
    keys: Vec<PreKey>,
}

impl PreKeys {
    pub(crate) fn offered(&self) -> impl Iterator<Item = (u32, PublicKey)> + '_ {
        self.keys
            .iter()
            .filter(|key| key.used.is_none())
            .map(|key| (key.id, key.public))
    }

    pub(crate) fn secret(&self, id: u32) -> Option<&SecretKey> {
        self.keys
            .iter()
            .find(|key| key.id == id)
            .map(|key| &key.secret)
    }

    /// A prekey was used: it is offered no more. Says whether it was offered.
    pub(crate) fn mark_used(&mut self, id: u32, now: Timestamp) -> bool {
        let Some(key) = self.keys.iter_mut().find(|key| key.id == id) else {
            return false;
        };
        if key.used.is_some() {
            return false;
        }
        key.used = Some(now);
        let used = self.keys.iter().filter_map(|key| key.used);
        if used.clone().count() > MAX_USED
            && let Some(oldest) = used.min()
            && let Some(index) = self.keys.iter().position(|key| key.used == Some(oldest))
        {
            self.keys.remove(index);
        }
        true
    }

    /// Forgets those that were used long ago. Says whether there were any.
    pub(crate) fn forget_used(&mut self, now: Timestamp) -> bool {
        let before = self.keys.len();
        self.keys
            .retain(|key| key.used.is_none_or(|used| now.since(used) < USED_AGE));
        self.keys.len() != before
    }

    /// Makes as many as are missing.
    pub(crate) fn refill(&mut self, random: &mut dyn Randomness) {
        for _ in self.offered().count()..PREKEYS {
            let mut id = following(self.last_id);
            while self.secret(id).is_some() {
                id = following(id);
            }
            self.last_id = id;
            let secret = SecretKey::generate(random);
            self.keys.push(PreKey {
                id,
                public: secret.public(),
                secret,
                used: None,
            });
        }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new(PREKEYS_VERSION, 16 + 78 * self.keys.len());
        out.number(self.last_id).count(self.keys.len());
        for key in &self.keys {
            out.number(key.id)
                .secret(&key.secret)
                .public(&key.public)
                .option(key.used, |out, used| {
                    out.time(used);
                });
        }
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (version, mut from) = Decoder::new(bytes, PREKEYS_VERSION)?;
        let prekeys = Self {
            last_id: from.number()?,
            keys: from.list(|from| {
                Ok(PreKey {
                    id: from.number()?,
                    secret: from.secret()?,
                    public: from.public()?,
                    used: match version {
                        1 => from.flag()?.then_some(Timestamp::EPOCH),
                        _ => from.option(Decoder::time)?,
                    },
                })
            })?,
        };
        from.finish()?;
        Ok(prekeys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Seeded;

    #[test]
    fn used_prekeys_are_replaced_and_kept_for_a_day() {
        let mut random = Seeded::new(1);
        let mut prekeys = PreKeys::default();
        let at = Timestamp::from_seconds;
        prekeys.refill(&mut random);
        assert_eq!(prekeys.offered().count(), PREKEYS);
        assert!(prekeys.mark_used(7, at(10)));
        assert!(!prekeys.mark_used(7, at(20)), "offered no more");
        assert!(!prekeys.mark_used(700, at(10)));
        prekeys.refill(&mut random);
        assert_eq!(prekeys.offered().count(), PREKEYS);
        assert!(prekeys.offered().all(|(id, _)| id != 7));
        assert!(!prekeys.forget_used(at(86_409)));
        assert!(prekeys.secret(7).is_some());
        assert!(prekeys.forget_used(at(86_410)));
        assert!(prekeys.secret(7).is_none());
        assert!(prekeys.secret(101).is_some(), "numbers are not used again");
    }

    #[test]
    fn of_many_used_prekeys_the_latest_are_kept() {
        let mut random = Seeded::new(1);
        let mut prekeys = PreKeys::default();
        for second in 1..=1_001 {
            prekeys.refill(&mut random);
            assert!(prekeys.mark_used(second, Timestamp::from_seconds(i64::from(second))));
        }
        assert!(prekeys.secret(1).is_none());
        assert!(prekeys.secret(2).is_some());
    }

    #[test]
    fn a_signed_prekey_lives_for_two_periods() {
        let mut random = Seeded::new(2);
        let period = Duration::from_secs(100);
        let at = Timestamp::from_seconds;
        let mut account = Account::generate(at(0), &mut random).unwrap();
        let mut alive = Vec::new();
        for second in [99, 100, 150, 200, 300] {
            let rotated = account.rotate(at(second), period, &mut random);
            alive.push((
                second,
                rotated,
                (1..5)
                    .filter(|id| account.current.signed_prekey(*id).is_some())
                    .collect::<Vec<u32>>(),
            ));
        }
        assert_eq!(
            alive,
            [
                (99, false, vec![1]),
                (100, true, vec![1, 2]),
                (150, false, vec![1, 2]),
                (200, true, vec![2, 3]),
                (300, true, vec![3, 4]),
            ]
        );
    }

    #[test]
    fn both_are_read_as_they_were_written() {
        let mut random = Seeded::new(3);
        let account = Account::generate(Timestamp::from_seconds(5), &mut random).unwrap();
        let kept = account.encode();
        assert_eq!(Account::decode(&kept).unwrap().encode(), kept);
        let mut prekeys = PreKeys::default();
        prekeys.refill(&mut random);
        let kept = prekeys.encode();
        assert_eq!(PreKeys::decode(&kept).unwrap().encode(), kept);
        assert!(PreKeys::decode(&kept[..kept.len() - 1]).is_err());
    }

    #[test]
    fn numbers_of_devices_are_in_their_range() {
        let mut random = Seeded::new(4);
        for _ in 0..1_000 {
            assert!((1..=MAX_ID).contains(&device_number(&mut random)));
        }
        assert_eq!(following(MAX_ID), 1);
    }
}
