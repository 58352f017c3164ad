//! People as a directory knows them.

use ldap3::SearchEntry;

use super::connection::{Connection, Trouble};
use super::names::in_filter;
use crate::config;

/// Longest picture that is taken, in bytes.
const LONGEST_PICTURE: usize = 512 * 1024;

/// Somebody in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What stays the same, as it stands in a filter.
    pub external: String,
    /// Name of the entry.
    pub entry: String,
    /// What would be the part before the @, as it is written there.
    pub name: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// When the password was changed last, in the directory's own words.
    pub password_changed: Option<String>,
    /// What it says of its own groups (`memberOf`), where that is asked for.
    pub member_of: Vec<String>,
    /// Names of its groups, sorted.
    pub groups: Vec<String>,
}

/// A picture and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// `image/jpeg` or `image/png`.
    pub kind: &'static str,
    /// The picture itself.
    pub data: Vec<u8>,
}

/// The values of an attribute; its name has no case. Those that are text.
pub(super) fn values<'a>(entry: &'a SearchEntry, name: &str) -> &'a [String] {
    let found = entry
        .attrs
        .iter()
        .find(|(attribute, _)| attribute.eq_ignore_ascii_case(name));
    found.map_or(&[], |(_, values)| values)
}

/// The first value of an attribute, whatever it is.
fn first_bytes<'a>(entry: &'a SearchEntry, name: &str) -> Option<&'a [u8]> {
    let binary = entry
        .bin_attrs
        .iter()
        .find(|(attribute, _)| attribute.eq_ignore_ascii_case(name));
    match binary {
        Some((_, values)) => values.first().map(Vec::as_slice),
        None => values(entry, name).first().map(String::as_bytes),
    }
}

fn first(entry: &SearchEntry, name: &str) -> Option<String> {
    let text = values(entry, name).first()?.trim();
    (!text.is_empty() && !name.is_empty()).then(|| text.to_owned())
}

/// What is asked for of people.
fn attributes(settings: &config::Ldap, with_groups: bool) -> Vec<String> {
    let mut wanted = vec![
        settings.id_attribute().to_owned(),
        settings.name_attribute().to_owned(),
        settings.attributes.display_name.clone(),
        settings.attributes.mail.clone(),
        settings.password_changed_attribute().to_owned(),
    ];
    if with_groups {
        wanted.push("memberOf".to_owned());
    }
    wanted.retain(|name| !name.is_empty());
    wanted
}

fn read(settings: &config::Ldap, entry: &SearchEntry) -> Result<Person, String> {
    let missing = |name: &str| {
        format!(
            "\"{}\" shows no `{name}`; see `identity.ldap.attributes`, and what `identity.ldap.bind_dn` may read",
            entry.dn
        )
    };
    let id = settings.id_attribute();
    let external = first_bytes(entry, id).ok_or_else(|| missing(id))?;
    let name = first(entry, settings.name_attribute());
    Ok(Person {
        external: in_filter(external),
        entry: entry.dn.clone(),
        name: name.ok_or_else(|| missing(settings.name_attribute()))?,
        display_name: first(entry, &settings.attributes.display_name),
        mail: first(entry, &settings.attributes.mail),
        password_changed: first(entry, settings.password_changed_attribute()),
        member_of: values(entry, "memberOf").to_vec(),
        groups: Vec::new(),
    })
}

/// Everybody who has an account here, without groups; and in words who cannot have one, though the filter fits.
///
/// # Errors
/// When the directory does not tell all, or tells of nobody what stays the same.
pub(super) async fn everybody(
    connection: &mut Connection,
    settings: &config::Ldap,
    with_groups: bool,
) -> Result<(Vec<Person>, Vec<String>), Trouble> {
    let wanted = attributes(settings, with_groups);
    let page = settings.page_entries;
    let entries = connection
        .search(&settings.base, settings.people_filter(), wanted, page)
        .await?;
    let (mut people, mut problems) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in &entries {
        match read(settings, entry) {
            Ok(person) => people.push(person),
            Err(problem) => problems.push(problem),
        }
    }
    if people.is_empty()
        && let Some(problem) = problems.first()
    {
        return Err(Trouble {
            server: connection.server().to_owned(),
            problem: problem.clone(),
        });
    }
    Ok((people, problems))
}

/// The one person whose attribute has this value, as it stands in a filter. `None` when there is nobody, or more than one.
pub(super) async fn somebody(
    connection: &mut Connection,
    settings: &config::Ldap,
    attribute: &str,
    value: &str,
) -> Result<Option<Person>, Trouble> {
    let filter = format!("(&{}({attribute}={value}))", settings.people_filter());
    let wanted = attributes(settings, false);
    let found = connection
        .search(&settings.base, &filter, wanted, 2)
        .await?;
    match &found[..] {
        [only] => Ok(read(settings, only).ok()),
        [] => Ok(None),
        _ => {
            tracing::warn!(
                attribute,
                "several people of the directory have the same name; none of them comes in"
            );
            Ok(None)
        }
    }
}

/// The picture of an entry, if it has one that can be shown.
pub(super) async fn photo(
    connection: &mut Connection,
    settings: &config::Ldap,
    entry: &str,
) -> Result<Option<Photo>, Trouble> {
    let Some(attribute) = settings.avatar_attribute() else {
        return Ok(None);
    };
    let found = connection.entry(entry, vec![attribute.to_owned()]).await?;
    let data = found
        .as_ref()
        .and_then(|found| first_bytes(found, attribute));
    Ok(data.and_then(as_photo))
}

fn as_photo(data: &[u8]) -> Option<Photo> {
    let kind = match data {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        _ => return None,
    };
    (data.len() <= LONGEST_PICTURE).then(|| Photo {
        kind,
        data: data.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> SearchEntry {
        let text = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        SearchEntry {
            dn: "cn=Anna,dc=x".to_owned(),
            attrs: [
                text("sAMAccountName", "Anna"),
                text("DisplayName", " Anna Albers "),
                text("mail", ""),
            ]
            .into(),
            bin_attrs: [("objectGUID".to_owned(), vec![vec![0xa7, 0x00, 0x28]])].into(),
        }
    }

    #[test]
    fn a_person_of_active_directory() {
        let settings = config::Ldap {
            kind: config::LdapKind::ActiveDirectory,
            ..config::Ldap::default()
        };
        let person = read(&settings, &entry()).expect("a person");
        assert_eq!(
            person,
            Person {
                external: "\\a7\\00\\28".to_owned(),
                entry: "cn=Anna,dc=x".to_owned(),
                name: "Anna".to_owned(),
                display_name: Some("Anna Albers".to_owned()),
                ..Person::default()
            }
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let problem = read(&config::Ldap::default(), &entry()).expect_err("no entryUUID");
        assert!(problem.contains("`entryUUID`"), "{problem}");
    }

    #[test]
    fn only_pictures_are_pictures() {
        assert_eq!(as_photo(b"<svg/>"), None);
        assert_eq!(as_photo(&[]), None);
        let jpeg = as_photo(&[0xff, 0xd8, 0xff, 0xe0]).expect("a picture");
        assert_eq!(jpeg.kind, "image/jpeg");
    }
}
