-- How the changes of each synced table were captured when the node last looked, as JSON;
-- see package capture. A table that was synced once stays.
CREATE TABLE IF NOT EXISTS sync_captured (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  memory MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  written_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
