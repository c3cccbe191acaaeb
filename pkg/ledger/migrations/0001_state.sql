-- Times are milliseconds since 1970.

CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY, -- connector, org, hub, life, parent (the life before a restore), restored_at
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  fingerprint TEXT NOT NULL DEFAULT '', -- of the job's configuration
  paused_at INTEGER,
  reason TEXT NOT NULL DEFAULT '',
  next_at INTEGER
);

CREATE TABLE legs (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  direction TEXT NOT NULL, -- push, pull
  destination TEXT NOT NULL,
  adopted_at INTEGER,
  next_row INTEGER NOT NULL DEFAULT 1,
  next_number INTEGER NOT NULL DEFAULT 1,
  known INTEGER NOT NULL DEFAULT 0,   -- rows
  waiting INTEGER NOT NULL DEFAULT 0, -- outbox entries, those on their way too
  refused INTEGER NOT NULL DEFAULT 0,
  place INTEGER NOT NULL DEFAULT 0,   -- the last place of the source up to which all is settled
  place_value TEXT NOT NULL DEFAULT '',
  place_key TEXT NOT NULL DEFAULT '',
  UNIQUE (job, direction, destination)
);

-- What the destination has of each key. The table is its own index: a look-up descends one tree, not two.
CREATE TABLE rows (
  leg INTEGER NOT NULL REFERENCES legs ON DELETE CASCADE,
  key TEXT NOT NULL,
  id INTEGER NOT NULL, -- of this leg; its bit says whether a pass has seen the row
  acked BLOB,          -- NULL: the destination does not have it; X'01': it has an unknown state; else the hash
  remote_id TEXT,
  next BLOB,           -- NULL: as acked; X'00': to be deleted; else the hash of the newest state
  waits INTEGER,       -- the number of the newest outbox entry
  refused INTEGER,     -- the number under which the newest state was refused
  came_from TEXT,
  PRIMARY KEY (leg, key)
) WITHOUT ROWID;

-- What the destination still needs. The id is leg << 40 | number, so that a leg's entries lie together, in order,
-- without an index.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL, -- '' for a job without a key
  hash BLOB NOT NULL, -- X'00': a delete
  run INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  data BLOB
);

-- What a destination refused: it does not hold up the outbox.
CREATE TABLE refused (
  id INTEGER PRIMARY KEY, -- as in the outbox
  leg INTEGER NOT NULL REFERENCES legs ON DELETE CASCADE,
  key TEXT NOT NULL,
  hash BLOB NOT NULL,
  run INTEGER,
  tries INTEGER NOT NULL,
  data BLOB,
  reason TEXT NOT NULL,
  batch TEXT NOT NULL,
  refused_at INTEGER NOT NULL
);
CREATE INDEX refused_by_leg ON refused (leg);

-- What is on its way, recorded before it is sent.
CREATE TABLE batches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  leg INTEGER NOT NULL REFERENCES legs ON DELETE CASCADE,
  name TEXT NOT NULL, -- what the destination sees: life and id
  numbers BLOB NOT NULL, -- of its outbox entries, the differences as varints
  halved INTEGER NOT NULL DEFAULT 0, -- how often this is half of what was refused as a whole
  state TEXT NOT NULL, -- sent, doubt
  sent_at INTEGER NOT NULL
);
CREATE INDEX batches_by_leg ON batches (leg);

-- How far each job has read.
CREATE TABLE watermarks (
  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  direction TEXT NOT NULL,
  place INTEGER NOT NULL, -- how often it has moved
  read_value TEXT NOT NULL,
  read_key TEXT NOT NULL,
  moved_by INTEGER, -- the run
  PRIMARY KEY (job, direction)
) WITHOUT ROWID;

-- When all entries of a leg up to a number are gone, all that was read up to the place is settled.
CREATE TABLE marks (
  leg INTEGER NOT NULL REFERENCES legs ON DELETE CASCADE,
  number INTEGER NOT NULL,
  place INTEGER NOT NULL,
  value TEXT NOT NULL,
  key TEXT NOT NULL,
  PRIMARY KEY (leg, number)
) WITHOUT ROWID;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
  kind TEXT NOT NULL, -- scheduled, change, manual, retry, repeat, backfill, test
  occurrence TEXT, -- nominal local time; NULL: none, started by hand
  report_date TEXT NOT NULL DEFAULT '',
  repeats INTEGER REFERENCES runs ON DELETE SET NULL,
  state TEXT NOT NULL, -- running, waiting, done, failed, interrupted, skipped, cancelled
  stage TEXT NOT NULL DEFAULT '',
  read INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  request_id TEXT NOT NULL DEFAULT '',
  cleared_at INTEGER, -- of a failed run that someone has dealt with
  started INTEGER NOT NULL,
  ended INTEGER,
  UNIQUE (job, kind, occurrence)
);
CREATE UNIQUE INDEX one_run_of_a_job ON runs (job) WHERE state = 'running';
CREATE INDEX runs_by_job ON runs (job, id);

CREATE TABLE budgets (
  name TEXT NOT NULL, -- of a limit
  window INTEGER NOT NULL, -- a slot of time
  used INTEGER NOT NULL,
  PRIMARY KEY (name, window)
) WITHOUT ROWID;

CREATE TABLE holds (
  name TEXT NOT NULL PRIMARY KEY, -- as in budgets
  until INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  state TEXT NOT NULL, -- open, over
  count INTEGER NOT NULL DEFAULT 1,
  since INTEGER NOT NULL,
  over_at INTEGER,
  told_at INTEGER, -- that it is open
  over_told_at INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  retry_at INTEGER
);
CREATE UNIQUE INDEX one_open_alert ON alerts (rule, subject) WHERE state = 'open';

CREATE TABLE backups (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  object TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  at INTEGER NOT NULL,
  error TEXT NOT NULL DEFAULT ''
);
