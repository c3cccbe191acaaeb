-- Tables with a transformer for which sync_sent has all rows that a remote may hold,
-- including those sent before there was a transformer. last_key says how far the
-- table has been scanned for that.
CREATE TABLE IF NOT EXISTS sync_noted (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  last_key VARBINARY(12288) NULL,
  finished TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;
