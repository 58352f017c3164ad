//! A query of the archive (XEP-0313 §4): from the request to the page.

use bytes::Bytes;
use store::{ArchiveId, ArchivePage, ArchiveQuery, OwnerId, PagePosition, StoreError};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::xep::message_archive::{ArchiveRequest, Fin, ResultWriter};
use xmpp::xep::result_set::PageAnswer;

use crate::account::Account;
use crate::modules::{IqContext, Reply, omemo, store_failed};
use crate::{Chat, Work};

/// How much of what may wait for a client unacknowledged (XEP-0198) one page may take.
const PAGE_SHARE: usize = 4;

pub(super) fn run(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let request = ArchiveRequest::read(payload.root())?;
        drop(payload);
        let page = read(
            &context.chat,
            context.account.id(),
            Some(&context.account),
            &request,
        )
        .await?;
        let before = results(
            &page,
            context.account.jid().as_str(),
            context.session.jid().as_str(),
            request.queryid.as_deref(),
        );
        Ok(Reply {
            later: false,
            before,
            payload: fin(&page).to_xml(),
            after: Vec::new(),
        })
    })
}

/// Reads the page that is asked for, as the reader's devices get it (`None` is somebody of another domain), and not so much
/// of it that a client could not bear it.
pub(crate) async fn read(
    chat: &Chat,
    owner: impl Into<OwnerId>,
    reader: Option<&Account>,
    request: &ArchiveRequest,
) -> Result<ArchivePage, StanzaError> {
    let limits = &chat.config().limits;
    let most = limits.unacknowledged_bytes / PAGE_SHARE;
    let query = to_query(request, limits.archive_page_default, limits.archive_page)?;
    let backwards = matches!(query.position, PagePosition::Last | PagePosition::Before(_));
    let from_front = backwards == query.flipped;
    let page = chat.store().archive_page(owner, query).await;
    let mut page = page.map_err(|error| match error {
        StoreError::ItemNotFound => not_found(),
        error => store_failed(&error),
    })?;
    if let Some(account) = reader {
        for item in &mut page.items {
            item.stanza = omemo::kept(chat, account, &item.stanza);
        }
    }
    shorten(&mut page, most, from_front);
    Ok(page)
}

/// What closes the answer (§4.2).
pub(crate) fn fin(page: &ArchivePage) -> Fin {
    Fin {
        complete: page.complete,
        page: PageAnswer {
            first: page.first.map(|id| id.to_string()),
            index: None,
            last: page.last.map(|id| id.to_string()),
            count: page.count,
        },
    }
}

pub(crate) fn not_found() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound).text("The archive has no message with this id.")
}

/// The request as the store understands it.
fn to_query(
    request: &ArchiveRequest,
    usual: usize,
    most: usize,
) -> Result<ArchiveQuery, StanzaError> {
    let unsupported =
        |text: &str| StanzaError::new(StanzaCondition::FeatureNotImplemented).text(text);
    if request.node.is_some() {
        return Err(unsupported("The archive of an account has no nodes."));
    }
    if request.page.index.is_some() {
        return Err(unsupported(
            "Pages are asked for by the id of a message, not by their place.",
        ));
    }
    if request.ids.len() > most {
        return Err(
            StanzaError::new(StanzaCondition::NotAcceptable).text(format!(
                "Please ask for {most} messages at once at the most."
            )),
        );
    }
    let id = |text: &str| text.parse::<ArchiveId>().map_err(|_| not_found());
    let optional = |text: &Option<String>| text.as_deref().map(id).transpose();
    let mut after_id = optional(&request.after_id)?;
    let before_id = optional(&request.before_id)?;
    // An empty `<after/>` comes from clients that have nothing yet.
    let after = request
        .page
        .after
        .as_deref()
        .filter(|after| !after.is_empty())
        .map(id)
        .transpose()?;
    let position = match (request.page.before.as_deref(), after) {
        (None, None) => PagePosition::First,
        (None, Some(after)) => PagePosition::After(after),
        (Some(before), after) => {
            // Both at once mean nothing in RSM (§4.3.2): taken as backwards, down to there.
            after_id = after_id.max(after);
            if before.is_empty() {
                PagePosition::Last
            } else {
                PagePosition::Before(id(before)?)
            }
        }
    };
    Ok(ArchiveQuery {
        with: request.with.as_ref().map(|with| with.as_str().into()),
        start: request.start,
        end: request.end,
        after_id,
        before_id,
        ids: request
            .ids
            .iter()
            .map(|text| id(text))
            .collect::<Result<_, _>>()?,
        position,
        max: request
            .page
            .max
            .map_or(usual, |max| usize::try_from(max).unwrap_or(usize::MAX))
            .min(most),
        flipped: request.flip,
    })
}

/// Cuts a page of large messages down to `bytes`, but not below one message, from the end that the
/// next page begins at: the last of its items when `from_front` keeps the first ones.
fn shorten(page: &mut ArchivePage, bytes: usize, from_front: bool) {
    let mut room = bytes;
    let mut fits = 0;
    let mut take = |size: usize| {
        let goes = fits == 0 || size <= room;
        if goes {
            room = room.saturating_sub(size);
            fits += 1;
        }
        goes
    };
    let sizes = page.items.iter().map(|item| item.stanza.len());
    if from_front {
        sizes.take_while(|&size| take(size)).for_each(drop);
    } else {
        sizes.rev().take_while(|&size| take(size)).for_each(drop);
    }
    if fits == page.items.len() {
        return;
    }
    if from_front {
        page.items.truncate(fits);
    } else {
        page.items.drain(..page.items.len() - fits);
    }
    page.complete = false;
    page.first = page.items.iter().map(|item| item.id).min();
    page.last = page.items.iter().map(|item| item.id).max();
}

/// The page as stanzas, all in one allocation.
fn results(page: &ArchivePage, from: &str, to: &str, queryid: Option<&str>) -> Vec<Bytes> {
    let bytes = page.items.iter().map(|item| item.stanza.len()).sum();
    let mut writer = ResultWriter::new(from, to, queryid, page.items.len(), bytes);
    let ends: Vec<usize> = page
        .items
        .iter()
        .map(|item| writer.push(item.id, item.timestamp, &item.stanza))
        .collect();
    let all = writer.finish();
    let mut start = 0;
    ends.into_iter()
        .map(|end| all.slice(std::mem::replace(&mut start, end)..end))
        .collect()
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use store::{ArchiveItem, EntryFlags};
    use xmpp::xep::result_set::PageRequest;

    use super::*;

    fn id(number: i64) -> ArchiveId {
        ArchiveId::from_number(number)
    }

    fn page(sizes: &[usize], flipped: bool) -> ArchivePage {
        let mut items: Vec<ArchiveItem> = sizes
            .iter()
            .zip(1..)
            .map(|(&size, number)| ArchiveItem {
                id: id(number),
                timestamp: Timestamp::from_seconds(number),
                flags: EntryFlags::default(),
                stanza: vec![b'x'; size].into(),
            })
            .collect();
        if flipped {
            items.reverse();
        }
        let last = i64::try_from(sizes.len()).expect("few");
        ArchivePage {
            items,
            complete: true,
            first: Some(id(1)),
            last: Some(id(last)),
            count: None,
        }
    }

    #[test]
    fn a_page_of_large_messages_is_cut_where_the_next_begins() {
        let cases = [
            // Forwards, then backwards; each as it is and flipped.
            (false, false, 1, 2),
            (false, true, 1, 2),
            (true, false, 2, 3),
            (true, true, 2, 3),
        ];
        for (backwards, flipped, first, last) in cases {
            let mut cut = page(&[10, 10, 10], flipped);
            shorten(&mut cut, 25, backwards == flipped);
            assert_eq!(
                (cut.first, cut.last),
                (Some(id(first)), Some(id(last))),
                "{backwards} {flipped}"
            );
            assert_eq!(cut.items.len(), 2);
            assert!(!cut.complete);
        }
        let mut whole = page(&[10, 10], false);
        shorten(&mut whole, 20, true);
        assert!(whole.complete && whole.items.len() == 2);
        let mut huge = page(&[100, 1], false);
        shorten(&mut huge, 20, true);
        assert_eq!(huge.items.len(), 1, "one message always goes");
        let mut empty = page(&[], false);
        shorten(&mut empty, 20, true);
        assert!(empty.complete);
    }

    #[test]
    fn places_of_a_page() {
        let text = |number| id(number).to_string();
        let query = |page: PageRequest| {
            to_query(
                &ArchiveRequest {
                    page,
                    ..ArchiveRequest::default()
                },
                50,
                250,
            )
        };
        let position = |page| query(page).map(|query| query.position);
        let asks = |after: Option<&str>, before: Option<&str>| PageRequest {
            after: after.map(str::to_owned),
            before: before.map(str::to_owned),
            ..PageRequest::default()
        };
        assert_eq!(position(asks(None, None)), Ok(PagePosition::First));
        assert_eq!(position(asks(Some(""), None)), Ok(PagePosition::First));
        assert_eq!(position(asks(None, Some(""))), Ok(PagePosition::Last));
        assert_eq!(
            position(asks(Some(&text(7)), None)),
            Ok(PagePosition::After(id(7)))
        );
        assert_eq!(
            position(asks(None, Some(&text(7)))),
            Ok(PagePosition::Before(id(7)))
        );
        let both = query(asks(Some(&text(3)), Some(&text(7)))).expect("a query");
        assert_eq!(
            (both.after_id, both.position),
            (Some(id(3)), PagePosition::Before(id(7)))
        );
        let unknown = position(asks(Some("nonsense"), None)).expect_err("an error");
        assert_eq!(unknown.condition, StanzaCondition::ItemNotFound);
        let by_place = query(PageRequest {
            index: Some(3),
            ..PageRequest::default()
        })
        .expect_err("an error");
        assert_eq!(by_place.condition, StanzaCondition::FeatureNotImplemented);
        let most = |max| {
            query(PageRequest {
                max,
                ..PageRequest::default()
            })
            .map(|query| query.max)
        };
        assert_eq!(
            (most(None), most(Some(0)), most(Some(9_999))),
            (Ok(50), Ok(0), Ok(250))
        );
    }
}
