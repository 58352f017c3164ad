use std::time::Duration;

use super::*;

fn at(seconds: u64) -> Moment {
    Moment::from_micros(0) + Duration::from_secs(seconds)
}

fn created(hold: u32) -> Created {
    Created {
        sid: "s".to_owned(),
        wait: 60,
        hold,
        requests: hold + 1,
        inactivity: 30,
        polling: (hold == 0).then_some(POLLING),
        maxpause: LONGEST_PAUSE,
        ver: "1.6".to_owned(),
        from: "example.org".to_owned(),
        ack: Some(10),
    }
}

fn empty(rid: u64) -> Request {
    Request {
        rid,
        ..Request::default()
    }
}

fn with(rid: u64, payload: &str) -> Request {
    Request {
        rid,
        payload: payload.to_owned(),
        ..Request::default()
    }
}

fn begin(hold: u32) -> (Session, oneshot::Receiver<String>) {
    let (respond, answer) = oneshot::channel();
    (
        Session::new(created(hold), &empty(10), respond, at(0)),
        answer,
    )
}

fn ask(
    session: &mut Session,
    request: Request,
    seconds: u64,
) -> (Vec<Step>, oneshot::Receiver<String>) {
    let (respond, answer) = oneshot::channel();
    (session.request(request, respond, at(seconds)), answer)
}

fn got(answer: &mut oneshot::Receiver<String>) -> Option<String> {
    answer.try_recv().ok()
}

/// A session whose creation was answered.
fn running(hold: u32) -> Session {
    let (mut session, mut answer) = begin(hold);
    session.send(Bytes::from_static(b"<stream:features/>"));
    session.settle(at(0));
    let text = got(&mut answer).expect("answered");
    assert!(text.contains("sid=") && text.contains("features"), "{text}");
    session
}

#[test]
fn creation_waits_for_the_features() {
    let (mut session, mut answer) = begin(1);
    session.settle(at(0));
    assert!(got(&mut answer).is_none());
    session.send(Bytes::from_static(b"<stream:features/>"));
    session.settle(at(0));
    assert!(got(&mut answer).expect("answered").contains("requests='2'"));
}

#[test]
fn a_request_is_held_until_there_is_something_to_say() {
    let mut session = running(1);
    let (steps, mut answer) = ask(
        &mut session,
        with(11, "<presence xmlns='jabber:client'/>"),
        1,
    );
    assert_eq!(
        steps,
        [Step::Receive(
            "<presence xmlns='jabber:client'/>".to_owned()
        )]
    );
    assert!(got(&mut answer).is_none());
    session.send(Bytes::from_static(b"<message/>"));
    session.send(Bytes::from_static(b"<iq/>"));
    session.settle(at(2));
    let text = got(&mut answer).expect("answered");
    assert!(text.contains("<message") && text.contains("<iq"), "{text}");
}

#[test]
fn a_second_request_releases_the_first_with_an_acknowledgement() {
    let mut session = running(1);
    let (_, mut first) = ask(&mut session, empty(11), 1);
    let (_, mut second) = ask(&mut session, empty(12), 2);
    assert!(got(&mut first).expect("released").contains("ack='12'"));
    assert!(got(&mut second).is_none());
}

#[test]
fn requests_are_taken_in_order_whatever_order_they_come_in() {
    let mut session = running(1);
    let (steps, _second) = ask(&mut session, with(12, "<b/>"), 1);
    assert!(steps.is_empty());
    let (steps, _first) = ask(&mut session, with(11, "<a/>"), 1);
    assert_eq!(
        steps,
        [
            Step::Receive("<a/>".to_owned()),
            Step::Receive("<b/>".to_owned())
        ]
    );
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_is_not_taken_twice() {
    let mut session = running(1);
    let (_, mut first) = ask(&mut session, with(11, "<a/>"), 1);
    session.send(Bytes::from_static(b"<message/>"));
    session.settle(at(1));
    let text = got(&mut first).expect("answered");
    let (steps, mut again) = ask(&mut session, with(11, "<a/>"), 2);
    assert!(steps.is_empty());
    assert_eq!(got(&mut again).expect("answered"), text);
}

#[test]
fn a_repeated_request_takes_the_place_of_the_held_one() {
    let mut session = running(1);
    let (_, mut lost) = ask(&mut session, empty(11), 1);
    let (_, mut again) = ask(&mut session, empty(11), 2);
    assert!(got(&mut lost).is_some());
    session.send(Bytes::from_static(b"<message/>"));
    session.settle(at(3));
    assert!(got(&mut again).expect("answered").contains("<message"));
}

#[test]
fn a_rid_outside_the_window_ends_the_session() {
    let mut session = running(1);
    let (steps, mut answer) = ask(&mut session, empty(13), 1);
    assert_eq!(steps, [Step::Over]);
    assert!(
        got(&mut answer)
            .expect("answered")
            .contains("item-not-found")
    );
    let mut session = running(1);
    let (steps, _) = ask(&mut session, empty(3), 1);
    assert_eq!(steps, [Step::Over]);
}

#[test]
fn waiting_ends_with_an_empty_answer_and_silence_with_the_session() {
    let mut session = running(1);
    let (_, mut answer) = ask(&mut session, empty(11), 1);
    assert_eq!(session.deadline(), at(61));
    assert!(session.tick(at(61)).is_empty());
    assert!(got(&mut answer).is_some());
    assert_eq!(session.deadline(), at(91));
    assert!(session.tick(at(90)).is_empty());
    assert_eq!(session.tick(at(91)), [Step::Over]);
    assert!(session.is_over());
}

#[test]
fn a_pause_answers_all_and_lengthens_silence() {
    let mut session = running(1);
    let (_, mut held) = ask(&mut session, empty(11), 1);
    let (_, mut pause) = ask(
        &mut session,
        Request {
            rid: 12,
            pause: Some(600),
            ..Request::default()
        },
        2,
    );
    assert!(got(&mut held).is_some() && got(&mut pause).is_some());
    assert_eq!(session.deadline(), at(2 + u64::from(LONGEST_PAUSE)));
}

#[test]
fn polling_too_often_is_a_violation() {
    let mut session = running(0);
    let (_, mut answer) = ask(&mut session, empty(11), 10);
    assert!(got(&mut answer).is_some());
    let (steps, mut answer) = ask(&mut session, empty(12), 11);
    assert_eq!(steps, [Step::Over]);
    assert!(
        got(&mut answer)
            .expect("answered")
            .contains("policy-violation")
    );
}

#[test]
fn the_client_ends_with_its_last_words() {
    let mut session = running(1);
    let request = Request {
        terminate: true,
        ..with(11, "<presence type='unavailable'/>")
    };
    let (steps, mut answer) = ask(&mut session, request, 1);
    assert_eq!(steps[1], Step::ClientEnded);
    assert_eq!(session.end(None, at(1)), [Step::Over]);
    let text = got(&mut answer).expect("answered");
    assert!(
        text.contains("type='terminate'") && !text.contains("condition"),
        "{text}"
    );
}

#[test]
fn keys_are_checked() {
    let (respond, _answer) = oneshot::channel();
    // printf key2 | sha1sum
    let hash = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, b"key2").as_ref());
    let first = Request {
        newkey: Some(hash),
        ..empty(10)
    };
    let mut session = Session::new(created(1), &first, respond, at(0));
    session.send(Bytes::from_static(b"<stream:features/>"));
    session.settle(at(0));
    let (steps, _) = ask(
        &mut session,
        Request {
            key: Some("key2".to_owned()),
            ..empty(11)
        },
        1,
    );
    assert!(steps.is_empty() && !session.is_over());
    let (steps, _) = ask(
        &mut session,
        Request {
            key: Some("wrong".to_owned()),
            ..empty(12)
        },
        1,
    );
    assert_eq!(steps, [Step::Over]);
}

#[test]
fn a_session_whose_client_leaves_a_request_out_ends_like_one_that_is_silent() {
    let mut session = running(1);
    let (_, mut early) = ask(&mut session, empty(12), 5);
    session.settle(at(5));
    assert!(session.tick(at(34)).is_empty(), "the missing one may come");
    assert!(got(&mut early).is_none());
    assert_eq!(session.deadline(), at(35));
    assert_eq!(session.tick(at(35)), [Step::Over]);
    assert!(session.is_over());
    let text = got(&mut early).expect("an answer");
    assert!(text.contains("item-not-found"), "{text}");
}
