// Package serve has what the HTTP servers of both programs share: the listener, the token and the exceptions to it,
// limits, answers in JSON, and pages embedded in the binary.
//
// It keeps promise 8: other machines are served only with a token (door.go), loopback only under its own name
// (access.go), and writes sent by another origin's page are refused if the caller wraps its handlers in
// http.CrossOriginProtection. Bodies, headers and the time for each are bounded. An error is {"error": "…"} with a
// fitting status.
package serve
