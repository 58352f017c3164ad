//! XEP-0441: Message Archive Management Preferences.

use base::Jid;

use crate::condition::{StanzaCondition, StanzaError};
use crate::ns;
use crate::xml::{Element, Writer};

/// What happens with messages of those who are in no list (§2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Archived.
    Always,
    /// Not archived.
    Never,
    /// Archived when they are in the roster.
    Roster,
}

impl Default {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Always, "always"),
        (Self::Never, "never"),
        (Self::Roster, "roster"),
    ];
}

/// `<prefs/>`: whose messages are archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// Those of all others.
    pub default: Default,
    /// Always those of these.
    pub always: Vec<Jid>,
    /// Never those of these.
    pub never: Vec<Jid>,
}

impl Preferences {
    /// Reads `<prefs/>`.
    ///
    /// # Errors
    /// `bad-request` without a known default, `jid-malformed` when an address is none.
    pub fn read(element: Element<'_>) -> Result<Self, StanzaError> {
        let default = element.attr("default");
        let default = Default::ALL
            .iter()
            .find(|(_, name)| default == Some(*name))
            .ok_or_else(|| {
                StanzaError::new(StanzaCondition::BadRequest)
                    .text("The attribute default of the preferences is always, never or roster")
            })?;
        Ok(Self {
            default: default.0,
            always: addresses(element, "always")?,
            never: addresses(element, "never")?,
        })
    }

    /// Writes `<prefs/>`.
    pub fn to_xml(&self) -> String {
        let name = Default::ALL
            .iter()
            .find(|(default, _)| *default == self.default);
        let mut writer = Writer::with_capacity(192);
        writer
            .start("prefs")
            .xmlns(ns::ARCHIVE)
            .attr("default", name.map_or("always", |(_, name)| name));
        for (name, addresses) in [("always", &self.always), ("never", &self.never)] {
            writer.start(name);
            for address in addresses {
                writer.leaf_text("jid", None, address.as_str());
            }
            writer.end();
        }
        writer.end();
        writer.finish()
    }
}

fn addresses(element: Element<'_>, list: &str) -> Result<Vec<Jid>, StanzaError> {
    let Some(list) = element.child(list, ns::ARCHIVE) else {
        return Ok(Vec::new());
    };
    list.children()
        .filter(|child| child.is("jid", ns::ARCHIVE))
        .map(|child| {
            Jid::parse(child.text().trim()).map_err(|_| {
                StanzaError::new(StanzaCondition::JidMalformed)
                    .text("A list names no valid address; please check its spelling. Nothing was changed.")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Tree;

    fn read(text: &str) -> Result<Preferences, StanzaError> {
        Preferences::read(Tree::parse(text).expect("XML").root())
    }

    #[test]
    fn there_and_back() {
        let text = "<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>romeo@montague.lit</jid></always>\
                    <never/></prefs>";
        let preferences = read(text).expect("preferences");
        assert_eq!(preferences.default, Default::Roster);
        assert_eq!(preferences.to_xml(), text);
        assert!(read("<prefs xmlns='urn:xmpp:mam:2' default='never'/>").is_ok());
        assert!(read("<prefs xmlns='urn:xmpp:mam:2'/>").is_err());
        assert!(
            read(
                "<prefs xmlns='urn:xmpp:mam:2' default='never'><never><jid>@</jid></never></prefs>"
            )
            .is_err()
        );
    }
}
