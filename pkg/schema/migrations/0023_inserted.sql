-- The id of the row as which a loser was put back, if not as itself.
ALTER TABLE sync_conflicts ADD COLUMN inserted_as VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL;
