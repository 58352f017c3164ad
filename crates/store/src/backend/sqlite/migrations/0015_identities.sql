-- Accounts that come from a directory: what it calls the person, and which groups it gave last.
CREATE TABLE identity (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  source TEXT NOT NULL,
  external TEXT NOT NULL,
  groups TEXT NOT NULL,
  password_changed TEXT,
  -- The directory has ended the account.
  gone INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX identity_by_person ON identity (source, external);
