-- Whether the remote had the row, and has not said yet that it gave it back: until then it may write it. Of rows marked before, it may be so.
ALTER TABLE sync_outbox ADD COLUMN lost TINYINT NOT NULL DEFAULT 1;
ALTER TABLE sync_outbox ALTER COLUMN lost SET DEFAULT 0;
-- What remotes had by earlier routes, as JSON, until all rows are labelled by this one.
ALTER TABLE sync_routes ADD COLUMN had MEDIUMBLOB NULL;
