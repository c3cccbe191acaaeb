// Package web is the node's HTTP server: the API with which the commands, the status
// page and other programs look at a running node and control it, its metrics, and Go's
// profiles. It knows the node only by the interface Node.
//
// It keeps promise 8: other machines are served only with a token (auth.go), loopback
// only under its own name (access.go), and writes that a page of another origin makes a
// browser send are refused. The node checks what a request names against the
// configuration, bodies and listeners are bounded, and SQL is accepted only on the Unix
// socket. The page (page.go, static/) inserts everything from the node as text, and runs
// no script but its own. It keeps promise 9: an error is {"error": "…"} with a fitting
// status.
package web
