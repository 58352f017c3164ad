//! The list of people in SQLite.
//!
//! What people are found by stands in a narrow table of its own: reading through all of it for a part of a word takes
//! milliseconds, and an index of words would not find parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::types::ToSql;
use rusqlite::{Connection, params};

use super::accounts::{COLUMNS, account_of};
use super::text::split;
use crate::{
    Account, AccountId, GroupSize, PeopleOrder, PeoplePage, PeoplePosition, PeopleQuery, StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Notes what somebody is found by. Call after each change of name or groups.
pub(super) fn note(connection: &Connection, account: AccountId) -> Result<()> {
    let Some(account) = super::accounts::get(connection, account)? else {
        return Ok(());
    };
    let name = account
        .display_name
        .as_deref()
        .unwrap_or(&account.localpart)
        .to_lowercase();
    let mut words = account.localpart.to_lowercase();
    for more in account.display_name.iter().chain(&account.groups) {
        words.push('\n');
        words.push_str(&more.to_lowercase());
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO account_words (account, name, words) VALUES (?, ?, ?)",
        )?
        .execute(params![account.id.number(), name, words])?;
    Ok(())
}

/// Notes it for those of whom nothing is noted: accounts of an earlier version.
pub(super) fn note_all(connection: &Connection) -> Result<()> {
    let missing: Vec<i64> = {
        let mut statement = connection.prepare(
            "SELECT id FROM account WHERE id NOT IN (SELECT account FROM account_words)",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<std::result::Result<_, _>>()?
    };
    for account in missing {
        note(connection, AccountId::from_number(account))?;
    }
    Ok(())
}

pub(super) fn page(connection: &Connection, query: &PeopleQuery) -> Result<PeoplePage> {
    let mut clauses: Vec<&str> = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    for word in &query.words {
        clauses.push("instr(words, ?) > 0");
        values.push(Box::new(word.to_lowercase()));
    }
    if let Some(role) = query.role {
        clauses.push("role = ?");
        values.push(Box::new(role.number()));
    }
    if let Some(enabled) = query.enabled {
        clauses.push("enabled = ?");
        values.push(Box::new(enabled));
    }
    if let Some(group) = &query.group {
        clauses.push("instr(char(31) || groups || char(31), char(31) || ? || char(31)) > 0");
        values.push(Box::new(Arc::clone(group)));
    }
    let total = count(connection, &clauses, &values)?;
    let (key, ahead) = match (query.order, query.descending) {
        (PeopleOrder::Name, false) => ("localpart", "localpart > ?"),
        (PeopleOrder::Name, true) => ("localpart", "localpart < ?"),
        (PeopleOrder::DisplayName, false) => ("name", "(name, localpart) > (?, ?)"),
        (PeopleOrder::DisplayName, true) => ("name", "(name, localpart) < (?, ?)"),
        (PeopleOrder::Created, false) => ("created", "(created, localpart) > (?, ?)"),
        (PeopleOrder::Created, true) => ("created", "(created, localpart) < (?, ?)"),
        (PeopleOrder::Role, false) => ("role", "(role, localpart) > (?, ?)"),
        (PeopleOrder::Role, true) => ("role", "(role, localpart) < (?, ?)"),
    };
    if let Some(after) = &query.after {
        clauses.push(ahead);
        match query.order {
            PeopleOrder::Name => {}
            PeopleOrder::DisplayName => values.push(Box::new(Arc::clone(&after.text))),
            PeopleOrder::Created | PeopleOrder::Role => values.push(Box::new(after.number)),
        }
        values.push(Box::new(Arc::clone(&after.localpart)));
    }
    let way = if query.descending { "DESC" } else { "ASC" };
    let order = match query.order {
        PeopleOrder::Name => format!("localpart {way}"),
        _ => format!("{key} {way}, localpart {way}"),
    };
    let limit = i64::try_from(query.max)
        .unwrap_or(i64::MAX)
        .saturating_add(1);
    values.push(Box::new(limit));
    let filter = filter(&clauses);
    // What stands first is read in the order of its index; SQLite keeps that order for CROSS JOIN.
    let from = match query.order {
        PeopleOrder::DisplayName => "account_words CROSS JOIN account",
        _ => "account CROSS JOIN account_words",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, name FROM {from} ON account = id {filter} ORDER BY {order} LIMIT ?"
    ))?;
    let rows = statement.query_map(rusqlite::params_from_iter(&values), |row| {
        Ok((account_of(row)?, row.get::<_, Arc<str>>(7)?))
    })?;
    let mut found: Vec<(Account, Arc<str>)> = rows.collect::<std::result::Result<_, _>>()?;
    let more = found.len() > query.max;
    found.truncate(query.max);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(last, name)| PeoplePosition {
            text: match query.order {
                PeopleOrder::DisplayName => Arc::clone(name),
                _ => "".into(),
            },
            number: match query.order {
                PeopleOrder::Created => last.created.micros(),
                PeopleOrder::Role => last.role.number().into(),
                _ => 0,
            },
            localpart: Arc::clone(&last.localpart),
        });
    Ok(PeoplePage {
        people: found.into_iter().map(|(account, _)| account).collect(),
        next,
        total,
    })
}

fn filter(clauses: &[&str]) -> String {
    if clauses.is_empty() {
        return String::new();
    }
    format!("WHERE {}", clauses.join(" AND "))
}

fn count(connection: &Connection, clauses: &[&str], values: &[Box<dyn ToSql>]) -> Result<u64> {
    let filter = filter(clauses);
    let from = if clauses.is_empty() {
        "account"
    } else if clauses.iter().all(|clause| clause.contains("words")) {
        "account_words"
    } else {
        "account_words CROSS JOIN account ON account = id"
    };
    let mut statement =
        connection.prepare_cached(&format!("SELECT count(*) FROM {from} {filter}"))?;
    let counted: i64 = statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))?;
    Ok(counted.cast_unsigned())
}

pub(super) fn groups(connection: &Connection) -> Result<Vec<GroupSize>> {
    let mut statement = connection.prepare_cached(
        "SELECT groups, count(*) FROM account WHERE groups <> '' GROUP BY groups",
    )?;
    let mut rows = statement.query([])?;
    let mut sizes: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let people = row.get::<_, i64>(1)?.cast_unsigned();
        for group in split(row.get_ref(0)?.as_str().unwrap_or_default()) {
            *sizes.entry(group).or_default() += people;
        }
    }
    let groups = sizes.into_iter();
    Ok(groups
        .map(|(name, people)| GroupSize { name, people })
        .collect())
}
