CREATE TABLE room (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  localpart TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  -- Entries `key=value` joined by U+001F; see `RoomConfig`.
  config TEXT NOT NULL,
  -- What the configuration says, for the list of rooms.
  listed INTEGER NOT NULL,
  -- The message that set the subject, and when it came.
  subject BLOB,
  subject_at INTEGER NOT NULL DEFAULT 0,
  vcard TEXT,
  -- Hashes of the pictures in the card, joined by U+001F.
  avatar TEXT NOT NULL DEFAULT '',
  affiliation_version INTEGER NOT NULL DEFAULT 0,
  -- Affiliations that ended up to this version are forgotten.
  affiliation_horizon INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX room_listed ON room (localpart) WHERE listed = 1;

CREATE TABLE room_affiliation (
  room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE,
  address TEXT NOT NULL,
  -- 0 is none: a mark for clients with an older version, or the holder of a nickname.
  affiliation INTEGER NOT NULL,
  nick TEXT,
  reason TEXT,
  version INTEGER NOT NULL,
  PRIMARY KEY (room, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_affiliation_by_version ON room_affiliation (room, version);
CREATE INDEX room_affiliation_by_address ON room_affiliation (address, room);

-- A hat that somebody may wear, and (with an address) that somebody wears.
CREATE TABLE room_hat (
  room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE,
  uri TEXT NOT NULL,
  title TEXT NOT NULL,
  hue TEXT,
  PRIMARY KEY (room, uri)
) STRICT, WITHOUT ROWID;
CREATE TABLE room_hat_worn (
  room INTEGER NOT NULL,
  uri TEXT NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (room, uri, address),
  FOREIGN KEY (room, uri) REFERENCES room_hat ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What stands in place of an archived message that was taken back.
CREATE TABLE room_tombstone (
  room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE,
  id INTEGER NOT NULL,
  stanza BLOB NOT NULL,
  PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;
