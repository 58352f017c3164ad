//! What must hold for every message whose OMEMO keys are left out: the recipient's own keys stay,
//! and nothing but keys of others goes. Checked against a plain reading of the tree.

#![allow(clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use xmpp::ns;
use xmpp::xep::omemo::{DeviceId, KeyedMessage, Recipient};
use xmpp::xml::{Element, Stanza, Tree};

const ACCOUNT: &str = "d@e";

/// A key as the tree shows it: form, account, device, text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    namespace: String,
    account: Option<String>,
    device: String,
    text: String,
}

/// Writes the tree with each proper key and each emptied `<keys/>` taken out, and lists the keys.
/// Names, attributes and texts only: enough to see that nothing else has changed.
fn read(
    element: Element<'_>,
    path: &mut Vec<(String, String)>,
    out: &mut String,
    keys: &mut Vec<Found>,
) {
    let namespace = element.namespace();
    let stands_in = |wanted: &[&str]| {
        path.len() == wanted.len()
            && path.iter().zip(wanted).all(|((name, other), wanted)| {
                name == wanted && (*wanted == "message" || other == namespace)
            })
    };
    let current = namespace == ns::OMEMO;
    let is_key = element.name() == "key"
        && element.children().next().is_none()
        && match namespace {
            ns::OMEMO => stands_in(&["message", "encrypted", "header", "keys"]),
            ns::OMEMO_LEGACY => stands_in(&["message", "encrypted", "header"]),
            _ => false,
        };
    let is_group =
        current && element.name() == "keys" && stands_in(&["message", "encrypted", "header"]);
    if is_key {
        keys.push(Found {
            namespace: namespace.to_owned(),
            account: None,
            device: element.attr("rid").unwrap_or_default().to_owned(),
            text: element.text().into_owned(),
        });
        return;
    }
    let before = keys.len();
    let mut inner = String::new();
    path.push((element.name().to_owned(), namespace.to_owned()));
    inner.push_str(&element.text());
    for child in element.children() {
        read(child, path, &mut inner, keys);
    }
    path.pop();
    if is_group {
        for key in &mut keys[before..] {
            key.account = Some(element.attr("jid").unwrap_or_default().to_owned());
        }
        if keys.len() > before && inner.trim().is_empty() {
            return;
        }
    }
    out.push_str(&format!("<{{{namespace}}}{}", element.name()));
    for (_, namespace, name, value) in element.attributes() {
        out.push_str(&format!(" {{{namespace}}}{name}={value:?}"));
    }
    out.push_str(&format!(">{}</>", inner.trim()));
}

fn look(text: &str) -> (String, Vec<Found>) {
    let tree = Tree::parse(text).expect("well-formed");
    let (mut out, mut keys) = (String::new(), Vec::new());
    read(tree.root(), &mut Vec::new(), &mut out, &mut keys);
    (out, keys)
}

fn is_own(key: &Found, devices: &[DeviceId]) -> bool {
    key.device
        .trim()
        .parse()
        .is_ok_and(|device| devices.contains(&device))
        || key.account.as_deref() == Some(ACCOUNT)
}

/// Looks at one message for one recipient.
fn holds(text: &str, devices: &[DeviceId]) {
    let message = Bytes::copy_from_slice(text.as_bytes());
    let Some(found) = KeyedMessage::find(&message) else {
        return;
    };
    assert_eq!(found.whole(), &message);
    let mut devices = devices.to_vec();
    devices.sort_unstable();
    let copy = found.for_recipient(Recipient {
        account: ACCOUNT,
        devices: &devices,
    });
    let copy = std::str::from_utf8(&copy).expect("UTF-8");
    assert!(Stanza::parse(copy).is_ok(), "{text} became {copy}");
    assert!(copy.len() <= text.len());
    let (frame, keys) = look(text);
    let (copied_frame, copied) = look(copy);
    assert_eq!(frame, copied_frame, "{text} became {copy}");
    let own = |keys: &[Found]| -> Vec<Found> {
        keys.iter()
            .filter(|key| is_own(key, &devices))
            .cloned()
            .collect()
    };
    assert_eq!(own(&keys), own(&copied), "{text} became {copy}");
    if devices.is_empty() {
        assert_eq!(text, copy);
    }
    // What is left out stands in the text as one piece after the other: the copy is the text with
    // gaps.
    let mut rest = text.chars();
    assert!(
        copy.chars().all(|c| rest.any(|other| other == c)),
        "{text} became {copy}"
    );
    // Once more changes nothing.
    let again = KeyedMessage::find(&Bytes::copy_from_slice(copy.as_bytes())).map(|found| {
        found.for_recipient(Recipient {
            account: ACCOUNT,
            devices: &devices,
        })
    });
    if let Some(again) = again {
        assert_eq!(again, copy);
    }
}

fn key() -> impl Strategy<Value = String> {
    let device = select(vec![
        "1",
        "2",
        "3",
        "4",
        " 5 ",
        "",
        "x",
        "4294967295",
        "4294967296",
        "-1",
        "&#49;",
    ]);
    let form = select(vec![
        "<key rid='R'>QQ==</key>",
        "<key rid='R' prekey='true'>QQ==</key>",
        "<key kex=\"1\" rid=\"R\"/>",
        "<key>QQ==</key>",
        "<key\n rid='R'\t>\n<![CDATA[Q>Q]]>&amp;\n</key >",
        "<o:key rid='R'>other</o:key>",
        "<l:key rid='R'>other</l:key>",
        "<key xmlns='urn:else' rid='R'/>",
        "<key rid='R'><key rid='R'/></key>",
        "<iv>SVY=</iv>",
        "text",
        "\n  ",
    ]);
    (form, device).prop_map(|(form, device)| form.replace('R', device))
}

fn keys() -> impl Strategy<Value = String> {
    prop::collection::vec(key(), 0..6).prop_map(|keys| keys.concat())
}

fn header() -> impl Strategy<Value = String> {
    let group = (
        select(vec![
            " jid='d@e'",
            " jid='D@E'",
            " jid='x@y'",
            " jid='@'",
            "",
            " jid='d@e/r'",
        ]),
        keys(),
    )
        .prop_map(|(jid, keys)| format!("<keys{jid}>{keys}</keys>"));
    let inner =
        prop::collection::vec(prop_oneof![group, keys()], 0..5).prop_map(|parts| parts.concat());
    (inner, select(vec!["header", "header", "header", "headers"]))
        .prop_map(|(inner, name)| format!("<{name} sid='1'>{inner}</{name}>"))
}

fn encrypted() -> impl Strategy<Value = String> {
    let start = select(vec![
        ("encrypted", "encrypted xmlns='urn:xmpp:omemo:2'"),
        (
            "encrypted",
            "encrypted xmlns='eu.siacs.conversations.axolotl'",
        ),
        ("o:encrypted", "o:encrypted xmlns='urn:xmpp:omemo:2'"),
        ("encrypted", "encrypted xmlns='urn:else'"),
        ("encryption", "encryption xmlns='urn:xmpp:omemo:2'"),
    ]);
    (start, prop::collection::vec(header(), 0..3)).prop_map(|((name, start), headers)| {
        format!(
            "<{start}>{}<payload>UA==</payload></{name}>",
            headers.concat()
        )
    })
}

fn message() -> impl Strategy<Value = String> {
    let other = select(vec![
        "",
        "<body>Hi &lt;</body>",
        "text",
        "<store xmlns='urn:xmpp:hints'/>",
    ]);
    prop::collection::vec(prop_oneof![encrypted(), other.prop_map(str::to_owned)], 0..4).prop_map(|parts| {
        format!(
            "<message xmlns:o='urn:xmpp:omemo:2' xmlns:l='eu.siacs.conversations.axolotl'>{}</message>",
            parts.concat()
        )
    })
}

proptest! {
    #[test]
    fn own_keys_stay_and_nothing_but_keys_goes(
        text in message(),
        devices in prop::collection::vec(select(vec![1, 2, 3, 5, 9, 4_294_967_295]), 0..4),
    ) {
        holds(&text, &devices);
    }

    #[test]
    fn any_bytes_are_no_trouble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut message = b"<message>urn:xmpp:omemo:2".to_vec();
        message.extend_from_slice(&bytes);
        if let Some(found) = KeyedMessage::find(&Bytes::from(message)) {
            let copy = found.for_recipient(Recipient { account: ACCOUNT, devices: &[1] });
            prop_assert!(Stanza::parse(std::str::from_utf8(&copy).unwrap()).is_ok());
        }
    }
}

#[test]
fn a_huge_header_costs_what_its_length_costs() {
    let key = "<key rid='7'/>";
    for (devices, expected) in [(vec![8], 1), (vec![7], 100_000)] {
        let text = format!(
            "<message><encrypted xmlns='eu.siacs.conversations.axolotl'><header>{}</header></encrypted></message>",
            key.repeat(100_000)
        );
        let found = KeyedMessage::find(&Bytes::from(text)).expect("keys");
        let copy = found.for_recipient(Recipient {
            account: ACCOUNT,
            devices: &devices,
        });
        let copy = std::str::from_utf8(&copy).expect("UTF-8");
        assert_eq!(copy.matches(key).count(), expected);
    }
}
