-- Whether a client tells its presence on its own topic, by its latest announcement.
ALTER TABLE met ADD COLUMN here INTEGER NOT NULL DEFAULT 0;
