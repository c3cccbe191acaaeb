-- Of a waiting row: that it may go through without anybody's doing, as one whose
-- parent has not come yet. It counts as pending.
ALTER TABLE sync_outbox ADD COLUMN soon TINYINT NOT NULL DEFAULT 0;
