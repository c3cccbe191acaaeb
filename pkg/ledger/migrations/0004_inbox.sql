-- What others push to a source of the connector, by object, such as a table.
CREATE TABLE inboxes (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  object TEXT NOT NULL,
  next INTEGER NOT NULL DEFAULT 1, -- the number of the next state
  UNIQUE (source, object)
);

-- The newest state of each row. What is deleted stays until all jobs have read it.
CREATE TABLE inbox (
  inbox INTEGER NOT NULL REFERENCES inboxes ON DELETE CASCADE,
  key BLOB NOT NULL,
  number INTEGER NOT NULL, -- of the state: later ones have higher numbers
  version BLOB,            -- by which the source tells what is newer
  deleted INTEGER NOT NULL,
  data BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (inbox, key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX inbox_by_number ON inbox (inbox, number);

-- The clients of a mesh that were met as nodes of this project.
CREATE TABLE met (
  source TEXT NOT NULL,
  client TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (source, client)
) WITHOUT ROWID;
