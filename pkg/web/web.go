// Package web is the node's own HTTP server: the API by which the commands, the
// status page and other programs look at a running node and tell it what to do,
// its metrics, and Go's profiles. It knows the node by the interface Node alone.
//
// It keeps promise 8: other machines are served only with a token (auth.go),
// loopback only under its own name (access.go), and writes that a page of another
// origin has a browser send are refused. What a request names is checked by the node
// against the configuration, bodies and listeners are bounded, and SQL is taken only
// by the Unix socket. The page (page.go, static/) puts in what comes from the node as
// text, and runs no script but its own. It keeps promise 9: an error is {"error": "…"} with a status that
// fits.
package web
