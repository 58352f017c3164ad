//! Any bytes as a stream: no panic, pieces give the same as the whole, and what is accepted can be
//! looked at in every way and sent on.

use xmpp::xml::{Edit, Frame, Framing, Kind, Reader, ReaderLimits, Stanza, Tree};

const HEADER: &[u8] = b"<stream:stream xml:lang='en' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";

fn run<'a>(framing: Framing, pieces: impl Iterator<Item = &'a [u8]>) -> String {
    let mut out = String::new();
    let mut reader = Reader::new(framing, ReaderLimits::default());
    for piece in pieces {
        let mut input = reader.input(piece);
        loop {
            match input.next() {
                Ok(Some(Frame::Element(stanza))) => out += stanza.text(),
                Ok(Some(Frame::Open(header))) => out += &format!("{header:?}"),
                Ok(Some(Frame::Close)) => out += "close",
                Ok(None) => break,
                Err(error) => return out + &format!("{error:?}"),
            }
        }
    }
    out
}

fn look_at(stanza: &Stanza) {
    let tree = stanza.tree();
    assert_eq!(tree.root().name(), stanza.name());
    for (child, element) in stanza.children().zip(tree.root().children()) {
        assert_eq!(child.name(), element.name());
        assert_eq!(child.namespace(), element.namespace());
        let again = Tree::parse(&child.raw()).expect("raw text is well-formed");
        assert!(again.root().is(child.name(), child.namespace()));
    }
    if stanza.kind() != Kind::Other {
        let relayed = stanza.relay(&stanza.head().as_head(), &Edit::NONE);
        let relayed = std::str::from_utf8(&relayed).expect("relayed text is UTF-8");
        let again = Stanza::parse(relayed).expect("relayed text is well-formed");
        assert_eq!(again.kind(), stanza.kind());
        assert_eq!(again.children().len(), stanza.children().len());
    }
}

/// See above.
pub(crate) fn check(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let framing = if choice & 1 == 0 {
        Framing::Stream
    } else {
        Framing::Frames
    };
    let mut input = Vec::new();
    if choice & 2 == 0 && framing == Framing::Stream {
        input.extend_from_slice(HEADER);
    }
    input.extend_from_slice(bytes);
    let whole = run(framing, std::iter::once(&input[..]));
    assert_eq!(run(framing, input.chunks(1)), whole);
    assert_eq!(
        run(framing, input.chunks(usize::from(choice >> 2) + 2)),
        whole
    );

    let mut reader = Reader::new(framing, ReaderLimits::default());
    reader.feed(&input);
    while let Ok(Some(frame)) = reader.next() {
        if let Frame::Element(stanza) = frame {
            look_at(&stanza);
        }
    }
}
