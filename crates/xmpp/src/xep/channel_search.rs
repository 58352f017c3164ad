//! XEP-0433: Extended Channel Search.

use crate::condition::{ErrorType, StanzaCondition, StanzaError};
use crate::ns;
use crate::xep::data_form::{DataForm, Field, FormKind};
use crate::xep::result_set::{PageAnswer, PageRequest};
use crate::xml::{Element, Writer};

/// Sort key: by address.
pub const BY_ADDRESS: &str = "{urn:xmpp:channel-search:0:order}address";
/// Sort key: by number of users, most first.
pub const BY_USERS: &str = "{urn:xmpp:channel-search:0:order}nusers";

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Words, lower-case; empty for everything.
    pub words: Vec<String>,
    /// Look for them in names.
    pub in_name: bool,
    /// Look for them in descriptions.
    pub in_description: bool,
    /// Look for them in addresses.
    pub in_address: bool,
    /// Rooms with fewer users are left out.
    pub min_users: u32,
    /// Sorted by number of users, else by address.
    pub by_users: bool,
    /// Which page.
    pub page: PageRequest,
}

impl Search {
    /// Reads `<search/>` with a submitted form; `Ok(None)` when there is none: the form is wanted.
    ///
    /// # Errors
    /// Those of §5.
    pub fn read(element: Element<'_>) -> Result<Option<Self>, StanzaError> {
        let Some(form) = element.child("x", ns::DATA_FORMS) else {
            return Ok(None);
        };
        let form = DataForm::read(form)?;
        let value = |var: &str| form.field(var).and_then(Field::value).map(str::trim);
        let flag = |var: &str, usual: bool| match value(var) {
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            _ => usual,
        };
        let all = flag("all", false);
        let words = value("q").filter(|words| !words.is_empty());
        if all && words.is_some() {
            return Err(refused(
                StanzaCondition::BadRequest,
                "conflicting-fields",
                "Either all entries or those with words can be asked for.",
            ));
        }
        if !all && form.field("q").is_none() {
            return Err(refused(
                StanzaCondition::BadRequest,
                "no-search-conditions",
                "Please say what to search for.",
            ));
        }
        let words: Vec<String> = words
            .unwrap_or_default()
            .split_whitespace()
            .take(16)
            .map(str::to_lowercase)
            .collect();
        if !all && words.is_empty() {
            return Err(refused(
                StanzaCondition::BadRequest,
                "invalid-search-terms",
                "Please give at least one word.",
            ));
        }
        let by_users = match value("key") {
            None | Some("" | BY_USERS) => true,
            Some(BY_ADDRESS) => false,
            Some(_) => {
                return Err(refused(
                    StanzaCondition::FeatureNotImplemented,
                    "invalid-sort-key",
                    "Results are sorted by address or by number of users.",
                ));
            }
        };
        let page = element.child("set", ns::RSM);
        Ok(Some(Self {
            words,
            in_name: flag("sinname", true),
            in_description: flag("sindescription", true),
            in_address: flag("sinaddr", true) && flag("sinaddress", true),
            min_users: value("min_users")
                .and_then(|value| value.parse().ok())
                .unwrap_or(0),
            by_users,
            page: page.map(PageRequest::read).transpose()?.unwrap_or_default(),
        }))
    }

    /// Whether a room is what is looked for: every word must be somewhere. `lower` are its address,
    /// name and description in lower case.
    #[must_use]
    pub fn finds(&self, lower: &[String; 3]) -> bool {
        let places = [self.in_address, self.in_name, self.in_description];
        self.words.iter().all(|word| {
            let mut texts = lower.iter().zip(places);
            texts.any(|(text, on)| on && text.contains(word.as_str()))
        })
    }
}

fn refused(condition: StanzaCondition, app: &str, text: &str) -> StanzaError {
    let mut element = Writer::new();
    element.leaf(app, ns::CHANNEL_SEARCH_ERRORS);
    StanzaError::new(condition)
        .kind(ErrorType::Modify)
        .text(text)
        .app(element.finish())
}

/// `<search/>` with the form to be filled in (§3.1).
#[must_use]
pub fn form() -> String {
    let labelled = |label: &str, field: Field| Field {
        label: Some(label.to_owned()),
        ..field
    };
    let on = |var: &str| Field::new(var, "boolean", ["true"]);
    let mut key = Field::new("key", "list-single", [BY_USERS]);
    key.options = vec![
        (Some("Number of online users".into()), BY_USERS.into()),
        (Some("Address".into()), BY_ADDRESS.into()),
    ];
    let mut types = Field::new("types", "list-multi", ["xep-0045"]);
    types.options = vec![(Some("Multi-user chats".into()), "xep-0045".into())];
    let form = DataForm::new(FormKind::Form, ns::CHANNEL_SEARCH_PARAMETERS)
        .with(labelled(
            "Search for",
            Field::new("q", "text-single", [""; 0]),
        ))
        .with(labelled(
            "Return all entries",
            Field::new("all", "boolean", ["false"]),
        ))
        .with(labelled("Search in name", on("sinname")))
        .with(labelled("Search in description", on("sindescription")))
        .with(labelled("Search in address", on("sinaddr")))
        .with(labelled(
            "Minimum number of users",
            Field::new("min_users", "text-single", ["0"]),
        ))
        .with(labelled("Service types", types))
        .with(labelled("Sort results by", key));
    let mut writer = Writer::with_capacity(1536);
    writer.start("search").xmlns(ns::CHANNEL_SEARCH);
    form.write(&mut writer);
    writer.end();
    writer.finish()
}

/// One room that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its address.
    pub address: String,
    /// Its name.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// How many are in it; `None` where that is not for everyone to know.
    pub users: Option<u32>,
    /// Anyone may enter.
    pub open: bool,
    /// Real addresses are shown to moderators only.
    pub anonymous: bool,
}

/// `<result/>` (§3.2).
#[must_use]
pub fn result(found: &[Found], page: &PageAnswer) -> String {
    let mut writer = Writer::with_capacity(256 + found.len() * 256);
    writer.start("result").xmlns(ns::CHANNEL_SEARCH);
    for room in found {
        writer.start("item").attr("address", &room.address);
        for (name, value) in [
            ("name", &room.name),
            ("description", &room.description),
            ("language", &room.language),
        ] {
            if let Some(value) = value {
                writer.leaf_text(name, None, value);
            }
        }
        if let Some(users) = room.users {
            writer.leaf_text("nusers", None, &users.to_string());
        }
        writer.leaf_text("service-type", None, "xep-0045");
        writer.leaf_text("is-open", None, if room.open { "true" } else { "false" });
        let mode = if room.anonymous {
            "muc_semianonymous"
        } else {
            "{urn:xmpp:channel-search:0:anonymity}none"
        };
        writer.leaf_text("anonymity-mode", None, mode);
        writer.end();
    }
    page.write(&mut writer);
    writer.end();
    writer.finish()
}
