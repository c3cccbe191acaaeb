-- Whether the change took the row away. NULL, which triggers of older versions and of
-- existing peers leave, means unknown: a row that is not there was deleted.
ALTER TABLE table_changes ADD COLUMN gone TINYINT NULL;
