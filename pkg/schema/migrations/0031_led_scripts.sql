-- The scripts of the version of a profile that sites get which do not try a new one first, as JSON. NULL: none.
ALTER TABLE sync_leads ADD COLUMN released_scripts MEDIUMBLOB NULL;
