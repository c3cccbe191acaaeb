-- Of a waiting row: it may go through without anyone's help, like a row whose parent
-- has not arrived yet. It counts as pending.
ALTER TABLE sync_outbox ADD COLUMN soon TINYINT NOT NULL DEFAULT 0;
