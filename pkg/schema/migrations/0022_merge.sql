-- Which columns an update changed, where the table's trigger records it: their names with
-- commas between them. NULL: all, or it is not known.
ALTER TABLE table_changes ADD COLUMN detail MEDIUMBLOB NULL;
-- Which writes made the columns of a row, where its version did not make all of them.
ALTER TABLE sync_versions ADD COLUMN made MEDIUMBLOB NULL;
