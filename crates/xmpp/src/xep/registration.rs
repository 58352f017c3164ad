//! XEP-0077: In-Band Registration, with the token of XEP-0445 (and XEP-0379).

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::sasl::Password;
use crate::xml::{Element, Writer};

/// What a `set` with `<query xmlns='jabber:iq:register'/>` wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// §3.2: the account goes.
    Remove,
    /// §3.1 and §3.3: an account of this name and password; logged in, a new password.
    Fields {
        /// `<username/>`, as it came.
        username: Option<String>,
        /// `<password/>`; `None` when it is missing or empty.
        password: Option<Password>,
    },
}

impl Registration {
    /// Reads the `<query/>` of a `set`: its elements, or the data form that takes precedence (§5).
    ///
    /// # Errors
    /// `bad-request` when `<remove/>` is not alone, and for a broken form.
    pub fn read(query: Element<'_>) -> Result<Self, StanzaError> {
        if query.child("remove", ns::REGISTER).is_some() {
            if query.children().count() > 1 {
                return Err(StanzaError::new(StanzaCondition::BadRequest)
                    .text("To remove an account, <remove/> stands alone. Nothing was changed."));
            }
            return Ok(Self::Remove);
        }
        let (username, password) = match query.child("x", ns::DATA_FORMS) {
            Some(form) => {
                let form = super::data_form::DataForm::read(form)?;
                let value = |name| Some(form.field(name)?.value()?.to_owned());
                (value("username"), value("password"))
            }
            None => {
                let text = |name| Some(query.child(name, ns::REGISTER)?.text().into_owned());
                (text("username"), text("password"))
            }
        };
        let some = |text: &String| !text.is_empty();
        Ok(Self::Fields {
            username: username.filter(some),
            password: password.filter(some).map(Password::new),
        })
    }
}

/// The fields that a new account needs.
pub fn fields(instructions: &str, username: Option<&str>) -> String {
    let mut out = Writer::with_capacity(256);
    out.start("query").xmlns(ns::REGISTER);
    out.leaf_text("instructions", None, instructions);
    match username {
        Some(name) => out.leaf_text("username", None, name),
        None => out.start("username").end(),
    };
    out.start("password").end();
    out.end();
    out.finish()
}

/// What is on file of a registered account (§3.1.1); its password is nobody's to read.
pub fn registered(instructions: &str, username: &str) -> String {
    let mut out = Writer::with_capacity(256);
    out.start("query").xmlns(ns::REGISTER);
    out.start("registered").end();
    out.leaf_text("instructions", None, instructions);
    out.leaf_text("username", None, username);
    out.start("password").end();
    out.end();
    out.finish()
}

/// The token of `<preauth xmlns='urn:xmpp:pars:0'/>`.
pub fn token(preauth: Element<'_>) -> Option<&str> {
    preauth.attr("token").filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(inner: &str) -> Result<Registration, StanzaError> {
        let text = format!("<query xmlns='jabber:iq:register'>{inner}</query>");
        Registration::read(Tree::parse(&text).expect("XML").root())
    }

    #[test]
    fn fields_and_forms_are_read() {
        let wanted = Ok(Registration::Fields {
            username: Some("bill".into()),
            password: Some(Password::new("Calliope")),
        });
        assert_eq!(
            read("<username>bill</username><password>Calliope</password>"),
            wanted
        );
        let form = "<x xmlns='jabber:x:data' type='submit'><field var='username'><value>bill</value></field>\
            <field var='password'><value>Calliope</value></field></x>";
        assert_eq!(read(form), wanted);
        assert_eq!(
            read("<username>bill</username><password/>"),
            Ok(Registration::Fields {
                username: Some("bill".into()),
                password: None
            })
        );
    }

    #[test]
    fn remove_stands_alone() {
        assert_eq!(read("<remove/>"), Ok(Registration::Remove));
        assert!(read("<remove/><username>bill</username>").is_err());
    }
}
