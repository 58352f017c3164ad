use proptest::prelude::*;

use super::*;

const WIDE: SmLimits = SmLimits {
    items: 1000,
    bytes: 1 << 20,
};

fn stream(limits: SmLimits) -> StreamManagement<Bytes> {
    StreamManagement::new(limits)
}

fn item(n: u32) -> Bytes {
    Bytes::from(n.to_string())
}

#[test]
fn acknowledged_items_leave_in_order() {
    let mut sm = stream(WIDE);
    for n in 0..5 {
        sm.sent(item(n)).unwrap();
    }
    assert_eq!(
        sm.acknowledge(2).unwrap().collect::<Vec<_>>(),
        [item(0), item(1)]
    );
    assert_eq!(sm.acknowledge(2).unwrap().count(), 0);
    assert_eq!((sm.len(), sm.bytes()), (3, 3));
    assert_eq!(
        sm.acknowledge(6).map(|_| ()),
        Err(HandledCountTooHigh { h: 6, sent: 5 })
    );
    assert_eq!(
        sm.acknowledge(1).map(|_| ()),
        Err(HandledCountTooHigh { h: 1, sent: 5 })
    );
    assert_eq!(sm.len(), 3);
    let mut known = Vec::new();
    assert_eq!(
        sm.resume(3, |item| known.push(item))
            .unwrap()
            .cloned()
            .collect::<Vec<_>>(),
        [item(3), item(4)]
    );
    assert_eq!(known, [item(2)]);
    drop(sm.acknowledge(4).unwrap());
    assert_eq!(sm.into_unacknowledged().collect::<Vec<_>>(), [item(4)]);
}

#[test]
fn counters_wrap() {
    let mut sm = stream(WIDE);
    sm.sent = u32::MAX - 1;
    sm.handled(u32::MAX);
    sm.handled(2);
    assert_eq!(sm.h(), 1);
    for n in 0..4 {
        sm.sent(item(n)).unwrap();
    }
    assert_eq!(sm.sent, 2);
    assert_eq!(sm.acknowledge(u32::MAX).unwrap().count(), 1);
    assert_eq!(sm.acknowledge(1).unwrap().count(), 2);
    assert_eq!(
        sm.acknowledge(3).map(|_| ()),
        Err(HandledCountTooHigh { h: 3, sent: 2 })
    );
    assert_eq!(sm.acknowledge(2).unwrap().count(), 1);
    assert!(sm.is_empty());
}

#[test]
fn the_queue_is_bounded() {
    let mut sm = stream(SmLimits {
        items: 2,
        bytes: 100,
    });
    sm.sent(item(1)).unwrap();
    sm.sent(item(2)).unwrap();
    assert_eq!(sm.sent(item(3)), Err(item(3)));
    let mut sm = stream(SmLimits {
        items: 10,
        bytes: 10,
    });
    // One item larger than the bound must still get through.
    sm.sent(Bytes::from(vec![b'x'; 20])).unwrap();
    assert!(sm.sent(item(1)).is_err());
    drop(sm.acknowledge(1).unwrap());
    assert_eq!(sm.bytes(), 0);
    sm.sent(item(1)).unwrap();
}

#[test]
fn requests_are_spaced() {
    let mut sm = stream(WIDE);
    assert!(!sm.wants_request(2));
    sm.sent(item(1)).unwrap();
    assert!(!sm.wants_request(2));
    sm.sent(item(2)).unwrap();
    assert!(sm.wants_request(2));
    assert!(!sm.wants_request(2));
    for n in 3..9 {
        sm.sent(item(n)).unwrap();
    }
    assert!(!sm.wants_request(2), "one is open");
    drop(sm.acknowledge(2).unwrap());
    assert!(sm.wants_request(2));
}

#[test]
fn elements_come_back() {
    let elements = [
        SmElement::Request,
        SmElement::Answer { h: 7 },
        SmElement::Enable {
            resume: true,
            max: Some(60),
        },
        SmElement::Enabled {
            id: Some("x<y".into()),
            resume: true,
            max: None,
            location: None,
        },
        SmElement::Resume {
            previous: "x&y".into(),
            h: 0,
        },
        SmElement::Resumed {
            previous: "z".into(),
            h: u32::MAX,
        },
        SmElement::Failed {
            h: Some(3),
            condition: StanzaCondition::ItemNotFound,
        },
    ];
    for element in elements {
        assert_eq!(
            SmElement::read(&Stanza::parse(&element.to_xml()).unwrap()),
            Some(element)
        );
    }
    let read = |text: &str| SmElement::read(&Stanza::parse(text).unwrap());
    assert_eq!(read("<a xmlns='urn:xmpp:sm:3'/>"), None);
    assert_eq!(read("<a xmlns='urn:xmpp:sm:3' h='-1'/>"), None);
    assert_eq!(read("<a xmlns='urn:xmpp:sm:3' h='4294967296'/>"), None);
    assert_eq!(read("<a xmlns='urn:xmpp:sm:2' h='1'/>"), None);
    assert!(
        HandledCountTooHigh { h: 10, sent: 8 }
            .to_xml(true)
            .contains("send-count=\"8\"")
            || HandledCountTooHigh { h: 10, sent: 8 }
                .to_xml(true)
                .contains("send-count='8'")
    );
}

proptest! {
    /// Against a plain list of everything ever sent.
    #[test]
    fn agrees_with_a_plain_model(start in any::<u32>(), steps in proptest::collection::vec((0..3_u8, 0..6_u32), 1..80)) {
        let mut sm = stream(WIDE);
        sm.sent = start;
        let (mut all, mut acknowledged) = (Vec::new(), 0_usize);
        for (kind, amount) in steps {
            match kind {
                0 => {
                    let next = item(u32::try_from(all.len()).unwrap());
                    sm.sent(next.clone()).unwrap();
                    all.push(next);
                }
                1 => {
                    let target = acknowledged + amount as usize;
                    let h = start.wrapping_add(u32::try_from(target).unwrap());
                    match sm.acknowledge(h) {
                        Ok(items) => {
                            prop_assert!(target <= all.len());
                            prop_assert_eq!(items.collect::<Vec<_>>(), &all[acknowledged..target]);
                            acknowledged = target;
                        }
                        Err(_) => prop_assert!(target > all.len()),
                    }
                }
                _ => {
                    let left: Vec<_> = sm.unacknowledged().cloned().collect();
                    prop_assert_eq!(left, &all[acknowledged..]);
                }
            }
            prop_assert_eq!(sm.bytes(), all[acknowledged..].iter().map(Bytes::len).sum::<usize>());
        }
    }
}
