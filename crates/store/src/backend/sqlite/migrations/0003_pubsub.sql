-- Owners are accounts by their id, and others by numbers that no account has.
CREATE TABLE pubsub_node (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner INTEGER NOT NULL,
  name TEXT NOT NULL,
  configuration TEXT NOT NULL,
  -- The newest item goes to whoever comes online.
  on_presence INTEGER NOT NULL,
  -- How many items stay.
  keep INTEGER NOT NULL,
  item_seconds INTEGER,
  creator TEXT NOT NULL,
  created INTEGER NOT NULL,
  -- Place of the next item.
  next INTEGER NOT NULL DEFAULT 1,
  -- What the items are and take.
  items INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  UNIQUE (owner, name)
) STRICT;
CREATE INDEX pubsub_node_expiring ON pubsub_node (id) WHERE item_seconds IS NOT NULL;

CREATE TABLE pubsub_item (
  node INTEGER NOT NULL REFERENCES pubsub_node ON DELETE CASCADE,
  id TEXT NOT NULL,
  -- Items are ordered by their publication.
  place INTEGER NOT NULL,
  publisher TEXT NOT NULL,
  published INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (node, id)
) STRICT;
CREATE UNIQUE INDEX pubsub_item_by_place ON pubsub_item (node, place);

CREATE TABLE pubsub_subscription (
  node INTEGER NOT NULL REFERENCES pubsub_node ON DELETE CASCADE,
  subscriber TEXT NOT NULL,
  pending INTEGER NOT NULL,
  PRIMARY KEY (node, subscriber)
) STRICT, WITHOUT ROWID;

CREATE TABLE pubsub_affiliation (
  node INTEGER NOT NULL REFERENCES pubsub_node ON DELETE CASCADE,
  address TEXT NOT NULL,
  affiliation INTEGER NOT NULL,
  PRIMARY KEY (node, address)
) STRICT, WITHOUT ROWID;

-- Hash of the picture that an owner shows.
CREATE TABLE avatar (
  owner INTEGER PRIMARY KEY,
  hash TEXT NOT NULL
) STRICT;
