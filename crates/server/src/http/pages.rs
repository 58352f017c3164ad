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

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:1.0625rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem;background:Canvas;color:CanvasText}\
main{max-width:34rem;margin:0 auto}h1{font-size:1.5rem;line-height:1.25}\
label{display:block;margin-top:1rem;font-weight:600}\
input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem;margin-top:.25rem;border:1px solid GrayText;border-radius:.375rem}\
button{font:inherit;font-weight:600;margin-top:1.5rem;padding:.625rem 1.25rem;border:0;border-radius:.375rem;background:#1b5e9b;color:#fff}\
:focus-visible{outline:3px solid #6aa9e0;outline-offset:2px}\
.problem{border-left:.25rem solid #c62828;padding:.25rem 1rem}small{display:block;color:inherit;opacity:.85}code{overflow-wrap:anywhere}";

/// A whole page; `body` is HTML.
pub(super) fn page(language: Language, title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        language.code(),
        text(title),
    )
}

/// Text as HTML.
pub(super) fn text(text: &str) -> String {
    escape(text).into_owned()
}

/// `/`.
pub(super) async fn landing(State(web): State<Web>, headers: HeaderMap) -> Response {
    let language = Language::of(&headers);
    let domain = web.config.load().domain.clone();
    let body = match language {
        Language::German => format!(
            "<h1>Hauspost auf {0}</h1><p>Hier läuft der Messenger von <strong>{0}</strong>. Melden Sie sich mit einem \
             XMPP-Programm an, zum Beispiel Conversations, Monal, Gajim oder Dino: mit Ihrer Adresse \
             <code>name@{0}</code> und Ihrem Kennwort.</p><p>Konten legt die Verwaltung dieses Servers an.</p>",
            text(&domain)
        ),
        Language::English => format!(
            "<h1>Hauspost at {0}</h1><p>This is the messenger of <strong>{0}</strong>. Sign in with an XMPP app such as \
             Conversations, Monal, Gajim or Dino, with your address <code>name@{0}</code> and your password.</p>\
             <p>Accounts are made by the administrators of this server.</p>",
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
            &format!("<h1>{title}</h1><p><a href=\"/\">Hauspost</a></p>"),
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
