-- What of the server's binary log is recorded beyond sync_log.position, if changes are captured from it. names is only for who reads
-- the log again: the transaction that recorded some writes names them. Row 1 is written by capture, row 2 by apply.
CREATE TABLE IF NOT EXISTS sync_log_done (
  id TINYINT NOT NULL PRIMARY KEY,
  names MEDIUMBLOB NOT NULL,
  written_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
