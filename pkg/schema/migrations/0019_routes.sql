-- Who is to have which rows. A label stands for the values by which a row is routed;
-- token orders what was said last about whether this node has the row. deleted is 3
-- for a row that was withdrawn from this node.
ALTER TABLE sync_versions
  ADD COLUMN label INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN token BIGINT NOT NULL DEFAULT 0;
-- The routing values behind the labels of a routed table, as JSON.
CREATE TABLE IF NOT EXISTS sync_labels (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  label VARBINARY(700) NOT NULL,
  UNIQUE KEY label (table_name, label)
) ENGINE=InnoDB;
-- The route that each table's rows are labelled by, and how far.
CREATE TABLE IF NOT EXISTS sync_routes (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  route VARBINARY(8192) NOT NULL,
  last_key VARBINARY(12288) NULL,
  finished TINYINT NOT NULL DEFAULT 0
) ENGINE=InnoDB;
-- The lookup tables as they were last taken over.
CREATE TABLE IF NOT EXISTS sync_lookups (
  lookup VARBINARY(200) NOT NULL,
  value VARBINARY(255) NOT NULL,
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (lookup, value, remote)
) ENGINE=InnoDB;
-- Rows that have other remotes than before, and whose children follow.
CREATE TABLE IF NOT EXISTS sync_moves (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  row_key VARBINARY(12288) NOT NULL,
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  PRIMARY KEY (table_name, row_id),
  UNIQUE KEY id (id)
) ENGINE=InnoDB;
-- Tables whose rows are marked for remotes that won or lost them: which labels for
-- whom, as JSON, and after which row.
CREATE TABLE IF NOT EXISTS sync_reroutes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  changed MEDIUMBLOB NOT NULL,
  last_id VARBINARY(64) NOT NULL DEFAULT '',
  marked BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB;
