//! Error conditions of stanzas, streams and SASL (RFC 6120 §8.3, §4.9, §6.5).

use bytes::Bytes;

use crate::ns;
use crate::xml::{Kind, Stanza, Writer};

macro_rules! conditions {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`<", $text, "/>`")] $variant,)*
        }

        impl $name {
            /// All of them, in the order of the RFC.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name of the element that stands for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The condition of this element name.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

conditions! {
    /// What is wrong with a stanza (RFC 6120 §8.3.3).
    StanzaCondition {
        BadRequest = "bad-request",
        Conflict = "conflict",
        FeatureNotImplemented = "feature-not-implemented",
        Forbidden = "forbidden",
        Gone = "gone",
        InternalServerError = "internal-server-error",
        ItemNotFound = "item-not-found",
        JidMalformed = "jid-malformed",
        NotAcceptable = "not-acceptable",
        NotAllowed = "not-allowed",
        NotAuthorized = "not-authorized",
        PolicyViolation = "policy-violation",
        RecipientUnavailable = "recipient-unavailable",
        Redirect = "redirect",
        RegistrationRequired = "registration-required",
        RemoteServerNotFound = "remote-server-not-found",
        RemoteServerTimeout = "remote-server-timeout",
        ResourceConstraint = "resource-constraint",
        ServiceUnavailable = "service-unavailable",
        SubscriptionRequired = "subscription-required",
        UndefinedCondition = "undefined-condition",
        UnexpectedRequest = "unexpected-request",
    }
}

conditions! {
    /// What the sender of a failed stanza can do about it (RFC 6120 §8.3.2).
    ErrorType {
        Auth = "auth",
        Cancel = "cancel",
        Continue = "continue",
        Modify = "modify",
        Wait = "wait",
    }
}

conditions! {
    /// Why a stream ends (RFC 6120 §4.9.3).
    StreamCondition {
        BadFormat = "bad-format",
        BadNamespacePrefix = "bad-namespace-prefix",
        Conflict = "conflict",
        ConnectionTimeout = "connection-timeout",
        HostGone = "host-gone",
        HostUnknown = "host-unknown",
        ImproperAddressing = "improper-addressing",
        InternalServerError = "internal-server-error",
        InvalidFrom = "invalid-from",
        InvalidNamespace = "invalid-namespace",
        InvalidXml = "invalid-xml",
        NotAuthorized = "not-authorized",
        NotWellFormed = "not-well-formed",
        PolicyViolation = "policy-violation",
        RemoteConnectionFailed = "remote-connection-failed",
        Reset = "reset",
        ResourceConstraint = "resource-constraint",
        RestrictedXml = "restricted-xml",
        SeeOtherHost = "see-other-host",
        SystemShutdown = "system-shutdown",
        UndefinedCondition = "undefined-condition",
        UnsupportedEncoding = "unsupported-encoding",
        UnsupportedFeature = "unsupported-feature",
        UnsupportedStanzaType = "unsupported-stanza-type",
        UnsupportedVersion = "unsupported-version",
    }
}

conditions! {
    /// Why an authentication failed (RFC 6120 §6.5).
    SaslCondition {
        Aborted = "aborted",
        AccountDisabled = "account-disabled",
        CredentialsExpired = "credentials-expired",
        EncryptionRequired = "encryption-required",
        IncorrectEncoding = "incorrect-encoding",
        InvalidAuthzid = "invalid-authzid",
        InvalidMechanism = "invalid-mechanism",
        MalformedRequest = "malformed-request",
        MechanismTooWeak = "mechanism-too-weak",
        NotAuthorized = "not-authorized",
        TemporaryAuthFailure = "temporary-auth-failure",
    }
}

impl StanzaCondition {
    /// The type that RFC 6120 §8.3.3 names for the condition.
    pub fn default_type(self) -> ErrorType {
        use StanzaCondition as C;
        match self {
            C::Forbidden | C::NotAuthorized | C::RegistrationRequired | C::SubscriptionRequired => {
                ErrorType::Auth
            }
            C::BadRequest
            | C::JidMalformed
            | C::NotAcceptable
            | C::PolicyViolation
            | C::Redirect => ErrorType::Modify,
            C::RecipientUnavailable
            | C::RemoteServerTimeout
            | C::ResourceConstraint
            | C::UnexpectedRequest => ErrorType::Wait,
            C::Conflict
            | C::FeatureNotImplemented
            | C::Gone
            | C::InternalServerError
            | C::ItemNotFound
            | C::NotAllowed
            | C::RemoteServerNotFound
            | C::ServiceUnavailable
            | C::UndefinedCondition => ErrorType::Cancel,
        }
    }
}

impl StreamCondition {
    /// The stream error element. `declare` writes the declaration of the `stream` prefix on it, as
    /// WebSocket framing needs (RFC 7395 §3.5).
    pub fn to_xml(self, text: Option<&str>, declare: bool) -> String {
        let mut writer = Writer::with_capacity(192);
        writer.start("stream:error");
        if declare {
            writer.attr("xmlns:stream", ns::STREAMS);
        }
        writer.leaf(self.as_str(), ns::STREAM_ERRORS);
        if let Some(text) = text {
            writer
                .start("text")
                .xmlns(ns::STREAM_ERRORS)
                .attr("xml:lang", "en")
                .text(text)
                .end();
        }
        writer.end();
        writer.finish()
    }

    /// The condition in a received `<stream:error/>`; `None` when the element is none.
    pub fn of(element: &Stanza) -> Option<Self> {
        if element.name() != "error" || element.namespace() != ns::STREAMS {
            return None;
        }
        let condition = element
            .children()
            .filter(|child| child.namespace() == ns::STREAM_ERRORS)
            .find_map(|child| Self::parse(child.name()));
        Some(condition.unwrap_or(Self::UndefinedCondition))
    }
}

impl SaslCondition {
    /// The `<failure/>` of SASL (RFC 6120 §6.5) or, with [`ns::SASL2`], of XEP-0388 §2.6.2.
    pub fn to_xml(self, namespace: &str, text: Option<&str>) -> String {
        let mut writer = Writer::with_capacity(160);
        writer.start("failure").xmlns(namespace);
        if namespace == ns::SASL {
            writer.start(self.as_str()).end();
        } else {
            writer.leaf(self.as_str(), ns::SASL);
        }
        if let Some(text) = text {
            writer.start("text");
            if namespace == ns::SASL {
                writer.attr("xml:lang", "en");
            }
            writer.text(text).end();
        }
        writer.end();
        writer.finish()
    }
}

/// A stanza error (RFC 6120 §8.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{condition}{}{}", if text.is_some() { ": " } else { "" }, text.as_deref().unwrap_or_default())]
pub struct StanzaError {
    /// What the sender can do.
    pub kind: ErrorType,
    /// What went wrong.
    pub condition: StanzaCondition,
    /// Words for people: what to do.
    pub text: Option<String>,
    /// The language of these words (`xml:lang`).
    pub lang: &'static str,
    /// The new address that `gone` and `redirect` may carry.
    pub alternate: Option<String>,
    /// Application-specific condition: one element as XML text with its own namespace.
    pub app: Option<String>,
    /// The number that errors had before they had conditions (XEP-0086), for clients that look at nothing else.
    pub code: Option<u16>,
}

impl StanzaError {
    /// An error with the type that the RFC names for its condition.
    pub fn new(condition: StanzaCondition) -> Self {
        Self {
            kind: condition.default_type(),
            condition,
            text: None,
            lang: "en",
            alternate: None,
            app: None,
            code: None,
        }
    }

    /// Says in words what to do.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Says in words of another language than English what to do; `lang` is its tag.
    #[must_use]
    pub fn text_in(mut self, lang: &'static str, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self.lang = lang;
        self
    }

    /// Sets another type than the default.
    #[must_use]
    pub fn kind(mut self, kind: ErrorType) -> Self {
        self.kind = kind;
        self
    }

    /// Adds an application-specific condition: one element, as XML text with its own namespace.
    #[must_use]
    pub fn app(mut self, xml: impl Into<String>) -> Self {
        self.app = Some(xml.into());
        self
    }

    /// Adds the number of XEP-0086 for clients that look at nothing else.
    #[must_use]
    pub fn code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// Writes the `<error/>` element in the content namespace.
    pub fn write(&self, writer: &mut Writer) {
        writer.start("error").attr("type", self.kind.as_str());
        if let Some(code) = self.code {
            writer.attr("code", code.to_string());
        }
        writer
            .start(self.condition.as_str())
            .xmlns(ns::STANZA_ERRORS);
        if let Some(alternate) = &self.alternate {
            writer.text(alternate);
        }
        writer.end();
        if let Some(text) = &self.text {
            writer
                .start("text")
                .xmlns(ns::STANZA_ERRORS)
                .attr("xml:lang", self.lang)
                .text(text)
                .end();
        }
        writer.raw(self.app.as_deref().unwrap_or_default());
        writer.end();
    }

    /// The error that a stanza of type `error` carries; `None` when there is no `<error/>` in it.
    /// What is unknown in it becomes `undefined-condition` of type `cancel`.
    pub fn of(stanza: &Stanza) -> Option<Self> {
        let tree = stanza.child("error", ns::CLIENT)?.tree();
        let root = tree.root();
        let mut error = Self::new(StanzaCondition::UndefinedCondition);
        let mut found = false;
        for child in root.children() {
            if child.namespace() != ns::STANZA_ERRORS {
                error.app.get_or_insert_with(|| child.raw().into_owned());
            } else if child.name() == "text" {
                error.text.get_or_insert_with(|| child.text().into_owned());
            } else if let Some(condition) = StanzaCondition::parse(child.name())
                && !found
            {
                found = true;
                error.condition = condition;
                error.kind = condition.default_type();
                let text = child.text();
                if !text.is_empty() {
                    error.alternate = Some(text.into_owned());
                }
            }
        }
        if let Some(kind) = root.attr("type").and_then(ErrorType::parse) {
            error.kind = kind;
        }
        Some(error)
    }
}

impl From<StanzaCondition> for StanzaError {
    fn from(condition: StanzaCondition) -> Self {
        Self::new(condition)
    }
}

/// Whether an error may be sent in answer to `stanza`: never to an error, and never to an `iq`
/// result (RFC 6120 §8.3.1, §8.2.3).
pub fn may_be_answered(stanza: &Stanza) -> bool {
    match stanza.type_().as_deref() {
        Some("error") => false,
        Some("result") => stanza.kind() != Kind::Iq,
        _ => true,
    }
}

/// The error that answers `stanza`: same name and id, type `error`, `from` and `to` as given (those
/// of the stanza, swapped). The payload is not sent back: it may be large and the sender has it.
/// But that a presence was to enter a room is said again (XEP-0045 §7.2): by that, clients know what
/// has failed.
///
/// Ask [`may_be_answered`] first.
pub fn error_reply(stanza: &Stanza, from: Option<&str>, to: &str, error: &StanzaError) -> Bytes {
    let mut writer = Writer::with_capacity(320);
    writer
        .start(stanza.name())
        .attr_opt("from", from)
        .attr("to", to)
        .attr_opt("id", stanza.id())
        .attr("type", "error");
    if stanza.kind() == Kind::Presence && stanza.has("x", ns::MUC) {
        writer.leaf("x", ns::MUC);
    }
    error.write(&mut writer);
    writer.end();
    writer.into_bytes()
}
