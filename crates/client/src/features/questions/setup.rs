//! XEP-0045 §10.2: how a room is set up; XEP-0486: its picture.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::muc::Item;
use xmpp::xml::{Element, Writer};

use crate::command::Picture;
use crate::question::{Ban, RoomSetup};

const NAME: &str = "muc#roomconfig_roomname";
const DESCRIPTION: &str = "muc#roomconfig_roomdesc";
const MEMBERS_ONLY: &str = "muc#roomconfig_membersonly";
const LISTED: &str = "muc#roomconfig_publicroom";
const MODERATED: &str = "muc#roomconfig_moderatedroom";
const SUBJECT: &str = "muc#roomconfig_changesubject";
const INVITES: &str = "muc#roomconfig_allowinvites";
const WHOIS: &str = "muc#roomconfig_whois";
/// Two names are in use.
const ARCHIVED: [&str; 2] = [
    "muc#roomconfig_enablelogging",
    "muc#roomconfig_enablearchiving",
];
const HISTORY: &str = "muc#maxhistoryfetch";
const GROUP: &str = "hauspost#group";

/// What a form says.
pub(super) fn read(form: &DataForm) -> RoomSetup {
    let text = |var: &str| {
        let field = form.field(var);
        field
            .map(|field| field.values.join("\n"))
            .unwrap_or_default()
    };
    let flag = |var: &str| matches!(text(var).trim(), "1" | "true");
    RoomSetup {
        name: text(NAME),
        description: text(DESCRIPTION),
        members_only: flag(MEMBERS_ONLY),
        listed: flag(LISTED),
        moderated: flag(MODERATED),
        subject_by_all: flag(SUBJECT),
        members_invite: flag(INVITES),
        archived: ARCHIVED.iter().any(|var| flag(var)),
        history: text(HISTORY).trim().parse().unwrap_or_default(),
        department: Some(text(GROUP)).filter(|group| !group.is_empty()),
    }
}

/// The form, filled in: what it has and we do not know goes back as it came.
pub(super) fn filled(mut form: DataForm, wanted: &RoomSetup) -> String {
    let before = read(&form);
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    let mut values = vec![
        (NAME, wanted.name.trim().to_owned()),
        (DESCRIPTION, wanted.description.trim().to_owned()),
        (MEMBERS_ONLY, flag(wanted.members_only)),
        (LISTED, flag(wanted.listed)),
        (MODERATED, flag(wanted.moderated)),
        (SUBJECT, flag(wanted.subject_by_all)),
        (INVITES, flag(wanted.members_invite)),
        (HISTORY, wanted.history.to_string()),
    ];
    values.extend(ARCHIVED.map(|var| (var, flag(wanted.archived))));
    // Whoever encrypts must know for whom; among strangers nobody's address is shown to all.
    if before.department.is_none() && before.members_only != wanted.members_only {
        let whois = if wanted.members_only {
            "anyone"
        } else {
            "moderators"
        };
        values.push((WHOIS, whois.to_owned()));
    }
    form.kind = FormKind::Submit;
    form.title = None;
    form.instructions.clear();
    form.fields.retain(|field| !field.var.is_empty());
    for field in &mut form.fields {
        *field = Field {
            var: std::mem::take(&mut field.var),
            values: std::mem::take(&mut field.values),
            ..Field::default()
        };
        if let Some((_, value)) = values.iter().find(|(var, _)| *var == field.var) {
            field.values = vec![value.clone()];
        }
    }
    let mut writer = Writer::new();
    writer.start("query").xmlns(ns::MUC_OWNER);
    form.write(&mut writer);
    writer.end();
    writer.finish()
}

/// The card of a room with this picture, or without any.
pub(super) fn card(picture: Option<&Picture>) -> String {
    let mut writer = Writer::new();
    writer.start("vCard").xmlns(ns::VCARD);
    if let Some(picture) = picture {
        writer.start("PHOTO");
        writer.leaf_text("TYPE", None, &picture.media_type);
        writer.leaf_text("BINVAL", None, &STANDARD.encode(&picture.bytes));
        writer.end();
    }
    writer.end();
    writer.finish()
}

/// Who is in the list of the banned.
pub(super) fn bans(query: Option<Element<'_>>) -> Vec<Ban> {
    query
        .into_iter()
        .flat_map(Element::children)
        .filter_map(|item| Item::read(item).ok())
        .filter_map(|item| {
            Some(Ban {
                account: item.jid?.bare(),
                reason: item.reason,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp::xml::Tree;

    fn form(fields: &[(&str, &str)]) -> DataForm {
        fields.iter().fold(
            DataForm::new(FormKind::Form, ns::MUC_ROOM_CONFIG),
            |form, (var, value)| form.with(Field::new(var, "text-single", [*value])),
        )
    }

    fn sent(form: DataForm, wanted: &RoomSetup) -> DataForm {
        let query = filled(form, wanted);
        let tree = Tree::parse(&query).unwrap();
        let x = tree.root().child("x", ns::DATA_FORMS).unwrap();
        DataForm::read(x).unwrap()
    }

    #[test]
    fn what_we_do_not_know_goes_back_as_it_came() {
        let form = form(&[
            (NAME, "Garden"),
            ("muc#roomconfig_roomsecret", "cauldron"),
            (WHOIS, "moderators"),
            (MEMBERS_ONLY, "0"),
        ]);
        let mut wanted = read(&form);
        assert_eq!(wanted.name, "Garden");
        wanted.name = "Orchard".to_owned();
        let sent = sent(form, &wanted);
        let value = |var: &str| sent.field(var).and_then(Field::value);
        assert_eq!(value(NAME), Some("Orchard"));
        assert_eq!(value("muc#roomconfig_roomsecret"), Some("cauldron"));
        assert_eq!(value(WHOIS), Some("moderators"));
        // The room does not ask for it.
        assert_eq!(value(DESCRIPTION), None);
    }

    #[test]
    fn a_group_for_members_shows_them_to_each_other() {
        let form = form(&[(MEMBERS_ONLY, "0"), (WHOIS, "moderators")]);
        let wanted = RoomSetup {
            members_only: true,
            ..read(&form)
        };
        let sent = sent(form, &wanted);
        assert_eq!(sent.field(WHOIS).and_then(Field::value), Some("anyone"));
    }
}
