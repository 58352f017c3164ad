-- Every device that ever stood in an account's device list (XEP-0384).
CREATE TABLE omemo_device (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  device INTEGER NOT NULL,
  PRIMARY KEY (account, device)
) STRICT, WITHOUT ROWID;

-- Where a conversation of an account stands, for the entries that have left the journal. Unread are
-- those of others behind what was displayed and behind the account's own last one.
CREATE TABLE inbox (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  peer TEXT NOT NULL,
  -- The newest message; 0 while only a marker is known.
  last INTEGER NOT NULL,
  unread INTEGER NOT NULL,
  displayed INTEGER NOT NULL,
  -- When the marker came.
  marked INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  -- The newest message itself, unless it is long.
  stanza BLOB,
  PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;
