-- When someone dismissed the conflict: it is kept, but no longer listed or counted.
ALTER TABLE sync_conflicts
  ADD COLUMN dismissed_at DATETIME(6) NULL,
  ADD KEY dismissed (dismissed_at);
