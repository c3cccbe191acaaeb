-- The latest version of each profile that the node leads others by, and a digest of its keys.
CREATE TABLE IF NOT EXISTS sync_leads (
  profile VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  digest BINARY(32) NOT NULL
) ENGINE=InnoDB;
