//! The page of an invitation: `/invite/<token>` (XEP-0379 §3.3, XEP-0401 §3.1.2).
//!
//! Where the invitation lets its bearer make an account, browsers get the web client, which asks here what the invitation
//! says (`Accept: application/json`). Everybody else, and who asks for `?plain`, gets plain HTML that works without scripts: a
//! form makes the account; a link and a QR code hand the invitation over to a program.

use axum::Form;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chat::accounts::{AccountDraft, Refusal};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::{Deserialize, Serialize};
use store::{Invitation, InvitationPurpose};
use xmpp::sasl::Password;

use super::Web;
use super::client;
use super::origin::Origin;
use super::pages::{Language, page, text};
use super::setup::{is_protected, unprotected};
use crate::config::RegistrationMode;

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    display_name: String,
    password: String,
    again: String,
}

/// What the page says.
struct Words<'a> {
    language: Language,
    domain: &'a str,
    /// Who invites, for people.
    inviter: Option<String>,
    /// The address for programs; none where they could not use it.
    uri: Option<String>,
    /// Whether an account can be made here.
    makes_accounts: bool,
    /// The name that it is for.
    localpart: Option<&'a str>,
    ends: String,
    shortest: usize,
}

/// What the web client is told of an invitation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    domain: String,
    /// Who invites, for people.
    inviter: Option<String>,
    /// The name that it is for.
    name: Option<String>,
    /// An account can be made by it.
    makes_accounts: bool,
    /// Programs make the account, too (XEP-0445); else only this address does.
    in_band: bool,
    /// The last day.
    ends: String,
    shortest_password: usize,
}

/// Why something was not done, for the web client.
#[derive(Serialize)]
struct Problem {
    text: String,
}

fn asks_for_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT);
    accepted.is_some_and(|accepted| accepted.as_bytes().starts_with(b"application/json"))
}

/// Whether somebody opens the page in a browser that has what the web client needs: such browsers say so.
fn opens_a_page(request: &Request) -> bool {
    let headers = request.headers();
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
    let plain = request.uri().query() == Some("plain");
    !plain && says("sec-fetch-dest", "document") && says("sec-fetch-mode", "navigate")
}

async fn facts(web: &Web, language: Language, invitation: &Invitation) -> Response {
    let inviter = match web.chat.inviter(invitation).await {
        Ok(inviter) => inviter,
        Err(refusal) => return problem(language, StatusCode::SERVICE_UNAVAILABLE, &refusal),
    };
    let makes_accounts = match web.chat.makes_accounts(invitation).await {
        Ok(makes_accounts) => makes_accounts,
        Err(refusal) => return problem(language, StatusCode::SERVICE_UNAVAILABLE, &refusal),
    };
    let config = web.config.load_full();
    let ends = invitation.expires.to_string();
    let facts = Facts {
        domain: config.domain.clone(),
        inviter: inviter.map(|(address, account)| match &account.display_name {
            Some(name) => name.to_string(),
            None => address.to_string(),
        }),
        name: invitation.localpart.as_deref().map(str::to_owned),
        makes_accounts,
        in_band: config.registration.mode != RegistrationMode::Off,
        ends: ends.get(..10).unwrap_or(&ends).to_owned(),
        shortest_password: config.registration.shortest_password,
    };
    json_of(StatusCode::OK, &facts)
}

fn problem(language: Language, status: StatusCode, refusal: &Refusal) -> Response {
    let text = refusal.text(language.messenger());
    json_of(status, &Problem { text })
}

fn json_of(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(json) => (status, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /invite/<token>`.
pub(super) async fn show(
    State(web): State<Web>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let language = Language::of(request.headers());
    if !is_protected(&web, &request) {
        return unprotected(language);
    }
    let json = asks_for_json(request.headers());
    let invitation = match web.chat.open_invitation(&token, web.clock.now()).await {
        Ok(invitation) => invitation,
        Err(refusal) if json => return problem(language, closed_status(&refusal), &refusal),
        Err(refusal) => return closed(language, &refusal),
    };
    if json {
        return facts(&web, language, &invitation).await;
    }
    if opens_a_page(&request)
        && matches!(web.chat.makes_accounts(&invitation).await, Ok(true))
        && let Some(response) = client::instead(&web, request.uri(), request.headers())
    {
        return response;
    }
    match body(&web, language, &invitation, &token, None).await {
        Ok(html) => Html(html).into_response(),
        Err(refusal) => closed(language, &refusal),
    }
}

/// `POST /invite/<token>`.
pub(super) async fn submit(
    State(web): State<Web>,
    Path(token): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let language = Language::of(&headers);
    let json = asks_for_json(&headers);
    if !is_protected(&web, &request) {
        return unprotected(language);
    }
    let config = web.config.load_full();
    let Some(origin) = Origin::of(&config, request.extensions(), request.headers()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
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
    let now = web.clock.now();
    let invitation = match web.chat.open_invitation(&token, now).await {
        Ok(invitation) => invitation,
        Err(refusal) if json => return problem(language, closed_status(&refusal), &refusal),
        Err(refusal) => return closed(language, &refusal),
    };
    let name = match &invitation.localpart {
        Some(local) => local.to_string(),
        None => name.trim().to_owned(),
    };
    let refuse = |problem: String| {
        let filled = Filled {
            problem,
            name: name.clone(),
            display_name: display_name.clone(),
        };
        let (web, invitation, token) = (&web, &invitation, &token);
        async move {
            if json {
                let text = filled.problem;
                return json_of(StatusCode::UNPROCESSABLE_ENTITY, &Problem { text });
            }
            match body(web, language, invitation, token, Some(filled)).await {
                Ok(html) => (StatusCode::UNPROCESSABLE_ENTITY, Html(html)).into_response(),
                Err(refusal) => closed(language, &refusal),
            }
        }
    };
    if password != again {
        let words = language.pick(
            "Die beiden Kennwörter sind verschieden.",
            "The two passwords differ.",
        );
        return refuse(words.to_owned()).await;
    }
    let shown = display_name.trim();
    let draft = AccountDraft {
        name: name.clone(),
        password,
        display_name: (!shown.is_empty()).then(|| shown.to_owned()),
        token: Some(token.clone()),
        peer: origin.address,
        in_browser: true,
    };
    match web.chat.register(draft, now).await {
        Ok(_) if json => StatusCode::NO_CONTENT.into_response(),
        Ok(address) => done(language, address.as_str()),
        Err(refusal) if json => problem(language, StatusCode::UNPROCESSABLE_ENTITY, &refusal),
        Err(refusal @ (Refusal::InvitationUsed | Refusal::InvitationUnknown)) => {
            closed(language, &refusal)
        }
        Err(refusal) => refuse(refusal.text(language.messenger())).await,
    }
}

/// What was typed, and why it cannot be.
struct Filled {
    problem: String,
    name: String,
    display_name: String,
}

async fn body(
    web: &Web,
    language: Language,
    invitation: &Invitation,
    token: &str,
    filled: Option<Filled>,
) -> Result<String, Refusal> {
    let config = web.config.load_full();
    let inviter = web.chat.inviter(invitation).await?;
    let makes_accounts = web.chat.makes_accounts(invitation).await?;
    // A program could do nothing with the address of an account that is to be made here only.
    let in_program = invitation.purpose == InvitationPurpose::Contact
        || config.registration.mode != RegistrationMode::Off;
    let uri = if in_program {
        Some(web.chat.invitation_uri(invitation, token).await?)
    } else {
        None
    };
    let inviter = inviter.map(|(address, account)| match &account.display_name {
        Some(name) => format!("{name} ({address})"),
        None => address.to_string(),
    });
    let ends = invitation.expires.to_string();
    let words = Words {
        language,
        domain: &config.domain,
        inviter,
        uri,
        makes_accounts,
        localpart: invitation.localpart.as_deref(),
        ends: ends.get(..10).unwrap_or(&ends).to_owned(),
        shortest: config.registration.shortest_password,
    };
    Ok(html(&words, filled))
}

fn html(words: &Words<'_>, filled: Option<Filled>) -> String {
    let language = words.language;
    let domain = text(words.domain);
    let title = match &words.inviter {
        Some(inviter) => format!(
            "{} {}",
            inviter,
            language.pick("lädt dich ein", "has invited you")
        ),
        None => format!(
            "{} {}",
            language.pick("Willkommen bei", "Welcome to"),
            words.domain
        ),
    };
    let mut out = format!("<h1>{}</h1>", text(&title));
    let what = if words.makes_accounts {
        language.pick(
            "Mit dieser Einladung legst du ein Konto auf diesem Messenger an. Dein Kennwort wählst du selbst; niemand sonst erfährt es.",
            "With this invitation you make an account on this messenger. You choose the password yourself; nobody else learns it.",
        )
    } else {
        language.pick(
            "Mit dieser Einladung werdet ihr Kontakte. Du brauchst ein Konto auf einem XMPP-Server.",
            "With this invitation you become contacts of each other. You need an account on an XMPP server.",
        )
    };
    let until = language.pick("Gilt bis", "Works until");
    out.push_str(&format!(
        "<p>{what}</p><p><small>{until} {}</small></p>",
        text(&words.ends)
    ));
    if words.makes_accounts {
        out.push_str(&form(words, &domain, filled));
    }
    if let Some(uri) = &words.uri {
        let heading = if words.makes_accounts {
            language.pick("Oder in einem Programm", "Or in an app")
        } else {
            language.pick("In deinem Programm öffnen", "Open it in your app")
        };
        let open = language.pick("In meinem XMPP-Programm öffnen", "Open in my XMPP app");
        let scan = language.pick(
            "Oder mit dem Telefon abtasten:",
            "Or scan it with the phone:",
        );
        out.push_str(&format!(
            "<h2>{heading}</h2><p><a class=\"button\" href=\"{}\">{open}</a></p><p>{scan}</p>{}",
            text(uri),
            picture(
                uri,
                language.pick("QR-Code der Einladung", "QR code of the invitation")
            ),
        ));
    }
    out.push_str(&programs(language));
    page(language, &title, &out)
}

fn form(words: &Words<'_>, domain: &str, filled: Option<Filled>) -> String {
    let language = words.language;
    let filled = filled.unwrap_or(Filled {
        problem: String::new(),
        name: String::new(),
        display_name: String::new(),
    });
    let problem = if filled.problem.is_empty() {
        String::new()
    } else {
        format!(
            "<p class=\"problem\" role=\"alert\" id=\"problem\">{}</p>",
            text(&filled.problem)
        )
    };
    let described = if problem.is_empty() {
        ""
    } else {
        " aria-describedby=\"problem\""
    };
    let name = match words.localpart {
        Some(local) => format!(
            "<p>{} <strong>{local}@{domain}</strong></p>\
             <input type=\"hidden\" name=\"username\" autocomplete=\"username\" value=\"{local}\">",
            language.pick("Deine Adresse:", "Your address:"),
            local = text(local)
        ),
        None => format!(
            "<label for=\"name\">{}<small>{} @{domain}</small></label>\
             <input id=\"name\" name=\"name\" required autofocus autocomplete=\"username\" autocapitalize=\"none\" \
             spellcheck=\"false\" value=\"{}\">",
            language.pick("Name", "Name"),
            language.pick("der Teil vor", "the part before"),
            text(&filled.name)
        ),
    };
    format!(
        "{problem}<form method=\"post\"{described}>{name}\
         <label for=\"display_name\">{display_label}</label>\
         <input id=\"display_name\" name=\"display_name\" autocomplete=\"name\" value=\"{display_name}\">\
         <label for=\"password\">{password_label}<small>{at_least} {shortest} {characters}</small></label>\
         <input id=\"password\" name=\"password\" type=\"password\" required minlength=\"{shortest}\" autocomplete=\"new-password\">\
         <label for=\"again\">{again_label}</label>\
         <input id=\"again\" name=\"again\" type=\"password\" required minlength=\"{shortest}\" autocomplete=\"new-password\">\
         <button>{button}</button></form>",
        display_label = language.pick("Angezeigter Name (freiwillig)", "Displayed name (optional)"),
        display_name = text(&filled.display_name),
        password_label = language.pick("Kennwort", "Password"),
        at_least = language.pick("mindestens", "at least"),
        characters = language.pick("Zeichen", "characters"),
        shortest = words.shortest,
        again_label = language.pick("Kennwort noch einmal", "Password once more"),
        button = language.pick("Konto anlegen", "Make the account"),
    )
}

/// Programs to recommend: free ones with end-to-end encryption, for each kind of machine.
fn programs(language: Language) -> String {
    let heading = language.pick("Programme", "Apps");
    let list = [
        ("Conversations", "https://conversations.im", "Android"),
        ("Monal", "https://monal-im.org", "iPhone, iPad, Mac"),
        ("Dino", "https://dino.im", "Linux"),
        ("Gajim", "https://gajim.org", "Windows, Linux"),
    ];
    let items: String = list
        .iter()
        .map(|(name, link, machines)| {
            format!("<li><a href=\"{link}\" rel=\"noreferrer\">{name}</a> ({machines})</li>")
        })
        .collect();
    format!("<h2>{heading}</h2><ul>{items}</ul>")
}

/// A QR code as a picture within the page; nothing when the text is too long for one.
fn picture(content: &str, label: &str) -> String {
    let Ok(code) = QrCode::encode_text(content, QrCodeEcc::Medium) else {
        return String::new();
    };
    // Four modules of quiet zone around it (ISO/IEC 18004 §9.1).
    let size = code.size() + 8;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                path.push_str(&format!("M{} {}h1v1h-1z", x + 4, y + 4));
            }
        }
    }
    format!(
        "<svg class=\"code\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {size} {size}\" width=\"240\" height=\"240\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>",
        text(label)
    )
}

fn done(language: Language, address: &str) -> Response {
    let title = language.pick("Dein Konto ist da", "Your account is there");
    let words = language.pick(
        "Melde dich in einem XMPP-Programm an mit dem Kennwort, das du gewählt hast, und der Adresse",
        "Sign in with an XMPP app, with the password that you chose and the address",
    );
    let body = format!(
        "<h1>{title}</h1><p>{words} <code>{}</code>.</p>{}",
        text(address),
        programs(language)
    );
    Html(page(language, title, &body)).into_response()
}

const fn closed_status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::InvitationUsed | Refusal::InvitationEnded => StatusCode::GONE,
        Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::NOT_FOUND,
    }
}

fn closed(language: Language, refusal: &Refusal) -> Response {
    let status = closed_status(refusal);
    let title = match refusal {
        Refusal::InvitationUsed => language.pick("Schon benutzt", "Used already"),
        Refusal::InvitationEnded => language.pick("Abgelaufen", "It has ended"),
        Refusal::Store(_) => language.pick("Gerade nicht", "Not now"),
        _ => language.pick(
            "Diese Einladung gilt nicht",
            "This invitation does not work",
        ),
    };
    let body = format!(
        "<h1>{title}</h1><p>{}</p>",
        text(&refusal.text(language.messenger()))
    );
    (status, Html(page(language, title, &body))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(makes_accounts: bool, localpart: Option<&'static str>) -> Words<'static> {
        Words {
            language: Language::English,
            domain: "example.org",
            inviter: Some("Romeo <romeo@example.org>".to_owned()),
            uri: Some("xmpp:romeo@example.org?roster;preauth=t&x".to_owned()),
            makes_accounts,
            localpart,
            ends: "2026-12-24".to_owned(),
            shortest: 8,
        }
    }

    #[test]
    fn a_page_has_what_its_invitation_allows() {
        let contact = html(&words(false, None), None);
        assert!(contact.contains("Romeo &lt;romeo@example.org&gt; has invited you"));
        assert!(contact.contains("href=\"xmpp:romeo@example.org?roster;preauth=t&amp;x\""));
        assert!(contact.contains("<svg") && !contact.contains("<form"));
        assert!(!contact.contains("<script"));
        let account = html(&words(true, Some("juliet")), None);
        assert!(account.contains("juliet@example.org") && !account.contains("id=\"name\""));
        let free = html(
            &words(true, None),
            Some(Filled {
                problem: "taken".to_owned(),
                name: "\"><b>".to_owned(),
                display_name: String::new(),
            }),
        );
        assert!(free.contains("role=\"alert\"") && free.contains("&quot;&gt;&lt;b&gt;"));
    }

    #[test]
    fn a_picture_is_drawn_or_left_out() {
        assert!(picture("xmpp:a@b", "code").contains("<path"));
        assert_eq!(picture(&"x".repeat(5000), "code"), "");
    }
}
