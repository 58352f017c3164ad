use std::collections::BTreeMap;

use base::Timestamp;
use proptest::prelude::*;

use super::words::words;
use super::*;
use crate::storage::{Changes, MemoryStorage};

fn at(order: u64) -> MessageKey {
    MessageKey { order, tie: 0 }
}

fn jid(text: &str) -> ConversationId {
    ConversationId::parse(text).unwrap()
}

fn query(text: &str) -> Query {
    Query::parse(text, Timestamp::from_seconds(1_800_000_000), 0).unwrap()
}

fn put(storage: &mut MemoryStorage, conversation: &str, order: u64, text: &str) {
    let mut changes = Changes::new();
    insert(
        &mut changes,
        &Entry {
            conversation: &jid(conversation),
            message: at(order),
            sender: conversation,
            has: Has::default(),
            texts: &[text],
        },
    );
    storage.commit(&changes).unwrap();
}

fn orders(storage: &MemoryStorage, text: &str) -> Vec<u64> {
    let page = find(storage, &query(text), None, 1000).unwrap();
    page.hits.iter().map(|hit| hit.message.order).collect()
}

fn tidied(storage: &mut MemoryStorage) -> bool {
    let mut changes = Changes::new();
    let done = tidy(storage, &mut changes).unwrap();
    storage.commit(&changes).unwrap();
    done
}

#[test]
fn edits_and_removals_are_seen_at_once_and_after_tidying() {
    let mut storage = MemoryStorage::new();
    for order in 1..=TAIL_ROWS as u64 {
        put(
            &mut storage,
            "a@x.example",
            order,
            &format!("nachricht {order}"),
        );
    }
    assert!(tidied(&mut storage));
    assert!(!tidied(&mut storage), "the tail is empty");
    let mut changes = Changes::new();
    let a = jid("a@x.example");
    remove(&mut changes, &a, at(7));
    replace(
        &mut changes,
        &Entry {
            conversation: &a,
            message: at(9),
            sender: "a@x.example",
            has: Has::default(),
            texts: &["etwas anderes"],
        },
    );
    storage.commit(&changes).unwrap();
    for round in 0..2 {
        assert_eq!(orders(&storage, "\"nachricht 7\""), [], "{round}");
        assert_eq!(orders(&storage, "\"nachricht 9\""), []);
        assert_eq!(orders(&storage, "anderes"), [9]);
        assert_eq!(orders(&storage, "\"nachricht 8\""), [8]);
        for order in 0..TAIL_ROWS as u64 {
            put(&mut storage, "b@x.example", 100_000 + order, "mehr");
        }
        assert!(tidied(&mut storage));
    }
    let all = find(&storage, &query("in:a@x.example"), None, 10_000).unwrap();
    assert_eq!(all.hits.len(), TAIL_ROWS - 1);
    // A message that was removed and comes back, though a chunk has its name from it.
    let newest = TAIL_ROWS as u64;
    for text in [None, Some("wieder da")] {
        let mut changes = Changes::new();
        match text {
            None => remove(&mut changes, &a, at(newest)),
            Some(text) => insert(
                &mut changes,
                &Entry {
                    conversation: &a,
                    message: at(newest),
                    sender: "",
                    has: Has::default(),
                    texts: &[text],
                },
            ),
        }
        storage.commit(&changes).unwrap();
        for order in 0..TAIL_ROWS as u64 {
            put(&mut storage, "c@x.example", 200_000 + order, "mehr");
        }
        assert!(tidied(&mut storage));
    }
    assert_eq!(orders(&storage, "\"wieder da\""), [newest]);
    assert_eq!(orders(&storage, "\"nachricht 500\""), [500]);
}

#[test]
fn a_storage_that_fails_is_no_empty_result() {
    let mut storage = MemoryStorage::new();
    let mut changes = Changes::new();
    changes.put(Table::Search, *b"tx", *b"\x01");
    storage.commit(&changes).unwrap();
    assert!(find(&storage, &query("x"), None, 10).is_err());
    let mut newer = Changes::new();
    newer.put(Table::Search, *b"tx", *b"\x02\x00\x00");
    storage.commit(&newer).unwrap();
    let error = find(&storage, &query("x"), None, 10).unwrap_err();
    assert_eq!(error.fault, crate::storage::StorageFault::Newer);
}

/// A message as the test remembers it.
#[derive(Debug, Clone)]
struct Said {
    sender: &'static str,
    has: Has,
    texts: Vec<String>,
}

/// What the documentation says a query finds, without an index.
fn naive(query: &Query, said: &BTreeMap<Hit, Said>, wanted: &[(Vec<&str>, bool)]) -> Vec<Hit> {
    let folded = |text: &str| {
        let mut all = Vec::new();
        words(text, |_, word| all.push(word.to_owned()));
        all
    };
    let begins = |address: &str, named: &[Named]| {
        named.is_empty() || named.iter().any(|named| address.starts_with(&named.text))
    };
    let mut found: Vec<Hit> = said
        .iter()
        .filter(|(hit, said)| {
            let time = Timestamp::from_micros(hit.message.order as i64);
            let has = said.has.bits() & query.has.bits() == query.has.bits();
            let words_fit = wanted.iter().all(|(words, exact)| {
                said.texts.iter().any(|text| {
                    folded(text).windows(words.len()).any(|window| {
                        window
                            .iter()
                            .zip(words)
                            .enumerate()
                            .all(|(at, (there, word))| {
                                let open = at + 1 == words.len() && !exact;
                                if open {
                                    there.starts_with(word)
                                } else {
                                    there == word
                                }
                            })
                    })
                })
            });
            query.before.is_none_or(|before| time < before)
                && query.after.is_none_or(|after| time >= after)
                && has
                && words_fit
                && begins(said.sender, &query.from)
                && begins(hit.conversation.as_str(), &query.conversations)
        })
        .map(|(hit, _)| hit.clone())
        .collect();
    found.reverse();
    found
}

const VOCABULARY: [&str; 12] = [
    "ab", "abc", "abcd", "b", "bc", "haus", "hausboot", "käse", "Über", "3", "🎉", "ß",
];
/// The same, as the index has them.
const FOLDED: [&str; 12] = [
    "ab", "abc", "abcd", "b", "bc", "haus", "hausboot", "kase", "uber", "3", "🎉", "ss",
];

#[derive(Debug, Clone)]
enum Step {
    Say(u64, usize, Vec<usize>, u8),
    Edit(prop::sample::Index, Vec<usize>),
    Remove(prop::sample::Index),
    Tidy,
}

fn step() -> impl Strategy<Value = Step> {
    let sentence = || prop::collection::vec(0..VOCABULARY.len(), 0..6);
    prop_oneof![
        20 => (0u64..300, 0usize..3, sentence(), 0u8..16).prop_map(|(day, who, words, has)| Step::Say(day, who, words, has)),
        3 => (any::<prop::sample::Index>(), sentence()).prop_map(|(which, words)| Step::Edit(which, words)),
        2 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => Just(Step::Tidy),
    ]
}

fn texts(words: &[usize]) -> Vec<String> {
    // The first word stands in a text of its own, as the name of a file would.
    let (first, rest) = words.split_at(words.len().min(1));
    let join = |words: &[usize]| {
        words
            .iter()
            .map(|at| VOCABULARY[*at])
            .collect::<Vec<_>>()
            .join(", ")
    };
    vec![join(first), join(rest)]
}

const PEOPLE: [&str; 3] = ["ann@x.example", "anton@x.example", "bob@y.example"];
const DAY: u64 = 86_400 * 1_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn it_finds_what_a_look_at_each_message_finds(
        steps in prop::collection::vec(step(), 0..120),
        looked_for in prop::collection::vec((prop::collection::vec(0..FOLDED.len(), 1..3), any::<bool>()), 0..3),
        filters in (prop::option::of(0usize..3), prop::option::of(0usize..3), prop::option::of(0u64..300), prop::option::of(0u64..300), 0u8..16, any::<bool>()),
        page in 1usize..20,
    ) {
        let mut storage = MemoryStorage::new();
        let mut said: BTreeMap<Hit, Said> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            let mut changes = Changes::new();
            let keys: Vec<Hit> = said.keys().cloned().collect();
            match step {
                Step::Say(day, who, words, has) => {
                    let has = Has { file: has & 1 > 0, link: has & 2 > 0, image: has & 4 > 0, voice: has & 8 > 0 };
                    let hit = Hit { message: MessageKey { order: day * DAY, tie: number as u32 }, conversation: jid(PEOPLE[number % 3]) };
                    let one = Said { sender: PEOPLE[who], has, texts: texts(&words) };
                    put_said(&mut changes, &hit, &one, false);
                    said.insert(hit, one);
                }
                Step::Edit(which, words) if !keys.is_empty() => {
                    let hit = which.get(&keys);
                    let one = said.get_mut(hit).unwrap();
                    one.texts = texts(&words);
                    put_said(&mut changes, hit, one, true);
                }
                Step::Remove(which) if !keys.is_empty() => {
                    let hit = which.get(&keys);
                    said.remove(hit);
                    remove(&mut changes, &hit.conversation, hit.message);
                }
                Step::Tidy => {
                    // Long enough to be moved: rows of a conversation that nobody looks for.
                    for filler in 0..TAIL_ROWS {
                        let hit = Hit { message: MessageKey { order: (filler as u64) % 400 * DAY, tie: 1 << 20 }, conversation: jid(&format!("z{filler}@z.example")) };
                        put_said(&mut changes, &hit, &Said { sender: "z", has: Has::default(), texts: vec!["zzz".into()] }, true);
                    }
                    storage.commit(&changes).unwrap();
                    prop_assert!(tidied(&mut storage));
                    continue;
                }
                _ => continue,
            }
            storage.commit(&changes).unwrap();
        }
        let mut text = String::new();
        let mut wanted = Vec::new();
        for (words, exact) in &looked_for {
            let spelled: Vec<&str> = words.iter().map(|at| VOCABULARY[*at]).collect();
            // Without quotation marks what stands together is looked for together, too.
            text += &if *exact { format!("\"{}\" ", spelled.join(" ")) } else { format!("{} ", spelled.join(".")) };
            wanted.push((words.iter().map(|at| FOLDED[*at]).collect::<Vec<_>>(), *exact));
        }
        let (from, conversation, before, after, has, in_tail) = filters;
        if let Some(from) = from { text += &format!("from:{} ", &PEOPLE[from][..3]); }
        if let Some(conversation) = conversation { text += &format!("in:{} ", PEOPLE[conversation]); }
        let mut query = query(&text);
        query.before = before.map(|day| Timestamp::from_micros((day * DAY) as i64));
        query.after = after.map(|day| Timestamp::from_micros((day * DAY) as i64));
        query.has.file = has == 1;
        query.has.voice = has == 2;
        if in_tail { prop_assert!(find(&storage, &Query::default(), None, 10).unwrap().hits.is_empty()); }
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let next = find(&storage, &query, cursor.as_ref(), page).unwrap();
            prop_assert!(next.hits.len() == page || next.next.is_none());
            found.extend(next.hits.into_iter().filter(|hit| !hit.conversation.as_str().starts_with('z')));
            cursor = next.next;
            if cursor.is_none() { break; }
        }
        let expected = match query.is_empty() { true => Vec::new(), false => naive(&query, &said, &wanted) };
        prop_assert_eq!(found, expected, "{}", text);
    }
}

fn put_said(changes: &mut Changes, hit: &Hit, said: &Said, replaced: bool) {
    let texts: Vec<&str> = said.texts.iter().map(String::as_str).collect();
    let entry = Entry {
        conversation: &hit.conversation,
        message: hit.message,
        sender: said.sender,
        has: said.has,
        texts: &texts,
    };
    match replaced {
        true => replace(changes, &entry),
        false => insert(changes, &entry),
    }
}
