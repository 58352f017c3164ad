use base::{BareJid, Redacted, Timestamp};
use proptest::prelude::*;
use xmpp::xml::Tree;

use super::*;

fn drawn(seed: u8) -> impl FnMut(&mut [u8]) {
    let mut state = u64::from(seed) + 1;
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}

fn juliet() -> BareJid {
    BareJid::parse("juliet@capulet.example").unwrap()
}

fn message(number: u64) -> HistoryMessage {
    HistoryMessage {
        conversation: BareJid::parse("romeo@montague.example").unwrap(),
        group: number.is_multiple_of(2),
        account: Some(juliet()),
        name: "Julia".into(),
        own: true,
        time: Timestamp::from_seconds(1_700_000_000 + number as i64),
        id: format!("id-{number}"),
        archive_id: number
            .is_multiple_of(3)
            .then(|| format!("archive-{number}")),
        reply: None,
        edited: Timestamp::parse("2026-11-23T12:00:00Z").ok(),
        removed: false,
        text: "Es war die Nachtigall. ".repeat(number as usize % 40),
        elements: "<x xmlns='urn:example'/>".into(),
        reactions: vec![(
            "romeo@montague.example".into(),
            vec!["❤️".into(), "🌹".into()],
        )],
    }
}

/// Both devices, with the one that shows in this role: the keys of the old one and of the new one.
fn keys(shows: Role) -> (HistoryKeys, HistoryKeys) {
    let showing = Showing::new(juliet(), shows, &mut drawn(1));
    let text = showing.code().expose();
    let (answer, scanned) = scan(&text, &juliet(), shows.other(), &mut drawn(2)).unwrap();
    let shown = showing.answered(&answer).unwrap();
    match shows {
        Role::Old => (shown, scanned),
        Role::New => (scanned, shown),
    }
}

fn seal(keys: &HistoryKeys, messages: &[HistoryMessage]) -> Vec<SealedChunk> {
    let mut sealer = HistorySealer::new(keys);
    let mut chunks: Vec<SealedChunk> = messages
        .iter()
        .filter_map(|message| sealer.push(message))
        .collect();
    let (last, summary) = sealer.finish();
    chunks.extend(last);
    assert_eq!(
        (summary.chunks as usize, summary.messages as usize),
        (chunks.len(), messages.len())
    );
    chunks
}

#[test]
fn history_goes_over_whichever_device_shows_the_code() {
    let messages: Vec<HistoryMessage> = (0..3000).map(message).collect();
    for shows in [Role::New, Role::Old] {
        let (old, new) = keys(shows);
        let chunks = seal(&old, &messages);
        assert!(chunks.len() > 2);
        assert!(
            chunks
                .iter()
                .all(|chunk| !String::from_utf8_lossy(&chunk.bytes).contains("Nachtigall"))
        );
        let mut opener = HistoryOpener::new(&new);
        let mut received = Vec::new();
        for chunk in &chunks {
            assert!(!opener.is_complete());
            received.extend(opener.open(&chunk.bytes).unwrap());
        }
        let summary = opener.finish().unwrap();
        assert_eq!(summary.messages, 3000);
        assert!(received == messages);
    }
    let (old, new) = keys(Role::New);
    let mut opener = HistoryOpener::new(&new);
    let [nothing] = &seal(&old, &[])[..] else {
        panic!("one chunk");
    };
    assert_eq!(opener.open(&nothing.bytes), Ok(Vec::new()));
    assert_eq!(
        opener.finish(),
        Ok(Summary {
            chunks: 1,
            ..Summary::default()
        })
    );
}

#[test]
fn chunks_can_be_neither_exchanged_nor_left_out_nor_doubled() {
    let messages: Vec<HistoryMessage> = (0..3000).map(message).collect();
    let (old, new) = keys(Role::New);
    let chunks = seal(&old, &messages);
    let mut opener = HistoryOpener::new(&new);
    let out_of_order = |expected, found| Err(HistoryError::OutOfOrder { expected, found });
    assert_eq!(opener.open(&chunks[1].bytes), out_of_order(0, 1));
    opener.open(&chunks[0].bytes).unwrap();
    assert_eq!(opener.open(&chunks[0].bytes), out_of_order(1, 0));
    // Another number or mark written over it.
    let mut renamed = chunks[2].bytes.clone();
    renamed[8] = 1;
    assert_eq!(opener.open(&renamed), Err(HistoryError::Tampered));
    let mut ended = chunks[1].bytes.clone();
    ended[9] = 1;
    assert_eq!(opener.open(&ended), Err(HistoryError::Tampered));
    // An error changes nothing.
    opener.open(&chunks[1].bytes).unwrap();
    assert_eq!(
        HistoryOpener::new(&new).finish(),
        Err(HistoryError::Incomplete { chunks: 0 })
    );
    assert_eq!(opener.finish(), Err(HistoryError::Incomplete { chunks: 2 }));
    let (other, _) = keys_of(7);
    assert_eq!(
        HistoryOpener::new(&other).open(&chunks[0].bytes),
        Err(HistoryError::Tampered)
    );
    let mut newer = chunks[0].bytes.clone();
    newer[4] = 2;
    assert_eq!(
        HistoryOpener::new(&new).open(&newer),
        Err(HistoryError::Newer)
    );
    assert_eq!(
        HistoryOpener::new(&new).open(b"HPHC"),
        Err(HistoryError::NotAChunk)
    );
    let large = vec![0; LARGEST_CHUNK_BYTES + 1];
    assert_eq!(
        HistoryOpener::new(&new).open(&large),
        Err(HistoryError::TooLarge)
    );
}

fn keys_of(seed: u8) -> (HistoryKeys, Answer) {
    let showing = Showing::new(juliet(), Role::New, &mut drawn(seed));
    let (answer, keys) = scan(
        &showing.code().expose(),
        &juliet(),
        Role::Old,
        &mut drawn(seed + 1),
    )
    .unwrap();
    (keys, answer)
}

#[test]
fn only_who_saw_the_code_can_answer() {
    let showing = Showing::new(juliet(), Role::New, &mut drawn(1));
    let text = showing.code().expose();
    let (answer, _) = scan(&text, &juliet(), Role::Old, &mut drawn(2)).unwrap();
    let refused =
        |answer: Answer| showing.answered(&answer).err() == Some(HandshakeError::NotTheScanner);
    assert!(showing.answered(&answer).is_ok());
    for at in [0, 31] {
        let mut changed = answer;
        changed.key[at] ^= 1;
        assert!(refused(changed));
        let mut changed = answer;
        changed.proof[at] ^= 1;
        assert!(refused(changed));
    }
    // The answer to another code, and a key that makes every agreement the same.
    assert!(refused(keys_of(5).1));
    assert!(refused(Answer {
        key: [0; 32],
        ..answer
    }));
    // The public key alone is not enough: the secret was another one.
    let at = text.find("secret=").unwrap() + 8;
    let mut other = text.to_string();
    other.replace_range(at..=at, if &text[at..=at] == "A" { "B" } else { "A" });
    let (answer, _) = scan(&other, &juliet(), Role::Old, &mut drawn(2)).unwrap();
    assert!(refused(answer));
}

#[test]
fn codes_are_for_one_person_and_two_parts() {
    let showing = Showing::new(juliet(), Role::New, &mut drawn(1));
    let text = showing.code().expose();
    assert_eq!(Code::parse(&text).as_ref(), Ok(showing.code()));
    assert!(
        !format!("{showing:?}").contains(&text[text.len() - 8..]),
        "no secret is shown"
    );
    let romeo = BareJid::parse("romeo@montague.example").unwrap();
    let scanned =
        |text: &str, account: &BareJid, role| scan(text, account, role, &mut drawn(2)).err();
    assert_eq!(
        scanned(&text, &romeo, Role::Old),
        Some(HandshakeError::OtherAccount(juliet()))
    );
    assert_eq!(
        scanned(&text, &juliet(), Role::New),
        Some(HandshakeError::SameRole(Role::New))
    );
    for (wrong, error) in [
        ("", CodeError::NotACode),
        ("https://example.org", CodeError::NotACode),
        (
            "xmpp:juliet@capulet.example?omemo-sid-1=00",
            CodeError::NotACode,
        ),
        (&text.replace("v=1", "v=2"), CodeError::Newer),
        (&text.replace("role=new", "role=both"), CodeError::NotACode),
        (&text[..text.len() - 1], CodeError::NotACode),
        (&text.replace("key=", "key=A"), CodeError::NotACode),
    ] {
        assert_eq!(Code::parse(wrong), Err(error), "{wrong}");
    }
}

#[test]
fn nothing_is_there_twice() {
    let renamed = HistoryMessage {
        id: "another".into(),
        ..message(3)
    };
    let unarchived = HistoryMessage {
        archive_id: None,
        ..message(6)
    };
    let offered = vec![
        message(1),
        message(2),
        message(1),
        message(3),
        renamed,
        message(6),
        unarchived,
    ];
    let kept = without_doubles(offered, |identity| {
        Ok::<_, ()>(matches!(
            identity,
            Identity::Sender(_, "juliet@capulet.example", "id-2")
        ))
    });
    let kept: Vec<String> = kept
        .unwrap()
        .into_iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(kept, ["id-1", "id-3", "id-6"]);
    assert_eq!(
        without_doubles(vec![message(1)], |_| Err("broken")).err(),
        Some("broken")
    );
}

#[test]
fn offers_there_and_back() {
    let offer = Offer {
        answer: Some(keys_of(1).1),
        first: 3,
        chunks: vec![ChunkPlace {
            url: Redacted::new("https://up.example/1?a&b".into()),
            size: 524_300,
            hash: [7; 32],
        }],
    };
    for offer in [
        offer.clone(),
        Offer {
            answer: None,
            ..offer
        },
        Offer::default(),
    ] {
        let tree = Tree::parse(&offer.to_xml()).unwrap();
        assert_eq!(Offer::read(tree.root()), Some(offer));
    }
    // What is first among none is of no meaning.
    let empty = "<history xmlns='urn:hauspost:history:0' first='5'/>";
    let empty = Tree::parse(empty).unwrap();
    assert_eq!(Offer::read(empty.root()), Some(Offer::default()));
    for wrong in [
        "<history/>",
        "<history xmlns='urn:hauspost:history:0' key='AAAA' proof='AAAA'/>",
        "<history xmlns='urn:hauspost:history:0' key='AAAA'/>",
        "<history xmlns='urn:hauspost:history:0'><chunk url='http://a.example/' size='1' hash='x'/></history>",
        "<history xmlns='urn:hauspost:history:0' first='-1'><chunk url='https://a.example/' size='1' hash='AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'/></history>",
    ] {
        assert_eq!(
            Offer::read(Tree::parse(wrong).unwrap().root()),
            None,
            "{wrong}"
        );
    }
}

proptest! {
    #[test]
    fn every_change_of_a_chunk_is_seen(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let (old, new) = keys(Role::New);
        let chunk = &seal(&old, &[message(1), message(2)])[0].bytes;
        let mut changed = chunk.clone();
        *at.get_mut(&mut changed) ^= 1 << bit;
        prop_assert!(HistoryOpener::new(&new).open(&changed).is_err());
        prop_assert!(HistoryOpener::new(&new).open(&chunk[..cut.index(chunk.len())]).is_err());
        prop_assert!(HistoryOpener::new(&new).open(chunk).is_ok());
    }
}
