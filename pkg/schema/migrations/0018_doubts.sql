-- Tables that may differ from those of the remotes, and what suggests it, until a
-- comparison has found them equal. Kind: rows vanished, or writes went unseen.
CREATE TABLE IF NOT EXISTS sync_doubts (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  kind ENUM('vanished', 'unseen') NOT NULL,
  noticed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (table_name, kind)
) ENGINE=InnoDB;
