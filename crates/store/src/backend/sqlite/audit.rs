//! The audit log in SQLite.

use base::Timestamp;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{AuditDigest, AuditEntry, AuditHead, AuditNote, AuditPage, AuditQuery, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const COLUMNS: &str = "number, at, actor, door, action, subject, detail, digest";
/// Problems of the chain that are told; one change breaks it once.
const MOST_PROBLEMS: usize = 20;

fn entry_of(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        note: AuditNote {
            at: Timestamp::from_micros(row.get(1)?),
            actor: row.get(2)?,
            door: row.get(3)?,
            action: row.get(4)?,
            subject: row.get(5)?,
            detail: row.get(6)?,
        },
        digest: AuditDigest::from_bytes(row.get(7)?),
    })
}

pub(super) fn head(connection: &Connection) -> Result<AuditHead> {
    let mut statement = connection.prepare_cached("SELECT number, digest FROM audit_head")?;
    let head = statement
        .query_row([], |row| {
            Ok(AuditHead {
                number: row.get::<_, i64>(0)?.cast_unsigned(),
                digest: AuditDigest::from_bytes(row.get(1)?),
            })
        })
        .optional()?;
    Ok(head.unwrap_or(AuditHead::START))
}

pub(super) fn add(connection: &Connection, note: &AuditNote) -> Result<()> {
    let before = head(connection)?;
    let number = before.number + 1;
    let digest = before.digest.follow(number, note);
    connection
        .prepare_cached(&format!(
            "INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        ))?
        .execute(params![
            number.cast_signed(),
            note.at.micros(),
            note.actor,
            note.door,
            note.action,
            note.subject,
            note.detail,
            digest.bytes()
        ])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO audit_head (one, number, digest) VALUES (1, ?, ?)")?
        .execute(params![number.cast_signed(), digest.bytes()])?;
    Ok(())
}

pub(super) fn page(connection: &Connection, query: &AuditQuery) -> Result<AuditPage> {
    let AuditQuery {
        before,
        after,
        actor,
        subject,
        action,
        since,
        until,
        text,
        max,
    } = query;
    let mut wanted: Vec<&str> = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut want = |clause: &'static str, value: Option<Box<dyn ToSql>>| {
        if let Some(value) = value {
            wanted.push(clause);
            values.push(value);
        }
    };
    let number = |number: &Option<u64>| {
        number.map(|number| Box::new(i64::try_from(number).unwrap_or(i64::MAX)) as Box<dyn ToSql>)
    };
    let word = |word: &Option<std::sync::Arc<str>>| {
        word.clone().map(|word| Box::new(word) as Box<dyn ToSql>)
    };
    let time =
        |time: &Option<Timestamp>| time.map(|time| Box::new(time.micros()) as Box<dyn ToSql>);
    want("number < ?", number(before));
    want("number > ?", number(after));
    want("actor = ?", word(actor));
    want("subject = ?", word(subject));
    want("instr(action || '.', ? || '.') = 1", word(action));
    want("at >= ?", time(since));
    want("at < ?", time(until));
    want(
        "instr(lower(actor || char(10) || subject || char(10) || detail), lower(?)) > 0",
        word(text),
    );
    let clauses = if wanted.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", wanted.join(" AND "))
    };
    let order = if after.is_some() { "ASC" } else { "DESC" };
    let limit = i64::try_from(*max).unwrap_or(i64::MAX).saturating_add(1);
    values.push(Box::new(limit));
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM audit {clauses} ORDER BY number {order} LIMIT ?"
    ))?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), entry_of)?;
    let mut entries = rows.collect::<std::result::Result<Vec<_>, _>>()?;
    let more = entries.len() > *max;
    entries.truncate(*max);
    Ok(AuditPage { entries, more })
}

/// Follows the chain from its start.
pub(super) fn check(connection: &Connection, noted: &[AuditHead]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut found = AuditHead::START;
    let mut seen = noted.iter().filter(|noted| noted.number == 0).count();
    let mut statement =
        connection.prepare(&format!("SELECT {COLUMNS} FROM audit ORDER BY number"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if problems.len() >= MOST_PROBLEMS {
            problems.push("the audit log has more problems than are told here".to_owned());
            return Ok(problems);
        }
        let entry = match entry_of(row) {
            Ok(entry) => entry,
            Err(error) => {
                problems.push(format!("an entry of the audit log cannot be read: {error}"));
                continue;
            }
        };
        let AuditEntry {
            number,
            note,
            digest,
        } = &entry;
        if *number != found.number + 1 {
            problems.push(format!(
                "the audit log lacks its entries {} to {}",
                found.number + 1,
                number.saturating_sub(1)
            ));
        } else if found.digest.follow(*number, note) != *digest {
            problems.push(format!(
                "entry {number} of the audit log, or the one before it, was changed"
            ));
        }
        for head in noted.iter().filter(|head| head.number == *number) {
            seen += 1;
            if head.digest != *digest {
                problems.push(format!(
                    "entry {number} of the audit log, or one before it, is not what was noted as {head}"
                ));
            }
        }
        found = AuditHead {
            number: *number,
            digest: *digest,
        };
    }
    if head(connection)? != found {
        problems.push(format!(
            "the audit log ends with entry {}, but its end was cut off or replaced",
            found.number
        ));
    }
    if seen < noted.len() {
        problems.push("the audit log lacks an entry whose head was noted elsewhere".to_owned());
    }
    Ok(problems)
}
