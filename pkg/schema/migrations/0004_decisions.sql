-- A version that a conflict policy made has the author's name and a mark as its
-- origin; see change.Decided.
ALTER TABLE sync_versions MODIFY origin VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL;
ALTER TABLE sync_conflicts
  MODIFY winner_origin VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  MODIFY loser_origin VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL;
