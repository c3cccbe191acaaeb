package testkit

// Queries that return a number of rows.
const (
	// Waiting counts what remotes have yet to ack: one row per remote.
	Waiting = `SELECT (SELECT COUNT(*) FROM sync_outbox) +
		(SELECT COUNT(*) FROM sync_versions v JOIN sync_remotes r ON v.position > r.position)`
	// Unsettled counts that and what is not captured yet.
	Unsettled = `SELECT (SELECT COUNT(*) FROM table_changes) + (SELECT COUNT(*) FROM sync_outbox) +
		(SELECT COUNT(*) FROM sync_versions v JOIN sync_remotes r ON v.position > r.position)`
)
