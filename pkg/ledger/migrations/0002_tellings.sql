-- An alert is sent to each of several targets, and so is its end.
CREATE TABLE tellings (
  alert INTEGER NOT NULL REFERENCES alerts ON DELETE CASCADE,
  target TEXT NOT NULL,
  over INTEGER NOT NULL, -- 1: that the alert is over
  state TEXT NOT NULL,   -- sent: without an answer yet; told; failed
  told_at INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  retry_at INTEGER,
  PRIMARY KEY (alert, target, over)
) WITHOUT ROWID;

ALTER TABLE alerts DROP COLUMN told_at;
ALTER TABLE alerts DROP COLUMN over_told_at;
ALTER TABLE alerts DROP COLUMN tries;
ALTER TABLE alerts DROP COLUMN retry_at;
