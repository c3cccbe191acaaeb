-- What the node remembers of itself; see package schema. The row 'owner' names the
-- run of a node that the database belongs to.
CREATE TABLE IF NOT EXISTS sync_node (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE=InnoDB;
