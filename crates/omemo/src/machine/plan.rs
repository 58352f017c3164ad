//! Who can read what is written now, and why somebody cannot.

use std::collections::BTreeSet;

use base::{BareJid, Timestamp};
use xmpp::xep::omemo::{DeviceId, Form};

use super::requests::Want;
use super::{Audience, Machine, Peer, Reader, Unreachable, Unreached};
use crate::device_list::DeviceList;
use crate::error::Error;
use crate::store::{Draft, KeyStore};
use crate::trust::{Policy, Trust};

/// Who reads and who does not, and what must be fetched to reach more.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) readers: Vec<Reader>,
    pub(super) unreached: Vec<Unreached>,
    pub(super) wants: Vec<Want>,
}

/// What can be done for a device in one form.
enum Standing {
    Reads(Box<Reader>),
    Out(Unreachable),
    /// Its bundle must be fetched first.
    Unknown,
}

/// The devices of an account, each in the form in which it is written to. A device that speaks both gets the current
/// one, and the other one where that is of no use.
fn merged(current: &DeviceList, legacy: &DeviceList) -> Vec<(DeviceId, Vec<Form>)> {
    let ids: BTreeSet<DeviceId> = current.ids().chain(legacy.ids()).collect();
    ids.into_iter()
        .map(|id| {
            let forms = [(current, Form::Current), (legacy, Form::Legacy)]
                .into_iter()
                .filter(|(list, _)| list.contains(id))
                .map(|(_, form)| form)
                .collect();
            (id, forms)
        })
        .collect()
}

const fn denial(policy: Policy, trust: Trust) -> Unreachable {
    match (policy, trust) {
        (_, Trust::Distrusted { .. }) => Unreachable::Distrusted,
        (Policy::VerifiedOnly, _) => Unreachable::NotVerified,
        _ => Unreachable::Undecided,
    }
}

impl<S: KeyStore> Machine<S> {
    /// All accounts of an audience, our own with them, each once.
    pub(super) fn accounts<'a>(&'a self, audience: &'a Audience) -> BTreeSet<&'a BareJid> {
        audience.members.iter().chain([&self.own]).collect()
    }

    pub(super) fn plan(
        &self,
        draft: &Draft<'_, S>,
        audience: &Audience,
        policy: Policy,
        now: Timestamp,
    ) -> Result<Plan, Error<S::Error>> {
        let mut plan = Plan::default();
        for account in self.accounts(audience) {
            self.plan_account(draft, account, policy, now, &mut plan)?;
        }
        Ok(plan)
    }

    fn plan_account(
        &self,
        draft: &Draft<'_, S>,
        account: &BareJid,
        policy: Policy,
        now: Timestamp,
        plan: &mut Plan,
    ) -> Result<(), Error<S::Error>> {
        let own = *account == self.own;
        let unreached = |device, reason| Unreached {
            account: account.clone(),
            device,
            reason,
        };
        let (mut lists, mut missing, mut failed) = (Vec::new(), false, false);
        for form in Form::ALL {
            let list = draft.list(account, form)?;
            let key = (account.clone(), form);
            let within = |since: Option<&Timestamp>, limit| {
                since.is_some_and(|since| now.since(*since) < limit)
            };
            if within(self.failed_lists.get(&key), self.config.retry_after) {
                failed |= list.is_none();
            } else if !within(self.seen_lists.get(&key), self.config.list_age) {
                missing |= list.is_none();
                plan.wants.push(Want::List(account.clone(), form));
            }
            lists.push(list.unwrap_or_default());
        }
        let [current, legacy] = lists.as_slice() else {
            return Ok(());
        };
        let mut devices = merged(current, legacy);
        if own {
            devices.retain(|(device, _)| *device != self.account.device);
        } else if devices.is_empty() {
            plan.unreached.push(unreached(
                None,
                if missing {
                    Unreachable::ListUnknown
                } else if failed {
                    Unreachable::ListUnavailable
                } else {
                    Unreachable::NoDevices
                },
            ));
        }
        for (device, forms) in devices {
            let mut reason = Unreachable::BundleUnknown;
            let mut found = None;
            for form in forms {
                match self.standing(draft, account, device, form, policy, now)? {
                    Standing::Reads(reader) => {
                        found = Some(reader);
                        break;
                    }
                    Standing::Out(why) => {
                        reason = why;
                        // What is wrong with the bundle may be right in the other form; trust is one.
                        if !matches!(
                            why,
                            Unreachable::BundleInvalid(_) | Unreachable::BundleUnavailable
                        ) {
                            break;
                        }
                    }
                    Standing::Unknown => {
                        reason = Unreachable::BundleUnknown;
                        plan.wants
                            .push(Want::Bundle((account.clone(), device, form)));
                        break;
                    }
                }
            }
            match found {
                Some(reader) => plan.readers.push(*reader),
                None => plan.unreached.push(unreached(Some(device), reason)),
            }
        }
        Ok(())
    }

    fn standing(
        &self,
        draft: &Draft<'_, S>,
        account: &BareJid,
        device: DeviceId,
        form: Form,
        policy: Policy,
        now: Timestamp,
    ) -> Result<Standing, Error<S::Error>> {
        let peer: Peer = (account.clone(), device, form);
        let bundle = self.bundles.get(&peer).map(|(bundle, _)| bundle);
        let Some(record) = draft.device(account, device)? else {
            return Ok(self.without_bundle(&peer, now));
        };
        let identity = record.identity;
        let trust = draft
            .trust(account, &identity)?
            .map_or(Trust::Undecided, |record| record.trust);
        if !policy.allows(trust) {
            return Ok(Standing::Out(denial(policy, trust)));
        }
        let sessions = draft.sessions(account, device, form)?;
        let ready = sessions.is_ready() && sessions.identity() == Some(identity);
        if ready {
            let silent = sessions
                .heard_or_started()
                .is_some_and(|heard| now.since(heard) >= self.config.stale_after);
            if silent && sessions.unanswered >= self.config.stale_messages {
                return Ok(Standing::Out(Unreachable::Stale));
            }
        } else if bundle.is_none_or(|bundle| bundle.identity.identity() != identity) {
            return Ok(self.without_bundle(&peer, now));
        }
        Ok(Standing::Reads(Box::new(Reader {
            account: account.clone(),
            device,
            form,
            identity,
            trust,
        })))
    }

    fn without_bundle(&self, peer: &Peer, now: Timestamp) -> Standing {
        match self.troubles.get(peer) {
            Some(trouble) if now.since(trouble.since) < self.config.retry_after => {
                Standing::Out(trouble.reason)
            }
            _ => Standing::Unknown,
        }
    }
}
