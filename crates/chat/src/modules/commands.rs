//! XEP-0050: Ad-Hoc Commands

mod command;
mod executions;

use std::borrow::Cow;

use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::xep::command::{Action, Answer, CommandError, Request, Status};
use xmpp::xep::data_form::{DataForm, Field, FormKind};
use xmpp::xep::disco::{self, Item};

pub use command::{Audience, Command, Stage, Step};
pub(crate) use executions::{Execution, Executions};

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::{Account, Chat, Language, SessionEntry, Work};

/// The declaration.
pub(super) static MODULE: Module = Module {
    name: "commands",
    specification: "XEP-0050",
    title: "Ad-Hoc Commands",
    version: "1.3.0",
    features: &[Feature {
        var: ns::COMMANDS,
        seat: Seat::Host,
    }],
    iq: &[IqHandler {
        targets: &[Target::Host],
        set: true,
        payload: "command",
        namespace: ns::COMMANDS,
        run: Run::Client(execute),
    }],
    ..Module::NONE
};

/// Filled-in forms of one execution, in bytes as they came.
const MOST_FORM_BYTES: usize = 64 * 1024;
/// Stages of one execution.
const MOST_STAGES: usize = 8;

/// The commands that this session may execute, for disco#items of the node of commands (§2.2).
pub(super) fn items(
    chat: &Chat,
    account: &Account,
    session: &SessionEntry,
    language: Language,
) -> Vec<Item> {
    chat.table()
        .commands()
        .filter(|command| command.may(chat, account, session))
        .map(|command| Item {
            jid: chat.domain().to_string(),
            node: Some(command.node.into()),
            name: Some(command.name.of(language).into()),
        })
        .collect()
}

/// disco#info of the node of commands, or of one command (§2.3). `None`: the node is none of ours.
pub(super) fn node_info(
    chat: &Chat,
    account: &Account,
    session: &SessionEntry,
    language: Language,
    node: &str,
) -> Option<Result<disco::Info, StanzaError>> {
    let identity = |kind: &'static str, name: Option<&'static str>| disco::Identity {
        category: Cow::Borrowed("automation"),
        kind: Cow::Borrowed(kind),
        lang: name.map(|_| language.tag().into()),
        name: name.map(Cow::Borrowed),
    };
    let info = |identity| disco::Info {
        identities: vec![identity],
        features: vec![ns::COMMANDS.into(), ns::DATA_FORMS.into()],
        forms: Vec::new(),
    };
    if node == ns::COMMANDS {
        return Some(Ok(info(identity("command-list", None))));
    }
    let command = chat.table().command(node)?;
    Some(if command.may(chat, account, session) {
        Ok(info(identity(
            "command-node",
            Some(command.name.of(language)),
        )))
    } else {
        Err(forbidden())
    })
}

fn forbidden() -> StanzaError {
    StanzaError::new(StanzaCondition::Forbidden)
        .kind(ErrorType::Cancel)
        .text("This command is not for you, or not for an app password.")
}

/// Where an execution stands, and what its requester is to see of it.
struct Turn {
    id: String,
    execution: Execution,
}

fn execute(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let request = Request::read(payload.root())?;
        drop(payload);
        let command = context.chat.table().command(&request.node).ok_or_else(|| {
            StanzaError::new(StanzaCondition::ItemNotFound).text("There is no such command here.")
        })?;
        if !command.may(&context.chat, &context.account, &context.session) {
            return Err(forbidden());
        }
        match request.session.clone() {
            None => begin(&context, command, &request).await,
            Some(id) => go_on(&context, command, request, id).await,
        }
    })
}

async fn begin(
    context: &IqContext,
    command: &'static Command,
    request: &Request,
) -> Result<Reply, StanzaError> {
    if request.action != Action::Execute && request.action != Action::Next {
        return Err(CommandError::BadAction.error("Begin the command with the action execute."));
    }
    let tag = request
        .lang
        .clone()
        .or_else(|| context.stanza.lang().map(Cow::into_owned));
    let turn = Turn {
        id: context.chat.new_id("command").into(),
        execution: Execution {
            owner: context.session.jid().clone(),
            node: command.node,
            language: tag.map_or(Language::English, |tag| Language::of_tag(&tag)),
            forms: Vec::new(),
            asked: DataForm::new(FormKind::Form, ""),
            last: false,
            heard: context.now.moment,
        },
    };
    run(context, command, turn)
        .await
        .map_err(|(error, _)| error)
}

async fn go_on(
    context: &IqContext,
    command: &'static Command,
    request: Request,
    id: String,
) -> Result<Reply, StanzaError> {
    let executions = context.chat.executions();
    let Some(execution) = executions.take(&id, context.now.moment) else {
        return Err(CommandError::SessionExpired
            .error("This was finished, given up, or left waiting too long; please begin again."));
    };
    // Whatever goes wrong, the requester may try this stage again.
    let again = |turn: Turn, error: StanzaError| {
        executions.keep(&turn.id, turn.execution);
        error
    };
    let mut turn = Turn { id, execution };
    if turn.execution.owner != *context.session.jid() || turn.execution.node != command.node {
        let error =
            CommandError::BadSession.error("This execution is not yours, or of another command.");
        return Err(again(turn, error));
    }
    turn.execution.heard = context.now.moment;
    let last = turn.execution.last;
    match request.action {
        Action::Cancel => {
            let answer = Answer {
                node: command.node,
                session: &turn.id,
                status: Status::Canceled,
                lang: turn.execution.language.tag(),
                actions: &[],
                notes: &[],
                form: None,
            };
            return Ok(Reply::payload(answer.to_xml()));
        }
        Action::Prev => {
            if turn.execution.forms.pop().is_none() {
                let error = CommandError::BadAction.error("This is the first stage.");
                return Err(again(turn, error));
            }
        }
        Action::Execute => {}
        Action::Next if !last => {}
        Action::Complete if last => {}
        Action::Next | Action::Complete => {
            let error = CommandError::BadAction.error("This action does not fit this stage.");
            return Err(again(turn, error));
        }
    }
    if request.action != Action::Prev {
        if context.stanza.text().len() > MOST_FORM_BYTES
            || turn.execution.forms.len() >= MOST_STAGES
        {
            let error = CommandError::BadPayload.error("The form is too long.");
            return Err(again(turn, error));
        }
        match filled_in(&turn.execution.asked, request.form) {
            Ok(form) => turn.execution.forms.push(form),
            Err(error) => return Err(again(turn, error)),
        }
    }
    let kept = turn.execution.forms.len();
    run(context, command, turn)
        .await
        .map_err(|(error, turn)| match turn {
            Some(mut turn) => {
                if request.action != Action::Prev {
                    turn.execution.forms.truncate(kept.saturating_sub(1));
                }
                again(turn, error)
            }
            None => error,
        })
}

/// Runs the stage that the forms so far lead to.
async fn run(
    context: &IqContext,
    command: &'static Command,
    mut turn: Turn,
) -> Result<Reply, (StanzaError, Option<Turn>)> {
    let stage = Stage {
        chat: context.chat.clone(),
        now: context.now,
        session: context.session.clone(),
        account: context.account.clone(),
        language: turn.execution.language,
        forms: turn.execution.forms.clone(),
    };
    let step = match (command.run)(stage).await {
        Ok(step) => step,
        Err(error) => return Err((error, Some(turn))),
    };
    let lang = turn.execution.language.tag();
    match step {
        Step::Ask { form, last } => {
            let mut actions = vec![if last { Action::Complete } else { Action::Next }];
            if !turn.execution.forms.is_empty() {
                actions.push(Action::Prev);
            }
            let answer = Answer {
                node: command.node,
                session: &turn.id,
                status: Status::Executing,
                lang,
                actions: &actions,
                notes: &[],
                form: Some(&form),
            };
            let payload = answer.to_xml();
            turn.execution.asked = form;
            turn.execution.last = last;
            if context.chat.executions().keep(&turn.id, turn.execution) {
                Ok(Reply::payload(payload))
            } else {
                let error = StanzaError::new(StanzaCondition::ResourceConstraint)
                    .kind(ErrorType::Wait)
                    .text("Too many commands are under way; please try again later.");
                Err((error, None))
            }
        }
        Step::Tell { form, notes } => {
            let answer = Answer {
                node: command.node,
                session: &turn.id,
                status: Status::Completed,
                lang,
                actions: &[],
                notes: &notes,
                form: form.as_ref(),
            };
            Ok(Reply::payload(answer.to_xml()))
        }
    }
}

/// Checks a filled-in form against the one that was asked (XEP-0004 §3.3): what is required is
/// there, and what is chosen is among the choices.
fn filled_in(asked: &DataForm, form: Option<DataForm>) -> Result<DataForm, StanzaError> {
    let bad = |text: String| CommandError::BadPayload.error(text);
    let mut form = form.ok_or_else(|| bad("The form is missing.".to_owned()))?;
    if form.kind != FormKind::Submit && form.kind != FormKind::Cancel {
        return Err(bad("The type of a filled-in form is submit.".to_owned()));
    }
    form.fields.retain(|field| !field.var.is_empty());
    for field in &asked.fields {
        let given = form.field(&field.var);
        let shown = field.label.as_deref().unwrap_or(&field.var);
        let empty =
            given.is_none_or(|given| given.values.iter().all(|value| value.trim().is_empty()));
        if field.required && empty {
            return Err(bad(format!("“{shown}” must be filled in.")));
        }
        let Some(given) = given else { continue };
        let kind = field.kind.as_deref().unwrap_or("text-single");
        if kind.starts_with("list-") && !field.open {
            let among = |value: &String| field.options.iter().any(|(_, option)| option == value);
            let mut values = given.values.iter().filter(|value| !value.is_empty());
            if !values.all(among) {
                return Err(bad(format!("“{shown}” is not among the choices.")));
            }
        }
        let one = !matches!(kind, "list-multi" | "text-multi" | "jid-multi" | "hidden");
        if one && given.values.len() > 1 {
            return Err(bad(format!("“{shown}” has one value only.")));
        }
        if kind == "boolean" && !empty {
            let boolean =
                |field: &Field| matches!(field.value(), Some("0" | "1" | "true" | "false"));
            if !boolean(given) {
                return Err(bad(format!("“{shown}” is true or false.")));
            }
        }
    }
    // What a requester keeps in reserve is not stored.
    form.fields
        .retain(|field| asked.fields.iter().any(|known| known.var == field.var));
    Ok(form)
}
