// Package agent runs JavaScript configurations of Fliplet Agent as they are.
//
// The script runs in the sandbox of package transform, which keeps it from files, network and the connector's memory,
// within limits of time and memory. It gets what the original gives it: an agent that notes what is to be pushed and
// pulled, a database that runs statements, and a client of HTTP. A query that the script returns as it is, is streamed
// by the connector itself; anything else that a script returns is bounded (promise 12). In a dry run a script can only
// read (promise 4).
//
// What the script's configuration means is left to package foreign.
package agent
