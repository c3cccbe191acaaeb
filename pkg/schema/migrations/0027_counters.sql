-- What is known of a row's counters: what set each, and what each client has added since; see change.Counts.
ALTER TABLE sync_versions ADD COLUMN counts MEDIUMBLOB NULL;
