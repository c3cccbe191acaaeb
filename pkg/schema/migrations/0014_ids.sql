-- The ids of changes come from the server's counter of UUID_SHORT(), which ascends like
-- AUTO_INCREMENT but takes no lock of the table, and leaves alone what the users'
-- statements answer. Servers without expressions as defaults (MySQL 5.7) go on counting.
-- The date is in the key since the counter begins again where a server's clock was set back.
ALTER TABLE table_changes COMMENT ''
  /*!80013 , MODIFY id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()), DROP PRIMARY KEY, ADD PRIMARY KEY (id, `date`) */
  /*M!100201 , MODIFY id BIGINT UNSIGNED NOT NULL DEFAULT (UUID_SHORT()), DROP PRIMARY KEY, ADD PRIMARY KEY (id, `date`) */;
