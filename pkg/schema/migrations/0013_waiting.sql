-- Waiting rows of a table in the order in which they are due, so that due ones are
-- found however many wait.
ALTER TABLE sync_outbox ADD KEY waiting (remote, state, table_name, retry_at);
