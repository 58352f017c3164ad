//! Encrypted messages and all that comes with them: device lists, bundles, envelopes, addresses. A device that is in the
//! middle of conversations reads what is given and what it is told about itself; it never panics, and reads nothing that
//! was not written for it.

use std::sync::OnceLock;

use base::{BareJid, Timestamp};
use omemo::{
    Answer, Audience, Config, DeviceList, Form, Incoming, Machine, MemoryStore, Outgoing,
    Preparation, Received, RequestKind, VerificationUri, read_fingerprint,
};
use xmpp::xml::{Stanza, Tree};

type Device = Machine<MemoryStore>;

const REFERENCE: &str = "one";

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn jid(text: &str) -> BareJid {
    BareJid::parse(text).expect("an address")
}

fn numbers(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
    }
}

fn open(store: MemoryStore, account: &str, seed: u64) -> Device {
    let mut machine = Machine::open(
        store,
        jid(account),
        Config::default(),
        NOW,
        &mut numbers(seed),
    )
    .expect("a device");
    machine.connected();
    machine
}

/// Two devices that have talked in both forms, as the store of the one that reads.
fn reader() -> &'static MemoryStore {
    static STORE: OnceLock<MemoryStore> = OnceLock::new();
    STORE.get_or_init(|| {
        let mut random = numbers(3);
        let [mut writer, mut reader] = [("writer@a.example", 1), ("reader@a.example", 2)]
            .map(|(account, seed)| open(MemoryStore::new(), account, seed));
        let mut items: Vec<String> = Vec::new();
        for _ in 0..4 {
            for request in reader.requests(NOW, &mut random).expect("requests") {
                if let RequestKind::Set(payload) = &request.kind {
                    items.push(payload.clone());
                }
                reader
                    .answered(request.id, Answer::Result(None), NOW, &mut random)
                    .expect("an answer");
            }
        }
        for form in Form::ALL {
            for other in Form::ALL {
                let list = match other == form {
                    true => DeviceList::of([reader.device()]),
                    false => DeviceList::default(),
                };
                writer
                    .device_list(&jid("reader@a.example"), other, list, NOW, &mut random)
                    .expect("a list");
            }
            let audience = Audience::direct(jid("reader@a.example"));
            while writer.prepare(&audience, NOW).expect("prepared") == Preparation::Waiting {
                for request in writer.requests(NOW, &mut random).expect("requests") {
                    let bundle = items.iter().find_map(|item| {
                        let tree = Tree::parse(item).ok()?;
                        let publish = tree.root().children().next()?;
                        let item = publish.children().next()?;
                        let bundle = item.children().next()?;
                        bundle.is("bundle", form.namespace()).then(|| {
                            format!(
                                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items>{}</items></pubsub>",
                                item.raw()
                            )
                        })
                    });
                    let fetches = matches!(&request.kind, RequestKind::Get(text) if text.contains("bundles"));
                    let tree = bundle
                        .filter(|_| fetches)
                        .map(|text| Tree::parse(&text).expect("XML"));
                    let payload = tree.as_ref().map(Tree::root);
                    writer
                        .answered(request.id, Answer::Result(payload), NOW, &mut random)
                        .expect("an answer");
                }
            }
            let outgoing = Outgoing {
                elements: "<body xmlns='jabber:client'>hi</body>",
                text: Some("hi"),
            };
            let said = writer
                .encrypt(&audience, outgoing, NOW, &mut random)
                .expect("encrypted");
            let message = format!("<message>{}</message>", said.elements);
            let received = read(&mut reader, &message);
            assert!(matches!(received, Some(Received::Message(_))), "{received:?}");
            reader.taken(REFERENCE).expect("an inbox");
        }
        reader.into_store()
    })
}

fn read(machine: &mut Device, text: &str) -> Option<Received> {
    let message = Stanza::parse(text).ok()?;
    let incoming = Incoming {
        reference: REFERENCE,
        from: &jid("writer@a.example"),
        to: &jid("reader@a.example"),
        group: false,
        sent: NOW,
        message: &message,
    };
    let received = machine.decrypt(incoming, NOW, &mut numbers(7));
    Some(received.expect("the store does not fail"))
}

/// See above.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut random = numbers(9);
    let mut machine = open(reader().clone(), "reader@a.example", 5);
    // `DEVICE` in a seed stands for the number of the device that reads, so that keys find it.
    let text = text.replace("DEVICE", &machine.device().to_string());
    if let Some(received) = read(&mut machine, &text) {
        assert!(
            !matches!(received, Received::Message(_)),
            "nobody writes for it without its keys"
        );
        assert_eq!(machine.undelivered().expect("an inbox"), []);
    }
    if let Ok(stanza) = Stanza::parse(&text) {
        let from = jid("writer@a.example");
        machine
            .notified(&from, &stanza, NOW, &mut random)
            .expect("the store does not fail");
        let tree = stanza.tree();
        let audience = Audience::direct(from);
        machine.prepare(&audience, NOW).expect("prepared");
        for request in machine.requests(NOW, &mut random).expect("requests") {
            assert!(Stanza::parse(&String::from_utf8_lossy(&request.stanza("1"))).is_ok());
            machine
                .answered(
                    request.id,
                    Answer::Result(Some(tree.root())),
                    NOW,
                    &mut random,
                )
                .expect("the store does not fail");
        }
        machine.who_can_read(&audience, NOW).expect("an answer");
    }
    if let Ok(uri) = VerificationUri::parse(&text) {
        let again = VerificationUri::parse(&uri.to_string());
        assert!(again.is_err() || again.is_ok_and(|again| again.account == uri.account));
        machine
            .verify_uri(&uri, NOW)
            .expect("the store does not fail");
    }
    let _ = read_fingerprint(&text);
}
