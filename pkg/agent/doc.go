// Package agent runs JavaScript configurations of Fliplet Agent as they are.
//
// The script runs in the sandbox of package transform, which keeps it from files, the network and the connector's memory,
// within limits of time and memory. It gets what the original gives it: an agent that records what to push and pull, a
// database that runs statements, and an HTTP client. If the script returns an unexecuted query, the connector itself
// streams the rows; anything else that a script returns is bounded (promise 12). In a dry run, a script can only read
// (promise 4).
//
// Package foreign interprets the script's configuration.
package agent
