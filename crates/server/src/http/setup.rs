//! The first administrator's one-time link: `/setup/<token>`.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Form;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat::accounts::{Authority, Door};
use serde::Deserialize;
use store::{Batch, Invitation, InvitationPurpose, Role, Store};
use xmpp::sasl::Password;

use super::Web;
use super::origin::Origin;
use super::pages::{Language, page, text};
use crate::admin::{self, AccountData, KeyData, Reply};
use crate::identity::Directory;
use crate::keys;
use crate::net::Clock;

/// How long a link works.
const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shortest password of an administrator, in characters.
const SHORTEST: usize = 10;
/// Setting under which the hash of the latest link is kept.
const LATEST: &str = "setup-invitation";

/// Making and using the link.
pub struct Setup {
    store: Store,
    domain: String,
    clock: Clock,
    /// One at a time: two who use the link at once must not both become administrators.
    using: tokio::sync::Mutex<()>,
}

impl Setup {
    /// Over a store.
    pub fn new(store: Store, domain: String, clock: Clock) -> Self {
        Self {
            store,
            domain,
            clock,
            using: tokio::sync::Mutex::new(()),
        }
    }

    /// A new link's token, if there is no administrator yet. Earlier links stop working.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn invite(&self) -> anyhow::Result<Option<String>> {
        let mut batch = Batch::new();
        if let Some(latest) = self.store.setting(LATEST).await? {
            batch.invitation_remove(&latest);
            batch.setting_set(LATEST, None);
        }
        let token = if admin::has_owner(&self.store).await? {
            None
        } else {
            let mut secret = [0; 24];
            getrandom::fill(&mut secret)?;
            let token = URL_SAFE_NO_PAD.encode(secret);
            let created = self.clock.now().wall;
            batch.setting_set(LATEST, Some(&hash(&token)));
            batch.invitation_set(Invitation {
                expires: created + LIFE,
                ..Invitation::new(hash(&token), InvitationPurpose::Administrator, created)
            });
            Some(token)
        };
        if !batch.is_empty() {
            self.store.submit(batch).ticket.await?;
        }
        Ok(token)
    }

    async fn is_open(&self, token: &str) -> bool {
        let invitation = self.store.invitation(&hash(token)).await;
        matches!(invitation, Ok(Some(invitation))
            if invitation.purpose == InvitationPurpose::Administrator
                && invitation.used.is_none()
                && invitation.expires > self.clock.now().wall)
            && matches!(admin::has_owner(&self.store).await, Ok(false))
    }
}

fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct Fields {
    name: String,
    #[serde(default)]
    display_name: String,
    password: String,
    again: String,
}

/// `GET /setup/<token>`.
pub(super) async fn show(
    State(web): State<Web>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let language = Language::of(request.headers());
    if !is_protected(&web, &request) {
        return unprotected(language);
    }
    if !web.setup.is_open(&token).await {
        return closed(language);
    }
    Html(form(language, &web.setup.domain, None, "", "")).into_response()
}

/// `POST /setup/<token>`.
pub(super) async fn submit(
    State(web): State<Web>,
    Path(token): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    use axum::extract::FromRequest;
    let language = Language::of(&headers);
    if !is_protected(&web, &request) {
        return unprotected(language);
    }
    let Ok(Form(fields)) = Form::<Fields>::from_request(request, &web).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Fields {
        name,
        display_name,
        password,
        again,
    } = fields;
    let (password, again) = (Password::new(password), Password::new(again));
    let _one_at_a_time = web.setup.using.lock().await;
    if !web.setup.is_open(&token).await {
        return closed(language);
    }
    let refuse = |problem: &str| {
        let page = form(
            language,
            &web.setup.domain,
            Some(problem),
            &name,
            &display_name,
        );
        (StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response()
    };
    if let Err(problem) = admin::localpart(name.trim(), &web.setup.domain) {
        return refuse(&problem);
    }
    if password != again {
        return refuse(language.pick(
            "Die beiden Kennwörter sind verschieden.",
            "The two passwords differ.",
        ));
    }
    if password.expose().chars().count() < SHORTEST {
        return refuse(language.pick(
            "Das Kennwort ist zu kurz: mindestens 10 Zeichen.",
            "The password is too short: at least 10 characters.",
        ));
    }
    let iterations = web.config.load().auth.scram_iterations;
    let Ok(Ok(keys)) =
        tokio::task::spawn_blocking(move || keys::derive(&password, iterations)).await
    else {
        return refuse(language.pick(
            "Dieses Kennwort geht nicht.",
            "This password cannot be used.",
        ));
    };
    let execution = admin::Execution {
        chat: web.chat.clone(),
        clock: web.clock,
        by: Authority::house(Door::Web),
        directory: Directory::new(web.config.clone()),
    };
    let display_name = Some(display_name.trim().to_owned()).filter(|name| !name.is_empty());
    let account = AccountData {
        name: name.trim().to_owned(),
        display_name: display_name.clone(),
        role: Some(Role::Owner.name().to_owned()),
        groups: Vec::new(),
        keys: keys.iter().map(KeyData::from).collect(),
    };
    match admin::execute(&execution, admin::Request::UserAdd(account)).await {
        Reply::Failed { problem } => return refuse(&problem),
        _ => {
            // From here on there is an administrator, so the link is dead even if this does not get through.
            let _ = web
                .setup
                .store
                .invitation_redeem(&hash(&token), web.clock.now().wall)
                .await;
        }
    }
    tracing::info!("the first administrator was made by the one-time link");
    let address = format!("{}@{}", name.trim().to_lowercase(), web.setup.domain);
    let title = language.pick("Fertig", "Done");
    let words = language.pick(
        "Du verwaltest jetzt diesen Server. Melde dich mit einem XMPP-Programm an als",
        "You administer this server now. Sign in with an XMPP app as",
    );
    Html(page(
        language,
        title,
        &format!(
            "<h1>{title}</h1><p>{words} <code>{}</code>.</p>",
            text(&address)
        ),
    ))
    .into_response()
}

pub(super) fn is_protected(web: &Web, request: &Request) -> bool {
    Origin::of(&web.config.load(), request.extensions(), request.headers())
        .is_some_and(|origin| origin.is_protected())
}

pub(super) fn unprotected(language: Language) -> Response {
    let title = language.pick("Nur über HTTPS", "Only over HTTPS");
    let words = language.pick(
        "Über diese Verbindung könnten andere das Kennwort mitlesen. Öffne den Link über https oder auf dem Server selbst.",
        "Others could read the password on this connection. Open the link over https, or on the server itself.",
    );
    (
        StatusCode::FORBIDDEN,
        Html(page(
            language,
            title,
            &format!("<h1>{title}</h1><p>{words}</p>"),
        )),
    )
        .into_response()
}

fn closed(language: Language) -> Response {
    let title = language.pick(
        "Dieser Link gilt nicht mehr",
        "This link does not work any more",
    );
    let words = language.pick(
        "Er wurde schon benutzt, ist abgelaufen, oder es gibt schon eine Verwaltung. Auf dem Server hilft dieser Befehl:",
        "It was used, it has ended, or there is an administrator already. On the server, this command helps:",
    );
    let body = format!(
        "<h1>{title}</h1><p>{words}</p><code class=\"command\">hauspost user add NAME <span>--admin</span></code>"
    );
    (StatusCode::NOT_FOUND, Html(page(language, title, &body))).into_response()
}

fn form(
    language: Language,
    domain: &str,
    problem: Option<&str>,
    name: &str,
    display_name: &str,
) -> String {
    let title = language.pick("Verwaltung einrichten", "Set up administration");
    let problem = problem.map_or_else(String::new, |problem| {
        format!(
            "<p class=\"problem\" role=\"alert\" id=\"problem\">{}</p>",
            text(problem)
        )
    });
    let described = if problem.is_empty() {
        ""
    } else {
        " aria-describedby=\"problem\""
    };
    let body = format!(
        "<h1>{title}</h1><p>{intro}</p>{problem}<form method=\"post\"{described}>\
         <label for=\"name\">{name_label}<small>{name_hint} @{domain}</small></label>\
         <input id=\"name\" name=\"name\" required autofocus autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" value=\"{name}\">\
         <label for=\"display_name\">{display_label}</label>\
         <input id=\"display_name\" name=\"display_name\" autocomplete=\"name\" value=\"{display_name}\">\
         <label for=\"password\">{password_label}<small>{password_hint}</small></label>\
         <input id=\"password\" name=\"password\" type=\"password\" required minlength=\"{SHORTEST}\" autocomplete=\"new-password\">\
         <label for=\"again\">{again_label}</label>\
         <input id=\"again\" name=\"again\" type=\"password\" required minlength=\"{SHORTEST}\" autocomplete=\"new-password\">\
         <button>{button}</button></form>",
        intro = language.pick(
            "Lege das erste Konto an. Es darf den Server verwalten. Dieser Link gilt nur einmal.",
            "Make the first account. It may administer the server. This link works once.",
        ),
        name_label = language.pick("Name", "Name"),
        name_hint = language.pick("der Teil vor", "the part before"),
        display_label = language.pick("Angezeigter Name (freiwillig)", "Displayed name (optional)"),
        password_label = language.pick("Kennwort", "Password"),
        password_hint = language.pick("mindestens 10 Zeichen", "at least 10 characters"),
        again_label = language.pick("Kennwort noch einmal", "Password once more"),
        button = language.pick("Konto anlegen", "Make the account"),
        domain = text(domain),
        name = text(name),
        display_name = text(display_name),
    );
    page(language, title, &body)
}
