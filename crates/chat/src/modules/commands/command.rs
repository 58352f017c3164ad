//! What a command declares, what it is given, and what it answers.

use std::sync::Arc;

use base::Now;
use xmpp::condition::StanzaError;
use xmpp::stream::server::Credential;
use xmpp::xep::command::NoteKind;
use xmpp::xep::data_form::{DataForm, Field, FormKind};

use crate::accounts::{Act, Authority, Refusal};
use crate::{Account, Chat, ChatConfig, Language, SessionEntry, Words, Work};

/// A command at the server's own address.
pub struct Command {
    /// Its node.
    pub node: &'static str,
    /// Its name for people.
    pub name: Words,
    /// Who may execute it. To others it is not shown.
    pub audience: Audience,
    /// Whether it is there at all under this configuration.
    pub offered: fn(&ChatConfig) -> bool,
    /// One stage of it.
    pub run: fn(Stage) -> Work<Result<Step, StanzaError>>,
}

/// Who may execute a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody for his own account, if he has come in by its password (not by an app password).
    Everybody,
    /// Those whose role allows this act, likewise.
    Entitled(Act),
}

impl Command {
    /// A command that is always there.
    pub const fn new(
        node: &'static str,
        name: Words,
        audience: Audience,
        run: fn(Stage) -> Work<Result<Step, StanzaError>>,
    ) -> Self {
        Self {
            node,
            name,
            audience,
            offered: |_| true,
            run,
        }
    }

    /// Whether this session may execute it.
    pub(crate) fn may(&self, chat: &Chat, account: &Account, session: &SessionEntry) -> bool {
        (self.offered)(&chat.config())
            && session.admission().credential == Credential::Account
            && match self.audience {
                Audience::Everybody => true,
                Audience::Entitled(act) => act.is_open_to(account.facts().account.role),
            }
    }
}

/// What one stage is given.
pub struct Stage {
    /// The messenger.
    pub chat: Chat,
    /// When the request came.
    pub now: Now,
    /// Who asks.
    pub session: Arc<SessionEntry>,
    /// The asker's account.
    pub account: Arc<Account>,
    /// The language to answer in.
    pub language: Language,
    /// The forms that were filled in so far; none when the command begins.
    pub forms: Vec<DataForm>,
}

/// What one stage answers.
pub enum Step {
    /// More is asked.
    Ask {
        /// The form to fill in.
        form: DataForm,
        /// After this one the command is done.
        last: bool,
    },
    /// It is done.
    Tell {
        /// What is told.
        form: Option<DataForm>,
        /// Words for people.
        notes: Vec<(NoteKind, String)>,
    },
}

impl Stage {
    /// On whose authority this is done.
    pub fn by(&self) -> Authority {
        Authority::of_client(&self.account)
    }

    /// The filled-in form of a stage, counted from 0.
    pub fn form(&self, stage: usize) -> Option<&DataForm> {
        self.forms.get(stage)
    }

    /// The value of a field of a stage, without white space around it; `None` when it is empty.
    pub fn value(&self, stage: usize, var: &str) -> Option<&str> {
        let value = self.form(stage)?.field(var)?.value()?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The values of a field of a stage that are not empty.
    pub fn values(&self, stage: usize, var: &str) -> Vec<&str> {
        let field = self.form(stage).and_then(|form| form.field(var));
        field
            .into_iter()
            .flat_map(|field| &field.values)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// A boolean field of a stage (XEP-0004 §3.3).
    pub fn flag(&self, stage: usize, var: &str) -> bool {
        matches!(self.value(stage, var), Some("1" | "true"))
    }

    /// One of two texts, by the language of the execution.
    pub fn say<'a>(&self, german: &'a str, english: &'a str) -> &'a str {
        self.language.pick(german, english)
    }

    /// A form to fill in, with title and instructions.
    pub fn ask(&self, form_type: &str, title: Words, instructions: Words) -> DataForm {
        DataForm {
            title: Some(title.of(self.language).to_owned()),
            instructions: vec![instructions.of(self.language).to_owned()],
            ..DataForm::new(FormKind::Form, form_type)
        }
    }

    /// A field with a name for people.
    pub fn field(&self, var: &str, kind: &str, label: Words) -> Field {
        Field {
            label: Some(label.of(self.language).to_owned()),
            ..Field::new(var, kind, [""; 0])
        }
    }

    /// The same; it must be filled in.
    pub fn required(&self, var: &str, kind: &str, label: Words) -> Field {
        Field {
            required: true,
            ..self.field(var, kind, label)
        }
    }
}

impl Step {
    /// A form after which the command is done.
    pub const fn last(form: DataForm) -> Self {
        Self::Ask { form, last: true }
    }

    /// It is done, and this is to say.
    pub fn done(text: impl Into<String>) -> Self {
        Self::Tell {
            form: None,
            notes: vec![(NoteKind::Info, text.into())],
        }
    }

    /// It is done, and did not work (XEP-0050 §3.5).
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Tell {
            form: None,
            notes: vec![(NoteKind::Error, text.into())],
        }
    }

    /// It is over without effect: why.
    ///
    /// # Errors
    /// Where the store has failed, the stanza error: the same request may work later.
    pub fn refused(refusal: &Refusal, language: Language) -> Result<Self, StanzaError> {
        match refusal {
            Refusal::Store(error) => Err(super::super::store_failed(error)),
            refusal => Ok(Self::failed(refusal.text(language))),
        }
    }

    /// What was asked for.
    pub const fn result(form: DataForm) -> Self {
        Self::Tell {
            form: Some(form),
            notes: Vec::new(),
        }
    }
}
