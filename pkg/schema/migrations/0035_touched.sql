-- What changes whenever the row is written: the server's log has no write that changes nothing, and a row that apply writes in the version
-- that is recorded must be known by that.
ALTER TABLE sync_versions ADD COLUMN touched TINYINT NOT NULL DEFAULT 0;
