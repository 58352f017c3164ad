//! XEP-0401: making invitations.

use xmpp::condition::StanzaCondition;
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xml::{Element, Writer};

use super::not_understood;
use crate::question::{MadeInvitation, Refusal};

pub(super) const INVITE: &str = "urn:xmpp:invite#invite";
pub(super) const CREATE: &str = "urn:xmpp:invite#create-account";

pub(super) fn execute(account: bool, session: Option<&str>, form: Option<&DataForm>) -> String {
    let mut writer = Writer::new();
    writer.start("command").xmlns(ns::COMMANDS);
    writer.attr("node", if account { CREATE } else { INVITE });
    writer.attr(
        "action",
        if session.is_some() {
            "complete"
        } else {
            "execute"
        },
    );
    writer.attr_opt("sessionid", session);
    if let Some(form) = form {
        form.write(&mut writer);
    }
    writer.end();
    writer.finish()
}

pub(super) fn session(command: Option<Element<'_>>) -> Option<String> {
    let command = command?;
    let asks = command.attr("status") == Some("executing");
    let session = command.attr("sessionid").filter(|_| asks)?;
    Some(session.to_owned())
}

pub(super) fn filled(name: Option<&str>, days: Option<u32>) -> DataForm {
    let mut form = DataForm::new(FormKind::Submit, "urn:hauspost:invitations").with(Field::new(
        "roster-subscription",
        "boolean",
        ["1"],
    ));
    if let Some(name) = name {
        form = form.with(Field::new("username", "text-single", [name]));
    }
    if let Some(days) = days {
        form = form.with(Field::new("days", "text-single", [days.to_string()]));
    }
    form
}

/// What the command gave; a note of it, when it gave nothing.
pub(super) fn made(command: Option<Element<'_>>) -> Result<MadeInvitation, Refusal> {
    let command = command.ok_or_else(not_understood)?;
    let form = command
        .child("x", ns::DATA_FORMS)
        .and_then(|form| DataForm::read(form).ok());
    if let Some(made) = form.as_ref().and_then(MadeInvitation::of) {
        return Ok(made);
    }
    let note = command.child("note", ns::COMMANDS).map(|note| note.text());
    match note {
        Some(note) if !note.trim().is_empty() => Err(Refusal {
            condition: Some(StanzaCondition::NotAcceptable),
            text: note.trim().chars().take(500).collect(),
        }),
        _ => Err(not_understood()),
    }
}
