-- What other nodes have asked this one to do: each is carried out once. state is begun, done or failed; outcome is the
-- answer, as JSON; digest is that of the question.
CREATE TABLE IF NOT EXISTS sync_acts (
  client VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL,
  action VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  what VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  digest BINARY(32) NOT NULL,
  asked_at DATETIME(6) NOT NULL,
  began_at DATETIME(6) NOT NULL,
  ended_at DATETIME(6) NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome MEDIUMBLOB NULL,
  PRIMARY KEY (client, id),
  KEY began (began_at)
) ENGINE=InnoDB;
-- Who paused it from afar; '' is someone here.
ALTER TABLE sync_pauses ADD COLUMN paused_by VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL DEFAULT '';
