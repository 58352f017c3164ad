//! Every record that was ever kept is read, and written as it was.

use crate::account::{Account, PreKeys};
use crate::codec::{Decoder, Encoder, StateError};
use crate::device_list::DeviceList;
use crate::records::{Delivery, DeviceRecord, Letter, Owed, Pending, TrustRecord};
use crate::session::Sessions;
use crate::store::RecordBytes;
use crate::tests::unhex;

/// What the first format looked like. What was released must be readable for ever.
const FIRST: &str = include_str!("../../tests/snapshots/format-1.txt");
/// Since prekeys say when they were used.
const SECOND: &str = include_str!("../../tests/snapshots/prekeys-2.txt");

fn again(name: &str, bytes: &[u8]) -> Result<RecordBytes, StateError> {
    let kind = name.split('/').next().unwrap_or_default();
    Ok(match kind {
        "format" => Encoder::new(Decoder::new(bytes, 1)?.0, 1).finish(),
        "account" => Account::decode(bytes)?.encode(),
        "prekeys" => PreKeys::decode(bytes)?.encode(),
        "list" => DeviceList::decode(bytes)?.encode(),
        "device" => DeviceRecord::decode(bytes)?.encode(),
        "sessions" => Sessions::decode(bytes)?.encode(),
        "trust" => TrustRecord::decode(bytes)?.encode(),
        "pending" => Pending::decode(bytes)?.encode(),
        "owed" => Owed::decode(bytes)?.encode(),
        "letter" => Letter::decode(bytes)?.encode(),
        "inbox" => Delivery::decode(bytes)?.encode(),
        other => panic!("a record {other} that nobody reads"),
    })
}

#[test]
fn records_are_read_and_written_as_they_were() {
    let mut kinds = std::collections::BTreeSet::new();
    for line in SECOND.lines().filter(|line| !line.starts_with("post ")) {
        let mut parts = line.splitn(3, ' ').skip(1);
        let (name, bytes) = (parts.next().unwrap(), unhex(parts.next().unwrap()));
        assert_eq!(again(name, &bytes).unwrap().to_vec(), bytes, "{name}");
        kinds.insert(name.split('/').next().unwrap());
        for cut in 0..bytes.len().min(600) {
            assert!(again(name, &bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        let mut newer = bytes.clone();
        newer[0] = 200;
        assert_eq!(again(name, &newer).err(), Some(StateError::Newer(200)));
    }
    let all = [
        "account", "device", "format", "inbox", "letter", "list", "owed", "pending", "prekeys",
        "sessions", "trust",
    ];
    assert!(kinds.into_iter().eq(all));
}

#[test]
fn what_was_written_first_is_read() {
    for line in FIRST.lines().filter(|line| !line.starts_with("post ")) {
        let mut parts = line.splitn(3, ' ').skip(1);
        let (name, bytes) = (parts.next().unwrap(), unhex(parts.next().unwrap()));
        let now = again(name, &bytes).unwrap();
        if name.starts_with("prekeys/") {
            assert_eq!(again(name, &now).unwrap(), now, "{name}");
        } else {
            assert_eq!(now.to_vec(), bytes, "{name}");
        }
    }
}
