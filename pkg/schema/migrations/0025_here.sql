-- Whether a client tells its presence on its own topic, /here/{client}, by its latest
-- announcement: then /info is not needed for it.
ALTER TABLE sync_clients ADD COLUMN here TINYINT(1) NOT NULL DEFAULT 0;
