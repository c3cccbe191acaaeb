// Package status is what a node tells about itself, running or stopped: one State, built
// from the configuration, the node's own tables, and what only a running node knows. The
// API, the status page, the metrics and the commands show it; the package knows nothing of
// HTTP.
//
// A Desk does what a node's own tables suffice for: it lists and retries refused rows,
// shows conflicts and puts losers back, and has a table sent again. For a stopped node the
// commands use it directly, and the node finds the result when it starts.
//
// Names in a request are checked against the configuration (promise 8). An error wraps its
// kind. Everything counted, read and remembered is bounded (promise 10).
package status
