//! Tests of addresses.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::Part::{Domain, Local, Resource};
use super::*;

/// Input and its normal form: local part, domain, resource.
const GOOD: &[(&str, &str)] = &[
    // RFC 7622 §3.5, table 1.
    ("juliet@example.com", "juliet@example.com"),
    ("juliet@example.com/foo", "juliet@example.com/foo"),
    ("juliet@example.com/foo bar", "juliet@example.com/foo bar"),
    ("juliet@example.com/foo@bar", "juliet@example.com/foo@bar"),
    ("foo\\20bar@example.com", "foo\\20bar@example.com"),
    ("fussball@example.com", "fussball@example.com"),
    ("fußball@example.com", "fußball@example.com"),
    ("π@example.com", "π@example.com"),
    ("Σ@example.com/foo", "σ@example.com/foo"),
    ("ς@example.com/foo", "ς@example.com/foo"),
    ("king@example.com/♚", "king@example.com/♚"),
    ("example.com", "example.com"),
    ("example.com/foobar", "example.com/foobar"),
    ("a.example.com/b@example.net", "a.example.com/b@example.net"),
    // Table 2 calls these two bad; strangers' addresses of this kind exist and harm nobody.
    ("♚@example.com", "♚@example.com"),
    ("juliet@example.com/ foo", "juliet@example.com/ foo"),
    // Case, width and composition.
    ("JULIET@EXAMPLE.COM/Foo", "juliet@example.com/Foo"),
    ("Jürgen@Bücher.Example/Büro", "jürgen@bücher.example/Büro"),
    (
        "Ju\u{308}rgen@example.com/Bu\u{308}ro",
        "jürgen@example.com/Büro",
    ),
    ("ｊｕｌｉｅｔ@example.com/ｆ", "juliet@example.com/ｆ"),
    ("ｱ@example.com", "ア@example.com"),
    ("ΣΑΣ@example.com", "σας@example.com"),
    ("İ@example.com", "i\u{307}@example.com"),
    // Resources: nicknames as people choose them.
    ("r@h/🫠", "r@h/🫠"),
    ("r@h/👩🏽‍🚒 Anna", "r@h/👩🏽‍🚒 Anna"),
    ("r@h/🏴󠁧󠁢󠁥󠁮󠁧󠁿", "r@h/🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
    ("r@h/❤️", "r@h/❤️"),
    ("r@h/a\u{2003}b", "r@h/a b"),
    ("r@h//", "r@h//"),
    ("r@h/a/b@c", "r@h/a/b@c"),
    ("r@h/\u{378}", "r@h/\u{378}"),
    ("r@h/\u{e000}", "r@h/\u{e000}"),
    ("r@h/<&'\">", "r@h/<&'\">"),
    // Domains.
    ("xn--bcher-kva.example", "bücher.example"),
    ("XN--BCHER-KVA.example", "bücher.example"),
    ("example.com.", "example.com"),
    ("例え。テスト", "例え.テスト"),
    ("localhost", "localhost"),
    ("my_host.example", "my_host.example"),
    ("-odd-.example", "-odd-.example"),
    ("r1---sn.example", "r1---sn.example"),
    ("i❤.ws", "i❤.ws"),
    ("192.0.2.1", "192.0.2.1"),
    ("u@[2001:DB8:0::1]/r", "u@[2001:db8::1]/r"),
    ("u@[::ffff:192.0.2.1]", "u@[::ffff:192.0.2.1]"),
    (
        "a!#$%()*+,-.;=?[]\\^_`{|}~@h",
        "a!#$%()*+,-.;=?[]\\^_`{|}~@h",
    ),
];

const BAD: &[(&str, JidError)] = &[
    // RFC 7622 §3.5, table 2.
    ("\"juliet\"@example.com", JidError::Forbidden(Local, '"')),
    ("foo bar@example.com", JidError::Forbidden(Local, ' ')),
    ("@example.com/", JidError::Empty(Local)),
    ("henryⅣ@example.com", JidError::Forbidden(Local, 'ⅳ')),
    ("juliet@", JidError::Empty(Domain)),
    ("/foobar", JidError::Empty(Domain)),
    // Borders without parts.
    ("", JidError::Empty(Domain)),
    ("@", JidError::Empty(Local)),
    ("/", JidError::Empty(Domain)),
    ("juliet@example.com/", JidError::Empty(Resource)),
    ("juliet@/r", JidError::Empty(Domain)),
    // Characters.
    ("a@b@c", JidError::Domain),
    ("a:b@example.com", JidError::Forbidden(Local, ':')),
    ("＆@example.com", JidError::Forbidden(Local, '&')),
    (
        "a\u{200b}b@example.com",
        JidError::Forbidden(Local, '\u{200b}'),
    ),
    ("a\u{a0}b@example.com", JidError::Forbidden(Local, '\u{a0}')),
    ("ﬀ@example.com", JidError::Forbidden(Local, 'ﬀ')),
    (
        "a@example.com/\u{0}",
        JidError::Forbidden(Resource, '\u{0}'),
    ),
    ("a@example.com/a\nb", JidError::Forbidden(Resource, '\n')),
    (
        "a@example.com/\u{7f}",
        JidError::Forbidden(Resource, '\u{7f}'),
    ),
    (
        "a@example.com/\u{85}",
        JidError::Forbidden(Resource, '\u{85}'),
    ),
    (
        "a@example.com/\u{202e}evil",
        JidError::Forbidden(Resource, '\u{202e}'),
    ),
    (
        "a@example.com/\u{2028}",
        JidError::Forbidden(Resource, '\u{2028}'),
    ),
    (
        "a@example.com/\u{feff}",
        JidError::Forbidden(Resource, '\u{feff}'),
    ),
    (
        "a@example.com/\u{fffe}",
        JidError::Forbidden(Resource, '\u{fffe}'),
    ),
    // Domains.
    ("exa mple.com", JidError::Domain),
    ("example..com", JidError::Domain),
    (".example.com", JidError::Domain),
    (".", JidError::Empty(Domain)),
    ("example.com..", JidError::Domain),
    ("a@example.com:5222", JidError::Domain),
    ("a@[::1", JidError::Domain),
    ("a@[::1%eth0]", JidError::Domain),
    ("a@[192.0.2.1]", JidError::Domain),
    ("a@::1", JidError::Domain),
    ("xn--zz-\u{1f}", JidError::Domain),
    ("xn--a", JidError::Domain),
    ("\u{300}.example", JidError::Domain),
];

#[test]
fn good_addresses() {
    for (text, normal) in GOOD {
        let jid = Jid::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(jid.as_str(), *normal, "{text:?}");
        assert_eq!(
            Jid::parse(jid.as_str()).as_ref().map(Jid::as_str),
            Ok(*normal)
        );
    }
}

#[test]
fn bad_addresses() {
    for (text, error) in BAD {
        assert_eq!(
            Jid::parse(text).map(|jid| jid.to_string()),
            Err(*error),
            "{text:?}"
        );
    }
    let long = "x".repeat(PART_BYTES);
    for (text, part) in [
        (format!("{long}x@h"), Local),
        (format!("{long}x"), Domain),
        (format!("h/{long}x"), Resource),
        (format!("ß{long}@h"), Local),
        (format!("h/ß{long}"), Resource),
        (format!("h/{}", "ß".repeat(10_000)), Resource),
    ] {
        assert_eq!(Jid::parse(&text), Err(JidError::TooLong(part)));
    }
}

#[test]
fn longest_address() {
    let part = "x".repeat(PART_BYTES);
    let jid = Jid::parse(&format!("{part}@{part}/{part}")).expect("each part has 1023 bytes");
    assert_eq!(
        (jid.local(), jid.domain(), jid.resource()),
        (Some(&*part), &*part, Some(&*part))
    );
}

#[test]
fn parts() {
    let jid = Jid::parse("juliet@example.com/balcony").expect("good");
    assert_eq!(
        (jid.local(), jid.domain(), jid.resource()),
        (Some("juliet"), "example.com", Some("balcony"))
    );
    assert!(!jid.is_bare() && !jid.is_domain());
    let full = jid.full().expect("has a resource");
    assert_eq!(full.resource(), "balcony");
    let bare = full.bare();
    assert_eq!(bare, "juliet@example.com");
    assert_eq!(
        (bare.local(), bare.domain(), bare.resource()),
        (Some("juliet"), "example.com", None)
    );
    assert_eq!(bare.full(), None);
    assert_eq!(bare.with_resource("balcony"), Ok(full.clone()));
    assert_eq!(bare.with_resource(""), Err(JidError::Empty(Resource)));
    assert_eq!(
        bare,
        BareJid::new(Some("Juliet"), "Example.COM").expect("good")
    );
    assert_eq!(
        Jid::from(bare.clone()),
        Jid::parse("juliet@example.com").expect("good")
    );
    assert_eq!(BareJid::parse("a@b/c"), Err(JidError::NotBare));
    assert_eq!(FullJid::parse("a@b"), Err(JidError::NotFull));
    let host = Jid::domain_only("Example.com").expect("good");
    assert!(host.is_domain() && host.is_bare());
    assert_eq!(
        (host.local(), host.domain(), host.resource()),
        (None, "example.com", None)
    );
    assert!(Jid::domain_only("a@b").is_err());
    assert!(Jid::domain_only("b/c").is_err());
    assert_eq!(
        format!("{full} {full:?} {bare:>20}"),
        "juliet@example.com/balcony \"juliet@example.com/balcony\"   juliet@example.com"
    );
}

#[test]
fn looked_up_by_text_and_without_a_clone() {
    let full = FullJid::parse("juliet@example.com/balcony").expect("good");
    let map = HashMap::from([(full.bare(), 1)]);
    assert_eq!(map.get("juliet@example.com"), Some(&1));
    assert_eq!(map.get(full.bare_str()), Some(&1));
    assert_eq!(map.get(full.as_str()), None);
    let map = BTreeMap::from([(full.bare(), 1)]);
    assert_eq!(map.get("juliet@example.com"), Some(&1));
    assert_eq!(size_of::<Option<FullJid>>(), 24);
}

#[test]
fn strict_local_parts() {
    for (text, normal) in [
        ("Anna", "anna"),
        ("jürgen", "jürgen"),
        ("l·lull", "l·lull"),
        ("太郎・花子", "太郎・花子"),
        ("שלום", "שלום"),
        ("علي٣", "علي٣"),
        ("क्\u{200d}ष", "क्\u{200d}ष"),
        ("o-k_1", "o-k_1"),
    ] {
        assert_eq!(local_part_strict(text).as_deref(), Ok(normal), "{text}");
    }
    for (text, error) in [
        ("", JidError::Empty(Local)),
        ("a b", JidError::Forbidden(Local, ' ')),
        ("a@b", JidError::Forbidden(Local, '@')),
        ("♚", JidError::Forbidden(Local, '♚')),
        ("🫠", JidError::Forbidden(Local, '🫠')),
        ("Ⅳ", JidError::Forbidden(Local, 'ⅳ')),
        ("a·b", JidError::Forbidden(Local, '·')),
        ("a\u{200d}b", JidError::Forbidden(Local, '\u{200d}')),
        ("\u{301}a", JidError::Forbidden(Local, '\u{301}')),
        ("a\u{378}", JidError::Forbidden(Local, '\u{378}')),
        ("ـ", JidError::Forbidden(Local, 'ـ')),
        ("a・b", JidError::Forbidden(Local, '・')),
        ("٣۳", JidError::Forbidden(Local, '٣')),
        ("aש", JidError::Directions),
        ("שa", JidError::Directions),
        ("٣", JidError::Directions),
    ] {
        assert_eq!(local_part_strict(text), Err(error), "{text}");
    }
}

/// Texts that come near to an address, in ASCII and beyond.
fn near_address() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z0-9.]{0,8}",
        "[A-Za-z0-9._\\-]{1,12}",
        "\\PC{0,6}",
        "(xn--)?[a-z0-9\\-]{1,10}",
        "[ßΣςİıﬀｱﾞﾡΩÅ가각각\u{300}\u{323}\u{345}٣۳שﬁａＡ。．⁄／👩🏽‍🚒❤️]{0,8}",
        any::<String>(),
    ];
    (part.clone(), part.clone(), part, 0..6u8).prop_map(|(a, b, c, shape)| match shape {
        0 => a,
        1 => format!("{a}@{b}"),
        2 => format!("{a}/{b}"),
        3 => format!("{a}.{b}.{c}"),
        _ => format!("{a}@{b}/{c}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn parse_never_panics_and_is_idempotent(text in near_address()) {
        if let Ok(jid) = Jid::parse(&text) {
            let again = Jid::parse(jid.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&jid));
            let parts = Jid::from_parts(jid.local(), jid.domain(), jid.resource());
            prop_assert_eq!(parts.as_ref(), Ok(&jid));
            let bare = jid.bare();
            prop_assert_eq!(bare.as_str(), jid.bare_str());
            prop_assert!(jid.as_str().len() <= 3 * PART_BYTES + 2);
        }
    }

    #[test]
    fn any_text_never_panics(text: String) {
        let _ = (Jid::parse(&text), local_part_strict(&text));
    }

    /// The one-pass way and the long way agree.
    #[test]
    fn plain_way_agrees(text in "[a-z0-9@/. \\-_!~]{0,24}") {
        if let Some(plain) = Jid::parse_plain(&text) {
            let (bare, resource) = text.split_once('/').map_or((&*text, None), |(bare, resource)| (bare, Some(resource)));
            let (local, domain) = bare.split_once('@').map_or((None, bare), |(local, domain)| (Some(local), domain));
            let long = Jid::from_parts(local, domain, resource).expect("plain is valid");
            prop_assert_eq!((plain.local(), plain.domain(), plain.resource()), (long.local(), long.domain(), long.resource()));
            prop_assert_eq!(plain, long);
        }
    }

    #[test]
    fn case_does_not_matter_left_of_the_slash(local in "[A-Za-zÄÖÜäöüÀ-Þ]{1,12}", domain in "[A-Za-zÄÖÜäöü]{1,12}\\.[a-z]{2,6}") {
        let upper = Jid::parse(&format!("{}@{}", local.to_uppercase().replace("SS", "x"), domain.to_uppercase()));
        let lower = Jid::parse(&format!("{}@{}", local.to_uppercase().replace("SS", "x").to_lowercase(), domain.to_lowercase()));
        prop_assert_eq!(upper, lower);
    }

    /// What we make ourselves, everybody can parse, and to the same address.
    #[test]
    fn strict_is_within_lenient(text in "\\PC{1,8}") {
        if let Ok(local) = local_part_strict(&text) {
            let jid = Jid::parse(&format!("{local}@h")).expect("strict is within lenient");
            prop_assert_eq!(jid.local(), Some(&*local));
            prop_assert_eq!(local_part_strict(&local), Ok(local));
        }
    }
}
