-- Of a remote no longer in the configuration: 1, its rows in sync_status are being
-- ended; 2, they have been.
ALTER TABLE sync_remotes ADD COLUMN removed TINYINT NOT NULL DEFAULT 0;
