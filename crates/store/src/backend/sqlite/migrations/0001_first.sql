-- Lists of text (groups, addresses) are joined by U+001F, which XML cannot carry.
-- Times are microseconds since 1970 UTC.

CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  localpart TEXT NOT NULL UNIQUE,
  display_name TEXT,
  admin INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  groups TEXT NOT NULL,
  created INTEGER NOT NULL,
  roster_version INTEGER NOT NULL DEFAULT 0,
  -- Removals up to this roster version are forgotten.
  roster_horizon INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE account_key (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  hash TEXT NOT NULL,
  iterations INTEGER NOT NULL,
  salt BLOB NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- Place 0 is the newest token of a client, place 1 the one before.
CREATE TABLE token (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  client TEXT NOT NULL,
  place INTEGER NOT NULL,
  mechanism TEXT NOT NULL,
  secret BLOB NOT NULL,
  issued INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  last_used INTEGER,
  counter INTEGER NOT NULL,
  software TEXT,
  device TEXT,
  PRIMARY KEY (account, client, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitation (
  hash BLOB PRIMARY KEY,
  purpose INTEGER NOT NULL,
  localpart TEXT,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  used INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE roster (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  contact TEXT NOT NULL,
  name TEXT,
  groups TEXT NOT NULL,
  subscription INTEGER NOT NULL,
  ask INTEGER NOT NULL,
  approved INTEGER NOT NULL,
  -- A removed contact stays as a mark for clients with an older version.
  removed INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (account, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX roster_by_version ON roster (account, version);

CREATE TABLE roster_request (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  contact TEXT NOT NULL,
  presence BLOB NOT NULL,
  received INTEGER NOT NULL,
  PRIMARY KEY (account, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE block (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  address TEXT NOT NULL,
  PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE private (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  key TEXT NOT NULL,
  xml TEXT NOT NULL,
  PRIMARY KEY (account, key)
) STRICT;

CREATE TABLE vcard (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  xml TEXT NOT NULL
) STRICT;

CREATE TABLE activity (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  at INTEGER NOT NULL,
  status TEXT
) STRICT;

CREATE TABLE preferences (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  fallback INTEGER NOT NULL,
  always TEXT NOT NULL,
  never TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each commit with archive entries, until they have moved to their chunks.
CREATE TABLE archive_journal (
  seq INTEGER PRIMARY KEY,
  entries BLOB NOT NULL
) STRICT;

-- Entries of one account in the order of their ids; ids of chunks have the same order.
CREATE TABLE archive_chunk (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  hidden INTEGER NOT NULL,
  -- A chunk that is not sealed may be merged with others; it is among the last of its account.
  sealed INTEGER NOT NULL,
  entries BLOB NOT NULL
) STRICT;
CREATE INDEX archive_chunk_by_first ON archive_chunk (account, first);

-- Which sealed chunks hold entries with a peer (hash of its bare address).
CREATE TABLE archive_chunk_peer (
  account INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  PRIMARY KEY (account, peer, chunk)
) STRICT, WITHOUT ROWID;

-- How many entries the chunks of an account hold (hidden ones not counted), and up to which id
-- entries have moved there.
CREATE TABLE archive_account (
  account INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  moved INTEGER NOT NULL
) STRICT;

-- Entries that wait for their owner.
CREATE TABLE offline (
  account INTEGER NOT NULL,
  id INTEGER NOT NULL,
  hidden INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
