//! The reader against other XML readers, on the same stanzas in the same run. The others do less
//! (quick-xml checks neither characters nor names nor prefixes) or build events; ratios say enough.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quick_xml::NsReader;
use quick_xml::events::Event;
use rxml::{Parse, Parser};
use xmpp::xml::{Edit, Framing, Head, Reader, ReaderLimits, Stanza};

const HEADER: &str = "<stream:stream to='example.org' version='1.0' xml:lang='en' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn chat() -> String {
    "<message to='juliet@example.com/balcony' id='6d1fbf5c-3ac0-4bb1' type='chat'>\
     <body>Neither, fair saint, if either thee dislike. With love's light wings.</body>\
     <active xmlns='http://jabber.org/protocol/chatstates'/>\
     <request xmlns='urn:xmpp:receipts'/>\
     <origin-id xmlns='urn:xmpp:sid:0' id='6d1fbf5c-3ac0-4bb1'/></message>"
        .to_owned()
}

fn omemo() -> String {
    let mut keys = String::new();
    for device in 0..4 {
        keys += &format!(
            "<key rid='{}'>{}</key>",
            31_415_926 + device,
            "mQoEAwoA".repeat(20)
        );
    }
    format!(
        "<message to='juliet@example.com' id='6d1fbf5c' type='chat'>\
         <encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='27183'>{keys}\
         <iv>BASE64ENCODED==</iv></header><payload>{}</payload></encrypted>\
         <store xmlns='urn:xmpp:hints'/>\
         <encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl'/></message>",
        "c2VjcmV0".repeat(32)
    )
}

fn presence() -> String {
    "<presence id='p1'><show>away</show><priority>5</priority>\
     <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://example.org/client' \
     ver='QgayPKawpkPSDYmwT/WM94uAlu0='/></presence>"
        .to_owned()
}

fn umlauts() -> String {
    format!(
        "<message to='jürgen@example.com' type='chat'><body>{}</body></message>",
        "Ich grüße dich, schöne Müllerin – weißt du's schon? ".repeat(5)
    )
}

fn disco() -> String {
    let features: String = (0..120)
        .map(|n| format!("<feature var='urn:xmpp:some:feature:{n}'/>"))
        .collect();
    format!(
        "<iq type='result' id='d1' to='a@b/c'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='server' type='im'/>{features}</query></iq>"
    )
}

fn with_reader(reader: &mut Reader, stanza: &str) -> Stanza {
    let mut input = reader.input(stanza.as_bytes());
    match input.next() {
        Ok(Some(xmpp::xml::Frame::Element(stanza))) => stanza,
        other => unreachable!("{other:?}"),
    }
}

fn with_feed(reader: &mut Reader, stanza: &str) -> Stanza {
    reader.feed(stanza.as_bytes());
    match reader.next() {
        Ok(Some(xmpp::xml::Frame::Element(stanza))) => stanza,
        other => unreachable!("{other:?}"),
    }
}

fn with_rxml(parser: &mut Parser, stanza: &str) -> usize {
    let mut bytes = stanza.as_bytes();
    let mut events = 0;
    while !bytes.is_empty() {
        if let Ok(Some(event)) = parser.parse(&mut bytes, false) {
            black_box(&event);
            events += 1;
        }
    }
    events
}

fn with_quick_xml(stanza: &str) -> usize {
    let mut reader = NsReader::from_str(stanza);
    let mut events = 0;
    loop {
        match reader.read_resolved_event().unwrap() {
            (_, Event::Eof) => return events,
            (namespace, Event::Start(tag) | Event::Empty(tag)) => {
                black_box(&namespace);
                for attribute in tag.attributes() {
                    black_box(attribute.unwrap());
                }
            }
            (_, event) => {
                black_box(event);
            }
        }
        events += 1;
    }
}

fn scan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    for (name, stanza) in [
        ("chat", chat()),
        ("omemo", omemo()),
        ("presence", presence()),
        ("umlauts", umlauts()),
        ("disco", disco()),
    ] {
        group.throughput(Throughput::Bytes(stanza.len() as u64));
        let mut reader = Reader::new(Framing::Stream, ReaderLimits::default());
        reader.feed(HEADER.as_bytes());
        reader.next().unwrap();
        group.bench_function(BenchmarkId::new("hauspost", name), |bencher| {
            bencher.iter(|| with_reader(&mut reader, black_box(&stanza)));
        });
        group.bench_function(BenchmarkId::new("hauspost-feed", name), |bencher| {
            bencher.iter(|| with_feed(&mut reader, black_box(&stanza)));
        });
        let mut parser = Parser::new();
        with_rxml(&mut parser, HEADER);
        group.bench_function(BenchmarkId::new("rxml", name), |bencher| {
            bencher.iter(|| with_rxml(&mut parser, black_box(&stanza)));
        });
        group.bench_function(BenchmarkId::new("quick-xml", name), |bencher| {
            bencher.iter(|| with_quick_xml(black_box(&stanza)));
        });
    }
    group.finish();
}

fn relay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("relay");
    for (name, stanza) in [("chat", chat()), ("omemo", omemo())] {
        let stanza = Stanza::parse(&stanza).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let received = stanza.head();
                let head = Head {
                    from: Some("romeo@example.net/orchard"),
                    ..received.as_head()
                };
                black_box(&stanza).relay(&head, &Edit::NONE)
            });
        });
        group.bench_function(format!("{name}-tree"), |bencher| {
            bencher.iter(|| black_box(&stanza).tree());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_millis(800))
        .sample_size(30);
    targets = scan, relay
}
criterion_main!(benches);
