-- The data of rows larger than a piece, so that no statement holds a whole one. The column data of such a row, in outbox,
-- refused or inbox, has the number of its pieces instead. The id is number << 16 | index.
CREATE TABLE pieces (
  id INTEGER PRIMARY KEY,
  data BLOB NOT NULL
);
