-- When a person has dismissed the conflict: it is kept, and no longer listed or counted.
ALTER TABLE sync_conflicts
  ADD COLUMN dismissed_at DATETIME(6) NULL,
  ADD KEY dismissed (dismissed_at);
