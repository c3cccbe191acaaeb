// Package api is the HTTP interface of a running connector: it reports what the connector is doing, and takes commands.
//
// It is served on a Unix socket next to the state file, for commands, and at a TCP address behind a token. Answers are
// JSON. An error is an object with the key error; its status says where the cause is: 400 and 404 in the request, 409
// in what the job is doing, 503 in the connector.
package api
