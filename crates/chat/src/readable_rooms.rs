//! Rooms, as seen by those who are not in them: where they are, and which of them an account may read at any time.

use std::sync::Arc;

use bytes::Bytes;
use store::{Affiliation, RoomConfig, RoomId, RoomsQuery, RosterVersion, Whois};
use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xml::{Edit, Head, Stanza};

use crate::store_trouble::store_failed;
use crate::{Account, Chat};

/// The first label of the address of the service.
pub(crate) const LABEL: &str = "rooms";

/// The address of the service.
pub(crate) fn address(chat: &Chat) -> String {
    format!("{}.{}", LABEL, chat.domain())
}

/// A room that an account may read at any time.
#[derive(Debug)]
pub(crate) struct ReadableRoom {
    pub(crate) address: Arc<str>,
    pub(crate) id: RoomId,
    /// With real addresses.
    pub(crate) sees_addresses: bool,
    /// When the account's standing in it changed last.
    pub(crate) since: RosterVersion,
}

/// The rooms that an account may read: those it is a member of, and of those that it has a bookmark of
/// the ones that anybody may enter. `bookmarked` are addresses, others than those of rooms of ours too.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn readable<'a>(
    chat: &Chat,
    account: &Account,
    bookmarked: impl Iterator<Item = &'a str>,
) -> Result<Vec<ReadableRoom>, StanzaError> {
    let domain = address(chat);
    let named = bookmarked.filter_map(|address| {
        let (local, at) = address.split_once('@')?;
        (at == domain).then(|| local.into())
    });
    let groups = account.facts().account.groups.clone();
    let query = RoomsQuery {
        address: account.jid().as_str().into(),
        domain: chat.domain(),
        groups: groups.clone(),
        named: named.collect(),
    };
    let found = chat.store().rooms_of(query).await;
    let found = found.map_err(|error| store_failed(&error))?.into_iter();
    let readable = found.filter_map(|found| {
        let standing = with_group(found.affiliation, &found.config, &groups);
        may_read(standing, &found.config).then(|| ReadableRoom {
            address: format!("{}@{domain}", found.localpart).into(),
            id: found.room,
            sees_addresses: found.config.whois == Whois::Anyone || standing >= Affiliation::Admin,
            since: found.version,
        })
    });
    Ok(readable.collect())
}

/// A standing with what membership by a group of the directory adds.
fn with_group(own: Affiliation, config: &RoomConfig, groups: &[Arc<str>]) -> Affiliation {
    match &config.group {
        Some(group) if own == Affiliation::None && groups.contains(group) => Affiliation::Member,
        _ => own,
    }
}

/// Whether somebody of this standing reads what is said without being there: members do, and whoever has
/// a bookmark where anybody may enter.
pub(crate) fn may_read(standing: Affiliation, config: &RoomConfig) -> bool {
    if config.locked {
        return standing == Affiliation::Owner;
    }
    standing >= Affiliation::Member || (standing == Affiliation::None && is_open(config))
}

/// Whether anybody who is not banned may enter.
pub(crate) fn is_open(config: &RoomConfig) -> bool {
    !config.members_only && config.password.is_none() && !config.locked
}

/// The message without the real address of who has sent it.
pub(crate) fn without_address(stanza: &Bytes) -> Bytes {
    let Some(parsed) = std::str::from_utf8(stanza)
        .ok()
        .and_then(|text| Stanza::parse(text).ok())
    else {
        return Bytes::new();
    };
    let received = parsed.head();
    let head = Head {
        ..received.as_head()
    };
    parsed.relay(
        &head,
        &Edit {
            drop: &|child| child.is("x", ns::MUC_USER),
            append: b"",
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_read_without_being_there() {
        let open = RoomConfig::default();
        let group = RoomConfig::group_chat();
        let shut = RoomConfig {
            password: Some(base::Redacted::new("secret".into())),
            ..RoomConfig::default()
        };
        let fresh = RoomConfig {
            locked: true,
            ..RoomConfig::default()
        };
        for (config, expected) in [
            (&open, [false, true, true, true]),
            (&group, [false, false, true, true]),
            (&shut, [false, false, true, true]),
            (&fresh, [false, false, false, true]),
        ] {
            let reads = [
                Affiliation::Outcast,
                Affiliation::None,
                Affiliation::Member,
                Affiliation::Owner,
            ]
            .map(|standing| may_read(standing, config));
            assert_eq!(reads, expected, "{config:?}");
        }
        let department = RoomConfig::department_room("Sales", false);
        let sales: [Arc<str>; 1] = ["Sales".into()];
        let standing = |own| with_group(own, &department, &sales);
        assert_eq!(standing(Affiliation::None), Affiliation::Member);
        assert_eq!(standing(Affiliation::Outcast), Affiliation::Outcast);
        assert_eq!(
            with_group(Affiliation::None, &department, &[]),
            Affiliation::None
        );
    }
}
