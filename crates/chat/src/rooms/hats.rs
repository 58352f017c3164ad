//! XEP-0317: Hats

use std::fmt::Write as _;
use std::sync::Arc;

use base::BareJid;
use store::{Batch, RoomHat};
use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::disco::{Identity, Info};
use xmpp::xep::muc::{Affiliation, status};
use xmpp::xml::{Element, Writer};

use super::room::{Room, State, Who};
use super::show;
use super::talk::{announce_status, require};
use crate::modules::{Reply, store_failed};
use crate::{Chat, Sender};

const COMMANDS: &str = "urn:xmpp:hats:commands:";
/// Hats of one room at most, and people who wear one.
const MOST_HATS: usize = 50;
const MOST_WEARERS: usize = 1_000;
/// Longest URI or title, in bytes.
const LONGEST: usize = 512;

/// What tells one list of hats from another (§3).
pub(super) fn hash(hats: &[RoomHat]) -> String {
    // FNV-1a: nothing depends on it but whether clients ask again.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for hat in hats {
        for part in [
            &*hat.uri,
            &*hat.title,
            hat.hue.as_deref().unwrap_or_default(),
        ] {
            for byte in part.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    let mut text = String::with_capacity(16);
    // Writing into memory does not fail.
    let _ = write!(text, "{hash:016x}");
    text
}

/// The commands of §5 and §6, each in one step or, without a form, in two.
pub(super) async fn command(
    chat: &Chat,
    room: &Arc<Room>,
    sender: &Sender,
    payload: Element<'_>,
) -> Result<Reply, StanzaError> {
    let node = payload.attr("node").unwrap_or_default();
    let name = node.strip_prefix(COMMANDS).ok_or_else(|| {
        StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such command here.")
    })?;
    {
        let who = Who::of(sender);
        let affiliation = room.state().affiliation(&who);
        require(
            affiliation,
            Affiliation::Admin,
            "Only admins and owners give out hats.",
        )?;
    }
    if payload.attr("action") == Some("cancel") {
        return Ok(answer(node, "canceled", |_| {}));
    }
    let form = payload.child("x", ns::DATA_FORMS);
    let form = form.map(DataForm::read).transpose()?;
    let form = form.filter(|form| form.kind == FormKind::Submit);
    match (name, &form) {
        ("list", _) => Ok(list(room, node)),
        ("list-assigned", _) => Ok(list_assigned(room, node)),
        ("create" | "destroy" | "assign" | "unassign", None) => {
            let form = wanted(&room.state(), name);
            Ok(answer(node, "executing", |out| form.write(out)))
        }
        ("create", Some(form)) => create(chat, room, node, form).await,
        ("destroy", Some(form)) => destroy(chat, room, node, form).await,
        ("assign", Some(form)) => wear(chat, room, node, form, true).await,
        ("unassign", Some(form)) => wear(chat, room, node, form, false).await,
        _ => {
            Err(StanzaError::new(StanzaCondition::ItemNotFound)
                .text("There is no such command here."))
        }
    }
}

/// What each command is called, by the end of its node.
const NAMES: [(&str, &str); 6] = [
    ("list", "List hats"),
    ("create", "Create a hat"),
    ("destroy", "Destroy a hat"),
    ("list-assigned", "List who wears which hat"),
    ("assign", "Give a hat to somebody"),
    ("unassign", "Take a hat from somebody"),
];

fn may_command(room: &Room, sender: &Sender) -> bool {
    room.state().affiliation(&Who::of(sender)) >= Affiliation::Admin
}

/// The commands of a room for whoever may use them (XEP-0050 §2.2); none for others.
pub(super) fn items(room: &Room, sender: &Sender) -> Reply {
    let mut out = Writer::with_capacity(768);
    out.start("query")
        .xmlns(ns::DISCO_ITEMS)
        .attr("node", ns::COMMANDS);
    if may_command(room, sender) {
        for (end, name) in NAMES {
            out.start("item")
                .attr("jid", room.jid().as_str())
                .attr("node", format!("{COMMANDS}{end}"))
                .attr("name", name)
                .end();
        }
    }
    out.end();
    Reply::payload(out.finish())
}

/// What the node of commands, or one of them, is (XEP-0050 §2.3). `None`: it is none of these nodes.
pub(super) fn node_info(
    room: &Room,
    sender: &Sender,
    node: &str,
) -> Option<Result<Reply, StanzaError>> {
    let identity = |kind: &'static str, name: Option<&'static str>| Identity {
        category: "automation".into(),
        kind: kind.into(),
        lang: None,
        name: name.map(Into::into),
    };
    let identity = if node == ns::COMMANDS {
        identity("command-list", None)
    } else {
        let end = node.strip_prefix(COMMANDS)?;
        let (_, name) = NAMES.into_iter().find(|(known, _)| *known == end)?;
        if !may_command(room, sender) {
            return Some(Err(StanzaError::new(StanzaCondition::Forbidden)
                .text("Only admins and owners give out hats.")));
        }
        identity("command-node", Some(name))
    };
    let info = Info {
        identities: vec![identity],
        features: vec![ns::COMMANDS.into(), ns::DATA_FORMS.into()],
        forms: Vec::new(),
    };
    Some(Ok(Reply::payload(info.to_xml(Some(node)))))
}

fn answer(node: &str, status: &str, inner: impl FnOnce(&mut Writer)) -> Reply {
    let mut out = Writer::with_capacity(512);
    out.start("command")
        .xmlns(ns::COMMANDS)
        .attr("node", node)
        .attr("sessionid", "hats")
        .attr("status", status);
    inner(&mut out);
    out.end();
    Reply::payload(out.finish())
}

fn wanted(state: &State, name: &str) -> DataForm {
    let labelled = |label: &str, required: bool, field: Field| Field {
        label: Some(label.to_owned()),
        required,
        ..field
    };
    let text = |var: &str| Field::new(var, "text-single", [""; 0]);
    let form = DataForm::new(FormKind::Form, ns::HATS_COMMANDS);
    if name == "create" {
        return form
            .with(labelled("Title", true, text("hats#title")))
            .with(labelled("URI", true, text("hats#uri")))
            .with(labelled("Hue", false, text("hats#hue")));
    }
    let mut hats = Field::new("hats#uri", "list-single", [""; 0]);
    hats.options = state
        .hats
        .iter()
        .map(|hat| (Some(hat.title.to_string()), hat.uri.to_string()))
        .collect();
    let hats = labelled("Hat", true, hats);
    if name == "destroy" {
        return form.with(hats);
    }
    let jid = Field::new("hats#jid", "jid-single", [""; 0]);
    form.with(labelled("User address", true, jid)).with(hats)
}

fn value(form: &DataForm, var: &str) -> Result<Arc<str>, StanzaError> {
    let value = form.field(var).and_then(Field::value).map(str::trim);
    value
        .filter(|value| !value.is_empty() && value.len() <= LONGEST)
        .map(Into::into)
        .ok_or_else(|| {
            StanzaError::new(StanzaCondition::BadRequest).text(format!(
                "The field {var} is needed, with {LONGEST} bytes at most."
            ))
        })
}

fn list(room: &Room, node: &str) -> Reply {
    let state = room.state();
    answer(node, "completed", |out| {
        table(
            out,
            "Hats List",
            &["hats#title", "hats#uri", "hats#hue"],
            state.hats.iter().map(|hat| {
                vec![
                    hat.title.to_string(),
                    hat.uri.to_string(),
                    hat.hue.as_deref().unwrap_or_default().to_owned(),
                ]
            }),
        );
    })
}

fn list_assigned(room: &Room, node: &str) -> Reply {
    let state = room.state();
    answer(node, "completed", |out| {
        table(
            out,
            "Assigned Hats List",
            &["hats#jid", "hats#title", "hats#uri", "hats#hue"],
            state.hats.iter().flat_map(|hat| {
                hat.worn_by.iter().map(|address| {
                    vec![
                        address.to_string(),
                        hat.title.to_string(),
                        hat.uri.to_string(),
                        hat.hue.as_deref().unwrap_or_default().to_owned(),
                    ]
                })
            }),
        );
    })
}

/// A form with several rows (XEP-0004 §3.4).
fn table(out: &mut Writer, title: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    out.start("x").xmlns(ns::DATA_FORMS).attr("type", "result");
    out.leaf_text("title", None, title);
    out.start("reported");
    for column in columns {
        out.start("field").attr("var", column).end();
    }
    out.end();
    for row in rows {
        out.start("item");
        for (column, value) in columns.iter().zip(row) {
            out.start("field").attr("var", column);
            out.leaf_text("value", None, &value).end();
        }
        out.end();
    }
    out.end();
}

async fn create(
    chat: &Chat,
    room: &Arc<Room>,
    node: &str,
    form: &DataForm,
) -> Result<Reply, StanzaError> {
    let hue = form.field("hats#hue").and_then(Field::value).map(str::trim);
    let hue = hue.filter(|hue| !hue.is_empty());
    if hue.is_some_and(|hue| hue.parse::<f32>().is_err()) {
        return Err(StanzaError::new(StanzaCondition::BadRequest)
            .text("A hue is an angle, a number from 0 to 360."));
    }
    let mut hat = RoomHat {
        uri: value(form, "hats#uri")?,
        title: value(form, "hats#title")?,
        hue: hue.map(Into::into),
        worn_by: Vec::new(),
    };
    let _turn = room.turn().await;
    {
        let state = room.state();
        let known = state.hats.iter().find(|known| known.uri == hat.uri);
        match known {
            Some(known) => hat.worn_by.clone_from(&known.worn_by),
            None if state.hats.len() >= MOST_HATS => {
                return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                    .text("This room has as many hats as a room may have."));
            }
            None => {}
        }
    }
    let mut batch = Batch::new();
    batch.room_hat_set(room.id(), hat.clone());
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    tell(chat, room, |state| {
        let wearers = hat.worn_by.clone();
        state.hats.retain(|known| known.uri != hat.uri);
        state.hats.push(hat);
        state.hats.sort_by(|one, other| one.uri.cmp(&other.uri));
        wearers
    });
    Ok(answer(node, "completed", |_| {}))
}

async fn destroy(
    chat: &Chat,
    room: &Arc<Room>,
    node: &str,
    form: &DataForm,
) -> Result<Reply, StanzaError> {
    let uri = value(form, "hats#uri").or_else(|error| value(form, "hat").map_err(|_| error))?;
    let _turn = room.turn().await;
    known(&room.state(), &uri)?;
    let mut batch = Batch::new();
    batch.room_hat_remove(room.id(), &uri);
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    tell(chat, room, |state| {
        let gone = state.hats.extract_if(.., |hat| hat.uri == uri);
        gone.flat_map(|hat| hat.worn_by).collect()
    });
    Ok(answer(node, "completed", |_| {}))
}

fn known(state: &State, uri: &str) -> Result<(), StanzaError> {
    if state.hats.iter().any(|hat| *hat.uri == *uri) {
        return Ok(());
    }
    Err(StanzaError::new(StanzaCondition::ItemNotFound).text("This room has no such hat."))
}

async fn wear(
    chat: &Chat,
    room: &Arc<Room>,
    node: &str,
    form: &DataForm,
    worn: bool,
) -> Result<Reply, StanzaError> {
    let uri = value(form, "hats#uri")?;
    let address = BareJid::parse(&value(form, "hats#jid")?)
        .map_err(|_| StanzaError::new(StanzaCondition::JidMalformed))?;
    let address: Arc<str> = address.as_str().into();
    let _turn = room.turn().await;
    {
        let state = room.state();
        known(&state, &uri)?;
        let full = state
            .hats
            .iter()
            .any(|hat| hat.uri == uri && hat.worn_by.len() >= MOST_WEARERS);
        if worn && full {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint)
                .text("As many people wear this hat as may wear one."));
        }
    }
    let mut batch = Batch::new();
    batch.room_hat_wear(room.id(), &uri, &address, worn);
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    tell(chat, room, |state| {
        if let Some(hat) = state.hats.iter_mut().find(|hat| hat.uri == uri) {
            match (hat.worn_by.binary_search(&address), worn) {
                (Err(at), true) => hat.worn_by.insert(at, Arc::clone(&address)),
                (Ok(at), false) => {
                    hat.worn_by.remove(at);
                }
                _ => {}
            }
        }
        vec![address]
    });
    Ok(answer(node, "completed", |_| {}))
}

/// Changes the hats in memory, shows those anew whom it concerns, and tells everyone that the
/// configuration has changed.
fn tell(chat: &Chat, room: &Room, change: impl FnOnce(&mut State) -> Vec<Arc<str>>) {
    {
        let mut state = room.state();
        let people = change(&mut state);
        let mut outputs = Vec::new();
        let nicks: Vec<Arc<str>> = state
            .occupants
            .values()
            .filter(|occupant| people.iter().any(|one| **one == *occupant.bare.as_str()))
            .map(|occupant| Arc::clone(&occupant.nick))
            .collect();
        for nick in nicks {
            show::tell_with(
                room,
                &mut state,
                &nick,
                &show::Notice::default(),
                &mut outputs,
            );
        }
        outputs.extend(announce_status(room, &mut state, &[status::CONFIGURATION]));
        room.say(outputs);
    }
    room.line.drain(chat);
}
