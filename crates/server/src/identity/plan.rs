//! What a synchronisation is to change, decided from what the directory tells and what is kept.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chat::accounts::DirectoryChange;
use store::{Account, Identity, NewAccount};

use super::ldap::{Person, new_account};

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Accounts to be made, with the place of the person among those that were told.
    pub(super) create: Vec<(NewAccount, usize)>,
    /// Changes of accounts, by their localparts.
    pub(super) change: Vec<(Arc<str>, DirectoryChange)>,
    /// Accounts of people who are not there any more.
    pub(super) shut_out: Vec<(Arc<str>, DirectoryChange)>,
    /// Accounts of people who could log in before.
    pub(super) before: usize,
    /// What cannot be done, in words.
    pub(super) problems: Vec<String>,
}

impl Plan {
    /// Whether more would be shut out than may be at once: so many per cent, but one always.
    pub(super) fn shuts_out_too_many(&self, percent: u32) -> bool {
        let most = (self.before * percent as usize / 100).max(1);
        self.shut_out.len() > most
    }
}

/// Decides. `known` are the accounts of people of this directory, `taken` other accounts by their localparts.
pub(super) fn plan(
    people: &[Person],
    known: &[(Account, Identity)],
    taken: &HashSet<Arc<str>>,
) -> Plan {
    let mut plan = Plan {
        before: known
            .iter()
            .filter(|(account, identity)| account.enabled && !identity.gone)
            .count(),
        ..Plan::default()
    };
    let accounts: HashMap<&str, &(Account, Identity)> =
        known.iter().map(|one| (&*one.1.external, one)).collect();
    let names: HashSet<&str> = known
        .iter()
        .map(|(account, _)| &*account.localpart)
        .collect();
    let mut wanted: HashMap<String, Vec<usize>> = HashMap::new();
    let mut there = HashSet::new();
    for (place, person) in people.iter().enumerate() {
        let localpart = base::jid::local_part_strict(&person.name);
        if let Some((account, identity)) = accounts.get(person.external.as_str()) {
            there.insert(&*identity.external);
            if localpart.as_deref() != Ok(&*account.localpart) {
                plan.problems.push(format!(
                    "{} is called \"{}\" in the directory now; an address cannot change and stays",
                    account.localpart, person.name
                ));
            }
            if let Some(change) = follow(account, identity, person) {
                plan.change.push((Arc::clone(&account.localpart), change));
            }
            continue;
        }
        match localpart {
            Ok(localpart) => wanted.entry(localpart).or_default().push(place),
            Err(error) => plan.problems.push(format!(
                "\"{}\" cannot be a name here: {error}",
                person.name
            )),
        }
    }
    for (localpart, places) in wanted {
        let [place] = places[..] else {
            plan.problems.push(format!(
                "{} people of the directory would be {localpart}; none of them has an account",
                places.len()
            ));
            continue;
        };
        if names.contains(&*localpart) {
            plan.problems.push(format!(
                "{localpart} belongs to another person of the directory, who may be gone: `hauspost user remove {localpart}` makes room, \
                 `hauspost directory adopt {localpart}` gives the account with all that is in it to whoever has the name now"
            ));
        } else if taken.contains(&*localpart) {
            plan.problems.push(format!(
                "{localpart} is an account of this server: `hauspost directory adopt {localpart}` gives it to the person in the directory"
            ));
        } else {
            plan.create
                .push((new_account(&people[place], &localpart), place));
        }
    }
    plan.create.sort_by_key(|(_, place)| *place);
    for (account, identity) in known {
        // Whoever was disabled here stays so, and does not come back by being in the directory again.
        if there.contains(&*identity.external) || identity.gone || !account.enabled {
            continue;
        }
        let change = DirectoryChange {
            identity: Identity {
                groups: Vec::new(),
                gone: true,
                ..identity.clone()
            },
            display_name: None,
            groups: Some(own_groups(account, identity)),
            enabled: Some(false),
            new_password: false,
            adopt: false,
        };
        plan.shut_out.push((Arc::clone(&account.localpart), change));
    }
    plan.problems.sort();
    plan
}

/// Groups that were given here, and not by the directory.
fn own_groups(account: &Account, identity: &Identity) -> Vec<String> {
    let own = account
        .groups
        .iter()
        .filter(|group| !identity.groups.contains(group));
    own.map(ToString::to_string).collect()
}

fn follow(account: &Account, identity: &Identity, person: &Person) -> Option<DirectoryChange> {
    let mut groups = own_groups(account, identity);
    groups.extend(person.groups.iter().cloned());
    groups.sort();
    groups.dedup();
    let told: Vec<Arc<str>> = person
        .groups
        .iter()
        .map(|group| group.as_str().into())
        .collect();
    let grouped = groups
        .iter()
        .map(String::as_str)
        .ne(account.groups.iter().map(|group| &**group));
    let named = person
        .display_name
        .as_deref()
        .is_some_and(|name| account.display_name.as_deref() != Some(name));
    let changed: Option<Arc<str>> = person.password_changed.as_deref().map(Into::into);
    if !grouped
        && !named
        && !identity.gone
        && told == identity.groups
        && changed == identity.password_changed
    {
        return None;
    }
    // One that is told for the first time is no change.
    let before = identity.password_changed.as_ref();
    let new_password = before.is_some() && changed.is_some() && before != changed.as_ref();
    Some(DirectoryChange {
        identity: Identity {
            groups: told,
            password_changed: changed,
            gone: false,
            ..identity.clone()
        },
        display_name: named.then(|| person.display_name.as_deref().map(Into::into)),
        groups: grouped.then_some(groups),
        enabled: identity.gone.then_some(true),
        new_password,
        adopt: false,
    })
}

/// Gives an account to a person of the directory.
pub(super) fn adopt(
    account: &Account,
    identity: Option<&Identity>,
    person: &Person,
) -> DirectoryChange {
    let none = Identity {
        source: super::ldap::SOURCE.into(),
        external: person.external.as_str().into(),
        groups: Vec::new(),
        password_changed: person.password_changed.as_deref().map(Into::into),
        gone: true,
    };
    let before = identity.unwrap_or(&none);
    let followed = follow(account, before, person);
    DirectoryChange {
        identity: Identity {
            external: person.external.as_str().into(),
            groups: before.groups.clone(),
            gone: false,
            ..none.clone()
        },
        display_name: followed.and_then(|change| change.display_name),
        groups: None,
        enabled: identity
            .is_some_and(|identity| identity.gone)
            .then_some(true),
        new_password: false,
        adopt: true,
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use store::{AccountId, Role};

    use super::*;

    fn person(external: &str, name: &str, groups: &[&str]) -> Person {
        Person {
            external: external.to_owned(),
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Person::default()
        }
    }

    fn list(groups: &[&str]) -> Vec<Arc<str>> {
        groups.iter().map(|group| (*group).into()).collect()
    }

    fn known(
        external: &str,
        name: &str,
        all: &[&str],
        told: &[&str],
        enabled: bool,
        gone: bool,
    ) -> (Account, Identity) {
        let account = Account {
            id: AccountId::from_number(1),
            localpart: name.into(),
            display_name: None,
            role: Role::Person,
            enabled,
            groups: list(all),
            created: Timestamp::from_micros(0),
        };
        let identity = Identity {
            source: "ldap".into(),
            external: external.into(),
            groups: list(told),
            password_changed: None,
            gone,
        };
        (account, identity)
    }

    fn none() -> HashSet<Arc<str>> {
        HashSet::new()
    }

    #[test]
    fn new_people_come_and_nobody_takes_anothers_name() {
        let people = [
            person("1", "Anna", &["Sales"]),
            person("2", "bert", &[]),
            person("3", "carl", &[]),
            person("4", "CARL", &[]),
            person("5", "d@e", &[]),
            person("6", "emil", &[]),
        ];
        let taken = [Arc::from("bert")].into();
        let plan = plan(
            &people,
            &[known("old", "emil", &[], &[], false, true)],
            &taken,
        );
        let made: Vec<_> = plan
            .create
            .iter()
            .map(|(account, place)| (&*account.localpart, *place))
            .collect();
        assert_eq!(made, [("anna", 0)]);
        assert_eq!(plan.create[0].0.groups, list(&["Sales"]));
        assert_eq!(plan.problems.len(), 4, "{:?}", plan.problems);
        assert!(plan.change.is_empty() && plan.shut_out.is_empty());
    }

    #[test]
    fn groups_of_the_directory_come_and_go_and_others_stay() {
        let before = [known(
            "1",
            "anna",
            &["Choir", "Sales"],
            &["Sales"],
            true,
            false,
        )];
        let plan = plan(&[person("1", "anna", &["Board"])], &before, &none());
        let [(name, change)] = &plan.change[..] else {
            panic!("{plan:?}")
        };
        assert_eq!(&**name, "anna");
        assert_eq!(
            change.groups,
            Some(vec!["Board".to_owned(), "Choir".to_owned()])
        );
        assert_eq!(
            (&change.identity.groups, change.enabled),
            (&list(&["Board"]), None)
        );
    }

    #[test]
    fn nothing_changes_when_nothing_has_changed() {
        let before = [known(
            "1",
            "anna",
            &["Choir", "Sales"],
            &["Sales"],
            true,
            false,
        )];
        let plan = plan(&[person("1", "anna", &["Sales"])], &before, &none());
        assert_eq!(
            plan,
            Plan {
                before: 1,
                ..Plan::default()
            }
        );
    }

    #[test]
    fn who_is_gone_is_shut_out_and_comes_back_but_not_whom_an_administrator_disabled() {
        let before = [
            known("1", "anna", &["Choir", "Sales"], &["Sales"], true, false),
            known("2", "bert", &[], &[], false, false),
            known("3", "carl", &[], &[], false, true),
        ];
        let gone = plan(&[], &before, &none());
        let [(name, change)] = &gone.shut_out[..] else {
            panic!("{gone:?}")
        };
        assert_eq!(
            (&**name, change.enabled, change.identity.gone),
            ("anna", Some(false), true)
        );
        assert_eq!(change.groups, Some(vec!["Choir".to_owned()]));
        let back = [
            person("1", "anna", &["Sales"]),
            person("2", "bert", &[]),
            person("3", "carl", &[]),
        ];
        let back = plan(&back, &before, &none());
        let enabled: Vec<_> = back
            .change
            .iter()
            .map(|(name, change)| (&**name, change.enabled))
            .collect();
        assert_eq!(enabled, [("carl", Some(true))]);
        assert!(back.shut_out.is_empty());
    }

    #[test]
    fn a_new_password_is_one_that_was_another_before() {
        let told = |when: Option<&str>| Person {
            password_changed: when.map(str::to_owned),
            ..person("1", "anna", &[])
        };
        for (before, now, changes, ends) in [
            (None, None, false, false),
            (None, Some("2"), true, false),
            (Some("1"), Some("1"), false, false),
            (Some("1"), Some("2"), true, true),
            (Some("1"), None, true, false),
        ] {
            let mut known = known("1", "anna", &[], &[], true, false);
            known.1.password_changed = before.map(Into::into);
            let plan = plan(&[told(now)], &[known], &none());
            let change = plan.change.first().map(|(_, change)| change);
            assert_eq!(change.is_some(), changes, "{before:?} {now:?}");
            assert_eq!(change.is_some_and(|change| change.new_password), ends);
        }
    }

    #[test]
    fn a_whole_house_is_not_emptied_at_once() {
        let before: Vec<_> = (0..40)
            .map(|number| {
                known(
                    &number.to_string(),
                    &format!("p{number}"),
                    &[],
                    &[],
                    true,
                    false,
                )
            })
            .collect();
        let told = |from: usize| -> Vec<Person> {
            (from..40)
                .map(|number| person(&number.to_string(), &format!("p{number}"), &[]))
                .collect()
        };
        assert!(!plan(&told(4), &before, &none()).shuts_out_too_many(10));
        assert!(plan(&told(5), &before, &none()).shuts_out_too_many(10));
        assert!(plan(&[], &before, &none()).shuts_out_too_many(99));
        assert!(!plan(&[], &before, &none()).shuts_out_too_many(100));
        // Somebody always may go.
        assert!(!plan(&[], &before[..1], &none()).shuts_out_too_many(0));
    }

    #[test]
    fn an_account_that_is_given_to_a_person_keeps_its_groups_until_the_directory_tells() {
        let (account, _) = known("", "anna", &["Choir"], &[], true, false);
        let change = adopt(&account, None, &person("1", "anna", &[]));
        assert_eq!(
            (change.adopt, change.enabled, change.groups),
            (true, None, None)
        );
        assert_eq!(
            (&*change.identity.external, change.identity.gone),
            ("1", false)
        );
    }
}
