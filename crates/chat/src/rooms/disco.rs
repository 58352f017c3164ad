//! XEP-0030: Service Discovery, of the service and of rooms

use store::{RoomConfig, Whois};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::disco::{Form, Identity, Info};
use xmpp::xep::result_set::{PageAnswer, PageRequest};
use xmpp::xml::{Element, Writer};

use super::hats;
use super::room::{Room, Who};
use crate::modules::{Reply, encryption, store_failed};
use crate::readable_rooms::address;
use crate::{Chat, Sender};

/// Rooms on a page of the list, unless the asker wants fewer.
const PAGE: usize = 250;
/// Where a reserved nickname is asked for (§7.12).
const ROOM_USER_ITEM: &str = "x-roomuser-item";
/// Where clients ask which payloads a room lets through (§18.1.1).
const TRAFFIC: &str = "http://jabber.org/protocol/muc#traffic";

fn no_such_node() -> StanzaError {
    StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such node here.")
}

/// What the service says of itself (§6.2).
pub(super) fn service_info(payload: Element<'_>) -> Result<Reply, StanzaError> {
    if payload.attr("node").is_some() {
        return Err(no_such_node());
    }
    let features = [
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::MUC,
        ns::MUC_STABLE_ID,
        ns::MUC_UNIQUE,
        ns::SELF_PING,
        ns::OCCUPANT_ID,
        ns::CHANNEL_SEARCH,
        ns::VCARD,
        ns::ARCHIVE,
        ns::PING,
        ns::RSM,
    ];
    let info = Info {
        identities: vec![Identity {
            category: "conference".into(),
            kind: "text".into(),
            lang: None,
            name: Some(super::SERVICE.title.into()),
        }],
        features: features.map(Into::into).to_vec(),
        forms: Vec::new(),
    };
    Ok(Reply::payload(info.to_xml(None)))
}

/// The public rooms, in pages (§6.3).
pub(super) async fn service_items(chat: &Chat, payload: Element<'_>) -> Result<Reply, StanzaError> {
    if payload.attr("node").is_some() {
        return Err(no_such_node());
    }
    let page = payload.child("set", ns::RSM);
    let page = page.map(PageRequest::read).transpose()?.unwrap_or_default();
    let max = page
        .max
        .map_or(PAGE, |max| usize::try_from(max).unwrap_or(PAGE))
        .min(PAGE);
    let after = page.after.as_deref().filter(|after| !after.is_empty());
    let after = after.map(|after| after.split('@').next().unwrap_or(after));
    let failed = |error: store::StoreError| store_failed(&error);
    let list = chat.store().room_list(after, max, true).await;
    let list = list.map_err(failed)?;
    let count = chat.store().room_count(true).await.map_err(failed)?;
    let address = address(chat);
    let mut out = Writer::with_capacity(256 + list.rooms.len() * 96);
    out.start("query").xmlns(ns::DISCO_ITEMS);
    let jid = |localpart: &str| format!("{localpart}@{address}");
    for room in &list.rooms {
        out.start("item")
            .attr("jid", jid(&room.localpart))
            .attr("name", name(&room.config, &room.localpart))
            .end();
    }
    if payload.child("set", ns::RSM).is_some() || list.more {
        PageAnswer {
            first: list.rooms.first().map(|room| jid(&room.localpart)),
            index: None,
            last: list.rooms.last().map(|room| jid(&room.localpart)),
            count: Some(count),
        }
        .write(&mut out);
    }
    out.end();
    Ok(Reply::payload(out.finish()))
}

fn name<'a>(config: &'a RoomConfig, localpart: &'a str) -> &'a str {
    config.name.as_deref().unwrap_or(localpart)
}

/// What a room says of itself (§6.4).
pub(super) fn room_info(
    chat: &Chat,
    room: &Room,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    match payload.attr("node") {
        None => {}
        Some(ROOM_USER_ITEM) => return Ok(reserved_nick(room, sender)),
        Some(TRAFFIC) => {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable)
                .text("This room lets everything through."));
        }
        Some(node) => {
            let info = hats::node_info(room, sender, node);
            return info.unwrap_or_else(|| Err(no_such_node()));
        }
    }
    let state = room.state();
    let config = &state.config;
    let inside = state.shows_inside(&Who::of(sender));
    // XEP-0503 §5.5.
    let group = config.group.as_deref().filter(|_| inside);
    let space = group.map(|group| super::spaces::iri(&chat.domain(), group));
    let mut features: Vec<&'static str> = vec![
        ns::DISCO_INFO,
        ns::DISCO_ITEMS,
        ns::MUC,
        ns::MUC_STABLE_ID,
        ns::SELF_PING,
        ns::OCCUPANT_ID,
        ns::STANZA_ID,
        ns::MODERATION,
        ns::RETRACTION,
        ns::AFFILIATION_VERSIONS,
        ns::HATS,
        ns::COMMANDS,
        ns::VCARD,
        ns::REGISTER,
        ns::PING,
        ns::ENCRYPTION_POLICY,
    ];
    if config.archived {
        features.extend([ns::ARCHIVE, ns::ARCHIVE_EXTENDED, ns::RETRACTION_TOMBSTONE]);
    }
    let pick = |on: bool, yes: &'static str, no: &'static str| if on { yes } else { no };
    features.extend([
        pick(config.listed, "muc_public", "muc_hidden"),
        pick(config.members_only, "muc_membersonly", "muc_open"),
        pick(config.moderated, "muc_moderated", "muc_unmoderated"),
        pick(
            config.whois == Whois::Anyone,
            "muc_nonanonymous",
            "muc_semianonymous",
        ),
        pick(
            config.password.is_some(),
            "muc_passwordprotected",
            "muc_unsecured",
        ),
        pick(config.persistent, "muc_persistent", "muc_temporary"),
    ]);
    let mut forms = vec![
        room_form(&state, inside, space.as_deref()),
        encryption::room_form(&chat.config(), config),
    ];
    if let Some(space) = space {
        features.push(ns::SPACES);
        forms.push(Form {
            form_type: ns::SPACES.into(),
            fields: vec![("parent".into(), vec![space])],
        });
    }
    let localpart = room.jid().local().unwrap_or_default();
    let info = Info {
        identities: vec![Identity {
            category: "conference".into(),
            kind: "text".into(),
            lang: None,
            name: Some(name(config, localpart).to_owned().into()),
        }],
        features: features.into_iter().map(Into::into).collect(),
        forms,
    };
    Ok(Reply::payload(info.to_xml(None)))
}

/// The form with what else there is to know (§15.5.4). `inside` says that who asks may know what goes
/// on in the room; others learn no more than the public list says.
fn room_form(state: &super::room::State, inside: bool, space: Option<&str>) -> Form {
    let config = &state.config;
    let mut fields: Vec<(std::borrow::Cow<'static, str>, Vec<String>)> = Vec::new();
    let mut add = |var: &'static str, values: Vec<String>| fields.push((var.into(), values));
    let flag = |on: bool| vec![if on { "1" } else { "0" }.to_owned()];
    let text = |text: &Option<std::sync::Arc<str>>| text.iter().map(ToString::to_string).collect();
    add("muc#roominfo_description", text(&config.description));
    add("muc#roomconfig_roomname", text(&config.name));
    if inside {
        add(
            "muc#roominfo_occupants",
            vec![state.occupants.len().to_string()],
        );
        add("muc#roominfo_subject", text(&state.subject));
    }
    add(
        "muc#roominfo_subjectmod",
        flag(config.occupants_change_subject),
    );
    add(
        "muc#roomconfig_changesubject",
        flag(config.occupants_change_subject),
    );
    add("muc#roomconfig_allowinvites", flag(config.members_invite));
    add(
        "muc#maxhistoryfetch",
        vec![super::history::MOST.to_string()],
    );
    if config.language.is_some() {
        add("muc#roominfo_lang", text(&config.language));
    }
    if inside && config.group.is_some() {
        add("muc#roominfo_ldapgroup", text(&config.group));
    }
    if let Some(space) = space {
        add("muc#roomconfig_pubsub", vec![space.to_owned()]);
    }
    if !config.contacts.is_empty() {
        let contacts = config.contacts.iter().map(ToString::to_string).collect();
        add("muc#roominfo_contactjid", contacts);
    }
    if !state.avatar.is_empty() {
        let hashes = state.avatar.iter().map(ToString::to_string).collect();
        add("muc#roominfo_avatarhash", hashes);
    }
    if inside && !state.hats.is_empty() {
        add("hats#hash", vec![hats::hash(&state.hats)]);
    }
    Form {
        form_type: ns::MUC_ROOM_INFO.into(),
        fields,
    }
}

/// §7.12: the nickname that is reserved for who asks.
fn reserved_nick(room: &Room, sender: &Sender) -> Reply {
    let who = Who::of(sender);
    let state = room.state();
    let nick = state
        .people
        .get(who.bare.as_str())
        .and_then(|person| person.nick.clone());
    let info = Info {
        identities: nick
            .map(|nick| Identity {
                category: "conference".into(),
                kind: "text".into(),
                lang: None,
                name: Some(nick.to_string().into()),
            })
            .into_iter()
            .collect(),
        ..Info::default()
    };
    Reply::payload(info.to_xml(Some(ROOM_USER_ITEM)))
}

/// §6.5: who is in a room is told to those who enter it only.
pub(super) fn room_items(
    room: &Room,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    match payload.attr("node") {
        None => {}
        Some(ns::COMMANDS) => return Ok(hats::items(room, sender)),
        Some(_) => return Err(no_such_node()),
    }
    let mut out = Writer::new();
    out.leaf("query", ns::DISCO_ITEMS);
    Ok(Reply::payload(out.finish()))
}
