-- Of each profile that the node leads others by: the version that sites get which do not try a new one first, and its keys, as JSON.
-- NULL: made before there were such sites.
ALTER TABLE sync_leads ADD COLUMN released BIGINT NULL;
ALTER TABLE sync_leads ADD COLUMN released_keys MEDIUMBLOB NULL;
