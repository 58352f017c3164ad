//! The commands behind `/`: one list for the composer, for the switcher and for the help.

use client::views::{Availability, Notify};
use client::{BareJid, Command, ConversationId};

use super::app::{App, Confirm, Effect, Overlay};
use crate::words::{Commands, Words};

/// A command.
pub(crate) struct ChatCommand {
    /// What stands behind the slash.
    pub(crate) name: &'static str,
    /// What it takes, as people write it.
    pub(crate) takes: &'static str,
    /// What it does, in words.
    pub(crate) words: fn(&Commands) -> &'static str,
    run: fn(&mut App, &str) -> Result<Vec<Effect>, Refusal>,
}

/// Why a command was not done.
pub(crate) enum Refusal {
    /// It was written otherwise than it wants.
    Usage,
    /// In words.
    Text(String),
}

type Outcome = Result<Vec<Effect>, Refusal>;

const fn command(
    name: &'static str,
    takes: &'static str,
    words: fn(&Commands) -> &'static str,
    run: fn(&mut App, &str) -> Outcome,
) -> ChatCommand {
    ChatCommand {
        name,
        takes,
        words,
        run,
    }
}

/// All commands.
pub(crate) static ALL: &[ChatCommand] = &[
    command("chat", "ADDRESS", |words| words.chat, chat),
    command("group", "NAME: ADDRESS …", |words| words.group, group),
    command(
        "room",
        "NAME",
        |words| words.room,
        |_, name| {
            let name = some(name)?.to_owned();
            Ok(vec![Effect::Do(Command::CreateRoom { name })])
        },
    ),
    command(
        "join",
        "ADDRESS",
        |words| words.join,
        |app, text| {
            let room = address(app.words, text)?;
            Ok(vec![Effect::Do(Command::Join { room, nick: None })])
        },
    ),
    command(
        "part",
        "",
        |words| words.part,
        |app, _| {
            let conversation = here(app)?;
            app.overlay = Some(Overlay::Confirm(Confirm::Part(conversation)));
            Ok(Vec::new())
        },
    ),
    command(
        "invite",
        "ADDRESS",
        |words| words.invite,
        |app, text| {
            let who = address(app.words, text)?;
            let conversation = here(app)?;
            Ok(vec![Effect::Do(Command::Invite { conversation, who })])
        },
    ),
    command(
        "expel",
        "ADDRESS",
        |words| words.expel,
        |app, text| {
            let who = address(app.words, text)?;
            let conversation = here(app)?;
            app.overlay = Some(Overlay::Confirm(Confirm::Expel(conversation, who)));
            Ok(Vec::new())
        },
    ),
    command(
        "subject",
        "TEXT",
        |words| words.subject,
        |app, text| {
            let conversation = here(app)?;
            let subject = text.to_owned();
            Ok(vec![Effect::Do(Command::SetSubject {
                conversation,
                subject,
            })])
        },
    ),
    command(
        "file",
        "PATH",
        |words| words.file,
        |app, text| {
            let path = super::typed_path(some(text)?);
            let conversation = here(app)?;
            Ok(vec![Effect::SendFile { conversation, path }])
        },
    ),
    command(
        "mute",
        "",
        |words| words.mute,
        |app, _| notify(app, Notify::Never),
    ),
    command(
        "mentions",
        "",
        |words| words.mentions,
        |app, _| notify(app, Notify::OnMention),
    ),
    command(
        "unmute",
        "",
        |words| words.unmute,
        |app, _| notify(app, Notify::Always),
    ),
    command("pin", "", |words| words.pin, |app, _| pin(app, true)),
    command("unpin", "", |words| words.unpin, |app, _| pin(app, false)),
    command(
        "add",
        "ADDRESS [NAME]",
        |words| words.add,
        |app, text| {
            let (who, name) = text.split_once(' ').unwrap_or((text, ""));
            let account = address(app.words, who)?;
            let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
            Ok(vec![Effect::Do(Command::AddContact { account, name })])
        },
    ),
    command(
        "remove",
        "ADDRESS",
        |words| words.remove,
        |app, text| {
            let account = address(app.words, text)?;
            Ok(vec![Effect::Do(Command::RemoveContact { account })])
        },
    ),
    command(
        "allow",
        "ADDRESS",
        |words| words.allow,
        |app, text| answer(app, text, true),
    ),
    command(
        "deny",
        "ADDRESS",
        |words| words.deny,
        |app, text| answer(app, text, false),
    ),
    command(
        "block",
        "[ADDRESS]",
        |words| words.block,
        |app, text| block(app, text, true),
    ),
    command(
        "unblock",
        "[ADDRESS]",
        |words| words.unblock,
        |app, text| block(app, text, false),
    ),
    command(
        "status",
        "online|away|busy [TEXT]",
        |words| words.status,
        status,
    ),
    command(
        "nick",
        "NAME",
        |words| words.nick,
        |_, text| {
            Ok(vec![Effect::Do(Command::SetNickname(
                some(text)?.to_owned(),
            ))])
        },
    ),
    command(
        "search",
        "[TEXT]",
        |words| words.search,
        |app, text| {
            app.open_search(text);
            Ok(Vec::new())
        },
    ),
    command(
        "details",
        "",
        |words| words.details,
        |app, _| {
            app.open_details();
            Ok(Vec::new())
        },
    ),
    command(
        "verify",
        "xmpp:…",
        |words| words.verify,
        |_, text| {
            let uri = some(text)?.to_owned();
            Ok(vec![Effect::Do(Command::VerifyUri(uri))])
        },
    ),
    command(
        "code",
        "",
        |words| words.code,
        |app, _| {
            app.overlay = Some(Overlay::Code);
            Ok(Vec::new())
        },
    ),
    command(
        "earlier",
        "",
        |words| words.earlier,
        |app, _| {
            let conversation = here(app)?;
            Ok(vec![Effect::Do(Command::LoadEarlier { conversation })])
        },
    ),
    command(
        "help",
        "",
        |words| words.help,
        |app, _| {
            app.overlay = Some(Overlay::Help { scroll: 0 });
            Ok(Vec::new())
        },
    ),
    command(
        "quit",
        "",
        |words| words.quit,
        |_, _| Ok(vec![Effect::Quit]),
    ),
];

/// Runs what was typed behind a slash; the error is for the person.
pub(crate) fn run(app: &mut App, typed: &str) -> Result<Vec<Effect>, String> {
    let words = app.words;
    let (name, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let Some(command) = ALL.iter().find(|command| command.name == name) else {
        return Err((words.no_such_command)(name));
    };
    (command.run)(app, rest.trim()).map_err(|refusal| match refusal {
        Refusal::Usage => (words.usage)(&format!("/{} {}", command.name, command.takes)),
        Refusal::Text(text) => text,
    })
}

fn some(text: &str) -> Result<&str, Refusal> {
    if text.is_empty() {
        Err(Refusal::Usage)
    } else {
        Ok(text)
    }
}

fn address(words: &Words, text: &str) -> Result<BareJid, Refusal> {
    let text = some(text)?;
    let bare = text.strip_prefix("xmpp:").unwrap_or(text);
    match BareJid::parse(bare) {
        Ok(address) if address.local().is_some() => Ok(address),
        _ => Err(Refusal::Text((words.no_address)(text))),
    }
}

fn here(app: &App) -> Result<ConversationId, Refusal> {
    app.open
        .as_ref()
        .map(|open| open.id.clone())
        .ok_or_else(|| Refusal::Text(app.words.choose_conversation.to_owned()))
}

fn chat(app: &mut App, text: &str) -> Outcome {
    let with = address(app.words, text)?;
    Ok(vec![Effect::Do(Command::OpenChat { with })])
}

fn group(app: &mut App, text: &str) -> Outcome {
    let (name, members) = text.split_once(':').ok_or(Refusal::Usage)?;
    let name = some(name.trim())?.to_owned();
    let members = members
        .split([' ', ','])
        .filter(|text| !text.is_empty())
        .map(|text| address(app.words, text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Effect::Do(Command::CreateGroup { name, members })])
}

fn notify(app: &mut App, notify: Notify) -> Outcome {
    let conversation = here(app)?;
    Ok(vec![Effect::Do(Command::SetNotify {
        conversation,
        notify,
    })])
}

fn pin(app: &mut App, pinned: bool) -> Outcome {
    let conversation = here(app)?;
    Ok(vec![Effect::Do(Command::SetPinned {
        conversation,
        pinned,
    })])
}

fn answer(app: &mut App, text: &str, allow: bool) -> Outcome {
    let account = address(app.words, text)?;
    Ok(vec![Effect::Do(Command::AnswerContact { account, allow })])
}

fn block(app: &mut App, text: &str, blocked: bool) -> Outcome {
    let account = if text.is_empty() {
        here(app)?.jid().clone()
    } else {
        address(app.words, text)?
    };
    Ok(vec![Effect::Do(Command::SetBlocked { account, blocked })])
}

fn status(_: &mut App, text: &str) -> Outcome {
    let (word, status) = text.split_once(' ').unwrap_or((text, ""));
    let availability = match word {
        "online" => Availability::Online,
        "away" => Availability::Away,
        "busy" => Availability::Busy,
        _ => return Err(Refusal::Usage),
    };
    Ok(vec![Effect::Do(Command::SetAvailability {
        availability,
        status: status.trim().to_owned(),
    })])
}
