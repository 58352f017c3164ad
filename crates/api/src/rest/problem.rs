//! Errors as `application/problem+json` (RFC 9457): what is wrong, and what to do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chat::Language;
use chat::accounts::Refusal;
use chat::rooms::governing::RoomRefusal;
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;

/// Why something was not done, and what to do about it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which kind of problem it is, for programs: `urn:hauspost:problem:…`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// The status of HTTP.
    pub status: u16,
    /// What is wrong here, and what to do. In German where `Accept-Language` prefers that.
    pub detail: String,
    #[serde(skip)]
    german: Option<String>,
    #[serde(skip)]
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A problem of a kind.
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        title: &str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:hauspost:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            german: None,
            retry_after_seconds: None,
        }
    }

    /// The same in German.
    fn german(mut self, text: impl Into<String>) -> Self {
        self.german = Some(text.into());
        self
    }

    /// The request cannot be understood.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self::new(status, "bad-request", "The request is wrong", detail)
    }

    /// There is no such thing.
    pub(crate) fn missing(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "There is no such thing",
            detail,
        )
    }

    /// The token does not reach so far.
    pub(crate) fn scope(name: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "scope",
            "The token does not allow this",
            format!("this needs the scope `{name}`; make a token that has it"),
        )
        .german(format!(
            "Dafür braucht es die Befugnis „{name}“; bitte ein Token machen, das sie hat."
        ))
    }

    /// Others could read the token on its way.
    #[must_use]
    pub fn unprotected() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "unprotected",
            "This connection can be read by others",
            "use https: tokens are taken over TLS, from this machine, or by way of a proxy that is named in http.trusted_proxies and says X-Forwarded-Proto: https",
        )
    }

    /// A page of another origin asks.
    #[must_use]
    pub fn foreign_page() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "origin",
            "Pages of this origin may not ask",
            "name the origin of the page in http.allowed_origins; `*` does not count for this interface",
        )
    }

    /// Too many requests.
    pub(crate) fn busy(seconds: u64) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            format!("there were too many requests; try again in {seconds} s"),
        )
        .german(format!(
            "Das waren zu viele Anfragen; bitte in {seconds} s noch einmal."
        ));
        problem.retry_after_seconds = Some(seconds);
        problem
    }

    /// It was changed by somebody else.
    pub(crate) fn changed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "changed-meanwhile",
            "It was changed meanwhile",
            "somebody has changed it since you read it: read it again, and send its ETag as If-Match",
        )
        .german("Es wurde inzwischen geändert; bitte neu laden.")
    }

    /// The words for who prefers German.
    pub(crate) fn in_german(mut self) -> Self {
        if let Some(german) = self.german.take() {
            self.detail = german;
        }
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"hauspost\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        use StatusCode as S;
        let (status, kind, title) = match &refusal {
            Refusal::Store(error) => return Self::from(error.clone()),
            Refusal::NoSuchAccount
            | Refusal::InvitationUnknown
            | Refusal::InvitationUsed
            | Refusal::InvitationEnded
            | Refusal::NothingToRevoke => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Refusal::NameTaken | Refusal::LastOwner | Refusal::PasswordElsewhere => {
                (S::CONFLICT, "conflict", "Not possible")
            }
            Refusal::NotEntitled(_)
            | Refusal::OutOfReach
            | Refusal::MayNotInvite
            | Refusal::RegistrationClosed
            | Refusal::RemovalClosed
            | Refusal::TokensOfOthers => (S::FORBIDDEN, "not-entitled", "Not allowed"),
            Refusal::PasswordKnown => (S::CONFLICT, "password-known", "The password is known"),
            Refusal::TooManyRegistrations => (
                S::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
            ),
            Refusal::TooManyInvitations(_)
            | Refusal::TooManyAppPasswords(_)
            | Refusal::TooManyApiTokens(_) => (S::CONFLICT, "too-many", "There are too many"),
            _ => (S::UNPROCESSABLE_ENTITY, "unusable", "This cannot be used"),
        };
        Self::new(status, kind, title, refusal.text(Language::English))
            .german(refusal.text(Language::German))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a request failed in the store");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store",
            "The store cannot be used now",
            "the server could not reach its store; try again in a moment",
        )
        .german("Der Server erreicht seinen Speicher nicht; bitte gleich noch einmal versuchen.")
    }
}

impl From<RoomRefusal> for Problem {
    fn from(refusal: RoomRefusal) -> Self {
        use StatusCode as S;
        let text = refusal.to_string();
        match refusal {
            RoomRefusal::Account(refusal) => refusal.into(),
            RoomRefusal::NoSuchRoom => {
                Self::missing(text).german("Diesen Raum gibt es nicht.")
            }
            RoomRefusal::NameTaken | RoomRefusal::OwnerNeeded => {
                Self::new(S::CONFLICT, "conflict", "Not possible", text)
            }
            RoomRefusal::Encrypted => Self::new(
                S::CONFLICT,
                "encrypted-room",
                "The room is end-to-end encrypted",
                text,
            )
            .german("Dieser Raum ist Ende-zu-Ende-verschlüsselt, der Server kann dort nicht schreiben: bitte mit `hauspost-agent send` von einem Gerät schreiben, das zum Raum gehört, oder einen offenen Raum nehmen."),
            RoomRefusal::NoVoice => Self::new(S::FORBIDDEN, "no-voice", "Not allowed", text),
            RoomRefusal::NameInvalid | RoomRefusal::Invalid(_) => {
                Self::new(S::UNPROCESSABLE_ENTITY, "unusable", "This cannot be used", text)
            }
            RoomRefusal::Stanza(error) => Self::new(
                S::CONFLICT,
                "conflict",
                "Not possible",
                error.text.clone().unwrap_or_else(|| error.condition.to_string()),
            ),
        }
    }
}
