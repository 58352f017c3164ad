//! What is found in plain text: mentions, links, emoji.

use std::ops::Range;

use base::BareJid;
use xmpp::xep::character_counting::bytes_of;

use super::Span;
use super::emoji::split;
use super::links::links;
use crate::views::Mention;

/// More mentions than that are not looked for.
const MOST_MENTIONS: usize = 256;

/// The mentions of a body, where they stand in it.
pub(super) struct Mentions<'m>(Vec<(Range<usize>, &'m BareJid)>);

impl<'m> Mentions<'m> {
    /// Those that fit the body and do not overlap.
    pub(super) fn of(body: &str, mentions: &'m [Mention]) -> Self {
        let mut places: Vec<_> = mentions
            .iter()
            .take(MOST_MENTIONS)
            .filter_map(|mention| {
                let place = bytes_of(body, mention.begin..mention.end)?;
                Some((place, &mention.account))
            })
            .collect();
        places.sort_by_key(|(place, _)| (place.start, place.end));
        let mut end = 0;
        places.retain(|(place, _)| {
            let free = place.start >= end;
            if free {
                end = place.end;
            }
            free
        });
        Self(places)
    }

    /// Those that stand wholly in a part of the body, from left to right.
    fn within(&self, part: Range<usize>) -> impl Iterator<Item = &(Range<usize>, &'m BareJid)> {
        let first = self
            .0
            .partition_point(|(place, _)| place.start < part.start);
        self.0[first..]
            .iter()
            .take_while(move |(place, _)| place.start < part.end)
            .filter(move |(place, _)| place.end <= part.end)
    }
}

/// Takes plain text apart. `offset` is where it begins in the body.
pub(super) fn read(text: &str, offset: usize, mentions: &Mentions<'_>, out: &mut Vec<Span>) {
    let mut at = 0;
    for (place, account) in mentions.within(offset..offset + text.len()) {
        let (start, end) = (place.start - offset, place.end - offset);
        read_links(&text[at..start], out);
        out.push(Span::Mention {
            account: (*account).clone(),
            text: text[start..end].to_owned(),
        });
        at = end;
    }
    read_links(&text[at..], out);
}

fn read_links(text: &str, out: &mut Vec<Span>) {
    let mut at = 0;
    for link in links(text) {
        read_emoji(&text[at..link.start], out);
        at = link.end;
        let text = text[link].to_owned();
        out.push(Span::Link {
            url: text.clone(),
            text,
        });
    }
    read_emoji(&text[at..], out);
}

fn read_emoji(text: &str, out: &mut Vec<Span>) {
    for (emoji, text) in split(text) {
        let text = text.to_owned();
        out.push(match emoji {
            true => Span::Emoji(text),
            false => Span::Text(text),
        });
    }
}
