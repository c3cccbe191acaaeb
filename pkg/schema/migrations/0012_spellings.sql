-- By which rules the own tables tell the rows of a table apart whose keys may be
-- spelled in several ways; see schema.Table.SpellingForm. row_id is not made of
-- row_key there: all spellings of a row have one.
CREATE TABLE IF NOT EXISTS sync_spellings (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  form VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB;
