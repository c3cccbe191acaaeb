-- Tables that a remote does not accept: from which position of the stream their rows
-- are held back.
CREATE TABLE IF NOT EXISTS sync_kept (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;
