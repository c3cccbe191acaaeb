// Package status is what a node tells about itself, running or stopped: one State, built
// of the configuration, of what the own tables say, and of what only a node that runs
// knows. The API, the page, the metrics and the commands show it; the package knows
// nothing of HTTP.
//
// A Desk does what people ask of a node that its own tables are enough for: refused rows
// and their retry, conflicts, a table that is sent again. Of a node that does not run a
// command does so: the node finds it when it starts, or within a second.
//
// Names of a request are checked against the configuration (promise 8). Errors say by
// Kind what they are. What is counted, looked at and remembered is bounded (promise 10).
package status
