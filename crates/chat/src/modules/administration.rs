//! XEP-0133: Service Administration

mod announcements;
mod lists;
mod people;

use base::{BareJid, Jid};
use xmpp::xep::data_form::{DataForm, Field, FormKind};

pub(crate) use announcements::Announcements;

use super::commands::{Audience, Command, Stage, Step};
use super::{Module, Status};
use crate::accounts::{Act, Refusal};
use crate::{Words, Work};

/// Form type of all its forms.
const FORM: &str = "http://jabber.org/protocol/admin";

macro_rules! command {
    ($node:literal, $german:literal, $english:literal, $act:ident, $run:expr) => {
        Command::new(
            concat!("http://jabber.org/protocol/admin#", $node),
            Words::new($german, $english),
            Audience::Entitled(Act::$act),
            $run,
        )
    };
}

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "administration",
    specification: "XEP-0133",
    title: "Service Administration",
    version: "1.3.1",
    status: Status::Partial(
        "Not here: lists of blocked and allowed servers (policy is in the configuration), a user's \
         roster (it is the user's own), welcome texts, restart and shutdown (the machine's service \
         does that).",
    ),
    session_available: Some(announcements::greet),
    commands: &[
        command!(
            "add-user",
            "Konto anlegen",
            "Add user",
            CreateAccounts,
            people::add
        ),
        command!(
            "delete-user",
            "Konten entfernen",
            "Delete users",
            RemoveAccounts,
            people::delete
        ),
        command!(
            "disable-user",
            "Konten sperren",
            "Disable users",
            DisableAccounts,
            people::disable
        ),
        command!(
            "reenable-user",
            "Konten entsperren",
            "Re-enable users",
            DisableAccounts,
            people::enable
        ),
        // No specification has this one, so it has a name of ours.
        Command::new(
            "urn:hauspost:administration#groups",
            Words::new("Gruppen eines Kontos", "Groups of a user"),
            Audience::Entitled(Act::ChangePeople),
            people::groups,
        ),
        command!(
            "end-user-session",
            "Abmelden",
            "End user sessions",
            EndSessions,
            people::end_session
        ),
        command!(
            "change-user-password",
            "Kennwort setzen",
            "Change user password",
            SetPasswords,
            people::password
        ),
        command!(
            "get-user-lastlogin",
            "Letzte Anmeldung",
            "Get last login",
            SeePeople,
            lists::last_login
        ),
        command!(
            "user-stats",
            "Über ein Konto",
            "Get user statistics",
            SeePeople,
            lists::statistics
        ),
        command!(
            "edit-admin",
            "Verwaltung bestimmen",
            "Edit admin list",
            SetRoles,
            people::administrators
        ),
        command!(
            "get-registered-users-num",
            "Zahl der Konten",
            "Number of registered users",
            SeePeople,
            lists::registered_number
        ),
        command!(
            "get-disabled-users-num",
            "Zahl der gesperrten Konten",
            "Number of disabled users",
            SeePeople,
            lists::disabled_number
        ),
        command!(
            "get-online-users-num",
            "Zahl der Angemeldeten",
            "Number of online users",
            SeePeople,
            lists::online_number
        ),
        command!(
            "get-active-users-num",
            "Zahl der Tätigen",
            "Number of active users",
            SeePeople,
            lists::active_number
        ),
        command!(
            "get-idle-users-num",
            "Zahl der Untätigen",
            "Number of idle users",
            SeePeople,
            lists::idle_number
        ),
        command!(
            "get-registered-users-list",
            "Alle Konten",
            "List of registered users",
            SeePeople,
            lists::registered
        ),
        command!(
            "get-disabled-users-list",
            "Gesperrte Konten",
            "List of disabled users",
            SeePeople,
            lists::disabled
        ),
        command!(
            "get-online-users-list",
            "Angemeldete",
            "List of online users",
            SeePeople,
            lists::online
        ),
        command!(
            "get-active-users",
            "Tätige",
            "List of active users",
            SeePeople,
            lists::active
        ),
        command!(
            "get-idle-users",
            "Untätige",
            "List of idle users",
            SeePeople,
            lists::idle
        ),
        command!(
            "announce",
            "Ansage an alle Angemeldeten",
            "Announcement to online users",
            Announce,
            announcements::announce
        ),
        command!(
            "set-motd",
            "Nachricht des Tages setzen",
            "Set message of the day",
            Announce,
            announcements::set
        ),
        command!(
            "edit-motd",
            "Nachricht des Tages ändern",
            "Edit message of the day",
            Announce,
            announcements::edit
        ),
        command!(
            "delete-motd",
            "Nachricht des Tages löschen",
            "Delete message of the day",
            Announce,
            announcements::delete
        ),
    ],
    ..Module::NONE
};

/// A form with one field, after which the command is done.
fn ask(stage: &Stage, title: Words, instructions: Words, field: Field) -> Step {
    Step::last(stage.ask(FORM, title, instructions).with(field))
}

/// What is told in one field.
fn tell(stage: &Stage, var: &str, kind: &str, label: Words, values: Vec<String>) -> Step {
    let field = Field {
        values,
        ..stage.field(var, kind, label)
    };
    Step::result(DataForm::new(FormKind::Result, FORM).with(field))
}

/// The accounts of a field, each of this server.
fn addresses(stage: &Stage, var: &str) -> Result<Vec<Jid>, Step> {
    let domain = stage.chat.domain();
    stage
        .values(0, var)
        .into_iter()
        .map(|text| {
            Jid::parse(text)
                .ok()
                .filter(|jid| jid.local().is_some() && *jid.domain() == *domain)
                .ok_or_else(|| {
                    Step::failed(format!(
                        "{text}: {} @{domain}",
                        stage.say("das ist kein Konto von", "this is no account of")
                    ))
                })
        })
        .collect()
}

/// What became of each account, one line for each that did not work.
fn outcome(stage: &Stage, failed: &[(BareJid, Refusal)], done: usize) -> Step {
    let mut notes = Vec::new();
    for (address, refusal) in failed {
        let text = format!("{address}: {}", refusal.text(stage.language));
        notes.push((xmpp::xep::command::NoteKind::Error, text));
    }
    if notes.is_empty() {
        notes.push((
            xmpp::xep::command::NoteKind::Info,
            format!("{}: {done}", stage.say("Erledigt", "Done")),
        ));
    }
    Step::Tell { form: None, notes }
}

/// What a stage answers.
type Answer = Work<Result<Step, xmpp::condition::StanzaError>>;
