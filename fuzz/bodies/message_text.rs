//! What people write, and what others send in their place: bodies, searches, codes that are scanned. Reading takes them
//! apart and loses nothing; where something is found it stands in the text.

use base::{BareJid, Timestamp};
use client::files::{AesgcmAddress, AesgcmMessage};
use client::history::Code;
use client::search::Query;
use client::text::{Block, Composition, Document, Span, links, with_emoji};
use client::views::Mention;

fn leaves(spans: &[Span], out: &mut String) {
    for span in spans {
        match span {
            Span::Text(text)
            | Span::Code(text)
            | Span::Emoji(text)
            | Span::Link { text, .. }
            | Span::Mention { text, .. } => {
                assert!(!text.is_empty() || matches!(span, Span::Code(_)));
                out.push_str(text);
            }
            Span::Strong(inner) | Span::Emphasis(inner) | Span::Strikethrough(inner) => {
                assert!(!inner.is_empty(), "there is something between marks");
                leaves(inner, out);
            }
        }
    }
}

fn all(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Line(spans) => leaves(spans, out),
            Block::Pre { text, .. } => out.push_str(text),
            Block::Quote(inner) => {
                all(inner, out);
                continue;
            }
        }
        out.push('\n');
    }
}

/// See above. The first two bytes say where somebody is mentioned.
pub(crate) fn check(data: &[u8]) {
    let Some(([begin, length], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let Ok(body) = std::str::from_utf8(rest) else {
        return;
    };
    let account = BareJid::parse("juliet@capulet.example").expect("an address");
    let mentions = [Mention {
        begin: u32::from(*begin),
        end: u32::from(*begin) + u32::from(*length),
        account: account.clone(),
    }];
    let unstyled = Document::parse_unstyled(body, &mentions);
    let mut text = String::new();
    all(&unstyled.blocks, &mut text);
    assert_eq!(text, format!("{body}\n"));

    let document = Document::parse(body, &mentions);
    let mut text = String::new();
    all(&document.blocks, &mut text);
    assert!(text.len() <= body.len() + 1);
    let _ = document.plain();
    let _ = document.only_emoji();
    for range in links(body) {
        assert!(body.get(range).is_some_and(|link| link.contains(':')));
    }

    let sent = with_emoji(body);
    assert!(sent.len() <= body.len() * 8);
    let mut composition = Composition::new(body);
    composition.mention(
        usize::from(*begin)..usize::from(*begin) + 1,
        "Jülia",
        account,
    );
    composition.replace(usize::from(*length)..usize::from(*length) + 2, ":wave:");
    let composed = composition.finish();
    for mention in &composed.mentions {
        let said = composed
            .text
            .chars()
            .skip(mention.begin as usize)
            .take((mention.end - mention.begin) as usize);
        assert_eq!(said.collect::<String>(), "Jülia");
    }

    if let Ok(query) = Query::parse(body, Timestamp::from_seconds(1_800_000_000), 60) {
        for mark in query.marks(body) {
            assert!(body.get(mark).is_some_and(|text| !text.is_empty()));
        }
    }
    if let Some(address) = AesgcmAddress::parse(body) {
        assert_eq!(AesgcmAddress::parse(&address.expose()), Some(address));
    }
    if let Some(message) = AesgcmMessage::read(body) {
        assert_eq!(AesgcmMessage::read(&message.expose()), Some(message));
    }
    if let Ok(code) = Code::parse(body) {
        assert_eq!(Code::parse(&code.expose()), Ok(code));
    }
}
