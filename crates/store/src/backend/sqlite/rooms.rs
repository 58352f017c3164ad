//! Rooms in SQLite.

use std::collections::HashSet;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::text::{join, split};
use crate::rooms::RoomWrite;
use crate::{
    Affiliation, ArchiveId, NewRoom, PeopleChanges, RoomConfig, RoomHat, RoomId, RoomInvitation,
    RoomMembership, RoomPage, RoomPerson, RoomStanding, RoomState, RoomSubject, RoomSummary,
    RoomsQuery, RosterVersion, StoreError,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Ended affiliations that are remembered for each room.
const MARKS: i64 = 1_000;

fn number(affiliation: Affiliation) -> i64 {
    match affiliation {
        Affiliation::None => 0,
        Affiliation::Outcast => 1,
        Affiliation::Member => 2,
        Affiliation::Admin => 3,
        Affiliation::Owner => 4,
    }
}

fn affiliation(number: i64) -> Affiliation {
    match number {
        1 => Affiliation::Outcast,
        2 => Affiliation::Member,
        3 => Affiliation::Admin,
        4 => Affiliation::Owner,
        _ => Affiliation::None,
    }
}

fn person_of(row: &Row<'_>) -> rusqlite::Result<RoomPerson> {
    Ok(RoomPerson {
        address: row.get(0)?,
        affiliation: affiliation(row.get(1)?),
        nick: row.get(2)?,
        reason: row.get(3)?,
        version: RosterVersion::from_number(row.get(4)?),
    })
}

pub(super) fn create(
    connection: &Connection,
    room: &NewRoom,
    version: RosterVersion,
    now: Timestamp,
) -> Result<(RoomId, RosterVersion)> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO room (localpart, created, config, listed, directory_group)
             VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            room.localpart,
            now.micros(),
            room.config.to_text(),
            room.config.listed,
            room.config.group
        ])?;
    if inserted == 0 {
        return Err(StoreError::AlreadyExists);
    }
    let id = RoomId::from_number(connection.last_insert_rowid());
    if room.people.is_empty() {
        return Ok((id, RosterVersion::NONE));
    }
    for person in &room.people {
        person_set(connection, id, person, version)?;
    }
    Ok((id, version))
}

pub(super) fn remove(connection: &Connection, room: RoomId) -> Result<bool> {
    let removed = connection
        .prepare_cached("DELETE FROM room WHERE id = ?")?
        .execute([room.number()])?;
    Ok(removed > 0)
}

pub(super) fn exists(connection: &Connection, room: RoomId) -> Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM room WHERE id = ?")?;
    Ok(statement.exists([room.number()])?)
}

/// The largest version in use.
pub(super) fn last_version(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row(
        "SELECT coalesce(max(affiliation_version), 0) FROM room",
        [],
        |row| row.get(0),
    )?)
}

pub(super) fn state(connection: &Connection, localpart: &str) -> Result<Option<RoomState>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, localpart, created, config, subject, subject_at, avatar, affiliation_version
         FROM room WHERE localpart = ?",
    )?;
    let found = statement.query_row([localpart], |row| {
        let subject: Option<Vec<u8>> = row.get(4)?;
        let at = Timestamp::from_micros(row.get(5)?);
        Ok(RoomState {
            id: RoomId::from_number(row.get(0)?),
            localpart: row.get(1)?,
            created: Timestamp::from_micros(row.get(2)?),
            config: RoomConfig::from_text(row.get_ref(3)?.as_str()?),
            subject: subject.map(|stanza| RoomSubject {
                stanza: stanza.into(),
                at,
            }),
            avatar: split(row.get_ref(6)?.as_str()?),
            people: Vec::new(),
            version: RosterVersion::from_number(row.get(7)?),
            hats: Vec::new(),
            invitations: Vec::new(),
        })
    });
    let Some(mut state) = found.optional()? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT address, affiliation, nick, reason, version FROM room_affiliation
         WHERE room = ? AND (affiliation <> 0 OR nick IS NOT NULL)",
    )?;
    let people = statement.query_map([state.id.number()], person_of)?;
    state.people = people.collect::<std::result::Result<_, _>>()?;
    state.hats = hats(connection, state.id)?;
    state.invitations = invitations(connection, state.id)?;
    Ok(Some(state))
}

fn invitations(connection: &Connection, room: RoomId) -> Result<Vec<RoomInvitation>> {
    let mut statement = connection.prepare_cached(
        "SELECT invitee, inviter, at FROM room_invitation WHERE room = ? ORDER BY invitee, inviter",
    )?;
    let rows = statement.query_map([room.number()], |row| {
        Ok(RoomInvitation {
            invitee: row.get(0)?,
            inviter: row.get(1)?,
            at: Timestamp::from_micros(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

fn hats(connection: &Connection, room: RoomId) -> Result<Vec<RoomHat>> {
    let mut statement = connection
        .prepare_cached("SELECT uri, title, hue FROM room_hat WHERE room = ? ORDER BY uri")?;
    let rows = statement.query_map([room.number()], |row| {
        Ok(RoomHat {
            uri: row.get(0)?,
            title: row.get(1)?,
            hue: row.get(2)?,
            worn_by: Vec::new(),
        })
    })?;
    let mut hats: Vec<RoomHat> = rows.collect::<std::result::Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT address FROM room_hat_worn WHERE room = ? AND uri = ? ORDER BY address",
    )?;
    for hat in &mut hats {
        let rows = statement.query_map(params![room.number(), hat.uri], |row| row.get(0))?;
        hat.worn_by = rows.collect::<std::result::Result<_, _>>()?;
    }
    Ok(hats)
}

pub(super) fn list(
    connection: &Connection,
    after: Option<&str>,
    max: usize,
    listed: bool,
) -> Result<RoomPage> {
    let limit = i64::try_from(max.saturating_add(1)).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(if listed {
        "SELECT id, localpart, config FROM room WHERE listed = 1 AND localpart > ?
         ORDER BY localpart LIMIT ?"
    } else {
        "SELECT id, localpart, config FROM room WHERE localpart > ? ORDER BY localpart LIMIT ?"
    })?;
    let rows = statement.query_map(params![after.unwrap_or(""), limit], |row| {
        Ok(RoomSummary {
            id: RoomId::from_number(row.get(0)?),
            localpart: row.get(1)?,
            config: RoomConfig::from_text(row.get_ref(2)?.as_str()?),
        })
    })?;
    let mut rooms = rows.collect::<std::result::Result<Vec<_>, _>>()?;
    let more = rooms.len() > max;
    rooms.truncate(max);
    Ok(RoomPage { rooms, more })
}

pub(super) fn count(connection: &Connection, listed: bool) -> Result<u64> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM room WHERE listed >= ?")?
        .query_row([i64::from(listed)], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

pub(super) fn memberships(connection: &Connection, address: &str) -> Result<Vec<RoomMembership>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, localpart, affiliation FROM room_affiliation JOIN room ON room = id
         WHERE address = ? AND affiliation <> 0 ORDER BY localpart",
    )?;
    let rows = statement.query_map([address], |row| {
        Ok(RoomMembership {
            room: RoomId::from_number(row.get(0)?),
            localpart: row.get(1)?,
            affiliation: affiliation(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn of(connection: &Connection, query: &RoomsQuery) -> Result<Vec<RoomStanding>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, localpart, config, affiliation, version FROM room_affiliation
         JOIN room ON room = id WHERE address = ? AND affiliation <> 0",
    )?;
    let rows = statement.query_map([&query.address], |row| {
        Ok(RoomStanding {
            affiliation: affiliation(row.get(3)?),
            version: RosterVersion::from_number(row.get(4)?),
            ..without_standing(row)?
        })
    })?;
    let mut found: Vec<RoomStanding> = rows.collect::<std::result::Result<_, _>>()?;
    let mut known: HashSet<RoomId> = found.iter().map(|standing| standing.room).collect();
    let mut others = Vec::new();
    for (column, values) in [
        ("directory_group", &query.groups),
        ("localpart", &query.named),
    ] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT id, localpart, config FROM room WHERE {column} = ?"
        ))?;
        for value in values {
            let rows = statement.query_map([value], without_standing)?;
            for standing in rows {
                let standing = standing?;
                if known.insert(standing.room) {
                    others.push(standing);
                }
            }
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT affiliation FROM room_affiliation WHERE room = ? AND address = ?",
    )?;
    for mut standing in others {
        let domain: Option<i64> = statement
            .query_row(params![standing.room.number(), query.domain], |row| {
                row.get(0)
            })
            .optional()?;
        if domain.map(affiliation) == Some(Affiliation::Outcast) {
            standing.affiliation = Affiliation::Outcast;
        }
        found.push(standing);
    }
    Ok(found)
}

fn without_standing(row: &Row<'_>) -> rusqlite::Result<RoomStanding> {
    Ok(RoomStanding {
        room: RoomId::from_number(row.get(0)?),
        localpart: row.get(1)?,
        config: RoomConfig::from_text(row.get_ref(2)?.as_str()?),
        affiliation: Affiliation::None,
        version: RosterVersion::NONE,
    })
}

pub(super) fn traces(connection: &Connection, address: &str) -> Result<Vec<Arc<str>>> {
    let mut statement = connection.prepare_cached(
        "SELECT localpart FROM room WHERE id IN (
           SELECT room FROM room_affiliation
             WHERE address = ?1 AND (affiliation <> 0 OR nick IS NOT NULL)
           UNION SELECT room FROM room_hat_worn WHERE address = ?1
           UNION SELECT room FROM room_invitation WHERE invitee = ?1
           UNION SELECT room FROM room_invitation WHERE inviter = ?1)
         ORDER BY localpart",
    )?;
    let rows = statement.query_map([address], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn people_since(
    connection: &Connection,
    room: RoomId,
    since: RosterVersion,
) -> Result<Option<PeopleChanges>> {
    let versions: Option<(i64, i64)> = connection
        .prepare_cached("SELECT affiliation_version, affiliation_horizon FROM room WHERE id = ?")?
        .query_row([room.number()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((version, horizon)) = versions else {
        return Ok(None);
    };
    let known = since.number();
    if known != version && (known <= 0 || known < horizon || known > version) {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT address, affiliation, nick, reason, version FROM room_affiliation
         WHERE room = ? AND version > ? ORDER BY version, address",
    )?;
    let people = statement.query_map(params![room.number(), known], person_of)?;
    Ok(Some(PeopleChanges {
        people: people.collect::<std::result::Result<_, _>>()?,
        version: RosterVersion::from_number(version),
    }))
}

pub(super) fn vcard(connection: &Connection, room: RoomId) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT vcard FROM room WHERE id = ?")?;
    let found = statement
        .query_row([room.number()], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

pub(super) fn tombstones(
    connection: &Connection,
    room: RoomId,
    from: ArchiveId,
    to: ArchiveId,
) -> Result<Vec<(ArchiveId, Bytes)>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, stanza FROM room_tombstone WHERE room = ? AND id BETWEEN ? AND ? ORDER BY id",
    )?;
    let rows = statement.query_map(params![room.number(), from.number(), to.number()], |row| {
        Ok((
            ArchiveId::from_number(row.get(0)?),
            Bytes::from(row.get::<_, Vec<u8>>(1)?),
        ))
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// One change of one room. Nothing happens to a room that is gone: it was destroyed meanwhile.
pub(super) fn write(
    connection: &Connection,
    room: RoomId,
    write: &RoomWrite,
    version: RosterVersion,
) -> Result<()> {
    if !exists(connection, room)? {
        return Ok(());
    }
    match write {
        RoomWrite::Config(config) => {
            connection
                .prepare_cached(
                    "UPDATE room SET config = ?2, listed = ?3, directory_group = ?4 WHERE id = ?1",
                )?
                .execute(params![
                    room.number(),
                    config.to_text(),
                    config.listed,
                    config.group
                ])?;
        }
        RoomWrite::Subject(subject) => {
            connection
                .prepare_cached("UPDATE room SET subject = ?2, subject_at = ?3 WHERE id = ?1")?
                .execute(params![
                    room.number(),
                    &subject.stanza[..],
                    subject.at.micros()
                ])?;
        }
        RoomWrite::Person(person) => person_set(connection, room, person, version)?,
        RoomWrite::Nick(address, nick) => {
            connection
                .prepare_cached(
                    "INSERT INTO room_affiliation (room, address, affiliation, nick, version)
                     VALUES (?1, ?2, 0, ?3, ?4)
                     ON CONFLICT DO UPDATE SET nick = ?3, version = ?4",
                )?
                .execute(params![room.number(), address, nick, version.number()])?;
            advance(connection, room, version)?;
        }
        RoomWrite::Vcard(vcard, avatar) => {
            connection
                .prepare_cached("UPDATE room SET vcard = ?2, avatar = ?3 WHERE id = ?1")?
                .execute(params![room.number(), vcard, join(avatar)])?;
        }
        RoomWrite::Hat(hat) => {
            connection
                .prepare_cached(
                    "INSERT INTO room_hat (room, uri, title, hue) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET title = ?3, hue = ?4",
                )?
                .execute(params![room.number(), hat.uri, hat.title, hat.hue])?;
        }
        RoomWrite::HatRemove(uri) => {
            connection
                .prepare_cached("DELETE FROM room_hat WHERE room = ? AND uri = ?")?
                .execute(params![room.number(), uri])?;
        }
        RoomWrite::HatWear(uri, address, true) => {
            connection
                .prepare_cached(
                    "INSERT INTO room_hat_worn (room, uri, address)
                     SELECT room, uri, ?3 FROM room_hat WHERE room = ?1 AND uri = ?2
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![room.number(), uri, address])?;
        }
        RoomWrite::HatWear(uri, address, false) => {
            connection
                .prepare_cached(
                    "DELETE FROM room_hat_worn WHERE room = ? AND uri = ? AND address = ?",
                )?
                .execute(params![room.number(), uri, address])?;
        }
        RoomWrite::Invitation(invitation) => {
            connection
                .prepare_cached(
                    "INSERT INTO room_invitation (room, invitee, inviter, at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET at = ?4",
                )?
                .execute(params![
                    room.number(),
                    invitation.invitee,
                    invitation.inviter,
                    invitation.at.micros()
                ])?;
        }
        RoomWrite::InvitationEnd(invitee, inviter) => {
            connection
                .prepare_cached(
                    "DELETE FROM room_invitation
                     WHERE room = ?1 AND invitee = ?2 AND (?3 IS NULL OR inviter = ?3)",
                )?
                .execute(params![room.number(), invitee, inviter])?;
        }
        RoomWrite::Forget(address) => forget(connection, room, address, version)?,
        RoomWrite::Tombstone(id, stanza) => {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO room_tombstone (room, id, stanza) VALUES (?, ?, ?)",
                )?
                .execute(params![room.number(), id.number(), &stanza[..]])?;
        }
    }
    Ok(())
}

fn advance(connection: &Connection, room: RoomId, version: RosterVersion) -> Result<()> {
    connection
        .prepare_cached("UPDATE room SET affiliation_version = ? WHERE id = ?")?
        .execute(params![version.number(), room.number()])?;
    Ok(())
}

fn person_set(
    connection: &Connection,
    room: RoomId,
    person: &RoomPerson,
    version: RosterVersion,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO room_affiliation
             (room, address, affiliation, nick, reason, version) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            room.number(),
            person.address,
            number(person.affiliation),
            person.nick,
            person.reason,
            version.number()
        ])?;
    advance(connection, room, version)?;
    if person.affiliation == Affiliation::None && person.nick.is_none() {
        forget_marks(connection, room)?;
    }
    Ok(())
}

fn forget(
    connection: &Connection,
    room: RoomId,
    address: &Arc<str>,
    version: RosterVersion,
) -> Result<()> {
    let nobody = RoomPerson {
        address: Arc::clone(address),
        ..RoomPerson::default()
    };
    person_set(connection, room, &nobody, version)?;
    for sql in [
        "DELETE FROM room_hat_worn WHERE room = ? AND address = ?",
        "DELETE FROM room_invitation WHERE room = ? AND invitee = ?",
        "DELETE FROM room_invitation WHERE room = ? AND inviter = ?",
    ] {
        connection
            .prepare_cached(sql)?
            .execute(params![room.number(), address])?;
    }
    Ok(())
}

fn forget_marks(connection: &Connection, room: RoomId) -> Result<()> {
    let oldest: Option<i64> = connection
        .prepare_cached(
            "SELECT version FROM room_affiliation
             WHERE room = ? AND affiliation = 0 AND nick IS NULL
             ORDER BY version DESC LIMIT 1 OFFSET ?",
        )?
        .query_row(params![room.number(), MARKS], |row| row.get(0))
        .optional()?;
    if let Some(oldest) = oldest {
        connection
            .prepare_cached(
                "DELETE FROM room_affiliation
                 WHERE room = ? AND affiliation = 0 AND nick IS NULL AND version <= ?",
            )?
            .execute(params![room.number(), oldest])?;
        connection
            .prepare_cached("UPDATE room SET affiliation_horizon = ?2 WHERE id = ?1")?
            .execute(params![room.number(), oldest])?;
    }
    Ok(())
}
