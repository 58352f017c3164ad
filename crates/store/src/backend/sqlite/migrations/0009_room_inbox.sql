-- How many messages a chunk of a room's archive holds that count as unread for whoever has not seen
-- them, and how many of those name somebody. Null for a chunk that nobody has counted.
CREATE TABLE archive_tally (
  account INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  messages INTEGER,
  mentions INTEGER,
  PRIMARY KEY (account, first)
) STRICT, WITHOUT ROWID;
INSERT INTO archive_tally (account, first, last, chunk)
  SELECT account, first, last, id FROM archive_chunk WHERE account >> 56 = 1;

-- The last message of each who has said something in a room, among those that have left the journal.
CREATE TABLE room_author (
  address TEXT NOT NULL,
  room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE,
  last INTEGER NOT NULL,
  PRIMARY KEY (address, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_author_by_room ON room_author (room);

-- The group of the directory whose people are members, as the configuration says.
ALTER TABLE room ADD COLUMN directory_group TEXT;
UPDATE room SET directory_group = substr(
    substr(char(31) || config, instr(char(31) || config, char(31) || 'group=') + 7), 1,
    instr(substr(char(31) || config, instr(char(31) || config, char(31) || 'group=') + 7) || char(31), char(31)) - 1)
  WHERE instr(char(31) || config, char(31) || 'group=') > 0;
CREATE INDEX room_by_group ON room (directory_group) WHERE directory_group IS NOT NULL;

-- Who has a bookmark of a room.
CREATE INDEX pubsub_item_by_address ON pubsub_item (id) WHERE instr(id, '@') > 0;
