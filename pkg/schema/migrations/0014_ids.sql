-- The ids of changes come from the server's counter of UUID_SHORT(), which ascends like
-- AUTO_INCREMENT but takes no lock on the table and does not affect the results of
-- users' statements. Servers without expressions as defaults (MySQL 5.7) keep counting.
-- The date is in the key because the counter restarts when a server's clock is set back.
ALTER TABLE table_changes COMMENT ''
  /*!80013 , MODIFY id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()), DROP PRIMARY KEY, ADD PRIMARY KEY (id, `date`) */
  /*M!100201 , MODIFY id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()), DROP PRIMARY KEY, ADD PRIMARY KEY (id, `date`) */;
