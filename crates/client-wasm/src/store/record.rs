//! A commit on disk: a head, the keys, sealed together, and the values, each sealed by itself.
//!
//! ```text
//! head    8 bytes: size of the sealed keys (u32), size of all values (u32), little endian
//! keys    nonce, ciphertext, tag; bound to the head, to the file's generation, and to where it stands
//! values  one after the other: nonce, ciphertext, tag; each bound to its table and key
//! ```
//! Keys are: table (u8), bytes shared with the key before (u16), further bytes (u16), these, and the size of the sealed value
//! (u32), or `u32::MAX` for a key that is deleted.

/// Bytes of a head.
pub(super) const HEAD: usize = 8;
const DELETED: u32 = u32::MAX;

/// A key of a record.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) table: u8,
    pub(super) key: Vec<u8>,
    /// Size of the sealed value; `None` when the key is deleted.
    pub(super) size: Option<u32>,
}

/// The keys of a record, as they are written.
#[derive(Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Keys {
    /// Adds a key; `None` when it is too long.
    pub(super) fn add(&mut self, table: u8, key: &[u8], size: Option<u32>) -> Option<()> {
        let alike = self
            .last
            .iter()
            .zip(key)
            .take_while(|(one, other)| one == other);
        let shared = alike.count();
        let rest = key.get(shared..)?;
        self.bytes.push(table);
        self.bytes
            .extend_from_slice(&u16::try_from(shared).ok()?.to_le_bytes());
        self.bytes
            .extend_from_slice(&u16::try_from(rest.len()).ok()?.to_le_bytes());
        self.bytes.extend_from_slice(rest);
        self.bytes
            .extend_from_slice(&size.unwrap_or(DELETED).to_le_bytes());
        self.last.clear();
        self.last.extend_from_slice(key);
        Some(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the keys; `None` when they are not what was written.
pub(super) fn read(mut bytes: &[u8]) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    let mut last: Vec<u8> = Vec::new();
    while let Some((table, rest)) = bytes.split_first() {
        let (shared, rest) = rest.split_first_chunk::<2>()?;
        let (more, rest) = rest.split_first_chunk::<2>()?;
        let (key, rest) = rest.split_at_checked(u16::from_le_bytes(*more).into())?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size);
        let shared = usize::from(u16::from_le_bytes(*shared));
        if shared > last.len() {
            return None;
        }
        last.truncate(shared);
        last.extend_from_slice(key);
        rows.push(Row {
            table: *table,
            key: last.clone(),
            size: (size != DELETED).then_some(size),
        });
        bytes = rest;
    }
    Some(rows)
}

/// The head of a record.
pub(super) fn head(keys: usize, values: usize) -> Option<[u8; HEAD]> {
    let mut head = [0; HEAD];
    let (first, second) = head.split_at_mut(4);
    first.copy_from_slice(&u32::try_from(keys).ok()?.to_le_bytes());
    second.copy_from_slice(&u32::try_from(values).ok()?.to_le_bytes());
    Some(head)
}

/// The sizes that a head says.
pub(super) fn sizes(head: [u8; HEAD]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = head;
    (
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    )
}

/// What the value of a key is sealed about.
pub(super) fn about(table: u8, key: &[u8]) -> Vec<u8> {
    let mut about = Vec::with_capacity(1 + key.len());
    about.push(table);
    about.extend_from_slice(key);
    about
}
