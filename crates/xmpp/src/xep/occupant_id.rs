//! XEP-0421: Occupant identifiers for semi-anonymous MUCs.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ns;
use crate::xml::Writer;

/// Bytes of the hash that an id shows: 160 bits are enough to be unique.
const BYTES: usize = 20;

/// The id of the owner of a bare address in a room: the same each time, different in each room, and
/// no way back to the address without the `secret` (§3.2).
#[must_use]
pub fn occupant_id(secret: &[u8], room: &str, address: &str) -> String {
    // A key of any length will do, so this does not fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(b"occupant-id\0");
    mac.update(room.as_bytes());
    mac.update(b"\0");
    mac.update(address.as_bytes());
    let hash = mac.finalize().into_bytes();
    let mut id = String::with_capacity(2 * BYTES);
    for byte in hash.iter().take(BYTES) {
        for digit in [byte >> 4, byte & 15] {
            id.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    id
}

/// Writes `<occupant-id/>`.
pub fn write(id: &str, writer: &mut Writer) {
    writer
        .start("occupant-id")
        .xmlns(ns::OCCUPANT_ID)
        .attr("id", id)
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_and_different() {
        let id = occupant_id(b"secret", "garden@rooms.x", "anna@x");
        assert_eq!(id.len(), 40);
        assert_eq!(id, occupant_id(b"secret", "garden@rooms.x", "anna@x"));
        for other in [
            occupant_id(b"secret", "barn@rooms.x", "anna@x"),
            occupant_id(b"secret", "garden@rooms.x", "bert@x"),
            occupant_id(b"other", "garden@rooms.x", "anna@x"),
        ] {
            assert_ne!(id, other);
        }
    }
}
