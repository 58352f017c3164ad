-- Devices that are told when something comes while they sleep.
CREATE TABLE push (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  -- 0: an app server (XEP-0357); 1: a push service of browsers (RFC 8030).
  kind INTEGER NOT NULL,
  address TEXT NOT NULL,
  node TEXT NOT NULL,
  options BLOB,
  registered INTEGER NOT NULL,
  PRIMARY KEY (account, kind, address, node)
) STRICT, WITHOUT ROWID;
