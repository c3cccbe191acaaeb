package metrics

import "github.com/prometheus/client_golang/prometheus"

// metric is a metric listed in docs/metrics.md.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// all are those made of a State.
var all []metric

func gauge(name, help string, labels ...string) metric {
	return add(prometheus.GaugeValue, name, help, labels)
}

func counter(name, help string, labels ...string) metric {
	return add(prometheus.CounterValue, name, help, labels)
}

func add(kind prometheus.ValueType, name, help string, labels []string) metric {
	m := metric{prometheus.NewDesc("mysql_sync_"+name, help, labels, nil), kind}
	all = append(all, m)
	return m
}

var (
	buildInfo         = gauge("build_info", "The program's version; 1.", "version", "goversion")
	started           = gauge("start_timestamp_seconds", "When the node started, or was last reloaded.")
	databaseConnected = gauge("database_connected", "Whether the node's database answers.")
	brokerConnected   = gauge("broker_connected", "Whether the node is connected to the broker.")
	setBack           = gauge("database_set_back", "Whether the database was restored from a backup, or queueDirectory was lost, and not everything has been found equal since.")
	uncaptured        = gauge("uncaptured_rows", "Local changes not captured yet; at most 10000 are counted.")
	conflicts         = counter("conflicts_total", "Resolved conflicts.", "table")
	altered           = counter("altered_values_total", "Values of received rows stored differently from how they arrived.", "table")
	conflictsKept     = gauge("conflicts_kept", "Rows of sync_conflicts that were not dismissed; at most 10000 are counted.")
	transformerCalls  = counter("transformer_calls_total", "Calls of the table's transformer.", "table")
	transformerErrors = counter("transformer_errors_total", "Calls of the table's transformer that failed.", "table")
	problems          = gauge("problems", "Problems that need a person's attention; see mysql-sync status.")
	longestStep       = gauge("longest_step_seconds", "How long a loop for incoming or outgoing rows has been at one step; 0 if all are idle.")

	remoteOnline       = gauge("remote_online", "Whether the remote is online.", "remote")
	remoteHeard        = gauge("remote_heard_timestamp_seconds", "The remote's last sign of life.", "remote")
	pending            = gauge("pending_rows", "Rows that the remote still needs, including those that wait for another row; above 10000 an estimate.", "remote")
	refused            = gauge("refused_rows", "Rows that the remote refused, or that a transformer failed on, and that are retried.", "remote")
	lag                = gauge("lag_seconds", "Age of the oldest pending row that is not paused; 0 if there is none.", "remote")
	remotePaused       = gauge("remote_paused", "Whether a person has paused all sending to the remote.", "remote")
	neverSent          = gauge("tables_never_sent", "Tables never sent to the remote: pending rows of 0 then mean nothing.", "remote")
	inFlight           = gauge("in_flight_rows", "Rows sent but not acked.", "remote")
	rowsSent           = counter("rows_sent_total", "Rows that the remote acked.", "remote", "table")
	rowsRefused        = counter("rows_refused_total", "Times that the remote refused a row, or that a transformer failed on a row for it.", "remote", "table")
	rowsApplied        = counter("rows_applied_total", "Rows from the remote that were written, or already known.", "remote", "table")
	rowsRejected       = counter("rows_rejected_total", "Rows from the remote that this node refused.", "remote", "table")
	messagesSent       = counter("batches_sent_total", "Messages with rows sent to the remote.", "remote")
	messagesReceived   = counter("batches_received_total", "Messages with rows received from the remote.", "remote")
	messagesUnanswered = counter("batches_unanswered_total", "Messages that the remote did not answer in time.", "remote")
	unopened           = counter("messages_unopened_total", "Messages in the remote's name that could not be decrypted, or came in the clear although it must encrypt.", "remote")

	paused       = gauge("paused", "Whether the table is not sent to the remote because a person has paused it, a table that it refers to, or the remote.", "remote", "table")
	siteOnline   = gauge("site_online", "Whether the site is online; of a node that collects how its partners are.", "site")
	siteTold     = gauge("site_told_timestamp_seconds", "When the site last told how it is.", "site")
	siteDatabase = gauge("site_database_connected", "Whether the site's database answers.", "site")
	siteProblems = gauge("site_problems", "Problems at the site that need a person's attention.", "site")
	siteRefused  = gauge("site_refused_rows", "Rows that are refused: of the site by its remotes, and of this node by the site.", "site")
	sitePending  = gauge("site_pending_rows", "Rows that the site has still to send.", "site")
	siteLag      = gauge("site_lag_seconds", "How long the oldest row of the site, or for it, has waited; 0 if none waits.", "site")
	siteClock    = gauge("site_clock_offset_seconds", "By how much the site's clock is ahead of this node's; below 0: behind.", "site")
	siteDisk     = gauge("site_free_disk_bytes", "Free disk in the site's queueDirectory.", "site")

	configurationVersion = gauge("configuration_timestamp_seconds", "The version in use of what comes from the hub; 0: none yet.")
	configurationRefused = gauge("configuration_refused", "Whether the node refuses the hub's latest configuration.")
	ledLatest            = gauge("led_latest", "Whether the site has the latest version of the profile that it may have, as far as this node has heard.", "profile", "site")
	ledRefused           = gauge("led_refused", "Whether the site refuses the latest version of the profile, or has a newer one.", "profile", "site")

	transferRows = gauge("transfer_rows", "Approximate rows of a table that is being sent as a whole.", "remote", "table")
	transferDone = gauge("transfer_rows_done", "Rows already sent of a table that is being sent as a whole.", "remote", "table")
	differing    = gauge("differing_rows", "Rows that differed at the last comparison.", "remote", "table")
	compared     = gauge("compared_timestamp_seconds", "When the table was last compared.", "remote", "table")
)
