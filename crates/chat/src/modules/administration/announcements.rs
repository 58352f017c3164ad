//! Announcements and the message of the day (XEP-0133 §4.23 to §4.26).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base::Now;
use store::Batch;
use xmpp::condition::StanzaError;
use xmpp::xep::data_form::Field;
use xmpp::xml::Writer;

use super::{Answer, ask};
use crate::accounts::{Act, Authority, Refusal};
use crate::delivery::Delivery;
use crate::modules::commands::{Stage, Step};
use crate::modules::{SessionContext, store_failed};
use crate::{Chat, SessionEntry, Words, Work};

/// Setting under which the message of the day is kept.
const SETTING: &str = "message-of-the-day";
/// Longest text, in bytes.
const MOST: usize = 10_000;

const MOTD: Words = Words::new("Nachricht des Tages", "Message of the day");
const TEXT: Words = Words::new("Text", "Text");

/// The message of the day as far as memory has it.
#[derive(Default)]
pub(crate) struct Announcements {
    /// `None` until the store was asked; then the text, if there is one.
    motd: ArcSwapOption<Option<Arc<str>>>,
}

async fn motd(chat: &Chat) -> Result<Option<Arc<str>>, StanzaError> {
    if let Some(known) = &*chat.announcements().motd.load() {
        return Ok(Option::clone(known));
    }
    let kept = chat.store().setting(SETTING).await;
    let kept = kept.map_err(|error| store_failed(&error))?;
    let text: Option<Arc<str>> = kept
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Into::into);
    // Whoever has set another one meanwhile knows better.
    let none: Option<Arc<Option<Arc<str>>>> = None;
    chat.announcements()
        .motd
        .compare_and_swap(&none, Some(Arc::new(text.clone())));
    Ok(text)
}

async fn keep(chat: &Chat, text: Option<&str>) -> Result<(), StanzaError> {
    let mut batch = Batch::new();
    batch.setting_set(SETTING, text.map(str::as_bytes));
    let kept = chat.store().submit(batch).ticket.await;
    kept.map_err(|error| store_failed(&error))?;
    let text: Option<Arc<str>> = text.map(Into::into);
    chat.announcements().motd.store(Some(Arc::new(text)));
    Ok(())
}

/// A headline: nobody keeps it, and it goes to who is there (RFC 6121 §5.2.2).
fn headline(chat: &Chat, session: &Arc<SessionEntry>, subject: &str, text: &str) -> Delivery {
    let mut out = Writer::with_capacity(text.len() + 200);
    out.start("message")
        .attr("from", chat.domain())
        .attr("to", session.jid().as_str())
        .attr("type", "headline");
    out.leaf_text("subject", None, subject)
        .leaf_text("body", None, text)
        .end();
    Delivery::new(session, out.into_bytes())
}

fn to_everybody(chat: &Chat, subject: &str, text: &str) -> usize {
    let mut told = 0;
    chat.each_account(|account| {
        account.each_session(|session| {
            if session.is_available() {
                headline(chat, session, subject, text).perform();
                told += 1;
            }
        });
    });
    told
}

/// Whether a text may be announced.
fn checked(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.len() > MOST {
        return Err(Refusal::TextUnusable(MOST));
    }
    Ok(())
}

impl Chat {
    /// Says something to everybody who is there now; gives to how many clients.
    ///
    /// # Errors
    /// [`Refusal::TextUnusable`], and those of who may not.
    pub async fn announce(&self, text: &str, by: &Authority, now: Now) -> Result<usize, Refusal> {
        by.may(Act::Announce)?;
        checked(text)?;
        let mut batch = Batch::new();
        batch.audit(by.note(now.wall, "announcement", "everybody", ""));
        self.store().submit(batch).ticket.await?;
        Ok(to_everybody(self, "Announcement", text))
    }

    /// The message of the day, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn message_of_the_day(&self) -> Result<Option<Arc<str>>, Refusal> {
        let kept = motd(self).await;
        kept.map_err(|_| Refusal::Store(store::StoreError::Closed))
    }

    /// Sets the message that everybody gets who comes, or (`None`) takes it away.
    ///
    /// # Errors
    /// [`Refusal::TextUnusable`], and those of who may not.
    pub async fn set_message_of_the_day(
        &self,
        text: Option<&str>,
        by: &Authority,
        now: Now,
    ) -> Result<(), Refusal> {
        by.may(Act::Announce)?;
        text.map_or(Ok(()), checked)?;
        let mut batch = Batch::new();
        let action = text.map_or("announcement.removed", |_| "announcement.set");
        batch.audit(by.note(now.wall, action, "message of the day", ""));
        batch.setting_set(SETTING, text.map(str::as_bytes));
        self.store().submit(batch).ticket.await?;
        let text: Option<Arc<str>> = text.map(Into::into);
        self.announcements().motd.store(Some(Arc::new(text)));
        Ok(())
    }
}

/// The message of the day for a session that has come.
pub(super) fn greet(context: SessionContext) -> Work<Vec<Delivery>> {
    Box::pin(async move {
        match motd(&context.chat).await {
            Ok(Some(text)) => {
                let subject = MOTD.english;
                vec![headline(&context.chat, &context.session, subject, &text)]
            }
            _ => Vec::new(),
        }
    })
}

/// The text of a field over several lines, or the words why it is none.
fn text_of(stage: &Stage, var: &str) -> Result<String, Step> {
    let field = stage.form(0).and_then(|form| form.field(var));
    let text = field.map(|field| field.values.join("\n"));
    let text = text.unwrap_or_default();
    if text.len() > MOST {
        return Err(Step::failed(format!(
            "{}: {MOST}",
            stage.say("Zu lang; höchstens Bytes", "Too long; most bytes")
        )));
    }
    Ok(text)
}

pub(super) fn announce(stage: Stage) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            return Ok(ask(
                &stage,
                Words::new("Ansage", "Announcement"),
                Words::new(
                    "Geht an alle, die jetzt da sind.",
                    "Goes to everybody who is there now.",
                ),
                stage.required("announcement", "text-multi", TEXT),
            ));
        }
        let text = match text_of(&stage, "announcement") {
            Ok(text) => text,
            Err(step) => return Ok(step),
        };
        let subject = stage.say("Ansage", "Announcement");
        let told = to_everybody(&stage.chat, subject, &text);
        tracing::info!(by = %stage.account.jid(), told, "an announcement was made");
        let words = stage.say("Empfänger", "Recipients");
        Ok(Step::done(format!("{words}: {told}")))
    })
}

fn keep_and_tell(stage: Stage, present: bool) -> Answer {
    Box::pin(async move {
        if stage.form(0).is_none() {
            let before = if present {
                motd(&stage.chat).await?
            } else {
                None
            };
            let lines = before.iter().flat_map(|text| text.lines());
            let field = Field {
                values: lines.map(str::to_owned).collect(),
                ..stage.required("motd", "text-multi", TEXT)
            };
            let words = Words::new(
                "Geht an alle, die da sind, und an jeden, der kommt.",
                "Goes to everybody who is there, and to everybody who comes.",
            );
            return Ok(ask(&stage, MOTD, words, field));
        }
        let text = match text_of(&stage, "motd") {
            Ok(text) => text,
            Err(step) => return Ok(step),
        };
        keep(&stage.chat, Some(&text)).await?;
        to_everybody(&stage.chat, MOTD.of(stage.language), &text);
        Ok(Step::done(stage.say("Gesetzt.", "Set.")))
    })
}

pub(super) fn set(stage: Stage) -> Answer {
    keep_and_tell(stage, false)
}

pub(super) fn edit(stage: Stage) -> Answer {
    keep_and_tell(stage, true)
}

pub(super) fn delete(stage: Stage) -> Answer {
    Box::pin(async move {
        keep(&stage.chat, None).await?;
        Ok(Step::done(stage.say("Gelöscht.", "Deleted.")))
    })
}
