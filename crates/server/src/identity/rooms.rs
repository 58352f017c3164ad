//! Rooms for groups of a directory: each group that somebody is in gets one, once.

use std::collections::BTreeSet;

use base::{BareJid, Now};
use chat::accounts::Authority;
use chat::rooms::governing::RoomRefusal;
use chat::{Chat, Language};
use store::{Batch, Role, RoomConfig};

/// Setting with the groups that had a room, one a line: whoever removes one does not get it back.
const MADE: &str = "directory-rooms";
/// Rooms read at once.
const PAGE: usize = 1_000;
/// Names that are tried for one room.
const TRIES: usize = 20;

/// Makes the rooms that are missing. How many were made, and in words what could not be.
///
/// # Errors
/// In words, when the store cannot be used.
pub(super) async fn furnish(
    chat: &Chat,
    groups: BTreeSet<String>,
    open: bool,
    by: &Authority,
    now: Now,
) -> Result<(usize, Vec<String>), String> {
    let english = |refusal: RoomRefusal| match refusal {
        RoomRefusal::Account(refusal) => refusal.text(Language::English),
        refusal => refusal.to_string(),
    };
    let kept = chat.store().setting(MADE).await;
    let kept = kept.map_err(|error| error.to_string())?.unwrap_or_default();
    let kept = String::from_utf8_lossy(&kept).into_owned();
    let mut had: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    if groups.iter().all(|group| had.contains(group)) {
        return Ok((0, Vec::new()));
    }
    // A room for the group that somebody has made is the room.
    let mut after = None;
    loop {
        let page = chat.rooms_behind(after.as_deref(), PAGE, by).await;
        let page = page.map_err(english)?;
        let of_groups = page
            .rooms
            .iter()
            .filter_map(|room| room.config.group.as_deref());
        had.extend(of_groups.map(str::to_owned));
        after = page
            .rooms
            .last()
            .filter(|_| page.more)
            .map(|room| room.localpart.to_string());
        if after.is_none() {
            break;
        }
    }
    let people = chat.people_with_roles().await;
    let people = people.map_err(|refusal| refusal.text(Language::English))?;
    let owner = people
        .iter()
        .find(|person| person.role == Role::Owner && person.enabled);
    let owner = owner.and_then(|owner| BareJid::new(Some(&owner.localpart), &chat.domain()).ok());
    let Some(owner) = owner else {
        let problem = "no rooms were made for groups: nobody owns this server yet, so nobody would own the rooms";
        return Ok((0, vec![problem.to_owned()]));
    };
    let (mut made, mut problems) = (0, Vec::new());
    // Those that cannot be groups of people are told with the people.
    let usable = |group: &String| group.len() <= 256 && !group.chars().any(char::is_control);
    for group in groups.into_iter().filter(usable) {
        if had.contains(&group) {
            continue;
        }
        match make(chat, &group, open, &owner, by, now).await {
            Ok(()) => {
                made += 1;
                had.insert(group);
            }
            Err(refusal) => problems.push(format!("no room for \"{group}\": {}", english(refusal))),
        }
    }
    let all: Vec<&str> = had.iter().map(String::as_str).collect();
    let mut batch = Batch::new();
    batch.setting_set(MADE, Some(all.join("\n").as_bytes()));
    let ticket = chat.store().submit(batch).ticket;
    ticket.await.map_err(|error| error.to_string())?;
    Ok((made, problems))
}

async fn make(
    chat: &Chat,
    group: &str,
    open: bool,
    owner: &BareJid,
    by: &Authority,
    now: Now,
) -> Result<(), RoomRefusal> {
    let name = room_name(group);
    let mut number = 1;
    loop {
        let tried = match number {
            1 => name.clone(),
            number => format!("{name}-{number}"),
        };
        let config = RoomConfig::department_room(group, open);
        match chat.make_room(&tried, config, owner, by, now).await {
            Err(RoomRefusal::NameTaken) if number < TRIES => number += 1,
            result => return result,
        }
    }
}

/// The part before the @ of a group's room: what people would type.
fn room_name(group: &str) -> String {
    let mut name = String::with_capacity(group.len());
    for character in group.to_lowercase().chars() {
        if character.is_alphanumeric() || ".-_".contains(character) {
            name.push(character);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    match base::jid::local_part_strict(name) {
        Ok(name) => name,
        Err(_) => "room".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::room_name;

    #[test]
    fn rooms_are_called_as_people_would_type_it() {
        for (group, room) in [
            ("Sales North", "sales-north"),
            ("F&E / Prüfung", "f-e-prüfung"),
            ("a*)(uid=*", "a-uid"),
            ("***", "room"),
            ("it.support_1", "it.support_1"),
        ] {
            assert_eq!(room_name(group), room);
        }
    }
}
