//! Any text as an address: no panic, and the normal form is its own normal form.

use base::Jid;

/// See above.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(jid) = Jid::parse(text) {
        assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid));
        assert_eq!(
            Jid::from_parts(jid.local(), jid.domain(), jid.resource()).as_ref(),
            Ok(&jid)
        );
    }
    if let Ok(local) = base::jid::local_part_strict(text) {
        assert_eq!(base::jid::local_part_strict(&local).as_ref(), Ok(&local));
    }
}
