-- One row per table that is, or was, sent to a remote as a whole: how far it has
-- got, so that it continues after a kill and is done only once.
CREATE TABLE IF NOT EXISTS sync_snapshots (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  mode ENUM('missing', 'all') NOT NULL,
  condition_sql TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  last_key VARBINARY(12288) NULL,
  rows_done BIGINT NOT NULL DEFAULT 0,
  rows_total BIGINT NOT NULL DEFAULT 0,
  started_at DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;
