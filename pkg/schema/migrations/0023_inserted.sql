-- The id of the row that a loser was put back as, if not its own.
ALTER TABLE sync_conflicts ADD COLUMN inserted_as VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL;
