-- One row per version that lost a conflict, with both rows as JSON objects of stored
-- values (NULL: deleted). put_back_at is set once someone has put the loser back.
CREATE TABLE IF NOT EXISTS sync_conflicts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  row_key VARBINARY(12288) NOT NULL,
  primary_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  detected_at DATETIME(6) NOT NULL,
  policy VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  winner_time BIGINT NOT NULL,
  winner_origin VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  winner_row LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  loser_time BIGINT NOT NULL,
  loser_origin VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  loser_row LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  put_back_at DATETIME(6) NULL,
  UNIQUE KEY loser (table_name, row_id, loser_time, loser_origin)
) ENGINE=InnoDB;
