//! XEP-0433: Extended Channel Search

use xmpp::condition::StanzaError;
use xmpp::xep::channel_search::{Found, Search, form, result};
use xmpp::xep::result_set::PageAnswer;
use xmpp::xml::Element;

use super::listing::Listed;
use crate::Chat;
use crate::modules::Reply;

/// Rooms on a page of results at most.
const PAGE: usize = 50;

/// §3: the form, or a page of what is found among the public rooms.
pub(super) async fn search(chat: &Chat, payload: Element<'_>) -> Result<Reply, StanzaError> {
    let Some(search) = Search::read(payload)? else {
        return Ok(Reply::payload(form()));
    };
    let rooms = chat.rooms().listing.rooms(chat).await?;
    let mut found: Vec<(Option<u32>, &Listed)> = rooms
        .values()
        .filter(|room| search.finds(&room.lower))
        .map(|room| (users(chat, room), &**room))
        .filter(|(users, _)| users.unwrap_or_default() >= search.min_users)
        .collect();
    if search.by_users {
        found.sort_by(|(users, room), (other_users, other)| {
            (other_users, &room.address).cmp(&(users, &other.address))
        });
    }
    let count = found.len();
    let start = search
        .page
        .after
        .as_deref()
        .and_then(|after| found.iter().position(|(_, room)| room.address == after))
        .map_or(0, |at| at + 1);
    let max = search
        .page
        .max
        .map_or(PAGE, |max| usize::try_from(max).unwrap_or(PAGE))
        .min(PAGE);
    let shown: Vec<Found> = found
        .into_iter()
        .skip(start)
        .take(max)
        .map(|(users, room)| Found {
            address: room.address.clone(),
            name: Some(room.name.clone()),
            description: room.description.clone(),
            language: room.language.clone(),
            users,
            open: room.open,
            anonymous: room.anonymous,
        })
        .collect();
    let page = PageAnswer {
        first: shown.first().map(|room| room.address.clone()),
        index: None,
        last: shown.last().map(|room| room.address.clone()),
        count: u64::try_from(count).ok(),
    };
    Ok(Reply::payload(result(&shown, &page)))
}

/// How many are in a room, where anyone may know that.
fn users(chat: &Chat, room: &Listed) -> Option<u32> {
    if !room.open {
        return None;
    }
    let users = chat
        .rooms()
        .cached(&room.localpart)
        .map_or(0, |room| room.state().occupants.len());
    Some(u32::try_from(users).unwrap_or(u32::MAX))
}
