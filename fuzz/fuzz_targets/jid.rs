//! Any text as an address: no panic, and the normal form is its own normal form.
#![no_main]

use base::Jid;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(jid) = Jid::parse(text) {
        assert_eq!(Jid::parse(jid.as_str()).as_ref(), Ok(&jid));
        assert_eq!(Jid::from_parts(jid.local(), jid.domain(), jid.resource()).as_ref(), Ok(&jid));
    }
    if let Ok(local) = base::jid::local_part_strict(text) {
        assert_eq!(base::jid::local_part_strict(&local).as_ref(), Ok(&local));
    }
});
