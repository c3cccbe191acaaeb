-- The xids of transactions without rows of this database that were prepared when position was written, as a JSON list of base64. NULL: none.
ALTER TABLE sync_log ADD COLUMN others MEDIUMBLOB NULL AFTER mark;
