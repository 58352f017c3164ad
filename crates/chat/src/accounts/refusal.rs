//! Why something about an account is not done, in words for whoever asked.

use store::StoreError;
use xmpp::condition::{ErrorType, StanzaCondition, StanzaError};

use super::rights::Act;
use crate::Language;

/// Why something about an account is not done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The store has failed; the same may work later.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// There is no such account.
    #[error("there is no such account")]
    NoSuchAccount,
    /// The name is taken, or kept for somebody who is invited.
    #[error("this name is taken; choose another")]
    NameTaken,
    /// The name cannot be one.
    #[error("this cannot be a name; use letters, digits, `.`, `-` and `_`")]
    NameInvalid,
    /// Nobody may choose this name.
    #[error("this name is reserved; choose another")]
    NameReserved,
    /// The invitation is for another name.
    #[error("the invitation is for another name")]
    NameOfInvitation,
    /// The password has fewer characters than this.
    #[error("the password is too short: at least {0} characters")]
    PasswordShort(usize),
    /// The password cannot be used.
    #[error("this password cannot be used: it is empty, holds control characters, or is the name")]
    PasswordUnusable,
    /// The password is kept elsewhere.
    #[error(
        "the password of this account is that of the organisation's directory; change it there"
    )]
    PasswordElsewhere,
    /// No accounts are made this way.
    #[error("accounts are made by the administrators of this server")]
    RegistrationClosed,
    /// Too many accounts were made lately.
    #[error("too many accounts were made lately; try again later")]
    TooManyRegistrations,
    /// There is no such invitation, or no longer.
    #[error("this invitation is not known here; ask for a new one")]
    InvitationUnknown,
    /// The invitation was used up.
    #[error("this invitation was used already; ask for a new one")]
    InvitationUsed,
    /// The invitation has ended.
    #[error("this invitation has ended; ask for a new one")]
    InvitationEnded,
    /// Invitations are not this account's to make.
    #[error("invitations are made by the administrators of this server")]
    MayNotInvite,
    /// Names that cannot be those of groups.
    #[error(
        "a group's name has 1 to {longest} bytes and no control characters, and a person is in {most} groups at most"
    )]
    GroupsUnusable {
        /// Longest name, in bytes.
        longest: usize,
        /// Most groups of a person.
        most: usize,
    },
    /// Nothing to announce, or too much.
    #[error("an announcement has a text of at most {0} bytes")]
    TextUnusable(usize),
    /// This cannot be a name for people.
    #[error("a name has at most {0} bytes and no control characters")]
    NameUnusable(usize),
    /// The account has this many open invitations.
    #[error("{0} invitations are open already; revoke one first")]
    TooManyInvitations(usize),
    /// The account has this many app passwords.
    #[error("{0} app passwords are there already; revoke one first")]
    TooManyAppPasswords(usize),
    /// The account has this many tokens of the REST interface.
    #[error("{0} tokens are there already; revoke one first")]
    TooManyApiTokens(usize),
    /// There is no scope of this name.
    #[error("`{0}` is no scope; a token has at least one of: {names}", names = super::Scope::names().collect::<Vec<_>>().join(", "))]
    ScopeUnknown(std::sync::Arc<str>),
    /// Only the person makes tokens.
    #[error(
        "a token is made by its own person, logged in with the password, or on the server's machine"
    )]
    TokensOfOthers,
    /// There is no such app password, device or session.
    #[error("there is nothing of that id")]
    NothingToRevoke,
    /// Who was revoked knows the password.
    #[error(
        "it is signed out, but whoever has it knows the password: change the password to keep it out"
    )]
    PasswordKnown,
    /// The role does not allow it.
    #[error("your role does not allow this ({}); ask an owner of this server", .0.right().words.english)]
    NotEntitled(Act),
    /// The account has more rights than whoever wants to change it.
    #[error("only owners of this server change accounts that administer it")]
    OutOfReach,
    /// Nobody would be left to own the server.
    #[error("this is the last owner of the server; make another one first")]
    LastOwner,
    /// Users may not remove their accounts.
    #[error("accounts are removed by the administrators of this server")]
    RemovalClosed,
}

impl Refusal {
    /// What to tell people.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        if language == Language::English {
            let mut text = match self {
                Self::Store(_) => {
                    "the server could not reach its store; try again in a moment".to_owned()
                }
                refusal => refusal.to_string(),
            };
            if let Some(first) = text.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            text.push('.');
            return text;
        }
        match self {
            Self::Store(_) => "Der Server erreicht seinen Speicher nicht; bitte gleich noch einmal versuchen.".into(),
            Self::NoSuchAccount => "Dieses Konto gibt es nicht.".into(),
            Self::NameTaken => "Dieser Name ist vergeben; bitte einen anderen wählen.".into(),
            Self::NameInvalid => "Das kann kein Name sein; erlaubt sind Buchstaben, Ziffern, „.“, „-“ und „_“.".into(),
            Self::NameReserved => "Dieser Name ist vorbehalten; bitte einen anderen wählen.".into(),
            Self::NameOfInvitation => "Die Einladung gilt für einen anderen Namen.".into(),
            Self::PasswordShort(least) => format!("Das Kennwort ist zu kurz: mindestens {least} Zeichen."),
            Self::PasswordUnusable => "Dieses Kennwort geht nicht: es ist leer, enthält Steuerzeichen oder ist der Name.".into(),
            Self::PasswordElsewhere => "Das Kennwort dieses Kontos ist das des Verzeichnisses der Organisation; bitte dort ändern.".into(),
            Self::RegistrationClosed => "Konten legt die Verwaltung dieses Servers an.".into(),
            Self::TooManyRegistrations => "In letzter Zeit wurden zu viele Konten angelegt; bitte später noch einmal versuchen.".into(),
            Self::InvitationUnknown => "Diese Einladung ist hier nicht bekannt; bitte um eine neue bitten.".into(),
            Self::InvitationUsed => "Diese Einladung wurde schon benutzt; bitte um eine neue bitten.".into(),
            Self::InvitationEnded => "Diese Einladung ist abgelaufen; bitte um eine neue bitten.".into(),
            Self::MayNotInvite => "Einladungen macht die Verwaltung dieses Servers.".into(),
            Self::GroupsUnusable { longest, most } => format!("Der Name einer Gruppe hat 1 bis {longest} Bytes und keine Steuerzeichen; eine Person ist in höchstens {most} Gruppen."),
            Self::TextUnusable(most) => format!("Eine Ansage hat einen Text von höchstens {most} Bytes."),
            Self::NameUnusable(most) => format!("Ein Name hat höchstens {most} Bytes und keine Steuerzeichen."),
            Self::TooManyInvitations(most) => format!("Es sind schon {most} Einladungen offen; bitte zuerst eine zurückziehen."),
            Self::TooManyAppPasswords(most) => format!("Es gibt schon {most} App-Kennwörter; bitte zuerst eines zurückziehen."),
            Self::TooManyApiTokens(most) => format!("Es gibt schon {most} Tokens; bitte zuerst eines zurückziehen."),
            Self::ScopeUnknown(name) => format!("„{name}“ ist keine Befugnis; ein Token hat mindestens eine von: {}.", super::Scope::names().collect::<Vec<_>>().join(", ")),
            Self::TokensOfOthers => "Ein Token macht nur die Person selbst, mit ihrem Kennwort angemeldet, oder wer am Server sitzt.".into(),
            Self::NothingToRevoke => "So etwas gibt es nicht.".into(),
            Self::PasswordKnown => "Es ist abgemeldet, aber wer es hat, kennt das Kennwort: ein neues Kennwort hält ihn fern.".into(),
            Self::NotEntitled(act) => format!("Deine Rolle erlaubt das nicht ({}); bitte jemanden fragen, dem der Server gehört.", act.right().words.german),
            Self::OutOfReach => "Konten, die den Server verwalten, ändert nur, wem er gehört.".into(),
            Self::LastOwner => "Das ist das letzte Konto, dem der Server gehört; bitte zuerst ein anderes bestimmen.".into(),
            Self::RemovalClosed => "Konten entfernt die Verwaltung dieses Servers.".into(),
        }
    }

    /// The stanza error.
    #[must_use]
    pub fn error(&self) -> StanzaError {
        use StanzaCondition as C;
        let condition = match self {
            Self::Store(error) => return crate::store_trouble::store_failed(error),
            Self::NoSuchAccount
            | Self::InvitationUnknown
            | Self::InvitationUsed
            | Self::InvitationEnded
            | Self::NothingToRevoke => C::ItemNotFound,
            Self::NameTaken => C::Conflict,
            Self::NameInvalid => C::JidMalformed,
            Self::NameReserved
            | Self::NameOfInvitation
            | Self::PasswordShort(_)
            | Self::GroupsUnusable { .. }
            | Self::ScopeUnknown(_)
            | Self::NameUnusable(_)
            | Self::TextUnusable(_)
            | Self::PasswordUnusable => C::NotAcceptable,
            Self::PasswordElsewhere
            | Self::RegistrationClosed
            | Self::LastOwner
            | Self::RemovalClosed => C::NotAllowed,
            Self::MayNotInvite | Self::NotEntitled(_) | Self::OutOfReach | Self::TokensOfOthers => {
                C::Forbidden
            }
            Self::TooManyRegistrations
            | Self::TooManyInvitations(_)
            | Self::TooManyAppPasswords(_)
            | Self::TooManyApiTokens(_) => C::ResourceConstraint,
            Self::PasswordKnown => {
                return xmpp::xep::client_access::password_reset_required(
                    &self.text(Language::English),
                );
            }
        };
        let error = StanzaError::new(condition).text(self.text(Language::English));
        match self {
            Self::TooManyRegistrations => error.kind(ErrorType::Wait),
            _ => error,
        }
    }
}
