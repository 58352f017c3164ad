//! `hauspost user import`: keys derived on all cores, accounts made in large commits.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, bail};
use xmpp::sasl::{Password, prepare};

use super::{csv, print};
use crate::admin::{AccountData, KeyData, Reply, Request, localpart, open_target};
use crate::config::Config;
use crate::keys;

/// Accounts in one commit.
const COMMIT: usize = 500;
/// Wrong lines that are shown.
const SHOWN: usize = 20;

struct Person {
    account: AccountData,
    password: Password,
}

/// Reads the file whole, refuses it whole if a line is wrong, then imports.
pub(super) fn run(config: &Config, file: &Path, iterations: u32) -> anyhow::Result<()> {
    let bytes =
        std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8; save it as UTF-8", file.display()))?;
    let people = read(&text, &config.domain).map_err(|wrong| {
        let more = wrong.len().saturating_sub(SHOWN);
        let mut lines: Vec<String> = wrong
            .into_iter()
            .take(SHOWN)
            .map(|line| format!("  {}, {line}", file.display()))
            .collect();
        if more > 0 {
            lines.push(format!("  … and {more} more"));
        }
        anyhow::anyhow!(
            "nothing was imported; mend these lines:\n{}",
            lines.join("\n")
        )
    })?;
    let mut target = open_target(config)?;
    let (mut created, mut existing) = (0, Vec::new());
    for_each_with_keys(&people, iterations, |accounts| {
        match target.ask(Request::UserImport { accounts })? {
            Reply::Imported {
                created: more,
                existing: known,
            } => {
                created += more;
                existing.extend(known);
            }
            _ => bail!("the server answered something else"),
        }
        Ok(())
    })?;
    let mut summary = format!("{created} added");
    if !existing.is_empty() {
        summary.push_str(&format!(
            ", {} were there already and are unchanged: {}",
            existing.len(),
            shortened(&existing)
        ));
    }
    print(&format!("{summary}\n"))
}

fn shortened(names: &[String]) -> String {
    let shown = names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        format!("{shown}, …")
    } else {
        shown
    }
}

/// All people of the text, or every line that is wrong.
fn read(text: &str, domain: &str) -> Result<Vec<Person>, Vec<String>> {
    let mut records =
        csv::read(text).map_err(|line| vec![format!("line {line}: a quote is never closed")])?;
    let is_header = |record: &csv::Record| {
        let field = |index: usize| {
            record
                .fields
                .get(index)
                .map(|field| field.trim().to_lowercase())
        };
        field(0).as_deref() == Some("name") && field(1).as_deref() == Some("password")
    };
    if records.first().is_some_and(is_header) {
        records.remove(0);
    }
    let mut wrong = Vec::new();
    let mut people = Vec::with_capacity(records.len());
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(records.len());
    for record in records {
        match person(&record, domain) {
            Ok(person) => match seen.insert(person.account.name.clone(), record.line) {
                Some(first) => wrong.push(format!(
                    "line {}: {} is on line {first} too",
                    record.line, person.account.name
                )),
                None => people.push(person),
            },
            Err(problem) => wrong.push(format!("line {}: {problem}", record.line)),
        }
    }
    if wrong.is_empty() {
        Ok(people)
    } else {
        Err(wrong)
    }
}

fn person(record: &csv::Record, domain: &str) -> Result<Person, String> {
    let mut fields = record.fields.iter();
    let name = fields.next().map(|name| name.trim()).unwrap_or_default();
    let password = fields
        .next()
        .ok_or("there is no password; write name,password[,display name,groups]")?;
    let display_name = fields
        .next()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty());
    let groups = fields.next().map(String::as_str).unwrap_or_default();
    if fields.next().is_some() {
        return Err(
            "there are more than four fields; put a field that holds a comma in \"quotes\""
                .to_owned(),
        );
    }
    if prepare(password).is_none() {
        return Err("the password is empty or holds control characters".to_owned());
    }
    let groups = groups
        .split(';')
        .map(str::trim)
        .filter(|group| !group.is_empty())
        .map(str::to_owned)
        .collect();
    Ok(Person {
        account: AccountData {
            name: localpart(name, domain)?,
            display_name,
            role: None,
            groups,
            keys: Vec::new(),
        },
        password: Password::new(password.clone()),
    })
}

/// Derives keys on all cores and hands accounts over in groups, as they are ready.
fn for_each_with_keys(
    people: &[Person],
    iterations: u32,
    mut take: impl FnMut(Vec<AccountData>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let groups: Vec<&[Person]> = people.chunks(COMMIT).collect();
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel::<anyhow::Result<Vec<AccountData>>>(workers);
        for _ in 0..workers {
            let (send, next, groups) = (send.clone(), &next, &groups);
            scope.spawn(move || {
                while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ready: anyhow::Result<Vec<AccountData>> = group
                        .iter()
                        .map(|person| with_keys(person, iterations))
                        .collect();
                    if send.send(ready).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        for ready in receive {
            take(ready?)?;
        }
        Ok(())
    })
}

fn with_keys(person: &Person, iterations: u32) -> anyhow::Result<AccountData> {
    let keys = keys::derive(&person.password, iterations)?;
    Ok(AccountData {
        keys: keys.iter().map(KeyData::from).collect(),
        ..person.account.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_left_out_and_groups_are_split() {
        let people = read(
            "name,password,display name,groups\nAnna,secret,Anna Abel,sales; board\nben,pass\n",
            "example.org",
        );
        let people = people.unwrap_or_default();
        assert_eq!(people.len(), 2);
        assert_eq!(people[0].account.name, "anna");
        assert_eq!(people[0].account.display_name.as_deref(), Some("Anna Abel"));
        assert_eq!(people[0].account.groups, ["sales", "board"]);
    }

    #[test]
    fn every_wrong_line_is_named_and_no_password_is_shown() {
        let text = "anna,hush1\nben\nAnna,hush2\nx@elsewhere.org,hush3\n";
        let wrong = read(text, "example.org").err().unwrap_or_default();
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(
            wrong[0].starts_with("line 2:")
                && wrong[1].starts_with("line 3:")
                && wrong[2].starts_with("line 4:")
        );
        assert!(!wrong.join("").contains("hush"));
    }
}
