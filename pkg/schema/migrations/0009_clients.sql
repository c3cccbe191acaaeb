-- The clients that were met as nodes of this program, with the highest protocol of
-- each: neither a restart nor silence changes what they are.
CREATE TABLE IF NOT EXISTS sync_clients (
  client VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  protocol INT NOT NULL,
  met_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
