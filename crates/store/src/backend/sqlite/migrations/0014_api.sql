-- The REST interface: tokens, answers that are given again, and the list of people.
CREATE TABLE api_token (
  hash BLOB PRIMARY KEY,
  id TEXT NOT NULL,
  account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  label TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  last_used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_token_by_account ON api_token (account, id);

CREATE TABLE api_answer (
  key BLOB PRIMARY KEY,
  request BLOB NOT NULL,
  status INTEGER NOT NULL,
  answer BLOB NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_answer_by_time ON api_answer (at);

-- What people are found and ordered by, in lower case; filled when the database is opened.
CREATE TABLE account_words (
  account INTEGER PRIMARY KEY REFERENCES account ON DELETE CASCADE,
  name TEXT NOT NULL,
  words TEXT NOT NULL
) STRICT;
CREATE INDEX account_words_by_name ON account_words (name);
CREATE INDEX account_by_created ON account (created, localpart);
CREATE INDEX account_by_role ON account (role, localpart);
