//! XEP-0077: In-Band Registration

use std::sync::Arc;

use xmpp::condition::{StanzaCondition, StanzaError};
use xmpp::ns;
use xmpp::sasl::Password;
use xmpp::stream::server::Credential;
use xmpp::xep::registration::{self, Registration};

use super::{Feature, IqContext, IqHandler, Module, Reply, Run, Seat, Target};
use crate::Work;
use crate::accounts::{Authority, Refusal};

/// The declaration. What happens before login is `xmpp::stream::server` and `accounts`.
pub(super) static MODULE: Module = Module {
    name: "registration",
    specification: "XEP-0077",
    title: "In-Band Registration",
    version: "2.4",
    features: &[Feature {
        var: ns::REGISTER,
        seat: Seat::Host,
    }],
    iq: &[
        IqHandler {
            targets: &[Target::Host, Target::Own],
            set: false,
            payload: "query",
            namespace: ns::REGISTER,
            run: Run::Client(get),
        },
        IqHandler {
            targets: &[Target::Host, Target::Own],
            set: true,
            payload: "query",
            namespace: ns::REGISTER,
            run: Run::Client(set),
        },
    ],
    ..Module::NONE
};

/// §3.1.1: what is on file.
fn get(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let name = context.account.jid().local().unwrap_or_default();
        let instructions = "You can set a new password.";
        Ok(Reply::payload(registration::registered(instructions, name)))
    })
}

fn set(context: IqContext) -> Work<Result<Reply, StanzaError>> {
    Box::pin(async move {
        let payload = context.payload();
        let wanted = Registration::read(payload.root())?;
        drop(payload);
        if context.session.admission().credential != Credential::Account {
            return Err(StanzaError::new(StanzaCondition::Forbidden)
                .text("An app password neither changes the password nor removes the account."));
        }
        match wanted {
            Registration::Remove => remove(&context).await,
            Registration::Fields { username, password } => {
                change(&context, username, password).await
            }
        }
    })
}

/// §3.2: the account goes, and its streams end after the answer.
async fn remove(context: &IqContext) -> Result<Reply, StanzaError> {
    if !context.chat.config().registration.users_remove {
        return Err(Refusal::RemovalClosed.error());
    }
    let (chat, own) = (&context.chat, context.account.jid());
    let by = Authority::of_client(&context.account);
    let removed = chat.remove_account(own, &by, context.now).await;
    removed.map_err(|refusal| refusal.error())?;
    Ok(Reply::empty())
}

/// §3.3: a new password for oneself.
async fn change(
    context: &IqContext,
    username: Option<String>,
    password: Option<Password>,
) -> Result<Reply, StanzaError> {
    let bad = |text: &str| StanzaError::new(StanzaCondition::BadRequest).text(text);
    let username = username.ok_or_else(|| bad("Name the account whose password it is."))?;
    let password =
        password.ok_or_else(|| bad("The new password is missing; the old one stays."))?;
    let own = context.account.jid();
    let local = context.chat.localpart(&username);
    if local.as_deref().ok() != own.local() {
        return Err(StanzaError::new(StanzaCondition::Forbidden)
            .text("You can change your own password only."));
    }
    let refused = |refusal: Refusal| refusal.error();
    let chat = &context.chat;
    chat.check_password(own.local().unwrap_or_default(), &password)
        .map_err(refused)?;
    let keys = chat.derive_keys(password).await.map_err(refused)?;
    let session = Arc::clone(&context.session);
    let by = Authority::of_client(&context.account);
    chat.set_keys(own, keys, Some(&session), &by, context.now)
        .await
        .map_err(refused)?;
    tracing::info!(account = %own, "a password was changed by its owner");
    Ok(Reply::empty())
}
