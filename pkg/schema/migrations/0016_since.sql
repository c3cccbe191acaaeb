-- The last position of the stream when a table was requested: rows with a later one that
-- were written here reach the remote by the stream.
ALTER TABLE sync_snapshots ADD COLUMN since BIGINT NOT NULL DEFAULT 9223372036854775807;
