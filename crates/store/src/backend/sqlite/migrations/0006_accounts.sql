-- App passwords: keys that let one program in, and that end without the others.
CREATE TABLE app_password (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  label TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_used INTEGER
) STRICT;
CREATE INDEX app_password_by_account ON app_password (account);

CREATE TABLE app_password_key (
  app_password INTEGER NOT NULL REFERENCES app_password ON DELETE CASCADE,
  hash TEXT NOT NULL,
  iterations INTEGER NOT NULL,
  salt BLOB NOT NULL,
  stored_key BLOB NOT NULL,
  server_key BLOB NOT NULL,
  PRIMARY KEY (app_password, hash)
) STRICT, WITHOUT ROWID;

-- A token that was given to an app password's session ends with the app password.
ALTER TABLE token ADD COLUMN app_password INTEGER REFERENCES app_password ON DELETE CASCADE;
CREATE INDEX token_by_app_password ON token (app_password) WHERE app_password IS NOT NULL;

-- Installations that have logged in, by XEP-0388's user-agent id.
CREATE TABLE device (
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  client TEXT NOT NULL,
  software TEXT,
  device TEXT,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  -- It has shown the account's present password.
  password INTEGER NOT NULL,
  app_password INTEGER REFERENCES app_password ON DELETE CASCADE,
  PRIMARY KEY (account, client)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_by_app_password ON device (app_password) WHERE app_password IS NOT NULL;
CREATE INDEX device_by_last_seen ON device (last_seen);

ALTER TABLE invitation ADD COLUMN inviter INTEGER REFERENCES account ON DELETE CASCADE;
-- How often it may be used, and was.
ALTER TABLE invitation ADD COLUMN uses INTEGER NOT NULL DEFAULT 1;
ALTER TABLE invitation ADD COLUMN times INTEGER NOT NULL DEFAULT 0;
ALTER TABLE invitation ADD COLUMN subscribe INTEGER NOT NULL DEFAULT 0;
UPDATE invitation SET times = 1 WHERE used IS NOT NULL;
CREATE INDEX invitation_by_inviter ON invitation (inviter);
CREATE INDEX invitation_by_localpart ON invitation (localpart) WHERE localpart IS NOT NULL;

-- Accounts that are being removed: if that is cut off, the next start goes on.
CREATE TABLE account_removal (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE
) STRICT;
