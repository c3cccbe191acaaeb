-- How the node's own tables tell rows apart in a table whose keys may be spelled in
-- several ways; see schema.Table.SpellingForm. There, row_id is not made from row_key:
-- all spellings of a row share one.
CREATE TABLE IF NOT EXISTS sync_spellings (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  form VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB;
