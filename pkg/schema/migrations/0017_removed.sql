-- Of a remote that is in the configuration no more: 1, its rows in sync_status are being
-- ended; 2, they are.
ALTER TABLE sync_remotes ADD COLUMN removed TINYINT NOT NULL DEFAULT 0;
