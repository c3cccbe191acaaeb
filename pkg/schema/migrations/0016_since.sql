-- The last position of the stream when a table was asked for: what has a later one, and was
-- written here, goes to the remote by the stream.
ALTER TABLE sync_snapshots ADD COLUMN since BIGINT NOT NULL DEFAULT 9223372036854775807;
