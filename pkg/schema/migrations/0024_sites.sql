-- Invitations by which sites may join this node. Of the token's secret and of the login, only
-- a hash is kept; hub_key is the invitation's own private key, and goes a day after the invitation has ended.
CREATE TABLE IF NOT EXISTS sync_invitations (
  id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  site VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  secret_hash BINARY(32) NOT NULL,
  login_hash BINARY(32) NULL,
  hub_key BINARY(32) NULL,
  asks TINYINT NOT NULL,
  uses INT NOT NULL,
  used INT NOT NULL DEFAULT 0,
  made_at DATETIME(6) NOT NULL,
  until_at DATETIME(6) NOT NULL,
  withdrawn_at DATETIME(6) NULL
) ENGINE=InnoDB;
-- Sites that have asked to join: state is asking, in or dismissed. A dismissed one has no keys.
CREATE TABLE IF NOT EXISTS sync_sites (
  client VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  invitation CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  site_key BINARY(32) NULL,
  pair_key BINARY(32) NULL,
  login_hash BINARY(32) NULL,
  words CHAR(9) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  asked_at DATETIME(6) NOT NULL,
  joined_at DATETIME(6) NULL,
  dismissed_at DATETIME(6) NULL
) ENGINE=InnoDB;
