use base::BareJid;
use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Span {
    Span::Text(text.to_owned())
}

fn line(body: &str) -> Vec<Span> {
    let document = Document::parse(body, &[]);
    match <[Block; 1]>::try_from(document.blocks) {
        Ok([Block::Line(spans)]) => spans,
        other => panic!("one line, not {other:?}"),
    }
}

fn strong(inner: &str) -> Span {
    Span::Strong(vec![text(inner)])
}

fn emphasis(inner: &str) -> Span {
    Span::Emphasis(vec![text(inner)])
}

/// XEP-0393 §5.2, all of its examples.
#[test]
fn spans_of_the_specification() {
    for (body, spans) in [
        ("plain span", vec![text("plain span")]),
        ("*strong span*", vec![strong("strong span")]),
        (
            "plain _emphasis_ plain",
            vec![text("plain "), emphasis("emphasis"), text(" plain")],
        ),
        (
            "`pre` plain *strong*",
            vec![Span::Code("pre".into()), text(" plain "), strong("strong")],
        ),
        ("*strong*plain*", vec![strong("strong"), text("plain*")]),
        ("* plain *strong*", vec![text("* plain "), strong("strong")]),
        (
            "Everyone ~dis~likes cake.",
            vec![
                text("Everyone "),
                Span::Strikethrough(vec![text("dis")]),
                text("likes cake."),
            ],
        ),
        (
            "This is `*monospace*`",
            vec![text("This is "), Span::Code("*monospace*".into())],
        ),
        (
            "This is *`monospace and bold`*",
            vec![
                text("This is "),
                Span::Strong(vec![Span::Code("monospace and bold".into())]),
            ],
        ),
        (
            "Two spans, both *alike in dignity*",
            vec![text("Two spans, both "), strong("alike in dignity")],
        ),
    ] {
        assert_eq!(line(body), spans, "{body}");
    }
    for body in [
        "not strong*",
        "*not strong",
        "*not *strong",
        "**",
        "***",
        "****",
    ] {
        assert_eq!(line(body), [text(body)], "nothing is styled in {body}");
    }
    assert_eq!(
        Document::parse("*not \n strong*", &[]).blocks,
        [
            Block::Line(vec![text("*not ")]),
            Block::Line(vec![text(" strong*")])
        ]
    );
}

#[test]
fn marks_that_are_none_take_no_part() {
    // Not behind white space or another opening mark.
    assert_eq!(
        line("snake_case_name 2*3*4"),
        [text("snake_case_name 2*3*4")]
    );
    assert_eq!(line("*_both_*"), [Span::Strong(vec![emphasis("both")])]);
    // The first `*` is none, since nothing closes it; so `_` is not behind an opening mark.
    assert_eq!(line("*_x_"), [text("*_x_")]);
    assert_eq!(
        line("https://example.org/a_b_c"),
        [Span::Link {
            url: "https://example.org/a_b_c".into(),
            text: "https://example.org/a_b_c".into()
        }]
    );
    // White space is that of Unicode.
    assert_eq!(line("*a\u{3000}*"), [text("*a\u{3000}*")]);
    assert_eq!(line("x\u{a0}*a*"), [text("x\u{a0}"), strong("a")]);
}

/// XEP-0393 §5.1, all of its examples.
#[test]
fn blocks_of_the_specification() {
    let line = |spans: Vec<Span>| Block::Line(spans);
    assert_eq!(
        Document::parse("There are three blocks in this body, one per line,\nbut there is no *formatting\nas spans* may not escape blocks.", &[]).blocks,
        [
            line(vec![text("There are three blocks in this body, one per line,")]),
            line(vec![text("but there is no *formatting")]),
            line(vec![text("as spans* may not escape blocks.")]),
        ]
    );
    assert_eq!(
        Document::parse("```ignored\n(println \"Hello, world!\")\n```\n\nplain", &[]).blocks,
        [
            Block::Pre {
                info: "ignored".into(),
                text: "(println \"Hello, world!\")".into()
            },
            line(vec![]),
            line(vec![text("plain")]),
        ]
    );
    assert_eq!(
        Document::parse("> ```\n> (println \"Hello, world!\")\n\nplaintext!", &[]).blocks,
        [
            Block::Quote(vec![Block::Pre {
                info: String::new(),
                text: "(println \"Hello, world!\")".into()
            }]),
            line(vec![]),
            line(vec![text("plaintext!")]),
        ]
    );
    assert_eq!(
        Document::parse(
            ">> That that is, is.\n> Said the old hermit of Prague.\n\nWho?",
            &[]
        )
        .blocks,
        [
            Block::Quote(vec![
                Block::Quote(vec![line(vec![text("That that is, is.")])]),
                line(vec![text("Said the old hermit of Prague.")]),
            ]),
            line(vec![]),
            line(vec![text("Who?")]),
        ]
    );
    // §6: what the element `unstyled` is for.
    assert_eq!(
        Document::parse_unstyled("> _ <", &[]).blocks,
        [line(vec![text("> _ <")])]
    );
}

#[test]
fn quotes_have_a_depth_that_can_be_drawn() {
    let document = Document::parse(&">".repeat(100_000), &[]);
    let mut depth = 0;
    let mut blocks = &document.blocks;
    while let [Block::Quote(inner)] = &blocks[..] {
        depth += 1;
        blocks = inner;
    }
    assert_eq!(depth, DEEPEST_QUOTE);
    assert!(matches!(&blocks[..], [Block::Line(_)]));
}

fn mention(begin: u32, end: u32, account: &str) -> Mention {
    Mention {
        begin,
        end,
        account: BareJid::parse(account).unwrap(),
    }
}

#[test]
fn mentions_stand_where_code_points_say() {
    let body = "> ü\n😀 *Juliet*: see https://a.example";
    let mentions = [
        mention(7, 13, "juliet@capulet.example"),
        // Beyond the end; over a mark; over another one.
        mention(7, 99, "a@b.example"),
        mention(4, 9, "a@b.example"),
        mention(8, 10, "a@b.example"),
    ];
    let document = Document::parse(body, &mentions[..2]);
    let juliet = Span::Mention {
        account: mentions[0].account.clone(),
        text: "Juliet".into(),
    };
    let line = Block::Line(vec![
        Span::Emoji("😀".into()),
        text(" "),
        Span::Strong(vec![juliet]),
        text(": see "),
        Span::Link {
            url: "https://a.example".into(),
            text: "https://a.example".into(),
        },
    ]);
    assert_eq!(document.blocks[1], line);
    assert_eq!(
        Document::parse(body, &[mentions[0].clone(), mentions[3].clone()]),
        document
    );
    assert_eq!(document.plain(), "😀 Juliet: see https://a.example");
    assert_eq!(document.urls(), ["https://a.example"]);
    let crossing = Document::parse(body, &mentions[2..3]);
    assert!(!format!("{crossing:?}").contains("Mention"));
    let code = Document::parse("`Juliet`", &[mention(1, 7, "juliet@capulet.example")]);
    assert_eq!(
        code.blocks,
        [Block::Line(vec![Span::Code("Juliet".into())])]
    );
}

#[test]
fn messages_of_emoji_only() {
    for (body, count) in [
        ("😀", Some(1)),
        ("👩‍👩‍👧‍👦 🇩🇪\n👍🏽", Some(3)),
        ("😀!", None),
        ("> 😀", None),
        ("", None),
        (" ", None),
        ("*😀*", None),
        ("123", None),
    ] {
        assert_eq!(Document::parse(body, &[]).only_emoji(), count, "{body}");
    }
}

#[test]
fn words_without_marks() {
    let body = "> what?\n*Yes*, `really`\n```\ncode\n```\n";
    assert_eq!(Document::parse(body, &[]).plain(), "Yes, really\ncode");
    assert_eq!(Document::parse("> only _this_", &[]).plain(), "only this");
}

#[test]
fn links_in_quotes_are_not_shared_anew() {
    let body = "> https://a.example\n```\nhttps://b.example\n```\n_https://c.example_ https://c.example `https://d.example`";
    assert_eq!(Document::parse(body, &[]).urls(), ["https://c.example"]);
}

#[test]
fn names_become_emoji() {
    for (typed, sent) in [
        ("Hi :wave:!", "Hi 👋!"),
        (":+1::rocket:", "👍🚀"),
        (":Rocket:", "🚀"),
        ("10:30:15 :nothing: ::", "10:30:15 :nothing: ::"),
        ("`:wave:` :wave:", "`:wave:` 👋"),
        ("a ` :wave:", "a ` 👋"),
        ("```\n:wave:\n```\n:wave:", "```\n:wave:\n```\n👋"),
        ("straße:wave:", "straße:wave:"),
    ] {
        assert_eq!(with_emoji(typed), sent);
    }
    let names: Vec<&str> = emoji_choices("rock", 3)
        .iter()
        .map(|choice| choice.emoji)
        .collect();
    assert_eq!(names[..2], ["🪨", "🚀"]);
    assert!(
        emoji_choices("heart", 20)
            .iter()
            .any(|choice| choice.name == "green_heart")
    );
    assert_eq!(emoji_choices("nothing-like-it", 20), []);
}

#[test]
fn a_mention_moves_with_its_text() {
    let juliet = BareJid::parse("juliet@capulet.example").unwrap();
    let mut composition = Composition::new("\n:wave: @jul ");
    composition.mention(8..12, "Jülia", juliet.clone());
    composition.replace(composition.text().len()..usize::MAX, ":tada: now  ");
    let composed = composition.clone().finish();
    assert_eq!(composed.text, "👋 Jülia 🎉 now");
    assert_eq!(composed.mentions, [mention(2, 7, "juliet@capulet.example")]);
    let spans = Document::parse(&composed.text, &composed.mentions);
    assert!(format!("{spans:?}").contains("Mention"));
    // Who changes the name takes the mention away.
    composition.replace(9..10, "");
    assert_eq!(composition.finish().mentions, []);
    // A name is a name, even if it looks like an emoji's.
    let mut odd = Composition::new("@x and :tada:");
    odd.mention(0..2, ":wave:", juliet);
    let odd = odd.finish();
    assert_eq!(odd.text, ":wave: and 🎉");
    assert_eq!(odd.mentions, [mention(0, 6, "juliet@capulet.example")]);
}

/// What XEP-0393 §5.2 says, without a thought for speed: all pairs of marks are tried.
fn naive(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    'next: while at < chars.len() {
        let mark = chars[at];
        let opens = "*_~`".contains(mark)
            && (at == 0 || chars[at - 1].is_whitespace())
            && chars.get(at + 1).is_some_and(|it| !it.is_whitespace());
        if opens {
            for end in at + 1..chars.len() {
                if chars[end] != mark || chars[end - 1].is_whitespace() {
                    continue;
                }
                if end == at + 1 {
                    out.extend([mark, mark]);
                } else {
                    let inner: String = chars[at + 1..end].iter().collect();
                    let inner = if mark == '`' { inner } else { naive(&inner) };
                    out.push_str(&format!("<{mark}{inner}{mark}>"));
                }
                at = end + 1;
                continue 'next;
            }
        }
        out.push(mark);
        at += 1;
    }
    out
}

fn marked(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match span {
            Span::Text(text)
            | Span::Emoji(text)
            | Span::Link { text, .. }
            | Span::Mention { text, .. } => text.clone(),
            Span::Code(text) => format!("<`{text}`>"),
            Span::Strong(inner) => format!("<*{}*>", marked(inner)),
            Span::Emphasis(inner) => format!("<_{}_>", marked(inner)),
            Span::Strikethrough(inner) => format!("<~{}~>", marked(inner)),
        })
        .collect()
}

proptest! {
    #[test]
    fn spans_are_those_of_a_reader_without_haste(body in "[*_~`ax ü]{0,24}") {
        prop_assert_eq!(marked(&match Document::parse(&body, &[]).blocks.pop() {
            Some(Block::Line(spans)) => spans,
            Some(Block::Pre { .. }) => return Ok(()),
            other => panic!("{other:?}"),
        }), naive(&body));
    }

    #[test]
    fn nothing_is_lost(body in "(\\PC|[>*_~`: \n]|https://a\\.b/|xmpp:|😀){0,60}") {
        let all = |blocks: &[Block]| {
            let mut text = String::new();
            plain_blocks(blocks, true, &mut text);
            text
        };
        let document = Document::parse_unstyled(&body, &[]);
        prop_assert_eq!(all(&document.blocks), format!("{body}\n"));
        // Styled, only marks are missing.
        let letters = |text: &str| text.chars().filter(|it| !"*_~`>".contains(*it) && !it.is_whitespace()).collect::<String>();
        if !body.contains("```") {
            prop_assert_eq!(letters(&all(&Document::parse(&body, &[]).blocks)), letters(&body));
        }
    }

    #[test]
    fn what_is_composed_mentions_whom_was_meant(
        parts in prop::collection::vec(("(\\PC|:wave:|`){0,6}", "[a-zü:😀]{1,5}"), 0..5),
        cut in (0usize..40, 0usize..5),
    ) {
        let mut composition = Composition::default();
        for (index, (before, name)) in parts.iter().enumerate() {
            let end = composition.text().len();
            composition.replace(end..end, before);
            let end = composition.text().len();
            let account = BareJid::parse(&format!("{index}@a.example")).unwrap();
            composition.mention(end..end, name, account);
        }
        composition.replace(cut.0..cut.0 + cut.1, "🎉");
        let kept: Vec<_> = composition.mentions().to_vec();
        let composed = composition.clone().finish();
        for mention in &composed.mentions {
            let index: usize = mention.account.local().unwrap().parse().unwrap();
            let said: String = composed.text.chars()
                .skip(mention.begin as usize)
                .take((mention.end - mention.begin) as usize)
                .collect();
            prop_assert_eq!(&said, &parts[index].1);
        }
        prop_assert_eq!(composed.mentions.len(), kept.len());
    }
}
