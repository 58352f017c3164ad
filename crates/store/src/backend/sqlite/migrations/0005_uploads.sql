-- Files (XEP-0363). A row begins as a slot; `kept` is set once the file is whole on the disk.
CREATE TABLE upload (
  id TEXT PRIMARY KEY,
  -- NULL: the account is gone, and the file is to follow.
  account INTEGER REFERENCES account ON DELETE SET NULL,
  name TEXT NOT NULL,
  content_type TEXT,
  size INTEGER NOT NULL,
  purpose INTEGER NOT NULL,
  -- SHA-256 of the token that fills the slot.
  token BLOB,
  -- When a slot ends; then when the file goes, NULL when no time is set.
  due INTEGER,
  -- What becomes of `due` when the slot is filled.
  expires INTEGER,
  kept INTEGER,
  digest BLOB,
  transfer TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_account ON upload (account, kept);
CREATE INDEX upload_by_due ON upload (due) WHERE due IS NOT NULL;
CREATE INDEX upload_by_kept ON upload (purpose, kept) WHERE kept IS NOT NULL;
CREATE INDEX upload_slot ON upload (id) WHERE kept IS NULL;

-- Sums over the rows of each account, so that a new slot costs the same however many there are.
CREATE TABLE upload_usage (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  bytes INTEGER NOT NULL,
  files INTEGER NOT NULL
) STRICT;
