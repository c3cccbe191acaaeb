-- The node's own tables in the form to which the migrations bring them. A database that has none is given these, in a
-- fraction of the time; a test compares both, so a migration that changes a table changes it here too.

-- What the triggers write: one row per change, until it is recorded for the remotes. The key is the key form; see package
-- value. gone says whether the change took the row away (NULL: unknown), detail which columns it changed and what its
-- counters were, where the table's trigger records that. The ids and the key are those of migration 14, below.
CREATE TABLE table_changes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  primary_key VARBINARY(12288) NOT NULL,
  `date` DATETIME(6) NOT NULL,
  origin VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
  gone TINYINT NULL,
  detail MEDIUMBLOB NULL,
  KEY changed_row (primary_key(48), table_name)
) ENGINE=InnoDB;
-- The ids come from the counter of UUID_SHORT(), which takes no lock on the table. Servers without expressions as defaults
-- (MySQL 5.7) keep counting.
ALTER TABLE table_changes COMMENT ''
  /*!80013 , MODIFY id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()), DROP PRIMARY KEY, ADD PRIMARY KEY (id, `date`) */
  /*M!100201 , MODIFY id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()), DROP PRIMARY KEY, ADD PRIMARY KEY (id, `date`) */;

-- The window for users and other programs; id = md5(table-id-remote).
CREATE TABLE sync_status (
  id VARCHAR(32) PRIMARY KEY NOT NULL,
  `table_name` VARCHAR(255) NOT NULL,
  primary_key VARCHAR(255) NOT NULL,
  remote VARCHAR(32) NOT NULL,
  `date` DATETIME NOT NULL,
  `status` ENUM('successful', 'pending', 'error') NOT NULL,
  message VARCHAR(255) NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The version of each row that was ever changed or received, including deleted ones, and the stream: the rows that
-- remotes need, in the order of position.
CREATE TABLE sync_versions (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  `time` BIGINT NOT NULL,
  origin VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  deleted TINYINT NOT NULL DEFAULT 0,
  seen VARBINARY(4096) NOT NULL DEFAULT '',
  position BIGINT NOT NULL DEFAULT 0,
  came_from VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  row_key VARBINARY(12288) NULL,
  label INT UNSIGNED NOT NULL DEFAULT 0,
  token BIGINT NOT NULL DEFAULT 0,
  made MEDIUMBLOB NULL,
  counts MEDIUMBLOB NULL,
  touched TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (table_name, row_id),
  KEY stream (position)
) ENGINE=InnoDB;

-- Rows marked for one remote.
CREATE TABLE sync_outbox (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  row_key VARBINARY(12288) NULL,
  position BIGINT NOT NULL,
  token BIGINT NOT NULL,
  state ENUM('ready', 'waiting') NOT NULL DEFAULT 'ready',
  only_missing TINYINT NOT NULL DEFAULT 0,
  attempts INT NOT NULL DEFAULT 0,
  retry_at BIGINT NOT NULL DEFAULT 0,
  soon TINYINT NOT NULL DEFAULT 0,
  lost TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (remote, table_name, row_id),
  KEY next_rows (remote, state, position),
  KEY waiting (remote, state, table_name, retry_at)
) ENGINE=InnoDB;

-- Rows of tables with a transformer: the id under which the remote holds them.
CREATE TABLE sync_sent (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  sent_id VARCHAR(3072) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (remote, table_name, row_id)
) ENGINE=InnoDB;

-- Versions that lost a conflict.
CREATE TABLE sync_conflicts (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  row_key VARBINARY(12288) NOT NULL,
  primary_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  detected_at DATETIME(6) NOT NULL,
  policy VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  winner_time BIGINT NOT NULL,
  winner_origin VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  winner_row LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  loser_time BIGINT NOT NULL,
  loser_origin VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  loser_row LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  put_back_at DATETIME(6) NULL,
  dismissed_at DATETIME(6) NULL,
  inserted_as VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  UNIQUE KEY loser (table_name, row_id, loser_time, loser_origin),
  KEY dismissed (dismissed_at)
) ENGINE=InnoDB;

-- Tables sent to a remote as a whole, and how far.
CREATE TABLE sync_snapshots (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  mode ENUM('missing', 'all') NOT NULL,
  condition_sql TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  last_key VARBINARY(12288) NULL,
  rows_done BIGINT NOT NULL DEFAULT 0,
  rows_total BIGINT NOT NULL DEFAULT 0,
  started_at DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL,
  since BIGINT NOT NULL DEFAULT 9223372036854775807,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;

-- How far each remote has got in the stream.
CREATE TABLE sync_remotes (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL,
  shown BIGINT NOT NULL,
  removed TINYINT NOT NULL DEFAULT 0
) ENGINE=InnoDB;

-- What the node remembers of itself.
CREATE TABLE sync_node (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  value VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE=InnoDB;

-- Clients that were met as nodes of this program.
CREATE TABLE sync_clients (
  client VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  protocol INT NOT NULL,
  met_at DATETIME(6) NOT NULL,
  here TINYINT(1) NOT NULL DEFAULT 0
) ENGINE=InnoDB;

-- How the changes of each synced table were captured when the node last looked.
CREATE TABLE sync_captured (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  memory MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  written_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;

-- Tables with a transformer for which sync_sent has all rows that a remote may hold.
CREATE TABLE sync_noted (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  last_key VARBINARY(12288) NULL,
  finished TINYINT NOT NULL DEFAULT 0,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;

-- How the own tables tell rows apart in a table whose keys may be spelled in several ways.
CREATE TABLE sync_spellings (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  form VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
) ENGINE=InnoDB;

-- Tables that a remote does not accept, or that are paused, and since which position.
CREATE TABLE sync_kept (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  position BIGINT NOT NULL,
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;

-- Tables that may differ from those of the remotes.
CREATE TABLE sync_doubts (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  kind ENUM('vanished', 'unseen') NOT NULL,
  noticed_at DATETIME(6) NOT NULL,
  PRIMARY KEY (table_name, kind)
) ENGINE=InnoDB;

-- The routing values behind the labels of a routed table, as JSON.
CREATE TABLE sync_labels (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  label VARBINARY(700) NOT NULL,
  UNIQUE KEY label (table_name, label)
) ENGINE=InnoDB;

-- The route that each table's rows are labelled by, and how far.
CREATE TABLE sync_routes (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  route VARBINARY(8192) NOT NULL,
  last_key VARBINARY(12288) NULL,
  finished TINYINT NOT NULL DEFAULT 0,
  had MEDIUMBLOB NULL
) ENGINE=InnoDB;

-- The lookup tables as they were last taken over.
CREATE TABLE sync_lookups (
  lookup VARBINARY(200) NOT NULL,
  value VARBINARY(255) NOT NULL,
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (lookup, value, remote)
) ENGINE=InnoDB;

-- Rows that have other remotes than before, and whose children follow.
CREATE TABLE sync_moves (
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  row_id VARBINARY(64) NOT NULL,
  row_key VARBINARY(12288) NOT NULL,
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  PRIMARY KEY (table_name, row_id),
  UNIQUE KEY id (id)
) ENGINE=InnoDB;

-- Tables whose rows are marked for remotes that won or lost them: which labels for whom, and after which row.
CREATE TABLE sync_reroutes (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  changed MEDIUMBLOB NOT NULL,
  last_id VARBINARY(64) NOT NULL DEFAULT '',
  marked BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB;

-- Sending that someone has paused: to a remote ('' is all), of a table ('' is all).
CREATE TABLE sync_pauses (
  remote VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  reason VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
  began_at DATETIME(6) NOT NULL,
  until_at DATETIME(6) NULL,
  paused_by VARCHAR(100) CHARACTER SET utf8mb4 NOT NULL DEFAULT '',
  PRIMARY KEY (remote, table_name)
) ENGINE=InnoDB;

-- Invitations by which sites may join this node. Of the token's secret and of the login, only a hash is kept.
CREATE TABLE sync_invitations (
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
CREATE TABLE sync_sites (
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

-- The latest version of each profile that the node leads others by, and a digest of its content; and the version that sites get
-- which do not try a new one first, with its keys and scripts, as JSON. released NULL: made before there were such sites.
CREATE TABLE sync_leads (
  profile VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  digest BINARY(32) NOT NULL,
  released BIGINT NULL,
  released_keys MEDIUMBLOB NULL,
  released_scripts MEDIUMBLOB NULL
) ENGINE=InnoDB;

-- What other nodes have asked this one to do: each is carried out once. state is begun, done or failed; outcome is the
-- answer, as JSON; digest is that of the question.
CREATE TABLE sync_acts (
  client VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  person VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL,
  action VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  what VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL,
  digest BINARY(32) NOT NULL,
  asked_at DATETIME(6) NOT NULL,
  began_at DATETIME(6) NOT NULL,
  ended_at DATETIME(6) NULL,
  state VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome MEDIUMBLOB NULL,
  PRIMARY KEY (client, id),
  KEY began (began_at)
) ENGINE=InnoDB;

-- How far the server's binary log is recorded, if changes are captured from it; one row, or none. position names the transactions
-- up to there. mark is new each time the row is written: the transaction that wrote it stands in the log after position. others are the
-- xids of transactions without rows of this database that were prepared then, as a JSON list of base64. NULL: none.
CREATE TABLE sync_log (
  id TINYINT NOT NULL PRIMARY KEY,
  position MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  mark CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  others MEDIUMBLOB NULL,
  moved_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;

-- What of the server's binary log is recorded beyond sync_log.position, if changes are captured from it. names is only for who reads
-- the log again: the transaction that recorded some writes names them. Row 1 is written by capture, row 2 by apply.
CREATE TABLE sync_log_done (
  id TINYINT NOT NULL PRIMARY KEY,
  names MEDIUMBLOB NOT NULL,
  written_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
