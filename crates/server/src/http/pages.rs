//! Plain pages: what this is, in German or English, light or dark, without a script.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use xmpp::xml::escape;

use super::Web;

/// Language of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    German,
    English,
}

impl Language {
    /// The better liked of the two (RFC 9110 §12.5.4); English if neither is.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let weight = |language: &str| {
            text.split(',')
                .filter_map(|part| {
                    let mut fields = part.split(';').map(str::trim);
                    let name = fields.next()?.to_lowercase();
                    let quality = fields
                        .find_map(|field| field.strip_prefix("q=")?.parse::<f32>().ok())
                        .unwrap_or(1.0);
                    (name == language
                        || name
                            .strip_prefix(language)
                            .is_some_and(|rest| rest.starts_with('-')))
                    .then_some(quality)
                })
                .fold(0.0_f32, f32::max)
        };
        if weight("de") > weight("en") {
            Self::German
        } else {
            Self::English
        }
    }

    pub(super) fn pick<'a>(self, german: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::German => german,
            Self::English => english,
        }
    }

    fn code(self) -> &'static str {
        self.pick("de", "en")
    }
}

/// Colours and radii are those of the web client.
const STYLE: &str = ":root{color-scheme:light dark;--canvas:#f4f3f0;--surface:#fff;--line:#e6e3dd;--line-strong:#8b8f8c;\
--ink:#1d2422;--ink-2:#59625f;--accent:#16695f;--accent-ink:#fff;--accent-soft:#dcece8;--danger:#b3261e}\
@media(prefers-color-scheme:dark){:root{--canvas:#131716;--surface:#191e1d;--line:#2a302f;--line-strong:#6f7774;\
--ink:#e8ecea;--ink-2:#a9b3b0;--accent:#5bc4b3;--accent-ink:#06231f;--accent-soft:#1d3a35;--danger:#ff8a80}}\
*{box-sizing:border-box}\
body{font:1rem/1.5 Inter,system-ui,sans-serif;margin:0;padding:clamp(1rem,6vh,4rem) 1rem 2rem;background:var(--canvas);color:var(--ink)}\
main,header{max-width:30rem;margin:0 auto}\
header{display:flex;align-items:center;gap:.625rem;font-weight:650;margin-bottom:1rem;padding:0 .25rem}\
header svg{width:1.75rem;height:1.75rem;color:var(--accent);flex:none}\
main{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:clamp(1.25rem,5vw,2rem)}\
h1{font-size:1.375rem;line-height:1.25;margin:0 0 .75rem;overflow-wrap:anywhere}p{margin:0 0 .75rem}p:last-child{margin-bottom:0}\
a{color:var(--accent)}\
label{display:block;margin-top:1rem;font-weight:600}small{display:block;font-weight:400;color:var(--ink-2)}\
input{font:inherit;color:inherit;width:100%;padding:.5rem .75rem;margin-top:.25rem;background:var(--canvas);border:1px solid var(--line-strong);border-radius:10px}\
button{font:inherit;font-weight:600;width:100%;margin-top:1.5rem;padding:.625rem 1.25rem;border:1px solid transparent;border-radius:10px;background:var(--accent);color:var(--accent-ink)}\
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\
a.button{display:inline-block;font-weight:600;padding:.625rem 1.25rem;border-radius:10px;background:var(--accent);color:var(--accent-ink);text-decoration:none}\
h2{font-size:1.0625rem;margin:1.5rem 0 .5rem}svg.code{display:block;max-width:100%;border-radius:10px}\
.problem{border-left:.25rem solid var(--danger);padding:.25rem 0 .25rem 1rem}.quiet{color:var(--ink-2)}\
code{font:.9375em ui-monospace,monospace;background:var(--accent-soft);border-radius:6px;padding:.125rem .375rem;overflow-wrap:anywhere}\
code.command{display:block;padding:.625rem .75rem;margin-top:.5rem;white-space:pre-wrap}code span{white-space:nowrap}";

/// A house with a letter slot.
const MARK: &str = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\" fill=\"none\" stroke=\"currentColor\" \
stroke-width=\"2\" stroke-linejoin=\"round\" stroke-linecap=\"round\"><path d=\"M3 11 12 4l9 7v9H3z\"/><path d=\"M8 15h8\"/></svg>";

/// A whole page; `body` is HTML.
pub(super) fn page(language: Language, title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style></head><body><header>{MARK}Hauspost</header><main>{body}</main></body></html>\n",
        language.code(),
        text(title),
    )
}

/// Text as HTML.
pub(super) fn text(text: &str) -> String {
    escape(text).into_owned()
}

impl Language {
    /// The same language, as the messenger names it.
    pub(super) fn messenger(self) -> chat::Language {
        match self {
            Self::German => chat::Language::German,
            Self::English => chat::Language::English,
        }
    }
}

/// `/`, where the web client is not part of the binary.
pub(super) async fn landing(State(web): State<Web>, headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    let domain = web.config.load().domain.clone();
    let body = match language {
        Language::German => format!(
            "<h1>Der Messenger von {0}</h1><p>Melde dich mit einem XMPP-Programm an, zum Beispiel Conversations, Monal, \
             Gajim oder Dino: mit deiner Adresse <code>name@{0}</code> und deinem Kennwort.</p>\
             <p class=\"quiet\">Konten legt die Verwaltung dieses Servers an.</p>\
             <p class=\"quiet\">Der Web-Client fehlt in diesem Bau: <code>cargo xtask web</code>, dann noch einmal bauen.</p>",
            text(&domain)
        ),
        Language::English => format!(
            "<h1>The messenger of {0}</h1><p>Sign in with an XMPP app such as Conversations, Monal, Gajim or Dino, with \
             your address <code>name@{0}</code> and your password.</p>\
             <p class=\"quiet\">Accounts are made by the administrators of this server.</p>\
             <p class=\"quiet\">The web client is not part of this build: run <code>cargo xtask web</code>, then build again.</p>",
            text(&domain)
        ),
    };
    Html(page(language, &format!("Hauspost · {domain}"), &body)).into_response()
}

/// Everything else.
pub(super) async fn not_found(headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    let title = language.pick("Diese Seite gibt es nicht", "There is no such page");
    (
        StatusCode::NOT_FOUND,
        Html(page(
            language,
            title,
            &format!(
                "<h1>{title}</h1><p><a href=\"/\">{}</a></p>",
                language.pick("Zur Startseite", "To the start page")
            ),
        )),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(text: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, text.parse().expect("header"));
        Language::of(&headers)
    }

    #[test]
    fn the_better_liked_language_is_spoken() {
        assert_eq!(language("de-AT,de;q=0.9,en;q=0.8"), Language::German);
        assert_eq!(language("en-GB,en;q=0.9,de;q=0.8"), Language::English);
        assert_eq!(language("fr"), Language::English);
        assert_eq!(language("den"), Language::English);
    }
}
