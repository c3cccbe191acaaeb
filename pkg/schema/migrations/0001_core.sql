-- What the triggers write: one row per change, until it is recorded for the remotes.
-- The key is the key form (composite parts joined); see package value.
CREATE TABLE IF NOT EXISTS table_changes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  primary_key VARBINARY(12288) NOT NULL,
  `date` DATETIME(6) NOT NULL,
  origin VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
  KEY changed_row (primary_key(48), table_name)
) ENGINE=InnoDB;

-- The window for users and other programs; id = md5(table-id-remote).
CREATE TABLE IF NOT EXISTS sync_status (
  id VARCHAR(32) PRIMARY KEY NOT NULL,
  `table_name` VARCHAR(255) NOT NULL,
  primary_key VARCHAR(255) NOT NULL,
  remote VARCHAR(32) NOT NULL,
  `date` DATETIME NOT NULL,
  `status` ENUM('successful', 'pending', 'error') NOT NULL,
  message VARCHAR(255) NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The version of each row that was ever changed or received, including deleted ones.
-- row_id is change.Row.ID; seen is empty when only the version's origin wrote.
CREATE TABLE IF NOT EXISTS sync_versions (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  `time` BIGINT NOT NULL,
  origin VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  deleted TINYINT NOT NULL DEFAULT 0,
  seen VARBINARY(4096) NOT NULL DEFAULT '',
  PRIMARY KEY (table_name, row_id)
) ENGINE=InnoDB;

-- What each remote still needs. position gives the order of sending; token
-- changes with each mark, so that an ack books only what it was given for.
-- An only_missing row is written only where the remote has none of the key.
-- A waiting row was refused by the remote and is tried again at retry_at (ms).
-- row_key is set where row_id is not the whole key.
CREATE TABLE IF NOT EXISTS sync_outbox (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  row_key VARBINARY(12288) NULL,
  position BIGINT NOT NULL,
  token BIGINT NOT NULL,
  state ENUM('ready', 'waiting') NOT NULL DEFAULT 'ready',
  only_missing TINYINT NOT NULL DEFAULT 0,
  attempts INT NOT NULL DEFAULT 0,
  retry_at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (remote, table_name, row_id),
  KEY next_rows (remote, state, position)
) ENGINE=InnoDB;

-- Rows of tables with a transformer: the id under which the remote holds them.
CREATE TABLE IF NOT EXISTS sync_sent (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  sent_id VARCHAR(3072) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (remote, table_name, row_id)
) ENGINE=InnoDB;
