//! XEP-0433: Extended Channel Search

use store::Whois;
use xmpp::condition::StanzaError;
use xmpp::xep::channel_search::{Found, Search, form, result};
use xmpp::xep::result_set::PageAnswer;
use xmpp::xml::Element;

use crate::Chat;
use crate::modules::{Reply, store_failed};

/// Rooms read from the store at once.
const AT_ONCE: usize = 500;
/// Rooms on a page of results at most.
const PAGE: usize = 50;
/// Public rooms that a search looks at.
const MOST: usize = 20_000;

/// §3: the form, or a page of what is found among the public rooms.
pub(super) async fn search(chat: &Chat, payload: Element<'_>) -> Result<Reply, StanzaError> {
    let Some(search) = Search::read(payload)? else {
        return Ok(Reply::payload(form()));
    };
    let address = super::address(chat);
    let mut found = Vec::new();
    let mut after: Option<std::sync::Arc<str>> = None;
    let mut seen = 0;
    loop {
        let page = chat
            .store()
            .room_list(after.as_deref(), AT_ONCE, true)
            .await;
        let page = page.map_err(|error| store_failed(&error))?;
        seen += page.rooms.len();
        after = page.rooms.last().map(|room| room.localpart.clone());
        for room in page.rooms {
            let config = &room.config;
            let jid = format!("{}@{address}", room.localpart);
            let name = config.name.as_deref().unwrap_or(&room.localpart);
            let description = config.description.as_deref().unwrap_or_default();
            if !search.finds(&jid, name, description) {
                continue;
            }
            let users = chat
                .rooms()
                .cached(&room.localpart)
                .map_or(0, |room| room.state().occupants.len());
            let users = u32::try_from(users).unwrap_or(u32::MAX);
            if users < search.min_users {
                continue;
            }
            found.push(Found {
                name: Some(name.to_owned()),
                description: config.description.as_ref().map(ToString::to_string),
                language: config.language.as_ref().map(ToString::to_string),
                users,
                open: !config.members_only && config.password.is_none(),
                anonymous: config.whois == Whois::Moderators,
                address: jid,
            });
        }
        if !page.more || seen >= MOST {
            break;
        }
    }
    if search.by_users {
        found.sort_by(|one, other| (other.users, &one.address).cmp(&(one.users, &other.address)));
    }
    let count = found.len();
    let start = search
        .page
        .after
        .as_deref()
        .and_then(|after| found.iter().position(|room| room.address == after))
        .map_or(0, |at| at + 1);
    let max = search
        .page
        .max
        .map_or(PAGE, |max| usize::try_from(max).unwrap_or(PAGE))
        .min(PAGE);
    let shown: Vec<Found> = found.into_iter().skip(start).take(max).collect();
    let page = PageAnswer {
        first: shown.first().map(|room| room.address.clone()),
        index: None,
        last: shown.last().map(|room| room.address.clone()),
        count: u64::try_from(count).ok(),
    };
    Ok(Reply::payload(result(&shown, &page)))
}
