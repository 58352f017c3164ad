//! What one operation changes, gathered on top of the store until it is committed.

use std::collections::BTreeSet;

use base::BareJid;
use xmpp::xep::omemo::{DeviceId, Form};

use super::{Changes, KeyStore, RecordBytes};
use crate::account::{Account, PreKeys};
use crate::codec::{Decoder, Encoder, StateError};
use crate::crypto::IdentityKey;
use crate::device_list::DeviceList;
use crate::error::Error;
use crate::records::{Delivery, DeviceRecord, Letter, Owed, Pending, TrustRecord};
use crate::session::Sessions;

/// A view of the store with the changes so far.
pub(crate) struct Draft<'s, S: KeyStore> {
    store: &'s S,
    changes: Changes,
}

const fn form_name(form: Form) -> &'static str {
    match form {
        Form::Current => "2",
        Form::Legacy => "axolotl",
    }
}

fn of_device(kind: &str, account: &BareJid, device: DeviceId, form: Form) -> String {
    format!("{kind}/{account}/{device}/{}", form_name(form))
}

fn of_key(kind: &str, account: &BareJid, key: &IdentityKey) -> String {
    format!("{kind}/{account}/{key}")
}

/// Reads back what [`of_device`] wrote.
fn device_of(name: &str) -> Option<Peer> {
    let mut parts = name.rsplitn(3, '/');
    let form = match parts.next()? {
        "2" => Form::Current,
        "axolotl" => Form::Legacy,
        _ => return None,
    };
    let device = parts.next()?.parse().ok()?;
    let (_, account) = parts.next()?.split_once('/')?;
    Some((BareJid::parse(account).ok()?, device, form))
}

/// A device in one form.
type Peer = (BareJid, DeviceId, Form);

type Result<T, S> = std::result::Result<T, Error<<S as KeyStore>::Error>>;

impl<'s, S: KeyStore> Draft<'s, S> {
    pub(crate) fn new(store: &'s S) -> Self {
        Self {
            store,
            changes: Changes::new(),
        }
    }

    pub(crate) fn finish(self) -> Changes {
        self.changes
    }

    fn load<T>(
        &self,
        name: &str,
        read: impl FnOnce(&[u8]) -> std::result::Result<T, StateError>,
    ) -> Result<Option<T>, S> {
        let read = |bytes: &[u8]| {
            read(bytes).map_err(|fault| Error::State {
                record: name.to_owned(),
                fault,
            })
        };
        match self.changes.get(name) {
            Some(Some(bytes)) => read(bytes).map(Some),
            Some(None) => Ok(None),
            None => self
                .store
                .load(name)
                .map_err(Error::Store)?
                .map(|bytes| read(&bytes))
                .transpose(),
        }
    }

    fn put(&mut self, name: String, bytes: RecordBytes) {
        self.changes.put(name, bytes);
    }

    /// Records as they are with the changes so far.
    fn scan(&self, prefix: &str) -> Result<Vec<(String, RecordBytes)>, S> {
        let mut records: std::collections::BTreeMap<String, RecordBytes> = self
            .store
            .scan(prefix)
            .map_err(Error::Store)?
            .into_iter()
            .collect();
        for (name, bytes) in self.changes.iter() {
            if name.starts_with(prefix) {
                match bytes {
                    Some(bytes) => records.insert(name.to_owned(), bytes.clone()),
                    None => records.remove(name),
                };
            }
        }
        Ok(records.into_iter().collect())
    }

    fn scan_as<T>(
        &self,
        prefix: &str,
        mut read: impl FnMut(&str, &[u8]) -> std::result::Result<T, StateError>,
    ) -> Result<Vec<T>, S> {
        self.scan(prefix)?
            .into_iter()
            .map(|(name, bytes)| {
                read(&name, &bytes).map_err(|fault| Error::State {
                    record: name,
                    fault,
                })
            })
            .collect()
    }

    /// Brings what an older version has written to the format of this one.
    pub(crate) fn migrate(&mut self) -> Result<(), S> {
        super::migration::run(self)
    }

    pub(super) fn format(&self, ours: u8) -> Result<Option<u8>, S> {
        self.load("format", |bytes| Ok(Decoder::new(bytes, ours)?.0))
    }

    pub(super) fn put_format(&mut self, format: u8) {
        self.put("format".to_owned(), Encoder::new(format, 1).finish());
    }

    pub(crate) fn account(&self) -> Result<Option<Account>, S> {
        self.load("account", Account::decode)
    }

    pub(crate) fn put_account(&mut self, account: &Account) {
        self.put("account".to_owned(), account.encode());
    }

    pub(crate) fn prekeys(&self, form: Form) -> Result<PreKeys, S> {
        let name = format!("prekeys/{}", form_name(form));
        Ok(self.load(&name, PreKeys::decode)?.unwrap_or_default())
    }

    pub(crate) fn put_prekeys(&mut self, form: Form, prekeys: &PreKeys) {
        self.put(format!("prekeys/{}", form_name(form)), prekeys.encode());
    }

    pub(crate) fn list(&self, account: &BareJid, form: Form) -> Result<Option<DeviceList>, S> {
        let name = format!("list/{account}/{}", form_name(form));
        self.load(&name, DeviceList::decode)
    }

    pub(crate) fn put_list(&mut self, account: &BareJid, form: Form, list: &DeviceList) {
        let name = format!("list/{account}/{}", form_name(form));
        self.put(name, list.encode());
    }

    pub(crate) fn device(
        &self,
        account: &BareJid,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, S> {
        self.load(&format!("device/{account}/{device}"), DeviceRecord::decode)
    }

    pub(crate) fn put_device(
        &mut self,
        account: &BareJid,
        device: DeviceId,
        record: &DeviceRecord,
    ) {
        self.put(format!("device/{account}/{device}"), record.encode());
    }

    /// Every device of an account of which a key was ever seen.
    pub(crate) fn devices(&self, account: &BareJid) -> Result<Vec<(DeviceId, DeviceRecord)>, S> {
        self.scan_as(&format!("device/{account}/"), |name, bytes| {
            let device = name.rsplit('/').next().and_then(|id| id.parse().ok());
            Ok((
                device.ok_or(StateError::Damaged)?,
                DeviceRecord::decode(bytes)?,
            ))
        })
    }

    pub(crate) fn sessions(
        &self,
        account: &BareJid,
        device: DeviceId,
        form: Form,
    ) -> Result<Sessions, S> {
        let name = of_device("sessions", account, device, form);
        Ok(self.load(&name, Sessions::decode)?.unwrap_or_default())
    }

    pub(crate) fn put_sessions(
        &mut self,
        account: &BareJid,
        device: DeviceId,
        form: Form,
        sessions: &Sessions,
    ) {
        let name = of_device("sessions", account, device, form);
        self.put(name, sessions.encode());
    }

    pub(crate) fn trust(
        &self,
        account: &BareJid,
        key: &IdentityKey,
    ) -> Result<Option<TrustRecord>, S> {
        self.load(&of_key("trust", account, key), TrustRecord::decode)
    }

    pub(crate) fn put_trust(&mut self, account: &BareJid, key: &IdentityKey, record: &TrustRecord) {
        self.put(of_key("trust", account, key), record.encode());
    }

    /// What was decided about the keys of an account.
    pub(crate) fn trusts(&self, account: &BareJid) -> Result<Vec<(IdentityKey, TrustRecord)>, S> {
        self.scan_as(&format!("trust/{account}/"), |name, bytes| {
            let key = name.rsplit('/').next().and_then(crate::trust::read_hex);
            let key = key.ok_or(StateError::Damaged)?;
            Ok((key, TrustRecord::decode(bytes)?))
        })
    }

    /// All keys of which something was decided, of all accounts.
    pub(crate) fn all_trusts(&self) -> Result<Vec<(BareJid, IdentityKey, TrustRecord)>, S> {
        self.scan_as("trust/", |name, bytes| {
            let parsed = name
                .strip_prefix("trust/")
                .and_then(|rest| rest.rsplit_once('/'))
                .and_then(|(account, key)| {
                    Some((BareJid::parse(account).ok()?, crate::trust::read_hex(key)?))
                });
            let (account, key) = parsed.ok_or(StateError::Damaged)?;
            Ok((account, key, TrustRecord::decode(bytes)?))
        })
    }

    pub(crate) fn pending(&self, account: &BareJid, key: &IdentityKey) -> Result<Pending, S> {
        let name = of_key("pending", account, key);
        Ok(self.load(&name, Pending::decode)?.unwrap_or_default())
    }

    /// How many keys of an account have sent decisions that wait.
    pub(crate) fn pending_senders(&self, account: &BareJid) -> Result<usize, S> {
        Ok(self.scan(&format!("pending/{account}/"))?.len())
    }

    pub(crate) fn put_pending(&mut self, account: &BareJid, key: &IdentityKey, pending: &Pending) {
        let name = of_key("pending", account, key);
        if pending.is_empty() {
            self.changes.delete(name);
        } else {
            self.put(name, pending.encode());
        }
    }

    pub(crate) fn owed(&self) -> Result<Vec<(Peer, Owed)>, S> {
        self.scan_as("owed/", |name, bytes| {
            let device = device_of(name).ok_or(StateError::Damaged)?;
            Ok((device, Owed::decode(bytes)?))
        })
    }

    pub(crate) fn owed_to(
        &self,
        account: &BareJid,
        device: DeviceId,
        form: Form,
    ) -> Result<Option<Owed>, S> {
        self.load(&of_device("owed", account, device, form), Owed::decode)
    }

    pub(crate) fn put_owed(
        &mut self,
        account: &BareJid,
        device: DeviceId,
        form: Form,
        owed: Option<Owed>,
    ) {
        let name = of_device("owed", account, device, form);
        match owed {
            Some(owed) => self.put(name, owed.encode()),
            None => {
                self.changes.delete(name);
            }
        }
    }

    /// Devices of ours that were taken out.
    pub(crate) fn revoked(&self) -> Result<BTreeSet<DeviceId>, S> {
        let read = |bytes: &[u8]| {
            let (_, mut from) = Decoder::new(bytes, 1)?;
            let all: BTreeSet<DeviceId> = from.list(Decoder::number)?;
            from.finish()?;
            Ok(all)
        };
        Ok(self.load("revoked", read)?.unwrap_or_default())
    }

    pub(crate) fn put_revoked(&mut self, revoked: &BTreeSet<DeviceId>) {
        let mut record = Encoder::new(1, 8 + 5 * revoked.len());
        record.count(revoked.len());
        for device in revoked {
            record.number(*device);
        }
        self.put("revoked".to_owned(), record.finish());
    }

    pub(crate) fn letters(&self) -> Result<Vec<(u32, Letter)>, S> {
        self.scan_as("letter/", |name, bytes| {
            let number = name.rsplit('/').next().and_then(|id| id.parse().ok());
            Ok((number.ok_or(StateError::Damaged)?, Letter::decode(bytes)?))
        })
    }

    pub(crate) fn put_letter(&mut self, number: u32, letter: Option<&Letter>) {
        let name = format!("letter/{number:010}");
        match letter {
            Some(letter) => self.put(name, letter.encode()),
            None => {
                self.changes.delete(name);
            }
        }
    }

    pub(crate) fn delivery(&self, reference: &str) -> Result<Option<Delivery>, S> {
        self.load(&format!("inbox/{reference}"), Delivery::decode)
    }

    pub(crate) fn put_delivery(&mut self, reference: &str, delivery: Option<&Delivery>) {
        let name = format!("inbox/{reference}");
        match delivery {
            Some(delivery) => self.put(name, delivery.encode()),
            None => {
                self.changes.delete(name);
            }
        }
    }

    pub(crate) fn deliveries(&self) -> Result<Vec<(String, Delivery)>, S> {
        self.scan_as("inbox/", |name, bytes| {
            let reference = name.strip_prefix("inbox/").unwrap_or_default().to_owned();
            Ok((reference, Delivery::decode(bytes)?))
        })
    }
}
