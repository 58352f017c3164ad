//! Groups of a directory, and who is in them: also by groups within groups.

use std::collections::{BTreeSet, HashMap, HashSet};

use ldap3::SearchEntry;

use super::connection::{Connection, Trouble};
use super::names::{comparable, in_filter};
use super::people::{Person, values};
use crate::config::{self, LdapNesting};

/// Active Directory's rule that follows groups within groups.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// What is known of groups before people are looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// Names of groups, by the comparable names of their entries.
    names: HashMap<String, String>,
    /// Comparable names of groups that something (by its comparable name) is a member of; people may also stand there by what
    /// comes before the @ (`memberUid`).
    above: HashMap<String, Vec<String>>,
}

impl Groups {
    fn add(&mut self, entry: &str, name: &str) -> String {
        let entry = comparable(entry);
        self.names.insert(entry.clone(), name.to_owned());
        entry
    }

    fn put(&mut self, member: &str, group: &str) {
        self.above
            .entry(member.to_owned())
            .or_default()
            .push(group.to_owned());
    }

    /// The names of the groups that somebody is in, sorted, each once. A circle of groups ends.
    fn of(&self, person: &Person, nesting: LdapNesting) -> Vec<String> {
        let mut found = BTreeSet::new();
        let mut seen = HashSet::new();
        let own: Vec<String> = match nesting {
            LdapNesting::MemberOf => person
                .member_of
                .iter()
                .map(|name| comparable(name))
                .collect(),
            _ => [comparable(&person.entry), person.name.to_lowercase()]
                .iter()
                .filter_map(|member| self.above.get(member))
                .flatten()
                .cloned()
                .collect(),
        };
        let mut waiting = own;
        while let Some(group) = waiting.pop() {
            if !seen.insert(group.clone()) {
                continue;
            }
            if let Some(name) = self.names.get(&group) {
                found.insert(name.clone());
            }
            if nesting != LdapNesting::Direct {
                waiting.extend(self.above.get(&group).into_iter().flatten().cloned());
            }
        }
        found.into_iter().collect()
    }
}

/// Reads the groups, and puts people into them. How many groups there are.
///
/// # Errors
/// When the directory does not tell all.
pub(super) async fn assign(
    connection: &mut Connection,
    settings: &config::Ldap,
    people: &mut [Person],
) -> Result<usize, Trouble> {
    let rules = &settings.groups;
    if rules.base.is_empty() {
        return Ok(0);
    }
    let mut wanted = vec![rules.name.clone()];
    match rules.nesting {
        LdapNesting::Members | LdapNesting::Direct => wanted.push(rules.member.clone()),
        LdapNesting::MemberOf => wanted.push("memberOf".to_owned()),
        LdapNesting::InChain => {}
    }
    let entries = connection
        .search(
            &rules.base,
            settings.groups_filter(),
            wanted,
            settings.page_entries,
        )
        .await?;
    let mut groups = Groups::default();
    for entry in &entries {
        let Some(name) = values(entry, &rules.name).first().map(|name| name.trim()) else {
            continue;
        };
        let group = groups.add(&entry.dn, name);
        match rules.nesting {
            LdapNesting::Members | LdapNesting::Direct => {
                for member in members(connection, entry, &rules.member).await? {
                    groups.put(&comparable(&member), &group);
                }
            }
            LdapNesting::MemberOf => {
                for above in values(entry, "memberOf") {
                    groups.put(&group, &comparable(above));
                }
            }
            LdapNesting::InChain => {
                let value = in_filter(entry.dn.as_bytes());
                let people = settings.people_filter();
                let filter = format!("(&{people}(memberOf:{IN_CHAIN}:={value}))");
                let wanted = vec![settings.id_attribute().to_owned()];
                let inside = connection
                    .search(&settings.base, &filter, wanted, settings.page_entries)
                    .await?;
                for person in inside {
                    groups.put(&comparable(&person.dn), &group);
                }
            }
        }
    }
    for person in people {
        person.groups = groups.of(person, rules.nesting);
    }
    Ok(groups.names.len())
}

/// All members of a group. Active Directory gives those of large groups in ranges (`member;range=0-1499`).
async fn members(
    connection: &mut Connection,
    entry: &SearchEntry,
    attribute: &str,
) -> Result<Vec<String>, Trouble> {
    let mut all = values(entry, attribute).to_vec();
    let mut part = range(entry, attribute);
    while let Some((values, next)) = part {
        all.extend(values);
        let Some(next) = next else { break };
        let wanted = format!("{attribute};range={next}-*");
        let read = connection.entry(&entry.dn, vec![wanted]).await?;
        part = read.as_ref().and_then(|entry| range(entry, attribute));
    }
    Ok(all)
}

/// The values of a range of an attribute, and where the next begins; `None` after the last.
fn range(entry: &SearchEntry, attribute: &str) -> Option<(Vec<String>, Option<usize>)> {
    entry.attrs.iter().find_map(|(name, values)| {
        let name = name.to_ascii_lowercase();
        let bounds = name.strip_prefix(&format!("{};range=", attribute.to_ascii_lowercase()))?;
        let (_, last) = bounds.split_once('-')?;
        // Nothing in a range that goes on would go on for ever.
        let next = last.parse::<usize>().ok().filter(|_| !values.is_empty());
        Some((values.clone(), next.and_then(|last| last.checked_add(1))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(entry: &str, name: &str) -> Person {
        Person {
            entry: entry.to_owned(),
            name: name.to_owned(),
            ..Person::default()
        }
    }

    fn tree() -> Groups {
        let mut groups = Groups::default();
        let all = groups.add("cn=All,dc=x", "All");
        let sales = groups.add("cn=Sales,dc=x", "Sales");
        let north = groups.add("cn=North,dc=x", "Sales North");
        groups.put(&sales, &all);
        groups.put(&north, &sales);
        // A circle.
        groups.put(&all, &north);
        groups.put(&comparable("uid=anna,dc=x"), &north);
        groups.put("bert", &sales);
        groups
    }

    #[test]
    fn groups_within_groups_count_and_circles_end() {
        let groups = tree();
        let anna = person("UID=Anna, DC=x", "anna");
        assert_eq!(
            groups.of(&anna, LdapNesting::Members),
            ["All", "Sales", "Sales North"]
        );
        assert_eq!(groups.of(&anna, LdapNesting::Direct), ["Sales North"]);
        let bert = person("uid=b,dc=x", "Bert");
        assert_eq!(groups.of(&bert, LdapNesting::Direct), ["Sales"]);
        let carl = person("uid=c,dc=x", "carl");
        assert!(groups.of(&carl, LdapNesting::Members).is_empty());
    }

    #[test]
    fn what_people_say_themselves() {
        let groups = tree();
        let dora = Person {
            member_of: vec!["CN=Sales,DC=X".to_owned(), "cn=unknown,dc=x".to_owned()],
            ..person("uid=d,dc=x", "dora")
        };
        assert_eq!(
            groups.of(&dora, LdapNesting::MemberOf),
            ["All", "Sales", "Sales North"]
        );
    }

    #[test]
    fn ranges_of_active_directory() {
        let entry = |name: &str, values: &[&str]| SearchEntry {
            dn: String::new(),
            attrs: [(
                name.to_owned(),
                values.iter().map(|one| (*one).to_owned()).collect(),
            )]
            .into(),
            bin_attrs: HashMap::new(),
        };
        let read = range(&entry("member;range=0-1499", &["a"]), "Member");
        assert_eq!(read, Some((vec!["a".to_owned()], Some(1500))));
        let read = range(&entry("member;range=1500-*", &["b"]), "member");
        assert_eq!(read, Some((vec!["b".to_owned()], None)));
        assert_eq!(
            range(&entry("member;range=0-5", &[]), "member"),
            Some((vec![], None))
        );
        assert_eq!(range(&entry("member", &["a"]), "member"), None);
    }
}
