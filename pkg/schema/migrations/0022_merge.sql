-- Which columns an update changed, where the table's trigger records it: their names with
-- commas between them. NULL: all, or it is not known.
ALTER TABLE table_changes ADD COLUMN detail MEDIUMBLOB NULL;
-- By which writes the columns of a row were made, where the version made not all of them.
ALTER TABLE sync_versions ADD COLUMN made MEDIUMBLOB NULL;
