//! Input that is meant to hurt: each costs a bounded amount and gets its error.

#![allow(clippy::unwrap_used, clippy::panic)]

use xmpp::condition::StreamCondition;
use xmpp::xml::{Frame, Framing, Reader, ReaderLimits, Stanza, XmlError};

const HEADER: &str = "<stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";

fn reader() -> Reader {
    let mut reader = Reader::new(Framing::Stream, ReaderLimits::default());
    reader.feed(HEADER.as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Open(_)))));
    reader
}

/// Feeds until an error comes, and gives it and the most that was buffered meanwhile.
fn error_of<'a>(reader: &mut Reader, pieces: impl Iterator<Item = &'a [u8]>) -> (XmlError, usize) {
    let mut most = 0;
    for piece in pieces {
        reader.feed(piece);
        most = most.max(reader.buffered());
        loop {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(reader.next().unwrap_err(), error, "an error stays");
                    assert!(reader.is_empty(), "nothing is kept after an error");
                    return (error, most);
                }
            }
        }
    }
    panic!("no error");
}

#[test]
fn depth_is_bounded() {
    let deep = "<a>".repeat(100_000);
    let (error, most) = error_of(&mut reader(), deep.as_bytes().chunks(1000));
    assert_eq!(error, XmlError::TooDeep);
    assert!(most <= 2000);
    assert_eq!(error.condition(), StreamCondition::PolicyViolation);
    assert_eq!(Stanza::parse(&deep).unwrap_err(), XmlError::TooDeep);
    let fits = format!("{}{}", "<a>".repeat(64), "</a>".repeat(64));
    assert_eq!(Stanza::parse(&fits).unwrap().tree().root().name(), "a");
    let over = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
    assert_eq!(Stanza::parse(&over).unwrap_err(), XmlError::TooDeep);
}

#[test]
fn attributes_are_bounded() {
    let attributes: String = (0..10_000).map(|n| format!(" a{n}='1'")).collect();
    let tag = format!("<message{attributes}/>");
    let (error, _) = error_of(&mut reader(), tag.as_bytes().chunks(100));
    assert_eq!(error, XmlError::TooManyAttributes);
    let declarations: String = (0..10).map(|n| format!(" xmlns:a{n}='urn:a'")).collect();
    let nested = format!("<x{declarations}>").repeat(10);
    let (error, _) = error_of(&mut reader(), nested.as_bytes().chunks(100));
    assert_eq!(error, XmlError::TooManyAttributes);
}

#[test]
fn a_stanza_is_bounded() {
    let piece = vec![b'x'; 4096];
    let start: &[u8] = b"<message><body>";
    let endless = std::iter::once(start).chain(std::iter::repeat_n(piece.as_slice(), 25_000));
    let (error, most) = error_of(&mut reader(), endless);
    assert_eq!(error, XmlError::TooBig);
    assert!(most <= ReaderLimits::default().element_bytes + 4096);
}

#[test]
fn white_space_inside_of_a_stanza_counts() {
    let blank = vec![b' '; 4096];
    let start: &[u8] = b"<message>";
    let (error, _) = error_of(
        &mut reader(),
        std::iter::once(start).chain(std::iter::repeat_n(&blank[..], 100)),
    );
    assert_eq!(error, XmlError::TooBig);
    let start: &[u8] = b"<message";
    let (error, _) = error_of(
        &mut reader(),
        std::iter::once(start).chain(std::iter::repeat_n(&blank[..], 100)),
    );
    assert_eq!(error, XmlError::TooBig);
    let start: &[u8] = b"</stream:stream";
    let (error, _) = error_of(
        &mut reader(),
        std::iter::once(start).chain(std::iter::repeat_n(&blank[..], 100)),
    );
    assert_eq!(error, XmlError::TooBig);
}

#[test]
fn white_space_between_stanzas_costs_no_memory() {
    let mut reader = reader();
    let blank = vec![b'\n'; 4096];
    for _ in 0..2560 {
        reader.feed(&blank);
        assert!(matches!(reader.next(), Ok(None)));
        assert!(reader.is_empty());
    }
    assert_eq!(reader.whitespace(), 4096 * 2560);
    reader.feed(b"<presence/>");
    assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))));
}

#[test]
fn bombs_are_refused_at_once() {
    for (text, expected) in [
        (
            "<!DOCTYPE lolz [<!ENTITY lol 'lol'>",
            XmlError::RestrictedXml,
        ),
        ("<!--", XmlError::RestrictedXml),
        ("<?php", XmlError::RestrictedXml),
        ("<message>&lol;</message>", XmlError::RestrictedXml),
        ("<message><!ENTITY", XmlError::RestrictedXml),
    ] {
        let (error, _) = error_of(&mut reader(), text.as_bytes().chunks(1));
        assert_eq!(error, expected, "{text}");
    }
    let mut fresh = Reader::new(Framing::Stream, ReaderLimits::default());
    let (error, _) = error_of(&mut fresh, [&b"<!DOCTYPE a>"[..]].into_iter());
    assert_eq!(error, XmlError::RestrictedXml);
}

/// The work of each shape grows with its length and not with its square: one byte at a time, a
/// quarter of a megabyte each. A square would take minutes here.
#[test]
fn byte_at_a_time_is_linear() {
    let long = "x".repeat(200_000);
    for stanza in [
        format!("<message><body>{long}</body></message>"),
        format!("<message id='{long}'/>"),
        format!("<message {}/>", " ".repeat(200_000)),
        format!("<message></message{}>", " ".repeat(200_000)),
        format!("<{long}/>"),
        format!("<{long}></{long}>", long = &long[..100_000]),
        format!("<message>{}</message>", ">".repeat(200_000)),
        format!("<message>{}</message>", "&gt;".repeat(50_000)),
        format!("<message><![CDATA[{}]]></message>", "]>".repeat(100_000)),
        format!("<message>{}</message>", "<a/>".repeat(50_000)),
        format!("<message>{}</message>", "ü".repeat(100_000)),
    ] {
        let mut reader = reader();
        let mut found = None;
        for byte in stanza.as_bytes().chunks(1) {
            reader.feed(byte);
            if let Some(frame) = reader.next().unwrap() {
                assert!(found.is_none());
                found = Some(frame);
            }
        }
        let Some(Frame::Element(found)) = found else {
            panic!("no stanza")
        };
        assert_eq!(found.text(), stanza);
    }
}

#[test]
fn a_restart_forgets_the_old_stream() {
    let mut reader = reader();
    reader.feed(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><?xml version='1.0'?>");
    assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))));
    reader.restart();
    reader.feed(HEADER.as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Open(_)))));

    reader.feed(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><injected/>");
    assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))));
    reader.clear();
    reader.restart();
    assert!(reader.is_empty());
    reader.feed(HEADER.as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Open(_)))));
    assert!(matches!(reader.next(), Ok(None)));
}

#[test]
fn limits_can_be_raised() {
    let limits = ReaderLimits {
        element_bytes: 50,
        ..ReaderLimits::default()
    };
    let mut reader = Reader::new(Framing::Frames, limits);
    let stanza = format!("<message><body>{}</body></message>", "x".repeat(100));
    reader.set_limits(ReaderLimits {
        element_bytes: 200,
        ..limits
    });
    reader.feed(stanza.as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Element(_)))));
    reader.set_limits(limits);
    reader.feed(stanza.as_bytes());
    assert_eq!(reader.next().unwrap_err(), XmlError::TooBig);
}
