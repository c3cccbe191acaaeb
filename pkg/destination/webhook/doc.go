// Package webhook sends rows to any HTTP endpoint: one request per row, or per batch.
//
// An endpoint cannot be asked what it has. So each state of a row is an event with an id, which is also the request's
// Idempotency-Key and stays the same when the state is resent: it lets the receiver recognize duplicates. With a
// secret, requests are signed according to https://www.standardwebhooks.com, so that a receiver can verify them with an
// existing library.
package webhook
