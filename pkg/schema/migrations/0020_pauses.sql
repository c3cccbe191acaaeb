-- Sending that someone has paused: to a remote ('' is all), of a table ('' is all), until a
-- time by this server's clock, or until it is resumed.
CREATE TABLE IF NOT EXISTS sync_pauses (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
  began_at DATETIME(6) NOT NULL,
  until_at DATETIME(6) NULL,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;
