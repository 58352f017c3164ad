//! Tests of wall and monotonic time.

use std::time::Duration;

use proptest::prelude::*;

use super::{Moment, Now, Timestamp};

#[test]
fn writes_xep_0082_and_xep_0091() {
    let time = Timestamp::from_micros(1_795_411_261_123_456);
    assert_eq!(time.to_string(), "2026-11-23T05:21:01.123456Z");
    assert_eq!(time.legacy().to_string(), "20261123T05:21:01");
    assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(
        Timestamp::from_micros(-1).to_string(),
        "1969-12-31T23:59:59.999999Z"
    );
    assert_eq!(
        Timestamp::from_seconds(951_782_400).to_string(),
        "2000-02-29T00:00:00Z"
    );
}

#[test]
fn reads_what_xep_0082_allows() {
    for (text, micros) in [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-07-21T02:56:15Z", -14_159_025_000_000),
        ("1969-07-20T21:56:15-05:00", -14_159_025_000_000),
        ("2026-11-23T05:21:01.123456Z", 1_795_411_261_123_456),
        ("2026-11-23T05:21:01.1Z", 1_795_411_261_100_000),
        ("2026-11-23T05:21:01.123456789Z", 1_795_411_261_123_456),
        ("2026-11-23T06:21:01+01:00", 1_795_411_261_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("1999-12-31T24:00:00Z", 946_684_800_000_000),
    ] {
        assert_eq!(
            Timestamp::parse(text).map(Timestamp::micros),
            Ok(micros),
            "{text}"
        );
    }
}

#[test]
fn refuses_the_rest() {
    for text in [
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T05:21:01",
        "2026-11-23 05:21:01Z",
        "2026-11-23T05:21:01z",
        "2026-11-23T05:21:01.Z",
        "2026-11-23T05:21:01+0100",
        "2026-11-23T05:21:01+24:00",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2026-11-23T24:00:01Z",
        "2026-11-23T24:00:00.5Z",
        "2026-11-23T05:60:00Z",
        "+026-11-23T05:21:01Z",
        "20é6-11-23T05:21:01Z",
        "2026-11-23T05:21:01ZZ",
    ] {
        assert!(Timestamp::parse(text).is_err(), "{text}");
    }
}

#[test]
fn durations() {
    let time = Timestamp::from_seconds(10);
    assert_eq!((time + Duration::from_millis(1)).micros(), 10_001_000);
    assert_eq!((time - Duration::from_secs(11)).seconds(), -1);
    assert_eq!(time.since(Timestamp::EPOCH), Duration::from_secs(10));
    assert_eq!(Timestamp::EPOCH.since(time), Duration::ZERO);
    assert_eq!(Timestamp::from_micros(-1).seconds(), -1);

    let moment = Moment::START + Duration::from_secs(2);
    assert_eq!(moment.micros(), 2_000_000);
    assert_eq!(moment.checked_sub(Duration::from_secs(3)), None);
    assert_eq!(
        moment.checked_sub(Duration::from_secs(1)),
        Some(Moment::from_micros(1_000_000))
    );
    assert_eq!(Moment::START.checked_since(moment), None);
    assert_eq!(Moment::START.since(moment), Duration::ZERO);
    assert_eq!(moment + Duration::MAX, Moment::NEVER);

    let later = Now::default() + Duration::from_secs(1);
    assert_eq!(
        (later.moment.micros(), later.wall.seconds()),
        (1_000_000, 1)
    );
}

proptest! {
    #[test]
    fn parse_never_panics(text in "\\PC*") {
        let _ = Timestamp::parse(&text);
    }

    #[test]
    fn near_misses_never_panic(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,9})?(Z|[+-][0-9]{2}:[0-9]{2}|)") {
        let _ = Timestamp::parse(&text);
    }

    /// Every microsecond of the years 1 to 9999 comes back.
    #[test]
    fn display_then_parse(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
        let time = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
    }

    #[test]
    fn text_sorts_as_time(a in 0i64..253_402_300_800, b in 0i64..253_402_300_800) {
        let (a, b) = (Timestamp::from_seconds(a), Timestamp::from_seconds(b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn every_timestamp_prints(micros: i64) {
        let _ = (Timestamp::from_micros(micros).to_string(), Timestamp::from_micros(micros).legacy().to_string());
    }
}
