-- What is worth a line in a published log, besides runs.
CREATE TABLE notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL, -- a job
  event TEXT NOT NULL,
  text TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX notes_by_subject ON notes (subject, event, id);
