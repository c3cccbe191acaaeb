-- How far the server's binary log is recorded, if changes are captured from it; one row, or none. position names the transactions
-- up to there. mark is new each time the row is written: the transaction that wrote it stands in the log after position.
CREATE TABLE IF NOT EXISTS sync_log (
  id TINYINT NOT NULL PRIMARY KEY,
  position MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mark CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  moved_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
