//! XEP-0494: Client Access Management

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::stream::server::Credential;
use xmpp::xep::client_access;
use xmpp::xep::data_form::{DataForm, Field, FormKind};

use super::commands::{Audience, Command, Stage, Step};
use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::accounts::Authority;
use crate::{Words, Work};

/// The declaration. App passwords have no specification of their own: two commands make and revoke
/// them, and they stand in the list.
pub(super) static MODULE: Module = Module {
    name: "client_access",
    specification: "XEP-0494",
    title: "Client Access Management",
    version: "0.1.0",
    features: &[Feature {
        var: ns::CLIENT_ACCESS,
        seat: Seat::Both,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Own],
            set: false,
            payload: "list",
            namespace: ns::CLIENT_ACCESS,
            run: Run::Client(list),
        },
        IqHandler {
            targets: &[Target::Own],
            set: true,
            payload: "revoke",
            namespace: ns::CLIENT_ACCESS,
            run: Run::Client(revoke),
        },
    ],
    commands: &[
        Command {
            offered: |config| config.registration.app_passwords > 0,
            ..Command::new(
                "urn:hauspost:app-passwords#create",
                Words::new("App-Kennwort anlegen", "Make an app password"),
                Audience::Everybody,
                create,
            )
        },
        Command {
            offered: |config| config.registration.app_passwords > 0,
            ..Command::new(
                "urn:hauspost:app-passwords#revoke",
                Words::new("App-Kennwort zurückziehen", "Revoke an app password"),
                Audience::Everybody,
                revoke_app_password,
            )
        },
    ],
    ..Module::NONE
};

/// Form type of both commands.
const FORM: &str = "urn:hauspost:app-passwords";

/// What has come in by an app password sees and revokes nobody.
fn unrestricted(context: &IqContext) -> Result<(), StanzaError> {
    if context.session.admission().credential == Credential::Account {
        return Ok(());
    }
    Err(StanzaError::new(StanzaCondition::Forbidden)
        .text("An app password does not manage what else has access."))
}

fn list(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        unrestricted(&context)?;
        let clients = context.chat.clients(&context.account, context.now).await;
        let clients = clients.map_err(|refusal| refusal.error())?;
        Ok(Reply::payload(client_access::clients(&clients)))
    })
}

fn revoke(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        unrestricted(&context)?;
        let payload = context.payload();
        let id = client_access::revoked(payload.root())?;
        drop(payload);
        let by = Authority::of_client(&context.account);
        let revoked = context
            .chat
            .revoke_client(&context.account, &id, &by, context.now);
        revoked.await.map_err(|refusal| refusal.error())?;
        Ok(Reply::empty())
    })
}

fn create(stage: Stage) -> Work<Result<Step, StanzaError>> {
    Box::pin(async move {
        let Some(label) = stage.value(0, "label") else {
            let form = stage.ask(
                FORM,
                Words::new("App-Kennwort anlegen", "Make an app password"),
                Words::new(
                    "Ein App-Kennwort lässt ein einziges Programm ein. Du kannst es jederzeit zurückziehen, ohne dein Kennwort zu ändern.",
                    "An app password lets one program in. You can revoke it at any time without changing your password.",
                ),
            );
            let label = Words::new("Wofür es ist", "What it is for");
            return Ok(Step::last(form.with(stage.required(
                "label",
                "text-single",
                label,
            ))));
        };
        let made = stage
            .chat
            .create_app_password(&stage.account, label, stage.now)
            .await;
        let made = match made {
            Ok(made) => made,
            Err(refusal) => return Step::refused(&refusal, stage.language),
        };
        let told = |var: &str, words: Words, value: &str| Field {
            label: Some(words.of(stage.language).to_owned()),
            ..Field::new(var, "text-single", [value])
        };
        let mut form = DataForm::new(FormKind::Result, FORM)
            .with(told("label", Words::new("Wofür", "For"), &made.label))
            .with(told(
                "username",
                Words::new("Adresse", "Address"),
                stage.account.jid().as_str(),
            ))
            .with(told(
                "password",
                Words::new("Kennwort", "Password"),
                made.password.expose(),
            ))
            .with(Field::new(
                "id",
                "hidden",
                [format!("app-{}", made.id.number())],
            ));
        form.instructions.push(
            stage
                .say(
                    "Gib im Programm deine Adresse und dieses Kennwort ein. Es wird nur jetzt gezeigt.",
                    "Enter your address and this password in the program. It is shown only now.",
                )
                .to_owned(),
        );
        Ok(Step::result(form))
    })
}

fn revoke_app_password(stage: Stage) -> Work<Result<Step, StanzaError>> {
    Box::pin(async move {
        let ids = stage.values(0, "ids");
        if stage.form(0).is_none() {
            let clients = stage.chat.clients(&stage.account, stage.now).await;
            let clients = match clients {
                Ok(clients) => clients,
                Err(refusal) => return Step::refused(&refusal, stage.language),
            };
            let mut field =
                stage.required("ids", "list-multi", Words::new("Zurückziehen", "Revoke"));
            field.options = clients
                .into_iter()
                .filter(|client| client.grant)
                .map(|client| (client.software, client.id))
                .collect();
            if field.options.is_empty() {
                return Ok(Step::done(
                    stage.say("Du hast kein App-Kennwort.", "You have no app password."),
                ));
            }
            let form = stage.ask(
                FORM,
                Words::new("App-Kennwort zurückziehen", "Revoke an app password"),
                Words::new(
                    "Die Programme werden sofort abgemeldet.",
                    "The programs are signed out at once.",
                ),
            );
            return Ok(Step::last(form.with(field)));
        }
        for id in ids {
            let revoked = stage
                .chat
                .revoke_client(&stage.account, id, &stage.by(), stage.now)
                .await;
            if let Err(refusal) = revoked {
                return Step::refused(&refusal, stage.language);
            }
        }
        Ok(Step::done(stage.say("Zurückgezogen.", "Revoked.")))
    })
}
