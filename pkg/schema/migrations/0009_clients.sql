-- The clients that were met as nodes of this program, by the highest protocol of
-- each: what they are does not change with a restart or a silence.
CREATE TABLE IF NOT EXISTS sync_clients (
  client VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  protocol INT NOT NULL,
  met_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
