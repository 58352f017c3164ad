-- Stanzas that other servers have not got yet. Times are microseconds since 1970 UTC.

CREATE TABLE outgoing (
  id INTEGER PRIMARY KEY,
  local TEXT NOT NULL,
  remote TEXT NOT NULL,
  at INTEGER NOT NULL,
  stanza BLOB NOT NULL
) STRICT;
