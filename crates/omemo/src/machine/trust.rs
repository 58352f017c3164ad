//! Trust: decisions of the user, decisions of the user's other devices (XEP-0450), and who can read.

use std::collections::BTreeMap;

use base::{BareJid, Timestamp};
use xmpp::xep::omemo::{DeviceId, Form};

use super::{Audience, Decrypted, Event, Machine, Reader, Unreached};
use crate::account::Account;
use crate::crypto::{EdwardsKey, IdentityKey, PublicKey};
use crate::device_list::shown_label;
use crate::error::Error;
use crate::records::{Decision, Letter, TrustRecord};
use crate::store::{Draft, KeyStore};
use crate::trust::message::{self, Told};
use crate::trust::{Claim, Trust, VerificationUri};

/// How many decisions of an unverified device are kept until it is verified.
const MAX_PENDING: usize = 1_000;

/// Of how many unverified keys of one account decisions are kept.
const MAX_PENDING_SENDERS: usize = 32;

/// A device, for showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceView {
    /// Whose.
    pub account: BareJid,
    /// Its number.
    pub device: DeviceId,
    /// Whether it is this device.
    pub this: bool,
    /// Its key, when it was seen. [`fingerprint`](crate::fingerprint) writes it for people.
    pub identity: Option<IdentityKey>,
    /// What its user calls it. Its own key has signed that.
    pub label: Option<String>,
    /// What was decided about its key; `None` while it is not known.
    pub trust: Option<Trust>,
    /// The forms in which its account lists it. Without one it is gone, and not written to.
    pub forms: Vec<Form>,
    /// When it was last heard.
    pub heard: Option<Timestamp>,
}

/// Who can read in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readership {
    /// The devices that can.
    pub readers: Vec<Reader>,
    /// Those that cannot, and why.
    pub unreached: Vec<Unreached>,
}

/// What came of holding an address against the devices that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Whose devices they are.
    pub account: BareJid,
    /// Keys that are verified now.
    pub verified: Vec<IdentityKey>,
    /// Devices whose key is another one than the address says: somebody may be listening. Nothing was decided.
    pub different: Vec<DeviceId>,
}

/// What is told to other devices: whose key, which, and whether it is believed.
type Decided = (BareJid, IdentityKey, bool);

impl<S: KeyStore> Machine<S> {
    /// What was decided about a key.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn trust(
        &self,
        account: &BareJid,
        identity: &IdentityKey,
    ) -> Result<Trust, Error<S::Error>> {
        if *account == self.own && *identity == self.identity() {
            return Ok(Trust::Verified { automatic: false });
        }
        let record = Draft::new(&self.store).trust(account, identity)?;
        Ok(record.map_or(Trust::Undecided, |record| record.trust))
    }

    /// The user has compared the key. Tells the verified devices of both sides (XEP-0450 §4.1, §4.2).
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn verify(
        &mut self,
        account: &BareJid,
        identity: &IdentityKey,
        now: Timestamp,
    ) -> Result<(), Error<S::Error>> {
        self.decide(account, identity, Trust::Verified { automatic: false }, now)
    }

    /// The user does not believe the key, or has lost the device. Tells the verified devices (XEP-0450 §4.3, §4.4).
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn distrust(
        &mut self,
        account: &BareJid,
        identity: &IdentityKey,
        now: Timestamp,
    ) -> Result<(), Error<S::Error>> {
        self.decide(
            account,
            identity,
            Trust::Distrusted { automatic: false },
            now,
        )
    }

    /// The user believes the key without having compared it. Nobody is told.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn accept(
        &mut self,
        account: &BareJid,
        identity: &IdentityKey,
        now: Timestamp,
    ) -> Result<(), Error<S::Error>> {
        self.decide(account, identity, Trust::FirstUse, now)
    }

    fn decide(
        &mut self,
        account: &BareJid,
        identity: &IdentityKey,
        trust: Trust,
        now: Timestamp,
    ) -> Result<(), Error<S::Error>> {
        if *account == self.own && *identity == self.identity() {
            return Ok(());
        }
        let mut draft = Draft::new(&self.store);
        let mut own = self.account.clone();
        let mut events = Vec::new();
        let before = draft.trust(account, identity)?.map(|record| record.trust);
        let record = TrustRecord { trust, since: now };
        draft.put_trust(account, identity, &record);
        if before != Some(trust) {
            events.push(Event::Trust {
                account: account.clone(),
                identity: *identity,
                trust,
            });
            match trust {
                Trust::Verified { .. } => {
                    self.tell_verified(&mut draft, &mut own, account, identity)?;
                }
                Trust::Distrusted { .. } => {
                    self.tell_distrusted(&mut draft, &mut own, account, identity)?;
                }
                Trust::FirstUse | Trust::Undecided => {}
            }
        }
        if trust.is_verified() {
            events.extend(self.release(&mut draft, account.clone(), *identity)?);
        }
        draft.put_account(&own);
        let changes = draft.finish();
        self.commit(&changes)?;
        self.account = own;
        for event in events {
            self.tell(event);
        }
        Ok(())
    }

    /// Whether a device of ours is newer than this one, as far as was seen since the program was started.
    #[must_use]
    pub fn came_after_us(&self, device: DeviceId) -> bool {
        self.came_after_us.contains(&device)
    }

    /// Whether another device of ours has taken this one out, since we are connected. This one has put itself back meanwhile
    /// (XEP-0384 §5.3): where it loses its access, too, it was meant.
    #[must_use]
    pub const fn is_taken_out(&self) -> bool {
        self.taken_out
    }

    /// Takes one of our devices out of the device list and believes it no more: it is lost, or somebody else's. Should it put
    /// itself back, it is taken out again.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn revoke(&mut self, device: DeviceId, now: Timestamp) -> Result<(), Error<S::Error>> {
        if device == self.account.device {
            return Ok(());
        }
        let own = self.own.clone();
        if let Some(identity) = self.identity_of(&own, device)? {
            self.distrust(&own, &identity, now)?;
        }
        self.revoked.insert(device);
        self.removals.remove(&device);
        let mut draft = Draft::new(&self.store);
        draft.put_revoked(&self.revoked);
        let changes = draft.finish();
        self.commit(&changes)
    }

    fn post(
        draft: &mut Draft<'_, S>,
        own: &mut Account,
        to: &BareJid,
        only: Option<IdentityKey>,
        decided: &[Decided],
    ) {
        if decided.is_empty() {
            return;
        }
        let letter = Letter {
            to: to.clone(),
            only,
            content: message::write(decided),
        };
        draft.put_letter(own.next_letter, Some(&letter));
        own.next_letter = own.next_letter.wrapping_add(1);
    }

    /// Verified keys by account, without this one and our own device's.
    fn verified(
        &self,
        draft: &Draft<'_, S>,
        without: &IdentityKey,
    ) -> Result<BTreeMap<BareJid, Vec<IdentityKey>>, Error<S::Error>> {
        let mut verified: BTreeMap<BareJid, Vec<IdentityKey>> = BTreeMap::new();
        for (account, key, record) in draft.all_trusts()? {
            if record.trust.is_verified() && key != *without && key != self.identity() {
                verified.entry(account).or_default().push(key);
            }
        }
        Ok(verified)
    }

    fn tell_verified(
        &self,
        draft: &mut Draft<'_, S>,
        own: &mut Account,
        account: &BareJid,
        identity: &IdentityKey,
    ) -> Result<(), Error<S::Error>> {
        let verified = self.verified(draft, identity)?;
        let news = [(account.clone(), *identity, true)];
        let all = |accounts: &[&BareJid]| -> Vec<Decided> {
            accounts
                .iter()
                .filter_map(|account| verified.get_key_value(*account))
                .flat_map(|(account, keys)| keys.iter().map(|key| (account.clone(), *key, true)))
                .collect()
        };
        if *account == self.own {
            for other in verified.keys() {
                Self::post(draft, own, other, None, &news);
            }
            let accounts: Vec<&BareJid> = verified.keys().collect();
            let known = all(&accounts);
            Self::post(draft, own, account, Some(*identity), &known);
        } else {
            if verified.contains_key(&self.own) {
                Self::post(draft, own, &self.own, None, &news);
            }
            let ours = all(&[&self.own]);
            Self::post(draft, own, account, Some(*identity), &ours);
        }
        Ok(())
    }

    fn tell_distrusted(
        &self,
        draft: &mut Draft<'_, S>,
        own: &mut Account,
        account: &BareJid,
        identity: &IdentityKey,
    ) -> Result<(), Error<S::Error>> {
        let verified = self.verified(draft, identity)?;
        let news = [(account.clone(), *identity, false)];
        for other in verified.keys() {
            if *account == self.own || *other == self.own {
                Self::post(draft, own, other, None, &news);
            }
        }
        Ok(())
    }

    /// Decisions that a device has sent: done when its key is verified, kept until it is otherwise.
    pub(super) fn take_decisions(
        &self,
        draft: &mut Draft<'_, S>,
        from: &Decrypted,
        told: Vec<Told>,
        time: Timestamp,
    ) -> Result<Vec<Event>, Error<S::Error>> {
        let decisions = told.into_iter().map(|told| Decision {
            owner: told.owner,
            key: told.key,
            trust: told.trust,
            time,
        });
        // Our own devices may speak of everybody, others only of their own account (XEP-0450 §4).
        let decisions: Vec<_> = decisions
            .filter(|decision| from.account == self.own || decision.owner == from.account)
            .collect();
        if from.trust.is_verified() {
            return self.follow(draft, decisions);
        }
        if matches!(from.trust, Trust::Distrusted { .. }) {
            return Ok(Vec::new());
        }
        let mut pending = draft.pending(&from.account, &from.identity)?;
        if pending.is_empty() && draft.pending_senders(&from.account)? >= MAX_PENDING_SENDERS {
            return Ok(Vec::new());
        }
        pending.decisions.extend(decisions);
        let surplus = pending.decisions.len().saturating_sub(MAX_PENDING);
        pending.decisions.drain(..surplus);
        draft.put_pending(&from.account, &from.identity, &pending);
        Ok(Vec::new())
    }

    /// The key is verified now: what it has said before counts.
    fn release(
        &self,
        draft: &mut Draft<'_, S>,
        account: BareJid,
        identity: IdentityKey,
    ) -> Result<Vec<Event>, Error<S::Error>> {
        let mut pending = draft.pending(&account, &identity)?;
        let decisions = std::mem::take(&mut pending.decisions);
        if decisions.is_empty() {
            return Ok(Vec::new());
        }
        draft.put_pending(&account, &identity, &pending);
        self.follow(draft, decisions)
    }

    /// Does what verified devices have decided, and what those have decided that become verified by it.
    fn follow(
        &self,
        draft: &mut Draft<'_, S>,
        decisions: Vec<Decision>,
    ) -> Result<Vec<Event>, Error<S::Error>> {
        let mut events = Vec::new();
        let mut open = decisions;
        while let Some(decision) = open.pop() {
            let account = &decision.owner;
            let identity = self.named(draft, account, &decision.key)?;
            if *account == self.own && identity == self.identity() {
                continue;
            }
            let before = draft.trust(account, &identity)?;
            let newer = before.is_none_or(|before| decision.time >= before.since);
            let trust = match (before.map(|record| record.trust), decision.trust) {
                // First use says less than any decision, whenever it was.
                (None | Some(Trust::FirstUse | Trust::Undecided), true) => {
                    Trust::Verified { automatic: true }
                }
                // What the user has refused by hand, only the user believes again.
                (Some(Trust::Distrusted { automatic: true }), true) if newer => {
                    Trust::Verified { automatic: true }
                }
                (None | Some(Trust::FirstUse | Trust::Undecided), false) => {
                    Trust::Distrusted { automatic: true }
                }
                (Some(Trust::Verified { .. }), false) if newer => {
                    Trust::Distrusted { automatic: true }
                }
                _ => continue,
            };
            let record = TrustRecord {
                trust,
                since: decision.time,
            };
            draft.put_trust(account, &identity, &record);
            events.push(Event::Trust {
                account: account.clone(),
                identity,
                trust,
            });
            if trust.is_verified() {
                let mut pending = draft.pending(account, &identity)?;
                let more = std::mem::take(&mut pending.decisions);
                if !more.is_empty() {
                    draft.put_pending(account, &identity, &pending);
                    open.extend(more);
                }
            }
        }
        Ok(events)
    }

    /// The key that is meant: one that we know, in whichever shape it was named, or the name itself.
    fn named(
        &self,
        draft: &Draft<'_, S>,
        account: &BareJid,
        id: &[u8; 32],
    ) -> Result<IdentityKey, Error<S::Error>> {
        let devices = draft.devices(account)?;
        let own = (*account == self.own).then(|| self.identity());
        Ok(devices
            .into_iter()
            .map(|(_, record)| record.identity)
            .chain(own)
            .find(|key| key.is_named(id))
            .unwrap_or_else(|| IdentityKey::new(PublicKey::new(*id))))
    }

    /// The address that this device shows for verification, with our verified devices in it.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn verification_uri(&self) -> Result<VerificationUri, Error<S::Error>> {
        let draft = Draft::new(&self.store);
        let mut claims = vec![Claim {
            device: Some(self.account.device),
            key: self.identity(),
            trust: true,
        }];
        for (device, record) in draft.devices(&self.own)? {
            let trust = draft.trust(&self.own, &record.identity)?;
            if device != self.account.device
                && trust.is_some_and(|record| record.trust.is_verified())
            {
                claims.push(Claim {
                    device: Some(device),
                    key: record.identity,
                    trust: true,
                });
            }
        }
        Ok(VerificationUri {
            account: self.own.clone(),
            claims,
        })
    }

    /// Holds a scanned address against what is known, and verifies what it names. Keys that were not seen yet are
    /// believed when they come.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn verify_uri(
        &mut self,
        uri: &VerificationUri,
        now: Timestamp,
    ) -> Result<Verification, Error<S::Error>> {
        let mut verification = Verification {
            account: uri.account.clone(),
            verified: Vec::new(),
            different: Vec::new(),
        };
        for claim in &uri.claims {
            if let Some(device) = claim.device
                && let Some(known) = self.identity_of(&uri.account, device)?
                && known != claim.key
            {
                verification.different.push(device);
                continue;
            }
            let key = {
                let draft = Draft::new(&self.store);
                self.named(&draft, &uri.account, claim.key.as_bytes())?
            };
            if claim.trust {
                self.verify(&uri.account, &key, now)?;
                verification.verified.push(key);
            } else {
                self.distrust(&uri.account, &key, now)?;
            }
        }
        Ok(verification)
    }

    /// The devices of an account, those that are gone with them.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn devices(&self, account: &BareJid) -> Result<Vec<DeviceView>, Error<S::Error>> {
        let draft = Draft::new(&self.store);
        let mut views: BTreeMap<DeviceId, DeviceView> = BTreeMap::new();
        let view = |device| DeviceView {
            account: account.clone(),
            device,
            this: false,
            identity: None,
            label: None,
            trust: None,
            forms: Vec::new(),
            heard: None,
        };
        let mut labels = BTreeMap::new();
        for form in Form::ALL {
            for listed in draft.list(account, form)?.unwrap_or_default().devices {
                let view = views.entry(listed.id).or_insert_with(|| view(listed.id));
                view.forms.push(form);
                if let Some(label) = listed.label {
                    labels.insert(listed.id, label);
                }
            }
        }
        for (device, record) in draft.devices(account)? {
            let view = views.entry(device).or_insert_with(|| view(device));
            view.identity = Some(record.identity);
            view.trust = draft
                .trust(account, &record.identity)?
                .map(|record| record.trust);
            let key = record.edwards.and_then(|key| EdwardsKey::read(&key).ok());
            if let (Some(key), Some((label, signature))) = (key, labels.get(&device))
                && key.verify(label.as_bytes(), signature)
            {
                view.label = Some(shown_label(label));
            }
            for form in Form::ALL {
                view.heard = view.heard.max(draft.sessions(account, device, form)?.heard);
            }
        }
        if *account == self.own {
            let device = self.account.device;
            let view = views.entry(device).or_insert_with(|| view(device));
            view.this = true;
            view.identity = Some(self.identity());
            view.trust = Some(Trust::Verified { automatic: false });
            view.label = self.config.label.as_deref().map(shown_label);
        }
        Ok(views.into_values().collect())
    }

    /// Who can read in a chat now, and who cannot and why: what would become of a message.
    ///
    /// # Errors
    /// [`Error`], when the store fails.
    pub fn who_can_read(
        &self,
        audience: &Audience,
        now: Timestamp,
    ) -> Result<Readership, Error<S::Error>> {
        let draft = Draft::new(&self.store);
        let plan = self.plan(&draft, audience, self.config.policy, now)?;
        Ok(Readership {
            readers: plan.readers,
            unreached: plan.unreached,
        })
    }
}
