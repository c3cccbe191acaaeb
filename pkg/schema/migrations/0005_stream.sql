-- The rows that remotes need, in the order of their last changes. A row that none
-- needs has position 0. came_from is the client that the
-- version was received from; it is not sent back there. row_key is set where
-- row_id is not the whole key.
ALTER TABLE sync_versions
  ADD COLUMN position BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN came_from VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  ADD COLUMN row_key VARBINARY(12288) NULL,
  ADD KEY stream (position);
-- How far each remote has got in it: it has acked all up to position. Up to shown,
-- sync_status says that rows are pending.
CREATE TABLE IF NOT EXISTS sync_remotes (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  shown BIGINT NOT NULL
) ENGINE=InnoDB;
