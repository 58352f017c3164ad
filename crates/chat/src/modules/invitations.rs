//! XEP-0401: Ad-hoc Account Invitation Generation

use std::time::Duration;

use xmpp::condition::StanzaError;
use xmpp::ns;
use xmpp::xep::data_form::{DataForm, Field, FormKind};

use super::commands::{Audience, Command, Stage, Step};
use super::{Feature, Module, Seat};
use crate::accounts::{Act, InvitationWish, NewInvitation};
use crate::{Words, Work};

/// The declaration. Tokens are redeemed before login (XEP-0445), on the page of the invitation, and
/// with a request for presence (XEP-0379).
pub(super) static MODULE: Module = Module {
    name: "invitations",
    specification: "XEP-0401",
    title: "Ad-hoc Account Invitation Generation",
    version: "0.6.0",
    features: &[Feature {
        var: ns::PREAUTH,
        seat: Seat::Account,
    }],
    commands: &[
        Command::new(
            "urn:xmpp:invite#invite",
            Words::new("Jemanden einladen", "Invite somebody"),
            Audience::Everybody,
            invite,
        ),
        Command::new(
            "urn:xmpp:invite#create-account",
            Words::new(
                "Konto durch Einladung anlegen",
                "Make an account by invitation",
            ),
            Audience::Entitled(Act::CreateAccounts),
            create_account,
        ),
        Command::new(
            "urn:hauspost:invitations#revoke",
            Words::new("Einladungen zurückziehen", "Revoke invitations"),
            Audience::Everybody,
            revoke,
        ),
    ],
    ..Module::NONE
};

const RESULT: &str = "urn:xmpp:invite#invitation";
const FORM: &str = "urn:hauspost:invitations";
/// Longest life of an invitation, in days.
const MOST_DAYS: u32 = 366;

fn told(stage: &Stage, made: &NewInvitation) -> Step {
    let field = |var: &str, words: Words, value: &str| Field {
        label: Some(words.of(stage.language).to_owned()),
        ..Field::new(var, "text-single", [value])
    };
    let mut form = DataForm::new(FormKind::Result, RESULT).with(field(
        "uri",
        Words::new("Für Programme", "For programs"),
        &made.uri,
    ));
    if let Some(page) = &made.page {
        let words = Words::new("Zum Weitergeben", "To pass on");
        form = form.with(field("landing-url", words, page));
    }
    let expires = made.expires.to_string();
    let words = Words::new("Gilt bis", "Ends");
    // The text says `expire`, its registrar section `expiry`.
    form = form.with(field("expire", words, &expires));
    Step::result(form)
}

/// §3.1: at once, without a question.
fn invite(stage: Stage) -> Work<Result<Step, StanzaError>> {
    Box::pin(async move {
        let wish = InvitationWish::default();
        let made = stage
            .chat
            .invite_contact(&stage.account, wish, stage.now)
            .await;
        match made {
            Ok(made) => Ok(told(&stage, &made)),
            Err(refusal) => Step::refused(&refusal, stage.language),
        }
    })
}

/// §3.2.
fn create_account(stage: Stage) -> Work<Result<Step, StanzaError>> {
    Box::pin(async move {
        if stage.form(0).is_none() {
            let form = stage
                .ask(
                    FORM,
                    Words::new(
                        "Konto durch Einladung anlegen",
                        "Make an account by invitation",
                    ),
                    Words::new(
                        "Wer den Link bekommt, wählt sein Kennwort selbst.",
                        "Whoever gets the link chooses the password.",
                    ),
                )
                .with(stage.field(
                    "username",
                    "text-single",
                    Words::new(
                        "Name (leer: frei zu wählen)",
                        "Name (empty: free to choose)",
                    ),
                ))
                .with(Field {
                    values: vec!["1".to_owned()],
                    ..stage.field(
                        "roster-subscription",
                        "boolean",
                        Words::new("Gleich ein Kontakt von dir", "A contact of yours at once"),
                    )
                })
                .with(Field {
                    values: vec!["1".to_owned()],
                    ..stage.field(
                        "uses",
                        "text-single",
                        Words::new("Wie oft er gilt", "How often it may be used"),
                    )
                })
                .with(stage.field(
                    "days",
                    "text-single",
                    Words::new("Wie viele Tage er gilt", "How many days it lasts"),
                ));
            return Ok(Step::last(form));
        }
        let number = |var: &str, most: u32| match stage.value(0, var) {
            None => Ok(None),
            Some(text) => match text.parse::<u32>() {
                Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
                _ => Err(Step::failed(format!(
                    "{var}: {} 1–{most}",
                    stage.say("eine Zahl aus", "a number of")
                ))),
            },
        };
        let (uses, days) = match (number("uses", 1_000), number("days", MOST_DAYS)) {
            (Ok(uses), Ok(days)) => (uses, days),
            (Err(step), _) | (_, Err(step)) => return Ok(step),
        };
        let wish = InvitationWish {
            name: stage.value(0, "username").map(str::to_owned),
            subscribe: stage.flag(0, "roster-subscription"),
            uses: uses.unwrap_or(1),
            lifetime: days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
        };
        let made = stage
            .chat
            .invite_to_account(Some(&stage.account), wish, &stage.by(), stage.now)
            .await;
        match made {
            Ok(made) => Ok(told(&stage, &made)),
            Err(refusal) => Step::refused(&refusal, stage.language),
        }
    })
}

/// Choose, see once more what was chosen, done. Administrators see everybody's.
fn revoke(stage: Stage) -> Work<Result<Step, StanzaError>> {
    Box::pin(async move {
        let by = stage.by();
        let everybody = by.allows(Act::RevokeInvitations);
        let whose = (!everybody).then_some(&*stage.account);
        let list = match stage.chat.invitations(whose).await {
            Ok(list) => list,
            Err(refusal) => return Step::refused(&refusal, stage.language),
        };
        let open = list
            .iter()
            .filter(|(_, invitation)| invitation.is_open(stage.now.wall));
        let name = |invitation: &store::Invitation| {
            let ends = invitation.expires;
            match &invitation.localpart {
                Some(local) => format!("{local} ({ends})"),
                None => format!("{}/{} ({ends})", invitation.times, invitation.uses),
            }
        };
        let title = Words::new("Einladungen zurückziehen", "Revoke invitations");
        if stage.form(0).is_none() {
            let mut field = stage.required(
                "ids",
                "list-multi",
                Words::new("Einladungen", "Invitations"),
            );
            field.options = open
                .map(|(id, invitation)| (Some(name(invitation)), id.clone()))
                .collect();
            if field.options.is_empty() {
                return Ok(Step::done(
                    stage.say("Es ist keine Einladung offen.", "No invitation is open."),
                ));
            }
            let words = Words::new(
                "Wähle, welche nicht mehr gelten sollen.",
                "Choose those that are to end.",
            );
            let form = stage.ask(FORM, title, words).with(field);
            return Ok(Step::Ask { form, last: false });
        }
        let ids = stage.values(0, "ids");
        if stage.form(1).is_none() {
            let chosen = list
                .iter()
                .filter(|(id, _)| ids.contains(&id.as_str()))
                .map(|(_, invitation)| name(invitation));
            let words = Words::new(
                "Diese Einladungen gelten dann nicht mehr:",
                "These invitations end then:",
            );
            let shown = Field::new("chosen", "fixed", chosen);
            return Ok(Step::last(stage.ask(FORM, title, words).with(shown)));
        }
        for id in ids {
            // One that was used meanwhile is no failure.
            let revoked = stage.chat.revoke_invitation(whose, id, &by, stage.now);
            match revoked.await {
                Ok(()) | Err(crate::accounts::Refusal::NothingToRevoke) => {}
                Err(refusal) => return Step::refused(&refusal, stage.language),
            }
        }
        Ok(Step::done(stage.say("Zurückgezogen.", "Revoked.")))
    })
}
